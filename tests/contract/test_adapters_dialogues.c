/* Every adapter against its platform, as far as text files can tell: runs all dialogues of all
 * registered adapters (form: tests/fixtures/dialogues/README.md). */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "adapters/registry.h"
#include "base/mem.h"
#include "support/dialogue.h"

static void count_request(struct dialogue *d,
                          const struct adapter *a,
                          const struct step *step,
                          const struct http_request *req,
                          void *context)
{
    (void)a;
    (void)step;
    if (!req->url || strncmp(req->url, req->mail ? "smtp" : "http", 4) != 0) {
        dialogue_fault(d, "a request without an address");
    }
    ++*(size_t *)context;
}

static void every_adapter_speaks_as_its_dialogues_say(void **state)
{
    const char *only = getenv("DIALOGUE"); /* to look at one: DIALOGUE=telegram/photo */
    const struct adapter *const *all;
    size_t count;
    int faults = 0;

    (void)state;
    all = adapters_all(&count);
    for (size_t i = 0; i < count; i++) {
        size_t requests = 0;
        int n = dialogues_run(all[i], only, count_request, &requests);

        print_message("%s: %zu requests, %d faults\n", all[i]->name, requests, n);
        faults += n + (!only && requests == 0);
    }
    assert_int_equal(faults, 0);
}

static void nothing_stays_allocated(void **state)
{
    (void)state;
    assert_int_equal(mem_live_count(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_adapter_speaks_as_its_dialogues_say),
        cmocka_unit_test(nothing_stays_allocated),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
