#ifndef CRIER_SERVICE_PAGE_FILL_H
#define CRIER_SERVICE_PAGE_FILL_H

/* What an article lacks is taken from its page, before an adapter sees it. */

#include "base/article.h"

/* What an article lacks and its page said (page_write(), as the ledger keeps it): summary, language,
 * authors, pictures, and of a picture that it has, what is shown for it and its size. The article's own
 * word always counts more. page NULL, or not to be read: nothing. Pure. */
void page_fill_article(struct article *a, const char *page);

#endif
