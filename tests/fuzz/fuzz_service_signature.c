/* Signatures of hook calls. The input: a byte that picks the scheme, then lines: the secret, the old
 * secret, the headers (hub, id, timestamp, signature; "-": absent), and the body. A verdict "good" must
 * be one that a second reading of both schemes agrees with; and a call that is signed rightly is good,
 * wrong with another body, and stale when its time has passed. */

#include <stdio.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/parse.h"
#include "service/signature.h"
#include "tests/fuzz/input.h"

#define NOW_MS INT64_C(1795446245678)
#define NOW_TEXT "1795446245"
#define WINDOW_MS (5 * MS_MINUTE)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool has_prefix(const char *text, const char *prefix)
{
    return text != NULL && strncmp(text, prefix, strlen(prefix)) == 0;
}

/* ---- how a sender signs ---- */

static void sign_hub(struct buf *out, const struct secret *secret, const void *body, size_t len)
{
    uint8_t mac[SHA256_BYTES];
    char hex[SHA256_HEX_BYTES];

    crypto_hmac_sha256(secret->text, secret->len, body, len, mac);
    buf_addf(out, "sha256=%s", crypto_hex(mac, sizeof mac, hex));
}

/* "v1,…" of a call under a key. */
static void
sign_with(struct buf *out, const void *key, size_t key_len, const struct signature_call *c)
{
    uint8_t mac[SHA256_BYTES];
    struct buf text;

    buf_init(&text, SIZE_MAX / 2);
    buf_addf(&text, "%s.%s.", c->id, c->timestamp);
    buf_add(&text, c->body, c->body_len);
    crypto_hmac_sha256(key, key_len, text.data, text.len, mac);
    buf_adds(out, "v1,");
    crypto_base64(out, mac, sizeof mac);
    buf_done(&text);
}

/* By the key that the secret is for a sender: what is behind "whsec_", decoded, else its bytes. False:
 * it is no key. */
static bool
sign_standard(struct buf *out, const struct secret *s, const struct signature_call *c)
{
    struct buf key;
    bool is_key = s->len > 0;

    buf_init(&key, 4096);
    if (!has_prefix(s->text, "whsec_")) {
        buf_add(&key, s->text, s->len);
    } else {
        is_key = crypto_unbase64(&key, s->text + 6, s->len - 6);
    }
    is_key = is_key && buf_ok(&key);
    if (is_key) {
        sign_with(out, key.data, key.len, c);
    }
    buf_done(&key);
    return is_key;
}

/* ---- the second reading ---- */

static bool is_hub(const struct secret *secret, const struct signature_call *c)
{
    struct buf want;
    bool same;

    buf_init(&want, 128);
    sign_hub(&want, secret, c->body, c->body_len);
    /* Digits of either case, the word before them as it is. */
    same = secret->len > 0 && has_prefix(c->hub, "sha256=") &&
           strcasecmp(c->hub, buf_str(&want)) == 0;
    buf_done(&want);
    return same;
}

/* The same 32 bytes, in whatever form of base64. */
static bool lists(const char *header, const char *want)
{
    char *copy = mem_strdup(header), *rest = copy, *word;
    struct buf a, b;
    bool found = false;

    buf_init(&a, 4096);
    buf_init(&b, 64);
    must(crypto_unbase64(&b, want + 3, strlen(want + 3)));
    while ((word = strsep(&rest, " ")) != NULL) {
        buf_clear(&a);
        found = found ||
                (has_prefix(word, "v1,") && crypto_unbase64(&a, word + 3, strlen(word + 3)) &&
                 a.len == b.len && memcmp(a.data, b.data, b.len) == 0);
    }
    buf_done(&a);
    buf_done(&b);
    mem_free(copy);
    return found;
}

static bool is_standard(const struct secret *s, const struct signature_call *c)
{
    struct buf want, key;
    bool found;

    buf_init(&want, 128);
    found = sign_standard(&want, s, c) && lists(c->signature, buf_str(&want));
    if (!found && s->len > 0 && !has_prefix(s->text, "whsec_")) {
        buf_init(&key, 4096);
        buf_clear(&want);
        if (crypto_unbase64(&key, s->text, s->len) && key.len >= 24) {
            sign_with(&want, key.data, key.len, c);
            found = lists(c->signature, buf_str(&want));
        }
        buf_done(&key);
    }
    buf_done(&want);
    return found;
}

static bool is_in_time(const char *timestamp)
{
    int64_t at_s;

    return parse_i64(timestamp, &at_s) && at_s >= (NOW_MS - WINDOW_MS) / 1000 &&
           at_s <= (NOW_MS + WINDOW_MS) / 1000 + 1;
}

static void check_verdict(const struct source_settings *s,
                          const struct signature_call *c,
                          enum signature_verdict v)
{
    must(signature_explain(v)[0] != '\0');
    if (s->signature == SIGN_NONE) {
        must(v == SIGNATURE_GOOD);
    } else if (s->signature == SIGN_HUB) {
        must((v == SIGNATURE_MISSING) == (c->hub == NULL));
        must((v == SIGNATURE_GOOD) ==
             (c->hub != NULL && (is_hub(&s->secret, c) || is_hub(&s->old_secret, c))));
    } else {
        bool there = c->id != NULL && c->timestamp != NULL && c->signature != NULL;
        bool right = there && (is_standard(&s->secret, c) || is_standard(&s->old_secret, c));

        must((v == SIGNATURE_MISSING) == !there);
        must((v == SIGNATURE_GOOD || v == SIGNATURE_STALE) <= right);
        must(v != SIGNATURE_GOOD || is_in_time(c->timestamp));
    }
}

/* ---- and what is signed rightly ---- */

static void check_signed(struct source_settings *s, struct signature_call c)
{
    static const char other[] = "another body";
    struct buf signature;
    bool signs = s->secret.len > 0;

    buf_init(&signature, 256);
    c.id = c.id == NULL ? "msg_1" : c.id;
    c.timestamp = NOW_TEXT;
    if (s->signature == SIGN_HUB) {
        sign_hub(&signature, &s->secret, c.body, c.body_len);
        c.hub = buf_str(&signature);
    } else {
        signs = sign_standard(&signature, &s->secret, &c);
        c.signature = buf_str(&signature);
    }
    must((signature_check(s, &c) == SIGNATURE_GOOD) == signs);
    c.now_ms += WINDOW_MS + MS_MINUTE;
    must(!signs || s->signature == SIGN_HUB || signature_check(s, &c) == SIGNATURE_STALE);
    if (c.body_len != sizeof other || memcmp(c.body, other, sizeof other) != 0) {
        c.body = other;
        c.body_len = sizeof other;
        must(signature_check(s, &c) == SIGNATURE_WRONG);
    }
    buf_done(&signature);
}

/* "-": NULL. */
static const char *absent(const char *line)
{
    return strcmp(line, "-") == 0 ? NULL : line;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    struct source_settings source = {.signature = input_byte(&in) % 3,
                                     .replay_window_ms = WINDOW_MS};
    char *lines[4];

    secret_take(&source.secret, input_line_dup(&in));
    secret_take(&source.old_secret, input_line_dup(&in));
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        lines[i] = input_line_dup(&in);
    }
    struct signature_call call = {
        .hub = absent(lines[0]),
        .id = absent(lines[1]),
        .timestamp = absent(lines[2]),
        .signature = absent(lines[3]),
        .body = in.at,
        .body_len = in.left,
        .now_ms = NOW_MS,
    };
    check_verdict(&source, &call, signature_check(&source, &call));
    if (source.signature != SIGN_NONE) {
        check_signed(&source, call);
    }
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        mem_free(lines[i]);
    }
    secret_done(&source.secret);
    secret_done(&source.old_secret);
    must(mem_live_count() == 0);
    return 0;
}
