#ifndef CRIER_SERVICE_READER_H
#define CRIER_SERVICE_READER_H

/* A thread beside the loop for work that only computes: reading what others wrote, which takes longer
 * than everything else the loop does with it. First in, first out, one at a time: of two requests the
 * one that came first is also stored first. */

#include <uv.h>

#include "base/err.h"
#include "base/list.h"

struct reader;
struct reader_job;
typedef void reader_fn(struct reader_job *job);

/* Lives inside the object that waits for it. */
struct reader_job {
    struct list_node node;
    reader_fn *work; /* on the thread: touches nothing but its own object */
    reader_fn *
        done; /* on the loop, exactly once, never before reader_submit() has returned; may free it */
};

MUST_USE enum err_code reader_new(struct reader **out, uv_loop_t *loop, struct err *why);
void reader_submit(struct reader *r, struct reader_job *job);
/* Ends the thread when it has done all that was submitted; their dones are run. A done that submits
 * again gets its work done at once, on this thread. */
void reader_stop(struct reader *r);
void reader_free(struct reader *r); /* stops it first; NULL is fine */

#endif
