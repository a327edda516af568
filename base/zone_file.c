/* A time zone's file, TZif (RFC 9636): a header and a block with times of 32 bits, and from version 2 on the same
 * again with 64 bits, and a line with the rule for afterwards. Called by zone.c. Nothing in the file is believed:
 * every count is held against the bytes that are there. */

#include "base/zone.h"

#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/zone_internal.h"

#define HEADER_BYTES 44
#define OFFSET_MAX (26 * 3600) /* RFC 9636, section 3.2: it should lie within a day or so */
#define YEARS_S                                                                                \
    ((int64_t)1 << 37) /* some 4,300 years before and after 1970: beyond, the edge counts */

struct zone {
    int64_t *at_s;     /* ascending */
    uint8_t *type;     /* what holds from then on */
    int32_t *offset_s; /* of each type */
    size_t count, type_count;
    bool has_rule;
    struct zone_rule rule;
    int64_t memo_s; /* whole batches are asked about for one moment */
    int32_t memo_offset_s;
    bool has_memo;
};

struct header {
    int version;
    size_t utc, standard, leaps, times, types, chars;
};

static uint32_t read_u32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static int64_t read_i64(const uint8_t *p)
{
    return (int64_t)((uint64_t)read_u32(p) << 32 | read_u32(p + 4));
}

static int64_t read_when(const uint8_t *p, size_t width)
{
    return width == 8 ? read_i64(p) : (int32_t)read_u32(p);
}

static bool read_header(struct header *h, const uint8_t *p, size_t len)
{
    if (len < HEADER_BYTES || memcmp(p, "TZif", 4) != 0) {
        return false;
    }
    h->version = p[4] == 0 ? 1 : p[4] - '0';
    h->utc = read_u32(p + 20);
    h->standard = read_u32(p + 24);
    h->leaps = read_u32(p + 28);
    h->times = read_u32(p + 32);
    h->types = read_u32(p + 36);
    h->chars = read_u32(p + 40);
    return h->version >= 1;
}

/* Bytes of the block; counts have 32 bits, so the sum of them does not overflow. */
static uint64_t block_bytes(const struct header *h, size_t width)
{
    return (uint64_t)h->times * (width + 1) + (uint64_t)h->types * 6 + h->chars +
           (uint64_t)h->leaps * (width + 4) + h->standard + h->utc;
}

/* Files that count leap seconds are for clocks that do: ours does not. */
static bool fits(const struct header *h, size_t width, size_t len)
{
    return h->types >= 1 && h->types <= 256 && h->leaps == 0 && block_bytes(h, width) <= len;
}

static bool take_times(struct zone *z, const struct header *h, const uint8_t *p, size_t width)
{
    const uint8_t *types = p + h->times * width;

    z->count = h->times;
    z->at_s = mem_calloc(h->times + 1, sizeof *z->at_s);
    z->type = mem_calloc(h->times + 1, sizeof *z->type);
    for (size_t i = 0; i < h->times; i++) {
        z->at_s[i] = read_when(p + i * width, width);
        z->type[i] = types[i];
        if (types[i] >= h->types || (i > 0 && z->at_s[i] <= z->at_s[i - 1])) {
            return false;
        }
    }
    return true;
}

static bool take_types(struct zone *z, const struct header *h, const uint8_t *p)
{
    z->type_count = h->types;
    z->offset_s = mem_calloc(h->types, sizeof *z->offset_s);
    for (size_t i = 0; i < h->types; i++) {
        int32_t offset = (int32_t)read_u32(p + i * 6);

        if (offset < -OFFSET_MAX || offset > OFFSET_MAX) {
            return false;
        }
        z->offset_s[i] = offset;
    }
    return true;
}

/* "\n", the rule, "\n"; an empty one means that there is none. */
static bool take_rule(struct zone *z, const uint8_t *p, size_t len)
{
    const uint8_t *end = len > 0 ? memchr(p + 1, '\n', len - 1) : NULL;

    if (!end || p[0] != '\n') {
        return false;
    }
    if (end == p + 1) {
        return true;
    }
    z->has_rule = zone__rule_read(&z->rule, (const char *)p + 1, (size_t)(end - p) - 1);
    return z->has_rule;
}

static bool take(struct zone *z, const uint8_t *p, size_t len)
{
    struct header h;
    size_t width = 4;

    if (!read_header(&h, p, len)) {
        return false;
    }
    p += HEADER_BYTES;
    len -= HEADER_BYTES;
    if (h.version >= 2) { /* the first block is for old readers */
        uint64_t skip = block_bytes(&h, width);

        if (skip > len || !read_header(&h, p + skip, len - (size_t)skip)) {
            return false;
        }
        p += skip + HEADER_BYTES;
        len -= (size_t)skip + HEADER_BYTES;
        width = 8;
    }
    if (!fits(&h, width, len) || !take_times(z, &h, p, width) ||
        !take_types(z, &h, p + h.times * (width + 1))) {
        return false;
    }
    p += block_bytes(&h, width);
    len -= (size_t)block_bytes(&h, width);
    return width == 4 || take_rule(z, p, len);
}

struct zone *zone_read(const uint8_t *bytes, size_t len)
{
    struct zone *z = mem_zalloc(sizeof *z);

    if (!take(z, bytes, len)) {
        zone_free(z);
        return NULL;
    }
    return z;
}

void zone_free(struct zone *z)
{
    if (!z) {
        return;
    }
    mem_free(z->at_s);
    mem_free(z->type);
    mem_free(z->offset_s);
    mem_free(z);
}

/* How many changes there were until then. */
static size_t changes_until(const struct zone *z, int64_t at_s)
{
    size_t low = 0, high = z->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (z->at_s[middle] <= at_s) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static int32_t look_up(const struct zone *z, int64_t at_s)
{
    size_t n = changes_until(z, at_s);

    if (n == z->count && z->has_rule) {
        return zone__rule_offset(&z->rule, at_s);
    }
    return z->offset_s[n == 0 ? 0 : z->type[n - 1]];
}

int32_t zone_offset_in(struct zone *z, int64_t wall_ms)
{
    int64_t at_s = wall_ms / MS_SECOND - (wall_ms % MS_SECOND < 0 ? 1 : 0);

    at_s = at_s > YEARS_S ? YEARS_S : at_s < -YEARS_S ? -YEARS_S : at_s;
    if (!z->has_memo || z->memo_s != at_s) {
        z->memo_offset_s = look_up(z, at_s);
        z->memo_s = at_s;
        z->has_memo = true;
    }
    return z->memo_offset_s;
}
