/* `crier members CHANNEL gone` and `back`: whom an audience has lost, and taking that back. Called by
 * cli_members.c; speaks to the running service. */

#include "service/cli_members.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/parse.h"
#include "base/url.h"
#include "service/cli.h"
#include "service/cli_print.h"
#include "service/cli_wave_view.h"
#include "service/client.h"

#define PATH_BYTES 4096
#define ROWS_MAX 24

/* --since as a time; false, and said, when it is none. out: "" when it was not given. */
static bool read_since(const struct cli_args *args, char out[TIME_TEXT_BYTES])
{
    const char *text = cli_option(args, "since");
    int64_t at_ms, ago_ms;

    out[0] = '\0';
    if (text == NULL) {
        return true;
    }
    if (time_parse_rfc3339(text, strlen(text), &at_ms)) {
        (void)time_rfc3339(at_ms, out);
        return true;
    }
    if (parse_duration_ms(text, &ago_ms)) {
        (void)time_rfc3339(clock_wall_ms() - ago_ms, out);
        return true;
    }
    (void)cli_fail(
        args, CLI_USAGE, "--since is a time such as 2026-11-01T10:00:00Z, or so long ago, 2h");
    return false;
}

/* ---- gone ---- */

struct count {
    const char *name;
    int64_t n;
};

static int by_count(const void *a, const void *b)
{
    const struct count *x = a, *y = b;

    return x->n < y->n ? 1 : x->n > y->n ? -1 : strcmp(x->name, y->name);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct count *)a)->name, ((const struct count *)b)->name);
}

static void print_counts(const char *title,
                         const json_t *counts,
                         int (*order)(const void *a, const void *b))
{
    const char *const titles[] = {"members", title};
    size_t count = json_object_size(counts), n = 0;
    struct count *rows = mem_calloc(count > 0 ? count : 1, sizeof *rows);
    char text[CLI_COUNT_BYTES];
    struct table *t;
    const char *name;
    json_t *value;

    json_object_foreach(json_unconst(counts), name, value)
    {
        rows[n++] = (struct count){name, json_integer_value(value)};
    }
    qsort(rows, n, sizeof *rows, order);
    t = table_new(titles, ARRAY_LEN(titles));
    for (size_t i = n > ROWS_MAX && order == by_name ? n - ROWS_MAX : 0;
         i < n && table_rows(t) < ROWS_MAX;
         i++) {
        table_row(t);
        table_cell(t, cli_count(rows[i].n, text), TINT_NONE);
        table_cell(t, rows[i].name, TINT_NONE);
    }
    if (n > 0) {
        (void)printf("\n");
        cli_print_table(t);
    }
    table_free(t);
    mem_free(rows);
}

static void print_gone(const char *channel, const json_t *v)
{
    int64_t aside = json_integer_value(json_object_get(v, "quarantined"));
    char gone[CLI_COUNT_BYTES], put[CLI_COUNT_BYTES];

    (void)printf("%s gone, %s put aside\n",
                 cli_count(json_integer_value(json_object_get(v, "gone")), gone),
                 cli_count(aside, put));
    print_counts("why", json_object_get(v, "by_reason"), by_count);
    print_counts("at", json_object_get(v, "by_service"), by_count);
    print_counts("hour (UTC)", json_object_get(v, "by_hour"), by_name);
    if (aside > 0) {
        (void)printf("\nwas it right? crier members %s back --gone\n"
                     "was it wrong? crier members %s back --since TIME\n",
                     channel,
                     channel);
    }
}

int cli_members_gone(const struct cli_args *args, struct client *client)
{
    char since[TIME_TEXT_BYTES];
    json_t *answer = NULL;
    struct err why = {0};
    enum err_code rc;
    struct buf path;

    if (!read_since(args, since)) {
        return CLI_USAGE;
    }
    buf_init(&path, PATH_BYTES);
    buf_adds(&path, "/v1/channels/");
    url_encode(&path, args->operands[0]);
    buf_addf(&path, "/members/gone%s", since[0] ? "?since=" : "");
    url_encode(&path, since);
    rc = client_call(client, HTTP_GET, buf_str(&path), NULL, &answer, &why);
    buf_done(&path);
    if (rc) {
        return client_fail(args, rc, &why);
    }
    if (args->json) {
        cli_print_json(answer);
    } else {
        print_gone(args->operands[0], answer);
    }
    json_decref(answer);
    return CLI_OK;
}

/* ---- back ---- */

int cli_members_back(const struct cli_args *args, struct client *client)
{
    bool gone = cli_given(args, "gone");
    char since[TIME_TEXT_BYTES], n[CLI_COUNT_BYTES];
    json_t *answer = NULL, *body;
    struct err why = {0};
    enum err_code rc;
    struct buf path;

    if (!read_since(args, since)) {
        return CLI_USAGE;
    }
    if (!gone && since[0] == '\0') {
        return cli_fail(args, CLI_USAGE, "back since when? --since TIME, or so long ago, 2h");
    }
    body = json_object();
    json_set_str(body, "since", since[0] ? since : NULL);
    json_set_str(body, "state", gone ? NULL : cli_option(args, "state"));
    buf_init(&path, PATH_BYTES);
    buf_adds(&path, "/v1/channels/");
    url_encode(&path, args->operands[0]);
    buf_adds(&path, gone ? "/members/gone" : "/members/back");
    rc = client_call(client, HTTP_POST, buf_str(&path), body, &answer, &why);
    buf_done(&path);
    json_decref(body);
    if (rc) {
        return client_fail(args, rc, &why);
    }
    if (args->json) {
        cli_print_json(answer);
    } else {
        (void)printf("%s %s\n",
                     cli_count(json_integer_value(json_object_get(answer, "members")), n),
                     gone ? "are gone" : "are active again");
    }
    json_decref(answer);
    return CLI_OK;
}
