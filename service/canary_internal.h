#ifndef CRIER_SERVICE_CANARY_INTERNAL_H
#define CRIER_SERVICE_CANARY_INTERNAL_H

/* Shared by canary.c (when, and what came of it) and canary_run.c (one dry run). */

#include "service/canary.h"

#include "base/err.h"
#include "base/list.h"

struct canary_run;

#define CANARY_DETAIL_BYTES 256

/* Of one channel. */
struct canary {
    struct list_node node;
    struct canaries *all;
    char channel[64];
    struct canary_run *run;             /* under way; NULL */
    int64_t begun_mono_ms;              /* when it was first wanted */
    int64_t ended_mono_ms, ended_at_ms; /* of the last run; 0: there was none */
    int64_t ok_mono_ms, ok_at_ms;       /* of the last that came through; 0 */
    bool failed;                        /* the last one did, here: */
    const char *stage;                  /* static */
    char detail[CANARY_DETAIL_BYTES];
    bool late_told;
    canary_done_fn *done; /* who asked for the run; NULL: nobody */
    void *context;
};

struct canaries {
    struct crier *crier;
    struct list list;
    bool stopped;
};

/* Ends in canary__ended(), once and later. */
void canary__run(struct canary *y, struct channel *ch);
/* The service goes down: it ends soon. */
void canary__hurry(struct canary_run *r);
/* stage NULL: it came through. */
void canary__ended(struct canary *y, const char *stage, const char *detail, int64_t took_ms);

#endif
