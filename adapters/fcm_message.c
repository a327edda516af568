/* Firebase's message: one object with a part for each kind of device, of which Firebase passes on what concerns it.
 * Called in the steps of fcm.c and fcm_topic.c, and by fcm_push.c's plan. Pure.
 *
 * Firebase knows no key of ours: a message that is sent twice is two. So all four names under which devices replace
 * one by another are set, from the article's id: collapseKey (not yet delivered), Android's tag, Apple's collapse
 * id, a browser's Topic and tag (shown).
 *
 * Sources: discovery document of the API, revision 20260306;
 * https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages */

#include "adapters/fcm_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "adapters/push.h"
#include "base/clock.h"
#include "base/json_put.h"
#include "base/mem.h"

#define ERRORS "https://firebase.google.com/docs/reference/fcm/rest/v1/ErrorCode"
#define TTL_S_MAX ((int64_t)4 * 7 * 24 * 3600)

const struct text_rule fcm__limits[] = {
    [FCM_LIMIT_PAYLOAD] = {.name = "payload",
                           .unit = TEXT_BYTES,
                           .max = 4096,
                           .source = ERRORS},
    {.name = NULL},
};
const struct text_rule fcm__topic_limits[] = {
    [FCM_LIMIT_PAYLOAD] = {.name = "payload",
                           .unit = TEXT_BYTES,
                           .max = 2048,
                           .source = ERRORS},
    {.name = NULL},
};

const struct fcm_settings *fcm__settings(const struct step_ctx *ctx)
{
    return ctx->settings;
}

/* ---- parts ---- */

static void put_words(struct buf *out, const struct notice *n)
{
    json_put_open(out, "notification", '{');
    json_put_text(out, "title", n->title);
    json_put_text(out, "body", *n->body != '\0' ? n->body : NULL);
    json_put_text(out, "image", n->picture);
    json_put_close(out, '}');
}

static void put_data(struct buf *out, const struct step_ctx *ctx, const struct notice *n)
{
    json_put_open(out, "data", '{');
    notice_put_data(out, ctx, n);
    json_put_close(out, '}');
}

static void put_seconds(struct buf *out, const char *key, int64_t seconds, const char *unit)
{
    char text[32];

    (void)snprintf(text, sizeof text, "%" PRId64 "%s", seconds, unit);
    json_put_text(out, key, text);
}

static void put_android(struct buf *out,
                        const struct fcm_settings *s,
                        const struct notice *n,
                        const char *topic,
                        int64_t ttl_s)
{
    json_put_open(out, "android", '{');
    json_put_text(out, "collapseKey", topic);
    json_put_text(out, "priority", n->urgent ? "HIGH" : "NORMAL");
    put_seconds(out, "ttl", ttl_s, "s");
    json_put_open(out, "notification", '{');
    json_put_text(out, "tag", topic);
    json_put_text(out, "channelId", s->android_channel);
    json_put_text(out, "clickAction", n->retracted ? NULL : s->click_action);
    json_put_text(out, "sound", n->sound ? "default" : NULL);
    json_put_text(out, "notificationPriority", n->quiet ? "PRIORITY_LOW" : NULL);
    json_put_close(out, '}');
    json_put_close(out, '}');
}

static void put_apple(struct buf *out,
                      const struct fcm_settings *s,
                      const struct notice *n,
                      const char *topic,
                      int64_t until_s)
{
    json_put_open(out, "apns", '{');
    json_put_open(out, "headers", '{');
    json_put_text(out, "apns-priority", notice_apple_priority(n));
    put_seconds(out, "apns-expiration", until_s, "");
    json_put_text(out, "apns-collapse-id", topic);
    json_put_close(out, '}');
    json_put_open(out, "payload", '{');
    notice_put_aps(out, &s->apple, n, false);
    json_put_close(out, '}');
    json_put_close(out, '}');
}

/* The link of a browser's notification must be https. */
static void put_browser(struct buf *out,
                        const struct step_ctx *ctx,
                        const struct notice *n,
                        const char *topic,
                        int64_t ttl_s)
{
    json_put_open(out, "webpush", '{');
    json_put_open(out, "headers", '{');
    put_seconds(out, "TTL", ttl_s, "");
    json_put_text(out, "Urgency", n->urgent ? "high" : "normal");
    json_put_text(out, "Topic", topic);
    json_put_close(out, '}');
    json_put_open(out, "notification", '{');
    json_put_text(out, "tag", topic);
    json_put_text(out, "lang", ctx->article->language);
    json_put_text(out, "icon", fcm__settings(ctx)->icon);
    json_put_close(out, '}');
    if (n->link && strncmp(n->link, "https://", 8) == 0) {
        json_put_open(out, "fcmOptions", '{');
        json_put_text(out, "link", n->link);
        json_put_close(out, '}');
    }
    json_put_close(out, '}');
}

void fcm__payload(const struct step_ctx *ctx, const struct notice *n, struct buf *out)
{
    const struct fcm_settings *s = fcm__settings(ctx);
    int64_t ttl_s = push_ttl_s(ctx, 0, TTL_S_MAX);
    char topic[PUSH_TOPIC_BYTES];

    push_topic(topic, ctx->article_id);
    json_put_open(out, NULL, '{');
    put_words(out, n);
    put_data(out, ctx, n);
    put_android(out, s, n, topic, ttl_s);
    put_apple(out, s, n, topic, ctx->now_ms / MS_SECOND + ttl_s);
    put_browser(out, ctx, n, topic, ttl_s);
    if (s->analytics_label) {
        json_put_open(out, "fcmOptions", '{');
        json_put_text(out, "analyticsLabel", s->analytics_label);
        json_put_close(out, '}');
    }
    json_put_close(out, '}');
}

/* ---- the step before ---- */

enum err_code fcm__prepare(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    static const struct notice_way way = {.rule = &fcm__limits[FCM_LIMIT_PAYLOAD],
                                          .payload = fcm__payload};

    return notice_prepare(ctx, req, &way, why);
}

enum err_code
fcm__prepare_topic(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    static const struct notice_way way = {.rule = &fcm__topic_limits[FCM_LIMIT_PAYLOAD],
                                          .payload = fcm__payload};

    return notice_prepare(ctx, req, &way, why);
}

/* ---- where it goes ---- */

enum err_code fcm__path(char **out, const struct fcm_settings *s, struct err *why)
{
    struct fcm_account account;
    enum err_code rc = fcm__account_read(&account, &s->service_account, false, why);

    if (!rc) {
        *out = mem_printf("/v1/projects/%s/messages:send", account.project);
        fcm__account_done(&account);
    }
    return rc;
}

enum err_code
fcm__request(const struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    const struct fcm_settings *s = fcm__settings(ctx);
    char *path;
    enum err_code rc = fcm__path(&path, s, why);

    if (!rc) {
        req->method = HTTP_POST;
        http_set_url_below(req, s->api, "%s", path);
        http_set_header(req, "Content-Type", "application/json; charset=UTF-8");
        http_set_headerf(req, "Authorization", "Bearer %s", ctx->token ? ctx->token : "");
        mem_free(path);
    }
    return rc;
}
