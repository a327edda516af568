/* What dialogues of one member at a time cannot show of notifications to apps: requests for many, answers that are
 * judged by what was answered before, Apple's token over time, and what counts as an address. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "adapters/apns_internal.h"
#include "adapters/fcm_internal.h"
#include "adapters/huawei_internal.h"
#include "adapters/push.h"
#include "adapters/registry.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/json.h"
#include "base/mem.h"
#include "support/ways.h"

#define NOW_MS INT64_C(1795446001000) /* 2026-11-23T15:00:01Z */
#define BODY_BYTES ((size_t)256 * 1024)

static struct article *article;
static const struct site_facts site = {
    .name = "Example News", .url = "https://news.example", .language = "en"};

/* A channel with a message that is made. */
struct scene {
    struct step_ctx ctx;
    const struct push *push;
    struct push_plan *plan;
};

static const struct way *find_way(const char *name)
{
    size_t count;
    const struct way *ways = ways_all(&count);

    for (size_t i = 0; i < count; i++) {
        if (strcmp(ways[i].name, name) == 0) {
            return &ways[i];
        }
    }
    fail_msg("no way %s", name);
    return NULL;
}

static void plan(struct scene *s, int64_t now_ms)
{
    if (s->plan) {
        s->push->done(s->plan);
    }
    s->ctx.now_ms = now_ms;
    assert_int_equal(s->push->plan(&s->ctx, &s->plan, NULL), ERR_NONE);
}

static void set_up(struct scene *s, const char *name)
{
    const struct way *way = find_way(name);
    const struct step *prepare = step_find(way->adapter->publish, "prepare");
    struct http_request req;

    *s = (struct scene){.push = way->adapter->audience->push,
                        .ctx = {.settings = way->settings,
                                .audience = way->adapter->audience,
                                .site = &site,
                                .channel = "app",
                                .article = article,
                                .article_id = "art_1",
                                .delivery_id = "dlv_1",
                                .key = "8f14",
                                .link = "https://news.example/a",
                                .reason = "",
                                .revision = 1,
                                .created_at_ms = NOW_MS,
                                .not_after_ms = NOW_MS + MS_HOUR,
                                .now_ms = NOW_MS,
                                .token = "t0ken",
                                .record = json_object(),
                                .account = json_object()}};
    http_request_init(&req);
    assert_int_equal(prepare->build(&s->ctx, &req, NULL), ERR_NONE);
    assert_true(req.skip);
    http_request_done(&req);
    plan(s, NOW_MS);
}

static void tear_down(struct scene *s)
{
    s->push->done(s->plan);
    json_decref(s->ctx.record);
    json_decref(s->ctx.account);
}

#define MANY 1000
struct crowd {
    struct member v[MANY];
    const struct member *p[MANY];
    struct member_word words[MANY];
    char names[MANY][40];
};

static void gather(struct crowd *c)
{
    for (size_t i = 0; i < MANY; i++) {
        (void)snprintf(c->names[i], sizeof c->names[i], "IQAAAA-token-of-member-%04zu", i);
        c->v[i] = (struct member){.id = i + 1, .address = c->names[i]};
        c->p[i] = &c->v[i];
    }
}

static struct verdict
answer(struct scene *s, struct crowd *c, size_t count, int status, const char *body)
{
    struct http_response res = {
        .status = status, .body = body, .body_len = strlen(body), .now_ms = NOW_MS};

    memset(c->words, 0, sizeof c->words);
    return s->push->read(s->plan, c->p, count, &res, c->words);
}

static size_t count_of(const struct crowd *c, size_t count, enum member_outcome outcome)
{
    size_t n = 0;

    for (size_t i = 0; i < count; i++) {
        n += c->words[i].outcome == outcome;
    }
    return n;
}

/* ---- whose trouble is shared ---- */

static void trouble_is_shared_with_who_takes_the_messages_not_with_the_site(void **state)
{
    static const struct {
        const char *way, *host;
    } rows[] = {
        {"webpush", "webpush"},
        {"fcm", "fcm.googleapis.com:443"},
        {"fcm topic", "fcm.googleapis.com:443"},
        {"apns", "api.push.apple.com:443"},
        {"huawei", "push-api.cloud.huawei.com:443"},
        {"whatsapp", "graph.facebook.com:443"},
        {"indexnow", "api.indexnow.org:443"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct way *way = find_way(rows[i].way);
        struct buf host;

        buf_init(&host, 256);
        assert_non_null(way->adapter->host);
        way->adapter->host(way->settings, &host);
        assert_string_equal(buf_str(&host), rows[i].host);
        buf_done(&host);
    }
}

/* ---- an answer is judged by those before ---- */

static const struct {
    const char *way, *taken, *not_ours;
    int status;
} doubts[] = {
    {"fcm",
     "{\"name\":\"projects/x/messages/1\"}",
     "{\"error\":{\"status\":\"PERMISSION_DENIED\",\"details\":[{\"@type\":"
     "\"type.googleapis.com/google.firebase.fcm.v1.FcmError\",\"errorCode\":"
     "\"SENDER_ID_MISMATCH\"}]}}",
     403},
    {"apns", "", "{\"reason\":\"BadDeviceToken\"}", 400},
    {"huawei", "{\"code\":\"80000000\"}", "{\"code\":\"80300007\",\"msg\":\"?\"}", 200},
};

static void nobody_is_removed_before_any_message_was_taken(void **state)
{
    static struct crowd crowd;

    (void)state;
    gather(&crowd);
    for (size_t i = 0; i < ARRAY_LEN(doubts); i++) {
        struct scene s;
        struct verdict v;

        set_up(&s, doubts[i].way);
        v = answer(&s, &crowd, 1, doubts[i].status, doubts[i].not_ours);
        assert_int_equal(v.kind, VERDICT_NEXT);
        assert_int_equal(crowd.words[0].outcome, MEMBER_AGAIN);
        v = answer(&s, &crowd, 1, 200, doubts[i].taken);
        assert_int_equal(v.kind, VERDICT_NEXT);
        assert_int_equal(crowd.words[0].outcome, MEMBER_ACCEPTED);
        v = answer(&s, &crowd, 1, doubts[i].status, doubts[i].not_ours);
        assert_int_equal(v.kind, VERDICT_NEXT);
        assert_int_equal(crowd.words[0].outcome, MEMBER_LOST);
        tear_down(&s);
    }
}

static void when_all_are_strangers_the_wave_stops(void **state)
{
    static struct crowd crowd;

    (void)state;
    gather(&crowd);
    for (size_t i = 0; i < ARRAY_LEN(doubts); i++) {
        struct scene s;
        struct verdict v = verdict_next();

        set_up(&s, doubts[i].way);
        for (int n = 0; n < NOTICE_DOUBTS; n++) {
            assert_int_equal(v.kind, VERDICT_NEXT);
            v = answer(&s, &crowd, 1, doubts[i].status, doubts[i].not_ours);
            assert_int_equal(crowd.words[0].outcome, MEMBER_AGAIN);
        }
        assert_int_equal(v.kind, VERDICT_BLOCKED);
        tear_down(&s);
    }
}

static void where_firebase_cannot_reach_apple_others_get_theirs(void **state)
{
    static const char no[] =
        "{\"error\":{\"status\":\"UNAUTHENTICATED\",\"details\":[{\"@type\":"
        "\"type.googleapis.com/google.firebase.fcm.v1.FcmError\",\"errorCode\":"
        "\"THIRD_PARTY_AUTH_ERROR\"}]}}";
    static struct crowd crowd;
    struct verdict v = verdict_next();
    struct scene s;

    (void)state;
    gather(&crowd);
    set_up(&s, "fcm");
    for (int n = 0; n < NOTICE_DOUBTS; n++) {
        assert_int_equal(v.kind, VERDICT_NEXT);
        v = answer(&s, &crowd, 1, 401, no);
    }
    assert_int_equal(v.kind, VERDICT_BLOCKED); /* all are iPhones */
    (void)answer(&s, &crowd, 1, 200, "{\"name\":\"projects/x/messages/1\"}");
    assert_int_equal(answer(&s, &crowd, 1, 401, no).kind, VERDICT_NEXT);
    assert_int_equal(crowd.words[0].outcome, MEMBER_AGAIN);
    tear_down(&s);
}

static void one_odd_refusal_is_not_the_articles_and_many_are(void **state)
{
    static const char no[] = "{\"error\":{\"status\":\"INVALID_ARGUMENT\"}}";
    static struct crowd crowd;
    struct verdict v = verdict_next();
    struct scene s;

    (void)state;
    gather(&crowd);
    set_up(&s, "fcm");
    for (int n = 0; n < NOTICE_DOUBTS; n++) {
        assert_int_equal(v.kind, VERDICT_NEXT);
        v = answer(&s, &crowd, 1, 400, no);
        assert_int_equal(crowd.words[0].outcome, MEMBER_REFUSED);
    }
    assert_int_equal(v.kind, VERDICT_REJECTED);
    (void)answer(&s, &crowd, 1, 200, doubts[0].taken);
    assert_int_equal(answer(&s, &crowd, 1, 400, no).kind, VERDICT_NEXT);
    tear_down(&s);
}

/* ---- a thousand at once ---- */

static void a_thousand_tokens_go_in_one_request(void **state)
{
    static struct crowd crowd;
    struct buf path, body;
    struct scene s;
    json_t *sent, *tokens;

    (void)state;
    gather(&crowd);
    set_up(&s, "huawei");
    buf_init(&path, BODY_BYTES);
    buf_init(&body, BODY_BYTES);
    assert_int_equal(s.push->many, MANY);
    assert_int_equal(s.push->compose(s.plan, crowd.p, MANY, &path, &body, NULL), ERR_NONE);
    assert_string_equal(buf_str(&path), "/v1/100000001/messages:send");
    assert_int_equal(json_read(&sent, buf_str(&body), body.len, 8, NULL), ERR_NONE);
    tokens = json_path(sent, "message", "token", NULL);
    assert_int_equal(json_array_size(tokens), MANY);
    assert_string_equal(json_string_value(json_array_get(tokens, 999)), crowd.names[999]);
    assert_non_null(json_path(sent, "message", "notification", "title", NULL));
    json_decref(sent);
    buf_done(&body);
    buf_done(&path);
    tear_down(&s);
}

#define SOME(illegal)                                                                          \
    "{\"code\":\"80100000\",\"msg\":\"{\\\"success\\\":998,\\\"failure\\\":2,"                 \
    "\\\"illegal_tokens\\\":" illegal "}\"}"
#define THIRD "\\\"IQAAAA-token-of-member-0003\\\""
#define LAST "\\\"IQAAAA-token-of-member-0999\\\""

static void who_is_not_taken_is_named_and_the_others_have_it(void **state)
{
    static const struct {
        const char *body;
        size_t lost, refused;
    } rows[] = {
        {SOME("[" THIRD "," LAST "]"), 2, 0},
        {SOME("{\\\"tokenFormatError\\\":[" THIRD "],\\\"countryNotSupport\\\":[" LAST "]}"),
         1,
         1},
        {SOME("[{\\\"reason\\\":\\\"noPushTypeRight\\\",\\\"tokens\\\":[" THIRD "," LAST "]}]"),
         0,
         2},
        {SOME("[" THIRD ",7,null,{\\\"x\\\":[[[[[[[[[" LAST "]]]]]]]]]}]"),
         0,
         0}, /* too deep to read */
    };
    static struct crowd crowd;

    (void)state;
    gather(&crowd);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct scene s;
        struct verdict v;
        bool readable = rows[i].lost + rows[i].refused > 0;

        set_up(&s, "huawei");
        v = answer(&s, &crowd, MANY, 200, rows[i].body);
        assert_int_equal(v.kind, VERDICT_NEXT);
        assert_int_equal(count_of(&crowd, MANY, MEMBER_LOST), rows[i].lost);
        assert_int_equal(count_of(&crowd, MANY, MEMBER_REFUSED), rows[i].refused);
        assert_int_equal(count_of(&crowd, MANY, MEMBER_ACCEPTED), readable ? MANY - 2 : 0);
        assert_int_equal(count_of(&crowd, MANY, MEMBER_UNKNOWN), readable ? 0 : MANY);
        for (size_t n = 0; n < MANY; n++) {
            assert_null(strstr(crowd.words[n].detail, "IQAAAA"));
        }
        tear_down(&s);
    }
}

/* ---- Apple's token ---- */

static int64_t authorization(const struct scene *s, int64_t now_ms, char out[1024])
{
    struct member m = {.id = 1, .address = "00"};
    struct http_headers h = {0};
    int64_t until_ms = 0;

    s->push->headers(s->plan, &m, "https://api.push.apple.com", now_ms, &h, &until_ms);
    (void)snprintf(out, 1024, "%s", http_header(&h, "authorization"));
    http_headers_done(&h);
    return until_ms;
}

static int64_t iat_of(const char *authorization)
{
    const char *dot = strchr(authorization, '.');
    struct buf b;
    json_t *claims;
    int64_t iat;

    assert_int_equal(strncmp(authorization, "bearer ", 7), 0);
    buf_init(&b, 1024);
    assert_true(crypto_unbase64(&b, dot + 1, strcspn(dot + 1, ".")));
    assert_int_equal(json_read(&claims, buf_str(&b), b.len, 4, NULL), ERR_NONE);
    assert_string_equal(json_path_str(claims, "iss"), "DEF123GHIJ");
    iat = json_integer_value(json_object_get(claims, "iat"));
    json_decref(claims);
    buf_done(&b);
    return iat;
}

static void one_token_is_used_for_forty_minutes_by_all(void **state)
{
    char first[1024], other[1024], last[1024] = "";
    int64_t changed_ms = 0;
    size_t changes = 0;
    struct scene s;

    (void)state;
    set_up(&s, "apns");
    for (int64_t now_ms = NOW_MS; now_ms < NOW_MS + 6 * MS_HOUR; now_ms += 10 * MS_SECOND) {
        int64_t until_ms, age_ms;

        if ((now_ms - NOW_MS) % (10 * MS_MINUTE) == 0) {
            plan(&s, now_ms); /* another wave, after a restart or not */
        }
        until_ms = authorization(&s, now_ms, other);
        age_ms = now_ms - iat_of(other) * MS_SECOND;
        assert_true(age_ms >= 5 * MS_MINUTE && age_ms < 45 * MS_MINUTE);
        assert_true(until_ms > now_ms && until_ms <= now_ms + 40 * MS_MINUTE);
        if (strcmp(other, last) != 0) {
            assert_true(changes < 2 || now_ms - changed_ms >= 40 * MS_MINUTE);
            changed_ms = now_ms;
            changes++;
            (void)snprintf(last, sizeof last, "%s", other);
        }
    }
    assert_in_range(changes, 9, 10);
    /* Within a run, too, that goes on over the end of the period. */
    plan(&s, NOW_MS + 12 * MS_HOUR);
    (void)authorization(&s, authorization(&s, s.ctx.now_ms, first), last);
    assert_string_not_equal(first, last);
    plan(&s, s.ctx.now_ms + 40 * MS_MINUTE);
    (void)authorization(&s, s.ctx.now_ms, other);
    assert_string_equal(last, other);
    tear_down(&s);
}

static void a_token_that_is_too_old_is_made_anew_once(void **state)
{
    static const char body[] = "{\"reason\":\"ExpiredProviderToken\"}";
    static struct crowd crowd;
    struct verdict v;
    struct scene s;

    (void)state;
    gather(&crowd);
    set_up(&s, "apns");
    v = answer(&s, &crowd, 1, 403, body);
    assert_int_equal(v.kind, VERDICT_NEXT);
    assert_int_equal(crowd.words[0].outcome, MEMBER_AGAIN);
    assert_true(crowd.words[0].second);
    crowd.v[0].second = true;
    v = answer(&s, &crowd, 1, 403, body);
    assert_int_equal(v.kind, VERDICT_BLOCKED);
    assert_false(crowd.words[0].second);
    assert_non_null(strstr(v.detail, "clock"));
    tear_down(&s);
}

/* ---- addresses ---- */

#define DIGITS_64 "00fc13adff785122b4ad28809a3420982341241421348097878e577c991de8f0"
#define FCM_TOKEN "dQw4w9WgXcQ:APA91bExample_Token-of0123456789"

static void addresses_are_what_they_look_like(void **state)
{
    static const struct {
        const char *way, *text, *want; /* NULL: it is none */
    } rows[] = {
        {"fcm", FCM_TOKEN, FCM_TOKEN},
        {"fcm", "  " FCM_TOKEN "\r\n", FCM_TOKEN},
        {"fcm", FCM_TOKEN " x", NULL},
        {"fcm", FCM_TOKEN "\"", NULL},
        {"fcm", FCM_TOKEN "é", NULL},
        {"fcm", "short:token", NULL},
        {"fcm", "", NULL},
        {"apns", DIGITS_64, DIGITS_64},
        {"apns", DIGITS_64 "00ff", DIGITS_64 "00ff"},
        {"apns",
         "<00FC13AD ff785122 b4ad2880 9a342098 23412414 21348097 878e577c 991de8f0>",
         DIGITS_64},
        {"apns", DIGITS_64 "0", NULL},
        {"apns", "00fc13ad", NULL},
        {"apns", DIGITS_64 "/x", NULL},
        {"huawei", " IQAAAACy0123456789_-=", "IQAAAACy0123456789_-="},
        {"huawei", "IQAAAACy0123456789\"", NULL},
        {"huawei", "IQAAAACy0123 456789", NULL},
        {"huawei", "IQ", NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct audience *a = find_way(rows[i].way)->adapter->audience;
        char out[MEMBER_ADDRESS_BYTES];
        bool good = a->address(rows[i].text, out);

        if (good != (rows[i].want != NULL) || (good && strcmp(out, rows[i].want) != 0)) {
            fail_msg("%s %s: got %s", rows[i].way, rows[i].text, good ? out : "no");
        }
    }
}

static void a_subscription_is_a_token(void **state)
{
    static const char *const ways[] = {"fcm", "apns", "huawei"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
        const struct way *way = find_way(ways[i]);
        const struct audience *a = way->adapter->audience;
        json_t *good = json_pack("{s:s}", "token", a->sample->address);
        json_t *bad = json_pack("{s:i}", "token", 7), *none = json_object();
        struct push_subscription got = {.keys_len = 9, .key_id = 9};
        struct err why = {0};

        assert_int_equal(push_subscription_read(a, way->settings, good, &got, &why), ERR_NONE);
        assert_string_equal(got.address, a->sample->address);
        assert_int_equal(got.keys_len, 0);
        assert_int_equal(got.key_id, 0);
        mem_free(got.address);
        got.address = NULL;
        assert_int_equal(push_subscription_read(a, way->settings, bad, &got, &why),
                         ERR_INVALID);
        assert_int_equal(push_subscription_read(a, way->settings, none, &got, &why),
                         ERR_INVALID);
        assert_int_equal(strncmp(why.text, "token: ", 7), 0);
        assert_null(got.address);
        json_decref(good);
        json_decref(bad);
        json_decref(none);
    }
}

/* ---- */

static int make_article(void **state)
{
    json_t *json = json_pack("{s:s, s:s, s:s, s:s}",
                             "id",
                             "a",
                             "url",
                             "https://news.example/a",
                             "title",
                             "Dam breaks",
                             "summary",
                             "All of it");
    struct article_faults faults = {.count = 0};
    int rc = article_from_json(&article, json, 0, &faults, NULL) != ERR_NONE;

    (void)state;
    json_decref(json);
    return rc;
}

static int drop_article(void **state)
{
    (void)state;
    article_unref(article);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(trouble_is_shared_with_who_takes_the_messages_not_with_the_site),
        cmocka_unit_test(nobody_is_removed_before_any_message_was_taken),
        cmocka_unit_test(when_all_are_strangers_the_wave_stops),
        cmocka_unit_test(where_firebase_cannot_reach_apple_others_get_theirs),
        cmocka_unit_test(one_odd_refusal_is_not_the_articles_and_many_are),
        cmocka_unit_test(a_thousand_tokens_go_in_one_request),
        cmocka_unit_test(who_is_not_taken_is_named_and_the_others_have_it),
        cmocka_unit_test(one_token_is_used_for_forty_minutes_by_all),
        cmocka_unit_test(a_token_that_is_too_old_is_made_anew_once),
        cmocka_unit_test(addresses_are_what_they_look_like),
        cmocka_unit_test(a_subscription_is_a_token),
    };

    return cmocka_run_group_tests(tests, make_article, drop_article);
}
