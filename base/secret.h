#ifndef CRIER_BASE_SECRET_H
#define CRIER_BASE_SECRET_H

/* A secret from the settings. It has a type of its own so that no log line, API answer or error
 * text can take one by accident. */

#include <stddef.h>

struct secret {
    char *text; /* NUL-terminated; NULL when not set */
    size_t len;
};

void secret_take(struct secret *s, char *text); /* owns text (from mem_*); may be NULL */
void secret_done(struct secret *s);             /* overwrites, frees */

#endif
