/* Patience with wrong passwords. Ten of one peer within a minute, and it is refused unheard until
 * the minute is over. Called by door_auth.c, and by the handlers that check a signature of their
 * own. It owns the table of failures inside the door: a fixed number of places, so that a crowd of
 * addresses fills it and no more; whoever has not failed for longest is forgotten first.
 *
 * An IPv6 customer has a whole /64, so that is what counts as one peer. */

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/crypto.h"
#include "base/mem.h"
#include "service/door_internal.h"

#define LOGIN_FAILURES 10
#define LOGIN_WINDOW_MS MS_MINUTE

/* What a peer is counted by. */
void door__peer_key(const char *peer, char key[DOOR_PEER_BYTES])
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    struct in6_addr a;

    memset(key, 0, DOOR_PEER_BYTES);
    if (inet_pton(AF_INET6, peer, &a) != 1) {
        (void)snprintf(key, DOOR_PEER_BYTES, "%s", peer);
    } else if (memcmp(&a, mapped, sizeof mapped) == 0) {
        must(inet_ntop(AF_INET, &a.s6_addr[12], key, DOOR_PEER_BYTES) != NULL);
    } else {
        memset(&a.s6_addr[8], 0, 8);
        must(inet_ntop(AF_INET6, &a, key, DOOR_PEER_BYTES) != NULL);
    }
}

/* The places where a key may stand. Salted, or whoever can choose addresses would choose two that
 * push each other out. */
static struct door_login *places_of(struct door *d, const char key[DOOR_PEER_BYTES])
{
    struct {
        uint8_t salt[DOOR_SALT_BYTES];
        char key[DOOR_PEER_BYTES];
    } both;
    uint8_t digest[SHA256_BYTES];

    memcpy(both.salt, d->login_salt, sizeof both.salt);
    memcpy(both.key, key, sizeof both.key);
    crypto_sha256(&both, sizeof both, digest);
    return d->logins[digest[0] % DOOR_LOGIN_SETS];
}

static bool is_fresh(const struct door_login *l)
{
    return l->count > 0 && clock_mono_ms() - l->since_ms < LOGIN_WINDOW_MS;
}

static struct door_login *find(struct door_login *places, const char *key)
{
    for (size_t i = 0; i < DOOR_LOGIN_WAYS; i++) {
        if (strcmp(places[i].peer, key) == 0 && is_fresh(&places[i])) {
            return &places[i];
        }
    }
    return NULL;
}

int64_t door__locked_ms(struct door *d, const char *peer)
{
    char key[DOOR_PEER_BYTES];
    const struct door_login *l;

    door__peer_key(peer, key);
    l = find(places_of(d, key), key);
    if (l == NULL || l->count < LOGIN_FAILURES) {
        return 0;
    }
    return LOGIN_WINDOW_MS - (clock_mono_ms() - l->since_ms);
}

static struct door_login *take_place(struct door_login *places, const char *key)
{
    struct door_login *l = &places[0];

    for (size_t i = 1; i < DOOR_LOGIN_WAYS; i++) {
        l = places[i].last_ms < l->last_ms ? &places[i] : l;
    }
    memset(l, 0, sizeof *l);
    memcpy(l->peer, key, DOOR_PEER_BYTES);
    l->since_ms = clock_mono_ms();
    return l;
}

void door__note_failure(struct door *d, const char *peer)
{
    char key[DOOR_PEER_BYTES];
    struct door_login *places, *l;

    door__peer_key(peer, key);
    places = places_of(d, key);
    l = find(places, key);
    l = l == NULL ? take_place(places, key) : l;
    l->last_ms = clock_mono_ms();
    l->count++;
}
