/* The two clocks, and the pseudo-random numbers. Called by running code only: deciding code
 * gets the time as an argument. Owns the offsets that tests add to the clocks. The text forms
 * of time are in clock_text.c. */

#include "base/clock.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

#include "base/attr.h"
#include "base/parse.h"

#if WITH_FAULTS
static _Atomic int64_t advanced_ms, set_by_ms;
static pthread_once_t env_once = PTHREAD_ONCE_INIT;

/* Where the wall clock of the process before this one stood, as a machine's would after a restart. */
static void read_env(void)
{
    const char *text = getenv("CRIER_CLOCK_MS");
    int64_t ms = 0;

    if (text != NULL) {
        must(parse_i64(text, &ms));
        atomic_fetch_add(&set_by_ms, ms);
    }
}

void clock_advance(int64_t by_ms)
{
    atomic_fetch_add(&advanced_ms, by_ms);
}

void clock_set_by(int64_t by_ms)
{
    atomic_fetch_add(&set_by_ms, by_ms);
}

static int64_t offset_ms(clockid_t which)
{
    (void)pthread_once(&env_once, read_env);
    return atomic_load(&advanced_ms) + (which == CLOCK_REALTIME ? atomic_load(&set_by_ms) : 0);
}
#else
static int64_t offset_ms(clockid_t which)
{
    (void)which;
    return 0;
}
#endif

static int64_t read_us(clockid_t which)
{
    struct timespec now;

    must(clock_gettime(which, &now) == 0);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000 + offset_ms(which) * 1000;
}

int64_t clock_wall_ms(void)
{
    return read_us(CLOCK_REALTIME) / 1000;
}

int64_t clock_mono_ms(void)
{
    return clock_mono_us() / 1000;
}

int64_t clock_mono_us(void)
{
    return read_us(CLOCK_MONOTONIC);
}

/* splitmix64, to spread one number over the state; xoshiro256** after that (Blackman,
 * Vigna). */
static uint64_t spread(uint64_t *x)
{
    uint64_t z = *x += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

void rng_init(struct rng *r, uint64_t seed)
{
    for (size_t i = 0; i < ARRAY_LEN(r->s); i++) {
        r->s[i] = spread(&seed);
    }
}

void rng_init_system(struct rng *r)
{
    uint64_t seed;

    must(getrandom(&seed, sizeof seed, 0) == (ssize_t)sizeof seed);
    rng_init(r, seed);
}

static uint64_t rotl(uint64_t x, int by)
{
    return (x << by) | (x >> (64 - by));
}

uint64_t rng_u64(struct rng *r)
{
    uint64_t *s = r->s;
    uint64_t result = rotl(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;

    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotl(s[3], 45);
    return result;
}

uint64_t rng_below(struct rng *r, uint64_t below)
{
    if (below == 0) {
        return 0;
    }
    /* Numbers under this would make the low results a little more likely. */
    uint64_t uneven = (UINT64_MAX - below + 1) % below;
    uint64_t x = rng_u64(r);

    while (x < uneven) {
        x = rng_u64(r);
    }
    return x % below;
}
