/* One member as JSON, in and out. Called by api_members.c and api_members_list.c. Owns nothing.
 *
 * Of an audience with push a member comes as what the browser or the app was given ("subscription"), or as we give
 * it: its address, beside it the keys. Another way to say when and where they agreed, and for which of our keys, is
 * once for all members of a call. Who is said to have stopped is not taken in: what they said last is no. */

#include "service/member_json.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "adapters/push.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/json.h"
#include "base/json_put.h"
#include "base/mem.h"
#include "base/text.h"
#include "service/push_door_internal.h"
#include "service/topics.h"

#define SOURCE_BYTES 200
#define LANGUAGE_BYTES 35
/* Clocks differ; a consent from tomorrow is a mistake. */
#define CONSENT_AHEAD_MS (10 * MS_MINUTE)
#define P256DH_BYTES 65
#define AUTH_BYTES 16

static bool fail(char why[MEMBER_WHY_BYTES], const char *text)
{
    size_t len = text_prefix(TEXT_BYTES, text, strlen(text), MEMBER_WHY_BYTES - 1);

    memcpy(why, text, len);
    why[len] = '\0';
    return false;
}

static bool
read_consent(struct member_in *out, const struct member_ask *ask, const json_t *v, char *why)
{
    const char *at = json_path_str(v, "opted_in_at"), *source = json_path_str(v, "source");

    source = source ? source : ask->source;
    out->m.opted_in_at_ms = ask->opted_in_at_ms;
    if (at ? !time_parse_rfc3339(at, strlen(at), &out->m.opted_in_at_ms)
           : ask->opted_in_at_ms == 0) {
        return fail(
            why,
            "opted_in_at: when they agreed, such as 2026-11-01T10:00:00Z; without proof of "
            "that nobody is taken in");
    }
    if (out->m.opted_in_at_ms > ask->now_ms + CONSENT_AHEAD_MS) {
        return fail(why, "opted_in_at: that is still to come");
    }
    if (!source || source[0] == '\0' || strlen(source) > SOURCE_BYTES) {
        return fail(why, "source: where they agreed, such as \"form on /news\"");
    }
    out->m.opted_in_by = mem_strdup(source);
    return true;
}

/* What the adapter reads, made of what we gave out. */
static json_t *subscription_of(const json_t *v, const char *key)
{
    const json_t *given = json_object_get(v, "subscription");
    const char *address = json_path_str(v, "address"), *own_key = json_path_str(v, "key");
    json_t *out = json_copy(json_unconst(json_is_object(given) ? given : v));

    if (address && !json_is_object(given)) {
        json_set_str(out, json_object_get(v, "keys") ? "endpoint" : "token", address);
    }
    json_set_str(out, "key", own_key ? own_key : key);
    return out;
}

/* Sixteen hex digits, as we give them: of a key that may be ours no more. */
static bool read_key_id(struct member_in *out, const json_t *v)
{
    const char *text = json_path_str(v, "key_id");
    uint8_t bytes[8];

    if (!text) {
        return true;
    }
    if (!crypto_unhex(text, strlen(text), bytes, sizeof bytes)) {
        return false;
    }
    out->m.key_id = (int64_t)crypto_first64(bytes);
    return true;
}

static bool read_subscription(struct member_in *out,
                              const struct member_ask *ask,
                              const json_t *v,
                              char *why)
{
    json_t *given = subscription_of(v, ask->key);
    struct push_subscription s = {.address = NULL};
    char host[PUSH_HOST_BYTES];
    const char *wrong = NULL;
    struct err err = {0};

    if (push_subscription_read(ask->audience, ask->settings->own, given, &s, &err)) {
        wrong = err.text;
    } else if (ask->audience->push->public_key) {
        wrong = push__endpoint_wrong(s.address, ask->settings->allow_private, host);
    }
    json_decref(given);
    out->m.address = s.address;
    if (wrong) {
        return fail(why, wrong);
    }
    out->m.key_id = s.key_id;
    out->m.keys_len = s.keys_len;
    if (s.keys_len > 0) {
        uint8_t *own = mem_alloc(s.keys_len);

        memcpy(own, s.keys, s.keys_len);
        out->m.keys = own;
    }
    return read_key_id(out, v) || fail(why, "key_id: 16 hex digits, as an export has them");
}

static bool
read_address(struct member_in *out, const struct member_ask *ask, const json_t *v, char *why)
{
    const char *text = json_path_str(v, "address");
    char address[MEMBER_ADDRESS_BYTES];

    if (ask->audience->push) {
        return read_subscription(out, ask, v, why);
    }
    if (!text || !ask->audience->address(text, address)) {
        return fail(why, ask->audience->address_form);
    }
    out->m.address = mem_strdup(address);
    return true;
}

static bool is_inactive(const json_t *v)
{
    const char *state = json_path_str(v, "state");
    enum member_state parsed;

    return state && member_state_parse(state, &parsed) && parsed != MEMBER_ACTIVE;
}

bool member_json_read(struct member_in *out,
                      const struct member_ask *ask,
                      const json_t *given,
                      char why[MEMBER_WHY_BYTES])
{
    const char *language = json_path_str(given, "language");

    *out = (struct member_in){.json = json_unconst(given)};
    if (!json_is_object(given)) {
        return fail(why, "a member is a JSON object");
    }
    if (language && strlen(language) > LANGUAGE_BYTES) {
        return fail(why, "language: such as \"de\" or \"pt-BR\"");
    }
    out->inactive = is_inactive(given);
    out->m.language = mem_strdup(language);
    return read_address(out, ask, given, why) && read_consent(out, ask, given, why);
}

bool member_json_settle(struct member_in *m,
                        const struct member_ask *ask,
                        const struct topics *topics,
                        char why[MEMBER_WHY_BYTES])
{
    const json_t *test = json_object_get(m->json, "test");
    struct push_wish wish;
    struct err wrong = {0};
    enum err_code rc = push_wish_read(&wish, topics, ask->settings, m->json, &wrong);

    m->m.traits.topics = MEMBER_TOPICS_ALL;
    (void)push_wish_apply(&wish, &m->m.traits);
    m->m.traits.test = json_is_true(test);
    m->m.keeps_traits = !wish.has_topics && !wish.has_quiet && !test;
    m->m.zone = wish.zone;
    wish.zone = NULL;
    push_wish_done(&wish);
    return rc == ERR_NONE || fail(why, wrong.text);
}

/* They are ours; the ledger only reads them. */
static void free_own(const void *own)
{
    void *p;

    memcpy(&p, &own, sizeof p);
    mem_free(p);
}

void member_in_done(struct member_in *m)
{
    free_own(m->m.address);
    free_own(m->m.language);
    free_own(m->m.opted_in_by);
    free_own(m->m.keys);
    free_own(m->m.zone);
    *m = (struct member_in){.json = NULL};
}

/* ---- out ---- */

static void put_base64url(struct buf *b, const char *key, const uint8_t *bytes, size_t len)
{
    struct buf text;

    buf_init(&text, (size_t)4 * MEMBER_KEYS_BYTES);
    crypto_base64url(&text, bytes, len);
    json_put_text(b, key, buf_str(&text));
    buf_done(&text);
}

static void put_keys(struct buf *b, const struct ledger_member *m)
{
    char id[24];

    if (m->keys_len != P256DH_BYTES + AUTH_BYTES) {
        return;
    }
    json_put_open(b, "keys", '{');
    put_base64url(b, "p256dh", m->keys, P256DH_BYTES);
    put_base64url(b, "auth", m->keys + P256DH_BYTES, AUTH_BYTES);
    json_put_close(b, '}');
    if (m->key_id != 0) {
        (void)snprintf(id, sizeof id, "%016" PRIx64, (uint64_t)m->key_id);
        json_put_text(b, "key_id", id);
    }
}

static void put_wishes(struct buf *b,
                       const struct ledger_member *m,
                       const struct channel_settings *settings,
                       const struct topics *topics)
{
    const struct pairs *all = &settings->audience.topics;
    char clock[16];

    if (m->traits.topics != MEMBER_TOPICS_ALL) {
        json_put_open(b, "topics", '[');
        for (size_t i = 0; i < all->count; i++) {
            if (m->traits.topics & topics_bit(topics, settings->name, all->v[i].key)) {
                json_put_text(b, NULL, all->v[i].key);
            }
        }
        json_put_close(b, ']');
    }
    if (m->traits.quiet_from != m->traits.quiet_to) {
        json_put_open(b, "quiet", '{');
        (void)snprintf(clock,
                       sizeof clock,
                       "%02d:%02d",
                       m->traits.quiet_from / 60,
                       m->traits.quiet_from % 60);
        json_put_text(b, "from", clock);
        (void)snprintf(
            clock, sizeof clock, "%02d:%02d", m->traits.quiet_to / 60, m->traits.quiet_to % 60);
        json_put_text(b, "to", clock);
        json_put_close(b, '}');
    }
    json_put_text(b, "zone", m->zone);
    if (m->traits.test) {
        json_put_bool(b, "test", true);
    }
}

void member_json_put(struct buf *b,
                     const struct ledger_member *m,
                     const struct channel_settings *settings,
                     const struct topics *topics,
                     bool masked)
{
    char at[TIME_TEXT_BYTES], mask[MEMBER_ADDRESS_BYTES];

    json_put_open(b, NULL, '{');
    if (masked) {
        member_mask(mask, m->address);
    }
    json_put_text(b, "address", masked ? mask : m->address);
    if (!masked) {
        put_keys(b, m);
    }
    json_put_text(b, "language", m->language);
    json_put_text(b, "opted_in_at", time_rfc3339(m->opted_in_at_ms, at));
    json_put_text(b, "source", m->opted_in_by);
    put_wishes(b, m, settings, topics);
    json_put_text(b, "state", member_state_name(m->state));
    json_put_text(b, "state_at", m->state_at_ms > 0 ? time_rfc3339(m->state_at_ms, at) : NULL);
    json_put_text(b, "state_why", m->state_why);
    json_put_int(b, "failures", m->failures);
    json_put_close(b, '}');
}
