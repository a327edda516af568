#ifndef CRIER_SERVICE_CLI_SOURCES_H
#define CRIER_SERVICE_CLI_SOURCES_H

/* Shared by cli_sources.c (the sources of the running service) and cli_source_types.c (what types there
 * are). */

#include <stdbool.h>

struct cli_args;

int cli_source_types(const struct cli_args *args);
bool cli_is_source_type(const char *name);
/* How to set one up, and its settings. */
int cli_explain_source(const struct cli_args *args, const char *type);

#endif
