/* What is counted, and the page Prometheus reads. Called by everybody in service/ (add,
 * observe) and by GET /metrics (print). It owns the counters and histograms; gauges are not
 * kept but asked for when the page is printed. Names, labels and help stand in the two tables
 * below and nowhere else. */

#include "service/metrics.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/map.h"
#include "base/mem.h"
#include "queue/ledger.h"
#include "queue/sched.h"
#include "service/canary.h"
#include "service/channels.h"
#include "service/crier.h"
#include "service/door.h"
#include "service/keeper.h"
#include "service/lookout.h"
#include "service/media.h"
#include "service/watch.h"
#include "service/wave.h"

#define LABELS_MAX 3
#define KEY_BYTES 512

struct counter_row {
    const char *name, *labels[LABELS_MAX], *help;
};
static const struct counter_row counters[METRIC_COUNTER_COUNT] = {
    [METRIC_ARTICLES] = {"crier_articles_total",
                         {"outcome"},
                         "Articles and retractions taken in"},
    [METRIC_ATTEMPTS] = {"crier_attempts_total",
                         {"channel", "verdict"},
                         "Steps sent to platforms, by what their answer meant"},
    [METRIC_MESSAGES] = {"crier_messages_total",
                         {"channel", "outcome"},
                         "Messages to members of audiences, by what their answer meant"},
    [METRIC_PUSHES] = {"crier_pushes_total",
                       {"channel", "service", "outcome"},
                       "Messages over lanes, by push service and what its answer meant"},
    [METRIC_MEMBER_NEWS] = {"crier_member_news_total",
                            {"channel", "kind"},
                            "What platforms told of messages and members, by what it was"},
    [METRIC_READERS] =
        {"crier_readers_total",
         {"channel", "what"},
         "Subscriptions that readers' browsers and apps sent, by what became of them"},
    [METRIC_DELIVERIES] = {"crier_deliveries_total",
                           {"channel", "state"},
                           "Deliveries that came to an end, by the state they ended in"},
    [METRIC_REFUSED] = {"crier_http_refused_total",
                        {"status"},
                        "HTTP requests answered with an error"},
    [METRIC_REQUESTS] = {"crier_http_requests_total", {"route"}, "HTTP requests by route"},
    [METRIC_RELOADS] = {"crier_reloads_total", {"result"}, "Readings of the settings file"},
    [METRIC_CLICKS] = {"crier_share_clicks_total", {"target"}, "Share links followed"},
    [METRIC_SOURCE_POLLS] = {"crier_source_polls_total",
                             {"source", "result"},
                             "Requests to feeds, by what came of them"},
    [METRIC_SOURCE_ITEMS] = {"crier_source_items_total",
                             {"source", "outcome"},
                             "New and changed items of feeds, by what became of them"},
    [METRIC_SOURCE_PUSHES] = {"crier_source_websub_total",
                              {"source", "result"},
                              "Deliveries of WebSub hubs, by what became of them"},
    [METRIC_GATE] = {"crier_gate_total",
                     {"outcome"},
                     "Articles whose page was looked at before their first post"},
    [METRIC_FACEBOOK] = {"crier_facebook_told_total",
                         {"result"},
                         "Pages that Facebook was told to read again"},
    [METRIC_INBOX] =
        {"crier_inbox_total",
         {"source", "result"},
         "Events without a title that waited for their page, by what became of them"},
    [METRIC_CREDENTIAL_RENEWALS] = {"crier_credential_renewals_total",
                                    {"channel", "outcome"},
                                    "Renewals of access tokens, by what came of them"},
    [METRIC_PREPARED] =
        {"crier_prepared_total",
         {"channel"},
         "Members for whom a message was prepared while there was nothing to do"},
};

struct histogram_row {
    const char *name, *labels[LABELS_MAX], *help;
};
static const struct histogram_row histograms[METRIC_HISTOGRAM_COUNT] = {
    [METRIC_ACCEPT_SECONDS] = {"crier_accept_seconds",
                               {"source"},
                               "From the complete request to the article's commit"},
    [METRIC_ACCEPT_TO_SEND_SECONDS] =
        {"crier_accept_to_send_seconds",
         {"adapter"},
         "From the article's arrival to the first byte of its first attempt"},
    [METRIC_SEND_TO_VERDICT_SECONDS] = {"crier_send_to_verdict_seconds",
                                        {"adapter"},
                                        "From the first byte of an attempt to its verdict"},
    [METRIC_GATE_SECONDS] = {"crier_gate_seconds",
                             {"outcome"},
                             "How long first posts waited for their article's page"},
    [METRIC_PUSH_SECONDS] = {"crier_push_seconds",
                             {"channel", "service"},
                             "From the start of a wave to a push service's last word on a "
                             "message, to within a third"},
    [METRIC_PREPARE_SECONDS] = {"crier_prepare_seconds",
                                {"channel"},
                                "Processor time of a block of messages that were prepared"},
};

/* From a commit on a good disk (a millisecond) to a platform at the end of its patience. */
static const struct {
    int64_t us;
    const char *text;
} bounds[] = {
    {1000, "0.001"},
    {2500, "0.0025"},
    {5000, "0.005"},
    {10000, "0.01"},
    {25000, "0.025"},
    {50000, "0.05"},
    {100000, "0.1"},
    {250000, "0.25"},
    {500000, "0.5"},
    {1000000, "1"},
    {2500000, "2.5"},
    {5000000, "5"},
    {10000000, "10"},
    {30000000, "30"},
    {60000000, "60"},
    {300000000, "300"},
};

struct series {
    struct series *next; /* in the order of first sight */
    char *values[LABELS_MAX];
    uint64_t count;
    int64_t sum_us;
    uint64_t buckets[ARRAY_LEN(bounds)]; /* histograms only; each on its own, not summed up */
};
struct family {
    struct map *by_key;
    struct series *first, *last;
};
struct metrics {
    struct family counters[METRIC_COUNTER_COUNT];
    struct family histograms[METRIC_HISTOGRAM_COUNT];
};

struct metrics *metrics_new(void)
{
    struct metrics *m = mem_zalloc(sizeof *m);

    for (size_t i = 0; i < METRIC_COUNTER_COUNT; i++) {
        m->counters[i].by_key = map_new();
    }
    for (size_t i = 0; i < METRIC_HISTOGRAM_COUNT; i++) {
        m->histograms[i].by_key = map_new();
    }
    return m;
}

static void family_done(struct family *f)
{
    struct series *s = f->first;

    while (s != NULL) {
        struct series *next = s->next;

        for (size_t i = 0; i < LABELS_MAX; i++) {
            mem_free(s->values[i]);
        }
        mem_free(s);
        s = next;
    }
    map_free(f->by_key);
}

void metrics_free(struct metrics *m)
{
    if (m == NULL) {
        return;
    }
    for (size_t i = 0; i < METRIC_COUNTER_COUNT; i++) {
        family_done(&m->counters[i]);
    }
    for (size_t i = 0; i < METRIC_HISTOGRAM_COUNT; i++) {
        family_done(&m->histograms[i]);
    }
    mem_free(m);
}

struct labels {
    const char *v[LABELS_MAX]; /* NULL behind the last */
};

static struct series *series_new(struct family *f, struct labels l)
{
    struct series *s = mem_zalloc(sizeof *s);

    for (size_t i = 0; i < LABELS_MAX; i++) {
        s->values[i] = mem_strdup(l.v[i]);
    }
    if (f->last == NULL) {
        f->first = s;
    } else {
        f->last->next = s;
    }
    f->last = s;
    return s;
}

/* The series of these label values, made when new. The key is all values with a NUL between. */
static struct series *series_get(struct family *f, struct labels l)
{
    char key[KEY_BYTES];
    size_t key_len = 0;
    struct series *s;

    for (size_t i = 0; i < LABELS_MAX; i++) {
        size_t len = l.v[i] == NULL ? 0 : strnlen(l.v[i], KEY_BYTES / LABELS_MAX - 1);

        if (len > 0) {
            memcpy(key + key_len, l.v[i], len);
        }
        key_len += len;
        key[key_len++] = '\0';
    }
    s = map_get(f->by_key, key, key_len);
    if (s == NULL) {
        s = series_new(f, l);
        (void)map_put(f->by_key, key, key_len, s);
    }
    return s;
}

static void count(struct metrics *m, enum metric_counter which, struct labels l, uint64_t by)
{
    if (m != NULL && by > 0) {
        series_get(&m->counters[which], l)->count += by;
    }
}

void metrics_add(struct metrics *m, enum metric_counter which, const char *a, const char *b)
{
    count(m, which, (struct labels){{a, b}}, 1);
}

void metrics_add_pushes(struct metrics *m,
                        const char *channel,
                        const char *service,
                        const char *outcome,
                        int64_t by)
{
    count(m, METRIC_PUSHES, (struct labels){{channel, service, outcome}}, (uint64_t)by);
}

static void observe(
    struct metrics *m, enum metric_histogram which, struct labels l, int64_t us, uint64_t times)
{
    struct series *s;

    if (m == NULL || times == 0) {
        return;
    }
    us = us < 0 ? 0 : us;
    s = series_get(&m->histograms[which], l);
    s->count += times;
    s->sum_us += us * (int64_t)times;
    for (size_t i = 0; i < ARRAY_LEN(bounds); i++) {
        if (us <= bounds[i].us) {
            s->buckets[i] += times;
            break;
        }
    }
}

void metrics_add_many(struct metrics *m, enum metric_counter which, const char *a, uint64_t by)
{
    count(m, which, (struct labels){{a}}, by);
}

void metrics_observe_us(struct metrics *m,
                        enum metric_histogram which,
                        const char *label,
                        int64_t us)
{
    observe(m, which, (struct labels){{label}}, us, 1);
}

void metrics_observe_pushes(
    struct metrics *m, const char *channel, const char *service, int64_t us, int64_t times)
{
    observe(m, METRIC_PUSH_SECONDS, (struct labels){{channel, service}}, us, (uint64_t)times);
}

static void print_head(struct buf *out, const char *name, const char *type, const char *help)
{
    buf_addf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* name="value" with backslash, quote and line feed escaped, as the text format asks. */
static void print_label(struct buf *out, const char *name, const char *value)
{
    buf_addf(out, "%s=\"", name);
    for (const char *at = value; *at != '\0'; at++) {
        if (*at == '\n') {
            buf_adds(out, "\\n");
            continue;
        }
        if (*at == '\\' || *at == '"') {
            buf_addc(out, '\\');
        }
        buf_addc(out, *at);
    }
    buf_addc(out, '"');
}

static void
print_labels(struct buf *out, const char *const names[LABELS_MAX], const struct series *s)
{
    print_label(out, names[0], s->values[0]);
    for (size_t i = 1; i < LABELS_MAX; i++) {
        if (names[i] != NULL && s->values[i] != NULL) {
            buf_addc(out, ',');
            print_label(out, names[i], s->values[i]);
        }
    }
}

static void
print_counter(struct buf *out, const struct counter_row *row, const struct family *f)
{
    print_head(out, row->name, "counter", row->help);
    for (const struct series *s = f->first; s != NULL; s = s->next) {
        buf_addf(out, "%s{", row->name);
        print_labels(out, row->labels, s);
        buf_addf(out, "} %" PRIu64 "\n", s->count);
    }
}

static void print_us(struct buf *out, int64_t us)
{
    buf_addf(out, "%" PRId64 ".%06" PRId64, us / 1000000, us % 1000000);
}

static void print_bucket(struct buf *out,
                         const struct histogram_row *row,
                         const struct series *s,
                         const char *bound,
                         uint64_t count)
{
    buf_addf(out, "%s_bucket{", row->name);
    print_labels(out, row->labels, s);
    buf_addf(out, ",le=\"%s\"} %" PRIu64 "\n", bound, count);
}

static void
print_series(struct buf *out, const struct histogram_row *row, const struct series *s)
{
    uint64_t so_far = 0;

    for (size_t i = 0; i < ARRAY_LEN(bounds); i++) {
        so_far += s->buckets[i];
        print_bucket(out, row, s, bounds[i].text, so_far);
    }
    print_bucket(out, row, s, "+Inf", s->count);
    buf_addf(out, "%s_sum{", row->name);
    print_labels(out, row->labels, s);
    buf_adds(out, "} ");
    print_us(out, s->sum_us);
    buf_addf(out, "\n%s_count{", row->name);
    print_labels(out, row->labels, s);
    buf_addf(out, "} %" PRIu64 "\n", s->count);
}

static void print_gauge(struct buf *out, const char *name, const char *help, int64_t value)
{
    print_head(out, name, "gauge", help);
    buf_addf(out, "%s %" PRId64 "\n", name, value);
}

static void print_total(struct buf *out, const char *name, const char *help, uint64_t value)
{
    print_head(out, name, "counter", help);
    buf_addf(out, "%s %" PRIu64 "\n", name, value);
}

static void print_process(struct crier *c, struct buf *out)
{
    size_t resident = 0;

    print_head(out, "crier_info", "gauge", "The version that runs; always 1");
    buf_adds(out, "crier_info{");
    print_label(out, "version", CRIER_VERSION);
    buf_adds(out, "} 1\n");
    print_gauge(out,
                "crier_start_time_seconds",
                "When it started, Unix time",
                c->started_at_ms / MS_SECOND);
    print_gauge(out, "crier_ready", "1 when articles are taken in", c->phase == CRIER_READY);
    if (uv_resident_set_memory(&resident) == 0) {
        print_gauge(
            out, "crier_resident_memory_bytes", "Memory of the process", (int64_t)resident);
    }
    if (c->media != NULL) {
        print_gauge(out,
                    "crier_media_cache_bytes",
                    "Videos and pictures in the media cache on disk",
                    (int64_t)media_store_disk_bytes(c->media));
    }
    if (c->door != NULL) {
        print_gauge(out,
                    "crier_open_connections",
                    "Connections at the door",
                    (int64_t)door_connections(c->door));
    }
}

static void print_ledger(const struct ledger *l, struct buf *out)
{
    struct ledger_stats stats;

    if (l == NULL) {
        return;
    }
    ledger_stats(l, &stats);
    print_total(out, "crier_ledger_commits_total", "Transactions committed", stats.commits);
    print_total(out, "crier_ledger_writes_total", "Requests written in them", stats.writes);
    print_total(out,
                "crier_ledger_failed_commits_total",
                "Transactions that failed",
                stats.failed_commits);
    print_gauge(out, "crier_ledger_queue", "Requests waiting for the ledger", stats.queue_now);
    print_head(
        out, "crier_ledger_last_commit_seconds", "gauge", "How long the last commit took");
    buf_adds(out, "crier_ledger_last_commit_seconds ");
    print_us(out, stats.last_commit_us);
    buf_addc(out, '\n');
}

static void print_queue(struct buf *out, const struct ledger_channel *rows, size_t count)
{
    print_head(out, "crier_deliveries", "gauge", "Deliveries in the ledger by state");
    for (size_t i = 0; i < count; i++) {
        for (int s = 0; s < DELIVERY_STATE_COUNT; s++) {
            buf_adds(out, "crier_deliveries{");
            print_label(out, "channel", rows[i].name);
            buf_addc(out, ',');
            print_label(out, "state", delivery_state_name((enum delivery_state)s));
            buf_addf(out, "} %" PRId64 "\n", rows[i].by_state[s]);
        }
    }
}

static void print_oldest(struct buf *out, const struct ledger_channel *rows, size_t count)
{
    int64_t now_ms = clock_wall_ms();

    print_head(out,
               "crier_oldest_waiting_seconds",
               "gauge",
               "Age of the oldest delivery that waits; 0 when none does");
    for (size_t i = 0; i < count; i++) {
        int64_t since_ms = rows[i].oldest_waiting_at_ms;
        int64_t age_ms = since_ms == 0 || since_ms > now_ms ? 0 : now_ms - since_ms;

        buf_adds(out, "crier_oldest_waiting_seconds{");
        print_label(out, "channel", rows[i].name);
        buf_adds(out, "} ");
        print_us(out, age_ms * 1000);
        buf_addc(out, '\n');
    }
}

/* One gauge over all configured channels; below 0: not of this one. */
typedef int64_t channel_value_fn(struct crier *c, const struct channel *ch);

static int64_t is_up(struct crier *c, const struct channel *ch)
{
    (void)c;
    return !ch->kept.paused && !ch->kept.blocked;
}

static int64_t is_paused(struct crier *c, const struct channel *ch)
{
    (void)c;
    return ch->kept.paused;
}

static int64_t is_blocked(struct crier *c, const struct channel *ch)
{
    (void)c;
    return ch->kept.blocked;
}

static int64_t running_now(struct crier *c, const struct channel *ch)
{
    struct sched_view view = {.known = false};

    sched_view(c->sched, ch->name, clock_wall_ms(), &view);
    return (int64_t)view.running;
}

static int64_t quota_left(struct crier *c, const struct channel *ch)
{
    struct quota_view view = channel_quota_look(ch, (struct delivery_id){0}, false);

    (void)c;
    return view.limit > 0 ? view.left : -1;
}

static void print_channels(struct crier *c, struct buf *out)
{
    static const struct {
        const char *name, *help;
        channel_value_fn *value;
    } rows[] = {
        {"crier_channel_up", "1 when the channel is neither paused nor blocked", is_up},
        {"crier_channel_paused", "1 when somebody paused the channel", is_paused},
        {"crier_channel_blocked", "1 when the platform says no to us", is_blocked},
        {"crier_channel_running", "Deliveries on their way right now", running_now},
        {"crier_quota_left",
         "Posts that the platform's quota leaves, with the reserve; channels that have one",
         quota_left},
    };

    if (c->channels == NULL || c->sched == NULL) {
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        size_t cursor = 0;
        const struct channel *ch;

        print_head(out, rows[i].name, "gauge", rows[i].help);
        while ((ch = channels_each(c->channels, &cursor)) != NULL) {
            int64_t value = rows[i].value(c, ch);

            if (value < 0) {
                continue;
            }
            buf_addf(out, "%s{", rows[i].name);
            print_label(out, "channel", ch->name);
            buf_addf(out, "} %" PRId64 "\n", value);
        }
    }
}

void metrics_print(struct metrics *m,
                   struct crier *c,
                   const struct ledger_channel *rows,
                   size_t row_count,
                   struct buf *out)
{
    print_process(c, out);
    print_ledger(c->ledger, out);
    print_channels(c, out);
    print_queue(out, rows, row_count);
    print_oldest(out, rows, row_count);
    if (c->keeper != NULL) {
        keeper_print_gauges(c->keeper, out);
    }
    if (c->lookout != NULL) {
        lookout_print_gauges(c->lookout, out);
        canaries_print_gauges(c->canaries, out);
    }
    if (c->watch != NULL) {
        watch_print_gauges(c->watch, out);
    }
    waves_print_gauges(c, out);
    for (size_t i = 0; i < METRIC_COUNTER_COUNT; i++) {
        print_counter(out, &counters[i], &m->counters[i]);
    }
    for (size_t i = 0; i < METRIC_HISTOGRAM_COUNT; i++) {
        print_head(out, histograms[i].name, "histogram", histograms[i].help);
        for (const struct series *s = m->histograms[i].first; s != NULL; s = s->next) {
            print_series(out, &histograms[i], s);
        }
    }
}
