/* service/keeper*.c and courier_token.c: tokens that end, against a platform that gives each refresh token one
 * life, with a ledger in memory and a clock that is moved by hand. */

#include "tests/support/service_program.h"

#include "service/vault.h"

#define VAULT "vault: {key: 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f}\n"
#define APP ", client_id: app, client_secret: s3cret-of-app"
#define LIFE_S 3600

/* ---- the platform ---- */

/* Tokens are numbered: "access-N" and "refresh-N". Only the newest pair is good; a refresh token that is used
 * again ends the grant. */
struct authority {
    atomic_int current; /* 0: the grant is gone */
    atomic_int renewals, posts, refusals, tokens_asked;
    atomic_int say;       /* a status the token endpoint answers with in place of a token; 0 */
    atomic_int refuse;    /* so many requests more get 401, whatever they carry */
    atomic_int slow_ms;   /* before the token endpoint answers */
    atomic_bool stall;    /* the token endpoint says nothing */
    atomic_bool lose;     /* the token endpoint does it, and its answer is lost; once */
    atomic_int last_used; /* by the newest post */
};
static struct authority authority;

static int number_behind(const char *text, const char *prefix)
{
    const char *at = text ? strstr(text, prefix) : NULL;
    int64_t n = 0;
    char digits[16];
    size_t len;

    if (!at) {
        return -1;
    }
    at += strlen(prefix);
    len = strspn(at, "0123456789");
    if (len == 0 || len >= sizeof digits) {
        return -1;
    }
    memcpy(digits, at, len);
    digits[len] = '\0';
    return parse_i64(digits, &n) ? (int)n : -1;
}

static bool give_token(struct tiny_request *r)
{
    int asked = number_behind(r->body, "refresh_token=refresh-");
    bool by_code = strstr(r->body, "code=c0de") != NULL;
    char *body;
    int n;

    authority.tokens_asked++;
    if (authority.stall) {
        char c;

        (void)recv(r->fd, &c, 1, 0);
        return false;
    }
    usleep((useconds_t)authority.slow_ms * 1000);
    if (authority.say > 0) {
        tiny_reply(r,
                   authority.say,
                   "Retry-After: 7\r\n",
                   authority.say == 401 ? "{\"error\":\"invalid_client\"}" : "{}");
        return true;
    }
    if (!by_code && (asked != authority.current || authority.current == 0)) {
        authority.current = 0;
        tiny_reply(r,
                   400,
                   "",
                   "{\"error\":\"invalid_grant\",\"error_description\":\"it is used up\"}");
        return true;
    }
    n = ++authority.current;
    authority.renewals++;
    if (atomic_exchange(&authority.lose, false)) {
        return false;
    }
    body = mem_printf("{\"access_token\":\"access-%d\",\"refresh_token\":\"refresh-%d\","
                      "\"expires_in\":%d}",
                      n,
                      n,
                      LIFE_S);
    tiny_reply(r, 200, "", body);
    mem_free(body);
    return true;
}

static bool play_authority(struct tiny_request *r)
{
    int n = number_behind(r->head, "Authorization: Bearer access-");
    bool is_post = strstr(r->head, "POST /post") != NULL;

    if (strstr(r->head, "POST /token")) {
        return give_token(r);
    }
    if (authority.refuse > 0 || n != authority.current || n <= 0) {
        authority.refuse -= authority.refuse > 0;
        authority.refusals++;
        tiny_reply(r, 401, "", "token access-1 is no good");
        return true;
    }
    authority.last_used = n;
    authority.posts += is_post;
    tiny_reply(r, 200, "", is_post ? "" : "next");
    return true;
}

static void begin_with(struct fixture *f, const char *more, const char *yaml)
{
    authority = (struct authority){.current = 1};
    setup_with(f, "signed", more, yaml, NULL);
    f->server.answer = play_authority;
}

#define TOKENS ", access_token: access-1, refresh_token: refresh-1"

static void let(struct fixture *f, int ms)
{
    for (int i = 0; i < ms; i++) {
        turn(f);
    }
}

/* Time goes by for the keeper too. */
static void pass(struct fixture *f, int64_t ms)
{
    pass_time(f, ms);
    keeper_poke(f->c.keeper);
}

static bool comes_to(struct fixture *f, atomic_int *what, int value)
{
    for (int i = 0; i < 3000 && *what != value; i++) {
        turn(f);
    }
    let(f, 20);
    return *what == value;
}

static struct channel *one(struct fixture *f)
{
    return channels_find(f->c.channels, "one");
}

static struct forecast forecast_of(struct fixture *f)
{
    struct forecast out;

    keeper_forecast(f->c.keeper, one(f), &out);
    return out;
}

/* What the ledger holds; yours. NULL: nothing. */
static json_t *kept(struct fixture *f)
{
    struct ledger_credentials r = {.req = {.kind = LEDGER_CREDENTIALS}};
    struct err why = {0};
    json_t *out = NULL;

    assert_int_equal(ledger_run(f->c.ledger, &r.req, &why), 0);
    if (r.count > 0) {
        assert_int_equal(r.count, 1);
        assert_null(strstr(r.v[0].sealed, "refresh"));
        assert_int_equal(vault_open(&out, f->c.config, "one", r.v[0].sealed, NULL, &why), 0);
    }
    ledger_request_done(&r.req);
    return out;
}

static void expect_kept(struct fixture *f, const char *refresh_token)
{
    json_t *v = kept(f);

    assert_string_equal(json_path_str(json_object_get(v, "grant"), "refresh_token"),
                        refresh_token);
    json_decref(v);
}

/* ---- by the clock ---- */

static void a_token_is_renewed_ahead_of_its_end_and_stored(void **state)
{
    struct fixture f;

    (void)state;
    begin_with(&f, APP ", refresh_token: refresh-1", VAULT);
    assert_true(comes_to(&f, &authority.renewals, 1)); /* there was none to begin with */
    expect_kept(&f, "refresh-2");
    assert_int_equal(forecast_of(&f).kind, FORECAST_RENEWED);
    assert_string_equal(forecast_of(&f).text, "renewed by itself, next in 48 minutes");
    assert_false(forecast_of(&f).needs_eye);
    pass(&f, 47 * MS_MINUTE);
    let(&f, 50);
    assert_int_equal(authority.renewals, 1);
    pass(&f, 2 * MS_MINUTE);
    assert_true(comes_to(&f, &authority.renewals, 2));
    expect_kept(&f, "refresh-3");
    submit(&f);
    assert_true(reaches(&f, 1, "done", 0));
    assert_int_equal(authority.last_used, 3);
    assert_int_equal(authority.refusals, 0);
    teardown(&f);
}

static void a_token_that_has_ended_is_waited_for(void **state)
{
    struct fixture f;

    (void)state;
    begin_with(&f, APP ", refresh_token: refresh-1", VAULT);
    authority.slow_ms = 100;
    submit(&f); /* comes while the first renewal is on its way */
    assert_true(reaches(&f, 1, "done", 0));
    assert_int_equal(authority.renewals, 1);
    assert_int_equal(authority.posts, 1);
    assert_int_equal(authority.refusals, 0);
    teardown(&f);
}

/* ---- refused by the platform ---- */

static void a_token_refused_in_the_middle_is_renewed_and_the_step_goes_again(void **state)
{
    struct fixture f;
    json_t *d;

    (void)state;
    begin_with(&f, APP TOKENS, VAULT);
    authority.refuse = 1;
    submit(&f);
    assert_true(reaches(&f, 1, "done", 0));
    assert_int_equal(authority.renewals, 1);
    assert_int_equal(authority.refusals, 1);
    assert_int_equal(authority.posts, 1);
    assert_int_equal(authority.last_used, 2);
    expect_kept(&f, "refresh-2");
    d = delivery(&f, 1);
    assert_int_equal(json_integer_value(json_object_get(d, "attempts")), 1);
    json_decref(d);
    teardown(&f);
}

static void a_second_no_blocks_and_nothing_is_counted(void **state)
{
    struct fixture f;

    (void)state;
    begin_with(&f, APP TOKENS, VAULT);
    authority.refuse = 2;
    submit(&f);
    assert_true(reaches(&f, 1, "blocked", 0));
    assert_int_equal(authority.renewals, 1);
    assert_int_equal(authority.refusals, 2);
    assert_int_equal(authority.posts, 0);
    expect_detail(&f, 1, "401: token *** is no good"); /* never the token */
    channel_resume(&f.c, one(&f), "test");
    assert_true(reaches(&f, 1, "done", 5));
    assert_int_equal(authority.posts, 1);
    teardown(&f);
}

static void submit_as(struct fixture *f, int number)
{
    const struct intake_options options = {.source = "api"};
    struct intake_content content = {.rc = ERR_NONE};
    struct intake in;
    json_t *article = json_object();
    char text[64];

    (void)snprintf(text, sizeof text, "https://news.example/%d", number);
    json_set_str(article, "url", text);
    json_set_str(article, "title", text);
    accepted = false;
    intake_read(&content, article, true, clock_wall_ms());
    assert_int_equal(intake_article(&f->c, &in, &content, &options, on_accepted, NULL), 0);
    json_decref(article);
    wait_accepted(f, &in);
}

static void twenty_deliveries_cost_one_renewal(void **state)
{
    struct fixture f;

    (void)state;
    begin_with(&f, APP TOKENS ", concurrency: 20, rate: 1000/s", VAULT);
    authority.current = 1;
    authority.refuse = 1;
    authority.slow_ms = 100;
    for (int i = 0; i < 20; i++) {
        submit_as(&f, i);
    }
    for (int i = 0; i < 3000 && authority.posts < 20; i++) {
        turn(&f);
        if (i % 50 == 0) {
            pass_time(&f, 1000);
        }
    }
    assert_int_equal(authority.posts, 20);
    assert_int_equal(authority.renewals, 1);
    assert_int_equal(authority.tokens_asked, 1);
    teardown(&f);
}

/* ---- a renewal that fails ---- */

static void a_failing_renewal_is_waited_out(void **state)
{
    struct fixture f;

    (void)state;
    begin_with(&f, APP ", refresh_token: refresh-1", VAULT);
    authority.say = 503;
    submit(&f);
    assert_true(reaches(&f, 1, "again", 0));
    expect_detail(&f, 1, "the token cannot be renewed: 503");
    assert_false(one(&f)->kept.blocked);
    assert_int_equal(forecast_of(&f).kind, FORECAST_FAILING);
    assert_true(forecast_of(&f).needs_eye);
    assert_int_equal(authority.tokens_asked, 1);
    (void)reaches(&f, 1, "none", 5); /* it asked for seven seconds */
    assert_int_equal(authority.tokens_asked, 1);
    authority.say = 0;
    assert_true(reaches(&f, 1, "done", 30));
    assert_int_equal(authority.renewals, 1);
    assert_int_equal(forecast_of(&f).kind, FORECAST_RENEWED);
    teardown(&f);
}

static void a_revoked_grant_blocks_and_tells_what_to_run(void **state)
{
    struct fixture f;
    json_t *v;

    (void)state;
    begin_with(&f, APP TOKENS, VAULT);
    authority.current = 0;
    submit(&f);
    assert_true(reaches(&f, 1, "blocked", 0));
    expect_detail(&f,
                  1,
                  "grant revoked: run `crier keys login one` (400 invalid_grant: it is used "
                  "up) (401: token *** is no good)");
    assert_string_equal(
        one(&f)->kept.blocked_why,
        "grant revoked: run `crier keys login one` (400 invalid_grant: it is used up)");
    assert_int_equal(forecast_of(&f).kind, FORECAST_DEAD);
    v = kept(&f);
    assert_non_null(strstr(json_path_str(v, "dead"), "invalid_grant"));
    json_decref(v);
    pass(&f, 2 * MS_HOUR);
    let(&f, 50);
    assert_int_equal(authority.tokens_asked,
                     1); /* nobody asks again until a person has done something */
    teardown(&f);
}

static void wrong_settings_block_and_are_tried_again_when_mended(void **state)
{
    struct fixture f;

    (void)state;
    begin_with(&f, APP TOKENS, VAULT);
    authority.refuse = 1;
    authority.say = 401;
    submit(&f);
    assert_true(reaches(&f, 1, "blocked", 0));
    expect_detail(&f,
                  1,
                  "the renewal is refused: mend the settings, or the app on the platform (401 "
                  "invalid_client");
    authority.say = 0;
    authority.refuse = 1;
    channel_resume(&f.c, one(&f), "test");
    assert_true(reaches(&f, 1, "done", 5));
    teardown(&f);
}

static void after_a_lost_answer_the_old_token_is_tried_again(void **state)
{
    struct fixture f;

    (void)state;
    begin_with(&f, APP ", refresh_token: refresh-1", VAULT);
    authority.lose = true;
    assert_true(comes_to(&f, &authority.tokens_asked, 1));
    assert_int_equal(forecast_of(&f).kind, FORECAST_FAILING);
    pass(&f, 10 * MS_SECOND);
    assert_true(comes_to(&f, &authority.tokens_asked, 2)); /* and this platform says no */
    assert_int_equal(forecast_of(&f).kind, FORECAST_DEAD);
    assert_non_null(strstr(forecast_of(&f).text, "an answer before was lost"));
    assert_true(one(&f)->kept.blocked);
    teardown(&f);
}

static void a_grant_that_died_leaves_the_token_that_still_holds(void **state)
{
    struct fixture f;

    (void)state;
    begin_with(&f, APP ", refresh_token: refresh-1", VAULT);
    assert_true(comes_to(&f, &authority.renewals, 1));
    authority.say = 401;
    pass(&f, 50 * MS_MINUTE);
    assert_true(comes_to(&f, &authority.tokens_asked, 2));
    assert_false(one(&f)->kept.blocked);
    submit(&f);
    assert_true(reaches(&f, 1, "done", 0));
    pass(&f, 20 * MS_MINUTE);
    let(&f, 50);
    assert_true(one(&f)->kept.blocked); /* as soon as it has ended */
    teardown(&f);
}

/* ---- the order of writes ---- */

static void a_token_is_used_only_when_it_is_on_disk(void **state)
{
    struct fixture f;

    (void)state;
    begin_with(&f, APP ", refresh_token: refresh-1", VAULT);
    (void)fault_set("ledger.credential:1");
    submit(&f);
    assert_true(comes_to(&f, &authority.renewals, 1));
    let(&f, 100);
    assert_null(kept(&f));
    assert_int_equal(authority.posts, 0);
    assert_true(comes_to(&f, &authority.posts, 1)); /* a second later it is */
    assert_int_equal(fault_set(NULL), 1);
    expect_kept(&f, "refresh-2");
    assert_int_equal(authority.renewals, 1);
    teardown(&f);
}

static void without_a_key_a_rotating_token_is_not_renewed(void **state)
{
    struct fixture f;

    (void)state;
    begin_with(&f, APP TOKENS, NULL);
    authority.refuse = 1;
    submit(&f);
    assert_true(reaches(&f, 1, "blocked", 0));
    assert_int_equal(authority.tokens_asked, 0);
    teardown(&f);
}

/* ---- operators ---- */

static bool saved;
static void on_saved(void *context, enum err_code rc, const struct err *why)
{
    (void)context;
    (void)why;
    assert_int_equal(rc, ERR_NONE);
    saved = true;
}

static char *sealed_grant(struct fixture *f, int number)
{
    char access[32], refresh[32], *sealed;
    json_t *v;

    (void)snprintf(access, sizeof access, "access-%d", number);
    (void)snprintf(refresh, sizeof refresh, "refresh-%d", number);
    v = json_pack("{s:{s:s, s:s, s:s}}",
                  "grant",
                  "access_token",
                  access,
                  "refresh_token",
                  refresh,
                  "who",
                  "@news");
    sealed = vault_seal(f->c.config, "one", v);
    json_decref(v);
    return sealed;
}

static void sign_in(struct fixture *f, int number)
{
    char *sealed = sealed_grant(f, number);
    struct err why = {0};

    saved = false;
    assert_int_equal(keeper_take_sealed(f->c.keeper, one(f), sealed, on_saved, NULL, &why), 0);
    for (int i = 0; !saved && i < 2000; i++) {
        turn(f);
    }
    assert_true(saved);
    mem_free(sealed);
}

static void a_sign_in_mends_a_blocked_channel(void **state)
{
    struct fixture f;
    json_t *v;

    (void)state;
    begin_with(&f, APP, VAULT);
    submit(&f);
    assert_true(reaches(&f, 1, "blocked", 0));
    expect_detail(&f, 1, "there is no token: run `crier keys login one`");
    sign_in(&f, 1);
    assert_false(one(&f)->kept.blocked);
    assert_true(reaches(&f, 1, "done", 5));
    v = keeper_json(f.c.keeper, one(&f));
    assert_string_equal(json_path_str(v, "who"), "@news");
    assert_null(json_object_get(v, "access_token"));
    json_decref(v);
    teardown(&f);
}

static void what_a_renewal_brings_for_a_replaced_grant_is_dropped(void **state)
{
    struct fixture f;

    (void)state;
    begin_with(&f, APP ", refresh_token: refresh-1", VAULT);
    authority.slow_ms = 200;
    let(&f, 20); /* the renewal is on its way */
    sign_in(&f, 7);
    assert_true(comes_to(&f, &authority.renewals, 1));
    let(&f, 50);
    expect_kept(&f, "refresh-7");
    assert_int_equal(forecast_of(&f).kind, FORECAST_LASTS);
    teardown(&f);
}

static void what_was_sealed_for_another_is_refused(void **state)
{
    struct fixture f;
    struct err why = {0};
    json_t *v = json_pack("{s:{s:s}}", "grant", "access_token", "access-1");
    char *sealed;

    (void)state;
    begin_with(&f, APP, VAULT);
    sealed = vault_seal(f.c.config, "another", v);
    assert_int_equal(keeper_take_sealed(f.c.keeper, one(&f), sealed, on_saved, NULL, &why),
                     ERR_INVALID);
    assert_int_equal(keeper_take_sealed(f.c.keeper, one(&f), "AQID", on_saved, NULL, &why),
                     ERR_INVALID);
    mem_free(sealed);
    json_decref(v);
    teardown(&f);
}

static void reload(struct fixture *f, const char *more)
{
    struct config *old = f->c.config;

    read_config(f, "signed", more);
    channels_apply(f->c.channels);
    keeper_apply(f->c.keeper);
    config_unref(old);
}

static void other_tokens_in_the_settings_begin_anew(void **state)
{
    struct fixture f;

    (void)state;
    begin_with(&f, APP ", refresh_token: refresh-1", VAULT);
    assert_true(comes_to(&f, &authority.renewals, 1));
    expect_kept(&f, "refresh-2");
    reload(
        &f,
        APP
        ", refresh_token: refresh-1, tag_links: false"); /* the same: it is used up, not tried */
    let(&f, 50);
    assert_int_equal(authority.tokens_asked, 1);
    authority.current = 40;
    reload(&f, APP ", refresh_token: refresh-40");
    assert_true(comes_to(&f, &authority.renewals, 2));
    expect_kept(&f, "refresh-41");
    teardown(&f);
}

static void another_key_seals_what_is_kept_anew(void **state)
{
    static const char other[] =
        "vault: {key: "
        "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff}\n";
    struct fixture f;

    (void)state;
    begin_with(&f, APP ", refresh_token: refresh-1", VAULT);
    assert_true(comes_to(&f, &authority.renewals, 1));
    f.yaml = other;
    reload(&f, APP ", refresh_token: refresh-1");
    let(&f, 50);
    expect_kept(&f, "refresh-2");
    assert_int_equal(authority.tokens_asked, 1);
    teardown(&f);
}

static void what_is_forgotten_is_out_of_the_ledger(void **state)
{
    struct fixture f;

    (void)state;
    begin_with(&f, APP, VAULT);
    sign_in(&f, 1);
    saved = false;
    keeper_forget(f.c.keeper, one(&f), on_saved, NULL);
    for (int i = 0; !saved && i < 2000; i++) {
        turn(&f);
    }
    assert_true(saved);
    assert_null(kept(&f));
    assert_int_equal(forecast_of(&f).kind, FORECAST_NONE);
    teardown(&f);
}

/* ---- tests of a channel, and the end of the program ---- */

static void on_probed(void *context, const struct verdict *v)
{
    struct fixture *f = context;

    f->probed = true;
    (void)snprintf(f->verdict, sizeof f->verdict, "%s", verdict_name(v->kind));
}

static void a_probe_renews_as_well(void **state)
{
    struct fixture f;
    struct err why = {0};

    (void)state;
    begin_with(&f, APP TOKENS, VAULT);
    authority.refuse = 1;
    assert_int_equal(courier_probe(f.c.courier, "one", on_probed, &f, &why), 0);
    for (int i = 0; !f.probed && i < 2000; i++) {
        turn(&f);
    }
    assert_string_equal(f.verdict, "done");
    assert_int_equal(authority.renewals, 1);
    teardown(&f);
}

static void a_hurried_end_waits_for_no_token(void **state)
{
    struct fixture f;

    (void)state;
    begin_with(&f, APP ", refresh_token: refresh-1", VAULT);
    authority.stall = true;
    submit(&f);
    assert_true(comes_to(&f, &authority.tokens_asked, 1));
    assert_int_equal(courier_running(f.c.courier), 1);
    courier_drain(f.c.courier, on_drained);
    courier_hurry(f.c.courier);
    drain(&f);
    assert_true(is_in_state(&f, 1, "ready"));
    teardown(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_is_renewed_ahead_of_its_end_and_stored),
        cmocka_unit_test(a_token_that_has_ended_is_waited_for),
        cmocka_unit_test(a_token_refused_in_the_middle_is_renewed_and_the_step_goes_again),
        cmocka_unit_test(a_second_no_blocks_and_nothing_is_counted),
        cmocka_unit_test(twenty_deliveries_cost_one_renewal),
        cmocka_unit_test(a_failing_renewal_is_waited_out),
        cmocka_unit_test(a_revoked_grant_blocks_and_tells_what_to_run),
        cmocka_unit_test(wrong_settings_block_and_are_tried_again_when_mended),
        cmocka_unit_test(after_a_lost_answer_the_old_token_is_tried_again),
        cmocka_unit_test(a_grant_that_died_leaves_the_token_that_still_holds),
        cmocka_unit_test(a_token_is_used_only_when_it_is_on_disk),
        cmocka_unit_test(without_a_key_a_rotating_token_is_not_renewed),
        cmocka_unit_test(a_sign_in_mends_a_blocked_channel),
        cmocka_unit_test(what_a_renewal_brings_for_a_replaced_grant_is_dropped),
        cmocka_unit_test(what_was_sealed_for_another_is_refused),
        cmocka_unit_test(other_tokens_in_the_settings_begin_anew),
        cmocka_unit_test(another_key_seals_what_is_kept_anew),
        cmocka_unit_test(what_is_forgotten_is_out_of_the_ledger),
        cmocka_unit_test(a_probe_renews_as_well),
        cmocka_unit_test(a_hurried_end_waits_for_no_token),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
