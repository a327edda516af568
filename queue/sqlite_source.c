/* What the ledger keeps for those who read sources: what a watcher must know after a restart, and the inbox, where
 * what a source said waits until it is complete. What stands in either is its owner's; here it is text.
 * Called by sqlite.c. */

#include "queue/sqlite_internal.h"

#include "base/mem.h"

enum err_code sqlite__source_save(struct sqlite *s, struct ledger_source_save *r)
{
    if (r->state) {
        sqlite__do(&s->writer,
                   SQL_SOURCE_SAVE,
                   ARGS(ARG_S(r->name), ARG_I(r->now_ms), ARG_S(r->state)));
    } else {
        sqlite__do(&s->writer, SQL_SOURCE_DROP, ARGS(ARG_S(r->name)));
    }
    return ERR_NONE;
}

/* Yours, also when the file is damaged. */
static char *text_of(sqlite3_stmt *stmt, int column, const char *otherwise)
{
    char *text = sqlite__col_dup(stmt, column);

    return text ? text : mem_strdup(otherwise);
}

enum err_code sqlite__sources(struct sqlite_conn *c, struct ledger_sources *r)
{
    sqlite3_stmt *stmt = sqlite__query(c, SQL_SOURCES, NO_ARGS);

    r->v = NULL;
    r->count = 0;
    while (sqlite__row(c, stmt)) {
        r->v = mem_realloc(r->v, r->count + 1, sizeof *r->v);
        r->v[r->count++] = (struct ledger_source){
            .name = text_of(stmt, 0, "?"),
            .state = text_of(stmt, 1, "{}"),
            .saved_at_ms = sqlite3_column_int64(stmt, 2),
            .restored = sqlite3_column_int(stmt, 3) != 0,
        };
    }
    return ERR_NONE;
}

/* ---- the inbox ---- */

static bool is_known(struct sqlite *s, const char *key)
{
    return key && (sqlite__int(&s->writer, SQL_SEEN_GET, ARGS(ARG_S(key)), 0) != 0 ||
                   sqlite__int(&s->writer, SQL_INBOX_KEY, ARGS(ARG_S(key)), 0) != 0);
}

enum err_code sqlite__inbox_put(struct sqlite *s, struct ledger_inbox_put *r)
{
    bool there = sqlite__do(&s->writer,
                            SQL_INBOX_AGAIN,
                            ARGS(ARG_I(r->id), ARG_I(r->due_at_ms), ARG_S(r->why))) > 0;

    r->known = !there && is_known(s, r->replay_key);
    if (!there && !r->known) {
        sqlite__do(&s->writer,
                   SQL_INBOX_NEW,
                   ARGS(ARG_I(r->id),
                        ARG_S(r->source),
                        ARG_I(r->now_ms),
                        ARG_I(r->due_at_ms),
                        ARG_S(r->why),
                        ARG_S(r->replay_key),
                        ARG_S(r->body)));
    }
    return ERR_NONE;
}

static void tell_given_up(struct sqlite *s, const struct ledger_inbox_end *r)
{
    sqlite3_stmt *stmt = sqlite__query(&s->writer, SQL_INBOX_SOURCE, ARGS(ARG_I(r->id)));
    struct buf b;

    if (!sqlite__row(&s->writer, stmt)) {
        return;
    }
    sqlite__event_start(&b);
    json_put_text(&b, "source", sqlite__col_text(stmt, 0));
    sqlite__end(stmt);
    json_put_text(&b, "why", r->why);
    sqlite__event_write(s, "source.given_up", &b, r->now_ms);
}

enum err_code sqlite__inbox_end(struct sqlite *s, struct ledger_inbox_end *r)
{
    if (r->why) {
        tell_given_up(s, r);
    }
    sqlite__inbox_done(s, r->id);
    return ERR_NONE;
}

void sqlite__inbox_done(struct sqlite *s, uint64_t id)
{
    sqlite__do(&s->writer, SQL_INBOX_END, ARGS(ARG_I(id)));
}

bool sqlite__inbox_is_restored(struct sqlite *s, uint64_t id)
{
    return sqlite__int(&s->writer, SQL_INBOX_IS_RESTORED, ARGS(ARG_I(id)), 0) != 0;
}

enum err_code sqlite__inbox_list(struct sqlite_conn *c, struct ledger_inbox_list *r)
{
    sqlite3_stmt *stmt =
        sqlite__query(c, SQL_INBOX_LIST, ARGS(ARG_I(r->after), ARG_I(r->limit)));

    r->v = mem_calloc(r->limit > 0 ? r->limit : 1, sizeof *r->v);
    r->count = 0;
    while (sqlite__row(c, stmt)) {
        r->v[r->count++] = (struct ledger_inbox_row){
            .id = (uint64_t)sqlite3_column_int64(stmt, 0),
            .source = text_of(stmt, 1, "?"),
            .body = text_of(stmt, 2, "{}"),
            .replay_key = sqlite__col_dup(stmt, 3),
            .why = sqlite__col_dup(stmt, 4),
            .at_ms = sqlite3_column_int64(stmt, 5),
            .due_at_ms = sqlite3_column_int64(stmt, 6),
            .tries = sqlite3_column_int64(stmt, 7),
        };
    }
    return ERR_NONE;
}
