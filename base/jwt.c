/* Signed tokens, on OpenSSL's EVP. Called by adapters whose platform gives out private keys: seldom, once for some
 * ten minutes. Keeps nothing but the key. */

#include "base/jwt.h"

#include <limits.h>
#include <stdint.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "base/attr.h"
#include "base/crypto.h"
#include "base/mem.h"

#define RSA_BITS_MIN 2048
#define CURVE "prime256v1"
#define COORDINATE_BYTES 32
#define SIGNATURE_BYTES_MAX 2048 /* of RSA keys of up to 16384 bits */
#define TOKEN_BYTES_MAX ((size_t)64 * 1024)

struct jwt_key {
    enum jwt_kind kind;
    EVP_PKEY *pkey;
};

/* Else OpenSSL asks the terminal. */
static int no_password(char *out, int size, int writing, void *context)
{
    (void)out;
    (void)size;
    (void)writing;
    (void)context;
    return -1;
}

static bool is_on_curve(const EVP_PKEY *pkey)
{
    char name[64];
    size_t len;

    return EVP_PKEY_get_utf8_string_param(
               pkey, OSSL_PKEY_PARAM_GROUP_NAME, name, sizeof name, &len) == 1 &&
           strcmp(name, CURVE) == 0;
}

static const char *fault_of(const EVP_PKEY *pkey, enum jwt_kind kind)
{
    if (!pkey) {
        return "is no private key: all of the file is needed, from -----BEGIN to the end";
    }
    if (kind == JWT_RS256) {
        return EVP_PKEY_get_base_id(pkey) != EVP_PKEY_RSA      ? "is no RSA key"
               : EVP_PKEY_get_bits(pkey) < RSA_BITS_MIN        ? "is shorter than 2048 bits"
               : EVP_PKEY_get_size(pkey) > SIGNATURE_BYTES_MAX ? "is too long"
                                                               : NULL;
    }
    return EVP_PKEY_get_base_id(pkey) != EVP_PKEY_EC || !is_on_curve(pkey)
               ? "is no key on the curve P-256"
               : NULL;
}

enum err_code jwt_key_read(
    struct jwt_key **out, enum jwt_kind kind, const char *pem, size_t len, struct err *why)
{
    BIO *bio = len <= INT_MAX ? BIO_new_mem_buf(pem, (int)len) : NULL;
    EVP_PKEY *pkey = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL) : NULL;
    const char *fault = fault_of(pkey, kind);

    BIO_free(bio);
    ERR_clear_error();
    if (fault) {
        EVP_PKEY_free(pkey);
        return err_set(why, ERR_INVALID, "the key %s", fault);
    }
    *out = mem_alloc(sizeof **out);
    (*out)->kind = kind;
    (*out)->pkey = pkey;
    return ERR_NONE;
}

void jwt_key_free(struct jwt_key *key)
{
    if (key) {
        EVP_PKEY_free(key->pkey);
        mem_free(key);
    }
}

/* ---- a token ---- */

/* From OpenSSL's DER to r and s side by side (RFC 7518 section 3.4). */
static size_t plain_signature(uint8_t *signature, size_t len)
{
    const unsigned char *at = signature;
    ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &at, (long)len);

    must(pair != NULL);
    must(BN_bn2binpad(ECDSA_SIG_get0_r(pair), signature, COORDINATE_BYTES) == COORDINATE_BYTES);
    must(BN_bn2binpad(ECDSA_SIG_get0_s(pair), signature + COORDINATE_BYTES, COORDINATE_BYTES) ==
         COORDINATE_BYTES);
    ECDSA_SIG_free(pair);
    return (size_t)2 * COORDINATE_BYTES;
}

static void add_signature(struct buf *out, const struct jwt_key *key, const struct buf *signed_)
{
    uint8_t signature[SIGNATURE_BYTES_MAX];
    size_t len = sizeof signature;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();

    must(ctx != NULL);
    must(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key->pkey) == 1);
    must(EVP_DigestSign(
             ctx, signature, &len, (const unsigned char *)buf_str(signed_), signed_->len) == 1);
    EVP_MD_CTX_free(ctx);
    if (key->kind == JWT_ES256) {
        len = plain_signature(signature, len);
    }
    crypto_base64url(out, signature, len);
}

void jwt_sign(struct buf *out,
              const struct jwt_key *key,
              const char *key_id,
              const char *claims,
              size_t claims_len)
{
    struct buf head, text;

    buf_init(&head, TOKEN_BYTES_MAX);
    buf_init(&text, TOKEN_BYTES_MAX);
    buf_addf(
        &head, "{\"alg\":\"%s\",\"typ\":\"JWT\"", key->kind == JWT_RS256 ? "RS256" : "ES256");
    if (key_id) {
        buf_addf(&head, ",\"kid\":\"%s\"", key_id);
    }
    buf_addc(&head, '}');
    crypto_base64url(&text, buf_str(&head), head.len);
    buf_addc(&text, '.');
    crypto_base64url(&text, claims, claims_len);
    buf_add(out, buf_str(&text), text.len);
    buf_addc(out, '.');
    add_signature(out, key, &text);
    buf_done(&head);
    buf_done(&text);
}
