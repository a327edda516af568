#ifndef CRIER_TESTS_FUZZ_WIRE_H
#define CRIER_TESTS_FUZZ_WIRE_H

/* What must hold for every request an adapter builds, whatever an article or a platform has put into
 * it: it says one thing on the wire, and nobody's text has become another header, another recipient or
 * broken JSON. */

#include <string.h>

#include "adapters/adapter.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/url.h"

static inline bool wire_is_token(const char *name)
{
    return *name != '\0' && strspn(name,
                                   "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
                                   "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == strlen(name);
}

/* Of a header's value or an address: on one line. */
static inline bool wire_is_line(const char *text)
{
    for (; *text != '\0'; text++) {
        if (((unsigned char)*text < ' ' && *text != '\t') || *text == 0x7f) {
            return false;
        }
    }
    return true;
}

/* RFC 5322 and 5321: lines of at most 998 bytes, each ended by CRLF, neither CR nor LF elsewhere, 7 bit;
 * a head of named fields, each of which stands there once, and their continuations. */
static inline void wire_check_mail(const char *text, size_t len)
{
    static const char *const once[] = {"From:", "To:", "Subject:", "Message-ID:", "Date:"};
    size_t seen[ARRAY_LEN(once)] = {0};
    bool in_head = true;

    must(len > 2 && memchr(text, '\0', len) == NULL);
    while (len > 0) {
        const char *end = memchr(text, '\n', len);
        size_t n = end == NULL ? 0 : (size_t)(end - text);

        must(end != NULL && n > 0 && text[n - 1] == '\r' && n - 1 <= 998);
        must(memchr(text, '\r', n - 1) == NULL);
        for (size_t i = 0; i < n; i++) {
            must((unsigned char)text[i] < 0x80);
        }
        in_head = in_head && n > 1;
        must(!in_head || *text == ' ' || *text == '\t' || memchr(text, ':', n) != NULL);
        for (size_t i = 0; in_head && i < ARRAY_LEN(once); i++) {
            seen[i] += strncasecmp(text, once[i], strlen(once[i])) == 0;
        }
        text += n + 1;
        len -= n + 1;
    }
    must(!in_head);
    for (size_t i = 0; i < ARRAY_LEN(once); i++) {
        must(seen[i] == 1);
    }
}

static inline void wire_check_envelope(const struct http_request *req)
{
    must(wire_is_line(req->mail->from) && strpbrk(req->mail->from, " <>") == NULL);
    if (req->mail->to != NULL) {
        must(wire_is_line(req->mail->to) && strpbrk(req->mail->to, " <>") == NULL);
        wire_check_mail(buf_str(&req->body), req->body.len);
    }
}

static inline void wire_check_json(const struct http_request *req)
{
    json_t *body = NULL;

    must(json_read(&body, buf_str(&req->body), req->body.len, 64, NULL) == ERR_NONE);
    json_decref(body);
}

static inline void wire_check_http(const struct http_request *req)
{
    const char *type = http_header(&req->headers, "Content-Type");

    for (size_t i = 0; i < req->headers.count; i++) {
        must(wire_is_token(req->headers.v[i].name) && wire_is_line(req->headers.v[i].value));
    }
    for (size_t i = 0; i < req->part_count; i++) {
        must(wire_is_line(req->parts[i].name));
        must(req->parts[i].filename == NULL || wire_is_line(req->parts[i].filename));
    }
    if (type != NULL && strcmp(type, "application/json") == 0) {
        wire_check_json(req);
    }
}

static inline void wire_check(const struct http_request *req)
{
    must(req->url != NULL && wire_is_line(req->url) && buf_ok(&req->body));
    if (req->mail != NULL) {
        wire_check_envelope(req);
    } else {
        wire_check_http(req);
    }
}

/* It goes somewhere. */
static inline void wire_check_url(const struct http_request *req)
{
    struct url_parts parts;

    must(req->mail != NULL || url_parse(&parts, req->url));
}

/* Every text that was fitted is as short as the platform wants it. */
static inline void wire_check_fits(const struct step_ctx *ctx)
{
    for (size_t i = 0; i < ctx->fit_count; i++) {
        must(ctx->fits[i].rule.max == 0 || ctx->fits[i].measured <= ctx->fits[i].rule.max);
    }
}

#endif
