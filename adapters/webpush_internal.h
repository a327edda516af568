#ifndef CRIER_ADAPTERS_WEBPUSH_INTERNAL_H
#define CRIER_ADAPTERS_WEBPUSH_INTERNAL_H

/* Shared by the files of Web Push: webpush.c (settings, courses), webpush_message.c (what browsers show),
 * webpush_keys.c (our keys, and tokens by them), webpush_subscription.c (what a browser hands in), webpush_plan.c (one
 * message for one reader), webpush_proof.c (whether they could read it), webpush_read.c (answers). */

#include <stdatomic.h>

#include "adapters/adapter.h"
#include "adapters/push.h"
#include "base/field.h"
#include "base/p256.h"

enum webpush_when { WEBPUSH_NEVER, WEBPUSH_BREAKING, WEBPUSH_ALWAYS };
enum webpush_update { WEBPUSH_UPDATE_CORRECTIONS, WEBPUSH_UPDATE_ALL, WEBPUSH_UPDATE_IGNORE };
enum webpush_retraction { WEBPUSH_RETRACTION_NOTICE, WEBPUSH_RETRACTION_CLOSE };

struct webpush_settings {
    struct secret key, old_keys;
    char *subject;
    struct mustache *title, *body, *retraction_title, *retraction_body;
    char *icon, *badge;
    bool image;
    struct pairs actions; /* what a reader sees -> where it goes, a template */
    int64_t ttl_ms;
    int urgency; /* of what is not breaking: index in webpush__urgencies */
    int sound, renotify, require_interaction; /* enum webpush_when */
    int dir;                                  /* index in webpush__dirs */
    int on_update, on_retract;                /* enum webpush_update, enum webpush_retraction */
    bool prepare;
};
extern const char *const webpush__urgencies[], *const webpush__dirs[];
#define WEBPUSH_URGENCY_HIGH "high"

enum webpush_limit { WEBPUSH_LIMIT_TITLE, WEBPUSH_LIMIT_BODY, WEBPUSH_LIMIT_MESSAGE };
extern const struct text_rule webpush__limits[];

const struct webpush_settings *webpush__settings(const struct step_ctx *ctx);
extern const struct audience webpush__audience;

/* ---- webpush_message.c ---- */
/* What all get, made once into the record: `payload`, and `short` for a service that finds it too large. Sends
 * nothing. */
enum err_code
webpush__prepare_message(struct step_ctx *ctx, struct http_request *req, struct err *why);
struct verdict webpush__read_nothing(struct step_ctx *ctx, const struct http_response *res);
/* Whether the addresses of the actions can be read as templates; ERR_INVALID: why names the key first. */
enum err_code webpush__check_actions(const struct webpush_settings *s, struct err *why);

/* ---- webpush_keys.c ---- */
#define WEBPUSH_KEYS_MAX 16
struct webpush_keys {
    struct webpush_key {
        struct p256_key *key;
        int64_t id;
    } v[WEBPUSH_KEYS_MAX]; /* the first is the one that new subscriptions are made for */
    size_t count;
};
/* ERR_INVALID: why names the setting first. */
MUST_USE enum err_code
webpush__keys_init(struct webpush_keys *k, const struct webpush_settings *s, struct err *why);
void webpush__keys_done(struct webpush_keys *k);
/* The first 8 bytes of the SHA-256 of a public key; never 0. */
int64_t webpush__key_id(const uint8_t public_key[P256_PUBLIC_BYTES]);
/* id 0: not known, taken for the first. NULL: none of ours. */
const struct webpush_key *webpush__key_find(const struct webpush_keys *k, int64_t id);
/* The Authorization header for an origin (RFC 8292), appended. */
void webpush__authorization(const struct webpush_key *key,
                            const char *subject,
                            const char *origin,
                            int64_t expires_ms,
                            struct buf *out);
/* mailto: or https:, at a name that can be that of somebody. */
bool webpush__subject_good(const char *subject);
void webpush__public_key(const void *settings, struct buf *out);

/* ---- webpush_subscription.c ---- */
#define WEBPUSH_AUTH_BYTES 16
#define WEBPUSH_KEYS_BYTES (P256_PUBLIC_BYTES + WEBPUSH_AUTH_BYTES)
bool webpush__address(const char *text, char *out);
/* Its parts; false: it is no such address. The origin is appended as RFC 6454 has it. */
bool webpush__origin(const char *address, struct buf *out);
void webpush__path(const char *address, struct buf *out);
enum err_code webpush__subscription(const void *settings,
                                    const json_t *given,
                                    struct push_subscription *out,
                                    struct err *why);

/* ---- webpush_plan.c ---- */
enum webpush_service {
    WEBPUSH_FCM,
    WEBPUSH_MOZILLA,
    WEBPUSH_APPLE,
    WEBPUSH_WINDOWS,
    WEBPUSH_OTHER,
    WEBPUSH_SERVICES
};
enum webpush_service webpush__service(const char *origin);

/* What answers said so far, counted on all lanes at once. */
struct webpush_counts {
    atomic_long accepted[WEBPUSH_KEYS_MAX]; /* by our key */
    atomic_long troubles[WEBPUSH_KEYS_MAX]; /* a service of a name said no to us */
    atomic_long
        later[WEBPUSH_SERVICES]; /* "too fast", "not now", since the last message it took */
};

struct push_plan {
    const struct webpush_settings *settings;
    struct webpush_keys keys;
    char *payload, *brief; /* JSON; brief: for who finds it too large */
    size_t payload_len, brief_len;
    int64_t ttl_s;
    const char *urgency;
    char topic[PUSH_TOPIC_BYTES];
    struct webpush_counts *counts;
};
extern const struct push webpush__push;

/* ---- webpush_proof.c ---- */
enum err_code webpush__self_test(const struct push_plan *plan, struct err *why);

/* ---- webpush_read.c ---- */
extern const char *const webpush__answer_headers[];
struct verdict webpush__read(const struct push_plan *plan,
                             const struct member *const *m,
                             size_t count,
                             const struct http_response *res,
                             struct member_word *words);

#endif
