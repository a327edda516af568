/* Who asks: the peer's address, the bearer token, and whether a request comes from this machine.
 * Called by door_request.c, door_route.c and, for signatures, api_hooks.c. Wrong passwords are
 * counted in door_login.c.
 *
 * Behind a reverse proxy all peers have the proxy's address; a peer on this machine is therefore
 * believed when it names somebody in X-Forwarded-For, and when it names nobody the right token
 * still opens, or one bad script would lock the whole newsroom out. */

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "base/crypto.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/url.h"
#include "service/door_internal.h"

static void peer_set(struct door_request *r, const char *text)
{
    (void)snprintf(r->peer, sizeof r->peer, "%s", text);
}

static void peer_from_address(struct door_request *r, const struct sockaddr *addr)
{
    char text[INET6_ADDRSTRLEN] = "";
    struct sockaddr_storage copy;

    memset(&copy, 0, sizeof copy);
    if (addr->sa_family == AF_INET) {
        memcpy(&copy, addr, sizeof(struct sockaddr_in));
        (void)inet_ntop(AF_INET, &((struct sockaddr_in *)&copy)->sin_addr, text, sizeof text);
    } else if (addr->sa_family == AF_INET6) {
        memcpy(&copy, addr, sizeof(struct sockaddr_in6));
        (void)inet_ntop(
            AF_INET6, &((struct sockaddr_in6 *)&copy)->sin6_addr, text, sizeof text);
    }
    r->peer_is_local = text[0] == '\0' || net_address_is_loopback((struct sockaddr *)&copy);
    peer_set(r, text[0] == '\0' ? "unix" : text);
}

void door__peer_read(struct door_request *r)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(r->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);

    if (info != NULL && info->client_addr != NULL) {
        peer_from_address(r, info->client_addr);
    }
}

/* An address of the list, without the port and the brackets that some proxies write. */
static bool read_address(const char *text, size_t len, char out[INET6_ADDRSTRLEN])
{
    uint8_t any[sizeof(struct in6_addr)];
    const char *colon;

    if (len > 0 && text[0] == '[') {
        text++;
        len = strcspn(text, "]");
    } else if ((colon = memchr(text, ':', len)) != NULL &&
               memchr(colon + 1, ':', len - (size_t)(colon + 1 - text)) == NULL) {
        len = (size_t)(colon - text);
    }
    if (len >= INET6_ADDRSTRLEN) {
        return false;
    }
    memcpy(out, text, len);
    out[len] = '\0';
    return inet_pton(AF_INET, out, any) == 1 || inet_pton(AF_INET6, out, any) == 1;
}

struct last_value {
    const char *name, *value; /* value NULL: none so far */
};

static enum MHD_Result
keep_last(void *context, enum MHD_ValueKind kind, const char *name, const char *value)
{
    struct last_value *last = context;

    (void)kind;
    if (value != NULL && text_same_fold(name, last->name)) {
        last->value = value;
    }
    return MHD_YES;
}

/* Our own proxy's word is the last: it writes behind what its client claimed, at the end of the
 * list or as a header of its own. Only for counting and for logs: nobody is let in for it. True
 * when there was one. */
static bool read_forwarded(const struct door_request *r, char address[INET6_ADDRSTRLEN])
{
    struct last_value last = {.name = "X-Forwarded-For"};
    const char *at;

    if (r->connection == NULL) {
        return false;
    }
    (void)MHD_get_connection_values(r->connection, MHD_HEADER_KIND, keep_last, &last);
    if (last.value == NULL) {
        return false;
    }
    at = strrchr(last.value, ',');
    at = at == NULL ? last.value : at + 1;
    at += strspn(at, " ");
    return read_address(at, strcspn(at, " "), address);
}

static bool peer_read_forwarded(struct door_request *r)
{
    char address[INET6_ADDRSTRLEN];

    if (!r->peer_is_local || !read_forwarded(r, address)) {
        return false;
    }
    peer_set(r, address);
    return true;
}

enum whereabouts { PEER_HERE, PEER_INSIDE, PEER_OUTSIDE };

static enum whereabouts peer_is(const char *peer)
{
    struct sockaddr_storage any = {.ss_family = AF_INET};
    struct sockaddr *addr = (struct sockaddr *)&any;

    if (inet_pton(AF_INET, peer, &((struct sockaddr_in *)&any)->sin_addr) != 1) {
        any.ss_family = AF_INET6;
        if (inet_pton(AF_INET6, peer, &((struct sockaddr_in6 *)&any)->sin6_addr) != 1) {
            return PEER_HERE; /* a unix socket */
        }
    }
    return net_address_is_loopback(addr)  ? PEER_HERE
           : net_address_is_private(addr) ? PEER_INSIDE
                                          : PEER_OUTSIDE;
}

/* A client at a private address may be a proxy on another machine. Who believes it wrongly believes somebody of
 * the own network, and only which of its clients has come how often. */
bool door_peer_key(const struct door_request *r, char out[DOOR_PEER_BYTES])
{
    enum whereabouts where = peer_is(r->peer);
    char address[INET6_ADDRSTRLEN];

    if (where == PEER_HERE) {
        return false;
    }
    door__peer_key(where == PEER_INSIDE && read_forwarded(r, address) ? address : r->peer, out);
    return true;
}

/* ---- wrong passwords ---- */

static void refuse_locked(struct door_request *r, int64_t wait_ms)
{
    char seconds[32];

    (void)snprintf(
        seconds, sizeof seconds, "%lld", (long long)((wait_ms + MS_SECOND - 1) / MS_SECOND));
    door_reply_header(r, "Retry-After", seconds);
    door_problem(r, 429, NULL, "too many failed logins from %s", r->peer);
}

void door_refuse_login(struct door_request *r, bool tried, const char *why)
{
    int64_t wait_ms = r->door == NULL ? 0 : door__locked_ms(r->door, r->peer);

    if (wait_ms > 0) {
        refuse_locked(r, wait_ms);
        return;
    }
    if (tried && r->door != NULL) {
        door__note_failure(r->door, r->peer);
    }
    if (r->route->auth == AUTH_TOKEN) {
        door_reply_header(r, "WWW-Authenticate", "Bearer");
    }
    door_problem(r, 401, NULL, "%s", why);
}

/* A peer that can be told from others, and has failed too often, is not heard. */
static bool check_patience(struct door_request *r)
{
    bool named = peer_read_forwarded(r) || !r->peer_is_local;
    int64_t wait_ms = named ? door__locked_ms(r->door, r->peer) : 0;

    if (wait_ms > 0) {
        refuse_locked(r, wait_ms);
    }
    return wait_ms == 0;
}

/* Digests are compared, so that not even the length of the token shows in the time taken. */
static bool token_right(const struct door_request *r, const struct secret *token)
{
    static const char scheme[] = "Bearer ";
    const char *given = door_header(r, "Authorization");
    uint8_t a[SHA256_BYTES], b[SHA256_BYTES];

    if (given == NULL || strncasecmp(given, scheme, sizeof scheme - 1) != 0) {
        return false;
    }
    given += sizeof scheme - 1;
    given += strspn(given, " ");
    crypto_sha256(given, strlen(given), a);
    crypto_sha256(token->text, token->len, b);
    return crypto_equal(a, b, sizeof a);
}

static bool check_token(struct door_request *r, const struct secret *token)
{
    bool tried = door_header(r, "Authorization") != NULL;

    if (!check_patience(r)) {
        return false;
    }
    if (token_right(r, token)) {
        return true;
    }
    door_refuse_login(r,
                      tried,
                      tried ? "the bearer token is wrong"
                            : "this needs the header Authorization: Bearer and server.token");
    return false;
}

/* ---- nobody but this machine ---- */

/* Browsers say where a request of a page comes from: by Origin, and by Sec-Fetch-Site also where
 * they leave Origin out. */
static bool comes_from_a_page(const struct door_request *r)
{
    const char *site = door_header(r, "Sec-Fetch-Site");

    return door_header(r, "Origin") != NULL || (site != NULL && !text_same_fold(site, "none") &&
                                                !text_same_fold(site, "same-origin"));
}

static bool host_is_here(const struct door_request *r)
{
    static const char *const here[] = {"localhost", "127.0.0.1", "[::1]"};
    const char *host = door_header(r, "Host");

    for (size_t i = 0; host != NULL && i < ARRAY_LEN(here); i++) {
        size_t len = strlen(here[i]);

        if (strncasecmp(host, here[i], len) == 0 && (host[len] == '\0' || host[len] == ':')) {
            return true;
        }
    }
    return false;
}

bool door_from_here(struct door_request *r, const char *why)
{
    if (!r->peer_is_local) {
        door_problem(r, 403, NULL, "%s, so only this machine may ask", why);
        return false;
    }
    if (comes_from_a_page(r) || door_header(r, "X-Forwarded-For") != NULL) {
        door_problem(r, 403, NULL, "%s, so neither pages nor proxies may ask", why);
        return false;
    }
    if (strcmp(r->peer, "unix") != 0 && !host_is_here(r)) {
        door_problem(r, 403, NULL, "%s, so the host must be this machine's", why);
        return false;
    }
    return true;
}

bool door__authorised(struct door_request *r)
{
    const struct secret *token = &r->crier->config->server.token;

    switch (r->route->auth) {
    case AUTH_NONE:
    case AUTH_READER:
        (void)peer_read_forwarded(r);
        return true;
    case AUTH_HOOK:
        return check_patience(r);
    case AUTH_TOKEN:
        break;
    }
    if (token->text == NULL || token->len == 0) {
        return door_from_here(r, "server.token is not set");
    }
    return check_token(r, token);
}
