#ifndef CRIER_SERVICE_MEDIA_H
#define CRIER_SERVICE_MEDIA_H

/* Pictures and videos of articles, fetched once for all channels: single flight per URL, type sniffed
 * from the bytes (JPEG, PNG, GIF, WebP; MP4, MOV) with its dimensions. Nothing else is passed on.
 *
 *   media.c        pictures, kept in memory up to a bound
 *   media_fit.c    a picture that does not fit who asks is made to, once per bound, and kept on disk as well
 *   media_video.c  videos, streamed to disk (media_video_fetch.c, media_video_look.c)
 *   media_cache.c  the directory they are kept in, with a bound (media_cache_open.c, media_keep.c)
 *   media_wish.c   which of these a step wants, and where a platform finds it that fetches by itself
 *   media_door.c   what such a platform fetches from us
 *   media_mp4.c media_sniff.c   what bytes say of themselves; pure
 *   media_work.c   what would keep the loop waiting */

#include "adapters/adapter.h"
#include "base/err.h"
#include "base/list.h"

struct crier;
struct door_request;
struct media_store;
struct media_wait;
typedef void media_done_fn(struct media_wait *w);

#define MEDIA_TEXT_BYTES 240

struct media_wait {
    media_done_fn *done; /* exactly once, never before media_get() has returned */
    /* out */
    const struct media *media; /* borrowed until media_wait_done(); NULL: see error */
    char error[MEDIA_TEXT_BYTES];
    /* "picture resized from 4.2MiB 6000x4000 to 812KiB 2048x1365"; "": it is as it was fetched */
    char note[MEDIA_TEXT_BYTES];
    /* media.c's own */
    struct list_node node;
    void *entry;
    struct media_bounds bounds;
    bool fitting;
    bool told;
    void *wished; /* media_wish.c's, of media_get_wished() */
};

struct media_store *media_store_new(struct crier *c);
void media_store_free(struct media_store *s);
/* As it is. max_bytes: larger pictures end with an error that says both sizes. media has the dimensions,
 * so a large bound is the way to ask how large a picture is. */
void media_get(struct media_store *s,
               struct media_wait *w,
               const char *url,
               size_t max_bytes,
               bool allow_private);
/* Within the bounds: a picture that exceeds one is made smaller (service/resize.h), as a JPEG. The error
 * says both sizes and why it could not be made to fit. */
void media_get_fitting(struct media_store *s,
                       struct media_wait *w,
                       const char *url,
                       const struct media_bounds *bounds,
                       bool allow_private);
/* What a step wants of an article (see struct media_wish, which is whole: bounds are set). Its media has
 * url with by_address, and no bytes then; a video's has file. What it has not is no error: outer->media is
 * NULL and outer->error "". */
void media_get_wished(struct media_store *s,
                      struct media_wait *outer,
                      const struct article *a,
                      const struct media_wish *wish,
                      bool allow_private);
/* Whether the article has such a thing. */
bool media_wish_has(const struct article *a, const struct media_wish *wish);
/* What a step of an adapter wants; false: nothing, or the article has none. */
bool media_wish_make(struct media_wish *wish,
                     const struct step_ctx *ctx,
                     const struct adapter *adapter,
                     const struct step *step);
/* Why a platform that fetches by itself can be given no address, and what to set. */
void media_no_address(enum media_kind kind, char out[MEDIA_TEXT_BYTES]);
/* Bytes of the cache on disk. */
uint64_t media_store_disk_bytes(const struct media_store *s);
void media_wait_done(struct media_wait *w); /* lets the picture go; before done: cancels */
/* "image/jpeg" and dimensions from the bytes, as people see it (a JPEG turned as its EXIF says); NULL when
 * it is none of the four. Pure. */
const char *media_sniff(const void *bytes, size_t len, int64_t *out_width, int64_t *out_height);
/* GET /media/{name}: a file whose address a platform was given lately. */
void media_serve(struct crier *c, struct door_request *r);
/* enum media_type of a media type; 0: none of ours. */
unsigned media_type_bit(const char *type);
/* "JPEG" for "image/jpeg". */
const char *media_type_title(const char *type);

#endif
