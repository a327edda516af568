/* A request from its first byte to the handler: libmicrohttpd's callbacks, the body under its
 * limit, suspending while the handler works, and the end. Called by libmicrohttpd out of
 * MHD_run(). It owns struct door_request; finding the route and asking who is there is
 * door_route.c's and door_auth.c's, the answer door_reply.c's. */

#include <fcntl.h>
#include <string.h>

#include "base/fault.h"
#include "base/mem.h"
#include "service/door_internal.h"
#include "service/metrics.h"

/* A chunked body does not say how long it is. One over the limit is read on and thrown away for
 * so long, so that the client can hear 413; after that the connection is cut. */
/* A file is taken at least so fast. */
#define SLOWEST_BYTES_PER_SECOND ((uint64_t)128 * 1024)
#define DROP_BYTES ((size_t)64 * 1024 * 1024)

static void request_free(struct door_request *r)
{
    if (r->free_context != NULL) {
        r->free_context(r->context);
    }
    for (size_t i = 0; i < r->param_count; i++) {
        mem_free(r->params[i]);
    }
    strings_done(&r->kept);
    pairs_done(&r->headers);
    buf_done(&r->body);
    mem_free(r->path);
    mem_free(r->target);
    mem_free(r);
}

void door__request_drop(struct door_request *r)
{
    bool handler_has_it = r->phase == DOOR_HANDLING && !r->answered;

    if (r->connection == NULL && !handler_has_it) {
        request_free(r);
    }
}

/* libmicrohttpd keeps a record of every parameter in the same small memory as the head, and when
 * that is full it loses track of the request. We read the query ourselves. */
static bool has_long_query(const char *uri)
{
    int count = 0;

    for (const char *at = strchr(uri, '?'); at != NULL; at = strchr(at + 1, '&')) {
        count++;
    }
    return count > DOOR_QUERY_MAX;
}

void *door__request_new(void *door, const char *uri, struct MHD_Connection *connection)
{
    struct door *d = door;
    struct door_connection *dc = door__connection_of(connection);
    struct door_request *r = mem_zalloc(sizeof *r);

    r->door = d;
    r->crier = d->crier;
    r->connection = connection;
    r->target = mem_strdup(uri);
    buf_init(&r->body, (size_t)d->crier->config->server.max_body_bytes);
    door__peer_read(r);
    list_push(&d->requests, &r->node);
    dc->request = r;
    door__crowd_move(dc, DOOR_RECEIVING);
    if (has_long_query(uri)) {
        door__crowd_refuse(dc, 414, "the query has too many parameters");
    }
    return r;
}

/* Hands the answer to libmicrohttpd, from inside its callback: the only place it takes one. */
static enum MHD_Result send_answer(struct door_request *r)
{
    struct MHD_Response *response = r->response;
    enum MHD_Result rc;

    r->phase = DOOR_SENDING;
    r->response = NULL;
    door__crowd_move(door__connection_of(r->connection),
                     r->stream == NULL ? DOOR_ANSWERING : DOOR_HELD);
    if (r->file_bytes > 0) {
        door__crowd_give(door__connection_of(r->connection),
                         (int64_t)(r->file_bytes / SLOWEST_BYTES_PER_SECOND) * MS_SECOND);
    }
    rc = FAULT("door.answer")
             ? MHD_NO
             : MHD_queue_response(r->connection, (unsigned int)r->status, response);
    MHD_destroy_response(response);
    return rc;
}

static enum MHD_Result begin(struct door_request *r, const char *method, const char *version)
{
    r->phase = DOOR_READING;
    if (door__admit(r, method, version)) {
        return MHD_YES;
    }
    r->linger = r->has_body;
    return send_answer(r);
}

/* Never more than the limit in memory. */
static enum MHD_Result take_body(struct door_request *r, const char *bytes, size_t *len)
{
    r->door->progress = true;
    buf_add(&r->body, bytes, *len);
    if (!buf_ok(&r->body)) {
        r->dropped_bytes += *len;
        buf_truncate(&r->body, 0);
    }
    *len = 0;
    return r->dropped_bytes > DROP_BYTES || FAULT("door.read") ? MHD_NO : MHD_YES;
}

static enum MHD_Result dispatch(struct door_request *r)
{
    r->phase = DOOR_HANDLING;
    door__crowd_move(door__connection_of(r->connection), DOOR_HELD);
    r->started_us = clock_mono_us();
    metrics_add(r->crier->metrics, METRIC_REQUESTS, r->route->pattern, NULL);
    if (r->dropped_bytes > 0) {
        door_problem(r,
                     413,
                     NULL,
                     r->route->auth == AUTH_READER
                         ? "the body is larger than %lld bytes"
                         : "the body is larger than server.max_body (%lld)",
                     (long long)r->body.max);
        return send_answer(r);
    }
    r->in_handler = true;
    r->route->handler(r->crier, r);
    r->in_handler = false;
    if (r->answered) {
        return send_answer(r);
    }
    r->suspended = true;
    MHD_suspend_connection(r->connection);
    return MHD_YES;
}

enum MHD_Result door__on_request(void *door,
                                 struct MHD_Connection *connection,
                                 const char *url,
                                 const char *method,
                                 const char *version,
                                 const char *upload,
                                 size_t *upload_len,
                                 void **context)
{
    struct door_request *r = *context;

    (void)door;
    (void)connection;
    (void)url;
    switch (r->phase) {
    case DOOR_NEW:
        return begin(r, method, version);
    case DOOR_READING:
        return *upload_len > 0 ? take_body(r, upload, upload_len) : dispatch(r);
    case DOOR_HANDLING:
        must(r->answered); /* only an answer resumes a suspended connection */
        return send_answer(r);
    case DOOR_SENDING:
        break;
    }
    return MHD_NO;
}

/* The descriptor, kept open beyond libmicrohttpd's own close. */
static int connection_dup(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);

    return info == NULL ? -1 : fcntl(info->connect_fd, F_DUPFD_CLOEXEC, 0);
}

static void detach(struct door_request *r)
{
    if (r->response != NULL) { /* answered, but the connection went before it could be sent */
        MHD_destroy_response(r->response);
        r->response = NULL;
    }
    list_remove(&r->door->requests, &r->node);
    r->connection = NULL;
    r->door = NULL;
    door__request_drop(r);
}

void door__on_completed(void *door,
                        struct MHD_Connection *connection,
                        void **context,
                        enum MHD_RequestTerminationCode why)
{
    struct door_connection *dc = door__connection_of(connection);
    struct door_request *r = *context;

    (void)why;
    *context = NULL;
    if (r == NULL) {
        return;
    }
    if (r->linger) {
        door__linger_start(door, connection_dup(connection));
    }
    dc->request = NULL;
    door__crowd_move(dc, DOOR_IDLE);
    detach(r);
}

void door__request_forgotten(struct door_request *r)
{
    detach(r);
}

/* Everything suspended must go on before the daemon may be stopped; it then ends each of them
 * through door__on_completed(). */
void door__requests_abandon(struct door *d)
{
    LIST_EACH(&d->requests, n)
    {
        struct door_request *r = container_of(n, struct door_request, node);

        if (r->stream != NULL) {
            door_stream_end(r->stream);
        }
        if (!r->suspended) {
            continue;
        }
        r->suspended = false;
        door__resume(d, r->connection);
    }
}
