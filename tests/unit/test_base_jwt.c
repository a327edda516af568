/* base/jwt: RS256 tokens are what another implementation makes, ES256 tokens verify with the public key, and what is
 * no such key is refused. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/bn.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "base/attr.h"
#include "base/crypto.h"
#include "base/jwt.h"
#include "base/mem.h"

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

static struct jwt_key *key_of(enum jwt_kind kind)
{
    char pem[FILE_BYTES];
    size_t len = kind == JWT_RS256 ? rsa_pem(pem) : read_file("apns.p8", pem);
    struct jwt_key *key = NULL;

    assert_int_equal(jwt_key_read(&key, kind, pem, len, NULL), ERR_NONE);
    return key;
}

/* Head and claims are as they were given; returns the signature. */
static size_t split(const struct buf *token, const char *head, uint8_t out[FILE_BYTES])
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

static void an_rsa_key_signs_and_always_the_same(void **state)
{
    struct jwt_key *key = key_of(JWT_RS256);
    uint8_t signature[FILE_BYTES];
    char pem[FILE_BYTES];
    struct buf token, again;
    size_t len;

    (void)state;
    buf_init(&token, FILE_BYTES);
    buf_init(&again, FILE_BYTES);
    jwt_sign(&token, key, "k1", claims, strlen(claims));
    jwt_sign(&again, key, "k1", claims, strlen(claims));
    assert_string_equal(buf_str(&token), buf_str(&again));
    len = split(&token, "{\"alg\":\"RS256\",\"typ\":\"JWT\",\"kid\":\"k1\"}", signature);
    assert_int_equal(len, 256);
    assert_true(verifies(pem, rsa_pem(pem), &token, signature, len));
    signature[3] ^= 1;
    assert_false(verifies(pem, rsa_pem(pem), &token, signature, len));
    buf_done(&again);
    buf_done(&token);
    jwt_key_free(key);
}

static unsigned char *as_der(const uint8_t signature[64], int *out_len)
{
    ECDSA_SIG *pair = ECDSA_SIG_new();
    unsigned char *der = NULL;

    assert_int_equal(ECDSA_SIG_set0(pair,
                                    BN_bin2bn(signature, 32, NULL),
                                    BN_bin2bn(signature + 32, 32, NULL)),
                     1);
    *out_len = i2d_ECDSA_SIG(pair, &der);
    ECDSA_SIG_free(pair);
    return der;
}

static void a_key_on_the_curve_signs_with_both_numbers_side_by_side(void **state)
{
    struct jwt_key *key = key_of(JWT_ES256);

    (void)state;
    for (int i = 0; i < 300; i++) { /* one in 128 has a short number in it */
        uint8_t signature[FILE_BYTES];
        char pem[FILE_BYTES];
        struct buf token;
        unsigned char *der;
        int len;

        buf_init(&token, FILE_BYTES);
        jwt_sign(&token, key, NULL, claims, strlen(claims));
        assert_int_equal(split(&token, "{\"alg\":\"ES256\",\"typ\":\"JWT\"}", signature), 64);
        der = as_der(signature, &len);
        assert_true(verifies(pem, read_file("apns.p8", pem), &token, der, (size_t)len));
        OPENSSL_free(der);
        buf_done(&token);
    }
    jwt_key_free(key);
}

#define PEM(body) "-----BEGIN PRIVATE KEY-----\n" body "\n-----END PRIVATE KEY-----\n"

static void what_is_no_such_key_is_refused(void **state)
{
    static const struct {
        const char *about, *pem, *want;
        enum jwt_kind kind;
    } rows[] = {
        {"nothing", "", "is no private key", JWT_ES256},
        {"words", "a key", "is no private key", JWT_RS256},
        {"broken",
         PEM("MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0waw"),
         "is no private key",
         JWT_ES256},
        {"a key with a password, which nobody asks for",
         "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
         "MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAh8v+cpH0SnMwICA+"
         "gw\nDAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEECgbBc5/"
         "7V3BUC+eQFrXJ9MEgZCB\ntb7z9XkT8cWXcErF8h4+"
         "dw9jxWd1EjHK2xhzgOi7zUOWaPTYxRl3yq0p0qBrRWik\nHjwCRjleIQANdoanRPainXwFLapPMuD0J0T8WEk"
         "IPLFNIkHTRb8NpzKbC7gcjE5M\nDptlp/"
         "L+zugerIrcqMqcn8QlEcmQ5+FPrxdLi9wJ62uwfhACi5ouEInxuuNTv/c="
         "\n-----END ENCRYPTED PRIVATE KEY-----\n",
         "is no private key",
         JWT_ES256},
        {"another curve",
         PEM("MIG2AgEAMBAGByqGSM49AgEGBSuBBAAiBIGeMIGbAgEBBDDcMP4B0SzwTyxVfl8k\n0BLEphcBz6iwro3"
             "mDetXo05+"
             "YGGsi6LFpAJH10FDKTm4lhmhZANiAAQMoGfbhIzK\nvTXanvRr7ThF5C4QhhK4xTGnOLDTHImnE8W4sTe"
             "b7gdi5R1N4zEjC5vM/fxAPemd\nvgGEwhCMbL7anohFs7On/"
             "16Id3n5rLXhC4DCksiiKsTmZ8jkJ3IPKcQ="),
         "on the curve P-256",
         JWT_ES256},
        {"an RSA key that is short",
         PEM("MIICdgIBADANBgkqhkiG9w0BAQEFAASCAmAwggJcAgEAAoGBAJuAx+e6Fgg20Ml3\nza1li0AR2X/"
             "EFkzAidZ6hAaMb50Gf26k4JFEq7KJFU9gpcpe2U9xQFI8ed+olzHs\nUWARVf/"
             "sr54W+Q4S6+gbC5ijX1s0AlOEodjLI7xKo64QgkfoD4/KWNwnQnzwLdq8\nVhLhuzwxy5+i/"
             "a2ZUJFd+1dCRUJbAgMBAAECgYB2QgnFAI+"
             "gz48YqDOSmpa7stdl\ngwoydHpe0e11zXdUQ4zF6D2gPEkXDYlXRHjQ3jEFaWsxHyzQGrZhEQcRuB1dxE"
             "4F\nn/PHcSDkCm4aXhD4L/Q4wxU5doHwjHOGzDFhn/W1yAwxVCEjmA/FiLJ/"
             "7Kc5IQdu\naaqJz8OZJyjN7qcrgQJBAM5NKLGKjYSz9gyv+v8LRYHVfrDrvKALAr+"
             "E6fPF1xLf\nRlEpHGP8Rur6tsyiK3FUk0lHAP8V/nuoAObHylJINbcCQQDA9tR+Cco/"
             "m9p+XL3g\nl7BxGsnb8KReEtqB0ASgmQf13BolwrntF7zq4kjgC/"
             "W+RhXsNqGC0kxxf5dlW4wo\n1Th9AkEAjE9EFwQx3gh7lwN1hVMIMhafNPsP7hWvB80BRS/"
             "QaGB8taRtT798CEL+"
             "\nYs0FGO45wkPNdLBjxXxtKIjHnRDJnwJAdx0myHK0pRVJB62qDCS25uq5ZooifGu4\n9F77LEOq1Uq73"
             "UlZyhBYLsnmYF8hoAXVbI3An2e/"
             "hmRTiV68o0wTZQJAHwv0lx7m\n15CJcYNTcYzgvIXgF+vzPcqlgtdyX/"
             "l+vBxt3mSjWbQ9YJbYMlgD1ClPiH3HZ+CB\nNEKfy5JBTD2zQQ=="),
         "shorter than 2048",
         JWT_RS256},
        {"a curve where RSA is wanted",
         PEM("MIG2AgEAMBAGByqGSM49AgEGBSuBBAAiBIGeMIGbAgEBBDDcMP4B0SzwTyxVfl8k\n0BLEphcBz6iwro3"
             "mDetXo05+"
             "YGGsi6LFpAJH10FDKTm4lhmhZANiAAQMoGfbhIzK\nvTXanvRr7ThF5C4QhhK4xTGnOLDTHImnE8W4sTe"
             "b7gdi5R1N4zEjC5vM/fxAPemd\nvgGEwhCMbL7anohFs7On/"
             "16Id3n5rLXhC4DCksiiKsTmZ8jkJ3IPKcQ="),
         "is no RSA key",
         JWT_RS256},
        {"RSA where a curve is wanted",
         PEM("MIICdgIBADANBgkqhkiG9w0BAQEFAASCAmAwggJcAgEAAoGBAJuAx+e6Fgg20Ml3\nza1li0AR2X/"
             "EFkzAidZ6hAaMb50Gf26k4JFEq7KJFU9gpcpe2U9xQFI8ed+olzHs\nUWARVf/"
             "sr54W+Q4S6+gbC5ijX1s0AlOEodjLI7xKo64QgkfoD4/KWNwnQnzwLdq8\nVhLhuzwxy5+i/"
             "a2ZUJFd+1dCRUJbAgMBAAECgYB2QgnFAI+"
             "gz48YqDOSmpa7stdl\ngwoydHpe0e11zXdUQ4zF6D2gPEkXDYlXRHjQ3jEFaWsxHyzQGrZhEQcRuB1dxE"
             "4F\nn/PHcSDkCm4aXhD4L/Q4wxU5doHwjHOGzDFhn/W1yAwxVCEjmA/FiLJ/"
             "7Kc5IQdu\naaqJz8OZJyjN7qcrgQJBAM5NKLGKjYSz9gyv+v8LRYHVfrDrvKALAr+"
             "E6fPF1xLf\nRlEpHGP8Rur6tsyiK3FUk0lHAP8V/nuoAObHylJINbcCQQDA9tR+Cco/"
             "m9p+XL3g\nl7BxGsnb8KReEtqB0ASgmQf13BolwrntF7zq4kjgC/"
             "W+RhXsNqGC0kxxf5dlW4wo\n1Th9AkEAjE9EFwQx3gh7lwN1hVMIMhafNPsP7hWvB80BRS/"
             "QaGB8taRtT798CEL+"
             "\nYs0FGO45wkPNdLBjxXxtKIjHnRDJnwJAdx0myHK0pRVJB62qDCS25uq5ZooifGu4\n9F77LEOq1Uq73"
             "UlZyhBYLsnmYF8hoAXVbI3An2e/"
             "hmRTiV68o0wTZQJAHwv0lx7m\n15CJcYNTcYzgvIXgF+vzPcqlgtdyX/"
             "l+vBxt3mSjWbQ9YJbYMlgD1ClPiH3HZ+CB\nNEKfy5JBTD2zQQ=="),
         "on the curve P-256",
         JWT_ES256},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct jwt_key *key = NULL;
        struct err why = {0};

        if (jwt_key_read(&key, rows[i].kind, rows[i].pem, strlen(rows[i].pem), &why) !=
                ERR_INVALID ||
            key || !strstr(why.text, rows[i].want)) {
            fail_msg("%s: got \"%s\"", rows[i].about, why.text);
        }
    }
}

static void nothing_stays_allocated(void **state)
{
    (void)state;
    assert_int_equal(mem_live_count(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_rsa_key_signs_and_always_the_same),
        cmocka_unit_test(a_key_on_the_curve_signs_with_both_numbers_side_by_side),
        cmocka_unit_test(what_is_no_such_key_is_refused),
        cmocka_unit_test(nothing_stays_allocated),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
