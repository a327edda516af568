/* trouble.c: from status to verdict, error tables, what is said of it. And adapter.c's
 * verdicts. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "adapters/trouble.h"
#include "base/attr.h"
#include "base/mem.h"

static const struct step invisible = {.name = "upload"};
static const struct step sending = {.name = "send", .publishes = true};
static const struct step keyed = {.name = "keyed", .publishes = true, .repeatable = true};

static void each_status_has_its_verdict(void **state)
{
    static const struct {
        int status;
        const struct step *step;
        enum verdict_kind kind;
        enum verdict_scope scope;
        int64_t retry_after_ms; /* the answer said 9 seconds */
    } rows[] = {
        {200, &sending, VERDICT_UNKNOWN, SCOPE_POST, 0},
        {204, &keyed, VERDICT_UNKNOWN, SCOPE_POST, 0},
        {200, &invisible, VERDICT_AGAIN, SCOPE_POST, 9000},
        {301, &sending, VERDICT_REJECTED, SCOPE_POST, 0},
        {307, &invisible, VERDICT_REJECTED, SCOPE_POST, 0},
        {400, &sending, VERDICT_REJECTED, SCOPE_POST, 0},
        {401, &sending, VERDICT_BLOCKED, SCOPE_CHANNEL, 0},
        {403, &invisible, VERDICT_BLOCKED, SCOPE_CHANNEL, 0},
        {404, &sending, VERDICT_REJECTED, SCOPE_POST, 0},
        {408, &sending, VERDICT_AGAIN, SCOPE_POST, 9000},
        {410, &sending, VERDICT_REJECTED, SCOPE_POST, 0},
        {422, &sending, VERDICT_REJECTED, SCOPE_POST, 0},
        {425, &sending, VERDICT_AGAIN, SCOPE_POST, 9000},
        {429, &sending, VERDICT_AGAIN, SCOPE_CHANNEL, 9000},
        {499, &sending, VERDICT_REJECTED, SCOPE_POST, 0},
        {500, &sending, VERDICT_UNKNOWN, SCOPE_POST, 0},
        {500, &keyed, VERDICT_AGAIN, SCOPE_POST, 9000},
        {500, &invisible, VERDICT_AGAIN, SCOPE_POST, 9000},
        {502, &sending, VERDICT_UNKNOWN, SCOPE_POST, 0},
        {503, &sending, VERDICT_AGAIN, SCOPE_HOST, 9000},
        {504, &keyed, VERDICT_AGAIN, SCOPE_POST, 9000},
        {599, &invisible, VERDICT_AGAIN, SCOPE_POST, 9000},
        {0, &sending, VERDICT_UNKNOWN, SCOPE_POST, 0},
        {999, &invisible, VERDICT_AGAIN, SCOPE_POST, 9000},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct http_response res = {.status = rows[i].status, .body = "why", .body_len = 3};
        struct verdict v;
        char want[16];

        http_headers_add(&res.headers, "Retry-After", 11, "9", 1);
        v = trouble_from_status(rows[i].step, &res);
        http_headers_done(&res.headers);
        (void)snprintf(want, sizeof want, "%d: why", rows[i].status);
        if (v.kind != rows[i].kind || v.scope != rows[i].scope ||
            v.retry_after_ms != rows[i].retry_after_ms || strcmp(v.detail, want) != 0) {
            fail_msg("%d for %s: got %s, scope %d, %lld ms, \"%s\"",
                     rows[i].status,
                     rows[i].step->name,
                     verdict_name(v.kind),
                     v.scope,
                     (long long)v.retry_after_ms,
                     v.detail);
        }
    }
}

static void a_failed_exchange_is_unknown_only_when_it_may_be_public(void **state)
{
    static const struct {
        enum transport_outcome outcome;
        const struct step *step;
        enum verdict_kind kind;
        enum verdict_scope scope;
        int64_t retry_after_ms;
    } rows[] = {
        {TRANSPORT_NOT_SENT, &sending, VERDICT_AGAIN, SCOPE_HOST, 0},
        {TRANSPORT_NOT_SENT, &keyed, VERDICT_AGAIN, SCOPE_HOST, 0},
        {TRANSPORT_LOST, &sending, VERDICT_UNKNOWN, SCOPE_POST, 0},
        /* The first one may still be worked on: its repeat must not overlap it. */
        {TRANSPORT_LOST, &keyed, VERDICT_AGAIN, SCOPE_POST, 5000},
        {TRANSPORT_LOST, &invisible, VERDICT_AGAIN, SCOPE_POST, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct verdict v = trouble_from_transport(rows[i].step, rows[i].outcome, "reset");

        if (v.kind != rows[i].kind || v.scope != rows[i].scope ||
            v.retry_after_ms != rows[i].retry_after_ms || strcmp(v.detail, "reset") != 0) {
            fail_msg("row %zu: got %s, scope %d, after %lld ms, %s",
                     i,
                     verdict_name(v.kind),
                     v.scope,
                     (long long)v.retry_after_ms,
                     v.detail);
        }
        v = trouble_from_transport(rows[i].step, rows[i].outcome, NULL);
        assert_true(v.detail[0] != '\0');
    }
}

static void the_first_row_that_matches_wins(void **state)
{
    static const struct trouble_row table[] = {
        {.status = 400, .needle = "Too Long", .kind = VERDICT_REJECTED},
        {.status = 400, .needle = "picture", .kind = VERDICT_NEXT, .jump = "text"},
        {.status = 0, .needle = "slow", .kind = VERDICT_AGAIN, .scope = SCOPE_CHANNEL},
        {.status = 403, .kind = VERDICT_BLOCKED, .scope = SCOPE_HOST},
        TROUBLE_END,
    };
    static const struct {
        int status;
        const char *text;
        bool match;
        enum verdict_kind kind;
        int64_t retry_after_ms;
        const char *jump, *detail;
    } rows[] = {
        {400, "it is too long", true, VERDICT_REJECTED, 0, NULL, "400: it is too long"},
        {400, "TOO LONG PICTURE", true, VERDICT_REJECTED, 0, NULL, "400: TOO LONG PICTURE"},
        {400, "Picture!", true, VERDICT_NEXT, 0, "text", "400: Picture!"},
        {400, "else", false, 0, 0, NULL, NULL},
        {400, NULL, false, 0, 0, NULL, NULL},
        {418, "so slow", true, VERDICT_AGAIN, 5000, NULL, "418: so slow"},
        {403, NULL, true, VERDICT_BLOCKED, 0, NULL, "403"},
        {403, "", true, VERDICT_BLOCKED, 0, NULL, "403"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct verdict v;
        bool match = trouble_match(table, rows[i].status, rows[i].text, 5000, &v);

        if (match != rows[i].match) {
            fail_msg("row %zu: match %d", i, match);
        }
        if (!match) {
            continue;
        }
        assert_int_equal(v.kind, rows[i].kind);
        assert_int_equal(v.retry_after_ms, rows[i].retry_after_ms);
        assert_string_equal(v.detail, rows[i].detail);
        assert_true(v.jump == rows[i].jump || strcmp(v.jump, rows[i].jump) == 0);
    }
}

static void what_a_platform_says_is_one_clean_line(void **state)
{
    static const struct {
        const char *text;
        size_t len;
        const char *want;
    } rows[] = {
        {"", 0, ""},
        {NULL, 0, ""},
        {"plain", 5, "plain"},
        {"  two\r\n\t lines  ", 16, "two lines"},
        {"\x1b[31mred\x07", 9, "[31mred"},
        {"bad \xff\xfe byte", 11, "bad ?? byte"},
        {"nul\0byte", 8, "nul?byte"},
        {"größer", 8, "größer"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char out[TROUBLE_EXCERPT_BYTES + 1];

        trouble_excerpt(out, rows[i].text, rows[i].len);
        assert_string_equal(out, rows[i].want);
    }
}

static void a_cut_never_falls_inside_a_character(void **state)
{
    char text[400];
    char out[TROUBLE_EXCERPT_BYTES + 1];

    (void)state;
    for (size_t shift = 0; shift < 4; shift++) {
        memset(text, 'x', sizeof text);
        for (size_t i = shift; i + 4 <= sizeof text; i += 4) {
            memcpy(text + i, "🌊", 4);
        }
        trouble_excerpt(out, text, sizeof text - 4);
        assert_true(text_valid(out, strlen(out)));
        assert_true(strlen(out) > TROUBLE_EXCERPT_BYTES - 4);
        assert_null(strchr(out, '?'));
    }
}

static void a_long_detail_is_cut_and_stays_text(void **state)
{
    char text[600];
    struct verdict v;

    (void)state;
    for (size_t shift = 0; shift < 4; shift++) {
        memset(text, 'x', sizeof text);
        for (size_t i = shift; i + 4 < sizeof text; i += 4) {
            memcpy(text + i, "🌊", 4);
        }
        text[599] = '\0';
        v = verdict_make(VERDICT_REJECTED, SCOPE_POST, 0, "%s", text);
        assert_true(strlen(v.detail) >= VERDICT_DETAIL_BYTES - 4);
        assert_true(text_valid(v.detail, strlen(v.detail)));
    }
}

static void names_of_verdicts_and_courses(void **state)
{
    static const char *const verdicts[] = {
        "next", "done", "again", "unknown", "rejected", "blocked", "absent"};
    static const char *const courses[] = {"publish", "update", "retract", "verify", "test"};
    enum course course = COURSE_TEST;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(verdicts); i++) {
        assert_string_equal(verdict_name((enum verdict_kind)i), verdicts[i]);
    }
    for (size_t i = 0; i < ARRAY_LEN(courses); i++) {
        assert_string_equal(course_name((enum course)i), courses[i]);
        assert_true(course_parse(courses[i], &course));
        assert_int_equal(course, i);
    }
    assert_false(course_parse("Publish", &course));
    assert_false(course_parse("", &course));
}

static void nothing_stays_allocated(void **state)
{
    (void)state;
    assert_int_equal(mem_live_count(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_status_has_its_verdict),
        cmocka_unit_test(a_failed_exchange_is_unknown_only_when_it_may_be_public),
        cmocka_unit_test(the_first_row_that_matches_wins),
        cmocka_unit_test(what_a_platform_says_is_one_clean_line),
        cmocka_unit_test(a_cut_never_falls_inside_a_character),
        cmocka_unit_test(a_long_detail_is_cut_and_stays_text),
        cmocka_unit_test(names_of_verdicts_and_courses),
        cmocka_unit_test(nothing_stays_allocated),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
