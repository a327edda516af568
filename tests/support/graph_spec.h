#ifndef CRIER_TESTS_GRAPH_SPEC_H
#define CRIER_TESTS_GRAPH_SPEC_H

/* Requests held against Meta's definitions of its Graph API (tests/fixtures/specs/meta.json): nodes with
 * endpoints, their parameters and types, and the fields a node has. Shares no code with the adapters. */

#include "adapters/http.h"
#include "support/schema.h"

/* Which call a request is: "/{id}/feed" of a method. {id} is digits or "me", {post} is two numbers with a
 * "_" between. */
struct graph_call {
    const char *method, *path, *node, *endpoint;
    const char
        *returns; /* the node that fields= names members of; NULL: none may be asked for */
};

/* All of a request: base is the address up to the path. NULL, and a fault, when it is none of the calls. */
const struct graph_call *graph_spec_check(struct fault *f,
                                          const json_t *spec,
                                          const struct graph_call *calls,
                                          size_t count,
                                          const char *base,
                                          const struct http_request *req);

#endif
