/* Firebase Cloud Messaging, to a topic or a condition: one message, which Firebase gives to every device that
 * subscribed. Called through the registry. It shares all but the target with fcm.c; crier knows no members here.
 *
 * A second message of the same costs Firebase a whole round of all devices, though each shows it once (fcm_message.c
 * says why). So one whose answer was lost goes again once, half a minute later, and then a person must say.
 *
 * Source: https://firebase.google.com/docs/cloud-messaging/send-topic-messages */

#include <string.h>

#include "adapters/adapters_list.h"
#include "adapters/fcm_internal.h"
#include "adapters/fit.h"
#include "adapters/record.h"
#include "adapters/trouble.h"
#include "base/attr.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/json_put.h"
#include "base/mem.h"
#include "base/mustache.h"
#include "base/text.h"

#define TEXT_BYTES_MAX ((size_t)64 * 1024)
#define TOPICS_MAX 5 /* of one condition */
#define TOPIC_BYTES_MAX 900
#define SECOND_TRY_MS (30 * MS_SECOND)

// clang-format off
static const struct field settings[] = {
    FCM_ACCOUNT_ROW,
    {.key = "topic", .kind = FIELD_TEMPLATE, FCM_AT(topic), .example = "\"news-{{language}}\"",
     .help = "the topic that gets every article, or those with no category in `topics`"},
    {.key = "topics", .kind = FIELD_MAP, FCM_AT(topics), .example = "{Sports: sports, World: world}",
     .help = "category -> topic; an article of several goes to all of them, and to each device once"},
    {.key = "condition", .kind = FIELD_STRING, FCM_AT(condition), .min = "1", .max = "1000",
     .example = "\"'news' in topics && !('quiet' in topics)\"",
     .help = "instead of both: which devices, in Firebase's own words, with up to five topics"},
    FCM_ROWS,
    FIELD_END,
};
// clang-format on

/* ---- the target ---- */

static bool is_topic(const char *text)
{
    size_t len = strlen(text);

    return len > 0 && len <= TOPIC_BYTES_MAX &&
           strspn(text,
                  "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~%") == len;
}

static bool has_category(const struct article *a, const char *category)
{
    for (size_t i = 0; i < a->categories.count; i++) {
        if (text_same_word(a->categories.v[i], category)) {
            return true;
        }
    }
    return false;
}

static bool is_among(const char *const *list, size_t count, const char *topic)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(list[i], topic) == 0) {
            return true;
        }
    }
    return false;
}

/* The topics of an article's categories, as the settings name them; what is beyond five is left out. */
static size_t find_topics(const struct step_ctx *ctx, const char *out[TOPICS_MAX])
{
    const struct pairs *topics = &fcm__settings(ctx)->topics;
    size_t count = 0;

    for (size_t i = 0; i < topics->count && count < TOPICS_MAX; i++) {
        if (has_category(ctx->article, topics->v[i].key) &&
            !is_among(out, count, topics->v[i].value)) {
            out[count++] = topics->v[i].value;
        }
    }
    return count;
}

static void put_topics(struct buf *out, const char *const *topics, size_t count)
{
    struct buf text;

    if (count == 1) {
        json_put_text(out, "topic", topics[0]);
        return;
    }
    buf_init(&text, TEXT_BYTES_MAX);
    for (size_t i = 0; i < count; i++) {
        buf_addf(&text, "%s'%s' in topics", i > 0 ? " || " : "", topics[i]);
    }
    json_put_text(out, "condition", buf_str(&text));
    buf_done(&text);
}

static enum err_code put_template(struct buf *out, const struct step_ctx *ctx, struct err *why)
{
    const struct mustache *tpl = fcm__settings(ctx)->topic;
    json_t *view = fit_view(ctx);
    struct buf text;
    enum err_code rc;

    buf_init(&text, TEXT_BYTES_MAX);
    rc = mustache_render(tpl, view, mustache_escape_none, NULL, NULL, &text, why);
    json_decref(view);
    if (!rc && !is_topic(buf_str(&text))) {
        rc = err_set(why,
                     ERR_INVALID,
                     "topic: \"%.60s\" is no topic: letters, digits, -, _, ., ~ and %%",
                     buf_str(&text));
    }
    if (!rc) {
        json_put_text(out, "topic", buf_str(&text));
    }
    buf_done(&text);
    return rc;
}

static enum err_code put_target(struct buf *out, const struct step_ctx *ctx, struct err *why)
{
    const struct fcm_settings *s = fcm__settings(ctx);
    const char *topics[TOPICS_MAX];
    size_t count = find_topics(ctx, topics);

    if (s->condition) {
        json_put_text(out, "condition", s->condition);
        return ERR_NONE;
    }
    if (count > 0) {
        put_topics(out, topics, count);
        return ERR_NONE;
    }
    if (!s->topic) {
        return err_set(
            why,
            ERR_INVALID,
            "none of the article's categories is in `topics`, and there is no `topic` "
            "for the others");
    }
    return put_template(out, ctx, why);
}

/* ---- the message ---- */

static enum err_code add_message(struct buf *out, const struct step_ctx *ctx, struct err *why)
{
    struct notice n;
    struct buf rest;
    enum err_code rc;

    if (!notice_read(&n, ctx)) {
        return err_set(why, ERR_INVALID, "the message is not made yet");
    }
    buf_adds(out, "{\"message\":{");
    rc = put_target(out, ctx, why);
    if (rc) {
        return rc;
    }
    buf_init(&rest, TEXT_BYTES_MAX);
    fcm__payload(ctx, &n, &rest);
    buf_addc(out, ',');
    buf_add(out, buf_str(&rest) + 1, rest.len - 1);
    buf_addc(out, '}');
    rc = buf_check(&rest, "message", why);
    buf_done(&rest);
    return rc;
}

static enum err_code build(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    enum err_code rc = fcm__request(ctx, req, why);

    return rc ? rc : add_message(&req->body, ctx, why);
}

/* "projects/example-news/messages/123": the last part. */
static void keep_name(struct step_ctx *ctx, const struct http_response *res)
{
    json_t *body = http_json(res);
    const char *name = json_path_str(body, "name");
    const char *last = name ? strrchr(name, '/') : NULL;

    post_set(ctx, last ? last + 1 : name, NULL);
    json_decref(body);
}

/* It may be on its way to everybody: once more, after a while; then nobody knows. */
static struct verdict in_doubt(struct step_ctx *ctx, const char *detail)
{
    struct verdict v;

    if (record_flag(ctx->record, "repeated")) {
        return verdict_make(VERDICT_UNKNOWN, SCOPE_POST, 0, "%s", detail);
    }
    record_set_flag(ctx->record, "repeated", true);
    v = verdict_make(VERDICT_AGAIN, SCOPE_POST, SECOND_TRY_MS, "%s", detail);
    v.maybe_public = true;
    return v;
}

static struct verdict read_answer(struct step_ctx *ctx, const struct http_response *res)
{
    struct fcm_said said;

    fcm__read_answer(&said, res);
    switch (said.reach) {
    case FCM_TAKEN:
        keep_name(ctx, res);
        return verdict_done();
    case FCM_TOKEN:
        return verdict_token_refused("%s", said.detail);
    case FCM_OPERATOR:
    case FCM_BEYOND:
        return verdict_make(VERDICT_BLOCKED, SCOPE_CHANNEL, 0, "%s", said.detail);
    case FCM_QUOTA:
    case FCM_DEVICE:
    case FCM_BUSY:
        return verdict_make(VERDICT_AGAIN, SCOPE_CHANNEL, said.wait_ms, "%s", said.detail);
    case FCM_INTERNAL:
    case FCM_UNREADABLE:
        return in_doubt(ctx, said.detail);
    case FCM_GONE:
    case FCM_NOT_OURS:
    case FCM_PAYLOAD:
    case FCM_REFUSED:
        break;
    }
    return verdict_make(VERDICT_REJECTED, SCOPE_POST, 0, "%s", said.detail);
}

static struct verdict
unanswered(struct step_ctx *ctx, enum transport_outcome outcome, const char *error)
{
    static const struct step once = {.name = "send", .publishes = true};

    return outcome == TRANSPORT_LOST ? in_doubt(ctx, error)
                                     : trouble_from_transport(&once, outcome, error);
}

/* ---- courses ---- */

#define SAMPLE "{\"name\":\"projects/example-news/messages/6577457352112437000\"}"

static const struct step send_steps[] = {
    NOTICE_PREPARE_STEP(fcm__prepare_topic),
    {.name = "send",
     .publishes = true,
     .makes_post = true,
     .build = build,
     .read = read_answer,
     .unanswered = unanswered,
     .sample = SAMPLE},
    STEP_END,
};
static const struct step test_steps[] = {
    {.name = "look",
     .repeatable = true,
     .build = fcm__build_test,
     .read = fcm__read_test,
     .sample = SAMPLE},
    STEP_END,
};

static enum err_code check_topics(const struct pairs *topics, struct err *why)
{
    for (size_t i = 0; i < topics->count; i++) {
        if (!is_topic(topics->v[i].value)) {
            return err_set(why,
                           ERR_INVALID,
                           "topics: \"%.60s\" is no topic: letters, digits, -, _, ., ~ and %%",
                           topics->v[i].value);
        }
    }
    return ERR_NONE;
}

static enum err_code check(const void *object, struct err *why)
{
    const struct fcm_settings *s = object;
    enum err_code rc = fcm__check(s, why);

    if (rc) {
        return rc;
    }
    if (s->condition && (s->topic || s->topics.count > 0)) {
        return err_set(why, ERR_INVALID, "condition: not together with topic or topics");
    }
    if (!s->condition && !s->topic && s->topics.count == 0) {
        return err_set(why, ERR_INVALID, "topic: needed, or topics, or condition");
    }
    return check_topics(&s->topics, why);
}

// clang-format off
static const char setup[] =
    "One message to all devices that your app has subscribed to a topic; Firebase keeps who they are. It is slower\n"
    "than messages to tokens (type fcm), and tells nothing of who got it.\n"
    "\n"
    "1. Steps 1 and 2 of `crier channels fcm`.\n"
    "2. In your app, subscribe devices: FirebaseMessaging.getInstance().subscribeToTopic(\"news-en\").\n"
    "3. Write:\n"
    "\n"
    "     channels:\n"
    "       app-topics:\n"
    "         type: fcm_topic\n"
    "         service_account: \"${file:/etc/crier/firebase.json}\"\n"
    "         topic: \"news-{{language}}\"\n"
    "         topics: {Sports: sports}\n"
    "         when: {breaking: true}\n"
    "\n"
    "4. Run `crier check`. With the service running, this has Firebase look at a message and sends nothing:\n"
    "     curl -H \"Authorization: Bearer $CRIER_TOKEN\" --json '{\"probe\": true}' \\\n"
    "       http://127.0.0.1:8480/v1/channels/app-topics/test";
// clang-format on

const struct adapter adapter_fcm_topic = {
    .name = "fcm_topic",
    .title = "Firebase topics",
    .doc_url = "https://firebase.google.com/docs/cloud-messaging/send-topic-messages",
    .about = "a notification to every app that is subscribed to a topic",
    .settings = settings,
    .settings_size = sizeof(struct fcm_settings),
    .limits = fcm__topic_limits,
    .publish = send_steps,
    .update = send_steps,
    .retract = send_steps,
    .test = test_steps,
    .rules_out = notice_rules_out,
    .retract_without_post = true,
    .cannot_update = NOTICE_CANNOT_UPDATE,
    .cannot_retract = NOTICE_CANNOT_RETRACT,
    .cannot_verify = "Firebase cannot be asked for a message",
    .host = fcm__host,
    .media_max_bytes = (size_t)1000 * 1000,
    .media_bounds = notice_media_bounds,
    .pictures = "by their address, which telephones fetch",
    .media = "the article's first picture",
    .oauth = &fcm__oauth,
    .answer_timeout_ms = 30 * MS_SECOND,
    .check = check,
    .setup = setup,
};
