#ifndef CRIER_ADAPTERS_APNS_INTERNAL_H
#define CRIER_ADAPTERS_APNS_INTERNAL_H

/* Shared by APNs' files: apns.c (settings, courses, audience), apns_push.c (what lanes call), apns_token.c (who we
 * are), apns_trouble.c (what answers mean). */

#include "adapters/adapter.h"
#include "adapters/notice.h"
#include "base/field.h"
#include "base/p256.h"

struct apns_settings {
    struct notice_settings notice; /* the first: see there */
    struct notice_apple apple;
    struct secret key;
    char *key_id, *team_id, *bundle_id, *api;
    bool sandbox;
};
const struct apns_settings *apns__settings(const struct step_ctx *ctx);
const char *apns__api(const struct apns_settings *s);

enum apns_limit { APNS_LIMIT_PAYLOAD };
extern const struct text_rule apns__limits[];

/* apns_push.c */
extern const struct push apns__push;
bool apns__address(const char *text, char *out);
#define APNS_ADDRESS_FORM "the device token that Apple gave the app: 64 digits of hex or more"
enum err_code apns__prepare(struct step_ctx *ctx, struct http_request *req, struct err *why);
enum err_code apns__build_test(struct step_ctx *ctx, struct http_request *req, struct err *why);

/* apns_token.c */
struct apns_tokens {
    struct p256_key *key;
    char *key_id, *team_id;
    int64_t first; /* period of texts[0]; the next is that of texts[1] */
    char *texts[2];
};
/* For now and the time after, as the channel's memory has them or made, and then noted there. */
MUST_USE enum err_code
apns__tokens_init(struct apns_tokens *t, struct step_ctx *ctx, struct err *why);
void apns__tokens_done(struct apns_tokens *t); /* also of a zeroed one */
/* "bearer …", appended; good until *until_ms. Any thread. */
void apns__tokens_add(struct buf *out,
                      const struct apns_tokens *t,
                      int64_t now_ms,
                      int64_t *until_ms);

/* apns_trouble.c */
enum apns_reach {
    APNS_TAKEN,
    APNS_GONE,
    APNS_NOT_OURS, /* a token of another environment or app, or none */
    APNS_EXPIRED,  /* our token is too old */
    APNS_OPERATOR,
    APNS_DEVICE, /* too many to this one, or a failure that says nothing of others */
    APNS_BUSY,
    APNS_MESSAGE, /* no to this message, whoever gets it */
    APNS_REFUSED, /* no, and nobody says why */
    APNS_UNREADABLE,
};
struct apns_said {
    enum apns_reach reach;
    int64_t wait_ms;
    int64_t
        since_ms; /* GONE: the token was last found good for nothing then; 0: Apple does not say */
    const char *hint; /* OPERATOR, EXPIRED, NOT_OURS: for people; NULL */
    char detail[MEMBER_DETAIL_BYTES];
};
void apns__read_answer(struct apns_said *out, const struct http_response *res);
struct verdict apns__read_test(struct step_ctx *ctx, const struct http_response *res);

#endif
