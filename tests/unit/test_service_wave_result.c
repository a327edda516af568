/* Who has to wait for a message, and what the answers to a batch mean: over batches and answers that are made up. */

#include "service/wave_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/zone.h"

#define MEMBERS 100

struct kit {
    struct crier crier;
    struct courier courier;
    struct audience_settings *audience;
    struct channel_settings settings;
    struct config_type type;
    struct audience of;
    struct channel channel;
    struct run run;
    struct wave w;
    struct wave_batch b;
    struct ledger_wave_member given[MEMBERS];
    struct lane_result answers[MEMBERS];
    char details[MEMBERS][64];
};

static const struct field no_fields[] = {FIELD_END};

static int make(void **state)
{
    struct kit *k = mem_zalloc(sizeof *k);

    *state = k;
    k->of = (struct audience){
        .again_ms = 1000, .again_factor = 4, .again_max = 3, .replaces = true};
    k->type.settings = no_fields;
    k->settings.type = &k->type;
    k->audience = &k->settings.audience;
    k->audience->quiet_hours = true;
    k->crier.courier = &k->courier;
    k->courier.crier = &k->crier;
    rng_init(&k->crier.rng, 1);
    k->run.courier = &k->courier;
    k->run.channel = &k->channel;
    k->run.settings = &k->settings;
    k->w.run = &k->run;
    k->w.audience = &k->of;
    k->w.counts.total = MEMBERS;
    k->w.counts.started_ms = clock_wall_ms() - 1000;
    flow_init(&k->w.flow);
    return 0;
}

static int unmake(void **state)
{
    struct kit *k = *state;

    mem_free(k->b.members);
    mem_free(k->b.places);
    mem_free(k->b.results);
    mem_free(k->b.services);
    mem_free(k);
    zone_forget();
    return 0;
}

/* A batch of so many, all of whom leave, with the same answer. */
static void answer(struct kit *k, size_t count, struct lane_result each)
{
    struct wave_batch *b = &k->b;

    *b = (struct wave_batch){.wave = &k->w, .leaving = count};
    b->next.v = k->given;
    b->next.count = count;
    b->members = mem_calloc(count, sizeof *b->members);
    b->places = mem_calloc(count, sizeof *b->places);
    b->results = mem_calloc(count, sizeof *b->results);
    b->lane.results = k->answers;
    b->lane.count = count;
    b->lane.services[0] = "mozilla";
    b->lane.services[1] = "fcm";
    b->lane.service_count = 2;
    b->left_ms = clock_mono_ms();
    for (size_t i = 0; i < count; i++) {
        k->given[i] =
            (struct ledger_wave_member){.id = 1 + i, .address = "https://push/secret"};
        b->members[i].id = 1 + i;
        b->places[i] = (uint32_t)i;
        (void)snprintf(k->details[i], sizeof k->details[i], "no: https://push/secret");
        k->answers[i] = each;
        k->answers[i].answered_ms = clock_wall_ms();
        k->answers[i].detail = each.outcome == MEMBER_ACCEPTED ? NULL : k->details[i];
    }
}

static const struct lane_result accepted = {
    .outcome = MEMBER_ACCEPTED, .sent = true, .status = 201};
static const struct lane_result unavailable = {
    .outcome = MEMBER_AGAIN, .sent = true, .status = 503};
static const struct lane_result not_sent = {.outcome = MEMBER_AGAIN};
static const struct lane_result gone = {.outcome = MEMBER_LOST, .sent = true, .status = 410};
static const struct lane_result lost = {.outcome = MEMBER_UNKNOWN, .sent = true};

/* ---- answers ---- */

static void who_has_it_is_counted_and_nobody_else_is_forgotten(void **state)
{
    struct kit *k = *state;

    answer(k, 10, accepted);
    k->answers[3] = gone;
    k->answers[3].detail = k->details[3];
    k->answers[3].service = 1;
    k->answers[5] = lost;
    wave__read_results(&k->b);
    assert_int_equal(k->b.result_count, 2);
    assert_int_equal(k->b.results[0].member, 4);
    assert_int_equal(k->b.results[0].outcome, MEMBER_LOST);
    assert_string_equal(k->b.results[0].detail, "no: *******************");
    assert_int_equal(k->b.results[1].member, 6);
    assert_int_equal(k->b.results[1].outcome, MEMBER_UNKNOWN);
    assert_int_equal(k->b.services[0].accepted, 8);
    assert_int_equal(k->b.services[0].unknown, 1);
    assert_int_equal(k->b.services[1].gone, 1);
    assert_true(k->run.exposed);
    assert_int_equal(k->w.stop, WAVE_GOES_ON);
}

static void a_service_that_is_down_uses_up_nobodys_tries(void **state)
{
    struct kit *k = *state;
    int64_t now_ms = clock_wall_ms(), first_ms;

    answer(k, 10, accepted);
    for (size_t i = 0; i < 4; i++) {
        k->answers[i] = i < 2 ? unavailable : not_sent;
        k->answers[i].service = 1;
        k->given[i].tries = 2; /* of three */
    }
    k->answers[0].retry_after_ms = 90000;
    wave__read_results(&k->b);
    assert_int_equal(k->b.result_count, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(k->b.results[i].outcome, MEMBER_AGAIN);
        assert_false(k->b.results[i].tried);
        assert_true(k->b.results[i].due_at_ms >= now_ms + (i == 0 ? 90000 : 1000));
    }
    assert_int_equal(k->b.services[1].retried, 2);
    first_ms = k->channel.pace.services[1].again_at_ms;
    assert_true(first_ms >= now_ms + 1000 && first_ms < now_ms + 2000);
    assert_int_equal(k->channel.pace.services[0].troubles, 0);
    assert_int_equal(k->w.stop, WAVE_GOES_ON);
    assert_int_equal(k->channel.pace.quiet_until_ms, 0);
}

static void where_nothing_gets_through_the_wave_pauses(void **state)
{
    struct kit *k = *state;

    for (int i = 0; i < 4; i++) { /* a second, two, four, eight */
        unmake(state);
        make(state);
        k = *state;
        k->channel.pace.services[0] = (struct wave_service){.name = "mozilla", .troubles = i};
        k->channel.pace.service_count = 1;
        answer(k, 50, unavailable);
        wave__read_results(&k->b);
        assert_true(k->channel.pace.quiet_until_ms > clock_mono_ms() + (900 << i));
        assert_int_equal(k->w.stop, i < 3 ? WAVE_GOES_ON : WAVE_PAUSED);
        assert_true(flow_window(&k->w.flow, 0) <= 100);
    }
}

/* It has said for how long, and every wave that meets it meanwhile hears of that: nothing doubles. */
static void who_is_left_alone_is_in_no_more_trouble_for_that(void **state)
{
    struct kit *k = *state;
    struct lane_result waits = not_sent;
    int64_t now_ms = clock_wall_ms(), mono_ms = clock_mono_ms();

    waits.left_alone = true;
    waits.retry_after_ms = 2000;
    k->channel.pace.services[0] = (struct wave_service){.name = "mozilla", .troubles = 3};
    k->channel.pace.service_count = 1;
    answer(k, 50, waits);
    wave__read_results(&k->b);
    assert_int_equal(k->channel.pace.services[0].troubles, 3);
    assert_in_range(k->channel.pace.quiet_until_ms, mono_ms + 2000, clock_mono_ms() + 2000);
    assert_int_equal(k->w.stop, WAVE_GOES_ON);
    for (size_t i = 0; i < 50; i++) {
        assert_false(k->b.results[i].tried);
        assert_in_range(k->b.results[i].due_at_ms, now_ms + 2000, clock_wall_ms() + 2500);
    }
}

static void what_we_called_back_is_no_trouble_of_a_service(void **state)
{
    struct kit *k = *state;
    int64_t now_ms = clock_wall_ms();

    answer(k, 50, not_sent);
    k->b.called_back = true;
    wave__read_results(&k->b);
    assert_int_equal(k->channel.pace.services[0].troubles, 0);
    assert_int_equal(k->b.result_count, 50);
    assert_true(k->b.results[0].due_at_ms <= now_ms + 50);
}

static void who_waits_for_a_turn_by_another_protocol_is_no_trouble_and_no_try(void **state)
{
    struct kit *k = *state;
    struct lane_result waits = not_sent;
    int64_t now_ms = clock_wall_ms();

    waits.other_protocol = true;
    waits.retry_after_ms = 4000;
    answer(k, 50, waits);
    wave__read_results(&k->b);
    assert_int_equal(k->channel.pace.services[0].troubles, 0);
    assert_int_equal(k->channel.pace.quiet_until_ms, 0);
    assert_int_equal(k->b.result_count, 50);
    for (size_t i = 0; i < 50; i++) {
        assert_false(k->b.results[i].tried);
        assert_null(k->b.results[i].detail);
        assert_in_range(k->b.results[i].due_at_ms, now_ms + 4000, now_ms + 5000 + 100);
    }
}

static void a_member_has_so_many_tries(void **state)
{
    static const struct lane_result refused_for_now = {
        .outcome = MEMBER_AGAIN, .sent = true, .status = 408};
    struct kit *k = *state;
    int64_t now_ms = clock_wall_ms();

    answer(k, 3, refused_for_now);
    for (size_t i = 0; i < 3; i++) {
        k->given[i].tries = (int64_t)i;
    }
    wave__read_results(&k->b);
    assert_true(k->b.results[0].tried && k->b.results[0].due_at_ms >= now_ms + 1000);
    assert_true(k->b.results[1].tried && k->b.results[1].due_at_ms >= now_ms + 4000);
    assert_int_equal(k->b.results[2].outcome, MEMBER_REFUSED);
    assert_int_equal(k->b.services[0].refused, 1);
}

static void an_answer_that_does_not_come_again_and_again_is_waited_for_longer(void **state)
{
    struct kit *k = *state;
    int64_t now_ms = clock_wall_ms();

    answer(k, 3, lost);
    k->given[1].tries = 1;
    k->given[2].tries = 40;
    wave__read_results(&k->b);
    assert_int_equal(wave__resend_ms(&k->w), 30000);
    assert_true(k->b.results[0].due_at_ms <= now_ms + 100);
    assert_true(k->b.results[1].due_at_ms >= now_ms + 30000);
    assert_true(k->b.results[2].due_at_ms >= now_ms + 9 * 60000);
    assert_true(k->b.results[2].due_at_ms <= now_ms + 20 * 60000);
}

static void a_no_to_all_stops_the_wave(void **state)
{
    struct kit *k = *state;

    answer(k, 10, not_sent);
    k->b.lane.stopped = true;
    k->b.lane.why = verdict_make(VERDICT_BLOCKED, SCOPE_CHANNEL, 0, "the key is not taken");
    wave__read_results(&k->b);
    assert_int_equal(k->w.stop, WAVE_BLOCKED);
    assert_string_equal(k->w.why.detail, "the key is not taken");
}

static void one_refusal_of_the_article_is_not_believed(void **state)
{
    struct kit *k = *state;

    for (int i = 1; i <= 5; i++) {
        unmake(state);
        make(state);
        k = *state;
        k->w.refused_in_row = (size_t)i - 1;
        answer(k, 10, not_sent);
        k->b.lane.stopped = true;
        k->b.lane.why = verdict_make(VERDICT_REJECTED, SCOPE_POST, 0, "too large");
        wave__read_results(&k->b);
        assert_int_equal(k->w.stop, i < 5 ? WAVE_GOES_ON : WAVE_REJECTED);
    }
}

/* ---- who waits ---- */

static void put_off_and_not_dropped(void **state)
{
    /* 2026-11-28 02:30 UTC, 03:30 in Berlin */
    const int64_t now_ms = 1795833000000;
    static const struct {
        const char *what;
        int from, to;
        bool breaking, off;
        enum course course;
        int64_t not_after_ms; /* from now; 0: none */
        enum wave_hold hold;
        int64_t minutes; /* later */
    } rows[] = {
        {"by night", 22 * 60, 7 * 60, .hold = HOLD_LATER, .minutes = 210},
        {"as long as it is worth it",
         22 * 60,
         7 * 60,
         .not_after_ms = 4 * MS_HOUR,
         .hold = HOLD_LATER,
         .minutes = 210},
        {"and no longer", 22 * 60, 7 * 60, .not_after_ms = 3 * MS_HOUR, .hold = HOLD_SPARED},
        {"none set", 0, 0, .hold = HOLD_NOT},
        {"over", 22 * 60, 3 * 60, .hold = HOLD_NOT},
        {"breaking", 22 * 60, 7 * 60, .breaking = true, .hold = HOLD_NOT},
        {"switched off", 22 * 60, 7 * 60, .off = true, .hold = HOLD_NOT},
        {"a correction",
         22 * 60,
         7 * 60,
         .course = COURSE_UPDATE,
         .hold = HOLD_LATER,
         .minutes = 210},
        {"taken back", 22 * 60, 7 * 60, .course = COURSE_RETRACT, .hold = HOLD_NOT},
    };
    struct kit *k = *state;

    zone_use_directory(FIXTURES "/zones");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct ledger_wave_member m = {.id = 1, .zone = "Europe/Berlin"};
        struct ledger_wave_result out = {.due_at_ms = 0};
        enum wave_hold hold;

        m.traits.quiet_from = rows[i].from;
        m.traits.quiet_to = rows[i].to;
        k->run.load.breaking = rows[i].breaking;
        k->run.load.not_after_ms = rows[i].not_after_ms ? now_ms + rows[i].not_after_ms : 0;
        k->run.course = rows[i].course;
        k->audience->quiet_hours = !rows[i].off;
        hold = wave__holds(&k->w, &m, now_ms, &out);
        if (hold != rows[i].hold ||
            (hold == HOLD_LATER && (out.due_at_ms != now_ms + rows[i].minutes * MS_MINUTE ||
                                    out.outcome != MEMBER_AGAIN || out.tried))) {
            fail_msg("%s: %d, %lld minutes later",
                     rows[i].what,
                     hold,
                     (long long)(out.due_at_ms - now_ms) / MS_MINUTE);
        }
    }
}

static void the_cap_is_of_messages_and_not_of_changes(void **state)
{
    struct kit *k = *state;
    struct ledger_wave_member m = {.id = 1, .recent = 4};
    struct ledger_wave_result out;

    k->audience->cap = (struct rate){.count = 4, .per_ms = MS_HOUR};
    assert_int_equal(wave__recent_since_ms(&k->w, 10 * MS_HOUR), 9 * MS_HOUR);
    assert_int_equal(wave__holds(&k->w, &m, 1000, &out), HOLD_LATER);
    assert_int_equal(out.due_at_ms, 1000 + 5 * MS_MINUTE);
    k->run.load.not_after_ms = 1000 + MS_MINUTE;
    assert_int_equal(wave__holds(&k->w, &m, 1000, &out), HOLD_SPARED);
    m.recent = 3;
    assert_int_equal(wave__holds(&k->w, &m, 1000, &out), HOLD_NOT);
    m.recent = 9;
    k->run.course = COURSE_UPDATE;
    assert_int_equal(wave__recent_since_ms(&k->w, 10 * MS_HOUR), 0);
    assert_int_equal(wave__holds(&k->w, &m, 1000, &out), HOLD_NOT);
}

static void a_test_reaches_no_reader(void **state)
{
    struct kit *k = *state;
    struct ledger_wave_member m = {.id = 1};
    struct ledger_wave_result out;

    k->w.test = true;
    assert_int_equal(wave__holds(&k->w, &m, 1000, &out), HOLD_SPARED);
    m.traits.test = true;
    assert_int_equal(wave__holds(&k->w, &m, 1000, &out), HOLD_NOT);
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, make, unmake)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(who_has_it_is_counted_and_nobody_else_is_forgotten),
        CASE(a_service_that_is_down_uses_up_nobodys_tries),
        CASE(where_nothing_gets_through_the_wave_pauses),
        CASE(who_is_left_alone_is_in_no_more_trouble_for_that),
        CASE(what_we_called_back_is_no_trouble_of_a_service),
        CASE(who_waits_for_a_turn_by_another_protocol_is_no_trouble_and_no_try),
        CASE(a_member_has_so_many_tries),
        CASE(an_answer_that_does_not_come_again_and_again_is_waited_for_longer),
        CASE(a_no_to_all_stops_the_wave),
        CASE(one_refusal_of_the_article_is_not_believed),
        CASE(put_off_and_not_dropped),
        CASE(the_cap_is_of_messages_and_not_of_changes),
        CASE(a_test_reaches_no_reader),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
