#ifndef CRIER_SOURCES_WATCHED_H
#define CRIER_SOURCES_WATCHED_H

/* The settings of the sources that crier goes and looks at: feeds and sitemaps. Filled by config/,
 * read by service/watch*.c. */

#include <stdbool.h>
#include <stdint.h>

#include "base/field.h"

struct source;

/* Sitemaps have no such setting: theirs is OFF. */
enum watched_websub { WATCHED_WEBSUB_OFF, WATCHED_WEBSUB_AUTO, WATCHED_WEBSUB_ON };
enum watched_first { WATCHED_FIRST_RECORD, WATCHED_FIRST_SEND };
enum watched_cache { WATCHED_CACHE_OBEY, WATCHED_CACHE_IGNORE };
enum watched_date_order { WATCHED_DAY_FIRST, WATCHED_MONTH_FIRST };

struct watched_settings {
    char *url;
    int64_t every_ms, every_max_ms;
    int64_t hold_above; /* more new items than that at once wait for a person */
    int websub;         /* enum watched_websub */
    int first;          /* enum watched_first */
    int cache;          /* enum watched_cache */
    int64_t timeout_ms, max_bytes;
    bool allow_private;
    struct secret token;
    struct pairs headers;
    char *date_zone; /* "+02:00"; NULL: UTC */
    int date_order;  /* enum watched_date_order */
};

/* Whether it is one of the kinds that are watched: its own settings are struct watched_settings. */
bool source_is_watched(const char *type);
/* Minutes east of UTC of "Z", "+02:00", "-0530" or "+1"; false: it is none of these. */
bool watched_zone(const char *text, int *out_minutes);

#endif
