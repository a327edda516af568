#ifndef CRIER_SOURCES_CHARSET_INTERNAL_H
#define CRIER_SOURCES_CHARSET_INTERNAL_H

/* What charset.c and the table of labels share. Not for others. */

#include "sources/charset.h"

struct charset_row {
    const char *name, *iconv, *labels; /* labels: words between blanks */
};

/* Blanks and quotes around the label do not count; NULL: there is none of that name. */
const struct charset_row *charset__row(const char *label, size_t len);
/* by_default: servers say it without having looked. */
const struct charset_row *charset__of_header(const char *content_type, bool *out_by_default);
/* text: the first bytes, as ASCII. */
const struct charset_row *charset__of_declaration(const char *text, size_t len);

#endif
