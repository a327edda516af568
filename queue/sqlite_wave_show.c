/* Waves as the API shows them: how they stand, and for each push service what was answered and how soon. Called by
 * sqlite.c and by whoever shows a delivery, on the reading thread. */

#include "queue/sqlite_audience.h"

#include <string.h>

#include "base/json.h"
#include "base/mem.h"

/* ---- how soon ---- */

/* Until when so many of a hundred final answers had come; the last bucket has no end, and is told by its start. */
static int64_t time_of(const uint64_t times[LEDGER_TIMES], uint64_t total, uint64_t share)
{
    uint64_t sum = 0;
    size_t i = 0;

    while (i < LEDGER_TIMES - 2 && (sum += times[i]) * 100 < total * share) {
        i++;
    }
    return ledger_time_bound_ms(i);
}

static json_t *times_json(const uint64_t times[LEDGER_TIMES])
{
    static const struct {
        const char *name;
        uint64_t share;
    } shares[] = {{"50", 50}, {"90", 90}, {"99", 99}, {"100", 100}};
    uint64_t total = 0;
    json_t *o;

    for (size_t i = 0; i < LEDGER_TIMES; i++) {
        total += times[i];
    }
    if (total == 0) {
        return json_null();
    }
    o = json_object();
    for (size_t i = 0; i < ARRAY_LEN(shares); i++) {
        json_object_set_new(
            o, shares[i].name, json_integer(time_of(times, total, shares[i].share)));
    }
    return o;
}

/* ---- services ---- */

static void set_int(json_t *o, const char *key, int64_t value)
{
    json_object_set_new(o, key, json_integer(value));
}

static void set_text(json_t *o, const char *key, const char *text)
{
    json_object_set_new(o, key, text ? json_string(text) : json_null());
}

static json_t *service_json(const struct ledger_wave_service *v, const char *name)
{
    uint64_t times[LEDGER_TIMES];
    json_t *o = json_object();

    for (size_t i = 0; i < LEDGER_TIMES; i++) {
        times[i] = v->times[i];
    }
    set_text(o, "name", name);
    set_int(o, "accepted", v->accepted);
    set_int(o, "retried", v->retried);
    set_int(o, "gone", v->gone);
    set_int(o, "refused", v->refused);
    set_int(o, "unknown", v->unknown);
    json_object_set_new(o, "ms", times_json(times));
    return o;
}

static void show_services(struct sqlite_conn *c, json_t *o, int64_t delivery)
{
    sqlite3_stmt *stmt = sqlite__query(c, SQL_WAVE_SERVICES, ARGS(ARG_I(delivery)));
    uint64_t all[LEDGER_TIMES] = {0};
    json_t *list = json_array();

    while (sqlite__row(c, stmt)) {
        struct ledger_wave_service v = {.accepted = 0};

        sqlite__wave_service_read(stmt, &v);
        json_array_append_new(list, service_json(&v, sqlite__col_text(stmt, 6)));
        for (size_t i = 0; i < LEDGER_TIMES; i++) {
            all[i] += v.times[i];
        }
    }
    json_object_set_new(o, "services", list);
    json_object_set_new(o, "ms", times_json(all));
}

/* ---- a wave ---- */

static json_t *topics_json(struct sqlite_conn *c, const struct wave_row *row)
{
    sqlite3_stmt *stmt;
    json_t *list;

    if (row->topics == MEMBER_TOPICS_ALL) {
        return json_null();
    }
    list = json_array();
    stmt = sqlite__query(c, SQL_TOPIC_LIST, ARGS(ARG_I(row->channel)));
    while (sqlite__row(c, stmt)) {
        const char *name = sqlite__col_text(stmt, 0);

        if (name && (sqlite3_column_int64(stmt, 1) & row->topics) != 0) {
            json_array_append_new(list, json_string(name));
        }
    }
    return list;
}

static void show_counts(json_t *o, const struct ledger_wave *w)
{
    const struct {
        const char *name;
        int64_t value;
    } counts[] = {
        {"members", w->total},
        {"accepted", w->accepted},
        {"refused", w->refused},
        {"undeliverable", w->undeliverable},
        {"stopped", w->stopped + w->missing},
        {"skipped", w->skipped},
        {"again", w->again},
        {"unknown", w->unknown},
        {"sent", w->was_sent},
        {"delivered", w->was_delivered},
        {"read", w->was_read},
        {"failed", w->was_failed},
    };

    for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
        set_int(o, counts[i].name, counts[i].value);
    }
}

static void show(struct sqlite_conn *c, json_t *o, int64_t delivery, const struct wave_row *row)
{
    struct ledger_wave w = sqlite__wave_look(c, delivery);

    show_counts(o, &w);
    json_set_time(o, "started_at", w.started_ms);
    json_set_time(o, "go_at", w.go_at_ms);
    json_object_set_new(o, "waits_for_word", json_boolean(w.waits_for_word));
    json_object_set_new(o, "halted", json_boolean(w.halted));
    set_text(o, "by", w.by[0] != '\0' ? w.by : NULL);
    json_object_set_new(o, "test", json_boolean(row->test));
    json_object_set_new(o, "topics", topics_json(c, row));
    show_services(c, o, delivery);
}

void sqlite__wave_show(struct sqlite_conn *c, json_t *object, int64_t delivery)
{
    struct wave_row row;
    json_t *o;

    if (!sqlite__wave_get(c, delivery, &row)) {
        return;
    }
    o = json_object();
    show(c, o, delivery, &row);
    json_object_set_new(object, "wave", o);
}

/* ---- all of them ---- */

static void show_head(struct sqlite_conn *c, json_t *o, int64_t delivery)
{
    sqlite3_stmt *stmt = sqlite__query(c, SQL_WAVE_HEAD, ARGS(ARG_I(delivery)));
    char id[ID_TEXT_BYTES];
    const char *public_id;
    int state;

    if (!sqlite__row(c, stmt)) {
        return;
    }
    public_id = sqlite__col_text(stmt, 2);
    state = sqlite3_column_int(stmt, 6);
    set_text(o, "delivery", id_delivery_text((struct delivery_id){(uint64_t)delivery}, id));
    set_text(o,
             "article",
             public_id ? public_id
                       : id_article_text(
                             (struct article_id){(uint64_t)sqlite3_column_int64(stmt, 1)}, id));
    set_text(o, "title", sqlite__col_text(stmt, 3));
    set_text(o, "channel", sqlite__col_text(stmt, 4));
    json_object_set_new(o, "breaking", json_boolean(sqlite3_column_int(stmt, 5) != 0));
    set_text(o,
             "state",
             state >= 0 && state < DELIVERY_STATE_COUNT
                 ? delivery_state_name((enum delivery_state)state)
                 : NULL);
    sqlite__end(stmt);
}

static void add_wave(struct sqlite_conn *c, json_t *list, int64_t delivery)
{
    struct wave_row row;
    json_t *o;

    if (!sqlite__wave_get(c, delivery, &row)) {
        return;
    }
    o = json_object();
    show_head(c, o, delivery);
    show(c, o, delivery, &row);
    json_array_append_new(list, o);
}

enum err_code sqlite__waves(struct sqlite_conn *c, struct ledger_waves *r)
{
    struct id_list ids = {.v = NULL};
    int64_t channel = 0;

    r->out = json_array();
    if (r->id.v != 0) {
        add_wave(c, r->out, (int64_t)r->id.v);
        return ERR_NONE;
    }
    if (r->channel) {
        channel = sqlite__int(c, SQL_CHANNEL_ID, ARGS(ARG_S(r->channel)), -1);
    }
    sqlite__ids_query(
        c, SQL_WAVES, ARGS(ARG_I(channel), ARG_I(r->open), ARG_I(r->limit)), &ids);
    for (size_t i = 0; i < ids.count; i++) {
        add_wave(c, r->out, ids.v[i]);
    }
    sqlite__ids_done(&ids);
    return ERR_NONE;
}
