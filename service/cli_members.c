/* `crier members`: the audience of a channel: who is in it, taking all of it out, erasing one. Bringing people in
 * from a file is in cli_members_import.c. Speaks to the running service. */

#include "service/cli_members.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/member.h"
#include "base/url.h"
#include "service/cli_print.h"
#include "service/client.h"

#define PATH_BYTES 8192
#define OUT_BYTES ((size_t)1024 * 1024)

const struct cli_option cli_members_options[] = {
    {.name = "state",
     .value = "STATE",
     .help = "list, back: only these: active, stopped, gone, quarantined"},
    {.name = "since",
     .value = "TIME",
     .help = "gone, back: since then (RFC 3339), or so long ago (2h)"},
    {.name = "gone", .help = "back: the other way round, those that were put aside are gone"},
    {.name = "test", .value = "yes|no", .help = "set: whether it is a test member"},
    {.name = "format",
     .value = "FORMAT",
     .help =
         "of import and export: ndjson (this is the default), web-push, onesignal or firebase"},
    {.name = "consent",
     .value = "WHERE",
     .help = "import: where those agreed of whom the file does not say it"},
    {.name = "consented-at",
     .value = "TIME",
     .help = "import: when those agreed of whom the file does not say it"},
    {.name = "key",
     .value = "KEY",
     .help = "import: the public VAPID key they were made for, when it is not today's"},
    {.name = NULL},
};

char *cli_members_path(const char *channel, const char *behind, const char *value)
{
    struct buf path;

    buf_init(&path, PATH_BYTES);
    buf_adds(&path, "/v1/channels/");
    url_encode(&path, channel);
    buf_addf(&path, "/members%s", behind);
    if (value) {
        url_encode(&path, value);
    }
    return buf_detach(&path, NULL);
}

int cli_members_format(const struct cli_args *args, enum member_format *out)
{
    const char *name = cli_option(args, "format");

    *out = MEMBERS_NDJSON;
    if (name && !member_format_parse(name, out)) {
        return cli_fail(
            args, CLI_USAGE, "--format is one of %s, not \"%s\"", MEMBER_FORMATS, name);
    }
    return CLI_OK;
}

/* ---- list ---- */

static const char *note_of(const json_t *m)
{
    const char *why = json_path_str(m, "state_why");

    return why ? why : json_is_true(json_object_get(m, "test")) ? "test member" : "";
}

static void print_row(struct table *t, const json_t *m, int64_t now_ms)
{
    const char *state = cli_member(m, "state", 0);
    char age[CLI_AGE_BYTES];

    table_row(t);
    table_cell(t, cli_member(m, "address", 1), TINT_BOLD);
    table_cell(t, cli_member(m, "language", 2), TINT_NONE);
    table_cell(t, state, strcmp(state, "active") == 0 ? TINT_NONE : TINT_WARN);
    table_cell(t, cli_age(json_path_str(m, "opted_in_at"), now_ms, age), TINT_NONE);
    table_cell(t, cli_member(m, "source", 3), TINT_NONE);
    table_cell(t, note_of(m), TINT_NONE);
}

static void print_list(const json_t *answer)
{
    static const char *const titles[] = {
        "address", "language", "state", "agreed", "where", "note"};
    const json_t *counts = json_object_get(answer, "counts"), *m;
    struct table *t = table_new(titles, ARRAY_LEN(titles));
    const char *state;
    json_t *count;
    size_t i;

    json_array_foreach(json_object_get(answer, "items"), i, m)
    {
        print_row(t, m, clock_wall_ms());
    }
    cli_print_table(t);
    table_free(t);
    json_object_foreach(json_unconst(counts), state, count)
    {
        if (strcmp(state, "prepared") == 0 && json_integer_value(count) == 0) {
            continue; /* most audiences have nothing that could be */
        }
        (void)printf("%s%s %" JSON_INTEGER_FORMAT,
                     strcmp(state, "active") == 0 ? "" : ", ",
                     state,
                     json_integer_value(count));
    }
    (void)printf("%s\n",
                 json_is_null(json_object_get(answer, "next")) ? "" : "; the first of them");
}

static int list(const struct cli_args *args, struct client *client)
{
    const char *state = cli_option(args, "state");
    char *path =
        cli_members_path(args->operands[0], state ? "?limit=50&state=" : "?limit=50", state);
    json_t *answer = NULL;
    struct err why = {0};
    enum err_code rc = client_call(client, HTTP_GET, path, NULL, &answer, &why);

    mem_free(path);
    if (rc) {
        return client_fail(args, rc, &why);
    }
    if (args->json) {
        cli_print_json(answer);
    } else {
        print_list(answer);
    }
    json_decref(answer);
    return CLI_OK;
}

/* ---- export ---- */

struct export
{
    enum member_format format;
    struct buf out;
    int64_t seen;
    bool first; /* nothing was printed so far */
};

static bool print_out(struct export *e)
{
    bool good = fwrite(buf_str(&e->out), 1, e->out.len, stdout) == e->out.len;

    e->first = e->first && e->out.len == 0;
    buf_clear(&e->out);
    return good;
}

static bool on_line(void *context, const char *line, size_t len)
{
    struct export *e = context;

    e->seen++;
    member_format_put(&e->out, e->format, line, len, e->first);
    return print_out(e);
}

/* How many there are: an answer that ends too early, when the service stops, looks like a whole one. */
static enum err_code
ask_total(const struct cli_args *args, struct client *client, int64_t *out, struct err *why)
{
    char *path = cli_members_path(args->operands[0], "?limit=1", NULL);
    json_t *answer = NULL, *count;
    const char *state;
    enum err_code rc = client_call(client, HTTP_GET, path, NULL, &answer, why);

    *out = 0;
    json_object_foreach(json_object_get(answer, "counts"), state, count)
    {
        enum member_state is_state; /* beside them is what is prepared */

        if (member_state_parse(state, &is_state)) {
            *out += json_integer_value(count);
        }
    }
    json_decref(answer);
    mem_free(path);
    return rc;
}

static int export(const struct cli_args *args, struct client *client)
{
    struct export e = {.first = true};
    char *path = cli_members_path(args->operands[0], "/export", NULL);
    struct err why = {0};
    int64_t total = 0;
    enum err_code rc;
    int exit = cli_members_format(args, &e.format);

    if (exit != CLI_OK) {
        mem_free(path);
        return exit;
    }
    buf_init(&e.out, OUT_BYTES);
    rc = ask_total(args, client, &total, &why);
    if (!rc) {
        rc = client_lines(client, path, on_line, &e, &why);
    }
    if (rc) {
        exit = client_fail(args, rc, &why);
    } else {
        member_format_end(&e.out, e.format, e.first);
        if (!print_out(&e) || fflush(stdout) != 0) {
            exit = cli_fail(args, CLI_FAILED, "writing: %s", strerror(errno));
        } else if (e.seen < total) {
            exit = cli_fail(args,
                            CLI_FAILED,
                            "only %" PRId64 " of %" PRId64 " members came: it is not whole",
                            e.seen,
                            total);
        }
    }
    buf_done(&e.out);
    mem_free(path);
    return exit;
}

/* ---- remove ---- */

static int erase(const struct cli_args *args, struct client *client)
{
    char *path = cli_members_path(args->operands[0], "/", args->operands[2]);
    struct err why = {0};
    enum err_code rc = client_call(client, HTTP_DELETE, path, NULL, NULL, &why);

    mem_free(path);
    return rc ? client_fail(args, rc, &why) : CLI_OK;
}

/* ---- a test member ---- */

static int set(const struct cli_args *args, struct client *client)
{
    const char *test = cli_option(args, "test");
    bool yes = test != NULL && strcmp(test, "yes") == 0;
    struct err why = {0};
    json_t *body;
    enum err_code rc;
    char *path;

    if (!yes && (test == NULL || strcmp(test, "no") != 0)) {
        return cli_fail(args, CLI_USAGE, "set ADDRESS --test yes, or --test no");
    }
    path = cli_members_path(args->operands[0], "/", args->operands[2]);
    body = json_pack("{s:b}", "test", yes);
    rc = client_call(client, HTTP_PATCH, path, body, NULL, &why);
    json_decref(body);
    mem_free(path);
    return rc ? client_fail(args, rc, &why) : CLI_OK;
}

/* ---- the verb ---- */

static const struct {
    const char *name;
    size_t operands;
    int (*run)(const struct cli_args *args, struct client *client);
} actions[] = {
    {"list", 2, list},
    {"import", 3, cli_members_import},
    {"remove", 3, erase},
    {"export", 2, export},
    {"set", 3, set},
    {"gone", 2, cli_members_gone},
    {"back", 2, cli_members_back},
};

int cli_members(const struct cli_args *args)
{
    const char *name = args->operand_count > 1 ? args->operands[1] : "list";
    struct client *client;
    int rc = CLI_OK;

    for (size_t i = 0; i < ARRAY_LEN(actions); i++) {
        if (strcmp(actions[i].name, name) != 0) {
            continue;
        }
        if (args->operand_count != actions[i].operands && args->operand_count > 1) {
            return cli_fail(args,
                            CLI_USAGE,
                            "members CHANNEL %s%s",
                            name,
                            actions[i].operands == 2 ? ", and nothing more"
                                                     : " needs one thing more");
        }
        client = client_for(args, &rc);
        rc = client ? actions[i].run(args, client) : rc;
        client_free(client);
        return rc;
    }
    return cli_fail(
        args,
        CLI_USAGE,
        "list, import FILE, remove ADDRESS, export, set ADDRESS, gone or back, not \"%s\"",
        name);
}
