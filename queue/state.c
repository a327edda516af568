/* The states of a delivery: their names, and which moves between them are legal. Called by the
 * ledger, which moves deliveries in one place (sqlite_state.c), and by the doors for names.
 * Pure. */

#include "queue/state.h"

#include <stddef.h>
#include <string.h>

#include "base/attr.h"

static const char *const names[DELIVERY_STATE_COUNT] = {
#define X(id, number, name) [number] = (name),
    DELIVERY_STATES(X)
#undef X
};

#define TO(state) (1U << (state))

/* Who may go where, and why. A delivery that has ended comes back only by a person's replay. */
static const unsigned moves[DELIVERY_STATE_COUNT] = {
    /* The earlier revision ended; or a newer revision, a person or the time made it
     * pointless. */
    [DELIVERY_HELD] = TO(DELIVERY_READY) | TO(DELIVERY_CANCELLED) | TO(DELIVERY_EXPIRED),
    /* An attempt begins; or it ends without one: nothing to send (done), the platform has no
     * way to do it (rejected), the settings are broken (blocked), it could not be prepared
     * (again). */
    [DELIVERY_READY] = TO(DELIVERY_IN_FLIGHT) | TO(DELIVERY_DONE) | TO(DELIVERY_AGAIN) |
                       TO(DELIVERY_REJECTED) | TO(DELIVERY_BLOCKED) | TO(DELIVERY_EXPIRED) |
                       TO(DELIVERY_CANCELLED),
    /* A verdict; ready when the request never left (shutdown, or found so after a crash) or a
     * look showed that nothing is there; cancelled when, known not to be public, it gives way
     * to the newer revision behind it. */
    [DELIVERY_IN_FLIGHT] = TO(DELIVERY_READY) | TO(DELIVERY_DONE) | TO(DELIVERY_AGAIN) |
                           TO(DELIVERY_UNKNOWN) | TO(DELIVERY_REJECTED) | TO(DELIVERY_BLOCKED) |
                           TO(DELIVERY_EXPIRED) | TO(DELIVERY_CANCELLED),
    /* The platform has it. A change is a new revision, so a new delivery. */
    [DELIVERY_DONE] = 0,
    /* As ready; ready when a person does not want to wait; again when put off without an
       attempt. */
    [DELIVERY_AGAIN] = TO(DELIVERY_READY) | TO(DELIVERY_IN_FLIGHT) | TO(DELIVERY_DONE) |
                       TO(DELIVERY_AGAIN) | TO(DELIVERY_REJECTED) | TO(DELIVERY_BLOCKED) |
                       TO(DELIVERY_EXPIRED) | TO(DELIVERY_CANCELLED),
    /* A look begins (in flight) or is put off (unknown); a person or the channel's on_unknown
     * settles it. Never expired while in doubt: it may be public, and somebody must know. */
    [DELIVERY_UNKNOWN] = TO(DELIVERY_IN_FLIGHT) | TO(DELIVERY_UNKNOWN) | TO(DELIVERY_DONE) |
                         TO(DELIVERY_READY) | TO(DELIVERY_AGAIN) | TO(DELIVERY_REJECTED) |
                         TO(DELIVERY_BLOCKED) | TO(DELIVERY_CANCELLED),
    /* The channel is mended, or time passes, or it is given up. */
    [DELIVERY_BLOCKED] = TO(DELIVERY_READY) | TO(DELIVERY_EXPIRED) | TO(DELIVERY_CANCELLED),
    /* Ended: a person replays it, behind another one if that is still open. What was cancelled because its
     * article was withdrawn goes on when that comes back: once its page was looked at, perhaps (again). */
    [DELIVERY_REJECTED] = TO(DELIVERY_READY) | TO(DELIVERY_HELD),
    [DELIVERY_EXPIRED] = TO(DELIVERY_READY) | TO(DELIVERY_HELD),
    [DELIVERY_CANCELLED] = TO(DELIVERY_READY) | TO(DELIVERY_HELD) | TO(DELIVERY_AGAIN),
};

const char *delivery_state_name(enum delivery_state s)
{
    must((unsigned)s < DELIVERY_STATE_COUNT);
    return names[s];
}

bool delivery_state_parse(const char *name, enum delivery_state *out)
{
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (strcmp(names[i], name) == 0) {
            *out = (enum delivery_state)i;
            return true;
        }
    }
    return false;
}

bool delivery_state_ended(enum delivery_state s)
{
    return s == DELIVERY_DONE || s == DELIVERY_REJECTED || s == DELIVERY_EXPIRED ||
           s == DELIVERY_CANCELLED;
}

bool delivery_may_move(enum delivery_state from, enum delivery_state to)
{
    must((unsigned)from < DELIVERY_STATE_COUNT && (unsigned)to < DELIVERY_STATE_COUNT);
    return (moves[from] & TO(to)) != 0;
}
