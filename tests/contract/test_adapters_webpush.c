/* Web Push beyond dialogues: subscriptions in every form, messages that only their reader can open, what is believed of
 * answers that many get, tokens, and the shape that the worker reads. */

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "adapters/push.h"
#include "adapters/registry.h"
#include "adapters/webpush_internal.h"
#include "base/crypto.h"
#include "base/json.h"
#include "base/mem.h"
#include "support/settings_fill.h"
#include "support/unseal.h"

#define NOW_MS INT64_C(1795446000000)
#define KEY "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"
#define PUBLIC                                                                                 \
    "BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8"
#define OLD_KEY "q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94"
#define OLD_PUBLIC                                                                             \
    "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
#define STRANGE_PUBLIC                                                                         \
    "BA1Hxzyi1RUM1b5wjxsn7nGxAszw2u61m164i3MrAIxHF6YK5h4SDYic-dRuU_RCPCfA5aq9ojSwk5Y2EmClBPs"
#define AUTH "BTBZMqHH6r4Tts7J_aSIgg"
#define FCM "https://fcm.googleapis.com/fcm/send/abcdefghijkl:APA91b"

/* ---- a scene ---- */

struct scene {
    struct webpush_settings settings;
    struct article *article;
    struct site_facts site;
    struct step_ctx ctx;
    struct push_plan *plan;
};

static json_t *loads(const char *text)
{
    json_t *v = json_loads(text, 0, NULL);

    assert_non_null(v);
    return v;
}

static void fill(struct scene *s, const char *more)
{
    const struct adapter *a = adapter_find("webpush");
    json_t *values = loads("{\"key\": \"" KEY "\", \"old_keys\": \" " OLD_KEY "\\n\","
                           " \"subject\": \"mailto:push@news.example\"}");
    json_t *others = loads(more ? more : "{}");
    struct err why = {0};

    (void)json_object_update(values, others);
    assert_int_equal(settings_fill(a->settings, &s->settings, sizeof s->settings, values, &why),
                     0);
    assert_int_equal(a->check(&s->settings, &why), 0);
    json_decref(values);
    json_decref(others);
}

static void begin(struct scene *s, const char *more, const char *article)
{
    struct article_faults faults = {.count = 0};
    json_t *v = loads(article ? article
                              : "{\"title\": \"Dam gives way\", \"summary\": \"Go uphill.\","
                                " \"url\": \"https://news.example/flood\"}");
    struct err why = {0};

    memset(s, 0, sizeof *s);
    fill(s, more);
    if (article_from_json(&s->article, v, 0, &faults, &why)) {
        fail_msg("%s", why.text);
    }
    json_decref(v);
    s->site = (struct site_facts){
        .name = "Example News", .url = "https://news.example", .language = "en"};
    s->ctx = (struct step_ctx){.settings = &s->settings,
                               .site = &s->site,
                               .channel = "browsers",
                               .article = s->article,
                               .article_id = "art_0000000000001",
                               .link = s->article->url,
                               .reason = "",
                               .revision = 1,
                               .created_at_ms = NOW_MS,
                               .now_ms = NOW_MS,
                               .record = json_object(),
                               .audience = adapter_find("webpush")->audience};
}

static void prepare_message(struct scene *s)
{
    struct http_request req;
    struct err why = {0};

    http_request_init(&req);
    assert_int_equal(webpush__prepare_message(&s->ctx, &req, &why), 0);
    assert_true(req.skip);
    http_request_done(&req);
}

static void plan(struct scene *s)
{
    struct err why = {0};

    prepare_message(s);
    assert_int_equal(webpush__push.plan(&s->ctx, &s->plan, &why), 0);
}

static void end(struct scene *s)
{
    webpush__push.done(s->plan);
    json_decref(s->ctx.record);
    article_unref(s->article);
    field_done(adapter_find("webpush")->settings, &s->settings);
    assert_int_equal(mem_live_count(), 0);
}

static struct member reader(const char *address)
{
    struct member m = *webpush__audience.sample;

    m.address = address ? address : m.address;
    return m;
}

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
        uint8_t keys[MEMBER_KEYS_BYTES], named[65];
        int64_t id = 0;
        size_t len = 0;
        char *address = NULL;
        struct err why = {0};
        struct buf b;

        assert_int_equal(
            webpush__subscription(&s.settings, given, &address, keys, &len, &id, &why), 0);
        assert_string_equal(address, FCM);
        assert_int_equal(len, 81);
        assert_memory_equal(keys, browser.public_key, 65);
        assert_memory_equal(keys + 65, browser.auth, 16);
        buf_init(&b, 65);
        assert_true(crypto_unbase64(&b, i == 4 ? OLD_PUBLIC : PUBLIC, 87));
        memcpy(named, b.data, 65);
        assert_int_equal(id, webpush__key_id(named));
        buf_done(&b);
        mem_free(address);
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
        uint8_t keys[MEMBER_KEYS_BYTES];
        int64_t id;
        size_t len;
        char *address = NULL;
        struct err why = {0};

        assert_non_null(given);
        assert_int_equal(
            webpush__subscription(&s.settings, given, &address, keys, &len, &id, &why),
            ERR_INVALID);
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
        "https://WNS2-par02p.notify.windows.com/w/?token=BQYAAAB%2bL2%2f%3d&b=1";
    char out[MEMBER_ADDRESS_BYTES], longest[MEMBER_ADDRESS_BYTES + 1];
    struct buf b;

    (void)state;
    assert_true(webpush__address(wns, out));
    assert_string_equal(out, wns);
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

/* ---- answers that many get ---- */

static struct verdict answer(struct scene *s,
                             const char *address,
                             int status,
                             const char *body,
                             struct member_word *word)
{
    struct member m = reader(address);
    const struct member *one = &m;
    struct http_response res = {
        .status = status, .body = body, .body_len = strlen(body), .now_ms = NOW_MS};

    m.second = true;
    memset(word, 0, sizeof *word);
    return webpush__push.read(s->plan, &one, 1, &res, word);
}

#define MISMATCH "{\"reason\":\"VapidPkHashMismatch\"}"

static void a_no_to_everybody_stops_the_wave_and_costs_nobody_their_place(void **state)
{
    static const struct {
        int status;
        const char *body;
        enum member_outcome first;
    } rows[] = {
        {403, MISMATCH, MEMBER_UNDELIVERABLE},
        {401, "{\"errno\":109}", MEMBER_AGAIN},
        {403, "{\"reason\":\"BadJwtToken\"}", MEMBER_AGAIN},
        {400, "UnauthorizedRegistration", MEMBER_AGAIN},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct member_word word;
        struct scene s;

        begin(&s, NULL, NULL);
        plan(&s);
        for (int n = 0; n < 2; n++) {
            assert_int_equal(answer(&s, FCM, rows[i].status, rows[i].body, &word).kind,
                             VERDICT_NEXT);
            assert_int_equal(word.outcome, rows[i].first);
        }
        assert_int_equal(answer(&s, FCM, rows[i].status, rows[i].body, &word).kind,
                         VERDICT_BLOCKED);
        assert_int_equal(word.outcome, MEMBER_AGAIN);
        end(&s);
    }
}

static void a_no_to_some_is_about_them(void **state)
{
    struct member_word word;
    struct scene s;

    (void)state;
    begin(&s, NULL, NULL);
    plan(&s);
    for (int n = 0; n < 100; n++) {
        assert_int_equal(answer(&s, FCM, 201, "", &word).kind, VERDICT_NEXT);
        assert_int_equal(word.outcome, MEMBER_ACCEPTED);
    }
    for (int n = 0; n < 899; n++) { /* of other keys than ours, handed in by somebody */
        assert_int_equal(answer(&s, FCM, 403, MISMATCH, &word).kind, VERDICT_NEXT);
        assert_int_equal(word.outcome, MEMBER_UNDELIVERABLE);
    }
    assert_int_equal(answer(&s, FCM, 403, MISMATCH, &word).kind, VERDICT_BLOCKED);
    end(&s);
}

static void a_stranger_cannot_stop_a_wave(void **state)
{
    static const int statuses[] = {400, 401, 403, 406, 413, 429, 500, 503};
    struct member_word word;
    struct scene s;

    (void)state;
    begin(&s, NULL, NULL);
    plan(&s);
    for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
        for (int n = 0; n < 100; n++) {
            struct verdict v =
                answer(&s, "https://evil.example/p", statuses[i], MISMATCH, &word);

            assert_true(v.kind == VERDICT_NEXT ||
                        (v.kind == VERDICT_AGAIN && v.scope == SCOPE_HOST));
            assert_int_not_equal(word.outcome, MEMBER_LOST);
        }
    }
    end(&s);
}

static void too_fast_is_said_to_one_until_it_is_said_to_all(void **state)
{
    struct member_word word;
    struct scene s;

    (void)state;
    begin(&s, NULL, NULL);
    plan(&s);
    for (int round = 0; round < 2; round++) {
        assert_int_equal(answer(&s, FCM, 429, "", &word).kind, VERDICT_NEXT);
        assert_int_equal(answer(&s, FCM, 429, "", &word).kind, VERDICT_NEXT);
        assert_int_equal(word.outcome, MEMBER_AGAIN);
        assert_int_equal(word.retry_after_ms, 60000);
        (void)answer(&s, FCM, 201, "", &word);
    }
    (void)answer(&s, FCM, 429, "", &word);
    (void)answer(&s, FCM, 429, "", &word);
    assert_int_equal(answer(&s, FCM, 429, "", &word).scope, SCOPE_HOST);
    end(&s);
}

/* ---- what is shown ---- */

static json_t *message_of(struct scene *s, const char *name)
{
    const char *text = json_string_value(json_object_get(s->ctx.record, name));

    return text ? loads(text) : NULL;
}

static void expect_fixture(struct scene *s, const char *name)
{
    char path[512];
    json_t *want, *got = message_of(s, "payload");

    (void)snprintf(path, sizeof path, FIXTURES "/push/%s.json", name);
    want = json_load_file(path, 0, NULL);
    assert_non_null(want);
    if (!json_equal(want, got)) {
        char *text = json_dumps(got, JSON_INDENT(2));

        fail_msg("%s.json is not what we send: %s", name, text);
    }
    json_decref(want);
    json_decref(got);
}

static void the_shape_is_the_one_that_the_worker_reads(void **state)
{
    struct scene s;

    (void)state;
    begin(&s,
          "{\"icon\": \"https://news.example/icon-192.png\","
          " \"badge\": \"https://news.example/badge-96.png\","
          " \"require_interaction\": \"breaking\","
          " \"actions\": {\"Live blog\": \"https://news.example/live\"}}",
          "{\"title\": \"Dam gives way above Riverton\", \"language\": \"en\","
          " \"summary\": \"Sirens are sounding in three villages; people are asked to go "
          "uphill at "
          "once.\", \"url\": \"https://news.example/flood\","
          " \"images\": [{\"url\": \"https://news.example/flood.jpg\"}]}");
    s.ctx.link = "https://news.example/flood?utm_source=push";
    s.ctx.breaking = true;
    prepare_message(&s);
    expect_fixture(&s, "message");
    end(&s);

    begin(&s,
          "{\"body\": \"{{#correction}}{{correction}}{{/correction}}\"}",
          "{\"title\": \"Dam above Riverton holds\", \"language\": \"en\","
          " \"correction\": \"An earlier message said that it gave way.\","
          " \"url\": \"https://news.example/flood\"}");
    s.ctx.link = "https://news.example/flood?utm_source=push";
    s.ctx.course = COURSE_UPDATE;
    s.ctx.revision = 2;
    s.ctx.created_at_ms = NOW_MS + 600000;
    prepare_message(&s);
    expect_fixture(&s, "correction");
    end(&s);

    begin(&s,
          "{\"on_retract\": \"close\"}",
          "{\"title\": \"Dam gives way above Riverton\", \"language\": \"en\","
          " \"url\": \"https://news.example/flood\"}");
    s.ctx.link = "https://news.example/flood?utm_source=push";
    s.ctx.course = COURSE_RETRACT;
    s.ctx.revision = 3;
    s.ctx.created_at_ms = NOW_MS + 1200000;
    prepare_message(&s);
    expect_fixture(&s, "retraction");
    end(&s);
}

/* An article of so many words of a kind, so that cuts fall everywhere. */
static json_t *article_of(const char *word, size_t count)
{
    struct buf text, title;
    json_t *v;

    buf_init(&title, 1024);
    buf_addf(&title, "News %s", word);
    buf_init(&text, (size_t)1 << 20);
    for (size_t i = 0; i < count; i++) {
        buf_addf(&text, "%s%s", i ? " " : "", word);
    }
    v = json_pack("{s:s, s:s, s:s, s:[{s:s}]}",
                  "title",
                  buf_str(&title),
                  "summary",
                  buf_str(&text),
                  "url",
                  "https://news.example/a",
                  "images",
                  "url",
                  "https://news.example/a.jpg");
    buf_done(&title);
    buf_done(&text);
    return v;
}

static void whatever_the_text_the_message_is_small_enough_and_whole_characters(void **state)
{
    static const char *const words[] = {
        "word", "\\\"", "né", "洪水", "🌊", "👩‍👩‍👧‍👦", "\\u0001\\t", "שלום"};
    static const size_t counts[] = {1, 50, 99, 100, 101, 400, 600};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        for (size_t k = 0; k < ARRAY_LEN(counts); k++) {
            json_t *article = article_of(words[i], counts[k]);
            char *text = json_dumps(article, 0);
            json_t *message, *brief;
            const char *payload;
            struct scene s;

            begin(&s, NULL, text);
            free(text); /* Jansson's */
            json_decref(article);
            prepare_message(&s);
            payload = json_string_value(json_object_get(s.ctx.record, "payload"));
            assert_true(strlen(payload) <= 2820);
            message = message_of(&s, "payload");
            assert_non_null(json_path_str(json_object_get(message, "notification"), "image"));
            assert_non_null(json_path_str(json_object_get(message, "notification"), "body"));
            payload = json_string_value(json_object_get(s.ctx.record, "short"));
            assert_true(payload && strlen(payload) <= 1024);
            brief = message_of(&s, "short");
            assert_null(json_object_get(json_object_get(brief, "notification"), "image"));
            json_decref(message);
            json_decref(brief);
            end(&s);
        }
    }
}

static void a_message_is_worth_as_long_as_its_delivery(void **state)
{
    static const struct {
        int64_t not_after_ms, ttl_s;
        const char *more;
    } rows[] = {
        {0, 12 * 3600, NULL},
        {NOW_MS + 90 * 1000, 90, NULL},
        {NOW_MS + 90 * MS_DAY, 12 * 3600, NULL},
        {NOW_MS - 1000, 1, NULL}, /* it leaves in this moment, or not at all */
        {NOW_MS + 90 * 1000, 0, "{\"ttl\": \"0s\"}"},
        {0, 2419200, "{\"ttl\": \"28d\"}"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct scene s;

        begin(&s, rows[i].more, NULL);
        s.ctx.not_after_ms = rows[i].not_after_ms;
        plan(&s);
        assert_int_equal(s.plan->ttl_s, rows[i].ttl_s);
        end(&s);
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
        cmocka_unit_test(a_no_to_everybody_stops_the_wave_and_costs_nobody_their_place),
        cmocka_unit_test(a_no_to_some_is_about_them),
        cmocka_unit_test(a_stranger_cannot_stop_a_wave),
        cmocka_unit_test(too_fast_is_said_to_one_until_it_is_said_to_all),
        cmocka_unit_test(the_shape_is_the_one_that_the_worker_reads),
        cmocka_unit_test(whatever_the_text_the_message_is_small_enough_and_whole_characters),
        cmocka_unit_test(a_message_is_worth_as_long_as_its_delivery),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
