/* Long answers written bit by bit. The connection is suspended whenever there is nothing to
 * say; what a slow reader has not taken yet waits here, bounded by each writer. Called by
 * events.c. A stream belongs to libmicrohttpd's response and dies with it; its writer learns of
 * that through `closed` and must not touch it afterwards.
 *
 * libmicrohttpd watches no suspended connection, so a reader who went away is noticed at the
 * next write; writers therefore write something now and then. */

#include <string.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "service/door_internal.h"

#define BLOCK_BYTES 8192
/* What the kernel keeps for a reader who does not read; left alone it grows to megabytes. */
#define SOCKET_BYTES (64 * 1024)

struct door_stream {
    struct door *door;
    struct MHD_Connection *connection;
    void (*closed)(void *context);
    void (*drained)(void *context); /* NULL: nobody waits for it */
    void *context;
    struct buf front, back; /* front is being sent, from sent on; writes go to the back */
    size_t sent;
    bool suspended;
    bool ended, broken;
};

static size_t pending(const struct door_stream *s)
{
    return s->front.len - s->sent + s->back.len;
}

/* All is out: whoever waited for that may write now. */
static void tell_drained(struct door_stream *s)
{
    void (*drained)(void *context) = s->drained;

    if (pending(s) > 0 || drained == NULL) {
        return;
    }
    s->drained = NULL;
    drained(s->context);
}

/* Front and back change places when the front is out. */
static void refill(struct door_stream *s)
{
    struct buf empty = s->front;

    if (s->sent < s->front.len) {
        return;
    }
    buf_clear(&empty);
    s->front = s->back;
    s->back = empty;
    s->sent = 0;
}

static ssize_t read_block(void *context, uint64_t position, char *out, size_t max)
{
    struct door_stream *s = context;
    size_t n;

    (void)position;
    tell_drained(s);
    refill(s);
    n = s->front.len - s->sent;
    if (n > 0) {
        s->door->progress = true;
        n = n < max ? n : max;
        memcpy(out, s->front.data + s->sent, n);
        s->sent += n;
        return (ssize_t)n;
    }
    if (s->ended) {
        return s->broken ? MHD_CONTENT_READER_END_WITH_ERROR : MHD_CONTENT_READER_END_OF_STREAM;
    }
    s->suspended = true;
    MHD_suspend_connection(s->connection);
    return 0;
}

static void stream_gone(void *context)
{
    struct door_stream *s = context;

    if (s->closed != NULL) {
        s->closed(s->context);
    }
    buf_done(&s->front);
    buf_done(&s->back);
    mem_free(s);
}

static void wake(struct door_stream *s)
{
    if (!s->suspended) {
        return;
    }
    s->suspended = false;
    door__resume(s->door, s->connection);
}

static void bound_socket(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    int bytes = SOCKET_BYTES;

    must(info != NULL);
    (void)setsockopt(info->connect_fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
}

struct door_stream *door_stream_start(struct door_request *r,
                                      const char *type,
                                      void (*closed)(void *context),
                                      void *context)
{
    struct door_stream *s;
    struct MHD_Response *response;

    if (r->connection == NULL) {
        door_reply_empty(r, 503);
        return NULL;
    }
    s = mem_zalloc(sizeof *s);
    s->door = r->door;
    s->connection = r->connection;
    s->closed = closed;
    s->context = context;
    buf_init(&s->front, SIZE_MAX / 2);
    buf_init(&s->back, SIZE_MAX / 2);
    response = MHD_create_response_from_callback(
        MHD_SIZE_UNKNOWN, BLOCK_BYTES, read_block, s, stream_gone);
    must(response != NULL);
    r->stream = s;
    bound_socket(r->connection);
    door_reply_header(r, "Content-Type", type);
    door__request_answer(r, 200, response);
    return s;
}

bool door_stream_write(struct door_stream *s,
                       const char *bytes,
                       size_t len,
                       size_t max_pending_bytes)
{
    if (s->ended || pending(s) + len > max_pending_bytes) {
        return false;
    }
    buf_add(&s->back, bytes, len);
    wake(s);
    return true;
}

void door_stream_on_drained(struct door_stream *s, void (*drained)(void *context))
{
    s->drained = drained;
    wake(s); /* the reader asks for more and finds out */
}

void door_stream_break(struct door_stream *s)
{
    s->broken = true;
    door_stream_end(s);
}

void door_stream_end(struct door_stream *s)
{
    s->ended = true;
    door__crowd_move(door__connection_of(s->connection), DOOR_ANSWERING);
    wake(s);
}
