/* Bytes in memory that become a file of the cache: written on the pool, named on the loop. Called for
 * pictures, by media_fit.c (one made to fit) and media_wish.c (one that a platform fetches). */

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/mem.h"
#include "service/crier.h"
#include "service/media_cache_internal.h"
#include "service/media_work.h"

struct media_keep {
    struct list_node node;
    struct media_cache *cache;
    struct media_work *work;
    const char *type;
    const void *bytes;
    size_t len;
    media_keep_fn *done;
    void *context;
    char part[MEDIA_NAME_BYTES], name[MEDIA_NAME_BYTES], hash[MEDIA_ID_BYTES];
    struct err why;
};

static void name_by_content(struct media_keep *keep)
{
    char id[MEDIA_ID_BYTES];

    media_cache_id(keep->cache, 'p', keep->bytes, keep->len, id);
    (void)snprintf(
        keep->name, sizeof keep->name, "p-%s.%s", id, media_cache_ending(keep->type));
}

static enum err_code write_all(int fd, const char *bytes, size_t len, struct err *why)
{
    while (len > 0) {
        ssize_t n = FAULT("media.write") ? -1 : write(fd, bytes, len);

        if (n <= 0) {
            return err_errno(why, "write to the media cache");
        }
        bytes += n;
        len -= (size_t)n;
    }
    return ERR_NONE;
}

/* On the pool. */
static void on_work(void *context)
{
    struct media_keep *keep = context;
    uint8_t digest[SHA256_BYTES];
    int fd;

    crypto_sha256(keep->bytes, keep->len, digest);
    (void)crypto_hex(digest, (MEDIA_ID_BYTES - 1) / 2, keep->hash);
    if (keep->name[0] == '\0') {
        name_by_content(keep);
    }
    fd = openat(keep->cache->directory,
                keep->part,
                O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
                0600);
    if (fd < 0) {
        (void)err_errno(&keep->why, "write to the media cache");
        return;
    }
    if (write_all(fd, keep->bytes, keep->len, &keep->why) == ERR_NONE && close(fd) != 0) {
        (void)err_errno(&keep->why, "write to the media cache");
    } else if (keep->why.code) {
        (void)close(fd);
    }
}

static void let_go(struct media_keep *keep)
{
    media_cache_release(keep->cache, keep->len);
    media_cache_drop_part(keep->cache, keep->part);
}

static void on_done(void *context)
{
    struct media_keep *keep = context;
    struct media_file *f = NULL;

    list_remove(&keep->cache->keeps, &keep->node);
    if (keep->why.code) {
        let_go(keep);
    } else if (media_cache_add(
                   keep->cache, &f, keep->part, keep->name, keep->len, &keep->why) ==
               ERR_NONE) {
        (void)snprintf(f->hash, sizeof f->hash, "%s", keep->hash);
    }
    keep->done(keep->context, f, f ? NULL : keep->why.text);
    mem_free(keep);
}

enum err_code media_keep_start(struct media_keep **out,
                               struct media_cache *k,
                               const char *name,
                               const char *type,
                               const void *bytes,
                               size_t len,
                               media_keep_fn *done,
                               void *context,
                               struct err *why)
{
    struct media_keep *keep;
    enum err_code rc = media_cache_reserve(k, len, why);

    if (rc) {
        return rc;
    }
    keep = mem_zalloc(sizeof *keep);
    *keep = (struct media_keep){
        .cache = k, .type = type, .bytes = bytes, .len = len, .done = done, .context = context};
    (void)snprintf(keep->name, sizeof keep->name, "%s", name ? name : "");
    media_cache_part(k, keep->part);
    list_push(&k->keeps, &keep->node);
    keep->work = media_work_start(k->crier->loop, on_work, on_done, keep);
    *out = keep;
    return ERR_NONE;
}

void media_keep_cancel(struct media_keep *keep)
{
    if (!keep) {
        return;
    }
    media_work_abandon(keep->work);
    list_remove(&keep->cache->keeps, &keep->node);
    let_go(keep);
    mem_free(keep);
}
