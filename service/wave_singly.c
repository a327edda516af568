/* Members of a batch whose push service does not speak HTTP/2: one by one, by out.c, when the batch is back from the
 * lanes and before it ends. Their answers take the place of the lanes' results, and mean the same (wave_result.c);
 * what they say of the origin is told to the lanes, which leave it alone then. Called by wave_lane.c.
 *
 *   wave__singly_begin   the lanes have marked some (lane_result.other_protocol)
 *   wave__singly_pump    a bounded number at a time, at the wave's pace
 *   on_answer            the result of one; the last one ends the batch
 *
 * The others of the batch wait for them no longer than BEGIN_MS and one answer may take: who has had no turn by then
 * comes again, without a try, when there may be room. The batches behind do not wait at all, since these count as none
 * of those that may be open: there are BATCHES_MAX of them, and what comes back marked meanwhile comes again as well. */

#include "service/wave_internal.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "service/lane.h"

#define AT_A_TIME 50 /* unless the channel says more or less (`concurrency`) */
#define BEGIN_MS (2 * MS_SECOND)
#define BATCHES_MAX 6
#define LATER_MAX_MS (10 * MS_SECOND)

static size_t at_a_time(const struct wave *w)
{
    size_t most = wave__window_max(w);

    return w->run->settings->concurrency > 0 || most < AT_A_TIME ? most : AT_A_TIME;
}

static struct lanes *lanes_of(const struct wave *w)
{
    return w->run->courier->crier->lanes;
}

/* ---- a result ---- */

static void
settle(struct wave_batch *b, size_t at, const struct member_word *word, int status, bool sent)
{
    struct lane_result *r = &b->lane.results[at];

    mem_free(r->detail);
    *r = (struct lane_result){
        .outcome = word->outcome,
        .sent = sent,
        .status = status,
        .service = r->service,
        .retry_after_ms = word->retry_after_ms,
        .answered_ms = clock_wall_ms(),
        .detail = word->outcome != MEMBER_ACCEPTED && word->detail[0] != '\0'
                      ? mem_strdup(word->detail)
                      : NULL,
    };
}

static void say(struct member_word *word,
                enum member_outcome outcome,
                int64_t retry_after_ms,
                const char *detail)
{
    *word = (struct member_word){.outcome = outcome, .retry_after_ms = retry_after_ms};
    (void)snprintf(word->detail, sizeof word->detail, "%.150s", detail);
}

/* ---- an answer ---- */

static struct member member_of_send(const struct wave_send *s)
{
    struct member m = s->batch->members[s->at];

    if (s->second) {
        m.second = true;
        m.prepared = NULL; /* it was used for the first */
    }
    return m;
}

static struct verdict read_answer(const struct wave_send *s, struct member_word *word)
{
    const struct push *push = s->wave->audience->push;
    const struct out_exchange *x = &s->exchange;
    struct member m = member_of_send(s);
    const struct member *one = &m;
    struct verdict v = verdict_next();

    if (x->outcome == TRANSPORT_ANSWERED) {
        *word = (struct member_word){.outcome = MEMBER_ACCEPTED};
        return push->read(s->wave->plan, &one, 1, &x->response, word);
    }
    say(word, x->outcome == TRANSPORT_LOST ? MEMBER_UNKNOWN : MEMBER_AGAIN, 0, x->error);
    if (push->unanswered) {
        v = push->unanswered(s->wave->plan, x->outcome, x->error, word, 1);
    }
    return x->outcome == TRANSPORT_LOST ? v : verdict_next(); /* of the wave it says nothing */
}

static int64_t trouble(const struct wave_send *s, int64_t retry_after_ms)
{
    const struct out_exchange *x = &s->exchange;
    int64_t now_ms = clock_mono_ms();

    if (s->wave->hurried) {
        return 0; /* the trouble is ours */
    }
    return lanes_trouble(lanes_of(s->wave),
                         &s->batch->lane,
                         &s->batch->members[s->at],
                         retry_after_ms,
                         x->outcome == TRANSPORT_LOST ? now_ms - x->timing.total_us / 1000
                                                      : now_ms);
}

/* What it means beyond the member. Returns how long its origin is left alone. */
static int64_t heed(const struct wave_send *s, const struct verdict *v)
{
    struct wave_batch *b = s->batch;
    const struct member *m = &b->members[s->at];
    const struct out_exchange *x = &s->exchange;
    int status = x->response.status;

    if (v->kind == VERDICT_BLOCKED || v->kind == VERDICT_REJECTED ||
        (v->kind == VERDICT_AGAIN && v->scope == SCOPE_CHANNEL)) {
        if (!b->lane.stopped) {
            b->lane.stopped = true;
            b->lane.why = *v;
        }
        return 0;
    }
    if (x->outcome != TRANSPORT_ANSWERED ||
        (v->kind == VERDICT_AGAIN && v->scope == SCOPE_HOST)) {
        return trouble(s, v->retry_after_ms);
    }
    if (status < 500 && status != 429) {
        lanes_well(lanes_of(s->wave), &b->lane, m);
    }
    return 0;
}

static bool goes_on(const struct wave_batch *b)
{
    return b->wave->stop == WAVE_GOES_ON && !b->lane.stopped;
}

static void send_one(struct wave_batch *b, size_t at, bool second);

static void on_answer(struct out_exchange *x)
{
    struct wave_send *s = container_of(x, struct wave_send, exchange);
    struct wave *w = s->wave;
    struct wave_batch *b = s->batch;
    struct member_word word;
    struct verdict v = read_answer(s, &word);
    int64_t quiet_ms = heed(s, &v);

    if (x->outcome == TRANSPORT_NOT_SENT && word.retry_after_ms < quiet_ms) {
        word.retry_after_ms = quiet_ms;
    }
    settle(b,
           s->at,
           &word,
           x->outcome == TRANSPORT_ANSWERED ? x->response.status : 0,
           x->outcome != TRANSPORT_NOT_SENT &&
               (word.outcome != MEMBER_AGAIN || v.kind != VERDICT_BLOCKED));
    if (word.second && word.outcome == MEMBER_AGAIN && !s->second && goes_on(b)) {
        send_one(b, s->at, true);
    }
    b->singly_open--;
    w->singly_done++;
    wave__send_free(s);
    wave__pump(w);
}

static void send_one(struct wave_batch *b, size_t at, bool second)
{
    struct wave *w = b->wave;
    struct wave_send *s = wave__send_new(b, at);
    struct err why = {0};
    struct member m;

    s->second = second;
    m = member_of_send(s);
    if (push_build_planned(
            w->audience->push, w->plan, &m, clock_wall_ms(), &s->request, &why) != ERR_NONE) {
        struct member_word word;

        say(&word, MEMBER_REFUSED, 0, why.text);
        settle(b, at, &word, 0, false);
        wave__send_free(s);
        return;
    }
    b->singly_open++;
    wave__send_begin(s, !w->audience->replaces, on_answer);
    /* Continues in on_answer(). */
}

/* ---- whose turn ---- */

static bool find_next(struct wave_batch *b)
{
    while (b->singly_at < b->leaving && !b->lane.results[b->singly_at].other_protocol) {
        b->singly_at++;
    }
    return b->singly_at < b->leaving;
}

/* As many as wait for another turn take so long, as things go; half of it, since the guess is a rough one. */
static int64_t later_ms(const struct wave *w)
{
    int64_t took_ms = clock_mono_ms() - w->singly_since_ms;
    int64_t ms = took_ms * w->counts.again / (w->singly_done + AT_A_TIME) / 2;

    return ms < BEGIN_MS ? BEGIN_MS : ms > LATER_MAX_MS ? LATER_MAX_MS : ms;
}

static void put_off(struct wave_batch *b, int64_t retry_after_ms)
{
    for (; find_next(b); b->singly_at++) {
        b->lane.results[b->singly_at].retry_after_ms = retry_after_ms;
    }
}

/* The next one's origin is in trouble: so is this member, as in the lanes. */
static bool is_left_alone(struct wave_batch *b)
{
    int64_t left_ms = lanes_quiet_left(lanes_of(b->wave), &b->lane, &b->members[b->singly_at]);
    struct member_word word;

    if (left_ms > 0) {
        say(&word, MEMBER_AGAIN, left_ms, LANE_LEFT_ALONE);
        settle(b, b->singly_at, &word, 0, false);
        b->lane.results[b->singly_at].left_alone = true;
    }
    return left_ms > 0;
}

static int64_t send_some(struct wave_batch *b)
{
    struct wave *w = b->wave;
    int64_t wait_ms;

    while (find_next(b)) {
        int64_t now_ms = clock_mono_ms();

        if (!goes_on(b) || now_ms >= b->singly_until_ms) {
            put_off(b, goes_on(b) ? later_ms(w) : 0);
            break;
        }
        if (is_left_alone(b)) {
            continue;
        }
        if (w->sends.count >= at_a_time(w)) {
            return WAVE_LOOK_MS; /* an answer comes before */
        }
        wait_ms = wave__lane_wait_ms(w, now_ms);
        if (wait_ms == 0) {
            wait_ms = lane_pace_take(b->lane.pace, 1, clock_mono_us());
        }
        if (wait_ms > 0) {
            return wait_ms;
        }
        send_one(b, b->singly_at++, false);
    }
    return WAVE_LOOK_MS;
}

int64_t wave__singly_pump(struct wave *w)
{
    int64_t least_ms = WAVE_LOOK_MS;

    LIST_EACH(&w->batches, n)
    {
        struct wave_batch *b = container_of(n, struct wave_batch, node);

        if (b->state == BATCH_SINGLY) {
            int64_t wait_ms = send_some(b);

            least_ms = wait_ms < least_ms ? wait_ms : least_ms;
            if (!find_next(b) && b->singly_open == 0) {
                w->singly_batches--;
                wave__lane_answered(b);
            }
        }
    }
    return least_ms;
}

/* How fast the lanes were is known now, and nothing that comes later says it. */
static void tell_flow(struct wave_batch *b)
{
    size_t answered = 0;

    for (size_t i = 0; i < b->leaving; i++) {
        answered += b->lane.results[i].status != 0;
    }
    if (answered > 0 && answered + b->singly == b->leaving) {
        flow_answered(&b->wave->flow, answered, b->left_ms, clock_mono_ms());
    }
}

bool wave__singly_begin(struct wave_batch *b)
{
    struct wave *w = b->wave;
    int64_t now_ms = clock_mono_ms();

    if (!goes_on(b) || b->called_back) {
        return false;
    }
    for (size_t i = 0; i < b->leaving; i++) {
        b->singly += b->lane.results[i].other_protocol;
    }
    if (b->singly == 0) {
        return false;
    }
    tell_flow(b);
    if (w->singly_batches == BATCHES_MAX) {
        put_off(b, later_ms(w));
        return false;
    }
    w->singly_batches++;
    b->state = BATCH_SINGLY;
    b->singly_until_ms = now_ms + BEGIN_MS;
    w->singly_since_ms = w->singly_since_ms ? w->singly_since_ms : now_ms;
    return true;
}
