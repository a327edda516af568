/* base/rs256: what is signed verifies with the key, and what is no such key is refused. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "base/crypto.h"
#include "base/mem.h"
#include "base/rs256.h"

static const char head[] = "{\"alg\":\"RS256\",\"typ\":\"JWT\"}";
static const char claims[] = "{\"iss\":\"ABCDE12345\",\"iat\":1795446000}";

#define FILE_BYTES 16384
static size_t read_file(const char *name, char out[FILE_BYTES])
{
    char path[1024];
    FILE *f;
    size_t len;

    (void)snprintf(path, sizeof path, "%s/keys/%s", FIXTURES, name);
    f = fopen(path, "rb");
    assert_non_null(f);
    len = fread(out, 1, FILE_BYTES - 1, f);
    (void)fclose(f);
    out[len] = '\0';
    return len;
}

/* Of the platform's file: "\n" stands for a line's end. */
static size_t rsa_pem(char out[FILE_BYTES])
{
    char file[FILE_BYTES];
    size_t len = 0;

    (void)read_file("service_account.json", file);
    for (const char *at = strstr(file, "-----BEGIN"); *at != '"'; at++) {
        if (at[0] == '\\' && at[1] == 'n') {
            out[len++] = '\n';
            at++;
        } else {
            out[len++] = *at;
        }
    }
    out[len] = '\0';
    return len;
}

static struct rs256_key *test_key(void)
{
    char pem[FILE_BYTES];
    size_t len = rsa_pem(pem);
    struct rs256_key *key = NULL;

    assert_int_equal(rs256_key_read(&key, pem, len, NULL), ERR_NONE);
    return key;
}

/* Head and claims are as they were given; returns the signature. */
static size_t split(const struct buf *token, uint8_t out[FILE_BYTES])
{
    const char *first = strchr(buf_str(token), '.'), *second = strchr(first + 1, '.');
    struct buf b;
    size_t len;

    buf_init(&b, FILE_BYTES);
    assert_true(crypto_unbase64(&b, buf_str(token), (size_t)(first - buf_str(token))));
    assert_string_equal(buf_str(&b), head);
    buf_clear(&b);
    assert_true(crypto_unbase64(&b, first + 1, (size_t)(second - first - 1)));
    assert_string_equal(buf_str(&b), claims);
    buf_clear(&b);
    assert_true(crypto_unbase64(&b, second + 1, strlen(second + 1)));
    len = b.len;
    memcpy(out, b.data, len);
    buf_done(&b);
    return len;
}

static bool
verifies(const char *pem, size_t pem_len, const struct buf *token, const void *sig, size_t len)
{
    const char *end = strrchr(buf_str(token), '.');
    BIO *bio = BIO_new_mem_buf(pem, (int)pem_len);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool good;

    assert_non_null(key);
    assert_int_equal(EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key), 1);
    good = EVP_DigestVerify(ctx,
                            sig,
                            len,
                            (const unsigned char *)buf_str(token),
                            (size_t)(end - buf_str(token))) == 1;
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(key);
    BIO_free(bio);
    return good;
}

static void a_key_signs_and_always_the_same(void **state)
{
    struct rs256_key *key = test_key();
    uint8_t signature[FILE_BYTES];
    char pem[FILE_BYTES];
    struct buf token, again;
    size_t len;

    (void)state;
    buf_init(&token, FILE_BYTES);
    buf_init(&again, FILE_BYTES);
    rs256_sign_jwt(key, head, claims, &token);
    rs256_sign_jwt(key, head, claims, &again);
    assert_string_equal(buf_str(&token), buf_str(&again));
    len = split(&token, signature);
    assert_int_equal(len, 256);
    assert_true(verifies(pem, rsa_pem(pem), &token, signature, len));
    signature[3] ^= 1;
    assert_false(verifies(pem, rsa_pem(pem), &token, signature, len));
    buf_done(&again);
    buf_done(&token);
    rs256_key_free(key);
}

/* A fresh key as PEM, with a password or not. */
static size_t pem_of(EVP_PKEY *taken, const char *password, char out[FILE_BYTES])
{
    BIO *bio = BIO_new(BIO_s_mem());
    int len;

    assert_int_equal(PEM_write_bio_PKCS8PrivateKey(bio,
                                                   taken,
                                                   password ? EVP_aes_256_cbc() : NULL,
                                                   password,
                                                   password ? (int)strlen(password) : 0,
                                                   NULL,
                                                   NULL),
                     1);
    len = BIO_read(bio, out, FILE_BYTES - 1);
    assert_true(len > 0);
    out[len] = '\0';
    BIO_free(bio);
    EVP_PKEY_free(taken);
    return (size_t)len;
}

static void refuse(const char *about, const char *pem, size_t len, const char *want)
{
    struct rs256_key *key = NULL;
    struct err why = {0};

    if (rs256_key_read(&key, pem, len, &why) != ERR_INVALID || key || !strstr(why.text, want)) {
        fail_msg("%s: got \"%s\"", about, why.text);
    }
}

static void what_is_no_such_key_is_refused(void **state)
{
    char pem[FILE_BYTES];
    size_t len = rsa_pem(pem);

    (void)state;
    refuse("nothing", "", 0, "is no private key");
    refuse("words", "a key", 5, "is no private key");
    refuse("the half of one", pem, len / 2, "is no private key");
    len = pem_of(EVP_RSA_gen(1024), NULL, pem);
    refuse("a short one", pem, len, "shorter than 2048");
    len = pem_of(EVP_EC_gen("P-256"), NULL, pem);
    refuse("one on a curve", pem, len, "is no RSA key");
    len = pem_of(EVP_RSA_gen(1024), "geheim", pem);
    refuse("one with a password, which nobody asks for", pem, len, "is no private key");
}

static void nothing_stays_allocated(void **state)
{
    (void)state;
    assert_int_equal(mem_live_count(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_signs_and_always_the_same),
        cmocka_unit_test(what_is_no_such_key_is_refused),
        cmocka_unit_test(nothing_stays_allocated),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
