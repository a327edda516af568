/* `crier replay`: ended deliveries again, waiting ones given up, unknown ones settled. One call
 * of the API per delivery; what the state does not allow is told for each, and the rest goes
 * on. */

#include "service/cli.h"

#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/url.h"
#include "service/cli_print.h"
#include "service/client.h"

const struct cli_option cli_replay_options[] = {
    {.name = "channel", .value = "NAME", .help = "all deliveries of this channel in --state"},
    {.name = "state",
     .value = "STATE",
     .help = "with --channel: rejected (default), expired, cancelled, blocked, again"},
    {.name = "cancel", .help = "give the deliveries up instead"},
    {.name = "resolve", .help = "settle an unknown outcome: ID posted, or ID absent"},
    {.name = "link", .value = "URL", .help = "with --resolve ID posted: where the post is"},
    {.name = "remote-id",
     .value = "ID",
     .help = "with --resolve ID posted: how the platform knows the post"},
    {.name = NULL},
};

struct replay {
    const struct cli_args *args;
    struct client *client;
    const char *verb; /* last segment of the path */
    const json_t *body;
    json_t *results; /* as printed with --json */
    size_t failed;
    int exit; /* CLI_UNREACHABLE ends it all */
};

static void note(struct replay *r, const char *id, const char *state, const char *error)
{
    json_t *item = json_object();

    json_set_str(item, "id", id);
    json_set_str(item, "state", state);
    json_set_str(item, "error", error);
    (void)json_array_append_new(r->results, item);
    if (error != NULL) {
        r->failed++;
    }
    if (!r->args->json && error == NULL) {
        (void)printf("%s %s\n", id, state);
    } else if (!r->args->json) {
        (void)fprintf(stderr, "%s: %s\n", id, error);
    }
}

static void move(struct replay *r, const char *id)
{
    json_t *answer = NULL;
    struct err why = {0};
    struct buf path;

    if (r->exit == CLI_UNREACHABLE) {
        return;
    }
    buf_init(&path, 4096);
    buf_adds(&path, "/v1/deliveries/");
    url_encode(&path, id);
    buf_addf(&path, "/%s", r->verb);
    enum err_code rc =
        client_call(r->client, HTTP_POST, buf_str(&path), r->body, &answer, &why);
    buf_done(&path);
    if (rc) {
        note(r, id, NULL, why.text);
        r->exit = rc == ERR_NETWORK ? CLI_UNREACHABLE : CLI_FAILED;
        return;
    }
    note(r, id, cli_member(answer, "state", 0), NULL);
    json_decref(answer);
}

/* A page of the deliveries asked for; NULL and said when it cannot be had. */
static json_t *fetch_page(struct replay *r, const char *cursor)
{
    const char *state = cli_option(r->args, "state");
    json_t *page = NULL;
    struct err why = {0};
    struct buf path;

    buf_init(&path, 4096);
    buf_adds(&path, "/v1/deliveries?limit=100&channel=");
    url_encode(&path, cli_option(r->args, "channel"));
    buf_adds(&path, "&state=");
    url_encode(&path, state != NULL ? state : "rejected");
    if (cursor != NULL) {
        buf_adds(&path, "&cursor=");
        url_encode(&path, cursor);
    }
    enum err_code rc = client_call(r->client, HTTP_GET, buf_str(&path), NULL, &page, &why);
    buf_done(&path);
    if (rc) {
        r->exit = client_fail(r->args, rc, &why);
        return NULL;
    }
    return page;
}

static void move_channel(struct replay *r)
{
    char *cursor = NULL;
    json_t *page, *d;
    size_t i;

    while (r->exit != CLI_UNREACHABLE && (page = fetch_page(r, cursor)) != NULL) {
        json_array_foreach(json_object_get(page, "items"), i, d)
        {
            move(r, cli_member(d, "id", 0));
        }
        mem_free(cursor);
        cursor = mem_strdup(json_path_str(page, "next"));
        json_decref(page);
        if (cursor == NULL) {
            break;
        }
    }
    mem_free(cursor);
}

static int usage(const struct cli_args *args, const char *what)
{
    return cli_fail(args, CLI_USAGE, "%s; usage: crier replay %s", what, args->verb->usage);
}

/* The body for `resolve`: {"outcome": …}. NULL: the words are not right. */
static json_t *resolution(const struct cli_args *args)
{
    json_t *body;

    if (args->operand_count != 2 || (strcmp(args->operands[1], "posted") != 0 &&
                                     strcmp(args->operands[1], "absent") != 0)) {
        return NULL;
    }
    body = json_object();
    json_set_str(body, "outcome", args->operands[1]);
    json_set_str(body, "link", cli_option(args, "link"));
    json_set_str(body, "remote_id", cli_option(args, "remote-id"));
    return body;
}

static int check(const struct cli_args *args)
{
    bool by_channel = cli_given(args, "channel");

    if (cli_given(args, "cancel") && cli_given(args, "resolve")) {
        return usage(args, "--cancel or --resolve, not both");
    }
    if (cli_given(args, "resolve") && by_channel) {
        return usage(args, "--resolve settles one delivery at a time");
    }
    if (by_channel == (args->operand_count > 0)) {
        return usage(args,
                     by_channel ? "deliveries or --channel, not both" : "which deliveries?");
    }
    if ((cli_given(args, "link") || cli_given(args, "remote-id")) &&
        !cli_given(args, "resolve")) {
        return usage(args, "--link and --remote-id go with --resolve");
    }
    if (cli_given(args, "state") && !by_channel) {
        return usage(args, "--state goes with --channel");
    }
    return CLI_OK;
}

static int run(struct replay *r)
{
    const struct cli_args *args = r->args;
    bool by_channel = cli_given(args, "channel");
    size_t count = cli_given(args, "resolve") ? 1 : args->operand_count;

    r->results = json_array();
    if (by_channel) {
        move_channel(r);
    }
    for (size_t i = 0; !by_channel && i < count; i++) {
        move(r, args->operands[i]);
    }
    if (args->json) {
        cli_print_json(r->results);
    } else if (by_channel) {
        (void)printf("%zu deliveries\n", json_array_size(r->results) - r->failed);
    }
    json_decref(r->results);
    return r->exit;
}

int cli_replay(const struct cli_args *args)
{
    struct replay r = {.args = args, .verb = "replay", .exit = CLI_OK};
    json_t *body = NULL;
    int rc = check(args);

    if (rc != CLI_OK) {
        return rc;
    }
    if (cli_given(args, "resolve")) {
        r.verb = "resolve";
        body = resolution(args);
        if (body == NULL) {
            return usage(args, "--resolve wants an ID and \"posted\" or \"absent\"");
        }
    } else if (cli_given(args, "cancel")) {
        r.verb = "cancel";
    }
    r.body = body;
    r.client = client_for(args, &rc);
    if (r.client != NULL) {
        rc = run(&r);
    }
    client_free(r.client);
    json_decref(body);
    return rc;
}
