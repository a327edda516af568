/* The options of a command line, by the rows of the verb and the rows all verbs share. Called
 * by cli.c once per run. Owns the arrays it puts into struct cli_args; the texts stay argv's.
 * Accepts --name VALUE, --name=VALUE, -x VALUE, -xVALUE, and "--" before operands that begin
 * with a dash; options and operands may be mixed. */

#include "service/cli.h"

#include <string.h>

#include "base/mem.h"
#include "base/parse.h"

#define CANDIDATES_MAX 64

const struct cli_option cli_common_options[] = {
    {.name = "config",
     .letter = 'c',
     .value = "FILE",
     .help = "settings file (default ./crier.yaml, then /etc/crier/crier.yaml)"},
    {.name = "json", .help = "print data as JSON"},
    {.name = "server",
     .value = "URL",
     .help = "the service to ask, instead of the one in the settings; its token comes from "
             "CRIER_TOKEN"},
    {.name = "help", .letter = 'h', .help = "show this and stop"},
    {.name = NULL},
};

struct scan {
    struct cli_args *args;
    int argc, at;
    char **argv;
    bool help;
};

static bool applies(const struct cli_args *args, const struct cli_option *o)
{
    if (strcmp(o->name, "json") == 0) {
        return args->verb->has_json;
    }
    if (strcmp(o->name, "server") == 0) {
        return args->verb->is_client;
    }
    return true;
}

static const struct cli_option *
find_in(const struct cli_option *rows, const char *name, size_t len, char letter)
{
    for (const struct cli_option *o = rows; o != NULL && o->name != NULL; o++) {
        if (letter != 0 ? o->letter == letter
                        : strlen(o->name) == len && strncmp(o->name, name, len) == 0) {
            return o;
        }
    }
    return NULL;
}

static const struct cli_option *
find(const struct cli_args *args, const char *name, size_t len, char letter)
{
    const struct cli_option *o = find_in(args->verb->options, name, len, letter);

    if (o == NULL) {
        o = find_in(cli_common_options, name, len, letter);
    }
    return o != NULL && applies(args, o) ? o : NULL;
}

static int unknown(const struct cli_args *args, const char *word, size_t len)
{
    const char *names[CANDIDATES_MAX];
    const struct cli_option *tables[] = {args->verb->options, cli_common_options};
    size_t count = 0;

    for (size_t t = 0; t < ARRAY_LEN(tables); t++) {
        for (const struct cli_option *o = tables[t]; o != NULL && o->name != NULL; o++) {
            if (applies(args, o) && count < CANDIDATES_MAX) {
                names[count++] = o->name;
            }
        }
    }
    char *given = mem_strndup(word, len);
    const char *bare = given + strspn(given, "-");
    const char *close = parse_closest(bare, names, count);
    int rc;
    if (close != NULL) {
        rc = cli_fail(args, CLI_USAGE, "unknown option %s; did you mean --%s?", given, close);
    } else {
        rc = cli_fail(args,
                      CLI_USAGE,
                      "unknown option %s; `crier %s --help` lists them",
                      given,
                      args->verb->name);
    }
    mem_free(given);
    return rc;
}

static void keep(struct cli_args *args, const struct cli_option *o, const char *text)
{
    args->values = mem_realloc(args->values, args->value_count + 1, sizeof args->values[0]);
    args->values[args->value_count++] = (struct cli_value){.option = o, .text = text};
}

static void note(struct scan *s, const struct cli_option *o, const char *text)
{
    if (o == &cli_common_options[0]) {
        s->args->config_path = text;
    } else if (o == &cli_common_options[1]) {
        s->args->json = true;
    } else if (o == &cli_common_options[2]) {
        s->args->server = text;
    } else if (o == &cli_common_options[3]) {
        s->help = true;
    } else {
        keep(s->args, o, text);
    }
}

/* The value of an option: what is glued to it, or the next word. */
static int take_value(struct scan *s, const struct cli_option *o, const char *glued)
{
    if (o->value == NULL) {
        if (glued != NULL) {
            return cli_fail(s->args, CLI_USAGE, "--%s takes no value", o->name);
        }
        note(s, o, NULL);
        return CLI_OK;
    }
    if (glued == NULL && s->at + 1 >= s->argc) {
        return cli_fail(s->args, CLI_USAGE, "--%s wants a value: %s", o->name, o->value);
    }
    note(s, o, glued != NULL ? glued : s->argv[++s->at]);
    return CLI_OK;
}

static int take_option(struct scan *s, const char *word)
{
    if (word[1] != '-') {
        const struct cli_option *o = find(s->args, NULL, 0, word[1]);
        return o == NULL ? unknown(s->args, word, strlen(word))
                         : take_value(s, o, word[2] != '\0' ? word + 2 : NULL);
    }
    const char *equals = strchr(word, '=');
    size_t len = equals != NULL ? (size_t)(equals - word) : strlen(word);
    const struct cli_option *o = find(s->args, word + 2, len - 2, 0);
    return o == NULL ? unknown(s->args, word, len)
                     : take_value(s, o, equals != NULL ? equals + 1 : NULL);
}

static void take_operand(struct cli_args *args, const char *word)
{
    args->operands =
        mem_realloc(args->operands, args->operand_count + 1, sizeof args->operands[0]);
    args->operands[args->operand_count++] = word;
}

static int check_operands(const struct cli_args *args)
{
    if (args->operand_count < args->verb->min_operands) {
        return cli_fail(args,
                        CLI_USAGE,
                        "something is missing; usage: crier %s %s",
                        args->verb->name,
                        args->verb->usage);
    }
    if (args->operand_count > args->verb->max_operands) {
        return cli_fail(args,
                        CLI_USAGE,
                        "\"%s\" is too much; usage: crier %s %s",
                        args->operands[args->verb->max_operands],
                        args->verb->name,
                        args->verb->usage);
    }
    return CLI_OK;
}

int cli_parse(struct cli_args *args, int argc, char **argv, bool *out_help)
{
    struct scan s = {.args = args, .argc = argc, .argv = argv};
    bool only_operands = false;
    int rc = CLI_OK;

    for (; s.at < argc && rc == CLI_OK; s.at++) {
        const char *word = argv[s.at];
        if (only_operands || word[0] != '-' || word[1] == '\0') {
            take_operand(args, word);
        } else if (strcmp(word, "--") == 0) {
            only_operands = true;
        } else {
            rc = take_option(&s, word);
        }
    }
    *out_help = s.help;
    return rc == CLI_OK && !s.help ? check_operands(args) : rc;
}

void cli_args_done(struct cli_args *args)
{
    mem_free(args->values);
    mem_free(args->operands);
    *args = (struct cli_args){0};
}

const char *cli_each(const struct cli_args *args, const char *name, size_t *cursor)
{
    must(find_in(args->verb->options, name, strlen(name), 0) != NULL);
    while (*cursor < args->value_count) {
        const struct cli_value *v = &args->values[(*cursor)++];
        if (strcmp(v->option->name, name) == 0) {
            return v->text != NULL ? v->text : "";
        }
    }
    return NULL;
}

const char *cli_option(const struct cli_args *args, const char *name)
{
    size_t cursor = 0;
    const char *last = NULL;

    for (const char *v; (v = cli_each(args, name, &cursor)) != NULL;) {
        last = v;
    }
    return last;
}

bool cli_given(const struct cli_args *args, const char *name)
{
    return cli_option(args, name) != NULL;
}

bool cli_duration(const struct cli_args *args,
                  const char *name,
                  int64_t fallback_ms,
                  int64_t *out_ms)
{
    const char *text = cli_option(args, name);

    *out_ms = fallback_ms;
    if (text == NULL || parse_duration_ms(text, out_ms)) {
        return true;
    }
    (void)cli_fail(args,
                   CLI_USAGE,
                   "--%s: \"%s\" is no duration; accepted: 500ms, 30s, 5m, 2h, 1d",
                   name,
                   text);
    return false;
}
