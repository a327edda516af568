#ifndef CRIER_QUEUE_LEDGER_H
#define CRIER_QUEUE_LEDGER_H

/* The ledger: what is kept. Articles, revisions, deliveries, attempts, posts, channel states,
 * events. It knows no platform and no network.
 *
 * Work is handed over as requests that live inside the object waiting for them. Writes run on
 * the ledger's own thread, which takes everything waiting into ONE transaction (group commit,
 * WAL, synchronous=FULL); reads run on a second thread with its own connection, so a long list
 * never holds up a commit. When requests have finished, `wake` is called from the ledger's
 * threads; the owner then calls ledger_collect() on its own thread, which runs the `done` of
 * each, in the order in which they were submitted, writes and reads apart.
 *
 * A request that fails (rc != 0) has changed nothing; the others of its batch are unharmed.
 * When the commit itself fails every write of the batch fails with ERR_IO. In-parameters are
 * borrowed until done; out-parameters are the request's: ledger_request_done() frees them (call
 * it in or after done).
 *
 * Writes and crashes. An attempt is written (ledger_begin) before its request leaves and again
 * after its answer (ledger_end). At open, deliveries found in flight are recovered: ready where
 * the step at hand could not publish, again in a moment where it is repeatable, else unknown. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/article.h"
#include "base/err.h"
#include "base/id.h"
#include "queue/ledger_audience.h"
#include "queue/ledger_request.h"
#include "queue/state.h"

struct ledger;
typedef void ledger_wake_fn(void *context); /* from any thread; must be cheap and not block */

/* ---- what scheduling needs to know of a delivery ---- */
struct ledger_job {
    struct delivery_id id;
    struct article_id article;
    char channel[64];
    bool breaking;
    bool verify; /* state unknown: what is due is a look, not a send */
    int64_t due_at_ms;
    /* 0: never, or something of it may be public. Such a one is not dropped when it is late: it is
     * looked for, or given up, when its turn comes. */
    int64_t not_after_ms;
    int64_t created_at_ms;
    int64_t attempts; /* counted failures so far */
};

/* ---- accept: one revision of an article and its deliveries, in one transaction ---- */
enum accept_kind {
    ACCEPT_CONTENT,
    ACCEPT_RETRACT,
    ACCEPT_WITHDRAW, /* not public any more, perhaps for a moment only: retracted at retract_at_ms */
    ACCEPT_SEND, /* `known` was only recorded: its newest content goes out now */
};
enum accept_outcome {
    ACCEPT_NEW, /* first sight; or first sending of what was only recorded */
    ACCEPT_UNCHANGED, /* the same again, or the version that is here (by its updated_at) as another source
                       * tells it: nothing written but the alias */
    ACCEPT_REVISED,   /* a new revision */
    ACCEPT_STALE,     /* older than what is stored (updated_at): ignored */
    ACCEPT_RETRACTED, /* retracted now, or was before: recorded, not sent */
    ACCEPT_REPLAYED,  /* replay_key seen before: answered as then */
    ACCEPT_RECORDED,  /* kept, so that it is known, and sent to nobody */
    ACCEPT_WITHDRAWN, /* nothing of it goes out any more; to be retracted at retract_at_ms */
};
const char *accept_outcome_name(enum accept_outcome o); /* "new" "unchanged" … */

struct accept_channel { /* a channel that this revision shall reach */
    const char *name;
    const char *adapter;
    int64_t not_after_ms; /* wall clock */
    int64_t own_ms; /* how long news are worth sending there; 0: not_after_ms alone says it */
    bool matches;   /* `when` holds. false: only if a post or an open delivery is there */
    /* It would not go there but that it cannot go to these others, which are blocked. With matches. */
    const struct accept_instead {
        const char *channel, *why;
    } * instead_of;
    size_t instead_count;
    /* It is blocked, for this reason, and has channels to fall back to: what is first sent there is made as
     * blocked; NULL: it is made as any. */
    const char *blocked_why;
    /* Its turn is now: when the article is new, its delivery is written as in flight, as by this
     * begin with the delivery's own id and no record, and may be sent as soon as it is on disk: one
     * commit before the first byte instead of two. NULL: it becomes ready. */
    const struct ledger_begin *start;
};
struct accept_alias {
    const char *kind;  /* "id" (within source), "url", "guid" (within source) */
    const char *value; /* normalised */
    const char
        *why; /* how the name was found, for people: "canonical URL of the page"; NULL: the
                        * source said it */
};
struct accept_delivery { /* out */
    struct delivery_id id;
    char channel[64];
    enum delivery_state state;
};
struct ledger_accept {
    struct ledger_request req;
    /* in */
    enum accept_kind kind;
    struct article_id known; /* the article's number; 0: found by the aliases */
    const char *source;
    const struct accept_alias *aliases;
    size_t alias_count;
    /* Public id for a new article, the value of one of the aliases of kind "id"; NULL: made from its
     * number. */
    const char *wanted_id;
    const char *document; /* article_write; retract: NULL */
    const uint8_t *hash;  /* 32 bytes, article_hash */
    const uint8_t *face;  /* 32 bytes, article_face_hash */
    const char *url, *title;
    int64_t updated_at_ms; /* the source's; 0 */
    bool breaking;
    bool republish;
    bool correction; /* this revision says of itself that it corrects a mistake */
    bool by_hand;    /* a person brings it: it counts more than what sources say */
    /* Why it is only recorded, when it is not known yet or was only recorded so far: "first sight of
     * the feed"; NULL: it is sent. */
    const char *quiet;
    bool held; /* … and a person shall decide whether it is sent; only with quiet */
    /* WITHDRAW: to be retracted then, unless it comes back. RETRACT, where not 0: only if a withdrawal
     * is due by then, else ERR_CONFLICT (it came back meanwhile). */
    int64_t retract_at_ms;
    /* The link gate: what is first sent of an article waits, as `again`, until the gate is through
     * (LEDGER_GATE) or this time has come; 0: there is no gate. */
    int64_t gate_until_ms;
    uint64_t inbox;         /* this row of the inbox is done with it; 0: none */
    int64_t only_revision;  /* SEND: only if that is still its newest, else ERR_CONFLICT */
    const char *reason;     /* of breaking; of a retraction */
    const char *replay_key; /* signature or message id of the door; NULL: none */
    int64_t now_ms;
    uint64_t new_article; /* from id_next: for the article, when it is new, or the revision */
    const uint64_t *delivery_ids; /* channel_count of them */
    const struct accept_channel *channels;
    size_t channel_count;
    /* for channels that are not given and have something of the article: the limits there, and
     * so many consecutive ids, from id_next_block */
    struct accept_channel elsewhere;
    uint64_t elsewhere_id;
    size_t elsewhere_ids;
    /* out */
    enum accept_outcome outcome;
    struct article_id article;
    char *public_id;
    int64_t revision;
    bool out_breaking; /* as stored */
    char *out_reason;
    struct accept_delivery *deliveries; /* of this revision (unchanged: those that stand) */
    size_t delivery_count;
    struct ledger_job *jobs; /* ready now */
    size_t job_count;
    struct delivery_id *superseded; /* cancelled in favour of this revision, or withdrawn */
    size_t superseded_count;
    int64_t gated_until_ms; /* its gate is closed until then: look at its page; 0: it is not */
    bool look_at_withdrawn; /* what LEDGER_WITHDRAWN gives has changed */
    size_t merged_count;    /* so many other articles were found to be this one */
};
/* Superseding: an earlier revision's delivery on the same channel that is held, ready or again
 * and not `exposed` (nothing of it can be public) is cancelled; one that may be public goes on
 * to its end, and the new one is held behind it. A channel whose last delivery a person
 * cancelled and which has no post gets none. A retraction makes deliveries only where a post
 * stands, or one may: it may come, or an earlier delivery was exposed and ended without being
 * done.
 *
 * Every channel that should know of the revision is given, those switched off as well (with
 * matches false). A channel that is not given, because it is not configured now, is treated as
 * one that does not match: its new delivery waits in the ledger until it is configured again.
 *
 * Where no revision has been published yet, a later one is worth sending as long as the first:
 * not_after_ms, but no later than own_ms after the article was first accepted, or until when an
 * earlier revision was to be sent there; unless it is `republish`, or breaking while the one
 * before was not. One that is worthless already is made as expired, so that it is seen. */

/* Quiet articles. One that came with `quiet` at first sight is kept with its names, and sent to nobody. It
 * stays so for later revisions of the source that brought it; it is sent, to all channels as a new one,
 * when another source brings it without `quiet`, when a revision without `quiet` makes it breaking, or when
 * a person sends it (ACCEPT_SEND, or by_hand). One that a person has dropped (LEDGER_DROP) is sent by a
 * person only. `quiet` means nothing for an article that was sent before.
 *
 * Withdrawals. Deliveries of which nothing can be public are cancelled at once, those that may be public
 * go on to their end. Content that comes back before retract_at_ms drops the withdrawal, also when it is
 * unchanged: a new revision is fanned out as any, and what was cancelled goes on. From the source that
 * withdrew it, or by_hand, any content that is not stale counts; from another only what it says to be
 * newer than the withdrawal (a feed from a cache knows nothing of it).
 *
 * Merges. When two names of one content lead to two articles, they are one: the one with a post or
 * something that may be public keeps, else the one that was not only recorded, else the older. The other is
 * marked; its names lead to the keeper; what of it cannot be public yet is cancelled, and where the keeper
 * had nothing it goes there in its place (so a breaking alert is not lost in a merge). A post of it stays;
 * nothing of the keeper goes to that channel, and when the keeper is retracted or withdrawn, so is it.
 * Articles that one source knows by two different ids are not merged, unless it names both ids in one content:
 * that source knows better. Then the better name decides and the other article is told as `conflict`. */

/* ---- the link gate is through with an article: what waits for it may leave ---- */
struct ledger_gate {
    struct ledger_request req;
    /* in */
    struct article_id article;
    const char *page; /* compact JSON: what its page said; NULL: it could not be read */
    const char
        *note; /* what is missing, so that it goes out degraded, for people; NULL: nothing */
    const struct accept_alias *names; /* found there, of kind "url", each with its why */
    size_t name_count;
    uint64_t delivery_id; /* from id_next_block, for a merge */
    size_t delivery_ids;
    int64_t now_ms;
    /* out */
    struct article_id kept;  /* which article it is: another one, when it was merged away */
    struct ledger_job *jobs; /* ready now */
    size_t job_count;
    struct delivery_id *superseded; /* cancelled by a merge */
    size_t superseded_count;
    size_t merged_count;
    bool look_at_withdrawn; /* as in ledger_accept */
};
struct ledger_gated { /* whose gate is closed: for the start of the service */
    struct ledger_request req;
    size_t limit;
    struct ledger_gated_one { /* out, by until_ms */
        struct article_id article;
        int64_t until_ms;
        char *url; /* as its newest content has it */
    } * v;
    size_t count;
};

/* ---- articles that were only recorded ---- */
struct ledger_drop { /* a person decided that it is not sent; ERR_CONFLICT: it was sent */
    struct ledger_request req;
    struct article_id article;
    const char *id; /* in place of its number: its public id, or "art_…"; NULL */
    const char *by; /* "api", "cli" */
    int64_t now_ms;
};

/* ---- withdrawals that wait ---- */
struct ledger_withdrawn { /* by the time when they are to be retracted */
    struct ledger_request req;
    size_t limit;
    struct ledger_withdrawal { /* out */
        struct article_id article;
        int64_t retract_at_ms;
        char *source; /* which source withdrew it */
        char *why;    /* NULL: it did not say */
    } * v;
    size_t count;
};

/* ---- sources: what their watcher must know after a restart ---- */
struct ledger_source_save {
    struct ledger_request req;
    const char *name;
    const char *state; /* compact JSON; NULL: forget the source */
    int64_t now_ms;
};
struct ledger_sources { /* all of them, by name */
    struct ledger_request req;
    struct ledger_source { /* out */
        char *name, *state;
        int64_t saved_at_ms;
        /* The file is a backup that came back, and the state was not saved since: what the source has
         * published meanwhile may have been sent, so it is to be taken as at first sight. */
        bool restored;
    } * v;
    size_t count;
};

/* ---- credentials: tokens that end, sealed by whoever keeps them; here they are text ---- */
struct ledger_credential_put {
    struct ledger_request req;
    const char *channel;
    const char *origin; /* hex, of the tokens in the settings it was made from; "" */
    const char *sealed; /* NULL: forget the channel's */
    int64_t now_ms;
};
struct ledger_credentials { /* all of them, by channel */
    struct ledger_request req;
    struct ledger_credential { /* out */
        char *channel, *origin, *sealed;
        int64_t saved_at_ms;
    } * v;
    size_t count;
};

/* ---- audiences and waves: ledger_audience.h ---- */

/* ---- the inbox: what a source said and cannot be accepted yet (a title must be fetched …) ---- */
struct ledger_inbox_put {
    struct ledger_request req;
    uint64_t id;        /* from id_next; of a row that is there: it waits on, once more tried */
    const char *source; /* for a new row; so are the next two */
    const char *body;   /* JSON, as its owner likes */
    const char *replay_key; /* NULL: none */
    int64_t due_at_ms;
    const char *why; /* what it waits for; NULL */
    int64_t now_ms;
    bool known; /* out: replay_key was seen before, so nothing was put */
};
struct ledger_inbox_end { /* given up; what is accepted ends with its accept */
    struct ledger_request req;
    uint64_t id;
    const char *why; /* told in an event; NULL: no event */
    int64_t now_ms;
};
struct ledger_inbox_list { /* by id, which is the order in which they came */
    struct ledger_request req;
    uint64_t after;
    size_t limit;
    struct ledger_inbox_row { /* out */
        uint64_t id;
        char *source, *body, *replay_key, *why; /* the last two may be NULL */
        int64_t at_ms, due_at_ms, tries;
    } * v;
    size_t count;
};
/* A row of a backup that came back may have been sent since: its accept makes a held article. */

/* ---- begin: an attempt of one step is about to leave ---- */
struct ledger_bucket { /* token bucket of a channel after this start */
    double tokens;
    int64_t at_ms;
};
struct ledger_begin {
    struct ledger_request req;
    /* in */
    struct delivery_id id;
    const char *course, *step;
    bool repeatable, publishes;
    const char *record;  /* compact JSON */
    const char *account; /* compact JSON to store for the channel; NULL: unchanged */
    const char *channel;
    struct ledger_bucket bucket;
    bool counts;     /* a new attempt; false: the next step of the same attempt */
    bool uses_quota; /* a post of the channel's quota leaves */
    uint64_t attempt_id;
    int64_t now_ms;
    /* rc: ERR_CONFLICT when the delivery is no longer ready, again, unknown(verify) or in
     * flight by us: cancelled meanwhile; do not send */
};

/* ---- end: what became of a step ---- */
struct ledger_end {
    struct ledger_request req;
    /* in */
    struct delivery_id id;
    uint64_t attempt_id;
    const char *verdict, *detail;
    int status; /* HTTP, 0: none */
    int64_t sent_ms;
    int64_t now_ms;
    /* DELIVERY_IN_FLIGHT: the course goes on (then only the record is kept) */
    enum delivery_state to;
    int64_t due_at_ms;     /* again, unknown with a look planned */
    bool failure;          /* counts towards max_attempts */
    bool exposed;          /* it may be public by now */
    bool gives_quota_back; /* certainly no post came of it */
    const char *course;
    const char *next_step; /* where the course goes on, NULL: from its start */
    const char *record;    /* compact JSON */
    const char *account;   /* NULL: unchanged */
    const char *remote_id, *remote_url, *text; /* done */
    const char *channel;
    bool post_stands; /* done: after publish/update a post stands, after retract none does */
    /* expired, rejected: an update that may have changed what stands. `record` knows of all that can
     * be public, so it becomes the post's, for the next update or retraction. */
    bool post_in_doubt;
    /* out: where it went. `to`, or cancelled: `to` was ready or again, nothing of it is public,
     * and a newer revision waited behind it, which goes instead */
    enum delivery_state state;
    /* out: the delivery that was held behind this one and is ready now */
    struct ledger_job released;
    bool has_released;
};

/* ---- move: by a person or a rule ---- */
enum ledger_move_kind {
    /* rejected, expired, cancelled, blocked, again, unknown -> ready, attempts 0 */
    MOVE_REPLAY,
    /* held, ready, again, blocked, unknown -> cancelled. When it may be public, so are the later
     * revisions held behind it: they would be a second post. A retraction among them goes on. */
    MOVE_CANCEL,
    MOVE_POSTED, /* unknown -> done: "it is there" (remote_id, remote_url may be NULL); of a
                  * retraction: "it took effect" */
    MOVE_ABSENT, /* unknown -> ready: "it is not there"; cancelled when a newer one waits */
};
/* ERR_CONFLICT: not possible from the state it is in; or a replay of what a newer revision on
 * that channel, or a retraction of the article, has overtaken. A replay behind an earlier
 * delivery that is still open becomes held. */
struct ledger_move {
    struct ledger_request req;
    enum ledger_move_kind move;
    struct delivery_id id;
    const char *by; /* "api", "cli" */
    const char *remote_id, *remote_url;
    int64_t not_after_ms; /* MOVE_REPLAY of an expired one: its new limit */
    int64_t now_ms;
    /* out */
    enum delivery_state state;
    struct ledger_job job; /* when ready now, or a delivery behind it was released */
    bool has_job;
    struct ledger_job released;
    bool has_released;
};

/* ---- channels ---- */
struct ledger_channel {
    char name[64];
    bool paused;
    bool blocked;
    char *blocked_why; /* NULL */
    int64_t blocked_at_ms;
    char *last_error;
    int64_t last_error_at_ms, last_done_at_ms;
    struct ledger_bucket bucket;
    char *account; /* compact JSON; NULL: none yet */
    /* counts, filled by LEDGER_CHANNELS only */
    int64_t by_state[DELIVERY_STATE_COUNT];
    int64_t oldest_waiting_at_ms; /* created_at of the oldest ready/again/blocked/held; 0 */
};
void ledger_channel_done(struct ledger_channel *c);
struct ledger_channel_save { /* paused, blocked, last_error, bucket; never the account */
    struct ledger_request req;
    const struct ledger_channel *channel;
    const char *event; /* "channel_paused" …, also written to the events; NULL: none */
    int64_t now_ms;
};
/* All blocked deliveries of a mended channel are ready again; but those of which nothing is public, and whose
 * article went out by a fallback of the channel, are cancelled, unless `both`. */
struct ledger_release_channel {
    struct ledger_request req;
    const char *channel;
    bool both;
    int64_t now_ms;
    int64_t count; /* out */
};
/* ---- fallback: a channel is blocked, what waits there goes elsewhere ---- */
struct ledger_fallback_to {
    const char *channel, *adapter;
    int64_t own_ms; /* how long news are worth sending there */
};
/* Each delivery that waits on the channel, and the blocked one that is given, becomes blocked, and its article
 * goes to each of the others that has nothing of it; if it is no retraction, and nothing of the article
 * stands on the blocked one. At most FALLBACK_BATCH a call. Doing it again does nothing. */
#define FALLBACK_BATCH 200
struct ledger_fallback {
    struct ledger_request req;
    /* in */
    const char *channel;
    const char *why;
    struct delivery_id blocked; /* 0: none */
    const struct ledger_fallback_to *to;
    size_t to_count;
    uint64_t delivery_id; /* from id_next_block: (FALLBACK_BATCH + 1) * to_count of them */
    int64_t now_ms;
    /* out */
    struct ledger_job *jobs; /* ready now */
    size_t job_count;
    struct delivery_id *stopped; /* wait no more: they are blocked */
    size_t stopped_count;
    bool more; /* come again */
};

/* ---- quotas ---- */
struct ledger_quota { /* what was used since, by time */
    struct ledger_request req;
    int64_t since_ms;
    struct ledger_quota_use { /* out */
        struct delivery_id delivery;
        char channel[64];
        int64_t at_ms;
    } * v;
    size_t count;
};

struct ledger_expire { /* everything waiting whose not_after has passed */
    struct ledger_request req;
    int64_t now_ms;
    struct delivery_id *ids; /* out, at most 1000 a call */
    char (*channels)[64];    /* out: of each of them */
    size_t count;
    struct ledger_job *released; /* out: those that were held behind them */
    size_t released_count;
};
struct ledger_click { /* a share link was followed */
    struct ledger_request req;
    struct article_id article;
    const char *target;
    int64_t now_ms;
};
/* Somebody has set the clock back: whatever waits for a time of its own waits no longer than it was to,
 * from now on. Also done at open. */
struct ledger_clock_back {
    struct ledger_request req;
    int64_t now_ms, by_ms; /* by_ms 0: nobody knows how far */
};
/* Ended articles that no source has brought since before_ms, events beyond keep_events, replay
 * keys of more than two days ago. */
struct ledger_prune {
    struct ledger_request req;
    int64_t before_ms;
    int64_t keep_events; /* the newest one always stays */
    int64_t count;       /* out: articles */
    bool more;           /* out: it was as much as a call may do; come again */
};

/* ---- what the newsroom's own feeds and news sitemap show (sqlite_outlet.c) ---- */
/* What is public by our lights: sent, not taken back, not behind its gate, no test. Of the newest 5,000
 * articles; by the time of their publication, newest first. */
struct ledger_outlet {
    struct ledger_request req;
    /* in */
    int64_t now_ms;
    int64_t fresh_since_ms; /* published since then: so many at most */
    size_t fresh_limit;
    bool fresh_breaking; /* only what is breaking, or was in an earlier revision */
    size_t recent_limit; /* the newest, however old: so many */
    bool recent_breaking;
    /* out */
    struct ledger_shown {
        struct article_id article;
        bool fresh, recent;
        bool gone; /* of those that would be recent: taken back, at updated_at_ms */
        bool breaking;
        int64_t created_at_ms; /* when it was first accepted */
        /* As it said first; when it said nothing, or what was still to come: created_at_ms. */
        int64_t published_at_ms;
        int64_t updated_at_ms; /* of its newest revision */
        int64_t revision;
        struct article *content; /* without its body; NULL: gone */
        char *page;              /* what its page said, JSON; NULL */
    } * v;
    size_t count;
    int64_t changes_at_ms; /* time alone makes another answer of it then; INT64_MAX: never */
};

/* ---- reads ---- */
/* The next jobs of a channel: what is due, breaking first, then new and retried ones in equal
 * parts (neither hides behind the other), then what is due later; each by due time. */
struct ledger_due {
    struct ledger_request req;
    const char *channel;
    int64_t now_ms;
    size_t limit;
    struct ledger_job *jobs; /* out; ready, again, unknown with a planned look; due or not */
    size_t count;
    bool more; /* there are more than these */
};
struct ledger_load { /* all that is needed to run one delivery */
    struct ledger_request req;
    struct delivery_id id;
    /* out */
    enum delivery_state state;
    char *public_id; /* of the article */
    struct article_id article;
    int64_t revision, latest_revision;
    bool retract; /* this revision is a retraction */
    bool test;    /* the article came as a test, from source "test" */
    bool breaking;
    char *reason;
    /* For a retraction: of the last revision with content. NULL: what is stored cannot be read, and
     * req.why says why, though rc is 0. */
    struct article *article_content;
    uint8_t face[32];
    char *channel;
    int64_t created_at_ms, not_after_ms;
    int64_t attempts;
    char *course, *step;      /* where it stands; NULL: not begun */
    char *record;             /* JSON; "{}" */
    int64_t step_first_at_ms; /* first request of that step; 0 */
    bool exposed;
    bool has_post;     /* a post of the article stands on this channel */
    bool maybe_public; /* none is known, but an earlier delivery there was exposed and ended
                        * without being done */
    char *post;        /* its record, JSON */
    char *page;        /* what the article's page said, JSON; NULL: not looked at */
    char *gate_note;   /* why it goes out degraded; NULL */
    uint8_t post_face[32];
};
/* Lists: pages by an opaque cursor (NULL: from the newest); at most `limit` rows. The answer is
 * the JSON the API gives, under "items", with "next" (cursor or null). */
struct ledger_list {
    struct ledger_request req; /* LEDGER_ARTICLES, LEDGER_DELIVERIES */
    const char *cursor;
    size_t limit;
    int state;           /* enum delivery_state, -1: any */
    const char *channel; /* NULL: any */
    const char *source;  /* articles; NULL: any */
    bool held;           /* articles: only those that wait for a person's word */
    json_t *out;         /* owned by the request; take with json_incref */
};
struct ledger_article { /* one article with revisions, deliveries, attempts, aliases, clicks */
    struct ledger_request req;
    const char *id;  /* public id, or "art_…" */
    const char *url; /* normalised; used when id is NULL */
    bool brief;      /* newest document, public id and number only (share redirects) */
    json_t *out;     /* NULL with ERR_NOT_FOUND */
    struct article_id article;
    struct article_id merged_into; /* which article it is now; 0: itself */
};
struct ledger_channels {
    struct ledger_request req;
    struct ledger_channel *v; /* out: every channel the ledger knows, also unconfigured ones */
    size_t count;
};

/* ---- events: every state change, written with it, in the order of commits ---- */
struct ledger_event {
    int64_t id;
    int64_t at_ms;
    char *kind; /* "article.accepted" "delivery.state" "channel.state" */
    char *data; /* compact JSON */
};
struct ledger_events { /* after `after`, oldest first */
    struct ledger_request req;
    int64_t after;
    size_t limit;
    struct ledger_event *v;
    size_t count;
    int64_t oldest; /* the oldest kept id: a gap shows when after + 1 < oldest */
};
/* Called by ledger_collect() for each event committed since, before the dones of its batch. It may keep
 * kind and data: then it sets them NULL. */
typedef void ledger_event_fn(void *context, struct ledger_event *event);

struct ledger_stats {
    uint64_t commits, writes, failed_commits;
    int64_t last_commit_us, queue_now;
    bool last_failed; /* the newest commit did not succeed: the disk is full or gone */
    int64_t recovered_ready, recovered_unknown; /* found in flight at open */
    int64_t restored_from_ms; /* at open the file was a backup, made then; 0: it was not */
    int64_t restored; /* … in which so many deliveries waited: each is looked for first */
};

/* location: "sqlite:/path/file.db" or "sqlite::memory:". Creates the file and its schema,
 * migrates an older one (after a copy beside it), refuses a newer one, recovers what was in
 * flight. Blocks. */
MUST_USE enum err_code ledger_open(struct ledger **out,
                                   const char *location,
                                   ledger_wake_fn *wake,
                                   void *wake_context,
                                   int64_t now_ms,
                                   struct err *why);
void ledger_set_event_fn(struct ledger *l, ledger_event_fn *fn, void *context);
/* Finishes what was submitted, then closes; dones not yet collected are run with their
 * results. */
void ledger_close(struct ledger *l);
void ledger_submit(struct ledger *l, struct ledger_request *r);
void ledger_collect(struct ledger *l);
void ledger_request_done(struct ledger_request *r); /* frees the out-parameters */
void ledger_stats(const struct ledger *l, struct ledger_stats *out);
/* Submit and wait: for start-up and for verbs, never on a loop. */
enum err_code ledger_run(struct ledger *l, struct ledger_request *r, struct err *why);

#endif
