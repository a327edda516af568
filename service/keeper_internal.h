#ifndef CRIER_SERVICE_KEEPER_INTERNAL_H
#define CRIER_SERVICE_KEEPER_INTERNAL_H

/* Shared by the keeper's files: keeper.c (life, settings, when what is due), keeper_ask.c (tokens for steps),
 * keeper_renew.c (a renewal from start to end), keeper_save.c (what goes into the ledger), keeper_view.c (what
 * is shown, and warned of). */

#include <uv.h>

#include "adapters/oauth.h"
#include "service/channels.h"
#include "service/crier.h"
#include "service/keeper.h"
#include "service/oauth_walk.h"

/* One channel's credential. */
struct held {
    struct list_node node;
    struct keeper *keeper;
    struct channel *channel; /* lives as long as the program */
    json_t *grant;           /* never changed in place; NULL: none */
    char origin[SHA256_HEX_BYTES];
    bool stored;                   /* the ledger has it */
    char dead[OAUTH_DETAIL_BYTES]; /* why the platform takes the grant no more; "": it does */
    char failing[OAUTH_DETAIL_BYTES]; /* why the last renewal failed; "": it did not */
    bool refused;                     /* … since the settings or the app are wrong */
    char
        locked[OAUTH_DETAIL_BYTES]; /* why what the ledger holds cannot be opened; "": it can */
    int64_t failures, retry_at_ms;
    bool lost;           /* the answer to the last renewal never came */
    char *doubted;       /* a token that the platform did not take; NULL */
    uint64_t generation; /* of the channel, when refused or doubted was set */
    uint64_t serial;     /* goes up when what is held is replaced from outside */
    int64_t warned_days; /* of the warnings ahead of an end, the last that was given; 0: none */
    struct renewal *renewal; /* on its way; NULL */
    struct list waits;
};

struct keeper {
    struct crier *crier;
    struct list held;
    struct ledger_credentials
        kept; /* as they were at start, until settings have claimed them */
    uv_timer_t timer;
    size_t saving;             /* requests at the ledger */
    uint8_t key[SHA256_BYTES]; /* of vault.key: another one, and all is sealed anew */
    bool applied;
    bool stopped;
};

struct renewal {
    struct held *held;
    struct config *config; /* holds settings */
    uint64_t serial;       /* of held, when it began */
    struct oauth_walk walk;
    struct ledger_credential_put put;
    char *sealed;
    bool walking;
    bool
        ended; /* without a request: what came of it is looked at on the next turn of the loop */
    bool unsaved; /* the disk did not take what it brought: tried again */
};

/* NULL: this channel, as it is configured now, has no tokens to keep. */
const struct oauth *keeper__oauth(const struct channel *ch);
struct grant_way keeper__way(const struct held *h);
/* NULL: there is nothing to keep of the channel. */
struct held *keeper__find(const struct keeper *k, const struct channel *ch);
/* What is due by the clock, now and when next. */
void keeper__look(struct keeper *k);
void keeper__look_in(struct keeper *k, int64_t ms);
#define KEEPER_SAVE_AGAIN_MS                                                                   \
    MS_SECOND /* after a disk that did not take what a renewal brought */
/* Takes grant (NULL: none); trouble of before is forgotten. */
void keeper__set_grant(struct held *h, json_t *grant);
/* Nothing that was started can help before a person does something: the channel is stopped, and says so. */
void keeper__block_if_hopeless(struct held *h);

/* keeper_ask.c */
/* Everybody who waits is answered anew. */
void keeper__answer_all(struct held *h);
/* A person did something about the channel since: what was in the way is tried again. */
void keeper__heed_generation(struct held *h);
/* There is a token, and nobody has refused it. */
bool keeper__usable(const struct held *h, int64_t now_ms);

/* keeper_renew.c */
/* Nothing when one is on its way. */
void keeper__renew(struct held *h);
/* What is to be done for one that is on its way, on a turn of the loop. */
void keeper__renewal_look(struct renewal *r);
void keeper__renewal_free(struct renewal *r);

/* keeper_save.c */
/* What is held of the channel into the ledger, or out of it where nothing is; nobody waits for it. */
void keeper__save(struct held *h);
char *keeper__seal(const struct held *h,
                   const json_t *grant); /* yours; NULL: there is no key */

/* keeper_view.c */
void keeper__warn(struct held *h, int64_t now_ms);

#endif
