#ifndef CRIER_SERVICE_COMPLETE_H
#define CRIER_SERVICE_COMPLETE_H

/* Events that lack what an article must have. A hook may say no more than "post 77 is out, at this
 * address": the title, and all else, is then read from the page. Until that has worked the event
 * waits in the ledger's inbox, so that whoever sent it has its 2xx at once and a crash loses
 * nothing. Then it goes the way of every event; the row of the inbox goes in the same
 * transaction that stores the article. */

#include <stdbool.h>

#include "base/err.h"
#include "sources/event.h"

struct crier;
struct completer;

struct complete_put;
typedef void complete_put_fn(struct complete_put *p);
/* Lives inside whoever waits for it. */
struct complete_put {
    complete_put_fn *done; /* exactly once, never before complete_start() has returned */
    void *context;
    /* out */
    enum err_code rc; /* 0: it is on disk, so the sender may have its 2xx */
    struct err why;
};

/* Whether the event must wait for its page: something was published, and it has no title. */
bool complete_is_needed(const struct source_event *e);
/* Takes what the event holds, also when it fails: it is empty afterwards and may be freed as it was.
 * ERR_INVALID: it has no address either (why says so), so nothing can be read; ERR_BUSY: too much
 * waits already. Then nothing has started, and done is not called. */
MUST_USE enum err_code complete_start(struct crier *c,
                                      struct complete_put *p,
                                      const char *source,
                                      struct source_event *event_take,
                                      struct err *why);

/* Another event of that source has come, and has all it needs: what waits of the same article is
 * overtaken, and ends. */
void complete_overtake(struct crier *c, const char *source, const struct source_event *event);

struct completer *completer_new(struct crier *c);
/* What waits in the inbox since before goes on. */
void completer_start(struct completer *m);
void completer_stop(struct completer *m); /* looks no more; what waits stays in the ledger */
void completer_free(struct completer *m); /* stops it */

#endif
