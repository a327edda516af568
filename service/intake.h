#ifndef CRIER_SERVICE_INTAKE_H
#define CRIER_SERVICE_INTAKE_H

/* An article comes in: read, recognised, judged (breaking?), fanned out, committed. One way for
 * the API, the hooks, and later the watchers. done comes after the commit, so whoever waits for
 * it may answer 2xx. */

#include "base/article.h"
#include "config/config.h"
#include "queue/ledger.h"

/* Where tests come from: they go to nobody but who is marked for them (member_traits.test) and, one channel's own
 * test message, to that channel. An article keeps the source that named it first, so what has begun as a test is never
 * anything else. */
#define INTAKE_TEST_SOURCE "test"
/* The reason under which they are accepted. */
#define CRIER_TEST_REASON "test message"

struct crier;
struct intake;
typedef void intake_done_fn(struct intake *in);

struct intake {
    struct ledger_accept accept; /* out-parameters are read from here in done */
    struct crier *crier;
    struct config *config;   /* in force when it came in, held until intake_free_parts() */
    struct article *article; /* NULL for a retraction */
    intake_done_fn *done;
    void *context;
    enum err_code rc;
    struct err why;
    struct article_faults faults;
    int64_t started_us;
    /* intake.c's own */
    struct ledger_article find; /* a retraction by public id; what is to be sent after all */
    char *document, *url, *replay_key, *source, *reason, *wanted_id, *quiet;
    bool own_posts;
    char *rule_source;    /* whose article it is for the rules; NULL: the source's own */
    struct strings names; /* of those beside its own id and URL */
    struct accept_alias *aliases;
    struct accept_channel *channels;
    struct run **claims; /* of each channel; NULL: it has none */
    uint64_t *ids;
    struct strings said;            /* why channels are blocked */
    struct accept_instead *instead; /* room for each channel in each other's place */
    uint8_t hash[32], face[32];
    const char *only_channel;
};

struct intake_options {
    const char *source; /* "api", a configured source's name, "test" */
    bool trusted_breaking;
    const char *replay_key;   /* NULL: none */
    const char *only_channel; /* a test message; NULL: all */
    /* Names beside the article's own id and URL; all may be absent. They are copied. */
    const char *guid;
    const struct strings *ids;  /* others of the source's own, of what it was rewritten from */
    const struct strings *urls; /* as written; they are normalised here */
    int64_t at_ms; /* when it changed by the source's clock, where the article does not say */
    /* Why it is only recorded, if it was not sent before (struct ledger_accept says all); NULL: sent. */
    const char *quiet;
    bool held; /* … until a person decides; with quiet */
    int64_t
        max_age_ms; /* published longer ago than that and not known yet: only recorded; 0: any age */
    /* What is taken back is retracted after so long, unless it comes back: unpublished, back to draft,
     * deleted. 0: at once (killed, or a person says so). */
    int64_t retract_after_ms;
    /* Of one that was merged into another: only what is public of itself is taken back; false: the whole
     * story. Over the API, which knows articles by their numbers. */
    bool own_posts;
    uint64_t inbox; /* the row of the inbox that is done with it; 0: none */
};

/* An article as it was read: all that takes long and needs nothing of the program's state. */
struct intake_content {
    enum err_code rc; /* ERR_INVALID: faults and why tell */
    struct err why;
    struct article_faults faults;
    struct article *article;
    char *document, *url; /* url: its identity; NULL: it has none */
    uint8_t hash[32];
};
/* On any thread; out zeroed. json is borrowed for the call only. */
void intake_read(struct intake_content *out,
                 const json_t *json,
                 bool trusted_breaking, /* false: the article's own word on that is dropped */
                 int64_t now_ms);
void intake_content_done(struct intake_content *c);

/* What content holds is taken. Not 0: nothing started, in->faults and why tell; done is not called.
 * 0: done comes exactly once, never before this has returned, with in->rc. in must live until then;
 * intake_free_parts() afterwards. */
MUST_USE enum err_code intake_article(struct crier *c,
                                      struct intake *in,
                                      struct intake_content *content,
                                      const struct intake_options *options,
                                      intake_done_fn *done,
                                      void *context);
/* id: from the API (source "api") the public id or "art_…", from any other source its own id;
 * NULL: by url. */
MUST_USE enum err_code intake_retract(struct crier *c,
                                      struct intake *in,
                                      const char *id,
                                      const char *url,
                                      const struct intake_options *options,
                                      const char *reason,
                                      intake_done_fn *done,
                                      void *context);
/* An article that was only recorded goes out now, as a new one, because a person says so. id: as in the
 * API. ERR_NOT_FOUND; ERR_CONFLICT: it was sent before, or is retracted, or was merged into another. */
MUST_USE enum err_code intake_send(struct crier *c,
                                   struct intake *in,
                                   const char *id,
                                   const struct intake_options *options,
                                   intake_done_fn *done,
                                   void *context);
/* A withdrawal that waited is due: retract, unless the article came back meanwhile (ERR_CONFLICT). */
void intake_retract_due(struct crier *c,
                        struct intake *in,
                        const struct ledger_withdrawal *w,
                        intake_done_fn *done,
                        void *context);
/* So long the link gate may hold what is first sent of an article (site.link_gate); 0: there is none. */
int64_t intake_gate_ms(const struct config *config);
/* Until when an article that comes in now is worth sending to a channel (NULL: to one that is not configured now);
 * article NULL: a retraction. */
int64_t intake_not_after_ms(const struct config *config,
                            const struct channel_settings *channel,
                            const struct article *article,
                            int64_t now_ms);
void intake_free_parts(struct intake *in);
/* {"id", "revision", "outcome", "breaking", "reason", "deliveries": [{"id","channel","state"}]}
 * and for a retraction "cannot": [{"channel","why"}]. */
void intake_write(struct buf *out, const struct intake *in);
/* The article as crier would see it, and where it would go: for `crier preview`. */
void intake_url_for_channel(const struct config *config,
                            const struct channel_settings *channel,
                            const struct article *a,
                            struct buf *out);

/* An id of a source becomes the article's public id when it can stand in a path as it is and is
 * not taken for one of ours. */
bool intake_may_be_public_id(const char *id);

/* Why an article that is not known yet is too old to be sent, for people; NULL: it is not, or nobody knows
 * how old it is. max_age_ms 0: any age will do. Yours. */
char *intake_too_old_dup(const struct article *a, int64_t max_age_ms, int64_t now_ms);

#endif
