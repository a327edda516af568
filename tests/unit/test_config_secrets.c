/* References to the environment and to files. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "config/secrets.h"

static const struct {
    const char *name, *bytes;
    size_t len;
} files[] = {
    {"plain", "abc", 3},
    {"newline", "abc\n", 4},
    {"crlf", "abc\r\n", 5},
    {"two", "abc\n\n", 5},
    {"many", "abc\r\n\n\r\r\n", 8},
    {"inner", "a\nb\n", 4},
    {"empty", "", 0},
    {"blank", "\n", 1},
    {"latin1", "gr\xf6\xdf", 4},
    {"nul", "a\0b", 3},
};

static void references_are_replaced(void **state)
{
    static const struct {
        const char *text, *expected;
        bool replaced;
    } rows[] = {
        {"", "", false},
        {"plain $ {text} $$ }", "plain $ {text} $$ }", false},
        {"${ONE}", "first", true},
        {"a${ONE}b${TWO_2}c",
         "afirstb${ONE}c",
         true}, /* what comes in is not looked at again */
        {"$${ONE}", "${ONE}", false},
        {"$$${ONE}", "$${ONE}", false},
        {"$x${ONE}", "$xfirst", true},
        {"${EMPTY}", "", true},
        {"${file:plain}", "abc", true},
        {"${file:newline}", "abc", true},
        {"${file:crlf}", "abc", true},
        {"${file:two}", "abc", true},
        {"${file:many}", "abc", true},
        {"<${file:inner}>", "<a\nb>", true},
        {"${file:./plain}${ONE}", "abcfirst", true},
        {"${credential:plain}", "abc", true},
        {"<${credential:many}>", "<abc>", true},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err why = {0};
        struct buf out;
        bool replaced = !rows[i].replaced;

        buf_init(&out, 1 << 20);
        assert_int_equal(secrets_expand(rows[i].text, &out, &replaced, &why), ERR_NONE);
        assert_string_equal(buf_str(&out), rows[i].expected);
        assert_int_equal(replaced, rows[i].replaced);
        buf_done(&out);
    }
}

static void a_reference_that_leads_nowhere_is_named(void **state)
{
    static const struct {
        const char *text;
        enum err_code rc;
        const char *why;
    } rows[] = {
        {"a ${NOT_SET} b", ERR_NOT_FOUND, "${NOT_SET}: no such environment variable"},
        {"${ONE", ERR_INVALID, "${ is never closed; a plain ${ is written $${"},
        {"${}",
         ERR_INVALID,
         "${} is neither ${NAME} nor ${file:PATH} nor ${credential:NAME}; a plain ${ is "
         "written $${"},
        {"${1}",
         ERR_INVALID,
         "${1} is neither ${NAME} nor ${file:PATH} nor ${credential:NAME}; a plain ${ is "
         "written $${"},
        {"${ONE-x}",
         ERR_INVALID,
         "${ONE-x} is neither ${NAME} nor ${file:PATH} nor ${credential:NAME}; a plain ${ is "
         "written $${"},
        {"${file:}",
         ERR_INVALID,
         "${file:} is neither ${NAME} nor ${file:PATH} nor ${credential:NAME}; a plain ${ is "
         "written $${"},
        {"${file:gone}", ERR_NOT_FOUND, "${file:gone}: No such file or directory"},
        {"${file:.}", ERR_INVALID, "${file:.}: not a regular file"},
        {"${file:pipe}", ERR_INVALID, "${file:pipe}: not a regular file"},
        {"${file:empty}", ERR_INVALID, "${file:empty}: the file is empty"},
        {"${file:blank}", ERR_INVALID, "${file:blank}: the file is empty"},
        {"${file:latin1}", ERR_INVALID, "${file:latin1}: the file is not UTF-8 text"},
        {"${file:nul}", ERR_INVALID, "${file:nul}: the file is not UTF-8 text"},
        {"${file:big}", ERR_TOO_BIG, "${file:big}: larger than 64 KiB"},
        {"${LATIN}", ERR_INVALID, "${LATIN}: its value is not UTF-8"},
        {"${credential:}",
         ERR_INVALID,
         "${credential:} is neither ${NAME} nor ${file:PATH} nor ${credential:NAME}; a plain "
         "${ is written $${"},
        {"${credential:pipe}", ERR_INVALID, "${credential:pipe}: not a regular file"},
        {"${credential:empty}", ERR_INVALID, "${credential:empty}: the file is empty"},
        {"${credential:nul}", ERR_INVALID, "${credential:nul}: the file is not UTF-8 text"},
        {"${credential:big}", ERR_TOO_BIG, "${credential:big}: larger than 64 KiB"},
        {"${credential:.}",
         ERR_INVALID,
         "${credential:.}: expected the name of a credential, no path"},
        {"${credential:..}",
         ERR_INVALID,
         "${credential:..}: expected the name of a credential, no path"},
        {"${credential:./plain}",
         ERR_INVALID,
         "${credential:./plain}: expected the name of a credential, no path"},
        {"${credential:/etc/passwd}",
         ERR_INVALID,
         "${credential:/etc/passwd}: expected the name of a credential, no path"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err why = {0};
        struct buf out;
        bool replaced;

        buf_init(&out, 1 << 20);
        assert_int_equal(secrets_expand(rows[i].text, &out, &replaced, &why), rows[i].rc);
        assert_string_equal(why.text, rows[i].why);
        buf_done(&out);
    }
}

static void credentials_are_files_of_their_folder_and_nothing_else(void **state)
{
    static const struct {
        const char *folder; /* NULL: not set; "": the tests' own */
        const char *text;
        enum err_code rc;
        const char *why; /* in it */
    } rows[] = {
        {"", "${credential:gone}", ERR_NOT_FOUND, ": No such file or directory"},
        {"", "${credential:link}", ERR_IO, "${credential:link} in CREDENTIALS_DIRECTORY: "},
        {NULL, "${credential:plain}", ERR_NOT_FOUND, "CREDENTIALS_DIRECTORY is not set"},
        {"here", "${credential:plain}", ERR_INVALID, "no absolute path: \"here\""},
        {"/no/such",
         "${credential:plain}",
         ERR_NOT_FOUND,
         "CREDENTIALS_DIRECTORY /no/such: No"},
    };
    char own[256];

    (void)state;
    assert_non_null(getcwd(own, sizeof own));
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err why = {0};
        struct buf out;
        bool replaced;

        if (rows[i].folder == NULL) {
            (void)unsetenv("CREDENTIALS_DIRECTORY");
        } else {
            (void)setenv(
                "CREDENTIALS_DIRECTORY", rows[i].folder[0] != '\0' ? rows[i].folder : own, 1);
        }
        buf_init(&out, 1 << 20);
        assert_int_equal(secrets_expand(rows[i].text, &out, &replaced, &why), rows[i].rc);
        if (strstr(why.text, rows[i].why) == NULL) {
            fail_msg("no \"%s\" in \"%s\"", rows[i].why, why.text);
        }
        buf_done(&out);
    }
}

static void a_name_without_end_is_refused(void **state)
{
    char *text = mem_alloc(5001);
    struct err why = {0};
    struct buf out;
    bool replaced;

    (void)state;
    memset(text, 'A', 5000);
    memcpy(text, "${", 2);
    memcpy(text + 4999, "}", 2);
    buf_init(&out, 1 << 20);
    assert_int_equal(secrets_expand(text, &out, &replaced, &why), ERR_INVALID);
    assert_non_null(strstr(why.text, "the name is too long"));
    buf_done(&out);
    mem_free(text);
}

static void a_value_has_a_ceiling(void **state)
{
    struct err why = {0};
    struct buf out;
    bool replaced;

    (void)state;
    buf_init(&out, 8);
    assert_int_equal(secrets_expand("${ONE}${ONE}", &out, &replaced, &why), ERR_TOO_BIG);
    buf_done(&out);
}

static int write_file(const char *name, const char *bytes, size_t len)
{
    FILE *f = fopen(name, "wb");
    bool ok = f != NULL && fwrite(bytes, 1, len, f) == len;

    return f != NULL && fclose(f) == 0 && ok ? 0 : -1;
}

static int prepare(void **state)
{
    static char folder[] = "/tmp/crier-test-secrets-XXXXXX";
    char *big = mem_zalloc(SECRETS_FILE_BYTES + 1), own[256];
    int rc = 0;

    (void)state;
    (void)setenv("ONE", "first", 1);
    (void)setenv("TWO_2", "${ONE}", 1);
    (void)setenv("EMPTY", "", 1);
    (void)setenv("LATIN", "\xf6", 1);
    (void)unsetenv("NOT_SET");
    memset(big, 'a', SECRETS_FILE_BYTES + 1);
    if (mkdtemp(folder) == NULL || chdir(folder) != 0 || mkfifo("pipe", 0600) != 0) {
        rc = -1;
    }
    if (getcwd(own, sizeof own) == NULL || symlink("plain", "link") != 0) {
        rc = -1;
    }
    (void)setenv("CREDENTIALS_DIRECTORY", own, 1);
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        rc |= write_file(files[i].name, files[i].bytes, files[i].len);
    }
    rc |= write_file("big", big, SECRETS_FILE_BYTES + 1);
    mem_free(big);
    return rc;
}

static int tidy(void **state)
{
    char folder[256];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        (void)unlink(files[i].name);
    }
    (void)unlink("big");
    (void)unlink("pipe");
    (void)unlink("link");
    if (getcwd(folder, sizeof(folder)) == NULL || chdir("/") != 0 || rmdir(folder) != 0) {
        return -1;
    }
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
        cmocka_unit_test(references_are_replaced),
        cmocka_unit_test(a_reference_that_leads_nowhere_is_named),
        cmocka_unit_test(credentials_are_files_of_their_folder_and_nothing_else),
        cmocka_unit_test(a_name_without_end_is_refused),
        cmocka_unit_test(a_value_has_a_ceiling),
        cmocka_unit_test(nothing_is_left), /* last */
    };

    return cmocka_run_group_tests(tests, prepare, tidy);
}
