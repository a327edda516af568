/* After a crash: what was in flight. Called once, at open, before anybody can ask.
 *
 * A delivery is written as in flight before its request leaves, so everything that may have left
 * without an answer is found here, and nothing else. The step at hand, stored with it, decides:
 *   it was being looked for (in doubt)  unknown still, look again now
 *   its answer is written down          ready: nothing has left since (the picture, or a token, was waited for)
 *   publishes nothing                   ready: at worst an upload is repeated
 *   repeatable                          again: sending it twice does no harm, but not at once
 *   else                                unknown: it may be public; a look follows, not at once either
 * Course, step and record stay, so the work goes on where it stood. A file that came back from a backup
 * has more to be careful about: sqlite_restored.c. */

#include "queue/sqlite_internal.h"

/* The platform may still be at work on the request of before the crash, and may know its key, or show
 * the post, only when it is done: a repeat that overlaps it would be a second post, and so would what
 * follows a look that comes too early and finds nothing. */
#define SETTLES_MS 10000

static bool may_be_repeated(const struct delivery_row *d)
{
    return !d->in_doubt && (d->repeatable || !d->publishes);
}

/* The end of the step before is written and the next one's begin is not: nothing is on its way. */
static bool is_between_steps(const struct delivery_row *d)
{
    return !d->in_doubt && d->attempt_at_ms == 0;
}

static void make_unknown(struct sqlite *s, struct delivery_row *d, int64_t now_ms)
{
    d->due_at_ms =
        d->in_doubt ? now_ms : now_ms + SETTLES_MS; /* a look that was broken off comes again */
    d->exposed = true;
    d->in_doubt = true;
    d->has_due = true;
    sqlite__move(s,
                 d,
                 DELIVERY_UNKNOWN,
                 &(struct move_note){.detail = "stopped before the answer came"},
                 now_ms);
}

/* Not ready: what is ready goes at once, whatever its due time. */
static void repeat_later(struct sqlite *s, struct delivery_row *d, int64_t now_ms)
{
    d->exposed = true;
    d->has_due = true;
    d->due_at_ms = now_ms + SETTLES_MS;
    sqlite__move(s,
                 d,
                 DELIVERY_AGAIN,
                 &(struct move_note){.detail = "stopped before the answer came"},
                 now_ms);
}

/* Known not to be public, and a newer revision waits behind it, which goes, or its article was called off. */
static void give_way(struct sqlite *s, struct delivery_row *d, int64_t now_ms)
{
    struct ledger_job job;

    sqlite__move(s,
                 d,
                 DELIVERY_CANCELLED,
                 &(struct move_note){.detail = sqlite__why_overtaken(d)},
                 now_ms);
    (void)sqlite__release(s, d->article, d->channel, now_ms, &job); /* found by LEDGER_DUE */
}

static void recover_one(struct sqlite *s,
                        struct delivery_id id,
                        int64_t now_ms,
                        struct ledger_opened *opened)
{
    struct delivery_row d;

    if (!sqlite__delivery(s, id, &d)) {
        return;
    }
    sqlite__attempt_write(s, &d, NULL);
    if (may_be_repeated(&d) || is_between_steps(&d)) {
        opened->recovered_ready++;
        if (d.publishes && !is_between_steps(&d)) {
            repeat_later(s, &d, now_ms);
        } else if (!d.exposed && sqlite__is_overtaken(s, &d)) {
            give_way(s, &d, now_ms);
        } else {
            sqlite__make_ready(s, &d, NULL, now_ms);
        }
    } else {
        opened->recovered_unknown++;
        make_unknown(s, &d, now_ms);
    }
    sqlite__delivery_done(&d);
}

static void find_in_flight(struct sqlite *s, struct id_list *out)
{
    struct id_list channels = {.v = NULL};

    sqlite__ids_query(&s->writer, SQL_CHANNEL_IDS, NO_ARGS, &channels);
    for (size_t i = 0; i < channels.count; i++) {
        sqlite__of_state(&s->writer, channels.v[i], DELIVERY_IN_FLIGHT, out);
    }
    sqlite__ids_done(&channels);
}

enum err_code
sqlite__recover(struct sqlite *s, int64_t now_ms, struct ledger_opened *opened, struct err *why)
{
    struct id_list ids = {.v = NULL};
    enum err_code rc;

    sqlite__start(s);
    sqlite__restored(s, opened);
    /* it may have been set while nobody ran */
    sqlite__clock_back(s, &(struct ledger_clock_back){.now_ms = now_ms});
    find_in_flight(s, &ids);
    for (size_t i = 0; i < ids.count; i++) {
        recover_one(s, (struct delivery_id){(uint64_t)ids.v[i]}, now_ms, opened);
    }
    sqlite__ids_done(&ids);
    rc = sqlite__commit(s, why);
    if (rc) {
        err_wrap(why, "recover what was in flight");
    }
    return rc;
}
