/* The link gate. Called by intake after each commit; owns a watch per article whose gate is closed.
 *
 * A watch:
 *   look            fetch the page
 *   look_2_on_page  judge it: not right yet -> wait; a picture to look at -> look_3; else -> warm
 *   look_3_on_picture
 *   warm            tell Facebook, where that is set
 *   pass            write down what was seen (LEDGER_GATE), good or not
 *   pass_2_on_stored  what waited leaves
 * Two clocks go beside it: `retry`, until the next look, and `deadline`, at which it passes as it is.
 * What only makes a better card is waited for less long than the page itself (site.link_gate_card),
 * from the moment when the page was first seen: late is worse than ugly. */

#include "service/gate.h"

#include <stdio.h>
#include <string.h>

#include <uv.h>

#include "base/clock.h"
#include "base/list.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/text.h"
#include "service/courier.h"
#include "service/crier.h"
#include "service/gate_judge.h"
#include "service/intake.h"
#include "service/media.h"
#include "service/metrics.h"
#include "service/page_fetch.h"
#include "service/warm.h"
#include "service/withdrawals.h"

#define FRESH_MS                                                                               \
    (5 * MS_SECOND) /* a page that was just read for another purpose will do at first */
#define PICTURE_BYTES ((size_t)64 * 1024 * 1024) /* the store has a lower bound of its own */
#define WARM_MS (5 * MS_SECOND)
#define GATED_AT_START 10000
#define DELIVERIES_MAX 256 /* that a merge may make */
#define NOTE_BYTES 240

enum watch_state { LOOKING, SEEING_PICTURE, WAITING, WARMING, PASSING };

struct watch {
    struct gate *gate;
    struct article_id article;
    char *url;
    enum watch_state state;
    int64_t started_mono_ms;
    int64_t public_mono_ms; /* when the page was first seen; 0: not yet */
    size_t tries;
    bool degraded;
    bool urgent;           /* breaking */
    char note[NOTE_BYTES]; /* what is not right, by the last look */
    uv_timer_t retry, deadline;
    int open_handles;
    struct page_fetch fetch;
    struct media_wait picture;
    struct gate_view view;
    struct buf page; /* JSON; empty: it was never read */
    struct warm warm;
    bool warm_runs;
    bool gone; /* stopped: only the ends of what still runs are awaited */
    struct ledger_gate stored;
};

struct gate {
    struct crier *crier;
    struct map *by_article;
    bool stopped;
    struct ledger_gated at_start;
};

static void look(struct watch *w);
static void warm(struct watch *w);
static void pass(struct watch *w);
static page_fetch_fn look_2_on_page;
static media_done_fn look_3_on_picture;
static ledger_done_fn pass_2_on_stored;

/* ---- life of a watch ---- */

static void on_handle_closed(uv_handle_t *handle)
{
    struct watch *w = handle->data;

    if (--w->open_handles > 0) {
        return;
    }
    gate_view_done(&w->view);
    buf_done(&w->page);
    mem_free(w->url);
    mem_free(w);
}

/* Nothing of it runs any more. */
static void watch_free(struct watch *w)
{
    uv_close((uv_handle_t *)&w->retry, on_handle_closed);
    uv_close((uv_handle_t *)&w->deadline, on_handle_closed);
}

static void let_go_of_look(struct watch *w)
{
    page_fetch_done(&w->fetch);
    media_wait_done(&w->picture);
    (void)uv_timer_stop(&w->retry);
}

/* No longer found; freed as soon as nothing runs. */
static void watch_end(struct watch *w)
{
    if (!w->gone) {
        w->gone = true;
        (void)map_remove_u64(w->gate->by_article, w->article.v);
        let_go_of_look(w);
        (void)uv_timer_stop(&w->deadline);
        if (w->warm_runs) {
            warm_cancel(&w->warm);
        }
    }
    if (!w->warm_runs && w->state != PASSING) {
        watch_free(w);
    }
}

static void on_retry(uv_timer_t *timer)
{
    look(timer->data);
}

static void keep_note(struct watch *w, const char *what)
{
    size_t len = text_prefix(TEXT_BYTES, what, strlen(what), sizeof w->note - 1);

    memcpy(w->note, what, len);
    w->note[len] = '\0';
}

/* Its time is over: it goes as it is. A page that is good, of which only Facebook does not know yet, is
 * good. */
static void on_deadline(uv_timer_t *timer)
{
    struct watch *w = timer->data;

    if (w->state == PASSING) {
        return;
    }
    if (w->state == WARMING) {
        warm_cancel(&w->warm); /* on_warmed passes */
        return;
    }
    if (w->note[0] == '\0') {
        keep_note(w, "it has not answered yet");
    }
    w->degraded = true;
    pass(w);
}

static struct watch *watch_new(struct gate *g, struct article_id article, int64_t for_ms)
{
    struct watch *w = mem_zalloc(sizeof *w);

    w->gate = g;
    w->article = article;
    w->started_mono_ms = clock_mono_ms();
    buf_init(&w->page, SIZE_MAX / 2); /* page.h bounds what it is made of */
    must(uv_timer_init(g->crier->loop, &w->retry) == 0);
    must(uv_timer_init(g->crier->loop, &w->deadline) == 0);
    w->retry.data = w->deadline.data = w;
    w->open_handles = 2;
    must(uv_timer_start(&w->deadline, on_deadline, (uint64_t)(for_ms > 0 ? for_ms : 0), 0) ==
         0);
    (void)map_put_u64(g->by_article, article.v, w);
    return w;
}

/* ---- looking ---- */

static void look(struct watch *w)
{
    if (w->gate->stopped) {
        return;
    }
    w->state = LOOKING;
    w->fetch.done = look_2_on_page;
    page_fetch_start(
        w->gate->crier->pages, &w->fetch, w->url, w->tries == 0 ? FRESH_MS : 0, w->urgent);
    w->tries++;
}

/* How long what is not right may still be waited for; 0: no longer. */
static bool may_wait(const struct watch *w)
{
    int64_t card_ms = w->gate->crier->config->site.link_gate_card_ms;

    return w->public_mono_ms == 0 || clock_mono_ms() - w->public_mono_ms < card_ms;
}

static void wait_or_pass(struct watch *w)
{
    static const int64_t pauses_ms[] = {250, 500, 1000, 2000, 4000, 5000};
    size_t n = w->tries < ARRAY_LEN(pauses_ms) ? w->tries - 1 : ARRAY_LEN(pauses_ms) - 1;

    log_debug(EV_GATE_LOOK,
              LOG_ARTICLE(w->article),
              LOG_STR("url", w->url),
              LOG_U64("tries", w->tries),
              LOG_STR("lacks", w->note));
    if (!may_wait(w)) {
        w->degraded = true;
        pass(w);
        return;
    }
    w->state = WAITING;
    must(uv_timer_start(&w->retry, on_retry, (uint64_t)pauses_ms[n], 0) == 0);
}

/* A page that turned out not to be public after all is waited for like one that never was. */
static void keep_view(struct watch *w, const struct page_answer *answer)
{
    if (!w->view.is_public) {
        w->public_mono_ms = 0;
    } else if (w->public_mono_ms == 0) {
        w->public_mono_ms = clock_mono_ms();
    }
    if (w->view.is_public) {
        buf_clear(&w->page);
        page_write(&w->page, &answer->facts);
    }
    keep_note(w, w->view.lacks);
}

static void look_at_picture(struct watch *w)
{
    struct crier *c = w->gate->crier;

    w->state = SEEING_PICTURE;
    w->picture.done = look_3_on_picture;
    media_get(c->media,
              &w->picture,
              w->view.image->url,
              PICTURE_BYTES,
              c->config->site.allow_private);
}

static void on_refused(struct intake *in)
{
    intake_free_parts(in);
    mem_free(in);
}

/* What a page itself calls an advertisement is never news, whatever the source said: what waits is
 * taken back, which stops this watch as well. */
static void refuse_advertisement(struct watch *w)
{
    struct intake *in = mem_zalloc(sizeof *in);
    const struct intake_options options = {.source = "gate"};

    page_fetch_done(&w->fetch);
    w->state = WAITING;
    if (intake_retract(w->gate->crier,
                       in,
                       NULL,
                       w->url,
                       &options,
                       "its page says that it is an advertisement",
                       on_refused,
                       NULL) != ERR_NONE) {
        mem_free(in);
    }
}

static void look_2_on_page(struct page_fetch *f)
{
    struct watch *w = container_of(f, struct watch, fetch);

    gate_view_done(&w->view);
    gate_judge(&w->view, w->url, f->answer);
    if (w->view.advertisement) {
        refuse_advertisement(w);
        return;
    }
    keep_view(w, f->answer);
    if (w->note[0] == '\0') {
        look_at_picture(w); /* its address is the page's: the fetch is held until then */
        return;
    }
    page_fetch_done(f);
    w->view.image = NULL;
    wait_or_pass(w);
}

static void look_3_on_picture(struct media_wait *p)
{
    struct watch *w = container_of(p, struct watch, picture);
    char what[NOTE_BYTES];
    bool good = p->media != NULL;

    if (!good) {
        (void)snprintf(what, sizeof what, "its og:image: %.160s", p->error);
        keep_note(w, what);
    }
    media_wait_done(p);
    page_fetch_done(&w->fetch);
    w->view.image = NULL;
    if (good) {
        warm(w);
    } else {
        wait_or_pass(w);
    }
}

/* ---- passing ---- */

static void on_warmed(struct warm *of)
{
    struct watch *w = container_of(of, struct watch, warm);

    warm_free_parts(of);
    w->warm_runs = false;
    if (w->gone) {
        watch_end(w);
    } else {
        pass(w);
    }
}

static void warm(struct watch *w)
{
    if (!warm_is_wanted(w->gate->crier)) {
        pass(w);
        return;
    }
    w->state = WARMING;
    w->warm_runs = true;
    w->warm.done = on_warmed;
    warm_start(w->gate->crier, &w->warm, w->url, WARM_MS);
}

static void pass(struct watch *w)
{
    struct crier *c = w->gate->crier;
    struct ledger_gate *s = &w->stored;
    int64_t now_ms = clock_wall_ms();

    let_go_of_look(w);
    (void)uv_timer_stop(&w->deadline);
    w->state = PASSING;
    *s = (struct ledger_gate){
        .req = {.kind = LEDGER_GATE, .done = pass_2_on_stored},
        .article = w->article,
        .page = w->page.len > 0 ? buf_str(&w->page) : NULL,
        .note = w->degraded ? w->note : NULL,
        .names = w->view.names,
        .name_count = w->view.name_count,
        .delivery_id = id_next_block(&c->ids, now_ms, DELIVERIES_MAX),
        .delivery_ids = DELIVERIES_MAX,
        .now_ms = now_ms,
    };
    ledger_submit(c->ledger, &s->req);
    /* Continues in pass_2_on_stored(). */
}

static void log_passed(const struct watch *w)
{
    const char *outcome = w->degraded ? "degraded" : "good";
    int64_t waited_ms = clock_mono_ms() - w->started_mono_ms;

    log_write(w->degraded ? LOG_WARN : LOG_INFO,
              EV_GATE,
              LOG_FIELDS(LOG_ARTICLE(w->article),
                         LOG_STR("outcome", outcome),
                         LOG_STR("url", w->url),
                         LOG_STR("lacks", w->note),
                         LOG_U64("tries", w->tries),
                         LOG_U64("names", w->stored.name_count),
                         LOG_U64("merged", w->stored.merged_count),
                         LOG_MS("waited", waited_ms)));
    metrics_add(w->gate->crier->metrics, METRIC_GATE, outcome, NULL);
    metrics_observe_us(w->gate->crier->metrics, METRIC_GATE_SECONDS, outcome, waited_ms * 1000);
}

static void hand_over(struct watch *w)
{
    struct crier *c = w->gate->crier;

    for (size_t i = 0; i < w->stored.superseded_count; i++) {
        courier_cancel(c->courier, w->stored.superseded[i]);
    }
    /* The scheduler knows them as due when the gate would have ended: of two times the later one holds. */
    for (size_t i = 0; i < w->stored.job_count; i++) {
        sched_cancel(c->sched, w->stored.jobs[i].id);
    }
    courier_add(c->courier, w->stored.jobs, w->stored.job_count);
    if (w->stored.look_at_withdrawn) {
        withdrawals_look(c->withdrawals);
    }
}

static void pass_2_on_stored(struct ledger_request *r)
{
    struct watch *w = container_of(r, struct watch, stored.req);

    if (r->rc == ERR_NONE) {
        log_passed(w);
        hand_over(w);
    } else if (r->rc == ERR_IO) {
        log_error(EV_LEDGER_FAILED,
                  LOG_STR("error", r->why.text)); /* they go when it is time */
    }
    ledger_request_done(r);
    w->state = WAITING;
    watch_end(w);
}

/* ---- what starts and stops it ---- */

static void
watch(struct gate *g, struct article_id article, const char *url, int64_t until_ms, bool urgent)
{
    struct watch *w = map_get_u64(g->by_article, article.v);

    if (w && w->state == PASSING) {
        return; /* this revision is behind it: the ledger lets it go with the others */
    }
    if (!w) {
        w = watch_new(g, article, until_ms - GATE_SLACK_MS - clock_wall_ms());
    } else if (w->state == WARMING || strcmp(w->url, url) == 0) {
        return;
    }
    /* Another address: what the old one said counts no more. */
    let_go_of_look(w);
    mem_free(w->url);
    w->url = mem_strdup(url);
    w->tries = 0;
    w->urgent = urgent;
    w->public_mono_ms = 0;
    w->note[0] = '\0';
    gate_view_done(&w->view);
    buf_clear(&w->page);
    look(w);
}

static void unwatch(struct gate *g, struct article_id article)
{
    struct watch *w = map_get_u64(g->by_article, article.v);

    if (w && w->state != PASSING) {
        metrics_add(g->crier->metrics, METRIC_GATE, "stopped", NULL);
        watch_end(w);
    }
}

void gate_after_accept(struct gate *g, const struct ledger_accept *a)
{
    bool content = a->kind == ACCEPT_CONTENT || a->kind == ACCEPT_SEND;

    if (!g || g->stopped) {
        return;
    }
    if (!content) {
        unwatch(g, a->article);
    } else if (a->gated_until_ms > 0 && a->url) {
        watch(g, a->article, a->url, a->gated_until_ms, a->out_breaking);
    } else if (a->outcome == ACCEPT_REVISED && a->url && warm_is_wanted(g->crier)) {
        warm_later(g->crier, a->url);
    }
}

static void on_gated(struct ledger_request *r)
{
    struct gate *g = container_of(r, struct gate, at_start.req);

    for (size_t i = 0; r->rc == ERR_NONE && !g->stopped && i < g->at_start.count; i++) {
        const struct ledger_gated_one *one = &g->at_start.v[i];

        watch(g, one->article, one->url, one->until_ms, false);
    }
    ledger_request_done(r);
}

void gate_start(struct gate *g)
{
    g->at_start.req.kind = LEDGER_GATED;
    g->at_start.req.done = on_gated;
    g->at_start.limit = GATED_AT_START;
    ledger_submit(g->crier->ledger, &g->at_start.req);
}

struct gate *gate_new(struct crier *c)
{
    struct gate *g = mem_zalloc(sizeof *g);

    g->crier = c;
    g->by_article = map_new();
    return g;
}

static struct watch *any_watch(struct gate *g)
{
    size_t cursor = 0;

    return map_each(g->by_article, &cursor);
}

void gate_stop(struct gate *g)
{
    struct watch *w;

    g->stopped = true;
    while ((w = any_watch(g)) != NULL) {
        watch_end(w);
    }
}

void gate_free(struct gate *g)
{
    if (!g) {
        return;
    }
    gate_stop(g);
    map_free(g->by_article);
    mem_free(g);
}
