#ifndef CRIER_TESTS_SETTINGS_FILL_H
#define CRIER_TESTS_SETTINGS_FILL_H

/* Fills an adapter's settings from JSON by its field table, so that tests of adapters need no
 * settings file. Bounds are config's to check; defaults, kinds and unknown names are checked
 * here. */

#include <jansson.h>

#include "base/err.h"
#include "base/field.h"

/* object is zeroed first; release with field_done(). values may be NULL: defaults only. */
MUST_USE enum err_code settings_fill(const struct field *fields,
                                     void *object,
                                     size_t object_size,
                                     const json_t *values,
                                     struct err *why);
/* Calls visit for every secret that is set, those of inner objects too. */
void settings_secrets(const struct field *fields,
                      const void *object,
                      void (*visit)(void *context, const struct secret *secret),
                      void *context);

#endif
