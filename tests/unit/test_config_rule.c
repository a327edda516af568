/* Rules: what matches, how it is explained, how it is printed; and what makes an article
 * breaking. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/mem.h"
#include "config/config.h"
#include "tests/support/config_types.h"

static struct config *read_config(const char *text)
{
    struct problems problems;
    struct config *c = NULL;
    struct err why = {0};
    enum err_code rc;

    problems_init(&problems);
    rc = config_read(&c, text, strlen(text), "f", &test_types, &problems, &why);
    if (rc) {
        struct buf out;
        buf_init(&out, 1 << 16);
        problem_print(&problems.v[0], &out);
        fail_msg("%s", buf_str(&out));
    }
    problems_done(&problems);
    return c;
}

static struct config *with_rule(const char *rule)
{
    char *text =
        mem_printf("channels:\n  a: {type: webhook, url: http://a.example, when: %s}", rule);
    struct config *c = read_config(text);

    mem_free(text);
    return c;
}

static char world[] = "World", breaking[] = "Breaking", election[] = "Wahl 2026",
            jane[] = "Jane Doe";
static char address[] = "https://news.example/1", headline[] = "URGENT: Storm nears the coast";
static char austrian[] = "de-AT";
static char *categories[] = {world, breaking};
static char *tags[] = {election};
static char *authors[] = {jane};
static struct article article = {
    .url = address,
    .title = headline,
    .language = austrian,
    .categories = {categories, 2},
    .tags = {tags, 1},
    .authors = {authors, 1},
    .urgency = 2,
    .breaking = -1,
};
static const struct rule_facts facts = {.article = &article, .source = "cms", .breaking = true};

static const struct {
    const char *rule;
    bool matches;
    const char *explained, *printed;
} one_article[] = {
    {"{breaking: true}", true, "breaking", "{breaking: true}"},
    {"{breaking: no}", false, NULL, "{breaking: false}"},
    {"{category: breaking}", true, "category breaking", "{category: breaking}"},
    {"{category: [Sport, World]}", true, "category World", "{category: [Sport, World]}"},
    {"{category: Break}", false, NULL, "{category: Break}"},
    {"{tag: wahl 2026}", true, "tag wahl 2026", "{tag: \"wahl 2026\"}"},
    {"{tag: [a, b]}", false, NULL, "{tag: [a, b]}"},
    {"{tag: ['null', 'true', -x, é-ü]}", false, NULL, "{tag: [\"null\", true, \"-x\", é-ü]}"},
    {"{title: [\"a\\nb\", \"a\\u2028b\"]}",
     false,
     NULL,
     "{title: [\"a\\x0ab\", \"a\\u2028b\"]}"},
    {"{tag: '$${HOME}, $$${x} and $'}", false, NULL, "{tag: \"$${HOME}, $$${x} and $\"}"},
    {"{language: de}", true, "language de", "{language: de}"},
    {"{language: DE-at}", true, "language DE-at", "{language: DE-at}"},
    {"{language: de-CH}", false, NULL, "{language: de-CH}"},
    {"{language: d}", false, NULL, "{language: d}"},
    {"{language: de-AT-x}", false, NULL, "{language: de-AT-x}"},
    {"{source: [wire, CMS]}", true, "source CMS", "{source: [wire, CMS]}"},
    {"{source: api}", false, NULL, "{source: api}"},
    {"{author: jane doe}", true, "author jane doe", "{author: \"jane doe\"}"},
    {"{author: Jane}", false, NULL, "{author: Jane}"},
    {"{title: '^(BREAKING|URGENT)'}",
     true,
     "title \"^(BREAKING|URGENT)\"",
     "{title: \"^(BREAKING|URGENT)\"}"},
    {"{title: '^urgent'}", false, NULL, "{title: \"^urgent\"}"},
    {"{title: [x, 'coast$']}", true, "title \"coast$\"", "{title: [x, \"coast$\"]}"},
    {"{title: 'a\\.b'}", false, NULL, "{title: \"a\\\\.b\"}"},
    {"{urgency: 2}", true, "urgency 2", "{urgency: 2}"},
    {"{urgency: 1..3}", true, "urgency 1..3 (2)", "{urgency: 1..3}"},
    {"{urgency: [1, 4..9]}", false, NULL, "{urgency: [1, 4..9]}"},
    {"{urgency: [1, 2..9]}", true, "urgency 2..9 (2)", "{urgency: [1, 2..9]}"},
    {"{not: {tag: sponsored}}", true, "not {tag: sponsored}", "{not: {tag: sponsored}}"},
    {"{not: {category: World}}", false, NULL, "{not: {category: World}}"},
    {"{not: {not: {category: World}}}",
     true,
     "not {not: {category: World}}",
     "{not: {not: {category: World}}}"},
    {"{any: [{tag: a}, {urgency: 1..2, language: de}]}",
     true,
     "urgency 1..2 (2), language de",
     "{any: [{tag: a}, {urgency: 1..2, language: de}]}"},
    {"{any: [{tag: a}, {tag: b}]}", false, NULL, "{any: [{tag: a}, {tag: b}]}"},
    {"{all: [{category: World}, {category: Breaking}]}",
     true,
     "category World, category Breaking",
     "{all: [{category: World}, {category: Breaking}]}"},
    {"{all: [{category: World}, {category: Sport}]}",
     false,
     NULL,
     "{all: [{category: World}, {category: Sport}]}"},
    {"{category: World, language: fr}", false, NULL, "{category: World, language: fr}"},
    {"{breaking: true, category: [World, Politics], language: de, not: {tag: sponsored}}",
     true,
     "breaking, category World, language de, not {tag: sponsored}",
     "{breaking: true, category: [World, Politics], language: de, not: {tag: sponsored}}"},
};

static void rules_over_one_article(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(one_article); i++) {
        struct config *c = with_rule(one_article[i].rule);
        struct config *again;
        const struct rule *rule = c->channels[0].when;
        struct buf out;

        buf_init(&out, 4096);
        if (rule_matches(rule, &facts) != one_article[i].matches) {
            fail_msg("%s: expected to match: %d", one_article[i].rule, one_article[i].matches);
        }
        if (one_article[i].matches) {
            rule_explain(rule, &facts, &out);
            assert_string_equal(buf_str(&out), one_article[i].explained);
        }
        buf_clear(&out);
        rule_print(rule, &out);
        assert_string_equal(buf_str(&out), one_article[i].printed);
        again = with_rule(buf_str(&out)); /* what is printed can be read */
        assert_int_equal(rule_matches(again->channels[0].when, &facts), one_article[i].matches);
        buf_done(&out);
        config_unref(c);
        config_unref(again);
    }
}

static void an_article_that_tells_nothing_matches_nothing_it_is_asked(void **state)
{
    static const char *const rules[] = {
        "{language: de}",
        "{urgency: 1..9}",
        "{category: a}",
        "{source: a}",
        "{author: a}",
    };
    struct article bare = {.url = address, .title = headline, .breaking = -1};
    const struct rule_facts bare_facts = {.article = &bare, .source = NULL, .breaking = false};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
        struct config *c = with_rule(rules[i]);

        assert_false(rule_matches(c->channels[0].when, &bare_facts));
        config_unref(c);
    }
}

static void what_makes_an_article_breaking(void **state)
{
    static const char rules[] =
        "breaking:\n- {category: Sport}\n- {urgency: 1..3}\n- {title: ^URGENT}\n"
        "sources:\n  cms: {type: json, secret: 12345678}\n"
        "  wire: {type: json, secret: 12345678, trusted_breaking: false}\nchannels: {}";
    static const struct {
        int says, urgency;
        const char *title, *source;
        bool breaking;
        const char *reason;
    } rows[] = {
        {1, 0, "a", "cms", true, "the source says so"},
        {1, 0, "a", "api", true, "the source says so"},
        {1, 0, "a", NULL, true, "the source says so"},
        {1, 0, "a", "wire", false, ""},
        {1, 2, "a", "wire", true, "rule 2: urgency 1..3 (2)"},
        {0, 2, "URGENT", "cms", false, ""},
        {0, 2, "URGENT", "wire", true, "rule 2: urgency 1..3 (2)"},
        {-1, 2, "URGENT", "cms", true, "rule 2: urgency 1..3 (2)"},
        {-1, 4, "URGENT", "cms", true, "rule 3: title \"^URGENT\""},
        {-1, 4, "a", "cms", false, ""},
        {-1, 0, "a", "api", false, ""},
    };
    struct config *c = read_config(rules);

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char title[32];
        struct article a = {.url = address,
                            .title = title,
                            .breaking = rows[i].says,
                            .urgency = rows[i].urgency};
        const struct rule_facts f = {.article = &a, .source = rows[i].source};
        struct buf reason;

        memcpy(title, rows[i].title, strlen(rows[i].title) + 1);
        buf_init(&reason, 1024);
        assert_int_equal(config_is_breaking(c, &f, &reason), rows[i].breaking);
        assert_string_equal(buf_str(&reason), rows[i].reason);
        buf_done(&reason);
    }
    config_unref(c);
}

static void nothing_is_left(void **state)
{
    (void)state;
    assert_int_equal(mem_live_count(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_over_one_article),
        cmocka_unit_test(an_article_that_tells_nothing_matches_nothing_it_is_asked),
        cmocka_unit_test(what_makes_an_article_breaking),
        cmocka_unit_test(nothing_is_left), /* last */
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
