/* Rules: what matches, how it is explained, how it is printed; and what makes an article
 * breaking. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/json.h"
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
    .published_at_ms = 1800000000000,
};
#define NOW_MS (1800000000000 + 45 * INT64_C(60000) + 300) /* 45 minutes and something later */
static const struct rule_facts facts = {
    .article = &article, .source = "cms", .breaking = true, .now_ms = NOW_MS};

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
    {"{age: 1h}", true, "age 1h (45m)", "{age: 1h}"},
    {"{age: ..1h}", true, "age 1h (45m)", "{age: 1h}"},
    {"{age: 0..1h}", true, "age 1h (45m)", "{age: 1h}"},
    {"{age: 45m}", false, NULL, "{age: 45m}"},
    {"{age: 45m1s}", true, "age 45m1s (45m)", "{age: 45m1s}"},
    {"{age: 45m..}", true, "age 45m.. (45m)", "{age: 45m..}"},
    {"{age: 46m..}", false, NULL, "{age: 46m..}"},
    {"{age: 30m..1h30m}", true, "age 30m..1h30m (45m)", "{age: 30m..1h30m}"},
    {"{age: 1h..2h}", false, NULL, "{age: 1h..2h}"},
    {"{age: 0..}", true, "age 0.. (45m)", "{age: 0..}"},
    {"{not: {age: 10m}}", true, "not {age: 10m}", "{not: {age: 10m}}"},
    {"{marked: true}", true, "marked Breaking", "{marked: true}"},
    {"{marked: no}", false, NULL, "{marked: false}"},
    {"{marked: true, age: 1h, any: [{all: [{tag: a}]}, {not: {any: [{tag: b}, {tag: c}]}}]}",
     true,
     "marked Breaking, age 1h (45m), not {any: [{tag: b}, {tag: c}]}",
     "{marked: true, age: 1h, any: [{all: [{tag: a}]}, {not: {any: [{tag: b}, {tag: c}]}}]}"},
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
        "{age: 30m}",
        "{age: 0..}",
        "{marked: true}",
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

static void words_are_the_same_in_any_case_of_any_script(void **state)
{
    static const struct {
        const char *wanted, *has;
        bool matches;
    } rows[] = {
        {"Срочно", "СРОЧНО", true},
        {"Éclair", "E\u0301CLAIR", true}, /* the accent stands behind its letter */
        {"STRASSE", "Straße", true},
        {"Срочно", "Сроч", false},
        {"Zürich", "Zurich", false},
        {"速報", "速報", true},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char *rule = mem_printf("{category: '%s'}", rows[i].wanted);
        struct config *c = with_rule(rule);
        char *word = mem_strdup(rows[i].has);
        struct article a = {.title = headline, .categories = {&word, 1}};
        const struct rule_facts f = {.article = &a};

        if (rule_matches(c->channels[0].when, &f) != rows[i].matches) {
            fail_msg("%s, %s", rows[i].wanted, rows[i].has);
        }
        mem_free(word);
        mem_free(rule);
        config_unref(c);
    }
}

static void what_is_a_mark(void **state)
{
    static const struct {
        const char *word;
        bool is;
    } rows[] = {
        {"Breaking", true},
        {"breaking news", true},
        {"#breaking", true},
        {"breaking-news", true},
        {"BREAKINGNEWS", true},
        {"+++ EIL +++", true},
        {"Breaking/Eil", true},
        {"News | Eilmeldung", true},
        {"[URGENT]", true},
        {"última HORA", true},
        {"молния", true},
        {"son dakika", true},
        {"SON DAKİKA", true},
        {"έκτακτο", true},
        {"ΕΚΤΑΚΤΟ", true},
        {"عاجل", true},
        {"号外", true},
        {"Breaking Bad", false},
        {"Heartbreaking", false},
        {"News", false},
        {"", false},
        {"#", false},
        {"/", false},
        {"Record-breaking flight over the Atlantic, as told by its pilot and his daughter",
         false},
    };
    struct config *c = with_rule("{marked: true}");

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char *word = mem_strdup(rows[i].word);
        struct article in_tags = {.title = headline, .tags = {&word, 1}};
        struct article in_title = {.title = word};
        const struct rule_facts f = {.article = &in_tags}, g = {.article = &in_title};

        if (rule_matches(c->channels[0].when, &f) != rows[i].is) {
            fail_msg("%s", rows[i].word);
        }
        assert_false(rule_matches(c->channels[0].when, &g)); /* a title alone never */
        mem_free(word);
    }
    config_unref(c);
}

static void a_source_counts_urgency_on_its_own_scale(void **state)
{
    static const char settings[] =
        "breaking:\n- {urgency: 1..2}\n- {urgency: 3}\n- {not: {urgency: 1..9}, tag: x}\n"
        "sources:\n  tt: {type: json, secret: 12345678, urgency_scale: tt}\n"
        "  ap: {type: json, secret: 12345678, urgency_scale: ap}\n"
        "  desk: {type: json, secret: 12345678, urgency_scale: superdesk}\nchannels: {}";
    static const struct {
        const char *source;
        int urgency;
        const char *reason;
    } rows[] = {
        {"api", 2, "rule 1: urgency 1..2 (2)"},
        {"api", 3, "rule 2: urgency 3"},
        {"tt", 1, "rule 1: urgency 1..2 (1, tt 1 Flash)"},
        {"tt", 3, "rule 2: urgency 3 (3, tt 3 Viktigt)"},
        {"tt", 4, ""},
        {"tt", 7, "rule 3: tag x, not {urgency: 1..9}"}, /* no such number on that scale */
        {"ap", 2, "rule 1: urgency 1..2 (2, ap 2 Bulletin)"},
        {"ap", 4, ""},
        {"desk", 2, "rule 1: urgency 1..2 (2, superdesk 2 Urgent)"},
        {"desk", 6, ""},
        {"desk", 9, "rule 3: tag x, not {urgency: 1..9}"},
    };
    struct config *c = read_config(settings);
    char tag[] = "x";
    char *list[] = {tag};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct article a = {
            .title = headline, .tags = {list, 1}, .breaking = -1, .urgency = rows[i].urgency};
        const struct rule_facts f = config_rule_facts(c, &a, rows[i].source, 0);
        struct buf reason;

        buf_init(&reason, 1024);
        assert_int_equal(config_is_breaking(c, &f, &reason), rows[i].reason[0] != '\0');
        assert_string_equal(buf_str(&reason), rows[i].reason);
        assert_int_equal(a.urgency, rows[i].urgency);
        buf_done(&reason);
    }
    config_unref(c);
}

static void a_report_tells_each_member_of_a_rule(void **state)
{
    static const struct {
        const char *rule, *report;
    } rows[] = {
        {"{category: [Sport, World], tag: a}",
         "{\"rule\":\"{category: [Sport, World], tag: a}\",\"matches\":false,\"members\":["
         "{\"member\":\"category\",\"holds\":true,\"wanted\":\"[Sport, World]\","
         "\"has\":\"World, Breaking\"},"
         "{\"member\":\"tag\",\"holds\":false,\"wanted\":\"a\",\"has\":\"Wahl 2026\"}]}"},
        {"{urgency: 1, age: 30m, source: api}",
         "{\"rule\":\"{urgency: 1, source: api, age: 30m}\",\"matches\":false,\"members\":["
         "{\"member\":\"urgency\",\"holds\":false,\"wanted\":\"1\",\"has\":\"2\"},"
         "{\"member\":\"source\",\"holds\":false,\"wanted\":\"api\",\"has\":\"cms\"},"
         "{\"member\":\"age\",\"holds\":false,\"wanted\":\"30m\",\"has\":\"45m\"}]}"},
        {"{marked: true, any: [{not: {language: de}}, {author: x}]}",
         "{\"rule\":\"{marked: true, any: [{not: {language: de}}, {author: "
         "x}]}\",\"matches\":false,"
         "\"members\":["
         "{\"member\":\"marked\",\"holds\":true,\"wanted\":\"true\",\"has\":\"the mark "
         "Breaking\"},"
         "{\"member\":\"any\",\"holds\":false,\"rules\":["
         "{\"rule\":\"{not: {language: de}}\",\"matches\":false,\"members\":["
         "{\"member\":\"not\",\"holds\":false,\"rules\":["
         "{\"rule\":\"{language: de}\",\"matches\":true,\"members\":["
         "{\"member\":\"language\",\"holds\":true,\"wanted\":\"de\",\"has\":\"de-AT\"}]}]}]},"
         "{\"rule\":\"{author: x}\",\"matches\":false,\"members\":["
         "{\"member\":\"author\",\"holds\":false,\"wanted\":\"x\",\"has\":\"Jane Doe\"}]}]}]}"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct config *c = with_rule(rows[i].rule);
        json_t *report = rule_report(c->channels[0].when, &facts);
        struct buf text;

        buf_init(&text, 1 << 16);
        json_write(&text, report);
        assert_string_equal(buf_str(&text), rows[i].report);
        buf_done(&text);
        json_decref(report);
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
        cmocka_unit_test(words_are_the_same_in_any_case_of_any_script),
        cmocka_unit_test(what_is_a_mark),
        cmocka_unit_test(a_source_counts_urgency_on_its_own_scale),
        cmocka_unit_test(a_report_tells_each_member_of_a_rule),
        cmocka_unit_test(what_makes_an_article_breaking),
        cmocka_unit_test(nothing_is_left), /* last */
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
