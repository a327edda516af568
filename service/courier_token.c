/* Whose access token a step carries. Called by courier_run.c before each step of a channel whose adapter has a
 * struct oauth, and when a platform did not take the token; leaves getting one to the keeper.
 *
 *   courier__fetch_token     the one in force: on with the step; else wait
 *   fetch_2_on_token         it was renewed, or cannot be
 *   courier__token_refused   renewed once for each run, and the step goes again; a second no is the channel's end
 *
 * What a token has to do with a delivery is nothing: that it cannot be had for now is trouble of the channel and no
 * attempt, that a person must sign in blocks the channel and keeps its articles. The answer that refused a token
 * is written down while the next one is waited for, so a crash in that time finds a step that was answered; one in the
 * moment before finds it in flight, as any other. */

#include "service/courier_internal.h"

#include <string.h>

#include "adapters/registry.h"
#include "base/mem.h"

/* What is to be done, then what the platform said. */
#define FORM "%.160s%s%.80s%s"

static keeper_done_fn fetch_2_on_token;

static void forget(struct run *run)
{
    run->sc.ctx.grant = NULL;
    run->sc.ctx.token = NULL;
    keeper_wait_done(&run->token);
}

static void answer(struct run *run)
{
    const struct keeper_wait *w = &run->token;
    const char *said = run->renewed ? run->next_verdict.detail : "";
    const char *open = *said ? " (" : "", *close = *said ? ")" : "";
    struct verdict v;

    switch (w->answer) {
    case KEEPER_TOKEN:
        run->sc.ctx.grant = w->grant;
        run->sc.ctx.token = grant_token(w->grant);
        courier__run_with_token(run);
        return;
    case KEEPER_LATER:
        v = verdict_make(
            VERDICT_AGAIN, SCOPE_CHANNEL, w->retry_after_ms, FORM, w->why, open, said, close);
        break;
    case KEEPER_NONE:
        v = verdict_make(VERDICT_BLOCKED, SCOPE_CHANNEL, 0, FORM, w->why, open, said, close);
        break;
    default:
        must(false);
    }
    courier__run_without_request(run, &v);
}

/* refused NULL: the platform has said nothing against any. */
static void fetch(struct run *run, const char *refused)
{
    run->token.refused = refused;
    run->token.done = fetch_2_on_token;
    if (keeper_token(run->courier->crier->keeper, run->channel, &run->token)) {
        answer(run);
        return;
    }
    /* It may take long: what the step before brought is written meanwhile. */
    courier__submit_next(run);
    run->waits_for_token = true;
    /* Continues in fetch_2_on_token(). */
}

void courier__fetch_token(struct run *run)
{
    forget(run);
    fetch(run, NULL);
}

static void fetch_2_on_token(struct keeper_wait *w)
{
    struct run *run = container_of(w, struct run, token);

    run->waits_for_token = false;
    answer(run);
}

bool courier__token_refused(struct run *run, const struct verdict *v)
{
    const struct step *to = v->jump ? step_find(run->steps, v->jump) : run->step;
    char *refused;

    if (run->renewed || !to || !run->sc.ctx.token) { /* without a grant there is no token */
        return false;
    }
    run->renewed = true;
    run->next_verdict = *v;
    if (to != run->step) {
        run->step = to;
        run->step_first_at_ms = 0;
    }
    if (!run->probe) {
        run->next_pending = true;
        courier__submit_next(run);
    }
    refused = mem_strdup(run->sc.ctx.token);
    forget(run);
    fetch(run, refused);
    mem_free_secret_text(refused);
    return true;
}

void courier__token_stop(struct run *run)
{
    run->waits_for_token = false;
    forget(run);
}
