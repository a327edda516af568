#ifndef CRIER_SERVICE_GATE_JUDGE_H
#define CRIER_SERVICE_GATE_JUDGE_H

/* What an article's page, as it stands now, means for its first posts. Pure. */

#include <stdbool.h>
#include <stddef.h>

#include "queue/ledger.h"
#include "service/page_fetch.h"

#define GATE_NAMES_MAX 12

struct gate_view {
    bool is_public; /* it is the article's page, and everybody may see it */
    bool advertisement;
    char lacks[200]; /* what is not as it should be, for people; "": nothing */
    const struct article_image *image; /* what its card shows, to be looked at; NULL: nothing */
    /* Under which addresses the article is known as well. */
    struct accept_alias names[GATE_NAMES_MAX];
    char *urls[GATE_NAMES_MAX]; /* what the names point to */
    size_t name_count;
};

/* url: the article's. The view borrows its image from the answer. */
void gate_judge(struct gate_view *out, const char *url, const struct page_answer *answer);
void gate_view_done(struct gate_view *v);

#endif
