#ifndef CRIER_SERVICE_MEDIA_VIDEO_H
#define CRIER_SERVICE_MEDIA_VIDEO_H

/* Videos of articles, fetched once for all into the cache on disk. Part of the media store; asked by
 * media_wish.c. */

#include "service/media_internal.h"

struct media_video_wait;
typedef void media_video_fn(struct media_video_wait *w);

/* Lives inside the object that waits. */
struct media_video_wait {
    media_video_fn *done; /* exactly once, never before media__video_get() has returned */
    struct media_bounds bounds;
    /* out */
    struct media_file *file; /* in use until media__video_wait_done(); NULL: see error */
    char error[MEDIA_TEXT_BYTES];
    /* media_video.c's own */
    struct list_node node;
    struct list *list; /* the one it waits in; NULL: told */
};

void media__video_get(struct media_store *s,
                      struct media_video_wait *w,
                      const char *url,
                      bool allow_private);
void media__video_wait_done(struct media_video_wait *w); /* before done: cancels */
/* Who asked for what was there already. */
void media__videos_tell(struct media_store *s);
/* Ends all fetching; nobody waits any more. */
void media__videos_free(struct media_store *s);

#endif
