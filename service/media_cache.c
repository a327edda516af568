/* The directory of the media store: what is in it, how much, and what goes. Called by the other files of
 * the store and by the door, on the loop; owns the directory, its lock and struct media_file.
 *
 *   key                            32 random bytes: names come from it, so that nobody can guess one
 *   p-ID.jpg  s-ID.jpg             a picture by its content; one made to fit, by what it was made from
 *   v-URL-VALIDATORS-HASH.mp4      a video: its address, what its server told of this version, its content
 *   part-N                         being written, or being taken away
 *
 * A file gets its name when it is whole, in one rename, so half a file never has one; nothing is
 * synced: an empty file, which a crash of the machine may leave under a name, is taken away by the next
 * start, and one that is no picture or video any more is seen when it is looked into. A file's access
 * time is when it was used last, or (in the future) until when a platform may come for it; its
 * modification time is when its source was last asked for it. The loop does what only touches the
 * directory; contents are written and taken away on the pool. */

#include "service/media_cache.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/fault.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/parse.h"
#include "service/crier.h"
#include "service/media_cache_internal.h"
#include "service/media_work.h"

/* clang-format off */
static const struct {
    const char *type, *ending;
} endings[] = {
    {"image/jpeg", "jpg"}, {"image/png", "png"}, {"image/gif", "gif"}, {"image/webp", "webp"},
    {"video/mp4", "mp4"}, {"video/quicktime", "mov"},
};
/* clang-format on */

const char *media_cache_ending(const char *type)
{
    for (size_t i = 0; i < ARRAY_LEN(endings); i++) {
        if (strcmp(endings[i].type, type) == 0) {
            return endings[i].ending;
        }
    }
    must(false);
    return "";
}

/* ---- names ---- */

void media_cache_id(const struct media_cache *k,
                    char kind,
                    const void *bytes,
                    size_t len,
                    char out[MEDIA_ID_BYTES])
{
    uint8_t digest[SHA256_BYTES], all[1 + SHA256_BYTES], mac[SHA256_BYTES];

    crypto_sha256(bytes, len, digest);
    all[0] = (uint8_t)kind;
    memcpy(all + 1, digest, sizeof digest);
    crypto_hmac_sha256(k->key, sizeof k->key, all, sizeof all, mac);
    (void)crypto_hex(mac, (MEDIA_ID_BYTES - 1) / 2, out);
}

static bool take_id(const char **at)
{
    if (strspn(*at, "0123456789abcdef") != MEDIA_ID_BYTES - 1) {
        return false;
    }
    *at += MEDIA_ID_BYTES - 1;
    return true;
}

static const char *type_of_ending(const char *ending)
{
    for (size_t i = 0; i < ARRAY_LEN(endings); i++) {
        if (strcmp(endings[i].ending, ending) == 0) {
            return endings[i].type;
        }
    }
    return NULL;
}

const char *media_cache__read_name(const char *name, char hash[MEDIA_ID_BYTES])
{
    const char *at = name + 2;
    int ids = *name == 'v' ? 3 : *name == 'p' || *name == 's' ? 1 : 0;

    hash[0] = '\0';
    if (ids == 0 || name[1] != '-') {
        return NULL;
    }
    for (int i = 0; i < ids; i++) {
        const char *id = at;

        if (!take_id(&at) || *at++ != (i + 1 < ids ? '-' : '.')) {
            return NULL;
        }
        if (i == 2) {
            (void)snprintf(hash, MEDIA_ID_BYTES, "%.*s", MEDIA_ID_BYTES - 1, id);
        }
    }
    return type_of_ending(at);
}

/* ---- the index ---- */

struct media_file *media_cache__file_new(
    struct media_cache *k, const char *name, uint64_t len, const char *type, const char *hash)
{
    struct media_file *f = mem_zalloc(sizeof *f);
    char id[MEDIA_ID_BYTES];

    f->cache = k;
    f->out.fd = -1;
    f->out.len = len;
    f->type = type;
    (void)snprintf(f->name, sizeof f->name, "%s", name);
    (void)snprintf(f->hash, sizeof f->hash, "%s", hash);
    media_cache_id(k, '/', name, strlen(name), id);
    (void)snprintf(f->served, sizeof f->served, "%s.%s", id, media_cache_ending(type));
    list_push(&k->files, &f->node);
    (void)map_put(k->by_name, f->name, strlen(f->name), f);
    k->bytes += len;
    return f;
}

void media_cache__file_forget(struct media_file *f)
{
    struct media_cache *k = f->cache;

    must(f->users == 0);
    list_remove(&k->files, &f->node);
    (void)map_remove(k->by_name, f->name, strlen(f->name));
    k->bytes -= f->out.len;
    mem_free(f);
}

struct media_file *media_cache_find(struct media_cache *k, const char *name)
{
    return map_get(k->by_name, name, strlen(name));
}

struct media_file *media_cache_newest(struct media_cache *k, const char *beginning)
{
    struct media_file *found = NULL;

    LIST_EACH(&k->files, it)
    {
        struct media_file *f = container_of(it, struct media_file, node);

        if (strncmp(f->name, beginning, strlen(beginning)) == 0 &&
            (!found || f->checked_at_ms > found->checked_at_ms)) {
            found = f;
        }
    }
    return found;
}

struct media_file *media_cache_served(struct media_cache *k, const char *served)
{
    if (!k) {
        return NULL;
    }
    LIST_EACH(&k->files, it)
    {
        struct media_file *f = container_of(it, struct media_file, node);

        if (f->used_at_ms > clock_wall_ms() && strcmp(f->served, served) == 0) {
            return f;
        }
    }
    return NULL;
}

uint64_t media_cache_bytes(const struct media_cache *k)
{
    return k ? k->bytes + k->reserved : 0;
}

/* ---- times ---- */

static struct timespec to_timespec(int64_t ms)
{
    return (struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
}

/* What it cannot say is lost with the next start, and only then. */
static void write_times(const struct media_file *f)
{
    const struct timespec times[] = {to_timespec(f->used_at_ms), to_timespec(f->checked_at_ms)};

    (void)utimensat(f->cache->directory, f->name, times, 0);
}

void media_file_checked(struct media_file *f)
{
    f->checked_at_ms = clock_wall_ms();
    write_times(f);
}

void media_file_promise(struct media_file *f)
{
    f->used_at_ms = clock_wall_ms() + MEDIA_PROMISE_MS;
    write_times(f);
}

static void note_use(struct media_file *f)
{
    int64_t now_ms = clock_wall_ms();

    if (now_ms > f->used_at_ms) {
        f->used_at_ms = now_ms;
        write_times(f);
    }
}

/* ---- use ---- */

enum err_code media_file_use(struct media_file *f, struct err *why)
{
    struct stat s;

    if (f->users == 0) {
        f->out.fd = openat(f->cache->directory, f->name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        if (f->out.fd < 0 || fstat(f->out.fd, &s) != 0 || (uint64_t)s.st_size != f->out.len) {
            if (f->out.fd >= 0) {
                (void)close(f->out.fd);
            }
            media_cache__file_forget(f);
            return err_set(why, ERR_NOT_FOUND, "a file of the media cache has gone");
        }
    }
    f->users++;
    note_use(f);
    return ERR_NONE;
}

void media_file_unuse(struct media_file *f)
{
    if (!f) {
        return;
    }
    must(f->users > 0);
    if (--f->users == 0) {
        (void)close(f->out.fd);
        f->out.fd = -1;
        note_use(f);
    }
}

/* ---- what goes ---- */

struct removal {
    struct list_node node;
    struct media_cache *cache;
    struct media_work *work;
    char part[MEDIA_NAME_BYTES];
};

static void on_remove(void *context)
{
    struct removal *r = context;

    (void)unlinkat(r->cache->directory, r->part, 0);
}

static void on_removed(void *context)
{
    struct removal *r = context;

    list_remove(&r->cache->removals, &r->node);
    mem_free(r);
}

/* On the pool: freeing the blocks of some gigabytes takes a while. */
void media_cache_drop_part(struct media_cache *k, const char *part)
{
    struct removal *r = mem_zalloc(sizeof *r);

    r->cache = k;
    (void)snprintf(r->part, sizeof r->part, "%s", part);
    list_push(&k->removals, &r->node);
    r->work = media_work_start(k->crier->loop, on_remove, on_removed, r);
}

static void evict(struct media_file *f)
{
    struct media_cache *k = f->cache;
    char part[MEDIA_NAME_BYTES];

    media_cache_part(k, part);
    if (renameat(k->directory, f->name, k->directory, part) == 0) {
        media_cache_drop_part(k, part);
    }
    media_cache__file_forget(f);
}

void media_file_remove(struct media_file *f)
{
    if (f->users == 0) {
        evict(f);
    }
}

static struct media_file *used_longest_ago(struct media_cache *k)
{
    int64_t now_ms = clock_wall_ms();
    struct media_file *found = NULL;

    LIST_EACH(&k->files, it)
    {
        struct media_file *f = container_of(it, struct media_file, node);

        if (f->users == 0 && f->used_at_ms <= now_ms &&
            (!found || f->used_at_ms < found->used_at_ms)) {
            found = f;
        }
    }
    return found;
}

enum err_code media_cache_reserve(struct media_cache *k, uint64_t bytes, struct err *why)
{
    uint64_t max = (uint64_t)k->crier->config->media.max_bytes;
    char size[PARSE_TEXT_BYTES];
    struct media_file *f;

    while (k->bytes + k->reserved + bytes > max && bytes <= max &&
           (f = used_longest_ago(k)) != NULL) {
        evict(f);
    }
    if (k->bytes + k->reserved + bytes > max) {
        return err_set(
            why,
            ERR_TOO_BIG,
            "the media cache has no room for it: all of its %s (media.max) are in use",
            format_size((int64_t)max, size));
    }
    k->reserved += bytes;
    return ERR_NONE;
}

void media_cache_release(struct media_cache *k, uint64_t bytes)
{
    must(k->reserved >= bytes);
    k->reserved -= bytes;
}

/* ---- what comes ---- */

int media_cache_directory(const struct media_cache *k)
{
    return k->directory;
}

void media_cache_part(struct media_cache *k, char out[MEDIA_NAME_BYTES])
{
    (void)snprintf(out, MEDIA_NAME_BYTES, MEDIA_PART_PREFIX "%" PRIu64, ++k->last_part);
}

enum err_code media_cache_add(struct media_cache *k,
                              struct media_file **out,
                              const char *part,
                              const char *name,
                              uint64_t len,
                              struct err *why)
{
    struct media_file *f = media_cache_find(k, name);
    char hash[MEDIA_ID_BYTES];
    const char *type = media_cache__read_name(name, hash);

    must(type != NULL);
    media_cache_release(k, len);
    if (f && f->users > 0) { /* a name says what is in it: it is the same */
        media_cache_drop_part(k, part);
        *out = f;
        return ERR_NONE;
    }
    if (FAULT("media.rename") || renameat(k->directory, part, k->directory, name) != 0) {
        enum err_code rc = err_errno(why, "rename in %s", k->path);

        media_cache_drop_part(k, part);
        return rc;
    }
    if (f) {
        media_cache__file_forget(f);
    }
    f = media_cache__file_new(k, name, len, type, hash);
    f->used_at_ms = f->checked_at_ms = clock_wall_ms();
    write_times(f);
    *out = f;
    return ERR_NONE;
}

void media_cache__removals_abandon(struct media_cache *k)
{
    struct list_node *n;

    while ((n = list_pop(&k->removals)) != NULL) {
        struct removal *r = container_of(n, struct removal, node);

        media_work_abandon(r->work); /* one that did not begin is left to the next start */
        mem_free(r);
    }
}
