/* JSON Feed. The outermost object is walked here, byte by byte: which member is this, where does its
 * value end. Each value, and each item of "items", is then read by json_read(), which knows JSON. A feed
 * that is no JSON is used for nothing, as the specification wants; but an item whose brackets agree and
 * which is wrong inside (half an emoji, say) goes alone. */

#include "sources/feed_json.h"

#include <string.h>
#include <strings.h>

#include "base/attr.h"
#include "base/json.h"
#include "base/mem.h"

#define HEAD_BYTES ((size_t)256 * 1024) /* of one member around the items, and of all */
#define MEMBER_BYTES 64                 /* what one costs beside its texts */
#define KEY_BYTES ((size_t)256)
#define DEPTH_MAX 32

enum place {
    AT_START,
    AT_FIRST_KEY, /* or the end */
    AT_KEY,
    IN_KEY,
    AT_COLON,
    AT_VALUE,
    IN_VALUE,
    BEHIND_VALUE,
    AT_FIRST_ITEM, /* or the end of the list */
    AT_ITEM,
    BEHIND_ITEM,
    AT_END,
};

struct feed_json {
    enum place place;
    bool in_items;
    size_t depth; /* of brackets within the value */
    bool in_string, escaped;
    bool too_big; /* the value is not kept */
    struct buf key, value;
    size_t head_bytes;
    json_t *head; /* what stood around the items */
    feed_json_item_fn *on_item;
    void *context;
    size_t items, broken, oversize, nameless;
};

/* ---- an item ---- */

static const char *text_of(const json_t *object, const char *name)
{
    return json_path_str(object, name);
}

static void take_authors(struct feed_draft *d, const json_t *object)
{
    const json_t *author;
    size_t i;

    json_array_foreach(json_object_get(object, "authors"), i, author)
    {
        feed_draft_word(&d->authors, text_of(author, "name"));
    }
    if (d->authors.count == 0) { /* version 1 had one */
        feed_draft_word(&d->authors, text_of(json_object_get(object, "author"), "name"));
    }
}

static int64_t number_of(const json_t *object, const char *name)
{
    const json_t *v = json_object_get(object, name);

    return json_is_number(v) && json_number_value(v) > 0 && json_number_value(v) < 1e6
               ? (int64_t)json_number_value(v)
               : 0;
}

static void take_attachment(struct feed_draft *d, const json_t *attachment)
{
    const char *url = text_of(attachment, "url"), *type = text_of(attachment, "mime_type");
    struct feed_words title = {.text = text_of(attachment, "title")};

    if (url && type && strncasecmp(type, "image/", 6) == 0) {
        feed_draft_picture(d,
                           &(struct feed_picture){
                               .at = {NULL, url},
                               .alt = title,
                               .place = PLACE_ENCLOSURE,
                           });
    } else if (url && type && strncasecmp(type, "video/", 6) == 0 && !d->film.at.ref) {
        d->film = (struct feed_film){
            .at = {NULL, url},
            .title = title,
            .duration_ms = number_of(attachment, "duration_in_seconds") * 1000,
        };
    }
}

static void take_pictures(struct feed_draft *d, const json_t *item)
{
    const json_t *attachment;
    size_t i;
    struct feed_picture image = {.at = {NULL, text_of(item, "image")}, .place = PLACE_CONTENT};
    struct feed_picture banner = {.at = {NULL, text_of(item, "banner_image")},
                                  .place = PLACE_THUMBNAIL};

    feed_draft_picture(d, &image);
    feed_draft_picture(d, &banner);
    json_array_foreach(json_object_get(item, "attachments"), i, attachment)
    {
        take_attachment(d, attachment);
    }
}

/* Publishers mark their news in an extension: "_news": {"breaking": true, "urgency": 1}. */
static void take_extensions(struct feed_draft *d, json_t *item)
{
    const char *key;
    const json_t *v;

    json_object_foreach(item, key, v)
    {
        const json_t *breaking = json_object_get(v, "breaking"), *urgency;

        if (key[0] != '_') {
            continue;
        }
        if (json_is_boolean(breaking)) {
            d->breaking = json_is_true(breaking);
        }
        urgency = json_object_get(v, "urgency");
        urgency = urgency ? urgency : json_object_get(v, "priority");
        if (json_integer_value(urgency) >= 1 && json_integer_value(urgency) <= 9) {
            d->urgency = (int)json_integer_value(urgency);
        }
    }
}

static void take_item(struct feed_json *j, json_t *item)
{
    struct feed_draft d;
    const char *html = text_of(item, "content_html"), *summary = text_of(item, "summary");
    char *id = json_text_dup(json_object_get(item, "id"));
    const json_t *tag;
    size_t i;

    if (!id || id[strspn(id, " \t\r\n")] == '\0') { /* to be dropped, says the specification */
        j->nameless++;
        mem_free(id);
        return;
    }
    feed_draft_init(&d, text_of(j->head, "home_page_url"));
    d.guid = id;
    feed_draft_link(&d, NULL, text_of(item, "url"));
    feed_draft_link(&d, NULL, text_of(item, "external_url"));
    d.title = (struct feed_words){.text = text_of(item, "title")};
    d.summary = (struct feed_words){.text = summary ? summary : text_of(item, "content_text")};
    d.body = (struct feed_words){.text = html, .markup = MARKUP_HTML};
    d.language = text_of(item, "language");
    d.published = text_of(item, "date_published");
    d.updated = text_of(item, "date_modified");
    take_authors(&d, item);
    if (d.authors.count == 0) {
        take_authors(&d, j->head);
    }
    json_array_foreach(json_object_get(item, "tags"), i, tag)
    {
        feed_draft_word(&d.tags, json_string_value(tag));
    }
    take_pictures(&d, item);
    take_extensions(&d, item);
    j->on_item(j->context, &d, text_of(j->head, "language"));
    mem_free(id);
}

/* ---- values ---- */

static void end_item(struct feed_json *j)
{
    json_t *item = NULL;

    j->items++;
    if (j->too_big) {
        j->oversize++;
    } else if (json_read(&item, buf_str(&j->value), j->value.len, DEPTH_MAX, NULL) != 0 ||
               !json_is_object(item)) {
        j->broken++;
    } else {
        take_item(j, item);
    }
    json_decref(item);
}

static enum err_code end_member(struct feed_json *j, struct err *why)
{
    json_t *v = NULL;
    enum err_code rc;

    j->head_bytes += j->key.len + j->value.len + MEMBER_BYTES;
    if (j->too_big || j->head_bytes > HEAD_BYTES) { /* nothing that anybody here knows */
        return ERR_NONE;
    }
    rc = json_read(&v, buf_str(&j->value), j->value.len, DEPTH_MAX, why);
    if (rc) {
        return err_wrap(why, "JSON, member \"%.*s\"", (int)j->key.len, buf_str(&j->key));
    }
    must(json_object_setn_new(j->head, buf_str(&j->key), j->key.len, v) == 0);
    return ERR_NONE;
}

static enum err_code end_value(struct feed_json *j, struct err *why)
{
    enum err_code rc = ERR_NONE;

    if (j->in_items) {
        end_item(j);
    } else {
        rc = end_member(j, why);
    }
    j->place = j->in_items ? BEHIND_ITEM : BEHIND_VALUE;
    buf_clear(&j->value);
    return rc;
}

static void begin_value(struct feed_json *j)
{
    j->place = IN_VALUE;
    j->depth = 0;
    j->in_string = j->escaped = j->too_big = false;
    buf_clear(&j->value);
}

static void keep(struct feed_json *j, const char *text, size_t len)
{
    buf_add(&j->value, text, len);
    if (!buf_ok(&j->value)) {
        buf_clear(&j->value);
        j->too_big = true;
    }
}

/* As much as belongs to the value; *out_end: it ends there. */
static size_t measure(struct feed_json *j, const char *text, size_t len, bool *out_end)
{
    size_t i = 0;

    for (; i < len && !*out_end; i++) {
        char c = text[i];

        if (j->in_string) {
            bool ends = c == '"' && !j->escaped;

            j->escaped = c == '\\' && !j->escaped;
            j->in_string = !ends;
            *out_end = ends && j->depth == 0;
        } else if (c == '"') {
            j->in_string = true;
        } else if (c == '{' || c == '[') {
            j->depth++;
        } else if (c == '}' || c == ']') {
            if (j->depth == 0) { /* behind a number or a word */
                *out_end = true;
                return i;
            }
            *out_end = --j->depth == 0;
        } else if (j->depth == 0 && strchr(", \t\r\n", c) != NULL) {
            *out_end = true;
            return i;
        }
    }
    return i;
}

static enum err_code
take_value(struct feed_json *j, const char *text, size_t len, size_t *at, struct err *why)
{
    bool end = false;
    size_t n = measure(j, text + *at, len - *at, &end);

    if (!j->too_big) {
        keep(j, text + *at, n);
    }
    *at += n;
    return end ? end_value(j, why) : ERR_NONE;
}

/* ---- the outermost object ---- */

static enum err_code refuse(const struct feed_json *j, char c, struct err *why)
{
    static const char *const expected[] = {
        [AT_FIRST_KEY] = "a name or }",
        [AT_KEY] = "a name",
        [AT_COLON] = ":",
        [AT_VALUE] = "a value",
        [BEHIND_VALUE] = ", or }",
        [AT_FIRST_ITEM] = "an item or ]",
        [AT_ITEM] = "an item",
        [BEHIND_ITEM] = ", or ]",
        [AT_END] = "nothing more",
    };
    char shown[2] = {(char)(c >= ' ' && c < 0x7F ? c : '?'), '\0'};

    if (j->place == AT_START) {
        return err_set(why, ERR_INVALID, "JSON, but no JSON Feed: it is a list");
    }
    return err_set(why,
                   ERR_INVALID,
                   "not JSON: expected %s, got \"%s\", after %zu items",
                   expected[j->place],
                   shown,
                   j->items);
}

static bool is_value(char c)
{
    return c != '\0' && strchr("{[\"-0123456789tfn", c) != NULL;
}

/* A character that is no part of a value or a key. False: it may not stand here. */
static bool turn(struct feed_json *j, char c)
{
    static const struct {
        enum place at;
        char c;
        enum place to;
    } turns[] = {
        {AT_START, '{', AT_FIRST_KEY},
        {AT_FIRST_KEY, '"', IN_KEY},
        {AT_FIRST_KEY, '}', AT_END},
        {AT_KEY, '"', IN_KEY},
        {AT_COLON, ':', AT_VALUE},
        {BEHIND_VALUE, ',', AT_KEY},
        {BEHIND_VALUE, '}', AT_END},
        {AT_FIRST_ITEM, ']', BEHIND_VALUE},
        {BEHIND_ITEM, ',', AT_ITEM},
        {BEHIND_ITEM, ']', BEHIND_VALUE},
    };

    for (size_t i = 0; i < ARRAY_LEN(turns); i++) {
        if (turns[i].at == j->place && turns[i].c == c) {
            j->place = turns[i].to;
            j->in_items = j->in_items && j->place != BEHIND_VALUE;
            return true;
        }
    }
    return false;
}

static bool is_items(const struct buf *key)
{
    return strcmp(buf_str(key), "items") == 0;
}

static enum err_code
take_turn(struct feed_json *j, const char *text, size_t *at, struct err *why)
{
    char c = text[*at];
    bool value = j->place == AT_VALUE || j->place == AT_FIRST_ITEM || j->place == AT_ITEM;

    if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
        ++*at;
        return ERR_NONE;
    }
    if (j->place == AT_VALUE && c == '[' && is_items(&j->key)) {
        j->in_items = true;
        j->place = AT_FIRST_ITEM;
        ++*at;
        return ERR_NONE;
    }
    if (value && is_value(c)) {
        begin_value(j);
        return ERR_NONE;
    }
    if (!turn(j, c)) {
        return refuse(j, c, why);
    }
    if (j->place == IN_KEY) {
        buf_clear(&j->key);
        j->escaped = false;
    }
    ++*at;
    return ERR_NONE;
}

static enum err_code take_key(struct feed_json *j, char c, struct err *why)
{
    if (c == '"' && !j->escaped) {
        j->place = AT_COLON;
    } else {
        j->escaped = c == '\\' && !j->escaped;
        buf_addc(&j->key, c);
    }
    return buf_ok(&j->key) ? ERR_NONE : err_set(why, ERR_INVALID, "not JSON: an endless name");
}

static enum err_code end_feed(const struct feed_json *j, struct err *why)
{
    const char *version = text_of(j->head, "version");

    if (j->place != AT_END) {
        return err_set(why, ERR_INVALID, "JSON that is cut short, after %zu items", j->items);
    }
    if (!version || !strstr(version, "jsonfeed")) {
        return err_set(why, ERR_INVALID, "JSON, but no JSON Feed: its version is not told");
    }
    if (j->items > 0 && j->broken == j->items) {
        return err_set(why, ERR_INVALID, "no item of the JSON Feed is readable");
    }
    return ERR_NONE;
}

enum err_code
feed_json_push(struct feed_json *j, const char *text, size_t len, bool last, struct err *why)
{
    enum err_code rc = ERR_NONE;
    size_t at = 0;

    while (at < len && !rc) {
        if (j->place == IN_VALUE) {
            rc = take_value(j, text, len, &at, why);
        } else if (j->place == IN_KEY) {
            rc = take_key(j, text[at++], why);
        } else {
            rc = take_turn(j, text, &at, why);
        }
    }
    return rc || !last ? rc : end_feed(j, why);
}

/* ---- the feed ---- */

static void
take_hubs(const struct feed_json *j, struct feed *feed, const struct feed_maker *maker)
{
    const json_t *hub;
    size_t i;

    json_array_foreach(json_object_get(j->head, "hubs"), i, hub)
    {
        const char *type = text_of(hub, "type");

        if (type && strcasecmp(type, "websub") == 0) {
            feed_url_add(&feed->hubs, feed_url_dup(maker->url, text_of(hub, "url")));
        }
    }
}

void feed_json_head(const struct feed_json *j,
                    struct feed *feed,
                    const struct feed_maker *maker)
{
    const char *version = text_of(j->head, "version");
    struct feed_words title = {.text = text_of(j->head, "title")};

    feed->format = version && strstr(version, "1.1") ? FEED_JSON_11 : FEED_JSON_10;
    feed->title = feed_title_dup(&title, ARTICLE_TITLE_BYTES);
    feed->language = feed_language_dup(text_of(j->head, "language"));
    feed->link = feed_url_dup(maker->url, text_of(j->head, "home_page_url"));
    feed->self = feed_url_dup(maker->url, text_of(j->head, "feed_url"));
    feed->next = feed_url_dup(maker->url, text_of(j->head, "next_url"));
    feed->expired = json_is_true(json_object_get(j->head, "expired"));
    take_hubs(j, feed, maker);
}

size_t feed_json_dropped(const struct feed_json *j)
{
    return j->broken + j->oversize + j->nameless;
}

void feed_json_damage(const struct feed_json *j, struct buf *out)
{
    const struct {
        size_t count;
        const char *what;
    } rows[] = {
        {j->broken, "items that are not readable"},
        {j->oversize, "items larger than the limit"},
        {j->nameless, "items without an id"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (rows[i].count > 0) {
            buf_addf(out, "%s%zu %s", out->len > 0 ? ", " : "", rows[i].count, rows[i].what);
        }
    }
}

struct feed_json *
feed_json_new(size_t max_item_bytes, feed_json_item_fn *on_item, void *context)
{
    struct feed_json *j = mem_zalloc(sizeof *j);

    buf_init(&j->key, KEY_BYTES);
    buf_init(&j->value, max_item_bytes);
    j->head = json_object();
    j->on_item = on_item;
    j->context = context;
    return j;
}

void feed_json_free(struct feed_json *j)
{
    if (j) {
        buf_done(&j->key);
        buf_done(&j->value);
        json_decref(j->head);
        mem_free(j);
    }
}
