/* WebSub's words: which hub a feed names, what is asked of it, what its calls mean, who signed. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/mem.h"
#include "sources/websub.h"

static void a_hub_is_found_in_headers_then_in_the_feed(void **state)
{
    /* clang-format off */
    static const struct {
        const char *sentence, *header, *feed_hub, *self;
        bool secure;
        const char *hub, *topic;
    } rows[] = {
        {"none", NULL, NULL, NULL, false, NULL, NULL},
        {"both in one header", "<https://hub.example/>; rel=\"hub\", <https://news.example/f>; rel=\"self\"", NULL, NULL, true,
         "https://hub.example/", "https://news.example/f"},
        {"the header before the feed", "<https://hub.example/>; rel=hub", "https://other.example/", "https://news.example/self", true,
         "https://hub.example/", "https://news.example/self"},
        {"the feed alone", "<https://api.example/>; rel=\"https://api.w.org/\"", "https://hub.example/", "https://news.example/self", true,
         "https://hub.example/", "https://news.example/self"},
        {"no self: the address that answered", NULL, "https://hub.example/", NULL, true,
         "https://hub.example/", "https://news.example/feed/"},
        {"relative ones", "</hub>; rel=hub, <self>; rel=self", NULL, NULL, true,
         "https://news.example/hub", "https://news.example/feed/self"},
        {"several words in rel", "<https://hub.example/>; rel=\"x HUB y\"", NULL, NULL, true,
         "https://hub.example/", "https://news.example/feed/"},
        {"a secret goes over TLS only", NULL, "http://hub.example/", NULL, true, NULL, NULL},
        {"unless it is allowed", NULL, "http://hub.example/", NULL, false, "http://hub.example/", "https://news.example/feed/"},
        {"no URL", "<javascript:alert(1)>; rel=hub", NULL, NULL, false, NULL, NULL},
    };
    /* clang-format on */

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char *header = mem_strdup(rows[i].header), *hub = mem_strdup(rows[i].feed_hub);
        struct strings headers = {.v = &header, .count = header ? 1 : 0};
        struct strings hubs = {.v = &hub, .count = hub ? 1 : 0};
        struct websub_offer offer;

        websub_discover(&offer,
                        &headers,
                        "https://news.example/feed/",
                        &hubs,
                        rows[i].self,
                        rows[i].secure,
                        0);
        if (!offer.hub != !rows[i].hub ||
            (offer.hub && (strcmp(offer.hub, rows[i].hub) != 0 ||
                           strcmp(offer.topic, rows[i].topic) != 0))) {
            fail_msg("%s: %s, %s",
                     rows[i].sentence,
                     offer.hub ? offer.hub : "none",
                     offer.topic ? offer.topic : "none");
        }
        websub_offer_done(&offer);
        mem_free(header);
        mem_free(hub);
    }
}

static void the_hubs_have_turns(void **state)
{
    char *v[] = {mem_strdup("<https://a.example/>;rel=hub, <https://b.example/>;rel=hub")};
    const struct strings headers = {.v = v, .count = 1};
    static const char *const want[] = {"https://a.example/", "https://b.example/"};

    (void)state;
    for (size_t turn = 0; turn < 4; turn++) {
        struct websub_offer offer;

        websub_discover(&offer, &headers, "https://n.example/", NULL, NULL, true, turn);
        assert_string_equal(offer.hub, want[turn % 2]);
        websub_offer_done(&offer);
    }
    mem_free(v[0]);
}

static void a_form_is_encoded(void **state)
{
    struct secret secret = {0};
    struct websub_ask ask = {.topic = "https://n.example/f?a=1&b=2",
                             .callback = "https://c.example/websub/x",
                             .secret = &secret};
    struct buf out;

    (void)state;
    secret_take(&secret, mem_strdup("s=1&"));
    buf_init(&out, 10000);
    websub_write_form(&out, &ask);
    assert_string_equal(buf_str(&out),
                        "hub.mode=subscribe"
                        "&hub.topic=https%3A%2F%2Fn.example%2Ff%3Fa%3D1%26b%3D2"
                        "&hub.callback=https%3A%2F%2Fc.example%2Fwebsub%2Fx"
                        "&hub.lease_seconds=604800&hub.secret=s%3D1%26");
    buf_clear(&out);
    ask.unsubscribe = true;
    websub_write_form(&out, &ask);
    assert_non_null(strstr(buf_str(&out), "hub.mode=unsubscribe&"));
    assert_null(strstr(buf_str(&out), "secret"));
    buf_done(&out);
    secret_done(&secret);
}

static void only_what_we_asked_for_is_confirmed(void **state)
{
    static const char topic[] = "https://n.example/f";
    /* clang-format off */
    static const struct {
        const char *sentence;
        struct websub_call call;
        bool asked, leaving;
        enum websub_intent_kind want;
        int64_t lease_s;
    } rows[] = {
        {"asked", {"subscribe", topic, "c", "3600"}, true, false, WEBSUB_SUBSCRIBED, 3600},
        {"no lease told", {"subscribe", topic, "c", NULL}, true, false, WEBSUB_SUBSCRIBED, WEBSUB_LEASE_S},
        {"a lease of a second", {"subscribe", topic, "c", "1"}, true, false, WEBSUB_SUBSCRIBED, WEBSUB_LEASE_MIN_S},
        {"a lease for ever", {"subscribe", topic, "c", "999999999999"}, true, false, WEBSUB_SUBSCRIBED, WEBSUB_LEASE_MAX_S},
        {"a lease of nonsense", {"subscribe", topic, "c", "-5 s"}, true, false, WEBSUB_SUBSCRIBED, WEBSUB_LEASE_S},
        {"not asked", {"subscribe", topic, "c", "3600"}, false, false, WEBSUB_NOT_OURS, 0},
        {"another topic", {"subscribe", "https://x.example/", "c", "1"}, true, false, WEBSUB_NOT_OURS, 0},
        {"no challenge", {"subscribe", topic, NULL, "3600"}, true, false, WEBSUB_NOT_OURS, 0},
        {"no topic", {"subscribe", NULL, "c", "3600"}, true, false, WEBSUB_NOT_OURS, 0},
        {"no mode", {NULL, topic, "c", "3600"}, true, false, WEBSUB_NOT_OURS, 0},
        {"another mode", {"publish", topic, "c", "3600"}, true, false, WEBSUB_NOT_OURS, 0},
        {"somebody wants us out", {"unsubscribe", topic, "c", NULL}, true, false, WEBSUB_NOT_OURS, 0},
        {"we want out", {"unsubscribe", topic, "c", NULL}, true, true, WEBSUB_UNSUBSCRIBED, 0},
        {"we want out and are kept", {"subscribe", topic, "c", "1"}, true, true, WEBSUB_NOT_OURS, 0},
        {"denied", {"denied", topic, NULL, NULL}, true, false, WEBSUB_DENIED, 0},
        {"denied, topic left out", {"denied", NULL, NULL, NULL}, true, false, WEBSUB_DENIED, 0},
        {"another one denied", {"denied", "https://x.example/", NULL, NULL}, true, false, WEBSUB_NOT_OURS, 0},
    };
    /* clang-format on */

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct websub_intent have;

        websub_read_intent(&have, &rows[i].call, topic, rows[i].asked, rows[i].leaving);
        if (have.kind != rows[i].want || have.lease_s != rows[i].lease_s) {
            fail_msg(
                "%s: %d, %lld s", rows[i].sentence, (int)have.kind, (long long)have.lease_s);
        }
    }
}

/* The second test case of RFC 2202 and RFC 4231. */
static void signatures_are_those_of_the_rfcs(void **state)
{
    static const char body[] = "what do ya want for nothing?";
    /* clang-format off */
    static const struct {
        const char *header;
        enum websub_signature want;
    } rows[] = {
        {"sha1=effcdf6ae5eb2fa2d27416d5f184df9c259a7c79", WEBSUB_SIGNED},
        {"SHA1=EFFCDF6AE5EB2FA2D27416D5F184DF9C259A7C79", WEBSUB_SIGNED},
        {"sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843", WEBSUB_SIGNED},
        {"sha384=af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649", WEBSUB_SIGNED},
        {"sha512=164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737", WEBSUB_SIGNED},
        {"sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3844", WEBSUB_FORGED},
        {"sha1=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843", WEBSUB_FORGED},
        {"sha1=effcdf6ae5eb2fa2d27416d5f184df9c259a7c7", WEBSUB_FORGED},
        {"sha1=", WEBSUB_FORGED},
        {"md5=750c783e6ab0b503eaa86e310a5db738", WEBSUB_FORGED},
        {"", WEBSUB_FORGED},
        {NULL, WEBSUB_UNSIGNED},
    };
    /* clang-format on */
    struct secret secret = {0};

    (void)state;
    secret_take(&secret, mem_strdup("Jefe"));
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        enum websub_signature have =
            websub_check_signature(rows[i].header, &secret, body, sizeof body - 1);

        if (have != rows[i].want) {
            fail_msg("%s: %d", rows[i].header ? rows[i].header : "none", (int)have);
        }
    }
    secret_done(&secret);
}

static int no_memory_is_left(void **state)
{
    (void)state;
    assert_int_equal(mem_live_count(), 0);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hub_is_found_in_headers_then_in_the_feed),
        cmocka_unit_test(the_hubs_have_turns),
        cmocka_unit_test(a_form_is_encoded),
        cmocka_unit_test(only_what_we_asked_for_is_confirmed),
        cmocka_unit_test(signatures_are_those_of_the_rfcs),
    };

    return cmocka_run_group_tests(tests, NULL, no_memory_is_left);
}
