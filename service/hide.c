/* Secrets out of texts. Called by the courier and by oauth_walk.c for every answer before an adapter reads it and
 * for every verdict, and by preview.c for what it shows. Owns nothing. Which settings are
 * secrets is said by the rows of their tables; which headers of an operator's own are, and which
 * parameters of an address, by their names.
 *
 * The answer is cleaned and not only what is told of it: what is told is cut to fit, and half a
 * token would no longer be found. */

#include "service/hide.h"

#include <stdio.h>
#include <string.h>

#include "base/crypto.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/url.h"

#define TEXT_BYTES ((size_t)80 * 1024 * 1024)
/* In answers only: a password of four letters stands in many words that mean no harm. */
#define ANSWER_MIN_BYTES 8

/* By length: an answer may hold anything. */
static void replace_all(struct buf *text, const char *needle, size_t needle_len)
{
    const char *from = buf_str(text), *end = from + text->len;
    const char *hit = needle_len > 0 ? memmem(from, text->len, needle, needle_len) : NULL;
    struct buf out;

    if (!hit) {
        return;
    }
    buf_init(&out, TEXT_BYTES);
    for (; hit; hit = memmem(from, (size_t)(end - from), needle, needle_len)) {
        buf_add(&out, from, (size_t)(hit - from));
        buf_adds(&out, "***");
        from = hit + needle_len;
    }
    buf_add(&out, from, (size_t)(end - from));
    mem_wipe(text->data, text->len); /* what comes is shorter, or elsewhere */
    buf_clear(text);
    buf_add(text, buf_str(&out), out.len);
    buf_done(&out);
}

static void hide_one(struct buf *text, const char *secret, size_t min_bytes)
{
    struct buf form;

    /* In no form is it shorter than it is. */
    if (!secret || strlen(secret) < min_bytes || strlen(secret) > text->len) {
        return;
    }
    replace_all(text, secret, strlen(secret));
    buf_init_secret(&form, TEXT_BYTES);
    url_encode(&form, secret);
    replace_all(text, buf_str(&form), form.len);
    buf_clear(&form);
    json_t *list = json_pack("[s]", secret);
    if (list) { /* NULL: not UTF-8, so no JSON string can hold it */
        json_write(&form, list);
        must(form.len > 4); /* ["…"] */
        replace_all(text, buf_str(&form) + 2, form.len - 4);
    }
    json_decref(list);
    buf_done(&form);
}

static bool names_credential(const char *key)
{
    static const char *const words[] = {"auth",
                                        "cookie",
                                        "key",
                                        "token",
                                        "secret",
                                        "password",
                                        "signature",
                                        "access",
                                        "refresh"};

    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (strcasestr(key, words[i])) {
            return true;
        }
    }
    return false;
}

static void hide_pairs(struct buf *text, const struct pairs *pairs, size_t min_bytes)
{
    for (size_t i = 0; i < pairs->count; i++) {
        if (names_credential(pairs->v[i].key)) {
            hide_one(text, pairs->v[i].value, min_bytes);
        }
    }
}

/* As it stands in an address, and as it is meant. */
static void hide_encoded(struct buf *text, const char *from, size_t len, size_t min_bytes)
{
    char *raw = mem_strndup(from, len);
    struct buf decoded;

    buf_init_secret(&decoded, TEXT_BYTES);
    hide_one(text, raw, min_bytes);
    if (url_decode(&decoded, from, len, false) && strlen(buf_str(&decoded)) == decoded.len) {
        hide_one(text, buf_str(&decoded), min_bytes);
    }
    buf_done(&decoded);
    mem_free_secret_text(raw);
}

/* Shorter ones are words of a path; numbers are ids, and answers are full of ids. */
#define PART_MIN_BYTES 16

static void hide_part(struct buf *text, const char *part, size_t len)
{
    if (len >= PART_MIN_BYTES && strspn(part, "0123456789") < len) {
        hide_encoded(text, part, len, PART_MIN_BYTES);
    }
}

/* A secret may be an address (a webhook's), and what opens it is a part of its path or query:
 * requests to other addresses of that webhook have it, too. */
static void hide_address(struct buf *text, const char *secret)
{
    static const char between[] = "/?&=#";
    struct url_parts url;

    if (!secret || !url_parse(&url, secret)) {
        return;
    }
    for (const char *p = url.path; *p; p += strcspn(p, between), p += strspn(p, between)) {
        hide_part(text, p, strcspn(p, between));
    }
}

/* "user:password" as HTTP sends it. */
static void hide_basic(struct buf *text, const char *from, size_t len)
{
    struct buf decoded, basic;

    buf_init_secret(&decoded, TEXT_BYTES);
    buf_init_secret(&basic, TEXT_BYTES);
    if (url_decode(&decoded, from, len, false)) {
        crypto_base64(&basic, buf_str(&decoded), decoded.len);
        replace_all(text, buf_str(&basic), basic.len);
    }
    buf_done(&basic);
    buf_done(&decoded);
}

static void hide_userinfo(struct buf *text, const char *url, size_t min_bytes)
{
    const char *from = strstr(url, "://") + 3;
    size_t len = strcspn(from, "@");
    const char *colon = memchr(from, ':', len);

    hide_basic(text, from, len);
    if (colon != NULL) {
        hide_encoded(text, colon + 1, len - (size_t)(colon + 1 - from), min_bytes);
    } else {
        hide_encoded(text, from, len, min_bytes); /* a token in the place of a name */
    }
}

static void hide_parameters(struct buf *text, const char *query, size_t len, size_t min_bytes)
{
    const char *end = query + len;

    while (query < end) {
        size_t whole = strcspn(query, "&#");
        size_t name_len = strcspn(query, "=&#");
        char *name = mem_strndup(query, name_len);

        if (name_len < whole && names_credential(name)) {
            hide_encoded(text, query + name_len + 1, whole - name_len - 1, min_bytes);
        }
        mem_free(name);
        query += whole + 1;
    }
}

/* The parts of an address that are no address: user and password, and keys in its query. */
static void hide_url(struct buf *text, const char *url, size_t min_bytes)
{
    struct url_parts parts;

    if (url == NULL || !url_parse(&parts, url)) {
        return;
    }
    if (parts.has_userinfo) {
        hide_userinfo(text, url, min_bytes);
    }
    if (parts.query != NULL) {
        hide_parameters(text, parts.query, parts.query_len, min_bytes);
    }
}

static bool is_name_of_login(const struct field *f)
{
    static const char *const names[] = {"user", "username", "client_id"};

    for (size_t i = 0; f->kind == FIELD_STRING && i < ARRAY_LEN(names); i++) {
        if (strcmp(f->key, names[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* A secret that is sent together with a name of the same settings, as Basic has the two. */
static void hide_login(struct buf *text,
                       const struct field *fields,
                       const void *object,
                       const struct secret *secret)
{
    struct buf pair, basic;

    for (const struct field *f = fields; secret->text && f->kind != FIELD_END_KIND; f++) {
        const void *at = (const char *)object + f->offset;
        const char *name = is_name_of_login(f) ? *(char *const *)at : NULL;

        if (name) {
            buf_init_secret(&pair, TEXT_BYTES);
            buf_init_secret(&basic, TEXT_BYTES);
            buf_addf(&pair, "%s:%s", name, secret->text);
            crypto_base64(&basic, buf_str(&pair), pair.len);
            replace_all(text, buf_str(&basic), basic.len);
            buf_done(&basic);
            buf_done(&pair);
        }
    }
}

static void
hide_fields(struct buf *text, const struct field *fields, const void *object, size_t min_bytes)
{
    for (const struct field *f = fields; f && f->kind != FIELD_END_KIND; f++) {
        const void *at = (const char *)object + f->offset;

        if (f->kind == FIELD_SECRET) {
            hide_login(text, fields, object, at);
            hide_one(text, ((const struct secret *)at)->text, min_bytes);
            hide_address(text, ((const struct secret *)at)->text);
        } else if (f->kind == FIELD_URL) {
            hide_url(text, *(char *const *)at, min_bytes);
        } else if (f->kind == FIELD_MAP) {
            hide_pairs(text, at, min_bytes);
        } else if (f->kind == FIELD_OBJECT) {
            hide_fields(text, f->fields, at, min_bytes);
        }
    }
}

void hide_settings(struct buf *text, const struct channel_settings *channel, size_t min_bytes)
{
    if (channel->own) {
        hide_fields(text, channel->type->settings, channel->own, min_bytes > 0 ? min_bytes : 1);
    }
}

void hide_tokens(struct buf *text, const json_t *object)
{
    const char *name;
    json_t *value;

    json_object_foreach(json_unconst(object), name, value)
    {
        if (names_credential(name)) {
            hide_one(text, json_string_value(value), ANSWER_MIN_BYTES);
        }
    }
}

static void hide_in_headers(struct http_headers *headers,
                            const struct channel_settings *channel,
                            const json_t *account,
                            const json_t *grant)
{
    for (size_t i = 0; i < headers->count; i++) {
        struct http_header *h = &headers->v[i];
        struct buf text;

        buf_init(&text, TEXT_BYTES);
        buf_adds(&text, h->value);
        hide_settings(&text, channel, ANSWER_MIN_BYTES);
        hide_tokens(&text, account);
        hide_tokens(&text, grant);
        if (strcmp(buf_str(&text), h->value) != 0) {
            mem_free(h->value);
            h->value = mem_strdup(buf_str(&text));
        }
        buf_done(&text);
    }
}

void hide_in_answer(struct out_exchange *x,
                    const struct channel_settings *channel,
                    const json_t *account,
                    const json_t *grant)
{
    hide_settings(&x->body, channel, ANSWER_MIN_BYTES);
    if (x->response.status >= 300) {
        hide_tokens(&x->body, account);
        hide_tokens(&x->body, grant);
        hide_in_headers(&x->response.headers, channel, account, grant);
    }
    x->response.body = buf_str(&x->body);
    x->response.body_len = x->body.len;
}

void hide_in_detail(char *detail,
                    size_t size,
                    const struct channel_settings *channel,
                    const json_t *account,
                    const json_t *grant)
{
    struct buf text;

    buf_init(&text, TEXT_BYTES);
    buf_adds(&text, detail);
    hide_settings(&text, channel, ANSWER_MIN_BYTES);
    hide_tokens(&text, account);
    hide_tokens(&text, grant);
    (void)snprintf(detail, size, "%s", buf_str(&text));
    buf_done(&text);
}
