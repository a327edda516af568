#ifndef CRIER_TESTS_LANE_KIT_H
#define CRIER_TESTS_LANE_KIT_H

/* Lanes with a push of our own and two fake push services: for tests of what becomes of a batch. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "adapters/trouble.h"
#include "base/clock.h"
#include "base/mem.h"
#include "service/crier.h"
#include "service/lane.h"
#include "tests/support/push_sink.h"

#define SINKS 2

/* ---- a push of our own: a member's address is its path, behind a digit that says which sink ---- */

struct push_plan {
    const char *origins[SINKS];
    size_t body_bytes;
    const char *no_compose; /* the member that cannot be composed */
    atomic_int headers_made;
    bool gives_second; /* who is refused by 401 goes again at once */
    int64_t headers_until_ms;
};

static inline bool origin(const struct push_plan *plan, const struct member *m, struct buf *out)
{
    if (m->address[0] < '0' || m->address[0] >= '0' + SINKS) {
        return false;
    }
    buf_adds(out, plan->origins[m->address[0] - '0']);
    return true;
}

static const char *service(const char *url)
{
    return strncmp(url, "https", 5) == 0 ? "secure" : "plain";
}

static inline void headers(const struct push_plan *plan,
                           const struct member *m,
                           const char *at,
                           int64_t now_ms,
                           struct http_headers *out,
                           int64_t *until_ms)
{
    char key[24];
    struct push_plan *writable = (struct push_plan *)(uintptr_t)plan;

    (void)now_ms;
    (void)atomic_fetch_add(&writable->headers_made, 1);
    http_headers_add(out, "Aud", 3, at, strlen(at));
    http_headers_add(
        out, "Key", 3, key, (size_t)snprintf(key, sizeof key, "%d", (int)m->key_id));
    if (plan->headers_until_ms) {
        *until_ms = plan->headers_until_ms;
    }
}

static inline enum err_code compose(const struct push_plan *plan,
                                    const struct member *const *m,
                                    size_t count,
                                    struct buf *path,
                                    struct buf *body,
                                    struct err *why)
{
    if (plan->no_compose && strcmp(m[0]->address, plan->no_compose) == 0) {
        return err_set(why, ERR_INVALID, "its key is no point of the curve");
    }
    if (m[0]->second) {
        must(!m[0]->prepared);
        buf_adds(body, "second ");
    }
    buf_adds(path, m[0]->address + 1);
    for (size_t i = 0; i < count; i++) {
        buf_addf(body, "%d ", (int)m[i]->id);
    }
    while (body->len < plan->body_bytes) {
        buf_addc(body, 'x');
    }
    return ERR_NONE;
}

static inline struct verdict heard(const struct push_plan *plan,
                                   const struct member *const *m,
                                   size_t count,
                                   const struct http_response *res,
                                   struct member_word *words)
{
    for (size_t i = 0; i < count; i++) {
        words[i].second = plan->gives_second && res->status == 401 && !m[i]->second;
        words[i].outcome = res->status < 300                          ? MEMBER_ACCEPTED
                           : res->status == 404 || res->status == 410 ? MEMBER_LOST
                           : res->status == 413                       ? MEMBER_REFUSED
                                                                      : MEMBER_AGAIN;
        (void)snprintf(
            words[i].detail, sizeof words[i].detail, "%d %.100s", res->status, res->body);
        words[i].retry_after_ms = http_retry_after_ms(res);
    }
    if (res->status == 429 || res->status == 503) {
        return verdict_make(VERDICT_AGAIN, SCOPE_HOST, http_retry_after_ms(res), "slower");
    }
    return res->status == 403 ? verdict_make(VERDICT_BLOCKED, SCOPE_CHANNEL, 0, "no to us")
                              : verdict_next();
}

#define PUSH_OF(n)                                                                             \
    {                                                                                          \
        .many = (n), .origin = origin, .service = service, .headers = headers,                 \
        .compose = compose, .read = heard                                                      \
    }
static const struct push one = PUSH_OF(1), ten = PUSH_OF(10);

/* ---- fixture ---- */

struct fixture {
    uv_loop_t loop;
    struct crier crier;
    struct lanes *lanes;
    struct push_sink *sinks[SINKS];
    char ca[64], urls[SINKS][64];
    struct push_plan plan;
};

struct call {
    struct lane_batch b;
    struct member *members;
    struct lane_pace pace;
    int dones;
    int64_t done_ms;
    struct fixture *f;
};

static inline void setup(struct fixture *f, bool second_is_tls, int threads)
{
    struct err why = {0};

    memset(f, 0, sizeof *f);
    assert_int_equal(uv_loop_init(&f->loop), 0);
    f->crier.loop = &f->loop;
    (void)snprintf(f->ca, sizeof f->ca, "/tmp/test_lane_%d.pem", (int)getpid());
    for (int i = 0; i < SINKS; i++) {
        bool plain = i == 0 || !second_is_tls;

        f->sinks[i] = push_sink_start(
            &(struct push_sink_options){.plain = plain, .ca = plain ? NULL : f->ca});
        assert_non_null(f->sinks[i]);
        (void)snprintf(f->urls[i],
                       sizeof f->urls[i],
                       "%s://localhost:%d",
                       plain ? "http" : "https",
                       push_sink_port(f->sinks[i]));
        f->plan.origins[i] = f->urls[i];
    }
    (void)setenv("SSL_CERT_FILE", f->ca, 1);
    assert_int_equal(lanes_new(&f->lanes, &f->crier, threads, &why), 0);
}

static inline void teardown(struct fixture *f)
{
    lanes_free(f->lanes);
    (void)uv_run(&f->loop, UV_RUN_DEFAULT);
    for (int i = 0; i < SINKS; i++) {
        push_sink_stop(f->sinks[i]);
    }
    (void)unlink(f->ca);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    assert_int_equal(mem_live_count(), 0);
}

static inline void on_done(struct lane_batch *b)
{
    struct call *c = container_of(b, struct call, b);

    c->dones++;
    c->done_ms = clock_mono_ms();
}

/* count members of the sink, "/NAME/0" to "/NAME/count-1". */
static inline void
call_make(struct fixture *f, struct call *c, int sink, const char *name, size_t count)
{
    memset(c, 0, sizeof *c);
    c->f = f;
    c->members = mem_calloc(count, sizeof *c->members);
    for (size_t i = 0; i < count; i++) {
        c->members[i].id = i;
        c->members[i].address = mem_printf("%d/%s/%zu", sink, name, i);
    }
    c->b = (struct lane_batch){.push = &one,
                               .plan = &f->plan,
                               .members = c->members,
                               .count = count,
                               .allow_private = true,
                               .timeout_ms = 5000,
                               .pace = &c->pace,
                               .plan_number = 1,
                               .done = on_done};
}

static inline void wait_for(struct call *c)
{
    int64_t until = clock_mono_ms() + 30000;

    while (c->dones == 0 && clock_mono_ms() < until) {
        (void)uv_run(&c->f->loop, UV_RUN_ONCE);
    }
    assert_int_equal(c->dones, 1);
}

static inline size_t outcomes(const struct call *c, enum member_outcome outcome)
{
    size_t n = 0;

    for (size_t i = 0; i < c->b.count; i++) {
        n += c->b.results[i].outcome == outcome;
    }
    return n;
}

static inline size_t untried(const struct call *c)
{
    size_t n = 0;

    for (size_t i = 0; i < c->b.count; i++) {
        n += c->b.results[i].outcome == MEMBER_AGAIN && !c->b.results[i].sent;
    }
    return n;
}

/* How often the sink had this member's request, whole. */
static inline uint64_t asked(const struct call *c, size_t i)
{
    const char *address = c->members[i].address;

    return push_sink_path(c->f->sinks[address[0] - '0'], address + 1, NULL);
}

static inline void call_done(struct call *c)
{
    lane_batch_done(&c->b);
    for (size_t i = 0; i < c->b.count; i++) {
        mem_free((void *)(uintptr_t)c->members[i].address);
    }
    mem_free(c->members);
}

/* All were accepted, and each got one message. */
static inline void assert_each_once(const struct call *c)
{
    assert_int_equal(outcomes(c, MEMBER_ACCEPTED), c->b.count);
    for (size_t i = 0; i < c->b.count; i++) {
        assert_int_equal(asked(c, i), 1);
    }
}

static inline void order(struct fixture *f, int sink, const char *command)
{
    assert_true(push_sink_do(f->sinks[sink], command));
}

static inline void run_all(struct fixture *f, struct call *c)
{
    lanes_submit(f->lanes, &c->b);
    wait_for(c);
}

#endif
