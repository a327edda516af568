/* The SQLite store: many requests, one transaction. Called by ledger.c on its two threads; owns
 * the connections and the transaction, leaves each kind of request to its own file.
 *
 * A batch is one transaction without savepoints: every request checks first and writes after,
 * so one that is refused has written nothing. If one fails in the midst of its work all the
 * same (a full disk, no memory, an id used twice), the whole batch is rolled back and its requests are run
 * one by one, each in a transaction of its own, so that only the one at fault fails. SQLite rolls
 * back by itself on some errors, even of a read that fails on the disk: then the batch is over as
 * well, since what followed would be stored statement by statement, whatever COMMIT said.
 *
 * What a crash leaves: before COMMIT has returned, nothing of the batch (the WAL frame that
 * ends the transaction is not there); after it, all of it (synchronous=FULL: the WAL is on
 * disk). Nobody is told before, and before that it is noted how far the ledger goes (sqlite_mark.c). */

#include "queue/sqlite_internal.h"

#include "base/fault.h"
#include "base/mem.h"

/* ---- transactions ---- */

void sqlite__start(struct sqlite *s)
{
    if (FAULT("ledger.start")) {
        err_set(&s->writer.error, ERR_IO, "begin: fault point");
    }
    sqlite__do(&s->writer, SQL_BEGIN, NO_ARGS);
}

static void drop_events(struct sqlite *s)
{
    struct list_node *n;

    while ((n = list_pop(&s->events))) {
        ledger__event_free(container_of(n, struct ledger_event_node, node));
    }
}

void sqlite__rollback(struct sqlite *s)
{
    s->writer.error.code = ERR_NONE;
    if (!sqlite3_get_autocommit(s->writer.db)) {
        sqlite__exec(&s->writer, "ROLLBACK");
        /* If that failed nothing more can be done; the next start will fail. */
        s->writer.error.code = ERR_NONE;
    }
    drop_events(s);
    s->next_event = 0;
    s->pruned_to = 0;
    sqlite__channels_forget(s);
}

/* What failed here was its sync, perhaps, and after a crash it is found whole in the log: then it counts,
 * although its requests were told otherwise. No harm: nothing has left for it, what was in flight by it is
 * unknown, and what comes again is known. */
enum err_code sqlite__commit(struct sqlite *s, struct err *why)
{
    enum err_code rc;

    sqlite__channels_flush(s);
    if (FAULT("ledger.commit")) {
        err_set(&s->writer.error, ERR_IO, "fault point");
    }
    sqlite__do(&s->writer, SQL_COMMIT, NO_ARGS);
    rc = sqlite__error_take(&s->writer, why);
    if (rc) {
        err_wrap(why, "commit");
        sqlite__rollback(s);
        return rc;
    }
    (void)FAULT("ledger.committed"); /* of use with ":exit": on disk, and nobody was told */
    s->newest_event = s->next_event > 0 ? s->next_event - 1 : s->newest_event;
    sqlite__mark(s);
    return ERR_NONE;
}

/* ---- one request ---- */

static enum err_code run_write(struct sqlite *s, struct ledger_request *r)
{
    switch (r->kind) {
    case LEDGER_ACCEPT:
        return sqlite__accept(s, container_of(r, struct ledger_accept, req));
    case LEDGER_BEGIN:
        return sqlite__begin(s, container_of(r, struct ledger_begin, req));
    case LEDGER_END:
        return sqlite__end_step(s, container_of(r, struct ledger_end, req));
    case LEDGER_MOVE:
        return sqlite__move_asked(s, container_of(r, struct ledger_move, req));
    case LEDGER_CHANNEL_SAVE:
        return sqlite__channel_save(s, container_of(r, struct ledger_channel_save, req));
    case LEDGER_RELEASE_CHANNEL:
        return sqlite__release_channel(s, container_of(r, struct ledger_release_channel, req));
    case LEDGER_EXPIRE:
        return sqlite__expire(s, container_of(r, struct ledger_expire, req));
    case LEDGER_CLICK:
        return sqlite__click(s, container_of(r, struct ledger_click, req));
    case LEDGER_PRUNE:
        return sqlite__prune(s, container_of(r, struct ledger_prune, req));
    case LEDGER_CLOCK_BACK:
        sqlite__clock_back(s, container_of(r, struct ledger_clock_back, req));
        return ERR_NONE;
    case LEDGER_FALLBACK:
        return sqlite__fallback(s, container_of(r, struct ledger_fallback, req));
    case LEDGER_GATE:
        return sqlite__gate(s, container_of(r, struct ledger_gate, req));
    case LEDGER_DROP:
        return sqlite__drop(s, container_of(r, struct ledger_drop, req));
    case LEDGER_SOURCE_SAVE:
        return sqlite__source_save(s, container_of(r, struct ledger_source_save, req));
    case LEDGER_CREDENTIAL_PUT:
        return sqlite__credential_put(s, container_of(r, struct ledger_credential_put, req));
    case LEDGER_MEMBERS_PUT:
        return sqlite__members_put(s, container_of(r, struct ledger_members_put, req));
    case LEDGER_MEMBER_SET:
        return sqlite__member_set(s, container_of(r, struct ledger_member_set, req));
    case LEDGER_WAVE_OPEN:
        return sqlite__wave_open(s, container_of(r, struct ledger_wave_open, req));
    case LEDGER_WAVE_NEXT:
        return sqlite__wave_next(s, container_of(r, struct ledger_wave_next, req));
    case LEDGER_WAVE_END:
        return sqlite__wave_end(s, container_of(r, struct ledger_wave_end, req));
    case LEDGER_WAVE_TOLD:
        return sqlite__wave_told(s, container_of(r, struct ledger_wave_told, req));
    case LEDGER_WAVE_SAY:
        return sqlite__wave_say(s, container_of(r, struct ledger_wave_say, req));
    case LEDGER_TOPICS:
        return sqlite__topics(s, container_of(r, struct ledger_topics, req));
    case LEDGER_MEMBERS_BACK:
        return sqlite__members_back(s, container_of(r, struct ledger_members_back, req));
    case LEDGER_PREPARED_PUT:
        return sqlite__prepared_put(s, container_of(r, struct ledger_prepared_put, req));
    case LEDGER_INBOX_PUT:
        return sqlite__inbox_put(s, container_of(r, struct ledger_inbox_put, req));
    case LEDGER_INBOX_END:
        return sqlite__inbox_end(s, container_of(r, struct ledger_inbox_end, req));
    default:
        break;
    }
    return err_set(&r->why, ERR_INVALID, "no such write");
}

static enum err_code run_read(struct sqlite_conn *c, struct ledger_request *r)
{
    switch (r->kind) {
    case LEDGER_DUE:
        return sqlite__due(c, container_of(r, struct ledger_due, req));
    case LEDGER_LOAD:
        return sqlite__load(c, container_of(r, struct ledger_load, req));
    case LEDGER_ARTICLES:
        return sqlite__articles(c, container_of(r, struct ledger_list, req));
    case LEDGER_ARTICLE:
        return sqlite__article(c, container_of(r, struct ledger_article, req));
    case LEDGER_DELIVERIES:
        return sqlite__deliveries(c, container_of(r, struct ledger_list, req));
    case LEDGER_CHANNELS:
        return sqlite__channels(c, container_of(r, struct ledger_channels, req));
    case LEDGER_EVENTS:
        return sqlite__events(c, container_of(r, struct ledger_events, req));
    case LEDGER_WITHDRAWN:
        return sqlite__withdrawn(c, container_of(r, struct ledger_withdrawn, req));
    case LEDGER_GATED:
        return sqlite__gated(c, container_of(r, struct ledger_gated, req));
    case LEDGER_QUOTA:
        return sqlite__quota(c, container_of(r, struct ledger_quota, req));
    case LEDGER_OUTLET:
        return sqlite__outlet(c, container_of(r, struct ledger_outlet, req));
    case LEDGER_SOURCES:
        return sqlite__sources(c, container_of(r, struct ledger_sources, req));
    case LEDGER_CREDENTIALS:
        return sqlite__credentials(c, container_of(r, struct ledger_credentials, req));
    case LEDGER_MEMBERS:
        return sqlite__members(c, container_of(r, struct ledger_members, req));
    case LEDGER_UNPREPARED:
        return sqlite__unprepared(c, container_of(r, struct ledger_unprepared, req));
    case LEDGER_WAVES:
        return sqlite__waves(c, container_of(r, struct ledger_waves, req));
    case LEDGER_INBOX_LIST:
        return sqlite__inbox_list(c, container_of(r, struct ledger_inbox_list, req));
    default:
        break;
    }
    return err_set(&r->why, ERR_INVALID, "no such read");
}

/* An error of the connection is the request's, and stronger than what it thought it saw. */
static void settle(struct sqlite_conn *c, struct ledger_request *r)
{
    if (c->error.code) {
        r->rc = sqlite__error_take(c, &r->why);
    }
    if (r->rc) {
        ledger_request_done(r); /* a failed request gives nothing out */
    }
}

static void store_read(void *store, struct ledger_request *r)
{
    struct sqlite *s = store;
    struct sqlite_conn *c = s->single ? &s->writer : &s->reader;

    r->rc =
        FAULT("ledger.read") ? err_set(&r->why, ERR_IO, "read: fault point") : run_read(c, r);
    settle(c, r);
}

/* ---- a batch ---- */

enum outcome { COMMITTED, COMMIT_FAILED, BROKEN };

/* False: the transaction is gone, or has to go: it failed after it had written something, or broke off
 * at a statement, perhaps with counts of the channels that its writes should have followed. */
static bool run_one(struct sqlite *s, struct ledger_request *r)
{
    bool broke_off;

    s->writer.wrote = false;
    r->rc = run_write(s, r);
    broke_off = s->writer.error.code != ERR_NONE;
    if (sqlite3_get_autocommit(s->writer.db)) {
        sqlite__fail(&s->writer, "transaction lost");
        settle(&s->writer, r);
        return false;
    }
    settle(&s->writer, r);
    return r->rc == ERR_NONE || (!s->writer.wrote && !broke_off);
}

static void fail_all(struct ledger_request **v, size_t count, const struct err *why)
{
    for (size_t i = 0; i < count; i++) {
        ledger_request_done(v[i]);
        v[i]->rc = why->code;
        v[i]->why = *why;
    }
}

static enum outcome
run_together(struct sqlite *s, struct ledger_batch *b, size_t from, size_t count)
{
    struct err why = {.code = ERR_NONE};

    sqlite__start(s);
    for (size_t i = from; i < from + count && !s->writer.error.code; i++) {
        if (!run_one(s, b->v[i])) {
            sqlite__rollback(s);
            return BROKEN;
        }
    }
    if (sqlite__commit(s, &why)) {
        b->failed_commits++;
        fail_all(b->v + from, count, &why);
        return COMMIT_FAILED;
    }
    b->commits++;
    list_move_all(&b->events, &s->events);
    return COMMITTED;
}

static void run_apart(struct sqlite *s, struct ledger_batch *b)
{
    for (size_t i = 0; i < b->count; i++) {
        ledger_request_done(b->v[i]);
        b->v[i]->rc = ERR_NONE;
        b->v[i]->why.code = ERR_NONE;
        (void)run_together(s, b, i, 1); /* its result stands in the request */
    }
}

static void store_write(void *store, struct ledger_batch *b)
{
    struct sqlite *s = store;

    s->want_events = b->want_events;
    if (run_together(s, b, 0, b->count) == BROKEN && b->count > 1) {
        run_apart(s, b);
    }
    b->tend = !s->single && sqlite__tend_wanted(s);
}

static void store_tend(void *store)
{
    sqlite__tend(store);
}

/* ---- */

static enum err_code store_open(void **out_store,
                                const char *location,
                                int64_t now_ms,
                                struct ledger_opened *out_opened,
                                struct err *why)
{
    struct sqlite *s = NULL;
    enum err_code rc = sqlite__open(&s, location, now_ms, out_opened, why);

    *out_store = s;
    return rc;
}

static void store_close(void *store)
{
    sqlite__close(store);
}

const struct ledger_store ledger_sqlite = {
    .scheme = "sqlite",
    .open = store_open,
    .write = store_write,
    .read = store_read,
    .tend = store_tend,
    .close = store_close,
    .backup = sqlite__backup,
    .check = sqlite__check,
    .credentials = sqlite__credentials_beside,
};
