#ifndef CRIER_QUEUE_QUOTA_H
#define CRIER_QUEUE_QUOTA_H

/* What of a platform's allowance a channel has used, and whether one more post may go. Pure: time in, verdict
 * out. The ledger keeps the uses; the book is what the program knows of them. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/id.h"
#include "base/quota.h"

/* A post that was made, or may have been, or is about to be. One of each delivery, its last. */
struct quota_use {
    struct delivery_id delivery;
    int64_t at_ms;
};
struct quota_book { /* by time, the oldest first */
    struct quota_use *v;
    size_t count;
};
void quota_book_done(struct quota_book *b);
void quota_book_put(struct quota_book *b, struct delivery_id delivery, int64_t at_ms);
/* Certainly no post came of it; one that is not there is fine. */
void quota_book_drop(struct quota_book *b, struct delivery_id delivery);
/* What counts no more goes. */
void quota_book_prune(struct quota_book *b, const struct quota *q, int64_t now_ms);
/* The clock was set back: what seems to come from the future counts from now. */
void quota_book_clock_back(struct quota_book *b, int64_t now_ms);

struct quota_ask {
    const struct quota *quota;
    int64_t reserve;             /* so many of it are kept for what is breaking */
    struct delivery_id delivery; /* whose own use is no obstacle; 0: of nobody */
    bool breaking;
};
struct quota_view {
    int64_t limit; /* 0: there is no quota */
    int64_t used, reserve, left;
    bool may_go;
    int64_t next_at_ms; /* when the next such post may go; 0: now */
};
struct quota_view
quota_look(const struct quota_book *b, const struct quota_ask *ask, int64_t now_ms);

#define QUOTA_WHY_BYTES 160
/* "quota: 22 of 25 used in 24h, 3 are kept for breaking articles; next at 14:20 UTC"; returns out. */
const char *quota_why(const struct quota_view *v,
                      const struct quota_ask *ask,
                      int64_t now_ms,
                      char out[QUOTA_WHY_BYTES]);

#endif
