/* adapters/oauth1: the vendor's test vectors, and what RFC 5849 says of odd requests. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "adapters/oauth1.h"
#include "base/attr.h"
#include "base/mem.h"

/* Those of X's documentation. */
static const struct oauth1_keys keys = {
    .consumer_key = "xvz1evFS4wEEPTGEFPHBog",
    .consumer_secret = "kAcSOqF21Fu85e7zjz7ZN2U4ZRhfV3WpwPAoE3Z7kBw",
    .token = "370773112-GmHxMAgYyLbNEtIKZeRNFsMKPR9EyMZeS9weJAEb",
    .token_secret = "LswwdoUaIvS8ltyTt5jkRh4J50vUPVVHtR2YPi5kE",
};
#define NONCE "kYjzVBB8Y0ZFabxSWbWovY3uYSQ2pTgmZeNu2VS4cg"
#define TIMESTAMP 1318622958
#define FORM "application/x-www-form-urlencoded"

static void make(struct http_request *req,
                 enum http_method method,
                 const char *url,
                 const char *type,
                 const char *body)
{
    http_request_init(req);
    req->method = method;
    http_set_url(req, "%s", url);
    if (type) {
        http_set_header(req, "Content-Type", type);
        buf_adds(&req->body, body);
    }
}

static void the_vendors_requests_have_the_vendors_signatures(void **state)
{
    /* clang-format off */
    static const struct { const char *url, *type, *body, *signature; } rows[] = {
        {"https://api.x.com/1.1/statuses/update.json?include_entities=true", FORM,
         "status=Hello%20Ladies%20%2B%20Gentlemen%2C%20a%20signed%20OAuth%20request%21", "Ls93hJiZbQ3akF3HF3x1Bz8/zU4="},
        {"https://api.x.com/1.1/statuses/update.json?include_entities=true", FORM,
         "status=Hello+Ladies+%2b+Gentlemen,+a+signed+OAuth+request!", "Ls93hJiZbQ3akF3HF3x1Bz8/zU4="},
        {"https://api.twitter.com/1.1/statuses/update.json?include_entities=true", FORM,
         "status=Hello%20Ladies%20%2B%20Gentlemen%2C%20a%20signed%20OAuth%20request%21", "hCtSmYh+iHYCEqBWrE7C7hYmtUk="},
        {"https://api.x.com/2/tweets", "application/json", "{\"text\":\"x\"}", "lr+tV/DKclEvXKVjG6tgaSSLV0k="},
        {"https://API.x.com:443/2/tweets", NULL, NULL, "lr+tV/DKclEvXKVjG6tgaSSLV0k="},
    };
    /* clang-format on */
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct http_request req;
        struct buf got;

        make(&req, HTTP_POST, rows[i].url, rows[i].type, rows[i].body);
        buf_init(&got, 256);
        oauth1_signature(&got, &req, &keys, NONCE, TIMESTAMP);
        assert_string_equal(buf_str(&got), rows[i].signature);
        buf_done(&got);
        http_request_done(&req);
    }
}

static void the_header_is_the_documentations(void **state)
{
    struct http_request req;

    (void)state;
    make(&req, HTTP_POST, "https://api.x.com/2/tweets", NULL, NULL);
    oauth1_sign(&req, &keys, NONCE, TIMESTAMP);
    assert_string_equal(http_header(&req.headers, "Authorization"),
                        "OAuth oauth_consumer_key=\"xvz1evFS4wEEPTGEFPHBog\", "
                        "oauth_nonce=\"" NONCE "\", "
                        "oauth_signature=\"lr%2BtV%2FDKclEvXKVjG6tgaSSLV0k%3D\", "
                        "oauth_signature_method=\"HMAC-SHA1\", "
                        "oauth_timestamp=\"1318622958\", "
                        "oauth_token=\"370773112-GmHxMAgYyLbNEtIKZeRNFsMKPR9EyMZeS9weJAEb\", "
                        "oauth_version=\"1.0\"");
    http_request_done(&req);
}

/* Section 3.4.1.3.1: the same name twice, none, empty values, both places. Worked out by hand with Python's
 * hmac over the base string of section 3.4.1.1. */
static void odd_parameters_are_sorted_as_the_standard_says(void **state)
{
    static const struct oauth1_keys example = {
        "9djdj82h48djs9d2", "j49sk3j29djd", "kkk9d7dh3k39sjv7", "dh893hdasih9"};
    struct http_request req;
    struct buf got;

    (void)state;
    make(&req,
         HTTP_POST,
         "http://EXAMPLE.COM:80/request?b5=%3D%253D&a3=a&c%40=&a2=r%20b",
         FORM,
         "c2&a3=2+q");
    buf_init(&got, 256);
    oauth1_signature(&got, &req, &example, "7d8f3e4a", 137131201);
    assert_string_equal(buf_str(&got), "OB33pYjWAnf+xtOHN4Gmbdil168=");
    buf_done(&got);
    http_request_done(&req);
}

static void a_nonce_is_of_its_request_and_its_time(void **state)
{
    struct step_ctx ctx = {.key = "8f14e45f", .now_ms = 1};
    char a[OAUTH1_NONCE_BYTES], b[OAUTH1_NONCE_BYTES];
    struct http_request req;

    (void)state;
    make(&req, HTTP_POST, "https://api.x.com/2/tweets", NULL, NULL);
    oauth1_nonce(&ctx, &req, NULL, a);
    oauth1_nonce(&ctx, &req, NULL, b);
    assert_string_equal(a, b);
    assert_int_equal(strlen(a), OAUTH1_NONCE_BYTES - 1);
    oauth1_nonce(&ctx, &req, "1", b);
    assert_string_not_equal(a, b);
    ctx.now_ms++;
    oauth1_nonce(&ctx, &req, NULL, b);
    assert_string_not_equal(a, b);
    http_request_done(&req);
}

static void nothing_stays_allocated(void **state)
{
    (void)state;
    assert_int_equal(mem_live_count(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_vendors_requests_have_the_vendors_signatures),
        cmocka_unit_test(the_header_is_the_documentations),
        cmocka_unit_test(odd_parameters_are_sorted_as_the_standard_says),
        cmocka_unit_test(a_nonce_is_of_its_request_and_its_time),
        cmocka_unit_test(nothing_stays_allocated),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
