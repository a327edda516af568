#ifndef CRIER_CONFIG_PARSE_H
#define CRIER_CONFIG_PARSE_H

/* From the tree of a file to a struct config. Called by config.c only. */

#include "config/config.h"
#include "config/yaml.h"

/* Fills a zeroed config; every mistake becomes a problem. What was filled is freed with the
 * config in any case. */
void parse_config(struct config *c,
                  const struct node *root,
                  const char *name,
                  const struct config_types *types,
                  struct problems *problems);

#endif
