/* Fault points for tests. FAULT() in any room asks fault_hit; the plan comes from CRIER_FAULT
 * or fault_set. Points may be passed on any thread, so the plan is under a lock. */

#include "base/fault.h"

#if WITH_FAULTS

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/syscall.h>

#include "base/attr.h"
#include "base/mem.h"
#include "base/parse.h"

#define EXIT_CODE 99

/* What happens at a point that fires; FAIL: what the caller does when told. */
enum deed { FAIL, EXIT, HANG, TERM };

struct plan {
    char point[64]; /* "*": any; "out.*": all of those; "": nothing armed */
    uint64_t left;  /* passes until it fires; 0 when it has */
    enum deed deed;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct plan plan;
static int fired;
static bool env_read;

static enum deed read_deed(const char *text)
{
    static const char *const names[] = {
        [FAIL] = "", [EXIT] = ":exit", [HANG] = ":hang", [TERM] = ":term"};
    size_t i = 0;

    while (i < ARRAY_LEN(names) && strcmp(text, names[i]) != 0) {
        i++;
    }
    must(i < ARRAY_LEN(names));
    return (enum deed)i;
}

/* "point:n" with or without a deed; anything else is a mistake in the test, and stops it. */
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
    plan.deed = read_deed(colon + 1 + digits);
}

static void read_env(void)
{
    const char *spec = getenv("CRIER_FAULT");

    env_read = true;
    if (spec != NULL && *spec != '\0') {
        arm(spec);
    }
}

static bool is_named(const char *point)
{
    const char *star = strchr(plan.point, '*');

    return star != NULL ? strncmp(plan.point, point, (size_t)(star - plan.point)) == 0
                        : strcmp(plan.point, point) == 0;
}

static bool pass(const char *point)
{
    if (!env_read) {
        read_env();
    }
    if (!is_named(point) || plan.left == 0 || --plan.left > 0) {
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

/* Also seen by who watches from outside. One write: lines of the log come from other threads. */
static void tell(const char *point)
{
    char line[128];
    int len = snprintf(line, sizeof line, "fault point: %s\n", point);

    (void)!write(STDERR_FILENO, line, (size_t)len);
}

/* By the bare call: what a sanitizer does at an exit is no part of a crash. */
NORETURN static void leave(void)
{
    (void)syscall(SYS_exit_group, EXIT_CODE);
    abort();
}

bool fault_hit(const char *point)
{
    pthread_mutex_lock(&lock);
    bool hit = pass(point);
    enum deed deed = plan.deed;
    pthread_mutex_unlock(&lock);
    if (!hit) {
        return false;
    }
    tell(point);
    switch (deed) {
    case FAIL:
        return true;
    case EXIT:
        leave();
    case HANG:
        hang();
    case TERM:
        (void)kill(getpid(), SIGTERM);
        break;
    }
    return false;
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
