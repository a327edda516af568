/* The encryption of Web Push. Called for every reader of a wave, on the threads of lanes: what OpenSSL needs for it
 * is looked up once, and made once for each thread.
 *
 *   PRK_key = HMAC(auth, secret)                                      RFC 8291 section 3.3
 *   IKM     = HMAC(PRK_key, "WebPush: info" 0 browser_public our_public 1)  section 3.4
 *   PRK     = HMAC(salt, IKM)                                         RFC 8188 section 2.2
 *   CEK     = HMAC(PRK, "Content-Encoding: aes128gcm" 0 1), 16 bytes
 *   NONCE   = HMAC(PRK, "Content-Encoding: nonce" 0 1), 12 bytes      section 2.3
 *
 * HMAC is made of plain digests here: its keys change with every message, and EVP_MAC takes longer to take a new
 * one than the digests of such short texts do. */

#include "base/ece.h"

#include <pthread.h>
#include <string.h>

#include <openssl/evp.h>

#include "base/attr.h"
#include "base/crypto.h"
#include "base/mem.h"

#define BLOCK_BYTES 64 /* of SHA-256 */
#define KEY_BYTES 16
#define NONCE_BYTES 12
#define TAG_BYTES 16
#define RECORD_BYTES 4096
#define HEADER_BYTES (ECE_SALT_BYTES + 4 + 1 + P256_PUBLIC_BYTES)
#define SALTS 256

/* ---- what a thread keeps ---- */

struct tools {
    EVP_MD_CTX *digest;
    EVP_CIPHER_CTX *cipher;
    uint8_t salts[SALTS][ECE_SALT_BYTES]; /* asking for each costs half a microsecond */
    size_t salts_left;
};

static _Thread_local struct tools tools;
static EVP_MD *sha256; /* as long as the program */
static EVP_CIPHER *aes;
static pthread_key_t ends;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void free_tools(void *of_thread)
{
    struct tools *t = of_thread;

    EVP_MD_CTX_free(t->digest);
    EVP_CIPHER_CTX_free(t->cipher);
    t->digest = NULL;
    t->cipher = NULL;
}

static void begin(void)
{
    sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    aes = EVP_CIPHER_fetch(NULL, "AES-128-GCM", NULL);
    must(sha256 && aes && pthread_key_create(&ends, free_tools) == 0);
}

static struct tools *tools_of_thread(void)
{
    struct tools *t = &tools;

    if (t->digest) {
        return t;
    }
    pthread_once(&once, begin);
    must(pthread_setspecific(ends, t) == 0);
    t->digest = EVP_MD_CTX_new();
    t->cipher = EVP_CIPHER_CTX_new();
    must(t->digest && t->cipher);
    must(EVP_DigestInit_ex2(t->digest, sha256, NULL) == 1);
    must(EVP_EncryptInit_ex2(t->cipher, aes, NULL, NULL, NULL) == 1);
    return t;
}

static const uint8_t *next_salt(struct tools *t)
{
    if (t->salts_left == 0) {
        crypto_random(t->salts, sizeof t->salts);
        t->salts_left = SALTS;
    }
    return t->salts[--t->salts_left];
}

/* ---- keys ---- */

/* RFC 2104, for keys no longer than a block. */
static void hmac(struct tools *t,
                 const uint8_t *key,
                 size_t key_len,
                 const void *text,
                 size_t len,
                 uint8_t out[SHA256_BYTES])
{
    uint8_t pad[BLOCK_BYTES] = {0};
    unsigned out_len;

    must(key_len <= BLOCK_BYTES);
    memcpy(pad, key, key_len);
    for (size_t i = 0; i < BLOCK_BYTES; i++) {
        pad[i] ^= 0x36;
    }
    must(EVP_DigestInit_ex2(t->digest, NULL, NULL) == 1);
    must(EVP_DigestUpdate(t->digest, pad, BLOCK_BYTES) == 1);
    must(EVP_DigestUpdate(t->digest, text, len) == 1);
    must(EVP_DigestFinal_ex(t->digest, out, &out_len) == 1);
    for (size_t i = 0; i < BLOCK_BYTES; i++) {
        pad[i] ^= 0x36 ^ 0x5c;
    }
    must(EVP_DigestInit_ex2(t->digest, NULL, NULL) == 1);
    must(EVP_DigestUpdate(t->digest, pad, BLOCK_BYTES) == 1);
    must(EVP_DigestUpdate(t->digest, out, SHA256_BYTES) == 1);
    must(EVP_DigestFinal_ex(t->digest, out, &out_len) == 1);
    mem_wipe(pad, sizeof pad);
}

struct keys {
    uint8_t key[SHA256_BYTES];   /* KEY_BYTES of it */
    uint8_t nonce[SHA256_BYTES]; /* NONCE_BYTES of it */
};

/* The infos end in their NUL, and in the counter of HKDF. */
static void derive(struct tools *t,
                   const struct ece_to *to,
                   const uint8_t salt[ECE_SALT_BYTES],
                   struct keys *out)
{
    static const char push_info[] = "WebPush: info";
    static const char key_info[] = "Content-Encoding: aes128gcm\0\1";
    static const char nonce_info[] = "Content-Encoding: nonce\0\1";
    uint8_t info[sizeof push_info + 2 * (size_t)P256_PUBLIC_BYTES + 1];
    uint8_t work[SHA256_BYTES];

    memcpy(info, push_info, sizeof push_info);
    memcpy(info + sizeof push_info, to->public_key, P256_PUBLIC_BYTES);
    memcpy(info + sizeof push_info + P256_PUBLIC_BYTES, to->our_public, P256_PUBLIC_BYTES);
    info[sizeof info - 1] = 1;
    hmac(t, to->auth, ECE_AUTH_BYTES, to->secret, P256_SECRET_BYTES, work);
    hmac(t, work, sizeof work, info, sizeof info, work);
    hmac(t, salt, ECE_SALT_BYTES, work, sizeof work, work);
    hmac(t, work, sizeof work, key_info, sizeof key_info - 1, out->key);
    hmac(t, work, sizeof work, nonce_info, sizeof nonce_info - 1, out->nonce);
    mem_wipe(work, sizeof work);
}

/* ---- the body ---- */

static void add_header(struct buf *out, const uint8_t *salt, const struct ece_to *to)
{
    static const uint8_t lengths[] = {RECORD_BYTES >> 24,
                                      RECORD_BYTES >> 16,
                                      RECORD_BYTES >> 8 & 0xFF,
                                      RECORD_BYTES & 0xFF,
                                      P256_PUBLIC_BYTES};

    buf_add(out, salt, ECE_SALT_BYTES);
    buf_add(out, lengths, sizeof lengths);
    buf_add(out, to->our_public, P256_PUBLIC_BYTES);
}

/* len bytes at record, in place; the tag behind them. */
static void encrypt(struct tools *t, const struct keys *keys, uint8_t *record, size_t len)
{
    int done, rest;

    must(EVP_EncryptInit_ex2(t->cipher, NULL, keys->key, keys->nonce, NULL) == 1);
    must(EVP_EncryptUpdate(t->cipher, record, &done, record, (int)len) == 1);
    must(EVP_EncryptFinal_ex(t->cipher, record + done, &rest) == 1);
    must(EVP_CIPHER_CTX_ctrl(t->cipher, EVP_CTRL_AEAD_GET_TAG, TAG_BYTES, record + len) == 1);
}

void ece_seal_with(struct buf *out,
                   const struct ece_to *to,
                   const uint8_t salt[ECE_SALT_BYTES],
                   const void *text,
                   size_t len)
{
    static const uint8_t end[1 + TAG_BYTES] = {2}; /* the last record; room for the tag */
    struct tools *t = tools_of_thread();
    size_t start = out->len + HEADER_BYTES;
    struct keys keys;

    must(len <= ECE_TEXT_MAX_BYTES);
    add_header(out, salt, to);
    buf_add(out, text, len);
    buf_add(out, end, sizeof end);
    if (!buf_ok(out)) {
        return;
    }
    derive(t, to, salt, &keys);
    encrypt(t, &keys, (uint8_t *)out->data + start, len + 1);
    mem_wipe(&keys, sizeof keys);
}

void ece_seal(struct buf *out, const struct ece_to *to, const void *text, size_t len)
{
    ece_seal_with(out, to, next_salt(tools_of_thread()), text, len);
}

/* ---- the browser's side ---- */

/* len bytes of record, and the tag behind them; appended as they are, with the mark at their end. */
static bool decrypt(struct buf *out, const struct keys *keys, const uint8_t *record, size_t len)
{
    uint8_t text[RECORD_BYTES], tag[TAG_BYTES];
    EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
    int done = 0, rest = 0;
    bool good;

    must(cipher != NULL && len <= sizeof text);
    memcpy(tag, record + len, sizeof tag);
    good = EVP_DecryptInit_ex2(cipher, aes, keys->key, keys->nonce, NULL) == 1 &&
           EVP_DecryptUpdate(cipher, text, &done, record, (int)len) == 1 &&
           EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_SET_TAG, TAG_BYTES, tag) == 1 &&
           EVP_DecryptFinal_ex(cipher, text + done, &rest) == 1;
    EVP_CIPHER_CTX_free(cipher);
    if (good) {
        buf_add(out, text, len);
    }
    return good;
}

/* The text ends in a mark, and zeros may follow (RFC 8188 section 2). */
static bool take_off_mark(struct buf *out, size_t from)
{
    size_t end = out->len;

    while (end > from && out->data[end - 1] == 0) {
        end--;
    }
    if (end == from || out->data[end - 1] != 2) {
        return false;
    }
    buf_truncate(out, end - 1);
    return true;
}

bool ece_open(struct buf *out,
              const uint8_t *private_key,
              const uint8_t *auth,
              const void *body,
              size_t len)
{
    const uint8_t *bytes = body;
    uint8_t own_public[P256_PUBLIC_BYTES], secret[P256_SECRET_BYTES];
    struct ece_to to = {.public_key = own_public, .auth = auth, .secret = secret};
    size_t from = out->len;
    struct keys keys;
    bool good;

    if (len <= HEADER_BYTES + TAG_BYTES || len > HEADER_BYTES + RECORD_BYTES ||
        bytes[ECE_SALT_BYTES + 4] != P256_PUBLIC_BYTES) {
        return false;
    }
    to.our_public = bytes + ECE_SALT_BYTES + 4 + 1;
    if (!p256_agree_with(private_key, to.our_public, own_public, secret)) {
        return false;
    }
    derive(tools_of_thread(), &to, bytes, &keys);
    good = decrypt(out, &keys, bytes + HEADER_BYTES, len - HEADER_BYTES - TAG_BYTES) &&
           buf_ok(out) && take_off_mark(out, from);
    mem_wipe(&keys, sizeof keys);
    mem_wipe(secret, sizeof secret);
    if (!good) {
        buf_truncate(out, from);
    }
    return good;
}
