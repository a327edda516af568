/* service/courier*.c: whole deliveries against a scripted server, with a ledger in memory,
 * adapters of the test's own, and a clock that is moved by hand. */

#include "tests/support/service_program.h"

/* ---- verdicts ---- */

static const struct {
    const char *name, *type, *more;
    struct reply replies[SCRIPT_MAX];
    const char *state;
    int requests, seconds;
    const char *detail;
} answers[] = {
    {"200 is done", "plain", "", {{.status = 200}}, "done", 1, 0, ""},
    {"400 is rejected",
     "plain",
     "",
     {{.status = 400, .body = "no such chat"}},
     "rejected",
     1,
     0,
     "no such chat"},
    {"401 blocks",
     "plain",
     "",
     {{.status = 401, .body = "bad token"}},
     "blocked",
     1,
     0,
     "bad token"},
    {"a build that fails is rejected",
     "wrong",
     "",
     {{.status = 0}},
     "rejected",
     0,
     0,
     "no title fits"},
    {"503 goes again", "plain", "", {{.status = 503}, {.status = 200}}, "done", 2, 30, ""},
    {"408 for ever is given up: it is about this one",
     "plain",
     "",
     {{.status = 408}, {.status = 408}, {.status = 408}, {.status = 408}},
     "rejected",
     4,
     90,
     "gave up after 4 attempts: 408"},
    {"503 for long is waited out: it is about the host",
     "plain",
     "",
     {{.status = 503},
      {.status = 503},
      {.status = 503},
      {.status = 503},
      {.status = 503},
      {.status = 503},
      {.status = 200}},
     "done",
     7,
     3600,
     ""},
    {"a cut is unknown, the look finds it",
     "plain",
     "",
     {{.how = CUT}, {.status = 200}},
     "done",
     2,
     60,
     ""},
    {"a cut is unknown, the look finds nothing, so it goes again",
     "plain",
     "",
     {{.how = CUT}, {.status = 404}, {.status = 200}},
     "done",
     3,
     60,
     ""},
    {"a look that fails is made again",
     "plain",
     "",
     {{.how = CUT}, {.status = 503}, {.how = CUT}, {.status = 200}},
     "done",
     4,
     120,
     ""},
    {"500 after a step that must not be repeated is looked for",
     "plain",
     "",
     {{.status = 500}, {.status = 200}},
     "done",
     2,
     60,
     ""},
    {"five looks in vain wait for a person",
     "plain",
     "",
     {{.how = CUT},
      {.status = 409},
      {.status = 409},
      {.status = 409},
      {.status = 409},
      {.status = 409}},
     "unknown",
     6,
     400,
     "looked 5 times"},
    {"what cannot be looked for waits for a person",
     "blind",
     "",
     {{.how = CUT}},
     "unknown",
     1,
     60,
     ""},
    {"unless the settings say retry",
     "blind",
     ", on_unknown: retry",
     {{.how = CUT}, {.status = 200}},
     "done",
     2,
     60,
     ""},
    {"nor can it where the settings rule it out",
     "muted",
     "",
     {{.how = CUT}},
     "unknown",
     1,
     60,
     ""},
    {"where they also may say retry",
     "muted",
     ", on_unknown: retry",
     {{.how = CUT}, {.status = 200}},
     "done",
     2,
     60,
     ""},
    {"a step that may be repeated is",
     "keyed",
     "",
     {{.how = CUT}, {.status = 500}, {.status = 200}},
     "done",
     3,
     60,
     ""},
    {"steps go one after the other, waiting is no failure",
     "stepped",
     "",
     {{.status = 200, .body = "wait"},
      {.status = 200, .body = "wait"},
      {.status = 200, .body = "wait"},
      {.status = 200, .body = "wait"},
      {.status = 200, .body = "next"},
      {.status = 200}},
     "done",
     6,
     60,
     ""},
    {"no answer means what the step says it means",
     "partly",
     "",
     {{.how = CUT}},
     "rejected",
     1,
     0,
     "in its own words: lost, "},
    {"what may stand is done when no try is left",
     "partly",
     "",
     {{.status = 200},
      {.status = 408},
      {.status = 200},
      {.status = 408},
      {.status = 200},
      {.status = 408},
      {.status = 200},
      {.status = 408}},
     "done",
     8,
     90,
     "not tried again: 408"},
    {"what may stand is done when no time is left",
     "partly",
     ", not_after: 1h",
     {{.status = 200}, {.status = 429, .headers = "Retry-After: 7200\r\n"}},
     "done",
     2,
     0,
     "not tried again: 429"},
};

static void each_answer_leads_to_its_state(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        struct fixture f;

        print_message("    %s\n", answers[i].name);
        setup(&f, answers[i].type, answers[i].more, answers[i].replies);
        submit(&f);
        if (strcmp(answers[i].state, "unknown") == 0) {
            /* It passes through that state: let all the time go by first. */
            (void)reaches(&f, 1, "none", answers[i].seconds);
        }
        expect(&f, 1, answers[i].state, answers[i].seconds, answers[i].requests);
        expect_detail(&f, 1, answers[i].detail);
        teardown(&f);
    }
}

static void a_verdict_says_where_the_course_goes_on(void **state)
{
    static const struct reply replies[] = {
        {.status = 200}, {.status = 408}, {.status = 200}, {.status = 200}, {.status = 0}};
    struct fixture f;

    (void)state;
    setup(&f, "partly", "", replies);
    submit(&f);
    expect(&f, 1, "done", 30, 4);
    assert_string_equal(line_of(&f.script, 1), "POST /rest");
    assert_string_equal(line_of(&f.script, 2), "POST /part");
    assert_string_equal(line_of(&f.script, 3), "POST /rest");
    teardown(&f);
}

static void what_was_left_standing_is_a_post(void **state)
{
    static const struct reply replies[] = {
        {.status = 200},
        {.status = 429, .body = "", .headers = "Retry-After: 7200\r\n"},
        {.status = 0}};
    struct fixture f;

    (void)state;
    setup(&f, "partly", ", not_after: 1h", replies);
    submit(&f);
    expect(&f, 1, "done", 0, 2);
    pass_time(&f, 2 * MS_HOUR);
    submit_more(&f, "Better news", "text", NULL);
    expect(&f, 2, "rejected", 0, 2);
    expect_detail(&f, 2, "it cannot be changed there");
    teardown(&f);
}

static void a_course_without_end_is_broken_off(void **state)
{
    static struct reply replies[SCRIPT_MAX];
    struct fixture f;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(replies); i++) {
        replies[i] = (struct reply){.status = 200};
    }
    setup(&f, "endless", "", replies);
    submit(&f);
    expect(&f, 1, "rejected", 100, 200);
    expect_detail(&f, 1, "does not end");
    teardown(&f);
}

static void done_keeps_what_the_platform_gave(void **state)
{
    static const struct reply replies[] = {{.status = 200}, {.status = 0}};
    struct fixture f;
    json_t *d;

    (void)state;
    setup(&f, "plain", "", replies);
    submit(&f);
    expect(&f, 1, "done", 0, 1);
    d = delivery(&f, 1);
    assert_string_equal(json_path_str(d, "remote_id"), "id1");
    assert_string_equal(json_path_str(d, "link"), "https://platform.example/1");
    assert_string_equal(json_path_str(d, "text"), "as sent");
    json_decref(d);
    teardown(&f);
}

static void retry_after_is_obeyed_in_full(void **state)
{
    static const struct reply replies[] = {
        {.status = 429, .body = "", .headers = "Retry-After: 120\r\n"},
        {.status = 200},
        {.status = 0}};
    struct fixture f;

    (void)state;
    setup(&f, "plain", "", replies);
    submit(&f);
    expect(&f, 1, "again", 0, 1);
    assert_false(reaches(&f, 1, "done", 115));
    assert_int_equal(f.server.requests, 1);
    expect(&f, 1, "done", 30, 2);
    teardown(&f);
}

static void what_would_come_too_late_expires(void **state)
{
    static const struct reply replies[] = {
        {.status = 429, .body = "", .headers = "Retry-After: 7200\r\n"}, {.status = 0}};
    struct fixture f;

    (void)state;
    setup(&f, "plain", ", not_after: 1h", replies);
    submit(&f);
    expect(&f, 1, "expired", 0, 1);
    expect_detail(&f, 1, "too late");
    teardown(&f);
}

static void a_key_too_old_is_looked_for_first(void **state)
{
    static const struct reply replies[] = {
        {.how = CUT},
        {.status = 429, .body = "", .headers = "Retry-After: 5400\r\n"},
        {.status = 404},
        {.status = 200},
        {.status = 0}};
    struct fixture f;

    (void)state;
    setup(&f, "keyed", ", not_after: 1d", replies);
    submit(&f);
    for (int i = 0; f.server.requests < 2 && i < 30; i++) {
        (void)reaches(&f, 1, "done", 1);
    }
    assert_int_equal(f.server.requests, 2);
    (void)reaches(&f, 1, "again", 0);
    pass_time(&f, 5400 * 1000);
    expect(&f, 1, "done", 60, 4);
    assert_string_equal(line_of(&f.script, 2), "POST /look");
    assert_string_equal(line_of(&f.script, 3), "POST /post");
    teardown(&f);
}

/* By the clock its first request is of the time to come: how long ago it was nobody knows. */
static void a_key_is_looked_for_first_when_the_clock_was_set_back(void **state)
{
    static const struct reply replies[] = {
        {.how = CUT}, {.status = 401}, {.status = 404}, {.status = 200}, {.status = 0}};
    struct fixture f;

    (void)state;
    setup(&f, "keyed", ", not_after: 7d", replies);
    submit(&f);
    expect(&f, 1, "blocked", 60, 2);
    clock_set_by(-MS_DAY);
    channel_resume(&f.c, channels_find(f.c.channels, "one"), "test");
    expect(&f, 1, "done", 60, 4);
    clock_set_by(MS_DAY);
    assert_string_equal(line_of(&f.script, 2), "POST /look");
    assert_string_equal(line_of(&f.script, 3), "POST /post");
    teardown(&f);
}

/* A repeatable step is sent again, so it is not in doubt until it would be given up. */
static void what_may_be_public_is_looked_for_before_it_ends(void **state)
{
    static const struct reply replies[] = {
        {.how = CUT},
        {.status = 429, .body = "", .headers = "Retry-After: 7200\r\n"},
        {.status = 200},
        {.status = 0}};
    struct fixture f;

    (void)state;
    setup(&f, "keyed", ", not_after: 1h", replies);
    submit(&f);
    expect(&f, 1, "unknown", 120, 2);
    pass_time(&f, 2 * MS_HOUR); /* as long as the platform asked not to be asked */
    expect(&f, 1, "done", 60, 3);
    assert_string_equal(line_of(&f.script, 0), "POST /post");
    assert_string_equal(line_of(&f.script, 1), "POST /post");
    assert_string_equal(line_of(&f.script, 2), "POST /look");
    teardown(&f);
}

static void what_may_be_public_never_expires_unseen(void **state)
{
    static const struct reply replies[] = {{.how = CUT}, {.status = 200}, {.status = 0}};
    struct channel *ch;
    struct fixture f;

    (void)state;
    setup(&f, "keyed", ", not_after: 1h", replies);
    submit(&f);
    expect(&f, 1, "again", 5, 1);
    ch = channels_find(f.c.channels, "one");
    channel_pause(&f.c, ch);
    pass_time(&f, 2 * MS_HOUR);
    courier_expire(f.c.courier);
    expect(&f, 1, "again", 1, 1);
    channel_resume(&f.c, ch, "test");
    expect(&f, 1, "done", 60, 2);
    assert_string_equal(line_of(&f.script, 1), "POST /look");
    teardown(&f);
}

static void a_blocked_channel_goes_on_when_it_is_resumed(void **state)
{
    static const struct reply replies[] = {{.status = 401}, {.status = 200}, {.status = 0}};
    struct channel *ch;
    struct fixture f;

    (void)state;
    setup(&f, "plain", "", replies);
    submit(&f);
    expect(&f, 1, "blocked", 0, 1);
    ch = channels_find(f.c.channels, "one");
    assert_true(ch->kept.blocked);
    assert_non_null(strstr(ch->kept.last_error, "401"));
    pass_time(&f, MS_MINUTE);
    assert_false(reaches(&f, 1, "done", 5));
    channel_resume(&f.c, ch, "test");
    expect(&f, 1, "done", 5, 2);
    teardown(&f);
}

/* ---- revisions ---- */

static void revisions_change_and_take_back_what_stands(void **state)
{
    static const struct reply replies[] = {
        {.status = 200}, {.status = 200}, {.status = 200}, {.status = 0}};
    struct fixture f;

    (void)state;
    setup(&f, "plain", "", replies);
    submit(&f);
    expect(&f, 1, "done", 0, 1);
    submit_more(&f, "News", "another body, which no post shows", NULL);
    expect(&f, 2, "done", 0, 1);
    expect_detail(&f, 2, "nothing a reader sees");
    submit_more(&f, "Better news", "text", NULL);
    expect(&f, 3, "done", 0, 2);
    assert_string_equal(line_of(&f.script, 1), "POST /edit");
    retract(&f);
    expect(&f, 4, "done", 0, 3);
    assert_string_equal(line_of(&f.script, 2), "POST /delete");
    teardown(&f);
}

static void what_a_platform_cannot_do_is_rejected_in_its_words(void **state)
{
    static const char *const types[] = {"blind",
                                        "muted"}; /* never, and not with these settings */
    static const struct reply replies[] = {{.status = 200}, {.status = 0}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        struct err why = {0};
        struct fixture f;

        setup(&f, types[i], "", replies);
        submit(&f);
        expect(&f, 1, "done", 0, 1);
        submit_more(&f, "Better news", "text", NULL);
        expect(&f, 2, "rejected", 0, 1);
        expect_detail(&f, 2, "it cannot be changed there");
        retract(&f);
        expect(&f, 3, "rejected", 0, 1);
        expect_detail(&f, 3, "it cannot be taken back there");
        assert_int_equal(courier_probe(f.c.courier, "one", NULL, NULL, &why), ERR_UNSUPPORTED);
        teardown(&f);
    }
}

/* Refused with a status that says yes, then too late: nothing of it is public. */
static void a_refusal_that_leads_on_makes_nothing_public(void **state)
{
    static const struct reply replies[] = {
        {.status = 200, .body = "otherwise"},
        {.status = 429, .body = "", .headers = "Retry-After: 7200\r\n"},
        {.status = 0}};
    struct fixture f;
    json_t *d;

    (void)state;
    setup(&f, "plain", ", not_after: 1h", replies);
    submit(&f);
    expect(&f, 1, "expired", 10, 2);
    d = delivery(&f, 1);
    assert_null(strstr(json_path_str(d, "detail"), "may have arrived"));
    json_decref(d);
    teardown(&f);
}

/* The answer was lost, and then it was too late to send it again. */
static void what_may_be_public_is_retracted_or_a_person_is_told(void **state)
{
    static const struct {
        const char *type, *more, *retraction, *detail;
        int requests;
    } rows[] = {
        {"hook", "", "done", "", 3},
        {"hook", ", retracts: false", "rejected", "switched off", 2},
        {"deaf", "", "rejected", "it may be public and we do not know its id", 2},
    };
    static const struct reply replies[] = {
        {.how = CUT},
        {.status = 429, .body = "", .headers = "Retry-After: 7200\r\n"},
        {.status = 200},
        {.status = 0}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fixture f;
        char more[64];

        (void)snprintf(more, sizeof more, ", not_after: 1h%s", rows[i].more);
        setup(&f, rows[i].type, more, replies);
        submit(&f);
        expect(&f, 1, "expired", 60, 2);
        pass_time(&f, 2 * MS_HOUR);
        retract(&f);
        expect(&f, 2, rows[i].retraction, 10, rows[i].requests);
        expect_detail(&f, 2, rows[i].detail);
        if (rows[i].requests == 3) {
            assert_string_equal(line_of(&f.script, 2), "POST /delete");
        }
        teardown(&f);
    }
}

static void switched_off_updates_are_rejected(void **state)
{
    static const struct reply replies[] = {{.status = 200}, {.status = 0}};
    struct fixture f;

    (void)state;
    setup(&f, "plain", ", updates: false, retracts: false", replies);
    submit(&f);
    expect(&f, 1, "done", 0, 1);
    submit_more(&f, "Better news", "text", NULL);
    expect(&f, 2, "rejected", 0, 1);
    expect_detail(&f, 2, "switched off");
    retract(&f);
    expect(&f, 3, "rejected", 0, 1);
    teardown(&f);
}

static void what_cannot_be_public_gives_way_to_the_newer_revision(void **state)
{
    static const struct reply replies[] = {
        {.status = 429, .body = "", .headers = "Retry-After: 60\r\n"},
        {.status = 200},
        {.status = 0}};
    struct fixture f;

    (void)state;
    setup(&f, "keyed", "", replies);
    submit(&f);
    expect(&f, 1, "again", 0, 1);
    submit_more(&f, "Better news", "text", NULL);
    assert_true(is_in_state(&f, 1, "cancelled"));
    expect(&f, 2, "done", 90, 2);
    assert_string_equal(line_of(&f.script, 1), "POST /post");
    teardown(&f);
}

static void what_may_be_public_goes_first_and_is_then_changed(void **state)
{
    static const struct reply replies[] = {
        {.how = CUT},
        {.status = 429, .body = "", .headers = "Retry-After: 60\r\n"},
        {.status = 200},
        {.status = 200},
        {.status = 0}};
    struct fixture f;

    (void)state;
    setup(&f, "keyed", "", replies);
    submit(&f);
    for (int i = 0; f.server.requests < 2 && i < 30; i++) {
        (void)reaches(&f, 1, "done", 1);
    }
    (void)reaches(&f, 1, "again", 0);
    submit_more(&f, "Better news", "text", NULL);
    assert_true(is_in_state(&f, 2, "held"));
    expect(&f, 2, "done", 90, 4);
    assert_string_equal(line_of(&f.script, 2), "POST /post");
    assert_string_equal(line_of(&f.script, 3), "POST /edit");
    teardown(&f);
}

/* Whatever the status: then a newer revision waits for it, and is a change. */
static void what_an_adapter_calls_perhaps_public_is_not_overtaken(void **state)
{
    static const struct reply replies[] = {
        {.status = 200, .body = "perhaps"}, {.status = 200}, {.status = 200}, {.status = 0}};
    struct fixture f;

    (void)state;
    setup(&f, "keyed", "", replies);
    submit(&f);
    expect(&f, 1, "again", 0, 1);
    submit_more(&f, "Better news", "text", NULL);
    assert_true(is_in_state(&f, 2, "held"));
    expect(&f, 2, "done", 90, 3);
    assert_string_equal(line_of(&f.script, 1), "POST /post");
    assert_string_equal(line_of(&f.script, 2), "POST /edit");
    teardown(&f);
}

/* ---- our own trouble ---- */

static void a_failing_ledger_never_makes_a_second_post(void **state)
{
    static const char *const faults[] = {"ledger.begin:1", "ledger.end:1"};
    static const struct reply replies[] = {{.status = 200}, {.status = 0}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
        struct fixture f;

        setup(&f, "plain", "", replies);
        (void)fault_set(faults[i]);
        submit(&f);
        for (int j = 0; j < 400 && !is_in_state(&f, 1, "done"); j++) {
            turn(&f);
            usleep(4000); /* the second try is a second away on a real timer */
            pass_time(&f, 20);
        }
        assert_int_equal(fault_set(NULL), 1);
        expect(&f, 1, "done", 10, 1);
        teardown(&f);
    }
}

static void a_hurried_end_leaves_unknown_what_may_have_arrived(void **state)
{
    static const struct reply replies[] = {{.how = STALL}, {.status = 0}};
    struct fixture f;

    (void)state;
    setup(&f, "plain", "", replies);
    submit(&f);
    for (int i = 0; f.server.requests == 0 && i < 2000; i++) {
        turn(&f);
    }
    courier_drain(f.c.courier, on_drained);
    for (int i = 0; i < 20; i++) {
        turn(&f);
    }
    assert_false(f.drained);
    courier_hurry(f.c.courier);
    drain(&f);
    assert_true(is_in_state(&f, 1, "unknown"));
    teardown(&f);
}

static void draining_lets_what_runs_end_and_starts_nothing(void **state)
{
    static const struct reply replies[] = {{.status = 200}, {.status = 0}};
    struct fixture f;

    (void)state;
    setup(&f, "plain", "", replies);
    submit(&f);
    for (int i = 0; courier_running(f.c.courier) == 0 && f.server.requests == 0 && i < 2000;
         i++) {
        (void)uv_run(&f.loop, UV_RUN_NOWAIT);
    }
    drain(&f);
    assert_true(is_in_state(&f, 1, "done"));
    submit_more(&f, "Better news", "text", NULL);
    for (int i = 0; i < 20; i++) {
        turn(&f);
    }
    assert_true(is_in_state(&f, 2, "ready"));
    teardown(&f);
}

/* ---- a channel's own test ---- */

static void on_probed(void *context, const struct verdict *v)
{
    struct fixture *f = context;

    f->probed = true;
    (void)snprintf(f->verdict, sizeof f->verdict, "%s", verdict_name(v->kind));
}

static void a_probe_answers_once_and_leaves_no_trace(void **state)
{
    static const struct {
        struct reply replies[2];
        const char *verdict;
    } rows[] = {{{{.status = 200}}, "done"},
                {{{.status = 200, .body = "next"}}, "done"},
                {{{.status = 401}}, "blocked"}};
    struct err why = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fixture f;

        setup(&f, "plain", "", rows[i].replies);
        assert_int_equal(courier_probe(f.c.courier, "none", on_probed, &f, &why),
                         ERR_NOT_FOUND);
        assert_int_equal(courier_probe(f.c.courier, "one", on_probed, &f, &why), 0);
        assert_false(f.probed);
        for (int j = 0; !f.probed && j < 2000; j++) {
            turn(&f);
        }
        assert_string_equal(f.verdict, rows[i].verdict);
        assert_string_equal(line_of(&f.script, 0), "POST /me");
        assert_false(channels_find(f.c.channels, "one")->kept.blocked);
        teardown(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_answer_leads_to_its_state),
        cmocka_unit_test(a_verdict_says_where_the_course_goes_on),
        cmocka_unit_test(what_was_left_standing_is_a_post),
        cmocka_unit_test(a_course_without_end_is_broken_off),
        cmocka_unit_test(done_keeps_what_the_platform_gave),
        cmocka_unit_test(retry_after_is_obeyed_in_full),
        cmocka_unit_test(what_would_come_too_late_expires),
        cmocka_unit_test(a_key_too_old_is_looked_for_first),
        cmocka_unit_test(a_key_is_looked_for_first_when_the_clock_was_set_back),
        cmocka_unit_test(what_may_be_public_is_looked_for_before_it_ends),
        cmocka_unit_test(what_may_be_public_never_expires_unseen),
        cmocka_unit_test(a_blocked_channel_goes_on_when_it_is_resumed),
        cmocka_unit_test(revisions_change_and_take_back_what_stands),
        cmocka_unit_test(what_a_platform_cannot_do_is_rejected_in_its_words),
        cmocka_unit_test(a_refusal_that_leads_on_makes_nothing_public),
        cmocka_unit_test(what_may_be_public_is_retracted_or_a_person_is_told),
        cmocka_unit_test(switched_off_updates_are_rejected),
        cmocka_unit_test(what_cannot_be_public_gives_way_to_the_newer_revision),
        cmocka_unit_test(what_may_be_public_goes_first_and_is_then_changed),
        cmocka_unit_test(what_an_adapter_calls_perhaps_public_is_not_overtaken),
        cmocka_unit_test(a_failing_ledger_never_makes_a_second_post),
        cmocka_unit_test(a_hurried_end_leaves_unknown_what_may_have_arrived),
        cmocka_unit_test(draining_lets_what_runs_end_and_starts_nothing),
        cmocka_unit_test(a_probe_answers_once_and_leaves_no_trace),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
