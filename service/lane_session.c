/* HTTP/2 on a connection, by nghttp2: what comes in goes to the streams it belongs to; what the peer says about
 * the connection is obeyed. */

#include "service/lane_internal.h"

#include <stdio.h>
#include <string.h>

#include "base/parse.h"

#define WINDOW (16 * 1024 * 1024) /* of a connection, for answers: never what they wait for */
#define STREAM_WINDOW (256 * 1024)

/* ---- the connection ---- */

static void obey_settings(struct lane_conn *c)
{
    struct lane_origin *o = c->origin;
    uint32_t limit = nghttp2_session_get_remote_settings(
        c->session, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);

    c->limit = limit < LANE_STREAMS_MAX ? limit : LANE_STREAMS_MAX;
    if (c->state == CONN_SETTLING) {
        c->state = CONN_READY;
        o->connecting--;
        o->ready++;
    }
    lane__origin_dirty(o);
}

/* Nothing new on it; what is above its last stream comes back as refused (nghttp2 closes those itself). */
static void obey_goaway(struct lane_conn *c)
{
    struct lane_origin *o = c->origin;

    if (c->state == CONN_READY) {
        c->state = CONN_DRAINING;
        o->ready--;
        (void)atomic_fetch_add(&o->lane->lanes->goaways, 1);
    } else if (c->state == CONN_SETTLING) {
        (void)snprintf(c->error, sizeof c->error, "it went away before it began");
        c->dead = true;
    }
    lane__origin_dirty(o);
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    struct lane_conn *c = user;
    struct lane_stream *s;

    switch (frame->hd.type) {
    case NGHTTP2_SETTINGS:
        if (!(frame->hd.flags & NGHTTP2_FLAG_ACK)) {
            obey_settings(c);
        }
        break;
    case NGHTTP2_GOAWAY:
        obey_goaway(c);
        break;
    case NGHTTP2_PING:
        if (frame->hd.flags & NGHTTP2_FLAG_ACK) {
            c->ping_ms = 0;
        }
        break;
    case NGHTTP2_HEADERS:
    case NGHTTP2_DATA:
        if (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) {
            s = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
            if (s) {
                lane__answered(s);
            }
        }
        break;
    default:
        break;
    }
    return 0;
}

/* ---- streams ---- */

static bool is_wanted(const struct lane_stream *s, const char *name)
{
    const char *const *wanted = s->group->work->batch->push->answer_headers;

    if (s->status < 200 || s->status > 299) {
        return true;
    }
    for (; wanted && *wanted; wanted++) {
        if (strcmp(*wanted, name) == 0) {
            return true;
        }
    }
    return false;
}

/* HPACK names a long header by one byte, so the bytes that came say nothing. What is too much is left out. */
static bool has_room(struct lane_stream *s, size_t bytes)
{
    s->header_bytes += bytes + sizeof *s->headers.v;
    return s->header_bytes <= LANE_ANSWER_HEADERS;
}

static int on_header(nghttp2_session *session,
                     const nghttp2_frame *frame,
                     const uint8_t *name,
                     size_t name_len,
                     const uint8_t *value,
                     size_t value_len,
                     uint8_t flags,
                     void *user)
{
    struct lane_stream *s = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
    int64_t status;

    (void)flags;
    (void)user;
    if (!s || !s->group) {
        return 0;
    }
    if (name_len == 7 && memcmp(name, ":status", 7) == 0) { /* nghttp2: three digits */
        http_headers_done(&s->headers);                     /* of an interim answer */
        s->header_bytes = 0;
        s->status = parse_i64((const char *)value, &status) ? (int)status : 0;
    } else if (is_wanted(s, (const char *)name) && has_room(s, name_len + value_len)) {
        http_headers_add(
            &s->headers, (const char *)name, name_len, (const char *)value, value_len);
    }
    return 0;
}

static int on_data(nghttp2_session *session,
                   uint8_t flags,
                   int32_t id,
                   const uint8_t *data,
                   size_t len,
                   void *user)
{
    struct lane_conn *c = user;
    struct lane_stream *s = nghttp2_session_get_stream_user_data(session, id);
    size_t room;

    (void)flags;
    if (!s || !s->group) {
        return 0;
    }
    s->answer = s->answer ? s->answer : lane__answer_buf(c->origin->lane);
    room = s->group->work->batch->push->many > 1 ? LANE_ANSWER_OF_MANY : LANE_ANSWER;
    room -= s->answer->len;
    s->truncated = s->truncated || len > room;
    buf_add(s->answer, data, len < room ? len : room);
    if (s->truncated) { /* we have what we take of it, and do not wait for an end that need not come */
        (void)nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL);
        lane__answered(s);
    }
    return 0;
}

/* A connection that goes away after some work is replaced, and that is no try: some servers let each have only so
 * many requests, a part of what is under way. A refused stream is too much at a time. */
static void refused(struct lane_conn *c, struct lane_stream *s)
{
    bool went_away = c->state == CONN_DRAINING && c->proven;

    (void)atomic_fetch_add(&c->origin->lane->lanes->refused, 1);
    if (!went_away) {
        lane__too_much(c->origin);
    }
    lane__again(s, !went_away);
}

/* Without an answer before: it was not processed (REFUSED_STREAM, or above the last one of a GOAWAY), or
 * nobody knows. */
static int on_stream_close(nghttp2_session *session, int32_t id, uint32_t error, void *user)
{
    struct lane_conn *c = user;
    struct lane_stream *s = nghttp2_session_get_stream_user_data(session, id);
    char text[LANE_ERROR_BYTES];

    if (!s) {
        return 0;
    }
    if (s->group && error == NGHTTP2_REFUSED_STREAM) {
        refused(c, s);
    } else if (s->group) {
        (void)snprintf(
            text, sizeof text, "broken off by the service: %s", nghttp2_http2_strerror(error));
        lane__lost(s, text);
    }
    lane__stream_free(s);
    return 0;
}

nghttp2_session_callbacks *lane__callbacks(void)
{
    nghttp2_session_callbacks *callbacks;

    must(nghttp2_session_callbacks_new(&callbacks) == 0);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
    return callbacks;
}

void lane__session_begin(struct lane_conn *c)
{
    struct lanes *l = c->origin->lane->lanes;
    const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, STREAM_WINDOW},
    };

    must(nghttp2_session_client_new2(&c->session, l->callbacks, c, l->option) == 0);
    must(nghttp2_submit_settings(
             c->session, NGHTTP2_FLAG_NONE, settings, ARRAY_LEN(settings)) == 0);
    must(nghttp2_session_set_local_window_size(c->session, NGHTTP2_FLAG_NONE, 0, WINDOW) == 0);
    c->state = CONN_SETTLING;
    lane__conn_poll(c, UV_READABLE);
    lane__origin_dirty(c->origin); /* which writes it */
}

/* ---- bytes ---- */

void lane__session_gather(struct lane_conn *c)
{
    const uint8_t *bytes;
    ssize_t n;

    while (c->out.len - c->out_at < LANE_OUT &&
           (n = nghttp2_session_mem_send(c->session, &bytes)) != 0) {
        if (n < 0) {
            (void)snprintf(c->error, sizeof c->error, "HTTP/2: %s", nghttp2_strerror((int)n));
            c->dead = true;
            return;
        }
        buf_add(&c->out, bytes, (size_t)n);
        c->made += (uint64_t)n;
    }
    if (c->state >= CONN_SETTLING && !nghttp2_session_want_read(c->session) &&
        !nghttp2_session_want_write(c->session)) {
        c->dead = true;
    }
}

void lane__session_feed(struct lane_conn *c, const uint8_t *bytes, size_t len)
{
    ssize_t n = nghttp2_session_mem_recv(c->session, bytes, len);

    if (n != (ssize_t)len) {
        (void)snprintf(c->error,
                       sizeof c->error,
                       "HTTP/2: %s",
                       n < 0 ? nghttp2_strerror((int)n) : "it goes on behind its end");
        c->dead = true;
    }
}
