/* Quotas and fallback in the running service: what counts, what waits, and where an article goes when its
 * channel is blocked. The counting itself is in test_queue_quota.c, what the ledger does in
 * test_queue_fallback.c. */

#include "tests/support/service_program.h"

#include <string.h>

static void bring(struct fixture *f, const char *id, bool breaking, const char *title)
{
    const struct intake_options options = {.source = "api", .trusted_breaking = true};
    struct intake_content content = {.rc = ERR_NONE};
    char *url = mem_printf("https://news.example/%s", id);
    json_t *article = json_pack(
        "{s:s, s:s, s:s, s:b}", "id", id, "url", url, "title", title, "breaking", breaking);
    struct intake in;

    accepted = false;
    intake_read(&content, article, true, clock_wall_ms());
    assert_int_equal(intake_article(&f->c, &in, &content, &options, on_accepted, NULL), 0);
    json_decref(article);
    mem_free(url);
    wait_accepted(f, &in);
}

/* "done", of the article's newest delivery; yours. */
static char *
state_of(struct fixture *f, const char *id, char **out_detail, int64_t *out_attempts)
{
    struct ledger_article read = {.req.kind = LEDGER_ARTICLE, .id = id};
    struct err why = {0};
    json_t *list, *d;
    char *state;

    assert_int_equal(ledger_run(f->c.ledger, &read.req, &why), 0);
    list = json_object_get(read.out, "deliveries");
    d = json_array_get(list, json_array_size(list) - 1);
    state = mem_strdup(json_path_str(d, "state"));
    if (out_detail) {
        *out_detail = mem_strdup(json_path_str(d, "detail"));
        *out_attempts = json_integer_value(json_object_get(d, "attempts"));
    }
    ledger_request_done(&read.req);
    return state;
}

/* Until it is; `seconds` pass at most, one at a time. */
static void await(struct fixture *f, const char *id, const char *wanted, int seconds)
{
    char *state = NULL;

    for (int i = 0; i < 400 + seconds * 4; i++) {
        mem_free(state);
        state = state_of(f, id, NULL, NULL);
        if (courier_running(f->c.courier) == 0 && strcmp(state, wanted) == 0) {
            break;
        }
        for (int j = 0; j < 4; j++) {
            turn(f);
        }
        if (seconds > 0 && courier_running(f->c.courier) == 0 && i % 4 == 3) {
            seconds--;
            pass_time(f, 1000);
        }
    }
    assert_string_equal(state, wanted);
    mem_free(state);
}

static struct channel *named(struct fixture *f, const char *name)
{
    return channels_find(f->c.channels, name);
}

static int64_t used(struct fixture *f)
{
    return channel_quota_look(named(f, "one"), (struct delivery_id){0}, true).used;
}

/* What the ledger would say after a restart. */
static int64_t used_on_disk(struct fixture *f)
{
    struct ledger_quota read = {.req.kind = LEDGER_QUOTA};
    struct err why = {0};
    int64_t count;

    assert_int_equal(ledger_run(f->c.ledger, &read.req, &why), 0);
    count = (int64_t)read.count;
    ledger_request_done(&read.req);
    return count;
}

/* ---- what counts ---- */

static void only_what_may_be_a_post_counts(void **state)
{
    static const struct {
        const char *name, *type;
        struct reply replies[4];
        const char *state;
        int seconds, used;
    } rows[] = {
        {"a post", "plain", {{.status = 200}}, "done", 0, 1},
        {"refused", "plain", {{.status = 400}}, "rejected", 0, 0},
        {"a token that is refused", "plain", {{.status = 401}}, "blocked", 0, 0},
        {"later, said the front door",
         "plain",
         {{.status = 503}, {.status = 200}},
         "again",
         0,
         0},
        {"… and then it goes", "plain", {{.status = 503}, {.status = 200}}, "done", 30, 1},
        {"an error that may come after the deed", "keyed", {{.status = 500}}, "again", 0, 1},
        {"no answer", "plain", {{.how = CUT}, {.status = 404}}, "unknown", 0, 1},
        {"it is there", "plain", {{.how = CUT}, {.status = 200}}, "done", 20, 1},
        {"it is not there, and goes again",
         "plain",
         {{.how = CUT}, {.status = 404}, {.status = 200}},
         "done",
         30,
         1},
        {"it is not there, and is refused",
         "plain",
         {{.how = CUT}, {.status = 404}, {.status = 400}},
         "rejected",
         30,
         0},
        {"an upload before it fails", "stepped", {{.status = 400}}, "rejected", 0, 0},
        {"a step before it, then the post",
         "stepped",
         {{.status = 200, .body = "next"}, {.status = 200}},
         "done",
         0,
         1},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fixture f;

        print_message("%s\n", rows[i].name);
        setup(&f, rows[i].type, ", quota: 5/h", rows[i].replies);
        bring(&f, "a", false, "News");
        await(&f, "a", rows[i].state, rows[i].seconds);
        assert_int_equal(used(&f), rows[i].used);
        assert_int_equal(used_on_disk(&f), rows[i].used);
        teardown(&f);
    }
}

static void corrections_and_retractions_do_not_count_unless_they_make_a_post(void **state)
{
    static const struct {
        const char *type;
        int used;
    } rows[] = {{"plain", 1}, {"replies", 2}};
    static const struct reply replies[] = {
        {.status = 200}, {.status = 200}, {.status = 200}, {.status = 0}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fixture f;

        setup(&f, rows[i].type, ", quota: 5/h", replies);
        submit(&f);
        expect(&f, 1, "done", 0, 1);
        submit_more(&f, "News, corrected", "text", NULL);
        expect(&f, 2, "done", 0, 2);
        retract(&f);
        expect(&f, 3, "done", 0, 3);
        assert_int_equal(used(&f), rows[i].used);
        assert_int_equal(used_on_disk(&f), rows[i].used);
        teardown(&f);
    }
}

/* ---- what waits ---- */

static void what_is_over_waits_untried_and_what_is_breaking_goes(void **state)
{
    static const struct reply replies[] = {
        {.status = 200}, {.status = 200}, {.status = 200}, {.status = 0}};
    struct fixture f;
    int64_t attempts = -1;
    char *detail, *said;

    (void)state;
    setup(&f, "plain", ", quota: 2/h, reserve: 1", replies);
    bring(&f, "a", false, "One");
    await(&f, "a", "done", 0);
    bring(&f, "b", false, "Two");
    await(&f, "b", "again", 0);
    said = state_of(&f, "b", &detail, &attempts);
    assert_non_null(
        strstr(detail, "quota: 1 of 2 used in 1h, 1 is kept for breaking articles"));
    assert_int_equal(attempts, 0);
    mem_free(detail);
    mem_free(said);
    bring(&f, "c", true, "Three");
    await(&f, "c", "done", 0);
    assert_int_equal(f.server.requests, 2);
    /* It looks again now and then, and is tried when there is room: once. */
    for (int i = 0; i < 5; i++) {
        pass_time(&f, 11 * MS_MINUTE);
        await(&f, "b", "again", 0);
    }
    assert_int_equal(f.server.requests, 2);
    pass_time(&f, 6 * MS_MINUTE);
    await(&f, "b", "done", 2);
    assert_int_equal(f.server.requests, 3);
    teardown(&f);
}

static void what_waits_is_worthless_in_time(void **state)
{
    static const struct reply replies[] = {{.status = 200}, {.status = 0}};
    struct fixture f;

    (void)state;
    setup(&f, "plain", ", quota: 1/h, not_after: 30m", replies);
    bring(&f, "a", false, "One");
    await(&f, "a", "done", 0);
    bring(&f, "b", false, "Two");
    await(&f, "b", "again", 0);
    pass_time(&f, 31 * MS_MINUTE);
    courier_expire(f.c.courier);
    await(&f, "b", "expired", 0);
    teardown(&f);
}

/* Side by side they do not take the same place. */
static void many_at_once_are_never_too_many(void **state)
{
    static const struct reply replies[] = {
        {.status = 200}, {.status = 200}, {.status = 200}, {.status = 0}};
    struct fixture f;

    (void)state;
    setup(&f, "plain", ", quota: 3/h, concurrency: 20", replies);
    for (int i = 0; i < 12; i++) {
        char id[8];

        (void)snprintf(id, sizeof id, "n%d", i);
        bring(&f, id, false, id);
    }
    for (int i = 0; i < 300; i++) {
        turn(&f);
    }
    assert_int_equal(f.server.requests, 3);
    assert_int_equal(used(&f), 3);
    teardown(&f);
}

/* ---- fallback ---- */

static const char others[] =
    "  two: {type: plain, url: \"http://127.0.0.1:1\", fallback: [three, one]}\n"
    "  three: {type: plain, url: \"http://127.0.0.1:1\", fallback: all}\n"
    "  off: {type: plain, url: \"http://127.0.0.1:1\", enabled: false}\n"
    "groups: {all: [one, two, three, off]}\n";

static void expect_fallbacks(struct fixture *f, const char *name, const char *wanted)
{
    struct strings names = channel_fallbacks(&f->c, named(f, name));
    struct buf text;

    buf_init(&text, 1000);
    for (size_t i = 0; i < names.count; i++) {
        buf_addf(&text, "%s%s", i > 0 ? " " : "", names.v[i]);
    }
    assert_string_equal(buf_str(&text), wanted);
    buf_done(&text);
    strings_done(&names);
}

static void channels_that_fall_back_to_each_other_have_an_end(void **state)
{
    static const struct reply replies[] = {{.status = 0}};
    static const struct {
        const char *blocked, *of, *to;
    } rows[] = {
        {"one", "one", "two three"},
        {"one two", "one", "three"},
        {"one two", "two", "three"},
        {"two three", "two", "one"},
        {"one two three", "one", "three"}, /* it waits there: somewhere it must */
        {"one three", "three", "two"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fixture f;

        print_message("%s blocked, of %s\n", rows[i].blocked, rows[i].of);
        setup_with(&f, "plain", ", fallback: all", others, replies);
        named(&f, "one")->kept.blocked = strstr(rows[i].blocked, "one") != NULL;
        named(&f, "two")->kept.blocked = strstr(rows[i].blocked, "two") != NULL;
        named(&f, "three")->kept.blocked = strstr(rows[i].blocked, "three") != NULL;
        expect_fallbacks(&f, rows[i].of, rows[i].to);
        teardown(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_may_be_a_post_counts),
        cmocka_unit_test(corrections_and_retractions_do_not_count_unless_they_make_a_post),
        cmocka_unit_test(what_is_over_waits_untried_and_what_is_breaking_goes),
        cmocka_unit_test(what_waits_is_worthless_in_time),
        cmocka_unit_test(many_at_once_are_never_too_many),
        cmocka_unit_test(channels_that_fall_back_to_each_other_have_an_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
