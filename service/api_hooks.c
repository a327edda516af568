/* What a CMS calls: POST /hooks/{source} and /hooks/{source}/{event}. The raw body is checked against the
 * source's signature before anything reads it; then its kind (sources/) says what happened, which may be
 * several things; each goes to the ledger or, when it has no title yet, to the inbox, and when all of it is
 * on disk there is one answer. Senders wait for two or three seconds at most, so nothing here waits for
 * anybody but the ledger.
 *
 *   api_hook            which source, and is it one that calls
 *   hook_2_read         on the reading thread: signature, what happened, the articles
 *   hook_3_on_read      on the loop: refuse, or take all of it in
 *   hook_4_on_taken     one of them is on disk; the last one answers
 *
 * 401 wrong signature; 400 unreadable; 422 it is crier's own form, and not an article; 503 not now. What
 * is none of our business is answered with 202 and the reason. Never 410 (Ghost would forget its webhook),
 * never a redirection. */

#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/json_put.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "service/api_internal.h"
#include "service/complete.h"
#include "service/intake_event.h"
#include "service/reader.h"
#include "sources/hook.h"

#define ANSWER_BYTES ((size_t)4 * 1024 * 1024)

struct hook;
/* One thing that happened. */
struct hook_event {
    struct hook *hook;
    struct source_event *event;
    struct intake_content content;
    struct intake in;
    struct complete_put put;
    bool started, waits; /* it is with intake; for its page */
    enum err_code rc;
    struct err why;
};
struct hook {
    struct reader_job job;
    struct crier *crier;
    struct door_request *request;
    struct config *config; /* in force when it came, held */
    const struct source_settings *settings;
    struct pairs headers;
    char *token, *rest;
    struct source_call call;
    /* what the reading thread leaves */
    enum sign_verdict verdict;
    struct source_events events;
    enum err_code rc;
    struct err why;
    struct hook_event *v;
    size_t waiting; /* events not on disk yet, and one for who starts them */
};

static const struct source *kind_of(const struct source_settings *settings)
{
    return settings->type->of;
}

static void hook_free(struct hook *h)
{
    for (size_t i = 0; i < h->events.count; i++) {
        intake_content_done(&h->v[i].content);
        if (h->v[i].started) {
            intake_free_parts(&h->v[i].in);
        }
    }
    mem_free(h->v);
    source_events_done(&h->events);
    pairs_done(&h->headers);
    mem_free_secret_text(h->token);
    mem_free_secret_text(h->rest);
    config_unref(h->config);
    mem_free(h);
}

/* ---- the call, as sources/ sees it ---- */

static const char *header(const void *context, const char *name)
{
    const struct hook *h = context;

    for (size_t i = 0; i < h->headers.count; i++) {
        if (text_same_fold(h->headers.v[i].key, name)) {
            return h->headers.v[i].value;
        }
    }
    return NULL;
}

/* Only the one that a source may ask for. */
static const char *query(const void *context, const char *name)
{
    const struct hook *h = context;

    return strcmp(name, "token") == 0 ? h->token : NULL;
}

/* The reading thread must not touch the connection, so what it needs of it is copied. */
static struct hook *
hook_new(struct crier *c, struct door_request *r, const struct source_settings *settings)
{
    struct hook *h = mem_zalloc(sizeof *h);

    h->crier = c;
    h->request = r;
    h->config = config_ref(c->config);
    h->settings = settings;
    door_headers_dup(r, &h->headers);
    h->token = mem_strdup(door_query(r, "token"));
    h->rest = door_param_count(r) > 1 ? mem_strdup(door_param(r, 1)) : NULL;
    h->call = (struct source_call){.method = "POST",
                                   .target = door_target(r),
                                   .rest = h->rest,
                                   .header = header,
                                   .query = query,
                                   .context = h,
                                   .now_ms = clock_wall_ms()};
    h->call.body = door_body(r, &h->call.body_len);
    return h;
}

/* ---- reading ---- */

/* An event whose page has to tell the title is looked at as if it had one: what is wrong with the rest
 * of the article is told now and not to nobody later. */
static void read_waiting(struct hook_event *e, bool trusted, int64_t now_ms)
{
    json_t *given = e->event->article;

    e->event->article = json_is_object(given) ? json_copy(given) : json_object();
    json_set_str(e->event->article, "title", "from its page");
    intake_event_read(&e->content, e->event, trusted, now_ms);
    json_decref(e->event->article);
    e->event->article = given;
}

static void read_event(struct hook_event *e, bool trusted, int64_t now_ms)
{
    e->waits = complete_is_needed(e->event);
    if (e->waits && e->event->url != NULL) {
        read_waiting(e, trusted, now_ms);
        return;
    }
    e->waits = false; /* no page: what is missing is told */
    intake_event_read(&e->content, e->event, trusted, now_ms);
}

static void read_events(struct hook *h)
{
    const struct source_settings *s = h->settings;

    h->v = mem_calloc(h->events.count, sizeof *h->v);
    for (size_t i = 0; i < h->events.count; i++) {
        h->v[i].hook = h;
        h->v[i].event = &h->events.v[i];
        read_event(&h->v[i], s->trusted_breaking, h->call.now_ms);
    }
}

static void hook_2_read(struct reader_job *job)
{
    struct hook *h = container_of(job, struct hook, job);
    const struct source_settings *s = h->settings;
    const struct source *kind = kind_of(s);
    const struct hook_secrets secrets = {&s->secret, &s->old_secret};

    h->verdict = hook_check_call(kind, s->own, &secrets, &h->call);
    if (h->verdict == SIGN_GOOD) {
        h->rc = source_read(kind, s->own, &h->call, &h->events, &h->why);
        read_events(h);
    }
}

/* ---- answers ---- */

static void put_outcome(struct buf *b, const char *outcome, const char *reason)
{
    json_put_open(b, NULL, '{');
    json_put_text(b, "outcome", outcome);
    json_put_text(b, "reason", reason != NULL ? reason : "");
    json_put_close(b, '}');
}

static void put_event(struct buf *b, const struct hook_event *e)
{
    if (e->event->kind == EVENT_NOTHING) {
        put_outcome(b, "ignored", e->event->why);
    } else if (e->rc != ERR_NONE) {
        put_outcome(b, "refused", e->why.text);
    } else if (e->waits) {
        put_outcome(b, "waiting", "its page is read for what the call did not tell");
    } else {
        intake_write(b, &e->in);
    }
}

static void put_events(struct buf *b, const struct hook *h)
{
    json_put_open(b, NULL, '{');
    json_put_open(b, "events", '[');
    for (size_t i = 0; i < h->events.count; i++) {
        put_event(b, &h->v[i]);
    }
    json_put_close(b, ']');
    json_put_close(b, '}');
}

static void say_where(struct hook *h)
{
    const char *id = h->v[0].started ? h->v[0].in.accept.public_id : NULL;
    char *location;

    if (id != NULL) {
        location = mem_printf("/v1/articles/%s", id);
        door_reply_header(h->request, "Location", location);
        mem_free(location);
    }
}

static void answer_accepted(struct hook *h)
{
    struct buf text;

    buf_init(&text, ANSWER_BYTES);
    if (h->events.count == 1) {
        say_where(h);
        put_event(&text, &h->v[0]);
    } else {
        put_events(&text, h);
    }
    buf_addc(&text, '\n');
    door_reply_text(h->request, 202, "application/json", &text);
}

/* The failure that decides. A sender that is told to come again tells all of it again; what is on disk
 * already is then known. An event that is no article fails the call only when it came alone. */
static const struct hook_event *failed(const struct hook *h)
{
    for (size_t i = 0; i < h->events.count; i++) {
        const struct hook_event *e = &h->v[i];

        if (e->rc != ERR_NONE && (e->rc != ERR_INVALID || h->events.count == 1)) {
            return e;
        }
    }
    return NULL;
}

static void answer(struct hook *h)
{
    const struct hook_event *e = failed(h);

    if (e == NULL) {
        answer_accepted(h);
    } else if (e->rc == ERR_INVALID) {
        door_problem(h->request, 422, api__faults(&e->in.faults), "%s", e->why.text);
    } else {
        door_reply_header(h->request, "Retry-After", "5");
        if (e->rc == ERR_BUSY) { /* it is not the sender who asks too much */
            door_problem(h->request, 503, NULL, "%s", e->why.text);
        } else {
            door_problem_err(h->request, e->rc, &e->why);
        }
    }
    hook_free(h);
}

/* ---- taking in ---- */

static void settle(struct hook *h)
{
    if (--h->waiting == 0) {
        answer(h);
    }
}

static void hook_4_on_taken(struct intake *in)
{
    struct hook_event *e = container_of(in, struct hook_event, in);

    e->rc = in->rc;
    e->why = in->why;
    settle(e->hook);
}

static void hook_4_on_put(struct complete_put *p)
{
    struct hook_event *e = container_of(p, struct hook_event, put);

    e->rc = p->rc;
    e->why = p->why;
    settle(e->hook);
}

/* The row of the inbox holds the event as it is; what was read of it here is not needed. */
static enum err_code start_waiting(struct hook *h, struct hook_event *e)
{
    if (e->content.rc != ERR_NONE) {
        e->in.faults = e->content.faults;
        e->why = e->content.why;
        return e->content.rc;
    }
    e->put.done = hook_4_on_put;
    return complete_start(h->crier, &e->put, h->settings->name, e->event, &e->why);
}

static enum err_code start_taking(struct hook *h, struct hook_event *e)
{
    enum err_code rc;

    complete_overtake(h->crier, h->settings->name, e->event);
    rc = intake_event(
        h->crier, &e->in, h->settings, e->event, &e->content, NULL, hook_4_on_taken, NULL);
    e->started = rc == ERR_NONE;
    e->why = e->in.why;
    return rc;
}

static void take(struct hook *h, struct hook_event *e)
{
    if (e->event->kind == EVENT_NOTHING) {
        log_info(EV_ARTICLE_IGNORED,
                 LOG_STR("source", h->settings->name),
                 LOG_STR("reason", e->event->why));
        return;
    }
    h->waiting++;
    e->rc = e->waits ? start_waiting(h, e) : start_taking(h, e);
    if (e->rc != ERR_NONE) {
        h->waiting--;
    }
    /* Continues in hook_4_on_taken() or hook_4_on_put(). */
}

static void take_all(struct hook *h)
{
    h->waiting = 1;
    for (size_t i = 0; i < h->events.count; i++) {
        take(h, &h->v[i]);
    }
    settle(h);
}

/* ---- refusing ---- */

static void refuse_call(struct hook *h)
{
    char what[SIGN_TEXT_BYTES], *why;

    (void)hook_explain(kind_of(h->settings), h->settings->own, h->verdict, what);
    why = mem_printf("source %.64s: %s", h->settings->name, what);
    door_refuse_login(h->request, h->verdict == SIGN_WRONG, why);
    mem_free(why);
}

static void refuse_body(struct hook *h)
{
    if (h->rc == ERR_UNSUPPORTED) { /* crier's own form: its maker can mend it */
        door_problem(h->request, 422, api__pointed("/event", API_EVENTS), "%s", h->why.text);
    } else {
        unreadable_keep(/* before the answer, with which the body goes */
                        h->crier,
                        h->settings->name,
                        h->call.body,
                        h->call.body_len,
                        h->why.text);
        door_problem(h->request, 400, NULL, "%s", h->why.text);
    }
    log_warn(EV_ARTICLE_REFUSED,
             LOG_STR("source", h->settings->name),
             LOG_STR("error", h->why.text));
}

static void hook_3_on_read(struct reader_job *job)
{
    struct hook *h = container_of(job, struct hook, job);

    if (h->verdict != SIGN_GOOD) {
        refuse_call(h);
    } else if (h->rc != ERR_NONE) {
        refuse_body(h);
    } else if (api__takes_in(h->crier, h->request)) {
        take_all(h);
        return;
    }
    hook_free(h);
}

void api_hook(struct crier *c, struct door_request *r)
{
    const struct source_settings *settings = config_source(c->config, door_param(r, 0));
    struct hook *h;

    if (settings == NULL || !settings->type->called) {
        door_problem(r, 404, NULL, "there is no source \"%.64s\" that calls", door_param(r, 0));
        return;
    }
    if (config_source_is_open(settings) &&
        !door_from_here(r, "this source's signature is none")) {
        return;
    }
    if (!api__takes_in(c, r)) {
        return;
    }
    h = hook_new(c, r, settings);
    h->job.work = hook_2_read;
    h->job.done = hook_3_on_read;
    reader_submit(c->reader, &h->job);
    /* Continues in hook_3_on_read(). */
}
