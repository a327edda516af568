#ifndef CRIER_CONFIG_YAML_INTERNAL_H
#define CRIER_CONFIG_YAML_INTERNAL_H

/* Shared by yaml.c (the file as a whole), yaml_build.c (events to nodes), yaml_node.c (nodes)
 * and yaml_problem.c (what is said when it cannot be read). */

#include <yaml.h>

#include "base/buf.h"
#include "config/yaml.h"

/* U+FDD0 and U+FDD1: noncharacters, kept by Unicode for exactly such use inside a program. */
#define HIDDEN_OPEN "\xEF\xB7\x90"
#define HIDDEN_CLOSE "\xEF\xB7\x91"
#define HIDDEN_BYTES 3

struct anchor {
    char *name;
    const struct node *node; /* lives in the tree, or among the dropped */
};
struct builder {
    yaml_parser_t parser;
    const char *text, *name;
    size_t len;
    struct problems *problems;
    struct anchor *anchors;
    size_t anchor_count;
    struct node
        *dropped;      /* a list: values out of the tree to which an anchor may still point */
    struct buf hidden; /* what libyaml reads */
    size_t nodes, bytes;
    bool stopped; /* a problem after which nothing can be built is noted */
};

/* Notes a problem after which nothing can be built; only the first is noted. */
void yaml__stop_at(
    struct builder *b, int line, int column, const char *accepted, const char *what);
void yaml__stop_at_mark(struct builder *b,
                        const yaml_mark_t *mark,
                        const char *accepted,
                        const char *what);
/* libyaml has refused; says why, where, and what is often behind it. */
void yaml__stop_on_syntax(struct builder *b);

/* part stands somewhere in the text. */
bool yaml__has(const char *text, size_t len, const char *part);

/* False after a problem; else the event is the caller's (yaml_event_delete). */
bool yaml__next_event(struct builder *b, yaml_event_t *event);
/* The value that comes next; NULL after a problem (b->stopped). */
struct node *yaml__build(struct builder *b, int depth);

/* Takes key (NULL for a list) and item. */
void node__append_take(struct node *n, struct node *key, struct node *item);

#endif
