/* `crier channels pause|resume NAME…`: nothing goes out on a channel, or it goes on. Called by cli_channels.c;
 * speaks to the running service. */

#include "service/cli.h"

#include <string.h>

#include "base/json.h"
#include "base/url.h"
#include "service/cli_print.h"
#include "service/client.h"

/* A channel, or each of a group. */
static void print(const json_t *answer)
{
    const json_t *items = json_object_get(answer, "items"), *ch;
    size_t i;

    if (items == NULL) {
        (void)printf(
            "%s: %s\n", cli_member(answer, "name", 0), cli_member(answer, "health", 1));
    }
    json_array_foreach(items, i, ch)
    {
        (void)printf("%s: %s\n", cli_member(ch, "name", 0), cli_member(ch, "health", 1));
    }
}

static int
one(const struct cli_args *args, struct client *client, const char *name, json_t *results)
{
    json_t *answer = NULL;
    struct err why = {0};
    struct buf path;
    enum err_code rc;

    buf_init(&path, 4096);
    buf_adds(&path, "/v1/channels/");
    url_encode(&path, name);
    buf_addf(&path, "/%s", args->operands[0]);
    rc = client_call(client, HTTP_POST, buf_str(&path), NULL, &answer, &why);
    buf_done(&path);
    if (rc) {
        return client_fail(args, rc, &why);
    }
    if (!args->json) {
        print(answer);
    }
    (void)json_array_append_new(results, answer);
    return CLI_OK;
}

int cli_pause(const struct cli_args *args)
{
    struct client *client;
    json_t *results;
    int rc = CLI_OK, worst = CLI_OK;

    if (args->operand_count < 2) {
        return cli_fail(args, CLI_USAGE, "%s which channel?", args->operands[0]);
    }
    client = client_for(args, &rc);
    if (client == NULL) {
        return rc;
    }
    results = json_array();
    for (size_t i = 1; i < args->operand_count && rc != CLI_UNREACHABLE; i++) {
        rc = one(args, client, args->operands[i], results);
        worst = rc != CLI_OK ? rc : worst;
    }
    if (args->json) {
        cli_print_json(results);
    }
    json_decref(results);
    client_free(client);
    return worst;
}
