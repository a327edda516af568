/* fit.c: the view templates see, and texts fitted to limits. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "adapters/fit.h"
#include "adapters/telegram_internal.h"
#include "base/attr.h"
#include "base/json.h"
#include "base/mem.h"

#define URL "https://news.example/a"

static const struct site_facts site = {
    .name = "Example News", .url = "https://news.example", .language = "en"};

/* An article with everything, and the context around it. */
struct set {
    struct article article;
    struct article_image image;
    char *authors[2], *categories[2], *tags[3];
    struct step_ctx ctx;
};

static void set_up(struct set *s)
{
    memset(s, 0, sizeof *s);
    s->authors[0] = (char *)(uintptr_t) "Ines Lund";
    s->authors[1] = (char *)(uintptr_t) "Tomás Río";
    s->categories[0] = (char *)(uintptr_t) "Breaking";
    s->categories[1] = (char *)(uintptr_t) "World";
    s->tags[0] = (char *)(uintptr_t) "world"; /* a category already, in another case */
    s->tags[1] = (char *)(uintptr_t) "Harbour City";
    s->tags[2] = (char *)(uintptr_t) "2026"; /* digits alone make no hashtag */
    s->image = (struct article_image){.url = (char *)(uintptr_t) "https://news.example/i.jpg",
                                      .alt = (char *)(uintptr_t) "A boat"};
    s->article =
        (struct article){.url = (char *)(uintptr_t) "https://news.example/canonical",
                         .title = (char *)(uintptr_t) "Flood hits harbour city",
                         .summary = (char *)(uintptr_t) "Thousands were told to leave.",
                         .body = (char *)(uintptr_t) "<p>First &amp; last.</p>",
                         .language = (char *)(uintptr_t) "en",
                         .images = &s->image,
                         .image_count = 1,
                         .authors = {s->authors, 2},
                         .categories = {s->categories, 2},
                         .tags = {s->tags, 3},
                         .published_at_ms = INT64_C(1795446001000)};
    s->ctx = (struct step_ctx){.article = &s->article,
                               .site = &site,
                               .channel = "main",
                               .article_id = "art_1",
                               .link = URL,
                               .reason = "category Breaking",
                               .breaking = true,
                               .revision = 2,
                               .course = COURSE_UPDATE};
}

static void strip_nothing(struct buf *out, const char *text, size_t len)
{
    buf_add(out, text, len);
}

/* The template over the set, fitted: yours. NULL: refused with *out_rc. */
static char *fit_with(
    struct set *s, const char *tpl, const struct text_rule *rule, bool html, enum err_code *rc)
{
    struct mustache *m = NULL;
    struct err why = {.code = ERR_NONE};
    struct buf out;

    assert_int_equal(mustache_parse(&m, tpl, &why), 0);
    buf_init(&out, 1 << 20);
    *rc = fit_text(&s->ctx,
                   m,
                   rule,
                   html ? telegram__escape : mustache_escape_none,
                   html ? telegram__strip : NULL,
                   &out,
                   &why);
    mustache_free(m);
    if (*rc) {
        buf_done(&out);
        return NULL;
    }
    char *text = mem_strdup(buf_str(&out));
    buf_done(&out);
    return text;
}

static char *fit(struct set *s, const char *tpl, const struct text_rule *rule)
{
    enum err_code rc;
    char *text = fit_with(s, tpl, rule, false, &rc);

    assert_int_equal(rc, ERR_NONE);
    return text;
}

struct fitted {
    const char *tpl, *want;
};

/* Texts without a limit, of the article as it is. */
static void expect_texts(const struct fitted *rows, size_t count)
{
    static const struct text_rule none = {.name = "text", .unit = TEXT_CODE_POINTS};
    struct set s;

    set_up(&s);
    for (size_t i = 0; i < count; i++) {
        char *text = fit(&s, rows[i].tpl, &none);

        assert_string_equal(text, rows[i].want);
        mem_free(text);
    }
}

static void templates_see_the_article(void **state)
{
    static const struct fitted rows[] = {
        {"{{title}}|{{summary}}|{{url}}|{{canonical_url}}",
         "Flood hits harbour city|Thousands were told to leave.|" URL
         "|https://news.example/canonical"},
        {"{{body_text}}|{{language}}|{{author}}", "First & last.|en|Ines Lund, Tomás Río"},
        {"{{#authors}}<{{.}}>{{/authors}}{{#categories}}({{.}}){{/categories}}",
         "<Ines Lund><Tomás Río>(Breaking)(World)"},
        {"{{#tags}}[{{.}}]{{/tags}}", "[world][Harbour City][2026]"},
        {"{{hashtags}}", "#Breaking #World #HarbourCity"},
        {"{{image}}|{{image_alt}}", "https://news.example/i.jpg|A boat"},
        {"{{site}}|{{site_url}}|{{channel}}|{{id}}",
         "Example News|https://news.example|main|art_1"},
        {"{{#breaking}}B: {{reason}}{{/breaking}}|{{revision}}|{{#update}}U{{/update}}",
         "B: category Breaking|2|U"},
        {"{{published_at}}|{{^correction}}none{{/correction}}", "2026-11-23T15:00:01Z|none"},
    };

    (void)state;
    expect_texts(rows, ARRAY_LEN(rows));
}

static void what_is_missing_is_not_there(void **state)
{
    static const char *const names[] = {"summary",
                                        "body_text",
                                        "language",
                                        "author",
                                        "authors",
                                        "categories",
                                        "tags",
                                        "hashtags",
                                        "image",
                                        "image_alt",
                                        "reason",
                                        "correction",
                                        "published_at"};
    struct set s;
    json_t *view;

    (void)state;
    set_up(&s);
    s.article = (struct article){
        .url = s.article.url, .title = s.article.title, .summary = (char *)(uintptr_t) ""};
    s.ctx.reason = "";
    s.ctx.course = COURSE_PUBLISH;
    view = fit_view(&s.ctx);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (json_object_get(view, names[i])) {
            fail_msg("%s is there", names[i]);
        }
    }
    assert_true(json_is_false(json_object_get(view, "update")));
    json_decref(view);
}

static void a_correction_is_told_by_category_or_tag(void **state)
{
    struct set s;
    json_t *view;

    (void)state;
    set_up(&s);
    s.tags[0] = (char *)(uintptr_t) "correction";
    view = fit_view(&s.ctx);
    assert_true(json_is_true(json_object_get(view, "correction")));
    json_decref(view);
}

static void values_are_shortened_in_their_order(void **state)
{
    /* The whole of TPL is 29 + 23 + 3 line breaks and so on; each limit forces the next value.
     */
    static const char tpl[] = "{{title}}\n{{summary}}\n{{body_text}}\n{{hashtags}}\n{{url}}";
    static const struct {
        size_t max;
        const char *want;
        bool cut;
    } rows[] = {
        {0,
         "Flood hits harbour city\nThousands were told to leave.\nThe dam broke at noon, they "
         "said, "
         "and the water came.\n#Breaking #World #HarbourCity\n" URL,
         false},
        {1000,
         "Flood hits harbour city\nThousands were told to leave.\nThe dam broke at noon, they "
         "said, and the water came.\n#Breaking #World #HarbourCity\n" URL,
         false},
        {140,
         "Flood hits harbour city\nThousands were told to leave.\nThe dam broke at noon, "
         "they said…\n"
         "#Breaking #World #HarbourCity\n" URL,
         true},
        /* Less than a few words of the body say nothing: it goes. */
        {120,
         "Flood hits harbour city\nThousands were told to leave.\n\n"
         "#Breaking #World #HarbourCity\n" URL,
         true},
        {100,
         "Flood hits harbour city\nThousands were told…\n\n#Breaking #World #HarbourCity\n" URL,
         true},
        {80, "Flood hits harbour city\n\n#Breaking #World #HarbourCity\n" URL, true},
        {70, "Flood hits harbour city\n\n#Breaking #World\n" URL, true},
        {62, "Flood hits harbour city\n\n#Breaking\n" URL, true},
        {50, "Flood hits harbour city\n\n" URL, true},
        {40, "Flood hits…\n\n" URL, true},
    };
    struct set s;

    (void)state;
    set_up(&s);
    s.article.body =
        (char *)(uintptr_t) "<p>The dam broke at noon, they said, and the water came.</p>";
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct text_rule rule = {.name = "text", .unit = TEXT_CODE_POINTS, .max = rows[i].max};
        char *text = fit(&s, tpl, &rule);

        if (strcmp(text, rows[i].want) != 0) {
            fail_msg("%zu: want\n%s\ngot\n%s", rows[i].max, rows[i].want, text);
        }
        assert_true(text_fits(&rule, text, strlen(text)));
        assert_int_equal(s.ctx.fit_count, 1);
        assert_int_equal(s.ctx.fits[0].measured, text_measure(&rule, text, strlen(text)));
        assert_int_equal(s.ctx.fits[0].cut, rows[i].cut);
        mem_free(text);
    }
}

static void every_unit_is_filled_as_far_as_it_goes(void **state)
{
    /* Each word is 4 code points, 5 UTF-16 units, 7 bytes, 3 graphemes and a blank. */
    static const struct text_rule rules[] = {
        {.name = "b", .unit = TEXT_BYTES, .max = 100},
        {.name = "c", .unit = TEXT_CODE_POINTS, .max = 60},
        {.name = "u", .unit = TEXT_UTF16, .max = 70},
        {.name = "g", .unit = TEXT_GRAPHEMES, .max = 50},
        {.name = "two", .unit = TEXT_GRAPHEMES, .max = 300, .max_bytes = 100},
        {.name = "link", .unit = TEXT_GRAPHEMES, .max = 60, .link_length = 23},
    };
    struct buf words;
    struct set s;

    (void)state;
    set_up(&s);
    buf_init(&words, 4096);
    for (int i = 0; i < 200; i++) {
        buf_adds(&words, "ae\xcc\x81🌊 "); /* a, e with accent, a wave */
    }
    s.article.summary = words.data;
    for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
        char *text = fit(&s, "{{summary}} {{url}}", &rules[i]);
        size_t measured = text_measure(&rules[i], text, strlen(text));
        size_t max = rules[i].max_bytes ? rules[i].max_bytes : rules[i].max;
        size_t used = rules[i].max_bytes ? strlen(text) : measured;

        assert_true(text_valid(text, strlen(text)));
        assert_non_null(strstr(text, "… " URL));
        if (!text_fits(&rules[i], text, strlen(text)) || used + 12 < max) {
            fail_msg("%s: %zu of %zu: %s", rules[i].name, used, max, text);
        }
        mem_free(text);
    }
    buf_done(&words);
}

static void a_long_body_is_no_long_wait(void **state)
{
    static const struct text_rule rule = {.name = "text", .unit = TEXT_UTF16, .max = 4096};
    size_t words = 100000;
    char *body = mem_alloc(words * 6 + 1);
    struct set s;
    char *text;

    (void)state;
    for (size_t i = 0; i < words; i++) {
        memcpy(body + i * 6, "water ", 6);
    }
    body[words * 6] = '\0';
    set_up(&s);
    s.article.body = body;
    text = fit(&s, "{{title}}\n{{body_text}}\n{{url}}", &rule);
    assert_true(text_fits(&rule, text, strlen(text)));
    assert_true(strlen(text) > 4080);
    assert_non_null(strstr(text, "water…\n" URL));
    mem_free(text);
    mem_free(body);
}

static void markup_does_not_count_and_is_never_cut(void **state)
{
    static const struct text_rule rule = {.name = "caption", .unit = TEXT_UTF16, .max = 60};
    struct set s;
    enum err_code rc;
    char *text;

    (void)state;
    set_up(&s);
    s.article.title = (char *)(uintptr_t) "A & B";
    s.article.summary =
        (char *)(uintptr_t) "\"Never\" <again>, said all & everybody who was there";
    text = fit_with(&s, "<b>{{title}}</b>\n<i>{{summary}}</i>\n{{url}}", &rule, true, &rc);
    assert_int_equal(rc, 0);
    assert_string_equal(
        text, "<b>A &amp; B</b>\n<i>&quot;Never&quot; &lt;again&gt;, said all…</i>\n" URL);
    assert_int_equal(s.ctx.fits[0].measured, 5 + 1 + 26 + 1 + 22);
    mem_free(text);
}

static void the_templates_own_words_are_cut_last(void **state)
{
    static const struct text_rule rule = {.name = "text", .unit = TEXT_CODE_POINTS, .max = 60};
    struct set s;
    enum err_code rc;
    char *text;

    (void)state;
    set_up(&s);
    text =
        fit(&s, "This template has very many words of its own, far too many: {{url}}", &rule);
    assert_string_equal(text, "This template has very many words of…\n" URL);
    mem_free(text);
    /* With markup: what is left is plain and escaped. */
    text =
        fit_with(&s,
                 "<b>This &amp; that has very many words of its own, far too many:</b> {{url}}",
                 &rule,
                 true,
                 &rc);
    assert_int_equal(rc, 0);
    assert_string_equal(text, "This &amp; that has very many words of…\n" URL);
    mem_free(text);
    /* Without the link in it nothing is added. */
    text = fit(
        &s, "This template has very many words of its own, far too many, and no link", &rule);
    assert_string_equal(text, "This template has very many words of its own, far too many…");
    mem_free(text);
}

static void a_url_that_does_not_fit_is_an_error(void **state)
{
    static const struct text_rule rule = {.name = "text", .unit = TEXT_CODE_POINTS, .max = 21};
    static const struct text_rule linked = {
        .name = "text", .unit = TEXT_CODE_POINTS, .max = 21, .link_length = 20};
    struct set s;
    enum err_code rc;
    char *text;

    (void)state;
    set_up(&s);
    assert_null(fit_with(&s, "{{title}} {{url}}", &rule, false, &rc));
    assert_int_equal(rc, ERR_TOO_BIG);
    assert_null(fit_with(&s, "{{url}}", &rule, false, &rc));
    assert_int_equal(rc, ERR_TOO_BIG);
    text = fit_with(&s, "{{url}}", &linked, false, &rc); /* counts for 20 there */
    assert_int_equal(rc, ERR_NONE);
    assert_string_equal(text, URL);
    mem_free(text);
    text = fit(&s, "{{title}}", &rule); /* no URL, no trouble */
    assert_string_equal(text, "Flood hits harbour…");
    mem_free(text);
}

static void empty_lines_are_closed_up(void **state)
{
    static const struct fitted rows[] = {
        {"{{title}}\n\n{{nothing}}\n\n{{url}}", "Flood hits harbour city\n\n" URL},
        {"\n\n{{title}} \n \n\t\n\nx\n\n", "Flood hits harbour city\n\nx"},
        {"  {{title}}\r\n{{url}}  ", "Flood hits harbour city\n" URL},
        {"{{nothing}}", ""},
        {"a\n b  c", "a\n b  c"},
    };

    (void)state;
    expect_texts(rows, ARRAY_LEN(rows));
}

static void plain_text_is_cut_to_its_rule(void **state)
{
    static const struct text_rule words = {.name = "alt", .unit = TEXT_CODE_POINTS, .max = 12};
    static const struct text_rule bytes = {
        .name = "card", .unit = TEXT_GRAPHEMES, .max = 12, .max_bytes = 10};
    static const struct text_rule none = {.name = "all", .unit = TEXT_GRAPHEMES};
    static const struct {
        const struct text_rule *rule;
        const char *text, *want;
        size_t measured;
        bool cut;
    } rows[] = {
        {&words, NULL, "", 0, false},
        {&words, "A boat", "A boat", 6, false},
        {&words, "A boat in the street", "A boat in…", 10, true},
        {&bytes, "éééé", "éééé", 4, false},
        {&bytes, "éé ééé éé", "éé…", 3, true},
        {&none, "A boat in the street", "A boat in the street", 20, false},
    };
    struct set s;
    struct buf out;

    (void)state;
    buf_init(&out, 1024);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        set_up(&s);
        buf_clear(&out);
        buf_adds(&out, "> ");
        fit_plain(&s.ctx, rows[i].rule, rows[i].text, &out);
        assert_string_equal(buf_str(&out) + 2, rows[i].want);
        assert_int_equal(s.ctx.fit_count, 1);
        assert_int_equal(s.ctx.fits[0].measured, rows[i].measured);
        assert_int_equal(s.ctx.fits[0].cut, rows[i].cut);
    }
    buf_done(&out);
}

static void measures_are_noted_once_per_rule(void **state)
{
    struct text_rule rules[FIT_REPORTS_MAX + 1];
    struct set s;
    struct buf out;
    char names[FIT_REPORTS_MAX + 1][2];

    (void)state;
    set_up(&s);
    buf_init(&out, 1024);
    for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
        names[i][0] = (char)('a' + i);
        names[i][1] = '\0';
        rules[i] = (struct text_rule){.name = names[i], .unit = TEXT_BYTES};
        fit_plain(&s.ctx, &rules[i], "one", &out);
        fit_plain(&s.ctx, &rules[i], "three", &out);
    }
    assert_int_equal(s.ctx.fit_count, FIT_REPORTS_MAX); /* one too many is dropped */
    for (size_t i = 0; i < FIT_REPORTS_MAX; i++) {
        assert_int_equal(s.ctx.fits[i].measured, 5);
    }
    buf_done(&out);
}

static void a_text_too_large_for_its_buffer_is_an_error(void **state)
{
    static const struct text_rule none = {.name = "text", .unit = TEXT_BYTES};
    struct mustache *m = NULL;
    struct err why = {.code = ERR_NONE};
    struct set s;
    struct buf out;

    (void)state;
    set_up(&s);
    assert_int_equal(mustache_parse(&m, "{{title}}", &why), 0);
    buf_init(&out, 10);
    assert_int_equal(
        fit_text(&s.ctx, m, &none, mustache_escape_none, strip_nothing, &out, &why),
        ERR_TOO_BIG);
    buf_done(&out);
    mustache_free(m);
}

static void nothing_stays_allocated(void **state)
{
    (void)state;
    assert_int_equal(mem_live_count(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(templates_see_the_article),
        cmocka_unit_test(what_is_missing_is_not_there),
        cmocka_unit_test(a_correction_is_told_by_category_or_tag),
        cmocka_unit_test(values_are_shortened_in_their_order),
        cmocka_unit_test(every_unit_is_filled_as_far_as_it_goes),
        cmocka_unit_test(a_long_body_is_no_long_wait),
        cmocka_unit_test(markup_does_not_count_and_is_never_cut),
        cmocka_unit_test(the_templates_own_words_are_cut_last),
        cmocka_unit_test(a_url_that_does_not_fit_is_an_error),
        cmocka_unit_test(empty_lines_are_closed_up),
        cmocka_unit_test(plain_text_is_cut_to_its_rule),
        cmocka_unit_test(measures_are_noted_once_per_rule),
        cmocka_unit_test(a_text_too_large_for_its_buffer_is_an_error),
        cmocka_unit_test(nothing_stays_allocated),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
