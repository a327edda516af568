/* What the calls of every kind of CMS mean. Each tests/fixtures/hooks/TYPE/NAME.call.json is one call:
 * settings, path behind the source's name, headers, body (or the file that holds it, without the line end at
 * its end), and what must be read from it. WRITE_EXPECTED=1 in the environment writes the expected events
 * anew, to be read before they are kept. What a call says of content must be an article as it is, unless
 * its page has to tell the title. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/article.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/parse.h"
#include "sources/hook.h"
#include "sources/registry.h"
#include "tests/support/call_kit.h"
#include "tests/support/settings_fill.h"

#define NOW_MS INT64_C(1790064000000) /* 2026-09-22T08:00:00Z */

static char *read_dup(const char *path, size_t *out_len)
{
    FILE *f = fopen(path, "rb");
    struct buf text;
    char chunk[4096];
    size_t n;

    if (f == NULL) {
        fail_msg("%s cannot be read", path);
    }
    buf_init(&text, 1 << 24);
    while ((n = fread(chunk, 1, sizeof chunk, f)) > 0) {
        buf_add(&text, chunk, n);
    }
    (void)fclose(f);
    if (text.len > 0 && text.data[text.len - 1] == '\n') {
        buf_truncate(&text, text.len - 1);
    }
    *out_len = text.len;
    return buf_detach(&text, NULL);
}

/* ---- a fixture ---- */

struct fixture {
    const char *path;
    const struct source *source;
    json_t *call;
    struct hook_settings settings;
    struct call_kit kit;
    char *headers, *body;
    size_t body_len;
};

static char *lines_dup(const json_t *pairs, const char *between)
{
    struct buf text;
    const char *key;
    json_t *value, *from = json_pointer(pairs, "");

    buf_init(&text, 1 << 20);
    json_object_foreach(from, key, value)
    {
        buf_addf(&text, "%s%s%s\n", key, between, json_string_value(value));
    }
    return buf_detach(&text, NULL);
}

static void body_load(struct fixture *f)
{
    const json_t *body = json_object_get(f->call, "body");
    const char *file = json_path_str(f->call, "body_file");
    struct buf text;

    if (file != NULL) {
        char *path =
            mem_printf("%.*s/%s", (int)(strrchr(f->path, '/') - f->path), f->path, file);

        f->body = read_dup(path, &f->body_len);
        mem_free(path);
        return;
    }
    buf_init(&text, 1 << 24);
    if (json_is_string(body)) {
        buf_adds(&text, json_string_value(body));
    } else {
        json_write(&text, body);
    }
    f->body = buf_detach(&text, &f->body_len);
}

static const struct source *source_of(const char *path)
{
    const char *end = strrchr(path, '/'), *begin = end;
    char *name;
    const struct source *source;

    while (begin[-1] != '/') {
        begin--;
    }
    name = mem_strndup(begin, (size_t)(end - begin));
    source = source_find(name);
    if (source == NULL) {
        fail_msg("%s: there is no such source", path);
    }
    mem_free(name);
    return source;
}

static void fixture_load(struct fixture *f, const char *path)
{
    struct err why = {0};
    size_t len;
    char *text = read_dup(path, &len);

    *f = (struct fixture){.path = path, .source = source_of(path)};
    if (json_read(&f->call, text, len, 32, &why)) {
        fail_msg("%s: %s", path, why.text);
    }
    mem_free(text);
    if (settings_fill(f->source->settings,
                      &f->settings,
                      sizeof f->settings,
                      json_object_get(f->call, "settings"),
                      &why) ||
        f->source->check(&f->settings, &why)) {
        fail_msg("%s: %s", path, why.text);
    }
    f->headers = lines_dup(json_object_get(f->call, "headers"), ": ");
    f->kit.headers = f->headers;
    body_load(f);
}

static void fixture_done(struct fixture *f)
{
    field_done(f->source->settings, &f->settings);
    call_kit_done(&f->kit);
    json_decref(f->call);
    mem_free(f->headers);
    mem_free(f->body);
}

/* ---- what was read, as JSON ---- */

static json_t *strings_json(const struct strings *s)
{
    json_t *list = json_array();

    for (size_t i = 0; i < s->count; i++) {
        (void)json_array_append_new(list, json_string(s->v[i]));
    }
    return list;
}

static json_t *event_json(const struct source_event *e)
{
    json_t *out = json_object();
    char at[TIME_TEXT_BYTES];

    json_set_str(out, "kind", source_event_name(e->kind));
    json_set_str(out, "why", e->why);
    json_set_str(out, "id", e->id);
    json_set_str(out, "guid", e->guid);
    if (e->ids.count > 0) {
        (void)json_object_set_new(out, "ids", strings_json(&e->ids));
    }
    json_set_str(out, "url", e->url);
    if (e->urls.count > 0) {
        (void)json_object_set_new(out, "urls", strings_json(&e->urls));
    }
    json_set_str(out, "at", e->at_ms != 0 ? time_rfc3339(e->at_ms, at) : NULL);
    json_set_str(out, "key", e->key);
    if (e->article != NULL) {
        (void)json_object_set(out, "article", e->article);
    }
    return out;
}

/* Nothing that a map makes may be refused. */
static void check_article(const char *path, const struct source_event *e)
{
    struct article_faults faults = {0};
    struct article *a = NULL;
    json_t *whole = json_copy(e->article);

    if (json_object_get(whole, "title") == NULL) {
        json_set_str(whole, "title", "from the page");
    }
    if (json_object_get(whole, "url") == NULL) {
        json_set_str(whole, "url", "https://news.example/not-told");
    }
    if (article_from_json(&a, whole, NOW_MS, &faults, NULL)) {
        fail_msg("%s: %s: %s", path, faults.v[0].where, faults.v[0].what);
    }
    article_unref(a);
    json_decref(whole);
}

static json_t *read_call(struct fixture *f)
{
    struct source_call call = call_kit_call(&f->kit, f->body, f->body_len, NOW_MS);
    struct source_events events = {0};
    struct err why = {0};
    json_t *found = json_array();

    call.rest = json_path_str(f->call, "path");
    if (source_read(f->source, &f->settings, &call, &events, &why)) {
        assert_int_equal(events.count, 0);
        (void)json_array_append_new(found, json_string(why.text));
    }
    for (size_t i = 0; i < events.count; i++) {
        (void)json_array_append_new(found, event_json(&events.v[i]));
        if (events.v[i].article != NULL &&
            (f->source != source_find("json") || !map_is_empty(&f->settings.map))) {
            check_article(f->path, &events.v[i]);
        }
    }
    source_events_done(&events);
    return found;
}

static void write_expected(const struct fixture *f, json_t *found)
{
    struct buf text;
    FILE *file = fopen(f->path, "wb");

    assert_non_null(file);
    (void)json_object_set(f->call, "expected", found);
    buf_init(&text, 1 << 24);
    json_write_pretty(&text, f->call);
    (void)fprintf(file, "%s\n", buf_str(&text));
    (void)fclose(file);
    buf_done(&text);
}

static void check_fixture(const char *path)
{
    struct fixture f;
    struct buf shown;
    json_t *found;

    fixture_load(&f, path);
    found = read_call(&f);
    if (getenv("WRITE_EXPECTED") != NULL) {
        write_expected(&f, found);
    } else if (!json_equal(found, json_object_get(f.call, "expected"))) {
        buf_init(&shown, 1 << 24);
        json_write_pretty(&shown, found);
        fail_msg("%s\n%s", path, buf_str(&shown));
    }
    json_decref(found);
    fixture_done(&f);
}

static void every_call_means_what_stands_beside_it(void **state)
{
    glob_t found;

    (void)state;
    assert_int_equal(glob(FIXTURES "/hooks/*/*.call.json", 0, NULL, &found), 0);
    assert_true(found.gl_pathc >= 60);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        check_fixture(found.gl_pathv[i]);
    }
    globfree(&found);
}

/* ---- as a real one sent it ---- */

/* A recording of a real Ghost: every call is signed as we check it, and means what happened. */
static void what_a_real_ghost_sent_is_read(void **state)
{
    static const enum source_event_kind want[] = {EVENT_PUBLISHED,
                                                  EVENT_UPDATED,
                                                  EVENT_DRAFTED,
                                                  EVENT_PUBLISHED,
                                                  EVENT_DELETED,
                                                  EVENT_DELETED};
    const struct source *s = source_find("ghost");
    struct secret secret = {0}, none = {0};
    const struct hook_secrets secrets = {&secret, &none};
    struct hook_settings settings;
    json_t *file = NULL, *calls;
    size_t len;
    char *text = read_dup(FIXTURES "/hooks/ghost/recorded.json", &len);

    (void)state;
    assert_int_equal(json_read(&file, text, len, 32, NULL), ERR_NONE);
    assert_int_equal(settings_fill(s->settings, &settings, sizeof settings, NULL, NULL),
                     ERR_NONE);
    secret_take(&secret, mem_strdup(json_path_str(file, "secret")));
    calls = json_object_get(file, "calls");
    assert_int_equal(json_array_size(calls), ARRAY_LEN(want));
    for (size_t i = 0; i < ARRAY_LEN(want); i++) {
        const json_t *one = json_array_get(calls, i);
        const char *body = json_path_str(one, "body");
        const char *signature =
            json_path_str(json_object_get(one, "headers"), "x-ghost-signature");
        char *headers = lines_dup(json_object_get(one, "headers"), ": ");
        struct call_kit kit = {.headers = headers};
        struct source_call call = call_kit_call(&kit, body, strlen(body), 0);
        struct source_events events = {0};

        assert_true(parse_i64(strstr(signature, "t=") + 2, &call.now_ms));
        assert_int_equal(hook_check_call(s, &settings, &secrets, &call), SIGN_GOOD);
        assert_int_equal(source_read(s, &settings, &call, &events, NULL), ERR_NONE);
        assert_int_equal(events.count, 1);
        assert_int_equal(events.v[0].kind, want[i]);
        assert_string_equal(events.v[0].id, "6b09445c7fa7856f6677135e");
        assert_true((events.v[0].article != NULL) == (events.v[0].url != NULL));
        if (events.v[0].article != NULL) {
            check_article("recorded.json", &events.v[0]);
            assert_true(json_is_true(json_object_get(events.v[0].article, "breaking")));
        }
        source_events_done(&events);
        call_kit_done(&kit);
        mem_free(headers);
    }
    field_done(s->settings, &settings);
    secret_done(&secret);
    json_decref(file);
    mem_free(text);
}

/* ---- the tables ---- */

static void every_kind_that_is_called_is_whole(void **state)
{
    size_t count;
    const struct source *const *all = sources_all(&count);

    (void)state;
    for (size_t i = 0; i < count; i++) {
        const struct source *s = all[i];
        const struct field *f = s->settings;

        if (!s->called) {
            continue;
        }
        print_message("%s\n", s->name);
        assert_true((s->read != NULL) != (s->cms != NULL));
        assert_non_null(s->setup);
        assert_non_null(s->check);
        assert_int_equal(s->settings_size, sizeof(struct hook_settings));
        while (strcmp(f->key, "signature") != 0) {
            f++;
        }
        for (size_t k = 0; f->choices[k] != NULL || s->schemes[k] != NULL; k++) {
            assert_string_equal(f->choices[k], s->schemes[k]->name);
        }
        for (const char *line = s->setup; *line != '\0'; line += strcspn(line, "\n") + 1) {
            assert_true(strcspn(line, "\n") <= 100);
        }
    }
}

/* ---- settings that do not go together ---- */

static void a_setting_that_means_nothing_is_told(void **state)
{
    static const struct {
        const char *type, *settings, *why;
    } rows[] = {
        {"strapi",
         "{\"url\": \"news.example/{{slug}}\"}",
         "url: must begin with https://, such as https://news.example/{{slug}}"},
        {"strapi", "{\"url\": \"https://news.example/{{slug}\"}", "url: 1:22: "},
        {"json",
         "{\"map\": {\"title\": \"headline\"}}",
         "map.title: a place is a JSON Pointer such as /title or /tags/*/name, at most 200 "
         "bytes"},
        {"json",
         "{\"map\": {\"event\": \"/e\"}, \"events\": {\"live\": \"publish\"}}",
         "events.live: means published, updated, "},
        {"json",
         "{\"events\": {\"live\": \"published\"}}",
         "events: does nothing without `map`"},
        {"json",
         "{\"url\": \"https://news.example/{{slug}}\"}",
         "url: does nothing without `map`"},
        {"json", "{\"signature\": \"hmac\"}", "hmac.header: is needed with signature: hmac"},
        {"drupal", "{}", "base: is needed, "},
        {"drupal",
         "{\"base\": \"https://news.example\", \"signature\": \"hmac\"}",
         "hmac.header: is needed with signature: hmac"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct source *s = source_find(rows[i].type);
        struct hook_settings settings;
        struct err why = {0};
        json_t *values = NULL;

        assert_int_equal(
            json_read(&values, rows[i].settings, strlen(rows[i].settings), 8, NULL), ERR_NONE);
        /* What is required and missing is config's to tell. */
        if (settings_fill(s->settings, &settings, sizeof settings, values, &why) == ERR_NONE) {
            assert_int_equal(s->check(&settings, &why), ERR_INVALID);
        }
        if (strncmp(why.text, rows[i].why, strlen(rows[i].why)) != 0) {
            fail_msg("%s: %s", rows[i].settings, why.text);
        }
        field_done(s->settings, &settings);
        json_decref(values);
    }
}

static int nothing_is_left(void **state)
{
    (void)state;
    return mem_live_count() == 0 ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_call_means_what_stands_beside_it),
        cmocka_unit_test(what_a_real_ghost_sent_is_read),
        cmocka_unit_test(every_kind_that_is_called_is_whole),
        cmocka_unit_test(a_setting_that_means_nothing_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, nothing_is_left);
}
