/* Making ids and their text form. Called by whoever creates articles, deliveries and attempts;
 * the maker belongs to the loop and is used from one thread. */

#include "base/id.h"

#include <string.h>

#define EPOCH_MS INT64_C(1577836800000) /* 2020-01-01T00:00:00Z */
#define COUNT_BITS 20
#define MAX_MS ((INT64_C(1) << 43) - 1)
#define TEXT_DIGITS 13

static const char digits[] = "0123456789abcdefghjkmnpqrstvwxyz"; /* Crockford: no i l o u */

void id_maker_init(struct id_maker *m, struct rng *rng)
{
    m->last = 0;
    m->rng = rng;
}

int64_t id_first_at(int64_t at_ms)
{
    int64_t ms = at_ms - EPOCH_MS;

    return (ms < 0 ? 0 : ms > MAX_MS ? MAX_MS : ms) * (INT64_C(1) << COUNT_BITS);
}

uint64_t id_next(struct id_maker *m, int64_t now_ms)
{
    /* Half of the range stays free for counting up within the millisecond. */
    uint64_t id =
        (uint64_t)id_first_at(now_ms) | rng_below(m->rng, UINT64_C(1) << (COUNT_BITS - 1));
    if (id <= m->last || id >> COUNT_BITS == m->last >> COUNT_BITS) {
        id = m->last + 1; /* same millisecond, or the clock went back */
    }
    m->last = id;
    return id;
}

uint64_t id_next_block(struct id_maker *m, int64_t now_ms, uint64_t count)
{
    uint64_t first = id_next(m, now_ms);

    m->last = count > 0 ? first + count - 1 : first;
    return first;
}

static const char *to_text(const char *prefix, uint64_t v, char out[ID_TEXT_BYTES])
{
    memcpy(out, prefix, 4);
    for (int i = TEXT_DIGITS - 1; i >= 0; i--) {
        out[4 + i] = digits[v & 31];
        v >>= 5;
    }
    out[4 + TEXT_DIGITS] = '\0';
    return out;
}

/* Either case; Crockford's look-alikes (i l for 1, o for 0) are not ours to guess. */
static int digit_value(char c)
{
    if (c >= 'A' && c <= 'Z') {
        c = (char)(c - 'A' + 'a');
    }
    const char *at = c == '\0' ? NULL : strchr(digits, c);
    return at == NULL ? -1 : (int)(at - digits);
}

static bool from_text(const char *prefix, const char *text, uint64_t *out)
{
    uint64_t v = 0;

    if (text == NULL || strncmp(text, prefix, 4) != 0 || strlen(text) != 4 + TEXT_DIGITS) {
        return false;
    }
    for (size_t i = 0; i < TEXT_DIGITS; i++) {
        int digit = digit_value(text[4 + i]);

        if (digit < 0 || v >> 58 != 0) { /* 63 bits: five more must fit */
            return false;
        }
        v = v << 5 | (uint64_t)digit;
    }
    if (v == 0) {
        return false;
    }
    *out = v;
    return true;
}

const char *id_article_text(struct article_id id, char out[ID_TEXT_BYTES])
{
    return to_text("art_", id.v, out);
}

const char *id_delivery_text(struct delivery_id id, char out[ID_TEXT_BYTES])
{
    return to_text("dlv_", id.v, out);
}

bool id_parse_article(const char *text, struct article_id *out_id)
{
    return from_text("art_", text, &out_id->v);
}

bool id_parse_delivery(const char *text, struct delivery_id *out_id)
{
    return from_text("dlv_", text, &out_id->v);
}
