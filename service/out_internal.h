#ifndef CRIER_SERVICE_OUT_INTERNAL_H
#define CRIER_SERVICE_OUT_INTERNAL_H

/* Shared by out.c (the exchange), out_request.c (what is said and how an answer's head is read) and
 * out_mail.c (the exchange with a mail server). */

#include <curl/curl.h>
#include <uv.h>

#include "service/out.h"

struct out {
    struct crier *crier;
    CURLM *multi;
    CURLSH *share; /* TLS sessions, also for connections that are never pooled */
    struct list running;
    struct list ended; /* their done is to be called */
    struct list mails; /* struct out_mail: each has a thread, also those that were broken off */
    uv_timer_t curl_timer;
    uv_timer_t ended_timer;
    uv_async_t mail_wake; /* a thread has come to its end */
    int open_handles;
};

/* out.c */
/* Calls the done of what has ended. */
void out__run_ended(struct out *o);
/* A socket to that address; CURL_SOCKET_BAD, and refused says which, when it may not be reached. */
#define OUT_ADDRESS_BYTES 48
curl_socket_t out__open_socket(bool allow_private,
                               const struct curl_sockaddr *a,
                               char refused[OUT_ADDRESS_BYTES]);
/* Whom TLS believes: the authorities of the system, or those of $SSL_CERT_FILE. */
void out__set_authorities(void *curl);
void out__say_refused(struct out_exchange *x, const char *address);

/* out_request.c */
/* Whether the files that x->request streams are there; false, with the reason in x->error. */
bool out__check_files(struct out_exchange *x);
/* How long it may take to send them, beside what an answer may take. */
int64_t out__files_time_ms(const struct out_exchange *x);
/* Method, headers and body of x->request into x->curl. */
void out__set_request(struct out_exchange *x);
/* One line of an answer's head. False: too much of it, stop. */
bool out__read_header(struct out_exchange *x, const char *line, size_t len);

/* out_mail.c */
/* Starts it. False, with the reason in x->error: nothing was started. */
bool out__mail_start(struct out_exchange *x);
/* It ends now, in `ended`: with its answer when there is one, else with LOST or NOT_SENT. */
void out__mail_cancel(struct out_exchange *x);
void out__on_mail_wake(uv_async_t *wake);
/* Waits for the threads of what was cancelled; nothing is running any more. */
void out__mail_join(struct out *o);

#endif
