/* How fast lanes alone are: batches of members whose messages are made without work worth the name, to a push
 * sink. `./dev bench push` runs it.
 *
 *     bench_lane ORIGIN COUNT [batch=N] [flying=N] [threads=N] [connections=N] [body=BYTES]
 *
 * Prints JSON: messages/s, microseconds of CPU per message of this process, results by outcome. */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/parse.h"
#include "service/crier.h"
#include "service/lane.h"

struct bench {
    const char *origin;
    int64_t count, batch, flying, threads, connections, body;
    int64_t begun, done;
    uint64_t outcomes[8];
    struct lanes *lanes;
    char *payload;
};
static struct bench bench;

struct push_plan {
    int unused;
};

static bool origin(const struct push_plan *plan, const struct member *m, struct buf *out)
{
    (void)plan;
    (void)m;
    buf_adds(out, bench.origin);
    return true;
}

static void headers(const struct push_plan *plan,
                    const struct member *m,
                    const char *at,
                    int64_t now_ms,
                    struct http_headers *out,
                    int64_t *until_ms)
{
    static const struct {
        const char *name, *value;
    } rows[] = {
        {"TTL", "3600"},
        {"Content-Encoding", "aes128gcm"},
        {"Content-Type", "application/octet-stream"},
        {"Urgency", "high"},
        {"Topic", "k7Yx0a3bC9dE1fG2hI4jK5lM6nO8pQ9r"},
        {"Authorization",
         "vapid "
         "t=eyJ0eXAiOiJKV1QiLCJhbGciOiJFUzI1NiJ9."
         "eyJhdWQiOiJodHRwczovL3B1c2guZXhhbXBsZS5uZXQiLCJleHAiOjE0"
         "NTM1MjM3NjgsInN1YiI6Im1haWx0bzpwdXNoQGV4YW1wbGUuY29tIn0.i3CYb7t4xfxCDquptFOepC9GAu_"
         "HLGkMlMuCGSK2rpiUfn"
         "K9ojFwDXb1JrErtmysazNjjvW2L9OkSSHzvoD1oA, "
         "k=BA1Hxzyi1RUM1b5wjxsn7nGxAszw2u61m164i3MrAIxHF6YK5h4SDYic-"
         "dRuU_RCPCfA5aq9ojSwk5Y2EmClBPs"},
    };

    (void)plan;
    (void)m;
    (void)at;
    (void)now_ms;
    (void)until_ms;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        http_headers_add(
            out, rows[i].name, strlen(rows[i].name), rows[i].value, strlen(rows[i].value));
    }
}

static enum err_code compose(const struct push_plan *plan,
                             const struct member *const *m,
                             size_t count,
                             struct buf *path,
                             struct buf *body,
                             struct err *why)
{
    char digits[24];
    int n = snprintf(digits, sizeof digits, "%020" PRIu64, m[0]->id);

    (void)plan;
    (void)count;
    (void)why;
    buf_adds(
        path,
        "/wpush/v2/"
        "gAAAAABlqZk1mZ3nX0c2bq5Zk9rT7yU1iO2pA4sD6fG8hJ0kL3zX5cV7bN9mQ1wE3rT5yU7iO9pA1sD3fG5"
        "hJ7kL9zX1cV3bN5mQ7wE9rT1yU3iO5pA7sD9fG1hJ3");
    buf_add(path, digits, (size_t)n);
    buf_add(body, bench.payload, (size_t)bench.body);
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
    if (res->status != 201) {
        words[0].outcome = MEMBER_AGAIN;
    }
    return verdict_next();
}

static const char *service(const char *at)
{
    (void)at;
    return "other";
}

static const struct push push = {
    .many = 1,
    .origin = origin,
    .service = service,
    .headers = headers,
    .compose = compose,
    .read = heard,
};

static void submit_next(void);

static void on_done(struct lane_batch *b)
{
    for (size_t i = 0; i < b->count; i++) {
        bench.outcomes[b->results[i].outcome]++;
    }
    bench.done += (int64_t)b->count;
    lane_batch_done(b);
    mem_free((void *)(uintptr_t)b->members);
    mem_free(b);
    submit_next();
}

static void submit_next(void)
{
    static struct push_plan plan;
    int64_t n =
        bench.count - bench.begun < bench.batch ? bench.count - bench.begun : bench.batch;
    struct lane_batch *b;
    struct member *members;

    if (n <= 0) {
        return;
    }
    b = mem_zalloc(sizeof *b);
    members = mem_calloc((size_t)n, sizeof *members);
    for (int64_t i = 0; i < n; i++) {
        members[i].id = (uint64_t)(bench.begun + i);
    }
    bench.begun += n;
    b->push = &push;
    b->plan = &plan;
    b->members = members;
    b->count = (size_t)n;
    b->allow_private = true;
    b->timeout_ms = 30000;
    b->connections = (int)bench.connections;
    b->plan_number = 1;
    b->done = on_done;
    lanes_submit(bench.lanes, b);
}

static int64_t cpu_us(void)
{
    struct rusage u;

    (void)getrusage(RUSAGE_SELF, &u);
    return (int64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000 + u.ru_utime.tv_usec +
           u.ru_stime.tv_usec;
}

static bool read_options(int argc, char **argv)
{
    const struct {
        const char *name;
        int64_t *to;
    } numbers[] = {{"batch=", &bench.batch},
                   {"flying=", &bench.flying},
                   {"threads=", &bench.threads},
                   {"connections=", &bench.connections},
                   {"body=", &bench.body}};

    if (argc < 3 || !parse_i64(argv[2], &bench.count)) {
        return false;
    }
    bench.origin = argv[1];
    for (int i = 3; i < argc; i++) {
        bool found = false;

        for (size_t k = 0; k < ARRAY_LEN(numbers); k++) {
            size_t len = strlen(numbers[k].name);

            found = found || (strncmp(argv[i], numbers[k].name, len) == 0 &&
                              parse_i64(argv[i] + len, numbers[k].to));
        }
        if (!found) {
            return false;
        }
    }
    return true;
}

int main(int argc, char **argv)
{
    uv_loop_t loop;
    struct crier crier = {.loop = &loop};
    struct err why = {0};
    struct lanes_stats stats;
    int64_t from_us, from_cpu;

    bench = (struct bench){.batch = 1000, .flying = 16, .threads = 1, .body = 350};
    if (!read_options(argc, argv)) {
        (void)fprintf(stderr, "usage: bench_lane ORIGIN COUNT [batch=N] [flying=N] …\n");
        return 2;
    }
    bench.payload = mem_zalloc((size_t)bench.body + 1);
    (void)uv_loop_init(&loop);
    if (lanes_new(&bench.lanes, &crier, (int)bench.threads, &why)) {
        (void)fprintf(stderr, "%s\n", why.text);
        return 1;
    }
    from_us = clock_mono_us();
    from_cpu = cpu_us();
    for (int64_t i = 0; i < bench.flying; i++) {
        submit_next();
    }
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    from_us = clock_mono_us() - from_us;
    from_cpu = cpu_us() - from_cpu;
    lanes_stats(bench.lanes, &stats);
    (void)printf("{\"messages\": %" PRId64 ", \"accepted\": %" PRIu64 ", \"again\": %" PRIu64
                 ", \"unknown\": %" PRIu64
                 ", \"per_second\": %.0f, \"cpu_us\": %.3f, \"opened\": %" PRIu64
                 ", \"bytes\": %.1f}\n",
                 bench.done,
                 bench.outcomes[MEMBER_ACCEPTED],
                 bench.outcomes[MEMBER_AGAIN],
                 bench.outcomes[MEMBER_UNKNOWN],
                 (double)bench.done * 1e6 / (double)from_us,
                 (double)from_cpu / (double)bench.done,
                 stats.connections_opened,
                 (double)stats.bytes / (double)bench.done);
    lanes_free(bench.lanes);
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    must(uv_loop_close(&loop) == 0);
    mem_free(bench.payload);
    return 0;
}
