/* A connection comes to stand: the name is looked up (kept for a minute), addresses are checked and tried one
 * after the other, TLS is made and verified, and the peer's SETTINGS are waited for, since before them nobody
 * knows how many streams it takes. */

#include "service/lane_internal.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "base/fault.h"
#include "base/url.h"

#define NAMES_KEPT_MS (60 * MS_SECOND)

static bool conn_begin(struct lane_origin *o, const struct addrinfo *a, char *error);

/* ---- TLS ---- */

static void say_tls_error(const struct lane_conn *c, char *error)
{
    long verified = SSL_get_verify_result(c->ssl);
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());

    if (verified != X509_V_OK) {
        (void)snprintf(error,
                       LANE_ERROR_BYTES,
                       "its certificate is not to be trusted: %s",
                       X509_verify_cert_error_string(verified));
    } else {
        (void)snprintf(error, LANE_ERROR_BYTES, "TLS failed: %s", reason ? reason : "closed");
    }
}

static void tls_begin(struct lane_conn *c)
{
    const struct lane_origin *o = c->origin;
    X509_VERIFY_PARAM *param;

    c->ssl = SSL_new(o->lane->lanes->tls);
    must(c->ssl != NULL && SSL_set_fd(c->ssl, c->fd) == 1);
    SSL_set_connect_state(c->ssl);
    param = SSL_get0_param(c->ssl);
    if (X509_VERIFY_PARAM_set1_ip_asc(param, o->host) != 1) { /* a name */
        must(X509_VERIFY_PARAM_set1_host(param, o->host, 0) == 1);
        must(SSL_set_tlsext_host_name(c->ssl, o->host) == 1);
    }
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
}

/* As RFC 7301, section 3.2, has it; others choose another one, or none, and go on. */
static bool is_no_common_protocol(void)
{
    return ERR_GET_REASON(ERR_peek_last_error()) ==
           SSL_AD_REASON_OFFSET + SSL_AD_NO_APPLICATION_PROTOCOL;
}

static void shake(struct lane_conn *c)
{
    const unsigned char *protocol = NULL;
    unsigned int len = 0;
    char error[LANE_ERROR_BYTES];
    int n, why;

    ERR_clear_error();
    n = FAULT("lane.tls") ? -1 : SSL_do_handshake(c->ssl);
    why = n == 1 ? SSL_ERROR_NONE : SSL_get_error(c->ssl, n);
    if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) {
        lane__conn_poll(c,
                        why == SSL_ERROR_WANT_WRITE ? UV_READABLE | UV_WRITABLE : UV_READABLE);
        return;
    }
    if (n != 1 && is_no_common_protocol()) {
        lane__other_protocol(c);
        return;
    }
    if (n != 1) {
        say_tls_error(c, error);
        lane__conn_fail(c, error);
        return;
    }
    SSL_get0_alpn_selected(c->ssl, &protocol, &len);
    if (len != 2 || memcmp(protocol, "h2", 2) != 0) {
        lane__other_protocol(c);
        return;
    }
    atomic_store(&c->origin->shared->other_until_ms, 0);
    lane__session_begin(c);
}

/* ---- the socket ---- */

static void say_refused(const struct sockaddr *a, char *error)
{
    char text[64];

    if (uv_ip_name(a, text, sizeof text) != 0) {
        (void)snprintf(text, sizeof text, "that");
    }
    (void)snprintf(error,
                   LANE_ERROR_BYTES,
                   "%s is a private address; allow_private: true would permit it",
                   text);
}

static int open_socket(const struct lane_origin *o, const struct addrinfo *a, char *error)
{
    int fd, one = 1;

    if (!o->allow_private && net_address_is_private(a->ai_addr)) {
        say_refused(a->ai_addr, error);
        return -1;
    }
    fd = FAULT("lane.socket")
             ? -1
             : socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        (void)snprintf(error, LANE_ERROR_BYTES, "no socket: %s", strerror(errno));
        return -1;
    }
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(fd, a->ai_addr, a->ai_addrlen) != 0 && errno != EINPROGRESS) {
        (void)snprintf(error, LANE_ERROR_BYTES, "no connection: %s", strerror(errno));
        (void)close(fd);
        return -1;
    }
    return fd;
}

static void connected(struct lane_conn *c)
{
    int error = 0;
    socklen_t len = sizeof error;
    const struct addrinfo *a = c->address;
    char text[LANE_ERROR_BYTES];

    if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0 || error != 0 ||
        FAULT("lane.connect")) {
        (void)snprintf(text, sizeof text, "no connection: %s", strerror(error));
        /* The list lives as long as no look-up replaces it, which waits for connecting ones. */
        if (a->ai_next && conn_begin(c->origin, a->ai_next, text)) {
            lane__conn_close(c);
            return;
        }
        lane__conn_fail(c, text);
        return;
    }
    if (c->origin->tls) {
        tls_begin(c);
        c->state = CONN_SHAKING;
        shake(c);
    } else {
        lane__session_begin(c);
    }
}

void lane__connect_turn(struct lane_conn *c)
{
    if (c->state == CONN_CONNECTING) {
        connected(c);
    } else {
        shake(c);
    }
}

static bool conn_begin(struct lane_origin *o, const struct addrinfo *a, char *error)
{
    struct lane_conn *c;
    int fd = -1;

    for (; a && fd < 0; a = fd < 0 ? a->ai_next : a) {
        fd = open_socket(o, a, error);
        if (fd >= 0) {
            break;
        }
    }
    if (fd < 0) {
        return false;
    }
    c = mem_zalloc(sizeof *c);
    c->origin = o;
    c->address = a;
    c->fd = fd;
    c->opened_ms = c->heard_ms = c->used_ms = o->lane->now_ms;
    list_init(&c->streams);
    buf_init(&c->out, (size_t)4 * 1024 * 1024);
    must(uv_poll_init(&o->lane->loop, &c->poll, fd) == 0);
    list_push(&o->conns, &c->node);
    o->connecting++;
    (void)atomic_fetch_add(&o->shared->connections, 1);
    (void)atomic_fetch_add(&o->lane->lanes->connections, 1);
    (void)atomic_fetch_add(&o->lane->lanes->opened, 1);
    lane__conn_poll(c, UV_WRITABLE);
    return true;
}

/* ---- the name ---- */

static void begin(struct lane_origin *o)
{
    char error[LANE_ERROR_BYTES] = "its name has no address";

    if (!conn_begin(o, o->addresses, error) && o->ready == 0) {
        lane__unreachable(o, error);
    }
}

static void on_resolved(uv_getaddrinfo_t *request, int status, struct addrinfo *found)
{
    struct lane_origin *o = container_of(request, struct lane_origin, resolve);
    char error[LANE_ERROR_BYTES];

    lane__clock(o->lane);
    o->resolving = false;
    lane__origin_dirty(o);
    if (o->lane->ending) {
        uv_freeaddrinfo(found);
        return;
    }
    if (status != 0 || FAULT("lane.resolve")) {
        uv_freeaddrinfo(found);
        (void)snprintf(error,
                       sizeof error,
                       "its name cannot be looked up: %s",
                       status ? uv_strerror(status) : "no");
        if (o->ready == 0) {
            lane__unreachable(o, error);
        }
        return;
    }
    uv_freeaddrinfo(o->addresses);
    o->addresses = found;
    o->resolved_ms = o->lane->now_ms;
    begin(o);
}

void lane__connect(struct lane_origin *o)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    int rc;

    if (o->addresses &&
        (o->connecting > 0 || o->lane->now_ms - o->resolved_ms < NAMES_KEPT_MS)) {
        begin(o);
        return;
    }
    rc = uv_getaddrinfo(&o->lane->loop, &o->resolve, on_resolved, o->host, o->service, &hints);
    o->resolving = rc == 0;
    if (rc != 0) {
        lane__unreachable(o, uv_strerror(rc));
    }
}
