/* The states of a delivery: names, and every move, legal and not. */

#include "queue/state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"

static void every_state_has_a_name_that_leads_back_to_it(void **state)
{
    (void)state;
    for (int i = 0; i < DELIVERY_STATE_COUNT; i++) {
        enum delivery_state back = DELIVERY_STATE_COUNT;

        assert_true(delivery_state_parse(delivery_state_name((enum delivery_state)i), &back));
        assert_int_equal(back, i);
    }
}

static void a_word_that_is_no_state_is_refused(void **state)
{
    static const char *const words[] = {"", "Done", "done ", "sent", "in flight"};
    enum delivery_state out;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        assert_false(delivery_state_parse(words[i], &out));
    }
}

static void the_numbers_are_those_on_disk(void **state)
{
    static const char *const names[] = {"held",
                                        "ready",
                                        "in_flight",
                                        "done",
                                        "again",
                                        "unknown",
                                        "rejected",
                                        "blocked",
                                        "expired",
                                        "cancelled"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        assert_string_equal(delivery_state_name((enum delivery_state)i), names[i]);
    }
}

/* Rows: from; columns in the order of the numbers: h r f d a u j b x c. */
static void every_move_is_legal_or_not_as_listed(void **state)
{
    static const char *const may[DELIVERY_STATE_COUNT] = {
        /*              hrfdaujbxc */
        /* held      */ ".r......xc",
        /* ready     */ "..fda.jbxc",
        /* in_flight */ ".r.daujbxc",
        /* done      */ "..........",
        /* again     */ ".rfda.jbxc",
        /* unknown   */ ".rfdaujb.c",
        /* rejected  */ "hr........",
        /* blocked   */ ".r......xc",
        /* expired   */ "hr........",
        /* cancelled */ "hr..a.....",
    };

    (void)state;
    for (int from = 0; from < DELIVERY_STATE_COUNT; from++) {
        for (int to = 0; to < DELIVERY_STATE_COUNT; to++) {
            if (delivery_may_move((enum delivery_state)from, (enum delivery_state)to) !=
                (may[from][to] != '.')) {
                fail_msg("from %s to %s",
                         delivery_state_name((enum delivery_state)from),
                         delivery_state_name((enum delivery_state)to));
            }
        }
    }
}

static void what_has_ended_is_open_no_more(void **state)
{
    static const char ended[] = "...d..j.xc";

    (void)state;
    for (int i = 0; i < DELIVERY_STATE_COUNT; i++) {
        assert_int_equal(delivery_state_ended((enum delivery_state)i), ended[i] != '.');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_state_has_a_name_that_leads_back_to_it),
        cmocka_unit_test(a_word_that_is_no_state_is_refused),
        cmocka_unit_test(the_numbers_are_those_on_disk),
        cmocka_unit_test(every_move_is_legal_or_not_as_listed),
        cmocka_unit_test(what_has_ended_is_open_no_more),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
