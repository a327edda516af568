#ifndef CRIER_ADAPTERS_HTTP_H
#define CRIER_ADAPTERS_HTTP_H

/* Requests and answers as data: of HTTP, and of mail servers (struct mail_envelope). Adapters build
 * the one and read the other; service/out.c carries them. No socket here. */

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/buf.h"
#include "base/secret.h"

struct media; /* adapter.h */

#define HTTP_BODY_BYTES ((size_t)64 * 1024 * 1024) /* ceiling of a request body */
#define HTTP_ANSWER_BYTES ((size_t)1024 * 1024)    /* of an answer; a step may say otherwise */

enum http_method {
    HTTP_GET,
    HTTP_HEAD,
    HTTP_POST,
    HTTP_PUT,
    HTTP_PATCH,
    HTTP_DELETE,
    HTTP_OPTIONS, /* of the door alone */
};
const char *http_method_name(enum http_method m);

struct http_header {
    char *name, *value;
};
struct http_headers {
    struct http_header *v;
    size_t count;
};
/* One part of a multipart/form-data body. */
struct http_part {
    char *name;
    char *filename;    /* NULL: a plain field */
    char *type;        /* media type; NULL: none */
    const void *bytes; /* borrowed: lives as long as the step's context */
    size_t len;
    char *text;                /* owned; used instead of bytes when set */
    const struct media *media; /* or `len` bytes of this file, which is streamed; borrowed */
    size_t media_from;
};

/* How a smtp:// connection gets its TLS. Where there is TLS the server's certificate is verified. */
enum mail_tls {
    MAIL_TLS_REQUIRED, /* STARTTLS, or nothing goes */
    MAIL_TLS_IF_OFFERED,
    MAIL_TLS_NONE,
};

/* Makes a request one to a mail server (RFC 5321). Its URL is smtp://HOST[:PORT]/NAME, or smtps:// for
 * TLS from the first byte; NAME is what we greet with, none: this machine's name. Its body is the
 * message with CRLF behind every line; method, headers and parts say nothing. */
struct mail_envelope {
    char *from; /* addresses without angle brackets */
    char *to;   /* NULL: greet, sign in and NOOP; no mail is sent */
    enum mail_tls tls;
    char *user; /* NULL: do not sign in */
    struct secret password;
};

/* Which command of the dialogue an answer of a mail server is to. */
enum mail_stage {
    MAIL_NO_STAGE, /* an answer of HTTP */
    MAIL_GREETING, /* to none: the server speaks first */
    MAIL_HELLO,
    MAIL_STARTTLS,
    MAIL_LOGIN,
    MAIL_SENDER,
    MAIL_RECIPIENT,
    MAIL_DATA,    /* may the message come? */
    MAIL_MESSAGE, /* the message, whole */
    MAIL_NOOP,
};
const char *mail_stage_name(enum mail_stage stage); /* "greeting" "EHLO" … "message" */

struct http_request {
    enum http_method method;
    char *url;
    struct http_headers headers;
    struct buf body;   /* ours; or: */
    const void *bytes; /* borrowed body (media), used when set */
    size_t bytes_len;
    const struct media *media; /* or: a part of this file, which is streamed; borrowed */
    size_t media_from, media_len;
    struct http_part *parts; /* or: multipart/form-data */
    size_t part_count;
    struct mail_envelope *mail; /* NULL: HTTP */
    size_t max_answer_bytes;    /* 0: HTTP_ANSWER_BYTES */
    bool skip; /* set by a build that has nothing to send: go on with the next step */
};

void http_request_init(struct http_request *r);
void http_request_done(struct http_request *r);
/* Later calls with the same name replace. value is copied without its control characters but tabs:
 * a line break in it would begin another header. Settings hold none (config/ refuses them), but a
 * platform may give us a token with one; that gets us a no from the platform, and must neither
 * stop the program nor send a header of its making. */
void http_set_header(struct http_request *r, const char *name, const char *value);
void http_set_headerf(struct http_request *r, const char *name, const char *format, ...)
    PRINTF_LIKE(3, 4);
void http_set_url(struct http_request *r, const char *format, ...) PRINTF_LIKE(2, 3);
/* The address of an API, with or without a slash at its end, and a path below it. Where the address has a
 * query of its own (WordPress's ?rest_route=) the path goes on in it, and its first '?' becomes '&'. */
void http_set_url_below(struct http_request *r, const char *base, const char *path_format, ...)
    PRINTF_LIKE(3, 4);
void http_vset_url_below(struct http_request *r,
                         const char *base,
                         const char *path_format,
                         va_list args) PRINTF_LIKE(3, 0);
/* Body = compact JSON of v (borrowed), Content-Type application/json. */
void http_set_json(struct http_request *r, const json_t *v);
void http_add_part_text(struct http_request *r, const char *name, const char *text);
/* The same with Content-Type application/json. */
void http_add_part_json(struct http_request *r, const char *name, const char *text);
void http_add_part_bytes(struct http_request *r,
                         const char *name,
                         const char *filename,
                         const char *type,
                         const void *bytes,
                         size_t len);
/* Body = len bytes of a picture or a video from `from` on; nothing of it is copied. */
void http_set_media(struct http_request *r, const struct media *media, size_t from, size_t len);
/* A part of a multipart/form-data body that is the whole file… */
void http_add_part_media(struct http_request *r,
                         const char *name,
                         const char *filename,
                         const struct media *media);
/* … or len bytes of it from `from` on (uploads in segments). */
void http_add_part_media_range(struct http_request *r,
                               const char *name,
                               const char *filename,
                               const struct media *media,
                               size_t from,
                               size_t len);
/* The request becomes mail; to may be NULL (see above). */
void http_set_mail(struct http_request *r, const char *from, const char *to, enum mail_tls tls);
void http_set_mail_login(struct http_request *r,
                         const char *user,
                         const struct secret *password);
/* First value of that name, folded; NULL when absent. */
const char *http_header(const struct http_headers *h, const char *name);
void http_headers_add(struct http_headers *h,
                      const char *name,
                      size_t name_len,
                      const char *value,
                      size_t value_len);
void http_headers_put(struct http_headers *h,
                      const char *name,
                      const char *value); /* of texts */
void http_headers_done(struct http_headers *h);

struct http_response {
    int status;            /* of a mail server: the code of its reply */
    enum mail_stage stage; /* what that replies to */
    struct http_headers headers;
    const char
        *body; /* NUL-terminated, may hold anything; of a mail server: the reply's text, its
                       * lines without their codes */
    size_t body_len;
    bool truncated; /* the answer was larger than max_answer_bytes: body holds its beginning */
    int64_t now_ms; /* wall clock when it was complete, for dates in headers */
};

/* The body as JSON (depth-limited), new reference; NULL when it is none. */
json_t *http_json(const struct http_response *res);
/* Retry-After in milliseconds from now, RFC 9110 section 10.2.3: seconds (a fraction too, as
 * Zulip sends) or a date. 0 when absent or unreadable; never negative. */
int64_t http_retry_after_ms(const struct http_response *res);
/* The same for a number of seconds found in a body: rounded up, 0 for anything not positive, a
 * year at most. */
int64_t http_seconds_ms(double seconds);

#endif
