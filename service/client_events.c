/* Server-sent events as a client reads them (WHATWG HTML, "server-sent events": lines that end
 * in LF, CR or both; id, event and data fields; a comment begins with a colon; a blank line
 * ends an event). Called by the verbs that watch. Owns a connection of its own beside the
 * client's. */

#include "service/client_internal.h"

#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"

#define PENDING_BYTES ((size_t)16 * 1024 * 1024)
#define OPEN_MS 10000
#define DEPTH 32

struct client_events {
    struct client *client;
    CURL *curl;
    CURLM *multi;
    struct curl_slist *headers;
    struct buf url, pending, data;
    char id[32], kind[64];
    json_t *last;
    long status; /* 0 until the answer's headers came */
    bool ended;
    CURLcode code; /* how it ended */
};

static size_t on_header(char *bytes, size_t size, size_t count, void *context)
{
    struct client_events *e = context;

    (void)bytes;
    if (e->status == 0 || e->status == 100) {
        (void)curl_easy_getinfo(e->curl, CURLINFO_RESPONSE_CODE, &e->status);
    }
    return size * count;
}

static size_t on_bytes(char *bytes, size_t size, size_t count, void *context)
{
    struct client_events *e = context;

    buf_add(&e->pending, bytes, size * count);
    return buf_ok(&e->pending) ? size * count : 0;
}

/* One turn of curl: whatever arrives within wait_ms. */
static void turn(struct client_events *e, int64_t wait_ms)
{
    int running = 0, left = 0;

    (void)curl_multi_poll(e->multi, NULL, 0, (int)(wait_ms < 1000 ? wait_ms : 1000), NULL);
    (void)curl_multi_perform(e->multi, &running);
    for (CURLMsg *m; (m = curl_multi_info_read(e->multi, &left)) != NULL;) {
        if (m->msg == CURLMSG_DONE) {
            e->ended = true;
            e->code = m->data.result;
        }
    }
}

static enum err_code open_failed(const struct client_events *e, struct err *why)
{
    if (e->status == 401 || e->status == 403) {
        return err_set(why, ERR_DENIED, "the service does not accept the token");
    }
    if (e->status != 0) {
        return err_set(why,
                       ERR_NETWORK,
                       "%s answered %ld to a request for events",
                       client_url(e->client),
                       e->status);
    }
    return err_set(why,
                   ERR_NETWORK,
                   "no answer from %s: %s",
                   client_url(e->client),
                   e->ended ? curl_easy_strerror(e->code) : "it takes too long");
}

enum err_code client_events_open(struct client_events **out, struct client *c, struct err *why)
{
    struct client_events *e = mem_zalloc(sizeof *e);
    int64_t until = clock_mono_ms() + OPEN_MS;
    int running = 0;

    e->client = c;
    e->curl = curl_easy_init();
    e->multi = curl_multi_init();
    buf_init(&e->pending, PENDING_BYTES);
    buf_init(&e->data, PENDING_BYTES);
    must(e->curl != NULL && e->multi != NULL);
    e->headers = client__prepare(c, e->curl, "/v1/events", &e->url);
    e->headers = curl_slist_append(e->headers, "Accept: text/event-stream");
    (void)curl_easy_setopt(e->curl, CURLOPT_HTTPHEADER, e->headers);
    (void)curl_easy_setopt(e->curl, CURLOPT_HEADERFUNCTION, on_header);
    (void)curl_easy_setopt(e->curl, CURLOPT_HEADERDATA, e);
    (void)curl_easy_setopt(e->curl, CURLOPT_WRITEFUNCTION, on_bytes);
    (void)curl_easy_setopt(e->curl, CURLOPT_WRITEDATA, e);
    (void)curl_multi_add_handle(e->multi, e->curl);
    (void)curl_multi_perform(e->multi, &running);
    while (e->status == 0 && !e->ended && clock_mono_ms() < until) {
        turn(e, until - clock_mono_ms());
    }
    if (e->status != 200) {
        enum err_code rc = open_failed(e, why);
        client_events_close(e);
        return rc;
    }
    *out = e;
    return ERR_NONE;
}

/* The length of the first line in pending and of its ending; false when it is not whole yet. */
static bool first_line(const struct buf *pending, size_t *out_len, size_t *out_end)
{
    for (size_t i = 0; i < pending->len; i++) {
        if (pending->data[i] == '\n') {
            *out_len = i;
            *out_end = i + 1;
            return true;
        }
        /* A CR at the very end may be half of CR LF. */
        if (pending->data[i] == '\r' && i + 1 < pending->len) {
            *out_len = i;
            *out_end = i + (pending->data[i + 1] == '\n' ? 2 : 1);
            return true;
        }
    }
    return false;
}

static void copy_field(char *out, size_t size, const char *value, size_t len)
{
    size_t n = len < size - 1 ? len : size - 1;

    memcpy(out, value, n);
    out[n] = '\0';
}

static void read_line(struct client_events *e, const char *line, size_t len)
{
    const char *colon = memchr(line, ':', len);
    size_t name_len = colon != NULL ? (size_t)(colon - line) : len;
    const char *value = colon != NULL ? colon + 1 : line + len;
    size_t value_len = len - (size_t)(value - line);

    if (value_len > 0 && value[0] == ' ') {
        value++;
        value_len--;
    }
    if (name_len == 2 && memcmp(line, "id", 2) == 0) {
        copy_field(e->id, sizeof e->id, value, value_len);
    } else if (name_len == 5 && memcmp(line, "event", 5) == 0) {
        copy_field(e->kind, sizeof e->kind, value, value_len);
    } else if (name_len == 4 && memcmp(line, "data", 4) == 0) {
        if (e->data.len > 0) {
            buf_addc(&e->data, '\n');
        }
        buf_add(&e->data, value, value_len);
    }
}

static void drop_front(struct buf *b, size_t len)
{
    memmove(b->data, b->data + len, b->len - len);
    buf_truncate(b, b->len - len);
}

/* Reads lines out of pending until an event is whole. */
static bool take_event(struct client_events *e, struct client_event *out)
{
    size_t len, end;

    while (first_line(&e->pending, &len, &end)) {
        bool blank = len == 0;
        if (!blank) {
            read_line(e, e->pending.data, len);
        }
        drop_front(&e->pending, end);
        if (blank && e->data.len > 0) {
            json_decref(e->last);
            e->last = NULL;
            if (json_read(&e->last, e->data.data, e->data.len, DEPTH, NULL)) {
                e->last = NULL;
            }
            copy_field(out->id, sizeof out->id, e->id, strlen(e->id));
            copy_field(out->kind, sizeof out->kind, e->kind, strlen(e->kind));
            out->data = e->last;
            buf_clear(&e->data);
            e->kind[0] = '\0';
            return true;
        }
    }
    return false;
}

enum err_code client_events_next(struct client_events *e,
                                 int64_t wait_ms,
                                 struct client_event *out,
                                 struct err *why)
{
    int64_t until = clock_mono_ms() + wait_ms;

    for (;;) {
        if (take_event(e, out)) {
            return ERR_NONE;
        }
        if (e->ended) {
            return e->code == CURLE_OK
                       ? err_set(why, ERR_STOPPED, "the service ended the stream of events")
                       : err_set(why,
                                 ERR_NETWORK,
                                 "the stream of events broke: %s",
                                 curl_easy_strerror(e->code));
        }
        int64_t left = until - clock_mono_ms();
        if (left <= 0) {
            return err_set(why, ERR_BUSY, "no event so far");
        }
        turn(e, left);
    }
}

void client_events_close(struct client_events *e)
{
    if (e == NULL) {
        return;
    }
    if (e->multi != NULL && e->curl != NULL) {
        (void)curl_multi_remove_handle(e->multi, e->curl);
    }
    curl_easy_cleanup(e->curl);
    (void)curl_multi_cleanup(e->multi);
    curl_slist_free_all(e->headers);
    json_decref(e->last);
    buf_done(&e->url);
    buf_done(&e->pending);
    buf_done(&e->data);
    mem_free(e);
}
