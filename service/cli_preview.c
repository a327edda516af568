/* `crier preview`: the exact requests an article would cause, made by preview.c, shown here.
 * JSON bodies are laid out for reading; --json has them as they would go. No platform is asked,
 * and no ledger read; but what is left of a channel's quota, and how many its audience has, the service is
 * asked for, where it runs. */

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
#include "service/client.h"
#include "service/preview.h"

#define DEPTH 64
#define SHOWN_BYTES ((size_t)256 * 1024 * 1024)

/* clang-format off */
const struct cli_option cli_preview_options[] = {
    {.name = "channel", .value = "NAME", .help = "only this one, or a group, even if the article would not go there"},
    {.name = "source", .value = "NAME", .help = "as if it came from this source (default: the API)"},
    {.name = NULL},
};
/* clang-format on */

static void add_lines(struct buf *out, const char *text)
{
    while (*text != '\0') {
        size_t len = strcspn(text, "\n");
        char *line = mem_strndup(text, len);
        buf_adds(out, "    ");
        terminal_text(out, line, TINT_NONE, false);
        buf_addc(out, '\n');
        mem_free(line);
        text += len + (text[len] == '\n' ? 1 : 0);
    }
}

static void add_body(struct buf *out, const char *body)
{
    json_t *v = NULL;
    struct buf pretty;

    if (body == NULL) {
        return;
    }
    buf_init(&pretty, SHOWN_BYTES);
    if (json_read(&v, body, strlen(body), DEPTH, NULL) == ERR_NONE && json_is_object(v)) {
        json_write_pretty(&pretty, v);
    } else {
        buf_adds(&pretty, body);
    }
    buf_addc(out, '\n');
    add_lines(out, buf_str(&pretty));
    json_decref(v);
    buf_done(&pretty);
}

static void add_parts(struct buf *out, const json_t *parts)
{
    json_t *part;
    size_t i;

    json_array_foreach(parts, i, part)
    {
        buf_addf(out,
                 "\n    part %s %s %s\n",
                 cli_member(part, "name", 0),
                 cli_member(part, "filename", 1),
                 cli_member(part, "type", 2));
        add_lines(out, cli_member(part, "body", 3));
    }
}

static void add_request(struct buf *out, const json_t *step, bool colours)
{
    const char *name;
    const char *media = json_path_str(step, "media");
    json_t *value;

    buf_adds(out, "\n  ");
    terminal_text(out, cli_member(step, "method", 0), TINT_BOLD, colours);
    buf_addc(out, ' ');
    terminal_text(out, cli_member(step, "url", 1), TINT_BOLD, colours);
    buf_adds(out, "  ");
    terminal_text(out, cli_member(step, "step", 2), TINT_DIM, colours);
    buf_addc(out, '\n');
    json_object_foreach(json_object_get(step, "headers"), name, value)
    {
        char *line = mem_printf("%s: %s", name, json_string_value(value));
        add_lines(out, line);
        mem_free(line);
    }
    if (media != NULL) {
        char *line = mem_printf("with %s", media);

        add_lines(out, line);
        mem_free(line);
    }
    add_body(out, json_path_str(step, "body"));
    add_parts(out, json_object_get(step, "parts"));
}

static void add_texts(struct buf *out, const json_t *texts, bool colours)
{
    json_t *t;
    size_t i;

    json_array_foreach(texts, i, t)
    {
        bool cut = json_is_true(json_object_get(t, "cut"));
        const char *max = cli_member(t, "max", 2);
        buf_addf(out, "  %-10s %s", cli_member(t, "name", 0), cli_member(t, "measured", 1));
        if (strcmp(max, "0") != 0) {
            buf_addf(out, " of %s", max);
        }
        buf_addf(out, " %s", cli_member(t, "unit", 3));
        if (cut) {
            terminal_text(out, " (cut to fit)", TINT_WARN, colours);
        }
        buf_addc(out, '\n');
    }
}

/* "quota 3 left of 25 in 24h, 3 kept for breaking articles; next at …" */
static void add_quota(struct buf *out, const json_t *q, bool colours)
{
    const json_t *left = json_object_get(q, "left");
    int64_t reserve = json_integer_value(json_object_get(q, "reserve"));
    const char *next = json_path_str(q, "next_at");

    if (q == NULL) {
        return;
    }
    buf_adds(out, "  quota      ");
    if (left != NULL) {
        terminal_text(out,
                      cli_member(q, "left", 0),
                      json_integer_value(left) <= reserve ? TINT_WARN : TINT_NONE,
                      colours);
        buf_adds(out, " left of ");
    }
    buf_addf(out, "%s %s", cli_member(q, "limit", 1), cli_member(q, "window", 2));
    if (reserve > 0) {
        buf_addf(out, ", %s kept for breaking articles", cli_member(q, "reserve", 3));
    }
    if (next != NULL) {
        buf_addf(out, "; the next that is not breaking goes at %s", next);
    }
    buf_addc(out, '\n');
}

/* "members    980 would get it, each one message like this; 12 stopped, 8 gone" */
static void add_members(struct buf *out, const json_t *members)
{
    if (members == NULL) {
        return;
    }
    buf_adds(out, "  members    ");
    if (json_is_null(members)) {
        buf_adds(
            out,
            "each of them gets one message like this; how many they are the service knows\n");
        return;
    }
    buf_addf(out,
             "%s would get it, each one message like this; %s stopped, %s gone\n",
             cli_member(members, "active", 0),
             cli_member(members, "stopped", 1),
             cli_member(members, "gone", 2));
}

/* "           of these only those who chose breaking or sport, or nothing", and what it waits for. */
static void add_audience(struct buf *out, const json_t *audience, const json_t *members)
{
    const json_t *topics = json_object_get(audience, "topics"), *topic;
    int64_t above = json_integer_value(json_object_get(audience, "confirm_above"));
    char undo[PARSE_TEXT_BYTES];
    size_t i;

    if (strcmp(cli_member(audience, "mode", 0), "test") == 0) {
        buf_adds(out, "             the channel is in test mode: of these only test members\n");
    }
    if (json_is_array(topics)) {
        buf_adds(out, "             of these only those who chose ");
        json_array_foreach(topics, i, topic)
        {
            buf_addf(out, "%s, ", json_string_value(topic));
        }
        buf_adds(out, json_array_size(topics) > 0 ? "or nothing\n" : "nothing\n");
    }
    if (above > 0 && json_integer_value(json_object_get(members, "active")) > above) {
        buf_addf(out,
                 "             more than %" PRId64 ": it would wait for crier wave confirm\n",
                 above);
    }
    if (json_integer_value(json_object_get(audience, "undo_ms")) > 0) {
        buf_addf(
            out,
            "             nothing leaves for %s: crier wave stop\n",
            format_duration(json_integer_value(json_object_get(audience, "undo_ms")), undo));
    }
}

static void add_channel(struct buf *out, const json_t *ch, bool colours)
{
    bool goes = json_is_true(json_object_get(ch, "goes"));
    const char *error = json_path_str(ch, "error");
    json_t *step;
    size_t i;

    buf_addc(out, '\n');
    terminal_text(out, cli_member(ch, "channel", 0), TINT_BOLD, colours);
    buf_addf(out, " (%s): ", cli_member(ch, "adapter", 1));
    terminal_text(out, goes ? "goes" : "does not go", goes ? TINT_GOOD : TINT_DIM, colours);
    buf_addf(out, ", %s\n", cli_member(ch, "why", 2));
    add_quota(out, json_object_get(ch, "quota"), colours);
    add_members(out, json_object_get(ch, "members"));
    add_audience(out, json_object_get(ch, "audience"), json_object_get(ch, "members"));
    add_texts(out, json_object_get(ch, "texts"), colours);
    json_array_foreach(json_object_get(ch, "steps"), i, step)
    {
        add_request(out, step, colours);
    }
    if (error != NULL) {
        buf_adds(out, "  ");
        terminal_text(out, error, TINT_BAD, colours);
        buf_addc(out, '\n');
    }
}

static void print_preview(const json_t *v)
{
    bool colours = terminal_colours(STDOUT_FILENO);
    struct buf out;
    json_t *ch;
    size_t i;

    buf_init(&out, SHOWN_BYTES);
    if (json_is_true(json_object_get(v, "breaking"))) {
        buf_addf(&out, "breaking: %s\n", cli_member(v, "reason", 0));
    } else {
        buf_adds(&out, "not breaking\n");
    }
    json_array_foreach(json_object_get(v, "channels"), i, ch)
    {
        add_channel(&out, ch, colours);
    }
    (void)fputs(buf_str(&out), stdout);
    buf_done(&out);
}

static bool has_error(const json_t *v)
{
    json_t *ch;
    size_t i;

    json_array_foreach(json_object_get(v, "channels"), i, ch)
    {
        if (json_object_get(ch, "error") != NULL) {
            return true;
        }
    }
    return false;
}

/* ---- what is left of quotas ---- */

static bool any_has(const json_t *v, const char *member)
{
    json_t *ch;
    size_t i;

    json_array_foreach(json_object_get(v, "channels"), i, ch)
    {
        if (json_object_get(ch, member) != NULL) {
            return true;
        }
    }
    return false;
}

static void take_quota(json_t *v, const json_t *running)
{
    const char *name = json_path_str(running, "name");
    json_t *quota = json_object_get(running, "quota"), *ch;
    size_t i;

    json_array_foreach(json_object_get(v, "channels"), i, ch)
    {
        const char *own = json_path_str(ch, "channel");

        if (name != NULL && own != NULL && strcmp(name, own) == 0 && json_is_object(quota)) {
            (void)json_object_set(ch, "quota", quota);
        }
    }
}

static void ask_quotas(json_t *v, struct client *client)
{
    json_t *answer = NULL, *ch;
    struct err why = {0};
    size_t i;

    if (client_call(client, HTTP_GET, "/v1/channels", NULL, &answer, &why) == ERR_NONE) {
        json_array_foreach(json_object_get(answer, "items"), i, ch)
        {
            take_quota(v, ch);
        }
    }
    json_decref(answer);
}

/* ---- how many an audience has ---- */

static void ask_members(json_t *ch, struct client *client)
{
    json_t *answer = NULL;
    struct err why = {0};
    struct buf path;

    buf_init(&path, 4096);
    buf_adds(&path, "/v1/channels/");
    url_encode(&path, json_path_str(ch, "channel"));
    buf_adds(&path, "/members?limit=1");
    if (client_call(client, HTTP_GET, buf_str(&path), NULL, &answer, &why) == ERR_NONE) {
        (void)json_object_set(ch, "members", json_object_get(answer, "counts"));
    }
    json_decref(answer);
    buf_done(&path);
}

static void ask_audiences(json_t *v, struct client *client)
{
    json_t *ch;
    size_t i;

    json_array_foreach(json_object_get(v, "channels"), i, ch)
    {
        if (json_object_get(ch, "members") != NULL) {
            ask_members(ch, client);
        }
    }
}

/* A service that does not run, or does not answer, is no trouble: then only the limits are shown. */
static void ask_service(json_t *v, const struct config *config)
{
    struct client *client = NULL;
    struct err why = {0};

    if ((!any_has(v, "quota") && !any_has(v, "members")) ||
        client_new(&client, config->server.listen, &config->server.token, &why)) {
        return;
    }
    if (any_has(v, "quota")) {
        ask_quotas(v, client);
    }
    ask_audiences(v, client);
    client_free(client);
}

static int show(const struct cli_args *args, const struct config *config, const json_t *article)
{
    struct article_faults faults = {.count = 0};
    const char *source = NULL;
    struct err why = {0};
    json_t *v = NULL;
    int rc = cli_source(args, config, &source);

    if (rc) {
        return rc;
    }
    if (preview_article(&v,
                        config,
                        article,
                        source,
                        cli_option(args, "channel"),
                        clock_wall_ms(),
                        &faults,
                        &why)) {
        return cli_say_faults(args, args->operands[0], &faults, &why);
    }
    ask_service(v, config);
    if (args->json) {
        cli_print_json(v);
    } else {
        print_preview(v);
    }
    rc = has_error(v) ? CLI_FAILED : CLI_OK;
    json_decref(v);
    return rc;
}

int cli_preview(const struct cli_args *args)
{
    struct config *config = NULL;
    json_t *article = NULL;
    int rc = cli_read_article(args, args->operands[0], &article);

    if (rc) {
        return rc;
    }
    config = cli_load_config(args);
    rc = config != NULL ? show(args, config, article) : CLI_FAILED;
    config_unref(config);
    json_decref(article);
    return rc;
}
