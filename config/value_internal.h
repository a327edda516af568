#ifndef CRIER_CONFIG_VALUE_INTERNAL_H
#define CRIER_CONFIG_VALUE_INTERNAL_H

/* Shared by value.c (nodes to values), value_store.c (texts to values) and value_message.c. */

#include "config/value.h"

/* "path: rest" at the node, with what the row accepts behind it. */
void value__refuse(struct value_reader *r,
                   const struct field *f,
                   const struct node *node,
                   const char *path,
                   const char *rest);
/* The same with the value in front, unless it is a secret. */
void value__refuse_value(struct value_reader *r,
                         const struct field *f,
                         const struct node *node,
                         const char *path,
                         const char *rest);
void value__add_choices(const struct field *f, struct buf *out); /* "one of a, b, c" */

/* The kinds that are one text, but for templates, into `to`, which holds nothing yet. False
 * with a fault for people, such as "is no duration". */
bool value__store(const struct field *f, const char *text, void *to, const char **out_fault);
/* Whether so many entries of a list or map are within the row's bounds. */
bool value__count_within(const struct field *f, size_t count, const char **out_fault);

#endif
