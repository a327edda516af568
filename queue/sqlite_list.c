/* Lists in pages, newest first. A cursor is the id of the last row looked at, so a page costs
 * the same however deep it is. Called on the reading thread.
 *
 * Deliveries in a state other than done are found through the index delivery_state, one range for
 * each channel. Others, and articles, are walked by number and tried one by one, at most SCAN_MAX a
 * page: a page may then be short though "next" says that there is more. */

#include "queue/sqlite_internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"

#define PAGE_MAX 1000
#define SCAN_MAX 20000

static size_t page_size(const struct ledger_list *r)
{
    return r->limit == 0 ? 1 : r->limit < PAGE_MAX ? r->limit : PAGE_MAX;
}

static json_t *page_new(struct ledger_list *r)
{
    json_t *items = json_array();

    r->out = json_object();
    json_object_set_new(r->out, "items", items);
    json_object_set_new(r->out, "next", json_null());
    return items;
}

/* The id of the channel that is asked for, -1: any, 0: there is none of that name. */
static int64_t channel_wanted(struct sqlite_conn *c, const struct ledger_list *r)
{
    return r->channel ? sqlite__int(c, SQL_CHANNEL_ID, ARGS(ARG_S(r->channel)), 0) : -1;
}

/* ---- deliveries ---- */

static int newest_first(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;

    return *x > *y ? -1 : *x < *y;
}

/* Of one channel in one state that is not done. */
static void add_range(struct sqlite_conn *c,
                      const struct ledger_list *r,
                      int64_t channel,
                      int64_t below,
                      struct id_list *out)
{
    for (int breaking = 0; breaking <= 1; breaking++) {
        sqlite__ids_query(c,
                          SQL_LIST_OF_STATE,
                          ARGS(ARG_I(channel),
                               ARG_I(r->state),
                               ARG_I(breaking),
                               ARG_I(below),
                               ARG_I(page_size(r) + 1)),
                          out);
    }
}

/* Through the index delivery_state; gives what the page needs or less. Returns where the next page
 * starts, 0: nothing is left. */
static int64_t find_by_state(struct sqlite_conn *c,
                             const struct ledger_list *r,
                             int64_t below,
                             struct id_list *out)
{
    struct id_list channels = {.v = NULL};
    int64_t wanted = channel_wanted(c, r);

    if (wanted < 0) {
        sqlite__ids_query(c, SQL_CHANNEL_IDS, NO_ARGS, &channels);
    } else {
        sqlite__ids_add(&channels, wanted);
    }
    for (size_t i = 0; i < channels.count; i++) {
        add_range(c, r, channels.v[i], below, out);
    }
    sqlite__ids_done(&channels);
    if (out->count > 1) {
        qsort(out->v, out->count, sizeof *out->v, newest_first);
    }
    if (out->count <= page_size(r)) {
        return 0;
    }
    out->count = page_size(r);
    return out->v[out->count - 1];
}

/* What is done is found by walking down, as articles are. */
static int64_t find_by_number(struct sqlite_conn *c,
                              const struct ledger_list *r,
                              int64_t below,
                              struct id_list *out)
{
    int64_t channel = channel_wanted(c, r), looked_at = 0;
    sqlite3_stmt *stmt =
        sqlite__query(c, SQL_LIST_DELIVERIES, ARGS(ARG_I(below), ARG_I(SCAN_MAX + 1)));
    size_t count = 0;

    while (sqlite__row(c, stmt)) {
        if (out->count == page_size(r) || count++ == SCAN_MAX) {
            sqlite__end(stmt);
            return looked_at;
        }
        looked_at = sqlite3_column_int64(stmt, 0);
        if ((channel < 0 || sqlite3_column_int64(stmt, 1) == channel) &&
            (r->state < 0 || sqlite3_column_int(stmt, 2) == r->state)) {
            sqlite__ids_add(out, looked_at);
        }
    }
    return 0;
}

static json_t *show_delivery(struct sqlite_conn *c, int64_t id)
{
    sqlite3_stmt *stmt = sqlite__query(c, SQL_SHOW_DELIVERY, ARGS(ARG_I(id)));
    char text[ID_TEXT_BYTES];
    const char *public_id;
    struct article_id article;
    json_t *o;

    if (!sqlite__row(c, stmt)) {
        return NULL; /* pruned between the two statements */
    }
    o = sqlite__delivery_json(stmt);
    article.v = (uint64_t)sqlite3_column_int64(stmt, 17);
    public_id = sqlite__col_text(stmt, 18);
    json_set_str(o, "article", public_id ? public_id : id_article_text(article, text));
    json_set_str(o, "title", sqlite__col_text(stmt, 19));
    sqlite__end(stmt);
    sqlite__wave_show(c, o, id);
    return o;
}

static enum err_code
delivery_cursor(const struct ledger_list *r, int64_t *out_below, struct err *why)
{
    struct delivery_id id;

    *out_below = INT64_MAX;
    if (!r->cursor) {
        return ERR_NONE;
    }
    if (!id_parse_delivery(r->cursor, &id)) {
        return err_set(why, ERR_INVALID, "cursor: expected the \"next\" of the page before");
    }
    *out_below = (int64_t)id.v;
    return ERR_NONE;
}

enum err_code sqlite__deliveries(struct sqlite_conn *c, struct ledger_list *r)
{
    bool by_number = r->state < 0 || r->state == DELIVERY_DONE;
    struct id_list ids = {.v = NULL};
    char text[ID_TEXT_BYTES];
    struct delivery_id next;
    int64_t below;
    json_t *items;
    enum err_code rc = delivery_cursor(r, &below, &r->req.why);

    if (rc) {
        return rc;
    }
    next.v = (uint64_t)(by_number ? find_by_number : find_by_state)(c, r, below, &ids);
    items = page_new(r);
    for (size_t i = 0; i < ids.count; i++) {
        json_array_append_new(items, show_delivery(c, ids.v[i])); /* skips NULL */
    }
    if (next.v != 0) {
        json_set_str(r->out, "next", id_delivery_text(next, text));
    }
    sqlite__ids_done(&ids);
    return ERR_NONE;
}

/* ---- articles ---- */

static bool article_matches(struct sqlite_conn *c,
                            const struct ledger_list *r,
                            int64_t id,
                            const char *source,
                            int64_t channel)
{
    if (r->source && (!source || strcmp(r->source, source) != 0)) {
        return false;
    }
    if (r->state < 0 && channel < 0) {
        return true;
    }
    return sqlite__int(
               c, SQL_ARTICLE_HAS, ARGS(ARG_I(id), ARG_I(r->state), ARG_I(channel)), 0) != 0;
}

static json_t *states_of(struct sqlite_conn *c, int64_t article)
{
    sqlite3_stmt *stmt = sqlite__query(c, SQL_ARTICLE_STATES, ARGS(ARG_I(article)));
    json_t *o = json_object();

    while (sqlite__row(c, stmt)) {
        int state = sqlite3_column_int(stmt, 0);

        if (state >= 0 && state < DELIVERY_STATE_COUNT) {
            json_object_set_new(o,
                                delivery_state_name((enum delivery_state)state),
                                json_integer(sqlite3_column_int64(stmt, 1)));
        }
    }
    return o;
}

static json_t *show_article(struct sqlite_conn *c, int64_t id)
{
    json_t *o = sqlite__article_head(c, id);

    if (o) {
        json_object_del(o, "reason");
        json_object_set_new(o, "deliveries", states_of(c, id));
    }
    return o;
}

/* Walks down from `below`; returns where the next page starts, 0: nothing is left. */
static int64_t find_articles(struct sqlite_conn *c,
                             const struct ledger_list *r,
                             int64_t below,
                             struct id_list *out)
{
    int64_t channel = channel_wanted(c, r);
    sqlite3_stmt *stmt = sqlite__query(c,
                                       r->held ? SQL_LIST_HELD : SQL_LIST_ARTICLES,
                                       ARGS(ARG_I(below), ARG_I(SCAN_MAX + 1)));
    int64_t looked_at = 0;
    size_t count = 0;

    while (sqlite__row(c, stmt)) {
        int64_t id = sqlite3_column_int64(stmt, 0);

        if (out->count == page_size(r) || count++ == SCAN_MAX) {
            sqlite__end(stmt);
            return looked_at;
        }
        if (article_matches(c, r, id, sqlite__col_text(stmt, 1), channel)) {
            sqlite__ids_add(out, id);
        }
        looked_at = id;
    }
    return 0;
}

static enum err_code
article_cursor(const struct ledger_list *r, int64_t *out_below, struct err *why)
{
    struct article_id id;

    *out_below = INT64_MAX;
    if (!r->cursor) {
        return ERR_NONE;
    }
    if (!id_parse_article(r->cursor, &id)) {
        return err_set(why, ERR_INVALID, "cursor: expected the \"next\" of the page before");
    }
    *out_below = (int64_t)id.v;
    return ERR_NONE;
}

enum err_code sqlite__articles(struct sqlite_conn *c, struct ledger_list *r)
{
    struct id_list ids = {.v = NULL};
    char text[ID_TEXT_BYTES];
    int64_t below;
    struct article_id next;
    json_t *items;
    enum err_code rc = article_cursor(r, &below, &r->req.why);

    if (rc) {
        return rc;
    }
    next.v = (uint64_t)find_articles(c, r, below, &ids);
    items = page_new(r);
    for (size_t i = 0; i < ids.count; i++) {
        json_array_append_new(items, show_article(c, ids.v[i])); /* skips NULL */
    }
    if (next.v != 0) {
        json_set_str(r->out, "next", id_article_text(next, text));
    }
    sqlite__ids_done(&ids);
    return ERR_NONE;
}
