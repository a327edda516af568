/* Options of the command line: every way to write them, and which lines are wrong. What is said
 * about wrong ones is read by the integration tests; here it is the exit code. */

#include "service/cli.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"

#define WORDS_MAX 8

static const struct cli_option options[] = {
    {.name = "title", .value = "TEXT", .help = "a text"},
    {.name = "tag", .letter = 't', .value = "WORD", .help = "several"},
    {.name = "quiet", .letter = 'q', .help = "a switch"},
    {.name = "wait", .value = "TIME", .help = "a duration"},
    {.name = NULL},
};
static const struct cli_verb verb = {
    .name = "try",
    .usage = "FILE",
    .help = "for tests",
    .text = "For tests.",
    .options = options,
    .min_operands = 1,
    .max_operands = 2,
    .has_json = true,
};

struct line {
    char *argv[WORDS_MAX];
    int argc;
    struct cli_args args;
    bool help;
};

static int line_init(struct line *l, const char *const *words)
{
    *l = (struct line){.args = {.verb = &verb}};
    while (words[l->argc] != NULL) {
        assert_true(l->argc < WORDS_MAX);
        l->argv[l->argc] = mem_strdup(words[l->argc]);
        l->argc++;
    }
    return cli_parse(&l->args, l->argc, l->argv, &l->help);
}

static void line_done(struct line *l)
{
    cli_args_done(&l->args);
    for (int i = 0; i < l->argc; i++) {
        mem_free(l->argv[i]);
    }
}

static void an_option_may_be_written_in_every_usual_way(void **state)
{
    static const struct {
        const char *words[WORDS_MAX];
        const char *title, *last_tag, *operand, *config;
        bool quiet, json;
    } rows[] = {
        {{"f", NULL}, NULL, NULL, "f", NULL, false, false},
        {{"--title", "a b", "f", NULL}, "a b", NULL, "f", NULL, false, false},
        {{"--title=a=b", "f", NULL}, "a=b", NULL, "f", NULL, false, false},
        {{"--title=", "f", NULL}, "", NULL, "f", NULL, false, false},
        {{"f", "-t", "x", "-ty", "-q", NULL}, NULL, "y", "f", NULL, true, false},
        {{"-c", "a.yaml", "f", "--json", NULL}, NULL, NULL, "f", "a.yaml", false, true},
        {{"-ca.yaml", "f", NULL}, NULL, NULL, "f", "a.yaml", false, false},
        {{"--config=a.yaml", "f", NULL}, NULL, NULL, "f", "a.yaml", false, false},
        {{"-", NULL}, NULL, NULL, "-", NULL, false, false},
        {{"--", "--title", NULL}, NULL, NULL, "--title", NULL, false, false},
        {{"--title", "--json", "f", NULL}, "--json", NULL, "f", NULL, false, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct line l;
        assert_int_equal(line_init(&l, rows[i].words), CLI_OK);
        const char *found[] = {cli_option(&l.args, "title"),
                               cli_option(&l.args, "tag"),
                               l.args.operands[0],
                               l.args.config_path};
        const char *wanted[] = {
            rows[i].title, rows[i].last_tag, rows[i].operand, rows[i].config};
        for (size_t k = 0; k < ARRAY_LEN(found); k++) {
            assert_string_equal(found[k] != NULL ? found[k] : "(none)",
                                wanted[k] != NULL ? wanted[k] : "(none)");
        }
        assert_int_equal(cli_given(&l.args, "quiet"), rows[i].quiet);
        assert_int_equal(l.args.json, rows[i].json);
        line_done(&l);
    }
}

static void wrong_lines_are_refused(void **state)
{
    static const char *const rows[][WORDS_MAX] = {
        {NULL},                      /* no FILE */
        {"a", "b", "c", NULL},       /* one too many */
        {"--titel", "x", "f", NULL}, /* unknown */
        {"-x", "f", NULL},
        {"f", "--title", NULL}, /* no value */
        {"f", "-t", NULL},
        {"--quiet=yes", "f", NULL},   /* takes none */
        {"--server", "x", "f", NULL}, /* not a verb that asks the service */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct line l;
        assert_int_equal(line_init(&l, rows[i]), CLI_USAGE);
        line_done(&l);
    }
}

static void help_is_found_wherever_it_stands_and_needs_no_file(void **state)
{
    static const char *const rows[][WORDS_MAX] = {
        {"--help", NULL}, {"-h", NULL}, {"--title", "x", "--help", NULL}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct line l;
        assert_int_equal(line_init(&l, rows[i]), CLI_OK);
        assert_true(l.help);
        line_done(&l);
    }
}

static void several_values_come_in_their_order(void **state)
{
    const char *const words[] = {"-t", "a", "--tag=b", "f", "--tag", "c", NULL};
    const char *const wanted[] = {"a", "b", "c"};
    struct line l;
    size_t cursor = 0;

    (void)state;
    assert_int_equal(line_init(&l, words), CLI_OK);
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
        assert_string_equal(cli_each(&l.args, "tag", &cursor), wanted[i]);
    }
    assert_null(cli_each(&l.args, "tag", &cursor));
    line_done(&l);
}

static void durations_are_read_or_refused(void **state)
{
    static const struct {
        const char *words[WORDS_MAX];
        bool good;
        int64_t ms;
    } rows[] = {
        {{"f", NULL}, true, 7},
        {{"f", "--wait", "30s", NULL}, true, 30000},
        {{"f", "--wait", "soon", NULL}, false, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct line l;
        int64_t ms = 0;
        assert_int_equal(line_init(&l, rows[i].words), CLI_OK);
        assert_int_equal(cli_duration(&l.args, "wait", 7, &ms), rows[i].good);
        if (rows[i].good) {
            assert_int_equal(ms, rows[i].ms);
        }
        line_done(&l);
    }
}

static void every_verb_is_fully_described(void **state)
{
    (void)state;
    for (const struct cli_verb *v = cli_verbs; v->name != NULL; v++) {
        assert_non_null(v->usage);
        assert_non_null(v->text);
        assert_non_null(v->run);
        assert_true(v->help != NULL && strlen(v->help) < 60);
        assert_true(v->max_operands >= v->min_operands);
    }
}

static void nothing_is_left_in_memory(void **state)
{
    (void)state;
    assert_int_equal(mem_live_count(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_option_may_be_written_in_every_usual_way),
        cmocka_unit_test(wrong_lines_are_refused),
        cmocka_unit_test(help_is_found_wherever_it_stands_and_needs_no_file),
        cmocka_unit_test(several_values_come_in_their_order),
        cmocka_unit_test(durations_are_read_or_refused),
        cmocka_unit_test(every_verb_is_fully_described),
        cmocka_unit_test(nothing_is_left_in_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
