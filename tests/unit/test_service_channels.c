/* Channels that their platform blocks, and what sets them going again: a resume, other settings, a
 * restart. And that what a platform said before then blocks none again. */

#include "tests/support/service_program.h"

#include <string.h>

static struct channel *one(struct fixture *f)
{
    return channels_find_any(f->c.channels, "one");
}

/* As a reload does it. */
static void reload(struct fixture *f, const char *more)
{
    struct config *old = f->c.config;

    read_config(f, "plain", more);
    channels_apply(f->c.channels);
    courier_poke(f->c.courier);
    config_unref(old);
}

/* As a start finds them: what the ledger keeps, and no settings from before. */
static void restart(struct fixture *f)
{
    struct err why = {0};

    channels_save_changed(f->c.channels);
    for (int i = 0; i < 20; i++) {
        turn(f);
    }
    assert_int_equal(courier_running(f->c.courier), 0);
    channels_free(f->c.channels);
    sched_free(f->c.sched);
    f->c.sched = sched_new(2, 100);
    f->c.channels = channels_new(&f->c);
    channels_use_adapters(f->c.channels, find_fake);
    assert_int_equal(channels_load(f->c.channels, &why), 0);
    channels_apply(f->c.channels);
    courier_poke(f->c.courier);
}

static void await_request(struct fixture *f, int number)
{
    for (int i = 0; i < 5000 && f->server.requests < number; i++) {
        turn(f);
    }
    assert_int_equal(f->server.requests, number);
}

/* ---- what sets it going ---- */

enum mending { RESUME, RELOAD_SAME, RELOAD_TEXT, RELOAD_OFF, RESTART };

static void mend(struct fixture *f, enum mending how)
{
    switch (how) {
    case RESUME:
        channel_resume(&f->c, one(f), "test");
        break;
    case RELOAD_SAME:
        reload(f, "");
        break;
    case RELOAD_TEXT: /* any setting of its own */
        reload(f, ", not_after: 3h");
        break;
    case RELOAD_OFF:
        reload(f, ", enabled: false");
        break;
    case RESTART:
        restart(f);
        break;
    }
}

static void a_blocked_channel_goes_on_once_it_may_have_been_mended(void **state)
{
    static const struct {
        enum mending how;
        bool goes_on, sends;
    } rows[] = {
        {RESUME, true, true},
        {RELOAD_SAME, false, false},
        {RELOAD_TEXT, true, true},
        {RELOAD_OFF, true, false},
        {RESTART, true, true},
    };
    static const struct reply replies[] = {{.status = 401}, {.status = 200}, {.status = 0}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fixture f;

        setup(&f, "plain", "", replies);
        submit(&f);
        expect(&f, 1, "blocked", 0, 1);
        mend(&f, rows[i].how);
        assert_int_equal(one(&f)->kept.blocked, !rows[i].goes_on);
        if (rows[i].sends) {
            expect(&f, 1, "done", 5, 2);
        } else {
            expect(&f, 1, rows[i].goes_on ? "ready" : "blocked", 5, 1);
            assert_false(reaches(&f, 1, "done", 5));
        }
        teardown(&f);
    }
}

/* Once: when nobody has mended it, the platform says so again. */
static void a_channel_that_nobody_mended_is_blocked_again(void **state)
{
    static const struct reply replies[] = {
        {.status = 401}, {.status = 401}, {.status = 401}, {.status = 0}};
    static const enum mending hows[] = {RESTART, RELOAD_TEXT};
    struct fixture f;

    (void)state;
    setup(&f, "plain", "", replies);
    submit(&f);
    expect(&f, 1, "blocked", 0, 1);
    for (int i = 0; i < 2; i++) {
        mend(&f, hows[i]);
        await_request(&f, i + 2);
        expect(&f, 1, "blocked", 0, i + 2);
        assert_true(one(&f)->kept.blocked);
        assert_false(reaches(&f, 1, "done", 5));
    }
    teardown(&f);
}

static void a_restart_leaves_a_paused_channel_paused(void **state)
{
    static const struct reply replies[] = {{.status = 401}, {.status = 0}};
    struct fixture f;

    (void)state;
    setup(&f, "plain", "", replies);
    submit(&f);
    expect(&f, 1, "blocked", 0, 1);
    channel_pause(&f.c, one(&f));
    restart(&f);
    assert_true(one(&f)->kept.paused);
    assert_false(reaches(&f, 1, "done", 5));
    assert_int_equal(f.server.requests, 1);
    teardown(&f);
}

/* ---- answers from before ---- */

static void a_no_from_before_it_was_mended_blocks_nothing(void **state)
{
    static const struct {
        enum mending how;
        const char *then;
        int requests;
        bool blocked;
    } rows[] = {
        {RESUME, "done", 2, false},
        {RELOAD_TEXT, "done", 2, false},
        {RELOAD_SAME, "blocked", 1, true}, /* nothing was mended */
    };
    static const struct reply replies[] = {
        {.status = 401, .how = WAIT}, {.status = 200}, {.status = 0}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fixture f;

        setup(&f, "plain", "", replies);
        submit(&f);
        await_request(&f, 1);
        mend(&f, rows[i].how);
        f.script.go = true;
        expect(&f, 1, rows[i].then, 10, rows[i].requests);
        assert_int_equal(one(&f)->kept.blocked, rows[i].blocked);
        assert_int_equal(sched_is_stopped(f.c.sched, "one"), rows[i].blocked);
        teardown(&f);
    }
}

/* The same of a look at what is in doubt. */
static void a_look_from_before_it_was_mended_blocks_nothing(void **state)
{
    static const struct reply replies[] = {
        {.how = CUT}, {.status = 401, .how = WAIT}, {.status = 200}, {.status = 0}};
    struct fixture f;

    (void)state;
    setup(&f, "plain", "", replies);
    submit(&f);
    expect(&f, 1, "unknown", 0, 1);
    pass_time(&f, MS_MINUTE);
    await_request(&f, 2);
    channel_resume(&f.c, one(&f), "test");
    f.script.go = true;
    expect(&f, 1, "done", 60, 3);
    assert_false(one(&f)->kept.blocked);
    teardown(&f);
}

/* The verdict is on its way to the disk, which fails for a while, when somebody resumes. */
static void what_is_written_as_blocked_after_a_resume_is_let_go(void **state)
{
    static const struct reply replies[] = {
        {.status = 401, .how = WAIT}, {.status = 200}, {.status = 0}};
    struct fixture f;

    (void)state;
    setup(&f, "plain", "", replies);
    submit(&f);
    await_request(&f, 1);
    assert_int_equal(fault_set("ledger.end:1"), 0);
    f.script.go = true;
    for (int i = 0; i < 5000 && !one(&f)->kept.blocked; i++) {
        turn(&f);
    }
    assert_true(one(&f)->kept.blocked);
    channel_resume(&f.c, one(&f), "test");
    for (int i = 0; i < 5000 && f.server.requests < 2;
         i++) { /* the disk is asked each second */
        turn(&f);
    }
    assert_int_equal(fault_set(NULL), 1);
    expect(&f, 1, "done", 5, 2);
    assert_false(sched_is_stopped(f.c.sched, "one"));
    teardown(&f);
}

/* ---- its rate ---- */

/* Settings with these channels only. */
static void put_in_force(struct fixture *f, const char *channels)
{
    struct config *old = f->c.config;
    struct problems problems;
    struct err why = {0};
    char *text = mem_printf("site: {name: Test, url: https://news.example, link_gate: 0s}\n"
                            "server: {listen: 127.0.0.1:0}\n"
                            "ledger: \"sqlite::memory:\"\n"
                            "channels: {%s}\n",
                            channels);

    problems_init(&problems);
    assert_int_equal(
        config_read(&f->c.config, text, strlen(text), "test", &f->c.types, &problems, &why),
        ERR_NONE);
    problems_done(&problems);
    mem_free(text);
    channels_apply(f->c.channels);
    config_unref(old);
}

static void a_channel_that_comes_back_has_used_what_it_used(void **state)
{
    static const struct reply replies[] = {{.status = 200}, {.status = 0}};
    struct sched_view view;
    struct fixture f;

    (void)state;
    setup(&f, "plain", ", rate: 5/1d", replies);
    submit(&f);
    expect(&f, 1, "done", 0, 1);
    put_in_force(&f, "two: {type: plain, url: http://127.0.0.1:1}");
    sched_view(f.c.sched, "one", clock_wall_ms(), &view);
    assert_false(view.known);
    put_in_force(&f, "one: {type: plain, url: http://127.0.0.1:1, rate: 5/1d}");
    sched_view(f.c.sched, "one", clock_wall_ms(), &view);
    assert_true(view.known);
    assert_true(view.bucket.tokens < 4.5);
    teardown(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_blocked_channel_goes_on_once_it_may_have_been_mended),
        cmocka_unit_test(a_channel_that_nobody_mended_is_blocked_again),
        cmocka_unit_test(a_restart_leaves_a_paused_channel_paused),
        cmocka_unit_test(a_no_from_before_it_was_mended_blocks_nothing),
        cmocka_unit_test(a_look_from_before_it_was_mended_blocks_nothing),
        cmocka_unit_test(what_is_written_as_blocked_after_a_resume_is_let_go),
        cmocka_unit_test(a_channel_that_comes_back_has_used_what_it_used),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
