/* base/article: reading JSON with all its faults, writing it back, and what the hashes cover.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/article.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"

#define NOW_MS INT64_C(1795446245678) /* 2026-11-23T15:04:05.678Z */
#define MINIMAL "\"url\":\"https://news.example/a\",\"title\":\"T\""

/* From JSON text; NULL and filled faults when it is refused. */
static struct article *read_text(const char *text, struct article_faults *faults)
{
    struct article *a = NULL;
    struct err why = {0};
    json_t *v = json_loads(text, JSON_DECODE_ANY, NULL);

    enum err_code rc = article_from_json(&a, v, NOW_MS, faults, &why);
    assert_true(rc == ERR_NONE || rc == ERR_INVALID);
    assert_int_equal(a == NULL, rc != ERR_NONE);
    assert_int_equal(rc == ERR_NONE, faults->count == 0);
    json_decref(v);
    return a;
}

static struct article *read_fixture(const char *name)
{
    struct article_faults faults;
    struct article *a = NULL;
    char path[256];
    struct err why = {0};

    (void)snprintf(path, sizeof path, "%s/articles/%s", FIXTURES, name);
    json_t *v = json_load_file(path, 0, NULL);
    if (article_from_json(&a, v, NOW_MS, &faults, &why)) {
        fail_msg("%s: %s", name, why.text);
    }
    json_decref(v);
    return a;
}

static void reads_the_sample_whole(void **state)
{
    struct article *a = read_fixture("breaking-article.json");

    (void)state;
    assert_string_equal(a->id, "post-48211");
    assert_string_equal(
        a->url,
        "https://news.example/world/us-south-korea-japan-criticise-russia-north-korea-ties");
    assert_string_equal(a->title,
                        "US, South Korea and Japan criticise growing Russia–North Korea ties");
    assert_memory_equal(a->summary, "At the margins of the APEC", 26);
    assert_memory_equal(a->body, "<p>The leaders", 14);
    assert_string_equal(a->language, "en");
    assert_int_equal(a->authors.count, 1);
    assert_int_equal(a->categories.count, 3);
    assert_true(strings_has(&a->categories, "breaking"));
    assert_int_equal(a->tags.count, 4);
    assert_string_equal(a->tags.v[2], "한국");
    assert_int_equal(a->urgency, 2);
    assert_int_equal(a->breaking, -1);
    assert_int_equal(a->published_at_ms, 1731766320000);
    assert_int_equal(a->updated_at_ms, 0);
    assert_int_equal(a->not_after_ms, 0);
    assert_false(a->republish);
    assert_int_equal(a->image_count, 1);
    assert_int_equal(a->images[0].width, 1600);
    assert_int_equal(a->images[0].height, 840);
    assert_string_equal(a->images[0].credit, "Pool");
    assert_memory_equal(a->images[0].alt, "Three leaders", 13);
    assert_null(a->video.url);
    article_unref(a);
}

static void reads_full_length_articles_in_many_languages(void **state)
{
    /* clang-format off */
    static const struct { const char *file, *id, *language; size_t authors, images, tags; int breaking; int64_t not_after_ms, video_ms; } rows[] = {
        {"full-german.json", "post-51977", "de-DE", 3, 3, 5, 1, 1795453200000, 74000},
        {"full-japanese.json", "60218", "ja", 3, 3, 5, -1, NOW_MS + 6 * MS_HOUR, 0},
        {"full-arabic.json", "nid:77410", "ar", 2, 3, 4, 1, 0, 0},
    };
    /* clang-format on */
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        static const struct text_rule characters = {.unit = TEXT_CODE_POINTS};
        struct article *a = read_fixture(rows[i].file);

        assert_string_equal(a->id, rows[i].id);
        assert_string_equal(a->language, rows[i].language);
        assert_true(text_measure(&characters, a->body, strlen(a->body)) >= 6000);
        assert_int_equal(a->authors.count, rows[i].authors);
        assert_int_equal(a->image_count, rows[i].images);
        assert_int_equal(a->tags.count, rows[i].tags);
        assert_int_equal(a->breaking, rows[i].breaking);
        assert_int_equal(a->not_after_ms, rows[i].not_after_ms);
        assert_int_equal(a->video.duration_ms, rows[i].video_ms);
        for (size_t j = 0; j < a->image_count; j++) {
            assert_non_null(a->images[j].alt);
        }
        article_unref(a);
    }
}

static void markup_in_title_and_summary_becomes_text(void **state)
{
    struct article_faults faults;
    struct article *a =
        read_text("{\"url\":\"https://news.example/a\","
                  "\"title\":\" Tom &amp; Ana:\\n <em>&#8216;No&#8217;</em> to 5 < 6 \","
                  "\"summary\":\"<p>One.</p><p>Two&nbsp;&hellip;</p>\","
                  "\"body\":\"<p>kept  as given &amp; so</p>\"}",
                  &faults);

    (void)state;
    assert_string_equal(a->title, "Tom & Ana: ‘No’ to 5 < 6");
    assert_string_equal(a->summary, "One. Two …");
    assert_string_equal(a->body, "<p>kept  as given &amp; so</p>");
    article_unref(a);
}

static void takes_the_short_forms(void **state)
{
    struct article_faults faults;
    struct article *a = read_text(
        "{" MINIMAL ",\"id\":9007199254740993,"
        "\"images\":[\"https://news.example/1.jpg\",{\"url\":\"http://news.example/2.jpg\"}],"
        "\"video\":\"https://news.example/v.mp4\",\"authors\":\"Ana\",\"tags\":\"\","
        "\"categories\":[\" World  news \",\"\",\"world news\",\"Latest\"],"
        "\"language\":\"en_US\",\"not_after\":\"1h30m\",\"breaking\":false,"
        "\"summary\":null,\"body\":\"\",\"x_extra\":{},\"x-more\":1,\"republish\":true}",
        &faults);

    (void)state;
    assert_string_equal(a->id, "9007199254740993");
    assert_int_equal(a->image_count, 2);
    assert_string_equal(a->images[0].url, "https://news.example/1.jpg");
    assert_string_equal(a->images[1].url, "http://news.example/2.jpg");
    assert_string_equal(a->video.url, "https://news.example/v.mp4");
    assert_string_equal(a->authors.v[0], "Ana");
    assert_int_equal(a->tags.count, 0);
    assert_int_equal(a->categories.count, 2);
    assert_string_equal(a->categories.v[0], "World news");
    assert_string_equal(a->language, "en-US");
    assert_int_equal(a->not_after_ms, NOW_MS + 90 * MS_MINUTE);
    assert_int_equal(a->breaking, 0);
    assert_null(a->summary);
    assert_null(a->body);
    assert_true(a->republish);
    article_unref(a);
}

static void a_correction_is_true_or_says_what_was_wrong(void **state)
{
    /* clang-format off */
    static const struct { const char *more, *text; bool is, written; } rows[] = {
        {"", NULL, false, false},
        {",\"correction\":false", NULL, false, false},
        {",\"correction\":\"\"", NULL, false, false},
        {",\"correction\":null", NULL, false, false},
        {",\"correction\":true", "", true, true},
        {",\"correction\":\"<b>Two</b> &amp; not three\"", "Two & not three", true, true},
        {",\"tags\":\"correction\"", NULL, true, false},
        {",\"categories\":[\"Correction\"]", NULL, true, false},
    };
    /* clang-format on */

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct article_faults faults;
        char *json = mem_printf("{" MINIMAL "%s}", rows[i].more);
        struct article *a = read_text(json, &faults), *again = NULL;
        struct err why = {.code = ERR_NONE};
        struct buf text;

        assert_int_equal(faults.count, 0);
        assert_int_equal(article_is_correction(a), rows[i].is);
        if (rows[i].text) {
            assert_string_equal(a->correction, rows[i].text);
        } else {
            assert_null(a->correction);
        }
        buf_init(&text, 65536);
        article_write(&text, a);
        assert_int_equal(strstr(buf_str(&text), "\"correction\":") != NULL, rows[i].written);
        assert_int_equal(article_restore(&again, buf_str(&text), text.len, &why), ERR_NONE);
        assert_int_equal(article_is_correction(again), rows[i].is);
        article_unref(again);
        buf_done(&text);
        article_unref(a);
        mem_free(json);
    }
}

struct fault_row {
    const char *json, *where, *what;
};

static void names_place_and_expectation_of_a_fault(void **state)
{
    /* clang-format off */
    static const struct fault_row rows[] = {
        {"[]", "", "expected an object, got array"},
        {"null", "", "expected an object, got null"},
        {"{\"title\":\"T\"}", "/url", "missing"},
        {"{\"title\":\"T\",\"url\":null}", "/url", "missing"},
        {"{\"url\":\"https://news.example/\"}", "/title", "missing"},
        {"{\"url\":\"https://news.example/\",\"title\":\" <p> </p> \"}", "/title", "expected some text, got none"},
        {"{\"url\":\"https://news.example/\",\"title\":7}", "/title", "expected a string, got number"},
        {"{\"title\":\"T\",\"url\":\"/a\"}", "/url", "expected an absolute http or https URL, got \"/a\""},
        {"{\"title\":\"T\",\"url\":\"javascript:x\"}", "/url", "expected an absolute http or https URL, got \"javascript:x\""},
        {"{\"title\":\"T\",\"url\":\"https://u:p@news.example/\"}", "/url", "expected a URL without user name and password"},
        {"{" MINIMAL ",\"id\":1.5}", "/id", "expected a string or an integer, got number"},
        {"{" MINIMAL ",\"id\":\"\"}", "/id", "expected a string or an integer, got an empty string"},
        {"{" MINIMAL ",\"images\":{}}", "/images", "expected a list of images, got object"},
        {"{" MINIMAL ",\"images\":[{\"url\":7}]}", "/images/0/url", "expected an absolute http or https URL, got number"},
        {"{" MINIMAL ",\"images\":[\"https://news.example/1.jpg\",{\"alt\":\"x\"}]}", "/images/1/url", "missing"},
        {"{" MINIMAL ",\"images\":[null]}", "/images/0", "expected a URL or an object with one, got null"},
        {"{" MINIMAL ",\"images\":[\"x\"]}", "/images/0", "expected an absolute http or https URL, got \"x\""},
        {"{" MINIMAL ",\"images\":[{\"url\":\"https://news.example/1.jpg\",\"width\":-1}]}", "/images/0/width", "expected an integer from 0 to 1000000, got -1"},
        {"{" MINIMAL ",\"images\":[{\"url\":\"https://news.example/1.jpg\",\"atl\":\"x\"}]}", "/images/0/atl", "unknown member, did you mean \"alt\"?"},
        {"{" MINIMAL ",\"video\":[]}", "/video", "expected a URL or an object with one, got array"},
        {"{" MINIMAL ",\"video\":{\"title\":\"x\"}}", "/video/url", "missing"},
        {"{" MINIMAL ",\"authors\":{}}", "/authors", "expected a string or a list of strings, got object"},
        {"{" MINIMAL ",\"tags\":[\"a\",1]}", "/tags/1", "expected a string, got number"},
        {"{" MINIMAL ",\"urgency\":0}", "/urgency", "expected an integer from 1 to 9, got 0"},
        {"{" MINIMAL ",\"urgency\":10}", "/urgency", "expected an integer from 1 to 9, got 10"},
        {"{" MINIMAL ",\"urgency\":2.0}", "/urgency", "expected an integer from 1 to 9, got a fraction"},
        {"{" MINIMAL ",\"urgency\":\"2\"}", "/urgency", "expected an integer from 1 to 9, got string"},
        {"{" MINIMAL ",\"breaking\":1}", "/breaking", "expected true or false, got number"},
        {"{" MINIMAL ",\"republish\":\"yes\"}", "/republish", "expected true or false, got string"},
        {"{" MINIMAL ",\"correction\":1}", "/correction", "expected true or a text that says what, got number"},
        {"{" MINIMAL ",\"published_at\":1731766320}", "/published_at", "expected a time like \"2026-11-23T15:04:05Z\" (RFC 3339), got number"},
        {"{" MINIMAL ",\"updated_at\":\"2h\"}", "/updated_at", "expected a time like \"2026-11-23T15:04:05Z\" (RFC 3339), got \"2h\""},
        {"{" MINIMAL ",\"not_after\":\"soon\"}", "/not_after", "expected a time like \"2026-11-23T15:04:05Z\" or a duration like \"2h\", got \"soon\""},
        {"{" MINIMAL ",\"not_after\":\"106751991167d\"}", "/not_after", "expected a time like \"2026-11-23T15:04:05Z\" or a duration like \"2h\", got \"106751991167d\""},
        {"{" MINIMAL ",\"language\":\"english!\"}", "/language", "expected a language tag like \"en\" or \"pt-BR\", got \"english!\""},
        {"{" MINIMAL ",\"language\":\"e\"}", "/language", "expected a language tag like \"en\" or \"pt-BR\", got \"e\""},
        {"{" MINIMAL ",\"language\":\"en-\"}", "/language", "expected a language tag like \"en\" or \"pt-BR\", got \"en-\""},
        {"{" MINIMAL ",\"sumary\":\"x\"}", "/sumary", "unknown member, did you mean \"summary\"?"},
        {"{" MINIMAL ",\"headline\":\"x\"}", "/headline", "unknown member (names that begin with x_ are let through)"},
        {"{" MINIMAL ",\"a/b~c\":\"x\"}", "/a~1b~0c", "unknown member (names that begin with x_ are let through)"},
    };
    /* clang-format on */
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct article_faults faults;
        struct article *a = read_text(rows[i].json, &faults);

        if (a != NULL) {
            fail_msg("accepted %s", rows[i].json);
        }
        assert_string_equal(faults.v[0].where, rows[i].where);
        assert_string_equal(faults.v[0].what, rows[i].what);
        assert_int_equal(faults.count, 1);
    }
}

static void collects_all_faults_up_to_its_bound(void **state)
{
    struct article_faults faults;
    struct err why = {0};
    struct article *a = NULL;
    json_t *v = json_object();

    (void)state;
    a = read_text("{\"title\":1,\"urgency\":\"x\",\"tags\":[1,2],\"nope\":1}", &faults);
    assert_null(a);
    assert_int_equal(faults.count, 6);
    assert_string_equal(faults.v[0].where, "/title");
    assert_string_equal(faults.v[1].where, "/urgency");
    assert_string_equal(faults.v[2].where, "/tags/0");
    assert_string_equal(faults.v[3].where, "/tags/1");
    assert_string_equal(faults.v[4].where, "/url");
    assert_string_equal(faults.v[5].where, "/nope");
    for (int i = 0; i < 40; i++) {
        char key[16];

        (void)snprintf(key, sizeof key, "unknown%d", i);
        json_object_set_new(v, key, json_true());
    }
    assert_int_equal(article_from_json(&a, v, NOW_MS, &faults, &why), ERR_INVALID);
    assert_int_equal(faults.count, ARTICLE_FAULTS_MAX);
    assert_string_equal(why.text, "article: /url: missing (and more)");
    assert_int_equal(article_from_json(&a, v, NOW_MS, NULL, NULL), ERR_INVALID);
    json_decref(v);
}

static void faults_are_cut_between_characters(void **state)
{
    struct article_faults faults;
    char json[400] = "{" MINIMAL ",\"";

    (void)state;
    for (int i = 0; i < 50; i++) {
        size_t len = strlen(json);

        memcpy(json + len, "€", sizeof "€");
    }
    size_t len = strlen(json);
    memcpy(json + len, "\":1}", 5);
    assert_null(read_text(json, &faults));
    assert_int_equal(strlen(faults.v[0].where), 61); /* a slash and 20 of three bytes */
    assert_true(text_valid(faults.v[0].where, strlen(faults.v[0].where)));
    assert_null(read_text("{\"title\":\"T\",\"url\":\"x€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€\"}",
                          &faults));
    assert_true(text_valid(faults.v[0].what, strlen(faults.v[0].what)));
}

/* One member of `len` letters beside the minimal ones. */
static json_t *article_with_long(const char *key, size_t len, bool as_list)
{
    json_t *v = json_loads("{" MINIMAL "}", 0, NULL);
    char *text = mem_alloc(len + 1);

    memset(text, 'a', len);
    text[len] = '\0';
    json_object_set_new(v, key, as_list ? json_pack("[s]", text) : json_string(text));
    mem_free(text);
    return v;
}

static void bounds_the_length_of_everything(void **state)
{
    /* clang-format off */
    static const struct { const char *key; size_t max; bool as_list; const char *where; } rows[] = {
        {"id", ARTICLE_WORD_BYTES, false, "/id"},
        {"title", ARTICLE_TITLE_BYTES, false, "/title"},
        {"summary", ARTICLE_SUMMARY_BYTES, false, "/summary"},
        {"body", ARTICLE_BODY_BYTES, false, "/body"},
        {"tags", ARTICLE_WORD_BYTES, true, "/tags/0"},
        {"authors", ARTICLE_WORD_BYTES, false, "/authors"},
    };
    /* clang-format on */
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        for (size_t over = 0; over < 2; over++) {
            json_t *v = article_with_long(rows[i].key, rows[i].max + over, rows[i].as_list);
            struct article_faults faults;
            struct article *a = NULL;

            assert_int_equal(article_from_json(&a, v, NOW_MS, &faults, NULL),
                             over > 0 ? ERR_INVALID : ERR_NONE);
            if (over > 0) {
                assert_string_equal(faults.v[0].where, rows[i].where);
                assert_non_null(strstr(faults.v[0].what, "bytes long, at most"));
            }
            article_unref(a);
            json_decref(v);
        }
    }
}

static void bounds_the_length_of_lists(void **state)
{
    static const char *const keys[] = {"tags", "authors", "categories", "images"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        for (size_t count = ARTICLE_LIST_MAX; count <= ARTICLE_LIST_MAX + 1; count++) {
            json_t *v = json_loads("{" MINIMAL "}", 0, NULL), *list = json_array();
            struct article_faults faults;
            struct article *a = NULL;

            for (size_t j = 0; j < count; j++) {
                json_array_append_new(list, json_sprintf("https://news.example/%zu", j));
            }
            json_object_set_new(v, keys[i], list);
            assert_int_equal(article_from_json(&a, v, NOW_MS, &faults, NULL),
                             count > ARTICLE_LIST_MAX ? ERR_INVALID : ERR_NONE);
            if (count > ARTICLE_LIST_MAX) {
                assert_string_equal(faults.v[0].what, "101 entries, at most 100 are accepted");
            }
            article_unref(a);
            json_decref(v);
        }
    }
}

static char *json_of(const struct article *a)
{
    struct buf text;

    buf_init(&text, 1 << 20);
    article_write(&text, a);
    return buf_detach(&text, NULL);
}

static void what_was_written_reads_back_the_same(void **state)
{
    static const char *const files[] = {
        "breaking-article.json", "full-german.json", "full-japanese.json", "full-arabic.json"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        struct article_faults faults;
        struct article *a = read_fixture(files[i]);
        char *first = json_of(a);
        struct article *b = read_text(first, &faults);
        char *second = json_of(b);
        uint8_t x[SHA256_BYTES], y[SHA256_BYTES];

        assert_string_equal(first, second);
        article_hash(a, x);
        article_hash(b, y);
        assert_memory_equal(x, y, sizeof x);
        mem_free(first);
        mem_free(second);
        article_unref(a);
        article_unref(b);
    }
}

/* As of the first version: a ledger holds these, and an article that is brought again must be the
 * same article still. */
static void hashes_never_change(void **state)
{
    static const struct {
        const char *file, *hash, *face;
    } rows[] = {
        {"full-german.json",
         "e4d1948305fcd1e0a04c693459195a76098d13dadeb9ffc88666b1c295de0fbc",
         "d9510bbca572b44cdbe5b200078aa080d4c008cf0a88c806a54eff9556b266a2"},
        {"full-japanese.json",
         "5f9b154292dd5910655c7e0afa5bd9af1a36934b728614e7cee58cc11d00a5ff",
         "c45f8bd7255ce3309aa0550dc6e53c6a5f1e15b6652501c438019ce35cfaea16"},
        {"full-arabic.json",
         "54f6effc0026ff2dd7e4db78373deaa795ac9ed17ce881fb44049e7faf2e902f",
         "dbe3776eb6d865de0ea940347ff001b229ed7a0c84d8a3edb16f5dbebc559569"},
        {"flood.json",
         "9b66ee919500055334954f58795216d3b959fc336c180290490acae18dc13c67",
         "0cb440eada43ad9a2ea13ed07fcb65dccd21aab25d278251e212fabad1ac0d11"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct article *a = read_fixture(rows[i].file);
        char hex[SHA256_HEX_BYTES];
        uint8_t hash[SHA256_BYTES];

        article_hash(a, hash);
        assert_string_equal(crypto_hex(hash, sizeof hash, hex), rows[i].hash);
        article_face_hash(a, true, hash);
        assert_string_equal(crypto_hex(hash, sizeof hash, hex), rows[i].face);
        article_unref(a);
    }
}

static void text_that_looks_like_markup_survives_the_ledger(void **state)
{
    struct article_faults faults;
    struct article *a = read_text("{\"url\":\"https://news.example/a\","
                                  "\"title\":\"Use &lt;b&gt;, &amp;amp; and 5 < 6\","
                                  "\"summary\":\"&lt;script&gt;\"}",
                                  &faults);
    struct article *b = NULL;
    char *stored = json_of(a);

    (void)state;
    assert_string_equal(a->title, "Use <b>, &amp; and 5 < 6");
    assert_int_equal(article_restore(&b, stored, strlen(stored), NULL), ERR_NONE);
    assert_string_equal(b->title, a->title);
    assert_string_equal(b->summary, "<script>");
    mem_free(stored);
    article_unref(a);
    article_unref(b);
}

static void what_is_no_stored_article_is_refused(void **state)
{
    static const struct {
        const char *text, *why;
    } rows[] = {
        {"{\"title\":\"T\"}", "article: /url: missing"},
        {"", "line 1, column 0: parse error: premature EOF"},
        {"[]", "article: /: expected an object, got array"},
        {"{\"x\":[[[[[[[[[]]]]]]]]]}", "nested deeper than 8 levels"},
    };
    struct article *a = NULL;
    struct err why = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(article_restore(&a, rows[i].text, strlen(rows[i].text), &why),
                         ERR_INVALID);
        assert_string_equal(why.text, rows[i].why);
        assert_null(a);
    }
}

static void absent_members_stay_absent(void **state)
{
    struct article_faults faults;
    struct article *a = read_text("{" MINIMAL "}", &faults);
    char *text = json_of(a);

    (void)state;
    assert_string_equal(text, "{\"title\":\"T\",\"url\":\"https://news.example/a\"}");
    mem_free(text);
    article_unref(a);
}

static void the_hashes_cover_what_they_promise(void **state)
{
    /* What is added to the minimal article, and whether each hash then differs. */
    /* clang-format off */
    static const struct { const char *more; bool revision, face; } rows[] = {
        {"", false, false},
        {",\"updated_at\":\"2026-11-23T15:04:05Z\"", false, false},
        {",\"republish\":true", false, false},
        {",\"correction\":false", false, false},
        {",\"correction\":\"\"", false, false},
        {",\"correction\":true", true, true},
        {",\"correction\":\"The number was wrong\"", true, true},
        {",\"not_after\":\"2h\"", false, false},
        {",\"x_note\":1", false, false},
        {",\"id\":\"7\"", true, false},
        {",\"body\":\"<p>x</p>\"", true, false},
        {",\"authors\":\"Ana\"", true, false},
        {",\"published_at\":\"2026-11-23T15:04:05Z\"", true, false},
        {",\"urgency\":1", true, false},
        {",\"breaking\":true", true, false}, /* the face takes it as decided */
        {",\"video\":\"https://news.example/v.mp4\"", true, false},
        {",\"summary\":\"S\"", true, true},
        {",\"language\":\"en\"", true, true},
        {",\"images\":[\"https://news.example/1.jpg\"]", true, true},
        {",\"categories\":\"World\"", true, true},
        {",\"tags\":\"x\"", true, true},
    };
    /* clang-format on */
    struct article_faults faults;
    struct article *plain = read_text("{" MINIMAL "}", &faults);
    uint8_t hash[SHA256_BYTES], face[SHA256_BYTES], other[SHA256_BYTES];

    (void)state;
    article_hash(plain, hash);
    article_face_hash(plain, false, face);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char *json = mem_printf("{" MINIMAL "%s}", rows[i].more);
        struct article *a = read_text(json, &faults);

        article_hash(a, other);
        assert_int_equal(memcmp(hash, other, sizeof hash) != 0, rows[i].revision);
        article_face_hash(a, false, other);
        assert_int_equal(memcmp(face, other, sizeof face) != 0, rows[i].face);
        article_unref(a);
        mem_free(json);
    }
    article_face_hash(plain, true, other);
    assert_memory_not_equal(face, other, sizeof face);
    article_unref(plain);
    article_unref(NULL);
}

/* Stays the last one. */
static void leaves_no_memory_alive(void **state)
{
    (void)state;
    assert_int_equal(mem_live_count(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_the_sample_whole),
        cmocka_unit_test(reads_full_length_articles_in_many_languages),
        cmocka_unit_test(markup_in_title_and_summary_becomes_text),
        cmocka_unit_test(takes_the_short_forms),
        cmocka_unit_test(names_place_and_expectation_of_a_fault),
        cmocka_unit_test(collects_all_faults_up_to_its_bound),
        cmocka_unit_test(faults_are_cut_between_characters),
        cmocka_unit_test(bounds_the_length_of_everything),
        cmocka_unit_test(bounds_the_length_of_lists),
        cmocka_unit_test(what_was_written_reads_back_the_same),
        cmocka_unit_test(hashes_never_change),
        cmocka_unit_test(text_that_looks_like_markup_survives_the_ledger),
        cmocka_unit_test(what_is_no_stored_article_is_refused),
        cmocka_unit_test(absent_members_stay_absent),
        cmocka_unit_test(the_hashes_cover_what_they_promise),
        cmocka_unit_test(a_correction_is_true_or_says_what_was_wrong),
        cmocka_unit_test(leaves_no_memory_alive),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
