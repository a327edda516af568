/* The list of mistakes found in a settings file. Filled by yaml.c, value.c, rule_parse.c and
 * parse.c, printed by `crier check`, by a failed start and by a refused reload. It owns copies
 * of all its texts. What may stand in a text is decided by whoever adds it: no secret's
 * value. */

#include "config/problem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* A file of a megabyte can hold tens of thousands of mistakes; nobody reads more than these. */
#define PROBLEMS_MAX 500
#define PROBLEM_TEXT_BYTES 2048

void problems_init(struct problems *p)
{
    *p = (struct problems){0};
}

void problems_done(struct problems *p)
{
    for (size_t i = 0; i < p->count; i++) {
        mem_free(p->v[i].file);
        mem_free(p->v[i].what);
        mem_free(p->v[i].accepted);
    }
    mem_free(p->v);
    problems_init(p);
}

void problems_add(struct problems *p,
                  const char *file,
                  int line,
                  int column,
                  const char *accepted,
                  const char *what_format,
                  ...)
{
    char what[PROBLEM_TEXT_BYTES];
    va_list args;

    if (p->count >= PROBLEMS_MAX) {
        return;
    }
    va_start(args, what_format);
    (void)vsnprintf(what, sizeof(what), what_format, args);
    va_end(args);
    for (char *c = what; *c != '\0'; c++) { /* one line per mistake, whatever it quotes */
        if ((unsigned char)*c < 0x20) {
            *c = ' ';
        }
    }
    p->v = mem_realloc(p->v, p->count + 1, sizeof(*p->v));
    p->v[p->count++] = (struct problem){
        .file = mem_strdup(file),
        .line = line,
        .column = column,
        .what = mem_strdup(what),
        .accepted = mem_strdup(accepted),
    };
}

const char *problem_shown(const char *text, char out[PROBLEM_SHOWN_BYTES])
{
    size_t max = PROBLEM_SHOWN_BYTES - sizeof("…");
    size_t len = strlen(text);
    bool cut = len > max;

    if (cut) {
        len = max;
        while (len > 0 && ((unsigned char)text[len] & 0xC0) == 0x80) {
            len--;
        }
    }
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        out[i] = c < 0x20 || c == 0x7F ? ' ' : text[i];
    }
    memcpy(out + len, cut ? "…" : "", cut ? sizeof("…") : 1);
    return out;
}

const char *problem_shown_key(const char *key, char out[PROBLEM_SHOWN_BYTES])
{
    size_t len = strcspn(key, " \t:=,;\"'");

    (void)problem_shown(key, out);
    if (len < strlen(key) && len < PROBLEM_SHOWN_BYTES - sizeof("…")) {
        memcpy(out + len, "…", sizeof("…"));
    }
    return out;
}

static int compare(const void *a, const void *b)
{
    const struct problem *x = a;
    const struct problem *y = b;
    int by_file = strcmp(x->file, y->file);

    if (by_file != 0) {
        return by_file;
    }
    if (x->line != y->line) {
        return x->line < y->line ? -1 : 1;
    }
    if (x->column != y->column) {
        return x->column < y->column ? -1 : 1;
    }
    return strcmp(x->what, y->what);
}

void problems_sort(struct problems *p)
{
    if (p->count > 1) {
        qsort(p->v, p->count, sizeof(*p->v), compare);
    }
}

void problem_print(const struct problem *p, struct buf *out)
{
    buf_adds(out, p->file);
    if (p->line > 0) {
        buf_addf(out, ":%d:%d", p->line, p->column);
    }
    buf_addf(out, ": %s", p->what);
    if (p->accepted != NULL && p->accepted[0] != '\0') {
        buf_addf(out, ": %s", p->accepted);
    }
    buf_addc(out, '\n');
}

void problems_print(const struct problems *p, struct buf *out)
{
    for (size_t i = 0; i < p->count; i++) {
        problem_print(&p->v[i], out);
    }
}
