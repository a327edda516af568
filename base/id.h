#ifndef CRIER_BASE_ID_H
#define CRIER_BASE_ID_H

/* Ids: 63-bit numbers that grow with time, made before anything is written, so that a request
 * can name its rows. 43 bits of milliseconds since 2020, 20 bits that start at random in each
 * millisecond and count up. As text: a prefix and 13 characters of Crockford base32. */

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"

struct article_id {
    uint64_t v;
};
struct delivery_id {
    uint64_t v;
};
struct attempt_id {
    uint64_t v;
};

struct id_maker {
    uint64_t last;
    struct rng *rng;
};
void id_maker_init(struct id_maker *m, struct rng *rng);
uint64_t id_next(struct id_maker *m, int64_t now_ms); /* never 0, strictly growing */
/* The first of so many consecutive ids. */
uint64_t id_next_block(struct id_maker *m, int64_t now_ms, uint64_t count);

/* No id made before that moment (wall clock, ms) is larger, unless the clock was set back since. */
int64_t id_first_at(int64_t at_ms);

#define ID_TEXT_BYTES 20
const char *id_article_text(struct article_id id, char out[ID_TEXT_BYTES]);   /* "art_…" */
const char *id_delivery_text(struct delivery_id id, char out[ID_TEXT_BYTES]); /* "dlv_…" */
bool id_parse_article(const char *text, struct article_id *out_id);
bool id_parse_delivery(const char *text, struct delivery_id *out_id);

#endif
