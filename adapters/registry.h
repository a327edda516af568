#ifndef CRIER_ADAPTERS_REGISTRY_H
#define CRIER_ADAPTERS_REGISTRY_H

/* Every adapter, one row each. */

#include "adapters/adapter.h"

/* In the order of the reference page; *out_count of them. */
const struct adapter *const *adapters_all(size_t *out_count);
const struct adapter *adapter_find(const char *name); /* NULL when there is none */
/* The steps of a course; NULL when the adapter has no such course. */
const struct step *adapter_course(const struct adapter *a, enum course c);
/* The same for a channel with these settings, which may rule a course out. */
const struct step *
adapter_course_with(const struct adapter *a, const void *settings, enum course c);
const struct step *step_find(const struct step *steps, const char *name); /* NULL when none */

#endif
