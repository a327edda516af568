/* P-256 on OpenSSL. Called by adapters that sign tokens and encrypt messages, on the threads of lanes too, and by
 * `crier keys`.
 *
 * Agreeing on a secret is what a wave of browser messages spends its time on, once for each reader. EVP makes
 * objects, looks up algorithms and checks keys anew for each: 117 microseconds. The curve's own functions on what
 * each thread keeps (the group, whose multiplications are nistz256's and take the same time for every scalar; points
 * and numbers) need half of that. Signing is rare, and is EVP's. */

#include "base/p256.h"

#include <pthread.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>

#include "base/crypto.h"
#include "base/mem.h"

/* The order of the group (FIPS 186-4, D.1.2.3). */
static const uint8_t order[P256_PRIVATE_BYTES] = {
    0xFF, 0xFF, 0xFF, 0xFF, 0x00, 0x00, 0x00, 0x00, 0xFF, 0xFF, 0xFF,
    0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xBC, 0xE6, 0xFA, 0xAD, 0xA7, 0x17,
    0x9E, 0x84, 0xF3, 0xB9, 0xCA, 0xC2, 0xFC, 0x63, 0x25, 0x51};

/* ---- what a thread keeps ---- */

struct tools {
    EC_GROUP *group;
    BN_CTX *ctx;
    EC_POINT *peer, *result;
    BIGNUM *scalar, *x, *y;
};

static _Thread_local struct tools tools;
static pthread_key_t ends;
static pthread_once_t ends_once = PTHREAD_ONCE_INIT;

static void free_tools(void *of_thread)
{
    struct tools *t = of_thread;

    BN_clear_free(t->scalar);
    BN_clear_free(t->x);
    BN_clear_free(t->y);
    EC_POINT_clear_free(t->result);
    EC_POINT_free(t->peer);
    BN_CTX_free(t->ctx);
    EC_GROUP_free(t->group);
    memset(t, 0, sizeof *t);
}

static void make_ends(void)
{
    must(pthread_key_create(&ends, free_tools) == 0);
}

static struct tools *tools_of_thread(void)
{
    struct tools *t = &tools;

    if (t->group) {
        return t;
    }
    pthread_once(&ends_once, make_ends);
    must(pthread_setspecific(ends, t) == 0);
    t->group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
    t->ctx = BN_CTX_secure_new();
    must(t->group && t->ctx);
    t->peer = EC_POINT_new(t->group);
    t->result = EC_POINT_new(t->group);
    t->scalar = BN_new();
    t->x = BN_new();
    t->y = BN_new();
    must(t->peer && t->result && t->scalar && t->x && t->y);
    BN_set_flags(t->scalar, BN_FLG_CONSTTIME);
    return t;
}

/* ---- points ---- */

/* What OpenSSL notes of a refusal is taken back: TLS on the same thread would take it for its own. */
static bool read_point(struct tools *t, const uint8_t point[P256_PUBLIC_BYTES])
{
    if (point[0] != POINT_CONVERSION_UNCOMPRESSED) {
        return false;
    }
    if (EC_POINT_oct2point(t->group, t->peer, point, P256_PUBLIC_BYTES, t->ctx) == 1) {
        return true;
    }
    ERR_clear_error();
    return false;
}

bool p256_public_good(const uint8_t point[P256_PUBLIC_BYTES])
{
    return read_point(tools_of_thread(), point);
}

/* 1 to order - 1. Which it is not is no secret: such a key is used for nothing. */
static bool scalar_good(const uint8_t scalar[P256_PRIVATE_BYTES])
{
    static const uint8_t zero[P256_PRIVATE_BYTES];

    return memcmp(scalar, order, P256_PRIVATE_BYTES) < 0 &&
           !crypto_equal(scalar, zero, sizeof zero);
}

static void set_scalar(struct tools *t, const uint8_t scalar[P256_PRIVATE_BYTES])
{
    must(BN_bin2bn(scalar, P256_PRIVATE_BYTES, t->scalar) != NULL);
}

static void write_public(struct tools *t, uint8_t out[P256_PUBLIC_BYTES])
{
    must(EC_POINT_mul(t->group, t->result, t->scalar, NULL, NULL, t->ctx) == 1);
    must(EC_POINT_get_affine_coordinates(t->group, t->result, t->x, t->y, t->ctx) == 1);
    out[0] = POINT_CONVERSION_UNCOMPRESSED;
    must(BN_bn2binpad(t->x, out + 1, 32) == 32);
    must(BN_bn2binpad(t->y, out + 33, 32) == 32);
}

/* The order is prime and the peer a point of the curve: the product is never the one at infinity. */
static void write_secret(struct tools *t, uint8_t out[P256_SECRET_BYTES])
{
    must(EC_POINT_mul(t->group, t->result, NULL, t->peer, t->scalar, t->ctx) == 1);
    must(EC_POINT_get_affine_coordinates(t->group, t->result, t->x, NULL, t->ctx) == 1);
    must(BN_bn2binpad(t->x, out, P256_SECRET_BYTES) == P256_SECRET_BYTES);
    BN_clear(t->x);
}

bool p256_agree_with(const uint8_t private_key[P256_PRIVATE_BYTES],
                     const uint8_t peer[P256_PUBLIC_BYTES],
                     uint8_t out_public[P256_PUBLIC_BYTES],
                     uint8_t out_secret[P256_SECRET_BYTES])
{
    struct tools *t = tools_of_thread();

    if (!scalar_good(private_key) || !read_point(t, peer)) {
        return false;
    }
    set_scalar(t, private_key);
    write_public(t, out_public);
    write_secret(t, out_secret);
    BN_clear(t->scalar);
    return true;
}

/* Whoever is not below the order is thrown away: one of 2^32. */
static void random_scalar(uint8_t out[P256_PRIVATE_BYTES])
{
    do {
        crypto_random(out, P256_PRIVATE_BYTES);
    } while (!scalar_good(out));
}

bool p256_agree(const uint8_t peer[P256_PUBLIC_BYTES],
                uint8_t out_public[P256_PUBLIC_BYTES],
                uint8_t out_secret[P256_SECRET_BYTES])
{
    uint8_t scalar[P256_PRIVATE_BYTES];
    bool good;

    random_scalar(scalar);
    good = p256_agree_with(scalar, peer, out_public, out_secret);
    mem_wipe(scalar, sizeof scalar);
    return good;
}

/* ---- keys ---- */

struct p256_key {
    uint8_t private_key[P256_PRIVATE_BYTES];
    uint8_t public_key[P256_PUBLIC_BYTES];
    EVP_PKEY *pkey;
};

static EVP_PKEY *pkey_of(const struct p256_key *key)
{
    BIGNUM *scalar = BN_secure_new();
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    OSSL_PARAM *params;
    EVP_PKEY *out = NULL;

    must(scalar && build && ctx);
    must(BN_bin2bn(key->private_key, P256_PRIVATE_BYTES, scalar) != NULL);
    must(OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) ==
         1);
    must(OSSL_PARAM_BLD_push_octet_string(
             build, OSSL_PKEY_PARAM_PUB_KEY, key->public_key, P256_PUBLIC_BYTES) == 1);
    must(OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_PRIV_KEY, scalar) == 1);
    params = OSSL_PARAM_BLD_to_param(build);
    must(params && EVP_PKEY_fromdata_init(ctx) == 1);
    must(EVP_PKEY_fromdata(ctx, &out, EVP_PKEY_KEYPAIR, params) == 1);
    OSSL_PARAM_free(params);
    EVP_PKEY_CTX_free(ctx);
    OSSL_PARAM_BLD_free(build);
    BN_clear_free(scalar);
    return out;
}

/* scalar: a good one. */
static struct p256_key *key_of(const uint8_t scalar[P256_PRIVATE_BYTES])
{
    struct p256_key *key = mem_zalloc(sizeof *key);
    struct tools *t = tools_of_thread();

    memcpy(key->private_key, scalar, P256_PRIVATE_BYTES);
    set_scalar(t, scalar);
    write_public(t, key->public_key);
    BN_clear(t->scalar);
    key->pkey = pkey_of(key);
    return key;
}

/* Else OpenSSL would ask for it on the terminal. */
static int no_password(char *buf, int size, int writing, void *context)
{
    (void)buf;
    (void)size;
    (void)writing;
    (void)context;
    return -1;
}

/* False: there is none of this curve. */
static bool scalar_of_pem(const char *text, size_t len, uint8_t out[P256_PRIVATE_BYTES])
{
    BIO *bio = BIO_new_mem_buf(text, (int)len);
    EVP_PKEY *pkey = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL) : NULL;
    BIGNUM *scalar = NULL;
    char group[32] = "";
    bool good = pkey &&
                EVP_PKEY_get_utf8_string_param(
                    pkey, OSSL_PKEY_PARAM_GROUP_NAME, group, sizeof group, NULL) == 1 &&
                strcmp(group, "prime256v1") == 0 &&
                EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_PRIV_KEY, &scalar) == 1 &&
                BN_bn2binpad(scalar, out, P256_PRIVATE_BYTES) == P256_PRIVATE_BYTES;

    BN_clear_free(scalar);
    EVP_PKEY_free(pkey);
    BIO_free(bio);
    ERR_clear_error(); /* it tried several forms */
    return good;
}

static bool scalar_of_base64(const char *text, size_t len, uint8_t out[P256_PRIVATE_BYTES])
{
    struct buf bytes;
    bool good;

    buf_init_secret(&bytes, P256_PRIVATE_BYTES);
    good =
        crypto_unbase64(&bytes, text, len) && buf_ok(&bytes) && bytes.len == P256_PRIVATE_BYTES;
    if (good) {
        memcpy(out, bytes.data, P256_PRIVATE_BYTES);
    }
    buf_done(&bytes);
    return good;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

enum err_code
p256_key_read(struct p256_key **out, const char *text, size_t len, struct err *why)
{
    uint8_t scalar[P256_PRIVATE_BYTES];
    bool pem, good;

    while (len > 0 && is_blank(*text)) {
        text++;
        len--;
    }
    while (len > 0 && is_blank(text[len - 1])) {
        len--;
    }
    pem = len > 10 && memcmp(text, "-----BEGIN", 10) == 0;
    good = len < 65536 &&
           (pem ? scalar_of_pem(text, len, scalar) : scalar_of_base64(text, len, scalar)) &&
           scalar_good(scalar);
    if (good) {
        *out = key_of(scalar);
    }
    mem_wipe(scalar, sizeof scalar);
    if (good) {
        return ERR_NONE;
    }
    return err_set(
        why,
        ERR_INVALID,
        pem ? "no private key of the curve P-256 without a password can be read from this PEM"
            : "expected a private key of the curve P-256: its 32 bytes in base64url (43 "
              "characters), or PEM");
}

struct p256_key *p256_key_random(void)
{
    uint8_t scalar[P256_PRIVATE_BYTES];
    struct p256_key *key;

    random_scalar(scalar);
    key = key_of(scalar);
    mem_wipe(scalar, sizeof scalar);
    return key;
}

void p256_key_free(struct p256_key *key)
{
    if (key) {
        EVP_PKEY_free(key->pkey);
        mem_free_secret(key, sizeof *key);
    }
}

const uint8_t *p256_key_public(const struct p256_key *key)
{
    return key->public_key;
}

void p256_key_private(const struct p256_key *key, uint8_t out[P256_PRIVATE_BYTES])
{
    memcpy(out, key->private_key, P256_PRIVATE_BYTES);
}

/* ---- signatures ---- */

void p256_sign(const struct p256_key *key,
               const void *data,
               size_t len,
               uint8_t out[P256_SIGNATURE_BYTES])
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    const unsigned char *at;
    uint8_t der[80];
    size_t der_len = sizeof der;
    ECDSA_SIG *sig;

    must(ctx && EVP_DigestSignInit_ex(ctx, NULL, "SHA256", NULL, NULL, key->pkey, NULL) == 1);
    must(EVP_DigestSign(ctx, der, &der_len, data, len) == 1);
    at = der;
    sig = d2i_ECDSA_SIG(NULL, &at, (long)der_len);
    must(sig != NULL);
    must(BN_bn2binpad(ECDSA_SIG_get0_r(sig), out, 32) == 32);
    must(BN_bn2binpad(ECDSA_SIG_get0_s(sig), out + 32, 32) == 32);
    ECDSA_SIG_free(sig);
    EVP_MD_CTX_free(ctx);
}

void p256_sign_jwt(const struct p256_key *key,
                   const char *header,
                   const char *claims,
                   struct buf *out)
{
    uint8_t signature[P256_SIGNATURE_BYTES];
    size_t start = out->len;

    crypto_base64url(out, header, strlen(header));
    buf_addc(out, '.');
    crypto_base64url(out, claims, strlen(claims));
    if (!buf_ok(out)) {
        return;
    }
    p256_sign(key, out->data + start, out->len - start, signature);
    buf_addc(out, '.');
    crypto_base64url(out, signature, sizeof signature);
}
