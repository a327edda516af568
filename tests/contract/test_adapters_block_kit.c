/* Slack's requests held against what Slack documents (tests/fixtures/specs/slack.json): every request of
 * every dialogue must be a method with these arguments, its blocks must be blocks within their limits,
 * and every mrkdwn must be one that Slack reads as it was meant. Shares no code with the adapter. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "adapters/registry.h"
#include "base/mem.h"
#include "support/dialogue.h"
#include "support/schema.h"

/* At about so many characters in all, a message is refused with msg_blocks_too_long. */
#define MESSAGE_CODE_POINTS 13200

struct check {
    json_t *spec;
    size_t requests, hooks;
};

/* ---- mrkdwn ---- */

static const char *skip_entity(const char *p)
{
    static const char *const known[] = {"&lt;", "&gt;", "&amp;"};

    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        if (strncmp(p, known[i], strlen(known[i])) == 0) {
            return p + strlen(known[i]);
        }
    }
    return NULL;
}

/* <https://a.example/|words>, <!here>; its end, or NULL when it is none. */
static const char *skip_markup(const char *p)
{
    const char *end = strchr(p, '>');
    size_t address = strcspn(p, "|>");

    if (!end || (strncmp(p + 1, "https://", 8) != 0 && p[1] != '!') ||
        memchr(p + 1, '<', (size_t)(end - p - 1)) || memchr(p, ' ', address)) {
        return NULL;
    }
    return end + 1;
}

static void check_mrkdwn(struct fault *f, const char *where, const char *text)
{
    const char *p = text;

    while (p && *p) {
        if (*p == '&') {
            p = skip_entity(p);
        } else if (*p == '<') {
            p = skip_markup(p);
        } else {
            p = *p == '>' ? NULL : p + 1;
        }
    }
    if (!p) {
        fault_tell(f, "%s is no mrkdwn: %s", where, text);
    }
}

/* ---- blocks ---- */

static size_t code_points(const char *text)
{
    size_t n = 0;

    for (; *text; text++) {
        n += ((unsigned char)*text & 0xc0) != 0x80;
    }
    return n;
}

/* Every text object and alternative text in a tree of blocks; returns their lengths together. */
static size_t check_texts(struct fault *f, const json_t *v)
{
    const char *type = json_string_value(json_object_get(v, "type"));
    const char *text = json_string_value(json_object_get(v, "text"));
    const char *alt = json_string_value(json_object_get(v, "alt_text"));
    size_t sum = (text ? code_points(text) : 0) + (alt ? code_points(alt) : 0);
    const char *name;
    json_t *member;
    size_t i;

    if (text && type && (strcmp(type, "mrkdwn") == 0 || strcmp(type, "plain_text") == 0)) {
        check_mrkdwn(f, type, text);
    }
    json_object_foreach((json_t *)(uintptr_t)v, name, member)
    {
        sum += check_texts(f, member);
    }
    json_array_foreach(v, i, member)
    {
        sum += check_texts(f, member);
    }
    return sum;
}

static void check_message(struct fault *f, const json_t *body)
{
    const json_t *blocks = json_object_get(body, "blocks");
    const char *text = json_string_value(json_object_get(body, "text"));
    size_t sum;

    if (!blocks) {
        return;
    }
    if (!text || !*text) {
        fault_tell(f, "a message without text beside its blocks");
        return;
    }
    check_mrkdwn(f, "text", text);
    if (code_points(text) > 4000) {
        fault_tell(f, "text has %zu code points", code_points(text));
    }
    sum = check_texts(f, blocks);
    if (sum > MESSAGE_CODE_POINTS) {
        fault_tell(f, "%zu code points in all", sum);
    }
}

/* ---- requests ---- */

static void check_query(struct fault *f, const json_t *spec, const json_t *args, const char *p)
{
    json_t *given = json_object();

    while (p && *p) {
        size_t len = strcspn(++p, "&"), end = strcspn(p, "=&");
        char name[64], value[1024];
        const json_t *known;
        json_t *v;

        (void)snprintf(name, sizeof name, "%.*s", (int)end, p);
        (void)snprintf(
            value, sizeof value, "%.*s", (int)(len > end ? len - end - 1 : 0), p + end + 1);
        known = schema_member(spec, args, name);
        v = known && strcmp(json_string_value(json_object_get(known, "type")), "string") == 0
                ? json_string(value)
                : json_loads(value, JSON_DECODE_ANY, NULL);
        (void)json_object_set_new(given, name, v ? v : json_string(value));
        p += len;
    }
    schema_check(f, spec, args, "query", given);
    json_decref(given);
}

static void check_body(struct fault *f,
                       const json_t *spec,
                       const json_t *args,
                       const struct http_request *req)
{
    const char *type = http_header(&req->headers, "Content-Type");
    json_t *body = json_loadb(buf_str(&req->body), req->body.len, 0, NULL);

    if (!type || strcmp(type, "application/json; charset=utf-8") != 0) {
        fault_tell(f, "Content-Type is %s", type ? type : "missing");
    }
    if (!body) {
        fault_tell(f, "the body is no JSON");
    } else {
        schema_check(f, spec, args, "body", body);
        check_message(f, body);
    }
    json_decref(body);
}

static void check_method(struct fault *f, const json_t *spec, const struct http_request *req)
{
    const char *at = strstr(req->url, "/api/");
    const char *authorization = http_header(&req->headers, "Authorization");
    const json_t *method;
    char name[64];

    (void)snprintf(
        name, sizeof name, "%.*s", at ? (int)strcspn(at + 5, "?") : 0, at ? at + 5 : "");
    method = json_object_get(json_object_get(spec, "methods"), name);
    if (!method || strcmp(json_string_value(json_object_get(method, "http_method")),
                          http_method_name(req->method)) != 0) {
        fault_tell(f, "no such call: %s %s", http_method_name(req->method), req->url);
        return;
    }
    if (!authorization || strncmp(authorization, "Bearer xox", 10) != 0) {
        fault_tell(f, "the token is missing");
    }
    if (req->method == HTTP_GET) {
        check_query(f, spec, json_object_get(method, "args"), strchr(req->url, '?'));
    } else {
        check_body(f, spec, json_object_get(method, "args"), req);
    }
}

static void check_request(struct dialogue *d,
                          const struct adapter *a,
                          const struct step *step,
                          const struct http_request *req,
                          void *context)
{
    struct check *c = context;
    struct fault f = {.text = ""};

    (void)a;
    (void)step;
    c->requests++;
    if (strstr(req->url, "/services/")) {
        c->hooks++;
        check_body(&f, c->spec, json_object_get(c->spec, "webhook"), req);
        if (req->method != HTTP_POST || http_header(&req->headers, "Authorization")) {
            fault_tell(&f, "a webhook gets a POST and no token");
        }
    } else {
        check_method(&f, c->spec, req);
    }
    if (fault_told(&f)) {
        dialogue_fault(d, "not as documented: %s", f.text);
    }
}

static json_t *spec_load(void)
{
    return dialogue_load(FIXTURES "/specs/slack.json");
}

static void every_request_is_as_slack_documents_it(void **state)
{
    struct check c = {.spec = spec_load()};
    int faults = dialogues_run(adapter_find("slack"), NULL, check_request, &c);

    (void)state;
    json_decref(c.spec);
    assert_int_equal(faults, 0);
    assert_true(c.requests > 100 && c.hooks > 30);
}

/* ---- the checkers themselves ---- */

static void the_documentation_refuses_what_is_wrong(void **state)
{
#define TEXT(kind, said) "{\"type\":\"" kind "\",\"text\":\"" said "\"}"
#define MESSAGE(blocks) "{\"channel\":\"C1\",\"text\":\"x\",\"blocks\":[" blocks "]}"
#define HEADER(text) MESSAGE("{\"type\":\"header\",\"text\":" text "}")
#define SECTION(rest) MESSAGE("{\"type\":\"section\",\"text\":" TEXT("mrkdwn", "x") rest "}")
    static const struct {
        const char *about, *body;
        bool good;
    } rows[] = {
        {"a headline", HEADER(TEXT("plain_text", "x")), true},
        {"a headline with markup", HEADER(TEXT("mrkdwn", "x")), false},
        {"an empty headline", HEADER(TEXT("plain_text", "")), false},
        {"a text", SECTION(""), true},
        {"a text with a picture",
         SECTION(",\"accessory\":{\"type\":\"image\",\"image_url\":\"https://a.example/"
                 "i\",\"alt_text\":\"i\"}"),
         true},
        {"a picture without a text",
         SECTION(",\"accessory\":{\"type\":\"image\",\"image_url\":\"https://a.example/i\"}"),
         false},
        {"an unknown member", SECTION(",\"footer\":\"x\""), false},
        {"an unknown block", MESSAGE("{\"type\":\"headline\",\"text\":\"x\"}"), false},
        {"no blocks", MESSAGE(""), false},
        {"no text beside the blocks",
         "{\"channel\":\"C1\",\"blocks\":[{\"type\":\"header\",\"text\":" TEXT("plain_text",
                                                                               "x") "}]}",
         false},
        {"no channel", "{\"text\":\"x\"}", false},
        {"an unknown argument",
         "{\"channel\":\"C1\",\"text\":\"x\",\"client_msg_id\":\"x\"}",
         false},
        {"metadata as they are",
         "{\"channel\":\"C1\",\"text\":\"x\",\"metadata\":{\"event_type\":\"a_b\",\"event_"
         "payload\":{}}}",
         true},
        {"metadata of a bad name",
         "{\"channel\":\"C1\",\"text\":\"x\",\"metadata\":{\"event_type\":\"a "
         "b\",\"event_payload\":{}}}",
         false},
        {"an entity", HEADER(TEXT("plain_text", "a &amp; b")), true},
        {"a bare ampersand", HEADER(TEXT("plain_text", "a & b")), false},
        {"another entity", HEADER(TEXT("plain_text", "a &quot; b")), false},
        {"a bare bracket", HEADER(TEXT("plain_text", "a < b")), false},
        {"another bare bracket", HEADER(TEXT("plain_text", "a > b")), false},
        {"a link", HEADER(TEXT("plain_text", "<https://a.example/|a b>")), true},
        {"a link with a blank", HEADER(TEXT("plain_text", "<https://a.example/ b>")), false},
        {"a link in a link", HEADER(TEXT("plain_text", "<https://a.example/|<b>")), false},
        {"a call", HEADER(TEXT("plain_text", "<!here> a")), true},
    };
    json_t *spec = spec_load();
    const json_t *args = json_object_get(
        json_object_get(json_object_get(spec, "methods"), "chat.postMessage"), "args");

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fault f = {.text = ""};
        json_t *body = json_loads(rows[i].body, 0, NULL);

        assert_non_null(body);
        schema_check(&f, spec, args, "body", body);
        check_message(&f, body);
        json_decref(body);
        if (fault_told(&f) == rows[i].good) {
            fail_msg("%s: %s", rows[i].about, fault_told(&f) ? f.text : "let pass");
        }
    }
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
        cmocka_unit_test(every_request_is_as_slack_documents_it),
        cmocka_unit_test(the_documentation_refuses_what_is_wrong),
        cmocka_unit_test(nothing_stays_allocated),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
