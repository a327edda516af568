#ifndef CRIER_SERVICE_MEDIA_INTERNAL_H
#define CRIER_SERVICE_MEDIA_INTERNAL_H

/* Shared by media.c (fetched pictures, who waits for what), media_fit.c (those made to fit), media_video.c
 * (videos) and media_wish.c (which of them a step wants). */

#include <uv.h>

#include "base/map.h"
#include "service/media.h"
#include "service/media_cache.h"
#include "service/media_work.h"
#include "service/out.h"
#include "service/resize.h"

#define MEDIA_PICTURE_BYTES ((size_t)20 * 1024 * 1024) /* nothing larger is fetched */

struct media_entry {
    struct media_store *store; /* NULL: the store is gone, only the exchange's end is awaited */
    /* "+url" or "-url": may reach private addresses or not. Of a smaller one: that, the number of the
     * entry it is made from, and the bounds it was made for. */
    char *key;
    uint64_t number;
    bool making;  /* being fetched, or being made smaller */
    bool stale;   /* replaced or failed: no longer found under its key */
    size_t users; /* waits that hold it, told or not, and entries that are being made from it */
    struct list waiting;
    struct list_node kept_node;
    struct media media;
    char error[MEDIA_TEXT_BYTES];
    /* fetched */
    int64_t fetched_mono_ms;
    struct http_request request;
    struct out_exchange exchange;
    /* made smaller */
    bool is_smaller;
    struct media_entry *origin; /* while it is made; held */
    struct media_work *look;    /* whether the cache has it, before it is made */
    struct resize_job job;
    char shape[MEDIA_NAME_BYTES]; /* its name in the cache; "": there is no cache */
    struct media_keep *keeping;   /* while it is written there */
    char note[MEDIA_TEXT_BYTES];
};

struct media_store {
    struct crier *crier;
    struct resizer *resizer;
    struct map *entries;
    struct list all;           /* by kept_node, least recently used first */
    struct list told;          /* waits whose entry has ended: their done is to be called */
    struct media_cache *cache; /* NULL: none (tests of parts) */
    struct list videos;        /* struct video: those on their way */
    struct list told_videos;   /* struct media_video_wait: their done is to be called */
    struct list wished;        /* struct media_wished: not told yet, and whose error is there */
    size_t bytes;
    uint64_t last_number;
    uv_timer_t tell_timer;
};

/* ---- media.c ---- */

/* Put into the store under its key, which it takes; nobody uses it yet. */
struct media_entry *media__entry_new(struct media_store *s, char *key);
/* Its making has ended, well or with e->error: everybody who waits is told on the next turn. */
void media__entry_ready(struct media_entry *e);
void media__entry_use(struct media_entry *e);
void media__entry_unuse(struct media_entry *e); /* may free it */
/* One more who waits for it; told when it is ready, on the next turn at the earliest. */
void media__wait_for(struct media_entry *e, struct media_wait *w);

/* Those in the lists of told ones are told on the next turn. */
void media__tell_later(struct media_store *s);

/* ---- media_wish.c ---- */

void media__wished_tell(struct media_store *s);
void media__wished_free(struct media_wait *outer);

/* ---- media_fit.c ---- */

/* w waits for e, whose picture does not fit: from here on for a smaller one, made when there is none.
 * False: it cannot be made, and w->error says so. */
bool media__fit(struct media_entry *e, struct media_wait *w);
/* "the picture has 4.2MiB, the channel takes 976KiB", and more. */
void media__does_not_fit(const struct media *m,
                         const struct media_bounds *b,
                         const char *more,
                         char out[MEDIA_TEXT_BYTES]);
/* Ends all making, before the store goes; nobody waits any more. */
void media__fit_cancel_all(struct media_store *s);

#endif
