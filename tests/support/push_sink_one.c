/* HTTP/1.1 of the fake push service: requests with a Content-Length, on connections that stay. */

#include "tests/support/push_sink_internal.h"

#include <string.h>
#include <strings.h>

#include "base/parse.h"

/* The value of a header in a head that ends in an empty line; false: there is none. */
static bool header(const char *head, const char *name, char *out, size_t size)
{
    size_t len = strlen(name);

    for (const char *line = strstr(head, "\r\n"); line && line[2] != '\r';
         line = strstr(line + 2, "\r\n")) {
        if (strncasecmp(line + 2, name, len) == 0 && line[2 + len] == ':') {
            const char *from = line + 3 + len + strspn(line + 3 + len, " ");

            (void)snprintf(out, size, "%.*s", (int)strcspn(from, "\r"), from);
            return true;
        }
    }
    return false;
}

static void answer(const struct sink_request *r, struct buf *out)
{
    const struct sink_answer *a = &r->answer;
    const char *body = a->rule ? a->rule->body : "";

    buf_addf(out, "HTTP/1.1 %d %s\r\n", a->status, a->status < 300 ? "Created" : "No");
    if (a->retry_after >= 0) {
        buf_addf(out, "Retry-After: %d\r\n", a->retry_after);
    }
    buf_addf(out, "Content-Length: %zu\r\n\r\n%s", strlen(body), body);
}

/* The first request, when it is whole: its length; 0: not yet. */
static size_t take(struct push_sink *s, const char *text, size_t len, struct sink_request *r)
{
    const char *end = strstr(text, "\r\n\r\n"), *path = strchr(text, ' ');
    char value[128];
    int64_t body = 0;
    size_t head;

    if (!end || !path) {
        return 0;
    }
    head = (size_t)(end - text) + 4;
    if (header(text, "content-length", value, sizeof value)) {
        (void)parse_i64(value, &body);
    }
    if (len < head + (size_t)body) {
        return 0;
    }
    buf_add(&r->path, path + 1, strcspn(path + 1, " "));
    if (header(text, "host", value, sizeof value)) {
        buf_adds(&r->host, value);
    }
    r->bytes = head + (size_t)body;
    if (s->record) {
        buf_add(&r->body, text + head, (size_t)body);
    }
    return head + (size_t)body;
}

bool sink_one_feed(struct push_sink *s,
                   struct sink_one *one,
                   struct sink_request *r,
                   uint64_t connection,
                   const uint8_t *bytes,
                   size_t len,
                   struct buf *out)
{
    size_t at = 0, n;

    buf_add(&one->in, bytes, len);
    while (buf_ok(&one->in) && at < one->in.len &&
           (n = take(s, one->in.data + at, one->in.len - at, r)) > 0) {
        sink_judge(s, r, connection);
        if (r->answer.what == SINK_ANSWER) {
            answer(r, out);
        } else if (r->answer.what != SINK_STALL) {
            return false;
        }
        buf_clear(&r->path);
        buf_clear(&r->host);
        buf_clear(&r->body);
        at += n;
    }
    memmove(one->in.data, one->in.data + at, one->in.len - at);
    buf_truncate(&one->in, one->in.len - at);
    return buf_ok(&one->in);
}
