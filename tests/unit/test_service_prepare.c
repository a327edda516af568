/* service/prepare: everybody for whom it can be done is prepared, in blocks; nothing is while a delivery to the channel
 * runs, or where the settings say no; and an end comes at once. */

#include "tests/support/service_program.h"

#include <stdatomic.h>
#include <string.h>

#include "adapters/push.h"
#include "service/prepare.h"

/* ---- an audience whose push prepares ---- */

static atomic_int made;
static atomic_int slow_us;
static bool wanted;

/* Of every tenth nothing can be. */
static bool make_one(const struct member *m, uint8_t *out)
{
    usleep((useconds_t)slow_us);
    if (m->id % 10 == 0) {
        return false;
    }
    memset(out, (int)m->id & 0xFF, 4);
    atomic_fetch_add(&made, 1);
    return true;
}

static bool is_wanted(const void *settings)
{
    (void)settings;
    return wanted;
}

static const struct push push = {
    .many = 1, .prepared_bytes = 4, .prepare = make_one, .prepares = is_wanted};
static const struct audience audience = {.push = &push};

static struct adapter adapter_of(const struct adapter *plain)
{
    struct adapter a = *plain;

    a.audience = &audience;
    return a;
}

/* ---- the program ---- */

struct scene {
    struct fixture f;
    struct adapter adapter;
};

static void put_members(struct fixture *f, size_t count, uint64_t first)
{
    struct ledger_new_member *v = mem_calloc(count, sizeof *v);
    char(*addresses)[32] = mem_calloc(count, sizeof *addresses);
    static const uint8_t keys[81] = {4};
    struct ledger_members_put put = {.req = {.kind = LEDGER_MEMBERS_PUT},
                                     .channel = "one",
                                     .v = v,
                                     .count = count,
                                     .first_id = first,
                                     .now_ms = clock_wall_ms()};
    struct err why = {0};

    for (size_t i = 0; i < count; i++) {
        (void)snprintf(
            addresses[i], sizeof addresses[i], "https://push.example/%zu", first + i);
        v[i] = (struct ledger_new_member){.address = addresses[i],
                                          .opted_in_by = "test",
                                          .opted_in_at_ms = 1000,
                                          .keys = keys,
                                          .keys_len = sizeof keys};
    }
    assert_int_equal(ledger_run(f->c.ledger, &put.req, &why), 0);
    assert_int_equal(put.added, count);
    ledger_request_done(&put.req);
    mem_free(addresses);
    mem_free(v);
}

static int64_t prepared(struct fixture *f)
{
    struct ledger_members r = {.req = {.kind = LEDGER_MEMBERS}, .channel = "one", .state = -1};
    struct err why = {0};
    int64_t count;

    assert_int_equal(ledger_run(f->c.ledger, &r.req, &why), 0);
    count = r.prepared;
    ledger_request_done(&r.req);
    return count;
}

static void begin(struct scene *s, const struct reply *replies, size_t members)
{
    memset(s, 0, sizeof *s);
    atomic_store(&made, 0);
    atomic_store(&slow_us, 0);
    wanted = true;
    setup(&s->f, "plain", "", replies);
    s->f.c.phase = CRIER_READY;
    s->adapter = adapter_of(channels_find(s->f.c.channels, "one")->adapter);
    channels_find(s->f.c.channels, "one")->adapter = &s->adapter;
    put_members(&s->f, members, 1);
    s->f.c.preparer = prepare_new(&s->f.c);
}

static void end(struct scene *s)
{
    struct preparer *p = s->f.c.preparer;

    prepare_stop(p);
    atomic_store(&s->f.script.go, true);
    drain(&s->f);
    ledger_close(s->f.c.ledger); /* as the service ends */
    s->f.c.ledger = NULL;
    prepare_free(p);
    teardown(&s->f);
}

/* The thread has what others leave of the processor, which may be little while other tests run. */
#define PATIENCE 60000

static bool comes_to(struct scene *s, int64_t count)
{
    for (int i = 0; i < PATIENCE && prepared(&s->f) != count; i++) {
        turn(&s->f);
    }
    return prepared(&s->f) == count;
}

static void let(struct scene *s, int ms)
{
    for (int i = 0; i < ms; i++) {
        turn(&s->f);
    }
}

/* ---- cases ---- */

static void all_who_can_be_are_prepared_once(void **state)
{
    static const struct reply replies[] = {{.status = 0}};
    struct scene s;

    (void)state;
    begin(&s, replies, 1200);
    prepare_start(s.f.c.preparer);
    assert_true(comes_to(&s, 1080));
    let(&s, 50);
    assert_int_equal(made, 1080); /* nobody twice */
    end(&s);
}

static void a_delivery_to_the_channel_goes_first(void **state)
{
    static const struct reply replies[] = {{.status = 200, .how = WAIT}, {.status = 0}};
    struct scene s;

    (void)state;
    begin(&s, replies, 40);
    submit(&s.f);
    for (int i = 0; i < 2000 && s.f.server.requests == 0; i++) {
        turn(&s.f);
    }
    prepare_start(s.f.c.preparer);
    let(&s, 400);
    assert_int_equal(courier_running(s.f.c.courier), 1);
    assert_int_equal(made, 0);
    end(&s);
}

static void nothing_is_where_settings_say_no(void **state)
{
    static const struct reply replies[] = {{.status = 0}};
    struct scene s;

    (void)state;
    begin(&s, replies, 40);
    wanted = false;
    prepare_start(s.f.c.preparer);
    let(&s, 400);
    assert_int_equal(made, 0);
    end(&s);
}

static void the_end_comes_at_once(void **state)
{
    static const struct reply replies[] = {{.status = 0}};
    struct scene s;
    int64_t began_ms;

    (void)state;
    begin(&s, replies, 500);
    atomic_store(&slow_us, 5000); /* a block takes two seconds and a half */
    prepare_start(s.f.c.preparer);
    for (int i = 0; i < PATIENCE && made == 0; i++) {
        turn(&s.f);
    }
    began_ms = clock_mono_ms();
    end(&s);
    assert_true(clock_mono_ms() - began_ms < 1500);
    assert_true(made < 400);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_who_can_be_are_prepared_once),
        cmocka_unit_test(a_delivery_to_the_channel_goes_first),
        cmocka_unit_test(nothing_is_where_settings_say_no),
        cmocka_unit_test(the_end_comes_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
