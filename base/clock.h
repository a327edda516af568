#ifndef CRIER_BASE_CLOCK_H
#define CRIER_BASE_CLOCK_H

/* Time and randomness, injected: deciding code takes now_ms as an argument, running code asks a
 * struct clock, so tests run a week of retries in a millisecond. And the text forms of time. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MS_SECOND INT64_C(1000)
#define MS_MINUTE (60 * MS_SECOND)
#define MS_HOUR (60 * MS_MINUTE)
#define MS_DAY (24 * MS_HOUR)

/* Milliseconds since 1970-01-01 UTC, and of a timer that never jumps. Builds with faults move both. */
int64_t clock_wall_ms(void);
int64_t clock_mono_ms(void);
int64_t clock_mono_us(void);
#if WITH_FAULTS
/* Tests only, for the whole process. Time goes by: both clocks jump forward. Somebody sets the clock: the
 * wall clock jumps, either way; by $CRIER_CLOCK_MS at the start of the process. */
void clock_advance(int64_t by_ms);
void clock_set_by(int64_t by_ms);
#endif

#define TIME_TEXT_BYTES 32
/* "2026-11-23T15:04:05.678Z" (RFC 3339); returns out. */
const char *time_rfc3339(int64_t at_ms, char out[TIME_TEXT_BYTES]);
/* "2026-11-23T15:04:05Z". */
const char *time_rfc3339_seconds(int64_t at_ms, char out[TIME_TEXT_BYTES]);
/* "Mon, 23 Nov 2026 15:04:05 GMT" (RFC 9110 section 5.6.7). */
const char *time_http(int64_t at_ms, char out[TIME_TEXT_BYTES]);
/* RFC 3339 with zone, any number of fraction digits (ISO 8601 "T" or a blank between). */
bool time_parse_rfc3339(const char *text, size_t len, int64_t *out_ms);
/* A day of the proleptic Gregorian calendar and a time of it, UTC; a leap second counts as the second
 * before it. False when some part is out of its range, years beyond 1 to 9999 included. */
struct time_civil {
    int year, month, day, hour, minute, second, ms;
};
bool time_from_civil(struct time_civil c, int64_t *out_ms);
/* The three forms of HTTP-date. */
bool time_parse_http(const char *text, int64_t *out_ms);

/* Randomness: seeded from the system once (rng_init_system), or from a number in tests. Not for
 * keys; those come from crypto_random(). */
struct rng {
    uint64_t s[4];
};
void rng_init(struct rng *r, uint64_t seed);
void rng_init_system(struct rng *r);
uint64_t rng_u64(struct rng *r);
/* Evenly from 0 to below (exclusive); below 0 gives 0. */
uint64_t rng_below(struct rng *r, uint64_t below);

#endif
