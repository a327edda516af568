/* service/member_formats: what is found in files of others, at which line, however the file is cut into pieces; and
 * what we write ourselves. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "service/member_formats.h"

#define LONG_TOKEN                                                                             \
    "dK3x:"                                                                                    \
    "APA91bxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"   \
    "xxxxxxxxxxxxxxxx"
#define TOKEN(t) "{\"subscription\":{\"token\":\"" t "\"}}"

/* clang-format off */
static const struct { const char *sentence; enum member_format format; const char *file, *found; } files[] = {
    {"an object a line", MEMBERS_NDJSON, "{\"a\":1}\n\n  {\"b\":2} \r\n{\"c\":3}", "1 {\"a\":1}\n3 {\"b\":2}\n4 {\"c\":3}\n"},
    {"a list of objects", MEMBERS_WEB_PUSH, "\n[{\"a\": \"}]\\\"{\"},\n {\"b\":\n[1,{}]}\n]\n", "2 {\"a\": \"}]\\\"{\"}\n3 {\"b\": [1,{}]}\n"},
    {"a byte order mark", MEMBERS_WEB_PUSH, "\xEF\xBB\xBF[{\"a\":1}]", "1 {\"a\":1}\n"},
    {"nothing", MEMBERS_WEB_PUSH, " \n", ""},
    {"an empty list", MEMBERS_WEB_PUSH, "[]", ""},
    {"something between", MEMBERS_WEB_PUSH, "[{\"a\":1},\nnull,\n{\"b\":2}]", "1 {\"a\":1}\n2 !no JSON object\n3 {\"b\":2}\n"},
    {"an end too soon", MEMBERS_WEB_PUSH, "[{\"a\":1},\n{\"b\":", "1 {\"a\":1}\n2 !the file ends within this object\n"},
    {"columns in any order", MEMBERS_ONESIGNAL, "Web P256,identifier,web_auth,x\nPP,https://e,AA,\n",
     "2 {\"subscription\":{\"endpoint\":\"https://e\",\"keys\":{\"p256dh\":\"PP\",\"auth\":\"AA\"}}}\n"},
    {"quotes, line breaks and semicolons", MEMBERS_ONESIGNAL, "identifier;tags;language\r\n\"t\"\"1\";\"a;\n\"\"b\";de\r\nt2;;\r\n",
     "2 {\"subscription\":{\"token\":\"t\\\"1\"},\"language\":\"de\"}\n4 {\"subscription\":{\"token\":\"t2\"}}\n"},
    {"when they came", MEMBERS_ONESIGNAL, "identifier,created_at\nt,2025-03-04 05:06:07 UTC\nt,2025-03-04T05:06:07+01:00\nt,yesterday",
     "2 {\"subscription\":{\"token\":\"t\"},\"opted_in_at\":\"2025-03-04T05:06:07Z\"}\n"
     "3 {\"subscription\":{\"token\":\"t\"},\"opted_in_at\":\"2025-03-04T04:06:07Z\"}\n4 {\"subscription\":{\"token\":\"t\"}}\n"},
    {"who has left", MEMBERS_ONESIGNAL, "identifier,invalid_identifier,subscribed\nt,true,\nt,,no\n,,\nt,f,yes\n",
     "2 !the identifier is marked as invalid: it reaches nobody any more\n3 !not subscribed\n"
     "4 !the row has neither an identifier nor a token\n5 {\"subscription\":{\"token\":\"t\"}}\n"},
    {"a table of something else", MEMBERS_ONESIGNAL, "name,price\nx,1\n", "1 !no column is called identifier, token or endpoint\n"},
    {"a row that does not end", MEMBERS_ONESIGNAL, "token\n\"x", "2 !the file ends within this row\n"},
    {"a token a line", MEMBERS_FIREBASE, "abc:d_e-f\n\nxyz\nnot a token\n",
     "1 " TOKEN("abc:d_e-f") "\n3 " TOKEN("xyz") "\n4 !no token: letters, digits and : _ - . are in one\n"},
    {"a column of tokens", MEMBERS_FIREBASE, "user,fcm_token\nada,abc\n", "2 " TOKEN("abc") "\n"},
    {"tokens by their names", MEMBERS_FIREBASE, "{\"u\":{\"fcmToken\":\"abc\",\"name\":\"Ada\"},\n\"tokens\":[\"x\",\"y\"]}",
     "1 " TOKEN("abc") "\n2 " TOKEN("x") "\n2 " TOKEN("y") "\n"},
    {"a list of tokens", MEMBERS_FIREBASE, "[\"x\"]", "1 " TOKEN("x") "\n"},
    {"tokens as names, and by their looks", MEMBERS_FIREBASE, "{\"devices\":{\"" LONG_TOKEN "\":true,\"short\":true},\n\"id\":\"" LONG_TOKEN "\"}",
     "1 " TOKEN(LONG_TOKEN) "\n2 " TOKEN(LONG_TOKEN) "\n"},
    {"what has escapes is no token", MEMBERS_FIREBASE, "{\"token\":\"a\\u0062c\"}", ""},
};
/* clang-format on */

static bool on_item(void *context, size_t line, const char *json, size_t len, const char *why)
{
    buf_addf(context,
             "%zu %s%.*s\n",
             line,
             json ? "" : "!",
             json ? (int)len : 100,
             json ? json : why);
    return true;
}

static void
read_in_pieces(enum member_format format, const char *file, size_t piece, struct buf *out)
{
    struct member_reading *m = member_reading_new(format, on_item, out);
    size_t len = strlen(file);

    for (size_t at = 0; at < len; at += piece) {
        if (!member_reading_push(m, file + at, len - at < piece ? len - at : piece)) {
            break;
        }
    }
    (void)member_reading_end(m);
    member_reading_free(m);
}

static void files_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        for (size_t piece = 1; piece < 100; piece += 33) {
            struct buf out;

            buf_init(&out, 100000);
            read_in_pieces(files[i].format, files[i].file, piece, &out);
            if (strcmp(buf_str(&out), files[i].found) != 0) {
                fail_msg("%s:\n%s\nnot:\n%s", files[i].sentence, buf_str(&out), files[i].found);
            }
            buf_done(&out);
        }
    }
}

static void what_is_too_long_costs_itself_alone(void **state)
{
    char *file = mem_alloc(200000);
    struct buf out;

    (void)state;
    memset(file, 'x', 199999);
    file[199999] = '\0';
    memcpy(file, "[{\"a\":\"", 7);
    memcpy(file + 100000, "\"},{\"b\":1}]", 11);
    file[100011] = '\0';
    buf_init(&out, 100000);
    read_in_pieces(MEMBERS_WEB_PUSH, file, 4096, &out);
    assert_string_equal(buf_str(&out), "1 !the object is too long\n1 {\"b\":1}\n");
    buf_done(&out);
    mem_free(file);
}

#define MEMBER(n, state)                                                                       \
    "{\"address\":\"https://e/" n "\",\"keys\":{\"p256dh\":\"P\",\"auth\":\"A\"},"             \
    "\"language\":\"de\",\"opted_in_at\":\"2025-01-01T00:00:00Z\",\"state\":\"" state "\"}"

static void write_two(enum member_format format, const char *a, const char *b, struct buf *out)
{
    member_format_put(out, format, a, strlen(a), out->len == 0);
    member_format_put(out, format, b, strlen(b), out->len == 0);
    member_format_end(out, format, out->len == 0);
}

static void what_others_read_is_written(void **state)
{
    static const char token[] =
        "{\"address\":\"abc\",\"opted_in_at\":\"2025-01-01T00:00:00Z\",\"state\":\"active\"}";
    struct buf out, again;

    (void)state;
    buf_init(&out, 10000);
    buf_init(&again, 10000);
    write_two(MEMBERS_WEB_PUSH, MEMBER("1", "active"), MEMBER("2", "stopped"), &out);
    read_in_pieces(MEMBERS_WEB_PUSH, buf_str(&out), 7, &again);
    assert_string_equal(buf_str(&again),
                        "2 {\"endpoint\":\"https://e/1\",\"expirationTime\":null,\"keys\":{"
                        "\"p256dh\":\"P\",\"auth\":\"A\"}}\n");
    buf_clear(&out);
    write_two(MEMBERS_WEB_PUSH, MEMBER("1", "gone"), token, &out);
    assert_string_equal(buf_str(&out), "[]\n");
    buf_clear(&out);
    write_two(MEMBERS_ONESIGNAL, MEMBER("1", "active"), token, &out);
    buf_clear(&again);
    read_in_pieces(MEMBERS_ONESIGNAL, buf_str(&out), 7, &again);
    assert_string_equal(
        buf_str(&again),
        "2 "
        "{\"subscription\":{\"endpoint\":\"https://e/"
        "1\",\"keys\":{\"p256dh\":\"P\",\"auth\":\"A\"}},"
        "\"language\":\"de\",\"opted_in_at\":\"2025-01-01T00:00:00Z\"}\n"
        "3 {\"subscription\":{\"token\":\"abc\"},\"opted_in_at\":\"2025-01-01T00:00:00Z\"}\n");
    buf_clear(&out);
    write_two(MEMBERS_FIREBASE, MEMBER("1", "active"), token, &out);
    assert_string_equal(buf_str(&out), "abc\n");
    buf_done(&out);
    buf_done(&again);
}

static int nothing_is_left(void **state)
{
    (void)state;
    return mem_live_count() == 0 ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(files_are_read, nothing_is_left),
        cmocka_unit_test_teardown(what_is_too_long_costs_itself_alone, nothing_is_left),
        cmocka_unit_test_teardown(what_others_read_is_written, nothing_is_left),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
