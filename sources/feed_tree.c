/* The tree of an item and looking into it; and the memory it lives in. Built by feed_xml.c, read by
 * feed_rss.c, feed_atom.c and feed_sitemap.c. */

#include "sources/feed_tree.h"

#include <stdalign.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"

#define BLOCK_BYTES ((size_t)16 * 1024)

struct arena_block {
    struct arena_block *next;
    size_t used, size;
    alignas(max_align_t) char bytes[];
};

void feed_arena_init(struct feed_arena *a, size_t max_bytes)
{
    *a = (struct feed_arena){.max = max_bytes};
}

static void free_blocks(struct arena_block *b)
{
    while (b) {
        struct arena_block *next = b->next;

        mem_free(b);
        b = next;
    }
}

void feed_arena_clear(struct feed_arena *a)
{
    if (a->blocks) {
        free_blocks(a->blocks->next);
        a->blocks->next = NULL;
        a->blocks->used = 0;
        if (a->blocks->size > BLOCK_BYTES) {
            feed_arena_done(a);
        }
    }
    a->used = 0;
}

void feed_arena_done(struct feed_arena *a)
{
    free_blocks(a->blocks);
    a->blocks = NULL;
    a->used = 0;
}

/* The first block in the list is the one that has room. */
void *feed_arena_take(struct feed_arena *a, size_t len)
{
    struct arena_block *b = a->blocks;
    size_t need = (len + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);

    if (len > a->max || need > a->max - a->used) {
        return NULL;
    }
    a->used += need;
    if (!b || b->size - b->used < need) {
        size_t size = need > BLOCK_BYTES ? need : BLOCK_BYTES;

        b = mem_alloc(sizeof *b + size);
        *b = (struct arena_block){.next = a->blocks, .size = size};
        a->blocks = b;
    }
    b->used += need;
    return b->bytes + b->used - need;
}

char *feed_arena_text(struct feed_arena *a, const char *text, size_t len)
{
    char *copy = feed_arena_take(a, len + 1);

    if (copy) {
        memcpy(copy, text, len);
        copy[len] = '\0';
    }
    return copy;
}

static const struct feed_node *of_name(const struct feed_node *node, enum feed_name name)
{
    while (node && node->name != name) {
        node = node->next;
    }
    return node;
}

const struct feed_node *feed_child(const struct feed_node *node, enum feed_name name)
{
    return node ? of_name(node->first, name) : NULL;
}

const struct feed_node *feed_again(const struct feed_node *node)
{
    return of_name(node->next, node->name);
}

const char *feed_text(const struct feed_node *node, enum feed_name name)
{
    FEED_EACH(node, name, it)
    {
        if (it->text[0] != '\0') {
            return it->text;
        }
    }
    return NULL;
}

const char *feed_attribute(const struct feed_node *node, const char *name)
{
    for (const struct feed_attribute *a = node->attributes; a && a->name; a++) {
        if (strcasecmp(a->name, name) == 0) {
            return a->value[0] == '\0' ? NULL : a->value;
        }
    }
    return NULL;
}
