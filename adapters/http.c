/* Requests and answers as data: building the one, reading the other. Adapters call it in their
 * steps, service/out.c when it carries a request and collects an answer. It owns the copies it
 * makes of names, values and URLs; media bytes stay borrowed. No socket here. */

#include "adapters/http.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "adapters/adapter.h"
#include "base/attr.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/parse.h"
#include "base/text.h"

#define HTTP_JSON_DEPTH 64

/* A delay nobody means: what is longer is cut to it, so that sums of times never overflow. */
#define RETRY_AFTER_MAX_MS (366 * MS_DAY)

const char *http_method_name(enum http_method m)
{
    static const char *const names[] = {
        "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};

    must((size_t)m < ARRAY_LEN(names));
    return names[m];
}

const char *mail_stage_name(enum mail_stage stage)
{
    static const char *const names[] = {
        [MAIL_NO_STAGE] = "",
        [MAIL_GREETING] = "greeting",
        [MAIL_HELLO] = "EHLO",
        [MAIL_STARTTLS] = "STARTTLS",
        [MAIL_LOGIN] = "AUTH",
        [MAIL_SENDER] = "MAIL FROM",
        [MAIL_RECIPIENT] = "RCPT TO",
        [MAIL_DATA] = "DATA",
        [MAIL_MESSAGE] = "message",
        [MAIL_NOOP] = "NOOP",
    };

    must((size_t)stage < ARRAY_LEN(names));
    return names[stage];
}

void http_request_init(struct http_request *r)
{
    memset(r, 0, sizeof *r);
    buf_init_secret(&r->body, HTTP_BODY_BYTES); /* of a login */
}

static void part_done(struct http_part *part)
{
    mem_free(part->name);
    mem_free(part->filename);
    mem_free(part->type);
    mem_free(part->text);
}

static void mail_free(struct mail_envelope *mail)
{
    if (mail) {
        mem_free(mail->from);
        mem_free(mail->to);
        mem_free(mail->user);
        secret_done(&mail->password);
        mem_free(mail);
    }
}

void http_request_done(struct http_request *r)
{
    if (!r) {
        return;
    }
    mem_free_secret_text(r->url); /* Telegram has its token there */
    http_headers_done(&r->headers);
    buf_done(&r->body);
    for (size_t i = 0; i < r->part_count; i++) {
        part_done(&r->parts[i]);
    }
    mem_free(r->parts);
    mail_free(r->mail);
    memset(r, 0, sizeof *r);
}

/* What of a text may stand in a header line, yours. */
static char *header_value_dup(const char *text)
{
    char *copy = mem_strdup(text);
    char *to = copy;

    for (; *text; text++) {
        if (((unsigned char)*text >= 0x20 && *text != 0x7f) || *text == '\t') {
            *to++ = *text;
        }
    }
    *to = '\0';
    return copy;
}

static struct http_header *header_find(const struct http_headers *h, const char *name)
{
    for (size_t i = 0; i < h->count; i++) {
        if (text_same_fold(h->v[i].name, name)) {
            return &h->v[i];
        }
    }
    return NULL;
}

void http_set_header(struct http_request *r, const char *name, const char *value)
{
    struct http_header *old;
    char *copy;

    must(*name && !strpbrk(name, "\r\n"));
    copy = header_value_dup(value); /* value may be the old one */
    old = header_find(&r->headers, name);
    if (!old) {
        http_headers_add(&r->headers, name, strlen(name), copy, strlen(copy));
        mem_free_secret_text(copy);
        return;
    }
    mem_free_secret_text(old->value);
    old->value = copy;
}

/* The formatted text, yours. What outsiders put into it came through a bounded answer. */
static PRINTF_LIKE(1, 0) char *format_text(const char *format, va_list args)
{
    va_list again;
    char *text;
    int len;

    va_copy(again, args);
    len = vsnprintf(NULL, 0, format, again);
    va_end(again);
    must(len >= 0);
    text = mem_alloc((size_t)len + 1);
    (void)vsnprintf(text, (size_t)len + 1, format, args);
    return text;
}

void http_set_headerf(struct http_request *r, const char *name, const char *format, ...)
{
    va_list args;
    char *value;

    va_start(args, format);
    value = format_text(format, args);
    va_end(args);
    http_set_header(r, name, value);
    mem_free_secret_text(value);
}

void http_set_url(struct http_request *r, const char *format, ...)
{
    va_list args;
    char *url;

    va_start(args, format);
    url = format_text(format, args);
    va_end(args);
    mem_free_secret_text(r->url);
    r->url = url;
}

void http_vset_url_below(struct http_request *r,
                         const char *base,
                         const char *path_format,
                         va_list args)
{
    size_t base_len = strlen(base);
    char *path = format_text(path_format, args);
    char *query = strchr(base, '?') ? strchr(path, '?') : NULL;

    while (base_len > 0 && base[base_len - 1] == '/') {
        base_len--;
    }
    if (query) {
        *query = '&';
    }
    http_set_url(r, "%.*s%s", (int)base_len, base, path);
    mem_free_secret_text(path);
}

void http_set_url_below(struct http_request *r, const char *base, const char *path_format, ...)
{
    va_list args;

    va_start(args, path_format);
    http_vset_url_below(r, base, path_format, args);
    va_end(args);
}

void http_set_json(struct http_request *r, const json_t *v)
{
    buf_clear(&r->body);
    json_write(&r->body, v);
    http_set_header(r, "Content-Type", "application/json");
}

static struct http_part *part_add(struct http_request *r, const char *name)
{
    struct http_part *part;

    r->parts = mem_realloc(r->parts, r->part_count + 1, sizeof *r->parts);
    part = &r->parts[r->part_count++];
    memset(part, 0, sizeof *part);
    part->name = mem_strdup(name);
    return part;
}

void http_add_part_text(struct http_request *r, const char *name, const char *text)
{
    part_add(r, name)->text = mem_strdup(text);
}

void http_add_part_json(struct http_request *r, const char *name, const char *text)
{
    struct http_part *part = part_add(r, name);

    part->text = mem_strdup(text);
    part->type = mem_strdup("application/json");
}

void http_add_part_bytes(struct http_request *r,
                         const char *name,
                         const char *filename,
                         const char *type,
                         const void *bytes,
                         size_t len)
{
    struct http_part *part = part_add(r, name);

    part->filename = mem_strdup(filename);
    part->type = mem_strdup(type);
    part->bytes = bytes;
    part->len = len;
}

void http_set_media(struct http_request *r, const struct media *media, size_t from, size_t len)
{
    must(from <= media->len && len <= media->len - from);
    if (media->bytes) {
        r->bytes = (const char *)media->bytes + from;
        r->bytes_len = len;
        return;
    }
    r->media = media;
    r->media_from = from;
    r->media_len = len;
}

void http_add_part_media(struct http_request *r,
                         const char *name,
                         const char *filename,
                         const struct media *media)
{
    http_add_part_media_range(r, name, filename, media, 0, media->len);
}

void http_add_part_media_range(struct http_request *r,
                               const char *name,
                               const char *filename,
                               const struct media *media,
                               size_t from,
                               size_t len)
{
    struct http_part *part;

    must(from <= media->len && len <= media->len - from);
    if (media->bytes) {
        http_add_part_bytes(
            r, name, filename, media->type, (const char *)media->bytes + from, len);
        return;
    }
    part = part_add(r, name);
    part->filename = mem_strdup(filename);
    part->type = mem_strdup(media->type);
    part->media = media;
    part->media_from = from;
    part->len = len;
}

void http_set_mail(struct http_request *r, const char *from, const char *to, enum mail_tls tls)
{
    mail_free(r->mail);
    r->mail = mem_zalloc(sizeof *r->mail);
    r->mail->from = mem_strdup(from);
    r->mail->to = mem_strdup(to);
    r->mail->tls = tls;
}

void http_set_mail_login(struct http_request *r,
                         const char *user,
                         const struct secret *password)
{
    must(r->mail != NULL);
    mem_free(r->mail->user);
    r->mail->user = mem_strdup(user);
    secret_take(&r->mail->password, mem_strdup(password->text));
}

const char *http_header(const struct http_headers *h, const char *name)
{
    const struct http_header *found = header_find(h, name);

    return found ? found->value : NULL;
}

void http_headers_add(struct http_headers *h,
                      const char *name,
                      size_t name_len,
                      const char *value,
                      size_t value_len)
{
    h->v = mem_realloc(h->v, h->count + 1, sizeof *h->v);
    h->v[h->count].name = mem_strndup(name, name_len);
    h->v[h->count].value = mem_strndup(value, value_len);
    h->count++;
}

void http_headers_put(struct http_headers *h, const char *name, const char *value)
{
    http_headers_add(h, name, strlen(name), value, strlen(value));
}

void http_headers_done(struct http_headers *h)
{
    for (size_t i = 0; i < h->count; i++) {
        mem_free(h->v[i].name);
        mem_free_secret_text(h->v[i].value);
    }
    mem_free(h->v);
    memset(h, 0, sizeof *h);
}

json_t *http_json(const struct http_response *res)
{
    json_t *v = NULL;

    if (!res->body || res->truncated) {
        return NULL;
    }
    if (json_read(&v, res->body, res->body_len, HTTP_JSON_DEPTH, NULL)) {
        return NULL;
    }
    return v;
}

int64_t http_retry_after_ms(const struct http_response *res)
{
    const char *text = http_header(&res->headers, "Retry-After");
    double seconds;
    int64_t at_ms;

    if (!text) {
        return 0;
    }
    if (parse_f64(text, &seconds)) {
        return http_seconds_ms(seconds);
    }
    if (!time_parse_http(text, &at_ms) || at_ms <= res->now_ms) {
        return 0;
    }
    return at_ms - res->now_ms < RETRY_AFTER_MAX_MS ? at_ms - res->now_ms : RETRY_AFTER_MAX_MS;
}

int64_t http_seconds_ms(double seconds)
{
    if (!(seconds > 0)) { /* also not a number */
        return 0;
    }
    if (seconds * (double)MS_SECOND >= (double)RETRY_AFTER_MAX_MS) {
        return RETRY_AFTER_MAX_MS;
    }
    return (int64_t)ceil(seconds * (double)MS_SECOND);
}
