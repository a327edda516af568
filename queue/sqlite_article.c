/* One article, or one delivery, as the API shows it. Called on the reading thread. What must
 * not be shown never enters: the account of a channel, and the record but for its text and
 * remote ids. */

#include "queue/sqlite_internal.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"

#define DOCUMENT_DEPTH 64

static const char *const revision_kinds[] = {"published", "updated", "retracted", "corrected"};

/* A column as string or null, so that a member is always there. */
static void set_text(json_t *object, const char *key, sqlite3_stmt *stmt, int column)
{
    const char *text = sqlite__col_text(stmt, column);
    json_t *value = text ? json_string(text) : json_null();

    json_object_set_new(object, key, value ? value : json_null());
}

static void set_int(json_t *object, const char *key, sqlite3_stmt *stmt, int column)
{
    json_object_set_new(object, key, json_integer(sqlite3_column_int64(stmt, column)));
}

static void set_bool(json_t *object, const char *key, sqlite3_stmt *stmt, int column)
{
    json_object_set_new(object, key, json_boolean(sqlite3_column_int(stmt, column) != 0));
}

static void set_time(json_t *object, const char *key, sqlite3_stmt *stmt, int column)
{
    json_set_time(object, key, sqlite3_column_int64(stmt, column));
}

/* The blocked channel that it goes out for, and why that was blocked. */
static json_t *fallback_of(sqlite3_stmt *stmt, int column)
{
    json_t *o;

    if (sqlite3_column_type(stmt, column) == SQLITE_NULL) {
        return json_null();
    }
    o = json_object();
    set_text(o, "for", stmt, column);
    set_text(o, "why", stmt, column + 1);
    return o;
}

json_t *sqlite__delivery_json(sqlite3_stmt *stmt)
{
    char text[ID_TEXT_BYTES];
    struct delivery_id id = {(uint64_t)sqlite3_column_int64(stmt, 0)};
    int state = sqlite3_column_int(stmt, 5);
    json_t *o = json_object();

    json_set_str(o, "id", id_delivery_text(id, text));
    set_text(o, "channel", stmt, 1);
    set_text(o, "adapter", stmt, 2);
    set_int(o, "revision", stmt, 3);
    set_text(o, "course", stmt, 4);
    json_set_str(o,
                 "state",
                 state >= 0 && state < DELIVERY_STATE_COUNT
                     ? delivery_state_name((enum delivery_state)state)
                     : "?");
    set_int(o, "attempts", stmt, 6);
    set_time(o, "due_at", stmt, 7);
    set_time(o, "not_after", stmt, 8);
    set_time(o, "created_at", stmt, 9);
    set_time(o, "updated_at", stmt, 10);
    set_text(o, "remote_id", stmt, 11);
    set_text(o, "link", stmt, 12);
    set_text(o, "text", stmt, 13);
    set_text(o, "detail", stmt, 14);
    json_object_set_new(o, "fallback", fallback_of(stmt, 15));
    return o;
}

/* ---- the parts of an article ---- */

static json_t *attempts_of(struct sqlite_conn *c, int64_t delivery)
{
    sqlite3_stmt *stmt = sqlite__query(c, SQL_SHOW_ATTEMPTS, ARGS(ARG_I(delivery)));
    json_t *list = json_array();

    while (sqlite__row(c, stmt)) {
        json_t *o = json_object();

        set_text(o, "step", stmt, 2);
        set_time(o, "started_at", stmt, 3);
        set_time(o, "ended_at", stmt, 4);
        set_text(o, "verdict", stmt, 5);
        set_int(o, "status", stmt, 6);
        set_text(o, "detail", stmt, 7);
        set_int(o, "sent_ms", stmt, 8);
        json_array_append_new(list, o);
    }
    return list;
}

static json_t *deliveries_of(struct sqlite_conn *c, int64_t article)
{
    sqlite3_stmt *stmt = sqlite__query(c, SQL_SHOW_DELIVERIES, ARGS(ARG_I(article)));
    json_t *list = json_array();

    while (sqlite__row(c, stmt)) {
        json_t *o = sqlite__delivery_json(stmt);

        sqlite__wave_show(c, o, sqlite3_column_int64(stmt, 0));
        json_object_set_new(o, "attempts_log", attempts_of(c, sqlite3_column_int64(stmt, 0)));
        json_array_append_new(list, o);
    }
    return list;
}

/* Which source brought the name, when and why. Names of ledgers from before that was kept have null. */
static void set_why(json_t *o, sqlite3_stmt *stmt)
{
    const char *by = sqlite__col_text(stmt, 3), *why = sqlite__col_text(stmt, 5);
    char *said = NULL;

    if (!why && by) {
        said = mem_printf("%s named by source %s", sqlite__col_text(stmt, 0), by);
    }
    set_text(o, "by", stmt, 3);
    set_time(o, "at", stmt, 4);
    json_object_set_new(o, "why", json_null());
    json_set_str(o, "why", why ? why : said);
    mem_free(said);
}

static json_t *aliases_of(struct sqlite_conn *c, int64_t article)
{
    sqlite3_stmt *stmt = sqlite__query(c, SQL_SHOW_ALIASES, ARGS(ARG_I(article)));
    json_t *list = json_array();

    while (sqlite__row(c, stmt)) {
        json_t *o = json_object();

        set_text(o, "kind", stmt, 0);
        set_text(o, "source", stmt, 1);
        set_text(o, "value", stmt, 2);
        set_why(o, stmt);
        json_array_append_new(list, o);
    }
    return list;
}

static json_t *revisions_of(struct sqlite_conn *c, int64_t article)
{
    sqlite3_stmt *stmt = sqlite__query(c, SQL_SHOW_REVISIONS, ARGS(ARG_I(article)));
    json_t *list = json_array();

    while (sqlite__row(c, stmt)) {
        json_t *o = json_object();
        int kind = sqlite3_column_int(stmt, 1);

        set_int(o, "revision", stmt, 0);
        json_set_str(o, "kind", kind >= 0 && kind <= 3 ? revision_kinds[kind] : "?");
        set_time(o, "at", stmt, 2);
        set_text(o, "source", stmt, 3);
        set_bool(o, "breaking", stmt, 4);
        set_text(o, "reason", stmt, 5);
        set_text(o, "title", stmt, 6);
        json_array_append_new(list, o);
    }
    return list;
}

static json_t *clicks_of(struct sqlite_conn *c, int64_t article)
{
    sqlite3_stmt *stmt = sqlite__query(c, SQL_SHOW_CLICKS, ARGS(ARG_I(article)));
    json_t *o = json_object();

    while (sqlite__row(c, stmt)) {
        const char *target = sqlite__col_text(stmt, 0);

        set_int(o, target ? target : "?", stmt, 1);
    }
    return o;
}

/* JSON that was stored as such, the first column of the first row; null: there is none. */
static json_t *stored_json(struct sqlite_conn *c, enum sqlite_sql id, int64_t article)
{
    sqlite3_stmt *stmt = sqlite__query(c, id, ARGS(ARG_I(article)));
    json_t *document = NULL;

    if (sqlite__row(c, stmt)) {
        const char *text = sqlite__col_text(stmt, 0);

        if (text &&
            json_read(
                &document, text, (size_t)sqlite3_column_bytes(stmt, 0), DOCUMENT_DEPTH, NULL)) {
            document = NULL; /* written by us and valid then; shown as null if it is no more */
        }
        sqlite__end(stmt);
    }
    return document ? document : json_null();
}

/* ---- the article ---- */

static void set_public_id(json_t *o, sqlite3_stmt *stmt, int id_column, const char *key)
{
    char text[ID_TEXT_BYTES];
    struct article_id id = {(uint64_t)sqlite3_column_int64(stmt, id_column)};
    const char *public_id = sqlite__col_text(stmt, id_column + 1);

    json_set_str(o, key, public_id ? public_id : id_article_text(id, text));
}

/* That it is sent to nobody, and why; null: it is sent. */
static json_t *quiet_of(sqlite3_stmt *stmt)
{
    int held = sqlite3_column_int(stmt, 13);
    json_t *o;

    if (sqlite3_column_type(stmt, 11) == SQLITE_NULL) {
        return json_null();
    }
    o = json_object();
    set_text(o, "source", stmt, 11);
    set_text(o, "why", stmt, 12);
    json_object_set_new(o, "held", json_boolean(held == 1));
    json_object_set_new(o, "dropped", json_boolean(held == 2));
    return o;
}

/* That it is about to be retracted; null: it is not. */
static json_t *withdrawn_of(sqlite3_stmt *stmt)
{
    json_t *o;

    if (sqlite3_column_type(stmt, 14) == SQLITE_NULL) {
        return json_null();
    }
    o = json_object();
    set_time(o, "retract_at", stmt, 14);
    set_text(o, "source", stmt, 15);
    set_text(o, "why", stmt, 16);
    return o;
}

static json_t *gate_of(sqlite3_stmt *stmt)
{
    json_t *o = json_object();

    set_time(o, "until", stmt, 17);
    set_text(o, "note", stmt, 18);
    return o;
}

json_t *sqlite__article_head(struct sqlite_conn *c, int64_t id)
{
    sqlite3_stmt *stmt = sqlite__query(c, SQL_SHOW_ARTICLE, ARGS(ARG_I(id)));
    json_t *o;

    if (!sqlite__row(c, stmt)) {
        return NULL;
    }
    o = json_object();
    set_public_id(o, stmt, 0, "id");
    json_set_str(o, "state", sqlite3_column_int(stmt, 2) == 1 ? "retracted" : "published");
    set_text(o, "url", stmt, 3);
    set_text(o, "title", stmt, 4);
    set_text(o, "source", stmt, 5);
    set_bool(o, "breaking", stmt, 6);
    set_text(o, "reason", stmt, 7);
    set_int(o, "revision", stmt, 8);
    set_time(o, "created_at", stmt, 9);
    set_time(o, "updated_at", stmt, 10);
    json_object_set_new(o, "quiet", quiet_of(stmt));
    json_object_set_new(o, "withdrawn", withdrawn_of(stmt));
    json_object_set_new(o, "gate", gate_of(stmt));
    json_object_set_new(o, "merged_into", json_null());
    if (sqlite3_column_type(stmt, 19) != SQLITE_NULL) {
        set_public_id(o, stmt, 19, "merged_into");
    }
    sqlite__end(stmt);
    return o;
}

/* Those that were merged into it, by their public ids. */
static json_t *merged_of(struct sqlite_conn *c, int64_t article)
{
    sqlite3_stmt *stmt = sqlite__query(c, SQL_SHOW_MERGED, ARGS(ARG_I(article)));
    json_t *list = json_array(), *one = json_object();

    while (sqlite__row(c, stmt)) {
        set_public_id(one, stmt, 0, "id");
        json_array_append(list, json_object_get(one, "id"));
    }
    json_decref(one);
    return list;
}

struct article_id sqlite__article_number(struct sqlite_conn *c, const char *id)
{
    struct article_id found = {
        (uint64_t)sqlite__int(c, SQL_ARTICLE_PUBLIC, ARGS(ARG_S(id)), 0)};

    if (found.v == 0) {
        (void)id_parse_article(id, &found);
    }
    return found;
}

static int64_t article_find(struct sqlite_conn *c, const struct ledger_article *r)
{
    if (!r->id) {
        return r->url ? sqlite__int(c, SQL_ARTICLE_BY_URL, ARGS(ARG_S(r->url)), 0) : 0;
    }
    return (int64_t)sqlite__article_number(c, r->id).v;
}

enum err_code sqlite__article(struct sqlite_conn *c, struct ledger_article *r)
{
    int64_t id = article_find(c, r);
    json_t *o = id != 0 ? sqlite__article_head(c, id) : NULL;

    r->out = NULL;
    if (!o) {
        return err_set(&r->req.why, ERR_NOT_FOUND, "no such article");
    }
    r->article.v = (uint64_t)id;
    r->merged_into.v = (uint64_t)sqlite__int(c, SQL_ARTICLE_MERGED, ARGS(ARG_I(id)), 0);
    json_object_set_new(o, "article", stored_json(c, SQL_SHOW_DOCUMENT, id));
    if (!r->brief) {
        json_object_set_new(
            json_object_get(o, "gate"), "page", stored_json(c, SQL_SHOW_PAGE, id));
        json_object_set_new(o, "merged", merged_of(c, id));
        json_object_set_new(o, "aliases", aliases_of(c, id));
        json_object_set_new(o, "revisions", revisions_of(c, id));
        json_object_set_new(o, "deliveries", deliveries_of(c, id));
        json_object_set_new(o, "clicks", clicks_of(c, id));
    }
    r->out = o;
    return ERR_NONE;
}
