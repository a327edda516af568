/* The page Prometheus reads: counters, histograms, gauges, escaping; and that every line of it
 * is one that the text format knows. */

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/mem.h"
#include "queue/ledger.h"
#include "service/crier.h"
#include "service/metrics.h"

static struct crier crier = {.started_at_ms = INT64_C(1700000000000), .phase = CRIER_READY};

static char *page_of(struct metrics *m, const struct ledger_channel *rows, size_t count)
{
    struct buf out;
    char *text;

    buf_init(&out, 1000000);
    metrics_print(m, &crier, rows, count, &out);
    text = buf_detach(&out, NULL);
    assert_non_null(text);
    return text;
}

/* Somewhere a line begins so. */
static void must_have(const char *page, const char *line)
{
    const char *at = strstr(page, line);

    while (at != NULL && at != page && at[-1] != '\n') {
        at = strstr(at + 1, line);
    }
    if (at == NULL) {
        fail_msg("no line \"%s\" in:\n%s", line, page);
    }
}

static void counters_count_by_their_labels(void **state)
{
    struct metrics *m = metrics_new();
    char *page;

    (void)state;
    metrics_add(m, METRIC_ARTICLES, "new", NULL);
    metrics_add(m, METRIC_ARTICLES, "new", NULL);
    metrics_add(m, METRIC_ARTICLES, "unchanged", NULL);
    metrics_add(m, METRIC_ATTEMPTS, "telegram", "done");
    metrics_add(m, METRIC_ATTEMPTS, "telegram", "again");
    metrics_add(m, METRIC_ATTEMPTS, "telegramdone", "");
    metrics_add(m, METRIC_CLICKS, "a\"b\\c\nd", NULL);
    page = page_of(m, NULL, 0);
    must_have(page, "# TYPE crier_articles_total counter\n");
    must_have(page, "crier_articles_total{outcome=\"new\"} 2\n");
    must_have(page, "crier_articles_total{outcome=\"unchanged\"} 1\n");
    must_have(page, "crier_attempts_total{channel=\"telegram\",verdict=\"done\"} 1\n");
    must_have(page, "crier_attempts_total{channel=\"telegram\",verdict=\"again\"} 1\n");
    must_have(page, "crier_attempts_total{channel=\"telegramdone\",verdict=\"\"} 1\n");
    must_have(page, "crier_share_clicks_total{target=\"a\\\"b\\\\c\\nd\"} 1\n");
    mem_free(page);
    metrics_free(m);
    metrics_add(NULL, METRIC_ARTICLES, "nobody counts", NULL);
}

static void histograms_add_up(void **state)
{
    static const int64_t seen_us[] = {0, 900, 1000, 1001, 2000000, 400000000, -5};
    struct metrics *m = metrics_new();
    char *page;

    (void)state;
    for (size_t i = 0; i < sizeof seen_us / sizeof seen_us[0]; i++) {
        metrics_observe_us(m, METRIC_ACCEPT_SECONDS, "cms", seen_us[i]);
    }
    page = page_of(m, NULL, 0);
    must_have(page, "# TYPE crier_accept_seconds histogram\n");
    must_have(page, "crier_accept_seconds_bucket{source=\"cms\",le=\"0.001\"} 4\n");
    must_have(page, "crier_accept_seconds_bucket{source=\"cms\",le=\"0.0025\"} 5\n");
    must_have(page, "crier_accept_seconds_bucket{source=\"cms\",le=\"1\"} 5\n");
    must_have(page, "crier_accept_seconds_bucket{source=\"cms\",le=\"2.5\"} 6\n");
    must_have(page, "crier_accept_seconds_bucket{source=\"cms\",le=\"300\"} 6\n");
    must_have(page, "crier_accept_seconds_bucket{source=\"cms\",le=\"+Inf\"} 7\n");
    must_have(page, "crier_accept_seconds_sum{source=\"cms\"} 402.002901\n");
    must_have(page, "crier_accept_seconds_count{source=\"cms\"} 7\n");
    mem_free(page);
    metrics_free(m);
}

static void gauges_come_from_the_ledgers_rows(void **state)
{
    struct ledger_channel rows[2] = {{.name = "telegram"}, {.name = "partner"}};
    struct metrics *m = metrics_new();
    char *page;

    (void)state;
    rows[0].by_state[DELIVERY_READY] = 7;
    rows[1].by_state[DELIVERY_UNKNOWN] = 1;
    rows[0].oldest_waiting_at_ms = clock_wall_ms() - 90 * MS_SECOND;
    page = page_of(m, rows, 2);
    must_have(page, "crier_deliveries{channel=\"telegram\",state=\"ready\"} 7\n");
    must_have(page, "crier_deliveries{channel=\"telegram\",state=\"done\"} 0\n");
    must_have(page, "crier_deliveries{channel=\"partner\",state=\"unknown\"} 1\n");
    must_have(page, "crier_oldest_waiting_seconds{channel=\"telegram\"} 90.");
    must_have(page, "crier_oldest_waiting_seconds{channel=\"partner\"} 0.000000\n");
    must_have(page, "crier_ready 1\n");
    must_have(page, "crier_start_time_seconds 1700000000\n");
    must_have(page, "crier_resident_memory_bytes ");
    mem_free(page);
    metrics_free(m);
}

/* "name{labels} value", and the name told by the HELP and TYPE lines above it. */
static void check_sample(const char *line, size_t len, const char *family)
{
    size_t name = strspn(line, "abcdefghijklmnopqrstuvwxyz_");
    const char *value = memchr(line, '}', len);

    assert_true(strncmp(line, "crier_", 6) == 0);
    assert_true(strncmp(line, family, strlen(family)) == 0);
    assert_true(line[name] == '{' || line[name] == ' ');
    value = line[name] == ' ' ? line + name : value + 1;
    assert_true(*value == ' ' && value + 1 < line + len);
    assert_int_equal(strspn(value + 1, "0123456789."), (size_t)(line + len - value - 1));
}

static void every_line_is_of_the_text_format(void **state)
{
    struct ledger_channel row = {.name = "telegram"};
    struct metrics *m = metrics_new();
    char *page, family[100] = "";

    (void)state;
    metrics_add(m, METRIC_REQUESTS, "/v1/articles/{id}", NULL);
    metrics_observe_us(m, METRIC_SEND_TO_VERDICT_SECONDS, "telegram", 5);
    page = page_of(m, &row, 1);
    for (char *at = page; *at != '\0';) {
        size_t len = strcspn(at, "\n");

        assert_int_equal(at[len], '\n');
        if (strncmp(at, "# HELP ", 7) == 0) {
            size_t name = strcspn(at + 7, " ");

            memcpy(family, at + 7, name);
            family[name] = '\0';
            assert_true(len > 8 + name);
        } else if (strncmp(at, "# TYPE ", 7) == 0) {
            assert_true(strncmp(at + 7, family, strlen(family)) == 0);
        } else if (strstr(at, "/v1/articles/{id}") !=
                   at + len - strlen("/v1/articles/{id}\"} 1")) {
            check_sample(at, len, family);
        }
        at += len + 1;
    }
    mem_free(page);
    metrics_free(m);
}

static int nothing_is_left(void **state)
{
    (void)state;
    return mem_live_count() == 0 ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counters_count_by_their_labels),
        cmocka_unit_test(histograms_add_up),
        cmocka_unit_test(gauges_come_from_the_ledgers_rows),
        cmocka_unit_test(every_line_is_of_the_text_format),
    };

    return cmocka_run_group_tests(tests, NULL, nothing_is_left);
}
