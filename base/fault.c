/* Fault points for tests. FAULT() in any room asks fault_hit; the plan comes from CRIER_FAULT
 * or fault_set. Points may be passed on any thread, so the plan is under a lock. */

#include "base/fault.h"

#if WITH_FAULTS

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/parse.h"

#define EXIT_CODE 99

struct plan {
    char point[64]; /* "*": any; "": nothing armed */
    uint64_t left;  /* passes until it fires; 0 when it has */
    bool exits, hangs;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct plan plan;
static int fired;
static bool env_read;

/* "point:n", "point:n:exit" or "point:n:hang"; anything else is a mistake in the test, and stops it. */
static void arm(const char *spec)
{
    char number[32];
    const char *colon = strchr(spec, ':');

    must(colon != NULL && colon > spec && (size_t)(colon - spec) < sizeof plan.point);
    plan = (struct plan){0};
    memcpy(plan.point, spec, (size_t)(colon - spec));
    size_t digits = strcspn(colon + 1, ":");
    must(digits < sizeof number);
    memcpy(number, colon + 1, digits);
    number[digits] = '\0';
    must(parse_u64(number, &plan.left));
    const char *rest = colon + 1 + digits;
    plan.exits = strcmp(rest, ":exit") == 0;
    plan.hangs = strcmp(rest, ":hang") == 0;
    must(plan.exits || plan.hangs || *rest == '\0');
}

static void read_env(void)
{
    const char *spec = getenv("CRIER_FAULT");

    env_read = true;
    if (spec != NULL && *spec != '\0') {
        arm(spec);
    }
}

static bool pass(const char *point)
{
    if (!env_read) {
        read_env();
    }
    bool named = strcmp(plan.point, "*") == 0 || strcmp(plan.point, point) == 0;
    if (!named || plan.left == 0 || --plan.left > 0) {
        return false;
    }
    fired++;
    return true;
}

NORETURN static void hang(void)
{
    for (;;) {
        (void)pause();
    }
}

bool fault_hit(const char *point)
{
    pthread_mutex_lock(&lock);
    bool hit = pass(point);
    bool exits = hit && plan.exits, hangs = hit && plan.hangs;
    pthread_mutex_unlock(&lock);
    if (exits) {
        _exit(EXIT_CODE);
    }
    if (hangs) {
        hang();
    }
    return hit;
}

int fault_set(const char *spec)
{
    pthread_mutex_lock(&lock);
    int count = fired;
    fired = 0;
    env_read = true; /* a test program's word comes before the environment's */
    plan = (struct plan){0};
    if (spec != NULL) {
        arm(spec);
    }
    pthread_mutex_unlock(&lock);
    return count;
}

#else
/* A translation unit must not be empty (C17, 6.9). */
extern const int fault_points_are_compiled_out;
const int fault_points_are_compiled_out = 1;
#endif
