#ifndef CRIER_SERVICE_TABLE_H
#define CRIER_SERVICE_TABLE_H

/* Tables and colours for terminals. Columns are as wide as what stands in them, measured in
 * terminal columns; what came from outside loses its control bytes, so that nobody's error text
 * can steer the terminal. */

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

enum tint { TINT_NONE, TINT_GOOD, TINT_BAD, TINT_WARN, TINT_DIM, TINT_BOLD };

struct table;

/* titles: count of them, borrowed for ever (literals). */
struct table *table_new(const char *const *titles, size_t count);
void table_free(struct table *t);
/* Starts a row; then one table_cell() per column, NULL for an empty one. */
void table_row(struct table *t);
void table_cell(struct table *t, const char *text, enum tint tint);
void table_cellf(struct table *t, enum tint tint, const char *format, ...) PRINTF_LIKE(3, 4);
size_t table_rows(const struct table *t);
/* width: columns of the terminal, the last column is cut to it; 0: not cut. */
void table_print(const struct table *t, bool colours, size_t width, struct buf *out);

/* Whether colours make sense on this descriptor: a terminal, not a dumb one, and no NO_COLOR.
 */
bool terminal_colours(int fd);
/* Columns of the terminal there; 0 when it is none. */
size_t terminal_width(int fd);
size_t terminal_height(int fd); /* … and lines */
/* Append text without control characters (they become blanks), tinted when colours is set. */
void terminal_text(struct buf *out, const char *text, enum tint tint, bool colours);
/* Text in a column of so many terminal columns: cut to it, with an ellipsis; padded, and a gap of two behind it,
 * unless it is the last of its line. */
void terminal_cell(
    struct buf *out, const char *text, size_t width, bool last, enum tint tint, bool colours);
/* How a delivery state or a channel's health looks. */
enum tint terminal_tint(const char *state);

#endif
