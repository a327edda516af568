/* How a run ends: its outcome into the ledger, and when that is on disk, into the scheduler,
 * the channel, the log and the numbers. Called by courier_run.c; courier__finish() is the only
 * way out for a run that has written anything.
 *
 * A failing disk here is the bad moment: the platform has answered and we cannot say so. The
 * run stays in its slot and tries again each second, so nothing is sent a second time
 * meanwhile; when the program ends first, the ledger still says "in flight", and recovery takes
 * the outcome for unknown where a repeat would do harm. */

#include "service/courier_internal.h"

#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "service/metrics.h"
#include "service/wave.h"

/* ---- texts ---- */

static char *write_text(const json_t *v)
{
    struct buf text;
    char *out;

    buf_init(&text, SIZE_MAX / 2); /* what it was made from was bounded */
    json_write(&text, v);
    out = buf_detach(&text, NULL);
    buf_done(&text);
    return out;
}

void courier__texts_done(struct run_texts *t)
{
    mem_free(t->record);
    mem_free(t->account);
    *t = (struct run_texts){0};
}

/* The account as text when it is news for the ledger, yours; NULL: it is not. */
static char *account_text(const struct channel *ch)
{
    char *account = write_text(ch->account);

    if (ch->account_saved && strcmp(account, ch->account_saved) == 0) {
        mem_free(account);
        return NULL;
    }
    return account;
}

bool courier__account_changed(const struct channel *ch)
{
    char *account = account_text(ch);

    mem_free(account);
    return account != NULL;
}

void courier__write_texts(struct run *run, struct run_texts *out, const json_t *record)
{
    struct channel *ch = run->channel;

    courier__texts_done(out);
    out->record = write_text(record);
    out->account = account_text(ch);
    if (out->account) {
        mem_free(ch->account_saved);
        ch->account_saved = mem_strdup(out->account);
    }
}

/* ---- the end of a step that is not the last ---- */

/* The begin behind it in the same batch says whether the ledger works. */
static void on_next_written(struct ledger_request *r)
{
    struct run *run = container_of(r, struct run, end_next.req);

    if (r->rc == ERR_IO) {
        courier__complain(run->courier, &r->why);
    }
}

void courier__submit_next(struct run *run)
{
    if (!run->next_pending) {
        return;
    }
    run->next_pending = false;
    courier__write_texts(run, &run->next_texts, run->sc.ctx.record);
    run->end_next = (struct ledger_end){
        .req = {.kind = LEDGER_END, .done = on_next_written},
        .id = run->job.id,
        .attempt_id = run->attempt_id,
        .verdict = verdict_name(run->next_verdict.kind),
        .detail = run->next_verdict.detail,
        .status = run->status,
        .sent_ms = run->step_sent_ms,
        .now_ms = clock_wall_ms(),
        .to = DELIVERY_IN_FLIGHT,
        .exposed = run->exposed,
        .course = course_name(run->course),
        .next_step = run->step->name,
        .record = run->next_texts.record,
        .account = run->next_texts.account,
        .channel = run->channel->name,
    };
    ledger_submit(run->courier->crier->ledger, &run->end_next.req);
}

/* ---- the record that stays ---- */

static json_t *parse_record(const char *text)
{
    json_t *v = NULL;

    if (text && json_read(&v, text, strlen(text), RECORD_DEPTH, NULL) == ERR_NONE &&
        json_is_object(v)) {
        return v;
    }
    json_decref(v);
    return json_object();
}

/* A change that names no post of its own is about the one that stands. */
static void keep_remote(json_t *record, const json_t *post)
{
    static const char *const kept[] = {"remote_id", "remote_url", NULL};

    for (size_t i = 0; kept[i]; i++) {
        json_t *value = json_object_get(post, kept[i]);

        if (value && !json_object_get(record, kept[i])) {
            (void)json_object_set(record, kept[i], value);
        }
    }
}

/* An update that ends without success after it may have changed, or replaced, what stands. */
static bool leaves_post_in_doubt(const struct run *run)
{
    return run->course == COURSE_UPDATE && run->outcome.exposed && run->sc.post &&
           (run->outcome.to == DELIVERY_EXPIRED || run->outcome.to == DELIVERY_REJECTED);
}

static json_t *record_of_end(const struct run *run)
{
    const struct outcome *o = &run->outcome;
    json_t *record;

    if (!run->sc.ctx.record) { /* no step was run */
        bool kept = o->to == DELIVERY_DONE && o->post_stands;

        return parse_record(kept ? run->load.post : run->load.record);
    }
    if (run->course == COURSE_VERIFY && o->to == DELIVERY_READY) {
        record = parse_record(run->load.record); /* as it was before the look */
    } else {
        record = json_incref(run->sc.ctx.record);
    }
    if (o->to != DELIVERY_UNKNOWN) {
        (void)json_object_del(record, DOUBT_MEMBER);
    }
    if (o->to == DELIVERY_DONE && run->course == COURSE_UPDATE) {
        keep_remote(record, run->sc.post);
    }
    if (leaves_post_in_doubt(run)) {
        (void)json_object_update_missing(record, run->sc.post);
    }
    return record;
}

/* ---- the end ---- */

static ledger_done_fn finish_2_on_written;

static void ignore(struct ledger_request *r)
{
    (void)r; /* the end behind it in the same batch tells */
}

/* From ready or again no way leads straight to unknown: first it is in flight. */
static void begin_for_form(struct run *run)
{
    run->attempt_id = id_next(&run->courier->crier->ids, clock_wall_ms());
    run->begin = (struct ledger_begin){
        .req = {.kind = LEDGER_BEGIN, .done = ignore},
        .id = run->job.id,
        .course = course_name(run->course),
        .step = run->step->name,
        .publishes = true,
        .record = run->end_texts.record,
        .channel = run->channel->name,
        .bucket = run->bucket,
        .counts = true,
        .attempt_id = run->attempt_id,
        .now_ms = clock_wall_ms(),
    };
    ledger_submit(run->courier->crier->ledger, &run->begin.req);
}

static void fill_end(struct run *run)
{
    const struct outcome *o = &run->outcome;

    run->end = (struct ledger_end){
        .req = {.kind = LEDGER_END, .done = finish_2_on_written},
        .id = run->job.id,
        .attempt_id = run->attempt_id,
        .verdict = o->verdict,
        .detail = o->detail,
        .status = run->status,
        .sent_ms = run->step_sent_ms,
        .now_ms = clock_wall_ms(),
        .to = o->to,
        .due_at_ms = o->due_at_ms,
        .failure = o->failure,
        .exposed = o->exposed,
        .gives_quota_back = courier__quota_is_free(run),
        .course = o->untouched ? NULL : course_name(o->course),
        .next_step = o->next_step,
        .record = run->end_texts.record,
        .account = run->end_texts.account,
        .remote_id = json_path_str(run->final_record, "remote_id"),
        .remote_url = json_path_str(run->final_record, "remote_url"),
        .text = json_path_str(run->final_record, "text"),
        .channel = run->channel->name,
        .post_stands = o->post_stands,
        .post_in_doubt = leaves_post_in_doubt(run),
    };
}

void courier__finish(struct run *run)
{
    const struct outcome *o = &run->outcome;

    courier__submit_next(run);
    if (o->block) {
        channel_block(run->courier->crier, run->channel, o->detail);
    }
    run->final_record = record_of_end(run);
    courier__write_texts(run, &run->end_texts, run->final_record);
    if (o->to == DELIVERY_UNKNOWN && !run->begun && run->load.state != DELIVERY_UNKNOWN) {
        begin_for_form(run);
    }
    fill_end(run);
    ledger_submit(run->courier->crier->ledger, &run->end.req);
}

/* ---- it is on disk ---- */

static void plan_next(struct run *run)
{
    const struct outcome *o = &run->outcome;
    struct courier *k = run->courier;
    struct ledger_job job = run->job;

    if (run->end.has_released) {
        courier_add(k, &run->end.released, 1);
    }
    if (o->due_at_ms == 0 || run->end.state != o->to) {
        return; /* ended, or a newer revision goes instead */
    }
    job.due_at_ms = run->hastened && o->waits ? clock_wall_ms() : o->due_at_ms;
    job.attempts = run->load.attempts + (o->failure ? 1 : 0);
    job.verify = o->to == DELIVERY_UNKNOWN;
    job.not_after_ms = o->exposed ? 0 : run->load.not_after_ms;
    courier_add(k, &job, 1);
}

static void note_channel(struct run *run)
{
    struct crier *c = run->courier->crier;
    const struct outcome *o = &run->outcome;

    if (o->to == DELIVERY_DONE) {
        channel_note_done(c, run->channel);
    } else if (!o->block && (o->failure || o->to == DELIVERY_REJECTED ||
                             (o->to == DELIVERY_AGAIN && !o->waits))) {
        channel_note_error(c, run->channel, o->detail);
    }
}

static void write_closing_line(const struct run *run, enum delivery_state state)
{
    int64_t age_ms = clock_wall_ms() - run->load.created_at_ms;

    log_write(state == DELIVERY_DONE || state == DELIVERY_CANCELLED ? LOG_INFO : LOG_WARN,
              EV_DELIVERY_END,
              LOG_FIELDS(LOG_DELIVERY(run->job.id),
                         LOG_STR("article", run->load.public_id),
                         LOG_STR("channel", run->channel->name),
                         LOG_STR("adapter", run->channel->adapter->name),
                         LOG_STR("course", course_name(run->outcome.course)),
                         LOG_STR("state", delivery_state_name(state)),
                         LOG_I64("attempts", run->load.attempts + 1),
                         LOG_STR("link", run->end.remote_url),
                         LOG_MS("waited", age_ms > run->sent_ms ? age_ms - run->sent_ms : 0),
                         LOG_MS("sent", run->sent_ms),
                         LOG_STR("detail", run->outcome.detail)));
}

static void tell_ended(struct run *run)
{
    enum delivery_state state = run->end.state;
    bool waits_for_a_person = state == DELIVERY_UNKNOWN && run->outcome.due_at_ms == 0;

    if (delivery_state_ended(state)) {
        metrics_add(run->courier->crier->metrics,
                    METRIC_DELIVERIES,
                    run->channel->name,
                    delivery_state_name(state));
    }
    if (delivery_state_ended(state) || waits_for_a_person) {
        write_closing_line(run, state);
    }
}

/* The channel's rate is about posts: what sent nothing, or only asked whether a picture is
 * ready, gives its token back. */
static void tell_scheduler(struct run *run)
{
    struct sched *sched = run->courier->crier->sched;
    struct sched_end feedback = run->outcome.feedback;

    run->settled = true;
    /* Resumed while this was on its way to the disk: the channel is not to be stopped again. */
    if (feedback.outcome == SCHED_STOPPED && !run->channel->kept.blocked) {
        feedback.outcome = SCHED_NEUTRAL;
    }
    if (!run->begun || run->outcome.waits) {
        sched_give_back(sched, run->job.id, clock_wall_ms());
    } else {
        sched_end(sched, run->job.id, &feedback, clock_wall_ms());
    }
}

/* The channel may have gone on while the end was on its way to the disk: what is blocked only now
 * is let go like the others were. */
static void let_go(struct run *run)
{
    if (run->end.state == DELIVERY_BLOCKED && !run->channel->kept.blocked) {
        channel_release(run->courier->crier, run->channel);
    }
}

static void fall_back(struct run *run)
{
    if (run->end.state == DELIVERY_BLOCKED && run->channel->kept.blocked &&
        !run->channel->gone) {
        courier__fall_back(run->courier, run->channel, run->job.id);
    }
}

/* Once when it begins, not with every delivery that meets it. */
static void note_backoff(struct run *run)
{
    struct channel *ch = run->channel;
    int64_t now_ms = clock_wall_ms();
    char until[TIME_TEXT_BYTES];
    struct sched_view view;

    sched_view(run->courier->crier->sched, ch->name, now_ms, &view);
    if (view.quiet_until_ms > now_ms && ch->quiet_until_ms <= now_ms) {
        log_warn(EV_CHANNEL_BACKOFF,
                 LOG_STR("channel", ch->name),
                 LOG_STR("until", time_rfc3339(view.quiet_until_ms, until)),
                 LOG_STR("detail", run->outcome.detail));
    }
    ch->quiet_until_ms = view.quiet_until_ms;
}

/* What it waits for may have come while that was on its way to the disk. */
static void run_done(struct run *run)
{
    struct crier *c = run->courier->crier;
    struct delivery_id id = run->job.id;
    bool told =
        run->told && (run->end.state == DELIVERY_AGAIN || run->end.state == DELIVERY_UNKNOWN);

    courier__run_free(run);
    if (told) {
        wave_settled(c, id);
    }
}

static void finish_2_on_written(struct ledger_request *r)
{
    struct run *run = container_of(r, struct run, end.req);
    struct courier *k = run->courier;

    if (r->rc == ERR_IO && !k->hurried) {
        courier__retry_later(k, r);
        return;
    }
    if (r->rc) { /* moved by somebody meanwhile: the next load sees how it stands */
        courier__complain(k, &r->why);
        channel_account_unsaved(run->channel);
        courier__give_back(run, clock_wall_ms() + LEDGER_PAUSE_MS);
        return;
    }
    courier__quota_settle(run);
    tell_scheduler(run);
    let_go(run);
    fall_back(run);
    plan_next(run);
    note_backoff(run);
    note_channel(run);
    tell_ended(run);
    run_done(run);
    courier_poke(k);
}
