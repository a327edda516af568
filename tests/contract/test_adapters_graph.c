/* Requests to Facebook, Instagram and Threads held against Meta's own definitions of its API: every request of
 * every dialogue must be a call that exists, with parameters it knows, of their types, asking for fields
 * that its answer has. Shares no code with the adapters. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "adapters/registry.h"
#include "base/mem.h"
#include "support/dialogue.h"
#include "support/graph_spec.h"

/* clang-format off */
static const struct graph_call facebook_calls[] = {
    {"POST",   "/{id}/feed",            "Page",     "feed",            "PagePost"},
    {"POST",   "/{id}/photos",          "Page",     "photos",          NULL},
    {"POST",   "/{id}/videos",          "Page",     "videos",          NULL},
    {"GET",    "/{id}/published_posts", "Page",     "published_posts", "PagePost"},
    {"POST",   "/{post}",               "PagePost", "",                NULL},
    {"DELETE", "/{post}",               "PagePost", "",                NULL},
    {"GET",    "/me",                   "PagePost", "",                "Page"},
    {"GET",    "/{id}",                 "Video",    "",                "Video"},
    {"POST",   "/{id}",                 "Video",    "",                NULL},
};
static const struct graph_call instagram_calls[] = {
    {"POST",   "/{id}/media",           "IGUser", "media",         NULL},
    {"POST",   "/{id}/media_publish",   "IGUser", "media_publish", NULL},
    {"GET",    "/{id}/media",           "IGUser", "media",         "IGMedia"},
    {"GET",    "/{id}/stories",         "IGUser", "stories",       "IGMedia"},
    {"GET",    "/{id}/content_publishing_limit", "IGUser", "content_publishing_limit", "ContentPublishingLimitResponse"},
    {"DELETE", "/{id}",                 "IGMedia", "",             NULL},
    {"GET",    "/me",                   "IGUserForIGOnlyAPI", "",  "IGUserForIGOnlyAPI"},
    {"GET",    "/1001",                 "ShadowIGMediaBuilder", "", "ShadowIGMediaBuilder"},
    {"GET",    "/2001",                 "IGMedia", "",             "IGMedia"},
    {"GET",    "/{id}",                 "IGUser", "",              "IGUser"},
};
static const struct graph_call threads_calls[] = {
    {"POST",   "/{id}/threads",         "ThreadsUser", "threads",         NULL},
    {"POST",   "/{id}/threads_publish", "ThreadsUser", "threads_publish", NULL},
    {"GET",    "/{id}/threads",         "ThreadsUser", "threads",         "ThreadsMedia"},
    {"GET",    "/{id}/threads_publishing_limit", "ThreadsUser", "threads_publishing_limit", "ThreadsLimit"},
    {"GET",    "/me",                   "ThreadsUser", "",                "ThreadsUser"},
    {"DELETE", "/{id}",                 "ThreadsMedia", "",               NULL},
    {"GET",    "/1001",                 "ThreadsContainer", "",           "ThreadsContainer"},
    {"GET",    "/{id}",                 "ThreadsMedia", "",               "ThreadsMedia"},
};
/* clang-format on */

struct check {
    json_t *spec;
    const struct graph_call *calls;
    size_t count, requests;
};

static json_t *spec_load(void)
{
    return dialogue_load(FIXTURES "/specs/meta.json");
}

/* "https://graph.facebook.com/v26.0" of an address below it. */
static size_t base_of(const char *url)
{
    const char *version = strstr(url, "/v");

    return version ? (size_t)(version - url) + 1 + strcspn(version + 1, "/") : 0;
}

static void check_one(struct dialogue *d,
                      const struct adapter *a,
                      const struct step *step,
                      const struct http_request *req,
                      void *context)
{
    struct check *c = context;
    struct fault f = {.text = ""};
    const char *token = http_header(&req->headers, "Authorization");
    char base[128];

    (void)a;
    (void)step;
    if (strstr(dialogue_path(d), "/oauth-")) { /* token endpoints are no node's */
        return;
    }
    (void)snprintf(base, sizeof base, "%.*s", (int)base_of(req->url), req->url);
    (void)graph_spec_check(&f, c->spec, c->calls, c->count, base, req);
    if (!token || strncmp(token, "Bearer ", 7) != 0 || strstr(req->url, "access_token=")) {
        fault_tell(&f, "the token belongs into the header");
    }
    c->requests++;
    if (fault_told(&f)) {
        dialogue_fault(d, "not as described: %s", f.text);
    }
}

static void hold(const char *name, const struct graph_call *calls, size_t count, size_t least)
{
    struct check c = {.spec = spec_load(), .calls = calls, .count = count};
    int faults = dialogues_run(adapter_find(name), NULL, check_one, &c);

    json_decref(c.spec);
    assert_int_equal(faults, 0);
    assert_true(c.requests > least);
}

static void facebooks_requests_are_as_the_definition_has_them(void **state)
{
    (void)state;
    hold("facebook", facebook_calls, ARRAY_LEN(facebook_calls), 100);
}

static void instagrams_requests_are_as_the_definition_has_them(void **state)
{
    (void)state;
    hold("instagram", instagram_calls, ARRAY_LEN(instagram_calls), 200);
}

static void threads_requests_are_as_the_collection_has_them(void **state)
{
    (void)state;
    hold("threads", threads_calls, ARRAY_LEN(threads_calls), 150);
}

/* The checker itself: what it must not let pass. */
static void the_definition_refuses_what_is_wrong(void **state)
{
    static const struct {
        const char *about;
        enum http_method method;
        const char *url, *json, *form;
        bool good;
    } rows[] = {
        {"a link", HTTP_POST, "/1/feed", "{\"link\":\"x\"}", NULL, true},
        {"an unknown member", HTTP_POST, "/1/feed", "{\"url\":\"x\"}", NULL, false},
        {"a number for a text", HTTP_POST, "/1/feed", "{\"message\":1}", NULL, false},
        {"photos as a text", HTTP_POST, "/1/feed", "{\"attached_media\":\"1\"}", NULL, false},
        {"no photos", HTTP_POST, "/1/feed", "{\"attached_media\":[]}", NULL, false},
        {"a field",
         HTTP_POST,
         "/1/feed?fields=id,permalink_url",
         "{\"link\":\"x\"}",
         NULL,
         true},
        {"an unknown field",
         HTTP_POST,
         "/1/feed?fields=id,url",
         "{\"link\":\"x\"}",
         NULL,
         false},
        {"an edge",
         HTTP_GET,
         "/1/published_posts?fields=id,attachments{url}",
         NULL,
         NULL,
         true},
        {"an unknown edge",
         HTTP_GET,
         "/1/published_posts?fields=media{url}",
         NULL,
         NULL,
         false},
        {"an edit", HTTP_POST, "/1_2", "{\"message\":\"x\"}", NULL, true},
        {"an edit of the link", HTTP_POST, "/1_2", "{\"link\":\"x\"}", NULL, false},
        {"a call there is not", HTTP_PUT, "/1/feed", "{}", NULL, false},
        {"a form", HTTP_POST, "/1/videos", NULL, "file_url=https%3A%2F%2Fa.example%2F", true},
        {"a value twice", HTTP_POST, "/1/videos", NULL, "title=a&title=b", false},
        {"yes for true", HTTP_POST, "/1/videos", NULL, "published=yes", false},
    };
    json_t *spec = spec_load();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fault f = {.text = ""};
        struct http_request req;

        http_request_init(&req);
        req.method = rows[i].method;
        http_set_url(&req, "https://g.example/v1%s", rows[i].url);
        if (rows[i].json) {
            buf_adds(&req.body, rows[i].json);
            http_set_header(&req, "Content-Type", "application/json");
        } else if (rows[i].form) {
            buf_adds(&req.body, rows[i].form);
        }
        (void)graph_spec_check(
            &f, spec, facebook_calls, ARRAY_LEN(facebook_calls), "https://g.example/v1", &req);
        if (fault_told(&f) == rows[i].good) {
            fail_msg("%s: %s", rows[i].about, fault_told(&f) ? f.text : "let pass");
        }
        http_request_done(&req);
    }
    json_decref(spec);
}

static void a_container_is_published_by_its_id(void **state)
{
    json_t *spec = spec_load();
    struct fault f = {.text = ""};
    struct http_request req;

    (void)state;
    http_request_init(&req);
    req.method = HTTP_POST;
    http_set_url(&req, "https://g.example/v1/1/media_publish");
    (void)graph_spec_check(
        &f, spec, instagram_calls, ARRAY_LEN(instagram_calls), "https://g.example/v1", &req);
    assert_non_null(strstr(f.text, "creation_id"));
    http_request_done(&req);
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
        cmocka_unit_test(facebooks_requests_are_as_the_definition_has_them),
        cmocka_unit_test(instagrams_requests_are_as_the_definition_has_them),
        cmocka_unit_test(threads_requests_are_as_the_collection_has_them),
        cmocka_unit_test(the_definition_refuses_what_is_wrong),
        cmocka_unit_test(a_container_is_published_by_its_id),
        cmocka_unit_test(nothing_stays_allocated),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
