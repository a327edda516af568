/* The command line: the table of verbs, the options before a verb, help, and what several verbs
 * need (the settings file, reading a file, saying what went wrong). main() calls cli_main() and
 * nothing else. Each verb stands in its own cli_*.c; the options of one are read in
 * cli_options.c. */

#include "service/cli.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/parse.h"
#include "service/crier.h"

#define FILE_BYTES ((size_t)16 * 1024 * 1024)
#define VERBS_MAX 24

/* clang-format off */
const struct cli_verb cli_verbs[] = {
    {.name = "serve", .usage = "", .run = cli_serve,
     .help = "run the service",
     .text = "Runs until SIGTERM or SIGINT, then finishes or gives back what is in flight and ends. SIGHUP\n"
             "reads the settings again: all of them, or, when there is a mistake, none."},
    {.name = "check", .usage = "[--ledger [FILE] | --article FILE [--source NAME]]", .run = cli_check, .has_json = true,
     .max_operands = 1, .options = cli_check_options,
     .help = "check the settings, the ledger, or an article",
     .text = "Prints each mistake of the settings as file:line:col: what: what is accepted. Sends nothing.\n"
             "--ledger looks at the ledger instead, or at a backup FILE of one: pages, references, states that\n"
             "cannot be. A line for each finding: table, row, what is wrong: what to do. Changes nothing; the\n"
             "service may run meanwhile. Exit code 0: nothing was found.\n"
             "--article reads an article as POST /v1/articles takes it and tells whether it is breaking, with the\n"
             "reason as the ledger would keep it, and to which channels it would go: for each rule of `breaking`\n"
             "and each `when`, whether it matches, and for each of its members what is wanted and what is there."},
    {.name = "send", .usage = "[FILE|-] [--title TEXT --url URL ...]", .run = cli_send, .has_json = true,
     .is_client = true, .max_operands = 1, .options = cli_send_options,
     .help = "submit an article and watch it arrive",
     .text = "FILE holds an article as POST /v1/articles takes it (JSON); \"-\" reads it from standard input.\n"
             "Options add to it or replace what it says. Shows a line for each channel that changes state and a\n"
             "table at the end. Exit code 0: every delivery is done."},
    {.name = "preview", .usage = "FILE|- [--channel NAME]", .run = cli_preview, .has_json = true,
     .min_operands = 1, .max_operands = 1, .options = cli_preview_options,
     .help = "show the exact requests an article would cause",
     .text = "For each channel: whether the article goes there, every request with headers and body, and each\n"
             "text's measured length against the platform's limit. Sends nothing; secrets are shown as ***.\n"
             "Steps behind the first rest on sample answers of the platform."},
    {.name = "status", .usage = "[ARTICLE] [--watch]", .run = cli_status, .has_json = true, .is_client = true,
     .max_operands = 1, .options = cli_status_options,
     .help = "show the service's channels, or one article",
     .text = "Without ARTICLE: health of the service and of each channel. With the id of an article: its\n"
             "deliveries and attempts. --watch goes on: on a terminal a screen with the waves as they get on (q ends\n"
             "it), else, and for one article, a line for every change, until interrupted."},
    {.name = "replay", .usage = "DELIVERY... | --channel NAME | --cancel ID... | --resolve ID posted|absent",
     .run = cli_replay, .has_json = true, .is_client = true, .max_operands = 1000, .options = cli_replay_options,
     .help = "send ended deliveries again, cancel or settle them",
     .text = "Replays deliveries that were rejected, expired, cancelled or blocked, or all those of a channel in\n"
             "one state. --cancel gives waiting ones up. --resolve settles an unknown outcome by hand: \"posted\"\n"
             "when the post is there (say where, with --link or --remote-id, so that it can be changed later),\n"
             "\"absent\" when it is not (it is sent again then)."},
    {.name = "wave", .usage = "[list | show [ID] | stop [ID|--all] | confirm [ID|--all] | canary CHANNEL]", .run = cli_wave, .has_json = true,
     .is_client = true, .max_operands = 2, .options = cli_wave_options,
     .help = "show, stop and confirm what goes to audiences",
     .text = "A wave is an article on its way to the members of a channel (browser push, apps, whatsapp). ID is a\n"
             "delivery's or an article's; where there is only one wave that can be meant, none is needed.\n"
             "stop     within a second nothing more leaves; says how many had it already. What has arrived stays:\n"
             "         correct or retract the article for that\n"
             "stop --all  stops everything that goes to audiences and pauses their channels, so that nothing begins\n"
             "         there; crier channels resume NAME goes on\n"
             "confirm  lets one go that waits because it would reach more members than confirm_above\n"
             "canary   a dry run, now: everything but the message itself"},
    {.name = "channels", .usage = "[TYPE | pause NAME... | resume NAME...]", .run = cli_channels, .has_json = true,
     .is_client = true, .max_operands = 100,
     .help = "list types of channels, explain one; pause, resume",
     .text = "With a TYPE: how to set it up, its settings, its limits, and what it can do. pause: nothing goes out\n"
             "on these channels (or groups) of the service until resume; what comes in waits, as long as it is\n"
             "worth anything."},
    {.name = "sources", .usage = "[TYPE | --types | NAME [--poll|--release|--drop]]", .run = cli_sources,
     .has_json = true, .is_client = true, .max_operands = 1, .options = cli_sources_options,
     .help = "show the watched sources, or explain a type of source",
     .text = "Without anything: the feeds and sitemaps that the service looks at, and how they are. With the NAME\n"
             "of one: its details; --poll asks it now, --release sends what was held, --drop never sends it.\n"
             "--types lists the types of sources; with a TYPE: how to set it up, and its settings."},
    {.name = "members", .usage = "CHANNEL [list [--state STATE] | import FILE|- | remove ADDRESS | export | set ADDRESS | gone | back] [--format FORMAT]",
     .run = cli_members, .has_json = true, .is_client = true, .min_operands = 1, .max_operands = 3,
     .options = cli_members_options,
     .help = "show and change who gets a channel's messages",
     .text = "Of a channel that writes to people one by one. import takes one JSON object a line, such as\n"
             "{\"address\": \"+4915112345678\", \"language\": \"de\", \"opted_in_at\": \"2026-11-01T10:00:00Z\",\n"
             "\"source\": \"form on /news\"}; without the proof that they agreed nobody is taken in, and who has\n"
             "stopped since stays out. Lines that cannot be taken in are named, the rest goes on; the same file\n"
             "again changes nothing. With --format also what other senders of push messages give away:\n"
             "web-push (PushSubscription as JSON), onesignal (CSV), firebase (tokens, or JSON with tokens in\n"
             "it); then --consent and --consented-at say where and when those people agreed. export prints all\n"
             "of them, with their state; in another format those who get messages. remove erases one: nothing\n"
             "of the address is kept, not that they ever stopped either. set ADDRESS --test yes makes a test member,\n"
             "who gets tests, and what goes out while the channel is in test mode.\n"
             "gone     whom the audience has lost since TIME: why, at which push service, when; and how many were put\n"
             "         aside because so many went at once\n"
             "back     --since TIME: they are active again, because what the platform answered was wrong; --state\n"
             "         quarantined: only those put aside. With --gone: those put aside are gone indeed"},
    {.name = "schema", .usage = "[--reference]", .run = cli_schema, .options = cli_schema_options,
     .help = "print the JSON Schema of the settings",
     .text = "For editors that check YAML while one types. --reference prints the same as Markdown tables."},
    {.name = "keys", .usage = "token | webhook | vault | vapid [FILE] | sign FILE --secret SECRET | login CHANNEL | show [CHANNEL] | forget CHANNEL",
     .run = cli_keys, .has_json = true,
     .min_operands = 1, .max_operands = 2, .options = cli_keys_options,
     .help = "make secrets, sign a channel in, sign a file",
     .text = "token    a random bearer token for server.token\n"
             "webhook  a random secret for Standard Webhooks (whsec_...)\n"
             "vault    a random key for vault.key, which keeps the tokens of channels\n"
             "vapid    a pair of keys for a channel of browsers (webpush): the private one for its settings, the public one\n"
             "         for pages; of a private key in FILE (- is standard input) only the public one\n"
             "login    signs a channel in: prints the platform's address, waits for the browser to come back, keeps the\n"
             "         token for the service (which may run or not; while it does not, as the user it runs as)\n"
             "show     what is kept of the channels' tokens, and how long it lasts; never a token\n"
             "forget   drops what is kept of a channel's token\n"
             "sign     prints the headers that a CMS would send with FILE as its body, for testing with curl"},
    {.name = "backup", .usage = "FILE [--from LEDGER]", .run = cli_backup, .has_json = true,
     .min_operands = 1, .max_operands = 1, .options = cli_backup_options,
     .help = "copy the ledger to a file, while the service runs",
     .text = "FILE must not be there; it appears when it is whole and on disk. Holds up no delivery. What is\n"
             "copied is the ledger of the settings as it stood when the copy began."},
    {.name = "version", .usage = "", .run = cli_version, .has_json = true,
     .help = "print the version",
     .text = "Of crier and of the libraries it runs on."},
    {.name = "resize", .usage = "--max-bytes N", .run = cli_resize, .is_hidden = true, .options = cli_resize_options,
     .help = "make a picture smaller",
     .text = "A picture from standard input, as a JPEG to standard output. The service runs it for itself."},
    {.name = NULL},
};
/* clang-format on */

int cli_fail(const struct cli_args *args, int code, const char *format, ...)
{
    struct buf text;
    va_list list;
    char line[2048];

    buf_init(&text, sizeof line + 64);
    va_start(list, format);
    (void)vsnprintf(line, sizeof line, format, list);
    va_end(list);
    buf_addf(&text, "crier %s: %s\n", args->verb->name, line);
    (void)fputs(buf_str(&text), stderr);
    buf_done(&text);
    return code;
}

static void print_options(const struct cli_verb *verb, const struct cli_option *rows, FILE *out)
{
    for (const struct cli_option *o = rows; o != NULL && o->name != NULL; o++) {
        char left[48];
        if ((!verb->has_json && strcmp(o->name, "json") == 0) ||
            (!verb->is_client && strcmp(o->name, "server") == 0)) {
            continue;
        }
        (void)snprintf(left,
                       sizeof left,
                       "%s%c%s--%s%s%s",
                       o->letter != 0 ? "-" : " ",
                       o->letter != 0 ? o->letter : ' ',
                       o->letter != 0 ? ", " : "  ",
                       o->name,
                       o->value != NULL ? " " : "",
                       o->value != NULL ? o->value : "");
        (void)fprintf(out, "  %-26s %s\n", left, o->help);
    }
}

void cli_print_help(const struct cli_verb *verb, FILE *out)
{
    (void)fprintf(out,
                  "usage: crier %s%s%s\n\n%s\n\noptions:\n",
                  verb->name,
                  verb->usage[0] != '\0' ? " " : "",
                  verb->usage,
                  verb->text);
    print_options(verb, verb->options, out);
    print_options(verb, cli_common_options, out);
}

static void print_overview(FILE *out)
{
    (void)fputs("crier gets breaking news from a CMS to every channel, once.\n\n"
                "usage: crier [-c FILE] VERB [options]\n\n",
                out);
    for (const struct cli_verb *v = cli_verbs; v->name != NULL; v++) {
        if (!v->is_hidden) {
            (void)fprintf(out, "  %-10s %s\n", v->name, v->help);
        }
    }
    (void)fputs(
        "\n`crier VERB --help` tells more. Settings: -c FILE, default ./crier.yaml, then "
        "/etc/crier/crier.yaml.\n",
        out);
}

static int unknown_verb(const char *word)
{
    const char *names[VERBS_MAX];
    size_t count = 0;

    for (const struct cli_verb *v = cli_verbs; v->name != NULL && count < VERBS_MAX; v++) {
        if (!v->is_hidden) {
            names[count++] = v->name;
        }
    }
    const char *close = parse_closest(word, names, count);
    if (close != NULL) {
        (void)fprintf(
            stderr, "crier: unknown verb \"%s\"; did you mean \"%s\"?\n", word, close);
    } else {
        (void)fprintf(stderr, "crier: unknown verb \"%s\"; `crier --help` lists them\n", word);
    }
    return CLI_USAGE;
}

static const struct cli_verb *find_verb(const char *name)
{
    for (const struct cli_verb *v = cli_verbs; v->name != NULL; v++) {
        if (strcmp(v->name, name) == 0) {
            return v;
        }
    }
    return NULL;
}

static int run_verb(const struct cli_verb *verb, const char *config_path, int argc, char **argv)
{
    struct cli_args args = {.config_path = config_path, .verb = verb};
    bool help = false;
    int rc = CLI_OK;

    must(verb != NULL);
    rc = cli_parse(&args, argc, argv, &help);
    if (rc == CLI_OK && help) {
        cli_print_help(verb, stdout);
    } else if (rc == CLI_OK) {
        rc = verb->run(&args);
    }
    cli_args_done(&args);
    return rc;
}

/* What may stand before the verb: -c FILE (also glued), --help, --version. Returns the place of
 * the verb, or 0 when *out_rc is the answer already. */
static int before_verb(int argc, char **argv, const char **out_config, int *out_rc)
{
    int at = 1;

    *out_rc = CLI_OK;
    for (; at < argc && argv[at][0] == '-'; at++) {
        const char *word = argv[at];
        if ((strcmp(word, "-c") == 0 || strcmp(word, "--config") == 0) && at + 1 < argc) {
            *out_config = argv[++at];
        } else if (strncmp(word, "-c", 2) == 0 && word[2] != '\0') {
            *out_config = word + 2;
        } else if (strncmp(word, "--config=", 9) == 0) {
            *out_config = word + 9;
        } else if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
            print_overview(stdout);
            return 0;
        } else if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0) {
            *out_rc = run_verb(find_verb("version"), NULL, 0, NULL);
            return 0;
        } else {
            (void)fprintf(stderr,
                          "crier: unknown option %s before the verb; accepted there: -c FILE, "
                          "--help, --version\n",
                          word);
            *out_rc = CLI_USAGE;
            return 0;
        }
    }
    return at;
}

static int run_line(int argc, char **argv)
{
    const char *config_path = NULL;
    int rc;
    int at = before_verb(argc, argv, &config_path, &rc);

    if (at == 0) {
        return rc;
    }
    if (at >= argc) {
        print_overview(stderr);
        return CLI_USAGE;
    }
    if (strcmp(argv[at], "help") == 0) {
        const struct cli_verb *about = at + 1 < argc ? find_verb(argv[at + 1]) : NULL;
        if (about != NULL) {
            cli_print_help(about, stdout);
        } else {
            print_overview(stdout);
        }
        return CLI_OK;
    }
    const struct cli_verb *verb = find_verb(argv[at]);
    return verb == NULL ? unknown_verb(argv[at])
                        : run_verb(verb, config_path, argc - at - 1, argv + at + 1);
}

int cli_main(int argc, char **argv)
{
    int rc;

    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        (void)fputs("crier: libcurl could not be started\n", stderr);
        return CLI_FAILED;
    }
    rc = run_line(argc, argv);
    curl_global_cleanup();
    /* A full disk or a closed pipe behind standard output is a failure too. */
    if (fflush(stdout) != 0 && rc == CLI_OK) {
        rc = CLI_FAILED;
    }
    return rc;
}

const char *cli_config_path(const struct cli_args *args)
{
    static const char *const places[] = {"./crier.yaml", "/etc/crier/crier.yaml"};

    if (args->config_path != NULL) {
        return args->config_path;
    }
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        if (access(places[i], F_OK) == 0) {
            return places[i];
        }
    }
    (void)cli_fail(args,
                   CLI_USAGE,
                   "no settings file: neither %s nor %s is there; name one with -c FILE",
                   places[0],
                   places[1]);
    return NULL;
}

struct config *cli_load_config(const struct cli_args *args)
{
    const char *path = cli_config_path(args);
    struct config_types types = crier_config_types();
    struct config *config = NULL;
    struct problems problems;
    struct err why = {0};

    if (path == NULL) {
        return NULL;
    }
    problems_init(&problems);
    if (config_load(&config, path, &types, &problems, &why)) {
        struct buf text;
        buf_init(&text, FILE_BYTES);
        problems_sort(&problems);
        problems_print(&problems, &text);
        (void)fputs(buf_str(&text), stderr);
        buf_done(&text);
        (void)cli_fail(args, CLI_FAILED, "%s", why.text);
        config = NULL;
    }
    problems_done(&problems);
    return config;
}

char *cli_ledger_location(const struct cli_args *args, const char *file)
{
    if (file != NULL) {
        return mem_printf("sqlite:%s", file);
    }
    struct config *config = cli_load_config(args);
    char *location = config != NULL ? mem_strdup(config->ledger.location) : NULL;
    config_unref(config);
    return location;
}

bool cli_read_file(const char *path, struct buf *out)
{
    bool is_stdin = strcmp(path, "-") == 0;
    FILE *in = is_stdin ? stdin : fopen(path, "rbe");
    char chunk[8192];
    size_t got;

    if (in == NULL) {
        (void)fprintf(stderr, "crier: %s: %s\n", path, strerror(errno));
        return false;
    }
    while ((got = fread(chunk, 1, sizeof chunk, in)) > 0 && buf_ok(out)) {
        buf_add(out, chunk, got);
    }
    bool failed = ferror(in) != 0;
    if (!is_stdin) {
        (void)fclose(in);
    }
    if (failed || !buf_ok(out)) {
        char limit[PARSE_TEXT_BYTES];
        (void)fprintf(stderr,
                      "crier: %s: %s%s\n",
                      path,
                      failed ? "cannot be read" : "is larger than ",
                      failed ? "" : format_size((int64_t)out->max, limit));
        return false;
    }
    return true;
}
