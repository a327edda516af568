/* `crier members`: the audience of a channel: who is in it, bringing people in from a file, taking all of it
 * out, erasing one. Speaks to the running service; a file of any length goes over in portions, each of them
 * all or nothing, so a file with a mistake can be mended and brought in again as a whole. */

#include "service/cli.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/parse.h"
#include "base/url.h"
#include "service/cli_print.h"
#include "service/client.h"

#define PORTION 500
#define PAGE "200"
#define LINE_DEPTH 4
#define PATH_BYTES 4096
#define SHOWN_MAX 50

const struct cli_option cli_members_options[] = {
    {.name = "state",
     .value = "STATE",
     .help = "list only these: active, stopped, gone, quarantined"},
    {.name = NULL},
};

/* Yours. */
static char *path_dup(const char *channel, const char *behind, const char *value)
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

/* ---- list ---- */

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
    table_cell(
        t, json_path_str(m, "state_why") ? json_path_str(m, "state_why") : "", TINT_NONE);
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
    char *path = path_dup(args->operands[0], state ? "?limit=50&state=" : "?limit=50", state);
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

static void print_lines(const json_t *items)
{
    const json_t *m;
    size_t i;

    json_array_foreach(items, i, m)
    {
        char *line = json_dumps(m, JSON_COMPACT);

        (void)puts(line);
        free(line); /* Jansson's */
    }
}

static int export(const struct cli_args *args, struct client *client)
{
    char *cursor = NULL;
    int exit = CLI_OK;
    bool more = true;

    while (more && exit == CLI_OK) {
        char *path = path_dup(
            args->operands[0], cursor ? "?limit=" PAGE "&cursor=" : "?limit=" PAGE, cursor);
        json_t *answer = NULL;
        struct err why = {0};
        enum err_code rc = client_call(client, HTTP_GET, path, NULL, &answer, &why);

        mem_free(path);
        mem_free(cursor);
        cursor = NULL;
        if (rc) {
            exit = client_fail(args, rc, &why);
        } else {
            print_lines(json_object_get(answer, "items"));
            cursor = mem_strdup(json_path_str(answer, "next"));
        }
        more = cursor != NULL;
        json_decref(answer);
    }
    mem_free(cursor);
    return exit;
}

/* ---- import ---- */

struct import {
    const struct cli_args *args;
    struct client *client;
    char *path;
    const char *name; /* of the file */
    json_t *portion;
    size_t lines[PORTION]; /* of each of the portion, in the file */
    json_t *totals;
};

static void say_faults(const struct import *m, const json_t *answer)
{
    const json_t *one;
    size_t i;

    json_array_foreach(json_object_get(answer, "errors"), i, one)
    {
        const char *pointer = json_path_str(one, "pointer");
        int64_t at = -1;

        if (pointer && pointer[0] == '/' && parse_i64(pointer + 1, &at) && at >= 0 &&
            at < PORTION) {
            (void)fprintf(
                stderr, "%s:%zu: %s\n", m->name, m->lines[at], cli_member(one, "detail", 0));
        }
    }
}

static void add_totals(struct import *m, const json_t *answer)
{
    const char *key;
    json_t *value;

    json_object_foreach(json_unconst(answer), key, value)
    {
        json_int_t so_far = json_integer_value(json_object_get(m->totals, key));

        (void)json_object_set_new(
            m->totals, key, json_integer(so_far + json_integer_value(value)));
    }
}

static int send_portion(struct import *m)
{
    json_t *answer = NULL;
    struct err why = {0};
    long status = 0;
    enum err_code rc;
    int exit = CLI_OK;

    if (json_array_size(m->portion) == 0) {
        return CLI_OK;
    }
    rc = client_ask(m->client, HTTP_POST, m->path, m->portion, &status, &answer, &why);
    if (rc) {
        exit = client_fail(m->args, rc, &why);
    } else if (status != 200) {
        say_faults(m, answer);
        exit = cli_fail(m->args, CLI_FAILED, "%s", cli_member(answer, "detail", 0));
    } else {
        add_totals(m, answer);
    }
    json_decref(answer);
    (void)json_array_clear(m->portion);
    return exit;
}

static int take_line(struct import *m, const char *line, size_t len, size_t number)
{
    json_t *v = NULL;
    struct err why = {0};

    while (len > 0 &&
           (line[len - 1] == '\n' || line[len - 1] == '\r' || line[len - 1] == ' ')) {
        len--;
    }
    if (len == 0) {
        return CLI_OK;
    }
    if (json_read(&v, line, len, LINE_DEPTH, &why)) {
        return cli_fail(m->args, CLI_FAILED, "%s:%zu: %s", m->name, number, why.text);
    }
    m->lines[json_array_size(m->portion)] = number;
    (void)json_array_append_new(m->portion, v);
    return json_array_size(m->portion) < PORTION ? CLI_OK : send_portion(m);
}

static int read_file(struct import *m, FILE *file)
{
    char *line = NULL;
    size_t room = 0, number = 0;
    ssize_t len;
    int exit = CLI_OK;

    while (exit == CLI_OK && (len = getline(&line, &room, file)) >= 0) {
        exit = take_line(m, line, (size_t)len, ++number);
    }
    free(line); /* libc's */
    return exit == CLI_OK ? send_portion(m) : exit;
}

static void print_totals(const struct import *m)
{
    const char *key;
    json_t *value;

    if (m->args->json) {
        cli_print_json(m->totals);
        return;
    }
    json_object_foreach(m->totals, key, value)
    {
        (void)printf("%s %" JSON_INTEGER_FORMAT "\n", key, json_integer_value(value));
    }
}

static int import(const struct cli_args *args, struct client *client)
{
    bool from_stdin = strcmp(args->operands[2], "-") == 0;
    FILE *file = from_stdin ? stdin : fopen(args->operands[2], "re");
    struct import m = {.args = args, .client = client, .name = args->operands[2]};
    int exit;

    if (file == NULL) {
        return cli_fail(args, CLI_FAILED, "open %s: %s", m.name, strerror(errno));
    }
    m.path = path_dup(args->operands[0], "", NULL);
    m.portion = json_array();
    m.totals = json_object();
    exit = read_file(&m, file);
    if (exit == CLI_OK || json_object_size(m.totals) > 0) {
        print_totals(&m); /* what went before a mistake is in */
    }
    if (!from_stdin) {
        (void)fclose(file);
    }
    mem_free(m.path);
    json_decref(m.portion);
    json_decref(m.totals);
    return exit;
}

/* ---- remove ---- */

static int erase(const struct cli_args *args, struct client *client)
{
    char *path = path_dup(args->operands[0], "/", args->operands[2]);
    struct err why = {0};
    enum err_code rc = client_call(client, HTTP_DELETE, path, NULL, NULL, &why);

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
    {"import", 3, import},
    {"remove", 3, erase},
    {"export", 2, export},
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
        args, CLI_USAGE, "list, import FILE, remove ADDRESS or export, not \"%s\"", name);
}
