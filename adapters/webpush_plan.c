/* One message for one reader. Called on the threads of lanes, for each reader of a wave: a plan is made on the loop
 * before, and not touched afterwards but for what it counts.
 *
 * Where a pair of keys was prepared for the reader only the encryption is left; else the pair is made here, which
 * takes thirty times as long. */

#include "adapters/webpush_internal.h"

#include <stdio.h>
#include <string.h>

#include "adapters/record.h"
#include "base/ece.h"
#include "base/mem.h"

#define PREPARED_BYTES (P256_PUBLIC_BYTES + P256_SECRET_BYTES)
/* Services refuse tokens that hold for more than a day (RFC 8292 section 2). */
#define TOKEN_LASTS_MS (12 * MS_HOUR)
#define TOKEN_RENEWED_MS (11 * MS_HOUR)

/* ---- services ---- */

static bool host_is(const char *host, const char *name)
{
    return strncmp(host, name, strlen(name)) == 0 && strchr(":", host[strlen(name)]) != NULL;
}

/* Below that domain. */
static bool host_ends(const char *host, const char *domain)
{
    size_t len = strcspn(host, ":"), tail = strlen(domain);

    return len > tail && memcmp(host + len - tail, domain, tail) == 0;
}

enum webpush_service webpush__service(const char *origin)
{
    const char *host = origin + strlen("https://");

    if (host_is(host, "fcm.googleapis.com") || host_is(host, "android.googleapis.com")) {
        return WEBPUSH_FCM;
    }
    if (host_ends(host, ".push.services.mozilla.com")) {
        return WEBPUSH_MOZILLA;
    }
    if (host_ends(host, ".push.apple.com")) {
        return WEBPUSH_APPLE;
    }
    return host_ends(host, ".notify.windows.com") ? WEBPUSH_WINDOWS : WEBPUSH_OTHER;
}

static const char *service(const char *origin)
{
    static const char *const names[] = {[WEBPUSH_FCM] = "fcm",
                                        [WEBPUSH_MOZILLA] = "mozilla",
                                        [WEBPUSH_APPLE] = "apple",
                                        [WEBPUSH_WINDOWS] = "windows",
                                        [WEBPUSH_OTHER] = "other"};

    return names[webpush__service(origin)];
}

/* ---- the plan ---- */

static char *text_of(const json_t *record, const char *name, size_t *out_len)
{
    const char *text = record_str(record, name);

    *out_len = text ? strlen(text) : 0;
    return mem_strdup(text);
}

static void done(struct push_plan *plan)
{
    if (!plan) {
        return;
    }
    webpush__keys_done(&plan->keys);
    mem_free(plan->payload);
    mem_free(plan->brief);
    mem_free(plan->counts);
    mem_free(plan);
}

static enum err_code make_plan(struct step_ctx *ctx, struct push_plan **out, struct err *why)
{
    const struct webpush_settings *s = webpush__settings(ctx);
    int64_t max_s = s->ttl_ms / MS_SECOND;
    struct push_plan *plan;
    enum err_code rc;

    if (!record_str(ctx->record, "payload")) {
        return err_set(why, ERR_INVALID, "the record has no message: begin again at prepare");
    }
    plan = mem_zalloc(sizeof *plan);
    rc = webpush__keys_init(&plan->keys, s, why);
    if (rc) {
        mem_free(plan);
        return rc;
    }
    plan->settings = s;
    plan->counts = mem_zalloc(sizeof *plan->counts);
    plan->payload = text_of(ctx->record, "payload", &plan->payload_len);
    plan->brief = text_of(ctx->record, "short", &plan->brief_len);
    if (plan->payload_len > ECE_TEXT_MAX_BYTES) { /* a record that somebody wrote */
        done(plan);
        return err_set(why, ERR_TOO_BIG, "the message is larger than push services take");
    }
    plan->ttl_s = push_ttl_s(ctx, max_s > 0 ? 1 : 0, max_s);
    plan->urgency = ctx->breaking ? WEBPUSH_URGENCY_HIGH : webpush__urgencies[s->urgency];
    push_topic(plan->topic, ctx->article_id);
    *out = plan;
    return ERR_NONE;
}

static void clear(const struct push_plan *plan, struct buf *out)
{
    buf_add(out, plan->payload, plan->payload_len);
}

/* ---- what all messages to an origin have ---- */

static bool origin(const struct push_plan *plan, const struct member *m, struct buf *out)
{
    (void)plan;
    return webpush__origin(m->address, out);
}

static void add_authorization(const struct push_plan *plan,
                              const struct webpush_key *key,
                              const char *to,
                              int64_t now_ms,
                              struct http_headers *out)
{
    struct buf text;

    buf_init(&text, 8192);
    webpush__authorization(key, plan->settings->subject, to, now_ms + TOKEN_LASTS_MS, &text);
    http_headers_put(out, "authorization", buf_str(&text));
    buf_done(&text);
}

static void headers(const struct push_plan *plan,
                    const struct member *m,
                    const char *to,
                    int64_t now_ms,
                    struct http_headers *out,
                    int64_t *until_ms)
{
    const struct webpush_key *key = webpush__key_find(&plan->keys, m->key_id);
    char ttl[24];

    (void)snprintf(ttl, sizeof ttl, "%lld", (long long)plan->ttl_s);
    http_headers_put(out, "ttl", ttl);
    http_headers_put(out, "urgency", plan->urgency);
    http_headers_put(out, "topic", plan->topic);
    http_headers_put(out, "content-encoding", "aes128gcm");
    http_headers_put(out, "content-type", "application/octet-stream");
    if (plan->ttl_s == 0 && webpush__service(to) == WEBPUSH_WINDOWS) {
        http_headers_put(
            out, "x-wns-cache-policy", "no-cache"); /* else: 400, it conflicts with the TTL */
    }
    if (key) { /* else compose() refuses them */
        add_authorization(plan, key, to, now_ms, out);
    }
    *until_ms = now_ms + TOKEN_RENEWED_MS;
}

/* ---- one message ---- */

static bool prepare(const struct member *m, uint8_t *out)
{
    return m->keys && m->keys_len == WEBPUSH_KEYS_BYTES &&
           p256_agree(m->keys, out, out + P256_PUBLIC_BYTES);
}

static bool prepares(const void *settings)
{
    const struct webpush_settings *s = settings;

    return s->prepare;
}

/* Whoever comes a second time found it too large; or took no token of ours, and gets the shorter one as well: which of
 * the two is not told. */
static void seal(const struct push_plan *plan,
                 const struct member *m,
                 const uint8_t *pair,
                 struct buf *body)
{
    bool brief = m->second && plan->brief;
    struct ece_to to = {.public_key = m->keys,
                        .auth = m->keys + P256_PUBLIC_BYTES,
                        .our_public = pair,
                        .secret = pair + P256_PUBLIC_BYTES};

    ece_seal(body,
             &to,
             brief ? plan->brief : plan->payload,
             brief ? plan->brief_len : plan->payload_len);
}

static enum err_code compose(const struct push_plan *plan,
                             const struct member *const *m,
                             size_t count,
                             struct buf *path,
                             struct buf *body,
                             struct err *why)
{
    const struct member *one = m[0];
    uint8_t pair[PREPARED_BYTES];

    must(count == 1);
    if (!webpush__key_find(&plan->keys, one->key_id)) {
        return err_set(why,
                       ERR_INVALID,
                       "subscribed with a key that is not in the settings (key, old_keys)");
    }
    if (!one->keys || one->keys_len != WEBPUSH_KEYS_BYTES) {
        return err_set(why, ERR_INVALID, "the subscription has no keys (p256dh, auth)");
    }
    webpush__path(one->address, path);
    if (one->prepared) {
        seal(plan, one, one->prepared, body);
        return buf_check(body, "message", why);
    }
    if (!prepare(one, pair)) {
        return err_set(why, ERR_INVALID, "the subscription's key is no point of its curve");
    }
    seal(plan, one, pair, body);
    mem_wipe(pair, sizeof pair);
    return buf_check(body, "message", why);
}

const struct push webpush__push = {
    .many = 1,
    .plan = make_plan,
    .done = done,
    .origin = origin,
    .service = service,
    .headers = headers,
    .compose = compose,
    .clear = clear,
    .read = webpush__read,
    .answer_headers = webpush__answer_headers,
    .prepared_bytes = PREPARED_BYTES,
    .prepare = prepare,
    .prepares = prepares,
    .self_test = webpush__self_test,
    .subscription = webpush__subscription,
    .public_key = webpush__public_key,
};
