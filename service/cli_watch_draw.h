#ifndef CRIER_SERVICE_CLI_WATCH_DRAW_H
#define CRIER_SERVICE_CLI_WATCH_DRAW_H

/* The screen of `crier status --watch`: one frame of it, made from what the API said. Pure. */

#include <jansson.h>

#include "base/buf.h"

struct watch_view {
    const char *where;   /* the service's address */
    const char *trouble; /* it does not answer: why; NULL: it does */
    bool ready;
    const json_t *channels; /* of GET /v1/channels; NULL: not known yet */
    const json_t *waves;    /* of GET /v1/waves, newest first */
    const json_t *rates;    /* {delivery: members whose turn was over in the last second} */
    const json_t *events;   /* lines, newest last */
    size_t width, height;   /* of the terminal */
    bool colours, utf8;
    bool screen; /* each line erases what was behind it; false: plain lines */
    int64_t now_ms;
};

/* Appends at most v->height lines, none wider than v->width. */
void watch_draw(struct buf *out, const struct watch_view *v);
/* One wave in a line, for where there is no screen: "webpush 78 % of 1,000,000: accepted 780,120 …". */
void watch_line(struct buf *out, const json_t *w, int64_t per_s, int64_t now_ms);

#endif
