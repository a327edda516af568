#ifndef CRIER_SERVICE_DOOR_INTERNAL_H
#define CRIER_SERVICE_DOOR_INTERNAL_H

/* What the files of the door share: the door itself, a request from its first byte to its
 * answer, and the steps between. Nobody outside door*.c includes this.
 *
 * The life of a request:
 *   door__request_new     libmicrohttpd has read the request line
 *   door__on_request      headers are there: door__admit() finds the route and checks who asks;
 * then the body, bit by bit; then the handler, which answers at once or later
 *   door__request_answer  the answer is there: sent now, or the suspended connection is resumed
 *   door__on_completed    libmicrohttpd is done with it
 * and around that, from door_crowd.c, the life of its connection.
 * A request lives until it is both answered and completed, so a handler that answers after the
 * connection or the door has gone touches only its own request. */

#include <uv.h>

#include <microhttpd.h>

#include "base/clock.h"
#include "base/list.h"
#include "service/crier.h"
#include "service/door.h"
#include "service/passed.h"

#define DOOR_PARAMS_MAX 4
#define DOOR_TARGET_BYTES 16384
#define DOOR_QUERY_MAX 64
#define DOOR_LOGIN_SETS 128
#define DOOR_LOGIN_WAYS 4
#define DOOR_SALT_BYTES 16
#define DOOR_LINGERS_MAX 64

/* Failed logins of one peer within a minute. */
struct door_login {
    char peer[DOOR_PEER_BYTES]; /* or its /64 */
    int64_t since_ms, last_ms;
    int count; /* 0: an empty place */
};

/* What a connection is waited for: door_crowd.c. */
enum door_waiting {
    DOOR_IDLE,
    DOOR_RECEIVING,
    DOOR_HELD,
    DOOR_ANSWERING,
    DOOR_GONE,
    DOOR_WAITINGS
};

struct door_connection {
    struct list_node node; /* in door.crowd[waiting] */
    struct door *door;
    struct MHD_Connection *mhd;
    struct door_request *request; /* begun and not completed; NULL: none */
    enum door_waiting waiting;
    int64_t since_ms; /* of the loop's clock: when the waiting began */
};

struct door {
    struct crier *crier;
    const struct door_route *routes;
    struct MHD_Daemon *daemon;
    uv_poll_t poll;
    uv_timer_t timer;
    uv_timer_t crowd_timer;
    int handles;   /* not yet closed; the door's memory ends with the last */
    bool running;  /* inside MHD_run() */
    bool progress; /* something came of it */
    bool left;     /* somebody did, since the last turn */
    unsigned
        fruitless; /* turns of which nothing came, one after the other; FRUITLESS_MAX at most */
    bool quiesced;
    bool closing;
    int listen_fd;     /* ours to close once libmicrohttpd was told to let go; -1 */
    char *socket_path; /* of a unix socket, removed at the end */
    char url[256];
    bool open; /* other machines may reach it: neither a loopback address nor a unix socket */
    struct list requests; /* with a connection */
    struct list crowd[DOOR_WAITINGS];
    size_t crowd_max;
    int64_t crowd_due_ms, crowd_logged_ms;
    struct list lingers;
    struct door_login logins[DOOR_LOGIN_SETS][DOOR_LOGIN_WAYS];
    uint8_t login_salt[DOOR_SALT_BYTES];
};

enum door_phase { DOOR_NEW, DOOR_READING, DOOR_HANDLING, DOOR_SENDING };

struct door_request {
    struct list_node node;
    struct door *door;                 /* NULL: gone */
    struct MHD_Connection *connection; /* NULL: completed */
    struct crier *crier;
    const struct door_route *route; /* NULL until found */
    enum http_method method;
    enum door_phase phase;
    char *target; /* path and query as they came */
    char *path;   /* decoded */
    const char *query;
    size_t query_len;
    char *params[DOOR_PARAMS_MAX];
    size_t param_count;
    bool has_body;
    bool in_handler;
    bool suspended;
    bool answered;
    struct door_stream
        *stream; /* the answer, when it is a long one; lives as long as r->connection */
    bool linger; /* refused before its body was read: read that away before closing */
    struct buf body;
    size_t dropped_bytes; /* of a body over the limit */
    char peer[DOOR_PEER_BYTES];
    bool peer_is_local; /* loopback address or unix socket */
    int64_t started_us;
    void *context;
    void (*free_context)(void *);
    struct strings kept; /* decoded query values handed out */
    struct pairs headers;
    struct MHD_Response *response;
    int status;
    uint64_t file_bytes; /* of the answer, when it is a file */
};

/* door_listen.c: the socket that "server.listen" names, or the one that was passed to us, which is
 * the door's from here on; what it is called goes into d->url. */
MUST_USE enum err_code door__listen(struct door *d, const char *listen, struct err *why);
void door__adopt(struct door *d, struct passed *passed, const char *listen);

/* door_request.c: libmicrohttpd's callbacks. */
void *door__request_new(void *door, const char *uri, struct MHD_Connection *connection);
enum MHD_Result door__on_request(void *door,
                                 struct MHD_Connection *connection,
                                 const char *url,
                                 const char *method,
                                 const char *version,
                                 const char *upload,
                                 size_t *upload_len,
                                 void **context);
void door__on_completed(void *door,
                        struct MHD_Connection *connection,
                        void **context,
                        enum MHD_RequestTerminationCode why);
/* libmicrohttpd closes some malformed requests without telling that they are over: their
 * connection tells. */
void door__request_forgotten(struct door_request *r);
/* door_crowd.c: who may stay, how long, and who goes when there are too many. */
void door__crowd_init(struct door *d);
void door__on_connection(void *door,
                         struct MHD_Connection *connection,
                         void **context,
                         enum MHD_ConnectionNotificationCode what);
struct door_connection *door__connection_of(struct MHD_Connection *connection);
/* Something else is waited for from now on; one that was cut stays so. */
void door__crowd_move(struct door_connection *dc, enum door_waiting waiting);
/* So much more time for what is waited for. */
void door__crowd_give(struct door_connection *dc, int64_t more_ms);
/* Tells those whose request has not come whole that it need not any more. */
void door__crowd_disperse(struct door *d);
/* Answers for a request that libmicrohttpd would not get on with, and ends the connection. */
void door__crowd_refuse(struct door_connection *dc, int status, const char *detail);
/* door_reply.c: the answer, with the headers every answer has; response is taken. */
void door__request_answer(struct door_request *r, int status, struct MHD_Response *response);
/* A whole answer as it goes over the wire, for a connection that is then closed. */
void door__problem_bytes(struct buf *out, int status, const char *detail);
/* Cuts what is still open loose from a door that goes; their handlers may answer later. */
void door__requests_abandon(struct door *d);
void door__request_drop(
    struct door_request *r); /* frees it when it is answered and completed */

/* door_route.c: finds the route and checks who asks. False: the request has been refused. */
bool door__admit(struct door_request *r, const char *method, const char *version);
/* door_head.c: whether its head can be taken at its word; sets r->has_body. False: refused. */
bool door__check_head(struct door_request *r, const char *version);

/* door_auth.c */
void door__peer_read(struct door_request *r);
bool door__authorised(struct door_request *r); /* false: refused */

/* door_login.c: an address as it is counted; how long a peer has to wait, 0: not at all; and one more failure of it. */
void door__peer_key(const char *peer, char key[DOOR_PEER_BYTES]);
int64_t door__locked_ms(struct door *d, const char *peer);
void door__note_failure(struct door *d, const char *peer);

/* door_linger.c: reads away, for a moment, what a refused client is still sending, so that
 * closing does not reset the connection under the answer. fd is taken. */
void door__linger_start(struct door *d, int fd);
void door__lingers_end(struct door *d);

/* door.c: a suspended connection goes on at the next turn of the loop. */
void door__resume(struct door *d, struct MHD_Connection *connection);
void door__handle_closed(struct door *d);

#endif
