/* An article as it is stored, and the names it goes by. Called by the writes that are about articles:
 * accepting, the link gate, merging. A name leads to one article; which source brought it, when, and how it
 * was found is kept with the article's own list of its names, where nothing looks for it. */

#include "queue/sqlite_internal.h"

#include <string.h>

#include "base/mem.h"

#define NAMES_BYTES ((size_t)16 * 1024 * 1024) /* far more than any article is called */

void sqlite__known_done(struct known *k)
{
    mem_free(k->public_id);
    mem_free(k->reason);
    mem_free(k->names);
    mem_free(k->quiet);
    mem_free(k->retract_by);
    mem_free(k->retract_why);
    mem_free(k->content_source);
    *k = (struct known){.found = false};
}

static void read_times(sqlite3_stmt *stmt, struct known *k)
{
    k->source_updated_at_ms = sqlite3_column_int64(stmt, 8);
    k->created_at_ms = sqlite3_column_int64(stmt, 9);
    k->updated_at_ms = sqlite3_column_int64(stmt, 10);
    k->seen_at_ms = sqlite3_column_int64(stmt, 11);
}

static void read_ways(sqlite3_stmt *stmt, struct known *k)
{
    k->quiet = sqlite__col_dup(stmt, 13);
    k->held = sqlite3_column_int(stmt, 14);
    k->retract_at_ms = sqlite3_column_int64(stmt, 15);
    k->retract_since_ms = sqlite3_column_int64(stmt, 16);
    k->retract_by = sqlite__col_dup(stmt, 17);
    k->retract_why = sqlite__col_dup(stmt, 18);
    k->merged_into.v = (uint64_t)sqlite3_column_int64(stmt, 19);
    k->gate_until_ms = sqlite3_column_int64(stmt, 20);
    k->content_source = sqlite__col_dup(stmt, 21);
}

void sqlite__known(struct sqlite *s, struct article_id id, struct known *out)
{
    sqlite3_stmt *stmt = sqlite__query(&s->writer, SQL_ARTICLE_GET, ARGS(ARG_I(id.v)));

    *out = (struct known){.found = sqlite__row(&s->writer, stmt)};
    if (!out->found) {
        return;
    }
    out->id = id;
    out->public_id = sqlite__col_dup(stmt, 0);
    out->retracted = sqlite3_column_int(stmt, 1) != 0;
    out->breaking = sqlite3_column_int(stmt, 2) != 0;
    out->reason = sqlite__col_dup(stmt, 3);
    out->revision = sqlite3_column_int64(stmt, 4);
    out->newest = sqlite3_column_int64(stmt, 5);
    out->content = sqlite3_column_int64(stmt, 6);
    sqlite__col_hash(stmt, 7, out->hash);
    read_times(stmt, out);
    out->names = sqlite__col_dup(stmt, 12);
    read_ways(stmt, out);
    sqlite__end(stmt);
}

/* ---- names ---- */

static const char *scope_of(const struct naming *in, const struct accept_alias *name)
{
    return strcmp(name->kind, "url") == 0 ? "" : in->source;
}

struct article_id
sqlite__name_owner(struct sqlite *s, const struct naming *in, const struct accept_alias *name)
{
    return (struct article_id){(uint64_t)sqlite__int(
        &s->writer,
        SQL_ALIAS_GET,
        ARGS(ARG_S(name->kind), ARG_S(name->value), ARG_S(scope_of(in, name))),
        0)};
}

static void
put_name(struct buf *names, const struct naming *in, const struct accept_alias *name)
{
    json_put_open(names, NULL, '[');
    json_put_text(names, NULL, name->kind);
    json_put_text(names, NULL, name->value);
    json_put_text(names, NULL, scope_of(in, name));
    json_put_text(names, NULL, in->source);
    json_put_int(names, NULL, in->now_ms);
    json_put_text(names, NULL, name->why);
    json_put_close(names, ']');
}

static bool is_taken(struct sqlite *s,
                     const struct naming *in,
                     const struct accept_alias *name,
                     struct article_id article)
{
    return sqlite__do(&s->writer,
                      SQL_ALIAS_PUT,
                      ARGS(ARG_S(name->kind),
                           ARG_S(name->value),
                           ARG_S(scope_of(in, name)),
                           ARG_I(article.v))) == 0;
}

char *sqlite__names_write(struct sqlite *s,
                          const struct naming *in,
                          const char *names,
                          struct article_id article)
{
    bool any = false;
    struct buf list;

    buf_init(&list, NAMES_BYTES);
    if (names && *names) {
        buf_add(&list, names, strlen(names) - 1); /* its ']' comes at the end */
    } else {
        json_put_open(&list, NULL, '[');
    }
    for (size_t i = 0; i < in->count; i++) {
        if (!is_taken(s, in, &in->v[i], article)) {
            put_name(&list, in, &in->v[i]);
            any = true;
        }
    }
    json_put_close(&list, ']');
    if (!buf_ok(&list)) {
        err_set(&s->writer.error, ERR_TOO_BIG, "the names of an article");
    }
    if (any) {
        return buf_detach(&list, NULL);
    }
    buf_done(&list);
    return NULL;
}

void sqlite__names_add(struct sqlite *s, const struct naming *in, const struct known *k)
{
    char *names = sqlite__names_write(s, in, k->names, k->id);

    if (names) {
        sqlite__do(&s->writer, SQL_ARTICLE_NAMES, ARGS(ARG_I(k->id.v), ARG_S(names)));
    }
    mem_free(names);
}
