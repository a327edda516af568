/* Reading an article from the JSON that a CMS, a feed or a person wrote. Called by the doors
 * and by the ledger. One table per object says which members there are; every fault is
 * collected with the place it stands at, because who mends a CMS mapping wants the whole
 * list. */

#include "base/article.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/url.h"

#define SIDE_MAX 1000000                /* pixels: more is a mistake */
#define STORED_DEPTH 8                  /* article_write() nests three levels */
#define DURATION_MAX_MS (100 * MS_DAY)  /* of a video */
#define WHERE_BYTES ((size_t)16 * 1024) /* of a place, before it is cut to what a fault holds */

/* Where something stands, as a path of names and numbers back to the top (NULL). Only a fault
 * makes text of it. */
struct place {
    const struct place *in;
    const char *name; /* NULL: the item with that index */
    size_t index;
};

struct reader {
    struct article_faults *faults;
    int64_t now_ms;
    bool ours; /* written by article_to_json: title and summary are plain text already */
};

enum member_kind {
    M_ID,         /* char *: string or integer */
    M_URL,        /* char * */
    M_PLAIN,      /* char *: one line of text */
    M_FROM_HTML,  /* char *: the same, from text that may hold markup */
    M_AS_GIVEN,   /* char * */
    M_LANGUAGE,   /* char * */
    M_TIME,       /* int64_t */
    M_UNTIL,      /* int64_t: a time or a duration from now */
    M_NUMBER,     /* int64_t, 0 to max */
    M_URGENCY,    /* int */
    M_MAYBE,      /* int: -1 0 1 */
    M_BOOL,       /* bool */
    M_CORRECTION, /* char *: true, or text that may hold markup */
    M_STRINGS,    /* struct strings */
    M_IMAGES,     /* struct article */
    M_VIDEO,      /* struct article_video */
};

struct member {
    const char *name;
    enum member_kind kind;
    size_t offset;
    int64_t max; /* bytes of text, or the largest number */
    bool required;
};

/* clang-format off */
#define AT(type, m) offsetof(struct type, m)
static const struct member article_members[] = {
    {"id",           M_ID,        AT(article, id),              ARTICLE_WORD_BYTES,    false},
    {"url",          M_URL,       AT(article, url),             ARTICLE_URL_BYTES,     true},
    {"title",        M_FROM_HTML, AT(article, title),           ARTICLE_TITLE_BYTES,   true},
    {"summary",      M_FROM_HTML, AT(article, summary),         ARTICLE_SUMMARY_BYTES, false},
    {"body",         M_AS_GIVEN,  AT(article, body),            ARTICLE_BODY_BYTES,    false},
    {"language",     M_LANGUAGE,  AT(article, language),        64,                    false},
    {"images",       M_IMAGES,    0,                            0,                     false},
    {"video",        M_VIDEO,     AT(article, video),           0,                     false},
    {"authors",      M_STRINGS,   AT(article, authors),         ARTICLE_WORD_BYTES,    false},
    {"categories",   M_STRINGS,   AT(article, categories),      ARTICLE_WORD_BYTES,    false},
    {"tags",         M_STRINGS,   AT(article, tags),            ARTICLE_WORD_BYTES,    false},
    {"published_at", M_TIME,      AT(article, published_at_ms), 0,                     false},
    {"updated_at",   M_TIME,      AT(article, updated_at_ms),   0,                     false},
    {"not_after",    M_UNTIL,     AT(article, not_after_ms),    0,                     false},
    {"urgency",      M_URGENCY,   AT(article, urgency),         9,                     false},
    {"breaking",     M_MAYBE,     AT(article, breaking),        0,                     false},
    {"republish",    M_BOOL,      AT(article, republish),       0,                     false},
    {"correction",   M_CORRECTION, AT(article, correction),     ARTICLE_SUMMARY_BYTES, false},
};
static const struct member image_members[] = {
    {"url",    M_URL,    AT(article_image, url),    ARTICLE_URL_BYTES,     true},
    {"alt",    M_PLAIN,  AT(article_image, alt),    ARTICLE_SUMMARY_BYTES, false},
    {"credit", M_PLAIN,  AT(article_image, credit), ARTICLE_WORD_BYTES,    false},
    {"width",  M_NUMBER, AT(article_image, width),  SIDE_MAX,              false},
    {"height", M_NUMBER, AT(article_image, height), SIDE_MAX,              false},
};
static const struct member video_members[] = {
    {"url",           M_URL,    AT(article_video, url),           ARTICLE_URL_BYTES,   true},
    {"title",         M_PLAIN,  AT(article_video, title),         ARTICLE_TITLE_BYTES, false},
    {"thumbnail_url", M_URL,    AT(article_video, thumbnail_url), ARTICLE_URL_BYTES,   false},
    {"duration_ms",   M_NUMBER, AT(article_video, duration_ms),   DURATION_MAX_MS,     false},
    {"width",         M_NUMBER, AT(article_video, width),         SIDE_MAX,            false},
    {"height",        M_NUMBER, AT(article_video, height),        SIDE_MAX,            false},
};
/* clang-format on */

#define MEMBERS_MAX ARRAY_LEN(article_members)

static void copy_cut(char *out, size_t size, const char *text)
{
    size_t len = text_prefix(TEXT_BYTES, text, strlen(text), size - 1);

    memcpy(out, text, len);
    out[len] = '\0';
}

/* A name as RFC 6901 writes it. */
static void add_name(struct buf *b, const char *name)
{
    for (const char *c = name; *c != '\0'; c++) {
        if (*c == '~' || *c == '/') {
            buf_adds(b, *c == '~' ? "~0" : "~1");
        } else {
            buf_addc(b, *c);
        }
    }
}

static void add_place(struct buf *b, const struct place *p)
{
    if (p == NULL) {
        return;
    }
    add_place(b, p->in);
    buf_addc(b, '/');
    if (p->name != NULL) {
        add_name(b, p->name);
    } else {
        buf_addf(b, "%zu", p->index);
    }
}

static void write_place(char *out, size_t size, const struct place *where)
{
    struct buf text;

    buf_init(&text, WHERE_BYTES);
    add_place(&text, where);
    copy_cut(out, size, buf_str(&text));
    buf_done(&text);
}

PRINTF_LIKE(3, 4)
static void fault(struct reader *r, const struct place *where, const char *format, ...)
{
    char what[512];
    va_list args;

    if (r->faults->count == ARTICLE_FAULTS_MAX) {
        return;
    }
    struct article_fault *f = &r->faults->v[r->faults->count++];
    va_start(args, format);
    (void)vsnprintf(what, sizeof what, format, args);
    va_end(args);
    write_place(f->where, sizeof f->where, where);
    copy_cut(f->what, sizeof f->what, what);
}

static const char *type_name(const json_t *v)
{
    switch (json_typeof(v)) {
    case JSON_OBJECT:
        return "object";
    case JSON_ARRAY:
        return "array";
    case JSON_STRING:
        return "string";
    case JSON_INTEGER:
    case JSON_REAL:
        return "number";
    case JSON_TRUE:
    case JSON_FALSE:
        return "boolean";
    case JSON_NULL:
        break;
    }
    return "null";
}

/* The string, or a fault and NULL. */
static const char *take_string(struct reader *r,
                               const struct place *where,
                               const json_t *v,
                               int64_t max_bytes,
                               const char *expected)
{
    if (!json_is_string(v)) {
        fault(r, where, "expected %s, got %s", expected, type_name(v));
        return NULL;
    }
    if (json_string_length(v) > (size_t)max_bytes) {
        fault(r,
              where,
              "%zu bytes long, at most %" PRId64 " are accepted",
              json_string_length(v),
              max_bytes);
        return NULL;
    }
    return json_string_value(v);
}

static void put_text(char **at, char *text)
{
    mem_free(*at);
    *at = text;
}

static void
read_id(struct reader *r, const struct place *where, const json_t *v, int64_t max, char **at)
{
    static const char expected[] = "a string or an integer";

    if (json_is_integer(v)) {
        put_text(at, json_text_dup(v));
        return;
    }
    const char *text = take_string(r, where, v, max, expected);
    if (text != NULL && *text == '\0') {
        fault(r, where, "expected %s, got an empty string", expected);
    } else if (text != NULL) {
        put_text(at, mem_strdup(text));
    }
}

static void
read_url(struct reader *r, const struct place *where, const json_t *v, int64_t max, char **at)
{
    static const char expected[] = "an absolute http or https URL";
    const char *text = take_string(r, where, v, max, expected);
    struct url_parts parts;

    if (text == NULL) {
        return;
    }
    if (!url_parse(&parts, text)) {
        int len = (int)text_prefix(TEXT_BYTES, text, strlen(text), 80);

        fault(r, where, "expected %s, got \"%.*s\"", expected, len, text);
    } else if (parts.has_userinfo) {
        fault(r, where, "expected a URL without user name and password");
    } else {
        put_text(at, mem_strdup(text));
    }
}

static char *one_line(const char *text, size_t len)
{
    struct buf line;

    buf_init(&line, len);
    text_collapse(&line, text, len);
    return buf_detach(&line, NULL);
}

static char *one_line_from_html(const char *html)
{
    struct buf plain;

    buf_init(&plain, 3 * strlen(html) + 3);
    text_from_html(&plain, html, strlen(html));
    char *line = one_line(buf_str(&plain), plain.len);
    buf_done(&plain);
    return line;
}

static void read_text(struct reader *r,
                      const struct place *where,
                      const json_t *v,
                      const struct member *m,
                      char **at)
{
    const char *given = take_string(r, where, v, m->max, "a string");
    char *text;

    if (given == NULL) {
        return;
    }
    if (m->kind == M_AS_GIVEN) {
        text = mem_strdup(given);
    } else {
        bool plain = m->kind == M_PLAIN || r->ours;

        text = plain ? one_line(given, strlen(given)) : one_line_from_html(given);
    }
    if (*text == '\0') { /* nothing to show is the same as not told */
        if (m->required) {
            fault(r, where, "expected some text, got none");
        }
        put_text(&text, NULL);
    }
    put_text(at, text);
}

static bool is_alnum(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* The shape of a BCP 47 tag: letters, then parts of at most 8, joined by hyphens. */
static bool is_language(const char *text)
{
    size_t len = 0,
           first = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");

    if (first < 2 || first > 8 || (text[first] != '\0' && text[first] != '-')) {
        return false;
    }
    for (const char *c = text; *c != '\0'; c++) {
        len = *c == '-' ? 0 : len + 1;
        if (len > 8 || (*c == '-' ? !is_alnum(c[1]) : !is_alnum(*c))) {
            return false;
        }
    }
    return true;
}

static void read_language(
    struct reader *r, const struct place *where, const json_t *v, int64_t max, char **at)
{
    static const char expected[] = "a language tag like \"en\" or \"pt-BR\"";
    const char *given = take_string(r, where, v, max, expected);

    if (given == NULL || *given == '\0') {
        return;
    }
    char *text = mem_strdup(given);
    for (char *c = text; *c != '\0'; c++) {
        *c = *c == '_' ? '-' : *c; /* as WordPress writes its locales */
    }
    if (is_language(text)) {
        put_text(at, text);
        return;
    }
    fault(r, where, "expected %s, got \"%s\"", expected, given);
    mem_free(text);
}

static void read_time(struct reader *r,
                      const struct place *where,
                      const json_t *v,
                      enum member_kind kind,
                      int64_t *at_ms)
{
    const char *expected =
        kind == M_UNTIL ? "a time like \"2026-11-23T15:04:05Z\" or a duration like \"2h\""
                        : "a time like \"2026-11-23T15:04:05Z\" (RFC 3339)";
    const char *text = take_string(r, where, v, 64, expected);
    int64_t duration_ms;

    if (text == NULL || time_parse_rfc3339(text, strlen(text), at_ms)) {
        return;
    }
    if (kind == M_UNTIL && parse_duration_ms(text, &duration_ms) &&
        duration_ms <= 36500 * MS_DAY) {
        *at_ms = r->now_ms + duration_ms;
        return;
    }
    fault(r, where, "expected %s, got \"%s\"", expected, text);
}

static bool take_integer(struct reader *r,
                         const struct place *where,
                         const json_t *v,
                         int64_t low,
                         int64_t high,
                         int64_t *out)
{
    if (!json_is_integer(v)) {
        fault(r,
              where,
              "expected an integer from %" PRId64 " to %" PRId64 ", got %s",
              low,
              high,
              json_is_real(v) ? "a fraction" : type_name(v));
        return false;
    }
    int64_t value = json_integer_value(v);
    if (value < low || value > high) {
        fault(r,
              where,
              "expected an integer from %" PRId64 " to %" PRId64 ", got %" PRId64,
              low,
              high,
              value);
        return false;
    }
    *out = value;
    return true;
}

static bool take_bool(struct reader *r, const struct place *where, const json_t *v, bool *out)
{
    if (!json_is_boolean(v)) {
        fault(r, where, "expected true or false, got %s", type_name(v));
        return false;
    }
    *out = json_is_true(v);
    return true;
}

static void read_word(struct reader *r,
                      const struct place *where,
                      const json_t *v,
                      int64_t max,
                      struct strings *into)
{
    const char *text = take_string(r, where, v, max, "a string");

    if (text == NULL) {
        return;
    }
    char *word = one_line(text, strlen(text));
    if (*word == '\0' || strings_has(into, word)) { /* nothing, or told twice */
        mem_free(word);
        return;
    }
    into->v = mem_realloc(into->v, into->count + 1, sizeof into->v[0]);
    into->v[into->count++] = word;
}

/* False, with a fault, when a list is longer than we take. */
static bool list_ok(struct reader *r, const struct place *where, const json_t *list)
{
    if (json_array_size(list) <= ARTICLE_LIST_MAX) {
        return true;
    }
    fault(r,
          where,
          "%zu entries, at most %d are accepted",
          json_array_size(list),
          ARTICLE_LIST_MAX);
    return false;
}

static void read_strings(struct reader *r,
                         const struct place *where,
                         const json_t *v,
                         int64_t max,
                         struct strings *into)
{
    if (json_is_string(v)) {
        read_word(r, where, v, max, into);
        return;
    }
    if (!json_is_array(v)) {
        fault(r, where, "expected a string or a list of strings, got %s", type_name(v));
        return;
    }
    for (size_t i = 0; list_ok(r, where, v) && i < json_array_size(v); i++) {
        const struct place item = {.in = where, .index = i};

        read_word(r, &item, json_array_get(v, i), max, into);
    }
}

static void read_members(struct reader *r,
                         const struct place *where,
                         const json_t *object,
                         const struct member *members,
                         size_t count,
                         void *into);

static void read_image(struct reader *r,
                       const struct place *where,
                       const json_t *v,
                       struct article_image *into)
{
    if (json_is_string(v)) {
        read_url(r, where, v, ARTICLE_URL_BYTES, &into->url);
    } else if (json_is_object(v)) {
        read_members(r, where, v, image_members, ARRAY_LEN(image_members), into);
    } else {
        fault(r, where, "expected a URL or an object with one, got %s", type_name(v));
    }
}

static void
read_images(struct reader *r, const struct place *where, const json_t *v, struct article *into)
{
    if (!json_is_array(v)) {
        fault(r, where, "expected a list of images, got %s", type_name(v));
        return;
    }
    if (!list_ok(r, where, v) || json_array_size(v) == 0 || into->images != NULL) {
        return;
    }
    into->images = mem_calloc(json_array_size(v), sizeof into->images[0]);
    into->image_count = json_array_size(v);
    for (size_t i = 0; i < into->image_count; i++) {
        const struct place item = {.in = where, .index = i};

        read_image(r, &item, json_array_get(v, i), &into->images[i]);
    }
}

static void read_video(struct reader *r,
                       const struct place *where,
                       const json_t *v,
                       struct article_video *into)
{
    if (json_is_string(v)) {
        read_url(r, where, v, ARTICLE_URL_BYTES, &into->url);
    } else if (json_is_object(v)) {
        read_members(r, where, v, video_members, ARRAY_LEN(video_members), into);
    } else {
        fault(r, where, "expected a URL or an object with one, got %s", type_name(v));
    }
}

static void
read_urgency(struct reader *r, const struct place *where, const json_t *v, int64_t max, int *at)
{
    int64_t value;

    if (take_integer(r, where, v, 1, max, &value)) {
        *at = (int)value;
    }
}

static void read_maybe(struct reader *r, const struct place *where, const json_t *v, int *at)
{
    bool value;

    if (take_bool(r, where, v, &value)) {
        *at = value ? 1 : 0;
    }
}

/* True, or what was corrected; false and an empty text say that nothing was. */
static void read_correction(struct reader *r,
                            const struct place *where,
                            const json_t *v,
                            const struct member *m,
                            char **at)
{
    if (json_is_true(v)) {
        mem_free(*at);
        *at = mem_strdup("");
    } else if (json_is_string(v)) {
        read_text(r, where, v, m, at);
    } else if (!json_is_false(v)) {
        fault(r, where, "expected true or a text that says what, got %s", type_name(v));
    }
}

static void read_member(struct reader *r,
                        const struct place *where,
                        const json_t *v,
                        const struct member *m,
                        void *at)
{
    switch (m->kind) {
    case M_ID:
        read_id(r, where, v, m->max, at);
        break;
    case M_URL:
        read_url(r, where, v, m->max, at);
        break;
    case M_PLAIN:
    case M_FROM_HTML:
    case M_AS_GIVEN:
        read_text(r, where, v, m, at);
        break;
    case M_CORRECTION:
        read_correction(r, where, v, m, at);
        break;
    case M_LANGUAGE:
        read_language(r, where, v, m->max, at);
        break;
    case M_TIME:
    case M_UNTIL:
        read_time(r, where, v, m->kind, at);
        break;
    case M_NUMBER:
        (void)take_integer(r, where, v, 0, m->max, at);
        break;
    case M_URGENCY:
        read_urgency(r, where, v, m->max, at);
        break;
    case M_MAYBE:
        read_maybe(r, where, v, at);
        break;
    case M_BOOL:
        (void)take_bool(r, where, v, at);
        break;
    case M_STRINGS:
        read_strings(r, where, v, m->max, at);
        break;
    case M_IMAGES:
        read_images(r, where, v, at);
        break;
    case M_VIDEO:
        read_video(r, where, v, at);
        break;
    }
}

static void read_unknown(struct reader *r,
                         const struct place *where,
                         const char *key,
                         const struct member *members,
                         size_t count)
{
    const char *names[MEMBERS_MAX];

    if (strncmp(key, "x_", 2) == 0 || strncmp(key, "x-", 2) == 0) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        names[i] = members[i].name;
    }
    const char *closest = parse_closest(key, names, count);
    if (closest != NULL) {
        fault(r, where, "unknown member, did you mean \"%s\"?", closest);
    } else {
        fault(r, where, "unknown member (names that begin with x_ are let through)");
    }
}

static const struct member *
member_find(const char *name, const struct member *members, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(name, members[i].name) == 0) {
            return &members[i];
        }
    }
    return NULL;
}

/* Jansson's iterator wants the object without const; here it is only read. */
#define MEMBER_EACH(object, it)                                                                \
    for (void *it = json_object_iter(object); it != NULL;                                      \
         it = json_object_iter_next(object, it))

/* Until the list of faults is full: a body of five megabytes holds half a million names, and the
 * search for what each was meant to be takes its time. */
static void read_unknowns(struct reader *r,
                          const struct place *where,
                          json_t *object,
                          const struct member *members,
                          size_t count)
{
    MEMBER_EACH(object, it)
    {
        const struct place inner = {.in = where, .name = json_object_iter_key(it)};

        if (r->faults->count >= ARTICLE_FAULTS_MAX) {
            return;
        }
        if (member_find(inner.name, members, count) == NULL) {
            read_unknown(r, &inner, inner.name, members, count);
        }
    }
}

/* A member that is null counts as not told. What is missing is said before what is too much: a
 * fault of many is cut off behind the first few. */
static void read_members(struct reader *r,
                         const struct place *where,
                         const json_t *object,
                         const struct member *members,
                         size_t count,
                         void *into)
{
    json_t *readable = json_pointer(object, "");
    bool told[MEMBERS_MAX] = {false};
    size_t known = 0;

    MEMBER_EACH(readable, it)
    {
        const struct place inner = {.in = where, .name = json_object_iter_key(it)};
        const struct member *m = member_find(inner.name, members, count);
        const json_t *v = json_object_iter_value(it);

        known += m != NULL;
        if (m != NULL && !json_is_null(v)) {
            told[m - members] = true;
            read_member(r, &inner, v, m, (char *)into + m->offset);
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (members[i].required && !told[i]) {
            fault(r, &(struct place){.in = where, .name = members[i].name}, "missing");
        }
    }
    if (known < json_object_size(object)) {
        read_unknowns(r, where, readable, members, count);
    }
}

static enum err_code
read_article(struct article **out, const json_t *json, struct reader *r, struct err *why)
{
    struct article *a = mem_zalloc(sizeof *a);

    r->faults->count = 0;
    a->breaking = -1;
    if (json_is_object(json)) {
        read_members(r, NULL, json, article_members, ARRAY_LEN(article_members), a);
    } else {
        fault(
            r, NULL, "expected an object, got %s", json == NULL ? "nothing" : type_name(json));
    }
    if (r->faults->count > 0) {
        article_unref(a);
        return err_set(why,
                       ERR_INVALID,
                       "article: %s: %s%s",
                       r->faults->v[0].where[0] == '\0' ? "/" : r->faults->v[0].where,
                       r->faults->v[0].what,
                       r->faults->count > 1 ? " (and more)" : "");
    }
    *out = a;
    return ERR_NONE;
}

enum err_code article_from_json(struct article **out,
                                const json_t *json,
                                int64_t now_ms,
                                struct article_faults *faults,
                                struct err *why)
{
    struct article_faults own;
    struct reader r = {.faults = faults == NULL ? &own : faults, .now_ms = now_ms};

    return read_article(out, json, &r, why);
}

enum err_code
article_restore(struct article **out, const char *text, size_t len, struct err *why)
{
    struct article_faults faults;
    struct reader r = {.faults = &faults, .ours = true};
    json_t *json = NULL;
    enum err_code rc = json_read(&json, text, len, STORED_DEPTH, why);

    if (rc == ERR_NONE) {
        rc = read_article(out, json, &r, why);
    }
    json_decref(json);
    return rc;
}
