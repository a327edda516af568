/* How much the ledger can write: accepts and attempts per second by how many wait at once, on a
 * real file with its fsyncs; and what it costs to ask a long queue. Run it on the disk that
 * counts:
 *
 *   bench_ledger [folder] [deliveries in the long queue]
 *   bench_ledger fill FILE DELIVERIES     makes a ledger with so many waiting, on 50 channels
 *
 * Method: n requests are submitted at once from one thread and waited for (so a batch is about
 * n), again and again for a second or more; the figure is requests per second of wall clock. An
 * article is 3,000 bytes of JSON with two names. */

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/resource.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/mem.h"
#include "base/parse.h"
#include "queue/ledger.h"

#define DOCUMENT_BYTES 3000
#define CHANNELS_MAX 50
#define RUN_US (1000 * MS_SECOND)

struct bench {
    struct ledger *l;
    pthread_mutex_t lock;
    pthread_cond_t woken;
    bool wake;
    size_t left;
    uint64_t next_id;
    uint64_t next_article;
    int64_t now_ms;
    size_t channels;
    char document[DOCUMENT_BYTES];
};
struct accept {
    struct ledger_accept a;
    struct accept_alias aliases[2];
    uint64_t ids[CHANNELS_MAX];
    char id[32], url[64];
    uint8_t hash[SHA256_BYTES];
};

static struct bench b;
static struct accept_channel channels[CHANNELS_MAX];
static char names[CHANNELS_MAX][16];

static void on_wake(void *context)
{
    (void)context;
    pthread_mutex_lock(&b.lock);
    b.wake = true;
    pthread_cond_signal(&b.woken);
    pthread_mutex_unlock(&b.lock);
}

static void on_done(struct ledger_request *r)
{
    if (r->rc) {
        (void)fprintf(stderr, "failed: %s\n", r->why.text);
        exit(1);
    }
    b.left--;
}

static void wait_all(void)
{
    while (b.left > 0) {
        pthread_mutex_lock(&b.lock);
        while (!b.wake) {
            pthread_cond_wait(&b.woken, &b.lock);
        }
        b.wake = false;
        pthread_mutex_unlock(&b.lock);
        ledger_collect(b.l);
    }
}

static void submit(struct ledger_request *r)
{
    r->done = on_done;
    b.left++;
    ledger_submit(b.l, r);
}

static void fill_accept(struct accept *x)
{
    uint64_t n = b.next_article++;

    memset(x, 0, sizeof *x);
    (void)snprintf(x->id, sizeof x->id, "%llu", (unsigned long long)n);
    (void)snprintf(x->url,
                   sizeof x->url,
                   "https://news.example/%08llx",
                   (unsigned long long)n * 2654435761U);
    crypto_sha256(x->id, strlen(x->id), x->hash);
    x->aliases[0] = (struct accept_alias){.kind = "id", .value = x->id};
    x->aliases[1] = (struct accept_alias){.kind = "url", .value = x->url};
    for (size_t i = 0; i < b.channels; i++) {
        x->ids[i] = b.next_id++;
    }
    x->a = (struct ledger_accept){
        .req = {.kind = LEDGER_ACCEPT},
        .kind = ACCEPT_CONTENT,
        .source = "cms",
        .aliases = x->aliases,
        .alias_count = 2,
        .document = b.document,
        .hash = x->hash,
        .face = x->hash,
        .url = x->url,
        .title = "An article of the length that articles have",
        .now_ms = b.now_ms++,
        .new_article = b.next_id++,
        .delivery_ids = x->ids,
        .channels = channels,
        .channel_count = b.channels,
    };
}

static double per_second(size_t count, int64_t us)
{
    return (double)count * 1e6 / (double)us;
}

static double cpu_seconds(void)
{
    struct rusage u;

    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void bench_accept(size_t batch, size_t channel_count)
{
    struct accept *v = mem_calloc(batch, sizeof *v);
    int64_t start_us = clock_mono_us(), us;
    double cpu = cpu_seconds();
    size_t count = 0;

    b.channels = channel_count;
    do {
        for (size_t i = 0; i < batch; i++) {
            fill_accept(&v[i]);
            submit(&v[i].a.req);
        }
        wait_all();
        for (size_t i = 0; i < batch; i++) {
            ledger_request_done(&v[i].a.req);
        }
        count += batch;
        us = clock_mono_us() - start_us;
    } while (us < RUN_US);
    cpu = cpu_seconds() - cpu;
    printf("accept   %5zu at once, %2zu channels  %9.0f /s  %9.0f deliveries/s  %5.1f us CPU "
           "each\n",
           batch,
           channel_count,
           per_second(count, us),
           per_second(count * channel_count, us),
           cpu * 1e6 / (double)count);
    mem_free(v);
}

static void fill_begin(struct ledger_begin *r, const struct ledger_job *j)
{
    *r = (struct ledger_begin){
        .req = {.kind = LEDGER_BEGIN},
        .id = j->id,
        .course = "publish",
        .step = "post",
        .publishes = true,
        .record = "{\"key\":\"0123456789abcdef\"}",
        .channel = j->channel,
        .bucket = {.tokens = 5, .at_ms = b.now_ms},
        .counts = true,
        .attempt_id = b.next_id++,
        .now_ms = b.now_ms,
    };
}

static void fill_end(struct ledger_end *r, const struct ledger_begin *begin)
{
    *r = (struct ledger_end){
        .req = {.kind = LEDGER_END},
        .id = begin->id,
        .attempt_id = begin->attempt_id,
        .verdict = "done",
        .status = 200,
        .sent_ms = 80,
        .now_ms = b.now_ms,
        .to = DELIVERY_DONE,
        .exposed = true,
        .course = "publish",
        .record = "{\"key\":\"0123456789abcdef\",\"remote_id\":\"1234567\"}",
        .remote_id = "1234567",
        .remote_url = "https://there.example/1234567",
        .text = "An article of the length that articles have https://news.example/12345678",
        .channel = begin->channel,
        .post_stands = true,
    };
}

static void bench_attempts(size_t batch)
{
    struct ledger_begin *begins = mem_calloc(batch, sizeof *begins);
    struct ledger_end *ends = mem_calloc(batch, sizeof *ends);
    struct ledger_due due = {
        .req = {.kind = LEDGER_DUE}, .channel = names[0], .now_ms = b.now_ms, .limit = batch};
    int64_t us = 0, due_us = 0;
    size_t count = 0;

    while (us < RUN_US) {
        int64_t start_us = clock_mono_us();

        if (ledger_run(b.l, &due.req, NULL) || due.count < batch) {
            ledger_request_done(&due.req);
            break;
        }
        due_us += clock_mono_us() - start_us;
        start_us = clock_mono_us();
        for (size_t i = 0; i < batch; i++) {
            fill_begin(&begins[i], &due.jobs[i]);
            submit(&begins[i].req);
        }
        wait_all();
        for (size_t i = 0; i < batch; i++) {
            fill_end(&ends[i], &begins[i]);
            submit(&ends[i].req);
        }
        wait_all();
        us += clock_mono_us() - start_us;
        count += batch;
        ledger_request_done(&due.req);
    }
    printf("attempt  %5zu at once (begin+end)   %9.0f /s   LEDGER_DUE of them %6.0f us\n",
           batch,
           per_second(count, us ? us : 1),
           (double)due_us * (double)batch / (double)(count ? count : 1));
    mem_free(begins);
    mem_free(ends);
}

static void fill_queue(size_t deliveries)
{
    enum { BATCH = 2000 };
    struct accept *v = mem_calloc(BATCH, sizeof *v);

    b.channels = CHANNELS_MAX;
    for (size_t done = 0; done < deliveries; done += (size_t)BATCH * CHANNELS_MAX) {
        for (size_t i = 0; i < BATCH; i++) {
            fill_accept(&v[i]);
            submit(&v[i].a.req);
        }
        wait_all();
        for (size_t i = 0; i < BATCH; i++) {
            ledger_request_done(&v[i].a.req);
        }
    }
    mem_free(v);
}

static void time_one(const char *what, struct ledger_request *r)
{
    int64_t best = INT64_MAX;

    for (int i = 0; i < 5; i++) {
        int64_t start_us = clock_mono_us();

        if (ledger_run(b.l, r, NULL)) {
            (void)fprintf(stderr, "%s: %s\n", what, r->why.text);
            exit(1);
        }
        best = clock_mono_us() - start_us < best ? clock_mono_us() - start_us : best;
        ledger_request_done(r);
    }
    printf("%-40s %9lld us\n", what, (long long)best);
}

static void bench_long_queue(size_t deliveries)
{
    struct ledger_due due = {
        .req = {.kind = LEDGER_DUE}, .channel = names[7], .now_ms = b.now_ms, .limit = 256};
    struct ledger_channels list = {.req = {.kind = LEDGER_CHANNELS}};
    struct ledger_list page = {
        .req = {.kind = LEDGER_DELIVERIES}, .state = DELIVERY_READY, .limit = 50};
    struct ledger_expire expire = {.req = {.kind = LEDGER_EXPIRE}, .now_ms = b.now_ms};

    if (deliveries == 0) {
        return;
    }
    fill_queue(deliveries);
    printf("with %zu deliveries more waiting:\n", deliveries);
    time_one("LEDGER_DUE, 256", &due.req);
    time_one("LEDGER_CHANNELS", &list.req);
    time_one("LEDGER_DELIVERIES state=ready, 50", &page.req);
    time_one("LEDGER_EXPIRE, nothing to expire", &expire.req);
    bench_accept(100, 3);
    bench_attempts(100);
}

static void make_channels(void)
{
    for (size_t i = 0; i < CHANNELS_MAX; i++) {
        (void)snprintf(names[i], sizeof names[i], "channel%02zu", i);
        channels[i] =
            (struct accept_channel){.name = names[i], .adapter = "webhook", .matches = true};
    }
    memset(b.document, 'x', sizeof b.document - 1);
    b.document[0] = b.document[sizeof b.document - 2] = '"';
}

static void open_ledger(const char *path)
{
    struct err why = {.code = ERR_NONE};
    char *location = mem_printf("sqlite:%s", path);
    int64_t start_us = clock_mono_us();

    if (ledger_open(&b.l, location, on_wake, NULL, b.now_ms, &why)) {
        (void)fprintf(stderr, "%s\n", why.text);
        exit(1);
    }
    printf("open     %lld us\n", (long long)(clock_mono_us() - start_us));
    mem_free(location);
}

static void remove_files(const char *path)
{
    static const char *const ends[] = {"", "-wal", "-shm", ".lock"};

    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        char *name = mem_printf("%s%s", path, ends[i]);

        unlink(name);
        mem_free(name);
    }
}

static int fill_file(const char *path, const char *count)
{
    uint64_t deliveries;

    if (!parse_u64(count, &deliveries)) {
        return 2;
    }
    open_ledger(path);
    fill_queue((size_t)deliveries);
    ledger_close(b.l);
    return 0;
}

int main(int argc, char **argv)
{
    static const size_t batches[] = {1, 10, 100, 1000, 4000};
    char *path = mem_printf("%s/bench-ledger.db", argc > 1 ? argv[1] : ".");
    uint64_t deliveries = 0;

    pthread_mutex_init(&b.lock, NULL);
    pthread_cond_init(&b.woken, NULL);
    b.next_id = 1000;
    b.now_ms = clock_wall_ms();
    make_channels();
    if (argc == 4 && strcmp(argv[1], "fill") == 0) {
        mem_free(path);
        return fill_file(argv[2], argv[3]);
    }
    if (argc > 2 && !parse_u64(argv[2], &deliveries)) {
        (void)fprintf(stderr, "bench_ledger [folder] [deliveries in the long queue]\n");
        return 2;
    }
    remove_files(path);
    open_ledger(path);
    for (size_t i = 0; i < ARRAY_LEN(batches); i++) {
        bench_accept(batches[i], 1);
    }
    for (size_t i = 0; i < ARRAY_LEN(batches); i++) {
        bench_accept(batches[i], 3);
    }
    bench_accept(1, 50);
    bench_accept(100, 50);
    for (size_t i = 0; i < ARRAY_LEN(batches); i++) {
        bench_attempts(batches[i]);
    }
    bench_long_queue((size_t)deliveries);
    ledger_close(b.l);
    open_ledger(path); /* with all that, none of it in flight */
    ledger_close(b.l);
    remove_files(path);
    mem_free(path);
    return 0;
}
