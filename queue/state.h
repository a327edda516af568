#ifndef CRIER_QUEUE_STATE_H
#define CRIER_QUEUE_STATE_H

/* The states of a delivery and the moves between them. Stored by number: never renumber. */

#include <stdbool.h>

/* clang-format off */
#define DELIVERY_STATES(X)                                                                     \
    X(DELIVERY_HELD, 0, "held")           /* waits for an earlier revision on the same channel */ \
    X(DELIVERY_READY, 1, "ready")         /* to be sent as soon as its turn comes */           \
    X(DELIVERY_IN_FLIGHT, 2, "in_flight") /* an attempt is written down and may have left */   \
    X(DELIVERY_DONE, 3, "done")           /* the platform has it */                            \
    X(DELIVERY_AGAIN, 4, "again")         /* an attempt failed, the next is due at due_at */   \
    X(DELIVERY_UNKNOWN, 5, "unknown")     /* may be public; a look at due_at, or a person */   \
    X(DELIVERY_REJECTED, 6, "rejected")   /* the platform will not take it */                  \
    X(DELIVERY_BLOCKED, 7, "blocked")     /* the channel is broken; on when mended */          \
    X(DELIVERY_EXPIRED, 8, "expired")     /* worthless by now */                               \
    X(DELIVERY_CANCELLED, 9, "cancelled") /* by a person, superseded by a newer revision, or withdrawn */

enum delivery_state {
#define X(id, number, name) id = (number),
    DELIVERY_STATES(X)
#undef X
    DELIVERY_STATE_COUNT
};
/* clang-format on */

const char *delivery_state_name(enum delivery_state s);
bool delivery_state_parse(const char *name, enum delivery_state *out);
bool delivery_state_ended(enum delivery_state s); /* done, rejected, expired, cancelled */
/* The one place that knows which moves are legal; the reasons stand beside the table in
 * state.c. */
bool delivery_may_move(enum delivery_state from, enum delivery_state to);

#endif
