/* The binary min-heap of nodes that know their place. Called by the scheduler and by timers;
 * owns the array, not the nodes. */

#include "base/heap.h"

#include "base/attr.h"
#include "base/mem.h"

void heap_init(struct heap *h, heap_before_fn *before)
{
    *h = (struct heap){.before = before};
}

void heap_done(struct heap *h)
{
    for (size_t i = 0; i < h->count; i++) {
        h->v[i]->place = 0;
    }
    mem_free(h->v);
    *h = (struct heap){.before = h->before};
}

static void put(struct heap *h, size_t index, struct heap_node *n)
{
    h->v[index] = n;
    n->place = index + 1;
}

static void sift_up(struct heap *h, size_t index)
{
    struct heap_node *n = h->v[index];

    while (index > 0) {
        size_t parent = (index - 1) / 2;

        if (!h->before(n, h->v[parent])) {
            break;
        }
        put(h, index, h->v[parent]);
        index = parent;
    }
    put(h, index, n);
}

static void sift_down(struct heap *h, size_t index)
{
    struct heap_node *n = h->v[index];

    for (;;) {
        size_t child = 2 * index + 1;

        if (child >= h->count) {
            break;
        }
        if (child + 1 < h->count && h->before(h->v[child + 1], h->v[child])) {
            child++;
        }
        if (!h->before(h->v[child], n)) {
            break;
        }
        put(h, index, h->v[child]);
        index = child;
    }
    put(h, index, n);
}

void heap_push(struct heap *h, struct heap_node *n)
{
    must(n->place == 0);
    if (h->count == h->cap) {
        h->cap = h->cap ? h->cap * 2 : 16;
        h->v = mem_realloc(h->v, h->cap, sizeof(struct heap_node *));
    }
    put(h, h->count++, n);
    sift_up(h, h->count - 1);
}

struct heap_node *heap_min(const struct heap *h)
{
    return h->count == 0 ? NULL : h->v[0];
}

void heap_update(struct heap *h, struct heap_node *n)
{
    must(n->place > 0 && n->place <= h->count && h->v[n->place - 1] == n);
    sift_up(h, n->place - 1);
    sift_down(h, n->place - 1);
}

void heap_remove(struct heap *h, struct heap_node *n)
{
    must(n->place > 0 && n->place <= h->count && h->v[n->place - 1] == n);
    size_t index = n->place - 1;
    struct heap_node *last = h->v[--h->count];

    n->place = 0;
    if (last != n) {
        put(h, index, last);
        heap_update(h, last);
    }
}
