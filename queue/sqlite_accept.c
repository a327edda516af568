/* Accepting one revision of an article: which article it is, whether it says anything new, and
 * its rows. Runs inside the writer's transaction, so two requests of one batch see each other,
 * and the same article sent a hundred times at once is one article. What goes to which channel
 * is decided in sqlite_fanout.c.
 *
 * The order, and what a crash leaves: everything here is one transaction, and the door answers
 * only after its commit. A crash before the commit leaves nothing; the sender got no answer and
 * sends again. A crash after it leaves everything; the sender may not have got its answer and
 * sends again, which is then the same article, unchanged, or the same replay_key. Every check
 * stands before the first write, so a request that is refused has written nothing and its batch
 * goes on. */

#include "queue/sqlite_internal.h"

#include <string.h>

#include "base/fault.h"
#include "base/mem.h"

/* So exactly is it noted when an article was last brought again. Pruning counts in days, and a repeat
 * shall cost no more than reading. */
#define SEEN_EVERY_MS MS_HOUR

/* The article as stored, before this request. */
struct known {
    bool found;
    struct article_id id;
    char *public_id;
    bool retracted;
    bool breaking;
    char *reason;
    int64_t revision, newest, content; /* newest, content: rows of revision */
    uint8_t hash[32];
    int64_t source_updated_at_ms, created_at_ms, seen_at_ms;
    char *names;                /* JSON, as article.names; NULL: none yet */
    struct article_id conflict; /* another article that an alias named; 0: none */
};

static void known_done(struct known *k)
{
    mem_free(k->public_id);
    mem_free(k->reason);
    mem_free(k->names);
}

/* ---- which article ---- */

static const char *alias_scope(const struct ledger_accept *a, const struct accept_alias *alias)
{
    return strcmp(alias->kind, "url") == 0 ? "" : a->source;
}

static int64_t
alias_find(struct sqlite *s, const struct ledger_accept *a, const struct accept_alias *alias)
{
    return sqlite__int(
        &s->writer,
        SQL_ALIAS_GET,
        ARGS(ARG_S(alias->kind), ARG_S(alias->value), ARG_S(alias_scope(a, alias))),
        0);
}

/* An id that a source gave is surer than a guid, and that than a URL, which editors change. */
static int alias_rank(const char *kind)
{
    return strcmp(kind, "id") == 0 ? 3 : strcmp(kind, "guid") == 0 ? 2 : 1;
}

static void find_by_aliases(struct sqlite *s, const struct ledger_accept *a, struct known *k)
{
    int best = 0;

    for (size_t i = 0; i < a->alias_count; i++) {
        uint64_t id = (uint64_t)alias_find(s, a, &a->aliases[i]);
        int rank = alias_rank(a->aliases[i].kind);

        if (id == 0 || id == k->id.v) {
            continue;
        }
        if (k->found) {
            k->conflict.v = rank > best ? k->id.v : id;
        }
        if (rank > best) {
            k->id.v = id;
            k->found = true;
            best = rank;
        }
    }
}

static void load_known(struct sqlite *s, struct known *k)
{
    sqlite3_stmt *stmt = sqlite__query(&s->writer, SQL_ARTICLE_GET, ARGS(ARG_I(k->id.v)));

    k->found = sqlite__row(&s->writer, stmt);
    if (!k->found) {
        return;
    }
    k->public_id = sqlite__col_dup(stmt, 0);
    k->retracted = sqlite3_column_int(stmt, 1) != 0;
    k->breaking = sqlite3_column_int(stmt, 2) != 0;
    k->reason = sqlite__col_dup(stmt, 3);
    k->revision = sqlite3_column_int64(stmt, 4);
    k->newest = sqlite3_column_int64(stmt, 5);
    k->content = sqlite3_column_int64(stmt, 6);
    sqlite__col_hash(stmt, 7, k->hash);
    k->source_updated_at_ms = sqlite3_column_int64(stmt, 8);
    k->created_at_ms = sqlite3_column_int64(stmt, 9);
    k->seen_at_ms = sqlite3_column_int64(stmt, 10);
    k->names = sqlite__col_dup(stmt, 11);
    sqlite__end(stmt);
}

static bool find_replayed(struct sqlite *s, const struct ledger_accept *a, struct known *k)
{
    if (!a->replay_key) {
        return false;
    }
    k->id.v = (uint64_t)sqlite__int(&s->writer, SQL_SEEN_GET, ARGS(ARG_S(a->replay_key)), 0);
    if (k->id.v == 0) {
        return false;
    }
    load_known(s, k);
    if (!k->found) {
        k->id.v = 0; /* pruned since: treat it as new */
    }
    return k->found;
}

/* ---- its names ---- */

#define NAMES_BYTES ((size_t)16 * 1024 * 1024) /* far more than any article is called */

static void
put_name(struct buf *names, const struct ledger_accept *a, const struct accept_alias *n)
{
    json_put_open(names, NULL, '[');
    json_put_text(names, NULL, n->kind);
    json_put_text(names, NULL, n->value);
    json_put_text(names, NULL, alias_scope(a, n));
    json_put_close(names, ']');
}

/* A name that another article has stays with it. Returns the list with the new ones, yours; NULL: there
 * are none. */
static char *write_aliases(struct sqlite *s,
                           const struct ledger_accept *a,
                           const struct known *k,
                           struct article_id article)
{
    bool any = false;
    struct buf names;

    buf_init(&names, NAMES_BYTES);
    if (k->names && *k->names) {
        buf_add(&names, k->names, strlen(k->names) - 1); /* its ']' comes at the end */
    } else {
        json_put_open(&names, NULL, '[');
    }
    for (size_t i = 0; i < a->alias_count; i++) {
        const struct accept_alias *n = &a->aliases[i];

        if (sqlite__do(&s->writer,
                       SQL_ALIAS_PUT,
                       ARGS(ARG_S(n->kind),
                            ARG_S(n->value),
                            ARG_S(alias_scope(a, n)),
                            ARG_I(article.v))) > 0) {
            put_name(&names, a, n);
            any = true;
        }
    }
    json_put_close(&names, ']');
    if (!buf_ok(&names)) {
        err_set(&s->writer.error, ERR_TOO_BIG, "the names of an article");
    }
    if (any) {
        return buf_detach(&names, NULL);
    }
    buf_done(&names);
    return NULL;
}

static void add_aliases(struct sqlite *s, const struct ledger_accept *a, const struct known *k)
{
    char *names = write_aliases(s, a, k, k->id);

    if (names) {
        sqlite__do(&s->writer, SQL_ARTICLE_NAMES, ARGS(ARG_I(k->id.v), ARG_S(names)));
    }
    mem_free(names);
}

static void
write_seen(struct sqlite *s, const struct ledger_accept *a, struct article_id article)
{
    if (a->replay_key) {
        sqlite__do(&s->writer,
                   SQL_SEEN_PUT,
                   ARGS(ARG_S(a->replay_key), ARG_I(article.v), ARG_I(a->now_ms)));
    }
}

/* ---- what it says ---- */

static bool same_content(const struct ledger_accept *a, const struct known *k)
{
    return a->hash && memcmp(a->hash, k->hash, sizeof k->hash) == 0;
}

static bool is_stale(const struct ledger_accept *a, const struct known *k)
{
    return a->updated_at_ms != 0 && a->updated_at_ms < k->source_updated_at_ms;
}

static enum accept_outcome decide(const struct ledger_accept *a, const struct known *k)
{
    if (!k->found) {
        return ACCEPT_NEW;
    }
    if (a->kind == ACCEPT_RETRACT) {
        return k->retracted     ? ACCEPT_UNCHANGED
               : is_stale(a, k) ? ACCEPT_STALE
                                : ACCEPT_RETRACTED;
    }
    if (!k->retracted && same_content(a, k)) {
        return ACCEPT_UNCHANGED;
    }
    if (is_stale(a, k)) {
        return ACCEPT_STALE;
    }
    return k->retracted && !a->republish ? ACCEPT_RETRACTED : ACCEPT_REVISED;
}

static enum err_code
check(const struct ledger_accept *a, const struct known *k, struct err *why)
{
    if (a->kind == ACCEPT_RETRACT && !k->found) {
        return err_set(why, ERR_NOT_FOUND, "no article is known by that name");
    }
    if (a->kind == ACCEPT_CONTENT &&
        (!a->document || !a->hash || !a->face || !a->title || !a->url)) {
        return err_set(why, ERR_INVALID, "an article without document, title or url");
    }
    for (size_t i = 0; i < a->channel_count; i++) {
        if (strlen(a->channels[i].name) >= sizeof a->deliveries->channel) {
            return err_set(why, ERR_INVALID, "channel name too long: %s", a->channels[i].name);
        }
    }
    return ERR_NONE;
}

/* ---- its rows ---- */

static bool is_named(const struct ledger_accept *a, const char *id)
{
    for (size_t i = 0; i < a->alias_count; i++) {
        if (strcmp(a->aliases[i].kind, "id") == 0 && strcmp(a->aliases[i].value, id) == 0) {
            return true;
        }
    }
    return false;
}

/* A wish for an id that another has, or that looks like one of ours, is not granted. */
static const char *grant_id(struct sqlite *s, const struct ledger_accept *a)
{
    const char *wanted = a->wanted_id;
    struct article_id ours;

    if (!wanted || *wanted == '\0' || id_parse_article(wanted, &ours) ||
        sqlite__int(&s->writer, SQL_ARTICLE_PUBLIC, ARGS(ARG_S(wanted)), 0) != 0) {
        return NULL;
    }
    must(is_named(a, wanted)); /* or it would not be found by it */
    return wanted;
}

static void write_article(struct sqlite *s,
                          const struct ledger_accept *a,
                          const struct known *k,
                          struct accepted *at)
{
    const char *granted = grant_id(s, a);
    char *names = write_aliases(s, a, k, at->article);

    at->public_id = mem_strdup(granted);
    sqlite__do(&s->writer,
               SQL_ARTICLE_NEW,
               ARGS(ARG_I(at->article.v),
                    ARG_S(granted),
                    ARG_S(a->source),
                    ARG_S(a->url),
                    ARG_S(a->title),
                    ARG_I(a->breaking),
                    ARG_S(a->reason),
                    ARG_HASH(a->hash),
                    ARG_I(a->updated_at_ms),
                    ARG_I(a->now_ms),
                    ARG_S(names ? names : "[]")));
    mem_free(names);
}

/* state: 0 published, 1 retracted. */
static void update_article(struct sqlite *s,
                           const struct ledger_accept *a,
                           const struct known *k,
                           const struct accepted *at,
                           int state)
{
    add_aliases(s, a, k);
    if (a->kind == ACCEPT_RETRACT) {
        sqlite__do(&s->writer,
                   SQL_ARTICLE_RETRACT,
                   ARGS(ARG_I(at->article.v),
                        ARG_I(at->revision),
                        ARG_I(at->revision_id),
                        ARG_I(a->updated_at_ms),
                        ARG_I(a->now_ms)));
        return;
    }
    sqlite__do(&s->writer,
               SQL_ARTICLE_REVISE,
               ARGS(ARG_I(at->article.v),
                    ARG_I(state),
                    ARG_S(a->url),
                    ARG_S(a->title),
                    ARG_I(a->breaking),
                    ARG_S(a->reason),
                    ARG_I(at->revision),
                    ARG_I(at->revision_id),
                    ARG_HASH(a->hash),
                    ARG_I(a->updated_at_ms),
                    ARG_I(a->now_ms)));
}

static void write_revision(struct sqlite *s,
                           const struct ledger_accept *a,
                           const struct known *k,
                           const struct accepted *at)
{
    bool retract = a->kind == ACCEPT_RETRACT;

    sqlite__do(&s->writer,
               SQL_REVISION_NEW,
               ARGS(ARG_I(at->revision_id),
                    ARG_I(at->article.v),
                    ARG_I(at->revision),
                    at->is_new ? ARG_NULL : ARG_I(k->newest),
                    ARG_I(retract ? k->content : at->revision_id),
                    ARG_I(retract      ? 2
                          : at->is_new ? 0
                                       : 1),
                    ARG_I(a->now_ms),
                    ARG_S(a->source),
                    ARG_I(at->breaking),
                    ARG_S(a->reason),
                    ARG_S(retract ? NULL : a->title),
                    ARG_HASH(retract ? NULL : a->face),
                    ARG_S(retract ? NULL : a->document)));
}

static void add_deliveries(struct buf *b, const struct ledger_accept *a)
{
    char id[ID_TEXT_BYTES];

    json_put_open(b, "deliveries", '[');
    for (size_t i = 0; i < a->delivery_count; i++) {
        json_put_open(b, NULL, '{');
        json_put_text(b, "delivery", id_delivery_text(a->deliveries[i].id, id));
        json_put_text(b, "channel", a->deliveries[i].channel);
        json_put_text(b, "state", delivery_state_name(a->deliveries[i].state));
        json_put_close(b, '}');
    }
    json_put_close(b, ']');
}

static void tell(struct sqlite *s,
                 const struct ledger_accept *a,
                 const struct accepted *at,
                 const struct known *k)
{
    struct buf b;

    sqlite__event_start(&b);
    sqlite__event_article(&b, "article", at->article, at->public_id);
    json_put_int(&b, "revision", at->revision);
    json_put_text(&b, "outcome", accept_outcome_name(a->outcome));
    json_put_text(&b, "source", a->source);
    json_put_bool(&b, "breaking", at->breaking);
    json_put_text(&b, "reason", a->reason);
    json_put_text(&b, "title", a->title);
    json_put_text(&b, "url", a->url);
    if (k->conflict.v != 0) {
        sqlite__event_article(&b, "conflict", k->conflict, NULL);
    }
    add_deliveries(&b, a);
    sqlite__event_write(s, "article.accepted", &b, a->now_ms);
}

/* ---- the answer ---- */

static void answer(struct ledger_accept *a,
                   struct article_id article,
                   const char *public_id,
                   int64_t revision,
                   bool breaking,
                   const char *reason)
{
    char text[ID_TEXT_BYTES];

    a->article = article;
    a->public_id = mem_strdup(public_id ? public_id : id_article_text(article, text));
    a->revision = revision;
    a->out_breaking = breaking;
    a->out_reason = mem_strdup(reason);
}

static void answer_known(struct sqlite *s, struct ledger_accept *a, const struct known *k)
{
    answer(a, k->id, k->public_id, k->revision, k->breaking, k->reason);
    sqlite__standing(s, a, k->id);
}

/* The newest time the source told, and that it is still brought: such an article is not pruned, or
 * the next time it would be new. */
static void note_sight(struct sqlite *s, const struct ledger_accept *a, const struct known *k)
{
    if (a->updated_at_ms > k->source_updated_at_ms ||
        a->now_ms - k->seen_at_ms >= SEEN_EVERY_MS) {
        int64_t seen_at_ms = a->now_ms > k->seen_at_ms ? a->now_ms : k->seen_at_ms;

        sqlite__do(&s->writer,
                   SQL_ARTICLE_TOUCH,
                   ARGS(ARG_I(k->id.v), ARG_I(a->updated_at_ms), ARG_I(seen_at_ms)));
    }
}

/* Nothing new: but a name that was not known yet is kept. */
static void accept_unchanged(struct sqlite *s, struct ledger_accept *a, const struct known *k)
{
    add_aliases(s, a, k);
    note_sight(s, a, k);
    answer_known(s, a, k);
}

/* Content for a retracted article that is the same as before, or as it was refused before: it
 * is recorded once. */
static bool is_recorded(const struct ledger_accept *a, const struct known *k)
{
    return a->kind == ACCEPT_CONTENT && a->outcome == ACCEPT_RETRACTED && same_content(a, k);
}

static void accept_revision(struct sqlite *s, struct ledger_accept *a, const struct known *k)
{
    bool retract = a->kind == ACCEPT_RETRACT;
    bool refused = !retract && a->outcome == ACCEPT_RETRACTED;
    struct accepted at = {
        .article = k->found ? k->id : (struct article_id){a->new_article},
        .public_id = mem_strdup(k->public_id),
        .revision = k->revision + 1,
        .revision_id = (int64_t)a->new_article,
        .is_new = !k->found,
        .fresh = a->republish || (a->breaking && !k->breaking),
        .created_at_ms = k->found ? k->created_at_ms : a->now_ms,
        .breaking = retract ? k->breaking : a->breaking,
        .retracts = retract,
    };

    if (at.is_new) {
        write_article(s, a, k, &at);
    } else {
        update_article(s, a, k, &at, refused ? 1 : 0);
    }
    write_revision(s, a, k, &at);
    if (!refused) {
        sqlite__fan_out(s, a, &at);
    }
    tell(s, a, &at, k);
    answer(
        a, at.article, at.public_id, at.revision, at.breaking, retract ? k->reason : a->reason);
    mem_free(at.public_id);
}

static void write(struct sqlite *s, struct ledger_accept *a, const struct known *k)
{
    if (a->outcome == ACCEPT_STALE) {
        note_sight(s, a, k);
        answer_known(s, a, k);
    } else if (a->outcome == ACCEPT_UNCHANGED || is_recorded(a, k)) {
        accept_unchanged(s, a, k);
    } else {
        accept_revision(s, a, k);
    }
    write_seen(s, a, a->article);
}

enum err_code sqlite__accept(struct sqlite *s, struct ledger_accept *a)
{
    struct known k = {.found = false};
    enum err_code rc = ERR_NONE;

    if (FAULT("ledger.accept")) {
        return err_set(&a->req.why, ERR_IO, "accept: fault point");
    }
    s->latest_ms = a->now_ms > s->latest_ms ? a->now_ms : s->latest_ms;
    if (find_replayed(s, a, &k)) {
        a->outcome = ACCEPT_REPLAYED;
        answer_known(s, a, &k);
        goto out;
    }
    if (a->known.v != 0) {
        k.id = a->known;
        k.found = true;
    } else {
        find_by_aliases(s, a, &k);
    }
    if (k.found) {
        load_known(s, &k);
    }
    rc = check(a, &k, &a->req.why);
    if (rc) {
        goto out;
    }
    a->outcome = decide(a, &k);
    write(s, a, &k);
out:
    known_done(&k);
    return rc;
}
