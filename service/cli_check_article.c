/* `crier check --article`: what the settings make of an article, rule by rule and member by member.
 * judge.c decides, here it is shown. No network, no ledger. */

#include "service/cli_check.h"

#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "service/cli_print.h"
#include "service/judge.h"

#define SHOWN_BYTES ((size_t)64 * 1024 * 1024)

/* A table of answers: who, the answer, why. Inner rules stand further right. */
struct answers {
    struct table *table;
};

static void add_answer(struct answers *a,
                       const char *who,
                       bool yes,
                       const char *word,
                       size_t depth,
                       const char *why)
{
    table_row(a->table);
    table_cell(a->table, who, TINT_BOLD);
    table_cell(a->table, word, yes ? TINT_GOOD : TINT_DIM);
    table_cellf(a->table, TINT_NONE, "%*s%s", (int)(2 * depth), "", why);
}

static void add_members(struct answers *a, const json_t *rule, size_t depth);

/* What a member that is made of rules asks of them. */
static char *inner_text(const char *member, size_t count)
{
    if (strcmp(member, "not") == 0) {
        return mem_strdup("not: this rule must not match");
    }
    return mem_printf(strcmp(member, "any") == 0 ? "any: one of these %zu must match"
                                                 : "all: these %zu must match",
                      count);
}

static void add_inner(struct answers *a, const json_t *rules, size_t depth)
{
    json_t *rule;
    size_t i;

    json_array_foreach(rules, i, rule)
    {
        bool matches = json_is_true(json_object_get(rule, "matches"));

        add_answer(
            a, NULL, matches, matches ? "yes" : "no", depth, cli_member(rule, "rule", 0));
        add_members(a, rule, depth + 1);
    }
}

static void add_members(struct answers *a, const json_t *rule, size_t depth)
{
    json_t *member;
    size_t i;

    json_array_foreach(json_object_get(rule, "members"), i, member)
    {
        bool holds = json_is_true(json_object_get(member, "holds"));
        const json_t *rules = json_object_get(member, "rules");
        char *text = rules != NULL
                         ? inner_text(cli_member(member, "member", 0), json_array_size(rules))
                         : mem_printf("%s: %s wanted; the article has %s",
                                      cli_member(member, "member", 0),
                                      cli_member(member, "wanted", 1),
                                      cli_member(member, "has", 2));

        add_answer(a, NULL, holds, holds ? "yes" : "no", depth, text);
        mem_free(text);
        add_inner(a, rules, depth + 1);
    }
}

static void add_rules(struct answers *a, const json_t *v)
{
    json_t *rule;
    size_t i;

    json_array_foreach(json_object_get(v, "rules"), i, rule)
    {
        bool matches = json_is_true(json_object_get(rule, "matches"));
        char *who = mem_printf("%s", cli_member(rule, "number", 0));

        add_answer(a, who, matches, matches ? "yes" : "no", 0, cli_member(rule, "rule", 0));
        mem_free(who);
        add_members(a, rule, 1);
    }
}

static void add_channels(struct answers *a, const json_t *v)
{
    json_t *ch;
    size_t i;

    json_array_foreach(json_object_get(v, "channels"), i, ch)
    {
        bool goes = json_is_true(json_object_get(ch, "goes"));

        add_answer(a,
                   cli_member(ch, "channel", 0),
                   goes,
                   goes ? "yes" : "no",
                   0,
                   cli_member(ch, "why", 1));
        add_members(a, json_object_get(ch, "when"), 1);
    }
}

typedef void fill_fn(struct answers *a, const json_t *v);

/* Explanations are never cut to the terminal's width. */
static void print_table(const char *const titles[3], fill_fn *fill, const json_t *v)
{
    struct answers a = {table_new(titles, 3)};
    struct buf text;

    fill(&a, v);
    if (table_rows(a.table) > 0) {
        buf_init(&text, SHOWN_BYTES);
        table_print(a.table, terminal_colours(STDOUT_FILENO), 0, &text);
        (void)printf("\n%s", buf_str(&text));
        buf_done(&text);
    }
    table_free(a.table);
}

static void add_line(struct buf *out, const char *name, const char *text)
{
    buf_addf(out, "%s: ", name);
    terminal_text(out, text, TINT_NONE, false);
    buf_addc(out, '\n');
}

/* What the article itself says, and whether it counts. */
static void add_says(struct buf *out, const json_t *v)
{
    const json_t *says = json_object_get(v, "says");

    if (says == NULL) {
        return;
    }
    buf_addf(out,
             "the article says: breaking: %s, %s\n",
             cli_member(says, "breaking", 0),
             json_is_true(json_object_get(says, "counts"))
                 ? "which counts before any rule"
                 : "which does not count: trusted_breaking is off for this source");
}

static void print_verdict(const json_t *v)
{
    static const char *const rules[] = {"breaking rule", "matches", "why"};
    static const char *const channels[] = {"channel", "goes", "why"};
    bool breaking = json_is_true(json_object_get(v, "breaking"));
    struct buf out;

    buf_init(&out, SHOWN_BYTES);
    add_line(&out, "article", cli_member(v, "title", 0));
    add_line(&out, "source", cli_member(v, "source", 0));
    add_line(&out, "breaking", breaking ? "yes" : "no");
    if (breaking) {
        add_line(&out, "reason", cli_member(v, "reason", 0));
    }
    add_says(&out, v);
    if (json_object_get(v, "recorded_only") != NULL) {
        add_line(&out, "recorded only, not sent", cli_member(v, "recorded_only", 0));
    }
    (void)fputs(buf_str(&out), stdout);
    buf_done(&out);
    print_table(rules, add_rules, v);
    print_table(channels, add_channels, v);
}

static int show(const struct cli_args *args, const struct config *config, const json_t *article)
{
    struct article_faults faults = {.count = 0};
    const char *source = NULL;
    struct err why = {0};
    json_t *v = NULL;
    int rc = cli_source(args, config, &source);

    if (rc) {
        return rc;
    }
    if (judge_article(&v, config, article, source, clock_wall_ms(), &faults, &why)) {
        return cli_say_faults(args, cli_option(args, "article"), &faults, &why);
    }
    if (args->json) {
        cli_print_json(v);
    } else {
        print_verdict(v);
    }
    json_decref(v);
    return CLI_OK;
}

int cli_check_article(const struct cli_args *args)
{
    struct config *config = NULL;
    json_t *article = NULL;
    int rc = cli_read_article(args, cli_option(args, "article"), &article);

    if (rc) {
        return rc;
    }
    config = cli_load_config(args);
    rc = config != NULL ? show(args, config, article) : CLI_FAILED;
    config_unref(config);
    json_decref(article);
    return rc;
}
