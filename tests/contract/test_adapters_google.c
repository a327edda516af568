/* Requests held against the discovery documents of Google's APIs (tests/fixtures/specs, trimmed): every
 * request of YouTube's dialogues but those to an upload session, which no document describes and which are
 * held against the rules of the upload protocol instead; every message to Firebase; and what google_news hands
 * in at Search Console.
 * Shares no code with the adapters. */

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
#include "support/discovery.h"

#define UNIT 262144

struct check {
    json_t *doc;
    size_t requests, pieces, questions;
};

static json_t *load(const char *name)
{
    char path[1024];

    (void)snprintf(path, sizeof path, "%s/specs/%s.json", FIXTURES, name);
    return discovery_load(path);
}

/* "bytes 0-8388607/20000000", or "bytes *" and a slash and the total, which asks. */
static void check_piece(struct fault *f, const struct http_request *req, struct check *c)
{
    const char *range = http_header(&req->headers, "Content-Range");
    long long from, to, total;

    if (range && sscanf(range, "bytes */%lld", &total) == 1) {
        c->questions++;
        if (req->media || req->body.len > 0 || http_header(&req->headers, "Content-Type")) {
            fault_tell(f, "a question has no body");
        }
        return;
    }
    c->pieces++;
    if (!range || sscanf(range, "bytes %lld-%lld/%lld", &from, &to, &total) != 3) {
        fault_tell(f, "Content-Range is %s", range ? range : "missing");
        return;
    }
    if (!req->media || req->media_from != (size_t)from ||
        req->media_len != (size_t)(to - from + 1) || to >= total) {
        fault_tell(f, "it is not what Content-Range says");
    }
    if (to + 1 < total && (to - from + 1) % UNIT != 0) {
        fault_tell(f, "a piece that is not the last is no multiple of %d", UNIT);
    }
}

static bool is_to_session(const struct step *step)
{
    return strcmp(step->name, "upload_piece") == 0 || strcmp(step->name, "upload_last") == 0 ||
           strcmp(step->name, "probe_session") == 0;
}

/* How tokens are got is no matter of an API's document. */
static bool is_about_token(const struct http_request *req)
{
    return strcmp(req->url, "https://oauth2.googleapis.com/token") == 0;
}

static void check_youtube(struct dialogue *d,
                          const struct adapter *a,
                          const struct step *step,
                          const struct http_request *req,
                          void *context)
{
    struct check *c = context;
    struct fault f = {.text = ""};

    (void)a;
    if (is_about_token(req)) {
        return;
    }
    c->requests++;
    if (is_to_session(step)) {
        check_piece(&f, req, c);
    } else {
        (void)discovery_check(&f, c->doc, req);
        if (!http_header(&req->headers, "Authorization")) {
            fault_tell(&f, "the token is missing");
        }
    }
    if (fault_told(&f)) {
        dialogue_fault(d, "not as described: %s", f.text);
    }
}

static void youtubes_requests_are_as_the_document_has_them(void **state)
{
    struct check c = {.doc = load("youtube")};
    int faults = dialogues_run(adapter_find("youtube"), NULL, check_youtube, &c);

    (void)state;
    json_decref(c.doc);
    assert_int_equal(faults, 0);
    assert_true(c.requests > 200);
    assert_true(c.pieces > 30 && c.questions > 15);
}

/* The document says nothing of what stands in the parts that Firebase only passes on: objects of any members. */
static void check_message(struct dialogue *d,
                          const struct adapter *a,
                          const struct step *step,
                          const struct http_request *req,
                          void *context)
{
    struct check *c = context;
    struct fault f = {.text = ""};

    (void)a;
    (void)step;
    if (is_about_token(req) || strncmp(req->url, "https://fcm.googleapis.com/", 27) != 0) {
        return;
    }
    c->requests++;
    (void)discovery_check(&f, c->doc, req);
    if (!http_header(&req->headers, "Authorization")) {
        fault_tell(&f, "the token is missing");
    }
    if (fault_told(&f)) {
        dialogue_fault(d, "not as described: %s", f.text);
    }
}

static void messages_to_firebase_are_as_the_document_has_them(void **state)
{
    struct check c = {.doc = load("fcm")};
    int faults = dialogues_run(adapter_find("fcm"), NULL, check_message, &c);
    size_t to_tokens = c.requests;

    (void)state;
    faults += dialogues_run(adapter_find("fcm_topic"), NULL, check_message, &c);
    json_decref(c.doc);
    assert_int_equal(faults, 0);
    assert_true(to_tokens > 40 && c.requests > to_tokens + 20);
}

static void check_submit(struct dialogue *d,
                         const struct adapter *a,
                         const struct step *step,
                         const struct http_request *req,
                         void *context)
{
    struct check *c = context;
    struct fault f = {.text = ""};

    (void)a;
    if (strcmp(step->name, "submit_sitemap") != 0) {
        return; /* hubs and IndexNow: test_adapters_pings.c */
    }
    c->requests++;
    (void)discovery_check(&f, c->doc, req);
    if (fault_told(&f)) {
        dialogue_fault(d, "not as described: %s", f.text);
    }
}

static void sitemaps_are_handed_in_as_the_document_has_it(void **state)
{
    struct check c = {.doc = load("searchconsole")};
    int faults = dialogues_run(adapter_find("google_news"), NULL, check_submit, &c);

    (void)state;
    json_decref(c.doc);
    assert_int_equal(faults, 0);
    assert_true(c.requests > 15);
}

/* The checker itself: what it must not let pass. */
static void the_document_refuses_what_is_wrong(void **state)
{
#define VIDEO(rest) "{\"id\":\"x\",\"snippet\":{\"title\":\"t\"" rest "}}"
#define VIDEOS "https://youtube.googleapis.com/youtube/v3/videos"
    static const struct {
        const char *about, *url, *body;
        enum http_method method;
        bool good;
    } rows[] = {
        {"an update", VIDEOS "?part=snippet", VIDEO(""), HTTP_PUT, true},
        {"a part is required", VIDEOS, VIDEO(""), HTTP_PUT, false},
        {"an unknown parameter", VIDEOS "?part=snippet&x=1", VIDEO(""), HTTP_PUT, false},
        {"an unknown member",
         VIDEOS "?part=snippet",
         VIDEO(",\"text\":\"x\""),
         HTTP_PUT,
         false},
        {"tags as a text", VIDEOS "?part=snippet", VIDEO(",\"tags\":\"x\""), HTTP_PUT, false},
        {"no JSON", VIDEOS "?part=snippet", "x", HTTP_PUT, false},
        {"a number that is none", VIDEOS "?part=id&maxResults=all", NULL, HTTP_GET, false},
        {"a deletion", VIDEOS "?id=x", NULL, HTTP_DELETE, true},
        {"of nothing", VIDEOS, NULL, HTTP_DELETE, false},
        {"a body where none is taken", VIDEOS "?id=x", "{}", HTTP_DELETE, false},
        {"a call there is not", VIDEOS "/x?part=snippet", VIDEO(""), HTTP_PUT, false},
        {"no upload of that",
         "https://x/upload/youtube/v3/channels?part=id",
         NULL,
         HTTP_GET,
         false},
    };
    json_t *doc = load("youtube");

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct http_request req;
        struct fault f = {.text = ""};

        http_request_init(&req);
        req.method = rows[i].method;
        http_set_url(&req, "%s", rows[i].url);
        if (rows[i].body) {
            http_set_header(&req, "Content-Type", "application/json");
            buf_adds(&req.body, rows[i].body);
        }
        (void)discovery_check(&f, doc, &req);
        http_request_done(&req);
        if (fault_told(&f) == rows[i].good) {
            fail_msg("%s: %s", rows[i].about, fault_told(&f) ? f.text : "let pass");
        }
    }
    json_decref(doc);
}

static void nothing_stays_allocated(void **state)
{
    (void)state;
    assert_int_equal(mem_live_count(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(youtubes_requests_are_as_the_document_has_them),
        cmocka_unit_test(messages_to_firebase_are_as_the_document_has_them),
        cmocka_unit_test(sitemaps_are_handed_in_as_the_document_has_it),
        cmocka_unit_test(the_document_refuses_what_is_wrong),
        cmocka_unit_test(nothing_stays_allocated),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
