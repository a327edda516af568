/* Requests of the pings held against their documentation: every request of IndexNow's dialogues (host,
 * key and addresses belong together) and of WebSub's (a form that names whole URLs). The checks here
 * share no code with the adapters. Sources: https://www.indexnow.org/documentation, and what public
 * hubs take (W3C WebSub leaves the ping open). */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "adapters/registry.h"
#include "base/mem.h"
#include "support/dialogue.h"

/* ---- IndexNow ---- */

static bool is_of_host(const char *url, const char *host)
{
    const char *at = strstr(url, "://");
    size_t len = strlen(host);

    return at && strncmp(at + 3, host, len) == 0 && strchr("/:?#", at[3 + len]) != NULL;
}

static bool is_ascii(const char *text)
{
    while (*text > ' ' && *text < 0x7F) {
        text++;
    }
    return *text == '\0';
}

static void check_list(struct dialogue *d, const json_t *body)
{
    const char *host = json_string_value(json_object_get(body, "host"));
    const json_t *list = json_object_get(body, "urlList");
    json_t *item;
    size_t i;

    if (!host || json_array_size(list) == 0 || json_array_size(list) > 10000) {
        dialogue_fault(d, "no host, or no list of at most 10,000");
        return;
    }
    json_array_foreach(list, i, item)
    {
        const char *url = json_string_value(item);

        if (!url || !is_ascii(url) || !is_of_host(url, host)) {
            dialogue_fault(d, "%s is no address of %s", url ? url : "something", host);
        }
    }
}

static void check_indexnow(struct dialogue *d,
                           const struct adapter *a,
                           const struct step *step,
                           const struct http_request *req,
                           void *context)
{
    static const char *const known[] = {"host", "key", "keyLocation", "urlList"};
    json_t *body = json_loadb(req->body.data, req->body.len, JSON_REJECT_DUPLICATES, NULL);
    const char *key = json_string_value(json_object_get(body, "key"));
    const char *location = json_string_value(json_object_get(body, "keyLocation"));
    size_t members = 0;

    (void)a;
    (void)step;
    ++*(size_t *)context;
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        members += json_object_get(body, known[i]) != NULL;
    }
    if (members != json_object_size(body) || req->method != HTTP_POST) {
        dialogue_fault(d, "something that IndexNow does not know");
    }
    if (!key || strlen(key) < 8 || strlen(key) > 128) {
        dialogue_fault(d, "no key of 8 to 128 characters");
    }
    if (location && !is_of_host(location, json_string_value(json_object_get(body, "host")))) {
        dialogue_fault(d, "the key is not of the host");
    }
    check_list(d, body);
    json_decref(body);
}

/* ---- WebSub ---- */

/* Whether the form has name=value, value as it stands there or (NULL) any whole URL. */
static size_t count_pairs(const char *form, const char *name, const char *value)
{
    size_t count = 0, len = strlen(name);

    for (const char *at = form; *at != '\0'; at += strcspn(at, "&")) {
        at += *at == '&' ? 1 : 0;
        if (strncmp(at, name, len) == 0 && at[len] == '=') {
            const char *v = at + len + 1;

            count += value ? strncmp(v, value, strlen(value)) == 0
                           : strncmp(v, "http%3A%2F%2F", 13) == 0 ||
                                 strncmp(v, "https%3A%2F%2F", 14) == 0;
        }
    }
    return count;
}

static void check_websub(struct dialogue *d,
                         const struct adapter *a,
                         const struct step *step,
                         const struct http_request *req,
                         void *context)
{
    const char *type = http_header(&req->headers, "Content-Type");
    const char *form = buf_str(&req->body);
    size_t urls = count_pairs(form, "hub.url", NULL);

    (void)a;
    (void)step;
    ++*(size_t *)context;
    if (!type || strcmp(type, "application/x-www-form-urlencoded") != 0 || !is_ascii(form)) {
        dialogue_fault(d, "no form");
    }
    if (count_pairs(form, "hub.mode", "publish") != 1 || urls == 0 ||
        urls != count_pairs(form, "hub.topic", NULL)) {
        dialogue_fault(d, "no ping: %s", form);
    }
}

static void run(const char *adapter, dialogue_request_fn *check)
{
    size_t requests = 0;

    assert_int_equal(dialogues_run(adapter_find(adapter), NULL, check, &requests), 0);
    assert_true(requests > 0);
}

static void indexnow_is_told_what_it_documents(void **state)
{
    (void)state;
    run("indexnow", check_indexnow);
}

static void hubs_are_pinged_as_they_expect(void **state)
{
    (void)state;
    run("websub", check_websub);
}

/* Hubs and engines hear of google_news what they hear of their own adapters. */
static void check_google_news(struct dialogue *d,
                              const struct adapter *a,
                              const struct step *step,
                              const struct http_request *req,
                              void *context)
{
    if (strcmp(step->name, "ping_hub") == 0) {
        check_websub(d, a, step, req, context);
    } else if (strcmp(step->name, "indexnow") == 0) {
        check_indexnow(d, a, step, req, context);
    }
}

static void google_news_tells_them_the_same(void **state)
{
    (void)state;
    run("google_news", check_google_news);
}

static void nothing_stays_allocated(void **state)
{
    (void)state;
    assert_int_equal(mem_live_count(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(indexnow_is_told_what_it_documents),
        cmocka_unit_test(hubs_are_pinged_as_they_expect),
        cmocka_unit_test(google_news_tells_them_the_same),
        cmocka_unit_test(nothing_stays_allocated),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
