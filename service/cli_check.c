/* `crier check`: every mistake in the settings, none of them sent anywhere. Reads the file as
 * `serve` would, then drops it. With --ledger or --article another thing altogether:
 * cli_check_ledger.c, cli_check_article.c. */

#include "service/cli_check.h"

#include <jansson.h>

#include "adapters/oauth.h"
#include "base/json.h"
#include "service/cli_print.h"
#include "service/crier.h"
#include "service/vault.h"

#define TEXT_MAX ((size_t)4 * 1024 * 1024)

static json_t *mistakes_json(const struct problems *problems)
{
    json_t *list = json_array();

    for (size_t i = 0; i < problems->count; i++) {
        const struct problem *p = &problems->v[i];
        json_t *item = json_object();
        json_set_str(item, "file", p->file);
        (void)json_object_set_new(item, "line", json_integer(p->line));
        (void)json_object_set_new(item, "column", json_integer(p->column));
        json_set_str(item, "what", p->what);
        json_set_str(item, "accepted", p->accepted);
        (void)json_array_append_new(list, item);
    }
    return list;
}

/* What a token that ends needs, and the settings lack; NULL: nothing. It is no mistake: crier starts, and
 * posts as long as it can. */
static const char *token_lack(const struct config *config, const struct channel_settings *ch)
{
    const struct oauth *o = oauth_with(ch->type->of, ch->own);
    const struct oauth_settings *s = o ? oauth_settings_of(o, ch->own) : NULL;

    if (!o || !ch->enabled || vault_has_key(config)) {
        return NULL;
    }
    if (o->authorize && !s->access_token.text && !s->refresh_token.text) {
        return "it has no token, and without vault.key none can be kept: `crier keys vault` "
               "makes a "
               "key, then `crier keys login` signs it in";
    }
    if (o->rotates && s->client_id) {
        return "its tokens are not renewed without vault.key, since each renewal ends the one "
               "before: "
               "`crier keys vault` makes a key";
    }
    return o->renew && s->client_id ? "its tokens are renewed, but forgotten with each restart "
                                      "without vault.key: `crier "
                                      "keys vault` makes a key"
                                    : NULL;
}

static json_t *notes_of(const struct config *config)
{
    json_t *notes = json_array();

    for (size_t i = 0; i < config->channel_count; i++) {
        const struct channel_settings *ch = &config->channels[i];
        const char *lack = token_lack(config, ch);

        if (lack) {
            (void)json_array_append_new(notes, json_sprintf("channels.%s: %s", ch->name, lack));
        }
    }
    return notes;
}

static void print_notes(const struct config *config)
{
    json_t *notes = notes_of(config), *note;
    size_t i;

    json_array_foreach(notes, i, note)
    {
        (void)printf("note: %s\n", json_string_value(note));
    }
    json_decref(notes);
}

static void print_as_json(const char *path,
                          const struct config *config,
                          const struct problems *problems,
                          const struct err *why)
{
    json_t *v = json_object();

    json_set_str(v, "file", path);
    (void)json_object_set_new(v, "ok", json_boolean(config != NULL));
    (void)json_object_set_new(v, "mistakes", mistakes_json(problems));
    if (config != NULL) {
        (void)json_object_set_new(
            v, "channels", json_integer((json_int_t)config->channel_count));
        (void)json_object_set_new(v, "sources", json_integer((json_int_t)config->source_count));
        (void)json_object_set_new(v, "notes", notes_of(config));
    } else if (problems->count == 0) {
        json_set_str(v, "error", why->text);
    }
    cli_print_json(v);
    json_decref(v);
}

static const char *plural(size_t count)
{
    return count == 1 ? "" : "s";
}

static void print_as_text(const char *path,
                          const struct config *config,
                          const struct problems *problems,
                          const struct err *why)
{
    struct buf text;

    if (config != NULL) {
        (void)printf("%s: ok (%zu channel%s, %zu source%s)\n",
                     path,
                     config->channel_count,
                     plural(config->channel_count),
                     config->source_count,
                     plural(config->source_count));
        print_notes(config);
        return;
    }
    buf_init(&text, TEXT_MAX);
    problems_print(problems, &text);
    (void)fputs(buf_str(&text), stdout);
    buf_done(&text);
    (void)fflush(stdout);
    if (problems->count == 0) {
        (void)fprintf(stderr, "crier check: %s\n", why->text);
    } else {
        (void)fprintf(stderr, "%zu mistake%s\n", problems->count, plural(problems->count));
    }
}

const struct cli_option cli_check_options[] = {
    {.name = "ledger",
     .help = "check the ledger, or a backup FILE of one, instead of the settings"},
    {.name = "article",
     .value = "FILE",
     .help = "tell what the settings make of this article, rule by rule; - for standard input"},
    {.name = "source",
     .value = "NAME",
     .help = "with --article: as if it came from this source (default: the API)"},
    {.name = NULL},
};

static int check_settings(const struct cli_args *args)
{
    const char *path = cli_config_path(args);
    struct config_types types = crier_config_types();
    struct config *config = NULL;
    struct problems problems;
    struct err why = {0};

    if (path == NULL) {
        return CLI_USAGE;
    }
    problems_init(&problems);
    enum err_code rc = config_load(&config, path, &types, &problems, &why);
    if (rc) {
        config = NULL;
    }
    problems_sort(&problems);
    (args->json ? print_as_json : print_as_text)(path, config, &problems, &why);
    problems_done(&problems);
    config_unref(config);
    return rc ? CLI_FAILED : CLI_OK;
}

/* What is given together and cannot be; CLI_OK when nothing is. */
static int check_usage(const struct cli_args *args)
{
    bool article = cli_given(args, "article"), ledger = cli_given(args, "ledger");

    if (article && ledger) {
        return cli_fail(
            args, CLI_USAGE, "--article and --ledger are two things: one at a time");
    }
    if (cli_given(args, "source") && !article) {
        return cli_fail(args, CLI_USAGE, "--source goes with --article FILE");
    }
    if (args->operand_count > 0 && !ledger) {
        return cli_fail(args,
                        CLI_USAGE,
                        "\"%s\": a ledger is checked with --ledger, an article with --article; "
                        "settings are named with -c FILE",
                        args->operands[0]);
    }
    return CLI_OK;
}

int cli_check(const struct cli_args *args)
{
    int rc = check_usage(args);

    if (rc) {
        return rc;
    }
    if (cli_given(args, "ledger")) {
        return cli_check_ledger(args);
    }
    return cli_given(args, "article") ? cli_check_article(args) : check_settings(args);
}
