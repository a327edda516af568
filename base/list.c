/* The intrusive list. A ring with the list's own head in it, so that no operation has a special
 * case at the ends. Owns nothing; who holds the objects frees them, out of the list first. */

#include "base/list.h"

void list_init(struct list *l)
{
    l->head.prev = &l->head;
    l->head.next = &l->head;
    l->count = 0;
}

bool list_empty(const struct list *l)
{
    return l->count == 0;
}

bool list_linked(const struct list_node *n)
{
    return n->next != NULL;
}

void list_insert_before(struct list *l, struct list_node *at, struct list_node *n)
{
    must(!list_linked(n));
    n->prev = at->prev;
    n->next = at;
    at->prev->next = n;
    at->prev = n;
    l->count++;
}

void list_push(struct list *l, struct list_node *n)
{
    list_insert_before(l, &l->head, n);
}

void list_push_front(struct list *l, struct list_node *n)
{
    list_insert_before(l, l->head.next, n);
}

void list_remove(struct list *l, struct list_node *n)
{
    must(list_linked(n) && l->count > 0);
    n->prev->next = n->next;
    n->next->prev = n->prev;
    n->prev = NULL;
    n->next = NULL;
    l->count--;
}

struct list_node *list_first(const struct list *l)
{
    return l->count == 0 ? NULL : l->head.next;
}

struct list_node *list_next(const struct list *l, const struct list_node *n)
{
    return n->next == &l->head ? NULL : n->next;
}

struct list_node *list_pop(struct list *l)
{
    struct list_node *n = list_first(l);

    if (n != NULL) {
        list_remove(l, n);
    }
    return n;
}

void list_move_all(struct list *to, struct list *from)
{
    if (list_empty(from) || to == from) {
        return;
    }
    from->head.next->prev = to->head.prev;
    to->head.prev->next = from->head.next;
    from->head.prev->next = &to->head;
    to->head.prev = from->head.prev;
    to->count += from->count;
    list_init(from);
}
