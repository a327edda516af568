#ifndef CRIER_SERVICE_CLI_H
#define CRIER_SERVICE_CLI_H

/* The verbs of the command line: a row each in cli.c's table, a file each in cli_*.c. A verb's
 * options are rows too; parsing, --help and the suggestion for a mistyped one are made from
 * them. Exit codes: 0 all well; 1 the thing asked for did not succeed (mistakes found, a
 * delivery failed); 2 wrong usage; 3 the service cannot be reached. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <jansson.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "config/config.h"

enum cli_exit { CLI_OK = 0, CLI_FAILED = 1, CLI_USAGE = 2, CLI_UNREACHABLE = 3 };

struct cli_option {
    const char *name;  /* "timeout", without dashes; NULL ends a table */
    char letter;       /* 'c' for -c; 0: none */
    const char *value; /* "TIME": takes a value, named so in the help; NULL: a switch */
    const char *help;  /* one line */
};

struct cli_value {
    const struct cli_option *option;
    const char *text; /* NULL for a switch */
};

struct cli_verb;
struct cli_args {
    const char *config_path; /* -c; NULL: ./crier.yaml, then /etc/crier/crier.yaml */
    const char *server;      /* --server; NULL: as the settings say */
    bool json;
    const struct cli_verb *verb;
    struct cli_value *values; /* options given, in order */
    size_t value_count;
    const char **operands; /* what is no option, in order */
    size_t operand_count;
};

typedef int cli_verb_fn(const struct cli_args *args);
struct cli_verb {
    const char *name, *usage; /* usage: what follows the name: "FILE [--channel NAME]" */
    const char *help;         /* one line for the list of verbs */
    const char *text;         /* paragraphs of --help */
    const struct cli_option *options; /* NULL: only the common ones */
    size_t min_operands, max_operands;
    bool has_json;
    bool is_client; /* speaks to the running service: takes --server */
    bool is_hidden; /* not for people: no list has it */
    cli_verb_fn *run;
};
extern const struct cli_verb cli_verbs[]; /* ends with a row without name */
int cli_main(int argc, char **argv);

cli_verb_fn cli_serve, cli_check, cli_send, cli_preview, cli_status, cli_replay, cli_channels,
    cli_schema, cli_keys, cli_backup, cli_version, cli_resize, cli_sources, cli_members,
    cli_wave;
/* `crier channels pause|resume NAME…` (cli_pause.c). */
int cli_pause(const struct cli_args *args);
/* Tables of options stand beside the verbs they belong to. */
extern const struct cli_option cli_send_options[], cli_preview_options[], cli_status_options[],
    cli_replay_options[], cli_schema_options[], cli_keys_options[], cli_check_options[],
    cli_backup_options[], cli_resize_options[], cli_sources_options[], cli_members_options[],
    cli_wave_options[];

/* The last value given for an option; NULL when it was not given. name must be in the table. */
const char *cli_option(const struct cli_args *args, const char *name);
bool cli_given(const struct cli_args *args, const char *name);
/* Each value of an option that may be given several times; start with *cursor = 0. */
const char *cli_each(const struct cli_args *args, const char *name, size_t *cursor);
/* A duration; fallback when not given. False (and said on standard error) when it is none. */
MUST_USE bool cli_duration(const struct cli_args *args,
                           const char *name,
                           int64_t fallback_ms,
                           int64_t *out_ms);

/* -c or the default places; NULL (and a message on standard error) when there is none. Static.
 */
const char *cli_config_path(const struct cli_args *args);
/* The settings, or NULL with every mistake said on standard error. config_unref() it. */
struct config *cli_load_config(const struct cli_args *args);
/* From the first on, signals that want the program to end are only noted; the second says whether one has
 * come (cli_backup.c). */
void cli_stop_on_signals(void);
bool cli_stopped(void);
/* Where the ledger is: that file, or, when it is NULL, as the settings say. Yours; NULL, and said, when
 * they cannot be read. */
char *cli_ledger_location(const struct cli_args *args, const char *file);
/* A file, or "-" for standard input, whole. False (and said) when it cannot be read. */
MUST_USE bool cli_read_file(const char *path, struct buf *out);
/* cli_article.c: an article in a file, as JSON; yours. CLI_OK, or another code and said. */
MUST_USE int cli_read_article(const struct cli_args *args, const char *path, json_t **out);
/* Every fault of it, then why; returns CLI_FAILED. */
int cli_say_faults(const struct cli_args *args,
                   const char *path,
                   const struct article_faults *faults,
                   const struct err *why);
/* --source, "api" when it is not given. CLI_OK, or CLI_USAGE and said when there is none of that name. */
MUST_USE int
cli_source(const struct cli_args *args, const struct config *config, const char **out);
/* "crier VERB: text" on standard error; returns the code, for `return cli_fail(…)`. */
int cli_fail(const struct cli_args *args, int code, const char *format, ...) PRINTF_LIKE(3, 4);
void cli_print_help(const struct cli_verb *verb, FILE *out);

/* cli_options.c: fills args from what follows the verb. Returns CLI_OK, or CLI_USAGE and said;
 * *out_help is set when --help was among it. cli_args_done() either way. */
int cli_parse(struct cli_args *args, int argc, char **argv, bool *out_help);
void cli_args_done(struct cli_args *args);
extern const struct cli_option cli_common_options[];

#endif
