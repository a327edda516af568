/* Time zones by name: where their files are, which of them are there, and what a clock in one shows. Called by
 * whoever keeps to the hours of people far away. It owns what was read: as many zones as the system has at most,
 * and a bounded number of names that are none. How a file is read is in zone_file.c. */

#include "base/zone.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/zone_internal.h"

#define DIRECTORY "/usr/share/zoneinfo"
#define FILE_BYTES 65536 /* the longest of today has 4 KiB */
#define UNKNOWN_MAX 1000
#define DAY_MS ((int64_t)ZONE_DAY_MINUTES * MS_MINUTE)

static const char *directory = DIRECTORY;
static struct map *zones;   /* name -> struct zone */
static struct map *unknown; /* name -> the map itself */
static struct zone *last; /* of last_name: members of one zone often come one after the other */
static char last_name[ZONE_NAME_BYTES];

void zone_use_directory(const char *path)
{
    directory = path ? path : DIRECTORY;
}

static void forget_unknown(void)
{
    map_free(unknown);
    unknown = NULL;
}

void zone_forget(void)
{
    struct zone *z;
    size_t cursor = 0;

    while (zones && (z = map_each(zones, &cursor)) != NULL) {
        zone_free(z);
    }
    map_free(zones);
    zones = NULL;
    forget_unknown();
    last = NULL;
    last_name[0] = '\0';
}

/* Letters, digits, "_", "+", "-" and "/" between: no "." at all, so nothing leads out of the directory. */
static bool is_name(const char *name)
{
    size_t len = strlen(name);

    if (len == 0 || len >= ZONE_NAME_BYTES || name[0] == '/' || name[len - 1] == '/' ||
        strncmp(name, "right/", 6) == 0 || strncmp(name, "posix/", 6) == 0) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        char c = name[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

        if (!letter && !(c >= '0' && c <= '9') && !strchr("_+-/", c)) {
            return false;
        }
    }
    return strstr(name, "//") == NULL;
}

/* Not blocking: what stands there might be a pipe. */
static struct zone *load(const char *name)
{
    char path[4096];
    uint8_t *bytes = NULL;
    struct zone *z = NULL;
    struct stat st;
    int fd, n = snprintf(path, sizeof path, "%s/%s", directory, name);
    ssize_t got;

    if (n < 0 || (size_t)n >= sizeof path) {
        return NULL;
    }
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return NULL;
    }
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size <= FILE_BYTES) {
        bytes = mem_zalloc(FILE_BYTES);
        got = read(fd, bytes, FILE_BYTES);
        z = got > 0 ? zone_read(bytes, (size_t)got) : NULL;
        mem_free(bytes);
    }
    (void)close(fd);
    return z;
}

static void remember_unknown(const char *name, size_t len)
{
    if (unknown && map_count(unknown) >= UNKNOWN_MAX) {
        forget_unknown();
    }
    if (!unknown) {
        unknown = map_new();
    }
    (void)map_put(unknown, name, len, unknown);
}

static struct zone *find(const char *name)
{
    size_t len = name ? strlen(name) : 0;
    struct zone *z;

    if (!name || !is_name(name) || (unknown && map_get(unknown, name, len))) {
        return NULL;
    }
    if (last && strcmp(last_name, name) == 0) {
        return last;
    }
    if (!zones) {
        zones = map_new();
    }
    z = map_get(zones, name, len);
    if (!z) {
        z = load(name);
        if (!z) {
            remember_unknown(name, len);
            return NULL;
        }
        (void)map_put(zones, name, len, z);
    }
    last = z;
    (void)snprintf(last_name, sizeof last_name, "%s", name);
    return z;
}

bool zone_known(const char *name)
{
    return find(name) != NULL;
}

bool zone_missing(void)
{
    return !find("Europe/London") && !find("America/New_York") && !find("UTC");
}

static int32_t offset_of(struct zone *z, int64_t wall_ms)
{
    return z ? zone_offset_in(z, wall_ms) : 0;
}

int32_t zone_offset_s(const char *name, int64_t wall_ms)
{
    return offset_of(find(name), wall_ms);
}

/* What is left of a day, also before 1970. */
static int64_t within_day(int64_t local_ms)
{
    int64_t rest = local_ms % DAY_MS;

    return rest < 0 ? rest + DAY_MS : rest;
}

int zone_minute_of_day(const char *name, int64_t wall_ms)
{
    return (int)(within_day(wall_ms + zone_offset_s(name, wall_ms) * MS_SECOND) / MS_MINUTE);
}

bool zone_within(const char *name, int64_t wall_ms, int from, int to)
{
    int at = zone_minute_of_day(name, wall_ms);

    return from <= to ? at >= from && at < to : at >= from || at < to;
}

/* The next time of day `minute` after local_ms, or at it. */
static int64_t next_local(int64_t local_ms, int minute, bool at_it)
{
    int64_t ahead = minute * MS_MINUTE - within_day(local_ms);

    if (ahead < 0 || (ahead == 0 && !at_it)) {
        ahead += DAY_MS;
    }
    return local_ms + ahead;
}

/* When the offset changes, after `from`, where it is `before`, and not after `to`, where it is another: to the
 * millisecond. */
static int64_t find_change(struct zone *z, int64_t from, int64_t to, int32_t before)
{
    while (to - from > 1) {
        int64_t middle = from + (to - from) / 2;

        if (offset_of(z, middle) == before) {
            from = middle;
        } else {
            to = middle;
        }
    }
    return to;
}

/* Clocks are set at most a few times in a day, in any zone: after so many the rest is taken as it is. */
#define CHANGES_MAX 4

int64_t zone_next_minute(const char *name, int64_t wall_ms, int minute)
{
    struct zone *z = find(name);
    int64_t now = wall_ms, then = wall_ms;
    bool at_it = false;

    for (int i = 0; i < CHANGES_MAX; i++) {
        int32_t before = offset_of(z, now), after;
        int64_t local = next_local(now + before * MS_SECOND, minute, at_it), change;

        then = local - before * MS_SECOND;
        if (offset_of(z, then) == before) {
            return then;
        }
        change = find_change(z, now, then, before);
        after = offset_of(z, change);
        if (after > before && local <= change + after * MS_SECOND) {
            return change; /* that minute was left out, or is the first one after */
        }
        now = change;
        at_it = true;
    }
    return then;
}
