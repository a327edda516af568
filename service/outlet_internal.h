#ifndef CRIER_SERVICE_OUTLET_INTERNAL_H
#define CRIER_SERVICE_OUTLET_INTERNAL_H

/* What the writers of the documents share. */

#include "service/outlet_write.h"

#define OUTLET_URL_BYTES ((size_t)3 * ARTICLE_URL_BYTES)

void outlet__sitemap(const struct outlet_facts *f, struct buf *out);
void outlet__rss(const struct outlet_facts *f, struct buf *out);
void outlet__json(const struct outlet_facts *f, struct buf *out);

/* <name>text</name> and a line end; nothing when there is no text. */
void outlet__element(struct buf *out, const char *name, const char *text);
/* The address as documents have it, in place of what ascii held; false: it cannot be written so. */
bool outlet__url(const char *url, struct buf *ascii);
/* When an article was last changed: its publication, unless there was a revision after it. */
int64_t outlet__updated_ms(const struct ledger_shown *s);
int64_t outlet__newest_ms(const struct outlet_facts *f); /* of what feeds have; 0: nothing */

#endif
