/* How each vendor signs: the rows that sign.c goes by. A new scheme is a row here and its vectors in
 * tests/unit/test_sources_sign.c. */

#include "sources/sign.h"

/* GitHub's, which many have taken over: WebSub, Drupal's webhooks module, plugins.
 * https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries */
const struct sign_scheme sign_hub = {
    .name = "hub",
    .header = "X-Hub-Signature-256",
    .prefix = "sha256=",
    .hash = CRYPTO_SHA256,
    .content = "{body}",
};

/* https://github.com/standard-webhooks/standard-webhooks; svix-* are its names from before. */
const struct sign_scheme sign_standard = {
    .name = "standard",
    .header = "webhook-signature",
    .old_header = "svix-signature",
    .prefix = "v1,",
    .several = true,
    .whsec = true,
    .coding = SIGN_BASE64,
    .hash = CRYPTO_SHA256,
    .content = "{id}.{timestamp}.{body}",
    .time_header = "webhook-timestamp",
    .old_time_header = "svix-timestamp",
    .time_unit_ms = 1000,
    .id_header = "webhook-id",
    .old_id_header = "svix-id",
};

/* Since July 2024 (Ghost 5.87) with the time: "sha256=<hex>, t=<ms>" over the body and the digits of t. */
const struct sign_scheme sign_ghost = {
    .name = "ghost",
    .header = "X-Ghost-Signature",
    .member = "sha256",
    .hash = CRYPTO_SHA256,
    .content = "{body}{timestamp}",
    .time_member = "t",
    .time_unit_ms = 1,
};

/* Before that the same header was over the body alone, and t said nothing. */
const struct sign_scheme sign_ghost_old = {
    .name = "ghost-old",
    .header = "X-Ghost-Signature",
    .member = "sha256",
    .hash = CRYPTO_SHA256,
    .content = "{body}",
};

/* The plugin "WP Webhooks". */
const struct sign_scheme sign_wp_webhooks = {
    .name = "wp-webhooks",
    .header = "X-WP-Webhook-Signature",
    .coding = SIGN_BASE64,
    .hash = CRYPTO_SHA256,
    .content = "{body}",
};

/* https://www.contentful.com/developers/docs/webhooks/request-verification/ */
const struct sign_scheme sign_contentful = {
    .name = "contentful",
    .header = "x-contentful-signature",
    .hash = CRYPTO_SHA256,
    .content = "{request}",
    .time_header = "x-contentful-timestamp",
    .time_unit_ms = 1,
};

/* https://github.com/sanity-io/webhook-toolkit */
const struct sign_scheme sign_sanity = {
    .name = "sanity",
    .header = "sanity-webhook-signature",
    .member = "v1",
    .coding = SIGN_BASE64URL,
    .hash = CRYPTO_SHA256,
    .content = "{timestamp}.{body}",
    .time_member = "t",
    .time_unit_ms = 1,
};

/* https://www.storyblok.com/docs/concepts/webhooks */
const struct sign_scheme sign_storyblok = {
    .name = "storyblok",
    .header = "webhook-signature",
    .hash = CRYPTO_SHA1,
    .content = "{body}",
};

/* https://github.com/hygraph/hygraph-utils: a JSON text, its keys in this order. */
const struct sign_scheme sign_hygraph = {
    .name = "hygraph",
    .header = "gcms-signature",
    .member = "sign",
    .coding = SIGN_BASE64,
    .hash = CRYPTO_SHA256,
    .content = "{\"Body\":{json},\"EnvironmentName\":\"{env}\",\"TimeStamp\":{timestamp}}",
    .time_member = "t",
    .time_unit_ms = 1,
};

/* https://developers.webflow.com/data/docs/working-with-webhooks */
const struct sign_scheme sign_webflow = {
    .name = "webflow",
    .header = "x-webflow-signature",
    .hash = CRYPTO_SHA256,
    .content = "{timestamp}:{body}",
    .time_header = "x-webflow-timestamp",
    .time_unit_ms = 1,
};

/* Superdesk's HTTP push, superdesk/publish/transmitters/http_push.py. */
const struct sign_scheme sign_superdesk = {
    .name = "superdesk",
    .header = "x-superdesk-signature",
    .prefix = "sha1=",
    .hash = CRYPTO_SHA1,
    .content = "{body}",
};

const struct sign_scheme sign_hmac = {.name = "hmac", .way = SIGN_BY_SETTINGS};
const struct sign_scheme sign_token = {.name = "token", .way = SIGN_BY_TOKEN};
const struct sign_scheme sign_none = {.name = "none", .way = SIGN_BY_NOTHING};
