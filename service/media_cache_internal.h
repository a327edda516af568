#ifndef CRIER_SERVICE_MEDIA_CACHE_INTERNAL_H
#define CRIER_SERVICE_MEDIA_CACHE_INTERNAL_H

/* Shared by media_cache.c (the directory) and media_keep.c (bytes that become files of it). */

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

#endif
