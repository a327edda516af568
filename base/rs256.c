/* RS256 on OpenSSL's EVP. Called by adapters whose platform gives out service accounts: once an hour. */

#include "base/rs256.h"

#include <limits.h>
#include <stdint.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "base/crypto.h"
#include "base/mem.h"

#define BITS_MIN 2048
#define SIGNATURE_BYTES_MAX 2048 /* of keys of up to 16384 bits */

struct rs256_key {
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

static const char *fault_of(const EVP_PKEY *pkey)
{
    if (!pkey) {
        return "is no private key: all of it is needed, from -----BEGIN to the end";
    }
    if (EVP_PKEY_get_base_id(pkey) != EVP_PKEY_RSA) {
        return "is no RSA key";
    }
    return EVP_PKEY_get_bits(pkey) < BITS_MIN              ? "is shorter than 2048 bits"
           : EVP_PKEY_get_size(pkey) > SIGNATURE_BYTES_MAX ? "is too long"
                                                           : NULL;
}

enum err_code
rs256_key_read(struct rs256_key **out, const char *pem, size_t len, struct err *why)
{
    BIO *bio = len <= INT_MAX ? BIO_new_mem_buf(pem, (int)len) : NULL;
    EVP_PKEY *pkey = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL) : NULL;
    const char *fault = fault_of(pkey);

    BIO_free(bio);
    ERR_clear_error(); /* TLS on the same thread would take it for its own */
    if (fault) {
        EVP_PKEY_free(pkey);
        return err_set(why, ERR_INVALID, "the key %s", fault);
    }
    *out = mem_alloc(sizeof **out);
    (*out)->pkey = pkey;
    return ERR_NONE;
}

void rs256_key_free(struct rs256_key *key)
{
    if (key) {
        EVP_PKEY_free(key->pkey);
        mem_free(key);
    }
}

static void add_signature(struct buf *out, const struct rs256_key *key, size_t start)
{
    uint8_t signature[SIGNATURE_BYTES_MAX];
    size_t len = sizeof signature;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();

    must(ctx != NULL);
    must(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key->pkey) == 1);
    must(EVP_DigestSign(
             ctx, signature, &len, (const uint8_t *)out->data + start, out->len - start) == 1);
    EVP_MD_CTX_free(ctx);
    buf_addc(out, '.');
    crypto_base64url(out, signature, len);
}

void rs256_sign_jwt(const struct rs256_key *key,
                    const char *header,
                    const char *claims,
                    struct buf *out)
{
    size_t start = out->len;

    crypto_base64url(out, header, strlen(header));
    buf_addc(out, '.');
    crypto_base64url(out, claims, strlen(claims));
    if (buf_ok(out)) {
        add_signature(out, key, start);
    }
}
