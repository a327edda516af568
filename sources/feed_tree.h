#ifndef CRIER_SOURCES_FEED_TREE_H
#define CRIER_SOURCES_FEED_TREE_H

/* One item of an XML feed, or what stands around the items, as a small tree of the elements that are
 * understood (feed_name.h). Its memory is bounded: what does not fit is cut or left out. */

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "sources/feed_name.h"

/* Memory that is given back all at once. */
struct feed_arena {
    struct arena_block *blocks;
    size_t used, max;
};
void feed_arena_init(struct feed_arena *a, size_t max_bytes);
void feed_arena_clear(struct feed_arena *a); /* empty, keeps the first block */
void feed_arena_done(struct feed_arena *a);
void *feed_arena_take(struct feed_arena *a, size_t len); /* NULL: past its bound */
char *feed_arena_text(struct feed_arena *a, const char *text, size_t len); /* the same */

struct feed_attribute {
    const char *name; /* local, as written; NULL behind the last */
    const char *value;
};
struct feed_node {
    enum feed_name name;
    const struct feed_node *parent;
    struct feed_node *first, *last, *next;
    const char
        *text; /* ends trimmed; "" when there is none. Markup inside stands in it as markup */
    bool has_markup; /* it held elements, so that & and < of its text are escaped */
    bool cut;        /* some of the text did not fit */
    const struct feed_attribute *attributes; /* NULL: none */
    const char *base; /* xml:base in force, absolute; NULL: none was given */
    const char *lang; /* xml:lang in force; NULL */
};

/* The first child of that name; NULL. node may be NULL. */
const struct feed_node *feed_child(const struct feed_node *node, enum feed_name name);
/* The next sibling of the same name. */
const struct feed_node *feed_again(const struct feed_node *node);
/* Of the first child of that name that has any text; NULL. */
const char *feed_text(const struct feed_node *node, enum feed_name name);
/* NULL: it has none, or it is blank. In any case of letters. */
const char *feed_attribute(const struct feed_node *node, const char *name);

#define FEED_EACH(node, which, it)                                                             \
    for (const struct feed_node *it = feed_child(node, which); it != NULL; it = feed_again(it))

#endif
