#ifndef CRIER_QUEUE_LEDGER_INTERNAL_H
#define CRIER_QUEUE_LEDGER_INTERNAL_H

/* Between the ledger's threads (ledger.c) and the store behind them (sqlite.c). A store knows
 * no thread but the one that calls it: `write` is called from one thread only, `read` from one
 * other, or, when the store has but one connection, from the same, `tend` from a third. */

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "queue/ledger.h"
#include "queue/upkeep.h"

/* A committed event on its way to the owner's event function. */
struct ledger_event_node {
    struct list_node node;
    struct ledger_event event;
};
void ledger__event_free(struct ledger_event_node *n);

/* Bytes of many rows, freed at once: what is added never moves (ledger_texts.c). */
struct ledger_texts *ledger__texts_new(void);
void ledger__texts_free(struct ledger_texts *t); /* what it held is overwritten */
void *ledger__texts_add(struct ledger_texts *t, const void *bytes, size_t len); /* and a NUL */

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
    int64_t
        restored_from_ms; /* the file is a backup made then, opened for the first time; 0: it is not */
    int64_t restored; /* … in which so many deliveries waited */
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
    /* As upkeep.h has them, for a store that somebody else may have open. */
    enum err_code (*backup)(const char *location,
                            const char *to,
                            ledger_stop_fn *stop,
                            struct ledger_size *out,
                            struct err *why);
    enum err_code (*check)(const char *location,
                           ledger_finding_fn *found,
                           void *context,
                           ledger_stop_fn *stop,
                           struct ledger_size *out,
                           struct err *why);
    enum err_code (*credentials)(const char *location,
                                 struct ledger_credentials *out,
                                 struct err *why);
};

extern const struct ledger_store ledger_sqlite;
/* The store of a location, and what follows its scheme; NULL: there is none, which the other says. */
const struct ledger_store *ledger__store_find(const char *location, const char **out_rest);
enum err_code ledger__location_refused(const char *location, struct err *why);

#endif
