/* Which course a delivery takes, from what the ledger says of it. Called once per run by courier_run.c;
 * decides, sends nothing.
 *
 *   unknown                    verify, where the adapter can look and a publication is in doubt;
 *                              else the channel's on_unknown setting
 *   a retraction               retract when a post stands, or may stand and the adapter can do
 *                              without its id; else done: there is nothing to retract
 *   a post stands              update, or done when nothing a reader sees has changed
 *   else                       publish
 *
 * A course that stopped half-way goes on at the step where it stands. A step that may be repeated
 * only for some time after its first request (a platform forgets idempotency keys) and whose time is
 * up while something may be public is looked for first. So is one that may be public and is worthless
 * by now: it expires only where the platform cannot be asked. And so is one that has not begun and may be
 * public all the same: it waited in a ledger that came back from a backup (queue/sqlite_restored.c). */

#include "service/courier_internal.h"

#include <stdio.h>
#include <string.h>

#include "adapters/registry.h"
#include "base/clock.h"
#include "base/json.h"
#include "service/page_fill.h"

const struct step *courier__course(const struct run *run, enum course c)
{
    return adapter_course_with(run->channel->adapter, run->settings->own, c);
}

/* ---- outcomes without a request ---- */

static enum courier_choice
decide(struct run *run, enum delivery_state to, const char *verdict, const char *detail)
{
    run->outcome = (struct outcome){
        .to = to, .verdict = verdict, .exposed = run->exposed, .course = run->course};
    run->outcome.feedback.outcome = SCHED_NEUTRAL;
    (void)snprintf(run->outcome.detail, sizeof run->outcome.detail, "%s", detail);
    return CHOSE_OUTCOME;
}

static enum courier_choice refuse(struct run *run, const char *cannot)
{
    return decide(run,
                  DELIVERY_REJECTED,
                  "rejected",
                  cannot ? cannot : "the platform has no way to do it");
}

/* ---- doubt ---- */

void courier__doubt_write(json_t *record, const struct doubt *d)
{
    json_t *v = json_pack("{s:s, s:s, s:I, s:I}",
                          "course",
                          course_name(d->course),
                          "step",
                          d->step,
                          "looks",
                          (json_int_t)d->looks,
                          "tries",
                          (json_int_t)d->tries);

    (void)json_object_set_new(record, DOUBT_MEMBER, v);
}

static void set_doubt_step(struct doubt *d, const char *step)
{
    (void)snprintf(d->step, sizeof d->step, "%s", step ? step : "");
}

/* A look that a crash broke off has "verify" for its course in the ledger: what is in doubt
 * then stands in the record, as it does from the second look on. */
static void read_doubt(struct run *run)
{
    json_t *record = NULL;
    json_t *v;
    const char *course;

    run->doubt = (struct doubt){.course = COURSE_PUBLISH};
    if (run->load.course) {
        (void)course_parse(run->load.course, &run->doubt.course);
    }
    set_doubt_step(&run->doubt, run->load.step);
    if (run->load.record &&
        json_read(&record, run->load.record, strlen(run->load.record), RECORD_DEPTH, NULL) ==
            0) {
        v = json_path(record, DOUBT_MEMBER, NULL);
        course = json_path_str(v, "course");
        if (course && course_parse(course, &run->doubt.course)) {
            set_doubt_step(&run->doubt, json_path_str(v, "step"));
            run->doubt.looks = json_integer_value(json_path(v, "looks", NULL));
            run->doubt.tries = json_integer_value(json_path(v, "tries", NULL));
        }
        json_decref(record);
    }
    if (run->doubt.course == COURSE_VERIFY) { /* a record that lost it */
        run->doubt.course = COURSE_PUBLISH;
        run->doubt.step[0] = '\0';
    }
}

static enum courier_choice look(struct run *run)
{
    const struct step *verify = courier__course(run, COURSE_VERIFY);

    run->exposed = true;
    if (verify && run->doubt.course == COURSE_PUBLISH) {
        run->course = COURSE_VERIFY;
        run->steps = run->step = verify;
        return CHOSE_STEPS;
    }
    run->course = run->doubt.course;
    courier__judge_unknown(run, 0, clock_wall_ms());
    return CHOSE_OUTCOME;
}

static enum courier_choice choose_unknown(struct run *run)
{
    read_doubt(run);
    return look(run);
}

/* ---- ordinary courses ---- */

static bool same_face(const struct run *run)
{
    return memcmp(run->load.face, run->load.post_face, sizeof run->load.face) == 0;
}

static void take_course(struct run *run, enum course course, const struct step *steps)
{
    const struct step *stored = NULL;
    enum course was;

    run->course = course;
    run->steps = run->step = steps;
    if (run->load.course && run->load.step && course_parse(run->load.course, &was) &&
        was == course) {
        stored = step_find(steps, run->load.step);
    }
    if (stored) {
        run->step = stored;
        run->step_first_at_ms = run->load.step_first_at_ms;
    }
}

/* All of it, whatever has been taken of it. */
static bool may_be_repeated(const struct step *steps)
{
    for (const struct step *s = steps; s->name; s++) {
        if (s->publishes && (!s->repeatable || s->repeat_within_ms > 0 || s->each_member)) {
            return false;
        }
    }
    return true;
}

static bool is_restored(const struct run *run)
{
    return run->exposed && !run->load.course;
}

/* Not to be repeated, or too late for it, and it may be there. A first request of the time to come
 * says that the clock was set back since, and not by how much: then nobody knows how late it is. */
static bool must_look_first(const struct run *run)
{
    int64_t age_ms = clock_wall_ms() - run->step_first_at_ms;

    if (is_restored(run)) {
        return !may_be_repeated(run->steps);
    }
    return run->exposed && run->step->repeatable && run->step->repeat_within_ms > 0 &&
           run->step_first_at_ms > 0 && (age_ms < 0 || age_ms > run->step->repeat_within_ms);
}

/* It was repeatable and is no more: into doubt first, so that the ledger believes the look. */
static enum courier_choice into_doubt(struct run *run)
{
    bool can_look = run->course == COURSE_PUBLISH && courier__course(run, COURSE_VERIFY);

    if (!can_look && run->settings->on_unknown == ON_UNKNOWN_RETRY) {
        return CHOSE_STEPS;
    }
    courier__judge_unknown(run, can_look ? clock_wall_ms() : 0, clock_wall_ms());
    return CHOSE_OUTCOME;
}

/* Only what may be public comes here late; the rest has expired in the ledger. */
static bool is_late(const struct run *run)
{
    return run->exposed && run->load.not_after_ms > 0 && !run->step->each_member &&
           clock_wall_ms() >= run->load.not_after_ms; /* a wave sees for itself */
}

static enum courier_choice end_late(struct run *run)
{
    if (run->course == COURSE_PUBLISH && courier__course(run, COURSE_VERIFY)) {
        courier__judge_unknown(run, clock_wall_ms(), clock_wall_ms());
        return CHOSE_OUTCOME;
    }
    return decide(run,
                  DELIVERY_EXPIRED,
                  "again",
                  "worthless by now (it may have arrived: the last try got no answer)");
}

static enum courier_choice walk(struct run *run, enum course course, const struct step *steps)
{
    take_course(run, course, steps);
    if (is_late(run)) {
        return end_late(run);
    }
    return must_look_first(run) ? into_doubt(run) : CHOSE_STEPS;
}

static enum courier_choice choose_retract(struct run *run)
{
    const struct adapter *a = run->channel->adapter;
    const struct step *retract = courier__course(run, COURSE_RETRACT);

    run->course = COURSE_RETRACT;
    if (!run->load.has_post && !run->load.maybe_public) {
        return decide(run, DELIVERY_DONE, "done", "nothing to retract");
    }
    if (!run->load.has_post && !a->retract_without_post) {
        return refuse(run, "it may be public and we do not know its id: see for yourself");
    }
    if (!retract) {
        return refuse(run, a->cannot_retract);
    }
    if (!run->settings->retracts) {
        return refuse(run, "retractions are switched off for this channel");
    }
    return walk(run, COURSE_RETRACT, retract);
}

/* What stands is good enough. */
static enum courier_choice leave_it(struct run *run, const char *why)
{
    enum courier_choice choice = decide(run, DELIVERY_DONE, "done", why);

    run->outcome.post_stands = true;
    return choice;
}

static enum courier_choice choose_update(struct run *run)
{
    const struct adapter *a = run->channel->adapter;
    const struct step *update = courier__course(run, COURSE_UPDATE);

    run->course = COURSE_UPDATE;
    if (same_face(run) && !a->every_revision) {
        return leave_it(run, "nothing a reader sees has changed");
    }
    if (a->update_wanted && run->load.article_content &&
        !a->update_wanted(run->settings->own, run->load.article_content)) {
        return leave_it(run, "not told as a correction: readers keep what they have");
    }
    if (!update) {
        return refuse(run, a->cannot_update);
    }
    if (!run->settings->updates) {
        return refuse(run, "updates are switched off for this channel");
    }
    return walk(run, COURSE_UPDATE, update);
}

enum courier_choice courier__choose(struct run *run)
{
    run->exposed = run->load.exposed;
    switch (run->load.state) {
    case DELIVERY_UNKNOWN:
        return choose_unknown(run);
    case DELIVERY_READY:
    case DELIVERY_AGAIN:
        break;
    default:
        return CHOSE_NOTHING; /* it was cancelled, or ended, since the scheduler heard of it */
    }
    if (run->load.retract) {
        return choose_retract(run);
    }
    if (run->load.has_post) {
        return choose_update(run);
    }
    return walk(run, COURSE_PUBLISH, run->channel->adapter->publish);
}

/* ---- context ---- */

enum err_code courier__make_context(struct run *run, struct err *why)
{
    const struct ledger_load *l = &run->load;
    bool verify = run->course == COURSE_VERIFY;
    struct context_facts facts = {
        .config = run->config,
        .channel = run->settings,
        .article = l->article_content,
        .article_id = l->public_id,
        .delivery = run->job.id,
        .revision = l->revision,
        .breaking = l->breaking,
        .reason = l->reason,
        .created_at_ms = l->created_at_ms,
        .not_after_ms = l->not_after_ms,
        .course = run->course,
        .in_doubt = run->doubt.course,
        .record = l->record,
        .post = verify        ? l->record
                : l->has_post ? l->post
                              : NULL,
        .account = run->channel->account,
        .is_test = l->test,
    };
    enum err_code rc;

    if (!l->article_content) {
        return err_set(why, ERR_INVALID, "%s", l->req.why.text);
    }
    page_fill_article(l->article_content, l->page);
    rc = context_init(&run->sc, &facts, why);

    if (rc == ERR_NONE && verify) {
        courier__doubt_write(run->sc.ctx.record, &run->doubt);
    }
    return rc;
}
