/* How often clients may come to the readers' door: a bucket of tokens for each, and one for all of them. Called
 * by push_door.c. It owns a fixed number of places, so that a crowd of addresses fills it and no more; whoever
 * has not come for longest is forgotten first, and begins anew.
 *
 * What one address may do is a setting (audience.per_address), because a mobile network or a proxy that does not
 * say for whom it asks is one address to us. All together may do what one commit after the other can write down;
 * without that a flood from many addresses would fill the ledger. */

#include <string.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/mem.h"
#include "service/push_door_internal.h"

static const struct rate everybody = {.count = 2000, .per_ms = MS_SECOND};
#define BURST_S 2 /* of everybody: at once, after a pause */

void push__limit_init(struct push_limit *l)
{
    memset(l, 0, sizeof *l);
    crypto_random(l->salt, sizeof l->salt);
}

/* Salted, or whoever can choose addresses would choose those that push others out. */
static struct push_credit *places_of(struct push_limit *l, const char *peer)
{
    struct {
        uint8_t salt[sizeof l->salt];
        char peer[DOOR_PEER_BYTES];
    } both;
    uint8_t digest[SHA256_BYTES];

    memset(&both, 0, sizeof both);
    memcpy(both.salt, l->salt, sizeof both.salt);
    memcpy(both.peer, peer, strnlen(peer, sizeof both.peer - 1));
    crypto_sha256(&both, sizeof both, digest);
    return l->peers[(digest[0] << 8 | digest[1]) % PUSH_CREDIT_SETS];
}

static struct push_credit *place_of(struct push_limit *l, const char *peer)
{
    struct push_credit *places = places_of(l, peer), *oldest = &places[0];

    for (size_t i = 0; i < PUSH_CREDIT_WAYS; i++) {
        if (strcmp(places[i].peer, peer) == 0) {
            return &places[i];
        }
        oldest = places[i].at_ms < oldest->at_ms ? &places[i] : oldest;
    }
    memset(oldest, 0, sizeof *oldest);
    memcpy(oldest->peer, peer, strnlen(peer, sizeof oldest->peer - 1));
    return oldest;
}

/* What it has by now. One that has never come has all. */
static void fill(struct push_credit *p, struct rate rate, double most, int64_t now_ms)
{
    double came = p->at_ms > 0
                      ? (double)(now_ms - p->at_ms) * (double)rate.count / (double)rate.per_ms
                      : most;

    p->tokens = p->tokens + came < most ? p->tokens + came : most;
    p->at_ms = now_ms;
}

static int64_t wait_ms(const struct push_credit *p, struct rate rate)
{
    return (int64_t)((1.0 - p->tokens) * (double)rate.per_ms / (double)rate.count) + 1;
}

int64_t
push__limit_take(struct push_limit *l, const char *peer, struct rate each, int64_t now_ms)
{
    struct push_credit *one = peer && each.count > 0 ? place_of(l, peer) : NULL;

    fill(&l->all, everybody, (double)(everybody.count * BURST_S), now_ms);
    if (one) {
        fill(one, each, (double)each.count, now_ms);
        if (one->tokens < 1.0) {
            return wait_ms(one, each);
        }
    }
    if (l->all.tokens < 1.0) {
        return wait_ms(&l->all, everybody);
    }
    l->all.tokens -= 1.0;
    if (one) {
        one->tokens -= 1.0;
    }
    return 0;
}
