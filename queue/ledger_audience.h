#ifndef CRIER_QUEUE_LEDGER_AUDIENCE_H
#define CRIER_QUEUE_LEDGER_AUDIENCE_H

/* What the ledger keeps of audiences: members, what is prepared for them, and the waves that reach them. Requests
 * like all others: ledger.h says how they are handed over, which includes this. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/id.h"
#include "base/member.h"
#include "queue/ledger_request.h"

struct ledger_texts;

/* ---- audiences: the members of a channel that addresses people one by one ---- */
struct ledger_new_member {
    const char *address;  /* normalised */
    const char *language; /* NULL: not known */
    const char *opted_in_by;
    int64_t opted_in_at_ms;
    const uint8_t *keys; /* base/member.h, at most MEMBER_KEYS_BYTES; NULL: none */
    size_t keys_len;
    int64_t key_id;
    struct member_traits traits; /* topics 0: as ALL */
    bool keeps_traits;           /* one that is there keeps its own */
    const char *zone;            /* IANA time zone; NULL: not known */
    /* The address that this one takes the place of (a browser that got a new one): it is one member, with the
     * number, the consent and the state it had; but the address being another, one that was gone or quarantined
     * is active again. NULL: none, as is one that is not there. */
    const char *instead_of;
};
/* A member that is there gets what is new: the language; with a consent that is no older than the one it has,
 * the keys, the traits, the zone; and a consent that is newer. Who is stopped, gone or quarantined is active
 * again by a consent that is newer than that, and by nothing else. What is NULL is left as it is. */
struct ledger_members_put {
    struct ledger_request req;
    /* in */
    const char *channel;
    const struct ledger_new_member *v;
    size_t count;
    uint64_t
        first_id; /* of so many consecutive ids, from id_next_block; which gets which is not said */
    int64_t now_ms;
    /* out */
    int64_t added, changed, back, unchanged;
    int64_t left_out; /* they had stopped, or were gone, after that consent */
};
enum ledger_member_change { MEMBER_STOP, MEMBER_START, MEMBER_ERASE, MEMBER_TRAITS };
struct ledger_member_set { /* by a word of the member's own, or a person's. ERR_NOT_FOUND */
    struct ledger_request req;
    const char *channel, *address;
    enum ledger_member_change change;
    const char *why; /* START: the new consent's `opted_in_by` */
    /* TRAITS: what they want now, whatever their state and without a new consent */
    struct member_traits traits; /* topics 0: as ALL */
    const char *zone, *language; /* NULL: as it was */
    int64_t now_ms;
};
struct ledger_members { /* by number */
    struct ledger_request req;
    /* in */
    const char *channel;
    uint64_t after;      /* 0: from the start */
    size_t limit;        /* 0: only the counts */
    int state;           /* enum member_state, -1: any */
    int64_t since_ms;    /* with a state that is not ACTIVE: in it since then only; 0: all */
    const char *address; /* only this one; NULL: all */
    /* out */
    struct ledger_member {
        uint64_t id;
        char *address, *language, *state_why,
            *opted_in_by; /* language, state_why: may be NULL */
        enum member_state state;
        int64_t state_at_ms, opted_in_at_ms, failures;
        uint8_t *keys; /* NULL: none */
        size_t keys_len;
        int64_t key_id;
        struct member_traits traits;
        char *zone; /* NULL */
    } * v;
    size_t count;
    bool more;
    int64_t by_state[MEMBER_STATES];
    int64_t prepared; /* for so many members something is prepared */
};
/* Those who became gone or quarantined since, by what platforms answered, are active again: what was believed of
 * the answers was wrong. Never those who have stopped. Told in an event, "audience.back". */
struct ledger_members_back {
    struct ledger_request req;
    const char *channel;
    int64_t since_ms;
    int state; /* MEMBER_GONE, MEMBER_QUARANTINED, -1: both */
    bool gone; /* the other way round: the quarantined ones are gone indeed */
    int64_t now_ms;
    int64_t count; /* out */
    bool more;     /* out: it was as much as a call may do; come again */
};
/* The bits of a channel's topics, by name: 1, 2, 4 …; new names get the next ones, and a name keeps its own.
 * ERR_INVALID: more than MEMBER_TOPICS_MAX over time. */
struct ledger_topics {
    struct ledger_request req;
    const char *channel;
    const char *const *names;
    size_t count;
    int64_t *bits; /* out: of each, in that order; of the request */
};
/* Active members with keys for whom nothing is prepared, in the order of waves; and what was prepared for some
 * of those, in the same order. NEXT hands it out, to those who come up for the first time, and erases it in the
 * transaction that writes the batch down: nothing is handed out twice, whatever crashes. What was made for keys
 * that a member has no more is not handed out either. */
struct ledger_unprepared {
    struct ledger_request req;
    const char *channel;
    uint64_t after; /* 0: from the start */
    size_t limit;
    struct ledger_unprepared_member { /* out */
        uint64_t id;
        uint8_t keys[MEMBER_KEYS_BYTES];
        size_t keys_len;
    } * v;
    size_t count;
    bool more;     /* there may be others behind `upto` */
    uint64_t upto; /* out: so far it has looked: the next `after` */
};
struct ledger_prepared_put {
    struct ledger_request req;
    const char *channel;
    /* Ascending, as ledger_unprepared gave them, with the keys it was made for; of whom nothing could be
     * prepared is left out. */
    const struct ledger_unprepared_member *members;
    const uint8_t *bytes; /* count times each_bytes, in that order */
    size_t count, each_bytes;
    int64_t now_ms;
};

/* ---- waves: a delivery on its way to an audience (sqlite_wave.c) ---- */
/* Each member of the audience, as it was when the wave began, comes up once: in a batch that is written down
 * before any of it leaves (NEXT), and whose end is written down when all of it has an answer (END). What is
 * found of a batch without an end when a wave is opened may have arrived: those members are unknown, but those
 * of whom the platform told something since. Unknown ones are settled by what it tells (TOLD). */
struct ledger_wave {
    int64_t total, accepted, refused, undeliverable, stopped;
    int64_t again, unknown; /* open: the wave is not through */
    int64_t was_sent, was_delivered, was_read, was_failed;
    bool at_end;      /* the cursor has passed all of them */
    int64_t due_ms;   /* when the first of `again` is due; 0: none is */
    int64_t since_ms; /* since when the first of `unknown` is; 0: none is */
    int64_t told_ms;  /* when the platform last told something on this channel; 0: never */
    int64_t missing;  /* at the end: members that were stopped or removed before their turn */
    int64_t
        skipped; /* whom it was not for: another topic, no test member; or who were spared it */
    int64_t started_ms;
    int64_t go_at_ms;    /* nothing leaves before: the time to take it back; 0 */
    bool waits_for_word; /* nothing leaves before a person confirms it */
    bool halted;         /* a person has stopped it: the rest is skipped */
    char by[32];         /* who confirmed or stopped it; "" */
};
/* Which answers came, and when: of the members of one service. */
#define LEDGER_TIMES 64
struct ledger_wave_service {
    char name[32];
    int64_t accepted, retried, gone, refused, unknown;
    /* How many answers came within so long since the wave's start: ledger_time_bucket(). Final ones only. */
    uint32_t times[LEDGER_TIMES];
};
/* Bucket i holds what took up to ledger_time_bound_ms(i): 5 ms, a third more with each, the last one (INT64_MAX)
 * all the rest. */
size_t ledger_time_bucket(int64_t ms);
int64_t ledger_time_bound_ms(size_t bucket);
struct ledger_wave_open {
    struct ledger_request req;
    struct delivery_id id;
    const char *channel;
    /* Of a wave that begins; one that is there keeps its own. */
    int64_t topics;  /* for members with one of these bits, or ALL; ALL, 0: for everybody */
    bool test;       /* for test members only */
    int64_t undo_ms; /* so long nothing leaves */
    int64_t
        confirm_above; /* with more members than this it waits for a person's word; 0: never */
    int64_t now_ms;
    struct ledger_wave wave; /* out */
};
/* A batch that is about to leave. None is, while the wave waits for its time (go_at_ms) or for a word, or when it
 * is halted: number is 0, and `wave` says it. Any number of batches may be on their way, and of several waves of a
 * channel. */
struct ledger_wave_next {
    struct ledger_request req;
    /* in */
    struct delivery_id id;
    size_t limit;
    /* Unknown since then or before may be sent again … 0: none. */
    int64_t unknown_before_ms;
    bool unheard;            /* … also where the platform has told of nothing since */
    int64_t recent_since_ms; /* `recent` counts what they had since then; 0: is not wanted … */
    int64_t recent_enough;   /* … and below this number may count too many */
    int64_t now_ms;
    /* out */
    int64_t number; /* 0: there is no batch */
    bool
        more; /* it has passed over as many as a call may: come again at once, also when number is 0 */
    bool retracted;            /* nor will it be: the article was taken back */
    bool withdrawn;            /* … or is for now, and may come back */
    struct delivery_id behind; /* a newer revision's, which waits for it to end; 0: none */
    size_t returning;          /* so many of them, the first ones, come again */
    struct ledger_wave_member {
        uint64_t id;
        const char *address, *language; /* language may be NULL */
        int64_t opted_in_at_ms;
        int64_t tries;       /* so often it was tried before */
        const uint8_t *keys; /* NULL: none */
        size_t keys_len;
        int64_t key_id;
        const uint8_t *prepared; /* erased in the ledger; NULL: nothing was */
        size_t prepared_len;     /* what each_bytes was */
        struct member_traits traits;
        const char *zone; /* NULL */
        /* New messages of the channel's other waves that they had, or may have. What replaces another one is none; nor
         * is one that they still wait for, or were refused or spared. */
        int64_t recent;
    } * v; /* texts and bytes are the request's */
    size_t count;
    struct ledger_texts *texts; /* where they are */
    struct ledger_wave wave;
};
struct ledger_wave_result {
    uint64_t member;
    enum member_outcome outcome;
    int64_t due_at_ms; /* AGAIN; UNKNOWN: when its answer did not come */
    bool tried;        /* AGAIN: it counts as a try */
    bool spared; /* REFUSED: by us, who spare them it (a cap of alerts): it counts as skipped */
    const char *detail; /* not of ACCEPTED; NULL */
};
struct ledger_wave_end {
    struct ledger_request req;
    struct delivery_id id;
    int64_t number;
    const struct ledger_wave_result *v; /* of members of the batch, all but … */
    size_t count;
    int64_t accepted; /* … so many, who have it */
    bool remembers;   /* when those have it who come again: it counts for `recent` */
    const struct ledger_wave_service *services; /* what is to be added */
    size_t service_count;
    /* Members that may become gone in an hour by what is told of them; others are quarantined, and an event says
     * so once, "audience.brake". 0: 100 or a twentieth of all, whichever is more. */
    int64_t gone_max;
    int64_t now_ms;
    struct ledger_wave wave; /* out */
};
enum wave_word { WAVE_CONFIRM, WAVE_STOP };
/* A person's word, told in an event, "wave.confirmed" or "wave.stopped". ERR_NOT_FOUND; ERR_CONFLICT: it is
 * through, was stopped before, or waits for no word (CONFIRM). A stop comes also after a CONFIRM; it ends the wave
 * for all who have not had their turn, and for those who were to be tried again. */
struct ledger_wave_say {
    struct ledger_request req;
    struct delivery_id id;
    enum wave_word word;
    const char *by;
    int64_t now_ms;
    struct ledger_wave wave; /* out */
};
/* Newest first: of one delivery, or the last ones. Of each, as it is in an article's JSON too under "wave" (without
 * the first line):
 *   "delivery", "article" (public id), "title", "channel", "breaking", "state" (of the delivery),
 *   "members", "accepted", "refused", "undeliverable", "stopped", "skipped", "again", "unknown",
 *   "sent", "delivered", "read", "failed" (as platforms told later),
 *   "started_at", "go_at" (null: at once), "waits_for_word", "halted", "by" (null), "test", "topics" (list of
 *   names; null: everybody),
 *   "services": [{"name", "accepted", "retried", "gone", "refused", "unknown", "ms": {"50", "90", "99", "100"}}],
 *   "ms": the same over all services; null: no final answer yet. */
struct ledger_waves {
    struct ledger_request req;
    struct delivery_id id; /* 0: any */
    const char *channel;   /* NULL: any */
    bool open;             /* only those whose delivery has not ended */
    size_t limit;
    json_t *out; /* array; owned by the request */
};
struct ledger_wave_news {
    struct delivery_id delivery;
    uint64_t member;
    enum member_status status;
    enum member_outcome outcome; /* WAS_FAILED: UNDELIVERABLE, LOST, UNSUBSCRIBED or REFUSED */
    const char *detail;
};
struct ledger_wave_told {
    struct ledger_request req;
    const char *channel;
    const struct ledger_wave_news *v;
    size_t count;
    int64_t now_ms;
    /* out: waves of which nothing is unknown any more; yours to look at */
    struct delivery_id *settled;
    size_t settled_count;
};

#endif
