/* base/seal: what it makes is what another implementation makes, and whatever is changed of it is noticed. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/crypto.h"
#include "base/mem.h"
#include "base/seal.h"

static const char text[] = "{\"access_token\":\"abc\"}";

static struct seal_key key_of(uint8_t first)
{
    struct seal_key key;

    for (size_t i = 0; i < SEAL_KEY_BYTES; i++) {
        key.bytes[i] = (uint8_t)(first + i);
    }
    return key;
}

/* Python's cryptography: AESGCM(key).encrypt(nonce, text, b"\x01" + b"facebook") */
static void the_form_is_the_known_one(void **state)
{
    static const char want[] = "01a0a1a2a3a4a5a6a7a8a9aaab"
                               "9d3a1d4e26ae71cc3d11e8b86214e2e452cd3b73b0ca"
                               "861028d85d0d0a85d2977eebd5f9ecc2";
    struct seal_key key = key_of(0);
    uint8_t nonce[SEAL_NONCE_BYTES];
    struct buf sealed, clear;
    char hex[2 * 64 + 1];

    (void)state;
    for (size_t i = 0; i < sizeof nonce; i++) {
        nonce[i] = (uint8_t)(0xa0 + i);
    }
    buf_init(&sealed, 1024);
    buf_init(&clear, 1024);
    seal_close_with(&sealed, &key, nonce, "facebook", text, strlen(text));
    assert_true(sealed.len <= 64);
    assert_string_equal(crypto_hex(sealed.data, sealed.len, hex), want);
    assert_true(seal_open(&clear, &key, "facebook", sealed.data, sealed.len));
    assert_string_equal(buf_str(&clear), text);
    buf_done(&sealed);
    buf_done(&clear);
}

static void no_two_sealings_are_alike_and_an_empty_text_can_be_sealed(void **state)
{
    struct seal_key key = key_of(7);
    struct buf a, b, clear;

    (void)state;
    buf_init(&a, 1024);
    buf_init(&b, 1024);
    buf_init(&clear, 1024);
    seal_close(&a, &key, "", "", 0);
    seal_close(&b, &key, "", "", 0);
    assert_int_equal(a.len, SEAL_MORE_BYTES);
    assert_true(memcmp(a.data, b.data, a.len) != 0);
    assert_true(seal_open(&clear, &key, "", a.data, a.len));
    assert_int_equal(clear.len, 0);
    buf_done(&a);
    buf_done(&b);
    buf_done(&clear);
}

static void
insist_on_a_no(const struct seal_key *key, const char *about, const void *sealed, size_t len)
{
    struct buf clear;

    buf_init(&clear, 1024);
    assert_false(seal_open(&clear, key, about, sealed, len));
    assert_int_equal(clear.len, 0);
    buf_done(&clear);
}

static void whatever_is_changed_is_noticed(void **state)
{
    struct seal_key key = key_of(0), other = key_of(1);
    struct buf sealed;

    (void)state;
    buf_init(&sealed, 1024);
    seal_close(&sealed, &key, "facebook", text, strlen(text));
    for (size_t bit = 0; bit < 8 * sealed.len; bit++) {
        sealed.data[bit / 8] = (char)(sealed.data[bit / 8] ^ (1 << bit % 8));
        insist_on_a_no(&key, "facebook", sealed.data, sealed.len);
        sealed.data[bit / 8] = (char)(sealed.data[bit / 8] ^ (1 << bit % 8));
    }
    for (size_t len = 0; len < sealed.len; len++) {
        insist_on_a_no(&key, "facebook", sealed.data, len);
    }
    insist_on_a_no(&other, "facebook", sealed.data, sealed.len);
    insist_on_a_no(&key, "instagram", sealed.data, sealed.len);
    buf_done(&sealed);
}

static void a_key_is_hex_or_base64(void **state)
{
    static const struct {
        const char *text;
        bool good;
    } rows[] = {
        {"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f", true},
        {" 000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F\n", true},
        {"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", true},
        {"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8\r\n", true},
        {"", false},
        {"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHg==", false}, /* 31 bytes */
        {"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g", false}, /* 33 */
        {"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e", false},
        {"correct horse battery staple", false},
    };
    struct seal_key want = key_of(0);

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct seal_key key = {.bytes = {0}};

        assert_int_equal(seal_key_parse(&key, rows[i].text, strlen(rows[i].text)),
                         rows[i].good);
        assert_int_equal(memcmp(&key, &want, sizeof key) == 0, rows[i].good);
        seal_key_wipe(&key);
        assert_int_equal(key.bytes[31], 0);
    }
}

static int nothing_is_left(void **state)
{
    (void)state;
    assert_int_equal(mem_live_count(), 0);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(the_form_is_the_known_one, nothing_is_left),
        cmocka_unit_test_teardown(no_two_sealings_are_alike_and_an_empty_text_can_be_sealed,
                                  nothing_is_left),
        cmocka_unit_test_teardown(whatever_is_changed_is_noticed, nothing_is_left),
        cmocka_unit_test_teardown(a_key_is_hex_or_base64, nothing_is_left),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
