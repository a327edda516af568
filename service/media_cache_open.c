/* The cache's directory coming up and going down: its lock, its key, what an earlier run left. Called by
 * media.c when the service starts, and again when the first file is to be kept, since the directory is made
 * no earlier. Names that are not ours are let alone: the directory may be somebody's mistake. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "service/crier.h"
#include "service/media_cache_internal.h"

#define KEY_FILE "key"

static int64_t to_ms(const struct timespec *t)
{
    return (int64_t)t->tv_sec * 1000 + t->tv_nsec / 1000000;
}

static void read_times(struct media_file *f, const struct stat *s)
{
    f->used_at_ms = to_ms(&s->st_atim);
    f->checked_at_ms = to_ms(&s->st_mtim);
    /* Whoever set the clock meanwhile: no promise is longer than that. */
    if (f->used_at_ms > clock_wall_ms() + MEDIA_PROMISE_MS) {
        f->used_at_ms = clock_wall_ms();
    }
}

static bool is_part(const char *name)
{
    size_t before = strlen(MEDIA_PART_PREFIX), len = strlen(name);

    return len > before && strncmp(name, MEDIA_PART_PREFIX, before) == 0 &&
           strspn(name + before, "0123456789") == len - before;
}

static void see_file(struct media_cache *k, const char *name, bool keep)
{
    char hash[MEDIA_ID_BYTES];
    const char *type = media_cache__read_name(name, hash);
    struct stat s;

    if (!type && !is_part(name)) {
        return;
    }
    if (!type || !keep || fstatat(k->directory, name, &s, AT_SYMLINK_NOFOLLOW) != 0 ||
        !S_ISREG(s.st_mode) || s.st_size == 0) {
        (void)unlinkat(k->directory, name, 0);
        return;
    }
    read_times(media_cache__file_new(k, name, (uint64_t)s.st_size, type, hash), &s);
}

static void scan(struct media_cache *k, bool keep)
{
    int fd = dup(k->directory);
    DIR *all = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *entry;

    if (!all) {
        if (fd >= 0) {
            (void)close(fd);
        }
        return;
    }
    rewinddir(all);
    while ((entry = readdir(all)) != NULL) {
        see_file(k, entry->d_name, keep);
    }
    (void)closedir(all);
}

static bool read_key(struct media_cache *k)
{
    int fd = openat(k->directory, KEY_FILE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    bool good = fd >= 0 && read(fd, k->key, sizeof k->key) == sizeof k->key;

    if (fd >= 0) {
        (void)close(fd);
    }
    return good;
}

static enum err_code make_key(struct media_cache *k, struct err *why)
{
    char part[MEDIA_NAME_BYTES];
    bool good;
    int fd;

    media_cache_part(k, part);
    crypto_random(k->key, sizeof k->key);
    fd =
        openat(k->directory, part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        return err_errno(why, "write in %s", k->path);
    }
    good = write(fd, k->key, sizeof k->key) == sizeof k->key;
    good = close(fd) == 0 && good && renameat(k->directory, part, k->directory, KEY_FILE) == 0;
    return good ? ERR_NONE : err_errno(why, "write the key of %s", k->path);
}

static enum err_code take_lock(struct media_cache *k, struct err *why)
{
    if (flock(k->directory, LOCK_EX | LOCK_NB) == 0) {
        return ERR_NONE;
    }
    return errno == EWOULDBLOCK
               ? err_set(why, ERR_BUSY, "%s is in use by another crier (media.cache)", k->path)
               : err_errno(why, "lock %s", k->path);
}

/* The directory is there. Without its key no file would ever be found again. */
static enum err_code come_up(struct media_cache *k, struct err *why)
{
    enum err_code rc;

    k->directory = open(k->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (k->directory < 0) {
        return err_errno(why, "open the media cache %s", k->path);
    }
    rc = take_lock(k, why);
    if (!rc) {
        bool had_key = read_key(k);

        scan(k, had_key);
        rc = had_key ? ERR_NONE : make_key(k, why);
    }
    if (rc) {
        (void)close(k->directory);
        k->directory = -1;
    }
    return rc;
}

enum err_code media_cache_open(struct media_cache *k, struct err *why)
{
    if (!k) {
        return err_set(why, ERR_UNSUPPORTED, "there is no media cache");
    }
    if (k->directory >= 0) {
        return ERR_NONE;
    }
    if (mkdir(k->path, 0700) != 0 && errno != EEXIST) {
        return err_errno(why, "make the media cache %s (media.cache)", k->path);
    }
    return come_up(k, why);
}

/* Beside the ledger's file. */
static char *path_of(const struct config *config)
{
    const char *file = config->ledger.location, *slash;

    if (config->media.cache) {
        return mem_strdup(config->media.cache);
    }
    if (!file || strncmp(file, "sqlite:", strlen("sqlite:")) != 0) {
        return NULL;
    }
    file += strlen("sqlite:");
    slash = strrchr(file, '/');
    return slash ? mem_printf("%.*s/media", (int)(slash - file), file) : mem_strdup("media");
}

struct media_cache *media_cache_new(struct crier *c)
{
    char *path = c->config ? path_of(c->config) : NULL;
    struct media_cache *k;

    if (!path) {
        return NULL;
    }
    k = mem_zalloc(sizeof *k);
    k->crier = c;
    k->path = path;
    k->directory = -1;
    k->by_name = map_new();
    list_init(&k->files);
    list_init(&k->keeps);
    list_init(&k->removals);
    (void)come_up(k, NULL);
    return k;
}

void media_cache_free(struct media_cache *k)
{
    struct list_node *n;

    if (!k) {
        return;
    }
    must(list_empty(&k->keeps));
    media_cache__removals_abandon(k);
    while ((n = list_first(&k->files)) != NULL) {
        media_cache__file_forget(container_of(n, struct media_file, node));
    }
    map_free(k->by_name);
    if (k->directory >= 0) {
        (void)close(k->directory);
    }
    mem_wipe(k->key, sizeof k->key);
    mem_free(k->path);
    mem_free(k);
}
