/* Members in the ledger: what they want, who takes whose place, and that a mistaken removal is undone. */

#include "tests/support/audience_kit.h"

#include <sqlite3.h>

#include "base/clock.h"
#include "base/parse.h"

static struct ledger_members show(struct kit *k, const char *address)
{
    struct ledger_members r = {.req = {.kind = LEDGER_MEMBERS},
                               .channel = AUDIENCE,
                               .limit = 1,
                               .state = -1,
                               .address = address};

    assert_int_equal(kit_run(k, &r.req), ERR_NONE);
    return r;
}

static struct ledger_members_put put_one(struct kit *k, struct ledger_new_member m)
{
    struct ledger_members_put r = {.req = {.kind = LEDGER_MEMBERS_PUT},
                                   .channel = AUDIENCE,
                                   .v = &m,
                                   .count = 1,
                                   .first_id = k->next_id++,
                                   .now_ms = k->now_ms};

    m.opted_in_by = "page";
    assert_int_equal(kit_run(k, &r.req), ERR_NONE);
    return r;
}

static void what_they_want_is_kept_and_changed_by_no_older_consent(void **state)
{
    struct kit *k = *state;
    uint8_t keys[KEYS_BYTES], other[KEYS_BYTES];
    struct ledger_new_member m = {.address = "https://push.example/x",
                                  .opted_in_at_ms = 100,
                                  .keys = keys,
                                  .keys_len = sizeof keys,
                                  .key_id = -5,
                                  .traits = {.topics = 6, .quiet_from = 1320, .quiet_to = 420},
                                  .zone = "Europe/Berlin"};
    struct ledger_members r;

    audience_keys(keys, 1, 0);
    audience_keys(other, 1, 1);
    assert_int_equal(put_one(k, m).added, 1);
    r = show(k, m.address);
    assert_int_equal(r.count, 1);
    assert_int_equal(r.v[0].keys_len, sizeof keys);
    assert_memory_equal(r.v[0].keys, keys, sizeof keys);
    assert_int_equal(r.v[0].key_id, -5);
    assert_int_equal(r.v[0].traits.topics, 6);
    assert_int_equal(r.v[0].traits.quiet_from, 1320);
    assert_int_equal(r.v[0].traits.quiet_to, 420);
    assert_false(r.v[0].traits.test);
    assert_string_equal(r.v[0].zone, "Europe/Berlin");
    ledger_request_done(&r.req);
    assert_int_equal(put_one(k, m).unchanged, 1);
    m.keys = other;
    m.opted_in_at_ms = 99;
    assert_int_equal(put_one(k, m).unchanged,
                     1); /* an old export does not bring old keys back */
    m.opted_in_at_ms = 100;
    m.traits = (struct member_traits){.test = true};
    m.zone = NULL;
    assert_int_equal(put_one(k, m).changed, 1);
    r = show(k, m.address);
    assert_memory_equal(r.v[0].keys, other, sizeof other);
    assert_int_equal(r.v[0].traits.topics, MEMBER_TOPICS_ALL); /* none was chosen */
    assert_int_equal(r.v[0].traits.quiet_from, 0);
    assert_true(r.v[0].traits.test);
    assert_string_equal(r.v[0].zone, "Europe/Berlin");
    ledger_request_done(&r.req);
    m.keeps_traits = true;
    m.traits.test = false;
    assert_int_equal(put_one(k, m).unchanged, 1);
}

static void traits_are_set_without_a_consent(void **state)
{
    struct kit *k = *state;
    struct ledger_member_set set = {.req = {.kind = LEDGER_MEMBER_SET},
                                    .channel = AUDIENCE,
                                    .address = "https://push.example/1",
                                    .change = MEMBER_TRAITS,
                                    .traits = {.topics = 4},
                                    .zone = "Asia/Tokyo",
                                    .now_ms = k->now_ms};
    struct ledger_members r;

    (void)audience_put(k, (struct audience_part){.first = 1, .count = 1});
    assert_int_equal(kit_run(k, &set.req), ERR_NONE);
    r = show(k, set.address);
    assert_int_equal(r.v[0].traits.topics, 4);
    assert_string_equal(r.v[0].zone, "Asia/Tokyo");
    assert_int_equal(r.v[0].opted_in_at_ms, 1);
    assert_null(r.v[0].language);
    ledger_request_done(&r.req);
}

static void a_new_address_is_the_same_member(void **state)
{
    struct kit *k = *state;
    struct ledger_new_member m = {.address = "https://push.example/new",
                                  .instead_of = "https://push.example/1"};
    struct ledger_members r;

    (void)audience_put(k, (struct audience_part){.first = 1, .count = 3});
    assert_int_equal(put_one(k, m).changed, 1);
    r = show(k, m.instead_of);
    assert_int_equal(r.count, 0);
    ledger_request_done(&r.req);
    r = show(k, m.address);
    assert_int_equal(r.v[0].id, 1);
    assert_int_equal(r.v[0].opted_in_at_ms, 1);
    ledger_request_done(&r.req);
    /* Who has stopped has stopped, under any address. */
    assert_int_equal(audience_set(k, 2, MEMBER_STOP), ERR_NONE);
    m = (struct ledger_new_member){.address = "https://push.example/new2",
                                   .instead_of = "https://push.example/2"};
    assert_int_equal(put_one(k, m).left_out, 1);
    r = show(k, m.address);
    assert_int_equal(r.v[0].state, MEMBER_STOPPED);
    ledger_request_done(&r.req);
    /* Both are there: they are one. */
    m = (struct ledger_new_member){.address = "https://push.example/new",
                                   .instead_of = "https://push.example/3"};
    assert_int_equal(put_one(k, m).unchanged, 1);
    r = audience_counts(k);
    assert_int_equal(r.by_state[MEMBER_ACTIVE], 1);
    assert_int_equal(r.by_state[MEMBER_STOPPED], 1);
    /* Nobody had that one: it is a new member. */
    m = (struct ledger_new_member){.address = "https://push.example/4",
                                   .instead_of = "https://push.example/nobody"};
    assert_int_equal(put_one(k, m).added, 1);
}

static void a_long_list_puts_each_once(void **state)
{
    struct kit *k = *state;
    struct ledger_members_put r =
        audience_put(k, (struct audience_part){.first = 1, .count = 1000});

    assert_int_equal(r.added, 1000);
    r = audience_put(
        k,
        (struct audience_part){.first = 501, .first_id = 1001, .count = 1000, .consent_ms = 2});
    assert_int_equal(r.added, 500);
    assert_int_equal(r.changed, 500);
    assert_int_equal(audience_counts(k).by_state[MEMBER_ACTIVE], 1500);
}

static int first_number(void *out, int count, char **values, char **names)
{
    (void)count;
    (void)names;
    assert_true(parse_i64(values[0], out));
    return 0;
}

/* Returns the number that it gives, if it gives one. */
static int64_t in_the_file(struct kit *k, const char *sql)
{
    sqlite3 *db = NULL;
    int64_t number = -1;

    kit_close(k);
    assert_int_equal(sqlite3_open(k->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, first_number, &number, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    kit_open(k);
    return number;
}

/* As if very many were new: their marks go where the others are, some with each call. */
static void all_are_found_wherever_their_marks_are(void **state)
{
    struct kit *k = *state;
    struct ledger_new_member m = {.address = "https://push.example/moved"};
    char old[64];

    (void)audience_put(k, (struct audience_part){.first = 1, .count = 500});
    (void)in_the_file(k, "UPDATE audience SET new_marks = 1000000");
    for (int round = 0; round < 7; round++) {
        assert_int_equal(
            audience_put(k, (struct audience_part){.first = 600 + round, .count = 1}).added, 1);
        assert_int_equal(
            audience_put(k, (struct audience_part){.first = 1, .count = 500}).unchanged, 500);
        kit_insist_clean(k->location);
    }
    assert_in_range(in_the_file(k, "SELECT count(*) FROM member_mark"), 490, 507);
    assert_int_equal(audience_set(k, 7, MEMBER_ERASE), ERR_NONE);
    audience_address(old, 8);
    m.instead_of = old;
    assert_int_equal(put_one(k, m).changed, 1);
    assert_int_equal(audience_counts(k).by_state[MEMBER_ACTIVE], 506);
}

static void a_topic_keeps_its_bit(void **state)
{
    static const char *const one[] = {"politics", "sport", "politics"};
    static const char *const two[] = {"weather", "sport"};
    struct kit *k = *state;
    struct ledger_topics r = {
        .req = {.kind = LEDGER_TOPICS}, .channel = AUDIENCE, .names = one, .count = 3};
    char names[MEMBER_TOPICS_MAX][16];
    const char *many[MEMBER_TOPICS_MAX];

    assert_int_equal(kit_run(k, &r.req), ERR_NONE);
    assert_int_equal(r.bits[0], 1);
    assert_int_equal(r.bits[1], 2);
    assert_int_equal(r.bits[2], 1);
    ledger_request_done(&r.req);
    r.names = two;
    r.count = 2;
    assert_int_equal(kit_run(k, &r.req), ERR_NONE);
    assert_int_equal(r.bits[0], 4);
    assert_int_equal(r.bits[1], 2);
    ledger_request_done(&r.req);
    for (int i = 0; i < MEMBER_TOPICS_MAX; i++) {
        (void)snprintf(names[i], sizeof names[i], "topic %d", i);
        many[i] = names[i];
    }
    r.names = many;
    r.count = MEMBER_TOPICS_MAX - 3;
    assert_int_equal(kit_run(k, &r.req), ERR_NONE);
    assert_true(r.bits[r.count - 1] == INT64_C(1) << (MEMBER_TOPICS_MAX - 1));
    ledger_request_done(&r.req);
    r.count = MEMBER_TOPICS_MAX;
    assert_int_equal(kit_run(k, &r.req), ERR_INVALID);
    ledger_request_done(&r.req);
}

/* ---- removals ---- */

static size_t events_of(struct kit *k, const char *kind)
{
    struct ledger_events r = {.req = {.kind = LEDGER_EVENTS}, .limit = 1000};
    size_t count = 0;

    assert_int_equal(kit_run(k, &r.req), ERR_NONE);
    for (size_t i = 0; i < r.count; i++) {
        count += strcmp(r.v[i].kind, kind) == 0;
        assert_null(strstr(r.v[i].data, "push.example"));
    }
    ledger_request_done(&r.req);
    return count;
}

/* A wave to all, of whom so many are lost. */
static void lose(struct kit *k, const char *name, size_t count, int64_t gone_max)
{
    struct delivery_id id = audience_deliver(k, name);
    struct ledger_wave_result v[300];
    struct ledger_wave_next batch;

    (void)audience_open(k, id);
    batch = audience_next(k, id, AUDIENCE_MAX);
    assert_true(batch.count >= count && count <= 300);
    for (size_t i = 0; i < count; i++) {
        v[i] = (struct ledger_wave_result){
            .member = batch.v[i].id, .outcome = MEMBER_LOST, .detail = "410 Gone"};
    }
    (void)audience_end_as(
        k, &batch, (struct ledger_wave_end){.v = v, .count = count, .gone_max = gone_max});
}

static void too_many_in_an_hour_are_put_aside_and_told_once(void **state)
{
    struct kit *k = *state;
    struct ledger_members r;

    (void)audience_put(k, (struct audience_part){.first = 1, .count = 300});
    lose(k, "1", 10, 4);
    r = audience_counts(k);
    assert_int_equal(r.by_state[MEMBER_GONE], 4);
    assert_int_equal(r.by_state[MEMBER_QUARANTINED], 6);
    lose(k, "2", 5, 4);
    assert_int_equal(audience_counts(k).by_state[MEMBER_QUARANTINED], 11);
    assert_int_equal(events_of(k, "audience.brake"), 1);
    k->now_ms += MS_HOUR;
    lose(k, "3", 5, 4);
    r = audience_counts(k);
    assert_int_equal(r.by_state[MEMBER_GONE], 8);
    assert_int_equal(r.by_state[MEMBER_QUARANTINED], 12);
    assert_int_equal(events_of(k, "audience.brake"), 2);
    k->now_ms += MS_HOUR;
    lose(k, "4", 120, 0); /* a hundred of so few */
    r = audience_counts(k);
    assert_int_equal(r.by_state[MEMBER_GONE], 108);
    assert_int_equal(r.by_state[MEMBER_QUARANTINED], 32);
    assert_int_equal(r.by_state[MEMBER_ACTIVE], 160);
}

static void what_answers_took_is_given_back_but_no_word_of_theirs(void **state)
{
    struct kit *k = *state;
    struct ledger_members_back back = {
        .req = {.kind = LEDGER_MEMBERS_BACK}, .channel = AUDIENCE, .state = -1};
    struct ledger_members r;

    (void)audience_put(k, (struct audience_part){.first = 1, .count = 20});
    assert_int_equal(audience_set(k, 20, MEMBER_STOP), ERR_NONE);
    lose(k, "before", 2, 100); /* 1 and 2 */
    k->now_ms += MS_MINUTE;
    back.since_ms = back.now_ms = k->now_ms;
    lose(k, "1", 6, 5); /* 3 to 8: the last three over the cap */
    assert_int_equal(audience_counts(k).by_state[MEMBER_QUARANTINED], 3);
    back.state = MEMBER_QUARANTINED;
    assert_int_equal(kit_run(k, &back.req), ERR_NONE);
    assert_int_equal(back.count, 3);
    assert_false(back.more);
    back.state = -1;
    assert_int_equal(kit_run(k, &back.req), ERR_NONE);
    assert_int_equal(back.count, 3);
    r = audience_counts(k);
    assert_int_equal(r.by_state[MEMBER_ACTIVE], 17);
    assert_int_equal(r.by_state[MEMBER_GONE], 2);
    assert_int_equal(r.by_state[MEMBER_STOPPED], 1);
    assert_int_equal(events_of(k, "audience.back"), 2);
    lose(k, "2", 4, 1);
    back.gone = true;
    assert_int_equal(kit_run(k, &back.req), ERR_NONE);
    assert_int_equal(back.count, 4);
    r = audience_counts(k);
    assert_int_equal(r.by_state[MEMBER_GONE], 6);
    assert_int_equal(r.by_state[MEMBER_QUARANTINED], 0);
}

static void who_is_out_is_listed_by_when(void **state)
{
    struct kit *k = *state;
    struct ledger_members r = {.req = {.kind = LEDGER_MEMBERS},
                               .channel = AUDIENCE,
                               .state = MEMBER_GONE,
                               .limit = 10};

    (void)audience_put(k, (struct audience_part){.first = 1, .count = 9});
    lose(k, "1", 2, 0);
    k->now_ms += 1000;
    lose(k, "2", 3, 0);
    r.since_ms = k->now_ms;
    assert_int_equal(kit_run(k, &r.req), ERR_NONE);
    assert_int_equal(r.count, 3);
    assert_string_equal(r.v[0].address, "https://push.example/3");
    assert_string_equal(r.v[0].state_why, "410 Gone");
    ledger_request_done(&r.req);
}

#define ON_DISK(f) cmocka_unit_test_setup_teardown(f, kit_setup, kit_teardown_clean)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_DISK(what_they_want_is_kept_and_changed_by_no_older_consent),
        ON_DISK(traits_are_set_without_a_consent),
        ON_DISK(a_new_address_is_the_same_member),
        ON_DISK(a_long_list_puts_each_once),
        ON_DISK(all_are_found_wherever_their_marks_are),
        ON_DISK(a_topic_keeps_its_bit),
        ON_DISK(too_many_in_an_hour_are_put_aside_and_told_once),
        ON_DISK(what_answers_took_is_given_back_but_no_word_of_theirs),
        ON_DISK(who_is_out_is_listed_by_when),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
