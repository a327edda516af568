#ifndef CRIER_BASE_LIST_H
#define CRIER_BASE_LIST_H

/* An intrusive doubly linked list: the node lives in the object, the list owns nothing. */

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

struct list_node {
    struct list_node *prev, *next; /* NULL while in no list */
};
struct list {
    struct list_node head; /* of a ring; init before use */
    size_t count;
};

void list_init(struct list *l);
bool list_empty(const struct list *l);
bool list_linked(const struct list_node *n);
void list_push(struct list *l, struct list_node *n); /* at the end */
void list_push_front(struct list *l, struct list_node *n);
void list_insert_before(struct list *l, struct list_node *at, struct list_node *n);
void list_remove(struct list *l, struct list_node *n);
struct list_node *list_pop(struct list *l);         /* from the front, NULL when empty */
struct list_node *list_first(const struct list *l); /* NULL when empty */
struct list_node *list_next(const struct list *l,
                            const struct list_node *n); /* NULL at the end */
void list_move_all(struct list *to, struct list *from); /* appends, empties from */

#define LIST_EACH(l, it)                                                                       \
    for (struct list_node *it = list_first(l); it != NULL; it = list_next(l, it))

#endif
