#ifndef CRIER_SERVICE_COURIER_INTERNAL_H
#define CRIER_SERVICE_COURIER_INTERNAL_H

/* Shared by the courier's files: courier.c (what is due, start, stop), courier_claim.c (what starts
 * with its accept), courier_run.c (one delivery's way through its steps), courier_choose.c (which
 * course), courier_quota.c (whether one more post may go), courier_token.c (whose access token a step
 * carries), courier_fallback.c (where it goes when its channel is blocked), courier_verdict.c (what a
 * verdict makes of a delivery), courier_end.c (writing that down and telling everybody),
 * courier_probe.c (a channel's own test). */

#include <uv.h>

#include "adapters/trouble.h"
#include "base/list.h"
#include "queue/sched.h"
#include "service/channels.h"
#include "service/context.h"
#include "service/courier.h"
#include "service/crier.h"
#include "service/keeper.h"
#include "service/media.h"
#include "service/out.h"

#define RECORD_DEPTH 64 /* of a stored record */
/* The member of a record that says what is in doubt (struct doubt); stored, so never renamed. */
#define DOUBT_MEMBER "_doubt"
/* The member of a record that says what became of the picture, for people; until the delivery is done. */
#define PICTURE_MEMBER "_picture"

/* Before the ledger is asked again about a delivery it could not say or take anything of. */
#define LEDGER_PAUSE_MS (2 * MS_SECOND)

struct courier {
    struct crier *crier;
    struct list runs;
    struct list retry; /* ledger requests that failed on the disk, by their own node */
    size_t asked;      /* requests of the courier's own at the ledger */
    bool expiring;     /* a ledger_expire is on its way */
    size_t
        urgent_waves; /* of breaking news, with messages to hand to the lanes: other waves wait */
    uint64_t plans;   /* made for waves, since the start */
    bool draining, hurried;
    void (*drained)(struct crier *c);
    int64_t clock_ahead_ms;     /* of the timer that never jumps, when it was last looked at */
    int64_t clock_back_mono_ms; /* when the ledger last heard that it was set back; -1: never */
    int64_t complained_mono_ms; /* about the ledger: once a second is enough */
    uv_timer_t pump_timer, retry_timer;
    int open_timers;
};

/* What a verdict makes of a delivery, and of its destination. */
struct outcome {
    enum delivery_state to;
    int64_t due_at_ms; /* again, ready, unknown with a planned look; 0: none */
    bool failure;      /* counts towards queue.max_attempts */
    bool exposed;
    bool post_stands;
    const char *verdict; /* a name, for the ledger */
    char detail[VERDICT_DETAIL_BYTES + 64];
    enum course course; /* where it goes on, when it does */
    const char *next_step;
    struct sched_end feedback;
    bool untouched; /* it has not begun, or gone on: course and step stay as they stand */
    bool waits; /* for the platform to get ready: no post of the channel's rate is used up */
    bool block; /* the channel as a whole */
};

/* What is in doubt while a delivery is looked for; kept in its record under "_doubt". */
struct doubt {
    enum course course;
    char step[64]; /* "": none */
    int64_t looks; /* that ended without an answer to the question */
    int64_t tries; /* looks that could not be made */
};

/* What a request hands to the ledger. */
struct run_texts {
    char *record;
    char *account; /* NULL: as it was last written */
};

struct run {
    struct list_node node;
    struct courier *courier;
    struct ledger_job job;
    struct ledger_bucket bucket;
    struct config *config; /* holds settings */
    struct channel *channel;
    const struct channel_settings *settings;
    uint64_t generation; /* of the channel, when it began */
    struct ledger_load load;
    struct step_context sc;
    enum course course;
    struct doubt doubt; /* with course verify */
    const struct step *steps, *step;
    int walked; /* steps so far, against adapters that go round for ever */
    uint64_t attempt_id;
    /* That this step is about to leave was written with the accept, without a record; NULL. */
    const struct step *written;
    bool begun;       /* an attempt of it is in the ledger, in flight */
    bool exposed;     /* something of it may be public */
    bool counts;      /* towards the quota of its channel: it is in the book */
    bool counts_anew; /* … and was not before this run */
    bool counts_on_disk;
    int64_t step_first_at_ms;
    bool next_pending; /* end_next waits to be written together with the next begin */
    struct verdict next_verdict;
    int status; /* of the last answer; 0: none */
    int64_t step_sent_ms, sent_ms;
    struct http_request request;
    struct out_exchange exchange;
    bool sending;
    struct keeper_wait token; /* its grant is the context's */
    bool waits_for_token;
    bool renewed; /* a token was refused once in this run, as next_verdict says */
    struct media_wait media;
    bool waits_for_media;
    struct wave *wave; /* under way; NULL: the step is no wave (service/wave.h) */
    bool wants_video;  /* that is what it waits for */
    struct ledger_begin begin;
    struct ledger_end end_next, end;
    struct outcome outcome;
    struct run_texts begin_texts, next_texts, end_texts; /* borrowed by the ledger until done */
    json_t *final_record; /* what the last end says, for its remote id and text */
    bool settled;         /* the scheduler has been told */
    bool hastened; /* what it is about to wait for has come meanwhile (service/wave_word.c) */
    bool
        told; /* a platform's word has settled the last unknown one, and no outcome has heeded that */
    bool probe_waits;        /* a probe that starts on the next turn of the loop */
    courier_probe_fn *probe; /* a channel's test: the ledger has no part in it */
    void *probe_context;
};

/* courier.c */
/* The run of a delivery; NULL: it has none. */
struct run *courier__find(struct courier *k, struct delivery_id id);
/* A request of the courier's own at the ledger: it is not drained before that is back. */
void courier__asked_begin(struct courier *k);
void courier__asked_end(struct courier *k);
struct run *courier__run_new(struct courier *k, struct channel *ch);
/* The only way out: frees the run, once. */
void courier__run_free(struct run *run);
/* Nothing came of it and nothing was written: back to the scheduler, due at due_at_ms (0: it
 * stays in the ledger only). Frees the run. */
void courier__give_back(struct run *run, int64_t due_at_ms);
void courier__complain(struct courier *k, const struct err *why);
/* Since then, or as it seems just now: what the ledger has told of times may be by the clock of before. */
bool courier__clock_was_set_back(const struct courier *k, int64_t since_mono_ms);
/* Submit it again in a second. */
void courier__retry_later(struct courier *k, struct ledger_request *r);

/* courier_run.c */
/* From the course's step at hand on, with load, course, steps and step set. */
void courier__run_steps(struct run *run);
void courier__run_start(struct run *run);
void courier__run_walk(struct run *run); /* from run->step on */
void courier__run_hurry(struct run *run);

/* With the token in force, or without one where the adapter needs none: the step at hand. */
void courier__run_with_token(struct run *run);
/* Another verdict than an adapter's, where no request was made. */
void courier__run_without_request(struct run *run, const struct verdict *v);

/* courier_token.c */
/* Goes on with courier__run_with_token(), now or later, or ends the run. */
void courier__fetch_token(struct run *run);
/* The platform did not take it: true, when the step (or v->jump) goes again with another one, now or later. */
bool courier__token_refused(struct run *run, const struct verdict *v);
void courier__token_stop(struct run *run); /* waits no more */

/* courier_claim.c */
/* Nothing is to be written down before the step at hand leaves: it was, with the accept. */
bool courier__is_written(const struct run *run);

/* courier_quota.c */
/* Before its course begins: does it make a post, and may one more go? False: it waits, run->outcome is set. */
bool courier__quota_admits(struct run *run);
/* A new article's, that would start with its accept. Taken when it may go. */
bool courier__quota_claims(struct run *run);
/* The step at hand makes a post that counts. */
bool courier__quota_is_used(const struct run *run);
/* Nothing came of it. */
void courier__quota_give_back(struct run *run);
/* Certainly no post came of it, whatever run it was in. */
bool courier__quota_is_free(const struct run *run);
/* Its end is on disk. */
void courier__quota_settle(struct run *run);

/* courier_fallback.c */
/* What waits on its channel, and the delivery that was blocked, goes where the settings say. */
void courier__fall_back(struct courier *k, struct channel *ch, struct delivery_id blocked);

/* courier_choose.c */
enum courier_choice {
    CHOSE_STEPS,   /* course, steps and step are set: walk */
    CHOSE_OUTCOME, /* no request is needed: run->outcome is set */
    CHOSE_NOTHING, /* not ours to run any more: drop */
};
enum courier_choice courier__choose(struct run *run);
MUST_USE enum err_code courier__make_context(struct run *run, struct err *why);
/* The steps of a course that the run's channel can take; NULL: it cannot. */
const struct step *courier__course(const struct run *run, enum course c);
/* The member "_doubt" of a record. */
void courier__doubt_write(json_t *record, const struct doubt *d);

/* courier_verdict.c: fills run->outcome. */
void courier__judge(struct run *run,
                    const struct verdict *v,
                    enum transport_outcome transport,
                    int64_t now_ms);
void courier__judge_own_error(struct run *run, const struct err *why);
/* Something may be public and nothing is to be sent now: a look at look_at_ms, or (0, it cannot
 * be looked for) what on_unknown says. */
void courier__judge_unknown(struct run *run, int64_t look_at_ms, int64_t now_ms);
/* Whether the channel may have been mended since this run began: a "no to us" is then old. */
bool courier__is_outdated(const struct run *run);
/* What became of the picture, at the end of the outcome's detail. */
void courier__say_picture(struct run *run);
/* Whether something may be public after this verdict. */
bool courier__exposed_after(const struct run *run,
                            const struct verdict *v,
                            enum transport_outcome transport);

/* courier_end.c */
/* The record and, when it has changed, the account as text. */
void courier__write_texts(struct run *run, struct run_texts *out, const json_t *record);
/* Is there something in the channel's account that the ledger was not given yet? */
bool courier__account_changed(const struct channel *ch);
void courier__texts_done(struct run_texts *t);
/* end_next, when it is pending. */
void courier__submit_next(struct run *run);
void courier__finish(
    struct run *run); /* run->outcome into the ledger, then everywhere; frees */

/* courier_probe.c */
void courier__probe_finish(struct run *run, const struct verdict *v); /* frees */

#endif
