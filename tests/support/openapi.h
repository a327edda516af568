#ifndef CRIER_TESTS_OPENAPI_H
#define CRIER_TESTS_OPENAPI_H

/* Requests held against an OpenAPI description (tests/fixtures/specs): the operation must exist, with
 * these parameters and this body. Shares no code with the adapters. */

#include "adapters/http.h"
#include "support/schema.h"

/* The operation at a path (from the description's server on, up to a '?'); NULL: there is none. A path
 * without variables goes before one with. */
const json_t *openapi_operation(const json_t *spec, const char *method, const char *path);
const json_t *openapi_parameter(const json_t *op, const char *in, const char *name, size_t len);
/* Of the body of that media type; NULL: it takes none. */
const json_t *openapi_body(const json_t *op, const char *type);
/* All of a request. Returns the operation, NULL when there is none (which is a fault). */
const json_t *
openapi_check(struct fault *f, const json_t *spec, const struct http_request *req);

#endif
