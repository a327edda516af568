/* base/p256: secrets as the RFC's example has them, signatures that another implementation takes, keys in every form
 * they come in, and no point beside the curve. */

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <jansson.h>

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/pem.h>

#include "base/attr.h"
#include "base/crypto.h"
#include "base/mem.h"
#include "base/p256.h"

/* ---- helpers ---- */

static size_t bytes_of(const char *text, uint8_t *out, size_t room)
{
    struct buf b;
    size_t len;

    buf_init(&b, room);
    assert_true(crypto_unbase64(&b, text, strlen(text)));
    assert_true(buf_ok(&b));
    len = b.len;
    memcpy(out, b.data, len);
    buf_done(&b);
    return len;
}

static json_t *vectors(const char *rfc)
{
    json_t *all = json_load_file(FIXTURES "/push/vectors.json", 0, NULL);
    json_t *one = json_incref(json_object_get(all, rfc));

    assert_non_null(one);
    json_decref(all);
    return one;
}

static size_t vector(const json_t *of, const char *name, uint8_t *out, size_t room)
{
    return bytes_of(json_string_value(json_object_get(of, name)), out, room);
}

/* By the library's own way, which shares nothing with ours but the curve. */
static bool verifies(const uint8_t public_key[P256_PUBLIC_BYTES],
                     const void *data,
                     size_t len,
                     const uint8_t raw[P256_SIGNATURE_BYTES])
{
    char group[] = "prime256v1";
    uint8_t point[P256_PUBLIC_BYTES];
    OSSL_PARAM params[3];
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    EVP_PKEY *pkey = NULL;
    ECDSA_SIG *sig = ECDSA_SIG_new();
    unsigned char *der = NULL;
    int der_len;
    bool good;

    memcpy(point, public_key, sizeof point);
    params[0] = OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0);
    params[1] = OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point);
    params[2] = OSSL_PARAM_construct_end();
    assert_int_equal(EVP_PKEY_fromdata_init(ctx), 1);
    assert_int_equal(EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params), 1);
    assert_int_equal(
        ECDSA_SIG_set0(sig, BN_bin2bn(raw, 32, NULL), BN_bin2bn(raw + 32, 32, NULL)), 1);
    der_len = i2d_ECDSA_SIG(sig, &der);
    assert_true(der_len > 0);
    assert_int_equal(EVP_DigestVerifyInit_ex(md, NULL, "SHA256", NULL, NULL, pkey, NULL), 1);
    good = EVP_DigestVerify(md, der, (size_t)der_len, data, len) == 1;
    OPENSSL_free(der);
    ECDSA_SIG_free(sig);
    EVP_MD_CTX_free(md);
    EVP_PKEY_free(pkey);
    EVP_PKEY_CTX_free(ctx);
    return good;
}

/* ---- agreeing ---- */

static void a_secret_is_the_one_of_the_rfc(void **state)
{
    json_t *v = vectors("rfc8291");
    uint8_t as_private[32], ua_private[32], as_public[65], ua_public[65], want[32];
    uint8_t public_key[65], secret[32];

    (void)state;
    (void)vector(v, "as_private", as_private, 32);
    (void)vector(v, "ua_private", ua_private, 32);
    (void)vector(v, "as_public", as_public, 65);
    (void)vector(v, "ua_public", ua_public, 65);
    (void)vector(v, "ecdh_secret", want, 32);
    assert_true(p256_agree_with(as_private, ua_public, public_key, secret));
    assert_memory_equal(public_key, as_public, 65);
    assert_memory_equal(secret, want, 32);
    assert_true(p256_agree_with(ua_private, as_public, public_key, secret));
    assert_memory_equal(public_key, ua_public, 65);
    assert_memory_equal(secret, want, 32);
    json_decref(v);
}

static void both_sides_of_a_fresh_pair_have_the_same_secret(void **state)
{
    uint8_t mine[65], theirs[65], first[65], ours[32], again[32], scalar[32];
    struct p256_key *peer = p256_key_random();

    (void)state;
    p256_key_private(peer, scalar);
    memset(first, 0, sizeof first);
    for (int i = 0; i < 20; i++) {
        assert_true(p256_agree(p256_key_public(peer), mine, ours));
        assert_true(p256_agree_with(scalar, mine, theirs, again));
        assert_memory_equal(theirs, p256_key_public(peer), 65);
        assert_memory_equal(ours, again, 32);
        assert_memory_not_equal(mine, first, 65); /* each pair is another */
        memcpy(first, mine, 65);
    }
    p256_key_free(peer);
}

static void a_point_beside_the_curve_is_none(void **state)
{
    json_t *v = vectors("rfc8291");
    uint8_t point[65], public_key[65], secret[32];

    (void)state;
    (void)vector(v, "ua_public", point, 65);
    assert_true(p256_public_good(point));
    for (size_t i = 0; i < sizeof point; i += 8) {
        point[i] ^= 1;
        assert_false(p256_public_good(point));
        assert_false(p256_agree(point, public_key, secret));
        point[i] ^= 1;
    }
    point[0] = 6; /* "hybrid": the same point, another form */
    assert_false(p256_public_good(point));
    memset(point, 0, sizeof point);
    assert_false(p256_public_good(point));
    memset(point, 0xFF, sizeof point);
    point[0] = 4;
    assert_false(p256_public_good(point));
    /* Nothing is left behind for the TLS of this thread to stumble over. */
    assert_int_equal(ERR_peek_error(), 0);
    json_decref(v);
}

static void a_scalar_beyond_the_order_is_no_key(void **state)
{
    static const char *const bad[] = {
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", /* 0 */
        "_____wAAAAD__________7zm-q2nF56E87nKwvxjJVE", /* the order */
        "__________________________________________8", /* beyond */
    };
    static const char last[] = "_____wAAAAD__________7zm-q2nF56E87nKwvxjJVA"; /* order - 1 */
    uint8_t scalar[32], public_key[65], secret[32];
    struct p256_key *peer = p256_key_random(), *key;
    struct err why = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_int_equal(bytes_of(bad[i], scalar, 32), 32);
        assert_false(p256_agree_with(scalar, p256_key_public(peer), public_key, secret));
        assert_int_equal(p256_key_read(&key, bad[i], strlen(bad[i]), &why), ERR_INVALID);
    }
    assert_int_equal(p256_key_read(&key, last, strlen(last), &why), 0);
    p256_key_free(key);
    p256_key_free(peer);
}

static void *agree_a_lot(void *context)
{
    const struct p256_key *peer = context;
    uint8_t scalar[32], mine[65], theirs[65], ours[32], again[32];

    p256_key_private(peer, scalar);
    for (int i = 0; i < 50; i++) {
        if (!p256_agree(p256_key_public(peer), mine, ours) ||
            !p256_agree_with(scalar, mine, theirs, again) || memcmp(ours, again, 32) != 0) {
            return NULL;
        }
    }
    return context;
}

static void threads_do_not_disturb_each_other(void **state)
{
    struct p256_key *peer = p256_key_random();
    pthread_t threads[4];
    void *good;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, agree_a_lot, peer), 0);
    }
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        assert_int_equal(pthread_join(threads[i], &good), 0);
        assert_non_null(good);
    }
    p256_key_free(peer);
}

/* ---- keys ---- */

/* Cut off. */
static const char pkcs8[] = "-----BEGIN PRIVATE KEY-----\n"
                            "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgyfWPiYE+n46HLnH0\n"
                            "KqZOF1fJJU3MYrct3AELtAQ+oRyhRANCAAT+M/Sr";

/* A fresh key, written by OpenSSL. */
static char *pem_of(const char *kind, const char *curve)
{
    BIO *bio = BIO_new(BIO_s_mem());
    EVP_PKEY *pkey = EVP_EC_gen(curve);
    char *data, *out;
    long len;

    assert_non_null(pkey);
    if (strcmp(kind, "sec1") == 0) {
        assert_int_equal(
            PEM_write_bio_PrivateKey_traditional(bio, pkey, NULL, NULL, 0, NULL, NULL), 1);
    } else if (strcmp(kind, "locked") == 0) {
        assert_int_equal(
            PEM_write_bio_PKCS8PrivateKey(bio, pkey, EVP_aes_128_cbc(), "word", 4, NULL, NULL),
            1);
    } else {
        assert_int_equal(PEM_write_bio_PKCS8PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL),
                         1);
    }
    len = BIO_get_mem_data(bio, &data);
    out = mem_strndup(data, (size_t)len);
    BIO_free(bio);
    EVP_PKEY_free(pkey);
    return out;
}

static void a_key_is_read_in_every_form_it_comes_in(void **state)
{
    json_t *v = vectors("rfc8291");
    uint8_t want[65];
    static const char *const forms[] = {
        "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw",
        "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw=",
        " yfWPiYE+n46HLnH0KqZOF1fJJU3MYrct3AELtAQ+oRw=\n",
    };
    struct p256_key *key;
    struct err why = {0};

    (void)state;
    (void)vector(v, "as_public", want, 65);
    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        assert_int_equal(p256_key_read(&key, forms[i], strlen(forms[i]), &why), 0);
        assert_memory_equal(p256_key_public(key), want, 65);
        p256_key_free(key);
    }
    for (size_t i = 0; i < 2; i++) {
        char *pem = pem_of(i ? "sec1" : "pkcs8", "prime256v1");
        uint8_t signature[64];

        assert_int_equal(p256_key_read(&key, pem, strlen(pem), &why), 0);
        p256_sign(key, "x", 1, signature);
        assert_true(verifies(p256_key_public(key), "x", 1, signature));
        p256_key_free(key);
        mem_free(pem);
    }
    json_decref(v);
}

static void what_is_no_such_key_is_refused_without_telling_it(void **state)
{
    char *locked = pem_of("locked", "prime256v1");
    char *other = pem_of("pkcs8", "secp384r1");
    char *like = pem_of("pkcs8", "secp256k1");
    static const char public_one[] =
        "BP4z9KsN6nGRTbVYI_"
        "c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8";
    const char *bad[] = {"",
                         "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oR",
                         public_one,
                         pkcs8,
                         locked,
                         other,
                         like};
    struct p256_key *key = NULL;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct err why = {0};

        assert_int_equal(p256_key_read(&key, bad[i], strlen(bad[i]), &why), ERR_INVALID);
        assert_null(key);
        assert_non_null(strstr(why.text, "P-256"));
        assert_true(strlen(bad[i]) == 0 || strstr(why.text, bad[i]) == NULL);
    }
    assert_int_equal(ERR_peek_error(), 0);
    mem_free(locked);
    mem_free(other);
    mem_free(like);
}

/* ---- signatures ---- */

static void a_signature_is_one_for_others_and_of_these_bytes_alone(void **state)
{
    struct p256_key *key = p256_key_random();
    uint8_t a[64], b[64];

    (void)state;
    p256_sign(key, "a message", 9, a);
    p256_sign(key, "a message", 9, b);
    assert_true(verifies(p256_key_public(key), "a message", 9, a));
    assert_true(verifies(p256_key_public(key), "a message", 9, b));
    assert_false(verifies(p256_key_public(key), "another one", 11, a));
    p256_key_free(key);
}

static void a_token_has_the_form_of_the_rfc(void **state)
{
    json_t *v = vectors("rfc8292");
    const char *header = json_string_value(json_object_get(v, "jwt_header_json"));
    const char *claims = json_string_value(json_object_get(v, "jwt_claims_json"));
    const char *example = json_string_value(json_object_get(v, "jwt"));
    size_t signed_len = (size_t)(strrchr(example, '.') - example);
    struct p256_key *key = p256_key_random();
    uint8_t public_key[65], signature[64];
    struct buf jwt;

    (void)state;
    (void)vector(v, "public_key_k", public_key, 65);
    assert_int_equal(bytes_of(example + signed_len + 1, signature, 64), 64);
    assert_true(verifies(public_key, example, signed_len, signature)); /* that we verify well */
    buf_init(&jwt, 4096);
    p256_sign_jwt(key, header, claims, &jwt);
    assert_true(jwt.len == strlen(example));
    assert_memory_equal(jwt.data, example, signed_len + 1);
    assert_int_equal(bytes_of(jwt.data + signed_len + 1, signature, 64), 64);
    assert_true(verifies(p256_key_public(key), jwt.data, signed_len, signature));
    buf_done(&jwt);
    p256_key_free(key);
    json_decref(v);
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
        cmocka_unit_test_teardown(a_secret_is_the_one_of_the_rfc, nothing_is_left),
        cmocka_unit_test_teardown(both_sides_of_a_fresh_pair_have_the_same_secret,
                                  nothing_is_left),
        cmocka_unit_test_teardown(a_point_beside_the_curve_is_none, nothing_is_left),
        cmocka_unit_test_teardown(a_scalar_beyond_the_order_is_no_key, nothing_is_left),
        cmocka_unit_test_teardown(threads_do_not_disturb_each_other, nothing_is_left),
        cmocka_unit_test_teardown(a_key_is_read_in_every_form_it_comes_in, nothing_is_left),
        cmocka_unit_test_teardown(what_is_no_such_key_is_refused_without_telling_it,
                                  nothing_is_left),
        cmocka_unit_test_teardown(a_signature_is_one_for_others_and_of_these_bytes_alone,
                                  nothing_is_left),
        cmocka_unit_test_teardown(a_token_has_the_form_of_the_rfc, nothing_is_left),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
