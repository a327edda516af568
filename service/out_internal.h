#ifndef CRIER_SERVICE_OUT_INTERNAL_H
#define CRIER_SERVICE_OUT_INTERNAL_H

/* Shared by out.c (the exchange) and out_request.c (what is said and how an answer's head is
 * read). */

#include "service/out.h"

/* Method, headers and body of x->request into x->curl. */
void out__set_request(struct out_exchange *x);
/* One line of an answer's head. False: too much of it, stop. */
bool out__read_header(struct out_exchange *x, const char *line, size_t len);

#endif
