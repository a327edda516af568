#ifndef CRIER_TESTS_DISCOVERY_H
#define CRIER_TESTS_DISCOVERY_H

/* Requests held against a discovery document of Google (tests/fixtures/specs): the method must exist, with
 * these parameters and this body. Shares no code with the adapters. */

#include "adapters/http.h"
#include "support/schema.h"

/* The document, its references made such as schema_check() knows them; new reference. */
json_t *discovery_load(const char *path);
/* The method at a path (from the host on, up to a '?'; "/upload" before it or not); NULL: there is none. */
const json_t *discovery_method(const json_t *doc, const char *verb, const char *path);
/* All of a request. Returns the method, NULL when there is none (which is a fault). */
const json_t *
discovery_check(struct fault *f, const json_t *doc, const struct http_request *req);
/* The body of a method that takes JSON. */
void discovery_check_body(struct fault *f,
                          const json_t *doc,
                          const json_t *method,
                          const json_t *body);

#endif
