#ifndef CRIER_CONFIG_YAML_H
#define CRIER_CONFIG_YAML_H

/* A settings file as a tree that knows where everything stands. Made for config.c; what the
 * values mean is for value.c. */

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "config/problem.h"

#define YAML_FILE_BYTES ((size_t)1024 * 1024) /* a file may be so large */
#define YAML_DEPTH 32                         /* lists and mappings inside each other */
#define YAML_NODES 50000                      /* values; what aliases repeat counts each time */
#define YAML_TEXT_BYTES ((size_t)4 * 1024 * 1024) /* all texts together, so counted too */

enum node_kind { NODE_TEXT, NODE_LIST, NODE_MAP };

struct node {
    enum node_kind kind;
    int line, column;    /* from 1; of an aliased value: where it is written out */
    char *text;          /* NODE_TEXT: as in the file, ${…} not yet replaced */
    bool plain;          /* written without quotes */
    struct node **keys;  /* NODE_MAP: count texts, each once */
    struct node **items; /* NODE_MAP, NODE_LIST: count values */
    size_t count;
};

/* Reads one document. Syntax that is no YAML, a second document, too much of anything, a key
 * that stands twice: all become problems. False when there is no tree to look at; true also
 * when there were problems beside which the rest can be checked. `${…}` may stand unquoted
 * inside {…} and […], where YAML itself would take the brace for its own. A key `<<` takes over
 * the keys of a mapping, or of a list of them, that are not given beside it. */
MUST_USE bool yaml_read(struct node **out,
                        const char *text,
                        size_t len,
                        const char *name,
                        struct problems *problems);
void node_free(struct node *n); /* NULL is fine */

/* The value of a key; NULL when it is not there or n is no mapping. */
const struct node *node_get(const struct node *n, const char *key);
/* `key:` with nothing behind it, `~` or `null`. */
bool node_is_null(const struct node *n);
/* "a text" "a list" "a mapping" "nothing", for messages. */
const char *node_kind_name(const struct node *n);

#endif
