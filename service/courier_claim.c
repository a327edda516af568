/* Deliveries that start with their accept. Called by intake.c: before an accept to claim a turn, after
 * it to send or to give the turn back. What is sent, and what is written of it, is as for any other run
 * (courier_run.c); here is only how it begins.
 *
 *   courier_claim     the scheduler gives a place, when the channel could start one more at once
 *   (the accept)      writes the delivery as in flight at its first step, all in one commit
 *   courier_go        that is on disk: everything the ledger would tell is known, so walk
 *   courier_unclaim   or it failed, or was no news: nothing has left, the place is free again
 *
 * A crash after the commit finds the delivery in flight and treats it as any other: the step may have
 * left, whether it had or not. */

#include "service/courier_internal.h"

#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "service/intake.h"

static void fill_begin(struct run *run, int64_t now_ms)
{
    const struct step *first = run->channel->adapter->publish;

    run->attempt_id = id_next(&run->courier->crier->ids, now_ms);
    run->course = COURSE_PUBLISH;
    run->steps = run->step = first;
    run->begin = (struct ledger_begin){
        .req = {.kind = LEDGER_BEGIN},
        .id = run->job.id,
        .course = course_name(COURSE_PUBLISH),
        .step = first->name,
        .repeatable = first->repeatable,
        .publishes = first->publishes,
        .channel = run->channel->name,
        .bucket = run->bucket,
        .counts = true,
        .attempt_id = run->attempt_id,
        .now_ms = now_ms,
    };
}

struct run *courier_claim(struct courier *k,
                          const struct ledger_job *job,
                          const struct ledger_begin **out_start)
{
    struct channel *ch = channels_find(k->crier->channels, job->channel);
    int64_t now_ms = clock_wall_ms();
    struct ledger_bucket bucket;
    struct run *run;

    /* What would wait for a token is not written as in flight: nothing of it is, and it may take long. */
    if (!ch || !ch->settings || k->draining || !keeper_is_ready(k->crier->keeper, ch) ||
        !sched_claim(k->crier->sched, job, now_ms, &bucket)) {
        return NULL;
    }
    run = courier__run_new(k, ch);
    run->job = *job;
    run->bucket = bucket;
    fill_begin(run, now_ms);
    if (!courier__quota_claims(run)) { /* it will wait, and say so */
        courier__give_back(run, 0);
        return NULL;
    }
    run->begin.uses_quota = run->counts_on_disk;
    *out_start = &run->begin;
    return run;
}

void courier_unclaim(struct run *run)
{
    courier__give_back(run, 0);
}

/* What LEDGER_LOAD would bring. */
static void fill_load(struct run *run, const struct ledger_accept *a, struct article *article)
{
    struct ledger_load *l = &run->load;

    l->state = DELIVERY_IN_FLIGHT;
    l->public_id = mem_strdup(a->public_id);
    l->article = a->article;
    l->revision = l->latest_revision = a->revision;
    l->breaking = a->out_breaking;
    l->test = strcmp(a->source, INTAKE_TEST_SOURCE) == 0;
    l->reason = mem_strdup(a->out_reason);
    l->article_content = article_ref(article);
    memcpy(l->face, a->face, sizeof l->face);
    l->channel = mem_strdup(run->channel->name);
    l->created_at_ms = a->now_ms;
    l->not_after_ms = run->job.not_after_ms;
    l->record = mem_strdup("{}");
}

void courier_go(struct run *run, const struct ledger_accept *accept, struct article *article)
{
    fill_load(run, accept, article);
    run->begun = true;
    run->written = run->step;
    run->step_first_at_ms = run->begin.now_ms;
    courier__run_steps(run);
}

bool courier__is_written(const struct run *run)
{
    return run->step == run->written && json_object_size(run->sc.ctx.record) == 0 &&
           !courier__account_changed(run->channel);
}
