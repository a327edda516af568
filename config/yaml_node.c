/* The nodes of a settings file's tree: asking, growing, freeing. */

#include "config/yaml_internal.h"

#include <string.h>

#include "base/mem.h"

void node_free(struct node *n)
{
    if (n == NULL) {
        return;
    }
    for (size_t i = 0; i < n->count; i++) {
        if (n->kind == NODE_MAP) {
            node_free(n->keys[i]);
        }
        node_free(n->items[i]);
    }
    mem_free(n->keys);
    mem_free(n->items);
    mem_free_secret_text(n->text); /* it may be one */
    mem_free(n);
}

const struct node *node_get(const struct node *n, const char *key)
{
    if (n == NULL || n->kind != NODE_MAP) {
        return NULL;
    }
    for (size_t i = 0; i < n->count; i++) {
        if (strcmp(n->keys[i]->text, key) == 0) {
            return n->items[i];
        }
    }
    return NULL;
}

bool node_is_null(const struct node *n)
{
    return n->kind == NODE_TEXT && n->plain &&
           (n->text[0] == '\0' || strcmp(n->text, "~") == 0 || strcmp(n->text, "null") == 0 ||
            strcmp(n->text, "Null") == 0 || strcmp(n->text, "NULL") == 0);
}

const char *node_kind_name(const struct node *n)
{
    if (n->kind == NODE_LIST) {
        return "a list";
    }
    if (n->kind == NODE_MAP) {
        return "a mapping";
    }
    return node_is_null(n) ? "nothing" : "a text";
}

/* Room for one more pair or item: capacity is the next power of two, so it is implied by
 * count. */
static void node_grow(struct node *n)
{
    if ((n->count & (n->count - 1)) != 0) {
        return;
    }
    size_t cap = n->count == 0 ? 1 : n->count * 2;

    n->items = mem_realloc(n->items, cap, sizeof(struct node *));
    if (n->kind == NODE_MAP) {
        n->keys = mem_realloc(n->keys, cap, sizeof(struct node *));
    }
}

void node__append_take(struct node *n, struct node *key, struct node *item)
{
    node_grow(n);
    n->items[n->count] = item;
    if (n->kind == NODE_MAP) {
        n->keys[n->count] = key;
    }
    n->count++;
}
