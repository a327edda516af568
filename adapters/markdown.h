#ifndef CRIER_ADAPTERS_MARKDOWN_H
#define CRIER_ADAPTERS_MARKDOWN_H

/* Plain text as Markdown that shows it as it is (CommonMark 0.31), for templates of platforms that take
 * Markdown. */

#include <stddef.h>

struct buf;

/* A mustache_escape_fn. Also harmless to Liquid ("{%"), which dev.to runs over it. Links stay links. */
void markdown_escape(struct buf *out, const char *text, size_t len);

#endif
