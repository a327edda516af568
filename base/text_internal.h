#ifndef CRIER_BASE_TEXT_INTERNAL_H
#define CRIER_BASE_TEXT_INTERNAL_H

/* What the text_*.c files share: walking through a text character by character and cluster by
 * cluster. Not for other modules. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

/* One grapheme cluster (UAX #29): where it ends and what it counts. */
struct text_cluster {
    size_t end;
    size_t code_points, utf16;
    int32_t first; /* code point */
    bool emoji;    /* a pictograph, a flag or a keycap, however it is shown */
};

/* The code point at pos (U+FFFD for a byte that is no UTF-8), and the position behind it. */
int32_t text__code_point(const char *text, size_t len, size_t pos, size_t *out_next);
/* The cluster that begins at pos, which is inside the text. */
struct text_cluster text__cluster(const char *text, size_t len, size_t pos);
/* What it costs in the unit, when it begins at pos. */
size_t
text__cost(enum text_unit unit, const char *text, const struct text_cluster *c, size_t pos);
size_t text__x_cost(const char *text, size_t len); /* of one cluster, by X's weights */
/* Top-level domains in small letters, "\naaa\naarp\n…": of each letter, and of all others. */
#define TEXT_X_TLD_LISTS 27
extern const char *const text__x_tlds[TEXT_X_TLD_LISTS];
void text__append(struct buf *out, int32_t code_point);

bool text__is_blank(int32_t c);       /* white space of any kind */
bool text__is_punctuation(int32_t c); /* Unicode P*, but for percent and per mille signs */

/* Decodes the entity at text[0] == '&' (HTML 4 names, "apos", numbers). Returns the bytes it
 * takes up, 0 when it is none; *out is 0 for an entity that stands for nothing that can be
 * shown. */
size_t text__entity(const char *text, size_t len, int32_t *out);

#endif
