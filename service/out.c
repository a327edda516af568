/* Outbound HTTP: libcurl's multi-socket interface on the libuv loop. Called by the courier and the
 * picture store; owns the connections, the timers and the easy handles; leaves what is said to
 * adapters and what an answer means to them as well, and mail to out_mail.c.
 *
 * Once or not at all. Two things here carry the promise that nothing is posted twice:
 *
 *   1. "It did not leave us" must be certain. libcurl calls on_about_to_send() when the connection
 *      (with its TLS) stands and before the first byte of the request. An exchange that fails
 *      without that call is NOT_SENT; every other failure is LOST.
 *
 *   2. libcurl itself sends a request again, silently, when it went out on a pooled connection and
 *      that was closed without a byte of an answer (Curl_retry_request in its lib/transfer.c): it
 *      takes the connection for a stale one. A server that read the POST whole and then died looks
 *      the same. So an exchange marked `once` gets a connection of its own, closed behind it, over
 *      HTTP/1.1, which has no refused streams: there libcurl never retries. TLS sessions are shared,
 *      which keeps the new handshake short. tests/unit/test_service_out.c shows both sides of it.
 *
 * The address is checked twice: when a socket is made, and again before a request leaves, because a
 * pooled connection may have been opened for a channel that may reach private addresses. */

#include "service/out.h"

#include <stdio.h>
#include <string.h>

#include <curl/curl.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/mem.h"
#include "base/url.h"
#include "service/crier.h"
#include "service/out_internal.h"

/* libcurl counts those in use as well and closes an idle one when there are more, so it must be more
 * than run at once (queue.total_concurrency, 200 unless set), or every exchange opens its own. */
#define POOLED_CONNECTIONS 512L
#define POOLED_SECONDS 55L /* many front ends close idle connections after 60 */
#define CONNECT_TIMEOUT_MS 10000
#define TIMEOUT_MS 30000
#define SLOW_BYTES_PER_SECOND 10L
#define SLOW_SECONDS 30L
#define REDIRECTS_MAX 5L

/* One socket of libcurl's under libuv's eye. */
struct out_socket {
    uv_poll_t poll;
    struct out *out;
    curl_socket_t fd;
};

/* ---- how an exchange ends ---- */

void out__run_ended(struct out *o)
{
    struct list now;
    struct list_node *n;

    list_init(&now);
    list_move_all(&now, &o->ended);
    while ((n = list_pop(&now)) != NULL) {
        struct out_exchange *x = container_of(n, struct out_exchange, node);

        x->done(x);
    }
}

static void on_ended_timer(uv_timer_t *timer)
{
    out__run_ended(timer->data);
}

static void end_later(struct out_exchange *x)
{
    list_push(&x->out->ended, &x->node);
    must(uv_timer_start(&x->out->ended_timer, on_ended_timer, 0, 0) == 0);
}

static int64_t info_us(CURL *easy, CURLINFO which)
{
    curl_off_t us = 0;

    if (curl_easy_getinfo(easy, which, &us) != CURLE_OK) {
        return 0;
    }
    return (int64_t)us;
}

static void fill_timing(struct out_exchange *x)
{
    x->timing.connect_us = info_us(x->curl, CURLINFO_CONNECT_TIME_T);
    x->timing.first_byte_us = info_us(x->curl, CURLINFO_STARTTRANSFER_TIME_T);
    x->timing.total_us = clock_mono_us() - x->start_us;
}

static void let_go_of_curl(struct out_exchange *x)
{
    if (x->curl) {
        (void)curl_multi_remove_handle(x->out->multi, x->curl);
        curl_easy_cleanup(x->curl);
    }
    curl_mime_free(x->mime);
    for (struct curl_slist *at = x->header_list; at != NULL; at = at->next) {
        mem_wipe(at->data, strlen(at->data));
    }
    curl_slist_free_all(x->header_list);
    mem_free(x->reader);
    x->curl = x->mime = x->header_list = x->reader = NULL;
}

void out__say_refused(struct out_exchange *x, const char *address)
{
    (void)snprintf(x->error,
                   sizeof x->error,
                   "%s is a private address; allow_private: true would permit it",
                   address);
}

static void fill_error(struct out_exchange *x, CURLcode code)
{
    if (x->refused[0] != '\0' && !x->left) {
        out__say_refused(x, x->refused);
    } else if (x->error[0] == '\0') {
        (void)snprintf(x->error, sizeof x->error, "%s", curl_easy_strerror(code));
    }
}

/* A cut-off larger answer was an answer. */
static bool is_answered(const struct out_exchange *x, CURLcode code)
{
    return x->response.status > 0 && x->head_complete &&
           (code == CURLE_OK || x->response.truncated) && !FAULT("out.receive");
}

/* Takes an exchange from running to ended. */
static void finish(struct out_exchange *x, CURLcode code)
{
    fill_timing(x);
    if (is_answered(x, code)) {
        x->outcome = TRANSPORT_ANSWERED;
        x->error[0] = '\0';
    } else {
        x->outcome = x->left ? TRANSPORT_LOST : TRANSPORT_NOT_SENT;
        fill_error(x, code == CURLE_OK ? CURLE_WEIRD_SERVER_REPLY : code);
    }
    x->response.body = buf_str(&x->body);
    x->response.body_len = x->body.len;
    x->response.now_ms = clock_wall_ms();
    let_go_of_curl(x);
    list_remove(&x->out->running, &x->node);
    list_push(&x->out->ended, &x->node);
}

/* libcurl must not be entered from its own callbacks, and a done may start the next exchange:
 * so collect first, call second. */
static void collect(struct out *o)
{
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(o->multi, &left)) != NULL) {
        char *private = NULL;
        CURLcode code = message->data.result;

        if (message->msg != CURLMSG_DONE) {
            continue;
        }
        must(curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &private) == CURLE_OK);
        finish((struct out_exchange *)(void *)private, code);
    }
    out__run_ended(o);
}

/* ---- libcurl on libuv, as in curl's docs/examples/multi-uv.c ---- */

static void on_socket_ready(uv_poll_t *poll, int status, int events)
{
    struct out_socket *s = container_of(poll, struct out_socket, poll);
    struct out *o = s->out;
    int running, flags = 0;

    flags |= status < 0 ? CURL_CSELECT_ERR : 0;
    flags |= events & UV_READABLE ? CURL_CSELECT_IN : 0;
    flags |= events & UV_WRITABLE ? CURL_CSELECT_OUT : 0;
    (void)curl_multi_socket_action(o->multi, s->fd, flags, &running);
    collect(o);
}

static void on_curl_timer(uv_timer_t *timer)
{
    struct out *o = timer->data;
    int running;

    (void)curl_multi_socket_action(o->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    collect(o);
}

static int on_timer_wanted(CURLM *multi, long timeout_ms, void *context)
{
    struct out *o = context;

    (void)multi;
    if (timeout_ms < 0) {
        return uv_timer_stop(&o->curl_timer);
    }
    /* Zero, too, goes round the loop: libcurl may not be entered from here. */
    return uv_timer_start(&o->curl_timer, on_curl_timer, (uint64_t)timeout_ms, 0);
}

static void on_socket_closed(uv_handle_t *handle)
{
    mem_free(container_of((uv_poll_t *)(void *)handle, struct out_socket, poll));
}

static struct out_socket *socket_new(struct out *o, curl_socket_t fd)
{
    struct out_socket *s = mem_zalloc(sizeof *s);

    s->out = o;
    s->fd = fd;
    must(uv_poll_init_socket(o->crier->loop, &s->poll, fd) == 0);
    must(curl_multi_assign(o->multi, fd, s) == CURLM_OK);
    return s;
}

static int
on_socket_wanted(CURL *easy, curl_socket_t fd, int what, void *context, void *assigned)
{
    struct out *o = context;
    struct out_socket *s = assigned;
    int events = 0;

    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (s) {
            (void)curl_multi_assign(o->multi, fd, NULL);
            (void)uv_poll_stop(&s->poll);
            uv_close((uv_handle_t *)&s->poll, on_socket_closed);
        }
        return 0;
    }
    s = s ? s : socket_new(o, fd);
    events |= what != CURL_POLL_IN ? UV_WRITABLE : 0;
    events |= what != CURL_POLL_OUT ? UV_READABLE : 0;
    return uv_poll_start(&s->poll, events, on_socket_ready);
}

/* ---- the address check ---- */

curl_socket_t out__open_socket(bool allow_private,
                               const struct curl_sockaddr *a,
                               char refused[OUT_ADDRESS_BYTES])
{
    if (!allow_private && net_address_is_private(&a->addr)) {
        if (uv_ip_name(&a->addr, refused, OUT_ADDRESS_BYTES) != 0) {
            (void)snprintf(refused, OUT_ADDRESS_BYTES, "that");
        }
        return CURL_SOCKET_BAD;
    }
    return FAULT("out.socket") ? CURL_SOCKET_BAD
                               : socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

static curl_socket_t
on_open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *a)
{
    struct out_exchange *x = context;

    (void)purpose;
    return out__open_socket(x->allow_private, a, x->refused);
}

static bool text_is_private(const char *address)
{
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;

    if (uv_ip4_addr(address, 0, &v4) == 0) {
        return net_address_is_private((const struct sockaddr *)(const void *)&v4);
    }
    if (uv_ip6_addr(address, 0, &v6) == 0) {
        return net_address_is_private((const struct sockaddr *)(const void *)&v6);
    }
    return true;
}

/* The connection stands, nothing of the request has left. */
static int on_about_to_send(void *context, char *to, char *from, int to_port, int from_port)
{
    struct out_exchange *x = context;

    (void)from;
    (void)to_port;
    (void)from_port;
    if (!x->allow_private && text_is_private(to)) {
        (void)snprintf(x->refused, sizeof x->refused, "%s", to);
        return CURL_PREREQFUNC_ABORT;
    }
    x->left = true;
    return FAULT("out.send") ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

/* ---- reading an answer ---- */

static size_t on_header(char *line, size_t size, size_t count, void *context)
{
    struct out_exchange *x = context;
    size_t len = size * count;

    return out__read_header(x, line, len) ? len : 0;
}

static void keep(struct out_exchange *x, const char *bytes, size_t len)
{
    if (x->piece) {
        x->piece_bytes += len;
        x->piece(x, bytes, len);
    } else {
        buf_add(&x->body, bytes, len);
    }
}

/* The bound holds for what comes out of decompression, which libcurl does piece by piece. */
static size_t on_body(char *bytes, size_t size, size_t count, void *context)
{
    struct out_exchange *x = context;
    size_t len = size * count;
    size_t room = x->body.max - (x->piece ? x->piece_bytes : x->body.len);

    if (x->paused) {
        return CURL_WRITEFUNC_PAUSE; /* the same bytes come again */
    }
    if (len <= room) {
        keep(x, bytes, len);
        return len;
    }
    keep(x, bytes, room);
    x->response.truncated = true;
    return 0; /* stops the exchange with CURLE_WRITE_ERROR */
}

void out_pause(struct out_exchange *x)
{
    x->paused = true;
}

void out_resume(struct out_exchange *x)
{
    if (x->paused && x->curl) {
        x->paused = false;
        (void)curl_easy_pause(x->curl, CURLPAUSE_CONT);
        /* What libcurl held back may have come to piece already; the rest needs its timer. */
    }
}

/* ---- sending ---- */

#define SET(option, value) must(curl_easy_setopt(x->curl, option, value) == CURLE_OK)

static void set_times(struct out_exchange *x)
{
    int64_t total = x->timeout_ms > 0 ? x->timeout_ms : TIMEOUT_MS;
    int64_t connect = x->connect_timeout_ms > 0 ? x->connect_timeout_ms : CONNECT_TIMEOUT_MS;

    SET(CURLOPT_TIMEOUT_MS, (long)(total + out__files_time_ms(x)));
    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)(connect < total ? connect : total));
    /* Only where nothing is changed: a platform that thinks long over a post is slow, not dead,
     * and cutting it would make an unknown outcome of a good one. */
    if (x->request->method == HTTP_GET || x->request->method == HTTP_HEAD) {
        SET(CURLOPT_LOW_SPEED_LIMIT, SLOW_BYTES_PER_SECOND);
        SET(CURLOPT_LOW_SPEED_TIME, SLOW_SECONDS);
    }
}

void out__set_authorities(void *curl)
{
    const char *file = getenv("SSL_CERT_FILE");

    if (file && *file) {
        (void)curl_easy_setopt(curl, CURLOPT_CAINFO, file);
    }
}

static void set_safety(struct out_exchange *x)
{
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_QUICK_EXIT,
        1L); /* a cancelled look-up must not hold the loop until it is done */
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_PROXY, ""); /* none from the environment */
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    out__set_authorities(x->curl);
    SET(CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
    SET(CURLOPT_OPENSOCKETDATA, x);
    SET(CURLOPT_PREREQFUNCTION, on_about_to_send);
    SET(CURLOPT_PREREQDATA, x);
    if (x->follow && (x->request->method == HTTP_GET || x->request->method == HTTP_HEAD)) {
        SET(CURLOPT_FOLLOWLOCATION, 1L);
        SET(CURLOPT_MAXREDIRS, REDIRECTS_MAX);
    }
}

static void set_connection(struct out_exchange *x)
{
    SET(CURLOPT_SHARE, x->out->share);
    SET(CURLOPT_MAXAGE_CONN, POOLED_SECONDS);
    SET(CURLOPT_PIPEWAIT, 0L);
    if (x->once) {
        SET(CURLOPT_FRESH_CONNECT, 1L);
        SET(CURLOPT_FORBID_REUSE, 1L);
        SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    } else {
        SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    }
}

static void set_answer(struct out_exchange *x)
{
    SET(CURLOPT_PRIVATE, x);
    SET(CURLOPT_ERRORBUFFER, x->error);
    SET(CURLOPT_HEADERFUNCTION, on_header);
    SET(CURLOPT_HEADERDATA, x);
    SET(CURLOPT_WRITEFUNCTION, on_body);
    SET(CURLOPT_WRITEDATA, x);
    SET(CURLOPT_ACCEPT_ENCODING, "");
}

static bool prepare(struct out_exchange *x)
{
    struct url_parts parts;
    char agent[256];
    const struct config *config = x->out->crier->config;
    const char *site = config && config->site.url ? config->site.url : NULL;

    if (!x->request->url || !url_parse(&parts, x->request->url)) {
        (void)snprintf(x->error, sizeof x->error, "the address of the request is no URL");
        return false;
    }
    if (!out__check_files(x)) {
        return false;
    }
    x->curl = curl_easy_init();
    must(x->curl != NULL);
    (void)snprintf(agent,
                   sizeof agent,
                   "crier/%s%s%s%s",
                   CRIER_VERSION,
                   site ? " (+" : "",
                   site ? site : "",
                   site ? ")" : "");
    SET(CURLOPT_USERAGENT, agent);
    set_safety(x);
    set_connection(x);
    set_answer(x);
    set_times(x);
    out__set_request(x);
    return true;
}

void out_send(struct out *o, struct out_exchange *x)
{
    size_t max = x->request->max_answer_bytes;

    x->out = o;
    x->outcome = TRANSPORT_NOT_SENT;
    x->left = x->cancelled = x->head_complete = x->paused = false;
    x->piece_bytes = 0;
    x->error[0] = x->refused[0] = '\0';
    x->curl = x->mime = x->header_list = x->reader = NULL;
    x->mail = NULL;
    x->header_bytes = 0;
    memset(&x->response, 0, sizeof x->response);
    memset(&x->timing, 0, sizeof x->timing);
    buf_init(&x->body, max ? max : HTTP_ANSWER_BYTES);
    x->start_us = clock_mono_us();
    if (x->request->mail) {
        if (out__mail_start(x)) {
            list_push(&o->running, &x->node);
        } else {
            end_later(x);
        }
        return;
    }
    if (!prepare(x)) {
        end_later(x);
        return;
    }
    list_push(&o->running, &x->node);
    must(curl_multi_add_handle(o->multi, x->curl) == CURLM_OK);
}

void out_cancel(struct out_exchange *x)
{
    if (!x->curl && !x->mail) {
        return; /* its end is on the way */
    }
    x->cancelled = true;
    if (x->mail) {
        out__mail_cancel(x);
        must(uv_timer_start(&x->out->ended_timer, on_ended_timer, 0, 0) == 0);
        return;
    }
    (void)snprintf(x->error, sizeof x->error, "broken off by us");
    x->response.status = 0; /* half an answer is none */
    finish(x, CURLE_ABORTED_BY_CALLBACK);
    must(uv_timer_start(&x->out->ended_timer, on_ended_timer, 0, 0) == 0);
}

void out_exchange_done(struct out_exchange *x)
{
    http_headers_done(&x->response.headers);
    buf_done(&x->body);
    memset(&x->response, 0, sizeof x->response);
}

size_t out_running(const struct out *o)
{
    return o->running.count;
}

/* ---- life ---- */

#define SETM(option, value) must(curl_multi_setopt(o->multi, option, value) == CURLM_OK)

static void set_multi(struct out *o)
{
    SETM(CURLMOPT_SOCKETFUNCTION, on_socket_wanted);
    SETM(CURLMOPT_SOCKETDATA, o);
    SETM(CURLMOPT_TIMERFUNCTION, on_timer_wanted);
    SETM(CURLMOPT_TIMERDATA, o);
    SETM(CURLMOPT_MAXCONNECTS, POOLED_CONNECTIONS);
    must(curl_share_setopt(o->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION) ==
         CURLSHE_OK);
}

enum err_code out_new(struct out **out, struct crier *c, struct err *why)
{
    struct out *o;

    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        return err_set(why, ERR_NETWORK, "libcurl cannot be initialised");
    }
    o = mem_zalloc(sizeof *o);
    o->crier = c;
    o->multi = curl_multi_init();
    o->share = curl_share_init();
    must(o->multi != NULL && o->share != NULL);
    list_init(&o->running);
    list_init(&o->ended);
    list_init(&o->mails);
    must(uv_timer_init(c->loop, &o->curl_timer) == 0);
    must(uv_timer_init(c->loop, &o->ended_timer) == 0);
    must(uv_async_init(c->loop, &o->mail_wake, out__on_mail_wake) == 0);
    uv_unref((uv_handle_t *)&o
                 ->mail_wake); /* keeps the loop going only while a mail is on its way */
    o->curl_timer.data = o->ended_timer.data = o->mail_wake.data = o;
    o->open_handles = 3;
    set_multi(o);
    *out = o;
    return ERR_NONE;
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct out *o = handle->data;

    if (--o->open_handles == 0) {
        mem_free(o);
    }
}

void out_free(struct out *o)
{
    struct list_node *n;

    if (!o) {
        return;
    }
    while ((n = list_first(&o->running)) != NULL) {
        out_cancel(container_of(n, struct out_exchange, node));
    }
    out__run_ended(o);
    must(list_empty(&o->running) && list_empty(&o->ended));
    out__mail_join(o);
    (void)curl_multi_cleanup(o->multi);
    (void)curl_share_cleanup(o->share);
    curl_global_cleanup();
    uv_close((uv_handle_t *)&o->curl_timer, on_handle_closed);
    uv_close((uv_handle_t *)&o->ended_timer, on_handle_closed);
    uv_close((uv_handle_t *)&o->mail_wake, on_handle_closed);
}
