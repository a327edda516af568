/* `crier send`: an article from a file or from options to the running service, and what becomes
 * of it.
 *
 *   read the article, put the options over it
 *   open the stream of events, so that nothing that follows is missed
 *   POST /v1/articles
 *   follow the events of its deliveries until each is settled, or the time is up
 *   ask for the article, print its deliveries
 *
 * A delivery is settled when nothing more will happen to it soon: it has ended, its channel is
 * blocked, its outcome waits for a person, or its next attempt lies beyond the timeout. */

#include "service/cli.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/parse.h"
#include "base/url.h"
#include "queue/state.h"
#include "service/cli_print.h"
#include "service/client.h"

#define FILE_BYTES ((size_t)16 * 1024 * 1024)
#define DEPTH 64
#define TIMEOUT_MS (60 * MS_SECOND)

/* clang-format off */
const struct cli_option cli_send_options[] = {
    {.name = "url", .value = "URL", .help = "the article's address"},
    {.name = "title", .value = "TEXT", .help = "its headline"},
    {.name = "summary", .value = "TEXT", .help = "its lead"},
    {.name = "id", .value = "ID", .help = "the CMS's own id"},
    {.name = "language", .value = "TAG", .help = "BCP 47: en, de-AT"},
    {.name = "author", .value = "NAME", .help = "may be given several times"},
    {.name = "category", .value = "WORD", .help = "may be given several times"},
    {.name = "tag", .value = "WORD", .help = "may be given several times"},
    {.name = "image", .value = "URL", .help = "a picture; may be given several times"},
    {.name = "alt", .value = "TEXT", .help = "what the picture shows, in the order of --image"},
    {.name = "urgency", .value = "1..9", .help = "1 is highest"},
    {.name = "not-after", .value = "TIME", .help = "worthless after this time (RFC 3339) or so long (2h)"},
    {.name = "breaking", .help = "it is breaking news"},
    {.name = "test", .help = "a test: to test members of audiences only, and to no other channel"},
    {.name = "no-wait", .help = "do not wait for the deliveries"},
    {.name = "timeout", .value = "TIME", .help = "wait so long for them (default 60s)"},
    {.name = NULL},
};
/* clang-format on */

/* ---- the article ---- */

static void
put_list(const struct cli_args *args, json_t *article, const char *option, const char *member)
{
    json_t *list = json_array();
    size_t cursor = 0;

    for (const char *v; (v = cli_each(args, option, &cursor)) != NULL;) {
        (void)json_array_append_new(list, json_string(v));
    }
    if (json_array_size(list) > 0) {
        (void)json_object_set(article, member, list);
    }
    json_decref(list);
}

static void put_images(const struct cli_args *args, json_t *article)
{
    json_t *list = json_array();
    size_t cursor = 0, alt_cursor = 0;

    for (const char *v; (v = cli_each(args, "image", &cursor)) != NULL;) {
        json_t *image = json_object();
        json_set_str(image, "url", v);
        json_set_str(image, "alt", cli_each(args, "alt", &alt_cursor));
        (void)json_array_append_new(list, image);
    }
    if (json_array_size(list) > 0) {
        (void)json_object_set(article, "images", list);
    }
    json_decref(list);
}

static void put_options(const struct cli_args *args, json_t *article)
{
    static const struct {
        const char *option, *member;
    } texts[] = {{"url", "url"},
                 {"title", "title"},
                 {"summary", "summary"},
                 {"id", "id"},
                 {"language", "language"},
                 {"not-after", "not_after"}},
      lists[] = {{"author", "authors"}, {"category", "categories"}, {"tag", "tags"}};
    int64_t urgency;

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        json_set_str(article, texts[i].member, cli_option(args, texts[i].option));
    }
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        put_list(args, article, lists[i].option, lists[i].member);
    }
    put_images(args, article);
    if (cli_given(args, "breaking")) {
        (void)json_object_set_new(article, "breaking", json_true());
    }
    const char *text = cli_option(args, "urgency");
    if (text != NULL) {
        (void)json_object_set_new(article,
                                  "urgency",
                                  parse_i64(text, &urgency) ? json_integer(urgency)
                                                            : json_string(text));
    }
}

/* NULL and said when there is none to send. */
static json_t *read_article(const struct cli_args *args, int *out_exit)
{
    json_t *article = NULL;
    struct err why = {0};
    struct buf text;

    *out_exit = CLI_FAILED;
    if (args->operand_count == 0) {
        if (!cli_given(args, "title") && !cli_given(args, "url")) {
            *out_exit = cli_fail(
                args, CLI_USAGE, "nothing to send: name a FILE, or give --title and --url");
            return NULL;
        }
        article = json_object();
    } else {
        buf_init(&text, FILE_BYTES);
        bool got = cli_read_file(args->operands[0], &text);
        if (got && json_read(&article, buf_str(&text), text.len, DEPTH, &why)) {
            article = NULL;
            (void)cli_fail(args, CLI_FAILED, "%s: %s", args->operands[0], why.text);
        }
        buf_done(&text);
    }
    if (article != NULL) {
        put_options(args, article);
    }
    return article;
}

/* ---- following ---- */

struct follow {
    struct client *client;
    struct client_events *events; /* NULL: nobody waits */
    json_t *answer;               /* of the POST */
    int64_t until_mono_ms, until_ms;
    bool quiet; /* JSON is printed at the end, nothing before */
};

static json_t *delivery_by_id(const struct follow *f, const char *id)
{
    json_t *d;
    size_t i;

    json_array_foreach(json_object_get(f->answer, "deliveries"), i, d)
    {
        const char *own = json_path_str(d, "id");
        if (own != NULL && id != NULL && strcmp(own, id) == 0) {
            return d;
        }
    }
    return NULL;
}

static bool settled(const struct follow *f, const json_t *d)
{
    json_t *due = json_object_get(d, "due_at_ms");
    bool looked_after = due != NULL && json_integer_value(due) <= f->until_ms;
    enum delivery_state state;

    if (!delivery_state_parse(cli_member(d, "state", 0), &state)) {
        return true;
    }
    switch (state) {
    case DELIVERY_BLOCKED:
        return true;
    case DELIVERY_UNKNOWN:
        return !looked_after;
    case DELIVERY_AGAIN:
        return due != NULL && !looked_after;
    default:
        return delivery_state_ended(state);
    }
}

static bool all_settled(const struct follow *f)
{
    json_t *d;
    size_t i;

    json_array_foreach(json_object_get(f->answer, "deliveries"), i, d)
    {
        if (!settled(f, d)) {
            return false;
        }
    }
    return true;
}

static void note_event(struct follow *f, const struct client_event *e)
{
    json_t *d = delivery_by_id(f, json_path_str(e->data, "delivery"));

    if (d == NULL || strcmp(e->kind, "delivery.state") != 0) {
        return;
    }
    json_t *due = json_object_get(e->data, "due_at_ms");
    json_set_str(d, "state", json_path_str(e->data, "to"));
    if (due != NULL) {
        (void)json_object_set(d, "due_at_ms", due);
    } else {
        (void)json_object_del(d, "due_at_ms");
    }
    if (!f->quiet) {
        cli_print_event(e->kind, e->data);
    }
}

/* Whether a delivery is left to the service, because its next attempt lies too far ahead. */
static bool some_go_on(const struct follow *f)
{
    json_t *d;
    size_t i;

    json_array_foreach(json_object_get(f->answer, "deliveries"), i, d)
    {
        if (json_object_get(d, "due_at_ms") != NULL) {
            return true;
        }
    }
    return false;
}

/* Returns why it stopped following early; NULL when nothing more will happen. */
static const char *follow_events(struct follow *f, struct err *why)
{
    struct client_event event;

    while (!all_settled(f)) {
        int64_t left = f->until_mono_ms - clock_mono_ms();
        if (left <= 0) {
            return "the time is up; the service goes on";
        }
        enum err_code rc = client_events_next(f->events, left, &event, why);
        if (rc == ERR_NONE) {
            note_event(f, &event);
        } else if (rc != ERR_BUSY) {
            return why->text;
        }
    }
    return some_go_on(f) ? "the next attempts lie beyond --timeout; the service goes on" : NULL;
}

/* ---- the end ---- */

static bool all_done(const json_t *deliveries)
{
    json_t *d;
    size_t i;

    json_array_foreach(deliveries, i, d)
    {
        if (strcmp(cli_member(d, "state", 0), "done") != 0) {
            return false;
        }
    }
    return true;
}

/* The deliveries of this submission as the ledger has them now: link, attempts and detail are
 * only there. */
static json_t *final_deliveries(const struct follow *f)
{
    json_t *whole = NULL, *mine = json_array(), *d;
    struct err why = {0};
    struct buf path;
    size_t i;

    buf_init(&path, 4096);
    buf_adds(&path, "/v1/articles/");
    url_encode(&path, cli_member(f->answer, "id", 0));
    if (client_call(f->client, HTTP_GET, buf_str(&path), NULL, &whole, &why)) {
        whole = NULL;
    }
    json_array_foreach(json_object_get(whole, "deliveries"), i, d)
    {
        if (delivery_by_id(f, json_path_str(d, "id")) != NULL) {
            (void)json_array_append(mine, d);
        }
    }
    json_decref(whole);
    buf_done(&path);
    return mine;
}

/* What somebody must do. */
static void print_words_wanted(const json_t *deliveries)
{
    json_t *d;
    size_t i;

    json_array_foreach(deliveries, i, d)
    {
        const char *id = cli_member(d, "id", 0);

        if (json_is_true(json_object_get(json_object_get(d, "wave"), "waits_for_word"))) {
            (void)printf(
                "\n%s waits for a word, since it is for so many: crier wave confirm %s\n"
                "or take it back: crier wave stop %s\n",
                cli_member(d, "channel", 1),
                id,
                id);
        }
    }
}

static int finish(const struct cli_args *args, struct follow *f, const char *stopped)
{
    json_t *deliveries = final_deliveries(f);
    size_t expected = json_array_size(json_object_get(f->answer, "deliveries"));
    bool good = json_array_size(deliveries) == expected && all_done(deliveries);

    if (args->json) {
        (void)json_object_set(f->answer, "deliveries", deliveries);
        cli_print_json(f->answer);
    } else if (expected == 0) {
        (void)printf("no channel takes this article\n");
    } else {
        (void)printf("\n");
        cli_print_deliveries(deliveries);
        print_words_wanted(deliveries);
    }
    if (stopped != NULL) {
        (void)cli_fail(args, CLI_FAILED, "%s", stopped);
    }
    json_decref(deliveries);
    return good ? CLI_OK : CLI_FAILED;
}

static void print_accepted(const json_t *answer)
{
    const char *reason = json_path_str(answer, "reason");
    bool breaking = json_is_true(json_object_get(answer, "breaking"));

    (void)printf("%s: %s, revision %s%s%s\n",
                 cli_member(answer, "id", 0),
                 cli_member(answer, "outcome", 1),
                 cli_member(answer, "revision", 2),
                 breaking ? ", breaking: " : "",
                 breaking && reason != NULL ? reason : "");
    (void)fflush(stdout);
}

/* What left with the acceptance comes as no event. */
static void print_started(const json_t *answer)
{
    json_t *d;
    size_t i;

    json_array_foreach(json_object_get(answer, "deliveries"), i, d)
    {
        const char *state = cli_member(d, "state", 0);
        json_t *event;

        if (strcmp(state, delivery_state_name(DELIVERY_IN_FLIGHT)) == 0) {
            event =
                json_pack("{s:s, s:s}", "channel", cli_member(d, "channel", 1), "to", state);
            cli_print_event("delivery.state", event);
            json_decref(event);
        }
    }
}

static int submit(const struct cli_args *args, struct follow *f, const json_t *article)
{
    struct err why = {0};
    enum err_code rc;

    if (!cli_given(args, "no-wait")) {
        rc = client_events_open(&f->events, f->client, &why);
        if (rc) {
            return client_fail(args, rc, &why);
        }
    }
    rc = client_call(f->client,
                     HTTP_POST,
                     cli_given(args, "test") ? "/v1/articles?test=true" : "/v1/articles",
                     article,
                     &f->answer,
                     &why);
    if (rc) {
        return client_fail(args, rc, &why);
    }
    if (!args->json) {
        print_accepted(f->answer);
    }
    if (f->events == NULL) {
        if (args->json) {
            cli_print_json(f->answer);
        }
        return CLI_OK;
    }
    if (!f->quiet) {
        print_started(f->answer);
    }
    return finish(args, f, follow_events(f, &why));
}

int cli_send(const struct cli_args *args)
{
    struct follow f = {.quiet = args->json};
    int64_t timeout_ms;
    int rc = CLI_USAGE;

    if (!cli_duration(args, "timeout", TIMEOUT_MS, &timeout_ms)) {
        return CLI_USAGE;
    }
    json_t *article = read_article(args, &rc);
    if (article == NULL) {
        return rc;
    }
    f.until_mono_ms = clock_mono_ms() + timeout_ms;
    f.until_ms = clock_wall_ms() + timeout_ms;
    f.client = client_for(args, &rc);
    if (f.client != NULL) {
        rc = submit(args, &f, article);
    }
    client_events_close(f.events);
    client_free(f.client);
    json_decref(f.answer);
    json_decref(article);
    return rc;
}
