/* service/grant.c: whether a token may be used, when it is renewed, and what a person is told of it, for a row
 * of grants at moments of a clock that is an argument. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/field.h"
#include "base/json.h"
#include "base/mem.h"
#include "service/grant.h"

#define T0 INT64_C(1700000000000)

struct app {
    struct oauth_settings oauth;
};

static void authorize(const struct oauth_call *call, struct buf *url)
{
    (void)call;
    (void)url;
}

static bool by_password(const struct oauth_call *call)
{
    return call->settings != NULL;
}

static void made_from_id(const void *settings, struct buf *out)
{
    buf_adds(out,
             oauth_settings_of(&(const struct oauth){.settings_at = 0}, settings)->client_id);
}

static const struct oauth_step steps[] = {OAUTH_STEP_END};
// clang-format off
static const struct oauth plain = {.authorize = authorize, .renew = steps, .rotates = true};
static const struct oauth google = {.authorize = authorize, .renew = steps};
static const struct oauth instagram = {.authorize = authorize, .renew = steps, .renew_before_ms = 10 * MS_DAY, .renew_age_min_ms = MS_DAY};
static const struct oauth weekly = {.authorize = authorize, .renew = steps, .renew_before_ms = 53 * MS_DAY, .renew_age_min_ms = MS_DAY};
static const struct oauth facebook = {.authorize = authorize};
static const struct oauth account = {.renew = steps, .can_renew = by_password, .made_from = made_from_id};
static const struct oauth lemmy = {.renew = steps, .can_renew = by_password};
// clang-format on

static char id[] = "app";
static const struct app app = {.oauth = {.client_id = id}},
                        no_app = {.oauth = {.client_id = NULL}};

static json_t *grant_of(const char *text)
{
    json_t *v = NULL;

    if (text) {
        must(json_read(&v, text, strlen(text), 4, NULL) == ERR_NONE);
    }
    return v;
}

#define AT "1700000000000"
#define HOUR                                                                                   \
    "{\"access_token\":\"a\",\"refresh_token\":\"r\",\"obtained_at_ms\":" AT                   \
    ",\"expires_at_ms\":1700003600000}"
#define ENDLESS "{\"access_token\":\"a\"}"
#define SIXTY                                                                                  \
    "{\"access_token\":\"a\",\"obtained_at_ms\":" AT                                           \
    ",\"expires_at_ms\":1705184000000}" /* days */
#define PAGE                                                                                   \
    "{\"access_token\":\"a\",\"refresh_token\":\"r\",\"refresh_expires_at_ms\":1705184000000}"
#define LONG_LIFE                                                                              \
    "{\"access_token\":\"a\",\"refresh_token\":\"r\",\"obtained_at_ms\":" AT                   \
    ",\"expires_at_ms\":1705184000000,"                                                        \
    "\"refresh_expires_at_ms\":1705184000000}"

static void a_forecast_says_what_will_be_and_what_is_to_be_done(void **state)
{
    static const struct {
        const char *what;
        const struct oauth *oauth;
        const struct app *app;
        bool vault;
        const char *grant, *dead, *failing;
        bool refused;
        int64_t after_ms;
        enum forecast_kind kind;
        bool eye;
        const char *text;
    } rows[] = {
        /* clang-format off */
        {"nothing is there", &plain, &app, true, NULL, NULL, NULL, false, 0, FORECAST_NONE, true,
         "there is no token: run `crier keys login news`"},
        {"nor an app", &plain, &no_app, true, NULL, NULL, NULL, false, 0, FORECAST_NONE, true,
         "there is no token: run `crier keys login news` (needs client_id and client_secret)"},
        {"a password will do", &lemmy, &app, false, NULL, NULL, NULL, false, 0, FORECAST_RENEWED, false,
         "renewed by itself, next in less than a minute"},
        {"an hour", &plain, &app, true, HOUR, NULL, NULL, false, 0, FORECAST_RENEWED, false,
         "renewed by itself, next in 48 minutes"},
        {"an hour, late", &plain, &app, true, HOUR, NULL, NULL, false, 2 * MS_HOUR, FORECAST_RENEWED, false,
         "renewed by itself, next in less than a minute"},
        {"an hour, no key", &plain, &app, false, HOUR, NULL, NULL, false, 0, FORECAST_ENDS, true,
         "expires in 60 minutes, cannot be renewed without vault.key: run `crier keys login news`"},
        {"an hour, no key, no rotation", &google, &app, false, HOUR, NULL, NULL, false, 0, FORECAST_RENEWED, false,
         "renewed by itself, next in 48 minutes"},
        {"an hour, no app", &google, &no_app, true, HOUR, NULL, NULL, false, 2 * MS_HOUR, FORECAST_ENDED, true,
         "has expired, cannot be renewed: run `crier keys login news` (needs client_id and client_secret)"},
        {"for ever", &facebook, &app, true, ENDLESS, NULL, NULL, false, 0, FORECAST_LASTS, false,
         "does not expire, as far as the platform said"},
        {"sixty days", &facebook, &app, true, SIXTY, NULL, NULL, false, 0, FORECAST_ENDS, false,
         "expires in 60 days, cannot be renewed: run `crier keys login news`"},
        {"six of them are left", &facebook, &app, true, SIXTY, NULL, NULL, false, 54 * MS_DAY, FORECAST_ENDS, true,
         "expires in 6 days, cannot be renewed: run `crier keys login news`"},
        {"36 hours are left", &facebook, &app, true, SIXTY, NULL, NULL, false, 60 * MS_DAY - 36 * MS_HOUR, FORECAST_ENDS, true,
         "expires in 36 hours, cannot be renewed: run `crier keys login news`"},
        {"the refresh token ends, too", &google, &app, true, LONG_LIFE, NULL, NULL, false, 55 * MS_DAY, FORECAST_ENDS, true,
         "renewed by itself for 5 days more, then: run `crier keys login news`"},
        {"only what renews it ends", &google, &app, true, PAGE, NULL, NULL, false, 55 * MS_DAY, FORECAST_LASTS, false,
         "does not expire, and is renewed when the platform refuses it"},
        {"that has ended", &google, &app, true, PAGE, NULL, NULL, false, 61 * MS_DAY, FORECAST_LASTS, false,
         "does not expire, as far as the platform said"},
        {"it has ended", &google, &app, true, LONG_LIFE, NULL, NULL, false, 61 * MS_DAY, FORECAST_ENDED, true,
         "has expired, cannot be renewed: run `crier keys login news`"},
        {"revoked", &plain, &app, true, HOUR, "400 invalid_grant", NULL, false, 0, FORECAST_DEAD, true,
         "grant revoked: run `crier keys login news` (400 invalid_grant)"},
        {"no answer", &plain, &app, true, HOUR, NULL, "no answer", false, 0, FORECAST_FAILING, true,
         "the renewal fails, and is tried again (no answer)"},
        {"a wrong secret", &plain, &app, true, HOUR, NULL, "401", true, 0, FORECAST_FAILING, true,
         "the renewal is refused: mend the settings, or the app on the platform (401)"},
    };
    /* clang-format on */

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        json_t *grant = grant_of(rows[i].grant);
        struct grant_way way = {
            .oauth = rows[i].oauth, .settings = rows[i].app, .has_vault = rows[i].vault};
        struct forecast_facts facts = {.channel = "news",
                                       .grant = grant,
                                       .dead = rows[i].dead,
                                       .failing = rows[i].failing,
                                       .refused = rows[i].refused,
                                       .now_ms = T0 + rows[i].after_ms};
        struct forecast f;

        print_message("    %s\n", rows[i].what);
        forecast_make(&f, &way, &facts);
        assert_string_equal(f.text, rows[i].text);
        assert_string_equal(forecast_name(f.kind), forecast_name(rows[i].kind));
        assert_int_equal(f.needs_eye, rows[i].eye);
        json_decref(grant);
    }
}

static void a_token_holds_until_shortly_before_its_end(void **state)
{
    json_t *hour = grant_of(HOUR), *endless = grant_of(ENDLESS),
           *none = grant_of("{\"refresh_token\":\"r\"}");

    (void)state;
    assert_true(grant_holds(hour, T0 + MS_HOUR - 31 * MS_SECOND));
    assert_false(grant_holds(hour, T0 + MS_HOUR - 30 * MS_SECOND));
    assert_true(grant_holds(endless, INT64_MAX / 2));
    assert_false(grant_holds(none, T0));
    assert_false(grant_holds(NULL, T0));
    json_decref(hour);
    json_decref(endless);
    json_decref(none);
}

static void it_is_renewed_when_a_fifth_is_left_or_as_the_platform_wants(void **state)
{
    json_t *hour = grant_of(HOUR), *sixty = grant_of(SIXTY), *endless = grant_of(ENDLESS);
    struct grant_way plain_way = {.oauth = &plain, .settings = &app, .has_vault = true};
    struct grant_way insta_way = {.oauth = &instagram, .settings = &app, .has_vault = true};
    struct grant_way weekly_way = {.oauth = &weekly, .settings = &app, .has_vault = true};

    (void)state;
    assert_int_equal(grant_renew_at(&plain_way, hour), T0 + 48 * MS_MINUTE);
    assert_int_equal(grant_renew_at(&plain_way, sixty), T0 + 59 * MS_DAY); /* a day at most */
    assert_int_equal(grant_renew_at(&plain_way, endless), INT64_MAX);
    assert_int_equal(grant_renew_at(&plain_way, NULL), 0);
    assert_int_equal(grant_renew_at(&insta_way, sixty), T0 + 50 * MS_DAY);
    assert_int_equal(grant_renew_at(&weekly_way, sixty), T0 + 7 * MS_DAY);
    assert_int_equal(grant_renew_at(&insta_way, hour),
                     T0 + MS_DAY); /* not before it is a day old */
    assert_false(grant_is_ripe(&insta_way, sixty, T0 + MS_DAY - 1));
    assert_true(grant_is_ripe(&insta_way, sixty, T0 + MS_DAY));
    json_decref(hour);
    json_decref(sixty);
    json_decref(endless);
}

static void other_tokens_in_the_settings_are_noticed(void **state)
{
    static char a[] = "a", b[] = "b", ab[] = "ab", empty[] = "";
    static const struct app none = {.oauth = {.client_id = id}};
    static const struct app rows[] = {
        {.oauth = {.access_token = {a, 1}, .refresh_token = {b, 1}}},
        {.oauth = {.access_token = {ab, 2}, .refresh_token = {empty, 0}}},
        {.oauth = {.access_token = {a, 1}}},
        {.oauth = {.refresh_token = {a, 1}}},
    };
    char origins[ARRAY_LEN(rows)][SHA256_HEX_BYTES], origin[SHA256_HEX_BYTES];
    struct grant_way way = {.oauth = &plain, .settings = &none};

    (void)state;
    grant_origin(&way, origin);
    assert_string_equal(origin, "");
    assert_null(grant_from_settings(&way));
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        way.settings = &rows[i];
        grant_origin(&way, origins[i]);
        for (size_t k = 0; k < i; k++) {
            assert_string_not_equal(origins[i], origins[k]);
        }
    }
}

/* A service account, a client's own credentials: another of them, another grant. */
static void what_a_grant_is_made_from_is_noticed(void **state)
{
    static char one[] = "one", two[] = "two";
    static const struct app first = {.oauth = {.client_id = one}};
    static const struct app second = {.oauth = {.client_id = two}};
    char origin[SHA256_HEX_BYTES], same[SHA256_HEX_BYTES], other[SHA256_HEX_BYTES];

    (void)state;
    grant_origin(&(const struct grant_way){.oauth = &account, .settings = &first}, origin);
    grant_origin(&(const struct grant_way){.oauth = &account, .settings = &first}, same);
    grant_origin(&(const struct grant_way){.oauth = &account, .settings = &second}, other);
    assert_string_not_equal(origin, "");
    assert_string_equal(origin, same);
    assert_string_not_equal(origin, other);
}

static int nothing_is_left(void **state)
{
    (void)state;
    assert_int_equal(mem_live_count(), 0);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_forecast_says_what_will_be_and_what_is_to_be_done,
                                  nothing_is_left),
        cmocka_unit_test_teardown(a_token_holds_until_shortly_before_its_end, nothing_is_left),
        cmocka_unit_test_teardown(it_is_renewed_when_a_fifth_is_left_or_as_the_platform_wants,
                                  nothing_is_left),
        cmocka_unit_test_teardown(other_tokens_in_the_settings_are_noticed, nothing_is_left),
        cmocka_unit_test_teardown(what_a_grant_is_made_from_is_noticed, nothing_is_left),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
