/* Patience with wrong passwords: who counts as one peer, what a crowd of addresses and what chosen ones
 * can do, and that tokens are compared as digests, in time that tells nothing. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/crypto.h"
#include "tests/support/door_kit.h"

#define END "Host: localhost\r\nConnection: close\r\n\r\n"
#define RIGHT "Authorization: Bearer s3cr3t-token\r\n"
#define WRONG "Authorization: Bearer guess\r\n"

/* ---- the comparison, listened to (the linker puts this one in its place) ---- */

/* NOLINTBEGIN(bugprone-reserved-identifier): the linker's names */
bool __real_crypto_equal(const void *a, const void *b, size_t len);
bool __wrap_crypto_equal(const void *a, const void *b, size_t len);

static struct comparisons {
    int count;
    size_t len;
    uint8_t given[SHA256_BYTES];
} seen;

bool __wrap_crypto_equal(const void *a, const void *b, size_t len)
{
    seen.count++;
    seen.len = len;
    memcpy(seen.given, a, len < sizeof seen.given ? len : sizeof seen.given);
    return __real_crypto_equal(a, b, len);
}
/* NOLINTEND(bugprone-reserved-identifier) */

/* ---- asking ---- */

static int ask_with(const char *headers)
{
    char request[2000];

    (void)snprintf(request, sizeof request, "GET /secret/x HTTP/1.1\r\n%s" END, headers);
    return status_of(ask(request, strlen(request))->answer);
}

static int ask_from(const char *forwarded, const char *token)
{
    char headers[1000];

    (void)snprintf(headers, sizeof headers, "X-Forwarded-For: %s\r\n%s", forwarded, token);
    return ask_with(headers);
}

static void fail_often(const char *forwarded)
{
    for (int i = 0; i < 10; i++) {
        assert_int_equal(ask_from(forwarded, WRONG), 401);
    }
}

static void tokens_are_compared_as_digests_whatever_was_given(void **state)
{
    static const struct {
        const char *token;
        int status;
    } rows[] = {
        {"s3cr3t-token", 200},
        {"x", 401},
        {"s3cr3t-toke", 401},
        {"s3cr3t-token-and-much-more-than-that", 401},
        {"", 401},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint8_t digest[SHA256_BYTES];
        char headers[200];

        crypto_sha256(rows[i].token, strlen(rows[i].token), digest);
        memset(&seen, 0, sizeof seen);
        (void)snprintf(headers, sizeof headers, "Authorization: Bearer %s\r\n", rows[i].token);
        assert_int_equal(ask_with(headers), rows[i].status);
        assert_int_equal(seen.count, 1);
        assert_int_equal(seen.len, SHA256_BYTES);
        assert_memory_equal(seen.given, digest, SHA256_BYTES);
    }
}

static void one_peer_is_an_address_or_the_64_bits_of_a_customer(void **state)
{
    static const struct {
        const char *failed, *same, *other;
    } rows[] = {
        {"203.0.113.1", "203.0.113.1", "203.0.113.2"},
        {"203.0.113.9", "203.0.113.9:4711", "203.0.113.10:4711"},
        {"203.0.113.20", "::ffff:203.0.113.20", "::ffff:203.0.113.21"},
        {"2001:db8:1:2::1", "2001:db8:1:2:ffff:eeee:dddd:cccc", "2001:db8:1:3::1"},
        {"[2001:db8:5::1]:80", "2001:DB8:5:0::9", "[2001:db8:6::1]:80"},
        {"1.1.1.1, 203.0.113.30", "203.0.113.30", "203.0.113.30, 1.1.1.1"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        fail_often(rows[i].failed);
        if (ask_from(rows[i].same, RIGHT) != 429 || ask_from(rows[i].other, RIGHT) != 200) {
            fail_msg("%s, %s, %s", rows[i].failed, rows[i].same, rows[i].other);
        }
    }
}

/* What a client claims stands before what our proxy writes, in one header or in two. */
static void a_client_cannot_choose_who_it_is_counted_as(void **state)
{
    char headers[300];

    (void)state;
    for (int i = 0; i < 10; i++) {
        (void)snprintf(headers,
                       sizeof headers,
                       "X-Forwarded-For: 10.0.0.%d\r\nx-forwarded-for: 203.0.113.40\r\n" WRONG,
                       i);
        assert_int_equal(ask_with(headers), 401);
    }
    assert_int_equal(
        ask_with("X-Forwarded-For: 10.0.0.77\r\nX-Forwarded-For: 203.0.113.40\r\n" WRONG), 429);
    assert_int_equal(ask_from("10.0.0.3", RIGHT), 200); /* nobody was locked out in its name */
}

static void what_is_no_address_names_nobody(void **state)
{
    static const char *const rows[] = {
        "unknown",
        "_hidden",
        "for=1.2.3.4",
        "",
        "1.2.3.4.5",
        "[::1",
        "1.2.3.4\", \"",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};

    (void)state;
    for (int i = 0; i < 12;
         i++) { /* all of them count as this machine, whose right token opens */
        (void)ask_from(rows[i % (int)ARRAY_LEN(rows)], WRONG);
    }
    assert_int_equal(ask_from(rows[0], WRONG), 429);
    assert_int_equal(ask_with(WRONG), 429);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(ask_from(rows[i], RIGHT), 200);
    }
}

static void a_crowd_of_addresses_takes_no_more_memory(void **state)
{
    size_t before = mem_live_count();
    char address[40];

    (void)state;
    for (int i = 0; i < 1500; i++) { /* three times as many as there are places */
        (void)snprintf(address, sizeof address, "198.18.%d.%d", i / 256, i % 256);
        assert_int_equal(ask_from(address, WRONG), 401);
    }
    RUN_UNTIL(door_connections(w.crier.door) == 0);
    assert_int_equal(mem_live_count(), before);
    fail_often("203.0.113.50"); /* and the next one is counted as ever */
    assert_int_equal(ask_from("203.0.113.50", RIGHT), 429);
}

/* A few addresses of one guesser, however chosen, do not wipe out each other's count: all of them
 * fail nine times in turn and then once more. */
static void addresses_that_take_turns_are_each_counted(void **state)
{
    char address[40];
    int locked = 0;

    (void)state;
    for (int round = 0; round < 10; round++) {
        for (int i = 0; i < 8; i++) {
            (void)snprintf(address, sizeof address, "198.51.100.%d", i);
            assert_int_equal(ask_from(address, WRONG), 401);
        }
    }
    for (int i = 0; i < 8; i++) {
        (void)snprintf(address, sizeof address, "198.51.100.%d", i);
        locked += ask_from(address, RIGHT) == 429;
    }
    assert_int_equal(locked, 8);
}

static void a_failure_long_ago_does_not_count(void **state)
{
    (void)state;
    fail_often("203.0.113.60");
    assert_int_equal(ask_from("203.0.113.60", RIGHT), 429);
#if WITH_FAULTS
    clock_advance(61 * MS_SECOND);
    assert_int_equal(ask_from("203.0.113.60", WRONG), 401);
    assert_int_equal(ask_from("203.0.113.60", RIGHT), 200);
#endif
}

/* ---- who may be listened for ---- */

static void other_machines_reach_it_with_a_token_only(void **state)
{
    static const char *const rows[] = {"0.0.0.0:0", "[::]:0", "[::ffff:0.0.0.0]:0"};
    struct door *d = NULL;
    struct err why;

    (void)state;
    open_world("127.0.0.1:0", NULL);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char *right = w.config.server.listen;

        w.config.server.listen = mem_strdup(rows[i]);
        assert_int_equal(door_new(&d, &w.crier, routes, &why), ERR_DENIED);
        assert_non_null(strstr(why.text, "server.token"));
        mem_free(w.config.server.listen);
        w.config.server.listen = right;
    }
    close_world();
    open_world("0.0.0.0:0", "s3cr3t-token");
    assert_int_equal(ask_with(""), 401);
    assert_int_equal(ask_with(RIGHT), 200);
    close_world();
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup_token, teardown)
    const struct CMUnitTest tests[] = {
        CASE(tokens_are_compared_as_digests_whatever_was_given),
        CASE(one_peer_is_an_address_or_the_64_bits_of_a_customer),
        CASE(a_client_cannot_choose_who_it_is_counted_as),
        CASE(what_is_no_address_names_nobody),
        CASE(a_crowd_of_addresses_takes_no_more_memory),
        CASE(addresses_that_take_turns_are_each_counted),
        CASE(a_failure_long_ago_does_not_count),
        cmocka_unit_test(other_machines_reach_it_with_a_token_only),
    };

    log_setup(STDERR_FILENO, LOG_TEXT, LOG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
