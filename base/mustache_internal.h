#ifndef CRIER_BASE_MUSTACHE_INTERNAL_H
#define CRIER_BASE_MUSTACHE_INTERNAL_H

/* A parsed template, shared by mustache_parse.c (makes it) and mustache.c (renders, frees). The
 * tree lies flat: a section's children follow it, and `end` jumps over them. */

#include <stddef.h>

enum mustache_node_kind {
    NODE_TEXT,
    NODE_VARIABLE, /* escaped */
    NODE_RAW,
    NODE_SECTION,
    NODE_INVERTED,
    NODE_PARTIAL,
};

struct mustache_node {
    enum mustache_node_kind kind;
    const char *text; /* NODE_TEXT: slice of the source */
    size_t text_len;
    char *name;   /* all others */
    char *indent; /* NODE_PARTIAL alone on its line: the blanks before it; else NULL */
    size_t end;   /* index of the next node on the same level */
};

struct mustache {
    char *source;
    struct mustache_node *nodes;
    size_t node_count, node_cap;
};

#endif
