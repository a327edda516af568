#ifndef CRIER_ADAPTERS_AUDIENCE_H
#define CRIER_ADAPTERS_AUDIENCE_H

/* A channel that addresses people one by one. Its members stand in the ledger; a delivery goes to them
 * as a wave (service/wave.c), by the step of the adapter's courses that says `each_member`: built once
 * for every member, with ctx->member, and read once for every answer. Such a read (and `unanswered`)
 * says two things: in ctx->word what became of it for this member, and by its verdict what that means
 * for the wave:
 *   NEXT                 nothing: the wave goes on
 *   AGAIN, SCOPE_CHANNEL too fast, or the platform is in trouble: the wave waits retry_after_ms, and
 *                        goes on slower
 *   BLOCKED              no to us: the wave stops where it is, and goes on from there when it is mended
 *   REJECTED             no to this article, whoever gets it: the wave ends
 * Steps before it prepare what all messages share, and leave it in ctx->record; behind it there is none.
 *
 * A platform may tell later, by a call of its own, what became of messages: `hook`. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/member.h"

struct verdict; /* adapter.h */
struct push;    /* push.h */

struct member {
    uint64_t
        id; /* in the ledger: names the member to the platform where it takes a name of ours */
    const char *address;
    const char *language; /* NULL: not known */
    /* Of an audience with `push`: */
    int64_t opted_in_at_ms; /* 0: not known */
    const uint8_t *keys;    /* what came with the address; NULL: none */
    size_t keys_len;
    int64_t
        key_id; /* which of our keys it was made for: the first 8 bytes of its SHA-256; 0: none */
    const uint8_t
        *prepared; /* as push->prepare made it, for this message alone; NULL: nothing is */
    bool second;   /* it goes again at once, as member_word.second wished; prepared is NULL */
};

#define MEMBER_DETAIL_BYTES 160
struct member_word {
    enum member_outcome outcome;
    int64_t retry_after_ms; /* AGAIN: what the platform asked for; 0 */
    /* AGAIN, of an audience with `push`: not later but at once, and made otherwise (signed anew, shorter): the
     * lane asks for headers and body again, with member.second, once. */
    bool second;
    char id[128]; /* ACCEPTED: the platform's name of the message; "": none */
    char detail[MEMBER_DETAIL_BYTES]; /* for people; never an address, never a secret */
};

/* What a platform told of one message, or of one member. */
enum member_news_kind {
    NEWS_STATUS, /* of a message: name, status; failed: outcome and wave */
    NEWS_STOP,   /* the member at address wants nothing any more */
    NEWS_START,  /* … and now wants it again */
};
#define MEMBER_ADDRESS_BYTES 1024
struct member_news {
    enum member_news_kind kind;
    char name[64];                      /* as the step gave it to the platform: member_name() */
    char address[MEMBER_ADDRESS_BYTES]; /* normalised … */
    char other[MEMBER_ADDRESS_BYTES]; /* … and another form they may be known by; "": none */
    enum member_status status;
    enum member_outcome
        outcome; /* with MEMBER_WAS_FAILED: UNDELIVERABLE, LOST, UNSUBSCRIBED or REFUSED */
    bool stops_channel; /* it says no to us: the channel is blocked, with detail */
    char detail[MEMBER_DETAIL_BYTES];
};
struct member_news_list {
    struct member_news *v; /* mem_free() */
    size_t count;
};

struct audience_call {     /* of a platform, to us */
    const char *signature; /* the header that `signature_header` names; NULL: it has none */
    const char *body;
    size_t body_len;
};
enum audience_signed { AUDIENCE_GOOD, AUDIENCE_WRONG, AUDIENCE_UNSIGNED, AUDIENCE_NO_SECRET };

struct audience {
    size_t batch;    /* members that are written down together before they leave */
    size_t parallel; /* requests at a time */
    /* One member again: this, then so many times as much, and so on; for so many tries. */
    int64_t again_ms, again_factor, again_max;
    /* A message whose fate is unknown may be sent again when the platform, which tells of every message, has
     * told of later ones and not of this for so long. 0: never. */
    int64_t resend_after_ms;
    /* What an address looks like, normalised into out (MEMBER_ADDRESS_BYTES); false: it is none. */
    bool (*address)(const char *text, char *out);
    const char *address_form;    /* for people: "+ and digits, as +4915112345678" */
    const struct member *sample; /* for previews */
    /* Its messages go by lanes (adapters/push.h); NULL: each as an exchange of its own. */
    const struct push *push;
    /* Another message to the same member takes the place of the first (Topic and tag, collapse id): where it is
     * unknown whether they have it they get it again, after resend_after_ms and without anybody's word. */
    bool replaces;
    /* ---- what the platform tells; all NULL: nothing ---- */
    /* The question whether this is the address to call: what to answer; NULL: not asked by the platform. */
    const char *(*challenge)(const void *settings,
                             const char *mode,
                             const char *token,
                             const char *challenge);
    const char *signature_header;
    enum audience_signed (*check)(const void *settings, const struct audience_call *call);
    /* false: it cannot be read. What is none of our business is left out. */
    bool (*read)(const void *settings,
                 const struct audience_call *call,
                 struct member_news_list *out);
};

/* The name of one message: of the delivery and the member; and back. */
void member_name(char out[64], const char *delivery_id, uint64_t member);
bool member_name_read(const char *name, char out_delivery[32], uint64_t *out_member);
/* An address as logs and details may show it: its beginning and its end. */
void member_mask(char out[MEMBER_ADDRESS_BYTES], const char *address);
/* The member a step is built for: ctx->member, or the sample. */
struct step_ctx;
const struct member *member_of(const struct step_ctx *ctx, const struct audience *a);
/* Sets ctx->word. */
void member_say(struct step_ctx *ctx,
                enum member_outcome outcome,
                int64_t retry_after_ms,
                const char *detail);

#endif
