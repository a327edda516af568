#ifndef CRIER_SOURCES_REGISTRY_H
#define CRIER_SOURCES_REGISTRY_H

/* All kinds of sources. */

#include "sources/source.h"

const struct source *const *sources_all(size_t *out_count);
const struct source *source_find(const char *name); /* NULL: there is none */

#endif
