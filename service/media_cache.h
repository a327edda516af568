#ifndef CRIER_SERVICE_MEDIA_CACHE_H
#define CRIER_SERVICE_MEDIA_CACHE_H

/* Files of the media store on disk: videos, and pictures as a channel takes them. A directory of crier's
 * own with a bound (settings `media`); what was used longest ago goes when room is needed. It is made when
 * the first file is, and survives a restart: all there is to know of a file stands in its name and its two
 * times. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/list.h"
#include "service/out.h"

struct crier;
struct media_cache;
struct media_keep;

#define MEDIA_ID_BYTES 33 /* 32 hex digits and NUL */
#define MEDIA_NAME_BYTES 128

/* A file of the cache, whole and unchanging. */
struct media_file {
    struct out_file
        out; /* what struct media.file points to; its fd is open while somebody uses it */
    struct media_cache *cache;
    struct list_node node;
    char name[MEDIA_NAME_BYTES];
    char served[MEDIA_ID_BYTES + 8]; /* below /media/: nobody can guess it */
    char hash[MEDIA_ID_BYTES]; /* of its content; "": not known (a picture's after a restart) */
    const char *type;
    size_t users;
    int64_t
        used_at_ms; /* wall clock; in the future: a platform was given its address, until then */
    int64_t checked_at_ms; /* when its source was last asked for it */
    /* of a video, once it has been looked into (media_video.c) */
    bool looked;
    int64_t width, height, duration_ms;
};

/* Reads what an earlier run left; half files go. Never fails: without a directory it is empty, and
 * says so when something is to be kept. Without settings (tests of parts) there is none: NULL. */
struct media_cache *media_cache_new(struct crier *c);
void media_cache_free(struct media_cache *k); /* nobody uses a file or keeps one any more */
uint64_t media_cache_bytes(const struct media_cache *k);
/* Makes sure that there is a directory. */
MUST_USE enum err_code media_cache_open(struct media_cache *k, struct err *why);

/* ---- names ---- */

/* 32 hex digits of kind and bytes that nobody can find without this cache's key. After media_cache_open();
 * of any thread. */
void media_cache_id(const struct media_cache *k,
                    char kind,
                    const void *bytes,
                    size_t len,
                    char out[MEDIA_ID_BYTES]);
/* "jpg" for "image/jpeg". */
const char *media_cache_ending(const char *type);

/* ---- files ---- */

struct media_file *media_cache_find(struct media_cache *k, const char *name);
/* The one whose name begins so, the last that was checked; NULL. */
struct media_file *media_cache_newest(struct media_cache *k, const char *beginning);
/* One that a platform was given the address of, by what is behind /media/; NULL: none any more. */
struct media_file *media_cache_served(struct media_cache *k, const char *served);
/* Opens it, and it stays. ERR_NOT_FOUND: somebody took it away; it is forgotten. */
MUST_USE enum err_code media_file_use(struct media_file *f, struct err *why);
void media_file_unuse(struct media_file *f); /* NULL is fine */
/* It is not what it should be; when nobody else uses it, it goes. */
void media_file_remove(struct media_file *f);
void media_file_checked(struct media_file *f);
/* It stays for a day: a platform will come for it. */
void media_file_promise(struct media_file *f);

/* ---- new ones ---- */

/* So many bytes more will come: makes room. ERR_TOO_BIG: there is none. */
MUST_USE enum err_code
media_cache_reserve(struct media_cache *k, uint64_t bytes, struct err *why);
void media_cache_release(struct media_cache *k, uint64_t bytes);
/* The directory, for openat(); -1: none. */
int media_cache_directory(const struct media_cache *k);
/* A name for a file that is being written. */
void media_cache_part(struct media_cache *k, char out[MEDIA_NAME_BYTES]);
/* A part that is whole becomes a file of len bytes, which were reserved and are not any more, whatever
 * comes of it. One of that name that is there is replaced, or (in use) stays and is the result. */
MUST_USE enum err_code media_cache_add(struct media_cache *k,
                                       struct media_file **out,
                                       const char *part,
                                       const char *name,
                                       uint64_t len,
                                       struct err *why);
/* Takes a part away. */
void media_cache_drop_part(struct media_cache *k, const char *part);

typedef void media_keep_fn(void *context, struct media_file *f, const char *error);
/* Bytes in memory become a file: by that name, or (NULL) one that comes from them. They stay where they are
 * until done, which comes once, later, with error NULL when all is well. The directory is open. */
MUST_USE enum err_code media_keep_start(struct media_keep **out,
                                        struct media_cache *k,
                                        const char *name,
                                        const char *type,
                                        const void *bytes,
                                        size_t len,
                                        media_keep_fn *done,
                                        void *context,
                                        struct err *why);
void media_keep_cancel(struct media_keep *keep); /* done is not called; NULL is fine */

#endif
