/* Which picture or video a step wants, and how the platform gets it. Called by the courier; owns what it
 * lends until the wait is done.
 *
 *   media_get_wished   a picture by its bytes is media.c's alone. Else
 *   fetch              the picture, or the video; by address first as anybody could
 *   on_picture,        where the platform fetches by itself and the article's own address will do (https,
 *   on_video           public, within the bounds as it is): that address. Else
 *   serve              a file of the cache, which we serve below server.public_url for a day
 *
 * "Public" is what our own fetch has shown: without leave to reach private addresses it got there, through
 * all redirects. A name that resolves otherwise for us than for the platform is nothing we can know. */

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "service/crier.h"
#include "service/media_video.h"

struct media_wished {
    struct list_node node; /* in store->wished: not told yet */
    struct media_store *store;
    struct media_wait *outer;
    struct media_wish wish;
    char *url;          /* the article's */
    bool as_anybody;    /* what is fetched now is fetched without leave for private addresses */
    bool allow_private; /* the channel's leave */
    bool due;           /* to be told on the next turn */
    struct media_wait picture;
    struct media_video_wait video;
    struct media_keep *keeping;
    struct media_file *file; /* in use */
    struct media media;
    char *address;
};

static const char *url_of(const struct article *a, const struct media_wish *wish)
{
    if (wish->kind == MEDIA_VIDEO) {
        return a->video.url;
    }
    return wish->index < a->image_count ? a->images[wish->index].url : NULL;
}

bool media_wish_has(const struct article *a, const struct media_wish *wish)
{
    return url_of(a, wish) != NULL;
}

bool media_wish_make(struct media_wish *wish,
                     const struct step_ctx *ctx,
                     const struct adapter *adapter,
                     const struct step *step)
{
    if (!step->wants_media || (step->media_wanted && !step->media_wanted(ctx)) ||
        (!step->media_wish && adapter->media_max_bytes == 0)) {
        return false;
    }
    *wish = (struct media_wish){.kind = MEDIA_PICTURE,
                                .bounds = adapter_media_bounds(adapter, ctx)};
    if (step->media_wish) {
        step->media_wish(ctx, wish);
    }
    return media_wish_has(ctx->article, wish);
}

/* ---- telling ---- */

/* Not from within a call of whoever waits. */
static void tell(struct media_wished *w)
{
    list_remove(&w->store->wished, &w->node);
    w->outer->media = w->outer->error[0] == '\0' && w->media.type ? &w->media : NULL;
    w->outer->told = true;
    w->outer->done(w->outer);
}

static void fail(struct media_wished *w, const char *error)
{
    (void)snprintf(
        w->outer->error, sizeof w->outer->error, "%.*s", MEDIA_TEXT_BYTES - 1, error);
    tell(w);
}

static void fail_at_once(struct media_wished *w, const char *error)
{
    (void)snprintf(
        w->outer->error, sizeof w->outer->error, "%.*s", MEDIA_TEXT_BYTES - 1, error);
    w->due = true;
    media__tell_later(w->store);
}

void media__wished_tell(struct media_store *s)
{
    struct list_node *n = list_first(&s->wished);

    while (n) {
        struct media_wished *w = container_of(n, struct media_wished, node);

        if (w->due) {
            tell(w);
            n = list_first(&s->wished); /* a done may end others */
        } else {
            n = list_next(&s->wished, n);
        }
    }
}

/* ---- where a platform finds it ---- */

static const char *public_url(const struct media_wished *w)
{
    const struct config *config = w->store->crier->config;

    return config ? config->server.public_url : NULL;
}

void media_no_address(enum media_kind kind, char out[MEDIA_TEXT_BYTES])
{
    (void)snprintf(
        out,
        MEDIA_TEXT_BYTES,
        "this platform fetches the %s by itself, and the article's own address will not do "
        "(it must be public https, and within the limits as it is): set server.public_url, "
        "and crier serves it at /media/",
        kind == MEDIA_VIDEO ? "video" : "picture");
}

static void own_address(struct media_wished *w)
{
    w->address = mem_strdup(w->url);
    w->media.url = w->address;
    w->media.bytes = NULL;
    w->media.file = NULL;
    tell(w);
}

/* What is served is in use no longer than it is promised: the delivery may wait for days. */
static void our_address(struct media_wished *w)
{
    const char *base = public_url(w);
    size_t len = strlen(base);

    while (len > 0 && base[len - 1] == '/') {
        len--;
    }
    media_file_promise(w->file);
    w->address = mem_printf("%.*s/media/%s", (int)len, base, w->file->served);
    w->media.url = w->address;
    w->media.bytes = NULL;
    w->media.file = NULL;
    w->media.hash = w->file->hash;
    tell(w);
}

static void on_kept(void *context, struct media_file *f, const char *error)
{
    struct media_wished *w = context;
    struct err why = {0};

    w->keeping = NULL;
    if (!f) {
        fail(w, error);
    } else if (media_file_use(f, &why) != ERR_NONE) {
        fail(w, why.text);
    } else {
        w->file = f;
        our_address(w);
    }
}

/* The picture in memory becomes a file. */
static void serve_picture(struct media_wished *w)
{
    struct err why = {0};
    enum err_code rc = media_cache_open(w->store->cache, &why);

    if (!rc) {
        rc = media_keep_start(&w->keeping,
                              w->store->cache,
                              NULL,
                              w->media.type,
                              w->media.bytes,
                              w->media.len,
                              on_kept,
                              w,
                              &why);
    }
    if (rc) {
        fail(w, why.text);
    }
}

static bool may_serve(struct media_wished *w)
{
    char error[MEDIA_TEXT_BYTES];

    if (public_url(w)) {
        return true;
    }
    media_no_address(w->wish.kind, error);
    fail(w, error);
    return false;
}

/* ---- what was fetched ---- */

static void fetch(struct media_wished *w, bool as_anybody);

/* It is not public; the channel may reach it all the same, and then it is served. */
static bool try_privately(struct media_wished *w)
{
    if (!w->as_anybody || !w->allow_private) {
        return false;
    }
    fetch(w, false);
    return true;
}

static void on_picture(struct media_wait *p)
{
    struct media_wished *w = container_of(p, struct media_wished, picture);

    if (!p->media) {
        char error[MEDIA_TEXT_BYTES];

        (void)snprintf(error, sizeof error, "%s", p->error);
        media_wait_done(p);
        if (!try_privately(w)) {
            fail(w, error);
        }
        return;
    }
    w->media = *p->media;
    if (w->as_anybody && p->note[0] == '\0') {
        own_address(w);
        return;
    }
    (void)snprintf(w->outer->note, sizeof w->outer->note, "%s", p->note);
    if (may_serve(w)) {
        serve_picture(w);
    }
}

static void on_video(struct media_video_wait *p)
{
    struct media_wished *w = container_of(p, struct media_wished, video);

    if (!p->file) {
        if (!try_privately(w)) {
            fail(w, p->error);
        }
        return;
    }
    w->file = p->file;
    p->file = NULL;
    w->media = (struct media){.type = w->file->type,
                              .len = w->file->out.len,
                              .width = w->file->width,
                              .height = w->file->height,
                              .duration_ms = w->file->duration_ms,
                              .file = &w->file->out,
                              .hash = w->file->hash};
    if (!w->wish.by_address) {
        tell(w);
    } else if (w->as_anybody) {
        own_address(w);
    } else if (may_serve(w)) {
        our_address(w);
    }
}

static void fetch(struct media_wished *w, bool as_anybody)
{
    bool allow_private = w->allow_private && !as_anybody;

    w->as_anybody = as_anybody;
    if (w->wish.kind == MEDIA_VIDEO) {
        w->video.done = on_video;
        w->video.bounds = w->wish.bounds;
        media__video_get(w->store, &w->video, w->url, allow_private);
    } else {
        w->picture.done = on_picture;
        media_get_fitting(w->store, &w->picture, w->url, &w->wish.bounds, allow_private);
    }
}

/* ---- asking ---- */

void media_get_wished(struct media_store *s,
                      struct media_wait *outer,
                      const struct article *a,
                      const struct media_wish *wish,
                      bool allow_private)
{
    const char *url = url_of(a, wish);
    struct media_wished *w;
    char error[MEDIA_TEXT_BYTES];
    bool https;

    if (url && wish->kind == MEDIA_PICTURE && !wish->by_address) {
        media_get_fitting(s, outer, url, &wish->bounds, allow_private);
        return;
    }
    outer->media = NULL;
    outer->error[0] = outer->note[0] = '\0';
    outer->told = false;
    outer->entry = NULL;
    w = mem_zalloc(sizeof *w);
    outer->wished = w;
    w->store = s;
    w->outer = outer;
    w->wish = *wish;
    w->url = mem_strdup(url);
    w->allow_private = allow_private;
    list_push(&s->wished, &w->node);
    https = url && strncmp(url, "https://", strlen("https://")) == 0;
    if (!url) {
        fail_at_once(w, "");
    } else if (wish->by_address && !https && !public_url(w)) {
        media_no_address(w->wish.kind, error); /* known before anything is fetched */
        fail_at_once(w, error);
    } else {
        fetch(w, wish->by_address && https);
    }
}

void media__wished_free(struct media_wait *outer)
{
    struct media_wished *w = outer->wished;

    outer->wished = NULL;
    outer->media = NULL;
    if (list_linked(&w->node)) {
        list_remove(&w->store->wished, &w->node);
    }
    media_keep_cancel(w->keeping); /* which reads from the picture */
    media_wait_done(&w->picture);
    media__video_wait_done(&w->video);
    media_file_unuse(w->file);
    mem_free(w->address);
    mem_free(w->url);
    mem_free(w);
}
