/* The bytes that a sender signed, put together again from a scheme's template and from what the call
 * carries. Called by sign.c. A word in braces that is none of ours stays as it is: Hygraph signs a
 * JSON text. */

#include "sources/sign_internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/mem.h"
#include "base/text.h"

#define SIGNED_HEADERS_MAX 64 /* Contentful names about ten */

/* ---- Hygraph: the body as a JSON string ---- */

/* What JSON.stringify() makes of it: no escapes but those that must be. */
static void add_json_string(struct buf *out, const char *text, size_t len)
{
    static const char letters[] = "btn\vfr"; /* of \b to \r; \v has none */

    buf_addc(out, '"');
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];

        if (c == '"' || c == '\\') {
            buf_addf(out, "\\%c", c);
        } else if (c >= '\b' && c <= '\r' && c != '\v') {
            buf_addf(out, "\\%c", letters[c - '\b']);
        } else if (c < ' ') {
            buf_addf(out, "\\u%04x", c);
        } else {
            buf_addc(out, (char)c);
        }
    }
    buf_addc(out, '"');
}

/* ---- Contentful: the whole request ---- */

/* Percent-encodes every byte that is neither a letter, a digit nor in keep. */
static void add_escaped(struct buf *out, const char *text, size_t len, const char *keep)
{
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.!~*'()";

    for (size_t i = 0; i < len; i++) {
        if (text[i] != '\0' &&
            (strchr(plain, text[i]) != NULL || strchr(keep, text[i]) != NULL)) {
            buf_addc(out, text[i]);
        } else {
            buf_addf(out, "%%%02X", (unsigned)(unsigned char)text[i]);
        }
    }
}

/* As JavaScript does it: the query escaped as a whole, and then all of it through encodeURI(). */
static void add_target(struct buf *out, const char *target)
{
    static const char of_uris[] = ";,/?:@&=+$#";
    size_t path_len = strcspn(target, "?");
    struct buf uri;

    buf_init(&uri, SIZE_MAX / 2);
    buf_add(&uri, target, path_len);
    if (target[path_len] == '?' && target[path_len + 1] != '\0') {
        const char *query = target + path_len + 1;

        buf_addc(&uri, '?');
        add_escaped(&uri, query, strlen(query), "");
    }
    add_escaped(out, buf_str(&uri), uri.len, of_uris);
    buf_done(&uri);
}

static int by_name(const void *a, const void *b)
{
    const char *const *x = a;
    const char *const *y = b;

    return strcmp(*x, *y);
}

/* The names of a comma list, lower case, in order; how many there are, 0: none, or too many. list is
 * written to. */
static size_t split_names(char *list, const char *names[SIGNED_HEADERS_MAX])
{
    size_t count = 0;
    char *name;

    for (char *c = list; *c != '\0'; c++) {
        *c = *c >= 'A' && *c <= 'Z' ? (char)(*c - 'A' + 'a') : *c;
    }
    while ((name = strsep(&list, ", ")) != NULL) {
        if (count == SIGNED_HEADERS_MAX) {
            return 0;
        }
        if (*name != '\0') {
            names[count++] = name;
        }
    }
    qsort(names, count, sizeof names[0], by_name);
    return count;
}

static void add_trimmed(struct buf *out, const char *text)
{
    size_t from = strspn(text, " \t"), len = strlen(text);

    while (len > from && (text[len - 1] == ' ' || text[len - 1] == '\t')) {
        len--;
    }
    buf_add(out, text + from, len - from);
}

/* "name:value;name:value". False: one is not there, or the time is not among them, so that it could be
 * any. */
static bool add_headers(struct buf *out,
                        const struct sign_scheme *scheme,
                        const struct source_call *call,
                        char *list)
{
    const char *names[SIGNED_HEADERS_MAX];
    size_t count = split_names(list, names);
    bool timed = false;

    for (size_t i = 0; i < count; i++) {
        const char *value = call->header(call->context, names[i]);

        if (value == NULL) {
            return false;
        }
        timed = timed || text_same_fold(names[i], scheme->time_header);
        buf_addf(out, "%s%s:", i > 0 ? ";" : "", names[i]);
        add_trimmed(out, value);
    }
    return timed;
}

static bool
add_request(struct buf *out, const struct sign_scheme *scheme, const struct source_call *call)
{
    char *list = mem_strdup(call->header(call->context, "x-contentful-signed-headers"));
    bool whole;

    if (list == NULL) {
        return false;
    }
    buf_addf(out, "%s\n", call->method);
    add_target(out, call->target);
    buf_addc(out, '\n');
    whole = add_headers(out, scheme, call, list);
    buf_addc(out, '\n');
    buf_add(out, call->body, call->body_len);
    mem_free(list);
    return whole;
}

/* ---- the template ---- */

enum word { WORD_BODY, WORD_TIMESTAMP, WORD_ID, WORD_JSON, WORD_ENV, WORD_REQUEST, WORD_NONE };

static enum word word_at(const char *text, size_t *out_len)
{
    static const char *const words[] = {
        [WORD_BODY] = "{body}",
        [WORD_TIMESTAMP] = "{timestamp}",
        [WORD_ID] = "{id}",
        [WORD_JSON] = "{json}",
        [WORD_ENV] = "{env}",
        [WORD_REQUEST] = "{request}",
    };

    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        *out_len = strlen(words[i]);
        if (strncmp(text, words[i], *out_len) == 0) {
            return (enum word)i;
        }
    }
    *out_len = 1;
    return WORD_NONE;
}

static bool add_text(struct buf *out, const char *text)
{
    buf_adds(out, text != NULL ? text : "");
    return text != NULL;
}

static bool add_word(struct buf *out,
                     enum word word,
                     const struct sign_scheme *scheme,
                     const struct sign_parts *parts,
                     const struct source_call *call)
{
    switch (word) {
    case WORD_BODY:
        buf_add(out, call->body, call->body_len);
        return true;
    case WORD_TIMESTAMP:
        return add_text(out, parts->timestamp);
    case WORD_ID:
        return add_text(out, parts->id);
    case WORD_JSON:
        add_json_string(out, call->body, call->body_len);
        return true;
    case WORD_ENV:
        return add_text(out, parts->env);
    case WORD_REQUEST:
        return add_request(out, scheme, call);
    case WORD_NONE:
        break;
    }
    return false;
}

bool sign__content(struct buf *out,
                   const struct sign_scheme *scheme,
                   const struct sign_parts *parts,
                   const struct source_call *call)
{
    size_t len;

    for (const char *at = scheme->content; *at != '\0'; at += len) {
        enum word word = word_at(at, &len);

        if (word == WORD_NONE) {
            buf_addc(out, *at);
        } else if (!add_word(out, word, scheme, parts, call)) {
            return false;
        }
    }
    return true;
}
