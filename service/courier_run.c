/* One delivery's way through an adapter's steps. Started by courier.c when the scheduler says so;
 * owns the run until courier_end.c (or courier__give_back) has freed it; leaves the choice of the
 * course to courier_choose.c and the meaning of verdicts to courier_verdict.c.
 *
 *   courier__run_start     ask the ledger for everything about the delivery
 *   run_2_on_loaded        choose the course; an outcome that needs no request is written at once
 *   courier__run_walk      at each step: the access token first, where the adapter needs one
 *                          (courier_token.c), then the picture or video that the step wants
 *   run_3_on_media         it is here, or is not to be had: the adapter says what then
 *   run_4_build            the step's request; nothing to send: the next step
 *   run_5_begin            write down that it is about to leave (with the end of the step before)
 *   run_6_on_begun         that is on disk, so send
 *   run_7_on_answer        read it: the next step (to courier__run_walk), or judge and finish
 *
 * The order of writes is the promise. Nothing leaves before its begin is on disk: a crash after that
 * finds the delivery in flight and, where the step could publish and must not be repeated, takes its
 * outcome for unknown. A crash before it finds the delivery as it was, and nothing left us. Between
 * two steps the end of the first and the begin of the second share a commit, so a course of four
 * steps costs five commits, not eight. */

#include "service/courier_internal.h"

#include <string.h>

#include "adapters/oauth.h"
#include "adapters/registry.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "service/hide.h"
#include "service/metrics.h"
#include "service/wave.h"

/* Far more than the longest honest course has: a retraction on Bluesky walks two steps for each of
 * up to 64 posts that updates left standing, and more when one has to sign in again on the way. */
#define STEPS_MAX 200
#define ANSWER_TIMEOUT_MS (30 * MS_SECOND)

static ledger_done_fn run_2_on_loaded, run_6_on_begun;
static media_done_fn run_3_on_media;
static out_done_fn run_7_on_answer;

void courier__run_start(struct run *run)
{
    run->load.req.kind = LEDGER_LOAD;
    run->load.req.done = run_2_on_loaded;
    run->load.id = run->job.id;
    ledger_submit(run->courier->crier->ledger, &run->load.req);
}

static void finish_own_error(struct run *run, const struct err *why)
{
    if (run->probe) {
        struct verdict v = verdict_make(VERDICT_REJECTED, SCOPE_POST, 0, "%.200s", why->text);

        courier__probe_finish(run, &v);
        return;
    }
    courier__judge_own_error(run, why);
    courier__finish(run);
}

void courier__run_steps(struct run *run)
{
    struct err why = {0};

    if (courier__make_context(run, &why) != ERR_NONE) {
        finish_own_error(run, &why);
        return;
    }
    courier__run_walk(run);
}

static void run_2_on_loaded(struct ledger_request *r)
{
    struct run *run = container_of(r, struct run, load.req);
    enum courier_choice choice;

    if (r->rc) {
        if (r->rc == ERR_IO) {
            courier__complain(run->courier, &r->why);
        }
        courier__give_back(run, r->rc == ERR_IO ? clock_wall_ms() + LEDGER_PAUSE_MS : 0);
        return;
    }
    if (run->courier->hurried) {
        courier__give_back(run, 0);
        return;
    }
    choice = courier__choose(run);
    if (choice == CHOSE_STEPS && !courier__quota_admits(run)) {
        choice = CHOSE_OUTCOME;
    }
    switch (choice) {
    case CHOSE_STEPS:
        run->attempt_id = id_next(&run->courier->crier->ids, clock_wall_ms());
        courier__run_steps(run);
        break;
    case CHOSE_OUTCOME:
        courier__finish(run);
        break;
    case CHOSE_NOTHING:
        courier__give_back(run, 0);
        break;
    }
}

/* ---- a step ---- */

static void run_4_build(struct run *run);

/* Nothing more leaves: the program ends, or the channel was taken out of the settings since this began. */
static bool must_stop(const struct run *run)
{
    return run->courier->hurried || (run->channel->gone && !run->probe);
}

/* Stopped between two steps: what is written stays, the rest waits for the next start. */
static void stop_here(struct run *run)
{
    if (!run->begun) {
        courier__give_back(run, 0);
        return;
    }
    run->outcome = (struct outcome){
        .to = run->course == COURSE_VERIFY ? DELIVERY_UNKNOWN : DELIVERY_READY,
        .due_at_ms = clock_wall_ms(),
        .verdict = "again",
        .detail = "stopped before it was sent",
        .exposed = run->exposed,
        .course = run->course == COURSE_VERIFY ? run->doubt.course : run->course,
        .next_step = run->course == COURSE_VERIFY ? run->doubt.step : run->step->name,
        .feedback.outcome = SCHED_NEUTRAL,
    };
    courier__finish(run);
}

static void give_up_step(struct run *run)
{
    struct verdict v = verdict_make(VERDICT_AGAIN, SCOPE_POST, 0, "broken off by us");

    if (run->probe) {
        courier__probe_finish(run, &v);
    } else {
        stop_here(run);
    }
}

void courier__run_without_request(struct run *run, const struct verdict *v)
{
    run->status = 0;
    run->step_sent_ms = 0;
    if (run->probe) {
        courier__probe_finish(run, v);
        return;
    }
    courier__judge(run, v, TRANSPORT_NOT_SENT, clock_wall_ms());
    courier__finish(run);
}

void courier__run_walk(struct run *run)
{
    struct err why;

    if (++run->walked > STEPS_MAX) {
        (void)err_set(
            &why, ERR_INVALID, "more than %d steps: this course does not end", STEPS_MAX);
        finish_own_error(run, &why);
        return;
    }
    if (must_stop(run)) {
        give_up_step(run);
        return;
    }
    if (oauth_with(run->channel->adapter, run->settings->own)) {
        courier__fetch_token(run);
        return;
    }
    courier__run_with_token(run);
}

void courier__run_with_token(struct run *run)
{
    struct media_wish wish;

    if (must_stop(run)) { /* it may have waited for the token */
        give_up_step(run);
        return;
    }
    run->sc.ctx.now_ms = clock_wall_ms();
    run->sc.ctx.media = NULL;
    run->sc.ctx.media_error = NULL;
    if (!media_wish_make(&wish, &run->sc.ctx, run->channel->adapter, run->step)) {
        run_4_build(run);
        return;
    }
    /* A file may take long: what the step before brought is written meanwhile. */
    courier__submit_next(run);
    run->waits_for_media = true;
    run->media.done = run_3_on_media;
    run->wants_video = wish.kind == MEDIA_VIDEO;
    media_get_wished(run->courier->crier->media,
                     &run->media,
                     run->sc.ctx.article,
                     &wish,
                     run->settings->allow_private);
}

/* For whoever asks later why the post looks as it does: kept with the delivery, since the post may be
 * made in another run than its picture, and said when it is done (courier_verdict.c). */
static void note_picture(struct run *run, const char *note)
{
    json_set_str(run->sc.ctx.record, PICTURE_MEMBER, note);
}

static void run_3_on_media(struct media_wait *w)
{
    struct run *run = container_of(w, struct run, media);
    char *note;

    run->waits_for_media = false;
    run->sc.ctx.media = w->media;
    if (!w->media) {
        run->sc.ctx.media_error = w->error;
        log_warn(EV_MEDIA_FAILED,
                 LOG_STR("article", run->load.public_id),
                 LOG_STR("channel", run->channel->name),
                 LOG_STR("error", w->error));
        note =
            mem_printf("without its %s: %s", run->wants_video ? "video" : "picture", w->error);
        note_picture(run, note);
        mem_free(note);
    } else if (w->note[0] != '\0') {
        log_info(EV_MEDIA_RESIZED,
                 LOG_STR("article", run->load.public_id),
                 LOG_STR("channel", run->channel->name),
                 LOG_STR("note", w->note));
        note_picture(run, w->note);
    } else {
        (void)json_object_del(run->sc.ctx.record, PICTURE_MEMBER);
    }
    run_4_build(run);
}

static void run_5_begin(struct run *run);
static void send_step(struct run *run);
static void advance(struct run *run, const struct verdict *v, bool sent);

static void run_4_build(struct run *run)
{
    struct err why = {0};

    run->sc.ctx.now_ms = clock_wall_ms();
    run->sc.ctx.fit_count = 0;
    http_request_init(&run->request);
    if (run->step->each_member) { /* built for each of them, when their turn comes */
        run_5_begin(run);
        return;
    }
    if (run->step->build(&run->sc.ctx, &run->request, &why) != ERR_NONE) {
        finish_own_error(run, &why);
        return;
    }
    if (run->request.skip) {
        struct verdict v = verdict_next();

        http_request_done(&run->request);
        media_wait_done(&run->media);
        advance(run, &v, false);
        return;
    }
    if (run->probe || courier__is_written(run)) {
        send_step(run);
        return;
    }
    run_5_begin(run);
}

/* A look must never be taken for a harmless step by who recovers after a crash: the delivery it
 * is about is in doubt, and stays so. */
static void run_5_begin(struct run *run)
{
    struct ledger_begin *b = &run->begin;
    bool verify = run->course == COURSE_VERIFY;

    courier__write_texts(run, &run->begin_texts, run->sc.ctx.record);
    if (run->next_pending && run->begin_texts.account) {
        /* With the end as well: the two may fall into two commits, and who goes on after a crash between
         * them, at this step, must know what the one before has learned. */
        channel_account_unsaved(run->channel);
    }
    courier__submit_next(run);
    *b = (struct ledger_begin){
        .req = {.kind = LEDGER_BEGIN, .done = run_6_on_begun},
        .id = run->job.id,
        .course = course_name(run->course),
        .step = run->step->name,
        .repeatable = run->step->repeatable && !verify,
        .publishes = run->step->publishes || verify,
        .record = run->begin_texts.record,
        .account = run->begin_texts.account,
        .channel = run->channel->name,
        .bucket = run->bucket,
        .counts = !run->begun,
        .uses_quota = courier__quota_is_used(run),
        .attempt_id = run->attempt_id,
        .now_ms = clock_wall_ms(),
    };
    ledger_submit(run->courier->crier->ledger, &b->req);
}

static void begin_failed(struct run *run)
{
    struct ledger_request *r = &run->begin.req;

    channel_account_unsaved(run->channel);
    if (r->rc == ERR_IO && run->begun && !run->courier->hurried) {
        courier__retry_later(run->courier, r);
        return;
    }
    if (r->rc == ERR_IO) {
        courier__complain(run->courier, &r->why);
        courier__give_back(run, clock_wall_ms() + LEDGER_PAUSE_MS);
        return;
    }
    courier__give_back(run, 0); /* cancelled meanwhile, or the ledger is closing */
}

static struct verdict
read_failure(struct run *run, enum transport_outcome how, const char *error)
{
    return run->step->unanswered ? run->step->unanswered(&run->sc.ctx, how, error)
                                 : trouble_from_transport(run->step, how, error);
}

static void run_6_on_begun(struct ledger_request *r)
{
    struct run *run = container_of(r, struct run, begin.req);

    if (r->rc) {
        begin_failed(run);
        return;
    }
    run->begun = true;
    run->counts_on_disk |= run->begin.uses_quota;
    if (run->step_first_at_ms == 0) {
        run->step_first_at_ms = run->begin.now_ms;
    }
    if (must_stop(run)) {
        /* The record says it is about to go; what is written next says it did not. */
        (void)read_failure(run, TRANSPORT_NOT_SENT, "stopped before it was sent");
        stop_here(run);
        return;
    }
    send_step(run);
}

static int64_t answer_timeout(const struct run *run)
{
    if (run->settings->timeout_ms > 0) {
        return run->settings->timeout_ms;
    }
    return run->channel->adapter->answer_timeout_ms > 0
               ? run->channel->adapter->answer_timeout_ms
               : ANSWER_TIMEOUT_MS;
}

static void send_step(struct run *run)
{
    struct crier *c = run->courier->crier;

    if (run->step->each_member) {
        wave_start(run);
        return;
    }
    if (!run->probe && run->load.attempts == 0 && run->walked == 1) {
        metrics_observe_us(c->metrics,
                           METRIC_ACCEPT_TO_SEND_SECONDS,
                           run->channel->adapter->name,
                           (clock_wall_ms() - run->load.created_at_ms) * 1000);
    }
    run->exchange = (struct out_exchange){
        .request = &run->request,
        .allow_private = run->settings->allow_private,
        /* A repeat that is harmless only for a time must be known of, and must not come at once. */
        .once = !run->step->repeatable || run->step->repeat_within_ms > 0,
        .timeout_ms = answer_timeout(run),
        .done = run_7_on_answer,
    };
    run->sending = true;
    out_send(c->out, &run->exchange);
}

/* ---- an answer ---- */

static void note_attempt(struct run *run, const struct verdict *v)
{
    struct crier *c = run->courier->crier;
    bool fine = v->kind == VERDICT_NEXT || v->kind == VERDICT_DONE || v->not_counted;

    metrics_add(c->metrics, METRIC_ATTEMPTS, run->channel->name, verdict_name(v->kind));
    metrics_observe_us(c->metrics,
                       METRIC_SEND_TO_VERDICT_SECONDS,
                       run->channel->adapter->name,
                       run->exchange.timing.total_us);
    log_write(fine ? LOG_DEBUG : LOG_WARN,
              EV_ATTEMPT,
              LOG_FIELDS(LOG_DELIVERY(run->job.id),
                         LOG_STR("channel", run->channel->name),
                         LOG_STR("step", run->step->name),
                         LOG_I64("status", run->status),
                         LOG_STR("verdict", verdict_name(v->kind)),
                         LOG_STR("detail", v->detail),
                         LOG_MS("sent", run->step_sent_ms)));
}

static struct verdict read_answer(struct run *run)
{
    struct out_exchange *x = &run->exchange;

    run->step_sent_ms = x->timing.total_us / 1000;
    run->sent_ms += run->step_sent_ms;
    run->status = 0;
    run->sc.ctx.now_ms = clock_wall_ms();
    if (x->outcome != TRANSPORT_ANSWERED) {
        return read_failure(run, x->outcome, x->error);
    }
    run->status = x->response.status;
    hide_in_answer(x, run->settings, run->sc.ctx.account, run->sc.ctx.grant);
    return run->step->read(&run->sc.ctx, &x->response);
}

static void run_7_on_answer(struct out_exchange *x)
{
    struct run *run = container_of(x, struct run, exchange);
    enum transport_outcome transport = x->outcome;
    struct verdict v = read_answer(run);

    hide_in_detail(
        v.detail, sizeof v.detail, run->settings, run->sc.ctx.account, run->sc.ctx.grant);
    if (!run->probe) {
        note_attempt(run, &v);
    }
    run->sending = false;
    out_exchange_done(x);
    http_request_done(&run->request);
    media_wait_done(&run->media);
    run->exposed = courier__exposed_after(run, &v, transport);
    if (v.kind == VERDICT_NEXT) {
        advance(run, &v, true);
        return;
    }
    if (v.kind == VERDICT_BLOCKED && v.token_refused && courier__token_refused(run, &v)) {
        return;
    }
    if (run->probe) {
        courier__probe_finish(run, &v);
        return;
    }
    courier__judge(run, &v, transport, clock_wall_ms());
    courier__finish(run);
}

/* v is NEXT: to the step it names, or the following one. Behind the last one the course is
 * done. A step that was sent has an end to write, one that was skipped has none. */
static void advance(struct run *run, const struct verdict *v, bool sent)
{
    const struct step *next = v->jump ? step_find(run->steps, v->jump) : run->step + 1;
    struct err why;

    if (!next) {
        (void)err_set(&why, ERR_INVALID, "no step \"%s\" in this course", v->jump);
        finish_own_error(run, &why);
        return;
    }
    if (!next->name) {
        if (run->probe) {
            courier__probe_finish(run, v);
            return;
        }
        courier__judge(run, v, TRANSPORT_ANSWERED, clock_wall_ms());
        courier__finish(run);
        return;
    }
    if (sent && !run->probe) {
        run->next_pending = true;
        run->next_verdict = *v;
    }
    run->step = next;
    run->step_first_at_ms = 0;
    courier__run_walk(run);
}

void courier__run_hurry(struct run *run)
{
    if (run->wave) {
        wave_hurry(run->wave);
        return;
    }
    if (run->sending) {
        out_cancel(&run->exchange);
        return;
    }
    if (run->waits_for_token) {
        courier__token_stop(run);
        give_up_step(run);
        return;
    }
    if (run->waits_for_media) {
        run->waits_for_media = false;
        media_wait_done(&run->media);
        give_up_step(run);
    }
}
