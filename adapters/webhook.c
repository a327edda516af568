/* Webhooks: an article to a program of somebody else's, signed by the rules of Standard
 * Webhooks, on wish as a CloudEvent or with a body of the operator's own. Called through the
 * registry. Owns its settings; the receiver tells repeats apart by webhook-id, so that every
 * step is repeatable and nothing needs to be looked up afterwards.
 *
 * One request per course: publish, update and retract differ in the type of the event only. The
 * body is the same on every attempt of a delivery (its times are the delivery's), the signature
 * is of the attempt. Sources: the Standard Webhooks specification (17 Aug 2026),
 * CloudEvents 1.0 and its HTTP binding. */

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "adapters/adapters_list.h"
#include "adapters/fit.h"
#include "adapters/trouble.h"
#include "base/attr.h"
#include "base/crypto.h"
#include "base/json.h"
#include "base/json_put.h"
#include "base/mem.h"

enum format { FORMAT_STANDARD, FORMAT_CLOUDEVENTS, FORMAT_CLOUDEVENTS_BINARY };

struct webhook_settings {
    char *url;
    struct secret secret, old_secret;
    int format; /* enum format */
    char *event_type_prefix;
    struct pairs headers;
    struct mustache *body;
    char *content_type;
    bool github_signature;
};

static const char *const formats[] = {"standard", "cloudevents", "cloudevents_binary", NULL};

#define AT(member) .offset = offsetof(struct webhook_settings, member)
// clang-format off
static const struct field settings[] = {
    {.key = "url", .kind = FIELD_URL, AT(url), .required = true,
     .example = "https://partner.example/hook",
     .help = "where to post; redirects are not followed"},
    {.key = "secret", .kind = FIELD_SECRET, AT(secret),
     .example = "${PARTNER_SECRET}",
     .help = "signs every request: whsec_ and base64, or any text taken as bytes"},
    {.key = "old_secret", .kind = FIELD_SECRET, AT(old_secret),
     .example = "${PARTNER_SECRET_OLD}",
     .help = "while the secret is being changed: a second signature is sent with this one"},
    {.key = "format", .kind = FIELD_ENUM, AT(format), .choices = formats, .def = "standard",
     .help = "what the body is: our own event, or a CloudEvent in one piece or with its attributes in headers"},
    {.key = "event_type_prefix", .kind = FIELD_STRING, AT(event_type_prefix), .def = "crier.",
     .max = "100", .example = "example.news.",
     .help = "put before \"article.published\" to make the type of a CloudEvent"},
    {.key = "headers", .kind = FIELD_MAP, AT(headers),
     .example = "{X-Api-Key: ${PARTNER_KEY}}",
     .help = "more request headers"},
    {.key = "body", .kind = FIELD_TEMPLATE, AT(body),
     .example = "'{\"text\": \"{{title}} {{url}}\"}'",
     .help = "a body of your own; values are escaped as inside a JSON string when content_type says JSON"},
    {.key = "content_type", .kind = FIELD_STRING, AT(content_type), .def = "application/json",
     .max = "200",
     .help = "media type of such a body"},
    {.key = "github_signature", .kind = FIELD_BOOL, AT(github_signature), .def = "false",
     .help = "also sign as GitHub does, in X-Hub-Signature-256"},
    FIELD_END,
};
// clang-format on

static const struct text_rule limits[] = {
    /* Advised for receivers, not enforced by any: told in `preview`, never cut. */
    {.name = "body",
     .unit = TEXT_BYTES,
     .max = 0,
     .source = "https://github.com/standard-webhooks/standard-webhooks (under 20 kB advised)"},
    {.name = NULL},
};

/* ---- the event ---- */

#define MESSAGE_ID_DIGITS 24 /* 96 bits, as long as the ids in the specification's examples */

/* "msg_" and the beginning of the delivery's key: the same on every attempt, no dot in it (the
 * signed text is joined by dots). */
static void message_id(const struct step_ctx *ctx, char out[4 + MESSAGE_ID_DIGITS + 1])
{
    size_t len = strlen(ctx->key);

    must(len >= MESSAGE_ID_DIGITS);
    memcpy(out, "msg_", 4);
    memcpy(out + 4, ctx->key, MESSAGE_ID_DIGITS);
    out[4 + MESSAGE_ID_DIGITS] = '\0';
}

static const char *event_type(const struct step_ctx *ctx)
{
    switch (ctx->course) {
    case COURSE_UPDATE:
        return "article.updated";
    case COURSE_RETRACT:
        return "article.retracted";
    default:
        return "article.published";
    }
}

/* What is told of the article: all of it, or of a retracted one what it takes to find it. The
 * id is ours, stable over revisions; the CMS's own goes as source_id. */
static void put_article(struct buf *b, const struct step_ctx *ctx)
{
    const struct article *a = ctx->article;

    json_put_open(b, "article", '{');
    if (ctx->course == COURSE_RETRACT) {
        json_put_text(b, "id", ctx->article_id);
        json_put_text(b, "url", a->url);
        json_put_text(b, "title", a->title);
    } else {
        article_put_members(b, a, ctx->article_id);
        json_put_text(b, "source_id", a->id);
    }
    json_put_close(b, '}');
}

static void put_data(struct buf *b, const char *key, const struct step_ctx *ctx)
{
    json_put_open(b, key, '{');
    put_article(b, ctx);
    json_put_int(b, "revision", ctx->revision);
    json_put_bool(b, "breaking", ctx->breaking);
    json_put_text(b, "reason", ctx->reason);
    json_put_text(b, "link", ctx->link);
    if (ctx->is_test) {
        json_put_bool(b, "test", true);
    }
    json_put_close(b, '}');
}

static const char *event_time(const struct step_ctx *ctx, char out[TIME_TEXT_BYTES])
{
    return time_rfc3339(ctx->created_at_ms, out);
}

/* Appends text as it stands inside a JSON string. */
static void escape_json(struct buf *out, const char *text, size_t len)
{
    json_t *v = json_stringn(text, len);
    struct buf quoted;

    if (!v) { /* not UTF-8: articles never are, settings may be */
        return;
    }
    buf_init(&quoted, out->max);
    json_write(&quoted, v);
    if (buf_ok(&quoted) && quoted.len >= 2) {
        buf_add(out, quoted.data + 1, quoted.len - 2);
    }
    buf_done(&quoted);
    json_decref(v);
}

/* ---- the body ---- */

static const char *cloud_source(const struct step_ctx *ctx)
{
    bool known = ctx->site && ctx->site->url && *ctx->site->url;

    return known ? ctx->site->url : ctx->article->url;
}

static char *cloud_type(const struct step_ctx *ctx)
{
    const struct webhook_settings *s = ctx->settings;

    return mem_printf(
        "%s%s", s->event_type_prefix ? s->event_type_prefix : "", event_type(ctx));
}

static void body_standard(const struct step_ctx *ctx, struct http_request *req)
{
    char time[TIME_TEXT_BYTES];

    json_put_open(&req->body, NULL, '{');
    json_put_text(&req->body, "type", event_type(ctx));
    json_put_text(&req->body, "timestamp", event_time(ctx, time));
    put_data(&req->body, "data", ctx);
    json_put_close(&req->body, '}');
    http_set_header(req, "Content-Type", "application/json");
}

/* CloudEvents JSON format, one event. */
static void
body_cloudevents(const struct step_ctx *ctx, struct http_request *req, const char *id)
{
    char time[TIME_TEXT_BYTES];
    char *type = cloud_type(ctx);
    struct buf *b = &req->body;

    json_put_open(b, NULL, '{');
    json_put_text(b, "specversion", "1.0");
    json_put_text(b, "id", id);
    json_put_text(b, "source", cloud_source(ctx));
    json_put_text(b, "type", type);
    json_put_text(b, "time", event_time(ctx, time));
    json_put_text(b, "subject", ctx->article_id);
    json_put_text(b, "datacontenttype", "application/json");
    put_data(b, "data", ctx);
    json_put_close(b, '}');
    http_set_header(req, "Content-Type", "application/cloudevents+json; charset=UTF-8");
    mem_free(type);
}

/* Header value of the CloudEvents HTTP binding, section 3.1.3.2: blank, quote, percent sign and
 * all that is not printable ASCII percent-encoded. */
static void set_cloud_header(struct http_request *req, const char *name, const char *value)
{
    struct buf encoded;

    buf_init(&encoded, 3 * (size_t)ARTICLE_URL_BYTES);
    for (const char *c = value; *c; c++) {
        unsigned char byte = (unsigned char)*c;

        if (byte < 0x21 || byte > 0x7e || byte == '"' || byte == '%') {
            buf_addf(&encoded, "%%%02X", byte);
        } else {
            buf_addc(&encoded, *c);
        }
    }
    if (buf_ok(&encoded)) {
        http_set_header(req, name, buf_str(&encoded));
    }
    buf_done(&encoded);
}

static void
body_cloudevents_binary(const struct step_ctx *ctx, struct http_request *req, const char *id)
{
    char time[TIME_TEXT_BYTES];
    char *type = cloud_type(ctx);

    put_data(&req->body, NULL, ctx);
    http_set_header(req, "Content-Type", "application/json");
    set_cloud_header(req, "ce-specversion", "1.0");
    set_cloud_header(req, "ce-id", id);
    set_cloud_header(req, "ce-source", cloud_source(ctx));
    set_cloud_header(req, "ce-type", type);
    set_cloud_header(req, "ce-time", event_time(ctx, time));
    set_cloud_header(req, "ce-subject", ctx->article_id);
    mem_free(type);
}

static bool is_json_type(const char *type)
{
    return strcasestr(type, "json") != NULL;
}

/* Without a body in the settings none of this is asked: an own body knows what it wants to
 * say. */
static MUST_USE enum err_code
body_template(const struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    const struct webhook_settings *s = ctx->settings;
    enum err_code rc;
    json_t *view = fit_view(ctx);

    json_set_str(view, "type", event_type(ctx));
    rc = mustache_render(s->body,
                         view,
                         is_json_type(s->content_type) ? escape_json : mustache_escape_none,
                         NULL,
                         NULL,
                         &req->body,
                         why);
    json_decref(view);
    if (rc) {
        return err_wrap(why, "body");
    }
    http_set_header(req, "Content-Type", s->content_type);
    return buf_check(&req->body, "body", why);
}

static MUST_USE enum err_code
set_body(const struct step_ctx *ctx, struct http_request *req, const char *id, struct err *why)
{
    const struct webhook_settings *s = ctx->settings;

    if (s->body) {
        return body_template(ctx, req, why);
    }
    switch ((enum format)s->format) {
    case FORMAT_STANDARD:
        body_standard(ctx, req);
        break;
    case FORMAT_CLOUDEVENTS:
        body_cloudevents(ctx, req, id);
        break;
    case FORMAT_CLOUDEVENTS_BINARY:
        body_cloudevents_binary(ctx, req, id);
        break;
    }
    return buf_check(&req->body, "body", why);
}

/* ---- the signature ---- */

#define SECRET_PREFIX "whsec_"

/* The bytes to sign with: behind whsec_ base64, any other text as it is. False: not base64. */
static bool secret_key(const struct secret *secret, struct buf *key)
{
    size_t prefix = strlen(SECRET_PREFIX);

    if (strncmp(secret->text, SECRET_PREFIX, prefix) != 0) {
        buf_add(key, secret->text, secret->len);
        return buf_ok(key);
    }
    return crypto_unbase64(key, secret->text + prefix, secret->len - prefix) && buf_ok(key) &&
           key->len > 0;
}

static void key_done(struct buf *key)
{
    if (key->data) {
        explicit_bzero(key->data, key->cap);
    }
    buf_done(key);
}

static void
add_signature(struct buf *out, const struct secret *secret, const struct buf *content)
{
    uint8_t mac[SHA256_BYTES];
    struct buf key;

    if (!secret->text) {
        return;
    }
    buf_init_secret(&key, secret->len + 1);
    if (secret_key(secret, &key)) { /* always: check saw to it */
        crypto_hmac_sha256(key.data, key.len, content->data, content->len, mac);
        buf_adds(out, out->len ? " v1," : "v1,");
        crypto_base64(out, mac, sizeof mac);
    }
    key_done(&key);
}

/* Standard Webhooks: id, a dot, the time, a dot, the body. */
static void sign_standard(const struct step_ctx *ctx, struct http_request *req, const char *id)
{
    const struct webhook_settings *s = ctx->settings;
    long long timestamp = (long long)(ctx->now_ms / MS_SECOND);
    struct buf content, signatures;

    http_set_header(req, "webhook-id", id);
    http_set_headerf(req, "webhook-timestamp", "%lld", timestamp);
    if (!s->secret.text) {
        return;
    }
    buf_init(&content, req->body.len + 256);
    buf_init(&signatures, 256);
    buf_addf(&content, "%s.%lld.", id, timestamp);
    buf_add(&content, req->body.data, req->body.len);
    must(buf_ok(&content));
    add_signature(&signatures, &s->secret, &content);
    add_signature(&signatures, &s->old_secret, &content);
    http_set_header(req, "webhook-signature", buf_str(&signatures));
    buf_done(&content);
    buf_done(&signatures);
}

/* GitHub's way: the secret's text as it is, over the body alone. */
static void sign_github(const struct step_ctx *ctx, struct http_request *req)
{
    const struct webhook_settings *s = ctx->settings;
    uint8_t mac[SHA256_BYTES];
    char hex[SHA256_HEX_BYTES];

    if (!s->github_signature || !s->secret.text) {
        return;
    }
    crypto_hmac_sha256(s->secret.text, s->secret.len, req->body.data, req->body.len, mac);
    http_set_headerf(req, "X-Hub-Signature-256", "sha256=%s", crypto_hex(mac, sizeof mac, hex));
}

/* ---- steps ---- */

static enum err_code send_build(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    const struct webhook_settings *s = ctx->settings;
    char id[4 + MESSAGE_ID_DIGITS + 1];
    enum err_code rc;

    message_id(ctx, id);
    req->method = HTTP_POST;
    http_set_url(req, "%s", s->url);
    rc = set_body(ctx, req, id, why);
    if (rc) {
        return rc;
    }
    for (size_t i = 0; i < s->headers.count; i++) {
        http_set_header(req, s->headers.v[i].key, s->headers.v[i].value);
    }
    sign_standard(ctx, req, id);
    sign_github(ctx, req);
    return ERR_NONE;
}

/* Where this differs from the common rules: an endpoint is one channel's, so what refuses every
 * event stops the channel, and what is wrong with one event refuses that event. */
// clang-format off
static const struct trouble_row troubles[] = {
    {.status = 401, .kind = VERDICT_BLOCKED, .scope = SCOPE_CHANNEL},
    {.status = 403, .kind = VERDICT_BLOCKED, .scope = SCOPE_CHANNEL},
    {.status = 404, .kind = VERDICT_BLOCKED, .scope = SCOPE_CHANNEL},
    {.status = 405, .kind = VERDICT_BLOCKED, .scope = SCOPE_CHANNEL},
    {.status = 410, .kind = VERDICT_BLOCKED, .scope = SCOPE_CHANNEL},
    {.status = 429, .kind = VERDICT_AGAIN,   .scope = SCOPE_CHANNEL},
    {.status = 502, .kind = VERDICT_AGAIN,   .scope = SCOPE_HOST},
    {.status = 503, .kind = VERDICT_AGAIN,   .scope = SCOPE_HOST},
    {.status = 504, .kind = VERDICT_AGAIN,   .scope = SCOPE_HOST},
    TROUBLE_END,
};
// clang-format on

static struct verdict send_read(struct step_ctx *ctx, const struct http_response *res);

#define SEND_STEP                                                                              \
    {                                                                                          \
        .name = "send", .repeatable = true, .publishes = true, .build = send_build,            \
        .read = send_read                                                                      \
    }

static const struct step send_course[] = {SEND_STEP, STEP_END};

/* Signed bodies are not carried elsewhere: the address in the settings must be the last one. */
static struct verdict redirects(const struct http_response *res)
{
    const char *location = http_header(&res->headers, "Location");
    char to[TROUBLE_EXCERPT_BYTES + 1];

    trouble_excerpt(to, location, location ? strlen(location) : 0);
    return verdict_make(VERDICT_BLOCKED,
                        SCOPE_CHANNEL,
                        0,
                        "%d: the endpoint redirects, put the final URL in the settings%s%s",
                        res->status,
                        to[0] ? ": " : "",
                        to);
}

static struct verdict send_read(struct step_ctx *ctx, const struct http_response *res)
{
    char id[4 + MESSAGE_ID_DIGITS + 1];
    struct verdict v;

    if (res->status >= 200 && res->status <= 299) {
        message_id(ctx, id);
        post_set(ctx, id, NULL);
        return verdict_done();
    }
    if (res->status >= 300 && res->status <= 399) {
        return redirects(res);
    }
    if (trouble_match(troubles, res->status, res->body, http_retry_after_ms(res), &v)) {
        return v;
    }
    return trouble_from_status(send_course, res);
}

/* ---- settings ---- */

/* Header names as RFC 9110 section 5.6.2 has tokens. */
static bool is_token(const char *name)
{
    for (const char *c = name; *c; c++) {
        bool letter = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z');
        bool digit = *c >= '0' && *c <= '9';

        if (!letter && !digit && !strchr("!#$%&'*+-.^_`|~", *c)) {
            return false;
        }
    }
    return *name != '\0';
}

static enum err_code check_secret(const char *key, const struct secret *secret, struct err *why)
{
    struct buf bytes;
    bool ok;

    if (!secret->text) {
        return ERR_NONE;
    }
    buf_init(&bytes, secret->len + 1);
    ok = secret_key(secret, &bytes);
    key_done(&bytes);
    if (!ok) {
        return err_set(why, ERR_INVALID, "%s: behind whsec_ stands base64", key);
    }
    return ERR_NONE;
}

static enum err_code check_headers(const struct pairs *headers, struct err *why)
{
    static const char *const ours[] = {"webhook-id",
                                       "webhook-timestamp",
                                       "webhook-signature",
                                       "content-length",
                                       "transfer-encoding",
                                       "host"};

    for (size_t i = 0; i < headers->count; i++) {
        const struct pair *h = &headers->v[i];

        if (!is_token(h->key)) {
            return err_set(why, ERR_INVALID, "headers: \"%s\" is no header name", h->key);
        }
        if (strpbrk(h->value, "\r\n")) {
            return err_set(
                why, ERR_INVALID, "headers: the value of %s has a line break", h->key);
        }
        for (size_t k = 0; k < ARRAY_LEN(ours); k++) {
            if (strcasecmp(h->key, ours[k]) == 0) {
                return err_set(why, ERR_INVALID, "headers: %s is set by crier itself", h->key);
            }
        }
    }
    return ERR_NONE;
}

static enum err_code check(const void *object, struct err *why)
{
    const struct webhook_settings *s = object;
    enum err_code rc = check_secret("secret", &s->secret, why);

    if (!rc) {
        rc = check_secret("old_secret", &s->old_secret, why);
    }
    if (!rc) {
        rc = check_headers(&s->headers, why);
    }
    if (!rc && s->old_secret.text && !s->secret.text) {
        rc = err_set(why, ERR_INVALID, "old_secret: needs a secret beside it");
    }
    if (!rc && s->github_signature && !s->secret.text) {
        rc = err_set(why, ERR_INVALID, "github_signature: needs a secret");
    }
    if (!rc && s->content_type && strpbrk(s->content_type, "\r\n")) {
        rc = err_set(why, ERR_INVALID, "content_type: is one line");
    }
    if (!rc && s->body && s->format != FORMAT_STANDARD) {
        rc = err_set(why, ERR_INVALID, "body: is not used with format %s", formats[s->format]);
    }
    return rc;
}

const struct adapter adapter_webhook = {
    .name = "webhook",
    .title = "Webhook",
    .doc_url = "https://github.com/standard-webhooks/standard-webhooks",
    .about =
        "a signed JSON event about the article, posted to a program of yours or a partner's",
    .settings = settings,
    .settings_size = sizeof(struct webhook_settings),
    .limits = limits,
    .publish = send_course,
    .update = send_course,
    .retract = send_course,
    .retract_without_post = true, /* the receiver knows the article by its id */
    .cannot_verify = "not needed: the receiver tells repeats apart by webhook-id",
    .every_revision = true,
    .answer_timeout_ms = 20 * MS_SECOND,
    .check = check,
    .setup =
        "1. Make a secret: crier keys webhook\n"
        "2. Give the receiver that secret; it checks the webhook-signature header with any\n"
        "   Standard Webhooks library, answers 2xx once it has stored the event, and treats\n"
        "   a webhook-id it has seen before as done.\n"
        "3. Give the secret to crier as an environment variable, here PARTNER_SECRET, and "
        "write:\n"
        "\n"
        "     channels:\n"
        "       partner:\n"
        "         type: webhook\n"
        "         url: https://partner.example/hook\n"
        "         secret: ${PARTNER_SECRET}\n"
        "\n"
        "4. Run `crier check`. With the service running, this sends a marked test event:\n"
        "     curl -X POST -H \"Authorization: Bearer $CRIER_TOKEN\" \\\n"
        "       http://127.0.0.1:8480/v1/channels/partner/test",
    .media = "addresses of pictures and video in the event",
    .pictures = "as addresses in the event",
};
