#ifndef CRIER_SERVICE_WATCH_INTERNAL_H
#define CRIER_SERVICE_WATCH_INTERNAL_H

/* Shared by the files of the watcher:
 *   watch.c         who is there, whose turn it is
 *   watch_poll.c    one poll: requests, redirects, the sitemaps of an index
 *   watch_read.c    bytes -> what a feed says, on the reading thread
 *   watch_take.c    what a feed says -> articles in the ledger
 *   watch_state.c   what is remembered, as JSON, and back
 *   watch_view.c    what is shown
 *   watch_hand.c    held articles, released or dropped by a person
 *   websub.c        the hub that tells us */

#include <uv.h>

#include "base/crypto.h"
#include "base/heap.h"
#include "base/list.h"
#include "config/config.h"
#include "queue/ledger.h"
#include "service/crier.h"
#include "service/intake.h"
#include "service/reader.h"
#include "service/watch.h"
#include "service/watch_known.h"
#include "service/watch_policy.h"
#include "sources/feed.h"
#include "sources/watched.h"

struct watch_poll;
struct websub;

/* ---- what is remembered of a source ---- */

/* One address: the feed, or a sitemap of an index. */
struct watch_page {
    char *url;
    struct watch_validators validators;
    uint8_t hash[SHA256_BYTES]; /* of the newest body that was read */
    bool has_hash;
    int64_t updated_at_ms; /* as the index said when it was read; 0: it did not */
    bool listed;           /* by the index that is being read */
};
#define WATCH_PAGES_MAX 11 /* an index and its sitemaps that changed last */

struct watch_kept {
    char *url;                /* all this is about it; the settings' when it was kept */
    int64_t first_seen_at_ms; /* when first sight was over; 0: it is not */
    bool restored;            /* the ledger is a backup: first sight again, and held */
    char *moved_to;           /* where permanent redirects led; NULL */
    struct watch_move move;
    struct watch_page pages[WATCH_PAGES_MAX];
    size_t page_count; /* the first is the feed or the index itself */
    bool is_index;
    struct watch_known *known;
    char *format, *title, *damage; /* as last read; NULL */
    char *hub, *topic;     /* as the feed named them when it was last read; NULL: none */
    int64_t asked_at_ms;   /* the newest request's end */
    int64_t good_at_ms;    /* … that ended well */
    int64_t new_at_ms;     /* the newest new item */
    int64_t failures;      /* in a row */
    int64_t wait_until_ms; /* as a server asked; 0 */
    int status;            /* of the newest answer; 0: there was none */
    char *error;           /* of the newest request; NULL: it went well */
    int64_t error_at_ms;
    char *stopped; /* why it is not asked any more; NULL */
    int64_t held;  /* items held since a person looked */
};

/* ---- a source ---- */
struct watched {
    struct watch *watch;
    char *name;
    const struct source_settings
        *source; /* in force; NULL: it left, and ends when nothing runs */
    const struct watched_settings *settings;
    char *host; /* "news.example:443" */
    struct heap_node due_node;
    int64_t due_mono_ms;
    struct list_node waiting_node; /* due, and its host is busy */
    struct watch_poll *poll;       /* NULL: none runs */
    bool again;                    /* … and another one follows at once */
    struct list takes;             /* struct watch_take: the first is at work */
    struct watch_kept kept;
    int64_t interval_ms; /* until the next request, jitter not counted */
    bool saving, dirty;
    bool replaced; /* another feed has its name: nothing of it is kept any more */
    struct ledger_source_save save;
    char *saved_text;
    struct websub *websub;      /* NULL: none was ever asked for */
    size_t users;               /* deliveries of the hub, and hands of people, at work on it */
    struct list_node left_node; /* it left the settings */
};

struct watch {
    struct crier *crier;
    struct watched **in_order; /* of the settings */
    size_t count;
    struct list
        left; /* those that are not in the settings any more, until nothing of them runs */
    struct ledger_sources loaded; /* until the first watch_apply() */
    struct heap due;
    struct list waiting;
    struct map *hosts; /* host -> the source that is asking it */
    size_t running;
    size_t hubs; /* struct websub that there are */
    uv_timer_t timer;
    bool stopping;
};

/* ---- watch.c ---- */
/* A poll is over: its host is free, the next one is due after wait_ms (under 0: never). */
void watch__poll_over(struct watched *s, int64_t wait_ms);
/* Its next turn comes in so long; right behind the one that is running. */
void watch__turn_soon(struct watched *s, int64_t wait_ms);
/* Ends it when it left the settings and nothing of it runs. */
void watch__end_if_idle(struct watched *s);

/* ---- watch_poll.c ---- */
void watch__poll_start(struct watched *s);
void watch__poll_cancel(struct watch_poll *p);

/* ---- watch_read.c ---- */
struct watch_names { /* of one item, as watch_known.h has them; 0: none */
    uint64_t key, url, title;
};
struct watch_reading {
    struct crier *crier;
    /* in; borrowed until done */
    const uint8_t *old_hash; /* the same bytes are not read again; NULL */
    struct feed_call call;
    void (*more)(struct watch_reading *r); /* bytes are wanted again */
    void (*done)(struct watch_reading *r); /* after watch__reading_end(), exactly once */
    /* out */
    bool same; /* as old_hash; there is no feed */
    bool has_hash;
    uint8_t hash[SHA256_BYTES];
    enum err_code rc; /* ERR_INVALID: it is no feed, why says what it looks like */
    struct err why;
    struct feed feed;
    struct watch_names *names; /* of feed.items */
    /* its own */
    struct reader_job job;
    struct buf pending, working; /* of the loop; of the thread */
    struct feed_reader *reader;
    bool running, over, ended, last, streaming;
};
/* The members above "out" are set. */
void watch__reading_start(struct watch_reading *r);
/* False: that is enough for now, wait for more(). */
bool watch__reading_push(struct watch_reading *r, const char *bytes, size_t len);
void watch__reading_end(struct watch_reading *r);
bool watch__reading_running(const struct watch_reading *r); /* a job is on the thread */
bool watch__reading_over(const struct watch_reading *r);    /* nothing more of it is wanted */
void watch__reading_done(struct watch_reading *r);          /* frees what it holds */
void watch__feed_call(struct feed_call *out, const struct watched_settings *s);

/* ---- watch_take.c ---- */
struct watch_take;
typedef void watch_take_fn(struct watch_take *t);
struct watch_take {
    struct list_node node;
    struct watched *source;
    /* in */
    struct feed feed; /* its own from watch__take() on */
    struct watch_names *names;
    bool partial; /* the answer was cut: there may be more, so first sight is not over */
    bool begins;  /* it is a feed, or an index; not a sitemap of one, nor what a hub sent */
    const char *origin;  /* "poll" or "websub", for log and metrics */
    watch_take_fn *done; /* exactly once, never before watch__take() has returned */
    void *context;
    /* out */
    enum err_code rc; /* not 0: not all of it is on disk, so nothing is remembered of it */
    struct err why;
    size_t fresh, changed, held, recorded, refused;
    /* its own */
    struct take_item *items;
    struct take_slot *slots;
    size_t count, next, running;
    struct reader_job job;
    char *quiet;
    bool flood, trusted;
};
/* What feed and names of the reading hold is taken. Not while the watcher is stopping. */
void watch__take(struct watched *s, struct watch_take *t, struct watch_reading *from);
void watch__take_done(struct watch_take *t);

/* ---- watch_state.c ---- */
void watch__kept_reset(struct watch_kept *k, const char *url);
void watch__kept_done(struct watch_kept *k);
struct watch_page *watch__page(struct watch_kept *k, const char *url); /* NULL: unknown */
/* Into the ledger, soon; several at once become one. Of a source that left: out of the ledger. */
void watch__save(struct watched *s);
/* False: it is none of ours; then s is as at first sight. */
bool watch__restore(struct watched *s, const char *text);

#endif
