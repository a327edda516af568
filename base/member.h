#ifndef CRIER_BASE_MEMBER_H
#define CRIER_BASE_MEMBER_H

/* The words for members of an audience, which adapters, the ledger and the service share. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Of a member. Stored, so never renumbered. */
enum member_state {
    MEMBER_ACTIVE,
    MEMBER_STOPPED,     /* wants nothing any more: back only by a consent that is newer */
    MEMBER_GONE,        /* the address reaches nobody: likewise */
    MEMBER_QUARANTINED, /* would be gone, but so many went at once that a person shall look */
    MEMBER_STATES
};
const char *member_state_name(enum member_state s); /* "active" … */
bool member_state_parse(const char *name, enum member_state *out);

/* What became of one message to one member. */
enum member_outcome {
    MEMBER_ACCEPTED,      /* the platform has taken it */
    MEMBER_AGAIN,         /* this member later; nothing has reached them */
    MEMBER_UNKNOWN,       /* they may have it: the request left and no usable answer came */
    MEMBER_REFUSED,       /* not this message; the member stays */
    MEMBER_UNDELIVERABLE, /* did not reach them today: gone after several such days */
    MEMBER_LOST,          /* the address reaches nobody any more: gone at once */
    MEMBER_UNSUBSCRIBED,  /* they want nothing from us: stopped at once */
};
const char *member_outcome_name(enum member_outcome o); /* "accepted" … */

/* What a member wants, besides being a member. */
#define MEMBER_TOPICS_MAX 62
#define MEMBER_TOPICS_ALL ((int64_t)-1) /* chose none: all, also later ones */
struct member_traits {
    int64_t topics; /* bits, as the channel's topics are numbered (in the ledger); or ALL */
    int quiet_from, quiet_to; /* minutes of the member's day, 0..1439; equal: no quiet hours */
    bool test; /* gets tests, and what goes out while the channel is in test mode */
};
/* Of Web Push: the browser's public key, 65 bytes, and its secret, 16 (RFC 8291 section 3.1). */
#define MEMBER_KEYS_BYTES 96

/* What a platform tells later of a message it has taken: bits. */
enum member_status {
    MEMBER_WAS_SENT = 1,
    MEMBER_WAS_DELIVERED = 2,
    MEMBER_WAS_READ = 4,
    MEMBER_WAS_FAILED = 8,
};

#endif
