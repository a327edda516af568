/* A request of an adapter in libcurl's terms, and the head of an answer in ours. Called by
 * out.c only; owns the header list and the body that it hangs on the exchange. */

#include "service/out_internal.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <curl/curl.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/mem.h"
#include "base/parse.h"

#define HEADERS_BYTES ((size_t)64 * 1024)
/* A file goes at least so fast, or not at all: `timeout` is about answers, not about gigabytes. */
#define SLOWEST_BYTES_PER_SECOND ((uint64_t)128 * 1024)

#define SET(option, value) must(curl_easy_setopt(x->curl, option, value) == CURLE_OK)

/* ---- bodies, without a copy of the bytes ---- */

/* Reading ahead of what is sent: the kernel is told to fetch so much more from the disk at each border of
 * it, and does that by itself meanwhile. So a pread() here finds its bytes in the page cache, as it does
 * anyway of a video that was fetched a moment ago, and takes microseconds; that is why files are read on
 * the loop, in pieces as large as libcurl's buffer, and not by a thread that would have to pause and wake
 * the exchange for each. A disk that is slower than the network delays the loop by what it lacks of a piece:
 * milliseconds. */
#define AHEAD_BYTES ((uint64_t)2 * 1024 * 1024)

struct body_reader {
    const char *bytes; /* or: */
    const struct out_file *file;
    uint64_t from, len, at; /* at: of len */
};

static void read_ahead(const struct body_reader *r, size_t n)
{
    if (r->at == 0 || r->at / AHEAD_BYTES != (r->at + n) / AHEAD_BYTES) {
        (void)posix_fadvise(r->file->fd,
                            (off_t)(r->from + r->at),
                            (off_t)(2 * AHEAD_BYTES),
                            POSIX_FADV_WILLNEED);
    }
}

static size_t on_body_read(char *to, size_t size, size_t count, void *context)
{
    struct body_reader *r = context;
    size_t n = size * count;

    n = n < r->len - r->at ? n : (size_t)(r->len - r->at);
    if (n == 0) {
        return 0;
    }
    if (r->file) {
        ssize_t got;

        read_ahead(r, n);
        got = FAULT("out.file") ? -1 : pread(r->file->fd, to, n, (off_t)(r->from + r->at));
        if (got <= 0) { /* the request has left in part: LOST */
            return CURL_READFUNC_ABORT;
        }
        n = (size_t)got;
    } else {
        memcpy(to, r->bytes + r->at, n);
    }
    r->at += n;
    return n;
}

static int on_body_seek(void *context, curl_off_t offset, int origin)
{
    struct body_reader *r = context;

    if (origin != SEEK_SET || offset < 0 || (uint64_t)offset > r->len) {
        return CURL_SEEKFUNC_CANTSEEK;
    }
    r->at = (uint64_t)offset;
    return CURL_SEEKFUNC_OK;
}

static const struct out_file *file_of(const struct media *media)
{
    return media ? media->file : NULL;
}

static bool is_there(const struct media *media, uint64_t from, uint64_t len)
{
    const struct out_file *f = file_of(media);

    return f && f->fd >= 0 && from <= f->len && len <= f->len - from;
}

bool out__check_files(struct out_exchange *x)
{
    const struct http_request *r = x->request;
    bool good = !r->media || is_there(r->media, r->media_from, r->media_len);

    for (size_t i = 0; i < r->part_count; i++) {
        good = good && (!r->parts[i].media ||
                        is_there(r->parts[i].media, r->parts[i].media_from, r->parts[i].len));
    }
    if (!good) {
        (void)snprintf(x->error, sizeof x->error, "the file that was to be sent is not there");
    }
    return good;
}

int64_t out__files_time_ms(const struct out_exchange *x)
{
    uint64_t bytes = x->request->media ? x->request->media_len : 0;

    for (size_t i = 0; i < x->request->part_count; i++) {
        bytes += x->request->parts[i].media ? x->request->parts[i].len : 0;
    }
    return (int64_t)(bytes / SLOWEST_BYTES_PER_SECOND) * MS_SECOND;
}

static void set_part_data(curl_mimepart *to, const struct http_part *part)
{
    struct body_reader *r;

    if (part->text) {
        must(curl_mime_data(to, part->text, CURL_ZERO_TERMINATED) == CURLE_OK);
        return;
    }
    r = mem_zalloc(sizeof *r);
    r->bytes = part->bytes;
    r->file = file_of(part->media);
    r->from = part->media_from;
    r->len = part->len;
    must(curl_mime_data_cb(
             to, (curl_off_t)part->len, on_body_read, on_body_seek, mem_free, r) == CURLE_OK);
}

static void set_multipart(struct out_exchange *x)
{
    curl_mime *mime = curl_mime_init(x->curl);

    must(mime != NULL);
    for (size_t i = 0; i < x->request->part_count; i++) {
        const struct http_part *part = &x->request->parts[i];
        curl_mimepart *to = curl_mime_addpart(mime);

        must(to != NULL && curl_mime_name(to, part->name) == CURLE_OK);
        set_part_data(to, part);
        must(!part->filename || curl_mime_filename(to, part->filename) == CURLE_OK);
        must(!part->type || curl_mime_type(to, part->type) == CURLE_OK);
    }
    x->mime = mime;
    SET(CURLOPT_MIMEPOST, mime);
}

/* ---- method and body ---- */

/* A repeat of libcurl's own (see out.c) goes back to its beginning. */
static void set_file_body(struct out_exchange *x)
{
    struct body_reader *r = mem_zalloc(sizeof *r);

    r->file = file_of(x->request->media);
    r->from = x->request->media_from;
    r->len = x->request->media_len;
    x->reader = r;
    SET(CURLOPT_POST, 1L);
    SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->len);
    SET(CURLOPT_READFUNCTION, on_body_read);
    SET(CURLOPT_READDATA, r);
    SET(CURLOPT_SEEKFUNCTION, on_body_seek);
    SET(CURLOPT_SEEKDATA, r);
}

static void set_plain_body(struct out_exchange *x)
{
    const struct http_request *r = x->request;

    if (r->media) {
        set_file_body(x);
        return;
    }
    const void *bytes = r->bytes ? r->bytes : buf_str(&r->body);
    size_t len = r->bytes ? r->bytes_len : r->body.len;

    SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)len);
    SET(CURLOPT_POSTFIELDS, bytes);
}

static bool has_body(const struct http_request *r)
{
    return r->bytes || r->media || r->body.len > 0 || r->part_count > 0;
}

static void set_method(struct out_exchange *x)
{
    const struct http_request *r = x->request;

    if (r->method == HTTP_HEAD) {
        SET(CURLOPT_NOBODY, 1L);
        return;
    }
    if (r->method == HTTP_GET) {
        SET(CURLOPT_HTTPGET, 1L);
        return;
    }
    if (r->part_count > 0) {
        set_multipart(x);
    } else if (r->method != HTTP_DELETE || has_body(r)) {
        set_plain_body(x); /* also an empty one: Content-Length: 0 is expected of these */
    }
    if (r->method != HTTP_POST) {
        SET(CURLOPT_CUSTOMREQUEST, http_method_name(r->method));
    }
}

/* ---- headers ---- */

static void add_header(struct out_exchange *x, const char *name, const char *value)
{
    /* libcurl's own way to say "present, with no value" is a semicolon. */
    char *line = *value ? mem_printf("%s: %s", name, value) : mem_printf("%s;", name);
    struct curl_slist *list = curl_slist_append(x->header_list, line);

    must(list != NULL);
    x->header_list = list;
    mem_free_secret_text(line);
}

static void leave_out_header(struct out_exchange *x, const char *name_and_colon)
{
    struct curl_slist *list = curl_slist_append(x->header_list, name_and_colon);

    must(list != NULL);
    x->header_list = list;
}

static void set_headers(struct out_exchange *x)
{
    const struct http_headers *h = &x->request->headers;

    for (size_t i = 0; i < h->count; i++) {
        add_header(x, h->v[i].name, h->v[i].value);
    }
    leave_out_header(x, "Expect:"); /* the wait for 100 Continue costs more than it saves */
    if (x->request->part_count == 0 && !http_header(h, "Content-Type")) {
        leave_out_header(x, "Content-Type:"); /* else libcurl claims a form */
    }
    SET(CURLOPT_HTTPHEADER, x->header_list);
}

void out__set_request(struct out_exchange *x)
{
    SET(CURLOPT_URL, x->request->url);
    set_method(x);
    set_headers(x);
}

/* ---- the head of an answer ---- */

static int read_status(const char *line, size_t len)
{
    const char *blank = memchr(line, ' ', len);
    char digits[4] = "";
    int64_t status;

    if (!blank || len - (size_t)(blank - line) < 4) {
        return 0;
    }
    memcpy(digits, blank + 1, 3);
    return parse_i64(digits, &status) ? (int)status : 0;
}

static void read_field(struct out_exchange *x, const char *line, size_t len)
{
    const char *colon = memchr(line, ':', len);
    const char *value, *end = line + len;

    if (!colon) {
        return;
    }
    value = colon + 1;
    while (value < end && (*value == ' ' || *value == '\t')) {
        value++;
    }
    while (end > value && strchr(" \t\r\n", end[-1])) {
        end--;
    }
    http_headers_add(
        &x->response.headers, line, (size_t)(colon - line), value, (size_t)(end - value));
}

bool out__read_header(struct out_exchange *x, const char *line, size_t len)
{
    x->header_bytes += len;
    if (x->header_bytes > HEADERS_BYTES) {
        x->response.status = 0;
        return false;
    }
    if (len > 5 && strncasecmp(line, "HTTP/", 5) == 0) {
        /* A new head: after 100 Continue or a redirect. */
        http_headers_done(&x->response.headers);
        x->response.status = read_status(line, len);
        x->head_complete = false;
        return true;
    }
    if (*line == '\r' || *line == '\n') {
        x->head_complete = true;
        return true;
    }
    read_field(x, line, len);
    return true;
}
