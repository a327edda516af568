#ifndef CRIER_QUEUE_LEDGER_INTERNAL_H
#define CRIER_QUEUE_LEDGER_INTERNAL_H

/* Between the ledger's threads (ledger.c) and the store behind them (sqlite.c). A store knows
 * no thread but the one that calls it: `write` is called from one thread only, `read` from one
 * other, or, when the store has but one connection, from the same, `tend` from a third. */

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "queue/ledger.h"

/* A committed event on its way to the owner's event function. */
struct ledger_event_node {
    struct list_node node;
    struct ledger_event event;
};
void ledger__event_free(struct ledger_event_node *n);

/* What one transaction carries. */
struct ledger_batch {
    struct ledger_request *
        *v; /* in the order of submission; rc and why are filled by the store */
    size_t count;
    bool want_events;
    struct list events; /* out: of struct ledger_event_node, only those that are committed */
    uint64_t commits, failed_commits; /* out */
    bool tend;                        /* out: it is time for the store's `tend` */
};

struct ledger_opened {
    bool single; /* reads must run on the writing thread */
    int64_t recovered_ready, recovered_unknown;
};

struct ledger_store {
    const char *scheme; /* of the location: "sqlite" */
    /* location: behind "scheme:". Blocks. */
    enum err_code (*open)(void **out_store,
                          const char *location,
                          int64_t now_ms,
                          struct ledger_opened *out_opened,
                          struct err *why);
    void (*write)(void *store, struct ledger_batch *batch);
    void (*read)(void *store, struct ledger_request *r);
    void (*tend)(
        void *store); /* what it does beside the others now and then, as long as it likes */
    void (*close)(void *store);
};

extern const struct ledger_store ledger_sqlite;

#endif
