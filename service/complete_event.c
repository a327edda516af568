/* Events in the inbox: as JSON and back, and completed by what a page says. Called by complete.c. */

#include "service/complete_event.h"

#include <string.h>

#include "base/json.h"
#include "base/json_put.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/url.h"

#define EVENT_DEPTH 40 /* an article's body may hold what the doors let in */

/* ---- as JSON ---- */

static void put_strings(struct buf *out, const char *key, const struct strings *s)
{
    json_put_open(out, key, '[');
    for (size_t i = 0; i < s->count; i++) {
        json_put_text(out, NULL, s->v[i]);
    }
    json_put_close(out, ']');
}

void complete_event_write(struct buf *out, const struct source_event *e)
{
    struct buf article;

    json_put_open(out, NULL, '{');
    json_put_text(out, "kind", source_event_name(e->kind));
    json_put_text(out, "id", e->id);
    put_strings(out, "ids", &e->ids);
    json_put_text(out, "guid", e->guid);
    json_put_text(out, "url", e->url);
    put_strings(out, "urls", &e->urls);
    json_put_int(out, "at_ms", e->at_ms);
    json_put_text(out, "key", e->key);
    json_put_text(out, "why", e->why);
    if (e->article) {
        buf_init(&article, out->max);
        json_write(&article, e->article);
        json_put_raw(out, "article", buf_str(&article), article.len);
        buf_done(&article);
    }
    json_put_close(out, '}');
}

static bool read_kind(struct source_event *out, const char *name)
{
    for (int kind = EVENT_PUBLISHED; name && kind <= EVENT_NOTHING; kind++) {
        if (strcmp(name, source_event_name((enum source_event_kind)kind)) == 0) {
            out->kind = (enum source_event_kind)kind;
            return true;
        }
    }
    return false;
}

static void read_strings(struct strings *out, const json_t *v)
{
    for (size_t i = 0; i < json_array_size(v); i++) {
        const char *text = json_string_value(json_array_get(v, i));

        if (text) {
            out->v = mem_realloc(out->v, out->count + 1, sizeof *out->v);
            out->v[out->count++] = mem_strdup(text);
        }
    }
}

enum err_code complete_event_read(struct source_event *out, const char *text, struct err *why)
{
    json_t *v = NULL;
    enum err_code rc = json_read(&v, text, strlen(text), EVENT_DEPTH, why);

    if (rc) {
        return rc;
    }
    if (!read_kind(out, json_path_str(v, "kind"))) {
        json_decref(v);
        return err_set(why, ERR_INVALID, "no event of ours");
    }
    out->id = mem_strdup(json_path_str(v, "id"));
    out->guid = mem_strdup(json_path_str(v, "guid"));
    out->url = mem_strdup(json_path_str(v, "url"));
    out->key = mem_strdup(json_path_str(v, "key"));
    out->why = mem_strdup(json_path_str(v, "why"));
    out->at_ms = json_integer_value(json_object_get(v, "at_ms"));
    read_strings(&out->ids, json_object_get(v, "ids"));
    read_strings(&out->urls, json_object_get(v, "urls"));
    out->article = json_incref(json_object_get(v, "article"));
    json_decref(v);
    return ERR_NONE;
}

/* ---- what a page adds ---- */

static bool lacks(const json_t *article, const char *member)
{
    const json_t *v = json_object_get(article, member);

    return !v || json_is_null(v) || (json_is_string(v) && json_string_length(v) == 0) ||
           (json_is_array(v) && json_array_size(v) == 0);
}

/* Plain text, for members that are read as HTML. */
static void fill_text(json_t *article, const char *member, const char *plain)
{
    struct buf html;

    if (!plain || !lacks(article, member)) {
        return;
    }
    buf_init(&html, 6 * strlen(plain) + 1);
    text_escape_html(&html, plain, strlen(plain));
    json_set_str(article, member, buf_str(&html));
    buf_done(&html);
}

static void fill_as_told(json_t *article, const json_t *page, const char *member)
{
    json_t *v = json_object_get(page, member);

    if (v && lacks(article, member)) {
        (void)json_object_set(article, member, v);
    }
}

static void fill_correction(json_t *article, const struct page_facts *facts)
{
    if (facts->correction && strcmp(facts->correction, "true") == 0) {
        if (lacks(article, "correction")) {
            (void)json_object_set_new(article, "correction", json_true());
        }
    } else {
        fill_text(article, "correction", facts->correction);
    }
}

void complete_event_fill(struct source_event *e, const struct page_facts *facts)
{
    static const char *const as_told[] = {
        "images", "language", "authors", "tags", "published_at"};
    struct buf text;
    json_t *page = NULL;

    buf_init(&text, SIZE_MAX / 2); /* page.h bounds what it is made of */
    page_write(&text, facts);
    must(json_read(&page, buf_str(&text), text.len, 8, NULL) == ERR_NONE);
    buf_done(&text);
    if (!e->article) {
        e->article = json_object();
    }
    fill_text(e->article, "title", facts->title);
    fill_text(e->article, "summary", facts->summary);
    fill_correction(e->article, facts);
    for (size_t i = 0; i < ARRAY_LEN(as_told); i++) {
        fill_as_told(e->article, page, as_told[i]);
    }
    if (e->at_ms == 0) {
        fill_as_told(e->article, page, "updated_at");
    }
    if (facts->section && lacks(e->article, "categories")) {
        (void)json_object_set_new(e->article, "categories", json_pack("[s]", facts->section));
    }
    json_decref(page);
}

/* ---- the same article ---- */

static bool same_text(const char *a, const char *b)
{
    return a && b && strcmp(a, b) == 0;
}

static bool same_url(const char *a, const char *b)
{
    struct buf x, y;
    bool same;

    if (!a || !b) {
        return false;
    }
    buf_init(&x, ARTICLE_URL_BYTES);
    buf_init(&y, ARTICLE_URL_BYTES);
    same = url_identity(&x, a) && url_identity(&y, b) && strcmp(buf_str(&x), buf_str(&y)) == 0;
    buf_done(&x);
    buf_done(&y);
    return same;
}

bool complete_event_same(const struct source_event *a, const struct source_event *b)
{
    return same_text(a->id, b->id) || same_text(a->guid, b->guid) || same_url(a->url, b->url);
}
