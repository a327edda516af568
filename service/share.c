/* Share links: "send this article to …". Called by api_share.c. It owns the table of targets,
 * read once from the embedded data file; building a link is pure.
 *
 * How a link is built: the article's URL gets the target's campaign parameters; the value
 * templates of the data file are filled; each whole value is percent-encoded once. A parameter
 * with an empty placeholder is left out unless it is required. Links stay under 2,000
 * characters: the text goes first, then the title, never the URL. */

#include "service/share.h"

#include <string.h>

#include "base/json.h"
#include "base/list.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/url.h"

#define LINK_CHARS 2000
#define LINK_BYTES 65536
#define VALUE_BYTES 65536
/* A separate link costs so much of a post's text: 23 characters on X, and the blank before it.
 */
#define LINK_ROOM 24

extern const unsigned char share_targets_json[];
extern const size_t share_targets_json_len;

struct target {
    const char *id, *name, *category, *base, *render;
    json_t *params;
    size_t max_text; /* 0: no limit */
};

struct share_targets {
    json_t *root;
    struct target *v;
    size_t count;
};

/* What the placeholders stand for, cleaned, for one target and one length of title and text. */
struct filling {
    struct buf url, title, text, hashtags;
    const struct share_facts *facts;
    const struct target *target;
};

static bool is_working(const json_t *t)
{
    const char *status = json_path_str(t, "status");

    return status != NULL && strcmp(status, "working") == 0 &&
           json_array_size(json_object_get(t, "needs")) == 0;
}

static const struct target *find(const struct share_targets *t, const char *id)
{
    for (size_t i = 0; i < t->count; i++) {
        if (strcmp(t->v[i].id, id) == 0) {
            return &t->v[i];
        }
    }
    return NULL;
}

static void add_target(struct share_targets *t, const json_t *row)
{
    struct target *to = &t->v[t->count];

    if (!is_working(row) || find(t, json_path_str(row, "id")) != NULL) {
        return;
    }
    to->id = json_path_str(row, "id");
    to->name = json_path_str(row, "name");
    to->category = json_path_str(row, "category");
    to->base = json_path_str(row, "base");
    to->render = json_path_str(row, "render");
    to->params = json_object_get(row, "params");
    to->max_text = (size_t)json_integer_value(json_object_get(row, "max_text"));
    t->count++;
}

static void add_by_id(struct share_targets *t, const json_t *rows, const char *id)
{
    size_t i;
    json_t *row;

    json_array_foreach(rows, i, row)
    {
        const char *have = json_path_str(row, "id");

        if (have != NULL && strcmp(have, id) == 0) {
            add_target(t, row);
        }
    }
}

enum err_code share_targets_load(struct share_targets **out, struct err *why)
{
    struct share_targets *t = mem_zalloc(sizeof *t);
    const json_t *rows, *order;
    json_t *row, *id;
    size_t i;
    enum err_code rc =
        json_read(&t->root, (const char *)share_targets_json, share_targets_json_len, 16, why);

    if (rc) {
        mem_free(t);
        return err_wrap(why, "share targets");
    }
    rows = json_object_get(t->root, "targets");
    order = json_object_get(t->root, "default_order");
    t->v = mem_calloc(json_array_size(rows) + 1, sizeof *t->v);
    json_array_foreach(order, i, id) add_by_id(t, rows, json_string_value(id));
    json_array_foreach(rows, i, row) add_target(t, row);
    *out = t;
    return ERR_NONE;
}

void share_targets_free(struct share_targets *t)
{
    if (t == NULL) {
        return;
    }
    json_decref(t->root);
    mem_free(t->v);
    mem_free(t);
}

size_t share_target_count(const struct share_targets *t)
{
    return t->count;
}

/* Campaign parameters are all there or none: half a set makes wrong statistics. */
static void tag_url(struct buf *url, const char *plain, const char *target)
{
    struct url_parts parts;

    buf_adds(url, plain);
    if (!url_parse(&parts, plain)) {
        return;
    }
    for (size_t i = 0; i + 4 <= parts.query_len; i++) {
        if ((i == 0 || parts.query[i - 1] == '&') && memcmp(parts.query + i, "utm_", 4) == 0) {
            return;
        }
    }
    url_add_param(url, "utm_source", target);
    url_add_param(url, "utm_medium", "social");
    url_add_param(url, "utm_campaign", "share-button");
}

/* Tags as words, joined by commas. */
static void add_hashtags(struct buf *out, const struct share_facts *facts)
{
    for (size_t i = 0; i < facts->hashtag_count; i++) {
        size_t before = out->len;

        if (before > 0) {
            buf_addc(out, ',');
        }
        if (!text_hashtag(out, facts->hashtags[i])) {
            buf_truncate(out, before);
        }
    }
}

/* Collapsed and cut to so many grapheme clusters; 0 gives nothing. */
static void add_cut(struct buf *out, const char *text, size_t units)
{
    struct buf clean;

    if (text == NULL || units == 0) {
        return;
    }
    buf_init(&clean, VALUE_BYTES);
    text_collapse(&clean, text, strlen(text));
    (void)text_cut(out, TEXT_GRAPHEMES, buf_str(&clean), clean.len, units);
    buf_done(&clean);
}

static void
filling_init(struct filling *f, const struct target *target, const struct share_facts *facts)
{
    f->facts = facts;
    f->target = target;
    buf_init(&f->url, LINK_BYTES);
    buf_init(&f->title, VALUE_BYTES);
    buf_init(&f->text, VALUE_BYTES);
    buf_init(&f->hashtags, VALUE_BYTES);
    tag_url(&f->url, facts->url, target->id);
    add_hashtags(&f->hashtags, facts);
}

static void filling_done(struct filling *f)
{
    buf_done(&f->url);
    buf_done(&f->title);
    buf_done(&f->text);
    buf_done(&f->hashtags);
}

static void add_value(const struct filling *f, const char *name, size_t len, struct buf *out)
{
    const struct {
        const char *name, *value;
        size_t len;
    } rows[] = {
        {"url", buf_str(&f->url), f->url.len},
        {"title", buf_str(&f->title), f->title.len},
        {"text", buf_str(&f->text), f->text.len},
        {"hashtags", buf_str(&f->hashtags), f->hashtags.len},
        {"hashtag1", buf_str(&f->hashtags), strcspn(buf_str(&f->hashtags), ",")},
        {"via", f->facts->via, f->facts->via == NULL ? 0 : strlen(f->facts->via)},
        {"image", f->facts->image, f->facts->image == NULL ? 0 : strlen(f->facts->image)},
        {"source", f->facts->site->name, strlen(f->facts->site->name)},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (strlen(rows[i].name) == len && memcmp(rows[i].name, name, len) == 0) {
            buf_add(out, rows[i].value, rows[i].len);
        }
    }
}

/* Fills a value template. False when a placeholder in it was empty. */
static bool fill(const struct filling *f, const char *template, struct buf *out)
{
    bool whole = true;

    for (const char *at = template; *at != '\0'; at++) {
        const char *end = *at == '{' ? strchr(at, '}') : NULL;
        size_t before = out->len;

        if (end == NULL) {
            buf_addc(out, *at);
            continue;
        }
        add_value(f, at + 1, (size_t)(end - at - 1), out);
        whole = whole && out->len > before;
        at = end;
    }
    return whole;
}

/* Percent-encodes a value without the white space an empty placeholder left at its ends. In
 * mail a line ends with CR LF (RFC 6068 section 5). */
static void encode_value(struct buf *out, const struct buf *value, bool mail)
{
    const char *text = buf_str(value);
    size_t len = value->len;

    while (len > 0 && strchr(" \n", *text) != NULL) {
        text++;
        len--;
    }
    while (len > 0 && strchr(" \n", text[len - 1]) != NULL) {
        len--;
    }
    for (size_t i = 0; i < len; i++) {
        if (mail && text[i] == '\n') {
            buf_adds(out, "%0D%0A");
        } else {
            url_encode_n(out, text + i, 1);
        }
    }
}

static void
add_param(const struct filling *f, const json_t *param, bool *first, struct buf *out)
{
    const char *template = json_path_str(param, "value");
    bool mail = strncmp(f->target->base, "mailto:", 7) == 0;
    struct buf value;

    buf_init(&value, VALUE_BYTES);
    if (fill(f, template, &value) || json_is_true(json_object_get(param, "required"))) {
        buf_addc(out, *first ? '?' : '&');
        buf_adds(out, json_path_str(param, "name"));
        buf_addc(out, '=');
        encode_value(out, &value, mail);
        *first = false;
    }
    buf_done(&value);
}

/* How many grapheme clusters of title the post can take: its limit less all that stands beside.
 */
static size_t title_room(const struct filling *f)
{
    size_t i, room = f->target->max_text, taken = 0;
    bool social = f->target->category != NULL && strcmp(f->target->category, "social") == 0;
    static const struct text_rule graphemes = {.unit = TEXT_GRAPHEMES};
    json_t *param;

    if (room == 0) {
        return SIZE_MAX / 2;
    }
    json_array_foreach(f->target->params, i, param)
    {
        const char *template = json_path_str(param, "value");
        struct buf value;

        buf_init(&value, VALUE_BYTES);
        (void)fill(f, template, &value); /* the title is still empty */
        if (strstr(template, "{title}") != NULL) {
            taken += text_measure(&graphemes, buf_str(&value), value.len);
        } else if (social && strcmp(template, "{url}") == 0) {
            taken += LINK_ROOM;
        } else if (social && value.len > 0) { /* "#" and a blank for each word */
            taken += 2 * f->facts->hashtag_count +
                     text_measure(&graphemes, buf_str(&value), value.len);
        }
        buf_done(&value);
    }
    return taken >= room ? 0 : room - taken;
}

static void build(struct filling *f, size_t title_units, size_t text_units, struct buf *out)
{
    size_t i, room;
    bool first = true;
    json_t *param;

    buf_clear(&f->title);
    buf_clear(&f->text);
    buf_clear(out);
    room = title_room(f);
    add_cut(&f->title, f->facts->title, room < title_units ? room : title_units);
    add_cut(&f->text, f->facts->text, text_units);
    buf_adds(out, f->target->base);
    json_array_foreach(f->target->params, i, param) add_param(f, param, &first, out);
}

/* Shorter and shorter; the last row still holds the whole URL. */
static void
make_link(const struct target *target, const struct share_facts *facts, struct buf *out)
{
    static const size_t tries[][2] = {
        {500, 1000}, {500, 200}, {300, 0}, {100, 0}, {50, 0}, {0, 0}};
    struct filling f;

    filling_init(&f, target, facts);
    if (target->render != NULL) {
        buf_add(out, buf_str(&f.url), f.url.len);
    }
    for (size_t i = 0; target->render == NULL && i < ARRAY_LEN(tries); i++) {
        build(&f, tries[i][0], tries[i][1], out);
        if (out->len <= LINK_CHARS) {
            break;
        }
    }
    filling_done(&f);
}

json_t *share_links(const struct share_targets *t, const struct share_facts *facts)
{
    json_t *list = json_array();
    struct buf link;

    buf_init(&link, LINK_BYTES);
    for (size_t i = 0; i < t->count; i++) {
        json_t *row = json_object();

        buf_clear(&link);
        make_link(&t->v[i], facts, &link);
        json_set_str(row, "id", t->v[i].id);
        json_set_str(row, "name", t->v[i].name);
        json_set_str(row, "category", t->v[i].category);
        json_set_str(row, "url", buf_str(&link));
        json_set_str(row, "render", t->v[i].render);
        (void)json_array_append_new(list, row);
    }
    buf_done(&link);
    return list;
}

enum err_code share_link(const struct share_targets *t,
                         const char *id,
                         const struct share_facts *facts,
                         struct buf *out,
                         struct err *why)
{
    const struct target *target = find(t, id);

    if (target == NULL) {
        return err_set(why, ERR_NOT_FOUND, "there is no share target \"%.64s\"", id);
    }
    make_link(target, facts, out);
    return buf_check(out, "share link", why);
}
