#ifndef CRIER_BASE_ZONE_H
#define CRIER_BASE_ZONE_H

/* The time of day where somebody lives: IANA time zones, as the system keeps them (TZif files, RFC 9636, which
 * replaced RFC 8536; versions 1 to 4, with the rule for the far future at their end). What was read is kept. For
 * the loop's thread alone.
 *
 * A name is somebody's input: it never leads out of the directory, and a file that is none of that kind is no
 * zone. Where a zone is not known it counts as UTC; the same goes for all of them on a system that has no such
 * files, which zone_missing() tells. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ZONE_NAME_BYTES 64
#define ZONE_DAY_MINUTES 1440

/* name NULL: not known. */
bool zone_known(const char *name);
/* There are no files of zones here at all. */
bool zone_missing(void);
/* Seconds east of UTC at that moment. */
int32_t zone_offset_s(const char *name, int64_t wall_ms);
/* 0..1439, as a clock there shows it. */
int zone_minute_of_day(const char *name, int64_t wall_ms);
/* The first moment after wall_ms when a clock there comes to this minute of the day, or jumps over it (in the
 * night when an hour is left out). In the night when an hour comes twice both count. */
int64_t zone_next_minute(const char *name, int64_t wall_ms, int minute);
/* Is it within from..to there (to not included; it may be beyond midnight)? from == to: never. */
bool zone_within(const char *name, int64_t wall_ms, int from, int to);

/* One file, for tests: bounds-checked, nothing of it is believed. NULL: it is no such file. */
struct zone;
struct zone *zone_read(const uint8_t *bytes, size_t len);
void zone_free(struct zone *z);
int32_t zone_offset_in(struct zone *z, int64_t wall_ms);
/* Where the files are, for tests: before any other call, or after zone_forget(), which also frees all. NULL:
 * /usr/share/zoneinfo. */
void zone_use_directory(const char *path);
void zone_forget(void);

#endif
