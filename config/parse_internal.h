#ifndef CRIER_CONFIG_PARSE_INTERNAL_H
#define CRIER_CONFIG_PARSE_INTERNAL_H

/* Shared by parse.c (sections) and parse_check.c (what hangs together). */

#include "config/parse.h"
#include "config/value.h"

struct parser {
    struct value_reader reader;
    struct config *config;
    const struct config_types *types;
    const struct node *root;
};

/* Checks over the whole of what was read; mistakes become problems. */
void parse__check(struct parser *p);

#endif
