/* One article, or one delivery, as the API shows it. Called on the reading thread. What must
 * not be shown never enters: the account of a channel, and the record but for its text and
 * remote ids. */

#include "queue/sqlite_internal.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"

#define DOCUMENT_DEPTH 64

static const char *const revision_kinds[] = {"published", "updated", "retracted"};

void sqlite__json_time(json_t *object, const char *key, int64_t at_ms)
{
    char text[TIME_TEXT_BYTES];

    json_object_set_new(
        object, key, at_ms > 0 ? json_string(time_rfc3339(at_ms, text)) : json_null());
}

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
    sqlite__json_time(object, key, sqlite3_column_int64(stmt, column));
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

        json_object_set_new(o, "attempts_log", attempts_of(c, sqlite3_column_int64(stmt, 0)));
        json_array_append_new(list, o);
    }
    return list;
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
        json_set_str(o, "kind", kind >= 0 && kind <= 2 ? revision_kinds[kind] : "?");
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

static json_t *document_of(struct sqlite_conn *c, int64_t article)
{
    sqlite3_stmt *stmt = sqlite__query(c, SQL_SHOW_DOCUMENT, ARGS(ARG_I(article)));
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
    sqlite__end(stmt);
    return o;
}

static int64_t article_find(struct sqlite_conn *c, const struct ledger_article *r)
{
    struct article_id id;
    int64_t found;

    if (!r->id) {
        return r->url ? sqlite__int(c, SQL_ARTICLE_BY_URL, ARGS(ARG_S(r->url)), 0) : 0;
    }
    found = sqlite__int(c, SQL_ARTICLE_PUBLIC, ARGS(ARG_S(r->id)), 0);
    if (found == 0 && id_parse_article(r->id, &id)) {
        found = (int64_t)id.v;
    }
    return found;
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
    json_object_set_new(o, "article", document_of(c, id));
    if (!r->brief) {
        json_object_set_new(o, "aliases", aliases_of(c, id));
        json_object_set_new(o, "revisions", revisions_of(c, id));
        json_object_set_new(o, "deliveries", deliveries_of(c, id));
        json_object_set_new(o, "clicks", clicks_of(c, id));
    }
    r->out = o;
    return ERR_NONE;
}
