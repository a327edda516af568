/* The ledger on a file that is whole but says odd things: rows as a bug, a newer version or somebody with
 * a shell may have left them. The input is lines such as "2t article.names=[[1]]": which row (from 1;
 * 0: all), the kind of value (i number, r real, t text, b blob, n NULL, d: the row is gone), the column and
 * the value; any other name picks some column. The ledger may refuse, it never crashes. */

#include <sqlite3.h>

#include "base/parse.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/ledger_sample.h"

#define COLUMNS_MAX 256
#define CHANGES_MAX 8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct column {
    char table[32], name[32];
};
static struct column columns[COLUMNS_MAX];
static size_t column_count;

static void find_columns(sqlite3 *db)
{
    sqlite3_stmt *s = NULL;

    must(sqlite3_prepare_v2(
             db,
             "SELECT m.name, c.name FROM sqlite_schema m, pragma_table_info(m.name) c"
             " WHERE m.type = 'table' ORDER BY 1, 2",
             -1,
             &s,
             NULL) == SQLITE_OK);
    while (sqlite3_step(s) == SQLITE_ROW) {
        struct column *c = &columns[column_count++];

        must(column_count < COLUMNS_MAX);
        (void)snprintf(c->table, sizeof c->table, "%s", sqlite3_column_text(s, 0));
        (void)snprintf(c->name, sizeof c->name, "%s", sqlite3_column_text(s, 1));
    }
    sqlite3_finalize(s);
    must(column_count > 50);
}

static void bind(sqlite3_stmt *s, uint8_t kind, const char *value, size_t len)
{
    int64_t number = 0;
    double real = 0;

    if (kind == 'i') {
        (void)parse_i64(value, &number);
        (void)sqlite3_bind_int64(s, 1, number);
    } else if (kind == 'r') {
        (void)parse_f64(value, &real);
        (void)sqlite3_bind_double(s, 1, real);
    } else if (kind == 't') {
        (void)sqlite3_bind_text(s, 1, value, (int)len, SQLITE_TRANSIENT);
    } else if (kind == 'b') {
        (void)sqlite3_bind_blob(s, 1, value, (int)len, SQLITE_TRANSIENT);
    }
}

static const struct column *pick(const char *name)
{
    size_t sum = 0;

    must(column_count > 0);
    for (const char *c = name; *c != '\0'; c++) {
        sum = sum * 31 + (unsigned char)*c;
    }
    for (size_t i = 0; i < column_count; i++) {
        size_t len = strlen(columns[i].table);

        if (strncmp(name, columns[i].table, len) == 0 && name[len] == '.' &&
            strcmp(name + len + 1, columns[i].name) == 0) {
            return &columns[i];
        }
    }
    return &columns[sum % column_count];
}

/* What the schema itself refuses is no change. */
static void change(sqlite3 *db, struct input *in)
{
    int row = input_byte(in) % 4; /* '0' is 48 */
    uint8_t kind = input_byte(in);
    char sql[512], where[256] = "";
    sqlite3_stmt *s = NULL;
    size_t len;
    char *name, *value;
    const struct column *c;

    (void)input_byte(in);
    name = input_until_dup(in, '=', &len);
    value = input_until_dup(in, '\n', &len);
    c = pick(name);
    mem_free(name);
    if (row > 0) {
        (void)snprintf(where,
                       sizeof where,
                       " WHERE \"%s\" = (SELECT \"%s\" FROM \"%s\" LIMIT 1 OFFSET %d)",
                       c->name,
                       c->name,
                       c->table,
                       row - 1);
    }
    if (kind == 'd') {
        (void)snprintf(sql, sizeof sql, "DELETE FROM \"%s\"%s", c->table, where);
    } else {
        (void)snprintf(
            sql, sizeof sql, "UPDATE \"%s\" SET \"%s\" = ?1%s", c->table, c->name, where);
    }
    must(sqlite3_prepare_v2(db, sql, -1, &s, NULL) == SQLITE_OK);
    if (kind != 'd') {
        bind(s, kind, value, len);
    }
    (void)sqlite3_step(s);
    sqlite3_finalize(s);
    mem_free(value);
}

static void write_odd(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    sqlite3 *db = NULL;

    write_file(sample, sample_len);
    must(sqlite3_open(path, &db) == SQLITE_OK);
    must(sqlite3_exec(db, "PRAGMA synchronous = OFF", NULL, NULL, NULL) == SQLITE_OK);
    if (column_count == 0) {
        find_columns(db);
    }
    for (int n = 0; in.left > 0 && n < CHANGES_MAX; n++) {
        change(db, &in);
    }
    must(sqlite3_close(db) == SQLITE_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    make_sample();
    write_odd(data, size);
    try_file();
    must(mem_live_count() == 0);
    return 0;
}
