/* service/lane*.c against push services that mean harm: what they send costs bounded memory and time, and whoever
 * else is served by the same thread gets their messages meanwhile. */

#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/mem.h"
#include "service/crier.h"
#include "service/lane.h"
#include "tests/support/push_sink.h"

/* ---- a service that answers with bytes of our making ---- */

#define PREFACE_BYTES 24
#define FRAME_HEAD 9
#define FRAME_MAX 16384
enum { F_DATA = 0, F_HEADERS = 1, F_SETTINGS = 4, F_PING = 6, F_UNKNOWN = 0xfa };
enum { END_HEADERS = 4 };

enum harm { HEADER_BOMB, ENDLESS_BODY, ENDLESS_INTERIM, PINGS, NONSENSE, SILENCE, HARMS };
struct rogue {
    enum harm harm;
    int listener, port;
    pthread_t thread;
    atomic_bool over;
};

static bool put(int fd, const uint8_t *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);

        if (n <= 0) {
            return false;
        }
        bytes += n;
        len -= (size_t)n;
    }
    return true;
}

static bool frame(int fd, uint8_t type, uint8_t flags, uint32_t id, const void *v, size_t len)
{
    uint8_t all[FRAME_HEAD + FRAME_MAX] = {(uint8_t)(len >> 16),
                                           (uint8_t)(len >> 8),
                                           (uint8_t)len,
                                           type,
                                           flags,
                                           (uint8_t)(id >> 24),
                                           (uint8_t)(id >> 16),
                                           (uint8_t)(id >> 8),
                                           (uint8_t)id};

    memcpy(all + FRAME_HEAD, v, len);
    return put(fd, all, FRAME_HEAD + len);
}

/* ":status: 500", "x: aaa…" of 4000 bytes, put into the table, and as often again as a frame has bytes. */
static bool bomb(int fd, uint32_t id)
{
    static const uint8_t head[] = {0x8e, 0x40, 1, 'x', 0x7f, 0xa1, 0x1e};
    uint8_t block[FRAME_MAX];

    memset(block, 0xbe, sizeof block); /* the newest entry */
    memcpy(block, head, sizeof head);
    memset(block + sizeof head, 'a', 4000);
    return frame(fd, F_HEADERS, END_HEADERS, id, block, sizeof block);
}

static bool endless(struct rogue *r, int fd, uint8_t type, uint32_t id, const void *v, size_t n)
{
    while (!atomic_load(&r->over)) {
        if (!frame(fd, type, type == F_HEADERS ? END_HEADERS : 0, id, v, n)) {
            return false;
        }
    }
    return true;
}

static bool harm(struct rogue *r, int fd, uint32_t id)
{
    static const uint8_t early = 0x08, ok = 0x88, nothing[8192];
    static const uint8_t interim[] = {early, 3, '1', '0', '3'};

    switch (r->harm) {
    case HEADER_BOMB:
        return bomb(fd, id);
    case ENDLESS_BODY:
        return frame(fd, F_HEADERS, END_HEADERS, id, &ok, 1) &&
               endless(r, fd, F_DATA, id, nothing, sizeof nothing);
    case ENDLESS_INTERIM:
        return endless(r, fd, F_HEADERS, id, interim, sizeof interim);
    case PINGS:
        return endless(r, fd, F_PING, 0, nothing, 8);
    case NONSENSE:
        return endless(r, fd, F_UNKNOWN, 0, nothing, sizeof nothing);
    case SILENCE:
    case HARMS:
        break;
    }
    return true;
}

static bool get(int fd, uint8_t *to, size_t len)
{
    return recv(fd, to, len, MSG_WAITALL) == (ssize_t)len;
}

static void serve(struct rogue *r, int fd)
{
    uint8_t head[FRAME_HEAD], body[FRAME_MAX];
    size_t len;

    if (!get(fd, body, PREFACE_BYTES) || !frame(fd, F_SETTINGS, 0, 0, body, 0)) {
        return;
    }
    while (get(fd, head, sizeof head)) {
        len = (size_t)head[0] << 16 | (size_t)head[1] << 8 | head[2];
        if (len > sizeof body || (len > 0 && !get(fd, body, len))) {
            return;
        }
        if (head[3] == F_HEADERS && !harm(r,
                                          fd,
                                          (uint32_t)head[5] << 24 | (uint32_t)head[6] << 16 |
                                              (uint32_t)head[7] << 8 | head[8])) {
            return;
        }
    }
}

static void *run_rogue(void *context)
{
    struct rogue *r = context;
    int fd;

    while ((fd = accept(r->listener, NULL, NULL)) >= 0) {
        serve(r, fd);
        (void)close(fd);
    }
    return NULL;
}

static void rogue_start(struct rogue *r, enum harm harm)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_ANY)}};
    socklen_t len = sizeof a;

    *r = (struct rogue){.harm = harm, .listener = socket(AF_INET, SOCK_STREAM, 0)};
    assert_int_equal(bind(r->listener, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(r->listener, 512), 0);
    assert_int_equal(getsockname(r->listener, (struct sockaddr *)&a, &len), 0);
    r->port = ntohs(a.sin_port);
    assert_int_equal(pthread_create(&r->thread, NULL, run_rogue, r), 0);
}

/* When nobody is connected to it any more. */
static void rogue_stop(struct rogue *r)
{
    atomic_store(&r->over, true);
    (void)shutdown(r->listener, SHUT_RDWR);
    assert_int_equal(pthread_join(r->thread, NULL), 0);
    (void)close(r->listener);
}

/* ---- origins: the first member is that of the good one, the next ones those of the rogues, and so on ---- */

#define ORIGINS (1 + HARMS)

struct push_plan {
    char origins[ORIGINS][64];
    int crowd_port; /* 0: there is no crowd */
};

static bool origin(const struct push_plan *plan, const struct member *m, struct buf *out)
{
    if (plan->crowd_port) { /* each at a host of its own, but for every tenth */
        if (m->id % 10) {
            buf_addf(out,
                     "http://127.1.%d.%d:%d",
                     (int)m->id / 250,
                     (int)m->id % 250 + 1,
                     plan->crowd_port);
            return true;
        }
        buf_adds(out, plan->origins[0]);
        return true;
    }
    buf_adds(out, plan->origins[m->id % ORIGINS]);
    return true;
}

static const char *service(const char *url)
{
    return strstr(url, "localhost") ? "good" : "other";
}

static void headers(const struct push_plan *plan,
                    const struct member *m,
                    const char *at,
                    int64_t now_ms,
                    struct http_headers *out,
                    int64_t *until_ms)
{
    (void)plan;
    (void)m;
    (void)at;
    (void)now_ms;
    (void)until_ms;
    http_headers_add(out, "TTL", 3, "60", 2);
}

static enum err_code compose(const struct push_plan *plan,
                             const struct member *const *m,
                             size_t count,
                             struct buf *path,
                             struct buf *body,
                             struct err *why)
{
    (void)plan;
    (void)m;
    (void)count;
    (void)why;
    buf_adds(path, "/");
    buf_adds(body, "news");
    return ERR_NONE;
}

static struct verdict heard(const struct push_plan *plan,
                            const struct member *const *m,
                            size_t count,
                            const struct http_response *res,
                            struct member_word *words)
{
    (void)plan;
    (void)m;
    (void)count;
    words[0].outcome = res->status < 300 ? MEMBER_ACCEPTED : MEMBER_REFUSED;
    return verdict_next();
}

static const struct push push = {.many = 1,
                                 .origin = origin,
                                 .service = service,
                                 .headers = headers,
                                 .compose = compose,
                                 .read = heard};

struct call {
    struct lane_batch b;
    bool done;
};

static void on_done(struct lane_batch *b)
{
    container_of(b, struct call, b)->done = true;
}

static long peak_kb(void)
{
    struct rusage use;

    assert_int_equal(getrusage(RUSAGE_SELF, &use), 0);
    return use.ru_maxrss;
}

#define MEMBERS ((size_t)20 * ORIGINS)
#define TIMEOUT_MS 2000

static void plan_origins(struct push_plan *plan, int port, const struct rogue *rogues)
{
    (void)snprintf(plan->origins[0], sizeof plan->origins[0], "http://localhost:%d", port);
    for (int i = 0; i < HARMS; i++) {
        (void)snprintf(plan->origins[1 + i],
                       sizeof plan->origins[0],
                       "http://127.0.0.1:%d",
                       rogues[i].port);
    }
}

/* Of those without an answer some have not even left. */
static void check(const struct lane_batch *b)
{
    for (size_t i = 0; i < MEMBERS; i++) {
        enum member_outcome had = b->results[i].outcome;
        size_t which = i % ORIGINS;
        bool none = had == MEMBER_UNKNOWN || had == MEMBER_AGAIN;
        /* The body behind its 200 breaks the connection for the others. */
        bool good = which == 0                  ? had == MEMBER_ACCEPTED
                    : which == 1 + ENDLESS_BODY ? none || had == MEMBER_ACCEPTED
                                                : none;

        if (!good) {
            fail_msg("member %zu of origin %zu: %d (%s)",
                     i,
                     which,
                     (int)had,
                     b->results[i].detail ? b->results[i].detail : "");
        }
    }
}

struct world {
    uv_loop_t loop;
    struct crier crier;
    struct lanes *lanes;
    struct push_sink *sink;
    struct push_plan plan;
    struct rogue rogues[HARMS];
    struct member *members;
    struct call call;
};

static void begin(struct world *w, size_t count)
{
    memset(w, 0, sizeof *w);
    w->sink = push_sink_start(&(struct push_sink_options){.plain = true});
    assert_non_null(w->sink);
    for (int i = 0; i < HARMS; i++) {
        rogue_start(&w->rogues[i], (enum harm)i);
    }
    plan_origins(&w->plan, push_sink_port(w->sink), w->rogues);
    assert_int_equal(uv_loop_init(&w->loop), 0);
    w->crier.loop = &w->loop;
    assert_int_equal(lanes_new(&w->lanes, &w->crier, 1, NULL), ERR_NONE);
    w->members = mem_calloc(count, sizeof *w->members);
    for (size_t i = 0; i < count; i++) {
        w->members[i] = (struct member){.id = i, .address = "x"};
    }
    w->call.b = (struct lane_batch){.push = &push,
                                    .plan = &w->plan,
                                    .members = w->members,
                                    .count = count,
                                    .allow_private = true,
                                    .timeout_ms = TIMEOUT_MS,
                                    .done = on_done};
}

/* Returns how many connections there were at a time. */
static size_t run(struct world *w)
{
    int64_t begun = clock_mono_ms();
    struct lanes_stats stats;
    size_t most = 0;

    lanes_submit(w->lanes, &w->call.b);
    while (!w->call.done) {
        (void)uv_run(&w->loop, UV_RUN_NOWAIT);
        lanes_stats(w->lanes, &stats);
        most = stats.connections > most ? stats.connections : most;
        (void)usleep(1000);
    }
    assert_in_range(clock_mono_ms() - begun, 0, TIMEOUT_MS - 1);
    return most;
}

static void end(struct world *w)
{
    lane_batch_done(&w->call.b);
    mem_free(w->members);
    lanes_free(w->lanes);
    (void)uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&w->loop), 0);
    for (int i = 0; i < HARMS; i++) {
        rogue_stop(&w->rogues[i]);
    }
    push_sink_stop(w->sink);
    assert_int_equal(mem_live_count(), 0);
}

static void services_that_mean_harm_do_little(void **state)
{
    struct world w;
    long before = peak_kb();

    (void)state;
    begin(&w, MEMBERS);
    (void)run(&w);
    check(&w.call.b);
    assert_in_range(peak_kb() - before, 0, 80000);
    end(&w);
}

/* A thousand hosts of one who means harm: the descriptors are everybody's. */
static void a_crowd_of_strangers_takes_a_part_of_the_connections(void **state)
{
    struct world w;

    (void)state;
    begin(&w, 1000);
    w.plan.crowd_port = w.rogues[SILENCE].port;
    assert_in_range(run(&w), 100, 220);
    for (size_t i = 0; i < w.call.b.count; i += 10) {
        assert_int_equal(w.call.b.results[i].outcome, MEMBER_ACCEPTED);
    }
    end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(services_that_mean_harm_do_little),
        cmocka_unit_test(a_crowd_of_strangers_takes_a_part_of_the_connections),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
