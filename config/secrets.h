#ifndef CRIER_CONFIG_SECRETS_H
#define CRIER_CONFIG_SECRETS_H

/* ${NAME}, ${file:PATH} and ${credential:NAME} inside values. Called by value.c for every text of a settings
 * file. */

#include <stdbool.h>

#include "base/buf.h"

#define SECRETS_FILE_BYTES                                                                     \
    ((size_t)64 * 1024) /* what stands behind a reference may be so large */

/* Appends text with every reference replaced: ${NAME} by the environment, ${file:PATH} by what
 * the file holds, without the line ends at its end. `$${` stands for a plain `${`. A relative
 * PATH counts from the working directory. ${credential:NAME} is the file NAME in the folder that
 * CREDENTIALS_DIRECTORY names: a regular file there, no path and no link.
 *
 * out_replaced  whether there was any reference: what came in by one is never shown to people.
 * ERR_INVALID, ERR_NOT_FOUND, ERR_IO…: why names the reference (never what is behind it). */
MUST_USE enum err_code
secrets_expand(const char *text, struct buf *out, bool *out_replaced, struct err *why);

#endif
