#ifndef CRIER_BASE_HEAP_H
#define CRIER_BASE_HEAP_H

/* An intrusive binary min-heap: nodes know their place, so any of them can be taken out. */

#include <stdbool.h>
#include <stddef.h>

struct heap_node {
    size_t place; /* index + 1 in the heap, 0 while in none */
};
/* True when a comes before b. */
typedef bool heap_before_fn(const struct heap_node *a, const struct heap_node *b);
struct heap {
    struct heap_node **v;
    size_t count, cap;
    heap_before_fn *before;
};

void heap_init(struct heap *h, heap_before_fn *before);
void heap_done(struct heap *h);
void heap_push(struct heap *h, struct heap_node *n);
struct heap_node *heap_min(const struct heap *h); /* NULL when empty */
void heap_remove(struct heap *h, struct heap_node *n);
void heap_update(struct heap *h, struct heap_node *n); /* after its key changed */

#endif
