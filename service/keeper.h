#ifndef CRIER_SERVICE_KEEPER_H
#define CRIER_SERVICE_KEEPER_H

/* Keeps the tokens of all channels whose adapter has a struct oauth (adapters/oauth.h): opens what the ledger
 * holds, begins with what the settings give, renews ahead of the end, and hands out the token in force. */

#include <jansson.h>

#include "base/err.h"
#include "base/list.h"
#include "service/grant.h"

struct buf;
struct channel;
struct crier;
struct keeper;
struct keeper_wait;
struct metrics;

struct keeper *keeper_new(struct crier *c);
/* At start, before keeper_apply(): what the ledger holds. Blocks (ledger_run). */
MUST_USE enum err_code keeper_load(struct keeper *k, struct err *why);
/* New settings are in force: after channels_apply(). */
void keeper_apply(struct keeper *k);
/* A clock was moved. */
void keeper_poke(struct keeper *k);
/* Nothing is renewed ahead any more; what a delivery waits for still is. */
void keeper_stop(struct keeper *k);
bool keeper_idle(const struct keeper *k); /* no renewal is on its way */
void keeper_free(struct keeper *k);       /* nobody may wait; NULL is fine */

/* ---- a token for a step ---- */

enum keeper_answer {
    KEEPER_TOKEN, /* grant has it */
    KEEPER_LATER, /* it could not be renewed for now: again after retry_after_ms */
    KEEPER_NONE,  /* a person must do something: why says what */
};
typedef void keeper_done_fn(struct keeper_wait *w);
struct keeper_wait {
    /* in */
    const char
        *refused; /* the token that the platform did not take, borrowed for the call; NULL */
    keeper_done_fn *done;
    /* out */
    enum keeper_answer answer;
    json_t *grant; /* a reference of one's own; never changed in place */
    int64_t retry_after_ms;
    char why[OAUTH_DETAIL_BYTES + 128];
    /* the keeper's */
    struct list_node node;
    struct list *in; /* where it waits; NULL: it does not */
};
/* Whether a step would get one at once; true of a channel that needs none. */
bool keeper_is_ready(const struct keeper *k, const struct channel *ch);
/* true: answered; false: done is called once, later, unless keeper_wait_done() comes first. */
MUST_USE bool keeper_token(struct keeper *k, struct channel *ch, struct keeper_wait *w);
/* Waits no more; lets go of the grant. Also of a zeroed one. */
void keeper_wait_done(struct keeper_wait *w);

/* ---- what is held, for people and machines ---- */

/* Whether the channel has anything to do with tokens that are kept. */
bool keeper_knows(const struct keeper *k, const struct channel *ch);
void keeper_forecast(const struct keeper *k, const struct channel *ch, struct forecast *out);
/* As the API shows it, never a secret; new reference, NULL: nothing is kept of this channel. */
json_t *keeper_json(const struct keeper *k, const struct channel *ch);
void keeper_print_gauges(const struct keeper *k, struct buf *out);

/* ---- a sign-in, or its end ---- */

typedef void keeper_saved_fn(void *context, enum err_code rc, const struct err *why);
/* What `crier keys login` has sealed takes the place of what is held, and a blocked channel goes on. done
 * once, when it is on disk. An error: it was not sealed for this channel with vault.key, and done does not come. */
MUST_USE enum err_code keeper_take_sealed(struct keeper *k,
                                          struct channel *ch,
                                          const char *sealed,
                                          keeper_saved_fn *done,
                                          void *context,
                                          struct err *why);
/* What is kept is forgotten; what the settings hold counts again. */
void keeper_forget(struct keeper *k, struct channel *ch, keeper_saved_fn *done, void *context);

#endif
