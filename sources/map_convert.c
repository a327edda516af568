/* What a value of a CMS becomes: text, time, truth, words, addresses, pictures. Called by map.c and
 * map_article.c. Nothing here fails; what is of no use is as if it were not there. */

#include <stdio.h>
#include <string.h>

#include "base/article.h"
#include "base/attr.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/parse.h"
#include "base/text.h"
#include "base/url.h"
#include "sources/map_internal.h"

#define TIME_BYTES 48
#define MS_FROM INT64_C(100000000000) /* as seconds the year 5138: so it is milliseconds */

char *map__text(const json_t *v)
{
    const char *text = json_string_value(v);

    if (text != NULL && text[strspn(text, " \t\r\n")] == '\0') {
        return NULL;
    }
    return json_text_dup(v);
}

/* ---- time ---- */

/* What WordPress, MySQL and Python write: no zone (then it is UTC), or one without its colon. */
static bool parse_near(const char *text, int64_t *out_ms)
{
    size_t len = strlen(text);
    const char *zone = len > 5 ? text + len - 5 : "";
    char near[TIME_BYTES];
    int n;

    if (len + 2 >= sizeof near) {
        return false;
    }
    if ((zone[0] == '+' || zone[0] == '-') && strspn(zone + 1, "0123456789") == 4) {
        n = snprintf(near, sizeof near, "%.*s:%s", (int)len - 2, text, text + len - 2);
    } else {
        n = snprintf(near, sizeof near, "%sZ", text);
    }
    return time_parse_rfc3339(near, (size_t)n, out_ms);
}

bool map__time(const json_t *v, int64_t *out_ms)
{
    const char *text = json_string_value(v);
    int64_t number = json_integer_value(v);

    if (text != NULL) {
        return time_parse_rfc3339(text, strlen(text), out_ms) || parse_near(text, out_ms);
    }
    if (number <= 0 || number > INT64_C(9999999999999)) {
        return false;
    }
    *out_ms = number >= MS_FROM ? number : number * MS_SECOND;
    return true;
}

/* ---- truth ---- */

bool map__truth(const json_t *v, bool *out)
{
    const char *text = json_string_value(v);

    if (json_is_boolean(v)) {
        *out = json_is_true(v);
        return true;
    }
    if (json_is_integer(v)) {
        *out = json_integer_value(v) != 0;
        return true;
    }
    if (text == NULL) {
        return false;
    }
    if (!parse_bool(text, out)) {
        *out = text[0] != '\0' && strcmp(text, "0") != 0;
    }
    return true;
}

/* ---- words ---- */

static bool add_word(json_t *list, char *word_taken)
{
    struct buf line;

    if (word_taken == NULL || json_array_size(list) == ARTICLE_LIST_MAX) {
        mem_free(word_taken);
        return false;
    }
    buf_init(&line, ARTICLE_WORD_BYTES);
    text_collapse(&line, word_taken, strlen(word_taken));
    mem_free(word_taken);
    if (buf_ok(&line) && line.len > 0) { /* a longer one is no word */
        (void)json_array_append_new(list, json_string(buf_str(&line)));
    }
    buf_done(&line);
    return true;
}

static const json_t *named(const json_t *object)
{
    static const char *const names[] = {"name", "title", "label", "value", "slug"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const json_t *v = json_object_get(object, names[i]);

        if (json_is_string(v)) {
            return v;
        }
    }
    return NULL;
}

bool map__word(const json_t *v, json_t *list)
{
    bool found = false;

    if (json_is_object(v)) {
        return add_word(list, map__text(named(v)));
    }
    if (!json_is_array(v)) {
        return add_word(list, map__text(v));
    }
    for (size_t i = 0; i < json_array_size(v); i++) {
        const json_t *one = json_array_get(v, i);

        found = add_word(list, map__text(json_is_object(one) ? named(one) : one)) || found;
    }
    return found;
}

/* ---- addresses and pictures ---- */

char *map__url(const json_t *v, const char *base)
{
    const char *text = json_string_value(v);
    struct url_parts parts;
    struct buf url;
    char *found = NULL;

    if (text == NULL || text[0] == '\0') {
        return NULL;
    }
    buf_init(&url, ARTICLE_URL_BYTES);
    if (url_resolve(&url, base != NULL ? base : "", text) && buf_ok(&url) &&
        url_parse(&parts, buf_str(&url)) && !parts.has_userinfo) {
        found = buf_detach(&url, NULL);
    }
    buf_done(&url);
    return found;
}

static const json_t *first_of(const json_t *object, const char *const *names)
{
    for (; *names != NULL; names++) {
        const json_t *v = json_object_get(object, *names);

        if (v != NULL && !json_is_null(v) && json_string_length(v) + !json_is_string(v) > 0) {
            return v;
        }
    }
    return NULL;
}

static void set_text(json_t *object, const char *key, const json_t *v, size_t max)
{
    char *text = map__text(v);

    if (text != NULL && strlen(text) <= max) {
        json_set_str(object, key, text);
    }
    mem_free(text);
}

static void set_size(json_t *object, const char *key, const json_t *v)
{
    if (json_integer_value(v) > 0 && json_integer_value(v) < 1000000) {
        (void)json_object_set_new(object, key, json_integer(json_integer_value(v)));
    }
}

/* A rendition of a video is no picture. */
static bool is_picture(const json_t *v)
{
    static const char *const names[] = {
        "mimetype", "mimeType", "contenttype", "contentType", "mime", NULL};
    const char *type = json_string_value(first_of(v, names));

    return type == NULL || strncmp(type, "image/", 6) == 0;
}

/* An address alone, or an object as CMSs have them. */
json_t *map__image(const json_t *v, const char *base)
{
    static const char *const urls[] = {"url", "href", "src", "filename", "source_url", NULL};
    static const char *const alts[] = {
        "alt", "alternativeText", "alt_text", "altText", "description_text", NULL};
    static const char *const credits[] = {"credit", "byline", "copyright", NULL};
    char *url =
        is_picture(v) ? map__url(json_is_object(v) ? first_of(v, urls) : v, base) : NULL;
    json_t *image = url != NULL ? json_object() : NULL;

    if (image != NULL) {
        json_set_str(image, "url", url);
    }
    if (image != NULL && json_is_object(v)) {
        set_text(image, "alt", first_of(v, alts), ARTICLE_TITLE_BYTES);
        set_text(image, "credit", first_of(v, credits), ARTICLE_WORD_BYTES);
        set_size(image, "width", json_object_get(v, "width"));
        set_size(image, "height", json_object_get(v, "height"));
    }
    mem_free(url);
    return image;
}
