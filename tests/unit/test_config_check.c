/* Whole settings files against what `crier check` says of them. Every
 * tests/fixtures/config/X.yaml has its messages beside it in X.expected (empty: no mistake). No
 * message may hold what a reference brought in: all references of the fixtures bring in SECRET.
 * WRITE_EXPECTED=1 in the environment writes the .expected files anew, to be read before they
 * are kept. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/mem.h"
#include "config/config.h"
#include "tests/support/config_types.h"

#define SECRET "s3cr3t-value-of-a-reference"

static void read_all(struct buf *out, const char *path)
{
    char chunk[4096];
    size_t n;
    FILE *f = fopen(path, "rb");

    if (f == NULL) {
        fail_msg("%s cannot be read", path);
    }
    buf_clear(out);
    while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0) {
        buf_add(out, chunk, n);
    }
    (void)fclose(f);
}

/* What check prints; the config, when there is one, for the caller to look at. */
static struct config *check(const char *text, size_t len, const char *name, struct buf *printed)
{
    struct problems problems;
    struct config *c = NULL;
    struct err why = {0};
    enum err_code rc;

    problems_init(&problems);
    rc = config_read(&c, text, len, name, &test_types, &problems, &why);
    assert_int_equal(rc, problems.count == 0 ? ERR_NONE : ERR_INVALID);
    assert_true((c != NULL) == (rc == ERR_NONE));
    for (size_t i = 0; i < problems.count; i++) {
        problem_print(&problems.v[i], printed);
    }
    problems_done(&problems);
    return c;
}

static void check_fixture(const char *path)
{
    struct buf text, printed, expected;
    char *expected_path = mem_printf("%.*s.expected", (int)(strlen(path) - 5), path);

    buf_init(&text, 1 << 24);
    buf_init(&printed, 1 << 24);
    buf_init(&expected, 1 << 24);
    read_all(&text, path);
    config_unref(check(buf_str(&text), text.len, strrchr(path, '/') + 1, &printed));
    if (getenv("WRITE_EXPECTED") != NULL) {
        FILE *f = fopen(expected_path, "wb");
        (void)fwrite(buf_str(&printed), 1, printed.len, f);
        (void)fclose(f);
    }
    read_all(&expected, expected_path);
    if (strcmp(buf_str(&printed), buf_str(&expected)) != 0) {
        fail_msg(
            "%s\n--- expected\n%s--- found\n%s", path, buf_str(&expected), buf_str(&printed));
    }
    assert_null(strstr(buf_str(&printed), SECRET));
    mem_free(expected_path);
    buf_done(&text);
    buf_done(&printed);
    buf_done(&expected);
}

static void every_fixture_gives_the_messages_beside_it(void **state)
{
    glob_t found;

    (void)state;
    assert_int_equal(glob(FIXTURES "/config/*.yaml", 0, NULL, &found), 0);
    assert_true(found.gl_pathc >= 20);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        check_fixture(found.gl_pathv[i]);
    }
    globfree(&found);
}

static void the_example_of_a_newsroom_gives_these_settings(void **state)
{
    struct buf text, printed;
    struct config *c;
    const struct channel_settings *telegram, *partner;
    const struct telegram_settings *own;

    (void)state;
    buf_init(&text, 1 << 20);
    buf_init(&printed, 1 << 20);
    read_all(&text, FIXTURES "/config/newsroom.yaml");
    c = check(buf_str(&text), text.len, "newsroom.yaml", &printed);
    assert_string_equal(buf_str(&printed), "");
    assert_non_null(c);
    assert_string_equal(c->site.name, "Example News");
    assert_string_equal(mustache_source(c->site.utm.source), "{{channel}}");
    assert_null(c->site.utm.term);
    assert_string_equal(c->server.listen, "127.0.0.1:8480");
    assert_string_equal(c->server.token.text, SECRET);
    assert_int_equal(c->server.max_body_bytes, 5 * 1024 * 1024);
    assert_string_equal(c->ledger.location, "sqlite:/var/lib/crier/crier.db");
    assert_int_equal(c->ledger.keep_ms, 90LL * 86400000);
    assert_int_equal(c->breaking_count, 3);
    assert_int_equal(c->channel_count, 2);
    assert_string_equal(c->channels[0].name, "telegram");
    telegram = config_channel(c, "telegram");
    partner = config_channel(c, "partner");
    own = telegram->own;
    assert_string_equal(own->token.text, SECRET); /* without the file's line end */
    assert_string_equal(own->chat, "@example");
    assert_string_equal(mustache_source(own->text), "{{title}}\n\n{{summary}}\n{{url}}");
    assert_int_equal(telegram->not_after_ms, 7200000);
    assert_non_null(telegram->when);
    assert_false(telegram->allow_private);
    assert_true(partner->allow_private && partner->enabled && partner->updates);
    assert_null(partner->when);
    assert_null(config_channel(c, "facebook"));
    assert_non_null(config_source(c, "cms"));
    assert_int_equal(config_source(c, "cms")->line, 5);
    assert_true(config_source(c, "cms")->trusted_breaking);
    config_unref(c);
    buf_done(&text);
    buf_done(&printed);
}

static void a_file_of_ten_megabytes_is_refused_in_one_line(void **state)
{
    size_t len = 10 * 1024 * 1024;
    char *text = mem_alloc(len);
    struct buf printed;

    (void)state;
    buf_init(&printed, 1 << 20);
    memset(text, 'a', len);
    config_unref(check(text, len, "big.yaml", &printed));
    assert_string_equal(buf_str(&printed),
                        "big.yaml: too large: a settings file of at most 1 MiB\n");
    mem_free(text);
    buf_done(&printed);
}

static void expect_names(const struct strings *got, const char *wanted)
{
    struct buf text;

    buf_init(&text, 4096);
    for (size_t i = 0; i < got->count; i++) {
        buf_addf(&text, "%s%s", i > 0 ? " " : "", got->v[i]);
    }
    assert_string_equal(buf_str(&text), wanted);
    buf_done(&text);
}

static void groups_become_channels_each_once_and_never_itself(void **state)
{
    struct buf text, printed;
    struct strings names = {.v = NULL};
    struct config *c;

    (void)state;
    buf_init(&text, 1 << 20);
    buf_init(&printed, 1 << 20);
    read_all(&text, FIXTURES "/config/groups_good.yaml");
    c = check(buf_str(&text), text.len, "groups_good.yaml", &printed);
    assert_string_equal(buf_str(&printed), "");
    expect_names(&config_channel(c, "a")->fallback_to, "b c");
    expect_names(&config_channel(c, "b")->fallback_to, "c a");
    assert_int_equal(config_channel(c, "a")->fallback_then, FALLBACK_THEN_SKIP);
    assert_int_equal(config_channel(c, "b")->fallback_then, FALLBACK_THEN_BOTH);
    assert_true(config_channels_of(c, "all", &names));
    expect_names(&names, "a b c");
    assert_true(config_channels_of(c, "d", &names));
    assert_false(config_channels_of(c, "none", &names));
    expect_names(&names, "a b c d");
    strings_done(&names);
    config_unref(c);
    buf_done(&text);
    buf_done(&printed);
}

static void a_quota_is_the_settings_or_the_platforms(void **state)
{
    static const struct config_type day = {.quota = {.count = 6, .window = QUOTA_DAY_PACIFIC}};
    static const struct config_type none = {.name = "none"};
    const struct {
        const struct config_type *type;
        struct rate set;
        int64_t told, count;
        enum quota_window window;
        int64_t per_ms;
    } rows[] = {
        {&day, {0, 0}, 0, 6, QUOTA_DAY_PACIFIC, 0},
        {&day, {0, 0}, 10, 10, QUOTA_DAY_PACIFIC, 0},
        {&day, {3, MS_DAY}, 10, 3, QUOTA_DAY_PACIFIC, 0}, /* a day is the platform's day */
        {&day, {3, MS_HOUR}, 0, 3, QUOTA_ROLLING, MS_HOUR},
        {&day, {RATE_UNLIMITED, 0}, 10, 0, QUOTA_ROLLING, 0},
        {&none, {0, 0}, 0, 0, QUOTA_ROLLING, 0},
        {&none, {25, MS_DAY}, 0, 25, QUOTA_ROLLING, MS_DAY},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct channel_settings ch = {.type = rows[i].type, .quota = rows[i].set};
        struct quota q = config_quota(&ch, rows[i].told);

        assert_int_equal(q.count, rows[i].count);
        assert_int_equal(q.window, rows[i].window);
        assert_int_equal(q.per_ms, rows[i].per_ms);
    }
}

static void a_file_of_mistakes_only_ends_at_500_of_them(void **state)
{
    struct buf text, printed;
    size_t lines = 0;

    (void)state;
    buf_init(&text, 1 << 20);
    buf_init(&printed, 1 << 24);
    for (int i = 0; i < 5000; i++) {
        buf_addf(&text, "k%d: 1\n", i);
    }
    config_unref(check(buf_str(&text), text.len, "many.yaml", &printed));
    for (const char *c = buf_str(&printed); *c != '\0'; c++) {
        lines += *c == '\n' ? 1 : 0;
    }
    assert_int_equal(lines, 500);
    buf_done(&text);
    buf_done(&printed);
}

static void a_file_that_is_not_there_is_a_problem_of_the_file(void **state)
{
    struct problems problems;
    struct config *c = NULL;
    struct err why = {0};

    (void)state;
    problems_init(&problems);
    assert_int_equal(config_load(&c, "nowhere/crier.yaml", &test_types, &problems, &why),
                     ERR_NOT_FOUND);
    assert_int_equal(problems.count, 1);
    assert_int_equal(problems.v[0].line, 0);
    assert_non_null(strstr(why.text, "nowhere/crier.yaml"));
    assert_null(c);
    problems_done(&problems);
}

static void a_directory_is_no_file(void **state)
{
    struct problems problems;
    struct config *c = NULL;

    (void)state;
    problems_init(&problems);
    assert_int_not_equal(config_load(&c, ".", &test_types, &problems, NULL), ERR_NONE);
    assert_int_equal(problems.count, 1);
    problems_done(&problems);
}

static struct config *must_read(const char *text)
{
    struct buf printed;
    struct config *c;

    buf_init(&printed, 1 << 20);
    c = check(text, strlen(text), "t.yaml", &printed);
    assert_string_equal(buf_str(&printed), "");
    buf_done(&printed);
    return c;
}

static void a_reload_cannot_change_some_settings(void **state)
{
    static const struct {
        const char *old, *new, *names;
    } rows[] = {
        {"channels: {}", "channels: {}", ""},
        {"channels: {}", "site: {name: New}\nchannels: {}", ""},
        {"channels: {}", "ledger: sqlite:/var/lib/crier/crier.db\nchannels: {}", ""},
        {"channels: {}", "server: {listen: '127.0.0.1:8480'}\nchannels: {}", ""},
        {"channels: {}", "server: {listen: '127.0.0.1:1'}\nchannels: {}", "server.listen"},
        {"channels: {}", "ledger: sqlite:b.db\nchannels: {}", "ledger"},
        {"ledger: sqlite:a\nchannels: {}",
         "ledger: {location: sqlite:a, keep: 1d}\nchannels: {}",
         ""},
        {"channels: {}",
         "server: {listen: '[::1]:1', max_connections: 5}\nledger: sqlite:b.db\nchannels: {}",
         "server.listen, server.max_connections, ledger"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct config *old = must_read(rows[i].old);
        struct config *new = must_read(rows[i].new);
        struct buf names;

        buf_init(&names, 1024);
        assert_int_equal(config_needs_restart(old, new, &names), rows[i].names[0] != '\0');
        assert_string_equal(buf_str(&names), rows[i].names);
        buf_done(&names);
        config_unref(old);
        config_unref(new);
    }
}

static void a_fingerprint_tells_other_settings_of_a_channel(void **state)
{
    static const char *const one = "{type: every, url: http://a.example, secret: '${PRINT}', "
                                   "headers: {X-A: a}, when: {tag: [sport]}}";
    static const struct {
        const char *channel, *before, *secret;
        bool same;
    } rows[] = {
        {NULL, "", "hush", true},
        {NULL, "# a comment\n", "hush", true},
        {"{url: http://a.example, when: {tag: [sport]}, headers: {X-A: a}, secret: hush, "
         "type: every}",
         "",
         "hush",
         true},
        {NULL, "", "hushed", false}, /* what is behind a reference counts */
        {"{type: every, url: http://b.example, secret: hush, headers: {X-A: a}, when: {tag: "
         "[sport]}}",
         "",
         "hush",
         false},
        {"{type: every, url: http://a.example, secret: hush, headers: {X-B: a}, when: {tag: "
         "[sport]}}",
         "",
         "hush",
         false},
        {"{type: every, url: http://a.example, secret: hush, headers: {X-A: a}, when: {tag: "
         "[other]}}",
         "",
         "hush",
         false},
        {"{type: every, url: http://a.example, secret: hush, headers: {X-A: a}}",
         "",
         "hush",
         false},
    };
    uint8_t first[SHA256_BYTES] = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char *text = mem_printf(
            "site: {name: %zu, url: http://a.example}\n%sserver: {listen: 'unix:/tmp/a'}\n"
            "ledger: 'sqlite:a'\nchannels:\n  zero: {type: webhook, url: "
            "'http://%zu.example'}\n  a: %s\n",
            i,
            rows[i].before,
            i,
            rows[i].channel ? rows[i].channel : one);
        struct buf printed;
        struct config *c;

        buf_init(&printed, 1 << 20);
        assert_int_equal(setenv("PRINT", rows[i].secret, 1), 0);
        c = check(text, strlen(text), "f", &printed);
        assert_string_equal(buf_str(&printed), "");
        if (i == 0) {
            memcpy(first, config_channel(c, "a")->fingerprint, sizeof first);
        }
        assert_int_equal(memcmp(first, config_channel(c, "a")->fingerprint, sizeof first) == 0,
                         rows[i].same);
        config_unref(c);
        buf_done(&printed);
        mem_free(text);
    }
    assert_int_equal(unsetenv("PRINT"), 0);
}

static void a_config_lives_as_long_as_somebody_holds_it(void **state)
{
    struct config *c = must_read("channels: {}");

    (void)state;
    assert_ptr_equal(config_ref(c), c);
    config_unref(c);
    assert_string_equal(c->path, "t.yaml");
    config_unref(c);
    config_unref(NULL);
}

static int prepare(void **state)
{
    static char folder[] = "/tmp/crier-test-config-XXXXXX";
    FILE *f;

    (void)state;
    (void)setenv("SECRET", SECRET, 1);
    (void)setenv("CRIER_TOKEN", SECRET, 1);
    (void)setenv("CMS_SECRET", SECRET, 1);
    (void)setenv("PARTNER_SECRET", SECRET, 1);
    (void)setenv("BROKEN_TEMPLATE", "{{#" SECRET "}}", 1);
    (void)setenv("ODD_TEMPLATE", "{{" SECRET "}}", 1);
    (void)setenv("NUMBER", "20", 1);
    (void)setenv("EMPTY", "", 1);
    (void)unsetenv("NOT_SET");
    if (mkdtemp(folder) == NULL || chdir(folder) != 0) {
        return -1;
    }
    f = fopen("token", "wb");
    (void)fputs(SECRET "\n", f);
    return fclose(f);
}

static int tidy(void **state)
{
    char folder[256];

    (void)state;
    if (getcwd(folder, sizeof(folder)) == NULL || unlink("token") != 0 || chdir("/") != 0) {
        return -1;
    }
    (void)rmdir(folder);
    return 0;
}

static void nothing_is_left(void **state)
{
    (void)state;
    assert_int_equal(mem_live_count(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_fixture_gives_the_messages_beside_it),
        cmocka_unit_test(the_example_of_a_newsroom_gives_these_settings),
        cmocka_unit_test(a_file_of_ten_megabytes_is_refused_in_one_line),
        cmocka_unit_test(groups_become_channels_each_once_and_never_itself),
        cmocka_unit_test(a_quota_is_the_settings_or_the_platforms),
        cmocka_unit_test(a_file_of_mistakes_only_ends_at_500_of_them),
        cmocka_unit_test(a_file_that_is_not_there_is_a_problem_of_the_file),
        cmocka_unit_test(a_directory_is_no_file),
        cmocka_unit_test(a_reload_cannot_change_some_settings),
        cmocka_unit_test(a_fingerprint_tells_other_settings_of_a_channel),
        cmocka_unit_test(a_config_lives_as_long_as_somebody_holds_it),
        cmocka_unit_test(nothing_is_left), /* last */
    };

    return cmocka_run_group_tests(tests, prepare, tidy);
}
