#ifndef CRIER_SERVICE_PREPARE_WORK_H
#define CRIER_SERVICE_PREPARE_WORK_H

/* The thread that prepares: a block of members at a time, for prepare.c. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include "adapters/push.h"
#include "queue/ledger.h"

struct prepare_work;

struct prepare_job {
    /* in; borrowed until it is done */
    const struct push *push;
    const struct ledger_unprepared_member *members;
    size_t count;
    /* out; the job's, prepare_job_done() */
    struct ledger_unprepared_member *made; /* those for whom it could be */
    uint8_t *bytes;                        /* what, push->prepared_bytes each */
    size_t made_count;
    size_t looked;    /* so many of count: it was stopped behind them */
    int64_t cpu_us;   /* of the thread */
    int64_t ended_us; /* of the clock that never jumps */
};
void prepare_job_done(struct prepare_job *job); /* overwrites */

/* `done` is called on the loop, once for each job. */
struct prepare_work *
prepare_work_new(uv_loop_t *loop, void (*done)(void *context), void *context);
void prepare_work_free(struct prepare_work *w); /* a job is broken off, without its done */
void prepare_work_begin(struct prepare_work *w, struct prepare_job *job); /* one at a time */
void prepare_work_hurry(struct prepare_work *w); /* its end comes at once, with what is made */

#endif
