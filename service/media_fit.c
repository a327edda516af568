/* Pictures made smaller for channels that do not take them as they are. Called by media.c when a wait's
 * picture is there and does not fit; the work itself is resize.c's.
 *
 * A smaller picture is an entry like a fetched one: found by a key of its own, made once however many
 * wait, kept within the same memory. Its key holds the number of the entry it was made from, so one that
 * was made from a picture which has been replaced meanwhile is never found again, and goes when room is
 * needed. */

#include "service/media_internal.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/parse.h"

void media__too_large(const struct media *m,
                      const struct media_bounds *b,
                      const char *more,
                      char out[MEDIA_TEXT_BYTES])
{
    int64_t edge = m->width > m->height ? m->width : m->height;
    bool is_long = b->max_edge > 0 && edge > b->max_edge;
    char is[PARSE_TEXT_BYTES], may[PARSE_TEXT_BYTES];

    if (b->max_bytes > 0 && m->len > b->max_bytes) {
        (void)snprintf(out,
                       MEDIA_TEXT_BYTES,
                       "the picture has %s, the channel takes %s%s",
                       format_size_about((int64_t)m->len, is),
                       format_size_about((int64_t)b->max_bytes, may),
                       more);
        return;
    }
    (void)snprintf(out,
                   MEDIA_TEXT_BYTES,
                   "the picture has %lldx%lld pixels, the channel takes %s %lld%s",
                   (long long)m->width,
                   (long long)m->height,
                   is_long ? "sides of at most" : "at most",
                   (long long)(is_long ? b->max_edge : b->max_pixels),
                   more);
}

static void
not_resized(const struct media *m, const struct media_bounds *b, const char *why, char *out)
{
    char more[RESIZE_ERROR_BYTES + 40];

    (void)snprintf(more, sizeof more, "; it was not resized: %s", why);
    media__too_large(m, b, more, out);
}

static void write_note(struct media_entry *e, const struct media *was)
{
    char before[PARSE_TEXT_BYTES], after[PARSE_TEXT_BYTES];

    (void)snprintf(e->note,
                   sizeof e->note,
                   "picture resized from %s %lldx%lld to %s %lldx%lld",
                   format_size_about((int64_t)was->len, before),
                   (long long)was->width,
                   (long long)was->height,
                   format_size_about((int64_t)e->media.len, after),
                   (long long)e->media.width,
                   (long long)e->media.height);
}

static void let_origin_go(struct media_entry *e)
{
    struct media_entry *origin = e->origin;

    e->origin = NULL;
    media__entry_unuse(origin);
}

static void on_resized(struct resize_job *job)
{
    struct media_entry *e = container_of(job, struct media_entry, job);
    struct media *m = &e->media;

    if (job->error[0] != '\0') {
        not_resized(&e->origin->media, &job->bounds, job->error, e->error);
    } else {
        m->type = media_sniff(job->picture.data, job->picture.len, &m->width, &m->height);
        m->bytes = job->picture.data;
        m->len = job->picture.len;
        write_note(e, &e->origin->media);
    }
    let_origin_go(e);
    media__entry_ready(e);
}

static char *key_of(const struct media_entry *e, const struct media_bounds *b)
{
    return mem_printf("%s\n%llu %zu %lld %lld",
                      e->key,
                      (unsigned long long)e->number,
                      b->max_bytes,
                      (long long)b->max_pixels,
                      (long long)b->max_edge);
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
    resize_submit(origin->store->resizer, &e->job);
    return e;
}

bool media__fit(struct media_entry *e, struct media_wait *w)
{
    const char *refusal = resize_refusal(e->media.width, e->media.height);
    struct media_entry *smaller;
    char *key;

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

static struct media_entry *being_made_smaller(struct media_store *s)
{
    LIST_EACH(&s->all, it)
    {
        struct media_entry *e = container_of(it, struct media_entry, kept_node);

        if (e->making && e->is_smaller) {
            return e;
        }
    }
    return NULL;
}

/* From the start each time: what lets its origin go may free it. */
void media__fit_cancel_all(struct media_store *s)
{
    struct media_entry *e;

    while ((e = being_made_smaller(s)) != NULL) {
        resize_cancel(&e->job);
        e->making = false;
        let_origin_go(e);
    }
}
