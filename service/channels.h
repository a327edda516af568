#ifndef CRIER_SERVICE_CHANNELS_H
#define CRIER_SERVICE_CHANNELS_H

/* The configured channels and their live state: settings by reference to the config in force,
 * what the ledger keeps of them (paused, blocked, account, bucket), what the scheduler sees. */

#include <jansson.h>

#include "adapters/adapter.h"
#include "config/config.h"
#include "queue/ledger.h"
#include "service/wave.h"

struct crier;

struct channel {
    char name[64];
    const struct adapter *adapter;
    struct config *config; /* holds settings alive */
    const struct channel_settings *settings;
    struct ledger_channel kept;
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

/* A verdict BLOCKED: stop the channel, say so, store it. */
void channel_block(struct crier *c, struct channel *ch, const char *why);
void channel_note_error(struct crier *c, struct channel *ch, const char *detail);
void channel_note_done(struct crier *c, struct channel *ch);
void channel_pause(struct crier *c, struct channel *ch);
/* From paused or blocked: blocked deliveries become ready, the scheduler goes on. */
void channel_resume(struct crier *c, struct channel *ch, const char *by);
/* Blocked deliveries become ready: for one that was written down as blocked only after the channel
 * had been mended. */
void channel_release(struct crier *c, const struct channel *ch);
/* A write that carried the account failed: the next one carries it again. */
void channel_account_unsaved(struct channel *ch);
/* State as the API shows it; counts from a LEDGER_CHANNELS row (NULL: none). New reference.
 * Health is "ok", "paused", "blocked", "backing_off". */
json_t *
channel_json(struct crier *c, const struct channel *ch, const struct ledger_channel *row);

#endif
