/* One request: composed for a member, or several of them, and given to nghttp2.
 *
 * Nothing of it is copied on the way to nghttp2: header values are pointed to until the HEADERS frame is made,
 * which is at once, since a connection with room has nothing waiting (lane__conn_room()). A body is pointed to
 * until its last byte is in a frame, which is at once, too, but for large ones.
 *
 * Headers that all messages to an origin have come first and are kept by both sides' tables (RFC 7541), a byte or
 * two each from the second request on; nghttp2 leaves out :path and content-length, which change, and
 * authorization, which is a secret. */

#include "service/lane_internal.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/fault.h"

#define PATH_BYTES ((size_t)16 * 1024)
#define BODY_BYTES ((size_t)2 * 1024 * 1024)

/* ---- headers that stand ---- */

void lane__headers_done(struct lane_headers *h)
{
    http_headers_done(&h->kept);
    mem_free(h->nv);
    *h = (struct lane_headers){0};
}

static uint8_t *bytes_of(const char *text)
{
    union {
        const char *c;
        uint8_t *u;
    } x = {.c = text}; /* nghttp2 does not write there */

    return x.u;
}

static nghttp2_nv pair(const char *name, const char *value)
{
    return (nghttp2_nv){bytes_of(name),
                        bytes_of(value),
                        strlen(name),
                        strlen(value),
                        NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE};
}

/* HTTP/2 wants small letters, and knows no connection (RFC 9113 section 8.2). */
static bool is_ours(const char *name)
{
    static const char *const ours[] = {
        "content-length", "host", "connection", "transfer-encoding", "user-agent"};

    for (size_t i = 0; i < ARRAY_LEN(ours); i++) {
        if (strcasecmp(ours[i], name) == 0) {
            return true;
        }
    }
    return name[0] == ':' || name[0] == '\0';
}

static void make_small(char *text)
{
    for (; *text; text++) {
        *text = (char)(*text >= 'A' && *text <= 'Z' ? *text + 'a' - 'A' : *text);
    }
}

/* :method, :scheme, :authority, :path, user-agent, theirs, content-length. */
#define PATH_AT 3
static void headers_make(struct lane_headers *h,
                         struct lane_origin *o,
                         const struct lane_work *w,
                         const struct member *m)
{
    const struct lane_batch *b = w->batch;
    size_t n = 0;

    lane__headers_done(h);
    h->plan_number = b->plan_number;
    h->work = b->plan_number ? NULL : w;
    h->key_id = m->key_id;
    h->until_ms = INT64_MAX;
    b->push->headers(b->plan, m, o->url, o->lane->wall_ms, &h->kept, &h->until_ms);
    h->nv = mem_calloc(h->kept.count + 6, sizeof *h->nv);
    h->nv[n++] = pair(":method", "POST");
    h->nv[n++] = pair(":scheme", o->tls ? "https" : "http");
    h->nv[n++] = pair(":authority", o->authority);
    h->nv[n++] = pair(":path", "/");
    h->nv[n++] = pair("user-agent", "crier/" CRIER_VERSION);
    for (size_t i = 0; i < h->kept.count; i++) {
        if (!is_ours(h->kept.v[i].name)) {
            make_small(h->kept.v[i].name);
            h->nv[n++] = pair(h->kept.v[i].name, h->kept.v[i].value);
        }
    }
    h->nv[n++] = pair("content-length", "");
    h->count = n;
}

static struct lane_headers *
headers_for(struct lane_origin *o, const struct lane_work *w, const struct member *m)
{
    struct lane_headers *oldest = &o->headers[0];
    uint64_t number = w->batch->plan_number;

    for (size_t i = 0; i < LANE_HEADERS; i++) {
        struct lane_headers *h = &o->headers[i];

        if (h->nv && h->key_id == m->key_id && h->plan_number == number &&
            (number || h->work == w) && h->until_ms > o->lane->wall_ms) {
            if (m->second) { /* what they were is what was not taken */
                headers_make(h, o, w, m);
            }
            h->used = ++o->headers_used;
            return h;
        }
        oldest = h->used < oldest->used ? h : oldest;
    }
    headers_make(oldest, o, w, m);
    oldest->used = ++o->headers_used;
    return oldest;
}

/* ---- texts ---- */

static struct lane_text *text_take(struct lane *t)
{
    struct lane_text *x = t->texts;

    if (x) {
        t->texts = x->next;
        return x;
    }
    x = mem_zalloc(sizeof *x);
    buf_init(&x->path, PATH_BYTES);
    buf_init(&x->body, BODY_BYTES);
    return x;
}

void lane__text_give(struct lane *t, struct lane_text *x)
{
    if (x) {
        buf_clear(&x->path);
        buf_clear(&x->body);
        x->at = 0;
        x->next = t->texts;
        t->texts = x;
    }
}

static ssize_t on_read(nghttp2_session *session,
                       int32_t id,
                       uint8_t *to,
                       size_t room,
                       uint32_t *flags,
                       nghttp2_data_source *source,
                       void *user)
{
    struct lane_stream *s = source->ptr;
    struct lane_text *x = s->text;
    size_t left = x->body.len - x->at, n = left < room ? left : room;

    (void)session;
    (void)id;
    (void)user;
    memcpy(to, x->body.data + x->at, n);
    x->at += n;
    if (n == left) {
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    }
    return (ssize_t)n;
}

/* ---- one request ---- */

static void make_scratch(struct lane *t, size_t count)
{
    if (count > t->words_cap) {
        t->words_cap = count;
        t->words = mem_realloc(t->words, count, sizeof *t->words);
        t->members = mem_realloc(t->members, count, sizeof(const struct member *));
        t->copies = mem_realloc(t->copies, count, sizeof *t->copies);
    }
}

static struct lane_stream *stream_new(struct lane_conn *c, struct lane_group *g)
{
    struct lane *t = c->origin->lane;
    struct lane_stream *s = t->streams;

    if (s) {
        t->streams = s->next_unused;
        memset(s, 0, sizeof *s);
    } else {
        s = mem_zalloc(sizeof *s);
    }
    s->conn = c;
    s->group = g;
    s->started_us = t->now_us;
    s->started_ms = t->now_ms;
    return s;
}

static void refuse(struct lane_group *g, uint32_t head, const struct err *why)
{
    struct member_word word = {.outcome = MEMBER_REFUSED};

    (void)snprintf(
        word.detail, sizeof word.detail, "%.*s", (int)sizeof word.detail - 1, why->text);
    for (uint32_t i = head; i > 0; i = g->work->next[i - 1]) {
        lane__settle(g, i - 1, &word, 0, false);
    }
}

static bool compose(struct lane_group *g, uint32_t head, uint32_t count, struct lane_text *x)
{
    const struct lane_batch *b = g->work->batch;
    struct lane *t = g->work->lane;
    struct err why = {0};
    size_t n = 0;
    enum err_code rc;

    make_scratch(t, count);
    for (uint32_t i = head; i > 0; i = g->work->next[i - 1]) {
        t->members[n] = lane__member(t, g->work, i - 1, n);
        n++;
    }
    rc = FAULT("lane.compose")
             ? err_set(&why, ERR_INVALID, "it cannot be composed")
             : b->push->compose(b->plan, t->members, n, &x->path, &x->body, &why);
    rc = rc ? rc : buf_check(&x->path, "path", &why);
    rc = rc ? rc : buf_check(&x->body, "body", &why);
    if (rc) {
        refuse(g, head, &why);
    }
    return rc == ERR_NONE;
}

static int32_t submit(struct lane_conn *c, struct lane_stream *s, struct lane_headers *h)
{
    struct lane_text *x = s->text;
    char length[24];
    nghttp2_data_provider provider = {.source.ptr = s, .read_callback = on_read};
    int32_t id;

    h->nv[PATH_AT].value = bytes_of(buf_str(&x->path));
    h->nv[PATH_AT].valuelen = x->path.len;
    h->nv[h->count - 1].valuelen = (size_t)snprintf(length, sizeof length, "%zu", x->body.len);
    h->nv[h->count - 1].value = bytes_of(length);
    id = nghttp2_submit_request(
        c->session, NULL, h->nv, h->count, x->body.len > 0 ? &provider : NULL, s);
    if (id > 0) {
        s->id = id;
        c->open++;
        list_push(&c->streams, &s->node);
        lane__session_gather(c); /* before length and path end */
    }
    return id;
}

static void count_in(struct lane_conn *c, const struct lane_stream *s)
{
    struct lane_origin *o = c->origin;

    if (o->in_flight++ == 0) {
        o->progress_ms = o->lane->now_ms;
    }
    o->body_max = s->text->body.len > o->body_max ? s->text->body.len : o->body_max;
    c->used_ms = o->lane->now_ms;
    (void)atomic_fetch_add_explicit(&o->lane->lanes->streams, 1, memory_order_relaxed);
}

bool lane__send(struct lane_conn *c, struct lane_group *g)
{
    struct lane_origin *o = c->origin;
    struct lane *t = o->lane;
    struct lane_headers *h;
    struct lane_stream *s;
    struct lane_text *x;
    uint32_t head, count;

    lane__session_gather(c); /* what it wants to say itself goes first, see above */
    if (lane__conn_room(c) == 0) {
        return false;
    }
    count = lane__take(g, g->work->batch->push->many, &head);
    x = text_take(t);
    if (!compose(g, head, count, x)) {
        lane__text_give(t, x);
        return true;
    }
    h = headers_for(o, g->work, t->members[0]);
    s = stream_new(c, g);
    s->head = head;
    s->count = count;
    s->text = x;
    s->made_from = c->made;
    count_in(c, s);
    if (submit(c, s, h) < 0) { /* its numbers have run out */
        s->made_from = UINT64_MAX;
        lane__again(s, true);
        lane__stream_free(s);
        c->state = CONN_DRAINING;
        o->ready--;
        return false;
    }
    if (x->at == x->body.len) {
        s->text = NULL;
        lane__text_give(t, x);
    }
    return true;
}
