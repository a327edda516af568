#ifndef CRIER_SERVICE_RESIZE_H
#define CRIER_SERVICE_RESIZE_H

/* Pictures made to fit (smaller, a JPEG, cut to a ratio), each in a process of its own: the same program with the hidden verb `resize`,
 * which reads a picture from standard input and writes a JPEG to standard output. A picture comes from
 * outside and its decoders are large, so whatever it does to them, in time, in memory or by a mistake in
 * one of them, happens there: the child has limits, may open, connect to and start nothing, and is
 * killed when its time is over.
 *
 *   resize.c          the loop's side: who waits, at most two children, their pipes and their end
 *   cli_resize.c      the child: limits, input, output
 *   resize_sandbox.c  what the child gives up before it looks at the picture
 *   resize_vips.c     the child's work, by libvips, which only the child loads
 *   resize_plan.c     which size and quality to try next; pure */

#include "adapters/adapter.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/list.h"

struct resize_child;
struct uv_loop_s;

/* Nothing with more pixels is decoded: cameras of the press have up to 100 million. */
#define RESIZE_PIXELS_MAX ((int64_t)100 * 1000 * 1000)
/* How long one may take, waiting for its turn included: late is worse than without a picture. */
#define RESIZE_TIMEOUT_MS 10000
#define RESIZE_ERROR_BYTES 160

/* ---- on the loop ---- */

struct resizer;
struct resize_job;
typedef void resize_done_fn(struct resize_job *job);

/* Lives inside the object that waits for it. */
struct resize_job {
    /* in; borrowed until done */
    const void *bytes;
    size_t len;
    struct media_bounds bounds;
    resize_done_fn *done; /* exactly once, never before resize_submit() has returned */
    /* out; the caller's from done on, also when it failed: buf_done() it */
    struct buf picture;             /* a JPEG within the bounds */
    char error[RESIZE_ERROR_BYTES]; /* "": picture is there */
    /* resize.c's own */
    struct resizer *resizer;
    struct list_node node;
    struct resize_child *child; /* NULL: waits for its turn */
    uint64_t deadline_ms;       /* of the loop's clock */
};

/* timeout_ms: of each job, its wait for a place included; RESIZE_TIMEOUT_MS but in tests. */
struct resizer *resizer_new(struct uv_loop_s *loop, uint64_t timeout_ms);
/* Children end at once; jobs must have been cancelled before. */
void resizer_free(struct resizer *r);
void resize_submit(struct resizer *r, struct resize_job *job);
void resize_cancel(struct resize_job *job); /* done is not called */

/* ---- pure ---- */

bool resize_fits(const struct media *m, const struct media_bounds *b);
/* One bound alone: whether its kind of file is taken, whether its ratio of width to height is. */
bool resize_type_fits(const struct media *m, const struct media_bounds *b);
bool resize_ratio_fits(int64_t width, int64_t height, const struct media_bounds *b);
struct resize_size {
    int64_t width, height;
};
/* The largest part of a picture of that size whose ratio fits; itself, when its own does. Never
 * nothing: a part has at least one pixel. */
struct resize_size resize_cut(int64_t width, int64_t height, const struct media_bounds *b);
/* Why a picture is not worth a child: none of its four types has such dimensions, or it is a bomb. NULL:
 * it is. */
const char *resize_refusal(int64_t width, int64_t height);

struct resize_try {
    int64_t edge; /* the longer side, at most */
    int quality;  /* of the JPEG */
};
/* The first try for a picture of that size (which resize_refusal() has nothing against), and the one
 * after a try that was still too large in bytes. False: it cannot be made to fit. */
struct resize_try resize_first(int64_t width, int64_t height, const struct media_bounds *b);
bool resize_next(struct resize_try *t);

/* ---- in the child ---- */

/* No new privileges, memory and time bounded, no core; before anything is loaded. */
MUST_USE enum err_code resize_limit_process(struct err *why);
/* From here on no file, socket or program can be opened. */
MUST_USE enum err_code resize_lock_process(struct err *why);
/* Loads libvips. ERR_NOT_FOUND: it is not installed. */
MUST_USE enum err_code resize_load(struct err *why);
/* The picture as a JPEG within the bounds: turned as its EXIF says, first frame, transparency on white,
 * colours in sRGB, no metadata. After resize_load(). */
MUST_USE enum err_code resize_picture(const void *bytes,
                                      size_t len,
                                      const struct media_bounds *bounds,
                                      struct buf *out,
                                      struct err *why);

#endif
