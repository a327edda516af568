/* Events that lack a title wait for their page. Called by the hooks; owns an entry per event that
 * waits, each with its row in the ledger's inbox.
 *
 *   complete_start       the row is written
 *   start_2_on_stored    it is on disk: the sender may be told so
 *   look                 fetch the page
 *   look_2_on_page       it has a title: the event is complete; else later, or no more
 *   accept_2_on_done     the article is stored, and the row went with it
 * What fails is tried again, more and more slowly, for GIVE_UP_MS; then it is given up, and said so in
 * the log, in a metric and in the ledger's events. */

#include "service/complete.h"

#include <stdio.h>
#include <string.h>

#include <uv.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "service/complete_event.h"
#include "service/crier.h"
#include "service/intake_event.h"
#include "service/metrics.h"
#include "service/page_fetch.h"

#define WAITING_MAX 5000
#define GIVE_UP_MS MS_HOUR
#define FRESH_MS (2 * MS_SECOND) /* several events of one page at the same moment */
#define STORE_PAUSE_MS MS_SECOND /* shorter waits are not worth a write */

struct entry {
    struct completer *completer;
    struct list_node node;
    struct complete_put *waiter; /* NULL: nobody, or told already */
    uint64_t id;                 /* of the row */
    char *source;
    struct source_event event;
    int64_t at_ms;
    size_t tries;
    char why[200];
    struct buf body;
    struct ledger_inbox_put put;
    struct ledger_inbox_end ended;
    struct page_fetch fetch;
    struct intake_content content;
    struct intake intake;
    char *key;      /* of the call that brought it, as intake makes it; NULL */
    size_t running; /* requests and acceptances: it ends when the last one does */
    bool putting;   /* … one of them is put */
    bool overtaken; /* as soon as it can, it ends */
    bool gone;      /* it is over, but for what runs */
    uv_timer_t timer;
};

struct completer {
    struct crier *crier;
    struct list entries;
    struct ledger_inbox_list list;
    uint64_t before; /* rows from that one on came since the start, and are here already */
    bool stopped;
};

static void look(struct entry *e);
static ledger_done_fn start_2_on_stored, put_2_on_stored, end_2_on_stored, list_2_on_read;
static page_fetch_fn look_2_on_page;
static intake_done_fn accept_2_on_done;

/* ---- life of an entry ---- */

static void event_done(struct source_event *e)
{
    struct source_events one = {.v = mem_alloc(sizeof *e), .count = 1};

    *one.v = *e;
    *e = (struct source_event){0};
    source_events_done(&one);
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct entry *e = container_of((uv_timer_t *)handle, struct entry, timer);

    event_done(&e->event);
    intake_content_done(&e->content);
    buf_done(&e->body);
    mem_free(e->source);
    mem_free(e->key);
    mem_free(e);
}

/* Freed as soon as nothing of it runs. */
static void entry_end(struct entry *e)
{
    if (!e->gone) {
        e->gone = true;
        list_remove(&e->completer->entries, &e->node);
        page_fetch_done(&e->fetch);
        (void)uv_timer_stop(&e->timer);
    }
    if (e->running == 0) {
        uv_close((uv_handle_t *)&e->timer, on_timer_closed);
    }
}

static void on_timer(uv_timer_t *timer)
{
    look(container_of(timer, struct entry, timer));
}

static struct entry *entry_new(struct completer *m, const char *source)
{
    struct entry *e = mem_zalloc(sizeof *e);

    e->completer = m;
    e->source = mem_strdup(source);
    buf_init(&e->body, SIZE_MAX / 2); /* the doors bound what an event holds */
    must(uv_timer_init(m->crier->loop, &e->timer) == 0);
    list_push(&m->entries, &e->node);
    return e;
}

static void tell_waiter(struct entry *e, const struct ledger_request *r)
{
    struct complete_put *p = e->waiter;

    e->waiter = NULL;
    if (p) {
        p->rc = r->rc;
        p->why = r->why;
        p->done(p);
    }
}

static void keep_why(struct entry *e, const char *why)
{
    (void)snprintf(e->why, sizeof e->why, "%.190s", why);
}

/* ---- trying again, giving up ---- */

static int64_t pause_ms(size_t tries)
{
    static const int64_t pauses[] = {250, 500, 1000, 2000, 4000, 5000, 5000, 10000, 20000};

    return tries <= ARRAY_LEN(pauses) ? pauses[tries - 1] : 30 * MS_SECOND;
}

static void end_row(struct entry *e, const char *result)
{
    struct completer *m = e->completer;

    metrics_add(m->crier->metrics, METRIC_INBOX, e->source, result);
    e->running++;
    e->ended = (struct ledger_inbox_end){
        .req = {.kind = LEDGER_INBOX_END, .done = end_2_on_stored},
        .id = e->id,
        .why = e->why,
        .now_ms = clock_wall_ms(),
    };
    ledger_submit(m->crier->ledger, &e->ended.req);
}

static void end_2_on_stored(struct ledger_request *r)
{
    struct entry *e = container_of(r, struct entry, ended.req);

    if (r->rc == ERR_IO) {
        log_error(EV_LEDGER_FAILED,
                  LOG_STR("error", r->why.text)); /* the next start tries again */
    }
    e->running--;
    entry_end(e);
}

static void give_up(struct entry *e)
{
    log_warn(EV_INBOX_GIVEN_UP,
             LOG_STR("source", e->source),
             LOG_STR("url", e->event.url),
             LOG_STR("error", e->why),
             LOG_U64("tries", e->tries));
    end_row(e, "given_up");
}

static void end_overtaken(struct entry *e)
{
    keep_why(e, "a later event overtook it");
    page_fetch_done(&e->fetch);
    (void)uv_timer_stop(&e->timer);
    end_row(e, "overtaken");
}

static void put_2_on_stored(struct ledger_request *r)
{
    struct entry *e = container_of(r, struct entry, put.req);

    e->running--;
    e->putting = false;
    if (e->gone) {
        entry_end(e);
    } else if (e->overtaken && e->running == 0) {
        end_overtaken(e);
    }
}

/* So that the inbox tells people what it waits for. */
static void store_try(struct entry *e, int64_t due_at_ms)
{
    if (e->putting) {
        return; /* the disk is slow; the next try tells */
    }
    e->putting = true;
    e->running++;
    e->put = (struct ledger_inbox_put){
        .req = {.kind = LEDGER_INBOX_PUT, .done = put_2_on_stored},
        .id = e->id,
        .source = e->source,
        .body = buf_str(&e->body),
        .due_at_ms = due_at_ms,
        .why = e->why,
        .now_ms = clock_wall_ms(),
    };
    ledger_submit(e->completer->crier->ledger, &e->put.req);
}

static void try_later(struct entry *e)
{
    int64_t now_ms = clock_wall_ms(), pause = pause_ms(e->tries);

    if (now_ms - e->at_ms >= GIVE_UP_MS) {
        give_up(e);
        return;
    }
    log_debug(EV_INBOX_WAITS,
              LOG_STR("source", e->source),
              LOG_STR("url", e->event.url),
              LOG_STR("lacks", e->why),
              LOG_U64("tries", e->tries));
    if (pause >= STORE_PAUSE_MS) {
        store_try(e, now_ms + pause);
    }
    must(uv_timer_start(&e->timer, on_timer, (uint64_t)pause, 0) == 0);
}

/* ---- looking ---- */

static void look(struct entry *e)
{
    if (e->completer->stopped || e->gone) {
        return;
    }
    e->tries++;
    e->fetch.done = look_2_on_page;
    page_fetch_start(e->completer->crier->pages,
                     &e->fetch,
                     e->event.url,
                     e->tries == 1 ? FRESH_MS : 0,
                     false);
}

/* NULL: the page will do. */
static const char *why_not(const struct page_answer *a)
{
    if (!a->has_facts) {
        return a->error;
    }
    if (a->facts.password) {
        return "the page asks for a password";
    }
    return a->facts.title ? NULL : "the page has no title";
}

static void take_in(struct entry *e)
{
    struct crier *c = e->completer->crier;
    const struct source_settings *source = config_source(c->config, e->source);
    const struct intake_event_options options = {.inbox = e->id};
    enum err_code rc;

    if (!source) {
        keep_why(e, "its source is not configured now");
        try_later(e);
        return;
    }
    intake_content_done(&e->content);
    e->content = (struct intake_content){0};
    intake_event_read(&e->content, &e->event, source->trusted_breaking, clock_wall_ms());
    rc = intake_event(
        c, &e->intake, source, &e->event, &e->content, &options, accept_2_on_done, e);
    if (rc) {
        keep_why(e, e->intake.why.text);
        give_up(e); /* what cannot be read now cannot be read later */
        return;
    }
    e->running++;
}

static void look_2_on_page(struct page_fetch *f)
{
    struct entry *e = container_of(f, struct entry, fetch);
    const char *why = why_not(f->answer);

    if (why) {
        keep_why(e, why);
        page_fetch_done(f);
        try_later(e);
        return;
    }
    complete_event_fill(&e->event, &f->answer->facts);
    page_fetch_done(f);
    take_in(e);
}

static void accept_2_on_done(struct intake *in)
{
    struct entry *e = in->context;
    enum err_code rc = in->rc;

    e->running--;
    keep_why(e, in->why.text);
    intake_free_parts(in);
    if (rc == ERR_NONE) {
        metrics_add(e->completer->crier->metrics, METRIC_INBOX, e->source, "completed");
        entry_end(e);
    } else if (e->gone) {
        entry_end(e);
    } else if (rc == ERR_IO || rc == ERR_STOPPED) {
        try_later(e);
    } else {
        give_up(e);
    }
}

/* ---- coming in ---- */

static bool is_content(const struct source_event *e)
{
    return e->kind == EVENT_PUBLISHED || e->kind == EVENT_UPDATED || e->kind == EVENT_CORRECTED;
}

bool complete_is_needed(const struct source_event *e)
{
    const json_t *title = json_object_get(e->article, "title");

    return is_content(e) && (!e->article || json_is_object(e->article)) &&
           (!title || json_is_null(title) ||
            (json_is_string(title) && json_string_length(title) == 0));
}

/* From the article, where the event itself has none. */
static void find_url(struct source_event *e)
{
    if (!e->url) {
        e->url = mem_strdup(json_path_str(e->article, "url"));
    }
}

/* The same call again is known by it from here on, so the article that comes of it needs none. */
static void take_key(struct entry *e)
{
    e->key = e->event.key ? mem_printf("%s:%s", e->source, e->event.key) : NULL;
    mem_free(e->event.key);
    e->event.key = NULL;
}

static void start_2_on_stored(struct ledger_request *r)
{
    struct entry *e = container_of(r, struct entry, put.req);
    bool waits = r->rc == ERR_NONE && !e->put.known && !e->gone;

    e->running--;
    e->putting = false;
    tell_waiter(e, r);
    if (waits && e->overtaken) {
        end_overtaken(e);
    } else if (waits) {
        metrics_add(e->completer->crier->metrics, METRIC_INBOX, e->source, "waits");
        look(e);
    } else {
        entry_end(e);
    }
}

enum err_code complete_start(struct crier *c,
                             struct complete_put *p,
                             const char *source,
                             struct source_event *event_take,
                             struct err *why)
{
    struct completer *m = c->completer;
    struct entry *e;

    find_url(event_take);
    if (!event_take->url || m->entries.count >= WAITING_MAX) {
        bool no_url = !event_take->url;

        event_done(event_take);
        return no_url
                   ? err_set(why,
                             ERR_INVALID,
                             "it has neither a title nor a URL, under which one could be read")
                   : err_set(why, ERR_BUSY, "%d events wait for their page", WAITING_MAX);
    }
    e = entry_new(m, source);
    e->event = *event_take;
    *event_take = (struct source_event){0};
    e->waiter = p;
    e->at_ms = clock_wall_ms();
    e->id = id_next(&c->ids, e->at_ms);
    complete_event_write(&e->body, &e->event);
    keep_why(e, "its title is read from its page");
    take_key(e);
    e->putting = true;
    e->running++;
    e->put = (struct ledger_inbox_put){
        .req = {.kind = LEDGER_INBOX_PUT, .done = start_2_on_stored},
        .id = e->id,
        .source = e->source,
        .body = buf_str(&e->body),
        .replay_key = e->key,
        .due_at_ms = e->at_ms,
        .why = e->why,
        .now_ms = e->at_ms,
    };
    ledger_submit(c->ledger, &e->put.req);
    return ERR_NONE; /* continues in start_2_on_stored() */
}

void complete_overtake(struct crier *c, const char *source, const struct source_event *event)
{
    struct list_node *n = c->completer ? list_first(&c->completer->entries) : NULL;

    while (n) {
        struct entry *e = container_of(n, struct entry, node);

        n = list_next(&c->completer->entries, n);
        if (e->overtaken || strcmp(e->source, source) != 0 ||
            !complete_event_same(&e->event, event)) {
            continue;
        }
        e->overtaken = true;
        if (e->running == 0) {
            end_overtaken(e);
        }
    }
}

/* ---- after a start ---- */

static void take_up(struct completer *m, const struct ledger_inbox_row *row)
{
    struct entry *e;
    struct err why = {0};

    if (unreadable_known(m->crier, row->id, row->body)) {
        return; /* it waits for a person */
    }
    e = entry_new(m, row->source);
    e->id = row->id;
    e->at_ms = row->at_ms;
    e->tries = row->tries > 0 ? (size_t)row->tries : 0;
    buf_adds(&e->body, row->body);
    if (complete_event_read(&e->event, row->body, &why) != ERR_NONE || !e->event.url) {
        keep_why(e, why.text);
        give_up(e);
        return;
    }
    take_key(e);
    must(uv_timer_start(&e->timer, on_timer, 0, 0) == 0);
}

static void list_inbox(struct completer *m, uint64_t after)
{
    m->list = (struct ledger_inbox_list){
        .req = {.kind = LEDGER_INBOX_LIST, .done = list_2_on_read},
        .after = after,
        .limit = 100,
    };
    ledger_submit(m->crier->ledger, &m->list.req);
}

static void list_2_on_read(struct ledger_request *r)
{
    struct completer *m = container_of(r, struct completer, list.req);
    uint64_t last = 0;

    if (r->rc == ERR_IO) {
        log_error(EV_LEDGER_FAILED, LOG_STR("error", r->why.text));
    }
    for (size_t i = 0; r->rc == ERR_NONE && !m->stopped && i < m->list.count; i++) {
        last = m->list.v[i].id < m->before ? m->list.v[i].id : 0;
        if (last != 0) {
            take_up(m, &m->list.v[i]);
        }
    }
    ledger_request_done(r);
    if (last != 0) {
        list_inbox(m, last);
    }
}

struct completer *completer_new(struct crier *c)
{
    struct completer *m = mem_zalloc(sizeof *m);

    m->crier = c;
    list_init(&m->entries);
    return m;
}

void completer_start(struct completer *m)
{
    m->before = id_next(&m->crier->ids, clock_wall_ms());
    list_inbox(m, 0);
}

void completer_stop(struct completer *m)
{
    struct list_node *n;

    m->stopped = true;
    while ((n = list_first(&m->entries)) != NULL) {
        entry_end(container_of(n, struct entry, node));
    }
}

void completer_free(struct completer *m)
{
    if (!m) {
        return;
    }
    completer_stop(m);
    mem_free(m);
}
