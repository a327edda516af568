/* `crier keys show` and `crier keys forget`: what is kept of channels' tokens, never the tokens. Asks the running
 * service, which holds the ledger; when it is down the ledger itself. Also how a sign-in gets there (cli_login.c). */

#include "service/cli_credentials.h"

#include <string.h>
#include <sys/stat.h>

#include "adapters/oauth.h"
#include "adapters/record.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/parse.h"
#include "base/url.h"
#include "queue/ledger.h"
#include "service/cli_print.h"
#include "service/client.h"
#include "service/vault.h"

static void
fail_unknown(const struct cli_args *args, const struct config *config, const char *name)
{
    const char **names = mem_zalloc((config->channel_count + 1) * sizeof *names);
    const char *close;

    for (size_t i = 0; i < config->channel_count; i++) {
        names[i] = config->channels[i].name;
    }
    close = parse_closest(name, names, config->channel_count);
    (void)cli_fail(args,
                   CLI_FAILED,
                   "no channel \"%s\" in %s%s%s%s",
                   name,
                   config->path,
                   close ? "; did you mean " : "",
                   close ? close : "",
                   close ? "?" : "");
    mem_free(names);
}

const struct channel_settings *cli_signed_channel(const struct cli_args *args,
                                                  const struct config *config,
                                                  const char *name,
                                                  struct grant_way *out_way)
{
    const struct channel_settings *ch = config_channel(config, name);
    const struct adapter *a = ch ? ch->type->of : NULL;

    if (!ch) {
        fail_unknown(args, config, name);
        return NULL;
    }
    *out_way = (struct grant_way){.oauth = oauth_with(a, ch->own),
                                  .settings = ch->own,
                                  .has_vault = vault_has_key(config)};
    if (!out_way->oauth) {
        (void)cli_fail(
            args,
            CLI_FAILED,
            "%s: a channel of %s has no token that ends, the settings hold all of it",
            name,
            a->title);
        return NULL;
    }
    return ch;
}

/* ---- into the service, or the ledger ---- */

static char *path_of(const struct channel_settings *ch)
{
    struct buf path;
    char *text;

    buf_init(&path, 1024);
    buf_adds(&path, "/v1/channels/");
    url_encode(&path, ch->name);
    buf_adds(&path, "/credentials");
    text = buf_detach(&path, NULL);
    buf_done(&path);
    return text;
}

static enum err_code hand_over(const struct config *config,
                               const struct channel_settings *ch,
                               const char *sealed,
                               struct err *why)
{
    json_t *body = sealed ? json_pack("{s:s}", "sealed", sealed) : NULL;
    struct client *client = NULL;
    char *path = path_of(ch);
    enum err_code rc = client_new(&client, config->server.listen, &config->server.token, why);

    if (rc == ERR_NONE) {
        rc = client_call(client, sealed ? HTTP_PUT : HTTP_DELETE, path, body, NULL, why);
    }
    client_free(client);
    json_decref(body);
    mem_free(path);
    return rc;
}

static void no_wake(void *context)
{
    (void)context;
}

static enum err_code write_ledger(const struct config *config,
                                  const struct channel_settings *ch,
                                  const char *sealed,
                                  struct err *why)
{
    const struct adapter *a = ch->type->of;
    struct grant_way way = {.oauth = oauth_with(a, ch->own), .settings = ch->own};
    struct ledger_credential_put put = {.req = {.kind = LEDGER_CREDENTIAL_PUT},
                                        .channel = ch->name,
                                        .sealed = sealed,
                                        .now_ms = clock_wall_ms()};
    char origin[SHA256_HEX_BYTES];
    struct ledger *ledger = NULL;
    enum err_code rc;

    (void)umask(077); /* as the service makes it */
    grant_origin(&way, origin);
    put.origin = origin;
    rc = ledger_open(&ledger, config->ledger.location, no_wake, NULL, clock_wall_ms(), why);
    if (rc == ERR_NONE) {
        rc = ledger_run(ledger, &put.req, why);
    }
    ledger_close(ledger);
    return rc;
}

int cli_credential_put(const struct cli_args *args,
                       const struct config *config,
                       const struct channel_settings *ch,
                       const char *sealed)
{
    struct err why = {0}, own = {0};
    enum err_code rc = hand_over(config, ch, sealed, &why);

    if (rc == ERR_NETWORK) {
        rc = write_ledger(config, ch, sealed, &own);
        if (rc) {
            return cli_fail(args,
                            CLI_FAILED,
                            "neither the service nor its ledger took it: %s; %s",
                            why.text,
                            own.text);
        }
        return CLI_OK;
    }
    if (rc == ERR_NOT_FOUND) {
        return cli_fail(
            args,
            CLI_FAILED,
            "%s: the running service knows no such channel yet: reload its settings "
            "first",
            why.text);
    }
    return rc ? client_fail(args, rc, &why) : CLI_OK;
}

/* ---- show ---- */

/* As the API shows it. */
static json_t *
item_of(const struct config *config, const struct channel_settings *ch, const char *sealed)
{
    const struct adapter *a = ch->type->of;
    struct grant_way way = {.oauth = oauth_with(a, ch->own),
                            .settings = ch->own,
                            .has_vault = vault_has_key(config)};
    struct forecast_facts facts = {.channel = ch->name, .now_ms = clock_wall_ms()};
    json_t *kept = NULL, *own = NULL, *out = json_object();
    struct err why = {0};
    struct forecast f;

    if (sealed && vault_open(&kept, config, ch->name, sealed, NULL, &why)) {
        json_set_str(out, "state", "none");
        json_set_str(out, "text", why.text);
        (void)json_object_set_new(out, "needs_attention", json_true());
        return out;
    }
    own = kept ? json_incref(json_object_get(kept, "grant")) : grant_from_settings(&way);
    facts.grant = own;
    facts.dead = json_path_str(kept, "dead");
    forecast_make(&f, &way, &facts);
    forecast_write(out, &f, own);
    json_decref(own);
    json_decref(kept);
    return out;
}

static const char *sealed_of(const struct ledger_credentials *rows, const char *channel)
{
    for (size_t i = 0; i < rows->count; i++) {
        if (strcmp(rows->v[i].channel, channel) == 0) {
            return rows->v[i].sealed;
        }
    }
    return NULL;
}

/* The same as GET /v1/channels gives, of those alone that have credentials. */
static enum err_code
read_ledger(const struct config *config, json_t **out_items, struct err *why)
{
    struct ledger_credentials rows = {.req = {.kind = LEDGER_CREDENTIALS}};
    enum err_code rc = ledger_credentials(config->ledger.location, &rows, why);

    if (rc && rc != ERR_NOT_FOUND) { /* there is no ledger yet, so nothing is kept */
        return rc;
    }
    *out_items = json_array();
    for (size_t i = 0; i < config->channel_count; i++) {
        const struct channel_settings *ch = &config->channels[i];

        if (oauth_with(ch->type->of, ch->own)) {
            (void)json_array_append_new(
                *out_items,
                json_pack("{s:s, s:s, s:o}",
                          "name",
                          ch->name,
                          "adapter",
                          ch->type->name,
                          "credentials",
                          item_of(config, ch, sealed_of(&rows, ch->name))));
        }
    }
    ledger_request_done(&rows.req);
    return ERR_NONE;
}

static enum err_code
read_service(const struct config *config, json_t **out_items, struct err *why)
{
    struct client *client = NULL;
    json_t *channels = NULL, *ch;
    enum err_code rc = client_new(&client, config->server.listen, &config->server.token, why);
    size_t i;

    if (rc == ERR_NONE) {
        rc = client_call(client, HTTP_GET, "/v1/channels", NULL, &channels, why);
    }
    client_free(client);
    if (rc) {
        return rc;
    }
    *out_items = json_array();
    json_array_foreach(json_object_get(channels, "items"), i, ch)
    {
        if (json_object_get(ch, "credentials")) {
            (void)json_array_append_new(*out_items,
                                        json_pack("{s:O, s:O, s:O}",
                                                  "name",
                                                  json_object_get(ch, "name"),
                                                  "adapter",
                                                  json_object_get(ch, "adapter"),
                                                  "credentials",
                                                  json_object_get(ch, "credentials")));
        }
    }
    json_decref(channels);
    return ERR_NONE;
}

static void print_items(const json_t *items)
{
    static const char *const titles[] = {"channel", "type", "account", "credentials"};
    struct table *t = table_new(titles, ARRAY_LEN(titles));
    json_t *item;
    size_t i;

    json_array_foreach(items, i, item)
    {
        const json_t *c = json_object_get(item, "credentials");
        bool eye = json_is_true(json_object_get(c, "needs_attention"));

        table_row(t);
        table_cell(t, json_path_str(item, "name"), TINT_BOLD);
        table_cell(t, json_path_str(item, "adapter"), TINT_NONE);
        table_cell(t, json_path_str(c, "who"), TINT_NONE);
        table_cell(t, json_path_str(c, "text"), eye ? TINT_WARN : TINT_NONE);
    }
    cli_print_table(t);
    table_free(t);
}

static void keep_only(json_t *items, const char *name)
{
    for (size_t i = json_array_size(items); i-- > 0;) {
        const char *is = json_path_str(json_array_get(items, i), "name");

        if (!is || strcmp(is, name) != 0) {
            (void)json_array_remove(items, i);
        }
    }
}

int cli_credentials_show(const struct cli_args *args)
{
    const char *only = args->operand_count > 1 ? args->operands[1] : NULL;
    struct config *config = cli_load_config(args);
    struct grant_way way;
    json_t *items = NULL;
    struct err why = {0};
    enum err_code rc;

    if (!config || (only && !cli_signed_channel(args, config, only, &way))) {
        config_unref(config);
        return CLI_FAILED;
    }
    rc = read_service(config, &items, &why);
    if (rc == ERR_NETWORK) {
        rc = read_ledger(config, &items, &why);
    }
    config_unref(config);
    if (rc) {
        return client_fail(args, rc, &why);
    }
    if (only) {
        keep_only(items, only);
    }
    if (args->json) {
        cli_print_json(items);
    } else if (json_array_size(items) == 0) {
        (void)printf("no channel has tokens that crier keeps\n");
    } else {
        print_items(items);
    }
    json_decref(items);
    return CLI_OK;
}

/* ---- forget ---- */

int cli_credentials_forget(const struct cli_args *args)
{
    const struct channel_settings *ch;
    struct config *config;
    struct grant_way way;
    int rc = CLI_FAILED;

    if (args->operand_count < 2) {
        return cli_fail(args, CLI_USAGE, "usage: crier keys forget CHANNEL");
    }
    config = cli_load_config(args);
    ch = config ? cli_signed_channel(args, config, args->operands[1], &way) : NULL;
    if (ch) {
        rc = cli_credential_put(args, config, ch, NULL);
    }
    if (rc == CLI_OK && !args->json) {
        (void)printf("%s: forgotten here; what the platform gave is good there until it is "
                     "revoked on its page\n",
                     ch->name);
    }
    config_unref(config);
    return rc;
}
