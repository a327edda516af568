/* Whether a ledger holds what it should: for `crier check --ledger`. Called by upkeep.c; reads in one
 * transaction, so that it sees one state while the service writes, and changes nothing.
 *
 *   1. SQLite's own look at every page, row and index. In full, not the quick one: that leaves out whether
 *      the indexes agree, and ours hold only what waits (schema.sql), so they cost next to nothing
 *   2. references to rows that are not there: they are written down, not enforced
 *   3. what no move can lead to (sqlite_check.def)
 *   4. every stored article: it can be read, and the marks made of it are those it would get today; and every
 *      member: it is found by its address
 *
 * A file that fails the first is not looked at further: what is read from it may be anything. */

#include "queue/sqlite_audience.h"

#include <string.h>

#include "base/article.h"
#include "base/mem.h"

#define PROGRESS_STEPS 100000
#define SHOWN_MAX 20 /* rows of one kind of trouble; then their number */
#define DAMAGE "stop the service, keep this file, restore a backup"

enum row_kind { A, D, N };

struct check {
    const char *table, *what, *todo, *sql;
    enum row_kind kind;
};

static const struct check checks[] = {
#define CHECK(table, kind, what, todo, sql) {table, what, todo, sql, kind},
#include "queue/sqlite_check.def"
#undef CHECK
};

struct look {
    struct sqlite_conn c;
    ledger_finding_fn *found;
    void *context;
    ledger_stop_fn *stop;
    int64_t count;   /* of this kind */
    int64_t damaged; /* of the file */
};

/* ---- telling ---- */

static void tell(struct look *k, const struct check *check, const char *row)
{
    struct ledger_finding f = {
        .table = check->table, .row = row, .what = check->what, .todo = check->todo};

    if (++k->count <= SHOWN_MAX) {
        k->found(k->context, &f);
    }
}

static void tell_rest(struct look *k, const struct check *check)
{
    char *more = mem_printf("%lld more", (long long)(k->count - SHOWN_MAX));
    struct ledger_finding f = {
        .table = check->table, .row = more, .what = check->what, .todo = check->todo};

    if (k->count > SHOWN_MAX) {
        k->found(k->context, &f);
    }
    k->count = 0;
    mem_free(more);
}

/* As people name it, yours. */
static char *name_row(sqlite3_stmt *stmt, enum row_kind kind)
{
    uint64_t id = (uint64_t)sqlite3_column_int64(stmt, 0);
    const char *more = sqlite__col_text(stmt, 1);
    char name[ID_TEXT_BYTES];

    if (sqlite3_column_type(stmt, 0) == SQLITE_NULL) {
        return mem_strdup(more ? more : "");
    }
    if (kind == A) {
        (void)id_article_text((struct article_id){id}, name);
    } else if (kind == D) {
        (void)id_delivery_text((struct delivery_id){id}, name);
    } else {
        (void)snprintf(name, sizeof name, "%lld", (long long)id);
    }
    return mem_printf("%s%s%s", name, more ? " " : "", more ? more : "");
}

/* ---- asking ---- */

/* A statement that is used once; NULL after an error. */
static sqlite3_stmt *ask(struct look *k, const char *sql)
{
    sqlite3_stmt *stmt = NULL;

    if (!k->c.error.code && sqlite3_prepare_v2(k->c.db, sql, -1, &stmt, NULL)) {
        sqlite__fail(&k->c, "look");
    }
    return stmt;
}

static void run(struct look *k, const struct check *check)
{
    sqlite3_stmt *stmt = ask(k, check->sql);

    while (sqlite__row(&k->c, stmt)) {
        char *row = name_row(stmt, check->kind);

        tell(k, check, row);
        mem_free(row);
    }
    sqlite3_finalize(stmt);
    tell_rest(k, check);
}

static void look_at_file(struct look *k)
{
    sqlite3_stmt *stmt = ask(k, "PRAGMA integrity_check(100)");

    while (sqlite__row(&k->c, stmt)) {
        const char *said = sqlite__col_text(stmt, 0);

        if (said && strcmp(said, "ok") != 0) {
            k->damaged++;
            tell(k, &(struct check){.table = "", .what = said, .todo = DAMAGE}, "");
        }
    }
    sqlite3_finalize(stmt);
    k->count = 0;
}

/* What asks for a table or column that is not there would only fail. */
static void look_at_schema(struct look *k)
{
    struct err why = {.code = ERR_NONE};

    if (!k->c.error.code && sqlite__check_schema(&k->c, &why)) {
        k->damaged++;
        tell(k, &(struct check){.table = "", .what = why.text, .todo = DAMAGE}, "");
        k->count = 0;
    }
}

static void look_at_references(struct look *k)
{
    static const struct check check = {
        .table = "", .what = "points at a row that is not there", .todo = DAMAGE, .kind = N};
    sqlite3_stmt *stmt = ask(k,
                             "SELECT rowid, '-> ' || parent, \"table\" FROM"
                             " pragma_foreign_key_check WHERE rowid IS NOT NULL");

    while (sqlite__row(&k->c, stmt)) {
        struct check of = check;
        char *row;

        of.table = sqlite__col_text(stmt, 2);
        of.kind = strcmp(of.table, "article") == 0    ? A
                  : strcmp(of.table, "delivery") == 0 ? D
                                                      : N;
        row = name_row(stmt, of.kind);
        tell(k, &of, row);
        mem_free(row);
    }
    sqlite3_finalize(stmt);
    tell_rest(k, &check);
}

/* ---- what is stored of articles ---- */

struct stored { /* of one row */
    uint8_t hash[SHA256_BYTES], face[SHA256_BYTES];
    const char *title, *url;
    bool is_content;
};

static bool same(const uint8_t a[SHA256_BYTES], const uint8_t b[SHA256_BYTES])
{
    return memcmp(a, b, SHA256_BYTES) == 0;
}

static const char *
what_is_wrong(const struct article *a, bool breaking, const struct stored *stored)
{
    uint8_t mark[SHA256_BYTES];

    article_face_hash(a, breaking, mark);
    if (!same(mark, stored->face)) {
        return "the stored article is not what its mark was made of (face)";
    }
    if (!stored->is_content) {
        return NULL;
    }
    article_hash(a, mark);
    if (!same(mark, stored->hash)) {
        return "the stored article is not what its mark was made of (hash)";
    }
    if (strcmp(a->title, stored->title) != 0 || strcmp(a->url, stored->url) != 0) {
        return "the stored article has another title or URL";
    }
    return NULL;
}

static void look_at_document(struct look *k, sqlite3_stmt *stmt)
{
    struct check check = {
        .table = "revision",
        .todo = "send the article again; as it is stored it is shown or sent wrong",
        .kind = N};
    const char *document = sqlite__col_text(stmt, 2);
    struct stored stored = {.title = sqlite__col_text(stmt, 6),
                            .url = sqlite__col_text(stmt, 7),
                            .is_content = sqlite3_column_int(stmt, 8) != 0};
    struct article *a = NULL;
    struct err why = {.code = ERR_NONE};

    (void)sqlite__col_hash(stmt, 3, stored.face);
    (void)sqlite__col_hash(stmt, 5, stored.hash);
    if (article_restore(&a, document, strlen(document), &why)) {
        check.what = "the stored article cannot be read";
    } else {
        check.what = what_is_wrong(a, sqlite3_column_int(stmt, 4) != 0, &stored);
    }
    if (check.what) {
        char *row = name_row(stmt, N);

        tell(k, &check, row);
        mem_free(row);
    }
    article_unref(a);
}

static void look_at_documents(struct look *k)
{
    sqlite3_stmt *stmt =
        ask(k,
            "SELECT r.id, 'revision ' || r.revision || ' of ' || a.url, r.document, r.face,"
            " r.breaking, a.hash, a.title, a.url, a.content = r.id"
            " FROM revision r JOIN article a ON a.id = r.article WHERE r.document IS NOT NULL");

    while (sqlite__row(&k->c, stmt)) {
        look_at_document(k, stmt);
    }
    sqlite3_finalize(stmt);
    tell_rest(k,
              &(struct check){.table = "revision",
                              .what = "stored articles with trouble of these kinds",
                              .todo = "as above",
                              .kind = N});
}

/* ---- members ---- */

/* Whether it is in one of the two trees, and once. */
static bool is_marked(struct look *k, sqlite3_stmt *find, sqlite3_stmt *member)
{
    const char *address = sqlite__col_text(member, 2);
    bool found = false;

    if (address && find) {
        sqlite3_bind_int64(find, 1, sqlite3_column_int64(member, 3));
        sqlite3_bind_int64(find, 2, sqlite__member_mark(address));
        sqlite3_bind_int64(find, 3, sqlite3_column_int64(member, 0));
        found = sqlite__row(&k->c, find) && sqlite3_column_int(find, 0) == 1;
        sqlite__end(find);
    }
    return found;
}

static void look_at_members(struct look *k)
{
    static const struct check check = {
        .table = "member",
        .what = "it is not found by its address",
        .todo = "it would be kept twice, and a stop would not reach it: export the members and "
                "import them into a new channel",
        .kind = N};
    sqlite3_stmt *stmt = ask(k, "SELECT id, 'on ' || channel, address, channel FROM member");
    sqlite3_stmt *find = ask(k,
                             "SELECT (SELECT count(*) FROM member_mark WHERE channel = ?1 AND "
                             "mark = ?2 AND member = ?3)"
                             " + (SELECT count(*) FROM member_mark_new WHERE channel = ?1 AND "
                             "mark = ?2 AND member = ?3)");

    while (sqlite__row(&k->c, stmt)) {
        if (!is_marked(k, find, stmt)) {
            char *row = name_row(stmt, N);

            tell(k, &check, row);
            mem_free(row);
        }
    }
    sqlite3_finalize(find);
    sqlite3_finalize(stmt);
    tell_rest(k, &check);
}

/* ---- */

static int on_progress(void *context)
{
    const struct look *k = context;

    return k->stop();
}

/* So damaged that SQLite itself does not go on. */
static void tell_damage(struct look *k)
{
    if (k->c.error.code && (sqlite3_errcode(k->c.db) & 0xff) == SQLITE_CORRUPT) {
        tell(k, &(struct check){.table = "", .what = k->c.error.text, .todo = DAMAGE}, "");
        k->c.error.code = ERR_NONE;
        k->damaged++;
    }
}

static void look_at_all(struct look *k, struct ledger_size *size)
{
    sqlite__exec(&k->c, "BEGIN");
    look_at_file(k);
    tell_damage(k);
    if (k->damaged == 0) {
        sqlite__count_rows(&k->c, size);
        look_at_references(k);
    }
    if (k->damaged == 0 && size->version == SQLITE_SCHEMA_VERSION) {
        look_at_schema(k);
    }
    if (k->damaged == 0 && size->version == SQLITE_SCHEMA_VERSION) {
        for (size_t i = 0; i < ARRAY_LEN(checks); i++) {
            run(k, &checks[i]);
        }
        look_at_documents(k);
        look_at_members(k);
    }
    tell_damage(k); /* the transaction ends with the connection */
}

enum err_code sqlite__check(const char *path,
                            ledger_finding_fn *found,
                            void *context,
                            ledger_stop_fn *stop,
                            struct ledger_size *out,
                            struct err *why)
{
    struct look k = {.found = found, .context = context, .stop = stop};
    struct ledger_size size = {.articles = 0};
    enum err_code rc = sqlite__beside(&k.c, path, &size.version, why);

    if (!rc) {
        sqlite3_progress_handler(k.c.db, PROGRESS_STEPS, on_progress, &k);
        sqlite__exec(&k.c, "PRAGMA query_only = ON;");
        look_at_all(&k, &size);
        rc = sqlite__error_take(&k.c, why);
        rc = rc && stop() ? err_set(why, ERR_STOPPED, "stopped before it had seen all") : rc;
    }
    if (!rc) {
        size.bytes = sqlite__file_bytes(path, "") + sqlite__file_bytes(path, "-wal");
        *out = size;
    }
    sqlite__conn_done(&k.c);
    return rc;
}
