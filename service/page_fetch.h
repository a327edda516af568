#ifndef CRIER_SERVICE_PAGE_FETCH_H
#define CRIER_SERVICE_PAGE_FETCH_H

/* Pages of articles, fetched as a crawler of link previews does: the first megabyte, no scripts, no
 * cookies, redirects followed and each address checked anew. One fetch for all that ask for an
 * address at the same time; what is read of the page is shared. */

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "sources/page.h"

struct crier;
struct pages;
struct page_fetch;
typedef void page_fetch_fn(struct page_fetch *f);

struct page_answer {
    int status; /* of HTTP; 0: there was no answer */
    char error
        [160]; /* why there are no facts: "status 404", "no HTML but application/pdf" …; "" */
    bool has_facts;
    struct page_facts facts;
    /* Where redirects led, from the first to where the page stands at last; the address that was asked
     * for is not among them. */
    struct strings redirects;
};

struct page_fetch {
    page_fetch_fn *done; /* exactly once, never before page_fetch_start() has returned */
    const struct page_answer *answer; /* borrowed until page_fetch_done() */
    /* page_fetch.c's own */
    struct list_node node;
    void *entry;
    bool told;
};

struct pages *pages_new(struct crier *c);
void pages_free(struct pages *p);
/* max_age_ms: a good answer that is no older will do; 0: only one that is still being waited for.
 * urgent: before others, when more are asked for than may be fetched at once. */
void page_fetch_start(
    struct pages *p, struct page_fetch *f, const char *url, int64_t max_age_ms, bool urgent);
void page_fetch_done(
    struct page_fetch *f); /* lets the answer go; before done: nobody waits any more */

#endif
