/* Digests, message authentication and encodings. Called by signing adapters, by the doors that
 * check signatures, and for hashes of articles. OpenSSL does the cryptography; the encodings
 * are ours because OpenSSL's base64 reads leniently. Keeps nothing. */

#include "base/crypto.h"

#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include "base/attr.h"
#include "base/mem.h"

void crypto_random(void *out, size_t len)
{
    must(len <= INT_MAX);
    must(RAND_bytes(out, (int)len) == 1);
}

/* Looked up once: OpenSSL 3 finds an algorithm by its name at every use otherwise, which takes longer
 * than the digest of a kilobyte. Both may be used by several threads at once; they live as long as the
 * program. */
static EVP_MD *sha256;
static EVP_MAC *hmac;
static pthread_once_t fetch_once = PTHREAD_ONCE_INIT;

static void fetch(void)
{
    sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    must(sha256 != NULL && hmac != NULL);
}

void crypto_sha256(const void *data, size_t len, uint8_t out[SHA256_BYTES])
{
    pthread_once(&fetch_once, fetch);
    must(EVP_Digest(data, len, out, NULL, sha256, NULL) == 1);
}

uint64_t crypto_first64(const uint8_t *bytes)
{
    uint64_t v = 0;

    for (size_t i = 0; i < sizeof v; i++) {
        v = v << 8 | bytes[i];
    }
    return v;
}

struct crypto_sum {
    EVP_MD_CTX *ctx;
};

struct crypto_sum *crypto_sha256_begin(void)
{
    struct crypto_sum *s = mem_zalloc(sizeof *s);

    pthread_once(&fetch_once, fetch);
    s->ctx = EVP_MD_CTX_new();
    must(s->ctx != NULL && EVP_DigestInit_ex2(s->ctx, sha256, NULL) == 1);
    return s;
}

void crypto_sha256_add(struct crypto_sum *s, const void *data, size_t len)
{
    must(EVP_DigestUpdate(s->ctx, data, len) == 1);
}

void crypto_sha256_end(struct crypto_sum *s, uint8_t out[SHA256_BYTES])
{
    must(!out || EVP_DigestFinal_ex(s->ctx, out, NULL) == 1);
    EVP_MD_CTX_free(s->ctx);
    mem_free(s);
}

size_t crypto_hmac(enum crypto_digest digest,
                   const void *key,
                   size_t key_len,
                   const void *data,
                   size_t len,
                   uint8_t out[CRYPTO_DIGEST_MAX_BYTES])
{
    static const char *const names[] = {[CRYPTO_SHA1] = "SHA1",
                                        [CRYPTO_SHA256] = "SHA256",
                                        [CRYPTO_SHA384] = "SHA384",
                                        [CRYPTO_SHA512] = "SHA512"};
    char name[8]; /* OpenSSL wants one that it could write to */
    OSSL_PARAM params[2];
    EVP_MAC_CTX *ctx;
    size_t out_len;

    (void)snprintf(name, sizeof name, "%s", names[digest]);
    params[0] = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0);
    params[1] = OSSL_PARAM_construct_end();
    pthread_once(&fetch_once, fetch);
    ctx = EVP_MAC_CTX_new(hmac);
    must(ctx != NULL);
    /* OpenSSL takes a NULL key for "the one from last time". */
    must(EVP_MAC_init(ctx, key == NULL ? (const uint8_t *)"" : key, key_len, params) == 1);
    must(EVP_MAC_update(ctx, data, len) == 1);
    must(EVP_MAC_final(ctx, out, &out_len, CRYPTO_DIGEST_MAX_BYTES) == 1);
    EVP_MAC_CTX_free(ctx);
    return out_len;
}

void crypto_hmac_sha256(
    const void *key, size_t key_len, const void *data, size_t len, uint8_t out[SHA256_BYTES])
{
    uint8_t mac[CRYPTO_DIGEST_MAX_BYTES];

    must(crypto_hmac(CRYPTO_SHA256, key, key_len, data, len, mac) == SHA256_BYTES);
    memcpy(out, mac, SHA256_BYTES);
}

bool crypto_equal(const void *a, const void *b, size_t len)
{
    return CRYPTO_memcmp(a, b, len) == 0;
}

char *crypto_hex(const void *data, size_t len, char *out)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *bytes = data;

    for (size_t i = 0; i < len; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
    out[2 * len] = '\0';
    return out;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool crypto_unhex(const char *text, size_t text_len, uint8_t *out, size_t len)
{
    if (text_len % 2 != 0 || text_len / 2 != len) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        int high = hex_value(text[2 * i]), low = hex_value(text[2 * i + 1]);

        if (high < 0 || low < 0) {
            return false;
        }
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static void
encode(struct buf *out, const uint8_t *in, size_t len, const char *alphabet, bool pad)
{
    for (size_t i = 0; i < len; i += 3) {
        size_t have = len - i < 3 ? len - i : 3;
        unsigned bits = (unsigned)in[i] << 16;

        bits |= have > 1 ? (unsigned)in[i + 1] << 8 : 0;
        bits |= have > 2 ? (unsigned)in[i + 2] : 0;
        char group[4] = {alphabet[bits >> 18],
                         alphabet[bits >> 12 & 63],
                         have > 1 ? alphabet[bits >> 6 & 63] : '=',
                         have > 2 ? alphabet[bits & 63] : '='};
        buf_add(out, group, pad ? 4 : have + 1);
    }
}

void crypto_base64(struct buf *out, const void *data, size_t len)
{
    encode(out,
           data,
           len,
           "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
           true);
}

void crypto_base64url(struct buf *out, const void *data, size_t len)
{
    encode(out,
           data,
           len,
           "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
           false);
}

static int base64_value(char c)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }
    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }
    if (c == '+' || c == '-') {
        return 62;
    }
    return c == '/' || c == '_' ? 63 : -1;
}

/* Length without the padding; false when the padding does not complete a group of four. */
static bool strip_padding(const char *text, size_t *len)
{
    size_t bare = *len;

    while (bare > 0 && *len - bare < 2 && text[bare - 1] == '=') {
        bare--;
    }
    if (bare != *len && *len % 4 != 0) {
        return false;
    }
    *len = bare;
    return bare % 4 != 1;
}

bool crypto_unbase64(struct buf *out, const char *text, size_t len)
{
    size_t before = out->len;
    unsigned bits = 0, have = 0;

    if (!strip_padding(text, &len)) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        int value = base64_value(text[i]);

        if (value < 0) {
            buf_truncate(out, before);
            return false;
        }
        bits = (bits << 6 | (unsigned)value) & 0xFFFFFF;
        have += 6;
        if (have >= 8) {
            have -= 8;
            buf_addc(out, (char)(bits >> have & 0xFF));
        }
    }
    if ((bits & ((1u << have) - 1)) != 0) { /* stray bits: another text for the same bytes */
        buf_truncate(out, before);
        return false;
    }
    return true;
}
