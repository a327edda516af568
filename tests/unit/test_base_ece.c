/* base/ece: the body of RFC 8291's example byte for byte, read again, and no two alike. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <jansson.h>

#include "base/crypto.h"
#include "base/ece.h"
#include "base/mem.h"

struct example {
    uint8_t public_key[65], auth[16], our_public[65], secret[32], salt[16], body[256];
    size_t body_len;
    const char *text;
    json_t *all;
    struct ece_to to;
};

static size_t vector(const struct example *e, const char *name, uint8_t *out, size_t room)
{
    const char *text =
        json_string_value(json_object_get(json_object_get(e->all, "rfc8291"), name));
    struct buf b;
    size_t len;

    buf_init(&b, room);
    assert_true(crypto_unbase64(&b, text, strlen(text)) && buf_ok(&b));
    len = b.len;
    memcpy(out, b.data, len);
    buf_done(&b);
    return len;
}

static void read_example(struct example *e)
{
    memset(e, 0, sizeof *e);
    e->all = json_load_file(FIXTURES "/push/vectors.json", 0, NULL);
    assert_non_null(e->all);
    assert_int_equal(vector(e, "ua_public", e->public_key, 65), 65);
    assert_int_equal(vector(e, "auth_secret", e->auth, 16), 16);
    assert_int_equal(vector(e, "as_public", e->our_public, 65), 65);
    assert_int_equal(vector(e, "ecdh_secret", e->secret, 32), 32);
    assert_int_equal(vector(e, "salt", e->salt, 16), 16);
    e->body_len = vector(e, "body", e->body, sizeof e->body);
    e->text = json_string_value(
        json_object_get(json_object_get(e->all, "rfc8291"), "plaintext_utf8"));
    e->to = (struct ece_to){e->public_key, e->auth, e->our_public, e->secret};
}

static void the_body_is_the_one_of_the_rfc(void **state)
{
    struct example e;
    struct buf out;

    (void)state;
    read_example(&e);
    buf_init(&out, 4096);
    buf_adds(&out, "before"); /* it is appended */
    ece_seal_with(&out, &e.to, e.salt, e.text, strlen(e.text));
    assert_int_equal(e.body_len, 144);
    assert_int_equal(out.len, 6 + e.body_len);
    assert_memory_equal(out.data + 6, e.body, e.body_len);
    assert_int_equal(e.body_len, strlen(e.text) + ECE_OVERHEAD_BYTES);
    buf_done(&out);
    json_decref(e.all);
}

static void a_browser_reads_what_is_meant_for_it_and_nothing_else(void **state)
{
    struct example e;
    uint8_t private_key[32], other[32];
    struct buf out;

    (void)state;
    read_example(&e);
    assert_int_equal(vector(&e, "ua_private", private_key, 32), 32);
    assert_int_equal(vector(&e, "as_private", other, 32), 32);
    buf_init(&out, 4096);
    buf_adds(&out, "before");
    assert_true(ece_open(&out, private_key, e.auth, e.body, e.body_len));
    assert_string_equal(buf_str(&out) + 6, e.text);
    buf_truncate(&out, 6);
    assert_false(ece_open(&out, other, e.auth, e.body, e.body_len));
    for (size_t len = 0; len < e.body_len; len++) {
        assert_false(ece_open(&out, private_key, e.auth, e.body, len));
    }
    for (size_t i = 0; i < e.body_len; i++) {
        if (i >= 16 && i < 20) {
            continue; /* the record's size: there is one */
        }
        e.body[i] ^= 1;
        assert_false(ece_open(&out, private_key, e.auth, e.body, e.body_len));
        e.body[i] ^= 1;
    }
    e.auth[3] ^= 1;
    assert_false(ece_open(&out, private_key, e.auth, e.body, e.body_len));
    assert_string_equal(buf_str(&out), "before");
    buf_done(&out);
    json_decref(e.all);
}

static void every_salt_is_another(void **state)
{
    uint8_t seen[600][ECE_SALT_BYTES]; /* more than are fetched at once */
    struct example e;
    struct buf out;

    (void)state;
    read_example(&e);
    buf_init(&out, 4096);
    for (size_t i = 0; i < 600; i++) {
        buf_clear(&out);
        ece_seal(&out, &e.to, e.text, strlen(e.text));
        assert_int_equal(out.len, e.body_len);
        memcpy(seen[i], out.data, ECE_SALT_BYTES);
        for (size_t k = 0; k < i; k++) {
            assert_memory_not_equal(seen[i], seen[k], ECE_SALT_BYTES);
        }
    }
    buf_done(&out);
    json_decref(e.all);
}

static void the_longest_text_makes_the_longest_body(void **state)
{
    static const char text[ECE_TEXT_MAX_BYTES];
    struct example e;
    struct buf out, small;

    (void)state;
    read_example(&e);
    buf_init(&out, 4096);
    ece_seal(&out, &e.to, text, sizeof text);
    assert_true(buf_ok(&out));
    assert_int_equal(out.len, 4096);
    buf_init(&small, 4095); /* a buffer that is too small fails, and nothing else */
    ece_seal(&small, &e.to, text, sizeof text);
    assert_false(buf_ok(&small));
    buf_done(&small);
    buf_done(&out);
    json_decref(e.all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_body_is_the_one_of_the_rfc),
        cmocka_unit_test(a_browser_reads_what_is_meant_for_it_and_nothing_else),
        cmocka_unit_test(every_salt_is_another),
        cmocka_unit_test(the_longest_text_makes_the_longest_body),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);

    must(mem_live_count() == 0);
    return failed;
}
