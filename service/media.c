/* Pictures of articles, fetched once for all channels, and the store as a whole. Called by media_wish.c
 * and the gate, a wait per delivery; owns the pictures and the exchanges that fetch them; leaves making
 * them fit to media_fit.c, and videos to media_video.c.
 *
 * An entry is one URL. It is being made (one exchange, however many wait), then either kept (in
 * `all`, oldest use first, up to CACHE_BYTES) or, when it failed, dropped with its last wait:
 * the next delivery that asks tries again. Whoever waits for an entry that is there already is
 * told on the next turn of the loop. Channels that may reach private addresses have entries of
 * their own, so that a picture from inside never reaches a channel that may not. */

#include "service/media_internal.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/parse.h"
#include "service/crier.h"
#include "service/media_video.h"

#define CACHE_BYTES ((size_t)64 * 1024 * 1024)
#define FRESH_MS (10 * MS_MINUTE) /* a picture may be replaced under its URL */
#define FETCH_TIMEOUT_MS (20 * MS_SECOND)

static void entry_free(struct media_entry *e)
{
    must(e->users == 0 && !e->making);
    buf_done(&e->job.picture);
    out_exchange_done(&e->exchange);
    http_request_done(&e->request);
    mem_free(e->key);
    mem_free(e);
}

/* No longer found under its key; freed with its last user. */
static void entry_drop(struct media_entry *e)
{
    struct media_store *s = e->store;

    if (!e->stale) {
        e->stale = true;
        (void)map_remove(s->entries, e->key, strlen(e->key));
    }
    if (e->users == 0 && !e->making) {
        s->bytes -= e->media.len;
        list_remove(&s->all, &e->kept_node);
        entry_free(e);
    }
}

static void make_room(struct media_store *s)
{
    struct list_node *n = list_first(&s->all);

    while (n && s->bytes > CACHE_BYTES) {
        struct media_entry *e = container_of(n, struct media_entry, kept_node);

        n = list_next(&s->all, n);
        if (e->users == 0 && !e->making) {
            entry_drop(e);
        }
    }
}

/* ---- telling those who wait ---- */

static void tell(struct media_wait *w)
{
    struct media_entry *e = w->entry;

    w->media = NULL;
    w->error[0] = '\0';
    w->note[0] = '\0';
    if (e->error[0] != '\0') {
        (void)snprintf(w->error, sizeof w->error, "%s", e->error);
    } else if (resize_fits(&e->media, &w->bounds)) {
        w->media = &e->media;
        (void)snprintf(w->note, sizeof w->note, "%s", e->note);
    } else if (!w->fitting) {
        media__does_not_fit(&e->media, &w->bounds, "", w->error);
    } else if (media__fit(e, w)) {
        return; /* it waits again */
    }
    w->told = true;
    w->done(w);
}

static void on_tell_timer(uv_timer_t *timer)
{
    struct media_store *s = timer->data;
    struct list_node *n;

    /* One at a time: a done may take another wait out of the list. */
    while ((n = list_pop(&s->told)) != NULL) {
        tell(container_of(n, struct media_wait, node));
    }
    media__videos_tell(s);
    media__wished_tell(s);
}

void media__tell_later(struct media_store *s)
{
    must(uv_timer_start(&s->tell_timer, on_tell_timer, 0, 0) == 0);
}

/* ---- fetching ---- */

static void judge_answer(struct media_entry *e)
{
    struct out_exchange *x = &e->exchange;
    struct media *m = &e->media;
    char size[PARSE_TEXT_BYTES];

    if (x->outcome != TRANSPORT_ANSWERED) {
        (void)snprintf(e->error, sizeof e->error, "%.110s", x->error);
    } else if (x->response.status != 200) {
        (void)snprintf(e->error, sizeof e->error, "status %d", x->response.status);
    } else if (x->response.truncated) {
        (void)snprintf(e->error,
                       sizeof e->error,
                       "the picture is larger than %s",
                       format_size((int64_t)MEDIA_PICTURE_BYTES, size));
    } else {
        m->type = media_sniff(x->response.body, x->response.body_len, &m->width, &m->height);
        m->bytes = x->response.body;
        m->len = x->response.body_len;
        if (!m->type) {
            (void)snprintf(e->error, sizeof e->error, "no JPEG, PNG, GIF or WebP");
        }
    }
}

void media__entry_ready(struct media_entry *e)
{
    struct media_store *s = e->store;

    e->making = false;
    if (e->error[0] != '\0') {
        e->media = (struct media){0};
    }
    s->bytes += e->media.len;
    list_move_all(&s->told, &e->waiting);
    media__tell_later(s);
    if (e->error[0] != '\0') {
        entry_drop(e);
    }
    make_room(s);
}

static void on_fetched(struct out_exchange *x)
{
    struct media_entry *e = container_of(x, struct media_entry, exchange);

    if (!e->store) {
        e->making = false;
        entry_free(e);
        return;
    }
    judge_answer(e);
    e->fetched_mono_ms = clock_mono_ms();
    media__entry_ready(e);
}

struct media_entry *media__entry_new(struct media_store *s, char *key)
{
    struct media_entry *e = mem_zalloc(sizeof *e);

    e->store = s;
    e->key = key;
    e->number = ++s->last_number;
    e->making = true;
    list_init(&e->waiting);
    http_request_init(&e->request);
    (void)map_put(s->entries, e->key, strlen(e->key), e);
    list_push(&s->all, &e->kept_node);
    return e;
}

static struct media_entry *fetch(struct media_store *s, const char *url, bool allow_private)
{
    struct media_entry *e =
        media__entry_new(s, mem_printf("%c%s", allow_private ? '+' : '-', url));

    e->request.method = HTTP_GET;
    e->request.max_answer_bytes = MEDIA_PICTURE_BYTES;
    http_set_url(&e->request, "%s", url);
    http_set_header(&e->request, "Accept", "image/jpeg, image/png, image/gif, image/webp");
    e->exchange.request = &e->request;
    e->exchange.allow_private = allow_private;
    e->exchange.follow = true;
    e->exchange.timeout_ms = FETCH_TIMEOUT_MS;
    e->exchange.done = on_fetched;
    out_send(s->crier->out, &e->exchange);
    return e;
}

static struct media_entry *find(struct media_store *s, const char *url, bool allow_private)
{
    char *key = mem_printf("%c%s", allow_private ? '+' : '-', url);
    struct media_entry *e = map_get(s->entries, key, strlen(key));

    mem_free(key);
    if (e && !e->making && clock_mono_ms() - e->fetched_mono_ms > FRESH_MS) {
        entry_drop(e);
        return NULL;
    }
    return e;
}

void media__entry_use(struct media_entry *e)
{
    e->users++;
}

void media__entry_unuse(struct media_entry *e)
{
    must(e->users > 0);
    e->users--;
    if (e->stale) {
        entry_drop(e);
    } else {
        make_room(e->store);
    }
}

void media__wait_for(struct media_entry *e, struct media_wait *w)
{
    struct media_store *s = e->store;

    list_remove(&s->all, &e->kept_node);
    list_push(&s->all, &e->kept_node);
    media__entry_use(e);
    w->entry = e;
    if (e->making) {
        list_push(&e->waiting, &w->node);
    } else {
        list_push(&s->told, &w->node);
        media__tell_later(s);
    }
}

static void
ask(struct media_store *s, struct media_wait *w, const char *url, bool allow_private)
{
    struct media_entry *e = find(s, url, allow_private);

    w->media = NULL;
    w->error[0] = '\0';
    w->note[0] = '\0';
    w->told = false;
    w->wished = NULL;
    media__wait_for(e ? e : fetch(s, url, allow_private), w);
}

void media_get(struct media_store *s,
               struct media_wait *w,
               const char *url,
               size_t max_bytes,
               bool allow_private)
{
    w->bounds = (struct media_bounds){.max_bytes = max_bytes};
    w->fitting = false;
    ask(s, w, url, allow_private);
}

void media_get_fitting(struct media_store *s,
                       struct media_wait *w,
                       const char *url,
                       const struct media_bounds *bounds,
                       bool allow_private)
{
    w->bounds = *bounds;
    w->fitting = true;
    ask(s, w, url, allow_private);
}

/* Out of whichever list it stands in; a list knows only its own count, so name the right one.
 */
static void forget_wait(struct media_entry *e, struct media_wait *w)
{
    if (w->told) {
        return;
    }
    list_remove(e->making ? &e->waiting : &e->store->told, &w->node);
}

void media_wait_done(struct media_wait *w)
{
    struct media_entry *e = w->entry;

    if (w->wished) {
        media__wished_free(w);
    }
    if (!e) {
        return;
    }
    forget_wait(e, w);
    w->entry = NULL;
    w->media = NULL;
    media__entry_unuse(e);
}

struct media_store *media_store_new(struct crier *c)
{
    struct media_store *s = mem_zalloc(sizeof *s);

    s->crier = c;
    s->entries = map_new();
    s->resizer = resizer_new(c->loop, RESIZE_TIMEOUT_MS);
    list_init(&s->all);
    list_init(&s->told);
    list_init(&s->videos);
    list_init(&s->told_videos);
    list_init(&s->wished);
    s->cache = media_cache_new(c);
    must(uv_timer_init(c->loop, &s->tell_timer) == 0);
    s->tell_timer.data = s;
    return s;
}

static void on_timer_closed(uv_handle_t *handle)
{
    mem_free(handle->data);
}

static void entry_abandon(struct media_store *s, struct media_entry *e)
{
    list_remove(&s->all, &e->kept_node);
    must(e->users == 0);
    if (e->making) {
        e->store = NULL;
        out_cancel(&e->exchange); /* on_fetched frees it */
    } else {
        entry_free(e);
    }
}

void media_store_free(struct media_store *s)
{
    struct list_node *n;

    if (!s) {
        return;
    }
    must(list_empty(&s->wished));
    media__fit_cancel_all(s);
    media__videos_free(s);
    resizer_free(s->resizer);
    while ((n = list_first(&s->all)) != NULL) {
        entry_abandon(s, container_of(n, struct media_entry, kept_node));
    }
    map_free(s->entries);
    media_cache_free(s->cache);
    uv_close((uv_handle_t *)&s->tell_timer, on_timer_closed);
}

uint64_t media_store_disk_bytes(const struct media_store *s)
{
    return s ? media_cache_bytes(s->cache) : 0;
}
