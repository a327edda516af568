/* base/crypto and base/secret, against the vectors of FIPS 180-4, RFC 4231, RFC 4648, GitHub's
 * and Standard Webhooks' documentation. */

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
#include "base/secret.h"

static void sha256_gives_the_published_digests(void **state)
{
    /* clang-format off */
    static const struct { const char *text, *hex; } rows[] = {
        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
        {"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
         "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"},
    };
    /* clang-format on */
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint8_t digest[SHA256_BYTES];
        char hex[SHA256_HEX_BYTES];

        crypto_sha256(rows[i].text, strlen(rows[i].text), digest);
        assert_string_equal(crypto_hex(digest, sizeof digest, hex), rows[i].hex);
    }
}

static void sha256_of_a_million_letters(void **state)
{
    uint8_t digest[SHA256_BYTES];
    char hex[SHA256_HEX_BYTES];
    char *text = mem_alloc(1000000);

    (void)state;
    memset(text, 'a', 1000000);
    crypto_sha256(text, 1000000, digest);
    assert_string_equal(crypto_hex(digest, sizeof digest, hex),
                        "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    mem_free(text);
}

static void in_pieces_it_is_the_same(void **state)
{
    uint8_t whole[SHA256_BYTES], pieces[SHA256_BYTES];
    char text[1000];

    (void)state;
    for (size_t i = 0; i < sizeof text; i++) {
        text[i] = (char)(i * 31);
    }
    crypto_sha256(text, sizeof text, whole);
    for (size_t piece = 1; piece <= sizeof text; piece += 37) {
        struct crypto_sum *sum = crypto_sha256_begin();

        for (size_t at = 0; at < sizeof text; at += piece) {
            crypto_sha256_add(
                sum, text + at, piece < sizeof text - at ? piece : sizeof text - at);
        }
        crypto_sha256_end(sum, pieces);
        assert_memory_equal(pieces, whole, sizeof whole);
    }
    crypto_sha256_end(crypto_sha256_begin(), NULL);
}

struct hmac_row {
    int key_byte; /* repeated key_len times; 0: key holds the text */
    size_t key_len;
    const char *key;
    int data_byte;
    size_t data_len;
    const char *data, *hex;
};

static void fill(uint8_t *out, int byte, size_t len, const char *text)
{
    if (byte != 0) {
        memset(out, byte, len);
    } else {
        memcpy(out, text, len);
    }
}

static void hmac_gives_the_values_of_rfc_4231_and_github(void **state)
{
    /* clang-format off */
    static const struct hmac_row rows[] = {
        {0x0b, 20, NULL, 0, 8, "Hi There",
         "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
        {0, 4, "Jefe", 0, 28, "what do ya want for nothing?",
         "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
        {0xaa, 20, NULL, 0xdd, 50, NULL,
         "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
        {0, 25, "\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19",
         0xcd, 50, NULL,
         "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"},
        {0xaa, 131, NULL, 0, 54, "Test Using Larger Than Block-Size Key - Hash Key First",
         "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
        {0xaa, 131, NULL, 0, 152,
         "This is a test using a larger than block-size key and a larger than block-size data. "
         "The key needs to be hashed before being used by the HMAC algorithm.",
         "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"},
        {0, 26, "It's a Secret to Everybody", 0, 13, "Hello, World!",
         "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"},
        {0, 0, "", 0, 0, "", "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad"},
    };
    /* clang-format on */
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint8_t key[200], data[200], digest[SHA256_BYTES];
        char hex[SHA256_HEX_BYTES];

        fill(key, rows[i].key_byte, rows[i].key_len, rows[i].key);
        fill(data, rows[i].data_byte, rows[i].data_len, rows[i].data);
        crypto_hmac_sha256(key, rows[i].key_len, data, rows[i].data_len, digest);
        assert_string_equal(crypto_hex(digest, sizeof digest, hex), rows[i].hex);
    }
}

static void hmac_with_other_hashes_gives_the_values_of_rfc_2202_and_rfc_4231(void **state)
{
    static const char key[] = "Jefe", data[] = "what do ya want for nothing?";
    static const struct {
        enum crypto_digest hash;
        const char *hex;
    } rows[] = {
        {CRYPTO_SHA1, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"},
        {CRYPTO_SHA256, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
        {CRYPTO_SHA512,
         "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"
         "9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint8_t digest[CRYPTO_DIGEST_MAX_BYTES];
        char hex[2 * CRYPTO_DIGEST_MAX_BYTES + 1];
        size_t len = crypto_hmac(rows[i].hash, key, strlen(key), data, strlen(data), digest);

        assert_string_equal(crypto_hex(digest, len, hex), rows[i].hex);
    }
}

static void signs_as_standard_webhooks_documents(void **state)
{
    static const char secret[] = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"; /* behind "whsec_" */
    static const char content[] =
        "msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{\"test\": 2432232314}";
    uint8_t digest[SHA256_BYTES];
    struct buf key, signature;

    (void)state;
    buf_init(&key, 100);
    buf_init(&signature, 100);
    assert_true(crypto_unbase64(&key, secret, strlen(secret)));
    crypto_hmac_sha256(key.data, key.len, content, strlen(content), digest);
    crypto_base64(&signature, digest, sizeof digest);
    assert_string_equal(buf_str(&signature), "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    buf_done(&key);
    buf_done(&signature);
}

static void base64_gives_the_values_of_rfc_4648(void **state)
{
    /* clang-format off */
    static const struct { const char *bytes; size_t len; const char *base64, *base64url; } rows[] = {
        {"", 0, "", ""}, {"f", 1, "Zg==", "Zg"}, {"fo", 2, "Zm8=", "Zm8"}, {"foo", 3, "Zm9v", "Zm9v"},
        {"foob", 4, "Zm9vYg==", "Zm9vYg"}, {"fooba", 5, "Zm9vYmE=", "Zm9vYmE"},
        {"foobar", 6, "Zm9vYmFy", "Zm9vYmFy"},
        {"\xfb\xff\xfe", 3, "+//+", "-__-"}, {"\0\0", 2, "AAA=", "AAA"},
        {"\xff", 1, "/w==", "_w"},
    };
    /* clang-format on */
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf a, b, back;

        buf_init(&a, 100);
        buf_init(&b, 100);
        buf_init(&back, 100);
        crypto_base64(&a, rows[i].bytes, rows[i].len);
        crypto_base64url(&b, rows[i].bytes, rows[i].len);
        assert_string_equal(buf_str(&a), rows[i].base64);
        assert_string_equal(buf_str(&b), rows[i].base64url);
        assert_true(crypto_unbase64(&back, buf_str(&a), a.len));
        assert_true(crypto_unbase64(&back, buf_str(&b), b.len));
        assert_int_equal(back.len, 2 * rows[i].len);
        if (rows[i].len > 0) {
            assert_memory_equal(back.data, rows[i].bytes, rows[i].len);
            assert_memory_equal(back.data + rows[i].len, rows[i].bytes, rows[i].len);
        }
        buf_done(&a);
        buf_done(&b);
        buf_done(&back);
    }
}

static void refuses_broken_base64(void **state)
{
    static const char *const rows[] = {"Z",
                                       "Zg=",
                                       "Zg===",
                                       "Z===",
                                       "=",
                                       "====",
                                       "Zg==Zg==",
                                       "Zm8==",
                                       "Zm 8",
                                       "Zm8\n",
                                       "Zm8*",
                                       "Zh==",
                                       "Zm9=",
                                       "Zm9vY",
                                       "Zm9v="};
    struct buf out;

    (void)state;
    buf_init(&out, 100);
    buf_adds(&out, "kept");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (crypto_unbase64(&out, rows[i], strlen(rows[i]))) {
            fail_msg("accepted \"%s\"", rows[i]);
        }
        assert_string_equal(buf_str(&out), "kept");
    }
    buf_done(&out);
}

static void base64_comes_back_at_every_length(void **state)
{
    uint8_t bytes[100];

    (void)state;
    crypto_random(bytes, sizeof bytes);
    for (size_t len = 0; len <= sizeof bytes; len++) {
        struct buf text, back;

        buf_init(&text, 200);
        buf_init(&back, 200);
        crypto_base64url(&text, bytes, len);
        assert_int_equal(text.len, (len * 4 + 2) / 3);
        assert_true(crypto_unbase64(&back, buf_str(&text), text.len));
        assert_int_equal(back.len, len);
        assert_memory_equal(buf_str(&back), bytes, len);
        buf_done(&text);
        buf_done(&back);
    }
}

static void hexadecimal_goes_both_ways(void **state)
{
    /* clang-format off */
    static const struct { const char *text; size_t len; bool ok; } rows[] = {
        {"00ff7f", 3, true}, {"00FF7f", 3, true}, {"", 0, true}, {"00ff7", 3, false},
        {"00ff7f0", 3, false}, {"00ff7f00", 3, false}, {"00ff7g", 3, false}, {"0 ff7f", 3, false},
        {"00ff", 3, false},
    };
    /* clang-format on */
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint8_t out[3] = {0};
        char hex[7];

        assert_int_equal(crypto_unhex(rows[i].text, strlen(rows[i].text), out, rows[i].len),
                         rows[i].ok);
        if (rows[i].ok && rows[i].len == 3) {
            assert_string_equal(crypto_hex(out, 3, hex), "00ff7f");
        }
    }
}

static void compares_by_content(void **state)
{
    (void)state;
    assert_true(crypto_equal("abc", "abc", 3));
    assert_false(crypto_equal("abc", "abd", 3));
    assert_false(crypto_equal("abc", "bbc", 3));
    assert_true(crypto_equal("abc", "xyz", 0));
}

static void random_bytes_differ(void **state)
{
    uint8_t a[32] = {0}, b[32] = {0};

    (void)state;
    crypto_random(a, sizeof a);
    crypto_random(b, sizeof b);
    assert_memory_not_equal(a, b, sizeof a);
}

static void a_secret_owns_its_text(void **state)
{
    struct secret s = {0};

    (void)state;
    secret_take(&s, mem_strdup("first"));
    secret_take(&s, mem_strdup("second one"));
    assert_string_equal(s.text, "second one");
    assert_int_equal(s.len, 10);
    secret_done(&s);
    assert_null(s.text);
    assert_int_equal(s.len, 0);
    secret_take(&s, NULL);
    secret_done(&s);
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
        cmocka_unit_test(sha256_gives_the_published_digests),
        cmocka_unit_test(sha256_of_a_million_letters),
        cmocka_unit_test(in_pieces_it_is_the_same),
        cmocka_unit_test(hmac_gives_the_values_of_rfc_4231_and_github),
        cmocka_unit_test(hmac_with_other_hashes_gives_the_values_of_rfc_2202_and_rfc_4231),
        cmocka_unit_test(signs_as_standard_webhooks_documents),
        cmocka_unit_test(base64_gives_the_values_of_rfc_4648),
        cmocka_unit_test(refuses_broken_base64),
        cmocka_unit_test(base64_comes_back_at_every_length),
        cmocka_unit_test(hexadecimal_goes_both_ways),
        cmocka_unit_test(compares_by_content),
        cmocka_unit_test(random_bytes_differ),
        cmocka_unit_test(a_secret_owns_its_text),
        cmocka_unit_test(leaves_no_memory_alive),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
