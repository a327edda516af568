/* `crier wave`: what is on its way to audiences, and a person's word about it. Speaks to the running service.
 *
 * A delivery may be named by its id, by its article's, or, when there is only one wave that it can be, not at all:
 * whoever has just seen a mistake go out has no time to look for numbers. */

#include "service/cli.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/url.h"
#include "queue/state.h"
#include "service/cli_print.h"
#include "service/cli_wave_view.h"
#include "service/client.h"

#define PATH_BYTES 4096
/* After a stop, what is on its way comes to its end. */
#define SETTLE_MS 3000
#define SETTLE_LOOK_NS 50000000L

const struct cli_option cli_wave_options[] = {
    {.name = "all", .help = "stop: everything, and pause the channels; confirm: all that wait"},
    {.name = "channel", .value = "NAME", .help = "only of this channel (stop --all: or group)"},
    {.name = NULL},
};

struct verb {
    const struct cli_args *args;
    struct client *client;
    json_t *results; /* as printed with --json */
    int exit;
};

/* ---- asking ---- */

/* Yours; NULL, and said, when it cannot be had. */
static json_t *
ask(struct verb *v, enum http_method method, const char *path, const json_t *body)
{
    json_t *answer = NULL;
    struct err why = {0};
    enum err_code rc = client_call(v->client, method, path, body, &answer, &why);

    if (rc) {
        v->exit = client_fail(v->args, rc, &why);
        return NULL;
    }
    return answer;
}

static json_t *ask_waves(struct verb *v, bool open)
{
    const char *channel = cli_option(v->args, "channel");
    struct buf path;
    json_t *answer;

    buf_init(&path, PATH_BYTES);
    buf_addf(&path, "/v1/waves?limit=%s%s", open ? "200" : "20", open ? "&open=true" : "");
    if (channel != NULL) {
        buf_adds(&path, "&channel=");
        url_encode(&path, channel);
    }
    answer = ask(v, HTTP_GET, buf_str(&path), NULL);
    buf_done(&path);
    return answer;
}

static json_t *ask_wave(struct verb *v, const char *delivery)
{
    struct buf path;
    json_t *answer;

    buf_init(&path, PATH_BYTES);
    buf_adds(&path, "/v1/waves/");
    url_encode(&path, delivery);
    answer = ask(v, HTTP_GET, buf_str(&path), NULL);
    buf_done(&path);
    return answer;
}

/* ---- list, show ---- */

static void print_row(struct table *t, const json_t *w, int64_t now_ms)
{
    char count[CLI_COUNT_BYTES], age[CLI_AGE_BYTES];
    struct buf words;

    buf_init(&words, 256);
    wave_words(&words, w, now_ms);
    table_row(t);
    table_cell(t, cli_member(w, "delivery", 0), TINT_DIM);
    table_cell(t, cli_member(w, "channel", 1), TINT_BOLD);
    table_cell(t, buf_str(&words), wave_tint(wave_phase(w, now_ms)));
    table_cellf(t, TINT_NONE, "%d %%", wave_percent(w));
    table_cell(t, cli_count(wave_number(w, "accepted"), count), TINT_NONE);
    table_cell(t, cli_count(wave_number(w, "members"), count), TINT_NONE);
    table_cell(t, cli_age(json_path_str(w, "started_at"), now_ms, age), TINT_DIM);
    table_cell(t, wave_title(w), TINT_NONE);
    buf_done(&words);
}

static void print_list(const json_t *items)
{
    static const char *const titles[] = {
        "delivery", "channel", "wave", "through", "accepted", "members", "age", "article"};
    struct table *t = table_new(titles, ARRAY_LEN(titles));
    json_t *w;
    size_t i;

    json_array_foreach(items, i, w)
    {
        print_row(t, w, clock_wall_ms());
    }
    if (table_rows(t) > 0) {
        cli_print_table(t);
    } else {
        (void)printf("no wave yet\n");
    }
    table_free(t);
}

static int list(struct verb *v)
{
    json_t *answer = ask_waves(v, false);

    if (answer == NULL) {
        return v->exit;
    }
    if (v->args->json) {
        cli_print_json(json_object_get(answer, "items"));
    } else {
        print_list(json_object_get(answer, "items"));
    }
    json_decref(answer);
    return CLI_OK;
}

static void print_counts(const json_t *w)
{
    static const struct {
        const char *name, *shown;
    } rows[] = {
        {"members", "members"},
        {"accepted", "accepted"},
        {"undeliverable", "gone or not reached"},
        {"refused", "refused"},
        {"stopped", "want nothing any more"},
        {"skipped", "not for them, or spared"},
        {"missing", "left before their turn"},
        {"again", "to be tried again"},
        {"unknown", "may have it or not"},
        {"delivered", "delivered, as told"},
        {"read", "read, as told"},
        {"failed", "failed later, as told"},
    };
    char count[CLI_COUNT_BYTES];

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t n = wave_number(w, rows[i].name);

        if (n > 0 || i < 2) {
            (void)printf("%-24s %12s\n", rows[i].shown, cli_count(n, count));
        }
    }
}

static void print_wave(const json_t *w)
{
    struct table *services = wave_services_table(w);
    struct buf words, title;

    buf_init(&words, 256);
    buf_init(&title, (size_t)64 * 1024);
    wave_words(&words, w, clock_wall_ms());
    terminal_text(&title, wave_title(w), TINT_NONE, false);
    (void)printf("%s\n%s on %s: %s, %d %% through%s%s\n\n",
                 buf_str(&title),
                 cli_member(w, "delivery", 0),
                 cli_member(w, "channel", 1),
                 buf_str(&words),
                 wave_percent(w),
                 json_is_true(json_object_get(w, "breaking")) ? ", breaking" : "",
                 json_is_true(json_object_get(w, "test")) ? ", a test" : "");
    print_counts(w);
    if (services != NULL) {
        (void)printf("\n");
        cli_print_table(services);
        table_free(services);
    }
    buf_done(&title);
    buf_done(&words);
}

/* ---- which waves are meant ---- */

static bool names_it(const json_t *w, const char *id)
{
    return strcmp(cli_member(w, "delivery", 0), id) == 0 ||
           strcmp(cli_member(w, "article", 0), id) == 0;
}

/* The open waves that were named, that an option means, or the only one there is. Yours; NULL, and said: none. */
static json_t *meant(struct verb *v, bool waiting)
{
    const char *id = v->args->operand_count > 1 ? v->args->operands[1] : NULL;
    json_t *answer = ask_waves(v, true), *found = json_array(), *w;
    size_t i;

    json_array_foreach(json_object_get(answer, "items"), i, w)
    {
        bool fits = !json_is_true(json_object_get(w, "halted")) &&
                    (!waiting || json_is_true(json_object_get(w, "waits_for_word")));

        if (fits && (id == NULL || names_it(w, id))) {
            (void)json_array_append(found, w);
        }
    }
    json_decref(answer);
    if (answer != NULL && json_array_size(found) > 1 && id == NULL &&
        !cli_given(v->args, "all")) {
        print_list(found);
        v->exit = cli_fail(v->args, CLI_USAGE, "which one? An id, or --all");
    } else if (answer != NULL && json_array_size(found) == 0 && id == NULL) {
        v->exit = cli_fail(
            v->args, CLI_FAILED, waiting ? "no wave waits for a word" : "no wave is under way");
    } else if (answer != NULL) {
        return found;
    }
    json_decref(found);
    return NULL;
}

/* ---- a word ---- */

/* {"by": "anna"}: it stands in the ledger. */
static json_t *body_new(void)
{
    const char *user = getenv("USER");
    char by[32];

    (void)snprintf(by, sizeof by, "%s", user != NULL && user[0] != '\0' ? user : "cli");
    json_t *body = json_pack("{s:s}", "by", by);
    return body != NULL ? body : json_pack("{s:s}", "by", "cli"); /* no UTF-8 */
}

static json_t *say(struct verb *v, const char *delivery, const char *word)
{
    json_t *body = body_new(), *answer;
    struct buf path;

    buf_init(&path, PATH_BYTES);
    buf_adds(&path, "/v1/waves/");
    url_encode(&path, delivery);
    buf_addf(&path, "/%s", word);
    answer = ask(v, HTTP_POST, buf_str(&path), body);
    buf_done(&path);
    json_decref(body);
    return answer;
}

static bool is_over(const json_t *w)
{
    const char *state = cli_member(w, "state", 0);

    return strcmp(state, "in_flight") != 0 && strcmp(state, "ready") != 0;
}

/* What was on its way has its answer by then, or takes long. NULL: it never had a wave. */
static json_t *await_end(struct verb *v, const char *delivery)
{
    const struct timespec look = {.tv_nsec = SETTLE_LOOK_NS};
    int64_t until_ms = clock_mono_ms() + SETTLE_MS;
    json_t *w = ask_wave(v, delivery);

    while (w != NULL && !is_over(w) && clock_mono_ms() < until_ms) {
        (void)nanosleep(&look, NULL);
        json_decref(w);
        w = ask_wave(v, delivery);
    }
    return w;
}

static void print_stopped(const json_t *w)
{
    int64_t had = wave_number(w, "accepted") + wave_number(w, "unknown");
    char n[CLI_COUNT_BYTES], of[CLI_COUNT_BYTES];
    struct buf title;

    buf_init(&title, (size_t)64 * 1024);
    terminal_text(&title, wave_title(w), TINT_NONE, false);
    (void)printf("stopped on %s: %s\n  %s of %s had it already; nobody else gets it%s\n",
                 cli_member(w, "channel", 0),
                 buf_str(&title),
                 cli_count(had, n),
                 cli_count(wave_number(w, "members"), of),
                 is_over(w) ? "" : " (some are still on their way)");
    buf_done(&title);
}

static bool has_audience(const json_t *channels, const char *name)
{
    const json_t *ch;
    size_t i;

    json_array_foreach(json_object_get(channels, "items"), i, ch)
    {
        if (strcmp(cli_member(ch, "name", 3), name) == 0) {
            return json_is_object(json_object_get(ch, "audience"));
        }
    }
    return false;
}

static void stop_one(struct verb *v, const char *delivery)
{
    json_t *answer = say(v, delivery, "stop"), *w;

    if (answer == NULL) {
        return;
    }
    if (!json_is_true(json_object_get(answer, "begun"))) {
        if (!v->args->json) {
            (void)printf("stopped: %s had not begun; nobody has it\n", delivery);
        }
        (void)json_array_append_new(v->results, answer);
        return;
    }
    w = await_end(v, delivery);
    if (w != NULL && !v->args->json) {
        print_stopped(w);
    }
    (void)json_array_append_new(v->results, w != NULL ? w : json_incref(answer));
    json_decref(answer);
}

static void confirm_one(struct verb *v, const char *delivery)
{
    json_t *answer = say(v, delivery, "confirm");
    char n[CLI_COUNT_BYTES];

    if (answer == NULL) {
        return;
    }
    if (!v->args->json) {
        (void)printf("%s goes to %s members; `crier status --watch` shows it\n",
                     delivery,
                     cli_count(wave_number(answer, "members"), n));
    }
    (void)json_array_append_new(v->results, answer);
}

/* Deliveries of an article that would become waves and have not. */
static void stop_not_begun(struct verb *v, const char *article)
{
    json_t *channels = ask(v, HTTP_GET, "/v1/channels", NULL), *answer, *d;
    struct buf path;
    size_t i;

    buf_init(&path, PATH_BYTES);
    buf_adds(&path, "/v1/articles/");
    url_encode(&path, article);
    answer = channels != NULL ? ask(v, HTTP_GET, buf_str(&path), NULL) : NULL;
    json_array_foreach(json_object_get(answer, "deliveries"), i, d)
    {
        enum delivery_state state = DELIVERY_DONE;

        (void)delivery_state_parse(cli_member(d, "state", 0), &state);
        if (!delivery_state_ended(state) &&
            has_audience(channels, cli_member(d, "channel", 1))) {
            stop_one(v, cli_member(d, "id", 2));
        }
    }
    json_decref(answer);
    json_decref(channels);
    buf_done(&path);
}

static int word(struct verb *v, bool waiting, void (*one)(struct verb *v, const char *delivery))
{
    const char *id = v->args->operand_count > 1 ? v->args->operands[1] : NULL;
    json_t *waves, *w;
    size_t i;

    v->results = json_array();
    if (id != NULL && strncmp(id, "dlv_", 4) == 0) {
        one(v, id);
    } else if ((waves = meant(v, waiting)) != NULL) {
        json_array_foreach(waves, i, w)
        {
            one(v, cli_member(w, "delivery", 1));
        }
        if (!waiting && json_array_size(waves) == 0) {
            stop_not_begun(v, id);
        }
        if (json_array_size(v->results) == 0 && v->exit == CLI_OK) {
            v->exit = cli_fail(v->args,
                               CLI_FAILED,
                               "article \"%s\" has no wave that %s",
                               id,
                               waiting ? "waits for a word" : "is under way");
        }
        json_decref(waves);
    }
    if (v->args->json) {
        cli_print_json(v->results);
    }
    json_decref(v->results);
    return v->exit;
}

/* ---- all of it ---- */

static void print_names(const char *before, const json_t *names, const char *behind)
{
    const json_t *name;
    size_t i;

    (void)printf("%s", before);
    json_array_foreach(names, i, name)
    {
        (void)printf("%s%s", i > 0 ? " " : "", json_string_value(name));
    }
    (void)printf("%s", behind);
}

static void print_halt(struct verb *v, const json_t *answer)
{
    const json_t *paused = json_object_get(answer, "paused"), *one;
    json_t *w;
    size_t i;

    json_array_foreach(json_object_get(answer, "waves"), i, one)
    {
        w = await_end(v, cli_member(one, "delivery", 1));
        if (w != NULL) {
            print_stopped(w);
        }
        json_decref(w);
    }
    if (json_array_size(json_object_get(answer, "cancelled")) > 0) {
        (void)printf("%zu that had not begun: cancelled\n",
                     json_array_size(json_object_get(answer, "cancelled")));
    }
    if (json_array_size(paused) == 0) {
        (void)printf("no channel here has an audience\n");
        return;
    }
    print_names("paused, nothing begins there: ", paused, "\n");
    print_names("go on with: crier channels resume ", paused, "\n");
}

static int halt(struct verb *v)
{
    json_t *body = body_new(), *answer;
    const json_t *trouble;
    size_t i;

    json_set_str(body, "channel", cli_option(v->args, "channel"));
    answer = ask(v, HTTP_POST, "/v1/waves/stop", body);
    json_decref(body);
    if (answer == NULL) {
        return v->exit;
    }
    if (v->args->json) {
        cli_print_json(answer);
    } else {
        print_halt(v, answer);
    }
    json_array_foreach(json_object_get(answer, "troubles"), i, trouble)
    {
        v->exit = cli_fail(v->args, CLI_FAILED, "%s", json_string_value(trouble));
    }
    json_decref(answer);
    return v->exit;
}

/* ---- the verb ---- */

static int show(struct verb *v)
{
    const char *id = v->args->operand_count > 1 ? v->args->operands[1] : NULL;
    json_t *answer = NULL, *w;
    size_t i;

    if (id != NULL && strncmp(id, "dlv_", 4) == 0) {
        answer = ask_wave(v, id);
        if (answer != NULL) {
            answer = json_pack("{s:[o]}", "items", answer);
        }
    } else {
        answer = ask_waves(v, false);
    }
    v->results = json_array();
    json_array_foreach(json_object_get(answer, "items"), i, w)
    {
        if (id == NULL || names_it(w, id)) {
            (void)json_array_append(v->results, w);
        }
    }
    json_array_foreach(v->args->json ? NULL : v->results, i, w)
    {
        (void)printf("%s", i > 0 ? "\n" : "");
        print_wave(w);
        if (id == NULL) {
            break; /* the newest */
        }
    }
    if (v->args->json) {
        cli_print_json(v->results);
    } else if (answer != NULL && json_array_size(v->results) == 0) {
        v->exit = cli_fail(v->args, CLI_FAILED, "no such wave among the last ones");
    }
    json_decref(v->results);
    json_decref(answer);
    return v->exit;
}

/* A dry run, now. */
static int canary(struct verb *v)
{
    struct buf path;
    json_t *answer;
    bool good;

    if (v->args->operand_count < 2) {
        return cli_fail(v->args, CLI_USAGE, "the canary of which channel?");
    }
    buf_init(&path, PATH_BYTES);
    buf_adds(&path, "/v1/channels/");
    url_encode(&path, v->args->operands[1]);
    buf_adds(&path, "/canary");
    answer = ask(v, HTTP_POST, buf_str(&path), NULL);
    buf_done(&path);
    if (answer == NULL) {
        return v->exit;
    }
    good = json_is_true(json_object_get(answer, "ok"));
    if (v->args->json) {
        cli_print_json(answer);
    } else if (good) {
        (void)printf("the dry run came through; nobody got anything\n");
    } else {
        v->exit = cli_fail(v->args,
                           CLI_FAILED,
                           "the dry run failed at %s: %s",
                           cli_member(answer, "stage", 0),
                           cli_member(answer, "detail", 1));
    }
    json_decref(answer);
    return good ? CLI_OK : CLI_FAILED;
}

static int stop(struct verb *v)
{
    if (cli_given(v->args, "all")) {
        return halt(v);
    }
    return word(v, false, stop_one);
}

static int confirm(struct verb *v)
{
    return word(v, true, confirm_one);
}

static const struct {
    const char *name;
    int (*run)(struct verb *v);
} actions[] = {
    {"list", list}, {"show", show}, {"stop", stop}, {"confirm", confirm}, {"canary", canary}};

int cli_wave(const struct cli_args *args)
{
    const char *name = args->operand_count > 0 ? args->operands[0] : "list";
    struct verb v = {.args = args};
    int rc = CLI_OK;

    if (args->operand_count > 1 && (cli_given(args, "all") || strcmp(name, "list") == 0)) {
        return cli_fail(args, CLI_USAGE, "%s and an id do not go together", name);
    }
    for (size_t i = 0; i < ARRAY_LEN(actions); i++) {
        if (strcmp(actions[i].name, name) == 0) {
            v.client = client_for(args, &rc);
            rc = v.client ? actions[i].run(&v) : rc;
            client_free(v.client);
            return rc;
        }
    }
    return cli_fail(args, CLI_USAGE, "list, show, stop, confirm or canary, not \"%s\"", name);
}
