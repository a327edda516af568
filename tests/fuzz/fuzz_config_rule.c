/* Rules over articles, as a settings file has them: the input is the rule, in YAML. One that is read can
 * be printed, and what is printed is read as the same rule: it prints the same and matches the same
 * articles. A rule and its `not` never agree. */

#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "config/rule_internal.h"
#include "config/urgency.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* NULL: it is none. */
static struct rule *read_rule(const char *text, size_t len, struct problems *problems)
{
    struct value_reader r = {.file = "f", .problems = problems};
    struct node *tree = NULL;
    struct rule *rule = NULL;

    if (yaml_read(&tree, text, len, "f", problems) && problems->count == 0) {
        rule = rule__read(&r, tree, "when", false);
    }
    if (problems->count > 0) {
        rule_free(rule);
        rule = NULL;
    }
    node_free(tree);
    return rule;
}

/* A report says the same as the rule. */
static void check_report(const struct rule *rule, const struct rule_facts *facts, bool matched)
{
    json_t *report = rule_report(rule, facts), *member;
    bool all = true;
    size_t i;

    json_array_foreach(json_object_get(report, "members"), i, member)
    {
        all = all && json_is_true(json_object_get(member, "holds"));
    }
    must(all == matched && json_is_true(json_object_get(report, "matches")) == matched);
    json_decref(report);
}

/* Three different articles; the masks of which a rule matches are compared. */
static unsigned matches(const struct rule *rule)
{
    static char world[] = "World", sea[] = "sea", jane[] = "Jane Doe", de[] = "de-AT",
                en[] = "en", breaking[] = "BREAKING: a dam gives way",
                quiet[] = "Gardens in autumn", url[] = "https://news.example/1";
    static char *categories[] = {world}, *tags[] = {sea, world}, *authors[] = {jane};
    static const struct article articles[] = {
        {.title = breaking,
         .url = url,
         .language = de,
         .categories = {categories, 1},
         .authors = {authors, 1},
         .published_at_ms = 1799999000000,
         .urgency = 1,
         .breaking = 1},
        {.title = quiet, .url = url, .language = en, .tags = {tags, 2}, .urgency = 5},
        {.title = quiet, .url = url, .breaking = -1},
    };
    static const char *const sources[] = {"cms", "api", "feed"};
    unsigned mask = 0;
    struct buf out;

    buf_init(&out, 1 << 22);
    for (size_t i = 0; i < ARRAY_LEN(articles); i++) {
        const struct rule_facts facts = {.article = &articles[i],
                                         .source = sources[i],
                                         .breaking = i == 0,
                                         .now_ms = 1800000000000,
                                         .scale = urgency_scale_at((int)i)};

        if (rule_matches(rule, &facts)) {
            rule_explain(rule, &facts, &out);
            mask |= 1u << i;
        }
        check_report(rule, &facts, (mask >> i & 1u) == 1);
    }
    must(buf_ok(&out) && text_valid(buf_str(&out), out.len));
    buf_done(&out);
    return mask;
}

static void check_not(const char *printed, unsigned mask)
{
    char *text = mem_printf("{not: %s}", printed);
    struct problems problems;
    struct rule *opposite;

    problems_init(&problems);
    opposite = read_rule(text, strlen(text), &problems);
    /* It may be nested too deep now. */
    must(opposite != NULL || problems.count > 0);
    must(opposite == NULL || matches(opposite) == (~mask & 7u));
    rule_free(opposite);
    problems_done(&problems);
    mem_free(text);
}

static void check(const struct rule *rule)
{
    struct buf once, twice;
    struct problems problems;
    struct rule *again;

    buf_init(&once, 1 << 22);
    buf_init(&twice, 1 << 22);
    problems_init(&problems);
    rule_print(rule, &once);
    must(buf_ok(&once) && text_valid(buf_str(&once), once.len));
    again = read_rule(buf_str(&once), once.len, &problems);
    must(again != NULL);
    rule_print(again, &twice);
    must(strcmp(buf_str(&once), buf_str(&twice)) == 0);
    must(matches(again) == matches(rule));
    check_not(buf_str(&once), matches(rule));
    rule_free(again);
    problems_done(&problems);
    buf_done(&once);
    buf_done(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct problems problems;
    struct rule *rule;

    if (size > 4096) {
        return 0;
    }
    problems_init(&problems);
    rule = read_rule((const char *)data, size, &problems);
    if (rule != NULL) {
        check(rule);
    } else {
        must(problems.count > 0);
    }
    rule_free(rule);
    problems_done(&problems);
    must(mem_live_count() == 0);
    return 0;
}
