/* Signatures of hook calls. The input: a byte that picks the scheme, lines for secret and old secret, lines of
 * headers "Name: value" up to an empty one, and the body. Whatever comes, there is a verdict; one that is
 * good is not good any more with another body; and a call that is signed as the scheme's sender signs is
 * good, wrong with another body, and stale when its time has passed. */

#include <stdio.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/text.h"
#include "sources/sign.h"
#include "tests/fuzz/input.h"

#define NOW_MS INT64_C(1795446245678)
#define WINDOW_MS (5 * MS_MINUTE)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct sign_scheme *const schemes[] = {
    &sign_hub,
    &sign_standard,
    &sign_ghost,
    &sign_ghost_old,
    &sign_wp_webhooks,
    &sign_sanity,
    &sign_webflow,
    &sign_storyblok,
    &sign_superdesk,
    &sign_hygraph,
    &sign_contentful,
    &sign_token,
    &sign_hmac,
    &sign_none,
};

static char profile_header[] = "X-Sig", profile_time[] = "X-Time", profile_id[] = "X-Id",
            profile_prefix[] = "v0=", profile_content[] = "{id}:{timestamp}:{body}";

/* ---- headers ---- */

struct headers {
    struct pairs v;
};

static void add(struct headers *h, const char *name, char *value_taken)
{
    h->v.v = mem_realloc(h->v.v, h->v.count + 1, sizeof *h->v.v);
    h->v.v[h->v.count++] = (struct pair){mem_strdup(name), value_taken};
}

static void read_headers(struct headers *out, struct input *in)
{
    bool more = true;

    while (in->left > 0 && more) {
        char *line = input_line_dup(in), *colon = strchr(line, ':');

        more = line[0] != '\0';
        if (colon != NULL) {
            *colon = '\0';
            add(out, line, mem_strdup(colon + 1 + strspn(colon + 1, " ")));
        }
        mem_free(line);
    }
}

static const char *header(const void *context, const char *name)
{
    const struct headers *h = context;

    for (size_t i = 0; i < h->v.count; i++) {
        if (text_same_fold(h->v.v[i].key, name)) {
            return h->v.v[i].value;
        }
    }
    return NULL;
}

static const char *query(const void *context, const char *name)
{
    (void)name;
    return header(context, "query-token");
}

/* ---- how a sender signs ---- */

/* The key that the secret is for a sender: what is behind "whsec_", decoded, else its bytes. False: none. */
static bool key_of(struct buf *key, const struct sign_scheme *scheme, const struct secret *s)
{
    if (scheme->whsec && s->len >= 6 && strncmp(s->text, "whsec_", 6) == 0) {
        return crypto_unbase64(key, s->text + 6, s->len - 6) && buf_ok(key) && key->len > 0;
    }
    buf_add(key, s->text, s->len);
    return s->len > 0;
}

/* As JSON.stringify() does it. */
static void add_json(struct buf *out, const char *text, size_t len)
{
    static const char *const named[] = {['\b'] = "\\b",
                                        ['\t'] = "\\t",
                                        ['\n'] = "\\n",
                                        ['\f'] = "\\f",
                                        ['\r'] = "\\r",
                                        [' '] = NULL};

    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];

        if (c < ' ' && named[c] != NULL) {
            buf_adds(out, named[c]);
        } else if (c < ' ') {
            buf_addf(out, "\\u00%02x", c);
        } else if (c == '"' || c == '\\') {
            buf_addf(out, "\\%c", c);
        } else {
            buf_addc(out, (char)c);
        }
    }
}

static void add_content(struct buf *out,
                        const struct sign_scheme *s,
                        const struct source_call *c,
                        const char *time)
{
    if (s == &sign_standard) {
        buf_addf(out, "msg_1.%s.", time);
    } else if (s == &sign_sanity) {
        buf_addf(out, "%s.", time);
    } else if (s == &sign_webflow) {
        buf_addf(out, "%s:", time);
    } else if (s == &sign_hmac) {
        buf_addf(out, "id-1:%s:", time);
    } else if (s == &sign_contentful) {
        buf_addf(out,
                 "POST\n/hooks/x\nx-contentful-signed-headers:x-contentful-timestamp,"
                 "x-contentful-signed-headers;x-contentful-timestamp:%s\n",
                 time);
    }
    if (s == &sign_hygraph) {
        buf_adds(out, "{\"Body\":\"");
        add_json(out, c->body, c->body_len);
        buf_addf(out, "\",\"EnvironmentName\":\"master\",\"TimeStamp\":%s}", time);
        return;
    }
    buf_add(out, c->body, c->body_len);
    if (s == &sign_ghost) {
        buf_adds(out, time);
    }
}

static void add_signature(struct headers *out,
                          const struct sign_scheme *s,
                          const uint8_t *mac,
                          size_t len,
                          const char *time)
{
    char hex[2 * CRYPTO_DIGEST_MAX_BYTES + 1];
    struct buf b64;

    (void)crypto_hex(mac, len, hex);
    buf_init(&b64, 256);
    crypto_base64(&b64, mac, len);
    if (s == &sign_hub) {
        add(out, "X-Hub-Signature-256", mem_printf("sha256=%s", hex));
    } else if (s == &sign_standard) {
        add(out, "webhook-id", mem_strdup("msg_1"));
        add(out, "webhook-timestamp", mem_strdup(time));
        add(out, "webhook-signature", mem_printf("v1,AAAA v1,%s", buf_str(&b64)));
    } else if (s == &sign_ghost || s == &sign_ghost_old) {
        add(out, "X-Ghost-Signature", mem_printf("sha256=%s, t=%s", hex, time));
    } else if (s == &sign_wp_webhooks) {
        add(out, "X-WP-Webhook-Signature", mem_strdup(buf_str(&b64)));
    } else if (s == &sign_sanity) {
        add(out, "sanity-webhook-signature", mem_printf("t=%s,v1=%s", time, buf_str(&b64)));
    } else if (s == &sign_webflow) {
        add(out, "x-webflow-timestamp", mem_strdup(time));
        add(out, "x-webflow-signature", mem_strdup(hex));
    } else if (s == &sign_storyblok) {
        add(out, "webhook-signature", mem_strdup(hex));
    } else if (s == &sign_superdesk) {
        add(out, "x-superdesk-signature", mem_printf("sha1=%s", hex));
    } else if (s == &sign_hygraph) {
        add(out,
            "gcms-signature",
            mem_printf("sign=%s, env=master, t=%s", buf_str(&b64), time));
    } else if (s == &sign_contentful) {
        add(out, "x-contentful-timestamp", mem_strdup(time));
        add(out,
            "x-contentful-signed-headers",
            mem_strdup("x-contentful-timestamp,x-contentful-signed-headers"));
        add(out, "x-contentful-signature", mem_strdup(hex));
    } else {
        add(out, "X-Time", mem_strdup(time));
        add(out, "X-Id", mem_strdup("id-1"));
        add(out, "X-Sig", mem_printf("v0=%s", hex));
    }
    buf_done(&b64);
}

static bool is_timed(const struct sign_scheme *s)
{
    return s != &sign_hub && s != &sign_ghost_old && s != &sign_wp_webhooks &&
           s != &sign_storyblok && s != &sign_superdesk;
}

static void
check_signed(const struct sign_scheme *s, const struct sign_keys *keys, struct source_call call)
{
    static const char other[] = "another body";
    bool seconds = s == &sign_standard || s == &sign_hmac;
    char *time = mem_printf("%lld", (long long)(seconds ? NOW_MS / 1000 : NOW_MS));
    enum crypto_digest hash = s == &sign_hmac ? CRYPTO_SHA512 : s->hash;
    uint8_t mac[CRYPTO_DIGEST_MAX_BYTES];
    struct headers headers = {0};
    struct buf key, content;
    bool signs;

    buf_init_secret(&key, 4096);
    buf_init(&content, SIZE_MAX / 2);
    signs = key_of(&key, s, keys->secret);
    add_content(&content, s, &call, time);
    add_signature(
        &headers,
        s,
        mac,
        crypto_hmac(hash, buf_str(&key), key.len, buf_str(&content), content.len, mac),
        time);
    call.context = &headers;
    must((sign_check(s, keys, &call) == SIGN_GOOD) == signs);
    call.now_ms += WINDOW_MS + MS_MINUTE;
    must(!signs || sign_check(s, keys, &call) == (is_timed(s) ? SIGN_STALE : SIGN_GOOD));
    if (call.body_len != sizeof other || memcmp(call.body, other, sizeof other) != 0) {
        call.body = other;
        call.body_len = sizeof other;
        must(sign_check(s, keys, &call) == SIGN_WRONG);
    }
    buf_done(&key);
    buf_done(&content);
    pairs_done(&headers.v);
    mem_free(time);
}

/* ---- what comes from anywhere ---- */

static void check_verdict(const struct sign_scheme *s,
                          const struct sign_keys *keys,
                          struct source_call call)
{
    enum sign_verdict v = sign_check(s, keys, &call);
    char text[SIGN_TEXT_BYTES];
    char *longer;

    must(sign_explain(s, keys, v, text)[0] != '\0');
    must(s != &sign_none || v == SIGN_GOOD);
    must(v != SIGN_GOOD || s == &sign_none || keys->secret->len > 0 ||
         keys->old_secret->len > 0);
    if ((v == SIGN_GOOD || v == SIGN_STALE) && s->way != SIGN_BY_TOKEN &&
        s->way != SIGN_BY_NOTHING) {
        longer = mem_zalloc(call.body_len + 1);
        memcpy(longer, call.body, call.body_len);
        longer[call.body_len] = ' ';
        call.body = longer;
        call.body_len++;
        must(sign_check(s, keys, &call) == SIGN_WRONG);
        mem_free(longer);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct sign_profile profile = {.header = profile_header,
                                         .prefix = profile_prefix,
                                         .content = profile_content,
                                         .time_header = profile_time,
                                         .id_header = profile_id,
                                         .hash = CRYPTO_SHA512};
    struct input in = {data, size};
    const struct sign_scheme *s = schemes[input_byte(&in) % ARRAY_LEN(schemes)];
    struct secret secret = {0}, old_secret = {0};
    const struct sign_keys keys = {.secret = &secret,
                                   .old_secret = &old_secret,
                                   .window_ms = WINDOW_MS,
                                   .token_header = "X-Token",
                                   .profile = &profile};
    struct headers headers = {0};

    secret_take(&secret, input_line_dup(&in));
    secret_take(&old_secret, input_line_dup(&in));
    read_headers(&headers, &in);
    struct source_call call = {.method = "POST",
                               .target = "/hooks/x",
                               .body = in.left > 0 ? (const char *)in.at : "",
                               .body_len = in.left,
                               .header = header,
                               .query = query,
                               .context = &headers,
                               .now_ms = NOW_MS};
    check_verdict(s, &keys, call);
    if (s->way == SIGN_BY_HMAC || s->way == SIGN_BY_SETTINGS) {
        check_signed(s, &keys, call);
    }
    pairs_done(&headers.v);
    secret_done(&secret);
    secret_done(&old_secret);
    must(mem_live_count() == 0);
    return 0;
}
