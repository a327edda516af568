/* Sealing a channel's credential for the ledger, and opening it. Called by keeper*.c and by `crier keys`;
 * keeps nothing: the key is read from the settings each time, since that is seldom. */

#include "service/vault.h"

#include <string.h>

#include "base/crypto.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/seal.h"

#define KEPT_BYTES ((size_t)1024 * 1024)
#define KEPT_DEPTH 64

bool vault_has_key(const struct config *config)
{
    return config->vault.key.text != NULL;
}

/* What belongs to one channel opens for no other. */
static char *about(const char *channel)
{
    return mem_printf("crier credential %s", channel);
}

char *vault_seal(const struct config *config, const char *channel, const json_t *kept)
{
    const struct secret *secret = &config->vault.key;
    char *whose = about(channel), *text;
    struct buf clear, sealed, base64;
    struct seal_key key;

    must(secret->text && seal_key_parse(&key, secret->text, secret->len));
    buf_init_secret(&clear, KEPT_BYTES);
    buf_init(&sealed, KEPT_BYTES + SEAL_MORE_BYTES);
    buf_init(&base64, 2 * KEPT_BYTES);
    json_write(&clear, kept);
    must(buf_ok(&clear)); /* tokens are bounded by whoever takes them */
    seal_close(&sealed, &key, whose, buf_str(&clear), clear.len);
    crypto_base64(&base64, sealed.data, sealed.len);
    text = buf_detach(&base64, NULL);
    seal_key_wipe(&key);
    buf_done(&base64);
    buf_done(&sealed);
    buf_done(&clear);
    mem_free(whose);
    return text;
}

static bool open_with(struct buf *clear,
                      const struct secret *secret,
                      const char *channel,
                      const struct buf *sealed)
{
    char *whose = about(channel);
    struct seal_key key;
    bool good = secret->text && seal_key_parse(&key, secret->text, secret->len) &&
                seal_open(clear, &key, whose, buf_str(sealed), sealed->len);

    seal_key_wipe(&key);
    mem_free(whose);
    return good;
}

static enum err_code read_kept(json_t **out, const struct buf *clear, struct err *why)
{
    enum err_code rc = json_read(out, buf_str(clear), clear->len, KEPT_DEPTH, why);

    if (rc == ERR_NONE && !json_is_object(json_object_get(*out, "grant"))) {
        json_decref(*out);
        *out = NULL;
        rc = err_set(why, ERR_INVALID, "there is no grant in it");
    }
    return rc;
}

enum err_code vault_open(json_t **out,
                         const struct config *config,
                         const char *channel,
                         const char *text,
                         bool *out_old,
                         struct err *why)
{
    const struct vault_settings *v = &config->vault;
    enum err_code rc = ERR_NONE;
    struct buf sealed, clear;
    bool old = false;

    if (!vault_has_key(config)) {
        return err_set(
            why, ERR_DENIED, "there is no vault.key in the settings to open it with");
    }
    buf_init(&sealed, KEPT_BYTES + SEAL_MORE_BYTES);
    buf_init_secret(&clear, KEPT_BYTES);
    if (!crypto_unbase64(&sealed, text, strlen(text)) || !buf_ok(&sealed)) {
        rc = err_set(why, ERR_INVALID, "it is not what crier keeps");
    } else if (!open_with(&clear, &v->key, channel, &sealed)) {
        old = open_with(&clear, &v->old_key, channel, &sealed);
        rc = old ? ERR_NONE
                 : err_set(why,
                           ERR_INVALID,
                           "it was sealed with another key than vault.key, or is damaged");
    }
    if (rc == ERR_NONE) {
        rc = read_kept(out, &clear, why);
    }
    if (out_old) {
        *out_old = old;
    }
    buf_done(&clear);
    buf_done(&sealed);
    return rc;
}
