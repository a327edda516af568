/* One answer, or none: what it means for the members of the request, for the wave, and for the origin. A stream
 * is settled here, and freed when nghttp2 closes it. */

#include "service/lane_internal.h"

#include <stdio.h>
#include <string.h>

struct buf *lane__answer_buf(struct lane *t)
{
    struct buf *b;

    if (t->answer_count > 0) {
        return t->answers[--t->answer_count];
    }
    b = mem_zalloc(sizeof *b);
    buf_init(b, LANE_ANSWER_OF_MANY);
    return b;
}

static void answer_give(struct lane *t, struct buf *b)
{
    if (!b) {
        return;
    }
    buf_clear(b);
    if (t->answer_count == t->answer_cap) {
        t->answer_cap = t->answer_cap ? t->answer_cap * 2 : 16;
        t->answers = mem_realloc(t->answers, t->answer_cap, sizeof(struct buf *));
    }
    t->answers[t->answer_count++] = b;
}

/* It belongs to nobody any more. */
static struct lane_group *let_go(struct lane_stream *s)
{
    struct lane_group *g = s->group;
    struct lane_origin *o = s->conn->origin;

    s->group = NULL;
    o->in_flight--;
    (void)atomic_fetch_sub_explicit(&o->lane->lanes->streams, 1, memory_order_relaxed);
    lane__origin_dirty(o);
    return g;
}

void lane__stream_free(struct lane_stream *s)
{
    struct lane_conn *c = s->conn;
    struct lane *t = c->origin->lane;

    must(s->group == NULL);
    lane__text_give(t, s->text);
    answer_give(t, s->answer);
    http_headers_done(&s->headers);
    if (list_linked(&s->node)) {
        list_remove(&c->streams, &s->node);
        c->open--;
    }
    s->next_unused = t->streams;
    t->streams = s;
}

/* What a verdict means beyond the request. */
static void heard(struct lane_origin *o, struct lane_work *w, struct verdict *v, int status)
{
    if (status == 429 || status == 503) {
        lane__too_much(o);
    }
    switch (v->kind) {
    case VERDICT_AGAIN:
        if (v->scope == SCOPE_HOST) {
            lane__too_much(o);
            (void)lane__quiet(o, v->retry_after_ms);
        } else if (v->scope == SCOPE_CHANNEL) {
            lane__stop(w, v);
        }
        break;
    case VERDICT_BLOCKED:
    case VERDICT_REJECTED:
        lane__stop(w, v);
        break;
    default:
        break;
    }
}

/* The scratch of words, and of members, for those of the stream. */
static void prepare(const struct lane_stream *s, const struct lane_group *g)
{
    struct lane *t = g->work->lane;
    size_t n = 0;

    for (uint32_t i = s->head; i > 0; i = g->work->next[i - 1]) {
        struct member_word *w = &t->words[n];

        t->members[n] = lane__member(t, g->work, i - 1, n);
        n++;
        w->outcome = MEMBER_ACCEPTED;
        w->retry_after_ms = 0;
        w->second = false;
        w->id[0] = w->detail[0] = '\0';
    }
    must(n == s->count);
}

/* An answer that stops all of us (no to our token) is none about the member: that was no try of theirs, and they go
 * again as soon as the others do. */
static bool is_a_try(const struct member_word *word, const struct verdict *v)
{
    return word->outcome != MEMBER_AGAIN || v->kind != VERDICT_BLOCKED;
}

static void settle_all(const struct lane_stream *s,
                       struct lane_group *g,
                       int status,
                       const struct verdict *v)
{
    struct lane *t = g->work->lane;
    size_t n = 0;

    for (uint32_t i = s->head, behind; i > 0; i = behind, n++) {
        behind = g->work->next[i - 1];
        if (!lane__once_more(g, i - 1, &t->words[n])) {
            lane__settle(g, i - 1, &t->words[n], status, is_a_try(&t->words[n], v));
        }
    }
    if (g->waiting > 0) {
        lane__origin_queue(g);
    }
    (void)atomic_fetch_add_explicit(&t->lanes->messages, s->count, memory_order_relaxed);
}

static void note_progress(struct lane_origin *o, struct lane_stream *s)
{
    o->progress_ms = o->lane->now_ms;
    o->stalled = false;
    s->conn->proven = true;
    if (s->status >= 200 && s->status < 500 && s->status != 429) {
        if (atomic_load_explicit(&o->shared->troubles, memory_order_relaxed) != 0) {
            atomic_store(&o->shared->troubles, 0);
        }
        lane__went_well(o, o->lane->now_us - s->started_us);
    }
}

void lane__answered(struct lane_stream *s)
{
    struct lane_origin *o = s->conn->origin;
    struct lane_group *g;
    struct lane *t = o->lane;
    struct http_response res = {
        .status = s->status, .headers = s->headers, .now_ms = t->wall_ms};
    struct verdict v;

    if (!s->group) {
        return; /* too late */
    }
    note_progress(o, s);
    g = let_go(s);
    res.body = s->answer ? buf_str(s->answer) : "";
    res.body_len = s->answer ? s->answer->len : 0;
    res.truncated = s->truncated;
    prepare(s, g);
    v = g->work->batch->push->read(g->work->batch->plan, t->members, s->count, &res, t->words);
    settle_all(s, g, s->status, &v);
    heard(o, g->work, &v, s->status);
}

static void say_unknown(struct lane_stream *s, struct lane *t, const char *error)
{
    for (uint32_t i = 0; i < s->count; i++) {
        t->words[i].outcome = MEMBER_UNKNOWN;
        (void)snprintf(t->words[i].detail, sizeof t->words[i].detail, "%s", error);
    }
}

void lane__lost(struct lane_stream *s, const char *error)
{
    struct lane_origin *o = s->conn->origin;
    struct lane *t = o->lane;
    struct lane_group *g;
    const struct push *push;
    struct verdict v = verdict_next();

    if (!s->group) {
        return;
    }
    g = let_go(s);
    push = g->work->batch->push;
    prepare(s, g);
    say_unknown(s, t, error);
    if (push->unanswered) {
        v = push->unanswered(g->work->batch->plan, TRANSPORT_LOST, error, t->words, s->count);
    }
    settle_all(s, g, 0, &v);
    heard(o, g->work, &v, 0);
}

void lane__again(struct lane_stream *s, bool counts)
{
    struct lane_group *g;
    uint32_t head = s->head, count = s->count;

    if (!s->group) {
        return;
    }
    g = let_go(s);
    lane__put_back(g, head, count, counts);
}
