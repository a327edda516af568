/* base/log, base/fault and base/field: lines and their escaping, points that fire, freeing by
 * table. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <jansson.h>

#include "base/attr.h"
#include "base/fault.h"
#include "base/field.h"
#include "base/id.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/mustache.h"
#include "base/text.h"

#define TIME_BYTES 24 /* of "2026-11-23T15:04:05.678Z" */

static int pipe_fds[2];

static void log_to_pipe(enum log_form form, enum log_level least)
{
    assert_int_equal(pipe(pipe_fds), 0);
    log_setup(pipe_fds[1], form, least);
}

/* What was written since; the pipe ends with it. */
static void read_line(char *out, size_t size)
{
    close(pipe_fds[1]);
    ssize_t len = read(pipe_fds[0], out, size - 1);
    close(pipe_fds[0]);
    log_setup(STDERR_FILENO, LOG_TEXT, LOG_INFO);
    assert_true(len >= 0);
    out[len] = '\0';
}

struct value_row {
    const char *value, *text, *json;
};

static void escapes_every_value(void **state)
{
    /* clang-format off */
    static const struct value_row rows[] = {
        {"plain", "plain", "\"plain\""},
        {"", "\"\"", "\"\""},
        {NULL, "\"\"", "\"\""},
        {"two words", "\"two words\"", "\"two words\""},
        {"a=b", "\"a=b\"", "\"a=b\""},
        {"say \"hi\"\\", "\"say \\\"hi\\\"\\\\\"", "\"say \\\"hi\\\"\\\\\""},
        {"line\nfeed\r\ttab", "\"line\\nfeed\\r\\ttab\"", "\"line\\nfeed\\r\\ttab\""},
        {"\x1b[31mred\x7f", "\"\\x1b[31mred\\x7f\"", "\"\\u001b[31mred\\u007f\""},
        {"über 日本", "\"über 日本\"", "\"über 日本\""},
        {"c1 \xc2\x9b" "31m", "\"c1 \\x9b31m\"", "\"c1 \\u009b31m\""},
        {"bad \xff\xc3(", "\"bad \\xff\\xc3(\"", "\"bad \\ufffd\\ufffd(\""},
        {"cut \xe2\x82", "\"cut \\xe2\\x82\"", "\"cut \\ufffd\\ufffd\""},
        {"https://news.example/a?b", "https://news.example/a?b", "\"https://news.example/a?b\""},
    };
    /* clang-format on */
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char line[1000], expected[1000];

        log_to_pipe(LOG_TEXT, LOG_INFO);
        log_info(EV_START, LOG_STR("v", rows[i].value));
        read_line(line, sizeof line);
        (void)snprintf(expected, sizeof expected, " info start v=%s\n", rows[i].text);
        assert_string_equal(line + TIME_BYTES, expected);
        log_to_pipe(LOG_JSON, LOG_INFO);
        log_info(EV_START, LOG_STR("v", rows[i].value));
        read_line(line, sizeof line);
        (void)snprintf(expected,
                       sizeof expected,
                       "\",\"level\":\"info\",\"event\":\"start\",\"v\":%s}\n",
                       rows[i].json);
        assert_string_equal(line + 9 + TIME_BYTES, expected);
        json_t *v = json_loads(line, 0, NULL);
        assert_non_null(v);
        json_decref(v);
    }
}

static void writes_every_kind_of_field(void **state)
{
    char line[1000];

    (void)state;
    for (int form = LOG_TEXT; form <= LOG_JSON; form++) {
        log_to_pipe((enum log_form)form, LOG_DEBUG);
        log_error(EV_DELIVERY_END,
                  LOG_DELIVERY((struct delivery_id){1}),
                  LOG_ARTICLE((struct article_id){32}),
                  LOG_U64("u", UINT64_MAX),
                  LOG_I64("i", INT64_MIN),
                  LOG_MS("waited", 12),
                  LOG_MS("sent_ms", 7),
                  LOG_BOOL("yes", true),
                  LOG_BOOL("no", false));
        read_line(line, sizeof line);
        assert_non_null(
            strstr(line,
                   form == LOG_TEXT
                       ? "Z error delivery_end delivery=dlv_0000000000001 "
                         "article=art_0000000000010 u=18446744073709551615 "
                         "i=-9223372036854775808 waited_ms=12 sent_ms=7 yes=true no=false\n"
                       : "Z\",\"level\":\"error\",\"event\":\"delivery_end\",\"delivery\":"
                         "\"dlv_0000000000001\",\"article\":\"art_0000000000010\","
                         "\"u\":18446744073709551615,\"i\":-9223372036854775808,"
                         "\"waited_ms\":12,\"sent_ms\":7,\"yes\":true,\"no\":false}\n"));
    }
}

static void leaves_out_what_is_below_its_level(void **state)
{
    char line[1000];

    (void)state;
    log_to_pipe(LOG_TEXT, LOG_WARN);
    errno = ENOSPC;
    log_debug(EV_STOP, LOG_STR("n", "1"));
    log_info(EV_STOP, LOG_STR("n", "2"));
    log_warn(EV_STOP, LOG_STR("n", "3"));
    assert_int_equal(errno, ENOSPC);
    read_line(line, sizeof line);
    assert_string_equal(line + TIME_BYTES, " warn stop n=3\n");
}

static void long_values_and_lines_are_cut_but_stay_whole(void **state)
{
    char big[9000], line[9000];

    (void)state;
    memset(big, 'x', sizeof big);
    big[sizeof big - 1] = '\0';
    log_to_pipe(LOG_JSON, LOG_INFO);
    log_info(EV_START, LOG_STR("a", big), LOG_STR("b", "short"));
    read_line(line, sizeof line);
    json_t *v = json_loads(line, 0, NULL);
    assert_int_equal(json_string_length(json_object_get(v, "a")), 1024 + 3);
    assert_string_equal(json_string_value(json_object_get(v, "b")), "short");
    assert_null(json_object_get(v, "cut"));
    json_decref(v);

    memset(big, '\n', sizeof big - 1); /* twice as long when escaped */
    log_to_pipe(LOG_JSON, LOG_INFO);
    log_info(EV_START, LOG_STR("a", big), LOG_STR("b", big), LOG_STR("c", "short"));
    read_line(line, sizeof line);
    assert_true(strlen(line) < 4096);
    v = json_loads(line, 0, NULL);
    assert_int_equal(json_string_length(json_object_get(v, "a")), 1024 + 3);
    assert_null(json_object_get(v, "b")); /* a whole field or none */
    assert_true(json_is_true(json_object_get(v, "cut")));
    json_decref(v);

    log_to_pipe(LOG_TEXT, LOG_INFO);
    log_info(EV_START, LOG_STR("a", big), LOG_STR("b", big));
    read_line(line, sizeof line);
    assert_string_equal(line + strlen(line) - 10, " cut=true\n");
}

static void every_event_has_a_name_and_an_explanation(void **state)
{
    (void)state;
    for (int ev = 0; ev < EV_COUNT; ev++) {
        const char *name = log_event_name((enum log_event)ev);

        assert_true(strlen(log_event_help((enum log_event)ev)) > 10);
        assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_"), strlen(name));
        for (int other = 0; other < ev; other++) {
            assert_string_not_equal(name, log_event_name((enum log_event)other));
        }
    }
    assert_string_equal(log_event_name(EV_COUNT), "?");
}

static void reads_the_names_of_levels(void **state)
{
    enum log_level level = LOG_DEBUG;

    (void)state;
    assert_true(log_level_parse("error", &level));
    assert_int_equal(level, LOG_ERROR);
    assert_true(log_level_parse("debug", &level));
    assert_int_equal(level, LOG_DEBUG);
    assert_false(log_level_parse("ERROR", &level));
    assert_false(log_level_parse("", &level));
}

static void the_nth_pass_of_a_point_fires_once(void **state)
{
    /* clang-format off */
    static const struct { const char *spec; int fires_at; } rows[] = {
        {"ledger.commit:1", 1}, {"ledger.commit:3", 5}, {"*:4", 4}, {"other:1", 2}, {"none:1", 0}, {"*:99", 0},
        {"ledger.commit:0", 0},
    };
    /* clang-format on */
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int hit_at = 0;

        (void)fault_set(rows[i].spec);
        for (int pass = 1; pass <= 10; pass++) {
            /* every second pass is of the other point */
            if (fault_hit(pass % 2 == 1 ? "ledger.commit" : "other")) {
                assert_int_equal(hit_at, 0);
                hit_at = pass;
            }
        }
        assert_int_equal(hit_at, rows[i].fires_at);
        assert_int_equal(fault_set(NULL), rows[i].fires_at > 0 ? 1 : 0);
        assert_false(fault_hit("ledger.commit"));
        assert_int_equal(fault_set(NULL), 0);
    }
}

static void a_point_may_end_the_process(void **state)
{
    int status = 0;
    pid_t child = fork();

    (void)state;
    assert_true(child >= 0);
    if (child == 0) {
        (void)fault_set("here:2:exit");
        (void)FAULT("here");
        (void)FAULT("here");
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 99);
}

struct inner {
    char *name;
    struct strings list;
};
struct settings {
    char *text, *url;
    struct secret token;
    int64_t wait_ms, bytes, count;
    bool on;
    int choice;
    struct rate rate;
    struct strings words;
    struct pairs headers;
    struct mustache *template;
    struct inner inner;
};

/* clang-format off */
#define AT(type, m) .offset = offsetof(struct type, m)
static const struct field inner_fields[] = {
    {.key = "name", .kind = FIELD_STRING, AT(inner, name)},
    {.key = "list", .kind = FIELD_STRINGS, AT(inner, list)},
    FIELD_END,
};
static const struct field fields[] = {
    {.key = "text", .kind = FIELD_STRING, AT(settings, text)},
    {.key = "url", .kind = FIELD_URL, AT(settings, url)},
    {.key = "token", .kind = FIELD_SECRET, AT(settings, token)},
    {.key = "wait", .kind = FIELD_MS, AT(settings, wait_ms)},
    {.key = "bytes", .kind = FIELD_BYTES, AT(settings, bytes)},
    {.key = "count", .kind = FIELD_INT, AT(settings, count)},
    {.key = "on", .kind = FIELD_BOOL, AT(settings, on)},
    {.key = "choice", .kind = FIELD_ENUM, AT(settings, choice)},
    {.key = "rate", .kind = FIELD_RATE, AT(settings, rate)},
    {.key = "words", .kind = FIELD_STRINGS, AT(settings, words)},
    {.key = "headers", .kind = FIELD_MAP, AT(settings, headers)},
    {.key = "template", .kind = FIELD_TEMPLATE, AT(settings, template)},
    {.key = "inner", .kind = FIELD_OBJECT, AT(settings, inner), .fields = inner_fields},
    {.key = "rules", .kind = FIELD_CUSTOM},
    FIELD_END,
};
/* clang-format on */

static struct strings two_words(const char *a, const char *b)
{
    struct strings s = {.v = mem_calloc(2, sizeof(char *)), .count = 2};

    s.v[0] = mem_strdup(a);
    s.v[1] = mem_strdup(b);
    return s;
}

static void a_table_frees_and_zeroes_what_it_filled(void **state)
{
    static const struct settings nothing;
    struct settings s;

    (void)state;
    memset(&s, 0, sizeof s);
    field_done(fields, &s); /* of an empty one */
    s.text = mem_strdup("a");
    s.url = mem_strdup("https://news.example/");
    secret_take(&s.token, mem_strdup("hush"));
    s.wait_ms = s.bytes = s.count = 5;
    s.on = true;
    s.choice = 2;
    s.rate = (struct rate){1, 2};
    s.words = two_words("World", "日本");
    s.headers.v = mem_calloc(1, sizeof s.headers.v[0]);
    s.headers.count = 1;
    s.headers.v[0] = (struct pair){mem_strdup("X-A"), mem_strdup("b")};
    assert_int_equal(mustache_parse(&s.template, "{{a}}", NULL), ERR_NONE);
    s.inner.name = mem_strdup("n");
    s.inner.list = two_words("x", "y");
    assert_true(strings_has(&s.words, "wORLD"));
    assert_true(strings_has(&s.words, "日本"));
    assert_false(strings_has(&s.words, "Worl"));
    assert_false(strings_has(&s.words, ""));
    field_done(fields, &s);
    assert_memory_equal(&s, &nothing, sizeof s);
    assert_int_equal(mem_live_count(), 0);
}

static void every_kind_of_field_has_a_name(void **state)
{
    (void)state;
    for (int kind = FIELD_STRING; kind <= FIELD_CUSTOM; kind++) {
        assert_string_not_equal(field_kind_name((enum field_kind)kind), "?");
    }
    assert_string_equal(field_kind_name(FIELD_MS), "duration");
    assert_string_equal(field_kind_name(FIELD_BYTES), "size");
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
        cmocka_unit_test(escapes_every_value),
        cmocka_unit_test(writes_every_kind_of_field),
        cmocka_unit_test(leaves_out_what_is_below_its_level),
        cmocka_unit_test(long_values_and_lines_are_cut_but_stay_whole),
        cmocka_unit_test(every_event_has_a_name_and_an_explanation),
        cmocka_unit_test(reads_the_names_of_levels),
        cmocka_unit_test(the_nth_pass_of_a_point_fires_once),
        cmocka_unit_test(a_point_may_end_the_process),
        cmocka_unit_test(a_table_frees_and_zeroes_what_it_filled),
        cmocka_unit_test(every_kind_of_field_has_a_name),
        cmocka_unit_test(leaves_no_memory_alive),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
