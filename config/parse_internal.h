#ifndef CRIER_CONFIG_PARSE_INTERNAL_H
#define CRIER_CONFIG_PARSE_INTERNAL_H

/* Shared by parse.c (sections), parse_groups.c (names of channels), parse_check.c (what
 * hangs together) and parse_audience.c (what does so of audiences). */

#include "config/parse.h"
#include "config/value.h"

struct parser {
    struct value_reader reader;
    struct config *config;
    const struct config_types *types;
    const struct node *root;
};

/* Groups, and what channels fall back to: names become channels (parse_groups.c). */
void parse__groups(struct parser *p);
/* Checks over the whole of what was read; mistakes become problems. */
void parse__check(struct parser *p);
/* … of each channel's `audience` (parse_audience.c). */
void parse__check_audiences(struct parser *p);

#endif
