#ifndef CRIER_CONFIG_SECRETS_H
#define CRIER_CONFIG_SECRETS_H

/* ${NAME} and ${file:PATH} inside values. Called by value.c for every text of a settings
 * file. */

#include <stdbool.h>

#include "base/buf.h"

#define SECRETS_FILE_BYTES ((size_t)64 * 1024) /* a file behind ${file:…} may be so large */

/* Appends text with every reference replaced: ${NAME} by the environment, ${file:PATH} by what
 * the file holds, without the line ends at its end. `$${` stands for a plain `${`. A relative
 * PATH counts from the working directory.
 *
 * out_replaced  whether there was any reference: what came in by one is never shown to people.
 * ERR_INVALID, ERR_NOT_FOUND, ERR_IO…: why names the reference (never what is behind it). */
MUST_USE enum err_code
secrets_expand(const char *text, struct buf *out, bool *out_replaced, struct err *why);

#endif
