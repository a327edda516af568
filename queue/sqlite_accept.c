/* Accepting what a source says of an article: which article it is, whether that is anything new, and its
 * rows. Runs inside the writer's transaction, so two requests of one batch see each other, and the same
 * article sent a hundred times at once is one article. What comes of it is decided in sqlite_decide.c, what
 * goes to which channel in sqlite_fanout.c; a withdrawal is in sqlite_withdraw.c, that two articles are one in
 * sqlite_merge.c.
 *
 *   find      by its names, or by number; the names may lead to several articles
 *   check     what must be refused is, before the first write
 *   join      those several are made one
 *   decide    what comes of it
 *   write     that
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

/* One request under way. */
struct acceptance {
    struct ledger_accept *a;
    struct known k;             /* the article as stored, before this request */
    struct id_list others;      /* articles that its names lead to as well */
    struct article_id conflict; /* one of those that stays what it is; 0: none */
};

/* ---- which article ---- */

struct naming sqlite__naming(const struct ledger_accept *a)
{
    return (struct naming){
        .v = a->aliases, .count = a->alias_count, .source = a->source, .now_ms = a->now_ms};
}

/* An id that a source gave is surer than a guid, and that than a URL, which editors change. */
static int alias_rank(const char *kind)
{
    return strcmp(kind, "id") == 0 ? 3 : strcmp(kind, "guid") == 0 ? 2 : 1;
}

static struct article_id
find_by_aliases(struct sqlite *s, const struct ledger_accept *a, struct id_list *others)
{
    struct naming in = sqlite__naming(a);
    struct article_id best = {0};
    int best_rank = 0;

    for (size_t i = 0; i < a->alias_count; i++) {
        struct article_id id = sqlite__name_owner(s, &in, &a->aliases[i]);
        int rank = alias_rank(a->aliases[i].kind);
        bool better = rank > best_rank;

        if (id.v == 0 || id.v == best.v) {
            continue;
        }
        if (best.v != 0) {
            sqlite__ids_add(others, (int64_t)(better ? best : id).v);
        }
        if (better) {
            best = id;
            best_rank = rank;
        }
    }
    return best;
}

static void find(struct sqlite *s, struct acceptance *q)
{
    struct article_id id =
        q->a->known.v != 0 ? q->a->known : find_by_aliases(s, q->a, &q->others);

    if (id.v != 0) {
        sqlite__known(s, id, &q->k);
    }
}

static bool find_replayed(struct sqlite *s, struct acceptance *q)
{
    struct article_id id;

    if (!q->a->replay_key) {
        return false;
    }
    id.v = (uint64_t)sqlite__int(&s->writer, SQL_SEEN_GET, ARGS(ARG_S(q->a->replay_key)), 0);
    if (id.v != 0) {
        sqlite__known(s, id, &q->k); /* not found: pruned since, so it is new */
    }
    if (q->k.merged_into.v != 0) {
        id = q->k.merged_into;
        sqlite__known_done(&q->k);
        sqlite__known(s, id, &q->k);
    }
    return q->k.found;
}

static bool has_two_ids(const struct ledger_accept *a)
{
    size_t ids = 0;

    for (size_t i = 0; i < a->alias_count; i++) {
        ids += strcmp(a->aliases[i].kind, "id") == 0;
    }
    return ids > 1;
}

/* Names that lead to several articles: they are one, it turns out. Only content says so; what takes
 * something back is about the article that its best name leads to. */
static void join(struct sqlite *s, struct acceptance *q)
{
    struct ledger_accept *a = q->a;
    struct merge m = {.why = "two names of one article",
                      .said_by = has_two_ids(a) ? a->source : NULL,
                      .now_ms = a->now_ms,
                      .delivery_id = a->elsewhere_id,
                      .delivery_ids = a->elsewhere_ids,
                      .out = sqlite__handed_accept(a)};
    struct article_id keeper = q->k.id;

    for (size_t i = 0; i < q->others.count && a->kind == ACCEPT_CONTENT; i++) {
        struct article_id other = {(uint64_t)q->others.v[i]};

        keeper = sqlite__merge(s, &m, keeper, other);
    }
    q->conflict = m.conflict;
    a->merged_count = m.count;
    a->look_at_withdrawn = m.look_at_withdrawn;
    a->elsewhere_id = m.delivery_id; /* what is left of them */
    a->elsewhere_ids = m.delivery_ids;
    if (m.count > 0) {
        sqlite__known_done(&q->k);
        sqlite__known(s, keeper, &q->k);
    }
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

/* ---- telling ---- */

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

static void tell(struct sqlite *s, const struct acceptance *q, const struct accepted *at)
{
    const struct ledger_accept *a = q->a;
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
    if (a->outcome == ACCEPT_RECORDED) {
        json_put_text(&b, "quiet", a->quiet);
        json_put_bool(&b, "held", a->held);
    }
    if (a->outcome == ACCEPT_WITHDRAWN) {
        json_put_int(&b, "retract_at_ms", a->retract_at_ms);
    }
    if (q->conflict.v != 0) {
        sqlite__event_article(&b, "conflict", q->conflict, NULL);
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

/* ---- writing ---- */

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

/* The article as it is, for what changes no content. */
static struct accepted as_known(const struct known *k)
{
    return (struct accepted){
        .article = k->id,
        .public_id = k->public_id,
        .revision = k->revision,
        .revision_id = k->newest,
        .created_at_ms = k->created_at_ms,
        .breaking = k->breaking,
    };
}

static void add_names(struct sqlite *s, const struct ledger_accept *a, const struct known *k)
{
    struct naming in = sqlite__naming(a);

    sqlite__names_add(s, &in, k);
}

/* Nothing new: but a name that was not known yet is kept. */
static void write_unchanged(struct sqlite *s, struct acceptance *q)
{
    if (q->a->outcome != ACCEPT_STALE) {
        add_names(s, q->a, &q->k);
    }
    note_sight(s, q->a, &q->k);
    answer_known(s, q->a, &q->k);
}

/* It is back as it was. */
static void write_return(struct sqlite *s, struct acceptance *q, int64_t gate_until_ms)
{
    struct handed out = sqlite__handed_accept(q->a);
    struct accepted at = as_known(&q->k);

    sqlite__bring_back(s, q->k.id, gate_until_ms, q->a->now_ms, &out);
    write_unchanged(s, q);
    tell(s, q, &at);
}

static void write_withdrawal(struct sqlite *s, struct acceptance *q)
{
    struct accepted at = as_known(&q->k);

    sqlite__withdraw(s, q->a, &q->k);
    q->a->look_at_withdrawn = true;
    write_unchanged(s, q);
    tell(s, q, &at);
}

/* What was recorded goes out as it is. It is breaking if it was recorded so, or if whoever brings it now
 * knows that it is. */
static void write_sending(struct sqlite *s, struct acceptance *q, int64_t gate_until_ms)
{
    struct ledger_accept *a = q->a;
    bool more = a->kind == ACCEPT_CONTENT && a->breaking && !q->k.breaking;
    struct accepted at = as_known(&q->k);

    at.fresh = true;
    at.breaking |= more;
    at.gate_until_ms = gate_until_ms;
    if (a->kind == ACCEPT_CONTENT) {
        add_names(s, a, &q->k);
        note_sight(s, a, &q->k);
    }
    if (more) {
        sqlite__do(&s->writer, SQL_ARTICLE_BREAKING, ARGS(ARG_I(q->k.id.v), ARG_S(a->reason)));
    }
    sqlite__fan_out(s, a, &at);
    tell(s, q, &at);
    answer(
        a, at.article, at.public_id, at.revision, at.breaking, more ? a->reason : q->k.reason);
}

static void write_accepted(struct sqlite *s,
                           struct acceptance *q,
                           const struct decision *d,
                           int64_t gate_until_ms)
{
    struct ledger_accept *a = q->a;
    const struct known *k = &q->k;
    bool retract = a->kind == ACCEPT_RETRACT;
    struct accepted at = {
        .article = k->found ? k->id : (struct article_id){a->new_article},
        .public_id = mem_strdup(k->public_id),
        .revision = k->revision + 1,
        .revision_id = (int64_t)a->new_article,
        .is_new = !k->found,
        .fresh = a->republish || d->opens || (a->breaking && !k->breaking),
        .created_at_ms = k->found ? k->created_at_ms : a->now_ms,
        .gate_until_ms = gate_until_ms,
        .breaking = retract ? k->breaking : a->breaking,
        .retracts = retract,
    };

    sqlite__revision(s, a, k, &at);
    if (d->fans_out) {
        sqlite__fan_out(s, a, &at);
    }
    if (retract) {
        a->look_at_withdrawn |= sqlite__retract_merged(s, k->id, a) || k->retract_at_ms != 0;
    }
    tell(s, q, &at);
    answer(
        a, at.article, at.public_id, at.revision, at.breaking, retract ? k->reason : a->reason);
    mem_free(at.public_id);
}

static void write(struct sqlite *s, struct acceptance *q, const struct decision *d)
{
    int64_t gate_until_ms = sqlite__gate_of(q->a, &q->k, d);

    if (d->returns) {
        sqlite__withdrawal_drop(s, q->k.id);
        q->a->look_at_withdrawn = true;
    }
    if (d->opens || (d->returns && !q->k.quiet)) {
        sqlite__do(&s->writer,
                   SQL_ARTICLE_LOUD,
                   ARGS(ARG_I(q->k.id.v), gate_until_ms ? ARG_I(gate_until_ms) : ARG_NULL));
    }
    if (d->revises) {
        write_accepted(s, q, d, gate_until_ms);
    } else if (d->opens) {
        write_sending(s, q, gate_until_ms);
    } else if (d->returns) {
        write_return(s, q, gate_until_ms);
    } else if (d->outcome == ACCEPT_WITHDRAWN) {
        write_withdrawal(s, q);
    } else {
        write_unchanged(s, q);
    }
    q->a->gated_until_ms = gate_until_ms;
    write_seen(s, q->a, q->a->article);
}

/* What stood in the inbox of a backup may have been accepted, and sent, from another file since. */
static void distrust_restored(struct sqlite *s, struct ledger_accept *a)
{
    if (a->inbox != 0 && a->kind == ACCEPT_CONTENT && sqlite__inbox_is_restored(s, a->inbox)) {
        a->quiet = "a backup came back: it may have been sent since";
        a->held = true;
    }
}

enum err_code sqlite__accept(struct sqlite *s, struct ledger_accept *a)
{
    struct acceptance q = {.a = a};
    struct decision d;
    enum err_code rc = ERR_NONE;

    if (FAULT("ledger.accept")) {
        return err_set(&a->req.why, ERR_IO, "accept: fault point");
    }
    s->latest_ms = a->now_ms > s->latest_ms ? a->now_ms : s->latest_ms;
    if (find_replayed(s, &q)) {
        a->outcome = ACCEPT_REPLAYED;
        answer_known(s, a, &q.k);
    } else {
        find(s, &q);
        rc = sqlite__accept_check(a, &q.k, &a->req.why);
        if (rc) {
            goto out;
        }
        distrust_restored(s, a);
        join(s, &q);
        d = sqlite__decide(a, &q.k);
        a->outcome = d.outcome;
        write(s, &q, &d);
    }
    if (a->inbox != 0) {
        sqlite__inbox_done(s, a->inbox);
    }
out:
    sqlite__known_done(&q.k);
    sqlite__ids_done(&q.others);
    return rc;
}
