#ifndef CRIER_ADAPTERS_FCM_INTERNAL_H
#define CRIER_ADAPTERS_FCM_INTERNAL_H

/* Shared by Firebase's files: fcm.c (type fcm: tokens), fcm_topic.c (type fcm_topic: topics and conditions),
 * fcm_account.c (the service account and its tokens), fcm_message.c (the message), fcm_push.c (what lanes call),
 * fcm_trouble.c (what answers mean). */

#include "adapters/adapter.h"
#include "adapters/notice.h"
#include "adapters/oauth.h"
#include "base/field.h"
#include "base/rs256.h"

struct fcm_settings {
    struct notice_settings notice; /* the first: see there */
    struct oauth_settings oauth;   /* none of it is set */
    struct notice_apple apple;
    struct secret service_account;
    char *api, *android_channel, *click_action, *icon, *analytics_label;
    /* of fcm_topic */
    struct mustache *topic;
    struct pairs topics;
    char *condition;
};
const struct fcm_settings *fcm__settings(const struct step_ctx *ctx);

#define FCM_AT(member) .offset = offsetof(struct fcm_settings, member)
// clang-format off
#define FCM_ROWS \
    NOTICE_ROWS("breaking"), \
    NOTICE_DATA_ROW, \
    {.key = "android_channel", .kind = FIELD_STRING, FCM_AT(android_channel), .min = "1", .max = "128", .example = "breaking", \
     .help = "notification channel of your Android app; not set: its default"}, \
    {.key = "click_action", .kind = FIELD_STRING, FCM_AT(click_action), .min = "1", .max = "256", .example = "OPEN_ARTICLE", \
     .help = "intent that a tap starts on Android; not set: the app opens, with data"}, \
    {.key = "icon", .kind = FIELD_URL, FCM_AT(icon), .example = "https://news.example/icon.png", \
     .help = "picture beside the text, in browsers"}, \
    NOTICE_APPLE_ROWS(offsetof(struct fcm_settings, apple)), \
    {.key = "analytics_label", .kind = FIELD_STRING, FCM_AT(analytics_label), .min = "1", .max = "50", .example = "breaking", \
     .help = "under which Firebase counts these messages"}, \
    {.key = "api", .kind = FIELD_URL, FCM_AT(api), .def = "https://fcm.googleapis.com", \
     .help = "where Firebase takes messages"}
#define FCM_ACCOUNT_ROW \
    {.key = "service_account", .kind = FIELD_SECRET, FCM_AT(service_account), .required = true, .lines = true, \
     .example = "${file:/etc/crier/firebase.json}", \
     .help = "all of the JSON file that Firebase gives out under Project settings > Service accounts"}
// clang-format on
/* What both types ask of their settings. */
MUST_USE enum err_code fcm__check(const struct fcm_settings *s, struct err *why);
/* struct adapter.host of both: not that of the icon. */
void fcm__host(const void *object, struct buf *out);

/* fcm_account.c */
struct fcm_account {
    char *project, *key_id, *email, *token_uri;
    struct rs256_key *key; /* NULL: not wanted, which saves a millisecond */
};
MUST_USE enum err_code fcm__account_read(struct fcm_account *out,
                                         const struct secret *file,
                                         bool with_key,
                                         struct err *why);
void fcm__account_done(struct fcm_account *a); /* also of a zeroed one */
extern const struct oauth fcm__oauth;

/* fcm_message.c */
enum fcm_limit { FCM_LIMIT_PAYLOAD };
extern const struct text_rule fcm__limits[], fcm__topic_limits[];
enum err_code fcm__prepare(struct step_ctx *ctx, struct http_request *req, struct err *why);
enum err_code
fcm__prepare_topic(struct step_ctx *ctx, struct http_request *req, struct err *why);
/* All of a message but its target, as an object. */
void fcm__payload(const struct step_ctx *ctx, const struct notice *n, struct buf *out);
/* Path of messages:send, below `api`; yours, mem_free(). */
MUST_USE enum err_code fcm__path(char **out, const struct fcm_settings *s, struct err *why);
/* A request with nothing in it but where it goes and who we are. */
MUST_USE enum err_code
fcm__request(const struct step_ctx *ctx, struct http_request *req, struct err *why);

/* fcm_push.c */
extern const struct push fcm__push;
bool fcm__address(const char *text, char *out);
#define FCM_ADDRESS_FORM                                                                       \
    "the token that Firebase gave the app: letters, digits, :, _ and -, at least 32 of them"

/* fcm_trouble.c */
enum fcm_reach {
    FCM_TAKEN,
    FCM_TOKEN,    /* our access token is not taken */
    FCM_OPERATOR, /* no to us */
    FCM_BEYOND, /* Firebase cannot get it on to Apple, or to a browser: no to them, others get theirs */
    FCM_GONE,     /* the member's token is dead */
    FCM_NOT_OURS, /* it is none of this project's, or none at all */
    FCM_DEVICE,   /* too many to this one device */
    FCM_QUOTA,    /* too many */
    FCM_BUSY,     /* for now */
    FCM_INTERNAL, /* this one failed there */
    FCM_PAYLOAD,  /* no to this message, whoever gets it */
    FCM_REFUSED,  /* no, and nobody says why */
    FCM_UNREADABLE,
};
struct fcm_said {
    enum fcm_reach reach;
    int64_t wait_ms; /* QUOTA, BUSY */
    char detail[MEMBER_DETAIL_BYTES];
};
void fcm__read_answer(struct fcm_said *out, const struct http_response *res);
struct verdict fcm__read_test(struct step_ctx *ctx, const struct http_response *res);
enum err_code fcm__build_test(struct step_ctx *ctx, struct http_request *req, struct err *why);

#endif
