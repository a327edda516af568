/* What a feed says becomes articles. Called by watch_poll.c and websub.c with a feed that was read; owns the
 * feed until its end. One feed of a source after the other, so that what one has told is known to the
 * next.
 *
 *   watch__take       waits for its turn
 *   take_2_choose     which items are new or changed, and whether they go out
 *   take_3_read       on the reading thread: articles of the next few of those
 *   take_4_on_read    into the ledger with them, in the order of publication
 *   take_5_one_done   all of them are there: on with the next few, to 3
 *   take_6_end        what was told is known from now on; tell who waits
 *
 * Who is quiet, and why: all items at first sight; all new ones when there are more than hold_above (the
 * flood guard: a feed whose items all have new names is more likely broken than busy), which then
 * wait for a person; and one with the title of another item of the last day, which waits as well.
 * What is too old is quiet by intake's own judgement. An item that is in the feed no more means
 * nothing: feeds are short. Only a tombstone takes an article back. */

#include "service/watch_internal.h"

#include <string.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "service/complete.h"
#include "service/intake_event.h"
#include "service/metrics.h"

#define AT_ONCE 32 /* so many are on their way to the ledger: enough to share commits */

struct take_item {
    struct feed_item *item;
    const struct watch_names *names;
    bool fresh;
    const char *quiet; /* NULL: it goes out */
    bool held;
};
/* One on its way. There are as many as go at once, whatever the feed's size is. */
struct take_slot {
    struct watch_take *take;
    struct take_item *it; /* NULL: the slot is not in use */
    struct intake_content content;
    struct intake in;
    struct complete_put put; /* of one without a title: its page is to be read first */
};

static const char possible_duplicate[] =
    "its title is that of another item of the last 24 hours, so it may be the same story";

/* ---- choosing ---- */

static int64_t max_age_ms(const struct watched *s)
{
    return s->source->max_age_ms ? s->source->max_age_ms : s->source->type->max_age_ms;
}

static bool is_young(const struct watched *s, const struct feed_item *item, int64_t now_ms)
{
    int64_t age_ms = now_ms - item->published_at_ms, max_ms = max_age_ms(s);

    return item->published_at_ms == 0 || max_ms == 0 || age_ms <= max_ms;
}

static void choose_items(struct watch_take *t, int64_t now_ms)
{
    const struct watch_kept *k = &t->source->kept;

    t->items = mem_calloc(t->feed.count + 1, sizeof *t->items);
    for (size_t i = 0; i < t->feed.count; i++) {
        struct feed_item *item = &t->feed.items[i];
        const struct watch_names *n = &t->names[i];
        enum watch_sight sight =
            watch_known_look(k->known, n->key, n->url, item->fingerprint + item->removed);

        if (sight == WATCH_UNCHANGED || (item->removed && sight == WATCH_NEW)) {
            continue;
        }
        t->items[t->count++] =
            (struct take_item){.item = item, .names = n, .fresh = sight == WATCH_NEW};
        t->fresh += sight == WATCH_NEW && is_young(t->source, item, now_ms) ? 1 : 0;
        t->changed += sight == WATCH_CHANGED ? 1 : 0;
    }
}

/* Of what is new at once: one reason for all, or none. */
static void judge_all(struct watch_take *t)
{
    const struct watched *s = t->source;

    if (s->kept.restored) {
        t->quiet = mem_strdup("first sight after the ledger came back from a backup");
        t->flood = true;
    } else if (s->kept.first_seen_at_ms == 0 && s->settings->first == WATCHED_FIRST_RECORD) {
        t->quiet = mem_strdup("first sight of the source");
    } else if ((int64_t)t->fresh > s->settings->hold_above) {
        t->quiet = mem_printf("%zu new items at once, more than hold_above (%lld)",
                              t->fresh,
                              (long long)s->settings->hold_above);
        t->flood = true;
    }
}

static void judge_one(struct watch_take *t, struct take_item *it, int64_t now_ms)
{
    struct watch_known *known = t->source->kept.known;
    uint64_t title = it->names->title;

    if (!it->fresh) {
        return;
    }
    it->quiet = t->quiet;
    it->held = t->flood && is_young(t->source, it->item, now_ms);
    if (!it->quiet && title && watch_known_has_title(known, title, now_ms)) {
        it->quiet = possible_duplicate;
        it->held = true;
    }
    if (title && is_young(t->source, it->item, now_ms)) {
        watch_known_title(known, title, now_ms);
    }
    t->held += it->held ? 1 : 0;
}

/* ---- reading ---- */

static void take_3_read(struct reader_job *job)
{
    struct watch_take *t = container_of(job, struct watch_take, job);
    int64_t now_ms = clock_wall_ms();

    for (size_t i = 0; i < AT_ONCE && t->slots[i].it; i++) {
        struct take_slot *slot = &t->slots[i];
        struct source_event *e = &slot->it->item->event;

        intake_event_read(&slot->content, e, t->trusted, now_ms);
    }
}

/* ---- storing ---- */

static void take_6_end(struct watch_take *t);

static void count(const struct watch_take *t, const char *outcome)
{
    metrics_add(
        t->source->watch->crier->metrics, METRIC_SOURCE_ITEMS, t->source->name, outcome);
}

static void count_outcome(struct take_slot *slot)
{
    struct watch_take *t = slot->take;
    enum accept_outcome outcome = slot->in.accept.outcome;

    t->recorded += outcome == ACCEPT_RECORDED ? 1 : 0;
    count(t, accept_outcome_name(outcome));
}

static void refuse(struct watch_take *t, enum err_code rc, const struct err *why)
{
    if (rc == ERR_INVALID || rc == ERR_CONFLICT || rc == ERR_NOT_FOUND || rc == ERR_TOO_BIG) {
        /* It would be refused the next time as well: known, and no more of it. */
        t->refused++;
        count(t, "refused");
        return;
    }
    if (!t->rc) {
        t->rc = rc;
        t->why = *why;
    }
}

static void fill_slots(struct watch_take *t);

static void take_5_one_done(struct watch_take *t)
{
    if (--t->running > 0) {
        return;
    }
    if (t->rc || t->next == t->count) {
        take_6_end(t);
    } else {
        fill_slots(t);
    }
}

static void on_stored(struct intake *in)
{
    struct take_slot *slot = in->context;
    struct watch_take *t = slot->take;

    if (in->rc) {
        refuse(t, in->rc, &in->why);
    } else {
        count_outcome(slot);
    }
    intake_free_parts(in);
    take_5_one_done(t);
}

static void on_put(struct complete_put *p)
{
    struct take_slot *slot = p->context;
    struct watch_take *t = slot->take;

    if (p->rc) {
        refuse(t, p->rc, &p->why);
    } else {
        count(t, "waits");
    }
    take_5_one_done(t);
}

/* Without a title it goes out once its page was read. */
static enum err_code put_one(struct take_slot *slot)
{
    struct watch_take *t = slot->take;

    slot->put.done = on_put;
    slot->put.context = slot;
    return complete_start(t->source->watch->crier,
                          &slot->put,
                          t->source->name,
                          &slot->it->item->event,
                          &slot->in.why);
}

/* Where several items have one guid, their keys tell them apart. */
static void name_by_key(struct feed_item *item)
{
    if (item->event.guid && strcmp(item->event.guid, item->key) != 0) {
        mem_free(item->event.guid);
        item->event.guid = mem_strdup(item->key);
    }
}

/* Not 0: nothing was started, in.why says why. */
static enum err_code start_one(struct take_slot *slot)
{
    const struct intake_event_options options = {.quiet = slot->it->quiet,
                                                 .held = slot->it->held};
    struct watch_take *t = slot->take;

    name_by_key(slot->it->item);
    if (complete_is_needed(&slot->it->item->event)) {
        return put_one(slot);
    }
    return intake_event(t->source->watch->crier,
                        &slot->in,
                        t->source->source,
                        &slot->it->item->event,
                        &slot->content,
                        &options,
                        on_stored,
                        slot);
}

static void take_4_on_read(struct reader_job *job)
{
    struct watch_take *t = container_of(job, struct watch_take, job);

    t->running = 1; /* ours, until all are started */
    if (t->source->watch->stopping || !t->source->source) {
        t->rc = err_set(&t->why, ERR_STOPPED, "the source is not watched any more");
    }
    for (size_t i = 0; i < AT_ONCE && t->slots[i].it && !t->rc; i++) {
        struct take_slot *slot = &t->slots[i];
        enum err_code rc = start_one(slot);

        if (rc) {
            refuse(t, rc, &slot->in.why);
        } else {
            t->running++;
        }
    }
    take_5_one_done(t);
}

/* A quiet one without a title needs no page: that it is known is enough, and there is nothing yet that a
 * person could release. */
static bool is_only_known(const struct take_item *it)
{
    return it->quiet && complete_is_needed(&it->item->event);
}

static void empty_slots(struct watch_take *t)
{
    for (size_t i = 0; i < AT_ONCE; i++) {
        intake_content_done(&t->slots[i].content);
        memset(&t->slots[i], 0, sizeof t->slots[i]);
    }
}

static void fill_slots(struct watch_take *t)
{
    size_t n = 0;

    if (t->source->watch->stopping || !t->source->source) { /* there may be no reading thread */
        t->rc = err_set(&t->why, ERR_STOPPED, "the source is not watched any more");
        take_6_end(t);
        return;
    }
    empty_slots(t);
    while (t->next < t->count && n < AT_ONCE) {
        struct take_item *it = &t->items[t->next++];

        if (is_only_known(it)) {
            t->recorded++;
            t->held -= it->held ? 1 : 0;
        } else {
            t->slots[n++] = (struct take_slot){.take = t, .it = it};
        }
    }
    t->job.work = take_3_read;
    t->job.done = take_4_on_read;
    reader_submit(t->source->watch->crier->reader, &t->job);
    /* Continues in take_4_on_read(). */
}

/* ---- course ---- */

static void take_2_choose(struct watch_take *t)
{
    int64_t now_ms = clock_wall_ms();

    if (t->source->source) {
        t->trusted = t->source->source->trusted_breaking;
        if (t->begins) {
            watch_known_turn(t->source->kept.known, !t->source->kept.is_index);
        }
        choose_items(t, now_ms);
        judge_all(t);
        for (size_t i = 0; i < t->count; i++) {
            judge_one(t, &t->items[i], now_ms);
        }
    }
    t->slots = mem_calloc(AT_ONCE, sizeof *t->slots);
    fill_slots(t);
}

static void remember(struct watch_take *t)
{
    struct watch_kept *k = &t->source->kept;
    int64_t now_ms = clock_wall_ms();
    bool first = k->first_seen_at_ms == 0;

    for (size_t i = 0; i < t->feed.count; i++) {
        const struct feed_item *item = &t->feed.items[i];

        watch_known_put(
            k->known, t->names[i].key, t->names[i].url, item->fingerprint + item->removed);
    }
    k->new_at_ms = t->fresh > 0 && !first ? now_ms : k->new_at_ms;
    k->held += (int64_t)t->held;
    (void)FAULT(
        "watch.accepted"); /* every article is on disk, and nothing of the source's state */
}

static void tell(const struct watch_take *t)
{
    if (t->count == 0) {
        return;
    }
    log_info(EV_SOURCE_READ,
             LOG_STR("source", t->source->name),
             LOG_STR("by", t->origin),
             LOG_U64("items", t->feed.count),
             LOG_U64("new", t->fresh),
             LOG_U64("changed", t->changed),
             LOG_U64("recorded", t->recorded),
             LOG_U64("held", t->held),
             LOG_U64("refused", t->refused));
    if (t->held > 0) {
        log_warn(EV_SOURCE_HELD,
                 LOG_STR("source", t->source->name),
                 LOG_U64("held", t->held),
                 LOG_STR("why", t->quiet ? t->quiet : possible_duplicate));
    }
}

static void take_6_end(struct watch_take *t)
{
    struct watched *s = t->source;

    list_remove(&s->takes, &t->node);
    if (!t->rc && !s->source) {
        t->rc = err_set(&t->why, ERR_STOPPED, "the source is not watched any more");
    }
    if (!t->rc) {
        remember(t);
        tell(t);
    }
    t->done(t);
    if (list_empty(&s->takes)) {
        watch__end_if_idle(s);
        return;
    }
    t = container_of(list_first(&s->takes), struct watch_take, node);
    if (s->watch->stopping) { /* there may be no reading thread any more */
        t->rc = err_set(&t->why, ERR_STOPPED, "shutting down");
        take_6_end(t);
    } else {
        take_2_choose(t);
    }
}

void watch__take(struct watched *s, struct watch_take *t, struct watch_reading *from)
{
    t->source = s;
    t->feed = from->feed;
    t->names = from->names;
    from->feed = (struct feed){.count = 0};
    from->names = NULL;
    list_push(&s->takes, &t->node);
    if (list_first(&s->takes) == &t->node) {
        take_2_choose(t);
    }
    /* Continues in take_6_end(). */
}

void watch__take_done(struct watch_take *t)
{
    if (t->slots) {
        empty_slots(t);
    }
    mem_free(t->slots);
    mem_free(t->items);
    mem_free(t->quiet);
    mem_free(t->names);
    feed_done(&t->feed);
}
