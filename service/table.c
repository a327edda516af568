/* Tables for terminals, for the verbs that show lists. Owns copies of the cells until
 * table_free(). Knows nothing of what it shows but the colours of states. */

#include "service/table.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"

#define CELL_BYTES ((size_t)64 * 1024)
#define GAP 2
#define NARROWEST 8 /* a cut column keeps at least so many */

struct cell {
    char *text;
    enum tint tint;
};
struct table {
    const char *const *titles;
    size_t columns;
    struct cell *cells; /* row by row */
    size_t count;
};

struct table *table_new(const char *const *titles, size_t count)
{
    struct table *t = mem_zalloc(sizeof *t);

    t->titles = titles;
    t->columns = count;
    return t;
}

void table_free(struct table *t)
{
    if (t == NULL) {
        return;
    }
    for (size_t i = 0; i < t->count; i++) {
        mem_free(t->cells[i].text);
    }
    mem_free(t->cells);
    mem_free(t);
}

void table_row(struct table *t)
{
    must(t->count % t->columns == 0);
}

void table_cell(struct table *t, const char *text, enum tint tint)
{
    struct buf clean;

    buf_init(&clean, CELL_BYTES);
    terminal_text(&clean, text != NULL ? text : "", TINT_NONE, false);
    t->cells = mem_realloc(t->cells, t->count + 1, sizeof t->cells[0]);
    t->cells[t->count++] = (struct cell){.text = mem_strdup(buf_str(&clean)), .tint = tint};
    buf_done(&clean);
}

void table_cellf(struct table *t, enum tint tint, const char *format, ...)
{
    char text[1024];
    va_list list;

    va_start(list, format);
    (void)vsnprintf(text, sizeof text, format, list);
    va_end(list);
    table_cell(t, text, tint);
}

size_t table_rows(const struct table *t)
{
    return t->count / t->columns;
}

static size_t columns_of(const char *text)
{
    return text_columns(text, strlen(text));
}

static void measure(const struct table *t, size_t *widths)
{
    for (size_t c = 0; c < t->columns; c++) {
        widths[c] = columns_of(t->titles[c]);
    }
    for (size_t i = 0; i < t->count; i++) {
        size_t w = columns_of(t->cells[i].text);
        widths[i % t->columns] = w > widths[i % t->columns] ? w : widths[i % t->columns];
    }
}

/* The last column gives way when the terminal is too narrow. */
static void squeeze(size_t *widths, size_t count, size_t width)
{
    size_t before = 0;

    for (size_t c = 0; c + 1 < count; c++) {
        before += widths[c] + GAP;
    }
    if (width == 0 || before + widths[count - 1] <= width) {
        return;
    }
    widths[count - 1] = before + NARROWEST < width ? width - before : NARROWEST;
}

/* The longest prefix that takes at most so many terminal columns, never inside a grapheme. */
static size_t prefix_of_columns(const char *text, size_t len, size_t columns)
{
    size_t end = 0;

    for (size_t units = 1; end < len; units++) {
        size_t next = text_prefix(TEXT_GRAPHEMES, text, len, units);
        if (next <= end || text_columns(text, next) > columns) {
            break;
        }
        end = next;
    }
    return end;
}

void terminal_cell(
    struct buf *out, const char *text, size_t width, bool last, enum tint tint, bool colours)
{
    size_t len = strlen(text);
    size_t taken = text_columns(text, len);

    if (taken > width) {
        size_t fits = prefix_of_columns(text, len, width - 1);
        char *cut = mem_printf("%.*s\xe2\x80\xa6", (int)fits, text);
        terminal_text(out, cut, tint, colours);
        taken = columns_of(cut);
        mem_free(cut);
    } else {
        terminal_text(out, text, tint, colours);
    }
    for (; !last && taken < width + GAP; taken++) {
        buf_addc(out, ' ');
    }
}

void table_print(const struct table *t, bool colours, size_t width, struct buf *out)
{
    const size_t columns = t->columns;
    size_t *widths = mem_calloc(columns, sizeof *widths);

    must(columns > 0);
    measure(t, widths);
    squeeze(widths, columns, width);
    for (size_t c = 0; c < columns; c++) {
        terminal_cell(out, t->titles[c], widths[c], c + 1 == columns, TINT_BOLD, colours);
    }
    buf_addc(out, '\n');
    for (size_t i = 0; i < t->count; i++) {
        bool last = (i + 1) % columns == 0;
        terminal_cell(
            out, t->cells[i].text, widths[i % columns], last, t->cells[i].tint, colours);
        if (last) {
            while (out->len > 0 && out->data[out->len - 1] == ' ') {
                buf_truncate(out, out->len - 1);
            }
            buf_addc(out, '\n');
        }
    }
    mem_free(widths);
}

bool terminal_colours(int fd)
{
    const char *term = getenv("TERM");
    const char *no = getenv("NO_COLOR");

    return isatty(fd) == 1 && (no == NULL || no[0] == '\0') && term != NULL &&
           strcmp(term, "dumb") != 0;
}

size_t terminal_width(int fd)
{
    struct winsize size;

    return isatty(fd) == 1 && ioctl(fd, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

size_t terminal_height(int fd)
{
    struct winsize size;

    return isatty(fd) == 1 && ioctl(fd, TIOCGWINSZ, &size) == 0 ? size.ws_row : 0;
}

static const char *escape_of(enum tint tint)
{
    switch (tint) {
    case TINT_GOOD:
        return "\x1b[32m";
    case TINT_BAD:
        return "\x1b[31m";
    case TINT_WARN:
        return "\x1b[33m";
    case TINT_DIM:
        return "\x1b[2m";
    case TINT_BOLD:
        return "\x1b[1m";
    case TINT_NONE:
        break;
    }
    return "";
}

void terminal_text(struct buf *out, const char *text, enum tint tint, bool colours)
{
    const char *escape = colours ? escape_of(tint) : "";

    buf_adds(out, escape);
    for (const char *p = text; *p != '\0'; p++) {
        unsigned char c = (unsigned char)*p;
        /* U+0080 to U+009F are control characters as well: 0xc2 0x80 to 0xc2 0x9f. */
        bool c1 = c == 0xc2 && (unsigned char)p[1] >= 0x80 && (unsigned char)p[1] <= 0x9f;
        if (c < 0x20 || c == 0x7f || c1) {
            buf_addc(out, ' ');
            p += c1 ? 1 : 0;
        } else {
            buf_addc(out, *p);
        }
    }
    if (escape[0] != '\0') {
        buf_adds(out, "\x1b[0m");
    }
}

enum tint terminal_tint(const char *state)
{
    static const struct {
        const char *state;
        enum tint tint;
    } rows[] = {
        {"done", TINT_GOOD},
        {"ok", TINT_GOOD},
        {"ready", TINT_NONE},
        {"in_flight", TINT_NONE},
        {"held", TINT_DIM},
        {"again", TINT_WARN},
        {"unknown", TINT_WARN},
        {"paused", TINT_WARN},
        {"backing_off", TINT_WARN},
        {"rejected", TINT_BAD},
        {"blocked", TINT_BAD},
        {"expired", TINT_BAD},
        {"cancelled", TINT_DIM},
    };

    for (size_t i = 0; state != NULL && i < ARRAY_LEN(rows); i++) {
        if (strcmp(state, rows[i].state) == 0) {
            return rows[i].tint;
        }
    }
    return TINT_NONE;
}
