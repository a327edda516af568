/* How fast the ledger keeps an audience, on a real file with its fsyncs: members put in, keys prepared for them, and
 * waves to all of them. Run it on the disk that counts:
 *
 *   bench_members FOLDER [MEMBERS] [BATCH]     1000000 members, batches of 4000
 *
 * Method: members as browsers are (endpoints of 190 bytes, keys of 81), put 5,000 a request; a wave is driven as the
 * service does, with four batches open at a time, each ended as soon as it has come; one in a hundred is lost. The
 * figures are of wall clock from the first request to the last commit, the CPU is that of all threads. */

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/resource.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/parse.h"
#include "queue/ledger.h"

#define CHANNEL "push"
#define PUT_MEMBERS 5000
#define PREPARED_MEMBERS 2000
#define PREPARED_BYTES 97 /* a public key and a secret */
#define OPEN_BATCHES 4
#define KEYS_BYTES 81

struct bench {
    struct ledger *l;
    pthread_mutex_t lock;
    pthread_cond_t woken;
    bool wake;
    size_t under_way;
    uint64_t next_id;
    int64_t now_ms;
};
struct batch {
    struct ledger_wave_next next;
    struct ledger_wave_end end;
    struct ledger_wave_result *lost;
};

static struct bench b;
static struct delivery_id wave;
static bool exhausted;
static size_t batch_size = 4000;
static int64_t seen, with_prepared;

/* ---- the ledger ---- */

static void on_wake(void *context)
{
    (void)context;
    pthread_mutex_lock(&b.lock);
    b.wake = true;
    pthread_cond_signal(&b.woken);
    pthread_mutex_unlock(&b.lock);
}

static void insist(const struct ledger_request *r)
{
    if (r->rc) {
        (void)fprintf(stderr, "failed: %s\n", r->why.text);
        exit(1);
    }
}

static void run(struct ledger_request *r)
{
    struct err why;

    (void)ledger_run(b.l, r, &why);
    insist(r);
}

static void submit(struct ledger_request *r, ledger_done_fn *done)
{
    r->done = done;
    b.under_way++;
    ledger_submit(b.l, r);
}

static void wait_all(void)
{
    while (b.under_way > 0) {
        pthread_mutex_lock(&b.lock);
        while (!b.wake) {
            pthread_cond_wait(&b.woken, &b.lock);
        }
        b.wake = false;
        pthread_mutex_unlock(&b.lock);
        ledger_collect(b.l);
    }
}

/* ---- figures ---- */

struct figures {
    int64_t start_us;
    double cpu;
};

static double cpu_seconds(void)
{
    struct rusage u;

    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

/* At most, so far. */
static long rss_kb(void)
{
    struct rusage u;

    getrusage(RUSAGE_SELF, &u);
    return u.ru_maxrss;
}

static struct figures begin(void)
{
    return (struct figures){.start_us = clock_mono_us(), .cpu = cpu_seconds()};
}

static void tell(const struct figures *f, const char *what, double count)
{
    double seconds = (double)(clock_mono_us() - f->start_us) / 1e6;
    double cpu = cpu_seconds() - f->cpu;

    printf("%-28s %10.0f /s  %6.2f s  %5.2f us CPU each  %6ld KB resident\n",
           what,
           count / seconds,
           seconds,
           cpu * 1e6 / count,
           rss_kb());
    (void)fflush(stdout);
}

/* ---- members ---- */

struct put {
    struct ledger_members_put r;
    struct ledger_new_member m[PUT_MEMBERS];
    char addresses[PUT_MEMBERS][200];
    uint8_t keys[PUT_MEMBERS][KEYS_BYTES];
};

static uint64_t random_of(uint64_t n)
{
    n = (n ^ (n >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    n = (n ^ (n >> 27)) * UINT64_C(0x94D049BB133111EB);
    return n ^ (n >> 31);
}

static void make_member(struct put *p, size_t i, uint64_t number)
{
    uint64_t word = random_of(number);
    int len = snprintf(p->addresses[i],
                       sizeof p->addresses[i],
                       "https://fcm.googleapis.com/fcm/send/%016llx:APA91b%0130llu",
                       (unsigned long long)word,
                       (unsigned long long)number);

    must(len > 180 && (size_t)len < sizeof p->addresses[i]);
    memset(p->keys[i], (int)(word & 0xff), KEYS_BYTES);
    memcpy(p->keys[i] + 8, &word, sizeof word);
    p->m[i] = (struct ledger_new_member){.address = p->addresses[i],
                                         .language = "de",
                                         .opted_in_by = "page",
                                         .opted_in_at_ms = b.now_ms,
                                         .keys = p->keys[i],
                                         .keys_len = KEYS_BYTES,
                                         .key_id = 7,
                                         .traits = {.topics = MEMBER_TOPICS_ALL},
                                         .zone = "Europe/Berlin"};
}

static void on_put(struct ledger_request *r)
{
    insist(r);
    b.under_way--;
}

/* Two lists at a time, as an import does: one is read while the other is written. */
static void import(uint64_t members)
{
    struct put *v[2] = {mem_zalloc(sizeof *v[0]), mem_zalloc(sizeof *v[1])};
    struct figures f = begin();
    uint64_t number = 0;

    while (number < members) {
        for (size_t n = 0; n < 2 && number < members; n++) {
            size_t count =
                members - number < PUT_MEMBERS ? (size_t)(members - number) : PUT_MEMBERS;

            for (size_t i = 0; i < count; i++) {
                make_member(v[n], i, number++);
            }
            v[n]->r = (struct ledger_members_put){.req = {.kind = LEDGER_MEMBERS_PUT},
                                                  .channel = CHANNEL,
                                                  .v = v[n]->m,
                                                  .count = count,
                                                  .first_id = b.next_id,
                                                  .now_ms = b.now_ms};
            b.next_id += count;
            submit(&v[n]->r.req, on_put);
        }
        wait_all();
    }
    tell(&f, "members put", (double)members);
    mem_free(v[0]);
    mem_free(v[1]);
}

/* ---- prepared ---- */

static void prepare(void)
{
    static uint8_t bytes[PREPARED_MEMBERS * PREPARED_BYTES];
    struct ledger_unprepared r = {
        .req = {.kind = LEDGER_UNPREPARED}, .channel = CHANNEL, .limit = PREPARED_MEMBERS};
    struct ledger_prepared_put put = {.req = {.kind = LEDGER_PREPARED_PUT},
                                      .channel = CHANNEL,
                                      .bytes = bytes,
                                      .each_bytes = PREPARED_BYTES,
                                      .now_ms = b.now_ms};
    struct figures f = begin();
    double count = 0;

    do {
        run(&r.req);
        put.members = r.v;
        put.count = r.count;
        run(&put.req);
        count += (double)r.count;
        r.after = r.upto;
        ledger_request_done(&r.req);
    } while (r.more);
    tell(&f, "prepared put", count);
}

/* ---- a wave ---- */

static void ask(struct batch *x);

static void on_end(struct ledger_request *r)
{
    struct batch *x = container_of(r, struct batch, end.req);

    insist(r);
    b.under_way--;
    mem_free(x->lost);
    ledger_request_done(&x->next.req);
    ask(x);
}

static void end(struct batch *x)
{
    static const struct ledger_wave_service service = {.name = "fcm", .accepted = 1};
    size_t lost = x->next.count / 100;

    x->lost = mem_calloc(lost, sizeof *x->lost);
    for (size_t i = 0; i < lost; i++) {
        x->lost[i] = (struct ledger_wave_result){
            .member = x->next.v[i * 100].id, .outcome = MEMBER_LOST, .detail = "410 Gone"};
    }
    for (size_t i = 0; i < x->next.count; i++) {
        with_prepared += x->next.v[i].prepared != NULL;
    }
    seen += (int64_t)x->next.count;
    x->end = (struct ledger_wave_end){.req = {.kind = LEDGER_WAVE_END},
                                      .id = wave,
                                      .number = x->next.number,
                                      .v = x->lost,
                                      .count = lost,
                                      .accepted = (int64_t)(x->next.count - lost),
                                      .services = &service,
                                      .service_count = 1,
                                      .gone_max = INT64_MAX,
                                      .now_ms = b.now_ms};
    submit(&x->end.req, on_end);
}

static void on_next(struct ledger_request *r)
{
    struct batch *x = container_of(r, struct batch, next.req);

    insist(r);
    b.under_way--;
    if (x->next.number > 0) {
        end(x);
        return;
    }
    exhausted |= !x->next.more;
    ledger_request_done(r);
    if (x->next.more) {
        ask(x);
    }
}

static void ask(struct batch *x)
{
    if (exhausted) {
        return;
    }
    x->next = (struct ledger_wave_next){.req = {.kind = LEDGER_WAVE_NEXT},
                                        .id = wave,
                                        .limit = batch_size,
                                        .recent_since_ms = 1,
                                        .now_ms = b.now_ms};
    submit(&x->next.req, on_next);
}

static void make_delivery(void)
{
    static const uint8_t hash[32] = {0};
    static const struct accept_alias alias = {.kind = "id", .value = "x"};
    static const struct accept_channel channel = {
        .name = CHANNEL, .adapter = "webpush", .matches = true};
    uint64_t id = b.next_id++;
    char name[32];
    struct accept_alias own = alias;
    struct ledger_accept a = {.req = {.kind = LEDGER_ACCEPT},
                              .kind = ACCEPT_CONTENT,
                              .source = "cms",
                              .aliases = &own,
                              .alias_count = 1,
                              .document = "{}",
                              .hash = hash,
                              .face = hash,
                              .url = "https://news.example/",
                              .title = "News",
                              .now_ms = b.now_ms,
                              .new_article = b.next_id++,
                              .delivery_ids = &id,
                              .channels = &channel,
                              .channel_count = 1};

    (void)snprintf(name, sizeof name, "%llu", (unsigned long long)id);
    own.value = name;
    run(&a.req);
    wave = a.deliveries[0].id;
    ledger_request_done(&a.req);
}

static void send_wave(const char *what, int64_t topics)
{
    struct batch batches[OPEN_BATCHES];
    struct ledger_wave_open open = {.req = {.kind = LEDGER_WAVE_OPEN},
                                    .channel = CHANNEL,
                                    .topics = topics,
                                    .now_ms = b.now_ms};
    struct figures f;

    make_delivery();
    open.id = wave;
    run(&open.req);
    exhausted = false;
    seen = with_prepared = 0;
    f = begin();
    memset(batches, 0, sizeof batches);
    for (size_t i = 0; i < OPEN_BATCHES; i++) {
        ask(&batches[i]);
    }
    wait_all();
    tell(&f, what, (double)open.wave.total);
    printf("%-28s %10lld, %lld with something prepared\n",
           "",
           (long long)seen,
           (long long)with_prepared);
}

/* ---- */

static void remove_files(const char *path)
{
    static const char *const ends[] = {"", "-wal", "-shm", ".lock", ".mark"};

    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        char *name = mem_printf("%s%s", path, ends[i]);

        unlink(name);
        mem_free(name);
    }
}

static void open_ledger(const char *path)
{
    struct err why = {.code = ERR_NONE};
    char *location = mem_printf("sqlite:%s", path);

    if (ledger_open(&b.l, location, on_wake, NULL, b.now_ms, &why)) {
        (void)fprintf(stderr, "%s\n", why.text);
        exit(1);
    }
    mem_free(location);
}

static void tell_size(const char *path)
{
    struct stat st;

    if (stat(path, &st) == 0) {
        printf("%-28s %10lld MB\n", "the file", (long long)st.st_size / 1000000);
    }
}

int main(int argc, char **argv)
{
    char *path = mem_printf("%s/bench-members.db", argc > 1 ? argv[1] : ".");
    uint64_t members = 1000000, size = batch_size;

    if ((argc > 2 && !parse_u64(argv[2], &members)) ||
        (argc > 3 && !parse_u64(argv[3], &size)) || size == 0) {
        (void)fprintf(stderr, "bench_members [folder] [members] [batch]\n");
        return 2;
    }
    batch_size = (size_t)size;
    pthread_mutex_init(&b.lock, NULL);
    pthread_cond_init(&b.woken, NULL);
    b.next_id = 1000;
    b.now_ms = clock_wall_ms();
    remove_files(path);
    open_ledger(path);
    printf("%-28s %42ld KB resident\n", "at rest", rss_kb());
    import(members);
    send_wave("wave, nothing prepared", MEMBER_TOPICS_ALL);
    prepare();
    send_wave("wave, all prepared", MEMBER_TOPICS_ALL);
    ledger_close(b.l);
    tell_size(path);
    remove_files(path);
    mem_free(path);
    return 0;
}
