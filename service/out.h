#ifndef CRIER_SERVICE_OUT_H
#define CRIER_SERVICE_OUT_H

/* Outbound HTTP and mail. Carries requests made by adapters; knows no platform. Mail goes by rules of
 * its own (out_mail.c); HTTP by libcurl's multi-socket interface on the libuv loop. Its connections are
 * pooled per host, HTTP/2 where the host speaks it, no redirects on anything but media, answers bounded
 * and decompressed under the same bound. For both, TLS is always verified, proxies come only from the
 * settings, and the address a socket is about to connect to is checked at that very moment
 * (CURLOPT_OPENSOCKETFUNCTION), so a name that resolves to a private address is refused whatever
 * resolved it, unless the exchange allows private addresses.
 *
 * Telling "nothing left us" from "it may have arrived" is what exactly-once rests on: an exchange is
 * NOT_SENT only when no byte of the request was handed to a connected socket; a mail, when its end
 * certainly was not. */

#include "adapters/http.h"
#include "adapters/trouble.h"
#include "base/err.h"
#include "base/list.h"

struct crier;
struct out;
struct out_exchange;
struct out_mail;
typedef void out_done_fn(struct out_exchange *x);
typedef void out_piece_fn(struct out_exchange *x, const char *bytes, size_t len);

/* What struct media.file points to: a whole file that requests are streamed from, piece by piece. Open
 * until the exchange is done. */
struct out_file {
    int fd;
    uint64_t len;
};

struct out_timing {
    int64_t connect_us, first_byte_us, total_us; /* since out_send(); 0: never came so far */
};

struct out_exchange {
    /* in; borrowed until done */
    struct http_request *request;
    bool allow_private;
    bool once;   /* a repeat does harm: a connection of its own, so that libcurl never sends
                  * it a second time by itself */
    bool follow; /* redirects, GET and HEAD only, at most 5, each address checked anew */
    int64_t timeout_ms; /* whole exchange, but for the time a file takes that it sends */
    int64_t connect_timeout_ms; /* 0: 10 s or timeout_ms, whichever is less */
    out_done_fn *done;          /* exactly once, never before out_send() has returned */
    /* NULL: the answer is gathered in body. Else each piece of it is given here as it comes, decompressed,
     * up to request->max_answer_bytes in all; the head can be read from response already. It may call
     * out_pause(), never out_cancel(). */
    out_piece_fn *piece;
    /* out; valid from done until out_exchange_done() */
    enum transport_outcome outcome;
    struct http_response response;
    struct buf body;
    char error[256];
    struct out_timing timing;
    /* out.c's own */
    struct out *out;
    void *curl, *header_list, *mime;
    void *reader;          /* of a body that is a file */
    struct out_mail *mail; /* a mail on its way; NULL: HTTP, or it has ended */
    struct list_node node;
    int64_t start_us;
    size_t header_bytes;
    bool head_complete; /* libcurl calls an answer cut inside its head a good one */
    size_t piece_bytes; /* given away so far */
    bool cancelled;
    bool paused;
    bool left;        /* the connection stood and the request was about to go */
    char refused[48]; /* the address that the check refused; "": none */
};

MUST_USE enum err_code out_new(struct out **out, struct crier *c, struct err *why);
void out_free(struct out *o); /* running exchanges end as LOST or NOT_SENT first */
/* Starts it; errors of our own (bad URL) come as NOT_SENT through done as well. */
void out_send(struct out *o, struct out_exchange *x);
/* done comes soon, with LOST or NOT_SENT. */
void out_cancel(struct out_exchange *x);
/* Nothing comes to piece any more until out_resume(), which must not be called inside of piece and may
 * call it; the time runs on. Resuming what has ended is fine. */
void out_pause(struct out_exchange *x);
void out_resume(struct out_exchange *x);
void out_exchange_done(struct out_exchange *x); /* frees what it holds; not x itself */
size_t out_running(const struct out *o);

#endif
