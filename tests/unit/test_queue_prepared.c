/* What is prepared for members: each is handed out once, to whom it was made for, and is then nowhere. */

#include "tests/support/audience_kit.h"

#define EACH 40

/* What is prepared for a member says whose it is. */
static void fill(uint8_t out[EACH], uint64_t member)
{
    memset(out, 0, EACH);
    (void)snprintf((char *)out, EACH, "secret of %08llu", (unsigned long long)member);
}

/* For all who have nothing, so many at a time; `spoilt` is one of whom nothing can be prepared. Returns for how
 * many it was. */
static size_t prepare(struct kit *k, size_t limit, uint64_t spoilt)
{
    struct ledger_unprepared r = {
        .req = {.kind = LEDGER_UNPREPARED}, .channel = AUDIENCE, .limit = limit};
    struct ledger_prepared_put put = {.req = {.kind = LEDGER_PREPARED_PUT},
                                      .channel = AUDIENCE,
                                      .each_bytes = EACH,
                                      .now_ms = k->now_ms};
    uint8_t *bytes = mem_calloc(limit, EACH);
    size_t count = 0;

    do {
        assert_int_equal(kit_run(k, &r.req), ERR_NONE);
        put.count = 0;
        for (size_t i = 0; i < r.count; i++) {
            if (r.v[i].id != spoilt) {
                fill(bytes + put.count * EACH, r.v[i].id);
                r.v[put.count++] = r.v[i];
            }
        }
        put.members = r.v;
        put.bytes = bytes;
        assert_int_equal(kit_run(k, &put.req), ERR_NONE);
        count += put.count;
        r.after = r.upto;
        ledger_request_done(&r.req);
    } while (r.more);
    mem_free(bytes);
    return count;
}

/* Returns how many of the batch have something, each its own. */
static size_t have(const struct ledger_wave_next *batch)
{
    size_t count = 0;

    for (size_t i = 0; i < batch->count; i++) {
        uint8_t want[EACH];

        if (batch->v[i].prepared) {
            fill(want, batch->v[i].id);
            assert_int_equal(batch->v[i].prepared_len, EACH);
            assert_memory_equal(batch->v[i].prepared, want, EACH);
            count++;
        }
    }
    return count;
}

static int64_t prepared(struct kit *k)
{
    return audience_counts(k).prepared;
}

static bool file_holds(const char *path, const char *text)
{
    char *bytes = mem_alloc(4 * 1024 * 1024);
    int fd = open(path, O_RDONLY);
    ssize_t len = read(fd, bytes, 4 * 1024 * 1024);
    bool found;

    assert_true(len > 0 && len < 4 * 1024 * 1024);
    close(fd);
    found = memmem(bytes, (size_t)len, text, strlen(text)) != NULL;
    mem_free(bytes);
    return found;
}

static void each_is_handed_out_once_and_is_then_nowhere(void **state)
{
    struct kit *k = *state;
    struct delivery_id id;
    struct ledger_wave_next batch;
    size_t left = 1500, found = 0;

    (void)audience_put(k, (struct audience_part){.first = 1, .count = 1500, .keys = true});
    assert_int_equal(prepare(k, 400, 0), 1500);
    assert_int_equal(prepared(k), 1500);
    assert_int_equal(prepare(k, 400, 0), 0);
    kit_reopen(k);
    assert_true(file_holds(k->path, "secret of 00000700"));
    id = audience_deliver(k, "1");
    (void)audience_open(k, id);
    while (left > 0) { /* batches end within blocks */
        batch = audience_next(k, id, 301);
        found += have(&batch);
        left -= batch.count;
        assert_int_equal(prepared(k), left);
        (void)audience_end(k, &batch);
    }
    assert_int_equal(found, 1500);
    kit_reopen(k);
    assert_false(file_holds(k->path, "secret of"));
    id = audience_deliver(k, "2");
    (void)audience_open(k, id);
    batch = audience_next(k, id, 1500);
    assert_int_equal(have(&batch), 0);
    (void)audience_end(k, &batch);
    assert_int_equal(prepare(k, 1000, 0), 1500);
}

static void a_crash_hands_nothing_out_twice(void **state)
{
    struct kit *k = *state;
    struct delivery_id id;
    struct ledger_wave_next batch;

    (void)audience_put(k, (struct audience_part){.first = 1, .count = 20, .keys = true});
    assert_int_equal(prepare(k, 100, 0), 20);
    id = audience_deliver(k, "1");
    (void)audience_open(k, id);
    batch = audience_next(k, id, 5);
    assert_int_equal(have(&batch), 5);
    ledger_request_done(&batch.req);
    kit_reopen(k);
    assert_int_equal(audience_open(k, id).unknown, 5);
    batch =
        audience_next_as(k,
                         id,
                         (struct ledger_wave_next){
                             .limit = 20, .unknown_before_ms = k->now_ms + 1, .unheard = true});
    assert_int_equal(batch.count, 20);
    assert_int_equal(have(&batch), 15);
    (void)audience_end(k, &batch);
}

static void nothing_is_handed_to_other_keys_than_it_was_made_for(void **state)
{
    struct kit *k = *state;
    struct ledger_unprepared asked = {
        .req = {.kind = LEDGER_UNPREPARED}, .channel = AUDIENCE, .limit = 10};
    uint8_t bytes[3 * EACH];
    struct ledger_prepared_put put = {.req = {.kind = LEDGER_PREPARED_PUT},
                                      .channel = AUDIENCE,
                                      .bytes = bytes,
                                      .count = 3,
                                      .each_bytes = EACH};
    struct delivery_id id;
    struct ledger_wave_next batch;

    (void)audience_put(k, (struct audience_part){.first = 1, .count = 3, .keys = true});
    assert_int_equal(kit_run(k, &asked.req), ERR_NONE);
    assert_int_equal(asked.count, 3);
    for (uint64_t i = 0; i < 3; i++) {
        fill(bytes + i * EACH, i + 1);
    }
    /* New keys between the asking and the putting, and behind it. */
    (void)audience_put(
        k, (struct audience_part){.first = 1, .count = 1, .keys = true, .other_keys = 1});
    put.members = asked.v;
    assert_int_equal(kit_run(k, &put.req), ERR_NONE);
    ledger_request_done(&asked.req);
    (void)audience_put(
        k, (struct audience_part){.first = 2, .count = 1, .keys = true, .other_keys = 1});
    id = audience_deliver(k, "1");
    (void)audience_open(k, id);
    batch = audience_next(k, id, 10);
    assert_null(batch.v[0].prepared);
    assert_null(batch.v[1].prepared);
    assert_non_null(batch.v[2].prepared);
    (void)audience_end(k, &batch);
    assert_int_equal(prepared(k), 0);
}

static void who_has_new_keys_is_prepared_for_anew(void **state)
{
    struct kit *k = *state;

    (void)audience_put(k, (struct audience_part){.first = 1, .count = 9, .keys = true});
    assert_int_equal(prepare(k, 100, 0), 9);
    (void)audience_put(
        k, (struct audience_part){.first = 4, .count = 2, .keys = true, .other_keys = 1});
    assert_int_equal(prepare(k, 100, 0), 2);
    assert_int_equal(prepared(k), 9);
    assert_int_equal(prepare(k, 100, 0), 0);
}

static void whom_a_wave_passes_over_keeps_theirs(void **state)
{
    struct kit *k = *state;
    struct delivery_id id;
    struct ledger_wave_next batch;

    (void)audience_put(
        k,
        (struct audience_part){.first = 1, .count = 40, .keys = true, .traits = {.topics = 1}});
    (void)audience_put(k,
                       (struct audience_part){
                           .first = 41, .count = 40, .keys = true, .traits = {.topics = 2}});
    (void)audience_put(k,
                       (struct audience_part){
                           .first = 81, .count = 40, .keys = true, .traits = {.topics = 1}});
    assert_int_equal(prepare(k, 1000, 0), 120);
    assert_int_equal(audience_set(k, 3, MEMBER_STOP), ERR_NONE);
    id = audience_deliver(k, "1");
    (void)audience_open_as(k, id, (struct ledger_wave_open){.topics = 2});
    batch = audience_next(k, id, 15); /* it ends within them */
    assert_int_equal(have(&batch), 15);
    (void)audience_end(k, &batch);
    batch = audience_next(k, id, 25);
    assert_int_equal(have(&batch), 25);
    (void)audience_end(k, &batch);
    batch = audience_next(k, id, 100);
    assert_int_equal(batch.number, 0);
    ledger_request_done(&batch.req);
    assert_int_equal(prepared(k), 79); /* what the third had is of no use */
    assert_int_equal(prepare(k, 25, 0), 40);
    assert_int_equal(prepared(k), 119);
    id = audience_deliver(k, "2");
    (void)audience_open(k, id);
    batch = audience_next(k, id, 1000);
    assert_int_equal(have(&batch), 119);
    (void)audience_end(k, &batch);
}

static void of_whom_nothing_can_be_prepared_does_not_stop_the_others(void **state)
{
    struct kit *k = *state;

    (void)audience_put(k, (struct audience_part){.first = 1, .count = 50, .keys = true});
    (void)audience_put(k, (struct audience_part){.first = 51, .count = 5}); /* have no keys */
    assert_int_equal(prepare(k, 7, 20), 49);
    assert_int_equal(prepare(k, 7, 20), 0);
}

static void an_erased_member_has_nothing_left(void **state)
{
    struct kit *k = *state;

    (void)audience_put(k, (struct audience_part){.first = 1, .count = 5, .keys = true});
    assert_int_equal(prepare(k, 100, 0), 5);
    assert_int_equal(audience_set(k, 2, MEMBER_ERASE), ERR_NONE);
    assert_int_equal(prepared(k), 4);
    kit_reopen(k);
    assert_false(file_holds(k->path, "secret of 00000002"));
    assert_true(file_holds(k->path, "secret of 00000003"));
}

static void a_copy_that_comes_back_has_nothing_prepared(void **state)
{
    struct kit *k = *state;
    struct ledger_size size;
    struct err why;
    char copy[128];

    (void)audience_put(k, (struct audience_part){.first = 1, .count = 5, .keys = true});
    assert_int_equal(prepare(k, 100, 0), 5);
    (void)snprintf(copy, sizeof copy, "%s.copy", k->path);
    assert_int_equal(ledger_backup(k->location, copy, kit_go_on, &size, &why), ERR_NONE);
    kit_close(k);
    assert_int_equal(rename(copy, k->path), 0);
    kit_open(k);
    assert_int_equal(prepared(k), 0);
    assert_int_equal(prepare(k, 100, 0), 5);
}

#define ON_DISK(f) cmocka_unit_test_setup_teardown(f, kit_setup, kit_teardown_clean)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_DISK(each_is_handed_out_once_and_is_then_nowhere),
        ON_DISK(a_crash_hands_nothing_out_twice),
        ON_DISK(nothing_is_handed_to_other_keys_than_it_was_made_for),
        ON_DISK(who_has_new_keys_is_prepared_for_anew),
        ON_DISK(whom_a_wave_passes_over_keeps_theirs),
        ON_DISK(of_whom_nothing_can_be_prepared_does_not_stop_the_others),
        ON_DISK(an_erased_member_has_nothing_left),
        ON_DISK(a_copy_that_comes_back_has_nothing_prepared),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
