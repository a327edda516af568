/* `crier status`: how the running service, its channels and audiences, or one article are. Only reads; --watch
 * is cli_watch.c's. */

#include "service/cli.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/parse.h"
#include "base/url.h"
#include "service/cli_print.h"
#include "service/cli_watch.h"
#include "service/cli_wave_view.h"
#include "service/client.h"

const struct cli_option cli_status_options[] = {
    {.name = "watch",
     .letter = 'w',
     .help = "go on: a screen on a terminal, else a line for every change"},
    {.name = NULL},
};

/* ---- the service ---- */

static int64_t backlog(const json_t *channel, const char *const *states)
{
    const json_t *counts = json_object_get(channel, "backlog");
    int64_t sum = 0;

    for (; *states != NULL; states++) {
        sum += json_integer_value(json_object_get(counts, *states));
    }
    return sum;
}

static const char *trouble_of(const json_t *channel)
{
    const char *blocked = json_path_str(channel, "blocked_why");
    const char *last = json_path_str(channel, "last_error");

    return blocked != NULL ? blocked : last != NULL ? last : "";
}

static bool any_has_quota(const json_t *channels)
{
    json_t *ch;
    size_t i;

    json_array_foreach(channels, i, ch)
    {
        if (json_is_object(json_object_get(ch, "quota"))) {
            return true;
        }
    }
    return false;
}

/* "3 of 25 in 24h"; amber where what is left is the reserve. */
static void add_quota(struct table *t, const json_t *channel)
{
    const json_t *q = json_object_get(channel, "quota");
    int64_t left = json_integer_value(json_object_get(q, "left"));
    int64_t reserve = json_integer_value(json_object_get(q, "reserve"));

    if (!json_is_object(q)) {
        table_cell(t, "", TINT_NONE);
        return;
    }
    table_cellf(t,
                left == 0         ? TINT_BAD
                : left <= reserve ? TINT_WARN
                                  : TINT_NONE,
                "%" PRId64 " of %s %s",
                left,
                cli_member(q, "limit", 0),
                cli_member(q, "window", 1));
}

static void print_channels(const json_t *channels)
{
    /* What is left of quotas only where there are some. */
    bool quotas = any_has_quota(channels);
    static const char *const plain[] = {
        "channel", "type", "health", "waiting", "oldest", "unknown", "failed", "last error"};
    static const char *const with_quotas[] = {"channel",
                                              "type",
                                              "health",
                                              "waiting",
                                              "oldest",
                                              "unknown",
                                              "failed",
                                              "quota left",
                                              "last error"};
    static const char *const waiting[] = {
        "held", "ready", "in_flight", "again", "blocked", NULL};
    static const char *const unknown[] = {"unknown", NULL};
    static const char *const failed[] = {"rejected", "expired", NULL};
    struct table *t = quotas ? table_new(with_quotas, ARRAY_LEN(with_quotas))
                             : table_new(plain, ARRAY_LEN(plain));
    int64_t now_ms = clock_wall_ms();
    char age[CLI_AGE_BYTES];
    json_t *ch;
    size_t i;

    json_array_foreach(channels, i, ch)
    {
        const char *health = cli_member(ch, "health", 0);
        int64_t open = backlog(ch, unknown), lost = backlog(ch, failed);
        table_row(t);
        table_cell(t, cli_member(ch, "name", 1), TINT_BOLD);
        table_cell(t, cli_member(ch, "adapter", 2), TINT_NONE);
        table_cell(t, health, terminal_tint(health));
        table_cellf(t, TINT_NONE, "%" PRId64, backlog(ch, waiting));
        table_cell(t, cli_age(json_path_str(ch, "oldest_waiting_at"), now_ms, age), TINT_NONE);
        table_cellf(t, open > 0 ? TINT_WARN : TINT_NONE, "%" PRId64, open);
        table_cellf(t, lost > 0 ? TINT_BAD : TINT_NONE, "%" PRId64, lost);
        if (quotas) {
            add_quota(t, ch);
        }
        table_cell(t, trouble_of(ch), TINT_NONE);
    }
    cli_print_table(t);
    table_free(t);
}

/* Sources that need a person's eye; when all is well there is nothing to say. */
static void print_sources(const json_t *sources)
{
    static const char *const titles[] = {"source", "health", "held", "trouble"};
    struct table *t = table_new(titles, ARRAY_LEN(titles));
    json_t *s;
    size_t i;

    json_array_foreach(sources, i, s)
    {
        const char *health = cli_member(s, "health", 0);
        const char *stopped = json_path_str(s, "stopped_why");
        int64_t held = json_integer_value(json_object_get(s, "held"));

        if (held == 0 && strcmp(health, "failing") != 0 && strcmp(health, "stopped") != 0) {
            continue;
        }
        table_row(t);
        table_cell(t, cli_member(s, "name", 1), TINT_BOLD);
        table_cell(t, health, terminal_tint(health));
        table_cellf(t, held > 0 ? TINT_WARN : TINT_NONE, "%" PRId64, held);
        table_cell(t, stopped != NULL ? stopped : json_path_str(s, "error"), TINT_NONE);
    }
    if (table_rows(t) > 0) {
        (void)printf("\n");
        cli_print_table(t);
    }
    table_free(t);
}

/* Tokens that need a person's eye; when all is well there is nothing to say. */
static void print_credentials(const json_t *channels)
{
    static const char *const titles[] = {"channel", "credentials"};
    struct table *t = table_new(titles, ARRAY_LEN(titles));
    json_t *ch;
    size_t i;

    json_array_foreach(channels, i, ch)
    {
        const json_t *c = json_object_get(ch, "credentials");

        if (json_is_true(json_object_get(c, "needs_attention"))) {
            table_row(t);
            table_cell(t, json_path_str(ch, "name"), TINT_BOLD);
            table_cell(t, json_path_str(c, "text"), TINT_WARN);
        }
    }
    if (table_rows(t) > 0) {
        (void)printf("\n");
        cli_print_table(t);
    }
    table_free(t);
}

static void add_canary(struct table *t, const json_t *canary)
{
    if (json_is_true(json_object_get(canary, "late"))) {
        table_cellf(t, TINT_BAD, "dry run is late");
    } else if (json_is_false(json_object_get(canary, "ok"))) {
        table_cellf(t,
                    TINT_BAD,
                    "dry run failed at %s: %s",
                    cli_member(canary, "stage", 0),
                    cli_member(canary, "detail", 1));
    } else {
        table_cell(
            t, json_is_true(json_object_get(canary, "ok")) ? "dry run ok" : "", TINT_NONE);
    }
}

static void print_audiences(const json_t *channels)
{
    static const char *const titles[] = {
        "audience", "members", "gone", "put aside", "stopped", "prepared", "note"};
    struct table *t = table_new(titles, ARRAY_LEN(titles));
    char n[CLI_COUNT_BYTES];
    json_t *ch;
    size_t i;

    json_array_foreach(channels, i, ch)
    {
        const json_t *a = json_object_get(ch, "audience");
        int64_t aside = wave_number(a, "quarantined");

        if (!json_is_object(a)) {
            continue;
        }
        table_row(t);
        table_cell(t, cli_member(ch, "name", 0), TINT_BOLD);
        table_cell(t, cli_count(wave_number(a, "active"), n), TINT_NONE);
        table_cell(t, cli_count(wave_number(a, "gone"), n), TINT_NONE);
        table_cell(t, cli_count(aside, n), aside > 0 ? TINT_WARN : TINT_NONE);
        table_cell(t, cli_count(wave_number(a, "stopped"), n), TINT_NONE);
        table_cell(t, cli_count(wave_number(a, "prepared"), n), TINT_NONE);
        if (strcmp(cli_member(a, "mode", 1), "test") == 0) {
            table_cell(t, "test members only", TINT_WARN);
        } else if (aside > 0) {
            table_cellf(t, TINT_WARN, "look: crier members %s gone", cli_member(ch, "name", 0));
        } else {
            add_canary(t, json_object_get(a, "canary"));
        }
    }
    if (table_rows(t) > 0) {
        (void)printf("\n");
        cli_print_table(t);
    }
    table_free(t);
}

/* Those that are not through. */
static void print_waves(const json_t *waves)
{
    static const char *const titles[] = {
        "wave", "channel", "state", "through", "accepted", "members", "article"};
    struct table *t = table_new(titles, ARRAY_LEN(titles));
    int64_t now_ms = clock_wall_ms();
    char n[CLI_COUNT_BYTES];
    size_t waiting = 0, i;
    json_t *w;

    json_array_foreach(waves, i, w)
    {
        enum wave_phase phase = wave_phase(w, now_ms);
        struct buf words;

        buf_init(&words, 256);
        wave_words(&words, w, now_ms);
        waiting += phase == WAVE_PHASE_WORD;
        table_row(t);
        table_cell(t, cli_member(w, "delivery", 0), TINT_DIM);
        table_cell(t, cli_member(w, "channel", 1), TINT_BOLD);
        table_cell(t, buf_str(&words), wave_tint(phase));
        table_cellf(t, TINT_NONE, "%d %%", wave_percent(w));
        table_cell(t, cli_count(wave_number(w, "accepted"), n), TINT_NONE);
        table_cell(t, cli_count(wave_number(w, "members"), n), TINT_NONE);
        table_cell(t, wave_title(w), TINT_NONE);
        buf_done(&words);
    }
    if (table_rows(t) > 0) {
        (void)printf("\n");
        cli_print_table(t);
    }
    if (waiting > 0) {
        (void)printf("%zu must be let go or stopped: crier wave confirm, crier wave stop\n",
                     waiting);
    }
    table_free(t);
}

static void print_media_cache(const json_t *cache)
{
    int64_t bytes = json_integer_value(json_object_get(cache, "bytes"));
    char is[PARSE_TEXT_BYTES], may[PARSE_TEXT_BYTES];

    if (bytes > 0) {
        (void)printf("\nmedia cache: %s of %s\n",
                     format_size_about(bytes, is),
                     format_size(json_integer_value(json_object_get(cache, "max")), may));
    }
}

static int show_service(const struct cli_args *args, struct client *client)
{
    json_t *ready = NULL, *channels = NULL, *sources = NULL, *waves = NULL;
    struct err why = {0};
    long status = 0;
    enum err_code rc = client_ask(client, HTTP_GET, "/readyz", NULL, &status, &ready, &why);

    if (rc == ERR_NONE) {
        rc = client_call(client, HTTP_GET, "/v1/channels", NULL, &channels, &why);
    }
    if (rc == ERR_NONE) {
        rc = client_call(client, HTTP_GET, "/v1/sources", NULL, &sources, &why);
    }
    if (rc == ERR_NONE) {
        rc = client_call(client, HTTP_GET, "/v1/waves?open=true&limit=200", NULL, &waves, &why);
    }
    if (rc) {
        json_decref(ready);
        json_decref(channels);
        json_decref(sources);
        return client_fail(args, rc, &why);
    }
    json_t *items = json_object_get(channels, "items");
    if (args->json) {
        json_t *v = json_pack("{s:s, s:b, s:O, s:O, s:O, s:O?}",
                              "service",
                              client_url(client),
                              "ready",
                              status == 200,
                              "channels",
                              items,
                              "sources",
                              json_object_get(sources, "items"),
                              "waves",
                              json_object_get(waves, "items"),
                              "media_cache",
                              json_object_get(channels, "media_cache"));
        cli_print_json(v);
        json_decref(v);
    } else {
        (void)printf("%s: %s\n\n",
                     client_url(client),
                     status == 200 ? "ready" : "not ready (starting or draining)");
        print_channels(items);
        print_audiences(items);
        print_waves(json_object_get(waves, "items"));
        print_credentials(items);
        print_sources(json_object_get(sources, "items"));
        print_media_cache(json_object_get(channels, "media_cache"));
    }
    json_decref(ready);
    json_decref(channels);
    json_decref(sources);
    json_decref(waves);
    return status == 200 ? CLI_OK : CLI_FAILED;
}

/* ---- one article ---- */

static void print_attempts(const json_t *deliveries)
{
    static const char *const titles[] = {
        "channel", "delivery", "step", "time", "status", "verdict", "detail"};
    struct table *t = table_new(titles, ARRAY_LEN(titles));
    char at[CLI_TIME_BYTES];
    json_t *d, *a;
    size_t i, j;

    json_array_foreach(deliveries, i, d)
    {
        json_array_foreach(json_object_get(d, "attempts_log"), j, a)
        {
            table_row(t);
            table_cell(t, cli_member(d, "channel", 0), TINT_BOLD);
            table_cell(t, cli_member(d, "id", 1), TINT_DIM);
            table_cell(t, cli_member(a, "step", 2), TINT_NONE);
            table_cell(t, cli_time(json_path_str(a, "started_at"), at), TINT_DIM);
            table_cell(t, cli_member(a, "status", 3), TINT_NONE);
            table_cell(
                t, json_path_str(a, "verdict"), terminal_tint(json_path_str(a, "verdict")));
            table_cell(t, json_path_str(a, "detail"), TINT_NONE);
        }
    }
    if (table_rows(t) > 0) {
        (void)printf("\nattempts\n");
        cli_print_table(t);
    }
    table_free(t);
}

/* A line of the head: from outside, so without control bytes. */
static void print_line(const char *name, const char *value)
{
    struct buf text;

    if (value == NULL || value[0] == '\0') {
        return;
    }
    buf_init(&text, (size_t)64 * 1024);
    terminal_text(&text, value, TINT_NONE, false);
    (void)printf("%-10s %s\n", name, buf_str(&text));
    buf_done(&text);
}

/* Why it is not where one would look for it. */
static void print_ways(const json_t *v)
{
    const json_t *quiet = json_object_get(v, "quiet");
    const json_t *withdrawn = json_object_get(v, "withdrawn");
    const json_t *gate = json_object_get(v, "gate");
    char at[CLI_TIME_BYTES];

    print_line("not sent", json_path_str(quiet, "why"));
    if (json_is_true(json_object_get(quiet, "held"))) {
        print_line("held", "for a person: send or drop it over the API");
    }
    if (json_is_object(withdrawn)) {
        const char *why = json_path_str(withdrawn, "why");

        print_line("withdrawn", why != NULL ? why : json_path_str(withdrawn, "source"));
        print_line("retracted", cli_time(json_path_str(withdrawn, "retract_at"), at));
    }
    print_line("merged", json_path_str(v, "merged_into"));
    if (json_path_str(gate, "until") != NULL) {
        print_line("waits", "until its page was looked at");
    }
    print_line("page", json_path_str(gate, "note"));
}

/* Where it went because a channel is blocked; each such channel once. */
static void print_fallbacks(const json_t *deliveries)
{
    json_t *shown = json_object(), *d;
    size_t i;

    json_array_foreach(deliveries, i, d)
    {
        const json_t *f = json_object_get(d, "fallback");
        const char *channel = cli_member(d, "channel", 0);
        char *line;

        if (!json_is_object(f) || json_object_get(shown, channel) != NULL) {
            continue;
        }
        (void)json_object_set_new(shown, channel, json_true());
        line = mem_printf(
            "%s, for %s: %s", channel, cli_member(f, "for", 1), cli_member(f, "why", 2));
        print_line("fallback", line);
        mem_free(line);
    }
    json_decref(shown);
}

static void print_article(const json_t *v)
{
    const json_t *deliveries = json_object_get(v, "deliveries");
    const char *reason = json_path_str(v, "reason");

    print_line("article", json_path_str(v, "id"));
    print_line("title", json_path_str(v, "title"));
    print_line("url", json_path_str(v, "url"));
    print_line("state", json_path_str(v, "state"));
    print_line("revision", cli_member(v, "revision", 0));
    print_line("source", json_path_str(v, "source"));
    if (json_is_true(json_object_get(v, "breaking"))) {
        print_line("breaking", reason != NULL ? reason : "yes");
    }
    print_ways(v);
    print_fallbacks(deliveries);
    (void)printf("\n");
    cli_print_deliveries(deliveries);
    print_attempts(deliveries);
}

static int show_article(const struct cli_args *args, struct client *client, const char *id)
{
    json_t *v = NULL;
    struct err why = {0};
    struct buf path;

    buf_init(&path, 4096);
    buf_adds(&path, "/v1/articles/");
    url_encode(&path, id);
    enum err_code rc = client_call(client, HTTP_GET, buf_str(&path), NULL, &v, &why);
    buf_done(&path);
    if (rc) {
        return client_fail(args, rc, &why);
    }
    if (args->json) {
        cli_print_json(v);
    } else {
        print_article(v);
    }
    json_decref(v);
    return CLI_OK;
}

int cli_status(const struct cli_args *args)
{
    const char *article = args->operand_count > 0 ? args->operands[0] : NULL;
    int rc = CLI_OK;
    struct client *client = client_for(args, &rc);

    if (client == NULL) {
        return rc;
    }
    if (cli_given(args, "watch")) {
        rc = article == NULL && !args->json && terminal_colours(STDOUT_FILENO)
                 ? cli_watch_screen(args, client)
                 : cli_watch_lines(args, client, article);
    } else if (article != NULL) {
        rc = show_article(args, client, article);
    } else {
        rc = show_service(args, client);
    }
    client_free(client);
    return rc;
}
