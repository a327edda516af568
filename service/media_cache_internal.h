#ifndef CRIER_SERVICE_MEDIA_CACHE_INTERNAL_H
#define CRIER_SERVICE_MEDIA_CACHE_INTERNAL_H

/* Shared by media_cache.c (the files), media_cache_open.c (the directory) and media_keep.c (bytes that
 * become files). */

#include "base/crypto.h"
#include "base/map.h"
#include "service/media_cache.h"

struct media_cache {
    struct crier *crier;
    char *path;
    int directory; /* -1: it is not there yet, or cannot be used */
    uint8_t key[SHA256_BYTES];
    struct list files;
    struct map *by_name;
    uint64_t bytes;    /* of files */
    uint64_t reserved; /* by those that are being written */
    uint64_t last_part;
    struct list keeps;    /* struct media_keep, at work */
    struct list removals; /* parts that the pool takes away */
};

#define MEDIA_PART_PREFIX "part-"
#define MEDIA_PROMISE_MS MS_DAY

/* ---- media_cache.c ---- */

/* The type that a name of ours says, and its hash; NULL: it is none. */
const char *media_cache__read_name(const char *name, char hash[MEDIA_ID_BYTES]);
struct media_file *media_cache__file_new(
    struct media_cache *k, const char *name, uint64_t len, const char *type, const char *hash);
void media_cache__file_forget(struct media_file *f);
void media_cache__removals_abandon(struct media_cache *k);

#endif
