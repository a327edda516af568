/* Statements on one connection: prepared once, kept, bound by kind. Used by every file of the
 * SQLite store; owns the statements, leaves their text to sqlite_sql.def and their meaning to
 * the callers. */

#include "queue/sqlite_internal.h"

#include <string.h>

#include "base/fault.h"
#include "base/mem.h"
#include "base/text.h"

static const char *const texts[SQL_COUNT] = {
#define SQL(id, text) [id] = (text),
#include "queue/sqlite_sql.def"
#undef SQL
};

const char *sqlite__sql(enum sqlite_sql id)
{
    return texts[id];
}

void sqlite__fail(struct sqlite_conn *c, const char *doing)
{
    if (!c->error.code) {
        err_set(&c->error, ERR_IO, "%s: %s", doing, sqlite3_errmsg(c->db));
    }
}

enum err_code sqlite__error_take(struct sqlite_conn *c, struct err *why)
{
    enum err_code rc = c->error.code;

    if (rc && why) {
        *why = c->error;
    }
    c->error.code = ERR_NONE;
    return rc;
}

static sqlite3_stmt *prepared(struct sqlite_conn *c, enum sqlite_sql id)
{
    if (!c->stmts[id] &&
        sqlite3_prepare_v3(
            c->db, texts[id], -1, SQLITE_PREPARE_PERSISTENT, &c->stmts[id], NULL)) {
        sqlite__fail(c, "prepare");
    }
    return c->stmts[id];
}

static int bind_one(sqlite3_stmt *stmt, int at, const struct sql_arg *arg)
{
    switch (arg->kind) {
    case SQL_K_INT:
        return sqlite3_bind_int64(stmt, at, arg->i);
    case SQL_K_REAL:
        return sqlite3_bind_double(stmt, at, arg->d);
    case SQL_K_TEXT:
        return arg->p ? sqlite3_bind_text(stmt, at, arg->p, -1, SQLITE_STATIC)
                      : sqlite3_bind_null(stmt, at);
    case SQL_K_HASH:
        return arg->p ? sqlite3_bind_blob(stmt, at, arg->p, 32, SQLITE_STATIC)
                      : sqlite3_bind_null(stmt, at);
    case SQL_K_BLOB:
        return arg->p ? sqlite3_bind_blob64(stmt, at, arg->p, arg->len, SQLITE_STATIC)
                      : sqlite3_bind_null(stmt, at);
    case SQL_K_NULL:
    case SQL_K_END:
        break;
    }
    return sqlite3_bind_null(stmt, at);
}

sqlite3_stmt *
sqlite__query(struct sqlite_conn *c, enum sqlite_sql id, const struct sql_arg *args)
{
    sqlite3_stmt *stmt = c->error.code ? NULL : prepared(c, id);
    int at = 0;

    if (!stmt) {
        return NULL;
    }
    must(!sqlite3_stmt_busy(stmt));
    for (; args->kind != SQL_K_END; args++) {
        if (bind_one(stmt, ++at, args)) {
            sqlite__fail(c, "bind");
            return NULL;
        }
    }
    must(at == sqlite3_bind_parameter_count(stmt));
    if (!sqlite3_stmt_readonly(stmt)) {
        c->wrote = true;
    }
    return stmt;
}

bool sqlite__row(struct sqlite_conn *c, sqlite3_stmt *stmt)
{
    int rc = SQLITE_DONE;

    if (stmt) {
        rc = FAULT("sqlite.step") ? SQLITE_IOERR : sqlite3_step(stmt);
    }
    if (rc == SQLITE_ROW) {
        return true;
    }
    if (rc != SQLITE_DONE) {
        sqlite__fail(c, "ledger");
    }
    sqlite__end(stmt);
    return false;
}

void sqlite__end(sqlite3_stmt *stmt)
{
    if (stmt) {
        sqlite3_reset(stmt); /* repeats the error of the last step, which is known by now */
    }
}

int64_t sqlite__do(struct sqlite_conn *c, enum sqlite_sql id, const struct sql_arg *args)
{
    sqlite3_stmt *stmt = sqlite__query(c, id, args);

    if (!stmt || sqlite__row(c, stmt) || c->error.code) {
        sqlite__end(stmt);
        return 0;
    }
    return sqlite3_changes64(c->db);
}

int64_t
sqlite__int(struct sqlite_conn *c, enum sqlite_sql id, const struct sql_arg *args, int64_t none)
{
    sqlite3_stmt *stmt = sqlite__query(c, id, args);

    if (sqlite__row(c, stmt)) {
        if (sqlite3_column_type(stmt, 0) != SQLITE_NULL) {
            none = sqlite3_column_int64(stmt, 0);
        }
        sqlite__end(stmt);
    }
    return none;
}

void sqlite__exec(struct sqlite_conn *c, const char *sql)
{
    if (c->error.code) {
        return;
    }
    if (FAULT("sqlite.exec") || sqlite3_exec(c->db, sql, NULL, NULL, NULL)) {
        sqlite__fail(c, "ledger");
    }
}

int64_t sqlite__pragma(struct sqlite_conn *c, const char *sql)
{
    sqlite3_stmt *stmt = NULL;
    int64_t value = 0;

    if (c->error.code) {
        return 0;
    }
    if (sqlite3_prepare_v2(c->db, sql, -1, &stmt, NULL) || sqlite3_step(stmt) != SQLITE_ROW) {
        sqlite__fail(c, "read the file");
    } else {
        value = sqlite3_column_int64(stmt, 0);
    }
    sqlite3_finalize(stmt);
    return value;
}

void sqlite__conn_done(struct sqlite_conn *c)
{
    for (size_t i = 0; i < SQL_COUNT; i++) {
        sqlite3_finalize(c->stmts[i]);
        c->stmts[i] = NULL;
    }
    sqlite3_close(c->db);
    c->db = NULL;
}

const char *sqlite__col_text(sqlite3_stmt *stmt, int column)
{
    const char *text = (const char *)sqlite3_column_text(stmt, column);

    return text && text_valid(text, (size_t)sqlite3_column_bytes(stmt, column)) ? text : NULL;
}

char *sqlite__col_dup(sqlite3_stmt *stmt, int column)
{
    return mem_strdup(sqlite__col_text(stmt, column));
}

bool sqlite__col_hash(sqlite3_stmt *stmt, int column, uint8_t out[32])
{
    const void *blob = sqlite3_column_blob(stmt, column);

    memset(out, 0, 32);
    if (!blob || sqlite3_column_bytes(stmt, column) != 32) {
        return false;
    }
    memcpy(out, blob, 32);
    return true;
}

void sqlite__col_name(sqlite3_stmt *stmt, int column, char out[64])
{
    const char *text = sqlite__col_text(stmt, column);
    size_t len = text ? strlen(text) : 0;

    len = len < 63 ? len : 63;
    if (len > 0) {
        memcpy(out, text, len);
    }
    out[len] = '\0';
}

void sqlite__ids_add(struct id_list *ids, int64_t id)
{
    if (ids->count == ids->cap) {
        ids->cap = ids->cap ? ids->cap * 2 : 8;
        ids->v = mem_realloc(ids->v, ids->cap, sizeof *ids->v);
    }
    ids->v[ids->count++] = id;
}

void sqlite__ids_done(struct id_list *ids)
{
    mem_free(ids->v);
    *ids = (struct id_list){.v = NULL};
}

void sqlite__ids_query(struct sqlite_conn *c,
                       enum sqlite_sql id,
                       const struct sql_arg *args,
                       struct id_list *out)
{
    sqlite3_stmt *stmt = sqlite__query(c, id, args);

    while (sqlite__row(c, stmt)) {
        sqlite__ids_add(out, sqlite3_column_int64(stmt, 0));
    }
}

void sqlite__of_state(struct sqlite_conn *c,
                      int64_t channel,
                      enum delivery_state state,
                      struct id_list *out)
{
    for (int breaking = 0; breaking <= 1; breaking++) {
        sqlite__ids_query(
            c,
            SQL_LIST_OF_STATE,
            ARGS(ARG_I(channel), ARG_I(state), ARG_I(breaking), ARG_I(INT64_MAX), ARG_I(-1)),
            out);
    }
}
