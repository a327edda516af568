/* Credentials that live: what a channel's account allowed, as text that only its owner can read (base/seal.h),
 * and of which tokens in the settings it was made. Called by sqlite.c; service/keeper.c owns what it says. */

#include "queue/sqlite_internal.h"

#include "base/fault.h"
#include "base/mem.h"

enum err_code sqlite__credential_put(struct sqlite *s, struct ledger_credential_put *r)
{
    if (FAULT("ledger.credential")) {
        return err_set(&r->req.why, ERR_IO, "credential: fault point");
    }
    if (r->sealed) {
        sqlite__do(
            &s->writer,
            SQL_CREDENTIAL_PUT,
            ARGS(ARG_S(r->channel), ARG_I(r->now_ms), ARG_S(r->origin), ARG_S(r->sealed)));
    } else {
        sqlite__do(&s->writer, SQL_CREDENTIAL_DROP, ARGS(ARG_S(r->channel)));
    }
    return ERR_NONE;
}

/* Yours, also when the file is damaged. */
static char *text_of(sqlite3_stmt *stmt, int column)
{
    char *text = sqlite__col_dup(stmt, column);

    return text ? text : mem_strdup("");
}

enum err_code sqlite__credentials(struct sqlite_conn *c, struct ledger_credentials *r)
{
    sqlite3_stmt *stmt = sqlite__query(c, SQL_CREDENTIALS, NO_ARGS);

    r->v = NULL;
    r->count = 0;
    while (sqlite__row(c, stmt)) {
        r->v = mem_realloc(r->v, r->count + 1, sizeof *r->v);
        r->v[r->count++] = (struct ledger_credential){
            .channel = text_of(stmt, 0),
            .saved_at_ms = sqlite3_column_int64(stmt, 1),
            .origin = text_of(stmt, 2),
            .sealed = text_of(stmt, 3),
        };
    }
    return ERR_NONE;
}

enum err_code
sqlite__credentials_beside(const char *path, struct ledger_credentials *out, struct err *why)
{
    struct sqlite_conn c = {.db = NULL};
    int version = 0;
    enum err_code rc = sqlite__beside(&c, path, &version, why);

    out->req.kind = LEDGER_CREDENTIALS;
    out->v = NULL;
    out->count = 0;
    if (!rc && version >= 4) { /* older ones know of none */
        rc = sqlite__credentials(&c, out);
        if (c.error.code) {
            rc = sqlite__error_take(&c, why);
        }
    }
    if (rc) {
        ledger_request_done(&out->req);
    }
    sqlite__conn_done(&c);
    return rc;
}
