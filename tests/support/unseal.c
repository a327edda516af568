/* See unseal.h. */

#include "support/unseal.h"

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/param_build.h>

#include "base/attr.h"
#include "base/crypto.h"

#define HEADER_BYTES 86
#define TAG_BYTES 16

static void decode(const char *text, uint8_t *out, size_t len)
{
    struct buf b;

    buf_init(&b, len);
    must(crypto_unbase64(&b, text, strlen(text)) && b.len == len);
    memcpy(out, b.data, len);
    buf_done(&b);
}

void unseal_example(struct unseal_browser *out)
{
    decode("q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94", out->private_key, 32);
    decode(
        "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIA"
        "iw4",
        out->public_key,
        65);
    decode("BTBZMqHH6r4Tts7J_aSIgg", out->auth, 16);
}

/* private_key NULL: the public one alone. NULL: it is none. */
static EVP_PKEY *key_of(const uint8_t *private_key, const uint8_t public_key[65])
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    BIGNUM *scalar = private_key ? BN_bin2bn(private_key, 32, NULL) : NULL;
    OSSL_PARAM *params;
    EVP_PKEY *out = NULL;

    must(OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0) == 1);
    must(OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, public_key, 65) == 1);
    must(!scalar || OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_PRIV_KEY, scalar) == 1);
    params = OSSL_PARAM_BLD_to_param(build);
    must(params && EVP_PKEY_fromdata_init(ctx) == 1);
    (void)EVP_PKEY_fromdata(
        ctx, &out, private_key ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY, params);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(build);
    BN_free(scalar);
    EVP_PKEY_CTX_free(ctx);
    return out;
}

static bool
agree(const struct unseal_browser *b, const uint8_t their_public[65], uint8_t secret[32])
{
    EVP_PKEY *ours = key_of(b->private_key, b->public_key),
             *theirs = key_of(NULL, their_public);
    EVP_PKEY_CTX *ctx = ours && theirs ? EVP_PKEY_CTX_new_from_pkey(NULL, ours, NULL) : NULL;
    size_t len = 32;
    bool good = ctx && EVP_PKEY_derive_init(ctx) == 1 &&
                EVP_PKEY_derive_set_peer(ctx, theirs) == 1 &&
                EVP_PKEY_derive(ctx, secret, &len) == 1 && len == 32;

    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(ours);
    EVP_PKEY_free(theirs);
    return good;
}

static void hkdf(const uint8_t *salt,
                 const uint8_t key[32],
                 const uint8_t *info,
                 size_t info_len,
                 uint8_t *out,
                 size_t len)
{
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
    EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf);
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    OSSL_PARAM *params;

    must(OSSL_PARAM_BLD_push_utf8_string(build, OSSL_KDF_PARAM_DIGEST, "SHA256", 0) == 1);
    must(OSSL_PARAM_BLD_push_octet_string(build, OSSL_KDF_PARAM_KEY, key, 32) == 1);
    must(OSSL_PARAM_BLD_push_octet_string(build, OSSL_KDF_PARAM_SALT, salt, 16) == 1);
    must(OSSL_PARAM_BLD_push_octet_string(build, OSSL_KDF_PARAM_INFO, info, info_len) == 1);
    params = OSSL_PARAM_BLD_to_param(build);
    must(EVP_KDF_derive(ctx, out, len, params) == 1);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(build);
    EVP_KDF_CTX_free(ctx);
    EVP_KDF_free(kdf);
}

static bool decrypt(
    const uint8_t key[16], const uint8_t nonce[12], const uint8_t *in, size_t len, uint8_t *out)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    uint8_t tag[TAG_BYTES];
    int done, rest;
    bool good;

    memcpy(tag, in + len, sizeof tag);
    good = EVP_DecryptInit_ex(ctx, EVP_aes_128_gcm(), NULL, key, nonce) == 1 &&
           EVP_DecryptUpdate(ctx, out, &done, in, (int)len) == 1 &&
           EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG_BYTES, tag) == 1 &&
           EVP_DecryptFinal_ex(ctx, out + done, &rest) == 1;
    EVP_CIPHER_CTX_free(ctx);
    return good;
}

bool unseal(const struct unseal_browser *b, const void *body, size_t len, struct buf *out)
{
    static const uint8_t lengths[] = {0, 0, 16, 0, 65};
    static const char key_info[] = "Content-Encoding: aes128gcm";
    static const char nonce_info[] = "Content-Encoding: nonce";
    const uint8_t *in = body, *theirs = in + 21;
    uint8_t info[14 + 2 * 65] = "WebPush: info";
    uint8_t secret[32], ikm[32], key[16], nonce[12], text[4096];
    size_t sealed = len - HEADER_BYTES - TAG_BYTES;

    if (len < HEADER_BYTES + 1 + TAG_BYTES || len > sizeof text ||
        memcmp(in + 16, lengths, 5) != 0 || !agree(b, theirs, secret)) {
        return false;
    }
    memcpy(info + 14, b->public_key, 65);
    memcpy(info + 14 + 65, theirs, 65);
    hkdf(b->auth, secret, info, sizeof info, ikm, sizeof ikm);
    hkdf(in, ikm, (const uint8_t *)key_info, sizeof key_info, key, sizeof key);
    hkdf(in, ikm, (const uint8_t *)nonce_info, sizeof nonce_info, nonce, sizeof nonce);
    if (!decrypt(key, nonce, in + HEADER_BYTES, sealed, text)) {
        return false;
    }
    while (sealed > 0 && text[sealed - 1] == 0) {
        sealed--;
    }
    if (sealed == 0 || text[sealed - 1] != 2) {
        return false;
    }
    buf_add(out, text, sealed - 1);
    return true;
}
