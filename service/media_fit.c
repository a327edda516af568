/* Pictures made to fit channels that do not take them as they are: smaller, a JPEG, cut to a ratio. Called
 * by media.c when a wait's picture is there and does not fit; the work itself is resize.c's.
 *
 *   make_smaller   has the cache on disk one that was made from these bytes, for these bounds? The pool looks;
 *   on_looked      it has: ready. It has not: a child of resize.c makes it,
 *   on_resized     ready; and written to the cache, so that nobody makes it again after a restart
 *
 * Such a picture is an entry like a fetched one: found by a key of its own, made once however many
 * wait, kept within the same memory. Its key holds the number of the entry it was made from, so one that
 * was made from a picture which has been replaced meanwhile is never found again, and goes when room is
 * needed. */

#include "service/media_internal.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/mem.h"
#include "base/parse.h"
#include "service/crier.h"

/* "1.91:1", "0.8:1" */
static const char *ratio_text(int64_t milli, char out[PARSE_TEXT_BYTES])
{
    int digits = milli % 1000 == 0 ? 0 : milli % 100 == 0 ? 1 : milli % 10 == 0 ? 2 : 3;

    (void)snprintf(out, PARSE_TEXT_BYTES, "%.*f:1", digits, (double)milli / 1000);
    return out;
}

/* To two places: nobody reads more of a picture's own. */
static const char *shape_text(const struct media *m, char out[PARSE_TEXT_BYTES])
{
    int64_t height = m->height > 0 ? m->height : 1;

    return ratio_text((m->width * 100 + height / 2) / height * 10, out);
}

static void
wrong_ratio(const struct media *m, const struct media_bounds *b, const char *more, char *out)
{
    char is[PARSE_TEXT_BYTES], least[PARSE_TEXT_BYTES], most[PARSE_TEXT_BYTES];

    (void)snprintf(out,
                   MEDIA_TEXT_BYTES,
                   "the picture is %s, the channel takes %s%s%s%s",
                   m->height > 0 ? shape_text(m, is) : "of no known size",
                   b->min_ratio_milli > 0 ? ratio_text(b->min_ratio_milli, least) : "up",
                   b->min_ratio_milli > 0 && b->max_ratio_milli == 0 ? " or more" : " to ",
                   b->max_ratio_milli > 0 ? ratio_text(b->max_ratio_milli, most) : "",
                   more);
}

static void too_many_pixels(const struct media *m,
                            const struct media_bounds *b,
                            const char *more,
                            char *out)
{
    int64_t edge = m->width > m->height ? m->width : m->height;
    bool is_long = b->max_edge > 0 && edge > b->max_edge;

    (void)snprintf(out,
                   MEDIA_TEXT_BYTES,
                   "the picture has %lldx%lld pixels, the channel takes %s %lld%s",
                   (long long)m->width,
                   (long long)m->height,
                   is_long ? "sides of at most" : "at most",
                   (long long)(is_long ? b->max_edge : b->max_pixels),
                   more);
}

void media__does_not_fit(const struct media *m,
                         const struct media_bounds *b,
                         const char *more,
                         char out[MEDIA_TEXT_BYTES])
{
    char is[PARSE_TEXT_BYTES], may[PARSE_TEXT_BYTES];

    if (b->max_bytes > 0 && m->len > b->max_bytes) {
        (void)snprintf(out,
                       MEDIA_TEXT_BYTES,
                       "the picture has %s, the channel takes %s%s",
                       format_size_about((int64_t)m->len, is),
                       format_size_about((int64_t)b->max_bytes, may),
                       more);
    } else if (!resize_type_fits(m, b)) {
        (void)snprintf(out,
                       MEDIA_TEXT_BYTES,
                       "the picture is a %s, which the channel does not take%s",
                       media_type_title(m->type),
                       more);
    } else if (!resize_ratio_fits(m->width, m->height, b)) {
        wrong_ratio(m, b, more, out);
    } else {
        too_many_pixels(m, b, more, out);
    }
}

static void
not_resized(const struct media *m, const struct media_bounds *b, const char *why, char *out)
{
    char more[RESIZE_ERROR_BYTES + 40];

    (void)snprintf(more, sizeof more, "; it was not resized: %s", why);
    media__does_not_fit(m, b, more, out);
}

/* What was done, and only that: "converted from PNG", "cut from 3:1 to 1.91:1", "resized from …". */
static void write_note(struct media_entry *e, const struct media *was)
{
    const struct media_bounds *b = &e->job.bounds;
    const struct media *is = &e->media;
    char before[PARSE_TEXT_BYTES], after[PARSE_TEXT_BYTES], *note = e->note;
    bool converted = !resize_type_fits(was, b);
    bool cut = !resize_ratio_fits(was->width, was->height, b);
    bool resized = !resize_fits(was,
                                &(struct media_bounds){.max_bytes = b->max_bytes,
                                                       .max_pixels = b->max_pixels,
                                                       .max_edge = b->max_edge});
    size_t room = sizeof e->note;
    int n = snprintf(note, room, "picture ");

    if (converted) {
        n += snprintf(
            note + n, room - (size_t)n, "converted from %s", media_type_title(was->type));
    }
    if (cut) {
        n += snprintf(note + n,
                      room - (size_t)n,
                      "%scut from %s to %s",
                      converted ? ", " : "",
                      shape_text(was, before),
                      shape_text(is, after));
    }
    if (resized || (!converted && !cut)) {
        (void)snprintf(note + n,
                       room - (size_t)n,
                       "%sresized from %s %lldx%lld to %s %lldx%lld",
                       converted || cut ? ", " : "",
                       format_size_about((int64_t)was->len, before),
                       (long long)was->width,
                       (long long)was->height,
                       format_size_about((int64_t)is->len, after),
                       (long long)is->width,
                       (long long)is->height);
    }
}

static void let_origin_go(struct media_entry *e)
{
    struct media_entry *origin = e->origin;

    e->origin = NULL;
    media__entry_unuse(origin);
}

/* The picture in e->job is what was wanted. */
static void is_made(struct media_entry *e)
{
    const struct buf *picture = &e->job.picture;
    struct media *m = &e->media;

    m->type = media_sniff(picture->data, picture->len, &m->width, &m->height);
    m->bytes = picture->data;
    m->len = picture->len;
    write_note(e, &e->origin->media);
}

/* ---- the cache on disk ---- */

/* Whatever came of it: it is there in memory. */
static void on_kept(void *context, struct media_file *f, const char *error)
{
    struct media_entry *e = context;

    (void)f;
    (void)error;
    e->keeping = NULL;
    media__entry_unuse(e);
}

static void keep(struct media_entry *e)
{
    if (e->shape[0] != '\0' && media_keep_start(&e->keeping,
                                                e->store->cache,
                                                e->shape,
                                                e->media.type,
                                                e->media.bytes,
                                                e->media.len,
                                                on_kept,
                                                e,
                                                NULL) == ERR_NONE) {
        media__entry_use(e);
    }
}

static void name_shape(struct media_entry *e)
{
    const struct media_bounds *b = &e->job.bounds;
    uint8_t digest[SHA256_BYTES];
    char hex[SHA256_HEX_BYTES], id[MEDIA_ID_BYTES], *all;

    crypto_sha256(e->job.bytes, e->job.len, digest);
    all = mem_printf("%s %zu %lld %lld %u %lld %lld",
                     crypto_hex(digest, sizeof digest, hex),
                     b->max_bytes,
                     (long long)b->max_pixels,
                     (long long)b->max_edge,
                     b->types,
                     (long long)b->min_ratio_milli,
                     (long long)b->max_ratio_milli);
    media_cache_id(e->store->cache, 's', all, strlen(all), id);
    (void)snprintf(e->shape, sizeof e->shape, "s-%s.jpg", id);
    mem_free(all);
}

/* On the pool. */
static void on_look(void *context)
{
    struct media_entry *e = context;
    char bytes[16384];
    ssize_t n;
    int fd;

    name_shape(e);
    fd = openat(
        media_cache_directory(e->store->cache), e->shape, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        return;
    }
    while ((n = read(fd, bytes, sizeof bytes)) > 0) {
        buf_add(&e->job.picture, bytes, (size_t)n);
    }
    if (n < 0) {
        buf_clear(&e->job.picture);
    }
    (void)close(fd);
}

/* A disk may give back anything. */
static bool is_good(const struct media_entry *e)
{
    const struct buf *picture = &e->job.picture;
    struct media m = {.len = picture->len};

    m.type = picture->len > 0 && buf_ok(picture)
                 ? media_sniff(picture->data, picture->len, &m.width, &m.height)
                 : NULL;
    return m.type && strcmp(m.type, "image/jpeg") == 0 && m.width > 0 && m.height > 0 &&
           resize_fits(&m, &e->job.bounds);
}

static void note_use(struct media_entry *e)
{
    struct media_file *f = media_cache_find(e->store->cache, e->shape);
    struct err why;

    if (f && media_file_use(f, &why) == ERR_NONE) {
        media_file_unuse(f);
    }
}

static void on_looked(void *context)
{
    struct media_entry *e = context;

    e->look = NULL;
    if (!is_good(e)) {
        buf_done(&e->job.picture);
        resize_submit(e->store->resizer, &e->job);
        return;
    }
    note_use(e);
    is_made(e);
    let_origin_go(e);
    media__entry_ready(e);
}

static void on_resized(struct resize_job *job)
{
    struct media_entry *e = container_of(job, struct media_entry, job);

    if (job->error[0] != '\0') {
        not_resized(&e->origin->media, &job->bounds, job->error, e->error);
    } else {
        is_made(e);
        keep(e);
    }
    let_origin_go(e);
    media__entry_ready(e);
}

static char *key_of(const struct media_entry *e, const struct media_bounds *b)
{
    return mem_printf("%s\n%llu %zu %lld %lld %u %lld %lld",
                      e->key,
                      (unsigned long long)e->number,
                      b->max_bytes,
                      (long long)b->max_pixels,
                      (long long)b->max_edge,
                      b->types,
                      (long long)b->min_ratio_milli,
                      (long long)b->max_ratio_milli);
}

static struct media_entry *
make_smaller(struct media_entry *origin, char *key, const struct media_bounds *b)
{
    struct media_entry *e = media__entry_new(origin->store, key);

    e->is_smaller = true;
    e->origin = origin;
    media__entry_use(origin);
    e->job.bytes = origin->media.bytes;
    e->job.len = origin->media.len;
    e->job.bounds = *b;
    e->job.done = on_resized;
    if (media_cache_open(origin->store->cache, NULL) == ERR_NONE) {
        buf_init(&e->job.picture, MEDIA_PICTURE_BYTES);
        e->look = media_work_start(origin->store->crier->loop, on_look, on_looked, e);
    } else {
        resize_submit(origin->store->resizer, &e->job);
    }
    return e;
}

bool media__fit(struct media_entry *e, struct media_wait *w)
{
    const char *refusal = resize_refusal(e->media.width, e->media.height);
    bool jpeg = w->bounds.types == 0 || (w->bounds.types & MEDIA_JPEG) != 0;
    struct media_entry *smaller;
    char *key;

    if (!refusal && !jpeg) {
        refusal = "it would become a JPEG, which the channel does not take";
    }
    if (refusal) {
        not_resized(&e->media, &w->bounds, refusal, w->error);
        return false;
    }
    key = key_of(e, &w->bounds);
    smaller = map_get(e->store->entries, key, strlen(key));
    if (smaller) {
        mem_free(key);
    } else {
        smaller = make_smaller(e, key, &w->bounds);
    }
    media__wait_for(smaller, w);
    media__entry_unuse(e);
    return true;
}

static struct media_entry *at_work(struct media_store *s)
{
    LIST_EACH(&s->all, it)
    {
        struct media_entry *e = container_of(it, struct media_entry, kept_node);

        if (e->keeping || (e->making && e->is_smaller)) {
            return e;
        }
    }
    return NULL;
}

/* From the start each time: what lets its origin go may free it. */
void media__fit_cancel_all(struct media_store *s)
{
    struct media_entry *e;

    while ((e = at_work(s)) != NULL) {
        if (e->keeping) {
            media_keep_cancel(e->keeping);
            e->keeping = NULL;
            media__entry_unuse(e);
            continue;
        }
        if (e->look) {
            media_work_abandon(e->look);
            e->look = NULL;
        } else {
            resize_cancel(&e->job);
        }
        e->making = false;
        let_origin_go(e);
    }
}
