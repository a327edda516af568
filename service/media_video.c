/* Videos of articles: who waits for which. Called by media_wish.c; owns a video's object, which is one per
 * address however many wait, and lives until it is on disk; it goes on when nobody waits any more, since the
 * next channel will ask.
 *
 *   media__video_get    there and asked for lately: told on the next turn. Else
 *   media__video_fetch  to the disk (media_video_fetch.c); then
 *   media__video_look   what the file says of itself, and its hash (media_video_look.c)
 *   media__video_end    it is in the cache, or it is not: everybody is told
 *
 * A file that is found again after a restart is only looked into. */

#include "service/media_video_internal.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/parse.h"
#include "service/crier.h"

#define FRESH_MS (10 * MS_MINUTE) /* as pictures: it may be replaced under its URL */

/* ---- the end ---- */

static void on_timer_closed(uv_handle_t *handle)
{
    struct media_video *v = handle->data;

    http_request_done(&v->request);
    out_exchange_done(&v->exchange);
    buf_done(&v->chunk);
    mem_free(v->validator);
    mem_free(v->key);
    mem_free(v);
}

void media__video_free(struct media_video *v)
{
    uv_close((uv_handle_t *)&v->timer, on_timer_closed);
}

static void close_part(struct media_video *v)
{
    struct media_cache *k = v->store->cache;

    if (v->fd >= 0) {
        (void)close(v->fd);
        v->fd = -1;
        media_cache_drop_part(k, v->part);
    }
    media_cache_release(k, v->reserved);
    v->reserved = 0;
}

const char *
media__video_too_large(const struct media_bounds *b, int64_t len, char out[MEDIA_TEXT_BYTES])
{
    char is[PARSE_TEXT_BYTES], may[PARSE_TEXT_BYTES];

    (void)snprintf(out,
                   MEDIA_TEXT_BYTES,
                   "the video has %s, the channel takes %s",
                   format_size_about(len, is),
                   format_size_about((int64_t)b->max_bytes, may));
    return out;
}

/* Whether a video is what a channel takes; what is not known is let go. A video is never changed. */
static bool fits(const struct media_file *f, const struct media_bounds *b, char *why)
{
    char is[PARSE_TEXT_BYTES], may[PARSE_TEXT_BYTES];

    if (b->max_bytes > 0 && f->out.len > b->max_bytes) {
        (void)media__video_too_large(b, (int64_t)f->out.len, why);
    } else if (b->types != 0 && (b->types & media_type_bit(f->type)) == 0) {
        (void)snprintf(why,
                       MEDIA_TEXT_BYTES,
                       "the video is a %s, which the channel does not take",
                       media_type_title(f->type));
    } else if (b->max_duration_ms > 0 && f->duration_ms > b->max_duration_ms) {
        (void)snprintf(why,
                       MEDIA_TEXT_BYTES,
                       "the video lasts %s, the channel takes %s",
                       format_duration(f->duration_ms / 1000 * 1000, is),
                       format_duration(b->max_duration_ms, may));
    } else if (!resize_ratio_fits(f->width, f->height, b) ||
               !resize_fits(&(struct media){.width = f->width, .height = f->height},
                            &(struct media_bounds){.max_pixels = b->max_pixels,
                                                   .max_edge = b->max_edge})) {
        (void)snprintf(
            why,
            MEDIA_TEXT_BYTES,
            "the video has %lldx%lld pixels, a size or shape the channel does not take",
            (long long)f->width,
            (long long)f->height);
    } else {
        return true;
    }
    return false;
}

static void tell(struct media_video_wait *w, struct media_file *f, const char *error)
{
    struct err why = {0};

    w->list = NULL;
    w->file = NULL;
    w->error[0] = '\0';
    if (!f) {
        (void)snprintf(w->error, sizeof w->error, "%s", error);
    } else if (fits(f, &w->bounds, w->error)) {
        if (media_file_use(f, &why) == ERR_NONE) {
            w->file = f;
        } else {
            (void)snprintf(w->error, sizeof w->error, "%.200s", why.text);
        }
    }
    w->done(w);
}

void media__video_end(struct media_video *v, struct media_file *f)
{
    struct media_store *s = v->store;
    struct list_node *n;
    struct err why = {0};
    bool held = f != NULL && media_file_use(f, &why) == ERR_NONE;

    list_remove(&s->videos, &v->node);
    close_part(v);
    if (f && !held) {
        (void)snprintf(v->error, sizeof v->error, "%.200s", why.text);
    }
    while ((n = list_pop(&v->waiting)) != NULL) {
        tell(container_of(n, struct media_video_wait, node), held ? f : NULL, v->error);
    }
    media_file_unuse(held ? f : NULL);
    media_file_unuse(v->found);
    media__video_free(v);
}

/* ---- asking ---- */

static struct media_video *find(struct media_store *s, const char *key)
{
    LIST_EACH(&s->videos, it)
    {
        struct media_video *v = container_of(it, struct media_video, node);

        if (strcmp(v->key, key) == 0) {
            return v;
        }
    }
    return NULL;
}

static struct media_video *
video_new(struct media_store *s, const char *key, const char *beginning)
{
    struct media_video *v = mem_zalloc(sizeof *v);

    v->store = s;
    v->key = mem_strdup(key);
    v->fd = -1;
    v->expected = -1;
    (void)snprintf(v->beginning, sizeof v->beginning, "%s", beginning);
    list_init(&v->waiting);
    http_request_init(&v->request);
    buf_init(&v->chunk, MEDIA_CHUNK_ROOM);
    must(uv_timer_init(s->crier->loop, &v->timer) == 0);
    v->timer.data = v;
    list_push(&s->videos, &v->node);
    return v;
}

static void wait_in(struct media_video_wait *w, struct list *list)
{
    w->list = list;
    list_push(list, &w->node);
}

/* Later, with what w->error or w->file says. */
static void tell_at_once(struct media_store *s, struct media_video_wait *w)
{
    wait_in(w, &s->told_videos);
    media__tell_later(s);
}

static void ask(struct media_store *s, struct media_video_wait *w, const char *key)
{
    char id[MEDIA_ID_BYTES], beginning[MEDIA_ID_BYTES + 3];
    struct media_video *v = find(s, key);
    struct media_file *f;
    struct err why = {0};

    if (v) {
        wait_in(w, &v->waiting);
        return;
    }
    media_cache_id(s->cache, 'u', key, strlen(key), id);
    (void)snprintf(beginning, sizeof beginning, "v-%s-", id);
    f = media_cache_newest(s->cache, beginning);
    if (f && clock_wall_ms() - f->checked_at_ms > FRESH_MS) {
        f = NULL;
    }
    if (f && media_file_use(f, &why) != ERR_NONE) {
        f = NULL;
    }
    if (f && f->looked) {
        if (fits(f, &w->bounds, w->error)) {
            w->file = f;
        } else {
            media_file_unuse(f);
        }
        tell_at_once(s, w);
        return;
    }
    v = video_new(s, key, beginning);
    wait_in(w, &v->waiting);
    v->found = f;
    if (f) {
        media__video_look(v);
    } else {
        media__video_fetch(v);
    }
}

void media__video_get(struct media_store *s,
                      struct media_video_wait *w,
                      const char *url,
                      bool allow_private)
{
    struct err why = {0};
    char *key;

    w->file = NULL;
    w->error[0] = '\0';
    if (media_cache_open(s->cache, &why) != ERR_NONE) {
        (void)snprintf(w->error, sizeof w->error, "%.200s", why.text);
        tell_at_once(s, w);
        return;
    }
    key = mem_printf("%c%s", allow_private ? '+' : '-', url);
    ask(s, w, key);
    mem_free(key);
}

void media__videos_tell(struct media_store *s)
{
    struct list_node *n;

    while ((n = list_pop(&s->told_videos)) != NULL) {
        struct media_video_wait *w = container_of(n, struct media_video_wait, node);

        w->list = NULL;
        w->done(w);
    }
}

void media__video_wait_done(struct media_video_wait *w)
{
    if (w->list) {
        list_remove(w->list, &w->node);
        w->list = NULL;
    }
    media_file_unuse(w->file);
    w->file = NULL;
}

/* ---- going down ---- */

static void abandon(struct media_video *v)
{
    must(list_empty(&v->waiting));
    atomic_store(&v->stop, true);
    media_work_abandon(v->work);
    v->work = NULL;
    close_part(v);
    media_file_unuse(v->found);
    v->found = NULL;
    v->store = NULL;
    if (v->running) {
        out_cancel(&v->exchange); /* on_fetched frees it */
    } else {
        media__video_free(v);
    }
}

void media__videos_free(struct media_store *s)
{
    struct list_node *n;

    must(list_empty(&s->told_videos));
    while ((n = list_pop(&s->videos)) != NULL) {
        abandon(container_of(n, struct media_video, node));
    }
}
