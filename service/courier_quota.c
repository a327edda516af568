/* Whether a platform takes one more post from a channel today. Called by courier_run.c when a course is chosen
 * and by courier_claim.c; the counting is queue/quota.c's.
 *
 *   chosen      a course that makes a post takes its place in the book, in memory, so that runs side by side
 *               do not take the same one; or it waits as `again`, and nothing is written of an attempt
 *   begin       of the request that makes the post: the place is written down with it
 *   end         certainly no post: the place is given back, on disk with the end, then here
 *
 * Who waits looks again after LOOK_MS at the latest: settings may have changed, or a place come back. */

#include "service/courier_internal.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"

#define LOOK_MS (10 * MS_MINUTE)

static bool step_counts(const struct run *run, const struct step *step)
{
    return step->publishes && (run->course == COURSE_PUBLISH || step->makes_post);
}

static bool course_counts(const struct run *run)
{
    if (run->course == COURSE_VERIFY || run->course == COURSE_TEST) {
        return false;
    }
    for (const struct step *s = run->steps; s->name; s++) {
        if (step_counts(run, s)) {
            return true;
        }
    }
    return false;
}

static bool is_in_book(const struct run *run)
{
    const struct quota_book *b = &run->channel->used;

    for (size_t i = 0; i < b->count; i++) {
        if (b->v[i].delivery.v == run->job.id.v) {
            return true;
        }
    }
    return false;
}

static void take(struct run *run, const struct quota *q)
{
    int64_t now_ms = clock_wall_ms();

    quota_book_prune(&run->channel->used, q, now_ms);
    run->counts = true;
    run->counts_anew = !is_in_book(run);
    quota_book_put(&run->channel->used, run->job.id, now_ms);
}

static void wait_for_place(struct run *run, const struct quota_view *v, bool breaking)
{
    struct outcome *o = &run->outcome;
    int64_t look_ms = clock_wall_ms() + LOOK_MS;
    char until[TIME_TEXT_BYTES];

    *o = (struct outcome){.to = DELIVERY_AGAIN,
                          .due_at_ms = v->next_at_ms < look_ms ? v->next_at_ms : look_ms,
                          .verdict = verdict_name(VERDICT_AGAIN),
                          .exposed = run->exposed,
                          .course = run->course,
                          .next_step = run->load.step,
                          .untouched = true,
                          .waits = true,
                          .feedback.outcome = SCHED_NEUTRAL};
    (void)channel_quota_why(run->channel, v, breaking, o->detail);
    if (run->load.state == DELIVERY_READY) {
        log_info(EV_QUOTA_USED_UP,
                 LOG_DELIVERY(run->job.id),
                 LOG_STR("channel", run->channel->name),
                 LOG_STR("until", time_rfc3339(v->next_at_ms, until)),
                 LOG_STR("detail", o->detail));
    }
}

/* No quota: what was counted under settings of before is no obstacle, and nothing more is counted. */
static bool may_go(struct run *run, bool breaking, struct quota_view *out)
{
    struct quota q = channel_quota(run->channel);

    if (q.count <= 0 || !course_counts(run)) {
        return true;
    }
    *out = channel_quota_look(run->channel, run->job.id, breaking);
    if (!out->may_go) {
        return false;
    }
    take(run, &q);
    return true;
}

bool courier__quota_admits(struct run *run)
{
    struct quota_view view;
    bool goes = may_go(run, run->load.breaking, &view);

    if (!goes) {
        wait_for_place(run, &view, run->load.breaking);
    }
    return goes;
}

bool courier__quota_claims(struct run *run)
{
    struct quota_view view;
    bool goes = may_go(run, run->job.breaking, &view);

    run->counts_on_disk = goes && courier__quota_is_used(run);
    return goes;
}

bool courier__quota_is_used(const struct run *run)
{
    return run->counts && step_counts(run, run->step);
}

void courier__quota_give_back(struct run *run)
{
    if (run->counts_anew && !run->begun) {
        quota_book_drop(&run->channel->used, run->job.id);
    }
}

bool courier__quota_is_free(const struct run *run)
{
    const struct outcome *o = &run->outcome;

    return !o->exposed && o->to != DELIVERY_DONE && o->to != DELIVERY_IN_FLIGHT &&
           is_in_book(run);
}

void courier__quota_settle(struct run *run)
{
    bool never_left = run->counts_anew && !run->counts_on_disk;

    if (run->end.gives_quota_back || never_left) {
        quota_book_drop(&run->channel->used, run->job.id);
    }
}
