#ifndef CRIER_SERVICE_MEDIA_H
#define CRIER_SERVICE_MEDIA_H

/* Pictures of articles, fetched once for all channels: single flight per URL, kept in memory up
 * to a bound (least recently used goes first), type sniffed from the bytes (JPEG, PNG, GIF,
 * WebP) with its dimensions. Nothing else is passed on. */

#include "adapters/adapter.h"
#include "base/err.h"
#include "base/list.h"

struct crier;
struct media_store;
struct media_wait;
typedef void media_done_fn(struct media_wait *w);

struct media_wait {
    media_done_fn *done; /* exactly once, never before media_get() has returned */
    /* out */
    const struct media *media; /* borrowed until media_wait_done(); NULL: see error */
    char error[160];
    /* media.c's own */
    struct list_node node;
    void *entry;
    size_t max_bytes;
    bool told;
};

struct media_store *media_store_new(struct crier *c);
void media_store_free(struct media_store *s);
/* max_bytes: larger pictures end with an error that says both sizes. */
void media_get(struct media_store *s,
               struct media_wait *w,
               const char *url,
               size_t max_bytes,
               bool allow_private);
void media_wait_done(struct media_wait *w); /* lets the picture go; before done: cancels */
/* "image/jpeg" and dimensions from the bytes; NULL when it is none of the four. Pure. */
const char *media_sniff(const void *bytes, size_t len, int64_t *out_width, int64_t *out_height);

#endif
