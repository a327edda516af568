/* The pure parts of mastodon_text.c and mastodon_trouble.c: what a server counts, and what its
 * answers say. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "adapters/mastodon_internal.h"
#include "base/mem.h"
#include "base/text.h"

/* Rows as app/validators/status_length_validator.rb has them: graphemes, links 23, mentions
 * without their domain. */
static void characters_are_counted_as_the_server_counts_them(void **state)
{
    static const struct {
        const char *text, *stripped;
        size_t count;
    } rows[] = {
        {"", "", 0},
        {"Flood", "Flood", 5},
        {"@desk", "@desk", 5},
        {"@desk@news.example", "@desk", 5},
        {"Hi @desk@news.example, go", "Hi @desk, go", 12},
        {"@a@b.example @c@d.example", "@a @c", 5},
        {"(@desk@news.example)", "(@desk)", 7},
        {"@desk@news.example.", "@desk.", 6},
        {"@first.last@news.example", "@first.last", 11},
        {"@desk@", "@desk@", 6},
        {"@ @x", "@ @x", 4},
        {"mail desk@news.example now", "mail desk@news.example now", 26},
        {"a/@desk@news.example", "a/@desk@news.example", 20},
        {"x=@desk@news.example", "x=@desk@news.example", 20},
        {"https://news.example/a", "https://news.example/a", 23},
        {"http://a.b", "http://a.b", 23},
        {"see https://news.example/a/very/long/path/that/goes/on/and/on?x=1 now",
         "see https://news.example/a/very/long/path/that/goes/on/and/on?x=1 now",
         31},
        {"https://mastodon.example/@desk@news.example/1 x",
         "https://mastodon.example/@desk@news.example/1 x",
         25},
        {"news.example/a", "news.example/a", 14},
        {"👨‍👩‍👧‍👦", "👨‍👩‍👧‍👦", 1},
        {"é🌊한", "é🌊한", 3},
        {"عاجل", "عاجل", 4},
        {"👩@desk@news.example", "👩@desk@news.example", 19},
    };
    const struct text_rule *rule = &mastodon__limits[MASTODON_LIMIT_TEXT];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf got;

        buf_init(&got, 4096);
        mastodon__strip(&got, rows[i].text, strlen(rows[i].text));
        if (strcmp(buf_str(&got), rows[i].stripped) != 0 ||
            text_measure(rule, buf_str(&got), got.len) != rows[i].count) {
            fail_msg("\"%s\": got \"%s\", %zu",
                     rows[i].text,
                     buf_str(&got),
                     text_measure(rule, buf_str(&got), got.len));
        }
        buf_done(&got);
    }
}

static void the_limit_is_lifted_when_the_header_says(void **state)
{
    static const struct {
        const char *header, *value;
        int64_t ms;
    } rows[] = {
        {"X-RateLimit-Reset", "2026-11-23T16:05:00.000000Z", 3900000},
        {"x-ratelimit-reset", "2026-11-23T15:00:00.500000Z", 1000},
        {"X-RateLimit-Reset", "2026-11-23T17:00:02+02:00", 2000},
        {"X-RateLimit-Reset", "2026-11-23T14:00:00Z", 1000},
        {"X-RateLimit-Reset", "1795449900", 0},
        {"X-RateLimit-Reset", "soon", 0},
        {"Retry-After", "30", 30000},
        {"X-Other", "30", 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct http_response res = {
            .status = 429, .body = "", .now_ms = INT64_C(1795446000000)}; /* 15:00:00Z */
        int64_t got;

        http_headers_add(&res.headers,
                         rows[i].header,
                         strlen(rows[i].header),
                         rows[i].value,
                         strlen(rows[i].value));
        got = mastodon__reset_ms(&res);
        http_headers_done(&res.headers);
        if (got != rows[i].ms) {
            fail_msg("%s: %s: want %lld, got %lld",
                     rows[i].header,
                     rows[i].value,
                     (long long)rows[i].ms,
                     (long long)got);
        }
    }
}

/* An id goes into the path of later requests, so a server cannot choose just anything. */
static void an_id_is_taken_only_when_it_may_stand_in_a_path(void **state)
{
    static const struct {
        const char *entity;
        bool good;
    } rows[] = {
        {"{\"id\":\"103254962155278888\"}", true},
        {"{\"id\":\"01HZX3ABCDEFGHJKMNPQRSTVWX\"}", true},
        {"{\"id\":\"AbC-_9\"}", true},
        {"{\"id\":\"\"}", false},
        {"{\"id\":\"../../oauth/revoke\"}", false},
        {"{\"id\":\"1?x=1\"}", false},
        {"{\"id\":\"1\\r\\nHost: x\"}", false},
        {"{\"id\":103}", false},
        {"{}", false},
        {"[]", false},
    };
    char long_id[200];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        json_t *v = json_loads(rows[i].entity, 0, NULL);

        if ((mastodon__id(v) != NULL) != rows[i].good) {
            fail_msg("%s", rows[i].entity);
        }
        json_decref(v);
    }
    memset(long_id, '1', sizeof long_id);
    long_id[sizeof long_id - 1] = '\0';
    json_t *v = json_pack("{s:s}", "id", long_id);
    assert_null(mastodon__id(v));
    json_decref(v);
    assert_null(mastodon__id(NULL));
}

static void a_status_is_known_by_its_id_or_its_page_on_this_server(void **state)
{
    static const struct {
        const char *remote_id, *link, *id; /* id NULL: they name none */
    } rows[] = {
        {"103", NULL, "103"},
        {"AbC-_9", "https://mastodon.example/@news/104", "AbC-_9"},
        {NULL, "https://mastodon.example/@news/103", "103"},
        {NULL, "https://MASTODON.example/@news/103?x=1#y", "103"},
        {NULL, "https://mastodon.example/users/news/statuses/103", "103"},
        {NULL, "https://mastodon.example/notice/AbC9", "AbC9"},
        {NULL, "https://mastodon.example/web/@news/103", "103"},
        {"https://mastodon.example/@news/103", NULL, "103"},
        {"../103", "https://mastodon.example/@news/103", "103"},
        {NULL, NULL, NULL},
        {"", "", NULL},
        {"1?x=1", NULL, NULL},
        {"103/../../oauth/revoke", NULL, NULL},
        {NULL, "https://mastodon.example/@news", NULL},
        {NULL, "https://mastodon.example/@news/", NULL},
        {NULL, "https://mastodon.example/@news/1%2F3", NULL},
        {NULL, "https://mastodon.example/tags/103", NULL},
        {NULL, "https://mastodon.example/103", NULL},
        {NULL, "https://mastodon.example", NULL},
        {NULL, "https://other.example/@news@mastodon.example/103", NULL},
        {NULL, "https://mastodon.example.other/@news/103", NULL},
    };
    static char instance[] = "https://mastodon.example/";
    const struct mastodon_settings s = {.instance = instance};
    char id[MASTODON_ID_BYTES], long_id[200];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *got = mastodon__status_id(&s, rows[i].remote_id, rows[i].link, id);

        if ((got != NULL) != (rows[i].id != NULL) || (got && strcmp(got, rows[i].id) != 0)) {
            fail_msg("row %zu: got %s", i, got ? got : "none");
        }
    }
    memset(long_id, '1', sizeof long_id);
    long_id[MASTODON_ID_BYTES] = '\0';
    assert_null(mastodon__status_id(&s, long_id, NULL, id));
    long_id[MASTODON_ID_BYTES - 1] = '\0';
    assert_non_null(mastodon__status_id(&s, long_id, NULL, id));
}

static void nothing_stays_allocated(void **state)
{
    (void)state;
    assert_int_equal(mem_live_count(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(characters_are_counted_as_the_server_counts_them),
        cmocka_unit_test(the_limit_is_lifted_when_the_header_says),
        cmocka_unit_test(an_id_is_taken_only_when_it_may_stand_in_a_path),
        cmocka_unit_test(a_status_is_known_by_its_id_or_its_page_on_this_server),
        cmocka_unit_test(nothing_stays_allocated),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
