#ifndef CRIER_BASE_ZONE_INTERNAL_H
#define CRIER_BASE_ZONE_INTERNAL_H

/* A time zone as it was read (zone_file.c), and its rule for all the time after what the file lists
 * (zone_rule.c): the TZ string of POSIX, as "CET-1CEST,M3.5.0,M10.5.0/3". */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct zone_date {                                     /* of a year, at a local time of it */
    enum { ZONE_JULIAN, ZONE_DAY, ZONE_WEEKDAY } kind; /* Jn: without 29 February; n; Mm.w.d */
    int day;                                           /* Jn: 1..365; n: 0..365; d: 0..6 */
    int month, week;
    int32_t at_s;
};
struct zone_rule {
    bool has_summer;
    int32_t standard_s, summer_s; /* east of UTC */
    struct zone_date begins, ends;
};

/* False: it is no such text. */
bool zone__rule_read(struct zone_rule *out, const char *text, size_t len);
int32_t zone__rule_offset(const struct zone_rule *r, int64_t at_s);

#endif
