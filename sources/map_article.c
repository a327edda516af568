/* The members of an article, found by a map, in the form in which articles are read everywhere. A CMS must
 * not be refused for a title that is too long or a tag too many, so what is over a limit is cut, and what
 * no article may hold is left out. Called by cms.c. */

#include <string.h>

#include "base/article.h"
#include "base/attr.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/parse.h"
#include "base/text.h"
#include "sources/feed_draft.h"
#include "sources/map_internal.h"

/* ---- text ---- */

/* Cut at a character. */
static void cut(struct buf *text, size_t max)
{
    if (text->len > max) {
        buf_truncate(text, text_prefix(TEXT_BYTES, buf_str(text), text->len, max));
    }
}

/* Markup with nothing in it says nothing. */
static bool is_blank(const char *html)
{
    struct buf text;
    bool blank;

    if (strpbrk(html, "<&") == NULL) {
        return false;
    }
    buf_init(&text, SIZE_MAX / 2);
    text_from_html(&text, html, strlen(html));
    blank = text.len == 0;
    buf_done(&text);
    return blank;
}

/* Articles take titles as HTML; what is text becomes HTML that says the same. */
static void escape(struct buf *out, const char *text, size_t max)
{
    struct buf raw;

    buf_init(&raw, SIZE_MAX / 2);
    buf_adds(&raw, text);
    cut(&raw, max);
    text_escape_html(out, buf_str(&raw), raw.len);
    if (out->len > max) { /* an entity has at most six bytes */
        cut(&raw, max / 6);
        buf_clear(out);
        text_escape_html(out, buf_str(&raw), raw.len);
    }
    buf_done(&raw);
}

static void add_text(json_t *article,
                     const struct map_view *v,
                     enum map_member m,
                     const char *key,
                     size_t max,
                     bool plain)
{
    char *text = map_text_dup(v, m);
    struct buf html;

    if (text == NULL) {
        return;
    }
    buf_init(&html, SIZE_MAX / 2);
    if (plain) {
        escape(&html, text, max);
    } else {
        buf_adds(&html, text);
        cut(&html, max);
    }
    if (!is_blank(buf_str(&html))) {
        json_set_str(article, key, buf_str(&html));
    }
    buf_done(&html);
    mem_free(text);
}

/* Half a document is worse than none. */
static void add_body(json_t *article, const struct map_view *v)
{
    char *text = map_text_dup(v, MAP_BODY);

    if (text != NULL && strlen(text) <= ARTICLE_BODY_BYTES) {
        json_set_str(article, "body", text);
    }
    mem_free(text);
}

/* A tag as "en", "pt_BR" or "de_DE.UTF-8"; "*", "und" and what has no such shape say nothing. */
static void add_language(json_t *article, const struct map_view *v)
{
    char *text = map_text_dup(v, MAP_LANGUAGE), *tag = NULL;

    if (text != NULL && strcmp(text, "und") != 0) {
        text[strcspn(text, "@.")] = '\0';
        tag = feed_language_dup(text);
    }
    if (tag != NULL) {
        json_set_str(article, "language", text);
    }
    mem_free(tag);
    mem_free(text);
}

/* ---- lists, times, numbers ---- */

static void
add_words(json_t *article, const struct map_view *v, enum map_member m, const char *key)
{
    json_t *words = map_words(v, m);

    if (words != NULL) {
        (void)json_object_set_new(article, key, words);
    }
}

static void
add_time(json_t *article, const struct map_view *v, enum map_member m, const char *key)
{
    int64_t at_ms = map_time_ms(v, m);
    char text[TIME_TEXT_BYTES];

    if (at_ms != 0) {
        json_set_str(article, key, time_rfc3339(at_ms, text));
    }
}

static void add_urgency(json_t *article, const struct map_view *v)
{
    char *text = map_text_dup(v, MAP_URGENCY);
    int64_t urgency;

    if (text != NULL && parse_i64(text, &urgency) && urgency >= 1 && urgency <= 9) {
        (void)json_object_set_new(article, "urgency", json_integer(urgency));
    }
    mem_free(text);
}

/* ---- flags ---- */

static bool take_no(void *context, const json_t *v)
{
    bool *no = context, truth;

    *no = map__truth(v, &truth) && !truth;
    return true;
}

static void add_breaking(json_t *article, const struct map_view *v)
{
    bool no = false;

    if (map_flag(v, MAP_BREAKING)) {
        (void)json_object_set_new(article, "breaking", json_true());
    } else if (v->says_no && map__each(v, MAP_BREAKING, take_no, &no) && no) {
        (void)json_object_set_new(article, "breaking", json_false());
    }
}

/* True, or a text: what was corrected. */
static bool take_correction(void *context, const json_t *v)
{
    json_t *article = context;
    bool truth;

    if (json_is_boolean(v) || json_is_integer(v)) {
        if (map__truth(v, &truth) && truth) {
            (void)json_object_set_new(article, "correction", json_true());
        }
        return truth;
    }
    char *text = map__text(v);
    if (text != NULL && strlen(text) <= ARTICLE_SUMMARY_BYTES) {
        json_set_str(article, "correction", text);
    }
    mem_free(text);
    return json_object_get(article, "correction") != NULL;
}

/* ---- the picture ---- */

struct image_found {
    json_t *image;
    const char *base;
};

static bool take_image(void *context, const json_t *v)
{
    struct image_found *f = context;

    f->image = f->image == NULL ? map__image(v, f->base) : f->image;
    return f->image != NULL;
}

static void add_image(json_t *article, const struct map_view *v)
{
    struct image_found f = {.base = v->base};

    if (!map__each(v, MAP_IMAGE, take_image, &f)) {
        return;
    }
    add_text(f.image, v, MAP_IMAGE_ALT, "alt", ARTICLE_TITLE_BYTES, false);
    add_text(f.image, v, MAP_IMAGE_CREDIT, "credit", ARTICLE_WORD_BYTES, false);
    (void)json_object_set_new(article, "images", json_pack("[o]", f.image));
}

json_t *map_article(const struct map_view *v)
{
    json_t *article = json_object();

    add_text(article, v, MAP_TITLE, "title", ARTICLE_TITLE_BYTES, v->plain);
    add_text(article, v, MAP_SUMMARY, "summary", ARTICLE_SUMMARY_BYTES, v->plain);
    add_body(article, v);
    add_language(article, v);
    add_image(article, v);
    add_words(article, v, MAP_AUTHORS, "authors");
    add_words(article, v, MAP_CATEGORIES, "categories");
    add_words(article, v, MAP_TAGS, "tags");
    add_time(article, v, MAP_PUBLISHED_AT, "published_at");
    add_time(article, v, MAP_UPDATED_AT, "updated_at");
    add_urgency(article, v);
    add_breaking(article, v);
    (void)map__each(v, MAP_CORRECTION, take_correction, article);
    return article;
}
