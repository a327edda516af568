#ifndef CRIER_ADAPTERS_ADAPTER_H
#define CRIER_ADAPTERS_ADAPTER_H

/* The contract between crier and one kind of destination. An adapter is data (its settings table,
 * its limits) and courses of steps. A step's `build` makes a request from the context, its `read`
 * makes a verdict from the answer; both are pure: no socket, disk, clock or memory of their own.
 * What must outlive a step goes into ctx->record, which the ledger stores before the request leaves
 * and after its answer. service/courier.c runs the steps; it knows no platform.
 *
 * The course of a delivery:
 *   publish  no post of this article stands on this channel yet
 *   update   a post stands; this revision changes it (NULL: the platform cannot; see `cannot_update`)
 *   retract  a post stands and must go (NULL: see `cannot_retract`)
 *   verify   a request left and no answer came: look whether our post is there. DONE = it is (remote
 *            id and link set), ABSENT = looked, not there, UNKNOWN = cannot tell. NULL: no way to look.
 *   test     optional: a harmless request that proves credentials (getMe); NULL: `test` publishes a
 *            marked message through `publish` */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "adapters/audience.h"
#include "adapters/http.h"
#include "base/article.h"
#include "base/clock.h"
#include "base/field.h"
#include "base/mustache.h"
#include "base/quota.h"
#include "base/text.h"

/* How an exchange ended, for the courier and for step->unanswered. */
enum transport_outcome {
    TRANSPORT_ANSWERED,
    TRANSPORT_NOT_SENT, /* no connection, no name, refused by the address check */
    TRANSPORT_LOST,     /* the request left (in part or whole), no complete answer came */
};

enum verdict_kind {
    VERDICT_NEXT,    /* this step is done, go on to the next (or to `jump`); after the last step
                      * (as  after a last step that skips) the course is DONE */
    VERDICT_DONE,    /* the course is done; remote id and link are set where there are any */
    VERDICT_AGAIN,   /* later: processing, rate limit, 5xx, no connection. Nothing is public */
    VERDICT_UNKNOWN, /* it may be public: the request left and no usable answer came */
    VERDICT_REJECTED, /* no to this article; trying again cannot help */
    VERDICT_BLOCKED,  /* no to us (token, suspension): stop this channel, keep its articles */
    VERDICT_ABSENT,   /* verify only: looked, our post is not there */
};
const char *verdict_name(enum verdict_kind kind); /* "next" "done" "again" … */

/* How far trouble reaches: what is left alone for retry_after_ms. */
enum verdict_scope {
    SCOPE_POST,    /* this delivery only */
    SCOPE_CHANNEL, /* this account or chat */
    SCOPE_HOST,    /* every channel on the same host */
};

/* A verify step looks for posts from the time the delivery was made on; the platform stamps them by its
 * own clock, and the delivery has ours. Two clocks that are right differ by so much at most. */
#define ADAPTER_CLOCK_DIFFERENCE_MS (5 * MS_MINUTE)
/* But ours may be wrong, as one that was set to summer time by hand: our post then seems older than its
 * delivery, and would be made again. So the look goes back so far. What it finds there is ours where it
 * has our key; where it only looks like ours nobody knows, and a person must say. */
#define ADAPTER_CLOCK_WRONG_MS (2 * MS_HOUR)
#define ADAPTER_SEEMS_OLDER                                                                    \
    "it is there, and seems older than the delivery: posted by hand, or a clock was wrong"

/* Of an adapter that `announces`. */
#define ADAPTER_ANNOUNCED "announced"

#define VERDICT_DETAIL_BYTES 256
struct verdict {
    enum verdict_kind kind;
    enum verdict_scope scope;
    int64_t retry_after_ms; /* what the platform asked for, 0: nothing; obeyed in full */
    /* NEXT: name of the step to go on with, NULL: the following one. AGAIN, UNKNOWN, BLOCKED: the step
     * to begin with when it goes on, NULL: this one. */
    const char *jump;
    bool not_counted; /* AGAIN only: waiting (media processing), not a failed attempt */
    /* AGAIN only: part of it is done and may stay like that (a mail that most of its readers have).
     * When no try or no time is left it is DONE with that part, not REJECTED or EXPIRED. */
    bool stands;
    bool refused; /* NEXT only: the platform refused this request, whatever its status says:
                   * nothing of it is public */
    /* NEXT, AGAIN: something of it may be public, whatever the status says (a refusal as a repeat of what an
     * earlier request of ours may have made; a success nobody can read). Nothing overtakes it then. */
    bool maybe_public;
    /* BLOCKED only: the access token is not taken. Where it can be renewed that is tried first, once, and
     * the step (or `jump`) goes again; nothing of this request is public. */
    bool token_refused;
    char detail[VERDICT_DETAIL_BYTES]; /* for people; never a secret */
};
struct verdict verdict_next(void);
struct verdict verdict_jump(const char *step);
struct verdict verdict_done(void);
struct verdict verdict_make(enum verdict_kind kind,
                            enum verdict_scope scope,
                            int64_t retry_after_ms,
                            const char *format,
                            ...) PRINTF_LIKE(4, 5);
/* BLOCKED with token_refused. */
struct verdict verdict_token_refused(const char *format, ...) PRINTF_LIKE(1, 2);

enum course { COURSE_PUBLISH, COURSE_UPDATE, COURSE_RETRACT, COURSE_VERIFY, COURSE_TEST };
const char *course_name(enum course c);
bool course_parse(const char *name, enum course *out);

/* What fit_text() measured, for `crier preview` and the ledger. */
struct fit_report {
    struct text_rule rule; /* a copy: a server may have told its own maximum */
    size_t measured;
    bool cut;
};
#define FIT_REPORTS_MAX 8

/* Kinds of files, as bits of media_bounds.types. */
enum media_type {
    MEDIA_JPEG = 1,
    MEDIA_PNG = 2,
    MEDIA_GIF = 4,
    MEDIA_WEBP = 8,
    MEDIA_MP4 = 16, /* of videos these two alone are known */
    MEDIA_MOV = 32,
};

/* What a channel takes of a picture or a video. A picture beyond it is made to fit (as a JPEG, cut to a
 * ratio from its middle), or left out; a video is never changed. 0: no bound. */
struct media_bounds {
    size_t max_bytes;
    int64_t max_pixels;                       /* width times height */
    int64_t max_edge;                         /* the longer side */
    unsigned types;                           /* enum media_type; 0: every one that is known */
    int64_t min_ratio_milli, max_ratio_milli; /* a thousand times width by height: 800 is 4:5 */
    int64_t max_duration_ms;                  /* of a video, where its length is known */
};

enum media_kind { MEDIA_PICTURE, MEDIA_VIDEO };
/* Which file of the article a step wants, in which form. */
struct media_wish {
    enum media_kind kind;
    size_t index; /* which of the article's pictures, from 0 */
    /* The platform fetches it by itself: an address is needed (media->url), no bytes. The article's own is
     * used where it is public https and what it gives is within the bounds; else ours, below
     * server.public_url. */
    bool by_address;
    struct media_bounds bounds; /* begins as adapter_media_bounds() */
};

/* A picture or a video that was fetched for a step. */
struct media {
    const char *type;  /* media type, sniffed from the bytes: "image/jpeg", "video/mp4" */
    const void *bytes; /* NULL: it is on disk (every video), and goes by http_set_media() */
    size_t len;
    int64_t width, height; /* 0: unknown */
    int64_t duration_ms;   /* of a video; 0: unknown */
    const char *url;       /* with by_address: where the platform finds it; else NULL */
    const void *file;      /* of whoever carries requests; NULL: none */
    /* 32 hex digits of the content's SHA-256: of every video, and of a picture that we serve. The same
     * article may give another file later (it was replaced, the cache was lost): who resumes an upload
     * keeps this in the record, and begins anew where it differs. NULL: not known. */
    const char *hash;
};

struct site_facts {
    const char *name, *url, *language;
    const char *const *feeds; /* addresses of the feeds we serve, NULL-terminated; NULL: none */
    const char *sitemap;      /* of the news sitemap we serve; NULL: none */
};

struct step_ctx {
    const void *settings; /* the adapter's own struct */
    const struct site_facts *site;
    const char *channel;           /* its name */
    const struct article *article; /* this revision */
    const char *article_id;        /* public id of the article, stable over revisions */
    const char *delivery_id;       /* "dlv_…", the same on every attempt */
    const char *key;    /* 64 hex digits: SHA-256 of article, revision, channel and course;
                         * every id an adapter makes for a platform comes from it */
    const char *link;   /* the article's URL as this channel shows it (campaign tagged) */
    const char *reason; /* why it is breaking; "" when it is not */
    bool breaking;
    int64_t revision;      /* counts from 1 */
    int64_t created_at_ms; /* of the delivery: fixed, the same on every attempt */
    int64_t not_after_ms;  /* when it is worth nothing any more; 0: never */
    int64_t now_ms;
    enum course course;
    bool is_test; /* a marked test message, not news */

    json_t *record;     /* object; this delivery's memory, stored before every request and after
                         * every     answer. On DONE it is kept as the post's record. Members the
                         * ledger        and the     API show: "remote_id", "remote_url", "text" (as
                         * sent) */
    const json_t *post; /* update, retract, verify: the record of the post that stands (or, for
                         * verify, of the unknown delivery); NULL when there is none */
    json_t *account; /* object; this channel's memory (session tokens). Stored with the record;
                      * never shown, never logged */

    const struct media *media; /* for steps with wants_media; NULL when it could not be had */
    const char *media_error;   /* why, then */

    /* Of an adapter with `oauth`: the access token in force, and all that is known of the authorisation
     * (oauth.h); NULL: there is none, and no step is run. */
    const char *token;
    const json_t *grant;

    const struct audience *audience; /* of the adapter; NULL: it has none */
    /* Of a step for `each_member` (audience.h): whose turn it is; NULL: nobody's, a preview. And what its
     * read says of them. */
    const struct member *member;
    struct member_word word;

    struct fit_report fits[FIT_REPORTS_MAX];
    size_t fit_count;
};

struct step {
    const char *name; /* stored in the ledger, so never renamed lightly */
    bool repeatable;  /* sending it twice does no harm, or the platform honours our key */
    int64_t repeat_within_ms; /* repeatable only so long after its first request (Mastodon
                               * forgets keys after an hour), then verify first; 0: always */
    bool publishes; /* its request may make something public; steps before it are invisible */
    /* Of an update or retraction, with `publishes`: it makes a new post, which counts towards the quota.
     * Publishing steps of `publish` always do. */
    bool makes_post;
    /* It goes to each member of the channel's audience, once; the ledger knows who had their turn. So it is
     * `repeatable` as a whole, whatever a second message to one member would be. */
    bool each_member;
    bool wants_media; /* fetch the article's first picture before; see step_media_url */
    bool (*media_wanted)(
        const struct step_ctx *ctx); /* with wants_media: false: not this time, fetch
                                      * nothing (the picture is there already, or
                                      * pictures are switched off); NULL: always */
    /* With wants_media: which file, in which form; wish begins as the first picture by its bytes. NULL:
     * that. An index beyond the article's pictures, or a video where it has none: nothing is fetched. */
    void (*media_wish)(const struct step_ctx *ctx, struct media_wish *wish);
    enum err_code (*build)(struct step_ctx *ctx, struct http_request *out_req, struct err *why);
    struct verdict (*read)(struct step_ctx *ctx, const struct http_response *res);
    /* What no answer means, for steps that note in the record what is sent: NOT_SENT (also when it was
     * stopped before it left) or LOST. NULL: trouble_from_transport(). */
    struct verdict (*unanswered)(struct step_ctx *ctx,
                                 enum transport_outcome outcome,
                                 const char *error);
    const char *sample; /* an answer of the platform, body only, status 200: `preview` reads it
                         * to show the steps behind this one; NULL: "{}" */
    const char *sample_headers; /* "Name: value\n…" that belong to it; NULL: none */
};
#define STEP_END                                                                               \
    {                                                                                          \
        .name = NULL                                                                           \
    }

struct oauth;

struct adapter {
    const char *name;  /* `type:` in the settings, log field, metric label */
    const char *title; /* "Telegram" */
    const char *doc_url;
    const char *about; /* one sentence: what a post looks like there */
    const struct field *settings;
    size_t settings_size;
    const struct text_rule *limits; /* ends with a row without name */
    const struct step *publish, *update, *retract, *verify, *test;
    /* Why a course is NULL, or ruled out; or, where there is one, in which way it is another thing than a
     * reader expects: "by another mail". */
    const char *cannot_update, *cannot_retract, *cannot_verify;
    /* Whether a channel with these settings lacks a course that others have (a webhook that can only
     * post, where a bot can do more); NULL: none does. See adapter_course_with(). */
    bool (*rules_out)(const void *settings, enum course c);
    /* Whether a revision that changes what readers see goes out as an update; NULL: it does. */
    bool (*update_wanted)(const void *settings, const struct article *article);
    bool retract_without_post; /* its retract needs no remote id: also for what may be public */
    /* How a person names a post that stands, so that it can be changed and retracted later: "the
     * number of the message, or its link". NULL: no name is needed, the adapter finds its posts
     * by keys of its own or has none to change. */
    const char *post_id_form;
    /* Whether these name one, with post_id_form; either may be NULL. */
    bool (*post_named)(const void *settings, const char *remote_id, const char *link);
    /* It makes nothing public: it tells others where to look. What is done is announced, and is called
     * so wherever people see it; the detail of its DONE begins with ADAPTER_ANNOUNCED. */
    bool announces;
    /* The hubs that a channel tells of the feeds we serve, which name them in turn, by index; NULL: no more. */
    const char *(*own_feeds_hub)(const void *settings, size_t index);
    /* What a site serves as NAME.txt, with that name in it, to prove that it is the channel's; NULL: nothing. */
    const char *(*site_key)(const void *settings);
    bool every_revision; /* update also when nothing a reader sees has changed */
    /* The host that requests go to, "name:port", as far as settings say it and not by a URL: channels
     * of one host share its trouble. NULL: as the first URL setting says. */
    void (*host)(const void *settings, struct buf *out);
    size_t media_max_bytes; /* larger pictures are made smaller; 0: takes none */
    /* Tighter bounds, where settings or the server tell them. bounds begins with media_max_bytes alone.
     * NULL: nothing more. */
    void (*media_bounds)(const struct step_ctx *ctx, struct media_bounds *bounds);
    /* How a post gets its picture where it is not uploaded; NULL: it has none. */
    const char *pictures;
    /* What of pictures and videos a post shows: "up to 4 pictures with alternative text, or a video". */
    const char *media;
    /* Whom it addresses one by one; NULL: it posts in a place, or to addresses in the settings. */
    const struct audience *audience;
    struct rate rate;   /* the platform's published pace, used unless the channel sets `rate` */
    struct quota quota; /* of posts; what is used of it is kept in the ledger */
    /* What the platform told of its own quota, from settings and account; 0: nothing. NULL: never. */
    int64_t (*quota_told)(const void *settings, const json_t *account);
    const struct oauth *
        oauth; /* NULL: the settings hold all there is to know of its credentials; see oauth_with() */
    int64_t answer_timeout_ms; /* default of the channel's `timeout` */
    /* Checks of the settings that no single row can say. ERR_INVALID: why names the key
     * first. */
    enum err_code (*check)(const void *settings, struct err *why);
    const char *setup; /* how an operator gets there, step by step, for `crier channels NAME` */
};

/* What a channel of this adapter takes of a picture, as things stand. */
struct media_bounds adapter_media_bounds(const struct adapter *a, const struct step_ctx *ctx);

/* Store what a post is known by. Both may be NULL when the platform gives none. */
void post_set(struct step_ctx *ctx, const char *remote_id, const char *remote_url);
const char *post_id(const struct step_ctx *ctx); /* remote_id of ctx->post; NULL */
const char *post_str(const struct step_ctx *ctx, const char *name); /* a string of ctx->post */

#endif
