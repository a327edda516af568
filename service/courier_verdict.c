/* What a verdict makes of a delivery and of its destination. Called by courier_run.c with the
 * adapter's verdict (or the one made of a failed exchange); decides only, the outcome is carried out
 * by courier_end.c.
 *
 *   done       done
 *   again      again: backoff with jitter, or what the platform asked for, in full. Trouble with this
 *              one delivery counts, and ends in rejected after queue.max_attempts; trouble with the
 *              channel or its host does not: an outage of any length is waited out. A due time beyond
 *              not_after ends in expired. But what may be public ends in neither while the platform
 *              can be asked: a look first; and what is done in part and may stand so ends in done
 *   unknown    of a step that may be repeated: again. Else unknown: a look after queue.verify_after,
 *              or, where there is none, what the channel's on_unknown says
 *   rejected   rejected
 *   blocked    blocked, and the whole channel with it; but again, soon, when the channel was mended
 *              (a resume, new settings) since this run began: the answer is about what was before
 *
 * and of a look (verify), where the delivery stays in doubt until something is known:
 *
 *   done       done: it is there
 *   absent     ready: it is not there, so the step that was in doubt goes again
 *   again      a look later
 *   unknown    a look later, LOOKS_MAX times; then a person must say
 *   rejected   cannot be looked for: as unknown
 *   blocked    the channel is blocked; a look once it is mended
 *
 * Exposed means: something of it may be public. It is set with the begin of a step that publishes,
 * and taken back only by an answer that says no for certain, and then only to what it was before
 * this attempt: an earlier one may have been left open. */

#include "service/courier_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/clock.h"

#define LOOKS_MAX 5
#define MENDED_PAUSE_MS (1 * MS_SECOND)
#define POLL_MS                                                                                \
    (2 * MS_SECOND) /* between looks at "still processing", when no time was asked for */

bool courier__exposed_after(const struct run *run,
                            const struct verdict *v,
                            enum transport_outcome transport)
{
    if (run->course == COURSE_VERIFY || !run->step || !run->step->publishes) {
        return run->exposed;
    }
    if (transport != TRANSPORT_ANSWERED) {
        return run->exposed || transport == TRANSPORT_LOST;
    }
    if (v->maybe_public) {
        return true;
    }
    switch (v->kind) {
    case VERDICT_NEXT: /* a refusal may lead on too: to another form of the post */
        return run->exposed || (run->status < 400 && !v->refused);
    case VERDICT_DONE:
    case VERDICT_UNKNOWN:
    case VERDICT_ABSENT:
        return true;
    case VERDICT_AGAIN:
        /* 503 is said by the front door; any other server error may come after the deed. */
        return run->exposed || (run->status >= 500 && run->status != 503);
    case VERDICT_REJECTED:
    case VERDICT_BLOCKED:
        return run->exposed;
    }
    return true;
}

/* ---- the destination ---- */

bool courier__is_outdated(const struct run *run)
{
    return run->generation != run->channel->generation;
}

static struct sched_end feedback_of(const struct run *run, const struct verdict *v)
{
    struct sched_end end = {.outcome = SCHED_OK};

    switch (v->kind) {
    case VERDICT_AGAIN:
        if (v->not_counted) {
            return end;
        }
        end.outcome = SCHED_TROUBLE;
        end.whole_channel = v->scope != SCOPE_POST;
        end.whole_host = v->scope == SCOPE_HOST;
        end.retry_after_ms = v->retry_after_ms;
        end.overload = run->status == 429 || run->status == 503;
        return end;
    case VERDICT_UNKNOWN:
        end.outcome = SCHED_TROUBLE;
        return end;
    case VERDICT_BLOCKED:
        end.outcome = courier__is_outdated(run) ? SCHED_NEUTRAL : SCHED_STOPPED;
        return end;
    default:
        return end; /* it answered: also a no to this article is a good answer */
    }
}

/* ---- the delivery ---- */

PRINTF_LIKE(2, 3) static void say(struct outcome *o, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vsnprintf(o->detail, sizeof o->detail, format, args);
    va_end(args);
}

/* What became of the picture belongs to what is said of the whole. */
void courier__say_picture(struct run *run)
{
    struct outcome *o = &run->outcome;
    const char *note = json_path_str(run->sc.ctx.record, PICTURE_MEMBER);
    size_t len = strlen(o->detail);

    if (note) {
        (void)snprintf(
            o->detail + len, sizeof o->detail - len, "%s%s", len > 0 ? "; " : "", note);
        (void)json_object_del(run->sc.ctx.record, PICTURE_MEMBER);
    }
}

static void give_up(struct run *run, const struct verdict *v, int64_t failures)
{
    struct outcome *o = &run->outcome;

    o->to = DELIVERY_REJECTED;
    o->due_at_ms = 0;
    say(o,
        "gave up after %lld attempts%s: %s",
        (long long)failures,
        o->exposed ? " (it may have arrived)" : "",
        v->detail);
}

static int64_t
retry_at(const struct run *run, const struct verdict *v, int64_t failures, int64_t now)
{
    if (v->not_counted) {
        return now + (v->retry_after_ms > 0 ? v->retry_after_ms : POLL_MS);
    }
    return sched_retry_at(
        run->courier->crier->sched, run->channel->name, failures, v->retry_after_ms, now);
}

static bool can_look(const struct run *run)
{
    return run->course == COURSE_PUBLISH && courier__course(run, COURSE_VERIFY);
}

static void look_after(struct run *run, const struct verdict *v, int64_t now_ms)
{
    struct outcome *o = &run->outcome;

    o->to = DELIVERY_UNKNOWN;
    o->failure = true;
    o->due_at_ms = now_ms + run->config->queue.verify_after_ms;
    say(o, "%s", v->detail);
}

/* What is done stays, the rest is left undone. */
static void let_stand(struct run *run, const struct verdict *v)
{
    struct outcome *o = &run->outcome;

    o->to = DELIVERY_DONE;
    o->due_at_ms = 0;
    o->failure = false;
    o->next_step = NULL;
    o->post_stands = run->course != COURSE_RETRACT;
    say(o, "not tried again: %s", v->detail);
}

static void go_again(struct run *run, const struct verdict *v, int64_t now_ms)
{
    struct outcome *o = &run->outcome;
    int64_t failures = run->load.attempts + (v->not_counted ? 0 : 1);
    bool gives_up, too_late;

    o->to = DELIVERY_AGAIN;
    o->failure = !v->not_counted && v->scope == SCOPE_POST;
    o->waits = v->not_counted;
    say(o, "%s", v->detail);
    o->due_at_ms = retry_at(run, v, failures, now_ms);
    gives_up = o->failure && failures >= run->config->queue.max_attempts;
    too_late = run->load.not_after_ms > 0 && o->due_at_ms > run->load.not_after_ms;
    if ((gives_up || too_late) && o->exposed && can_look(run)) {
        look_after(run, v, now_ms);
    } else if ((gives_up || too_late) && v->stands) {
        let_stand(run, v);
    } else if (gives_up) {
        give_up(run, v, failures);
    } else if (too_late) {
        /* In doubt it cannot expire (queue/state.c); then it is given up. */
        o->to = run->load.state == DELIVERY_UNKNOWN ? DELIVERY_REJECTED : DELIVERY_EXPIRED;
        o->due_at_ms = 0;
        say(o,
            "the next try would come too late%s: %s",
            o->exposed ? " (it may have arrived)" : "",
            v->detail);
    }
}

static void judge_unlookable(struct run *run, int64_t now_ms)
{
    struct outcome *o = &run->outcome;
    struct verdict v = verdict_make(
        VERDICT_AGAIN, SCOPE_POST, 0, "it may be public; sent again, as on_unknown says");

    if (run->settings->on_unknown == ON_UNKNOWN_RETRY) {
        o->verdict = "again";
        go_again(run, &v, now_ms);
        return;
    }
    say(o,
        "it may be public and this platform cannot be asked: see for yourself, then resolve "
        "it");
}

void courier__judge_unknown(struct run *run, int64_t look_at_ms, int64_t now_ms)
{
    struct outcome *o = &run->outcome;

    *o = (struct outcome){.to = DELIVERY_UNKNOWN,
                          .verdict = "unknown",
                          .exposed = true,
                          .due_at_ms = look_at_ms,
                          .course = run->course,
                          .feedback.outcome = SCHED_NEUTRAL};
    if (run->step) {
        o->next_step = run->step->name;
    } else if (run->doubt.step[0] != '\0') {
        o->next_step = run->doubt.step;
    }
    if (look_at_ms > 0) {
        say(o,
            "it may be public, and the platform would not know a repeat by our key: looking "
            "first");
    } else {
        judge_unlookable(run, now_ms);
    }
}

static void judge_doubt(struct run *run, const struct verdict *v, int64_t now_ms)
{
    struct outcome *o = &run->outcome;

    if (run->step->repeatable) {
        go_again(run, v, now_ms); /* the platform tells a repeat by our key */
        return;
    }
    if (can_look(run)) {
        look_after(run, v, now_ms);
        return;
    }
    if (run->settings->on_unknown == ON_UNKNOWN_RETRY) {
        go_again(run, v, now_ms);
        return;
    }
    o->to = DELIVERY_UNKNOWN;
    o->failure = true;
    say(o, "%s", v->detail);
}

/* ---- a look ---- */

static void look_later(struct run *run, int64_t due_at_ms)
{
    struct outcome *o = &run->outcome;

    o->to = DELIVERY_UNKNOWN;
    o->exposed = true;
    o->due_at_ms = due_at_ms;
    courier__doubt_write(run->sc.ctx.record, &run->doubt);
}

static void look_again(struct run *run, const struct verdict *v, int64_t now_ms)
{
    run->doubt.tries++;
    look_later(run, retry_at(run, v, run->doubt.tries, now_ms));
}

static void look_in_vain(struct run *run, const struct verdict *v, int64_t now_ms)
{
    run->doubt.looks++;
    if (run->doubt.looks < LOOKS_MAX) {
        look_later(run, retry_at(run, v, run->doubt.looks, now_ms));
        return;
    }
    look_later(run, 0);
    say(&run->outcome,
        "looked %d times and still unknown, a person must see: %s",
        LOOKS_MAX,
        v->detail);
}

static void look_found_nothing(struct run *run, const struct verdict *v, int64_t now_ms)
{
    struct outcome *o = &run->outcome;

    o->exposed = false;
    if (run->load.attempts >= run->config->queue.max_attempts) {
        give_up(run, v, run->load.attempts);
        return;
    }
    o->to = DELIVERY_READY;
    o->due_at_ms = now_ms;
}

static void judge_look(struct run *run, const struct verdict *v, int64_t now_ms)
{
    struct outcome *o = &run->outcome;

    o->course = run->doubt.course;
    o->next_step = run->doubt.step[0] ? run->doubt.step : NULL;
    say(o, "%s", v->detail);
    switch (v->kind) {
    case VERDICT_DONE:
        o->to = DELIVERY_DONE;
        o->post_stands = true;
        courier__say_picture(run);
        break;
    case VERDICT_ABSENT:
        look_found_nothing(run, v, now_ms);
        break;
    case VERDICT_AGAIN:
        look_again(run, v, now_ms);
        break;
    case VERDICT_BLOCKED:
        o->block = !courier__is_outdated(run);
        look_again(run, v, now_ms);
        break;
    case VERDICT_NEXT: /* the last step said neither */
    case VERDICT_UNKNOWN:
    case VERDICT_REJECTED:
        look_in_vain(run, v, now_ms);
        break;
    }
}

static void stop_channel(struct run *run, const struct verdict *v, int64_t now_ms)
{
    struct outcome *o = &run->outcome;

    if (courier__is_outdated(run)) {
        o->to = DELIVERY_AGAIN;
        o->due_at_ms = now_ms + MENDED_PAUSE_MS;
        say(o, "before the channel was mended: %s", v->detail);
        return;
    }
    o->to = DELIVERY_BLOCKED;
    o->block = true;
}

static void judge_sent(struct run *run, const struct verdict *v, int64_t now_ms)
{
    struct outcome *o = &run->outcome;

    say(o, "%s", v->detail);
    switch (v->kind) {
    case VERDICT_NEXT: /* there is no step behind the last one */
    case VERDICT_DONE:
        o->to = DELIVERY_DONE;
        o->next_step = NULL;
        o->post_stands = run->course != COURSE_RETRACT;
        courier__say_picture(run);
        break;
    case VERDICT_AGAIN:
        go_again(run, v, now_ms);
        break;
    case VERDICT_UNKNOWN:
    case VERDICT_ABSENT: /* nobody looked: an adapter that says so does not know */
        judge_doubt(run, v, now_ms);
        break;
    case VERDICT_REJECTED:
        o->to = DELIVERY_REJECTED;
        break;
    case VERDICT_BLOCKED:
        stop_channel(run, v, now_ms);
        break;
    }
}

void courier__judge(struct run *run,
                    const struct verdict *v,
                    enum transport_outcome transport,
                    int64_t now_ms)
{
    struct outcome *o = &run->outcome;

    *o = (struct outcome){.verdict = verdict_name(v->kind),
                          .course = run->course,
                          .next_step = v->jump ? v->jump : run->step->name,
                          .exposed = courier__exposed_after(run, v, transport),
                          .feedback = feedback_of(run, v)};
    if (run->course == COURSE_VERIFY) {
        judge_look(run, v, now_ms);
    } else {
        judge_sent(run, v, now_ms);
    }
}

/* A build that fails, a stored article that cannot be read: trying again cannot help, and while
 * a delivery is in doubt it is no answer to the question either. */
void courier__judge_own_error(struct run *run, const struct err *why)
{
    struct outcome *o = &run->outcome;

    *o = (struct outcome){.to = DELIVERY_REJECTED,
                          .verdict = "rejected",
                          .course = run->course,
                          .next_step = run->step ? run->step->name : NULL,
                          .exposed = run->exposed};
    o->feedback.outcome = SCHED_NEUTRAL;
    if (run->course == COURSE_VERIFY) {
        o->to = DELIVERY_UNKNOWN;
        o->verdict = "unknown";
        o->exposed = true;
        o->course = run->doubt.course;
        o->next_step = run->doubt.step[0] ? run->doubt.step : NULL;
    }
    say(o, "%s", why->text);
}
