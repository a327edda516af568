/* What the ledger keeps of credentials: the newest of each channel, after a restart and in a backup too. */

#include "tests/support/queue_kit.h"

#include "queue/upkeep.h"

static void put(struct kit *k, const char *channel, const char *sealed)
{
    struct ledger_credential_put r = {.req = {.kind = LEDGER_CREDENTIAL_PUT},
                                      .channel = channel,
                                      .origin = "ab",
                                      .sealed = sealed,
                                      .now_ms = k->now_ms++};

    assert_int_equal(kit_run(k, &r.req), ERR_NONE);
}

static void expect(struct kit *k, const char *want)
{
    struct ledger_credentials r = {.req = {.kind = LEDGER_CREDENTIALS}};
    struct buf said;

    buf_init(&said, 4096);
    assert_int_equal(kit_run(k, &r.req), ERR_NONE);
    for (size_t i = 0; i < r.count; i++) {
        assert_string_equal(r.v[i].origin, "ab");
        buf_addf(&said,
                 "%s%s=%s@%d",
                 i ? " " : "",
                 r.v[i].channel,
                 r.v[i].sealed,
                 (int)(r.v[i].saved_at_ms - KIT_NOW));
    }
    assert_string_equal(buf_str(&said), want);
    ledger_request_done(&r.req);
    buf_done(&said);
}

static void the_newest_of_each_channel_is_there_after_a_restart(void **state)
{
    struct kit *k = *state;

    expect(k, "");
    put(k, "x", "AQID");
    put(k, "facebook", "AgID");
    put(k, "x", "AwID");
    kit_reopen(k);
    expect(k, "facebook=AgID@1 x=AwID@2");
    put(k, "x", NULL);
    put(k, "never", NULL);
    kit_reopen(k);
    expect(k, "facebook=AgID@1");
}

static void a_backup_has_them(void **state)
{
    struct kit *k = *state;
    char *copy = mem_printf("%s/copy.db", k->dir);
    struct ledger_size size;
    struct err why = {.code = ERR_NONE};

    put(k, "x", "AQID");
    assert_int_equal(ledger_backup(k->location, copy, kit_go_on, &size, &why), ERR_NONE);
    kit_close(k);
    kit_insist_clean(k->location);
    (void)unlink(k->path);
    kit_copy_file(copy, k->path);
    (void)unlink(copy);
    kit_open(k);
    expect(k, "x=AQID@0");
    mem_free(copy);
}

static int set_up(void **state)
{
    struct kit *k = mem_zalloc(sizeof *k);

    kit_init(k);
    kit_open(k);
    *state = k;
    return 0;
}

static int tear_down(void **state)
{
    struct kit *k = *state;

    kit_done_all(k);
    mem_free(k);
    assert_int_equal(mem_live_count(), 0);
    return 0;
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(the_newest_of_each_channel_is_there_after_a_restart),
        CASE(a_backup_has_them),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
