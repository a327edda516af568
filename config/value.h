#ifndef CRIER_CONFIG_VALUE_H
#define CRIER_CONFIG_VALUE_H

/* From a node of the file to a C value, by a field's row. Called by parse.c and
 * rule_parse.c. */

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/field.h"
#include "config/problem.h"
#include "config/yaml.h"

/* What all reading shares. */
struct value_reader {
    const char *file; /* its name in messages */
    struct problems *problems;
    uint8_t *fingerprint; /* of SHA256_BYTES, or NULL: takes in every text that is read */
};

struct value_section;
/* Reads the value of a FIELD_CUSTOM row into section->object. */
typedef void value_custom_fn(struct value_reader *r,
                             const struct value_section *section,
                             const struct field *field,
                             const struct node *node,
                             const char *path);
/* A table and the struct it fills. A mapping of the file may fill several (a channel: what
 * every channel has, and its type's own). */
struct value_section {
    const struct field *fields;
    void *object;
    value_custom_fn *custom; /* NULL: no FIELD_CUSTOM rows to read */
    void *context;           /* for custom */
    bool open; /* its type is not known: other keys may stand there, and none is missed */
};

/* Reads a mapping into zeroed structs: values, defaults, missing and unknown keys. map NULL:
 * only defaults. Every mistake becomes a problem; what was filled is the caller's to free
 * (field_done) in any case. path ("server") begins every message; "" at the top, where keys
 * that begin with x- or x_ are the newsroom's own (a place for anchors). */
void value_read_mapping(struct value_reader *r,
                        const struct value_section *sections,
                        size_t section_count,
                        const struct node *map,
                        const char *path);
/* One value into the place at `to` (offset not added), which holds nothing yet. */
void value_read(struct value_reader *r,
                const struct field *field,
                const struct node *node,
                const char *path,
                void *to);
/* The text of a node with its references replaced: yours. NULL, and a problem, when it is none.
 * out_replaced (may be NULL): there were references, so it is not for showing. */
char *value_text_dup(struct value_reader *r,
                     const struct node *node,
                     const char *path,
                     const char *accepted,
                     bool *out_replaced);
/* A problem at a node. */
void value_problem(struct value_reader *r,
                   const struct node *node,
                   const char *accepted,
                   const char *what_format,
                   ...) PRINTF_LIKE(4, 5);
/* "a duration such as 30s, 5m, 2h, from 1s to 1d": what a row accepts. */
void value_accepted(const struct field *field, struct buf *out);
/* "did you mean `not_after`?", or "one of a, b, c". */
void value_suggest(const char *word, const char *const *known, size_t count, struct buf *out);
/* "a.b", or "b" when a is empty: yours. */
char *value_path(const char *parent, const char *key);

/* The value at `from` (offset added by the caller) equals the other: for what a reload
 * changes. */
bool value_same(const struct field *field, const void *a, const void *b);

#endif
