#ifndef CRIER_SERVICE_CHANNELS_H
#define CRIER_SERVICE_CHANNELS_H

/* The configured channels and their live state: settings by reference to the config in force,
 * what the ledger keeps of them (paused, blocked, account, bucket), what the scheduler sees. */

#include <jansson.h>

#include "adapters/adapter.h"
#include "config/config.h"
#include "queue/ledger.h"
#include "service/wave.h"
#include "queue/quota.h"

struct crier;

struct channel {
    char name[64];
    const struct adapter *adapter;
    struct config *config; /* holds settings alive */
    const struct channel_settings *settings;
    struct ledger_channel kept;
    struct quota_book used; /* of its quota, as the ledger keeps it, and what is about to be */
    json_t *account;        /* object; adapters' memory of this account */
    char *account_saved;    /* its text as last handed to the ledger; NULL: not yet */
    bool gone;              /* no longer configured; kept while deliveries run */
    int64_t quiet_until_ms; /* as last logged; 0 */
    bool changed;           /* since it was last saved */
    struct wave_pace pace;  /* of an adapter with an audience */
    /* Goes up when it may have been mended: new settings, a resume. What a platform says to a
     * request from before then is no word on it any more. */
    uint64_t generation;
};

struct channels;
struct channels *channels_new(struct crier *c);
void channels_free(struct channels *s);
/* At start: what the ledger keeps. Blocks (ledger_run). */
MUST_USE enum err_code channels_load(struct channels *s, struct err *why);
/* Make the set that of the config in force and tell the scheduler. A blocked channel whose
 * settings differ from before goes on, and at the start of the program each one does, once:
 * somebody may have mended it. If not, its platform blocks it again. */
void channels_apply(struct channels *s);
struct channel *channels_find(struct channels *s,
                              const char *name); /* NULL; never a gone one */
struct channel *channels_find_any(struct channels *s, const char *name); /* also a gone one */
struct channel *channels_each(struct channels *s,
                              size_t *cursor); /* start at 0; NULL at the end */

/* Write down what has changed of them (last error, tokens): the housekeeping's call. */
void channels_save_changed(struct channels *s);
/* Where adapters are looked up: adapter_find unless a test has its own. Before
 * channels_apply(). */
typedef const struct adapter *adapter_finder_fn(const char *name);
void channels_use_adapters(struct channels *s, adapter_finder_fn *find);

/* What a LEDGER_CHANNEL_SAVE takes of a channel as it is now; ledger_channel_done(). */
void channel_copy(struct crier *c, struct channel *ch, struct ledger_channel *out);

/* A verdict BLOCKED: stop the channel, say so, store it. */
void channel_block(struct crier *c, struct channel *ch, const char *why);
void channel_note_error(struct crier *c, struct channel *ch, const char *detail);
void channel_note_done(struct crier *c, struct channel *ch);
void channel_pause(struct crier *c, struct channel *ch);
/* From paused or blocked: blocked deliveries become ready, the scheduler goes on. */
void channel_resume(struct crier *c, struct channel *ch, const char *by);
/* From blocked alone: a pause stays. */
void channel_unblock(struct crier *c, struct channel *ch, const char *by);
/* Blocked deliveries become ready: for one that was written down as blocked only after the channel
 * had been mended. */
void channel_release(struct crier *c, const struct channel *ch);
/* What its platform, or its settings, allow it; count 0: there is no quota. */
struct quota channel_quota(const struct channel *ch);
/* Whether one more post may go, and what is left. delivery: its own use is no obstacle; 0. */
struct quota_view
channel_quota_look(const struct channel *ch, struct delivery_id delivery, bool breaking);
/* For people; of a look that said no. */
const char *channel_quota_why(const struct channel *ch,
                              const struct quota_view *v,
                              bool breaking,
                              char *out);
/* A person has seen that no post came of it. */
void channels_quota_drop(struct channels *s, struct delivery_id delivery);
void channels_quota_clock_back(struct channels *s);

/* Where articles go instead of a channel that is blocked: each channel once, those that are on; one that is
 * blocked itself only if it has none to fall back to in turn. Names, yours; often none. */
struct strings channel_fallbacks(struct crier *c, const struct channel *blocked);

/* A write that carried the account failed: the next one carries it again. */
void channel_account_unsaved(struct channel *ch);
/* State as the API shows it; counts from a LEDGER_CHANNELS row (NULL: none). New reference.
 * Health is "ok", "paused", "blocked", "backing_off". */
json_t *
channel_json(struct crier *c, const struct channel *ch, const struct ledger_channel *row);

#endif
