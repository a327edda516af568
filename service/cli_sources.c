/* `crier sources`: the feeds and sitemaps that the running service watches, one of them in detail, and what a
 * person does to one: ask it now, send or drop what was held. What types there are is in
 * cli_source_types.c. */

#include "service/cli_sources.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/parse.h"
#include "base/url.h"
#include "service/cli.h"
#include "service/cli_print.h"
#include "service/client.h"

const struct cli_option cli_sources_options[] = {
    {.name = "types", .help = "list the types of sources instead"},
    {.name = "poll", .help = "ask the source now, also one that had stopped"},
    {.name = "release", .help = "send what of it was held, oldest first"},
    {.name = "drop", .help = "never send what of it was held"},
    {.name = NULL},
};

/* ---- all of them ---- */

static const char *note_of(const json_t *s)
{
    const char *stopped = json_path_str(s, "stopped_why"), *error = json_path_str(s, "error");
    const char *damage = json_path_str(s, "damage");

    return stopped ? stopped : error ? error : damage ? damage : "";
}

static void print_row(struct table *t, const json_t *s, int64_t now_ms)
{
    const char *health = cli_member(s, "health", 0);
    int64_t held = json_integer_value(json_object_get(s, "held"));
    int64_t interval_ms = json_integer_value(json_object_get(s, "interval_ms"));
    const char *hub = json_path_str(json_object_get(s, "websub"), "state");
    char age[CLI_AGE_BYTES], duration[PARSE_TEXT_BYTES];

    table_row(t);
    table_cell(t, cli_member(s, "name", 1), TINT_BOLD);
    table_cell(t,
               json_path_str(s, "format") ? json_path_str(s, "format")
                                          : cli_member(s, "type", 2),
               TINT_NONE);
    table_cell(t, health, terminal_tint(health));
    table_cell(t, cli_age(json_path_str(s, "last_good_at"), now_ms, age), TINT_NONE);
    table_cell(t, cli_age(json_path_str(s, "last_new_at"), now_ms, age), TINT_NONE);
    table_cell(t, format_duration(interval_ms / MS_SECOND * MS_SECOND, duration), TINT_NONE);
    table_cell(t, hub ? hub : "", TINT_NONE);
    table_cellf(t, held > 0 ? TINT_WARN : TINT_NONE, "%" PRId64, held);
    table_cell(t, note_of(s), TINT_NONE);
}

static void print_all(const json_t *items)
{
    static const char *const titles[] = {
        "source", "what", "health", "read", "new", "every", "hub", "held", "note"};
    struct table *t = table_new(titles, ARRAY_LEN(titles));
    int64_t now_ms = clock_wall_ms();
    json_t *s;
    size_t i;

    json_array_foreach(items, i, s)
    {
        print_row(t, s, now_ms);
    }
    cli_print_table(t);
    table_free(t);
}

static int show_all(const struct cli_args *args, struct client *client)
{
    json_t *answer = NULL;
    struct err why = {0};
    enum err_code rc = client_call(client, HTTP_GET, "/v1/sources", NULL, &answer, &why);

    if (rc) {
        return client_fail(args, rc, &why);
    }
    json_t *items = json_object_get(answer, "items");
    if (args->json) {
        cli_print_json(items);
    } else if (json_array_size(items) == 0) {
        (void)printf(
            "no feed or sitemap is watched; `crier sources feed` tells how to set one up\n");
    } else {
        print_all(items);
    }
    json_decref(answer);
    return CLI_OK;
}

/* ---- one ---- */

static void print_member(const char *key, const json_t *value)
{
    struct buf text;
    json_t *holder;

    if (json_is_null(value) || json_is_object(value)) {
        return;
    }
    holder = json_pack("{s:O}", "v", value);
    buf_init(&text, (size_t)64 * 1024);
    terminal_text(&text, cli_member(holder, "v", 0), TINT_NONE, false);
    (void)printf("%-14s %s\n", key, buf_str(&text));
    buf_done(&text);
    json_decref(holder);
}

static void print_one(json_t *s)
{
    const char *key;
    json_t *value;

    json_object_foreach(s, key, value)
    {
        print_member(key, value);
    }
    json_object_foreach(json_object_get(s, "websub"), key, value)
    {
        char *name = mem_printf("websub %s", key);

        print_member(name, value);
        mem_free(name);
    }
}

/* released or dropped: how many. */
static void print_count(json_t *answer)
{
    const char *key;
    json_t *value;

    json_object_foreach(answer, key, value)
    {
        (void)printf("%s %" JSON_INTEGER_FORMAT "\n", key, json_integer_value(value));
    }
}

static int call_one(const struct cli_args *args,
                    struct client *client,
                    const char *name,
                    const char *action)
{
    json_t *answer = NULL;
    struct err why = {0};
    struct buf path;
    enum err_code rc;

    buf_init(&path, 4096);
    buf_adds(&path, "/v1/sources/");
    url_encode(&path, name);
    buf_addf(&path, "%s%s", action ? "/" : "", action ? action : "");
    rc =
        client_call(client, action ? HTTP_POST : HTTP_GET, buf_str(&path), NULL, &answer, &why);
    buf_done(&path);
    if (rc) {
        return client_fail(args, rc, &why);
    }
    if (args->json) {
        cli_print_json(answer);
    } else if (json_path_str(answer, "name")) {
        print_one(answer);
    } else {
        print_count(answer);
    }
    json_decref(answer);
    return CLI_OK;
}

/* ---- the verb ---- */

/* False, and said: more than one, or none of a source. */
static bool action_of(const struct cli_args *args, const char **out, int *out_exit)
{
    static const char *const actions[] = {"poll", "release", "drop"};

    *out = NULL;
    for (size_t i = 0; i < ARRAY_LEN(actions); i++) {
        if (!cli_given(args, actions[i])) {
            continue;
        }
        if (*out || args->operand_count == 0) {
            *out_exit = cli_fail(
                args, CLI_USAGE, "--%s goes with the NAME of one source, alone", actions[i]);
            return false;
        }
        *out = actions[i];
    }
    return true;
}

int cli_sources(const struct cli_args *args)
{
    const char *name = args->operand_count > 0 ? args->operands[0] : NULL;
    const char *action;
    struct client *client;
    int rc = CLI_OK;

    if (!action_of(args, &action, &rc)) {
        return rc;
    }
    if (cli_given(args, "types")) {
        return cli_source_types(args);
    }
    if (name && !action && cli_is_source_type(name)) {
        return cli_explain_source(args, name);
    }
    client = client_for(args, &rc);
    if (client == NULL) {
        return rc;
    }
    rc = name ? call_one(args, client, name, action) : show_all(args, client);
    client_free(client);
    return rc;
}
