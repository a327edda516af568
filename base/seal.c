/* Sealing what lies on disk: form and reasons in seal.h. Called by service/vault.c; OpenSSL does the
 * cryptography. Keeps nothing. */

#include "base/seal.h"

#include <limits.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "base/attr.h"
#include "base/crypto.h"
#include "base/mem.h"

/* ---- keys ---- */

static bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

bool seal_key_parse(struct seal_key *out, const char *text, size_t len)
{
    struct buf bytes;
    bool good;

    while (len > 0 && is_space(*text)) {
        text++;
        len--;
    }
    while (len > 0 && is_space(text[len - 1])) {
        len--;
    }
    if (crypto_unhex(text, len, out->bytes, sizeof out->bytes)) {
        return true;
    }
    buf_init_secret(&bytes, SEAL_KEY_BYTES);
    good = crypto_unbase64(&bytes, text, len) && buf_ok(&bytes) && bytes.len == SEAL_KEY_BYTES;
    if (good) {
        memcpy(out->bytes, bytes.data, SEAL_KEY_BYTES);
    }
    buf_done(&bytes);
    return good;
}

void seal_key_wipe(struct seal_key *key)
{
    OPENSSL_cleanse(key, sizeof *key);
}

/* ---- sealing ---- */

static void tell_about(EVP_CIPHER_CTX *ctx, const uint8_t *version, const char *about)
{
    int n = 0;
    size_t len = strlen(about);

    must(len <= INT_MAX);
    must(EVP_CipherUpdate(ctx, NULL, &n, version, 1) == 1);
    must(len == 0 ||
         EVP_CipherUpdate(ctx, NULL, &n, (const unsigned char *)about, (int)len) == 1);
}

static EVP_CIPHER_CTX *start(bool seals,
                             const struct seal_key *key,
                             const uint8_t *nonce,
                             uint8_t version,
                             const char *about)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();

    must(ctx != NULL);
    must(EVP_CipherInit_ex2(ctx, EVP_aes_256_gcm(), key->bytes, nonce, seals, NULL) == 1);
    tell_about(ctx, &version, about);
    return ctx;
}

void seal_close_with(struct buf *out,
                     const struct seal_key *key,
                     const uint8_t nonce[SEAL_NONCE_BYTES],
                     const char *about,
                     const void *text,
                     size_t len)
{
    const uint8_t version = SEAL_VERSION;
    EVP_CIPHER_CTX *ctx = start(true, key, nonce, version, about);
    uint8_t *sealed = mem_alloc(len + SEAL_TAG_BYTES);
    int n = 0, rest = 0;

    must(len <= INT_MAX - SEAL_TAG_BYTES);
    must(len == 0 || EVP_CipherUpdate(ctx, sealed, &n, text, (int)len) == 1);
    must(EVP_CipherFinal_ex(ctx, sealed + n, &rest) == 1 && (size_t)n + (size_t)rest == len);
    must(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, SEAL_TAG_BYTES, sealed + len) == 1);
    EVP_CIPHER_CTX_free(ctx);
    buf_add(out, &version, 1);
    buf_add(out, nonce, SEAL_NONCE_BYTES);
    buf_add(out, sealed, len + SEAL_TAG_BYTES);
    mem_free(sealed);
}

void seal_close(struct buf *out,
                const struct seal_key *key,
                const char *about,
                const void *text,
                size_t len)
{
    uint8_t nonce[SEAL_NONCE_BYTES];

    crypto_random(nonce, sizeof nonce);
    seal_close_with(out, key, nonce, about, text, len);
}

static bool
decrypt(EVP_CIPHER_CTX *ctx, uint8_t *text, const uint8_t *sealed, size_t len, const void *tag)
{
    uint8_t copy[SEAL_TAG_BYTES]; /* OpenSSL wants one that it could write to */
    int n = 0, rest = 0;

    memcpy(copy, tag, sizeof copy);
    return (len == 0 || EVP_CipherUpdate(ctx, text, &n, sealed, (int)len) == 1) &&
           EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, SEAL_TAG_BYTES, copy) == 1 &&
           EVP_CipherFinal_ex(ctx, text + n, &rest) == 1;
}

bool seal_open(struct buf *out,
               const struct seal_key *key,
               const char *about,
               const void *sealed,
               size_t len)
{
    const uint8_t *p = sealed;
    size_t text_len = len - SEAL_MORE_BYTES;
    EVP_CIPHER_CTX *ctx;
    uint8_t *text;
    bool good;

    if (len < SEAL_MORE_BYTES || text_len > INT_MAX || p[0] != SEAL_VERSION) {
        return false;
    }
    ctx = start(false, key, p + 1, p[0], about);
    text = mem_alloc(text_len + 1);
    good = decrypt(ctx, text, p + 1 + SEAL_NONCE_BYTES, text_len, p + len - SEAL_TAG_BYTES);
    if (good) { /* nothing of what fails its tag is let out */
        buf_add(out, text, text_len);
    }
    OPENSSL_cleanse(text, text_len);
    mem_free(text);
    EVP_CIPHER_CTX_free(ctx);
    return good && buf_ok(out);
}
