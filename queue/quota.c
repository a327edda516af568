/* Whether one more post fits into a platform's allowance. Called by the courier, before a post's course begins,
 * and by whoever shows what is left. Pure, so that a month of posts is a loop in a test.
 *
 * A post counts from the moment when its request may leave until its window is over, whatever came of it, unless
 * it is certain that none came. A normal article may use what is left beyond the reserve, a breaking one all;
 * what breaking ones have used counts for the normal ones too, since the platform counts both alike. */

#include "queue/quota.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

void quota_book_done(struct quota_book *b)
{
    mem_free(b->v);
    *b = (struct quota_book){.v = NULL};
}

void quota_book_drop(struct quota_book *b, struct delivery_id delivery)
{
    for (size_t i = 0; i < b->count; i++) {
        if (b->v[i].delivery.v == delivery.v) {
            memmove(&b->v[i], &b->v[i + 1], (b->count - i - 1) * sizeof b->v[0]);
            b->count--;
            return;
        }
    }
}

void quota_book_put(struct quota_book *b, struct delivery_id delivery, int64_t at_ms)
{
    size_t at;

    quota_book_drop(b, delivery);
    b->v = mem_realloc(b->v, b->count + 1, sizeof b->v[0]);
    for (at = b->count; at > 0 && b->v[at - 1].at_ms > at_ms; at--) {
        b->v[at] = b->v[at - 1];
    }
    b->v[at] = (struct quota_use){.delivery = delivery, .at_ms = at_ms};
    b->count++;
}

/* So many at the beginning count no more. */
static size_t count_over(const struct quota_book *b, const struct quota *q, int64_t now_ms)
{
    int64_t start_ms = quota_window_start(q, now_ms);
    size_t n = 0;

    while (n < b->count && b->v[n].at_ms < start_ms) {
        n++;
    }
    return n;
}

void quota_book_prune(struct quota_book *b, const struct quota *q, int64_t now_ms)
{
    size_t over = count_over(b, q, now_ms);

    if (over > 0) {
        memmove(b->v, b->v + over, (b->count - over) * sizeof b->v[0]);
        b->count -= over;
    }
}

void quota_book_clock_back(struct quota_book *b, int64_t now_ms)
{
    for (size_t i = 0; i < b->count; i++) {
        if (b->v[i].at_ms > now_ms) {
            b->v[i].at_ms = now_ms;
        }
    }
}

/* The use in the place `index` of those that count, the asker's own left out. */
static int64_t
time_of(const struct quota_book *b, const struct quota_ask *ask, size_t over, int64_t index)
{
    for (size_t i = over; i < b->count; i++) {
        if (b->v[i].delivery.v != ask->delivery.v && index-- == 0) {
            return b->v[i].at_ms;
        }
    }
    return b->count > 0 ? b->v[b->count - 1].at_ms : 0;
}

struct quota_view
quota_look(const struct quota_book *b, const struct quota_ask *ask, int64_t now_ms)
{
    const struct quota *q = ask->quota;
    struct quota_view view = {.limit = q->count, .may_go = true};
    bool counted =
        false; /* its own is one of them: a second request of it makes no second post */
    int64_t allowed, at_ms;
    size_t over;

    if (q->count <= 0) {
        view.limit = 0;
        return view;
    }
    over = count_over(b, q, now_ms);
    for (size_t i = over; i < b->count; i++) {
        if (b->v[i].delivery.v == ask->delivery.v) {
            counted = true;
        } else {
            view.used++;
        }
    }
    view.reserve = ask->reserve < q->count ? ask->reserve : q->count;
    view.left = view.used < q->count ? q->count - view.used : 0;
    allowed = q->count - (ask->breaking ? 0 : view.reserve);
    view.may_go = counted || view.used < allowed;
    if (!view.may_go) {
        /* With nothing allowed at all there is no post to wait for: ask again a window later. */
        at_ms = allowed > 0 ? time_of(b, ask, over, view.used - allowed) : now_ms;
        view.next_at_ms = quota_frees_at(q, at_ms);
        if (view.next_at_ms <= now_ms) {
            view.next_at_ms = now_ms + 1;
        }
    }
    return view;
}

/* The day is told where it is not today. */
static const char *moment(int64_t at_ms, int64_t now_ms, char out[TIME_TEXT_BYTES])
{
    char text[TIME_TEXT_BYTES];
    bool today = at_ms / MS_DAY == now_ms / MS_DAY;

    time_rfc3339_seconds(at_ms, text);
    (void)snprintf(out,
                   TIME_TEXT_BYTES,
                   "%.*s%s%.5s UTC",
                   today ? 0 : 10,
                   text,
                   today ? "" : " ",
                   text + 11);
    return out;
}

const char *quota_why(const struct quota_view *v,
                      const struct quota_ask *ask,
                      int64_t now_ms,
                      char out[QUOTA_WHY_BYTES])
{
    char window[QUOTA_TEXT_BYTES], when[TIME_TEXT_BYTES], kept[64] = "";

    if (!ask->breaking && v->reserve > 0) {
        (void)snprintf(kept,
                       sizeof kept,
                       ", %" PRId64 " %s kept for breaking articles",
                       v->reserve,
                       v->reserve == 1 ? "is" : "are");
    }
    (void)snprintf(out,
                   QUOTA_WHY_BYTES,
                   "quota: %" PRId64 " of %" PRId64 " used %.32s%s; next at %s",
                   v->used,
                   v->limit,
                   quota_window_text(ask->quota, window),
                   kept,
                   moment(v->next_at_ms, now_ms, when));
    return out;
}
