/* Requests held against the OpenAPI descriptions of the platforms that have one
 * (tests/fixtures/specs, trimmed): every request of every dialogue must be an operation that exists,
 * with parameters and a body that it knows. Shares no code with the adapters. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "adapters/registry.h"
#include "base/json.h"
#include "base/mem.h"
#include "support/dialogue.h"
#include "support/openapi.h"

struct check {
    json_t *spec;
    size_t requests;
};

static json_t *spec_load(const char *name)
{
    char path[1024];

    (void)snprintf(path, sizeof path, "%s/specs/%s.json", FIXTURES, name);
    return dialogue_load(path);
}

/* The checkers themselves: what they must not let pass. */
struct refusal {
    const char *about, *method, *path, *body;
    bool good;
};

static void check_refusals(const json_t *spec, const struct refusal *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const json_t *op = openapi_operation(spec, rows[i].method, rows[i].path);
        json_t *body = json_loads(rows[i].body, 0, NULL);
        struct fault f = {.text = ""};

        if (!op) {
            fault_tell(&f, "no such call");
        } else {
            schema_check(&f, spec, openapi_body(op, "application/json"), "body", body);
        }
        json_decref(body);
        if (fault_told(&f) == rows[i].good) {
            fail_msg("%s: %s", rows[i].about, fault_told(&f) ? f.text : "let pass");
        }
    }
}

/* ---- Mastodon ---- */

/* The description names this member as forms write it, "media_attributes[]", of strings; its text says
 * that each has id, description and focus. */
static void spell_out_attributes(const json_t *spec)
{
    static const char spelled[] = "{\"type\": \"array\", \"items\": {\"type\": \"object\", "
                                  "\"required\": [\"id\"], \"properties\": {"
                                  "\"id\": {\"type\": \"string\"}, \"description\": {\"type\": "
                                  "\"string\"}, \"focus\": {\"type\": "
                                  "\"string\"}}}}";
    const json_t *edit = openapi_operation(spec, "PUT", "/api/v1/statuses/1");
    json_t *properties = json_object_get(openapi_body(edit, "application/json"), "properties");

    assert_int_equal(json_object_del(properties, "media_attributes[]"), 0);
    (void)json_object_set_new(properties, "media_attributes", json_loads(spelled, 0, NULL));
}

static json_t *mastodon_load(void)
{
    json_t *spec = spec_load("mastodon");

    spell_out_attributes(spec);
    return spec;
}

static void check_mastodon(struct dialogue *d,
                           const struct adapter *a,
                           const struct step *step,
                           const struct http_request *req,
                           void *context)
{
    struct check *c = context;
    struct fault f = {.text = ""};
    const json_t *op = openapi_check(&f, c->spec, req);
    const char *key = http_header(&req->headers, "Idempotency-Key");
    bool has_file = req->part_count == 0;

    (void)a;
    (void)step;
    c->requests++;
    for (size_t i = 0; i < req->part_count; i++) {
        has_file = has_file || strcmp(req->parts[i].name, "file") == 0;
    }
    if (!has_file) {
        fault_tell(&f, "the file is missing");
    }
    if (op &&
        (key ? !openapi_parameter(op, "header", "Idempotency-Key", 15) || strlen(key) > 127
             : openapi_parameter(op, "header", "Idempotency-Key", 15) != NULL)) {
        fault_tell(&f, "an Idempotency-Key is missing, or where none is known");
    }
    if (fault_told(&f)) {
        dialogue_fault(d, "not as described: %s", f.text);
    }
}

static void mastodons_requests_are_as_the_description_has_them(void **state)
{
    struct check c = {.spec = mastodon_load()};
    int faults = dialogues_run(adapter_find("mastodon"), NULL, check_mastodon, &c);

    (void)state;
    json_decref(c.spec);
    assert_int_equal(faults, 0);
    assert_true(c.requests > 150);
}

static void mastodons_description_refuses_what_is_wrong(void **state)
{
    static const struct refusal rows[] = {
        {"a text", "POST", "/api/v1/statuses", "{\"status\":\"x\"}", true},
        {"a picture alone", "POST", "/api/v1/statuses", "{\"media_ids\":[\"1\"]}", true},
        {"neither", "POST", "/api/v1/statuses", "{\"language\":\"en\"}", false},
        {"an unknown member",
         "POST",
         "/api/v1/statuses",
         "{\"status\":\"x\",\"lang\":\"\"}",
         false},
        {"a number for an id", "POST", "/api/v1/statuses", "{\"media_ids\":[1]}", false},
        {"an unknown visibility",
         "POST",
         "/api/v1/statuses",
         "{\"status\":\"x\",\"visibility\":\"all\"}",
         false},
        {"an edit",
         "PUT",
         "/api/v1/statuses/1",
         "{\"media_attributes\":[{\"id\":\"1\"}]}",
         true},
        {"attributes without id",
         "PUT",
         "/api/v1/statuses/1",
         "{\"media_attributes\":[{\"description\":\"1\"}]}",
         false},
        {"an edit of nothing", "PUT", "/api/v1/statuses/", "{}", false},
        {"a call there is not", "PATCH", "/api/v1/statuses/1", "{}", false},
    };
    json_t *spec = mastodon_load();

    (void)state;
    check_refusals(spec, rows, ARRAY_LEN(rows));
    json_decref(spec);
}

/* ---- Discord ---- */

static bool may_be_anonymous(const json_t *op)
{
    json_t *way;
    size_t i;

    json_array_foreach(json_object_get(op, "security"), i, way)
    {
        if (json_object_size(way) == 0) {
            return true;
        }
    }
    return false;
}

static void check_discord(struct dialogue *d,
                          const struct adapter *a,
                          const struct step *step,
                          const struct http_request *req,
                          void *context)
{
    struct check *c = context;
    struct fault f = {.text = ""};
    const json_t *op = openapi_check(&f, c->spec, req);
    const char *authorization = http_header(&req->headers, "Authorization");
    const char *agent = http_header(&req->headers, "User-Agent");

    (void)a;
    (void)step;
    c->requests++;
    if (op && may_be_anonymous(op) != !authorization) {
        fault_tell(&f, "a token is missing, or goes where none is needed");
    }
    if (authorization && strncmp(authorization, "Bot ", 4) != 0) {
        fault_tell(&f, "the token is not a bot's");
    }
    if (!agent || strncmp(agent, "DiscordBot (https://", 20) != 0 || !strstr(agent, ", ")) {
        fault_tell(&f, "User-Agent is %s", agent ? agent : "missing");
    }
    if (fault_told(&f)) {
        dialogue_fault(d, "not as described: %s", f.text);
    }
}

static void discords_requests_are_as_the_description_has_them(void **state)
{
    struct check c = {.spec = spec_load("discord")};
    int faults = dialogues_run(adapter_find("discord"), NULL, check_discord, &c);

    (void)state;
    json_decref(c.spec);
    assert_int_equal(faults, 0);
    assert_true(c.requests > 150);
}

static void discords_description_refuses_what_is_wrong(void **state)
{
#define HOOK "/webhooks/1/t"
#define CARD(rest) "{\"embeds\":[{\"title\":\"x\"" rest "}]}"
    static const struct refusal rows[] = {
        {"a card", "POST", HOOK "?wait=true", CARD(""), true},
        {"a colour out of range", "POST", HOOK, CARD(",\"color\":16777216"), false},
        {"a time that is none", "POST", HOOK, CARD(",\"timestamp\":\"today\""), false},
        {"a time", "POST", HOOK, CARD(",\"timestamp\":\"2026-11-23T15:00:00Z\""), true},
        {"an address that is none", "POST", HOOK, CARD(",\"url\":\"news.example\""), false},
        {"a picture as a text", "POST", HOOK, CARD(",\"image\":\"https://a.example/\""), false},
        {"an unknown member", "POST", HOOK, "{\"text\":\"x\"}", false},
        {"a member of a card", "POST", HOOK, CARD(",\"colour\":1"), false},
        {"no text at all is a schema's matter", "POST", HOOK, "{}", true},
        {"a name too long",
         "POST",
         HOOK,
         "{\"username\":"
         "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\""
         "}",
         false},
        {"an unknown kind of mention",
         "POST",
         HOOK,
         "{\"allowed_mentions\":{\"parse\":[\"all\"]}}",
         false},
        {"everybody", "POST", HOOK, "{\"allowed_mentions\":{\"parse\":[\"everyone\"]}}", true},
        {"a role that is no number",
         "POST",
         HOOK,
         "{\"allowed_mentions\":{\"roles\":[\"editors\"]}}",
         false},
        {"a nonce by webhook", "POST", HOOK, "{\"nonce\":\"x\"}", false},
        {"a nonce",
         "POST",
         "/channels/1/messages",
         "{\"nonce\":\"x\",\"enforce_nonce\":true}",
         true},
        {"a nonce too long",
         "POST",
         "/channels/1/messages",
         "{\"nonce\":\"aaaaaaaaaaaaaaaaaaaaaaaaaa\"}",
         false},
        {"a name in an edit", "PATCH", HOOK "/messages/1", "{\"username\":\"x\"}", false},
        {"a call there is not", "PUT", HOOK, "{}", false},
    };
    json_t *spec = spec_load("discord");

    (void)state;
    check_refusals(spec, rows, ARRAY_LEN(rows));
    json_decref(spec);
}

/* ---- X ---- */

static bool is_signed(const char *authorization)
{
    static const char *const members[] = {"OAuth oauth_consumer_key=\"",
                                          ", oauth_nonce=\"",
                                          ", oauth_signature=\"",
                                          ", oauth_signature_method=\"HMAC-SHA1\"",
                                          ", oauth_timestamp=\"",
                                          ", oauth_token=\"",
                                          ", oauth_version=\"1.0\""};

    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        if (!strstr(authorization, members[i])) {
            return false;
        }
    }
    return true;
}

static void check_x(struct dialogue *d,
                    const struct adapter *a,
                    const struct step *step,
                    const struct http_request *req,
                    void *context)
{
    const char *authorization = http_header(&req->headers, "Authorization");
    struct check *c = context;
    struct fault f = {.text = ""};

    (void)a;
    (void)step;
    if (strstr(req->url, "/2/oauth2/token") ||
        strncmp(req->url, "https://x.example/", 18) == 0) {
        return; /* tokens are RFC 6749's; another API is a setting's */
    }
    c->requests++;
    (void)openapi_check(&f, c->spec, req);
    if (!authorization ||
        (strncmp(authorization, "Bearer ", 7) != 0 && !is_signed(authorization))) {
        fault_tell(&f, "no credentials go along");
    }
    if (fault_told(&f)) {
        dialogue_fault(d, "not as described: %s", f.text);
    }
}

static void xs_requests_are_as_the_description_has_them(void **state)
{
    struct check c = {.spec = spec_load("x")};
    int faults = dialogues_run(adapter_find("x"), NULL, check_x, &c);

    (void)state;
    json_decref(c.spec);
    assert_int_equal(faults, 0);
    assert_true(c.requests > 250);
}

static void xs_description_refuses_what_is_wrong(void **state)
{
#define POSTS "/2/tweets"
    static const struct refusal rows[] = {
        {"a text", "POST", POSTS, "{\"text\":\"x\"}", true},
        {"an unknown member", "POST", POSTS, "{\"text\":\"x\",\"lang\":\"en\"}", false},
        {"ids as numbers", "POST", POSTS, "{\"media\":{\"media_ids\":[1]}}", false},
        {"no pictures", "POST", POSTS, "{\"media\":{\"media_ids\":[]}}", false},
        {"five pictures",
         "POST",
         POSTS,
         "{\"media\":{\"media_ids\":[\"1\",\"2\",\"3\",\"4\",\"5\"]}}",
         false},
        {"everyone may reply", "POST", POSTS, "{\"reply_settings\":\"everyone\"}", false},
        {"a reply", "POST", POSTS, "{\"reply\":{\"in_reply_to_tweet_id\":\"1\"}}", true},
        {"a reply to nothing", "POST", POSTS, "{\"reply\":{}}", false},
        {"an edit", "POST", POSTS, "{\"edit_options\":{\"previous_post_id\":\"1\"}}", true},
        {"an edit of a link",
         "POST",
         POSTS,
         "{\"edit_options\":{\"previous_post_id\":\"https://x.com/\"}}",
         false},
        {"a video of another kind",
         "POST",
         "/2/media/upload/initialize",
         "{\"media_type\":\"video/ogg\"}",
         false},
        {"a call there is not", "PUT", POSTS, "{}", false},
    };
    json_t *spec = spec_load("x");

    (void)state;
    check_refusals(spec, rows, ARRAY_LEN(rows));
    json_decref(spec);
}

/* ---- Pinterest ---- */

static void check_pinterest(struct dialogue *d,
                            const struct adapter *a,
                            const struct step *step,
                            const struct http_request *req,
                            void *context)
{
    struct check *c = context;
    struct fault f = {.text = ""};
    const char *token = http_header(&req->headers, "Authorization");

    (void)a;
    /* Tokens are another document's matter; a video goes to a place that Pinterest names, with parts that
     * it names. */
    if (strstr(req->url, "/oauth/token") || strcmp(step->name, "upload_video") == 0) {
        return;
    }
    c->requests++;
    (void)openapi_check(&f, c->spec, req);
    if (!token || strncmp(token, "Bearer ", 7) != 0) {
        fault_tell(&f, "the token is missing");
    }
    if (fault_told(&f)) {
        dialogue_fault(d, "not as described: %s", f.text);
    }
}

static void pinterests_requests_are_as_the_description_has_them(void **state)
{
    struct check c = {.spec = spec_load("pinterest")};
    int faults = dialogues_run(adapter_find("pinterest"), NULL, check_pinterest, &c);

    (void)state;
    json_decref(c.spec);
    assert_int_equal(faults, 0);
    assert_true(c.requests > 100);
}

static void pinterests_description_refuses_what_is_wrong(void **state)
{
#define PIN(source) "{\"board_id\":\"1\",\"media_source\":" source "}"
    static const struct refusal rows[] = {
        {"a picture",
         "POST",
         "/pins",
         PIN("{\"source_type\":\"image_url\",\"url\":\"https://a.example/b.jpg\"}"),
         true},
        {"an unknown source", "POST", "/pins", PIN("{\"source_type\":\"text\"}"), false},
        {"a carousel of one",
         "POST",
         "/pins",
         PIN("{\"source_type\":\"multiple_image_urls\",\"items\":[{\"url\":\"https://a.example/"
             "\"}]}"),
         false},
        {"a picture of another kind",
         "POST",
         "/pins",
         PIN("{\"source_type\":\"image_base64\",\"content_type\":\"image/"
             "webp\",\"data\":\"AA==\"}"),
         false},
        {"a board by its name", "POST", "/pins", "{\"board_id\":\"news\"}", false},
        {"an unknown member", "POST", "/pins", "{\"board_id\":\"1\",\"tags\":[]}", false},
        {"a change", "PATCH", "/pins/1", "{\"title\":\"x\"}", true},
        {"a change of the picture", "PATCH", "/pins/1", PIN("{}"), false},
        {"a film", "POST", "/media", "{\"media_type\":\"film\"}", false},
        {"a call there is not", "PUT", "/pins/1", "{}", false},
    };
    json_t *spec = spec_load("pinterest");

    (void)state;
    check_refusals(spec, rows, ARRAY_LEN(rows));
    json_decref(spec);
}

/* ---- WhatsApp ---- */

/* Two members that the description does not have and Meta's guides do: of every call, and of every message. */
static json_t *whatsapp_load(void)
{
    static const char proof[] =
        "{\"name\": \"appsecret_proof\", \"in\": \"query\", \"schema\": {\"type\": "
        "\"string\", \"pattern\": \"^[0-9a-f]{64}$\"}}";
    json_t *spec = spec_load("whatsapp"), *schemas, *methods, *op;
    const char *path, *method;

    json_object_foreach(json_object_get(spec, "paths"), path, methods)
    {
        json_object_foreach(methods, method, op)
        {
            if (!json_is_object(op)) {
                continue;
            }
            if (!json_object_get(op, "parameters")) {
                (void)json_object_set_new(op, "parameters", json_array());
            }
            (void)json_array_append_new(json_object_get(op, "parameters"),
                                        json_loads(proof, 0, NULL));
        }
    }
    schemas = json_path(spec, "components", "schemas", NULL);
    (void)json_object_set_new(json_path(schemas, "BaseMessageProperties", "properties", NULL),
                              "biz_opaque_callback_data",
                              json_pack("{s:s, s:i}", "type", "string", "maxLength", 512));
    (void)json_object_set_new(
        json_path(schemas, "MarketingMessageRequestPayload", "properties", NULL),
        "biz_opaque_callback_data",
        json_pack("{s:s, s:i}", "type", "string", "maxLength", 512));
    return spec;
}

static void check_whatsapp(struct dialogue *d,
                           const struct adapter *a,
                           const struct step *step,
                           const struct http_request *req,
                           void *context)
{
    struct check *c = context;
    struct fault f = {.text = ""};
    const char *authorization = http_header(&req->headers, "Authorization");

    (void)a;
    (void)step;
    c->requests++;
    (void)openapi_check(&f, c->spec, req);
    if (!authorization || strncmp(authorization, "Bearer ", 7) != 0) {
        fault_tell(&f, "the token is missing");
    }
    if (fault_told(&f)) {
        dialogue_fault(d, "not as described: %s", f.text);
    }
}

static void whatsapps_requests_are_as_the_description_has_them(void **state)
{
    struct check c = {.spec = whatsapp_load()};
    int faults = dialogues_run(adapter_find("whatsapp"), NULL, check_whatsapp, &c);

    (void)state;
    json_decref(c.spec);
    assert_int_equal(faults, 0);
    assert_true(c.requests > 60);
}

static void whatsapps_description_refuses_what_is_wrong(void **state)
{
#define SEND "/v25.0/1/messages"
#define TEMPLATE(rest)                                                                         \
    "{\"messaging_product\":\"whatsapp\",\"recipient_type\":\"individual\",\"to\":\"1\","      \
    "\"type\":\"template\",\"template\":{\"name\":\"n\",\"language\":{\"policy\":"             \
    "\"deterministic\",\"code\":\"de\"}" rest "}}"
#define COMPONENT(inside) TEMPLATE(",\"components\":[{" inside "}]")
    static const struct refusal rows[] = {
        {"a template", "POST", SEND, TEMPLATE(""), true},
        {"by the other endpoint", "POST", "/v25.0/1/marketing_messages", TEMPLATE(""), true},
        {"a body",
         "POST",
         SEND,
         COMPONENT("\"type\":\"body\",\"parameters\":[{\"type\":\"text\",\"text\":\"x\"}]"),
         true},
        {"an unknown component", "POST", SEND, COMPONENT("\"type\":\"footer\""), false},
        {"a button without its place",
         "POST",
         SEND,
         COMPONENT("\"type\":\"button\",\"sub_type\":\"url\",\"parameters\":[]"),
         false},
        {"a number for a place",
         "POST",
         SEND,
         COMPONENT("\"type\":\"button\",\"sub_type\":\"url\",\"index\":0,\"parameters\":["
                   "{\"type\":\"text\",\"text\":\"x\"}]"),
         false},
        {"no recipient",
         "POST",
         SEND,
         "{\"messaging_product\":\"whatsapp\",\"type\":\"template\"}",
         false},
        {"an unknown member", "POST", SEND, TEMPLATE(",\"colour\":1"), false},
        {"a call there is not", "PUT", SEND, TEMPLATE(""), false},
    };
    json_t *spec = whatsapp_load();

    (void)state;
    check_refusals(spec, rows, ARRAY_LEN(rows));
    json_decref(spec);
}

static void nothing_stays_allocated(void **state)
{
    (void)state;
    assert_int_equal(mem_live_count(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mastodons_requests_are_as_the_description_has_them),
        cmocka_unit_test(mastodons_description_refuses_what_is_wrong),
        cmocka_unit_test(discords_requests_are_as_the_description_has_them),
        cmocka_unit_test(discords_description_refuses_what_is_wrong),
        cmocka_unit_test(xs_requests_are_as_the_description_has_them),
        cmocka_unit_test(xs_description_refuses_what_is_wrong),
        cmocka_unit_test(pinterests_requests_are_as_the_description_has_them),
        cmocka_unit_test(pinterests_description_refuses_what_is_wrong),
        cmocka_unit_test(whatsapps_requests_are_as_the_description_has_them),
        cmocka_unit_test(whatsapps_description_refuses_what_is_wrong),
        cmocka_unit_test(nothing_stays_allocated),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
