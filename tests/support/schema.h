#ifndef CRIER_TESTS_SCHEMA_H
#define CRIER_TESTS_SCHEMA_H

/* JSON held against schemas as OpenAPI descriptions have them. Shares no code with the adapters. */

#include <stdbool.h>

#include <jansson.h>

#include "base/attr.h"

/* The first thing that is wrong; "" while nothing is. */
struct fault {
    char text[256];
};
void fault_tell(struct fault *f, const char *format, ...) PRINTF_LIKE(2, 3);
bool fault_told(const struct fault *f);

/* Known: $ref (inside root), type, enum, const, oneOf, anyOf, allOf, properties, required,
 * additionalProperties, items, the bounds of lengths, counts and numbers (lengths in code points),
 * pattern, and the formats uri and date-time. A member no part of a schema knows is wrong. where names
 * the value in what is told. */
void schema_check(struct fault *f,
                  const json_t *root,
                  const json_t *schema,
                  const char *where,
                  const json_t *v);
/* The schema of a member, looked for in all parts of an allOf; NULL when no part knows it. */
const json_t *schema_member(const json_t *root, const json_t *schema, const char *name);

#endif
