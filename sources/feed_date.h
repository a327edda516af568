#ifndef CRIER_SOURCES_FEED_DATE_H
#define CRIER_SOURCES_FEED_DATE_H

/* Dates as feeds write them: RFC 822 and its relatives, RFC 3339 and W3CDTF, what databases, blogs and
 * people write, with the names of months in a dozen languages. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct feed_date_rules {
    int zone_minutes; /* east of UTC, when a date names no zone, or one that cannot be */
    bool
        month_first; /* 03/04/2026 is 4 March; where one of them cannot be a month, it is the day */
};

/* Milliseconds since 1970 UTC. False when no day can be made of it: days and hours that do not exist, all
 * up to the end of 1970 (what a clock that was never set says), and words nobody knows. */
bool feed_date_parse(const char *text,
                     size_t len,
                     const struct feed_date_rules *rules,
                     int64_t *out_ms);

#endif
