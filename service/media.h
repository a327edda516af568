#ifndef CRIER_SERVICE_MEDIA_H
#define CRIER_SERVICE_MEDIA_H

/* Pictures of articles, fetched once for all channels: single flight per URL, kept in memory up
 * to a bound (least recently used goes first), type sniffed from the bytes (JPEG, PNG, GIF,
 * WebP) with its dimensions. Nothing else is passed on. A picture that is too large for who asks is,
 * with media_get_fitting(), made to fit once per bound, and kept like any other. */

#include "adapters/adapter.h"
#include "base/err.h"
#include "base/list.h"

struct crier;
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
void media_wait_done(struct media_wait *w); /* lets the picture go; before done: cancels */
/* "image/jpeg" and dimensions from the bytes, as people see it (a JPEG turned as its EXIF says); NULL when
 * it is none of the four. Pure. */
const char *media_sniff(const void *bytes, size_t len, int64_t *out_width, int64_t *out_height);
/* enum media_type of a media type; 0: none of ours. */
unsigned media_type_bit(const char *type);
/* "JPEG" for "image/jpeg". */
const char *media_type_title(const char *type);

#endif
