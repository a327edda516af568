/* Whether a call was signed with the secret that the source and we share. Called with the raw body,
 * before anything reads it. What is signed is put together by sign_content.c; how each vendor does it
 * stands in sign_scheme.c.
 *
 * Standard Webhooks secrets are written "whsec_" and base64. One without that prefix is taken
 * as its bytes and, where it decodes to 24 bytes or more, also as base64, since libraries
 * differ there. */

#include "sources/sign.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/parse.h"
#include "sources/sign_internal.h"

#define KEY_BYTES_MAX 4096
#define KEY_BYTES_MIN                                                                          \
    24 /* the specification's least; under that a decoded text is an accident */
#define SIGNATURES_MAX 16 /* in one header; more than any rotation needs */
#define MEMBER_BYTES 4096

/* ---- what the call carries ---- */

static const char *
header_of(const struct source_call *call, const char *name, const char *old_name)
{
    const char *value = name != NULL ? call->header(call->context, name) : NULL;

    return value == NULL && old_name != NULL ? call->header(call->context, old_name) : value;
}

/* Of "t=1790000000000, v1=abc": the value of a name. NULL: it is not there. Yours. */
static char *member_dup(const char *header, const char *name)
{
    size_t name_len = strlen(name);

    while (*header != '\0') {
        size_t len;

        header += strspn(header, ", \t");
        len = strcspn(header, ", \t");
        if (len > name_len && strncmp(header, name, name_len) == 0 && header[name_len] == '=') {
            return mem_strndup(header + name_len + 1, len - name_len - 1);
        }
        header += len;
    }
    return NULL;
}

static void parts_read(struct sign_parts *out,
                       const struct sign_scheme *scheme,
                       const struct source_call *call)
{
    const char *header = header_of(call, scheme->header, scheme->old_header);

    *out = (struct sign_parts){.signature = header};
    out->timestamp = header_of(call, scheme->time_header, scheme->old_time_header);
    out->id = header_of(call, scheme->id_header, scheme->old_id_header);
    if (header != NULL && scheme->member != NULL) {
        out->signature = out->member = member_dup(header, scheme->member);
        out->env = member_dup(header, "env");
    }
    if (header != NULL && scheme->time_member != NULL) {
        out->timestamp = out->time = member_dup(header, scheme->time_member);
    }
}

static void parts_done(struct sign_parts *p)
{
    mem_free(p->member);
    mem_free(p->time);
    mem_free(p->env);
}

static bool signs(const struct sign_scheme *scheme, const char *word)
{
    return strstr(scheme->content, word) != NULL;
}

/* A time that is not signed could be any. */
static bool has_signed_time(const struct sign_scheme *scheme)
{
    return scheme->time_unit_ms > 0 &&
           (signs(scheme, "{timestamp}") || signs(scheme, "{request}"));
}

static bool is_whole(const struct sign_scheme *scheme, const struct sign_parts *p)
{
    return p->signature != NULL && (!has_signed_time(scheme) || p->timestamp != NULL) &&
           (!signs(scheme, "{id}") || p->id != NULL);
}

/* ---- comparing ---- */

static bool
decode(const struct sign_scheme *scheme, struct buf *out, const char *text, size_t len)
{
    uint8_t bytes[CRYPTO_DIGEST_MAX_BYTES];

    if (scheme->coding != SIGN_HEX) {
        return crypto_unbase64(out, text, len) && buf_ok(out);
    }
    if (len % 2 != 0 || len / 2 > sizeof bytes || !crypto_unhex(text, len, bytes, len / 2)) {
        return false;
    }
    buf_add(out, bytes, len / 2);
    return true;
}

/* One signature as it is written, against the digest. */
static bool one_matches(const struct sign_scheme *scheme,
                        const char *text,
                        size_t len,
                        const uint8_t *want,
                        size_t want_len)
{
    size_t prefix = scheme->prefix != NULL ? strlen(scheme->prefix) : 0;
    struct buf have;
    bool good;

    if (len < prefix || strncmp(text, prefix > 0 ? scheme->prefix : "", prefix) != 0) {
        return false;
    }
    buf_init(&have, MEMBER_BYTES);
    good = decode(scheme, &have, text + prefix, len - prefix) && have.len == want_len &&
           crypto_equal(have.data, want, want_len);
    buf_done(&have);
    return good;
}

static bool any_matches(const struct sign_scheme *scheme,
                        const char *list,
                        const uint8_t *want,
                        size_t want_len)
{
    bool good = false;
    int left = SIGNATURES_MAX;

    if (!scheme->several) {
        return one_matches(scheme, list, strlen(list), want, want_len);
    }
    while (*list != '\0' && left-- > 0) {
        size_t len = strcspn(list, " ");

        good = one_matches(scheme, list, len, want, want_len) || good;
        list += len;
        list += strspn(list, " ");
    }
    return good;
}

/* ---- keys ---- */

struct signing {
    const struct sign_scheme *scheme;
    const struct sign_parts *parts;
    const void *content;
    size_t content_len;
};

static bool key_right(const struct signing *s, const void *key, size_t key_len)
{
    uint8_t want[CRYPTO_DIGEST_MAX_BYTES];
    size_t len = crypto_hmac(s->scheme->hash, key, key_len, s->content, s->content_len, want);

    return any_matches(s->scheme, s->parts->signature, want, len);
}

static bool whsec_right(const struct signing *s, const struct secret *secret)
{
    static const char prefix[] = "whsec_";
    bool marked = strncmp(secret->text, prefix, sizeof prefix - 1) == 0;
    size_t skip = marked ? sizeof prefix - 1 : 0;
    struct buf key;
    bool decoded, good = false;

    buf_init_secret(&key, KEY_BYTES_MAX);
    decoded = crypto_unbase64(&key, secret->text + skip, secret->len - skip) && buf_ok(&key) &&
              key.len >= (marked ? 1 : KEY_BYTES_MIN);
    if (decoded) {
        good = key_right(s, key.data, key.len);
    }
    if (!marked) {
        good = key_right(s, secret->text, secret->len) || good;
    }
    buf_done(&key);
    return good;
}

static bool secret_right(const struct signing *s, const struct secret *secret)
{
    if (secret->len == 0) {
        return false;
    }
    return s->scheme->whsec ? whsec_right(s, secret) : key_right(s, secret->text, secret->len);
}

static bool any_secret_right(const struct sign_scheme *scheme,
                             const struct sign_keys *keys,
                             const struct sign_parts *parts,
                             const struct source_call *call)
{
    struct buf content;
    bool good = false;

    buf_init(&content, SIZE_MAX / 2); /* the door bounded the call */
    if (sign__content(&content, scheme, parts, call)) {
        const struct signing s = {scheme, parts, buf_str(&content), content.len};
        bool now = secret_right(&s, keys->secret), before = secret_right(&s, keys->old_secret);

        good = now || before;
    }
    buf_done(&content);
    return good;
}

/* ---- time ---- */

static bool is_in_time(const struct sign_scheme *scheme,
                       const struct sign_keys *keys,
                       const char *timestamp,
                       int64_t now_ms)
{
    int64_t at, off_ms;

    if (!parse_i64(timestamp, &at) || at < 0 || at > INT64_MAX / MS_SECOND / 2) {
        return false;
    }
    off_ms = now_ms - at * scheme->time_unit_ms;
    return off_ms <= keys->window_ms && off_ms >= -keys->window_ms;
}

/* The signature first: only a genuine call is told that it came too late. */
static enum sign_verdict check_hmac(const struct sign_scheme *scheme,
                                    const struct sign_keys *keys,
                                    const struct source_call *call)
{
    enum sign_verdict v = SIGN_GOOD;
    struct sign_parts parts;

    parts_read(&parts, scheme, call);
    if (!is_whole(scheme, &parts)) {
        v = SIGN_MISSING;
    } else if (!any_secret_right(scheme, keys, &parts, call)) {
        v = SIGN_WRONG;
    } else if (has_signed_time(scheme) &&
               !is_in_time(scheme, keys, parts.timestamp, call->now_ms)) {
        v = SIGN_STALE;
    }
    parts_done(&parts);
    return v;
}

/* ---- the newsroom's own description ---- */

static struct sign_scheme scheme_of(const struct sign_profile *p)
{
    return (struct sign_scheme){
        .header = p->header,
        .prefix = p->prefix,
        .coding = (enum sign_coding)p->coding,
        .hash = (enum crypto_digest)p->hash,
        .content = p->content,
        .time_header = p->time_header,
        .time_unit_ms = p->unit == 0 ? MS_SECOND : 1,
        .id_header = p->id_header,
    };
}

enum sign_verdict sign_check(const struct sign_scheme *scheme,
                             const struct sign_keys *keys,
                             const struct source_call *call)
{
    struct sign_scheme own;

    switch (scheme->way) {
    case SIGN_BY_HMAC:
        return check_hmac(scheme, keys, call);
    case SIGN_BY_SETTINGS:
        own = scheme_of(keys->profile);
        return check_hmac(&own, keys, call);
    case SIGN_BY_TOKEN:
        return sign__token(keys, call);
    case SIGN_BY_NOTHING:
        return SIGN_GOOD;
    }
    return SIGN_WRONG;
}

/* ---- words ---- */

const char *sign_explain(const struct sign_scheme *scheme,
                         const struct sign_keys *keys,
                         enum sign_verdict v,
                         char out[SIGN_TEXT_BYTES])
{
    const struct sign_scheme s =
        scheme->way == SIGN_BY_SETTINGS ? scheme_of(keys->profile) : *scheme;
    const char *what = scheme->way == SIGN_BY_TOKEN ? "token" : "signature";
    const char *where =
        scheme->way == SIGN_BY_TOKEN ? "Authorization: Bearer, or ?token=" : s.header;
    const char *clock = s.time_header != NULL ? s.time_header : s.header;

    switch (v) {
    case SIGN_GOOD:
        (void)snprintf(out, SIGN_TEXT_BYTES, "the %s is good", what);
        break;
    case SIGN_MISSING:
        (void)snprintf(out, SIGN_TEXT_BYTES, "the %s is missing (%.100s)", what, where);
        break;
    case SIGN_WRONG:
        (void)snprintf(out, SIGN_TEXT_BYTES, "the %s is wrong", what);
        break;
    case SIGN_STALE:
        (void)snprintf(
            out, SIGN_TEXT_BYTES, "the call is too old, or its clock is wrong (%.100s)", clock);
        break;
    }
    return out;
}
