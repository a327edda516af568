/* Who may stay. Every connection of the door is in one of four lists, by what is waited for:
 *
 *   idle      no request yet: the request line must be whole within server.idle_timeout
 *   reading   a request has begun: it must be whole within server.request_timeout
 *   held      we work on it, or it is a stream: for as long as that takes
 *   sending   the answer is on its way: it must be taken within server.request_timeout, and a file
 *             within as much more as its size needs
 *
 * A byte now and then moves nothing: what counts is when the waiting began, so each list is in
 * the order of its deadlines. libmicrohttpd's own timeout, which every byte renews, only ends
 * those that say nothing at all.
 *
 * When there are more than server.max_connections, those that have been waited for longest go,
 * so that a crowd that only stands there never keeps a newsroom's request out; libmicrohttpd at
 * its own limit would leave new ones unaccepted. To end a connection its socket is shut down;
 * libmicrohttpd notices and closes it. Called by door.c, door_request.c, door_stream.c. It owns
 * struct door_connection. */

#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "base/log.h"
#include "base/mem.h"
#include "service/door_internal.h"
#include "service/metrics.h"

/* Descriptors that are not the door's: the ledger, the log, connections to platforms. */
#define OTHER_FILES 128
#define LOG_EVERY_MS MS_MINUTE

static const enum door_waiting limited[] = {DOOR_IDLE, DOOR_RECEIVING, DOOR_ANSWERING};

static int64_t now_ms(const struct door *d)
{
    return (int64_t)uv_now(d->crier->loop);
}

static struct door_connection *connection_of(struct list_node *n)
{
    return n == NULL ? NULL : container_of(n, struct door_connection, node);
}

struct door_connection *door__connection_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

    must(info != NULL && info->socket_context != NULL);
    return info->socket_context;
}

/* ---- ending one ---- */

/* libmicrohttpd takes no answer while a body is still coming, so this one goes past it: nothing
 * else is in the pipe before a request is whole. */
static void say_why(struct door_connection *dc, int fd, int status, const char *detail)
{
    char label[16];
    struct buf answer;

    (void)snprintf(label, sizeof label, "%d", status);
    metrics_add(dc->door->crier->metrics, METRIC_REFUSED, label, NULL);
    buf_init(&answer, 4096);
    door__problem_bytes(&answer, status, detail);
    (void)send(fd, buf_str(&answer), answer.len, MSG_DONTWAIT | MSG_NOSIGNAL);
    buf_done(&answer);
}

static void cut(struct door_connection *dc, int status, const char *detail)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(dc->mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
    bool begun = dc->waiting == DOOR_RECEIVING;

    list_remove(&dc->door->crowd[dc->waiting], &dc->node);
    dc->waiting = DOOR_GONE;
    list_push(&dc->door->crowd[DOOR_GONE], &dc->node);
    must(info != NULL);
    if (begun) {
        say_why(dc, info->connect_fd, status, detail);
    }
    (void)shutdown(info->connect_fd, SHUT_RDWR);
}

void door__crowd_refuse(struct door_connection *dc, int status, const char *detail)
{
    if (dc->waiting != DOOR_GONE) {
        cut(dc, status, detail);
    }
}

void door__crowd_disperse(struct door *d)
{
    struct door_connection *dc;

    while ((dc = connection_of(list_first(&d->crowd[DOOR_RECEIVING]))) != NULL) {
        cut(dc, 503, "the service is shutting down");
    }
}

/* ---- in time ---- */

static int64_t limit_ms(const struct door *d, enum door_waiting waiting)
{
    const struct server_settings *s = &d->crier->config->server;

    return waiting == DOOR_IDLE ? s->idle_timeout_ms : s->request_timeout_ms;
}

static void on_deadline(uv_timer_t *timer);

/* The lists are in order, so the first of each is the next to be late. */
static void watch(struct door *d)
{
    int64_t next_ms = INT64_MAX;

    for (size_t i = 0; i < ARRAY_LEN(limited); i++) {
        struct door_connection *first = connection_of(list_first(&d->crowd[limited[i]]));
        int64_t due_ms = first == NULL ? INT64_MAX : first->since_ms + limit_ms(d, limited[i]);

        next_ms = due_ms < next_ms ? due_ms : next_ms;
    }
    if (next_ms == d->crowd_due_ms) {
        return;
    }
    d->crowd_due_ms = next_ms;
    if (next_ms == INT64_MAX) {
        must(uv_timer_stop(&d->crowd_timer) == 0);
        return;
    }
    next_ms -= now_ms(d);
    must(uv_timer_start(&d->crowd_timer, on_deadline, next_ms > 0 ? (uint64_t)next_ms : 1, 0) ==
         0);
}

static void cut_late(struct door *d, enum door_waiting waiting)
{
    int64_t limit = limit_ms(d, waiting);
    struct door_connection *dc;

    while ((dc = connection_of(list_first(&d->crowd[waiting]))) != NULL &&
           dc->since_ms + limit <= now_ms(d)) {
        cut(dc, 408, "the request took too long to come (server.request_timeout)");
    }
}

static void on_deadline(uv_timer_t *timer)
{
    struct door *d = container_of(timer, struct door, crowd_timer);

    d->crowd_due_ms = 0;
    for (size_t i = 0; i < ARRAY_LEN(limited); i++) {
        cut_late(d, limited[i]);
    }
    watch(d);
}

/* ---- in number ---- */

static size_t standing(const struct door *d)
{
    return d->crowd[DOOR_IDLE].count + d->crowd[DOOR_RECEIVING].count +
           d->crowd[DOOR_HELD].count + d->crowd[DOOR_ANSWERING].count;
}

static struct door_connection *longest_waiting(struct door *d)
{
    struct door_connection *found = NULL;

    for (size_t i = 0; i < ARRAY_LEN(limited); i++) {
        struct door_connection *first = connection_of(list_first(&d->crowd[limited[i]]));

        if (first != NULL && (found == NULL || first->since_ms < found->since_ms)) {
            found = first;
        }
    }
    return found;
}

/* One line a minute: whoever sends crowds must not fill the log as well. */
static void log_crowd(struct door *d)
{
    if (d->crowd_logged_ms != 0 && now_ms(d) - d->crowd_logged_ms < LOG_EVERY_MS) {
        return;
    }
    d->crowd_logged_ms = now_ms(d);
    log_warn(EV_DOOR_CROWDED,
             LOG_U64("connections", d->crowd_max),
             LOG_U64("held", d->crowd[DOOR_HELD].count),
             LOG_U64("reading", d->crowd[DOOR_RECEIVING].count));
}

static void make_room(struct door *d)
{
    struct door_connection *dc;

    while (standing(d) > d->crowd_max && (dc = longest_waiting(d)) != NULL) {
        log_crowd(d);
        cut(dc, 503, "too many connections (server.max_connections); this one was the slowest");
    }
}

static size_t files_allowed(const struct server_settings *s, int64_t others)
{
    struct rlimit files;
    uint64_t wanted = (uint64_t)s->max_connections, left;

    if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur == RLIM_INFINITY) {
        return wanted;
    }
    left = files.rlim_cur > 2 * (uint64_t)others ? files.rlim_cur - (uint64_t)others
                                                 : files.rlim_cur / 2;
    return wanted < left ? wanted : left;
}

/* ---- coming and going ---- */

void door__crowd_init(struct door *d)
{
    const struct config *c = d->crier->config;

    for (size_t i = 0; i < DOOR_WAITINGS; i++) {
        list_init(&d->crowd[i]);
    }
    d->crowd_due_ms = INT64_MAX;
    d->crowd_max = files_allowed(&c->server, OTHER_FILES + c->queue.total_concurrency);
    if (d->crowd_max < (size_t)c->server.max_connections) {
        log_warn(EV_DOOR_LIMITED,
                 LOG_U64("connections", d->crowd_max),
                 LOG_I64("wanted", c->server.max_connections));
    }
}

/* Behind all but those that were given more time. */
static void put_in_order(struct door_connection *dc)
{
    struct list *l = &dc->door->crowd[dc->waiting];
    struct list_node *n = l->head.prev, *later = NULL;

    while (n != &l->head && connection_of(n)->since_ms > dc->since_ms) {
        later = n;
        n = n->prev;
    }
    if (later) {
        list_insert_before(l, later, &dc->node);
    } else {
        list_push(l, &dc->node);
    }
}

void door__crowd_move(struct door_connection *dc, enum door_waiting waiting)
{
    struct door *d = dc->door;

    if (dc->waiting == DOOR_GONE) {
        return;
    }
    d->progress = true;
    list_remove(&d->crowd[dc->waiting], &dc->node);
    dc->waiting = waiting;
    dc->since_ms = now_ms(d);
    put_in_order(dc);
    watch(d);
}

void door__crowd_give(struct door_connection *dc, int64_t more_ms)
{
    struct door *d = dc->door;

    if (dc->waiting == DOOR_GONE) {
        return;
    }
    list_remove(&d->crowd[dc->waiting], &dc->node);
    dc->since_ms += more_ms;
    put_in_order(dc);
    watch(d);
}

static void arrive(struct door *d, struct MHD_Connection *connection, void **context)
{
    struct door_connection *dc = mem_zalloc(sizeof *dc);

    dc->door = d;
    dc->mhd = connection;
    dc->since_ms = now_ms(d);
    dc->waiting = DOOR_IDLE;
    d->progress = true;
    list_push(&d->crowd[DOOR_IDLE], &dc->node);
    *context = dc;
    make_room(d);
    watch(d);
}

static void leave(struct door *d, void **context)
{
    struct door_connection *dc = *context;

    *context = NULL;
    if (dc->request != NULL) {
        door__request_forgotten(dc->request);
    }
    list_remove(&d->crowd[dc->waiting], &dc->node);
    mem_free(dc);
    d->left = true;
    watch(d);
}

void door__on_connection(void *door,
                         struct MHD_Connection *connection,
                         void **context,
                         enum MHD_ConnectionNotificationCode what)
{
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        arrive(door, connection, context);
    } else {
        leave(door, context);
    }
}
