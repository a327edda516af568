#ifndef CRIER_SERVICE_MEDIA_MP4_H
#define CRIER_SERVICE_MEDIA_MP4_H

/* What a video file says of itself: whether it is an MP4 or a QuickTime file, how long it lasts and how
 * large its picture is. Read piece by piece, so that a file of any size costs a few reads. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* len bytes of the file from `at` on into to; false when they cannot be had. */
typedef bool media_read_fn(void *context, uint64_t at, void *to, size_t len);

struct media_mp4 {
    const char *type;      /* "video/mp4" or "video/quicktime" */
    int64_t width, height; /* as it is shown: turned where the file says so */
    int64_t duration_ms;   /* 0: it does not say */
};

/* len: of the file. ERR_INVALID: it is no such video, or it ends before its content does. */
MUST_USE enum err_code media_mp4_read(
    struct media_mp4 *out, media_read_fn *read, void *context, uint64_t len, struct err *why);

#endif
