/* A date as somebody may write it. Whatever is taken for one lies in the years that have four digits, and
 * written as RFC 3339 it is read as itself. The first byte chooses zone and order. */

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/attr.h"
#include "base/clock.h"
#include "sources/feed_date.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct feed_date_rules rules = {0};
    char text[TIME_TEXT_BYTES];
    int64_t at_ms, again_ms;

    if (size == 0) {
        return 0;
    }
    rules.zone_minutes = (data[0] & 63) * 30 - 720;
    rules.month_first = data[0] & 64;
    if (rules.zone_minutes > 840 ||
        !feed_date_parse((const char *)data + 1, size - 1, &rules, &at_ms)) {
        return 0;
    }
    must(at_ms > 364 * MS_DAY);
    time_rfc3339(at_ms, text);
    if (at_ms < INT64_C(253402214400000)) { /* the last day may end in the year 10000 */
        must(feed_date_parse(text, strlen(text), &rules, &again_ms) && again_ms == at_ms);
    }
    return 0;
}
