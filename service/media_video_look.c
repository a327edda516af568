/* What a video file on disk says of itself, and its hash, found out on the pool. Called by media_video.c
 * for one that is in the cache already, and by media_video_fetch.c for one that has just come, which gets
 * its name here. */

#include "service/media_video_internal.h"

#include <stdio.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/mem.h"
#include "service/crier.h"

struct source {
    int fd;
};

static bool read_at(void *context, uint64_t at, void *to, size_t len)
{
    const struct source *s = context;

    return pread(s->fd, to, len, (off_t)at) == (ssize_t)len;
}

static void hash_file(struct media_video *v, int fd, uint64_t len)
{
    struct crypto_sum *sum = crypto_sha256_begin();
    char *bytes = mem_alloc(MEDIA_CHUNK_BYTES);
    uint8_t digest[SHA256_BYTES];
    uint64_t at = 0;
    ssize_t n = 1;

    while (at < len && n > 0 && !atomic_load(&v->stop)) {
        n = pread(fd, bytes, MEDIA_CHUNK_BYTES, (off_t)at);
        if (n > 0) {
            crypto_sha256_add(sum, bytes, (size_t)n);
            at += (uint64_t)n;
        }
    }
    crypto_sha256_end(sum, digest);
    (void)crypto_hex(digest, (MEDIA_ID_BYTES - 1) / 2, v->hash);
    mem_free(bytes);
    if (at != len && !atomic_load(&v->stop)) {
        (void)err_set(&v->why, ERR_IO, "the media cache cannot be read");
    }
}

/* On the pool. */
static void on_look(void *context)
{
    struct media_video *v = context;
    struct source s = {v->found ? v->found->out.fd : v->fd};
    uint64_t len = v->found ? v->found->out.len : v->written;

    v->why = (struct err){0};
    if (media_mp4_read(&v->is, read_at, &s, len, &v->why) == ERR_NONE && !v->found) {
        hash_file(v, s.fd, len);
    }
}

static void keep_facts(struct media_video *v, struct media_file *f)
{
    f->looked = true;
    f->width = v->is.width;
    f->height = v->is.height;
    f->duration_ms = v->is.duration_ms;
}

static void name_file(const struct media_video *v, char out[MEDIA_NAME_BYTES])
{
    (void)snprintf(out,
                   MEDIA_NAME_BYTES,
                   "%s%s-%s.%s",
                   v->beginning,
                   v->version[0] != '\0' ? v->version : v->hash,
                   v->hash,
                   media_cache_ending(v->is.type));
}

/* A disk may give back anything: what was a video once is fetched anew. */
static void fetch_instead(struct media_video *v)
{
    struct media_file *f = v->found;

    v->found = NULL;
    v->spoilt = true; /* once: somebody else may still hold it */
    media_file_unuse(f);
    media_file_remove(f);
    media__video_fetch(v);
}

static void on_looked(void *context)
{
    struct media_video *v = context;
    struct media_file *f = v->found;
    enum err_code rc = v->why.code;
    char name[MEDIA_NAME_BYTES];

    v->work = NULL;
    if (!f && !rc) {
        /* What was reserved is what was expected; what is there counts. */
        media_cache_release(v->store->cache, v->reserved - v->written);
        v->reserved = 0;
        name_file(v, name);
        (void)close(v->fd);
        v->fd = -1;
        rc = media_cache_add(v->store->cache, &f, v->part, name, v->written, &v->why);
    }
    if (rc && v->found && !v->spoilt) {
        fetch_instead(v);
        return;
    }
    if (rc) {
        (void)snprintf(v->error, sizeof v->error, "%.200s", v->why.text);
        f = NULL;
    } else {
        keep_facts(v, f);
    }
    media__video_end(v, f);
}

void media__video_look(struct media_video *v)
{
    v->work = media_work_start(v->store->crier->loop, on_look, on_looked, v);
}
