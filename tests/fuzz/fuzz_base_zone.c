/* Files of time zones from anywhere: they are one or they are none, and what is read has an offset at any time.
 * The same for the rule alone, and for names. */

#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"
#include "base/zone.h"
#include "base/zone_internal.h"

#define A_DAY 86400

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ask(struct zone *z)
{
    static const int64_t when[] = {
        INT64_MIN, -2208988800000, -1, 0, 1795446245678, 4107542399999, INT64_MAX};

    for (size_t i = 0; i < ARRAY_LEN(when); i++) {
        int32_t offset = zone_offset_in(z, when[i]);

        must(offset > -8 * A_DAY && offset < 8 * A_DAY);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct zone *z = zone_read(data, size);
    struct zone_rule rule;
    char *name;
    int64_t next;

    if (z) {
        ask(z);
    }
    zone_free(z);
    if (zone__rule_read(&rule, (const char *)data, size)) {
        (void)zone__rule_offset(&rule, 1795446245);
    }
    name = mem_strndup((const char *)data, size < 100 ? size : 100);
    next = zone_next_minute(name, 1795446245678, (int)(size % ZONE_DAY_MINUTES));
    must(next > 1795446245678);
    mem_free(name);
    zone_forget();
    must(mem_live_count() == 0);
    return 0;
}
