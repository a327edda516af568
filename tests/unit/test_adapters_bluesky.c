/* bluesky_tid.c, bluesky_facets.c and the pure parts of bluesky_record.c and bluesky_session.c:
 * record keys, places of links and hashtags in bytes, language tags, lives of tokens. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "adapters/bluesky_internal.h"
#include "base/mem.h"

/* From TID.fromTime() of the reference implementation, and the example of the specification. */
static void a_key_is_the_time_and_the_clock_in_sortable_digits(void **state)
{
    static const struct {
        uint64_t micros;
        unsigned clock_id;
        const char *tid;
    } rows[] = {
        {UINT64_C(1688137381887007), 6, "3jzfcijpj2z2a"},
        {UINT64_C(1795446000000000), 0, "3n2yfgkqb2222"},
        {UINT64_C(1795446000123456), 1023, "3n2yfgktzm2zz"},
        {UINT64_C(1700000000000000), 32, "3ke6kg3wk2232"},
        {UINT64_C(9007199254740991), 31, "bzzzzzzzzzz2z"},
        {0, 0, "2222222222222"},
        {0, 1023, "22222222222zz"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char tid[BLUESKY_TID_BYTES];

        bluesky__tid_encode(rows[i].micros, rows[i].clock_id, tid);
        assert_string_equal(tid, rows[i].tid);
    }
}

static void keys_of_deliveries_are_stable_apart_and_in_order(void **state)
{
    char a[BLUESKY_TID_BYTES], same[BLUESKY_TID_BYTES], other[BLUESKY_TID_BYTES];
    char later[BLUESKY_TID_BYTES];

    (void)state;
    bluesky__tid(INT64_C(1795446000000), "one", a);
    bluesky__tid(INT64_C(1795446000000), "one", same);
    bluesky__tid(INT64_C(1795446000000), "two", other);
    bluesky__tid(INT64_C(1795446000001), "one", later);
    assert_string_equal(a, same);
    assert_string_not_equal(a, other);
    assert_true(strcmp(a, later) < 0);
    /* The first eight digits are 40 bits of it, all above the millisecond. */
    assert_memory_equal(a, "3n2yfgkq", 8);
}

/* Facets as one line: "0-9 #Breaking 10-30 https://…". */
static void describe(struct buf *out, const char *text)
{
    json_t *facets = bluesky__facets(text), *facet;
    size_t i;

    json_array_foreach(facets, i, facet)
    {
        const json_t *index = json_object_get(facet, "index");
        const json_t *feature = json_array_get(json_object_get(facet, "features"), 0);
        const char *tag = json_string_value(json_object_get(feature, "tag"));
        const char *uri = json_string_value(json_object_get(feature, "uri"));

        buf_addf(out,
                 "%s%d-%d %s%s",
                 i ? " " : "",
                 (int)json_integer_value(json_object_get(index, "byteStart")),
                 (int)json_integer_value(json_object_get(index, "byteEnd")),
                 tag ? "#" : "",
                 tag ? tag : uri);
    }
    json_decref(facets);
}

static void links_and_hashtags_are_found_at_their_bytes(void **state)
{
    static const struct {
        const char *about, *text, *facets;
    } rows[] = {
        {"nothing", "Flood hits harbour city", ""},
        {"no text", "", ""},
        {"a tag", "#Flood hits", "0-6 #Flood"},
        {"a tag alone", "#Flood", "0-6 #Flood"},
        {"tags side by side", "#a1 #b", "0-3 #a1 4-6 #b"},
        {"tags glued together are one word and then none", "#a#b", "0-2 #a"},
        {"punctuation ends a tag", "#Flood, #World.", "0-6 #Flood 8-14 #World"},
        {"an underscore does not", "#Harbour_City!", "0-13 #Harbour_City"},
        {"a hyphen does", "#Harbour-City", "0-8 #Harbour"},
        {"digits alone are no tag", "#2026 #5", ""},
        {"digits and letters are", "#2026Flood", "0-10 #2026Flood"},
        {"inside a word it is no tag", "C#Sharp a#b", ""},
        {"nothing behind the sign", "# Flood #", ""},
        {"after a line break", "Flood\n#World", "6-12 #World"},
        {"a link", "see https://news.example/a now", "4-26 https://news.example/a"},
        {"the full stop behind a link is not of it",
         "https://news.example/a.",
         "0-22 https://news.example/a"},
        {"a fragment is no tag",
         "https://news.example/#top #x1",
         "0-25 https://news.example/#top 26-29 #x1"},
        {"no scheme, no link", "news.example/a", ""},
        {"four bytes of an emoji", "🌊 #Flood", "5-11 #Flood"},
        {"a family of emoji is 25 bytes", "👨‍👩‍👧‍👦 #Flood", "26-32 #Flood"},
        {"an emoji ends a tag", "#Flood🌊", "0-6 #Flood"},
        {"Korean and Japanese", "속보 #한국 #日本", "7-14 #한국 15-22 #日本"},
        {"a wide sign, as East Asian keyboards write it", "＃日本 x", "0-9 #日本"},
        {"a wide blank before it", "日本　#地震", "9-16 #地震"},
        {"right to left, with marks",
         "عاجل #فيضان https://news.example/ar",
         "9-20 #فيضان 21-44 https://news.example/ar"},
        {"marks that combine stay in the word", "#café #हिन्दी", "0-6 #café 7-26 #हिन्दी"},
        {"a tag just short enough",
         "#aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
         "0-65 #aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},
        {"a tag too long is plain text",
         "#aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
         ""},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf got;

        buf_init(&got, 65536);
        describe(&got, rows[i].text);
        if (strcmp(buf_str(&got), rows[i].facets) != 0) {
            fail_msg(
                "%s: want \"%s\", got \"%s\"", rows[i].about, rows[i].facets, buf_str(&got));
        }
        buf_done(&got);
    }
}

static void language_tags_are_told_from_words(void **state)
{
    static const struct {
        const char *text;
        bool is;
    } rows[] = {
        {"en", true},
        {"pt-BR", true},
        {"zh-Hant-TW", true},
        {"gsw", true},
        {"es-419", true},
        {"", false},
        {"e", false},
        {"english", false},
        {"en_GB", false},
        {"en-", false},
        {"-en", false},
        {"en--GB", false},
        {"1n", false},
        {"en GB", false},
        {"en-waytoolongsubtag", false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (bluesky__is_language(rows[i].text) != rows[i].is) {
            fail_msg("\"%s\": want %d", rows[i].text, rows[i].is);
        }
    }
}

static void a_token_lives_from_iat_to_exp(void **state)
{
    static const struct {
        const char *about, *token;
        int64_t life_ms;
    } rows[] = {
        /* {"iat":1795445000,"exp":1795452200} */
        {"two hours", "h.eyJpYXQiOjE3OTU0NDUwMDAsImV4cCI6MTc5NTQ1MjIwMH0.s", 7200000},
        /* {"exp":1795452200} */
        {"no begin", "h.eyJleHAiOjE3OTU0NTIyMDB9.s", 0},
        /* {"iat":5,"exp":4} */
        {"an end before the begin", "h.eyJpYXQiOjUsImV4cCI6NH0.s", 0},
        /* {"iat":1,"exp":9223372036854775807} */
        {"for ever is a year",
         "h.eyJpYXQiOjEsImV4cCI6OTIyMzM3MjAzNjg1NDc3NTgwN30.s",
         INT64_C(31622400000)},
        {"no token", "opaque", 0},
        {"one dot", "a.b", 0},
        {"no JSON", "a.YWJj.c", 0},
        {"no base64", "a.!!.c", 0},
        {"", "", 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t got = bluesky__token_life_ms(rows[i].token);

        if (got != rows[i].life_ms) {
            fail_msg("%s: want %lld, got %lld",
                     rows[i].about,
                     (long long)rows[i].life_ms,
                     (long long)got);
        }
    }
}

static void nothing_stays_allocated(void **state)
{
    (void)state;
    assert_int_equal(mem_live_count(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_is_the_time_and_the_clock_in_sortable_digits),
        cmocka_unit_test(keys_of_deliveries_are_stable_apart_and_in_order),
        cmocka_unit_test(links_and_hashtags_are_found_at_their_bytes),
        cmocka_unit_test(language_tags_are_told_from_words),
        cmocka_unit_test(a_token_lives_from_iat_to_exp),
        cmocka_unit_test(nothing_stays_allocated),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
