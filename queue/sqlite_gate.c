/* The link gate, as far as the ledger goes: what its page said of an article, and letting go what waited for
 * that. Also the word of a person on what was only recorded. Called by sqlite.c.
 *
 * What waits is `again`, due when the gate is to end at the latest. So a crash, or a gate that hangs, can hold
 * nothing longer than that, and nobody has to remember to open it. */

#include "queue/sqlite_internal.h"

#include "base/mem.h"

static struct naming naming_of(const struct ledger_gate *r)
{
    return (struct naming){
        .v = r->names, .count = r->name_count, .source = "page", .now_ms = r->now_ms};
}

static struct handed handed_of(struct ledger_gate *r)
{
    return (struct handed){.jobs = &r->jobs,
                           .job_count = &r->job_count,
                           .cancelled = &r->superseded,
                           .cancelled_count = &r->superseded_count};
}

/* Whose they are already, merges; nobody's, are the article's. Returns which article it is then. */
static struct article_id join(struct sqlite *s,
                              struct ledger_gate *r,
                              const struct known *k,
                              struct article_id *conflict)
{
    struct naming in = naming_of(r);
    struct article_id kept = k->id;
    struct merge m = {.now_ms = r->now_ms,
                      .delivery_id = r->delivery_id,
                      .delivery_ids = r->delivery_ids,
                      .out = handed_of(r)};

    for (size_t i = 0; i < r->name_count; i++) {
        struct article_id owner = sqlite__name_owner(s, &in, &r->names[i]);

        if (owner.v != 0 && owner.v != kept.v) {
            m.why = r->names[i].why ? r->names[i].why : "an address of its page";
            kept = sqlite__merge(s, &m, kept, owner);
        }
    }
    r->merged_count = m.count;
    r->look_at_withdrawn = m.look_at_withdrawn;
    *conflict = m.conflict;
    return kept;
}

static void let_go(struct sqlite *s, struct ledger_gate *r, const struct known *k)
{
    struct handed out = handed_of(r);
    struct id_list ids = {.v = NULL};

    sqlite__ids_query(
        &s->writer, SQL_GATE_WAITING, ARGS(ARG_I(k->id.v), ARG_I(k->gate_until_ms)), &ids);
    for (size_t i = 0; i < ids.count; i++) {
        struct move_note note = {.detail = r->note ? r->note : "its page was looked at"};
        struct ledger_job job;
        struct delivery_row d;

        if (sqlite__delivery(s, (struct delivery_id){(uint64_t)ids.v[i]}, &d)) {
            sqlite__move(s, &d, DELIVERY_READY, &note, r->now_ms);
            sqlite__job(&d, r->now_ms, &job);
            sqlite__hand_job(&out, &job);
            sqlite__delivery_done(&d);
        }
    }
    sqlite__ids_done(&ids);
}

static void tell(struct sqlite *s,
                 const struct ledger_gate *r,
                 const struct known *k,
                 struct article_id conflict)
{
    struct buf b;

    sqlite__event_start(&b);
    sqlite__event_article(&b, "article", k->id, k->public_id);
    json_put_bool(&b, "page", r->page != NULL);
    json_put_text(&b, "note", r->note);
    if (conflict.v != 0) {
        sqlite__event_article(&b, "conflict", conflict, NULL);
    }
    sqlite__event_write(s, "article.page", &b, r->now_ms);
}

/* The names that are nobody's yet go to the article that kept. */
static void add_names(struct sqlite *s, struct ledger_gate *r)
{
    struct naming in = naming_of(r);
    struct known kept;

    sqlite__known(s, r->kept, &kept);
    sqlite__names_add(s, &in, &kept);
    sqlite__known_done(&kept);
}

/* The gate is through before others are merged into it: what stands in for theirs goes at once. */
static void pass(struct sqlite *s, struct ledger_gate *r, const struct known *k)
{
    struct article_id conflict = {0};

    sqlite__do(
        &s->writer, SQL_GATE_THROUGH, ARGS(ARG_I(k->id.v), ARG_S(r->note), ARG_S(r->page)));
    r->kept = join(s, r, k, &conflict);
    if (r->kept.v == k->id.v) {
        let_go(s, r, k);
    } else {
        sqlite__do(&s->writer, SQL_GATE_PAGE, ARGS(ARG_I(r->kept.v), ARG_S(r->page)));
    }
    add_names(s, r);
    tell(s, r, k, conflict);
}

enum err_code sqlite__gate(struct sqlite *s, struct ledger_gate *r)
{
    struct known k;

    sqlite__known(s, r->article, &k);
    if (!k.found) {
        return err_set(&r->req.why, ERR_NOT_FOUND, "no such article");
    }
    if (k.merged_into.v != 0) {
        r->kept = k.merged_into; /* whose own gate decides */
    } else {
        pass(s, r, &k);
    }
    sqlite__known_done(&k);
    return ERR_NONE;
}

enum err_code sqlite__gated(struct sqlite_conn *c, struct ledger_gated *r)
{
    sqlite3_stmt *stmt = sqlite__query(c, SQL_GATED, ARGS(ARG_I(r->limit)));

    r->v = mem_calloc(r->limit > 0 ? r->limit : 1, sizeof *r->v);
    r->count = 0;
    while (sqlite__row(c, stmt)) {
        char *url = sqlite__col_dup(stmt, 2);

        r->v[r->count++] = (struct ledger_gated_one){
            .article = {(uint64_t)sqlite3_column_int64(stmt, 0)},
            .until_ms = sqlite3_column_int64(stmt, 1),
            .url = url ? url : mem_strdup(""),
        };
    }
    return ERR_NONE;
}

/* ---- a person's word ---- */

enum err_code sqlite__drop(struct sqlite *s, struct ledger_drop *r)
{
    struct known k;
    struct buf b;

    if (r->id) {
        r->article = sqlite__article_number(&s->writer, r->id);
    }
    sqlite__known(s, r->article, &k);
    if (!k.found) {
        return err_set(&r->req.why, ERR_NOT_FOUND, "no such article");
    }
    if (!k.quiet || k.merged_into.v != 0) {
        sqlite__known_done(&k);
        return err_set(&r->req.why, ERR_CONFLICT, "the article was sent already");
    }
    sqlite__do(&s->writer, SQL_ARTICLE_DROP, ARGS(ARG_I(r->article.v)));
    sqlite__event_start(&b);
    sqlite__event_article(&b, "article", k.id, k.public_id);
    json_put_text(&b, "by", r->by);
    sqlite__event_write(s, "article.dropped", &b, r->now_ms);
    sqlite__known_done(&k);
    return ERR_NONE;
}
