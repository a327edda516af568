/* Waves to very many members: whom one is for, several at once, what a person says to it, and what it shows. */

#include "tests/support/audience_kit.h"

#include <jansson.h>

#include "base/clock.h"
#include "base/parse.h"

/* ---- whom it is for ---- */

static void it_is_for_whoever_chose_the_topic_or_none(void **state)
{
    struct kit *k = *state;
    struct delivery_id id;
    struct ledger_wave_next batch;
    struct ledger_wave w;

    (void)audience_put(k,
                       (struct audience_part){.first = 1, .count = 3, .traits = {.topics = 1}});
    (void)audience_put(k,
                       (struct audience_part){.first = 4, .count = 3, .traits = {.topics = 6}});
    (void)audience_put(k, (struct audience_part){.first = 7, .count = 2});
    id = audience_deliver(k, "1");
    (void)audience_open_as(k, id, (struct ledger_wave_open){.topics = 4});
    batch = audience_next(k, id, 10);
    assert_int_equal(batch.count, 5);
    assert_int_equal(batch.v[0].id, 4);
    assert_int_equal(batch.v[3].id, 7);
    w = audience_end(k, &batch);
    assert_int_equal(w.accepted, 5);
    assert_int_equal(w.skipped, 3);
    assert_int_equal(w.missing, 0);
    assert_true(w.at_end);
}

static void a_test_goes_to_test_members(void **state)
{
    struct kit *k = *state;
    struct delivery_id id;
    struct ledger_wave_next batch;

    (void)audience_put(k, (struct audience_part){.first = 1, .count = 30});
    (void)audience_put(
        k, (struct audience_part){.first = 31, .count = 1, .traits = {.test = true}});
    id = audience_deliver(k, "1");
    (void)audience_open_as(k, id, (struct ledger_wave_open){.test = true});
    batch = audience_next(k, id, 10);
    assert_int_equal(batch.count, 1);
    assert_int_equal(batch.v[0].id, 31);
    assert_int_equal(audience_end(k, &batch).skipped, 30);
}

static void a_batch_has_all_that_a_message_needs(void **state)
{
    struct kit *k = *state;
    struct delivery_id id;
    struct ledger_wave_next batch;
    uint8_t keys[KEYS_BYTES];

    (void)audience_put(
        k,
        (struct audience_part){.first = 1,
                               .count = 1,
                               .keys = true,
                               .traits = {.topics = 5, .quiet_from = 60, .quiet_to = 120}});
    id = audience_deliver(k, "1");
    (void)audience_open(k, id);
    batch = audience_next(k, id, 10);
    audience_keys(keys, 1, 0);
    assert_string_equal(batch.v[0].address, "https://push.example/1");
    assert_int_equal(batch.v[0].keys_len, sizeof keys);
    assert_memory_equal(batch.v[0].keys, keys, sizeof keys);
    assert_int_equal(batch.v[0].key_id, 7);
    assert_int_equal(batch.v[0].traits.topics, 5);
    assert_int_equal(batch.v[0].traits.quiet_to, 120);
    assert_null(batch.v[0].zone);
    assert_null(batch.v[0].prepared);
    (void)audience_end(k, &batch);
}

static void put_rows(struct kit *k, int count)
{
    for (int n = 0; n < count; n += AUDIENCE_MAX) {
        (void)audience_put(k,
                           (struct audience_part){.first = 10000 + n,
                                                  .count = AUDIENCE_MAX,
                                                  .traits = {.topics = 1}});
    }
}

static void one_call_passes_over_so_many_and_says_that_there_are_more(void **state)
{
    struct kit *k = *state;
    struct delivery_id id;
    struct ledger_wave_next batch;

    put_rows(k, 22000);
    (void)audience_put(
        k, (struct audience_part){.first = 90000, .count = 1, .traits = {.topics = 2}});
    id = audience_deliver(k, "1");
    (void)audience_open_as(k, id, (struct ledger_wave_open){.topics = 2});
    batch = audience_next(k, id, 10);
    assert_int_equal(batch.number, 0);
    assert_true(batch.more);
    assert_int_equal(batch.wave.skipped, 20000);
    assert_false(batch.wave.at_end);
    ledger_request_done(&batch.req);
    batch = audience_next(k, id, 10);
    assert_int_equal(batch.count, 1);
    assert_false(batch.more);
    assert_int_equal(audience_end(k, &batch).skipped, 22000);
}

/* ---- several ---- */

static void two_waves_go_at_once_and_each_reaches_all(void **state)
{
    struct kit *k = *state;
    struct delivery_id slow, breaking;
    struct ledger_wave_next one, two, three;

    (void)audience_put(k, (struct audience_part){.first = 1, .count = 20});
    slow = audience_deliver(k, "slow");
    (void)audience_open(k, slow);
    one = audience_next(k, slow, 5);
    k->now_ms += 1000;
    breaking = audience_deliver(k, "breaking");
    (void)audience_open(k, breaking);
    two = audience_next(k, breaking, 20);
    assert_int_equal(two.count, 20);
    three = audience_next(k, slow, 20);
    assert_int_equal(three.count, 15);
    assert_int_equal(audience_end(k, &two).accepted, 20);
    assert_int_equal(audience_end(k, &one).accepted, 5);
    assert_int_equal(audience_end(k, &three).accepted, 20);
}

static void what_they_had_lately_is_counted_without_a_row_for_each(void **state)
{
    struct kit *k = *state;
    struct delivery_id old, half, other, id;
    struct ledger_wave_next batch;

    (void)audience_put(k,
                       (struct audience_part){.first = 1, .count = 4, .traits = {.topics = 1}});
    old = audience_deliver(k, "old");
    (void)audience_open(k, old);
    batch = audience_next(k, old, 10);
    (void)audience_end(k, &batch);
    k->now_ms += MS_HOUR;
    half = audience_deliver(k, "half"); /* has reached the first two */
    (void)audience_open(k, half);
    batch = audience_next(k, half, 2);
    (void)audience_end(k, &batch);
    other = audience_deliver(k, "other"); /* was for others */
    (void)audience_open_as(k, other, (struct ledger_wave_open){.topics = 2});
    batch = audience_next(k, other, 10);
    ledger_request_done(&batch.req);
    id = audience_deliver(k, "now");
    (void)audience_open(k, id);
    batch = audience_next_as(
        k, id, (struct ledger_wave_next){.limit = 4, .recent_since_ms = k->now_ms});
    assert_int_equal(batch.v[1].recent, 1);
    assert_int_equal(batch.v[2].recent, 0);
    (void)audience_end(k, &batch);
    id = audience_deliver(k, "later");
    (void)audience_open(k, id);
    batch = audience_next_as(
        k, id, (struct ledger_wave_next){.limit = 4, .recent_since_ms = k->now_ms - MS_HOUR});
    assert_int_equal(batch.v[0].recent, 3);
    assert_int_equal(batch.v[3].recent, 2);
    (void)audience_end(k, &batch);
}

static int64_t recent_of_the_first(struct kit *k, struct delivery_id id, int64_t enough)
{
    struct ledger_wave_next batch = audience_next_as(
        k,
        id,
        (struct ledger_wave_next){
            .limit = 4, .recent_since_ms = k->now_ms - MS_HOUR, .recent_enough = enough});
    int64_t recent = batch.v[0].recent;

    assert_int_equal(batch.count, 1);
    (void)audience_end(k, &batch);
    return recent;
}

static void what_they_still_wait_for_or_were_spared_is_no_message_that_they_had(void **state)
{
    struct kit *k = *state;
    const struct ledger_wave_result waits = {
        .member = 1, .outcome = MEMBER_AGAIN, .due_at_ms = k->now_ms + 2 * MS_HOUR};
    const struct ledger_wave_result spared = {
        .member = 1, .outcome = MEMBER_REFUSED, .spared = true};
    struct delivery_id waiting, id;
    struct ledger_wave_next batch;

    (void)audience_put(k, (struct audience_part){.first = 1, .count = 1});
    waiting = audience_deliver(k, "waits");
    (void)audience_open(k, waiting);
    batch = audience_next(k, waiting, 1);
    (void)audience_end_as(k, &batch, (struct ledger_wave_end){.v = &waits, .count = 1});
    id = audience_deliver(k, "spared");
    (void)audience_open(k, id);
    batch = audience_next(k, id, 1);
    (void)audience_end_as(k, &batch, (struct ledger_wave_end){.v = &spared, .count = 1});
    id = audience_deliver(k, "had");
    (void)audience_open(k, id);
    assert_int_equal(recent_of_the_first(k, id, 1), 0);
    id = audience_deliver(k, "later");
    (void)audience_open(k, id);
    assert_int_equal(recent_of_the_first(k, id, 1), 1);
    k->now_ms += 3 * MS_HOUR; /* the first has its turn, … */
    batch = audience_next(k, waiting, 1);
    (void)audience_end_as(k, &batch, (struct ledger_wave_end){.remembers = true});
    k->now_ms += MS_HOUR / 2;
    id = audience_deliver(
        k, "at last"); /* … which is not so long ago as the beginning of its wave */
    (void)audience_open(k, id);
    assert_int_equal(recent_of_the_first(k, id, 1), 1);
}

/* ---- the end of a batch ---- */

static void who_is_not_named_has_it_also_at_the_second_try(void **state)
{
    struct kit *k = *state;
    const struct ledger_wave_result again[] = {
        {.member = 1, .outcome = MEMBER_AGAIN, .tried = true},
        {.member = 2, .outcome = MEMBER_AGAIN, .tried = true},
        {.member = 3, .outcome = MEMBER_AGAIN, .tried = true},
    };
    const struct ledger_wave_result one_again_and_one_spared[] = {
        again[0], {.member = 2, .outcome = MEMBER_REFUSED, .spared = true}};
    struct delivery_id id;
    struct ledger_wave_next batch, other;
    struct ledger_wave w;

    (void)audience_put(k, (struct audience_part){.first = 1, .count = 9});
    id = audience_deliver(k, "1");
    (void)audience_open(k, id);
    batch = audience_next(k, id, 4);
    w = audience_end_as(k, &batch, (struct ledger_wave_end){.v = again, .count = 3});
    assert_int_equal(w.again, 3);
    assert_int_equal(w.accepted, 1);
    batch = audience_next(k, id, 2); /* two of them */
    other = audience_next(k, id, 4); /* the third, and fresh ones */
    assert_int_equal(other.count, 4);
    w = audience_end_as(
        k, &batch, (struct ledger_wave_end){.v = one_again_and_one_spared, .count = 2});
    assert_int_equal(w.again, 1);
    assert_int_equal(w.accepted, 1);
    assert_int_equal(w.skipped, 1);
    assert_int_equal(audience_end(k, &other).accepted, 5);
    batch = audience_next(k, id, 9);
    assert_int_equal(batch.count, 3);
    assert_int_equal(batch.v[0].tries, 2);
    w = audience_end(k, &batch);
    assert_int_equal(w.accepted, 8);
    assert_int_equal(w.again, 0);
    assert_true(w.at_end);
    assert_int_equal(w.missing, 0);
}

static void a_crash_leaves_those_unknown_for_whom_it_was(void **state)
{
    struct kit *k = *state;
    struct delivery_id id;
    struct ledger_wave_next batch;
    struct ledger_wave w;

    (void)audience_put(
        k, (struct audience_part){.first = 1, .count = 10, .traits = {.topics = 1}});
    (void)audience_put(
        k, (struct audience_part){.first = 11, .count = 6, .traits = {.topics = 2}});
    id = audience_deliver(k, "1");
    (void)audience_open_as(k, id, (struct ledger_wave_open){.topics = 2});
    for (int i = 0; i < 3; i++) { /* any number of them */
        batch = audience_next(k, id, 1);
        assert_int_equal(batch.count, 1);
        ledger_request_done(&batch.req);
    }
    kit_reopen(k);
    w = audience_open(k, id);
    assert_int_equal(w.unknown, 3);
    batch = audience_next(k, id, 10);
    assert_int_equal(batch.count, 3);
    w = audience_end(k, &batch);
    assert_int_equal(w.accepted, 3);
    assert_int_equal(w.skipped, 10);
    assert_int_equal(w.missing, 0);
}

/* ---- a person's word ---- */

static enum err_code
say(struct kit *k, struct delivery_id id, enum wave_word word, struct ledger_wave *out)
{
    struct ledger_wave_say r = {.req = {.kind = LEDGER_WAVE_SAY},
                                .id = id,
                                .word = word,
                                .by = "cli",
                                .now_ms = k->now_ms};
    enum err_code rc = kit_run(k, &r.req);

    if (out) {
        *out = r.wave;
    }
    return rc;
}

static void nothing_leaves_before_its_time_and_a_word(void **state)
{
    struct kit *k = *state;
    struct delivery_id id;
    struct ledger_wave_next batch;
    struct ledger_wave w;

    (void)audience_put(k, (struct audience_part){.first = 1, .count = 5});
    id = audience_deliver(k, "1");
    w = audience_open_as(k, id, (struct ledger_wave_open){.undo_ms = 2000, .confirm_above = 4});
    assert_true(w.waits_for_word);
    assert_int_equal(w.go_at_ms, k->now_ms + 2000);
    k->now_ms += 2000;
    batch = audience_next(k, id, 5);
    assert_int_equal(batch.number, 0);
    assert_true(batch.wave.waits_for_word);
    ledger_request_done(&batch.req);
    k->now_ms -= 1;
    assert_int_equal(say(k, id, WAVE_CONFIRM, &w), ERR_NONE);
    assert_false(w.waits_for_word);
    assert_string_equal(w.by, "cli");
    assert_int_equal(say(k, id, WAVE_CONFIRM, NULL), ERR_CONFLICT);
    batch = audience_next(k, id, 5);
    assert_int_equal(batch.number, 0);
    ledger_request_done(&batch.req);
    k->now_ms += 1;
    batch = audience_next(k, id, 5);
    assert_int_equal(batch.count, 5);
    (void)audience_end(k, &batch);
    id = audience_deliver(k, "2");
    assert_false(
        audience_open_as(k, id, (struct ledger_wave_open){.confirm_above = 5}).waits_for_word);
    assert_int_equal(say(k, (struct delivery_id){5}, WAVE_STOP, NULL), ERR_NOT_FOUND);
}

static void a_stop_spares_the_rest(void **state)
{
    struct kit *k = *state;
    const struct ledger_wave_result again = {.member = 1, .outcome = MEMBER_AGAIN};
    struct delivery_id id;
    struct ledger_wave_next batch, open;
    struct ledger_wave w;

    (void)audience_put(k, (struct audience_part){.first = 1, .count = 20});
    id = audience_deliver(k, "1");
    (void)audience_open(k, id);
    batch = audience_next(k, id, 5);
    (void)audience_end_as(k, &batch, (struct ledger_wave_end){.v = &again, .count = 1});
    k->now_ms -= 1; /* so that it is not due */
    open = audience_next(k, id, 5);
    k->now_ms += 1;
    assert_int_equal(say(k, id, WAVE_STOP, &w), ERR_NONE);
    assert_true(w.halted);
    assert_int_equal(say(k, id, WAVE_STOP, NULL), ERR_CONFLICT);
    assert_int_equal(say(k, id, WAVE_CONFIRM, NULL), ERR_CONFLICT);
    batch = audience_next(k, id, 5);
    assert_int_equal(batch.number, 0);
    assert_false(batch.more);
    ledger_request_done(&batch.req);
    w = audience_end(k, &open); /* what was on its way is counted */
    assert_int_equal(w.accepted, 9);
    assert_int_equal(w.skipped, 11);
    assert_int_equal(w.again, 0);
    assert_int_equal(w.missing, 0);
}

static void who_had_no_turn_when_it_ends_is_spared_it(void **state)
{
    struct kit *k = *state;
    const struct ledger_wave_result results[] = {{.member = 1, .outcome = MEMBER_AGAIN},
                                                 {.member = 2, .outcome = MEMBER_UNKNOWN}};
    struct delivery_id id;
    struct ledger_wave_next batch;
    struct ledger_wave w;

    (void)audience_put(k, (struct audience_part){.first = 1, .count = 20});
    id = audience_deliver(k, "1");
    (void)audience_open(k, id);
    batch = audience_next(k, id, 5);
    (void)audience_end_as(k, &batch, (struct ledger_wave_end){.v = results, .count = 2});
    kit_end(k, id, DELIVERY_DONE); /* a newer revision goes instead, say */
    w = audience_open(k, id);
    assert_int_equal(w.accepted, 3);
    assert_int_equal(w.unknown, 1);
    assert_int_equal(w.again, 0);
    assert_int_equal(w.skipped, 16);
}

static void a_word_is_heeded_by_who_finds_it_after_a_crash(void **state)
{
    struct kit *k = *state;
    struct delivery_id id;
    struct ledger_due due;

    (void)audience_put(k, (struct audience_part){.first = 1, .count = 5});
    id = audience_deliver(k, "1");
    (void)audience_open_as(k, id, (struct ledger_wave_open){.confirm_above = 4});
    kit_end(k, id, DELIVERY_AGAIN); /* due in a second */
    assert_int_equal(kit_due(k, AUDIENCE, &due), 1);
    assert_int_equal(due.jobs[0].due_at_ms, k->now_ms + 1000);
    ledger_request_done(&due.req);
    assert_int_equal(say(k, id, WAVE_CONFIRM, NULL), ERR_NONE);
    assert_int_equal(kit_due(k, AUDIENCE, &due), 1);
    assert_int_equal(due.jobs[0].due_at_ms, k->now_ms);
    ledger_request_done(&due.req);
}

static void a_clock_that_is_set_back_makes_nobody_wait_for_the_old_time(void **state)
{
    struct kit *k = *state;
    const struct ledger_wave_result results[] = {
        {.member = 1, .outcome = MEMBER_AGAIN, .due_at_ms = k->now_ms + 1000},
        {.member = 2, .outcome = MEMBER_UNKNOWN, .due_at_ms = k->now_ms}};
    struct ledger_clock_back back = {.req = {.kind = LEDGER_CLOCK_BACK}};
    struct delivery_id id;
    struct ledger_wave_next batch;
    struct ledger_wave w;

    (void)audience_put(k, (struct audience_part){.first = 1, .count = 3});
    id = audience_deliver(k, "1");
    (void)audience_open_as(k, id, (struct ledger_wave_open){.undo_ms = 1});
    k->now_ms += 1;
    batch = audience_next(k, id, 5);
    (void)audience_end_as(k, &batch, (struct ledger_wave_end){.v = results, .count = 2});
    kit_end(k, id, DELIVERY_AGAIN);
    k->now_ms -= MS_HOUR;
    back.now_ms = k->now_ms;
    assert_int_equal(kit_run(k, &back.req), ERR_NONE);
    w = audience_open(k, id);
    assert_int_equal(w.due_ms, k->now_ms + 999);
    assert_int_equal(w.since_ms, k->now_ms - 1);
    assert_int_equal(w.go_at_ms, 0); /* it was over, and is not waited for again */
}

static void a_wave_that_is_through_takes_no_word(void **state)
{
    struct kit *k = *state;
    struct delivery_id id = audience_deliver(k, "1");

    (void)audience_open(k, id);
    kit_end(k, id, DELIVERY_DONE);
    assert_int_equal(say(k, id, WAVE_STOP, NULL), ERR_CONFLICT);
}

/* ---- shown ---- */

static json_t *waves(struct kit *k, struct ledger_waves r)
{
    json_t *out;

    r.req = (struct ledger_request){.kind = LEDGER_WAVES};
    assert_int_equal(kit_run(k, &r.req), ERR_NONE);
    out = json_incref(r.out);
    ledger_request_done(&r.req);
    return out;
}

/* "services.0.name" */
static const json_t *at(const json_t *v, const char *path)
{
    while (v && *path != '\0') {
        char name[32] = "";
        uint64_t index;
        size_t len = strcspn(path, ".");

        assert_true(len < sizeof name);
        memcpy(name, path, len);
        v = json_is_array(v) && parse_u64(name, &index) ? json_array_get(v, (size_t)index)
                                                        : json_object_get(v, name);
        path += len + (path[len] == '.');
    }
    assert_non_null(v);
    return v;
}

static int64_t number(const json_t *o, const char *path)
{
    assert_true(json_is_integer(at(o, path)));
    return json_integer_value(at(o, path));
}

static const char *text(const json_t *o, const char *path)
{
    return json_string_value(at(o, path));
}

static void buckets_hold_what_they_say(void **state)
{
    (void)state;
    assert_int_equal(ledger_time_bound_ms(0), 5);
    assert_int_equal(ledger_time_bucket(-1), 0);
    assert_int_equal(ledger_time_bucket(5), 0);
    assert_int_equal(ledger_time_bucket(6), 1);
    for (size_t i = 1; i < LEDGER_TIMES - 1; i++) {
        int64_t bound = ledger_time_bound_ms(i);

        assert_int_equal(ledger_time_bucket(bound), i);
        assert_int_equal(ledger_time_bucket(bound + 1), i + 1);
        assert_true(bound > ledger_time_bound_ms(i - 1));
        assert_true(bound <= 2 + ledger_time_bound_ms(i - 1) * 3 / 2);
    }
    assert_true(ledger_time_bound_ms(LEDGER_TIMES - 2) > MS_DAY);
    assert_true(ledger_time_bound_ms(LEDGER_TIMES - 1) == INT64_MAX);
    assert_int_equal(ledger_time_bucket(INT64_MAX), LEDGER_TIMES - 1);
}

static void services_add_up_and_are_shown_with_their_times(void **state)
{
    static const char *const topics[] = {"politics", "sport"};
    struct kit *k = *state;
    struct ledger_topics bits = {
        .req = {.kind = LEDGER_TOPICS}, .channel = AUDIENCE, .names = topics, .count = 2};
    struct ledger_wave_service v[2] = {
        {.name = "fcm", .accepted = 98, .gone = 1, .refused = 1},
        {.name = "mozilla", .accepted = 5, .retried = 2, .unknown = 1},
    };
    struct delivery_id id;
    struct ledger_wave_next batch;
    json_t *list, *o;

    assert_int_equal(kit_run(k, &bits.req), ERR_NONE);
    ledger_request_done(&bits.req);
    (void)audience_put(k,
                       (struct audience_part){.first = 1, .count = 3, .traits = {.topics = 2}});
    id = audience_deliver(k, "1");
    (void)audience_open_as(k, id, (struct ledger_wave_open){.topics = 2});
    v[0].times[ledger_time_bucket(100)] = 90;
    v[0].times[ledger_time_bucket(3000)] = 10;
    v[1].times[LEDGER_TIMES - 1] = 5;
    for (int i = 0; i < 2; i++) {
        batch = audience_next(k, id, 1);
        (void)audience_end_as(
            k,
            &batch,
            (struct ledger_wave_end){.services = v, .service_count = i == 0 ? 2 : 1});
    }
    list = waves(k, (struct ledger_waves){.id = id});
    assert_int_equal(json_array_size(list), 1);
    o = json_array_get(list, 0);
    assert_string_equal(text(o, "state"), "in_flight");
    assert_string_equal(text(o, "channel"), AUDIENCE);
    assert_string_equal(text(o, "title"), "News");
    assert_string_equal(text(o, "topics.0"), "sport");
    assert_int_equal(number(o, "members"), 3);
    assert_int_equal(number(o, "accepted"), 2);
    assert_string_equal(text(o, "services.0.name"), "fcm");
    assert_int_equal(number(o, "services.0.accepted"), 196);
    assert_int_equal(number(o, "services.0.gone"), 2);
    assert_int_equal(number(o, "services.1.retried"), 2);
    assert_int_equal(number(o, "services.0.ms.50"),
                     ledger_time_bound_ms(ledger_time_bucket(100)));
    assert_int_equal(number(o, "services.0.ms.90"), number(o, "services.0.ms.50"));
    assert_int_equal(number(o, "services.0.ms.99"),
                     ledger_time_bound_ms(ledger_time_bucket(3000)));
    assert_int_equal(number(o, "services.0.ms.100"), number(o, "services.0.ms.99"));
    assert_int_equal(number(o, "ms.90"), number(o, "services.0.ms.99")); /* of 205 */
    assert_int_equal(number(o, "ms.100"), ledger_time_bound_ms(LEDGER_TIMES - 2));
    json_decref(list);
}

static void waves_are_listed_newest_first(void **state)
{
    struct kit *k = *state;
    struct delivery_id done, open;
    char id[ID_TEXT_BYTES];
    json_t *list;

    (void)audience_put(k, (struct audience_part){.first = 1, .count = 3});
    done = audience_deliver(k, "1");
    (void)audience_open(k, done);
    kit_end(k, done, DELIVERY_DONE);
    open = audience_deliver(k, "2");
    (void)audience_open(k, open);
    list = waves(k, (struct ledger_waves){.limit = 10});
    assert_int_equal(json_array_size(list), 2);
    assert_string_equal(text(list, "0.delivery"), id_delivery_text(open, id));
    assert_true(json_is_null(at(list, "0.ms")));
    assert_true(json_is_null(at(list, "0.topics")));
    json_decref(list);
    list = waves(k, (struct ledger_waves){.open = true, .channel = AUDIENCE, .limit = 10});
    assert_int_equal(json_array_size(list), 1);
    json_decref(list);
    list = waves(k, (struct ledger_waves){.channel = "nobody's", .limit = 10});
    assert_int_equal(json_array_size(list), 0);
    json_decref(list);
    list = waves(k, (struct ledger_waves){.limit = 1});
    assert_int_equal(json_array_size(list), 1);
    json_decref(list);
}

/* What is left of it would be told at the end of the case. */
static void a_wave_goes_with_its_article(void **state)
{
    struct kit *k = *state;
    const struct ledger_wave_service service = {.name = "fcm", .accepted = 1};
    const struct ledger_wave_result refused = {.member = 1, .outcome = MEMBER_REFUSED};
    struct ledger_prune prune = {.req = {.kind = LEDGER_PRUNE}, .keep_events = 1};
    struct ledger_wave_next batch;
    struct delivery_id id;
    json_t *list;

    k->next_id = (uint64_t)id_first_at(k->now_ms);
    (void)audience_put(k, (struct audience_part){.first = 1, .count = 3});
    id = audience_deliver(k, "1");
    (void)audience_open(k, id);
    batch = audience_next(k, id, 2);
    (void)audience_end_as(
        k,
        &batch,
        (struct ledger_wave_end){
            .v = &refused, .count = 1, .services = &service, .service_count = 1});
    batch = audience_next(k, id, 2);
    ledger_request_done(&batch.req);
    kit_end(k, id, DELIVERY_DONE);
    prune.before_ms = k->now_ms + MS_HOUR;
    assert_int_equal(kit_run(k, &prune.req), ERR_NONE);
    assert_int_equal(prune.count, 1);
    list = waves(k, (struct ledger_waves){.limit = 10});
    assert_int_equal(json_array_size(list), 0);
    json_decref(list);
}

#define ON_DISK(f) cmocka_unit_test_setup_teardown(f, kit_setup, kit_teardown_clean)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_DISK(it_is_for_whoever_chose_the_topic_or_none),
        ON_DISK(a_test_goes_to_test_members),
        ON_DISK(a_batch_has_all_that_a_message_needs),
        ON_DISK(one_call_passes_over_so_many_and_says_that_there_are_more),
        ON_DISK(two_waves_go_at_once_and_each_reaches_all),
        ON_DISK(what_they_had_lately_is_counted_without_a_row_for_each),
        ON_DISK(what_they_still_wait_for_or_were_spared_is_no_message_that_they_had),
        ON_DISK(who_is_not_named_has_it_also_at_the_second_try),
        ON_DISK(a_crash_leaves_those_unknown_for_whom_it_was),
        ON_DISK(nothing_leaves_before_its_time_and_a_word),
        ON_DISK(a_stop_spares_the_rest),
        ON_DISK(who_had_no_turn_when_it_ends_is_spared_it),
        ON_DISK(a_word_is_heeded_by_who_finds_it_after_a_crash),
        ON_DISK(a_clock_that_is_set_back_makes_nobody_wait_for_the_old_time),
        ON_DISK(a_wave_that_is_through_takes_no_word),
        cmocka_unit_test(buckets_hold_what_they_say),
        ON_DISK(services_add_up_and_are_shown_with_their_times),
        ON_DISK(waves_are_listed_newest_first),
        ON_DISK(a_wave_goes_with_its_article),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
