#ifndef CRIER_SOURCES_FORM_H
#define CRIER_SOURCES_FORM_H

/* A body as browsers post forms (application/x-www-form-urlencoded). */

#include <jansson.h>

#include "base/err.h"

/* An object of strings; of a name that comes twice the first counts. ERR_INVALID: it is none. */
MUST_USE enum err_code form_read(json_t **out, const char *text, size_t len, struct err *why);

#endif
