/* What time does: deliveries that became worthless, a clock that was set back, articles and events
 * too old to keep, and the count of followed share links. Called by sqlite.c inside the writer's transaction, a
 * bounded number of rows a call, so that tidying never holds up an article. */

#include "queue/sqlite_internal.h"

#include <string.h>

#include "base/id.h"
#include "base/mem.h"

#define EXPIRE_MAX 1000
#define PRUNE_MAX 500
#define PRUNE_LOOKS_MAX 10000
#define PRUNE_ROWS_MAX 20000 /* of events, and of replay keys */
/* Longer than any sender of webhooks repeats one (a day is usual). */
#define SEEN_KEPT_MS (48 * MS_HOUR)

/* ---- expire ---- */

/* Where something expired: there a held delivery may have become the first. */
struct place {
    struct article_id article;
    struct channel_row *channel;
};

static bool
expire_one(struct sqlite *s, struct ledger_expire *r, struct delivery_id id, struct place *out)
{
    struct delivery_row d;

    if (!sqlite__delivery(s, id, &d)) {
        return false;
    }
    *out = (struct place){.article = d.article, .channel = d.channel};
    sqlite__move(
        s, &d, DELIVERY_EXPIRED, &(struct move_note){.detail = "not sent in time"}, r->now_ms);
    memcpy(r->channels[r->count], d.channel->name, sizeof r->channels[r->count]);
    r->ids[r->count++] = id;
    sqlite__delivery_done(&d);
    return true;
}

/* Only after all have expired: one that is let go must not be among them. */
static void release_all(struct sqlite *s, struct ledger_expire *r, const struct place *places)
{
    for (size_t i = 0; i < r->count; i++) {
        if (sqlite__release(s,
                            places[i].article,
                            places[i].channel,
                            r->now_ms,
                            &r->released[r->released_count])) {
            r->released_count++;
        }
    }
}

enum err_code sqlite__expire(struct sqlite *s, struct ledger_expire *r)
{
    struct id_list ids = {.v = NULL};
    struct place *places;

    sqlite__ids_query(&s->writer, SQL_EXPIRED, ARGS(ARG_I(r->now_ms), ARG_I(EXPIRE_MAX)), &ids);
    if (ids.count == 0) {
        return ERR_NONE;
    }
    places = mem_calloc(ids.count, sizeof *places);
    r->ids = mem_calloc(ids.count, sizeof *r->ids);
    r->channels = mem_calloc(ids.count, sizeof *r->channels);
    r->released = mem_calloc(ids.count, sizeof *r->released);
    for (size_t i = 0; i < ids.count; i++) {
        (void)expire_one(s, r, (struct delivery_id){(uint64_t)ids.v[i]}, &places[r->count]);
    }
    release_all(s, r, places);
    mem_free(places);
    sqlite__ids_done(&ids);
    return ERR_NONE;
}

/* ---- a clock that was set back ---- */

/* Of those on a channel in this state. */
static void clock_back(struct sqlite *s,
                       const struct ledger_clock_back *r,
                       int64_t channel,
                       enum delivery_state state)
{
    for (int breaking = 0; breaking < 2; breaking++) {
        const struct sql_arg *args =
            ARGS(ARG_I(channel), ARG_I(state), ARG_I(breaking), ARG_I(r->now_ms));

        sqlite__waves_clock_back(s, args, r); /* by what the other moves */
        if (state != DELIVERY_IN_FLIGHT) {
            sqlite__do(&s->writer, SQL_CLOCK_BACK, args);
        }
    }
}

void sqlite__clock_back(struct sqlite *s, const struct ledger_clock_back *r)
{
    static const enum delivery_state waiting[] = {
        DELIVERY_AGAIN, DELIVERY_UNKNOWN, DELIVERY_IN_FLIGHT};
    struct id_list channels = {.v = NULL};

    s->opened_ms = s->opened_ms < r->now_ms ? s->opened_ms : r->now_ms;
    sqlite__ids_query(&s->writer, SQL_CHANNEL_IDS, NO_ARGS, &channels);
    for (size_t i = 0; i < channels.count; i++) {
        for (size_t n = 0; n < ARRAY_LEN(waiting); n++) {
            clock_back(s, r, channels.v[i], waiting[n]);
        }
    }
    sqlite__ids_done(&channels);
    sqlite__do(&s->writer, SQL_QUOTA_CLOCK_BACK, ARGS(ARG_I(r->now_ms)));
}

/* ---- prune ---- */

/* The counts of its deliveries go with them. */
static void uncount(struct sqlite *s, int64_t article)
{
    sqlite3_stmt *stmt = sqlite__query(&s->writer, SQL_ARTICLE_COUNTS, ARGS(ARG_I(article)));

    while (sqlite__row(&s->writer, stmt)) {
        struct channel_row *ch = sqlite__channel_by_id(s, sqlite3_column_int64(stmt, 0));
        int state = sqlite3_column_int(stmt, 1);

        if (ch && state >= 0 && state < DELIVERY_STATE_COUNT) {
            sqlite__count(ch, (enum delivery_state)state, -sqlite3_column_int64(stmt, 2));
        }
    }
}

static void drop_article(struct sqlite *s, int64_t article)
{
    /* Those first that are found through others. */
    static const enum sqlite_sql drops[] = {SQL_DROP_ATTEMPTS,
                                            SQL_DROP_EXCEPTIONS,
                                            SQL_DROP_BATCHES,
                                            SQL_DROP_SERVICES,
                                            SQL_DROP_WAVES,
                                            SQL_DROP_DELIVERIES,
                                            SQL_DROP_STANDING,
                                            SQL_DROP_FALLBACK,
                                            SQL_DROP_REVISIONS,
                                            SQL_DROP_NAMES,
                                            SQL_DROP_CLICKS,
                                            SQL_DROP_ARTICLE};

    uncount(s, article);
    for (size_t i = 0; i < ARRAY_LEN(drops); i++) {
        sqlite__do(&s->writer, drops[i], ARGS(ARG_I(article)));
    }
}

/* Walks on from where the last call stopped: an article is seen after it was made, so none younger than
 * the limit can be older than it. Those that stay although they are old, because a source brings them
 * still or a delivery is open, are looked at once a pass. Returns whether the pass has more. */
static bool find_prunable(struct sqlite *s, int64_t before_ms, struct id_list *out)
{
    sqlite3_stmt *stmt = sqlite__query(&s->writer,
                                       SQL_PRUNABLE,
                                       ARGS(ARG_I(s->pruned_to),
                                            ARG_I(before_ms),
                                            ARG_I(id_first_at(before_ms)),
                                            ARG_I(PRUNE_LOOKS_MAX)));
    size_t looked = 0;

    while (sqlite__row(&s->writer, stmt)) {
        looked++;
        s->pruned_to = sqlite3_column_int64(stmt, 0);
        if (sqlite3_column_int(stmt, 1) != 0) {
            sqlite__ids_add(out, s->pruned_to);
        }
        if (out->count == PRUNE_MAX) {
            sqlite__end(stmt);
            return true;
        }
    }
    return looked == PRUNE_LOOKS_MAX;
}

static bool prune_articles(struct sqlite *s, struct ledger_prune *r)
{
    struct id_list ids = {.v = NULL};
    bool more = r->before_ms > 0 && find_prunable(s, r->before_ms, &ids);

    for (size_t i = 0; i < ids.count; i++) {
        drop_article(s, ids.v[i]);
        r->count++;
    }
    sqlite__ids_done(&ids);
    if (!more) {
        s->pruned_to = 0; /* the next pass starts anew */
    }
    return more;
}

enum err_code sqlite__prune(struct sqlite *s, struct ledger_prune *r)
{
    int64_t keep = r->keep_events > 1 ? r->keep_events : 1;
    int64_t events, seen;

    r->more = prune_articles(s, r);
    events = sqlite__do(&s->writer, SQL_EVENT_PRUNE, ARGS(ARG_I(keep), ARG_I(PRUNE_ROWS_MAX)));
    seen = sqlite__do(&s->writer,
                      SQL_SEEN_PRUNE,
                      ARGS(ARG_I(s->latest_ms - SEEN_KEPT_MS), ARG_I(PRUNE_ROWS_MAX)));
    sqlite__quota_prune(s, s->latest_ms);
    r->more |= events >= PRUNE_ROWS_MAX || seen >= PRUNE_ROWS_MAX;
    return ERR_NONE;
}

/* ---- clicks ---- */

enum err_code sqlite__click(struct sqlite *s, struct ledger_click *r)
{
    if (sqlite__int(&s->writer, SQL_ARTICLE_STATE, ARGS(ARG_I(r->article.v)), -1) < 0) {
        return err_set(&r->req.why, ERR_NOT_FOUND, "no such article");
    }
    sqlite__do(&s->writer,
               SQL_CLICK_ADD,
               ARGS(ARG_I(r->article.v), ARG_S(r->target), ARG_I(r->now_ms)));
    return ERR_NONE;
}
