/* One message of a wave: built for a member, sent, read. Called by wave.c, which has written down before that
 * the member's turn has come. What the answer means for the member goes into the batch; what it means for the
 * wave is acted on at once.
 *
 * No detail that is kept or logged holds the member's address: platforms like to repeat it. */

#include "service/wave_internal.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/mem.h"
#include "service/hide.h"
#include "service/metrics.h"

/* So many of the first must agree that nobody will get the article, before the others are spared. One bad
 * address can look like a bad article. */
#define REFUSALS_MIN 5
#define ANSWER_TIMEOUT_MS (30 * MS_SECOND)
#define PUSH_TIMEOUT_MS (20 * MS_SECOND)
#define AGAIN_MAX_MS (2 * MS_HOUR)

static out_done_fn send_2_on_answer;

/* ---- the member ---- */

static const struct ledger_wave_member *member_at(const struct wave_batch *b, size_t at)
{
    return &b->next.v[at];
}

static void set_member(struct wave *w, struct member *m, const struct ledger_wave_member *of)
{
    struct step_ctx *ctx = &w->run->sc.ctx;

    *m = (struct member){.id = of->id, .address = of->address, .language = of->language};
    ctx->member = m;
    ctx->now_ms = clock_wall_ms();
    memset(&ctx->word, 0, sizeof ctx->word);
    ctx->word.outcome = MEMBER_REFUSED; /* a build that fails says no more */
}

void wave__mask_address(char *detail, const char *address)
{
    const char *bare = address + strspn(address, "+");
    char *found = *bare ? strstr(detail, bare) : NULL;

    while (found) {
        size_t len = strlen(bare);

        memset(found, '*', len);
        found = strstr(found + len, bare);
    }
}

int64_t wave__again_in_ms(const struct wave *w, int64_t tries, int64_t asked_ms)
{
    const struct audience *a = w->audience;
    int64_t wait_ms = a->again_ms;

    if (tries + 1 >= a->again_max) {
        return 0;
    }
    for (int64_t i = 0; i < tries && wait_ms < AGAIN_MAX_MS; i++) {
        wait_ms *= a->again_factor;
    }
    wait_ms = wait_ms < AGAIN_MAX_MS ? wait_ms : AGAIN_MAX_MS;
    return asked_ms > wait_ms ? asked_ms : wait_ms;
}

/* An answer about all of us is none about the member: that was no try of theirs. */
static void note_word(struct wave_send *s, const struct verdict *v)
{
    struct wave *w = s->wave;
    const struct ledger_wave_member *of = member_at(s->batch, s->at);
    struct member_word *word = &w->run->sc.ctx.word;
    struct ledger_wave_result *r = &s->batch->results[s->at];
    bool of_all = v->kind != VERDICT_NEXT;
    int64_t wait_ms = wave__again_in_ms(w, of->tries, word->retry_after_ms);

    *r = (struct ledger_wave_result){.outcome = word->outcome, .tried = !of_all};
    if (word->outcome == MEMBER_AGAIN && !of_all && wait_ms == 0) {
        r->outcome = MEMBER_REFUSED;
    }
    r->due_at_ms = clock_wall_ms();
    if (r->outcome == MEMBER_AGAIN) {
        r->due_at_ms += of_all ? word->retry_after_ms : wait_ms;
    }
    wave__mask_address(word->detail, of->address);
    memcpy(s->batch->details[s->at], word->detail, sizeof word->detail);
}

/* ---- the wave ---- */

void wave__heed_refusal(struct wave *w, const struct verdict *v)
{
    int64_t few = w->counts.total < REFUSALS_MIN ? w->counts.total : REFUSALS_MIN;

    w->refused_in_row++;
    if (w->counts.accepted == 0 && (int64_t)w->refused_in_row >= few) {
        wave__stop(w, WAVE_REJECTED, v);
    }
}

static void heed(struct wave *w, const struct verdict *v, enum member_outcome outcome)
{
    switch (v->kind) {
    case VERDICT_BLOCKED:
        wave__stop(w, WAVE_BLOCKED, v);
        break;
    case VERDICT_REJECTED:
        wave__heed_refusal(w, v);
        break;
    case VERDICT_AGAIN:
    case VERDICT_UNKNOWN:
        (void)snprintf(w->why.detail, sizeof w->why.detail, "%s", v->detail);
        wave__slow_down(
            w, v->retry_after_ms, v->kind == VERDICT_AGAIN && v->scope != SCOPE_HOST);
        break;
    default:
        if (outcome == MEMBER_ACCEPTED) {
            w->refused_in_row = 0;
        }
        wave__went_well(w);
        break;
    }
}

static void note_attempt(const struct wave *w,
                         const struct wave_send *s,
                         const struct verdict *v,
                         int status)
{
    const struct run *run = w->run;
    const struct member_word *word = &run->sc.ctx.word;
    bool fine = v->kind == VERDICT_NEXT && word->outcome == MEMBER_ACCEPTED;
    char shown[MEMBER_ADDRESS_BYTES];

    member_mask(shown, member_at(s->batch, s->at)->address);
    metrics_add(run->courier->crier->metrics,
                METRIC_MESSAGES,
                run->channel->name,
                member_outcome_name(word->outcome));
    log_write(fine ? LOG_DEBUG : LOG_WARN,
              EV_MESSAGE,
              LOG_FIELDS(LOG_DELIVERY(run->job.id),
                         LOG_STR("channel", run->channel->name),
                         LOG_STR("member", shown),
                         LOG_I64("status", status),
                         LOG_STR("outcome", member_outcome_name(word->outcome)),
                         LOG_STR("detail", word->detail)));
}

/* ---- the exchange ---- */

struct wave_send *wave__send_new(struct wave_batch *b, size_t at)
{
    struct wave_send *s = mem_zalloc(sizeof *s);

    s->wave = b->wave;
    s->batch = b;
    s->at = at;
    list_push(&s->wave->sends, &s->node);
    http_request_init(&s->request);
    return s;
}

void wave__send_free(struct wave_send *s)
{
    list_remove(&s->wave->sends, &s->node);
    out_exchange_done(&s->exchange);
    http_request_done(&s->request);
    mem_free(s);
}

void wave__cancel_sends(struct wave *w)
{
    LIST_EACH(&w->sends, n)
    {
        out_cancel(&container_of(n, struct wave_send, node)->exchange);
    }
}

static struct verdict read_answer(struct wave_send *s)
{
    struct run *run = s->wave->run;
    const struct step *step = run->step;
    struct step_ctx *ctx = &run->sc.ctx;
    struct out_exchange *x = &s->exchange;
    struct verdict v;

    run->sent_ms += x->timing.total_us / 1000;
    if (x->outcome != TRANSPORT_ANSWERED) {
        v = step->unanswered(ctx, x->outcome, x->error);
    } else {
        hide_in_answer(x, run->settings, ctx->account, ctx->grant);
        v = step->read(ctx, &x->response);
    }
    hide_in_detail(v.detail, sizeof v.detail, run->settings, ctx->account, ctx->grant);
    hide_in_detail(
        ctx->word.detail, sizeof ctx->word.detail, run->settings, ctx->account, ctx->grant);
    return v;
}

static void send_2_on_answer(struct out_exchange *x)
{
    struct wave_send *s = container_of(x, struct wave_send, exchange);
    struct wave *w = s->wave;
    struct wave_batch *b = s->batch;
    size_t at = s->at;
    struct member member;
    struct verdict v;

    (void)FAULT("wave.answered"); /* it is not on disk that they have it */
    set_member(w, &member, member_at(b, at));
    v = read_answer(s);
    wave__mask_address(v.detail, member.address);
    w->run->exposed |= w->run->sc.ctx.word.outcome == MEMBER_ACCEPTED ||
                       w->run->sc.ctx.word.outcome == MEMBER_UNKNOWN;
    note_word(s, &v);
    note_attempt(w, s, &v, x->outcome == TRANSPORT_ANSWERED ? x->response.status : 0);
    heed(w, &v, w->run->sc.ctx.word.outcome);
    w->run->sc.ctx.member = NULL;
    wave__send_free(s);
    wave__batch_answered(b, at);
    wave__pump(w);
}

int64_t wave__answer_timeout(const struct wave *w)
{
    const struct run *run = w->run;
    int64_t own = run->channel->adapter->answer_timeout_ms;

    return run->settings->timeout_ms > 0 ? run->settings->timeout_ms
           : own > 0                     ? own
           : w->audience->push           ? PUSH_TIMEOUT_MS
                                         : ANSWER_TIMEOUT_MS;
}

void wave__send_begin(struct wave_send *s, bool once, out_done_fn *done)
{
    const struct run *run = s->wave->run;

    s->exchange = (struct out_exchange){
        .request = &s->request,
        .allow_private = run->settings->allow_private,
        .once = once,
        .timeout_ms = wave__answer_timeout(s->wave),
        .done = done,
    };
    out_send(run->courier->crier->out, &s->exchange);
}

/* A message that cannot be built is one we cannot make for anybody. */
static void refuse_unbuilt(struct wave *w, struct wave_send *s, const struct err *why)
{
    struct verdict v = verdict_make(VERDICT_REJECTED, SCOPE_POST, 0, "%.200s", why->text);
    struct wave_batch *b = s->batch;
    size_t at = s->at;

    (void)snprintf(w->run->sc.ctx.word.detail, MEMBER_DETAIL_BYTES, "%.150s", why->text);
    note_word(s, &v);
    wave__stop(w, WAVE_REJECTED, &v);
    w->run->sc.ctx.member = NULL;
    wave__send_free(s);
    wave__batch_answered(b, at);
}

void wave__send(struct wave *w, struct wave_batch *b)
{
    struct wave_send *s = wave__send_new(b, b->handed++);
    struct run *run = w->run;
    struct err why = {0};
    struct member member;

    set_member(w, &member, member_at(b, s->at));
    if (run->step->build(&run->sc.ctx, &s->request, &why) != ERR_NONE) {
        refuse_unbuilt(w, s, &why);
        return;
    }
    run->sc.ctx.member = NULL;
    wave__send_begin(s, true, send_2_on_answer);
    /* Continues in send_2_on_answer(). */
}
