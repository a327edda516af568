/* Who we are, for Apple: a token that we sign ourselves with the team's key, sent with every request. Called by
 * apns_push.c's plan on the loop, and by its headers on lanes' threads.
 *
 * Apple takes a token that is at most an hour old, and refuses everything for a while when it sees new ones more often
 * than every 20 minutes. So there is one for each period of 40 minutes, dated at the period's beginning, whoever makes
 * it and whenever; every lane and every run uses that of now. It comes into use when it is START_MS old, so that a
 * clock of ours that is ahead dates none in Apple's future, and goes out of use when it is PERIOD_MS + START_MS =
 * 45 minutes old, so that one of ours that is behind by up to a quarter of an hour still does no harm.
 *
 * Each signature is another, even of the same claims, and nobody knows whether Apple compares the date or the whole. So
 * the token is kept in the channel's memory, and a second wave, or a restart, uses the same one. A plan has that of the
 * period behind it too; only a run that lasts longer than that makes others, a lane by itself. */

#include "adapters/apns_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "adapters/record.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/json.h"
#include "base/json_put.h"
#include "base/mem.h"

#define PERIOD_MS (40 * MS_MINUTE)
#define START_MS (5 * MS_MINUTE)
#define TOKEN_BYTES ((size_t)4 * 1024)
#define ORIGIN "provider_of"
#define PERIOD "provider_period"

static int64_t period_at(int64_t now_ms)
{
    int64_t ms = now_ms - START_MS;

    return ms < 0 ? 0 : ms / PERIOD_MS;
}

static int64_t ends_at(int64_t period)
{
    return (period + 1) * PERIOD_MS + START_MS;
}

static void sign(struct buf *out, const struct apns_tokens *t, int64_t period)
{
    struct buf head, claims;

    buf_init(&head, TOKEN_BYTES);
    buf_init(&claims, TOKEN_BYTES);
    json_put_open(&head, NULL, '{');
    json_put_text(&head, "alg", "ES256");
    json_put_text(&head, "kid", t->key_id);
    json_put_close(&head, '}');
    json_put_open(&claims, NULL, '{');
    json_put_text(&claims, "iss", t->team_id);
    json_put_int(&claims, "iat", period * PERIOD_MS / MS_SECOND);
    json_put_close(&claims, '}');
    p256_sign_jwt(t->key, buf_str(&head), buf_str(&claims), out);
    buf_done(&head);
    buf_done(&claims);
}

/* ---- the channel's memory ---- */

/* With another key they are of no use any more. */
static void make_origin(const struct apns_settings *s, char out[SHA256_HEX_BYTES])
{
    uint8_t digest[SHA256_BYTES];
    struct buf text;

    buf_init_secret(&text, (size_t)1024 * 1024);
    buf_addf(&text, "%s\n%s\n", s->key_id, s->team_id);
    buf_add(&text, s->key.text, s->key.len);
    crypto_sha256(buf_str(&text), text.len, digest);
    (void)crypto_hex(digest, sizeof digest, out);
    buf_done(&text);
}

/* Of the period that begins it and of the next; by these names they are hidden wherever the channel's memory is. */
static const char *const names[] = {"provider_token", "next_provider_token"};

/* That of a period, as it is kept; NULL: it is not. */
static const char *kept_token(const json_t *account, const char *origin, int64_t period)
{
    const char *of = record_str(account, ORIGIN);
    int64_t at = period - record_int(account, PERIOD);

    return of && strcmp(of, origin) == 0 && at >= 0 && at < (int64_t)ARRAY_LEN(names)
               ? record_str(account, names[at])
               : NULL;
}

static char *token_for(const struct apns_tokens *t, const char *kept, int64_t period)
{
    struct buf b;

    if (kept) {
        return mem_strdup(kept);
    }
    buf_init_secret(&b, TOKEN_BYTES);
    sign(&b, t, period);
    return buf_detach(&b, NULL);
}

static void remember(const struct apns_tokens *t, json_t *account, const char *origin)
{
    json_set_str(account, ORIGIN, origin);
    record_set_int(account, PERIOD, t->first);
    for (size_t i = 0; i < ARRAY_LEN(t->texts); i++) {
        json_set_str(account, names[i], t->texts[i]);
    }
}

enum err_code apns__tokens_init(struct apns_tokens *t, struct step_ctx *ctx, struct err *why)
{
    const struct apns_settings *s = apns__settings(ctx);
    char origin[SHA256_HEX_BYTES];
    enum err_code rc;

    *t = (struct apns_tokens){.key = NULL};
    rc = p256_key_read(&t->key, s->key.text, s->key.len, why);
    if (rc) {
        return err_wrap(why, "key");
    }
    make_origin(s, origin);
    t->key_id = mem_strdup(s->key_id);
    t->team_id = mem_strdup(s->team_id);
    t->first = period_at(ctx->now_ms);
    for (size_t i = 0; i < ARRAY_LEN(t->texts); i++) {
        int64_t period = t->first + (int64_t)i;

        t->texts[i] = token_for(t, kept_token(ctx->account, origin, period), period);
    }
    remember(t, ctx->account, origin);
    return ERR_NONE;
}

void apns__tokens_done(struct apns_tokens *t)
{
    p256_key_free(t->key);
    mem_free(t->key_id);
    mem_free(t->team_id);
    for (size_t i = 0; i < ARRAY_LEN(t->texts); i++) {
        mem_free_secret_text(t->texts[i]);
    }
    *t = (struct apns_tokens){.key = NULL};
}

void apns__tokens_add(struct buf *out,
                      const struct apns_tokens *t,
                      int64_t now_ms,
                      int64_t *until_ms)
{
    int64_t period = period_at(now_ms), at = period - t->first;

    buf_adds(out, "bearer ");
    if (at >= 0 && at < (int64_t)ARRAY_LEN(t->texts)) {
        buf_adds(out, t->texts[at]);
    } else {
        sign(out, t, period);
    }
    *until_ms = ends_at(period);
}
