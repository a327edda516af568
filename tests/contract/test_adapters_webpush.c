/* Web Push beyond dialogues: subscriptions in every form, messages that only their reader can open, tokens. */

#include "support/webpush_kit.h"

#include <pthread.h>

#include "base/crypto.h"
#include "support/unseal.h"

/* ---- subscriptions ---- */

#define SUB(endpoint, p256dh, auth, more)                                                      \
    "{\"endpoint\": \"" endpoint                                                               \
    "\", \"expirationTime\": null, \"keys\": {\"p256dh\": \"" p256dh "\", \"auth\": \"" auth   \
    "\"}" more "}"
#define PADDED                                                                                 \
    "BCVxsr7N/eNgVRqvHtD0zTZsEc6+VV+JvLexhqUzORcxaOzi6+AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4="

static void what_a_browser_hands_in_is_taken_in_every_form(void **state)
{
    static const char *const rows[] = {
        SUB(FCM, OLD_PUBLIC, AUTH, ""),
        SUB(FCM, PADDED, "BTBZMqHH6r4Tts7J/aSIgg==", ""),
        SUB(FCM, OLD_PUBLIC, AUTH, ", \"key\": \"" PUBLIC "\""),
        SUB(FCM, OLD_PUBLIC, AUTH, ", \"key\": null, \"more\": {}"),
        SUB(FCM, OLD_PUBLIC, AUTH, ", \"key\": \"" OLD_PUBLIC "\""),
    };
    struct unseal_browser browser;
    struct scene s;

    (void)state;
    unseal_example(&browser);
    begin(&s, NULL, NULL);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        json_t *given = loads(rows[i]);
        struct push_subscription got = {.address = NULL};
        uint8_t named[65];
        struct err why = {0};
        struct buf b;

        assert_int_equal(webpush__subscription(&s.settings, given, &got, &why), 0);
        assert_string_equal(got.address, FCM);
        assert_int_equal(got.keys_len, 81);
        assert_memory_equal(got.keys, browser.public_key, 65);
        assert_memory_equal(got.keys + 65, browser.auth, 16);
        buf_init(&b, 65);
        assert_true(crypto_unbase64(&b, i == 4 ? OLD_PUBLIC : PUBLIC, 87));
        memcpy(named, b.data, 65);
        assert_int_equal(got.key_id, webpush__key_id(named));
        buf_done(&b);
        mem_free(got.address);
        json_decref(given);
    }
    end(&s);
}

static void what_is_none_is_refused_with_what_was_expected(void **state)
{
    static const struct {
        const char *given, *expected;
    } rows[] = {
        {"null", "endpoint"},
        {"[]", "endpoint"},
        {"{}", "endpoint"},
        {"{\"endpoint\": 7}", "endpoint"},
        {SUB("http://fcm.googleapis.com/x", OLD_PUBLIC, AUTH, ""), "endpoint"},
        {SUB("https://fcm.googleapis.com/x#y", OLD_PUBLIC, AUTH, ""), "endpoint"},
        {SUB("https://me@fcm.googleapis.com/x", OLD_PUBLIC, AUTH, ""), "endpoint"},
        {SUB("https://fcm.googleapis.com/a b", OLD_PUBLIC, AUTH, ""), "endpoint"},
        {SUB("https://fcm.googleapis.com/\\u00e9", OLD_PUBLIC, AUTH, ""), "endpoint"},
        {SUB("https:///x", OLD_PUBLIC, AUTH, ""), "endpoint"},
        {SUB("https://", OLD_PUBLIC, AUTH, ""), "endpoint"},
        {"{\"endpoint\": \"" FCM "\"}", "p256dh"},
        {"{\"endpoint\": \"" FCM "\", \"keys\": []}", "p256dh"},
        {SUB(FCM, "", AUTH, ""), "p256dh"},
        {SUB(FCM, "!!!", AUTH, ""), "p256dh"},
        {SUB(FCM, AUTH, AUTH, ""), "p256dh"},
        /* a point beside the curve, and 66 bytes */
        {SUB(FCM,
             "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-"
             "AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoI"
             "Aiw8",
             AUTH,
             ""),
         "p256dh"},
        {SUB(FCM, OLD_PUBLIC "A", AUTH, ""), "p256dh"},
        {SUB(FCM, OLD_PUBLIC, "", ""), "auth"},
        {SUB(FCM, OLD_PUBLIC, "AAAA", ""), "auth"},
        {SUB(FCM, OLD_PUBLIC, AUTH "AA", ""), "auth"},
        {SUB(FCM, OLD_PUBLIC, AUTH, ", \"key\": 7"), "key"},
        {SUB(FCM, OLD_PUBLIC, AUTH, ", \"key\": \"AAAA\""), "key"},
        {SUB(FCM, OLD_PUBLIC, AUTH, ", \"key\": \"" STRANGE_PUBLIC "\""), "none of ours"},
    };
    struct scene s;

    (void)state;
    begin(&s, NULL, NULL);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        json_t *given = json_loads(rows[i].given, JSON_DECODE_ANY, NULL);
        struct push_subscription got = {.address = NULL};
        struct err why = {0};

        assert_non_null(given);
        assert_int_equal(webpush__subscription(&s.settings, given, &got, &why), ERR_INVALID);
        if (!strstr(why.text, rows[i].expected)) {
            fail_msg("%s: %s", rows[i].given, why.text);
        }
        json_decref(given);
    }
    end(&s);
}

static void an_address_is_kept_to_its_last_byte_and_no_longer_than_it_may_be(void **state)
{
    static const char wns[] =
        "https://wns2-par02p.notify.windows.com/w/?token=BQYAAAB%2bL2%2f%3d&b=1";
    static const char *const same[] = {
        wns,
        "https://WNS2-par02p.Notify.windows.com/w/?token=BQYAAAB%2bL2%2f%3d&b=1",
        "https://wns2-par02p.notify.windows.com:443/w/?token=BQYAAAB%2bL2%2f%3d&b=1",
        "https://wns2-par02p.notify.windows.com:00443/w/?token=BQYAAAB%2bL2%2f%3d&b=1",
        "https://wns2-par02p.notify.windows.com:/w/?token=BQYAAAB%2bL2%2f%3d&b=1"};
    char out[MEMBER_ADDRESS_BYTES], longest[MEMBER_ADDRESS_BYTES + 1];
    struct buf b;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(same); i++) {
        assert_true(webpush__address(same[i], out));
        assert_string_equal(out, wns);
    }
    assert_true(webpush__address("https://[::1]:04443?X", out));
    assert_string_equal(out, "https://[::1]:4443?X");
    buf_init(&b, 4096);
    assert_true(webpush__origin(wns, &b));
    assert_string_equal(buf_str(&b), "https://wns2-par02p.notify.windows.com");
    buf_clear(&b);
    webpush__path(wns, &b);
    assert_string_equal(buf_str(&b), "/w/?token=BQYAAAB%2bL2%2f%3d&b=1");
    buf_clear(&b);
    webpush__path("https://a.example?x", &b);
    assert_string_equal(buf_str(&b), "/?x");
    buf_done(&b);
    memset(longest, 'a', sizeof longest);
    memcpy(longest, FCM, sizeof FCM - 1);
    longest[MEMBER_ADDRESS_BYTES] = '\0';
    assert_false(webpush__address(longest, out));
    longest[MEMBER_ADDRESS_BYTES - 1] = '\0';
    assert_true(webpush__address(longest, out));
}

static void origins_are_counted_by_whose_they_are(void **state)
{
    static const struct {
        const char *address, *origin, *service;
    } rows[] = {
        {"https://fcm.googleapis.com/wp/x", "https://fcm.googleapis.com", "fcm"},
        {"https://fcm.googleapis.com:443/wp/x", "https://fcm.googleapis.com", "fcm"},
        {"https://fcm.googleapis.com:8443/wp/x", "https://fcm.googleapis.com:8443", "fcm"},
        {"https://fcm.googleapis.com.evil.example/x",
         "https://fcm.googleapis.com.evil.example",
         "other"},
        {"https://updates.push.services.mozilla.com/wpush/v2/x",
         "https://updates.push.services.mozilla.com",
         "mozilla"},
        {"https://web.push.apple.com/x", "https://web.push.apple.com", "apple"},
        {"https://push.apple.com/x", "https://push.apple.com", "other"},
        {"https://evilpush.apple.com.example/x", "https://evilpush.apple.com.example", "other"},
        {"https://wns2-a.notify.windows.com/w/?t",
         "https://wns2-a.notify.windows.com",
         "windows"},
        {"https://notify.windows.com.example/w/",
         "https://notify.windows.com.example",
         "other"},
        {"https://127.0.0.1:4443/p/1", "https://127.0.0.1:4443", "other"},
        {"https://[::1]:4443/p/1", "https://[::1]:4443", "other"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct member m = reader(rows[i].address);
        struct buf b;

        buf_init(&b, 4096);
        assert_true(webpush__push.origin(NULL, &m, &b));
        assert_string_equal(buf_str(&b), rows[i].origin);
        assert_string_equal(webpush__push.service(buf_str(&b)), rows[i].service);
        buf_done(&b);
    }
}

/* ---- one message ---- */

static bool opens(const struct buf *body, struct buf *text)
{
    struct unseal_browser browser;

    unseal_example(&browser);
    buf_clear(text);
    return unseal(&browser, buf_str(body), body->len, text);
}

static void a_prepared_pair_is_used_and_else_a_fresh_one_made(void **state)
{
    struct member m = reader(NULL);
    const struct member *one = &m;
    uint8_t pair[97];
    struct buf path, body, text;
    struct err why = {0};
    struct scene s;

    (void)state;
    begin(&s, NULL, NULL);
    plan(&s);
    buf_init(&path, 4096);
    buf_init(&body, 8192);
    buf_init(&text, 8192);
    assert_int_equal(webpush__push.prepared_bytes, sizeof pair);
    assert_true(webpush__push.prepare(&m, pair));
    m.prepared = pair;
    assert_int_equal(webpush__push.compose(s.plan, &one, 1, &path, &body, &why), 0);
    assert_memory_equal(body.data + 21, pair, 65);
    assert_true(opens(&body, &text));
    assert_string_equal(buf_str(&text), s.plan->payload);
    m.prepared = NULL;
    for (int i = 0; i < 3; i++) {
        buf_clear(&path);
        buf_clear(&body);
        assert_int_equal(webpush__push.compose(s.plan, &one, 1, &path, &body, &why), 0);
        assert_memory_not_equal(body.data + 21, pair, 65);
        memcpy(pair, body.data + 21, 65);
        assert_true(opens(&body, &text));
        assert_string_equal(buf_str(&text), s.plan->payload);
        assert_string_equal(buf_str(&path), "/wpush/v2/gAAAAABexample-of-a-reader");
    }
    body.data[body.len - 20] ^= 1;
    assert_false(opens(&body, &text)); /* that we would notice */
    buf_done(&path);
    buf_done(&body);
    buf_done(&text);
    end(&s);
}

static void who_cannot_be_written_to_is_refused_alone(void **state)
{
    static const uint8_t beside[81] = {4, 1, 2, 3};
    struct member m = reader(NULL);
    const struct member *one = &m;
    struct buf path, body;
    uint8_t pair[97];
    struct scene s;

    (void)state;
    begin(&s, NULL, NULL);
    plan(&s);
    buf_init(&path, 4096);
    buf_init(&body, 8192);
    m.keys = beside;
    assert_int_equal(webpush__push.compose(s.plan, &one, 1, &path, &body, NULL), ERR_INVALID);
    assert_false(webpush__push.prepare(&m, pair));
    m.keys_len = 65;
    assert_int_equal(webpush__push.compose(s.plan, &one, 1, &path, &body, NULL), ERR_INVALID);
    assert_false(webpush__push.prepare(&m, pair));
    m.keys = NULL;
    assert_int_equal(webpush__push.compose(s.plan, &one, 1, &path, &body, NULL), ERR_INVALID);
    assert_false(webpush__push.prepare(&m, pair));
    m = reader(NULL);
    m.key_id = 77;
    assert_int_equal(webpush__push.compose(s.plan, &one, 1, &path, &body, NULL), ERR_INVALID);
    buf_done(&path);
    buf_done(&body);
    end(&s);
}

static void *compose_a_lot(void *context)
{
    const struct scene *s = context;
    struct member m = reader(NULL);
    const struct member *one = &m;
    struct buf path, body, text;
    bool good = true;

    buf_init(&path, 4096);
    buf_init(&body, 8192);
    buf_init(&text, 8192);
    for (int i = 0; i < 100 && good; i++) {
        buf_clear(&path);
        buf_clear(&body);
        good = webpush__push.compose(s->plan, &one, 1, &path, &body, NULL) == 0 &&
               opens(&body, &text) && strcmp(buf_str(&text), s->plan->payload) == 0;
    }
    buf_done(&path);
    buf_done(&body);
    buf_done(&text);
    return good ? context : NULL;
}

static void several_threads_use_one_plan(void **state)
{
    pthread_t threads[4];
    struct scene s;
    void *good;

    (void)state;
    begin(&s, NULL, NULL);
    plan(&s);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, compose_a_lot, &s), 0);
    }
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        assert_int_equal(pthread_join(threads[i], &good), 0);
        assert_non_null(good);
    }
    end(&s);
}

/* ---- tokens ---- */

static void a_token_is_for_one_origin_and_one_key_and_half_a_day(void **state)
{
    static const char *const publics[] = {PUBLIC, OLD_PUBLIC};
    struct scene s;

    (void)state;
    begin(&s, NULL, NULL);
    plan(&s);
    for (size_t i = 0; i < 2; i++) {
        struct member m = reader(FCM);
        struct http_headers headers = {0};
        struct buf claims;
        const char *value, *jwt, *dot, *end_of_claims;
        json_t *v;
        int64_t until_ms = 0;

        m.key_id = s.plan->keys.v[i].id;
        webpush__push.headers(
            s.plan, &m, "https://fcm.googleapis.com", NOW_MS, &headers, &until_ms);
        assert_int_equal(until_ms, NOW_MS + 11 * MS_HOUR);
        value = http_header(&headers, "authorization");
        assert_int_equal(strncmp(value, "vapid t=", 8), 0);
        assert_non_null(strstr(value, ", k="));
        assert_string_equal(strstr(value, ", k=") + 4, publics[i]);
        jwt = value + 8;
        dot = strchr(jwt, '.') + 1;
        end_of_claims = strchr(dot, '.');
        buf_init(&claims, 1024);
        assert_true(crypto_unbase64(&claims, dot, (size_t)(end_of_claims - dot)));
        v = loads(buf_str(&claims));
        assert_string_equal(json_path_str(v, "aud"), "https://fcm.googleapis.com");
        assert_string_equal(json_path_str(v, "sub"), "mailto:push@news.example");
        assert_int_equal(json_integer_value(json_object_get(v, "exp")),
                         (NOW_MS + 12 * MS_HOUR) / 1000);
        json_decref(v);
        buf_done(&claims);
        http_headers_done(&headers);
    }
    end(&s);
}

static void pages_get_the_key_that_is_in_force(void **state)
{
    struct scene s;
    struct buf b;

    (void)state;
    begin(&s, NULL, NULL);
    buf_init(&b, 128);
    webpush__push.public_key(&s.settings, &b);
    assert_string_equal(buf_str(&b), PUBLIC);
    buf_done(&b);
    end(&s);
}

static void subjects_are_those_that_apple_takes(void **state)
{
    static const struct {
        const char *subject;
        bool good;
    } rows[] = {
        {"mailto:push@news.example", true},
        {"https://news.example/contact", true},
        {"mailto:push@localhost", false},
        {"mailto:push@mail.localhost", false},
        {"mailto:push@server.local", false},
        {"mailto:@news.example", false},
        {"mailto:push@", false},
        {"mailto:push@news.", false},
        {"mailto:a b@news.example", false},
        {"mailto:<push@news.example>", false},
        {"https://localhost/", false},
        {"https://127.0.0.1/", false},
        {"https://", false},
        {"http://news.example/", false},
        {"push@news.example", false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (webpush__subject_good(rows[i].subject) != rows[i].good) {
            fail_msg("%s", rows[i].subject);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_browser_hands_in_is_taken_in_every_form),
        cmocka_unit_test(what_is_none_is_refused_with_what_was_expected),
        cmocka_unit_test(an_address_is_kept_to_its_last_byte_and_no_longer_than_it_may_be),
        cmocka_unit_test(origins_are_counted_by_whose_they_are),
        cmocka_unit_test(a_prepared_pair_is_used_and_else_a_fresh_one_made),
        cmocka_unit_test(who_cannot_be_written_to_is_refused_alone),
        cmocka_unit_test(several_threads_use_one_plan),
        cmocka_unit_test(a_token_is_for_one_origin_and_one_key_and_half_a_day),
        cmocka_unit_test(pages_get_the_key_that_is_in_force),
        cmocka_unit_test(subjects_are_those_that_apple_takes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
