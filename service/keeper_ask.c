/* Tokens for steps: the one in force, or a renewal to wait for, or why there is none. Called by the courier
 * before a step, and by keeper_renew.c when a renewal has ended.
 *
 * A token that a platform refused is doubted: nobody gets it again, until it was renewed or a person has done
 * something about the channel (a resume, other settings). Whoever comes with the refused token of before,
 * when another is in force already, gets that one: twenty deliveries that are refused at once cost one renewal. */

#include "service/keeper_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

PRINTF_LIKE(3, 4)
static bool answer(struct keeper_wait *w, enum keeper_answer answer, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vsnprintf(w->why, sizeof w->why, format, args);
    va_end(args);
    w->answer = answer;
    return true;
}

void keeper__heed_generation(struct held *h)
{
    if (h->generation == h->channel->generation) {
        return;
    }
    h->generation = h->channel->generation;
    h->refused = false;
    h->dead[0] = h->failing[0] = '\0';
    h->retry_at_ms = 0;
    h->failures = 0;
    mem_free_secret_text(h->doubted);
    h->doubted = NULL;
}

bool keeper__usable(const struct held *h, int64_t now_ms)
{
    return grant_holds(h->grant, now_ms) &&
           !(h->doubted && strcmp(h->doubted, grant_token(h->grant)) == 0);
}

bool keeper_is_ready(const struct keeper *k, const struct channel *ch)
{
    const struct held *h = keeper__find(k, ch);

    return !h || keeper__usable(h, clock_wall_ms());
}

/* What the forecast says is what a person should read, but of a token that only the platform knows the
 * trouble of. */
static bool say_none(const struct held *h, struct keeper_wait *w)
{
    struct forecast f;

    keeper_forecast(h->keeper, h->channel, &f);
    if (f.kind == FORECAST_LASTS || f.kind == FORECAST_ENDS || f.kind == FORECAST_RENEWED) {
        struct grant_way way = keeper__way(h);

        return answer(
            w,
            KEEPER_NONE,
            way.oauth->authorize
                ? "the token is not taken, and cannot be renewed: run `crier keys login %s`"
                : "the token is not taken, and cannot be renewed: %s needs a new one in the "
                  "settings",
            h->channel->name);
    }
    return answer(w, KEEPER_NONE, "%s", f.text);
}

/* false: only a renewal can tell. */
static bool answer_now(struct held *h, struct keeper_wait *w)
{
    struct grant_way way = keeper__way(h);
    int64_t now_ms = clock_wall_ms();

    if (keeper__usable(h, now_ms)) {
        w->grant = json_incref(h->grant);
        return answer(w, KEEPER_TOKEN, "%s", "");
    }
    if (h->locked[0] || h->dead[0] || h->refused || !grant_can_renew(&way, h->grant, now_ms) ||
        (grant_token(h->grant) && !grant_is_ripe(&way, h->grant, now_ms))) {
        return say_none(h, w);
    }
    if (h->retry_at_ms > now_ms && !h->renewal) {
        w->retry_after_ms = h->retry_at_ms - now_ms;
        return answer(w,
                      KEEPER_LATER,
                      "the token cannot be renewed: %s",
                      h->failing[0] ? h->failing
                                    : "the one that has just come is not taken either");
    }
    return false;
}

static void wait(struct held *h, struct keeper_wait *w)
{
    w->in = &h->waits;
    list_push(w->in, &w->node);
}

/* The callers of done may come back, and others may go meanwhile: each round takes whoever is there. */
void keeper__answer_all(struct held *h)
{
    for (size_t n = h->waits.count; n > 0; n--) {
        struct list_node *node = list_pop(&h->waits);
        struct keeper_wait *w;

        if (!node) {
            return;
        }
        w = container_of(node, struct keeper_wait, node);
        w->in = NULL;
        if (answer_now(h, w)) {
            w->done(w);
        } else {
            wait(h, w);
        }
    }
    if (!list_empty(&h->waits)) {
        keeper__renew(h);
    }
}

static void doubt(struct held *h, const char *refused)
{
    const char *token = grant_token(h->grant);

    if (refused && token && strcmp(refused, token) == 0) {
        mem_free_secret_text(h->doubted);
        h->doubted = mem_strdup(refused);
    }
}

bool keeper_token(struct keeper *k, struct channel *ch, struct keeper_wait *w)
{
    struct held *h = keeper__find(k, ch);

    w->in = NULL;
    w->grant = NULL;
    w->retry_after_ms = 0;
    if (!h) {
        return answer(w, KEEPER_NONE, "the keeper does not know this channel");
    }
    keeper__heed_generation(h);
    doubt(h, w->refused);
    w->refused = NULL;
    if (answer_now(h, w)) {
        return true;
    }
    wait(h, w);
    keeper__renew(h);
    return false;
    /* Continues in keeper__answer_all(). */
}

void keeper_wait_done(struct keeper_wait *w)
{
    if (w->in) {
        list_remove(w->in, &w->node);
        w->in = NULL;
    }
    json_decref(w->grant);
    w->grant = NULL;
}
