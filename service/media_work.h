#ifndef CRIER_SERVICE_MEDIA_WORK_H
#define CRIER_SERVICE_MEDIA_WORK_H

/* What would keep the loop waiting (files that are written, read and hashed), done on libuv's worker
 * pool. */

#include <uv.h>

struct media_work;
typedef void media_work_fn(void *context);

/* run on a thread of the pool, then done on the loop; done never comes before this has returned. */
struct media_work *
media_work_start(uv_loop_t *loop, media_work_fn *run, media_work_fn *done, void *context);
/* done is not called, and run touches nothing any more when this returns: it never began, or its end was
 * waited for. Before done only; NULL is fine. */
void media_work_abandon(struct media_work *w);

#endif
