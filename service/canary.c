/* When canaries run, and what is said of them. Called by the housekeeping and by the API; leaves one dry run to
 * canary_run.c.
 *
 * A canary that has failed is tried again soon, so that it is known when things are mended. One that has not come
 * through for more than two intervals is late, whatever the reason: that is told as well, because a dry run that does
 * not come to an end says nothing by itself. */

#include "service/canary_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "service/channels.h"
#include "service/crier.h"

#define FIRST_AFTER_MS (10 * MS_SECOND) /* other things first */
#define FAILED_AGAIN_MS (2 * MS_MINUTE)

static struct canary *find(const struct canaries *k, const char *channel)
{
    LIST_EACH(&k->list, n)
    {
        struct canary *y = container_of(n, struct canary, node);

        if (strcmp(y->channel, channel) == 0) {
            return y;
        }
    }
    return NULL;
}

static struct canary *find_or_new(struct canaries *k, const char *channel)
{
    struct canary *y = find(k, channel);

    if (y == NULL) {
        y = mem_zalloc(sizeof *y);
        y->all = k;
        y->begun_mono_ms = clock_mono_ms();
        (void)snprintf(y->channel, sizeof y->channel, "%s", channel);
        list_push(&k->list, &y->node);
    }
    return y;
}

/* 0: it has none. */
static int64_t every_ms(const struct channel *ch)
{
    return ch != NULL && !ch->gone && ch->settings->enabled && ch->adapter->audience != NULL
               ? ch->settings->audience.canary_ms
               : 0;
}

/* Since the newest that came through, or since it was first wanted. */
static int64_t age_ms(const struct canary *y)
{
    return clock_mono_ms() - (y->ok_mono_ms > 0 ? y->ok_mono_ms : y->begun_mono_ms);
}

static bool is_late(const struct canary *y, int64_t interval_ms)
{
    return interval_ms > 0 && age_ms(y) > 2 * interval_ms;
}

static bool is_due(const struct canary *y, int64_t interval_ms, int64_t mono_ms)
{
    int64_t wait_ms =
        y->failed && FAILED_AGAIN_MS < interval_ms ? FAILED_AGAIN_MS : interval_ms;

    if (y->run != NULL) {
        return false;
    }
    if (y->ended_mono_ms == 0) {
        return mono_ms - y->begun_mono_ms >= FIRST_AFTER_MS;
    }
    return mono_ms - y->ended_mono_ms >= wait_ms;
}

static void tell_late(struct canary *y)
{
    if (!y->late_told) {
        y->late_told = true;
        log_error(EV_CANARY_ABSENT, LOG_STR("channel", y->channel), LOG_MS("age", age_ms(y)));
    }
}

static void look_at(struct canaries *k, struct channel *ch, int64_t interval_ms)
{
    struct canary *y = find_or_new(k, ch->name);

    if (is_late(y, interval_ms)) {
        tell_late(y);
    }
    if (is_due(y, interval_ms, clock_mono_ms())) {
        canary__run(y, ch);
    }
}

/* Of a channel that wants none any more. */
static void drop_others(struct canaries *k)
{
    struct list_node *n = list_first(&k->list);

    while (n) {
        struct canary *y = container_of(n, struct canary, node);

        n = list_next(&k->list, n);
        if (y->run == NULL && every_ms(channels_find(k->crier->channels, y->channel)) == 0) {
            list_remove(&k->list, &y->node);
            mem_free(y);
        }
    }
}

void canaries_look(struct canaries *k)
{
    struct channel *ch;
    size_t cursor = 0;

    if (k == NULL || k->stopped) {
        return;
    }
    while ((ch = channels_each(k->crier->channels, &cursor)) != NULL) {
        int64_t interval_ms = every_ms(ch);

        if (interval_ms > 0) {
            look_at(k, ch, interval_ms);
        }
    }
    drop_others(k);
}

enum err_code canary_run_now(struct canaries *k,
                             struct channel *ch,
                             canary_done_fn *done,
                             void *context,
                             struct err *why)
{
    struct canary *y;

    if (k->stopped) {
        return err_set(why, ERR_CONFLICT, "the service is shutting down");
    }
    y = find_or_new(k, ch->name);
    if (y->run != NULL) {
        return err_set(why, ERR_CONFLICT, "a dry run of %s is under way", ch->name);
    }
    y->done = done;
    y->context = context;
    canary__run(y, ch);
    return ERR_NONE;
}

/* ---- what came of it ---- */

static bool is_news(const struct canary *y, const char *stage, const char *detail)
{
    return !y->failed || y->stage == NULL || strcmp(y->stage, stage) != 0 ||
           strcmp(y->detail, detail) != 0;
}

static void note_good(struct canary *y, int64_t took_ms)
{
    if (y->failed || y->late_told) {
        log_info(EV_CANARY, LOG_STR("channel", y->channel), LOG_MS("took", took_ms));
    }
    y->failed = y->late_told = false;
    y->stage = NULL;
    y->detail[0] = '\0';
    y->ok_mono_ms = y->ended_mono_ms;
    y->ok_at_ms = y->ended_at_ms;
}

static void note_bad(struct canary *y, const char *stage, const char *detail)
{
    char since[TIME_TEXT_BYTES];

    if (is_news(y, stage, detail)) {
        log_error(
            EV_CANARY_FAILED,
            LOG_STR("channel", y->channel),
            LOG_STR("stage", stage),
            LOG_STR("detail", detail),
            LOG_STR("since", y->ok_at_ms > 0 ? time_rfc3339_seconds(y->ok_at_ms, since) : ""));
    }
    y->failed = true;
    y->stage = stage;
    (void)snprintf(y->detail, sizeof y->detail, "%s", detail);
}

void canary__ended(struct canary *y, const char *stage, const char *detail, int64_t took_ms)
{
    canary_done_fn *done = y->done;

    y->run = NULL;
    y->done = NULL;
    y->ended_mono_ms = clock_mono_ms();
    y->ended_at_ms = clock_wall_ms();
    if (stage == NULL) {
        note_good(y, took_ms);
    } else if (!y->all->stopped) { /* what the end of the service has broken off says nothing */
        note_bad(y, stage, detail);
    }
    if (done != NULL) {
        done(y->context, stage == NULL, stage, y->detail);
    }
}

/* ---- life ---- */

struct canaries *canaries_new(struct crier *c)
{
    struct canaries *k = mem_zalloc(sizeof *k);

    k->crier = c;
    list_init(&k->list);
    return k;
}

void canaries_stop(struct canaries *k)
{
    struct list_node *n = k != NULL ? list_first(&k->list) : NULL;

    if (k == NULL) {
        return;
    }
    k->stopped = true;
    while (n) {
        struct canary *y = container_of(n, struct canary, node);

        n = list_next(&k->list, n);
        if (y->run != NULL) {
            canary__hurry(y->run);
        }
    }
}

bool canaries_idle(const struct canaries *k)
{
    LIST_EACH(&k->list, n)
    {
        if (container_of(n, struct canary, node)->run != NULL) {
            return false;
        }
    }
    return true;
}

void canaries_free(struct canaries *k)
{
    struct list_node *n;

    if (k == NULL) {
        return;
    }
    while ((n = list_pop(&k->list)) != NULL) {
        struct canary *y = container_of(n, struct canary, node);

        must(y->run == NULL);
        mem_free(y);
    }
    mem_free(k);
}

/* ---- showing ---- */

json_t *canary_json(const struct canaries *k, const struct channel *ch)
{
    const struct canary *y = k != NULL ? find(k, ch->name) : NULL;
    int64_t interval_ms = every_ms(ch);
    json_t *out;

    if (interval_ms == 0) {
        return NULL;
    }
    out = json_object();
    (void)json_object_set_new(
        out, "ok", y == NULL || y->ended_at_ms == 0 ? json_null() : json_boolean(!y->failed));
    json_set_time(out, "at", y != NULL ? y->ended_at_ms : 0);
    json_set_time(out, "ok_at", y != NULL ? y->ok_at_ms : 0);
    json_set_str(out, "stage", y != NULL && y->failed ? y->stage : NULL);
    json_set_str(out, "detail", y != NULL && y->failed ? y->detail : NULL);
    (void)json_object_set_new(out, "late", json_boolean(y != NULL && is_late(y, interval_ms)));
    return out;
}

static int64_t is_ok(const struct canary *y)
{
    return y->ok_mono_ms > 0 && !y->failed;
}

static int64_t age_s(const struct canary *y)
{
    return age_ms(y) / MS_SECOND;
}

/* Names of channels are a-z, 0-9, _ and -: nothing to escape. */
void canaries_print_gauges(const struct canaries *k, struct buf *out)
{
    static const struct {
        const char *name, *help;
        int64_t (*value)(const struct canary *y);
    } rows[] = {
        {"crier_canary_ok", "1 when the newest dry run of an audience came through", is_ok},
        {"crier_canary_age_seconds",
         "Since the newest dry run that came through, or since the start",
         age_s},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        buf_addf(
            out, "# HELP %s %s\n# TYPE %s gauge\n", rows[i].name, rows[i].help, rows[i].name);
        LIST_EACH(&k->list, n)
        {
            const struct canary *y = container_of(n, struct canary, node);

            if (every_ms(channels_find(k->crier->channels, y->channel)) > 0) {
                buf_addf(out,
                         "%s{channel=\"%s\"} %" PRId64 "\n",
                         rows[i].name,
                         y->channel,
                         rows[i].value(y));
            }
        }
    }
}
