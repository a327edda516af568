/* Audiences and waves in the ledger: who is a member, and that each gets a message once, whatever is lost. */

#include "tests/support/queue_kit.h"

#include "base/clock.h"

#define CHANNEL "wa"
#define MEMBERS 20

/* ---- said in one line ---- */

static struct ledger_members_put
put(struct kit *k, const char *address, const char *language, int64_t consent_ms)
{
    const struct ledger_new_member m = {.address = address,
                                        .language = language,
                                        .opted_in_by = "form",
                                        .opted_in_at_ms = consent_ms};
    struct ledger_members_put r = {.req = {.kind = LEDGER_MEMBERS_PUT},
                                   .channel = CHANNEL,
                                   .v = &m,
                                   .count = 1,
                                   .first_id = k->next_id++,
                                   .now_ms = k->now_ms};

    assert_int_equal(kit_run(k, &r.req), ERR_NONE);
    return r;
}

/* Numbers 1 to count: "+1" and so on, with these ids. */
static void put_many(struct kit *k, int count)
{
    struct ledger_new_member m[MEMBERS];
    char address[MEMBERS][16];
    struct ledger_members_put r = {.req = {.kind = LEDGER_MEMBERS_PUT},
                                   .channel = CHANNEL,
                                   .v = m,
                                   .count = (size_t)count,
                                   .first_id = 1,
                                   .now_ms = k->now_ms};

    for (int i = 0; i < count; i++) {
        (void)snprintf(address[i], sizeof address[i], "+%d", i + 1);
        m[i] = (struct ledger_new_member){
            .address = address[i], .opted_in_by = "form", .opted_in_at_ms = 1};
    }
    assert_int_equal(kit_run(k, &r.req), ERR_NONE);
    assert_int_equal(r.added, count);
}

static enum err_code set(struct kit *k, const char *address, enum ledger_member_change change)
{
    struct ledger_member_set r = {.req = {.kind = LEDGER_MEMBER_SET},
                                  .channel = CHANNEL,
                                  .address = address,
                                  .change = change,
                                  .why = "STOP",
                                  .now_ms = k->now_ms};

    return kit_run(k, &r.req);
}

static int64_t counted(struct kit *k, enum member_state state)
{
    struct ledger_members r = {
        .req = {.kind = LEDGER_MEMBERS}, .channel = CHANNEL, .state = -1};

    assert_int_equal(kit_run(k, &r.req), ERR_NONE);
    return r.by_state[state];
}

static struct delivery_id deliver(struct kit *k, const char *id)
{
    struct kit_accept a;
    struct delivery_id delivery;

    kit_accept(k, &a, (struct kit_article){.id = id, .title = "News", .channels = CHANNEL});
    delivery = a.a.deliveries[0].id;
    kit_accept_done(&a);
    assert_int_equal(kit_begin_step(k, delivery, "publish", "message", true, true), ERR_NONE);
    return delivery;
}

static struct ledger_wave open_wave(struct kit *k, struct delivery_id id)
{
    struct ledger_wave_open r = {
        .req = {.kind = LEDGER_WAVE_OPEN}, .id = id, .channel = CHANNEL, .now_ms = k->now_ms};

    assert_int_equal(kit_run(k, &r.req), ERR_NONE);
    return r.wave;
}

static void next(struct kit *k, struct delivery_id id, size_t limit, struct ledger_wave_next *r)
{
    r->req = (struct ledger_request){.kind = LEDGER_WAVE_NEXT};
    r->id = id;
    r->limit = limit;
    r->now_ms = k->now_ms;
    assert_int_equal(kit_run(k, &r->req), ERR_NONE);
}

/* The whole batch with one outcome, but the first with another. */
static struct ledger_wave end(struct kit *k,
                              const struct ledger_wave_next *batch,
                              enum member_outcome first,
                              enum member_outcome rest)
{
    struct ledger_wave_result v[MEMBERS];
    struct ledger_wave_end r = {.req = {.kind = LEDGER_WAVE_END},
                                .id = batch->id,
                                .number = batch->number,
                                .v = v,
                                .count = batch->count,
                                .now_ms = k->now_ms};

    for (size_t i = 0; i < batch->count; i++) {
        v[i] = (struct ledger_wave_result){.member = batch->v[i].id,
                                           .outcome = i == 0 ? first : rest,
                                           .due_at_ms = k->now_ms + 1000,
                                           .tried = true,
                                           .detail = "as it said"};
    }
    assert_int_equal(kit_run(k, &r.req), ERR_NONE);
    return r.wave;
}

static struct ledger_wave send_batch(struct kit *k,
                                     struct delivery_id id,
                                     size_t limit,
                                     enum member_outcome first,
                                     enum member_outcome rest)
{
    struct ledger_wave_next batch = {.limit = 0};
    struct ledger_wave w;

    next(k, id, limit, &batch);
    assert_int_equal(batch.count, limit);
    w = end(k, &batch, first, rest);
    ledger_request_done(&batch.req);
    return w;
}

static size_t told(struct kit *k,
                   struct delivery_id id,
                   uint64_t member,
                   enum member_status status,
                   enum member_outcome outcome)
{
    const struct ledger_wave_news n = {.delivery = id,
                                       .member = member,
                                       .status = status,
                                       .outcome = outcome,
                                       .detail = "as told"};
    struct ledger_wave_told r = {.req = {.kind = LEDGER_WAVE_TOLD},
                                 .channel = CHANNEL,
                                 .v = &n,
                                 .count = 1,
                                 .now_ms = k->now_ms};
    size_t settled;

    assert_int_equal(kit_run(k, &r.req), ERR_NONE);
    settled = r.settled_count;
    ledger_request_done(&r.req);
    return settled;
}

/* ---- members ---- */

static void who_stopped_comes_back_by_a_newer_consent_only(void **state)
{
    struct kit *k = *state;

    assert_int_equal(put(k, "+1", "de", 100).added, 1);
    assert_int_equal(put(k, "+1", "de", 100).unchanged, 1);
    assert_int_equal(put(k, "+1", "en", 100).changed, 1);
    assert_int_equal(set(k, "+1", MEMBER_STOP), ERR_NONE);
    assert_int_equal(counted(k, MEMBER_ACTIVE), 0);
    assert_int_equal(counted(k, MEMBER_STOPPED), 1);
    assert_int_equal(put(k, "+1", "de", 100).left_out, 1);
    assert_int_equal(put(k, "+1", "de", k->now_ms).left_out, 1);
    assert_int_equal(counted(k, MEMBER_ACTIVE), 0);
    assert_int_equal(put(k, "+1", "de", k->now_ms + 1).back, 1);
    assert_int_equal(counted(k, MEMBER_ACTIVE), 1);
    assert_int_equal(set(k, "+1", MEMBER_STOP), ERR_NONE);
    assert_int_equal(set(k, "+1", MEMBER_START), ERR_NONE);
    assert_int_equal(counted(k, MEMBER_ACTIVE), 1);
    assert_int_equal(set(k, "+1", MEMBER_ERASE), ERR_NONE);
    assert_int_equal(counted(k, MEMBER_ACTIVE), 0);
    assert_int_equal(set(k, "+1", MEMBER_STOP), ERR_NOT_FOUND);
}

static bool file_holds(const char *path, const char *text)
{
    static char bytes[1024 * 1024];
    int fd = open(path, O_RDONLY);
    ssize_t len = read(fd, bytes, sizeof bytes);

    assert_true(len > 0 && (size_t)len < sizeof bytes);
    close(fd);
    return memmem(bytes, (size_t)len, text, strlen(text)) != NULL;
}

static void an_erased_address_is_not_in_the_file_any_more(void **state)
{
    struct kit *k = *state;

    put(k, "+49151000111", "de", 100);
    kit_reopen(k);
    assert_true(file_holds(k->path, "49151000111"));
    assert_int_equal(set(k, "+49151000111", MEMBER_ERASE), ERR_NONE);
    kit_reopen(k);
    assert_false(file_holds(k->path, "49151000111"));
}

static void members_are_listed_in_pages(void **state)
{
    struct kit *k = *state;
    struct ledger_members r = {
        .req = {.kind = LEDGER_MEMBERS}, .channel = CHANNEL, .limit = 3, .state = -1};

    put_many(k, 4);
    assert_int_equal(set(k, "+2", MEMBER_STOP), ERR_NONE);
    assert_int_equal(kit_run(k, &r.req), ERR_NONE);
    assert_int_equal(r.count, 3);
    assert_true(r.more);
    assert_string_equal(r.v[1].address, "+2");
    assert_string_equal(r.v[1].state_why, "STOP");
    r.after = r.v[2].id;
    ledger_request_done(&r.req);
    assert_int_equal(kit_run(k, &r.req), ERR_NONE);
    assert_int_equal(r.count, 1);
    assert_false(r.more);
    ledger_request_done(&r.req);
    r.after = 0;
    r.state = MEMBER_STOPPED;
    assert_int_equal(kit_run(k, &r.req), ERR_NONE);
    assert_int_equal(r.count, 1);
    assert_int_equal(r.by_state[MEMBER_ACTIVE], 3);
    ledger_request_done(&r.req);
    r.state = MEMBER_ACTIVE;
    assert_int_equal(kit_run(k, &r.req), ERR_NONE);
    assert_int_equal(r.count, 3);
    ledger_request_done(&r.req);
}

/* ---- waves ---- */

static void a_wave_reaches_each_of_them_once(void **state)
{
    struct kit *k = *state;
    struct ledger_wave_next batch = {.limit = 0};
    struct delivery_id id;
    struct ledger_wave w;
    bool seen[MEMBERS + 1] = {false};
    size_t count = 0;

    put_many(k, 10);
    id = deliver(k, "1");
    w = open_wave(k, id);
    assert_int_equal(w.total, 10);
    put(k, "+999", NULL, 1); /* comes too late for this one */
    do {
        next(k, id, 4, &batch);
        for (size_t i = 0; i < batch.count; i++) {
            assert_true(batch.v[i].id <= 10 && !seen[batch.v[i].id]);
            seen[batch.v[i].id] = true;
            count++;
        }
        w = batch.number > 0 ? end(k, &batch, MEMBER_ACCEPTED, MEMBER_ACCEPTED) : batch.wave;
        ledger_request_done(&batch.req);
    } while (batch.number > 0);
    assert_int_equal(count, 10);
    assert_true(w.at_end);
    assert_int_equal(w.accepted, 10);
    assert_int_equal(w.missing, 0);
}

static void two_batches_may_be_on_their_way(void **state)
{
    struct kit *k = *state;
    struct ledger_wave_next one = {.limit = 0}, two = {.limit = 0};
    struct delivery_id id;

    put_many(k, 6);
    id = deliver(k, "1");
    (void)open_wave(k, id);
    next(k, id, 3, &one);
    next(k, id, 3, &two);
    assert_int_equal(one.count + two.count, 6);
    assert_int_not_equal(one.number, two.number);
    assert_int_equal(end(k, &two, MEMBER_ACCEPTED, MEMBER_ACCEPTED).accepted, 3);
    assert_int_equal(end(k, &one, MEMBER_ACCEPTED, MEMBER_ACCEPTED).accepted, 6);
    ledger_request_done(&one.req);
    ledger_request_done(&two.req);
}

static void who_stops_before_their_turn_gets_nothing(void **state)
{
    struct kit *k = *state;
    struct delivery_id id;
    struct ledger_wave_next batch = {.limit = 0};

    put_many(k, 5);
    id = deliver(k, "1");
    (void)open_wave(k, id);
    (void)send_batch(k, id, 2, MEMBER_AGAIN, MEMBER_ACCEPTED);
    assert_int_equal(set(k, "+1", MEMBER_STOP), ERR_NONE); /* was to be tried again */
    assert_int_equal(set(k, "+4", MEMBER_ERASE), ERR_NONE);
    k->now_ms += 5000;
    next(k, id, 10, &batch);
    assert_int_equal(batch.count, 2);
    assert_int_equal(end(k, &batch, MEMBER_ACCEPTED, MEMBER_ACCEPTED).missing, 2);
    ledger_request_done(&batch.req);
}

static void one_member_again_comes_when_it_is_due(void **state)
{
    struct kit *k = *state;
    struct delivery_id id;
    struct ledger_wave_next batch = {.limit = 0};
    struct ledger_wave w;

    put_many(k, 3);
    id = deliver(k, "1");
    (void)open_wave(k, id);
    w = send_batch(k, id, 3, MEMBER_AGAIN, MEMBER_ACCEPTED);
    assert_int_equal(w.again, 1);
    assert_int_equal(w.due_ms, k->now_ms + 1000);
    next(k, id, 3, &batch);
    assert_int_equal(batch.number, 0);
    ledger_request_done(&batch.req);
    k->now_ms += 1000;
    next(k, id, 3, &batch);
    assert_int_equal(batch.count, 1);
    assert_int_equal(batch.v[0].tries, 1);
    w = end(k, &batch, MEMBER_REFUSED, MEMBER_REFUSED);
    assert_int_equal(w.again, 0);
    assert_int_equal(w.refused, 1);
    ledger_request_done(&batch.req);
}

static void a_crash_leaves_the_batch_on_its_way_unknown(void **state)
{
    struct kit *k = *state;
    struct ledger_wave_next batch = {.limit = 0};
    struct delivery_id id;
    struct ledger_wave w;

    put_many(k, 10);
    id = deliver(k, "1");
    (void)open_wave(k, id);
    (void)send_batch(k, id, 3, MEMBER_AGAIN, MEMBER_ACCEPTED); /* 1 again */
    k->now_ms += 2000;
    next(k, id, 4, &batch); /* 1, and 4 to 6 */
    assert_int_equal(batch.count, 4);
    ledger_request_done(&batch.req);
    told(k, id, 5, MEMBER_WAS_SENT, MEMBER_ACCEPTED);
    kit_reopen(k);
    kit_expect(k, id, DELIVERY_AGAIN);
    w = open_wave(k, id);
    assert_int_equal(w.unknown, 3);
    assert_int_equal(w.accepted, 3);
    assert_int_equal(w.again, 0);
    w = open_wave(k, id);
    assert_int_equal(w.unknown, 3);
    next(k, id, 10, &batch); /* the rest, and none of those */
    assert_int_equal(batch.count, 4);
    assert_int_equal(batch.v[0].id, 7);
    ledger_request_done(&batch.req);
}

static void what_is_unknown_is_settled_by_what_the_platform_tells(void **state)
{
    struct kit *k = *state;
    struct delivery_id id;
    struct ledger_wave w;

    put_many(k, 3);
    id = deliver(k, "1");
    (void)open_wave(k, id);
    w = send_batch(k, id, 3, MEMBER_ACCEPTED, MEMBER_UNKNOWN);
    assert_int_equal(w.unknown, 2);
    assert_int_equal(told(k, id, 2, MEMBER_WAS_DELIVERED, MEMBER_ACCEPTED), 0);
    assert_int_equal(told(k, id, 3, MEMBER_WAS_SENT, MEMBER_ACCEPTED), 1);
    w = open_wave(k, id);
    assert_int_equal(w.unknown, 0);
    assert_int_equal(w.accepted, 3);
    assert_int_equal(w.was_sent, 1);
    assert_int_equal(w.was_delivered, 1);
}

static void an_answer_that_was_lost_after_the_platform_told_is_none(void **state)
{
    struct kit *k = *state;
    struct ledger_wave_next batch = {.limit = 0};
    struct delivery_id id;
    struct ledger_wave w;

    put_many(k, 2);
    id = deliver(k, "1");
    (void)open_wave(k, id);
    next(k, id, 2, &batch);
    told(k, id, 1, MEMBER_WAS_SENT, MEMBER_ACCEPTED);
    w = end(k, &batch, MEMBER_UNKNOWN, MEMBER_UNKNOWN);
    assert_int_equal(w.accepted, 1);
    assert_int_equal(w.unknown, 1);
    ledger_request_done(&batch.req);
}

static void what_is_unknown_goes_again_only_when_the_platform_is_heard_since(void **state)
{
    struct kit *k = *state;
    struct ledger_wave_next batch = {.unknown_before_ms = k->now_ms + 1};
    struct delivery_id id;

    put_many(k, 3);
    id = deliver(k, "1");
    (void)open_wave(k, id);
    (void)send_batch(k, id, 3, MEMBER_ACCEPTED, MEMBER_UNKNOWN);
    k->now_ms += 60000;
    batch.unknown_before_ms = 0;
    next(k, id, 3, &batch);
    assert_int_equal(batch.number, 0); /* nobody asked for it */
    ledger_request_done(&batch.req);
    batch.unknown_before_ms = k->now_ms - 1000;
    next(k, id, 3, &batch);
    assert_int_equal(batch.number, 0); /* the platform has told of nothing */
    ledger_request_done(&batch.req);
    told(k, id, 1, MEMBER_WAS_SENT, MEMBER_ACCEPTED);
    next(k, id, 3, &batch);
    assert_int_equal(batch.count, 2);
    assert_int_equal(batch.wave.unknown, 0);
    assert_int_equal(end(k, &batch, MEMBER_ACCEPTED, MEMBER_ACCEPTED).accepted, 3);
    ledger_request_done(&batch.req);
}

static void what_is_told_twice_and_in_any_order_counts_once(void **state)
{
    static const enum member_status order[] = {MEMBER_WAS_READ,
                                               MEMBER_WAS_SENT,
                                               MEMBER_WAS_READ,
                                               MEMBER_WAS_DELIVERED,
                                               MEMBER_WAS_SENT};
    struct kit *k = *state;
    struct delivery_id id;
    struct ledger_wave w;

    put_many(k, 2);
    id = deliver(k, "1");
    (void)open_wave(k, id);
    (void)send_batch(k, id, 2, MEMBER_ACCEPTED, MEMBER_ACCEPTED);
    for (size_t i = 0; i < ARRAY_LEN(order); i++) {
        told(k, id, 1, order[i], MEMBER_ACCEPTED);
    }
    told(k, id, 777, MEMBER_WAS_READ, MEMBER_ACCEPTED);                    /* no member */
    told(k, (struct delivery_id){5}, 1, MEMBER_WAS_READ, MEMBER_ACCEPTED); /* no wave */
    w = open_wave(k, id);
    assert_int_equal(w.was_sent, 1);
    assert_int_equal(w.was_delivered, 1);
    assert_int_equal(w.was_read, 1);
    assert_int_equal(w.was_failed, 0);
    assert_int_equal(w.accepted, 2);
}

static void who_cannot_be_reached_on_three_days_is_gone(void **state)
{
    struct kit *k = *state;

    put_many(k, 2);
    for (int day = 0; day < 3; day++) {
        char name[8];
        struct delivery_id id;

        (void)snprintf(name, sizeof name, "%d", day);
        id = deliver(k, name);
        (void)open_wave(k, id);
        assert_int_equal(counted(k, MEMBER_ACTIVE), 2);
        (void)send_batch(k, id, 2, MEMBER_UNDELIVERABLE, MEMBER_ACCEPTED);
        /* The same day, and told again: still one. */
        told(k, id, 1, MEMBER_WAS_FAILED, MEMBER_UNDELIVERABLE);
        if (day == 0) {
            told(k, id, 2, MEMBER_WAS_FAILED, MEMBER_UNSUBSCRIBED);
            assert_int_equal(counted(k, MEMBER_STOPPED), 1);
            assert_int_equal(put(k, "+2", NULL, k->now_ms + 1).back, 1);
        }
        k->now_ms += MS_DAY;
    }
    assert_int_equal(counted(k, MEMBER_GONE), 1);
    assert_int_equal(counted(k, MEMBER_ACTIVE), 1);
}

static void a_person_settles_what_nobody_tells(void **state)
{
    struct kit *k = *state;

    for (int arrived = 0; arrived < 2; arrived++) {
        struct ledger_move move = {.req = {.kind = LEDGER_MOVE},
                                   .move = arrived ? MOVE_POSTED : MOVE_ABSENT,
                                   .by = "cli",
                                   .now_ms = k->now_ms};
        struct ledger_wave w;

        if (arrived == 0) {
            put_many(k, 3);
        }
        move.id = deliver(k, arrived ? "yes" : "no");
        (void)open_wave(k, move.id);
        (void)send_batch(k, move.id, 3, MEMBER_ACCEPTED, MEMBER_UNKNOWN);
        kit_end(k, move.id, DELIVERY_UNKNOWN);
        assert_int_equal(kit_run(k, &move.req), ERR_NONE);
        w = open_wave(k, move.id);
        assert_int_equal(w.unknown, 0);
        assert_int_equal(w.accepted, arrived ? 3 : 1);
        assert_int_equal(w.again, arrived ? 0 : 2);
    }
}

#define ON_DISK(f) cmocka_unit_test_setup_teardown(f, kit_setup, kit_teardown_clean)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_DISK(who_stopped_comes_back_by_a_newer_consent_only),
        ON_DISK(an_erased_address_is_not_in_the_file_any_more),
        ON_DISK(members_are_listed_in_pages),
        ON_DISK(a_wave_reaches_each_of_them_once),
        ON_DISK(two_batches_may_be_on_their_way),
        ON_DISK(who_stops_before_their_turn_gets_nothing),
        ON_DISK(one_member_again_comes_when_it_is_due),
        ON_DISK(a_crash_leaves_the_batch_on_its_way_unknown),
        ON_DISK(what_is_unknown_is_settled_by_what_the_platform_tells),
        ON_DISK(an_answer_that_was_lost_after_the_platform_told_is_none),
        ON_DISK(what_is_unknown_goes_again_only_when_the_platform_is_heard_since),
        ON_DISK(what_is_told_twice_and_in_any_order_counts_once),
        ON_DISK(who_cannot_be_reached_on_three_days_is_gone),
        ON_DISK(a_person_settles_what_nobody_tells),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
