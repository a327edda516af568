/* The course of reading a feed. Called by whoever has bytes of one; owns everything on the way:
 *
 *   bytes -> blocks of one size -> charset.c -> feed_xml.c or feed_json.c -> a draft for each item
 *         -> feed_build.c -> feed_items.c, which keeps the newest
 *
 * Everything works on blocks of one size, whatever the pieces are that come: so the same bytes give the
 * same result. What the feed says of itself is read when it ended. */

#include "sources/feed.h"

#include <string.h>

#include "base/attr.h"
#include "base/mem.h"
#include "base/text.h"
#include "sources/charset.h"
#include "sources/feed_draft.h"
#include "sources/feed_formats.h"
#include "sources/feed_items.h"
#include "sources/feed_json.h"
#include "sources/feed_xml.h"

#define BLOCK_BYTES ((size_t)16 * 1024)
#define OPENING_BYTES                                                                          \
    ((size_t)4 * 1024) /* of the beginning, for what is said of what is no feed */
#define EXCERPT_BYTES 60
#define ENTRIES_MAX ((size_t)250000) /* items that are looked at; a sitemap may have 50,000 */

const struct feed_limits feed_limits_default = {
    .max_bytes = (size_t)64 * 1024 * 1024,
    .max_items = 1000,
    .max_item_bytes = (size_t)1024 * 1024,
    .max_kept_bytes = (size_t)16 * 1024 * 1024,
};

struct feed_reader {
    struct feed_limits limits;
    struct feed_maker maker;
    char *url;
    size_t bytes;   /* taken */
    size_t entries; /* items that came, kept or not */
    bool over;      /* there were more than max_bytes, or entries */
    bool any;       /* something but white space came */
    struct buf block, text, opening;
    struct charset *charset;
    struct feed_xml *xml;   /* NULL: not known yet, or JSON */
    struct feed_json *json; /* NULL: not known yet, or XML */
    struct feed_items items;
    bool is_news;
    struct feed_more *more;
    size_t more_count, more_dropped;
    struct err err; /* what ended it; code 0: nothing */
};

const char *feed_format_name(enum feed_format format)
{
    static const char *const names[] = {
        [FEED_UNKNOWN] = "unknown",
        [FEED_RSS_090] = "RSS 0.90",
        [FEED_RSS_09X] = "RSS 0.9x",
        [FEED_RSS_10] = "RSS 1.0",
        [FEED_RSS_20] = "RSS 2.0",
        [FEED_ATOM_03] = "Atom 0.3",
        [FEED_ATOM_10] = "Atom 1.0",
        [FEED_JSON_10] = "JSON Feed 1.0",
        [FEED_JSON_11] = "JSON Feed 1.1",
        [FEED_SITEMAP] = "sitemap",
        [FEED_NEWS_SITEMAP] = "news sitemap",
        [FEED_SITEMAP_INDEX] = "sitemap index",
    };

    return names[format];
}

/* ---- items ---- */

static void add_item(struct feed_reader *r, const struct feed_draft *d, const char *language)
{
    struct feed_item item = {.key = NULL};
    int64_t place_ms;

    feed_build_dates(&r->maker, d, &item);
    place_ms = feed_items_place(&r->items,
                                item.published_at_ms < r->maker.now_ms ? item.published_at_ms
                                                                       : r->maker.now_ms,
                                r->maker.now_ms);
    if (!feed_items_wants(&r->items, place_ms)) {
        return;
    }
    if (feed_build_item(&r->maker, d, language, &item)) {
        feed_items_add(&r->items, &item, place_ms);
    } else {
        r->items.left_out++;
        feed_item_done(&item);
    }
}

/* Of a sitemap index: the newest are kept. */
static void add_more(struct feed_reader *r, const struct feed_node *sitemap)
{
    struct feed_more more = {.url = feed_url_dup(r->url, feed_text(sitemap, N_LOC))};
    const char *date = feed_text(sitemap, N_LASTMOD);
    size_t at = 0;

    if (!more.url) {
        r->more_dropped++;
        return;
    }
    if (!date || !feed_date_parse(date, strlen(date), &r->maker.dates, &more.updated_at_ms)) {
        more.updated_at_ms = 0;
    }
    if (r->more_count < FEED_MORE_MAX) {
        r->more = mem_realloc(r->more, r->more_count + 1, sizeof *r->more);
        r->more[r->more_count++] = more;
        return;
    }
    r->more_dropped++;
    for (size_t i = 1; i < r->more_count; i++) {
        at = r->more[i].updated_at_ms < r->more[at].updated_at_ms ? i : at;
    }
    if (r->more[at].updated_at_ms >= more.updated_at_ms) {
        mem_free(more.url);
        return;
    }
    mem_free(r->more[at].url);
    memmove(r->more + at, r->more + at + 1, (r->more_count - at - 1) * sizeof *r->more);
    r->more[r->more_count - 1] = more;
}

/* What links without a base are relative to: the site's page, when it is told whole. */
static const char *base_of(const struct feed_node *item, const char *site)
{
    return item->base ? item->base : site && strncasecmp(site, "http", 4) == 0 ? site : NULL;
}

static void
on_xml_item(void *context, const struct feed_node *root, const struct feed_node *item)
{
    struct feed_reader *r = context;
    struct feed_draft d;
    const char *language = root->lang;

    if (++r->entries > ENTRIES_MAX) {
        return;
    }
    feed_draft_init(&d, item->base);
    switch (item->name) {
    case N_ITEM:
        d.base = base_of(item, feed_rss_link(root));
        language = feed_rss_language(root);
        feed_rss_item(&d, root, item);
        break;
    case N_ATOM_ENTRY:
        d.base = base_of(item, feed_atom_link(root));
        feed_atom_item(&d, root, item);
        break;
    case N_DELETED:
        feed_atom_deleted(&d, item);
        break;
    case N_PAGE:
        r->is_news = feed_sitemap_item(&d, item) || r->is_news;
        break;
    case N_SITEMAP:
        add_more(r, item);
        return;
    default:
        return;
    }
    add_item(r, &d, language);
}

static void on_json_item(void *context, const struct feed_draft *draft, const char *language)
{
    struct feed_reader *r = context;

    if (++r->entries <= ENTRIES_MAX) {
        add_item(r, draft, language);
    }
}

/* ---- what it is ---- */

/* The beginning as one line, for people. */
static void add_excerpt(struct buf *out, const char *text, size_t len, bool html)
{
    struct buf line;

    buf_init(&line, SIZE_MAX / 2);
    if (html) {
        text_from_html(&line, text, len);
    } else {
        text_collapse(&line, text, len);
    }
    (void)text_cut(out, TEXT_BYTES, buf_str(&line), line.len, EXCERPT_BYTES);
    buf_done(&line);
}

static enum err_code say_page(struct feed_reader *r)
{
    const char *text = buf_str(&r->opening), *open = strcasestr(text, "<title"),
               *from = open ? strchr(open, '>') : NULL,
               *end = from ? strcasestr(from, "</title") : NULL;
    struct buf title;

    buf_init(&title, SIZE_MAX / 2);
    if (end) {
        add_excerpt(&title, from + 1, (size_t)(end - from - 1), true);
    }
    err_set(&r->err,
            ERR_INVALID,
            "an HTML page came instead of a feed%s%s%s",
            end ? ", with the title \"" : "",
            buf_str(&title),
            end ? "\"" : "");
    buf_done(&title);
    return r->err.code;
}

static enum err_code say_nothing(struct feed_reader *r)
{
    struct buf excerpt;

    if (!r->any) {
        return err_set(&r->err, ERR_INVALID, "nothing came instead of a feed");
    }
    buf_init(&excerpt, SIZE_MAX / 2);
    add_excerpt(&excerpt, buf_str(&r->opening), r->opening.len, false);
    err_set(&r->err, ERR_INVALID, "no feed: it begins with \"%s\"", buf_str(&excerpt));
    buf_done(&excerpt);
    return r->err.code;
}

static size_t skip_blanks(const struct buf *text)
{
    const char *at = buf_str(text), *end = at + text->len;

    for (;;) {
        if (at < end && strchr(" \t\r\n", *at) != NULL && *at != '\0') {
            at++;
        } else if (end - at >= 3 && memcmp(at, "\xEF\xBB\xBF", 3) == 0) {
            at += 3;
        } else {
            return (size_t)(at - buf_str(text));
        }
    }
}

/* The first character that is there tells the format. */
static void sniff(struct feed_reader *r)
{
    size_t blanks = skip_blanks(&r->text);

    if (blanks == r->text.len) {
        buf_clear(&r->text);
        return;
    }
    r->any = true;
    memmove(r->text.data, r->text.data + blanks, r->text.len - blanks);
    buf_truncate(&r->text, r->text.len - blanks);
    if (r->text.data[0] == '{' || r->text.data[0] == '[') {
        r->json = feed_json_new(r->limits.max_item_bytes, on_json_item, r);
    } else {
        r->xml = feed_xml_new(r->url, r->limits.max_item_bytes, on_xml_item, r);
    }
}

/* ---- the course ---- */

static void keep_opening(struct feed_reader *r)
{
    size_t room = OPENING_BYTES - r->opening.len;

    if (room > 0) {
        buf_add(&r->opening, r->text.data, r->text.len < room ? r->text.len : room);
    }
}

static enum err_code read_text(struct feed_reader *r, bool last)
{
    if (r->json) {
        return feed_json_push(r->json, buf_str(&r->text), r->text.len, last, &r->err);
    }
    feed_xml_push(r->xml, buf_str(&r->text), r->text.len, last);
    switch (feed_xml_verdict(r->xml)) {
    case MEND_HTML:
        return say_page(r);
    case MEND_NOTHING:
        return say_nothing(r);
    default:
        return ERR_NONE;
    }
}

static enum err_code read_block(struct feed_reader *r, bool last)
{
    enum err_code rc = ERR_NONE;

    charset_read(r->charset, buf_str(&r->block), r->block.len, last, &r->text);
    buf_clear(&r->block);
    if (!r->xml && !r->json) {
        sniff(r);
    }
    if (r->text.len > 0) {
        keep_opening(r);
    }
    if (r->xml || r->json) {
        rc = read_text(r, last);
    } else if (last) {
        rc = say_nothing(r);
    }
    buf_clear(&r->text);
    return rc;
}

static enum err_code fail(const struct feed_reader *r, struct err *why)
{
    return err_set(why, r->err.code, "%s", r->err.text);
}

static enum err_code say_over(struct feed_reader *r, struct err *why)
{
    r->over = true;
    if (r->entries > ENTRIES_MAX) {
        return err_set(why, ERR_TOO_BIG, "the feed has more than %zu items", ENTRIES_MAX);
    }
    return err_set(why, ERR_TOO_BIG, "the feed is larger than %zu bytes", r->limits.max_bytes);
}

enum err_code
feed_reader_push(struct feed_reader *r, const void *bytes, size_t len, struct err *why)
{
    const char *at = bytes;

    while (len > 0 && !r->err.code) {
        size_t room = BLOCK_BYTES - r->block.len, left = r->limits.max_bytes - r->bytes;
        size_t n = len < room ? len : room;

        if (left == 0 || r->entries > ENTRIES_MAX) {
            return say_over(r, why);
        }
        n = n < left ? n : left;
        buf_add(&r->block, at, n);
        r->bytes += n;
        at += n;
        len -= n;
        if (r->block.len == BLOCK_BYTES) {
            (void)read_block(r, false);
        }
    }
    return r->err.code ? fail(r, why) : ERR_NONE;
}

static char *damage(const struct feed_reader *r)
{
    struct buf text;

    buf_init(&text, SIZE_MAX / 2);
    if (r->xml) {
        feed_xml_damage(r->xml, &text);
    } else {
        feed_json_damage(r->json, &text);
    }
    if (charset_replaced(r->charset) > 0) {
        buf_addf(&text,
                 "%sbytes that are not %s",
                 text.len > 0 ? ", " : "",
                 charset_name(r->charset));
    }
    if (r->over) {
        buf_addf(&text, "%slarger than the limit", text.len > 0 ? ", " : "");
    }
    if (text.len == 0) {
        buf_done(&text);
        return NULL;
    }
    return buf_detach(&text, NULL);
}

static void read_head(struct feed_reader *r, struct feed *feed)
{
    const struct feed_node *root;

    if (r->json) {
        feed_json_head(r->json, feed, &r->maker);
        feed->left_out = feed_json_dropped(r->json);
        return;
    }
    root = feed_xml_head(r->xml);
    if (root->name == N_ATOM_FEED) {
        feed_atom_head(feed, root, &r->maker);
    } else if (root->name == N_URLSET) {
        feed->format = r->is_news ? FEED_NEWS_SITEMAP : FEED_SITEMAP;
    } else if (root->name == N_SITEMAPINDEX) {
        feed->format = FEED_SITEMAP_INDEX;
    } else {
        feed_rss_head(feed, root, feed_xml_namespace(r->xml), &r->maker);
    }
}

enum err_code feed_reader_finish(struct feed_reader *r, struct feed *out, struct err *why)
{
    struct feed feed = {.format = FEED_UNKNOWN};

    if (!r->err.code) {
        (void)read_block(r, true);
    }
    if (r->err.code) {
        return fail(r, why);
    }
    read_head(r, &feed);
    feed.complete =
        !r->over && r->entries <= ENTRIES_MAX && (r->json || feed_xml_complete(r->xml));
    feed.damage = damage(r);
    feed.charset = mem_strdup(charset_name(r->charset));
    feed_items_finish(&r->items, &feed);
    feed.more = r->more;
    feed.more_count = r->more_count;
    feed.left_out += r->more_dropped;
    r->more = NULL;
    r->more_count = 0;
    *out = feed;
    return ERR_NONE;
}

static size_t limit(size_t given, size_t by_default)
{
    return given > 0 ? given : by_default;
}

struct feed_reader *feed_reader_new(const struct feed_call *call)
{
    struct feed_reader *r = mem_zalloc(sizeof *r);
    const struct feed_limits *given = &call->limits, *def = &feed_limits_default;

    r->limits = (struct feed_limits){
        .max_bytes = limit(given->max_bytes, def->max_bytes),
        .max_items = limit(given->max_items, def->max_items),
        .max_item_bytes = limit(given->max_item_bytes, def->max_item_bytes),
        .max_kept_bytes = limit(given->max_kept_bytes, def->max_kept_bytes),
    };
    r->url = mem_strdup(call->url ? call->url : "");
    r->maker = (struct feed_maker){
        .now_ms = call->now_ms,
        .dates = {.zone_minutes = call->zone_minutes, .month_first = call->month_first},
        .url = r->url,
    };
    buf_init(&r->block, BLOCK_BYTES);
    buf_init(&r->text, SIZE_MAX / 2); /* three times a block, and what a charset looks at */
    buf_init(&r->opening, OPENING_BYTES);
    r->charset = charset_new(call->content_type);
    feed_items_init(&r->items, r->limits.max_items, r->limits.max_kept_bytes);
    return r;
}

void feed_reader_free(struct feed_reader *r)
{
    if (!r) {
        return;
    }
    for (size_t i = 0; i < r->more_count; i++) {
        mem_free(r->more[i].url);
    }
    mem_free(r->more);
    feed_items_done(&r->items);
    feed_xml_free(r->xml);
    feed_json_free(r->json);
    charset_free(r->charset);
    buf_done(&r->block);
    buf_done(&r->text);
    buf_done(&r->opening);
    mem_free(r->url);
    mem_free(r);
}

void feed_done(struct feed *feed)
{
    for (size_t i = 0; i < feed->count; i++) {
        feed_item_done(&feed->items[i]);
    }
    for (size_t i = 0; i < feed->more_count; i++) {
        mem_free(feed->more[i].url);
    }
    mem_free(feed->items);
    mem_free(feed->more);
    mem_free(feed->title);
    mem_free(feed->language);
    mem_free(feed->link);
    mem_free(feed->self);
    mem_free(feed->next);
    strings_done(&feed->hubs);
    mem_free(feed->damage);
    mem_free(feed->charset);
    *feed = (struct feed){.format = FEED_UNKNOWN};
}
