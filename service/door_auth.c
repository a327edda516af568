/* Who asks: the peer's address, the bearer token, and patience with wrong ones. Called by
 * door_request.c and door_route.c. It owns the table of failed logins inside the door.
 *
 * Ten wrong tokens of one peer in a minute, and it is refused unheard until the minute is over.
 * Behind a reverse proxy all peers have the proxy's address; a peer on this machine is
 * therefore believed when it names somebody in X-Forwarded-For, and when it names nobody the
 * right token still opens, or one bad script would lock the whole newsroom out. */

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

#define LOGIN_FAILURES 10
#define LOGIN_WINDOW_MS MS_MINUTE

static void peer_set(struct door_request *r, const char *text, size_t len)
{
    if (len >= sizeof r->peer) {
        len = sizeof r->peer - 1;
    }
    memcpy(r->peer, text, len);
    r->peer[len] = '\0';
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
    peer_set(r, text[0] == '\0' ? "unix" : text, text[0] == '\0' ? 4 : strlen(text));
}

void door__peer_read(struct door_request *r)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(r->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);

    if (info != NULL && info->client_addr != NULL) {
        peer_from_address(r, info->client_addr);
    }
}

/* The last name in the list is the one our own proxy wrote. Only for counting and for logs:
 * nobody is let in for it. True when there was one. */
static bool peer_read_forwarded(struct door_request *r)
{
    const char *list = door_header(r, "X-Forwarded-For");
    const char *at;
    size_t len;

    if (!r->peer_is_local || list == NULL) {
        return false;
    }
    at = strrchr(list, ',');
    at = at == NULL ? list : at + 1;
    at += strspn(at, " ");
    len = strcspn(at, " ,");
    if (len == 0 || strspn(at, "0123456789abcdefABCDEF.:[]") < len) {
        return false;
    }
    peer_set(r, at, len);
    return true;
}

/* FNV-1a; whoever can choose addresses to collide only shares a counter with himself. */
static struct door_login *login_of(struct door *d, const char *peer)
{
    uint32_t h = 2166136261U;

    for (const char *at = peer; *at != '\0'; at++) {
        h = (h ^ (uint8_t)*at) * 16777619U;
    }
    return &d->logins[h % DOOR_LOGIN_SLOTS];
}

/* How long the peer has to wait; 0: not at all. */
static int64_t locked_ms(struct door *d, const char *peer)
{
    const struct door_login *l = login_of(d, peer);
    int64_t passed_ms = clock_mono_ms() - l->since_ms;

    if (strcmp(l->peer, peer) != 0 || l->count < LOGIN_FAILURES ||
        passed_ms >= LOGIN_WINDOW_MS) {
        return 0;
    }
    return LOGIN_WINDOW_MS - passed_ms;
}

static void note_failure(struct door *d, const char *peer)
{
    struct door_login *l = login_of(d, peer);
    int64_t now_ms = clock_mono_ms();

    if (strcmp(l->peer, peer) != 0 || now_ms - l->since_ms >= LOGIN_WINDOW_MS) {
        memset(l, 0, sizeof *l);
        memcpy(l->peer, peer, strlen(peer) + 1);
        l->since_ms = now_ms;
    }
    l->count++;
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

static bool refuse_login(struct door_request *r, int64_t wait_ms)
{
    char seconds[32];

    if (wait_ms > 0) {
        (void)snprintf(seconds,
                       sizeof seconds,
                       "%lld",
                       (long long)((wait_ms + MS_SECOND - 1) / MS_SECOND));
        door_reply_header(r, "Retry-After", seconds);
        door_problem(r, 429, NULL, "too many failed logins from %s", r->peer);
        return false;
    }
    door_reply_header(r, "WWW-Authenticate", "Bearer");
    door_problem(r,
                 401,
                 NULL,
                 "%s",
                 door_header(r, "Authorization") == NULL
                     ? "this needs the header Authorization: Bearer and server.token"
                     : "the bearer token is wrong");
    return false;
}

static bool check_token(struct door_request *r, const struct secret *token)
{
    bool named = peer_read_forwarded(r) || !r->peer_is_local;
    int64_t wait_ms = locked_ms(r->door, r->peer);

    if ((wait_ms == 0 || !named) && token_right(r, token)) {
        return true;
    }
    if (wait_ms == 0 && door_header(r, "Authorization") != NULL) {
        note_failure(r->door, r->peer);
    }
    return refuse_login(r, wait_ms);
}

/* Without a token whoever is on this machine may ask, but not a page in somebody's browser:
 * such a request names its origin, or comes under a host name that was made to point here. */
static bool check_local(struct door_request *r)
{
    static const char *const here[] = {"localhost", "127.0.0.1", "[::1]"};
    const char *host = door_header(r, "Host");

    if (!r->peer_is_local) {
        door_problem(r, 403, NULL, "server.token is not set, so only this machine may ask");
        return false;
    }
    if (strcmp(r->peer, "unix") == 0) {
        return true;
    }
    if (door_header(r, "Origin") != NULL || door_header(r, "X-Forwarded-For") != NULL) {
        door_problem(
            r, 403, NULL, "server.token is not set, so neither pages nor proxies may ask");
        return false;
    }
    for (size_t i = 0; host != NULL && i < ARRAY_LEN(here); i++) {
        if (strncasecmp(host, here[i], strlen(here[i])) == 0 &&
            strchr(":", host[strlen(here[i])]) != NULL) {
            return true;
        }
    }
    door_problem(r, 403, NULL, "server.token is not set, so the host must be this machine's");
    return false;
}

bool door__authorised(struct door_request *r)
{
    const struct secret *token = &r->crier->config->server.token;

    if (r->route->auth != AUTH_TOKEN) {
        (void)peer_read_forwarded(r);
        return true;
    }
    if (token->text == NULL || token->len == 0) {
        return check_local(r);
    }
    return check_token(r, token);
}
