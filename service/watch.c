/* Who is watched, and whose turn it is. Called by serve.c and by the API; owns the sources, their order in time
 * and one timer. What a poll does is in watch_poll.c.
 *
 * Turns. A source that is due waits until its host is free: one request per host at a time, and not more than
 * AT_ONCE in all. At the start, and when many sources come with new settings, their first turns are spread
 * over the time in which each of them is asked once; later ones drift apart by chance (the jitter). */

#include "service/watch.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/url.h"
#include "service/watch_internal.h"
#include "service/websub.h"

#define AT_ONCE 32
#define SPREAD_MAX_MS MS_MINUTE
#define SPREAD_EACH_MS 20 /* few sources need not wait long for their first turn */

static void tick(struct watch *w);

/* ---- time ---- */

static bool due_before(const struct heap_node *a, const struct heap_node *b)
{
    return container_of_const(a, struct watched, due_node)->due_mono_ms <
           container_of_const(b, struct watched, due_node)->due_mono_ms;
}

static void on_timer(uv_timer_t *timer)
{
    tick(timer->data);
}

static void set_timer(struct watch *w)
{
    const struct heap_node *n = heap_min(&w->due);
    int64_t at_ms =
        n ? container_of_const(n, struct watched, due_node)->due_mono_ms : INT64_MAX;
    int64_t hub_at_ms = websub_next_mono_ms(w), now_ms = clock_mono_ms();

    at_ms = hub_at_ms < at_ms ? hub_at_ms : at_ms;
    if (w->stopping || at_ms == INT64_MAX) {
        (void)uv_timer_stop(&w->timer);
        return;
    }
    must(uv_timer_start(
             &w->timer, on_timer, at_ms > now_ms ? (uint64_t)(at_ms - now_ms) : 0, 0) == 0);
}

static void schedule(struct watched *s, int64_t wait_ms)
{
    s->due_mono_ms = clock_mono_ms() + wait_ms;
    if (s->due_node.place) {
        heap_update(&s->watch->due, &s->due_node);
    } else {
        heap_push(&s->watch->due, &s->due_node);
    }
}

static void unschedule(struct watched *s)
{
    if (s->due_node.place) {
        heap_remove(&s->watch->due, &s->due_node);
    }
    if (list_linked(&s->waiting_node)) {
        list_remove(&s->watch->waiting, &s->waiting_node);
    }
}

/* ---- turns ---- */

static void start(struct watched *s)
{
    struct watch *w = s->watch;

    w->running++;
    (void)map_put(w->hosts, s->host, strlen(s->host), s);
    watch__poll_start(s);
}

static void start_waiting(struct watch *w)
{
    struct list_node *n = list_first(&w->waiting);

    while (n && w->running < AT_ONCE) {
        struct watched *s = container_of(n, struct watched, waiting_node);

        n = list_next(&w->waiting, n);
        if (!map_get(w->hosts, s->host, strlen(s->host))) {
            list_remove(&w->waiting, &s->waiting_node);
            start(s);
        }
    }
}

static void tick(struct watch *w)
{
    int64_t now_ms = clock_mono_ms();
    struct heap_node *n;

    if (w->stopping) {
        return;
    }
    while ((n = heap_min(&w->due)) != NULL &&
           container_of(n, struct watched, due_node)->due_mono_ms <= now_ms) {
        struct watched *s = container_of(n, struct watched, due_node);

        heap_remove(&w->due, n);
        list_push(&w->waiting, &s->waiting_node);
    }
    start_waiting(w);
    websub_tick(w);
    set_timer(w);
}

void watch_poke(struct watch *w)
{
    tick(w);
}

void watch__turn_soon(struct watched *s, int64_t wait_ms)
{
    if (s->poll) {
        s->again = true;
    } else if (s->source && !list_linked(&s->waiting_node) && !s->kept.stopped) {
        schedule(s, wait_ms);
        set_timer(s->watch);
    }
}

void watch__poll_over(struct watched *s, int64_t wait_ms)
{
    struct watch *w = s->watch;

    w->running--;
    (void)map_remove(w->hosts, s->host, strlen(s->host));
    if (s->source && wait_ms >= 0 && !w->stopping) {
        schedule(s, s->again && s->kept.wait_until_ms == 0 ? 0 : wait_ms);
    }
    s->again = false;
    watch__end_if_idle(s);
    tick(w);
}

void watched_poll_now(struct watched *s)
{
    struct watch *w = s->watch;

    if (w->stopping) {
        return;
    }
    if (s->poll) {
        s->again = true;
        return;
    }
    mem_free(s->kept.stopped);
    s->kept.stopped = NULL;
    if (s->due_node.place) {
        heap_remove(&w->due, &s->due_node);
    }
    if (!list_linked(&s->waiting_node)) {
        list_push_front(&w->waiting, &s->waiting_node);
    }
    tick(w);
}

/* ---- who is there ---- */

static char *host_of(const char *url)
{
    struct url_parts p;

    if (!url_parse(&p, url)) {
        return mem_strdup("");
    }
    return mem_printf("%.*s:%d", (int)p.host_len, p.host, url_port(&p));
}

static struct watched *source_new(struct watch *w, const struct source_settings *source)
{
    struct watched *s = mem_zalloc(sizeof *s);

    s->watch = w;
    s->name = mem_strdup(source->name);
    s->source = source;
    s->settings = source->own;
    s->host = host_of(s->settings->url);
    s->interval_ms = s->settings->every_ms;
    list_init(&s->takes);
    watch__kept_reset(&s->kept, s->settings->url);
    return s;
}

static void source_free(struct watched *s)
{
    must(!s->poll && list_empty(&s->takes) && !s->saving);
    unschedule(s);
    websub_free(s->websub);
    watch__kept_done(&s->kept);
    mem_free(s->name);
    mem_free(s->host);
    mem_free(s);
}

void watch__end_if_idle(struct watched *s)
{
    struct watch *w = s->watch;

    if (w->stopping || s->source || s->poll || !list_empty(&s->takes) || s->saving ||
        s->users > 0 || websub_is_busy(s->websub)) {
        return; /* when everything stops, watch_free() ends it */
    }
    if (list_linked(&s->left_node)) {
        list_remove(&w->left, &s->left_node);
        source_free(s);
    }
}

/* It ends when what runs of it is over. forget: nothing of it is remembered. */
static void leave(struct watched *s, bool forget)
{
    struct watch *w = s->watch;

    s->source = NULL;
    s->settings = NULL;
    s->replaced = !forget;
    unschedule(s);
    list_push(&w->left, &s->left_node);
    websub_leave(s);
    if (s->poll) {
        watch__poll_cancel(s->poll);
    }
    if (forget) {
        watch__save(s);
    }
    watch__end_if_idle(s);
}

/* ---- what the ledger remembers ---- */

enum err_code watch_load(struct watch *w, struct err *why)
{
    w->loaded.req.kind = LEDGER_SOURCES;
    return ledger_run(w->crier->ledger, &w->loaded.req, why);
}

static void restore(struct watched *s)
{
    for (size_t i = 0; i < s->watch->loaded.count; i++) {
        struct ledger_source *row = &s->watch->loaded.v[i];

        if (!row->name || strcmp(row->name, s->name) != 0) {
            continue;
        }
        if (!watch__restore(s, row->state)) {
            log_warn(EV_SOURCE_TROUBLE,
                     LOG_STR("source", s->name),
                     LOG_STR("error",
                             "what was remembered of it cannot be read: first sight again"));
        } else if (strcmp(s->kept.url, s->settings->url) != 0) {
            websub_free(s->websub);
            s->websub = NULL;
            watch__kept_reset(&s->kept, s->settings->url); /* another feed */
        } else if (row->restored) {
            s->kept.restored = true;
            s->kept.first_seen_at_ms = 0;
        }
        mem_free(row->name);
        row->name = NULL; /* it is somebody's */
        return;
    }
}

static void end_loaded(struct watch *w)
{
    ledger_request_done(&w->loaded.req);
    memset(&w->loaded, 0, sizeof w->loaded);
}

/* Sources that left the settings while nothing ran. */
static void forget_others(struct watch *w)
{
    for (size_t i = 0; i < w->loaded.count; i++) {
        struct ledger_source *row = &w->loaded.v[i];
        struct watched *s;

        if (!row->name) {
            continue;
        }
        s = mem_zalloc(sizeof *s);
        s->watch = w;
        s->name = mem_strdup(row->name);
        s->host = mem_strdup("");
        list_init(&s->takes);
        (void)watch__restore(s, row->state);
        leave(s, true);
    }
    end_loaded(w);
}

/* ---- settings ---- */

static struct watched *find_in(struct watched *const *v, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (v[i] && strcmp(v[i]->name, name) == 0) {
            return v[i];
        }
    }
    return NULL;
}

static void go_on(struct watched *s, const struct source_settings *source)
{
    s->source = source;
    s->settings = source->own;
    websub_settings_changed(s);
}

/* The old ones by name, so that a thousand sources are found at once. */
static struct map *names_of(struct watched *const *v, size_t count)
{
    struct map *names = map_new();

    for (size_t i = 0; i < count; i++) {
        (void)map_put(names, v[i]->name, strlen(v[i]->name), v[i]);
    }
    return names;
}

static int64_t first_wait_ms(const struct watched *s, size_t place, size_t count)
{
    int64_t span_ms = (int64_t)count * SPREAD_EACH_MS, wait_ms;
    int64_t until_ms = s->kept.wait_until_ms - clock_wall_ms();

    span_ms = span_ms < SPREAD_MAX_MS ? span_ms : SPREAD_MAX_MS;
    wait_ms = span_ms * (int64_t)place / (int64_t)count;
    if (until_ms > WATCH_RETRY_AFTER_MAX_MS) { /* the clock was set */
        until_ms = WATCH_RETRY_AFTER_MAX_MS;
    }
    return until_ms > wait_ms ? until_ms : wait_ms;
}

static void schedule_new(struct watch *w, struct watched *const *fresh, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!fresh[i]->kept.stopped) {
            schedule(fresh[i], first_wait_ms(fresh[i], i, count));
        }
    }
    set_timer(w);
}

static bool is_ours(const struct source_settings *source)
{
    return source_is_watched(source->type->name);
}

static size_t count_ours(const struct config *c)
{
    size_t n = 0;

    for (size_t i = 0; i < c->source_count; i++) {
        n += is_ours(&c->sources[i]) ? 1 : 0;
    }
    return n;
}

/* The one that was there, when it is about the same feed; else a new one. */
static struct watched *
take_over(struct watch *w, struct map *old, const struct source_settings *source)
{
    const struct watched_settings *settings = source->own;
    struct watched *s = map_get(old, source->name, strlen(source->name));

    if (s && strcmp(s->kept.url, settings->url) == 0) {
        (void)map_remove(old, source->name, strlen(source->name));
        go_on(s, source);
        return s;
    }
    if (s) { /* another feed under the name: the old one ends without a word to the ledger */
        (void)map_remove(old, source->name, strlen(source->name));
        leave(s, false);
    }
    s = source_new(w, source);
    restore(s);
    return s;
}

void watch_apply(struct watch *w)
{
    const struct config *config = w->crier->config;
    size_t count = count_ours(config), n = 0, fresh_count = 0, cursor = 0;
    struct watched **list = mem_calloc(count + 1, sizeof(struct watched *));
    struct watched **fresh = mem_calloc(count + 1, sizeof(struct watched *));
    struct map *old = names_of(w->in_order, w->count);
    struct watched *s;

    for (size_t i = 0; i < config->source_count; i++) {
        if (is_ours(&config->sources[i])) {
            s = take_over(w, old, &config->sources[i]);
            if (!s->poll && !s->due_node.place && !list_linked(&s->waiting_node)) {
                fresh[fresh_count++] = s;
            }
            list[n++] = s;
        }
    }
    while ((s = map_each(old, &cursor)) != NULL) {
        leave(s, true);
    }
    map_free(old);
    mem_free(w->in_order);
    w->in_order = list;
    w->count = n;
    forget_others(w);
    schedule_new(w, fresh, fresh_count);
    mem_free(fresh);
}

/* ---- life ---- */

struct watch *watch_new(struct crier *c)
{
    struct watch *w = mem_zalloc(sizeof *w);

    w->crier = c;
    w->hosts = map_new();
    heap_init(&w->due, due_before);
    list_init(&w->waiting);
    list_init(&w->left);
    must(uv_timer_init(c->loop, &w->timer) == 0);
    w->timer.data = w;
    return w;
}

void watch_stop(struct watch *w)
{
    if (w->stopping) {
        return;
    }
    w->stopping = true;
    (void)uv_timer_stop(&w->timer);
    for (size_t i = 0; i < w->count; i++) {
        if (w->in_order[i]->poll) {
            watch__poll_cancel(w->in_order[i]->poll);
        }
        websub_stop(w->in_order[i]->websub);
    }
    LIST_EACH(&w->left, n)
    {
        websub_stop(container_of(n, struct watched, left_node)->websub);
    }
}

static bool is_idle(const struct watched *s)
{
    return !s->poll && list_empty(&s->takes) && !s->saving;
}

bool watch_idle(const struct watch *w)
{
    for (size_t i = 0; i < w->count; i++) {
        if (!is_idle(w->in_order[i])) {
            return false;
        }
    }
    LIST_EACH(&w->left, n)
    {
        if (!is_idle(container_of(n, struct watched, left_node))) {
            return false;
        }
    }
    return true;
}

static void on_closed(uv_handle_t *handle)
{
    mem_free(handle->data);
}

void watch_free(struct watch *w)
{
    struct list_node *n;

    if (!w) {
        return;
    }
    for (size_t i = 0; i < w->count; i++) {
        source_free(w->in_order[i]);
    }
    while ((n = list_pop(&w->left)) != NULL) {
        source_free(container_of(n, struct watched, left_node));
    }
    end_loaded(w);
    mem_free(w->in_order);
    map_free(w->hosts);
    heap_done(&w->due);
    uv_close((uv_handle_t *)&w->timer, on_closed);
}

/* ---- finding ---- */

struct watched *watch_find(struct watch *w, const char *name)
{
    return find_in(w->in_order, w->count, name);
}

struct watched *watch_each(struct watch *w, size_t *cursor)
{
    return *cursor < w->count ? w->in_order[(*cursor)++] : NULL;
}

const char *watched_name(const struct watched *s)
{
    return s->name;
}
