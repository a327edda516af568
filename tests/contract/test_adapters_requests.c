/* Requests held against what the platforms publish: every request of Telegram's dialogues
 * against the official description of the Bot API (fields, types) and its HTML, every request
 * of the webhook's against the Standard Webhooks signature and the CloudEvents schema. The
 * checks here share no code with the adapters. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "adapters/registry.h"
#include "base/mem.h"
#include "support/dialogue.h"

static json_t *spec_load(const char *name)
{
    char path[1024];

    (void)snprintf(path, sizeof path, "%s/specs/%s.json", FIXTURES, name);
    return dialogue_load(path);
}

/* ---- Telegram: the description ---- */

struct telegram_check {
    json_t *spec;
    size_t requests;
};

static bool has_type(const json_t *spec, const char *type, const json_t *v);

static const json_t *field_find(const json_t *fields, const char *name)
{
    json_t *field;
    size_t i;

    json_array_foreach(fields, i, field)
    {
        if (strcmp(json_string_value(json_object_get(field, "name")), name) == 0) {
            return field;
        }
    }
    return NULL;
}

static bool any_type(const json_t *spec, const json_t *types, const json_t *v)
{
    json_t *type;
    size_t i;

    json_array_foreach(types, i, type)
    {
        if (has_type(spec, json_string_value(type), v)) {
            return true;
        }
    }
    return false;
}

/* NULL when v is what fields say, else what is wrong with it. */
static const char *object_fault(const json_t *spec, const json_t *fields, const json_t *v)
{
    const char *name;
    json_t *member, *field;
    size_t i;

    if (!json_is_object(v)) {
        return "no object";
    }
    json_object_foreach((json_t *)(uintptr_t)v, name, member)
    {
        const json_t *known = field_find(fields, name);

        if (!known || !any_type(spec, json_object_get(known, "types"), member)) {
            return name;
        }
    }
    json_array_foreach(fields, i, field)
    {
        name = json_string_value(json_object_get(field, "name"));
        if (json_is_true(json_object_get(field, "required")) && !json_object_get(v, name)) {
            return name;
        }
    }
    return NULL;
}

static bool has_type(const json_t *spec, const char *type, const json_t *v)
{
    static const char array_of[] = "Array of ";
    const json_t *known;
    json_t *item;
    size_t i;

    if (strncmp(type, array_of, sizeof array_of - 1) == 0) {
        json_array_foreach(v, i, item)
        {
            if (!has_type(spec, type + sizeof array_of - 1, item)) {
                return false;
            }
        }
        return json_is_array(v);
    }
    if (strcmp(type, "Integer") == 0) {
        return json_is_integer(v);
    }
    if (strcmp(type, "String") == 0) {
        return json_is_string(v);
    }
    if (strcmp(type, "Boolean") == 0) {
        return json_is_boolean(v);
    }
    known = json_object_get(json_object_get(spec, "types"), type);
    return known && !object_fault(spec, json_object_get(known, "fields"), v);
}

/* ---- Telegram: its HTML, by a parser that knows nothing of ours ---- */

static bool known_tag(const char *name, size_t len)
{
    static const char *const tags[] = {"b",
                                       "strong",
                                       "i",
                                       "em",
                                       "u",
                                       "ins",
                                       "s",
                                       "strike",
                                       "del",
                                       "a",
                                       "code",
                                       "pre",
                                       "blockquote",
                                       "span",
                                       "tg-spoiler"};

    for (size_t i = 0; i < ARRAY_LEN(tags); i++) {
        if (strlen(tags[i]) == len && memcmp(tags[i], name, len) == 0) {
            return true;
        }
    }
    return false;
}

struct html {
    const char *open[16]; /* names of the tags that are open, and their lengths */
    size_t len[16];
    size_t depth;
    size_t units; /* UTF-16 units of what is left */
};

/* Reads a tag at p; its end, or NULL when Telegram would refuse it. */
static const char *html_tag(struct html *h, const char *p)
{
    const char *end = strchr(p, '>');
    bool close = p[1] == '/';
    const char *name = p + 1 + close;
    size_t len = strcspn(name, " >");

    if (!end || !known_tag(name, len)) {
        return NULL;
    }
    if (!close) {
        must(h->depth < ARRAY_LEN(h->open));
        h->open[h->depth] = name;
        h->len[h->depth++] = len;
        return end + 1;
    }
    if (h->depth == 0 || h->len[h->depth - 1] != len ||
        memcmp(h->open[h->depth - 1], name, len) != 0) {
        return NULL;
    }
    h->depth--;
    return end + 1;
}

static const char *html_entity(const char *p)
{
    static const char *const known[] = {"&lt;", "&gt;", "&amp;", "&quot;"};

    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        if (strncmp(p, known[i], strlen(known[i])) == 0) {
            return p + strlen(known[i]);
        }
    }
    return NULL;
}

/* False when Telegram would answer "can't parse entities". */
static bool html_parse(const char *p, size_t *out_units)
{
    struct html h = {.depth = 0};

    while (p && *p) {
        if (*p == '<') {
            p = html_tag(&h, p);
            continue;
        }
        if (*p == '&') {
            p = html_entity(p);
            h.units++;
            continue;
        }
        if (((unsigned char)*p & 0xc0) != 0x80) { /* a character begins here */
            h.units += ((unsigned char)*p >= 0xf0) ? 2 : 1;
        }
        p++;
    }
    *out_units = h.units;
    return p && h.depth == 0;
}

static void check_html(struct dialogue *d, const json_t *body)
{
    const json_t *caption = json_object_get(body, "caption");
    const char *text = json_string_value(caption ? caption : json_object_get(body, "text"));
    size_t max = caption ? 1024 : 4096;
    size_t units = 0;

    if (!text || !json_object_get(body, "parse_mode")) {
        return;
    }
    if (!html_parse(text, &units)) {
        /* Two dialogues break their markup on purpose, to be refused. */
        if (!strstr(dialogue_path(d), "entities-refused")) {
            dialogue_fault(d, "Telegram cannot parse %s", text);
        }
    } else if (units == 0 || units > max) {
        dialogue_fault(d, "%zu UTF-16 units, allowed are 1 to %zu", units, max);
    }
}

static void check_telegram(struct dialogue *d,
                           const struct adapter *a,
                           const struct step *step,
                           const struct http_request *req,
                           void *context)
{
    struct telegram_check *c = context;
    const char *method = strrchr(req->url, '/') + 1;
    const json_t *known = json_object_get(json_object_get(c->spec, "methods"), method);
    json_t *body = json_loadb(buf_str(&req->body), req->body.len, 0, NULL);
    const char *fault;

    (void)a;
    (void)step;
    c->requests++;
    if (!known) {
        dialogue_fault(d, "the Bot API has no method %s", method);
    } else {
        fault = object_fault(c->spec, json_object_get(known, "fields"), body);
        if (fault) {
            dialogue_fault(d, "%s: %s is not as described", method, fault);
        }
    }
    check_html(d, body);
    json_decref(body);
}

static void telegram_requests_are_as_the_bot_api_describes_them(void **state)
{
    struct telegram_check c = {.spec = spec_load("telegram")};
    int faults = dialogues_run(adapter_find("telegram"), NULL, check_telegram, &c);

    (void)state;
    json_decref(c.spec);
    assert_int_equal(faults, 0);
    assert_true(c.requests > 50);
}

/* The checker itself: what it must not let pass. */
static void the_description_refuses_what_is_wrong(void **state)
{
    static const struct {
        const char *about, *method, *body;
        bool good;
    } rows[] = {
        {"all there", "sendMessage", "{\"chat_id\":1,\"text\":\"x\"}", true},
        {"a name for a chat", "sendMessage", "{\"chat_id\":\"@x\",\"text\":\"x\"}", true},
        {"no text", "sendMessage", "{\"chat_id\":1}", false},
        {"an unknown field", "sendMessage", "{\"chat_id\":1,\"text\":\"x\",\"mode\":1}", false},
        {"a text that is a number", "sendMessage", "{\"chat_id\":1,\"text\":2}", false},
        {"a button without text",
         "sendPhoto",
         "{\"chat_id\":1,\"photo\":\"u\",\"reply_markup\":{\"inline_keyboard\":[[{\"url\":"
         "\"u\"}]]}}",
         false},
        {"a button",
         "sendPhoto",
         "{\"chat_id\":1,\"photo\":\"u\",\"reply_markup\":{\"inline_keyboard\":[[{\"text\":"
         "\"t\"}]]}}",
         true},
        {"a photo with a preview",
         "sendPhoto",
         "{\"chat_id\":1,\"photo\":\"u\",\"link_preview_options\":{}}",
         false},
        {"a preview with an unknown option",
         "sendMessage",
         "{\"chat_id\":1,\"text\":\"x\",\"link_preview_options\":{\"large\":true}}",
         false},
    };
    json_t *spec = spec_load("telegram");

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const json_t *known = json_object_get(json_object_get(spec, "methods"), rows[i].method);
        json_t *body = json_loads(rows[i].body, 0, NULL);
        const char *fault = object_fault(spec, json_object_get(known, "fields"), body);

        if ((fault == NULL) != rows[i].good) {
            fail_msg("%s: %s", rows[i].about, fault ? fault : "let pass");
        }
        json_decref(body);
    }
    json_decref(spec);
}

static void the_html_parser_refuses_what_is_wrong(void **state)
{
    static const struct {
        const char *html;
        bool good;
        size_t units;
    } rows[] = {
        {"<b>x</b> &lt;y&gt; 🌊", true, 8},
        {"<b>x", false, 0},
        {"x</b>", false, 0},
        {"<b><i>x</b></i>", false, 0},
        {"<h1>x</h1>", false, 0},
        {"a & b", false, 0},
        {"a &apos; b", false, 0},
        {"a < b", false, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        size_t units = 0;
        bool good = html_parse(rows[i].html, &units);

        if (good != rows[i].good || (good && units != rows[i].units)) {
            fail_msg("%s: good %d, units %zu", rows[i].html, good, units);
        }
    }
}

/* ---- webhook: signatures ---- */

static const char secret_text[] =
    "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"; /* of most dialogues */

#define SIGNATURE_BYTES 80

/* "v1,…" as the specification computes it, with OpenSSL alone. */
static void expected_signature(char out[SIGNATURE_BYTES],
                               const char *id,
                               const char *time,
                               const struct buf *body)
{
    unsigned char key[64], mac[EVP_MAX_MD_SIZE], text[64];
    char *content = mem_printf("%s.%s.%s", id, time, buf_str(body));
    unsigned mac_len = 0;
    int key_len = EVP_DecodeBlock(
        key, (const unsigned char *)secret_text + 6, (int)strlen(secret_text) - 6);

    assert_int_equal(key_len, 24);
    HMAC(EVP_sha256(), key, key_len, (unsigned char *)content, strlen(content), mac, &mac_len);
    EVP_EncodeBlock(text, mac, (int)mac_len);
    (void)snprintf(out, SIGNATURE_BYTES, "v1,%s", (char *)text);
    mem_free(content);
}

struct webhook_check {
    json_t *schema;
    size_t signed_count, event_count;
};

static void
check_signature(struct dialogue *d, const struct http_request *req, struct webhook_check *c)
{
    const char *id = http_header(&req->headers, "webhook-id");
    const char *time = http_header(&req->headers, "webhook-timestamp");
    const char *signature = http_header(&req->headers, "webhook-signature");
    json_t *root = dialogue_load(dialogue_path(d));
    const char *secret =
        json_string_value(json_object_get(json_object_get(root, "settings"), "secret"));
    char want[SIGNATURE_BYTES];

    if (!id || !time || strchr(id, '.') || strspn(time, "0123456789") != strlen(time)) {
        dialogue_fault(
            d, "webhook-id %s, webhook-timestamp %s", id ? id : "", time ? time : "");
    } else if (secret && strcmp(secret, secret_text) == 0) {
        c->signed_count++;
        expected_signature(want, id, time, &req->body);
        /* In a rotation another one follows. */
        if (!signature || strncmp(signature, want, strlen(want)) != 0) {
            dialogue_fault(d, "want %s, got %s", want, signature ? signature : "none");
        }
    }
    json_decref(root);
}

/* ---- webhook: the CloudEvents schema ---- */

static bool is_rfc3339(const char *t)
{
    static const char form[] = "dddd-dd-ddTdd:dd:dd";

    for (size_t i = 0; form[i]; i++) {
        if (form[i] == 'd' ? t[i] < '0' || t[i] > '9' : t[i] != form[i]) {
            return false;
        }
    }
    t += sizeof form - 1;
    if (*t == '.') {
        t += 1 + strspn(t + 1, "0123456789");
    }
    return strcmp(t, "Z") == 0;
}

static bool is_uri_reference(const char *t)
{
    return *t && !strpbrk(t, " <>\"{}|\\^`") &&
           strspn(t,
                  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~:/"
                  "?#[]@!$&'()*+,;=%") == strlen(t);
}

static bool type_is(const char *type, const json_t *v)
{
    return (json_is_string(v) && strcmp(type, "string") == 0) ||
           (json_is_object(v) && strcmp(type, "object") == 0) ||
           (json_is_array(v) && strcmp(type, "array") == 0) ||
           (json_is_boolean(v) && strcmp(type, "boolean") == 0) ||
           (json_is_number(v) && strcmp(type, "number") == 0) ||
           (json_is_null(v) && strcmp(type, "null") == 0);
}

/* A definition of the schema: type, minLength and format are all it uses. */
static bool definition_allows(const json_t *def, const json_t *v)
{
    const json_t *type = json_object_get(def, "type");
    const char *format = json_string_value(json_object_get(def, "format"));
    const char *text = json_string_value(v);
    bool ok = json_is_string(type) && type_is(json_string_value(type), v);
    json_t *one;
    size_t i;

    json_array_foreach(type, i, one)
    {
        ok = ok || type_is(json_string_value(one), v);
    }
    if (!ok || !text) {
        return ok;
    }
    if ((json_int_t)strlen(text) < json_integer_value(json_object_get(def, "minLength"))) {
        return false;
    }
    if (format && strcmp(format, "date-time") == 0) {
        return is_rfc3339(text);
    }
    return !format || is_uri_reference(text);
}

/* NULL when the event is valid, else the name of the member that is not. Extension attributes
 * have no row in the schema; their names are lower-case letters and digits. */
static const char *event_fault(const json_t *schema, const json_t *event)
{
    const json_t *definitions = json_object_get(schema, "definitions");
    const char *name;
    json_t *v;
    size_t i;

    if (!json_is_object(event)) {
        return "(the event)";
    }
    json_array_foreach(json_object_get(schema, "required"), i, v)
    {
        if (!json_object_get(event, json_string_value(v))) {
            return json_string_value(v);
        }
    }
    json_object_foreach((json_t *)(uintptr_t)event, name, v)
    {
        const json_t *property = json_object_get(json_object_get(schema, "properties"), name);
        const char *ref = json_string_value(json_object_get(property, "$ref"));

        if (!ref) {
            if (strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789") != strlen(name)) {
                return name;
            }
            continue;
        }
        if (!definition_allows(json_object_get(definitions, strrchr(ref, '/') + 1), v)) {
            return name;
        }
    }
    return NULL;
}

/* An event in headers as the object it stands for; values decoded. */
static json_t *event_of_headers(const struct http_request *req)
{
    json_t *event = json_object();

    for (size_t i = 0; i < req->headers.count; i++) {
        const struct http_header *h = &req->headers.v[i];
        struct buf value;

        if (strncasecmp(h->name, "ce-", 3) != 0) {
            continue;
        }
        buf_init(&value, 65536);
        for (const char *p = h->value; *p; p++) {
            unsigned byte = (unsigned char)*p;

            assert_true(byte > 0x20 && byte < 0x7f && byte != '"');
            if (byte == '%') {
                assert_int_equal(sscanf(p + 1, "%2X", &byte), 1);
                p += 2;
            }
            buf_addc(&value, (char)byte);
        }
        json_object_set_new(event, h->name + 3, json_string(buf_str(&value)));
        buf_done(&value);
    }
    return event;
}

static void
check_event(struct dialogue *d, const struct http_request *req, struct webhook_check *c)
{
    const char *type = http_header(&req->headers, "Content-Type");
    bool structured = type && strncmp(type, "application/cloudevents+json", 28) == 0;
    json_t *event;
    const char *fault;

    if (!structured && !http_header(&req->headers, "ce-specversion")) {
        return;
    }
    c->event_count++;
    event = structured ? json_loadb(buf_str(&req->body), req->body.len, 0, NULL)
                       : event_of_headers(req);
    if (!structured) { /* a source of a dialogue has blanks in it, to be encoded */
        json_object_del(event, "source");
        json_object_set_new(event, "source", json_string("/"));
    }
    fault = event_fault(c->schema, event);
    if (fault) {
        dialogue_fault(d, "no CloudEvent: %s", fault);
    }
    json_decref(event);
}

static void check_webhook(struct dialogue *d,
                          const struct adapter *a,
                          const struct step *step,
                          const struct http_request *req,
                          void *context)
{
    (void)a;
    (void)step;
    check_signature(d, req, context);
    check_event(d, req, context);
}

static void webhook_requests_are_signed_and_valid_events(void **state)
{
    struct webhook_check c = {.schema = spec_load("cloudevents")};
    int faults = dialogues_run(adapter_find("webhook"), NULL, check_webhook, &c);

    (void)state;
    json_decref(c.schema);
    assert_int_equal(faults, 0);
    assert_true(c.signed_count > 30);
    assert_int_equal(c.event_count, 3);
}

static void the_schema_refuses_what_is_wrong(void **state)
{
#define EVENT(rest) "{\"specversion\":\"1.0\",\"source\":\"/a\",\"type\":\"t\"" rest "}"
    static const struct {
        const char *event, *fault; /* NULL: none */
    } rows[] = {
        {EVENT(",\"id\":\"1\""), NULL},
        {EVENT(""), "id"},
        {EVENT(",\"id\":\"\""), "id"},
        {EVENT(",\"id\":1"), "id"},
        {EVENT(",\"id\":\"1\",\"time\":\"yesterday\""), "time"},
        {EVENT(",\"id\":\"1\",\"time\":\"2026-11-23T15:00:00.000Z\""), NULL},
        {EVENT(",\"id\":\"1\",\"subject\":\"\""), "subject"},
        {EVENT(",\"id\":\"1\",\"x_y\":\"\""), "x_y"},
        {EVENT(",\"id\":\"1\",\"data\":{}"), NULL},
        {"{\"specversion\":\"1.0\",\"source\":\"a b\",\"type\":\"t\",\"id\":\"1\"}", "source"},
    };
    json_t *schema = spec_load("cloudevents");

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        json_t *event = json_loads(rows[i].event, 0, NULL);
        const char *fault = event_fault(schema, event);

        if (rows[i].fault ? !fault || strcmp(fault, rows[i].fault) != 0 : fault != NULL) {
            fail_msg("%s: %s", rows[i].event, fault ? fault : "let pass");
        }
        json_decref(event);
    }
    json_decref(schema);
}

static void nothing_stays_allocated(void **state)
{
    (void)state;
    assert_int_equal(mem_live_count(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(telegram_requests_are_as_the_bot_api_describes_them),
        cmocka_unit_test(the_description_refuses_what_is_wrong),
        cmocka_unit_test(the_html_parser_refuses_what_is_wrong),
        cmocka_unit_test(webhook_requests_are_signed_and_valid_events),
        cmocka_unit_test(the_schema_refuses_what_is_wrong),
        cmocka_unit_test(nothing_stays_allocated),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
