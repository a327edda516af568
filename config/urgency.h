#ifndef CRIER_CONFIG_URGENCY_H
#define CRIER_CONFIG_URGENCY_H

/* How urgent a source's number is. Agencies and systems count differently (a "routine" story is a 4
 * at AP, normal is 5 at IPTC and 4 at TT), so a source names its scale, and rules always see the
 * IPTC's: 1 the most urgent, 5 normal, 8 the least, 9 the user's own. The article keeps the number
 * that came. The table of scales is data, in urgency.c. */

#include <stdbool.h>

#include "base/buf.h"

#define URGENCY_MAX 9

struct urgency_scale {
    const char *name; /* as in settings: "tt" */
    struct urgency_level {
        int iptc;              /* 0: the scale has no such number */
        const char *name;      /* what its owner calls it; NULL: nothing */
    } levels[URGENCY_MAX + 1]; /* by the number that came; [0] unused */
};

/* In the order of the scales, NULL-terminated: choices of the setting `urgency_scale`. The first is
 * the IPTC's own. */
extern const char *const urgency_scale_names[];
/* scale: an index of that list. */
const struct urgency_scale *urgency_scale_at(int scale);
/* On the IPTC's scale; 0: not told, or not on that scale. scale NULL: the IPTC's own. */
int urgency_iptc(const struct urgency_scale *scale, int urgency);
/* "2", or "2 (tt 2, Brådskande)", or "none on the tt scale (7)", or "none". */
void urgency_describe(const struct urgency_scale *scale, int urgency, struct buf *out);

#endif
