#ifndef CRIER_SERVICE_MEDIA_VIDEO_INTERNAL_H
#define CRIER_SERVICE_MEDIA_VIDEO_INTERNAL_H

/* Shared by media_video.c (who waits for what), media_video_fetch.c (a video's way to the disk) and
 * media_video_look.c (what it says of itself). */

#include <stdatomic.h>

#include "service/media_mp4.h"
#include "service/media_video.h"

#define MEDIA_CHUNK_BYTES ((size_t)256 * 1024)
/* A piece may be larger than libcurl says. */
#define MEDIA_CHUNK_ROOM (MEDIA_CHUNK_BYTES + (size_t)1024 * 1024)

/* One on its way. */
struct media_video {
    struct media_store *store; /* NULL: the store is gone, only the exchange's end is awaited */
    struct list_node node;
    char *key; /* "+url" or "-url": may be at a private address or not */
    char beginning[MEDIA_ID_BYTES + 3]; /* of its names in the cache: "v-URL-" */
    struct list waiting;
    uv_timer_t timer;
    /* the exchange */
    struct http_request request;
    struct out_exchange exchange;
    bool running, judged, restarted;
    bool anew;       /* what was got does not go with what comes: all of it once more */
    char *validator; /* for If-Range; NULL: it cannot be resumed */
    char version[MEDIA_ID_BYTES]; /* of all that its server tells versions by; "": nothing */
    int64_t expected;             /* bytes in all; -1: not told */
    int breaks;
    /* the file */
    int fd;
    char part[MEDIA_NAME_BYTES];
    uint64_t written, reserved;
    struct buf chunk;
    struct media_work *work;
    atomic_bool stop;
    bool spoilt;              /* what was found was no video any more */
    struct media_file *found; /* in the cache already, in use */
    /* what the pool found */
    struct media_mp4 is;
    char hash[MEDIA_ID_BYTES];
    struct err why;
    char error[MEDIA_TEXT_BYTES];
};

/* media_video.c */
/* Nothing runs any more: everybody is told, of f or (NULL) of v->error, and v is freed. Whoever is told may
 * ask again, for a new one. */
void media__video_end(struct media_video *v, struct media_file *f);
/* Of one whose store is gone. */
void media__video_free(struct media_video *v);
/* "the video has 700MB, the channel takes 50MB" */
const char *
media__video_too_large(const struct media_bounds *b, int64_t len, char out[MEDIA_TEXT_BYTES]);

/* media_video_fetch.c: asks its server for it, from v->written on. Ends with media__video_end(). */
void media__video_fetch(struct media_video *v);

/* media_video_look.c: v->found, or the part that is whole now. Ends with media__video_end(). */
void media__video_look(struct media_video *v);

#endif
