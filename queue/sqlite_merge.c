/* Two articles turn out to be one: two names of one acceptance lead to them, or the page of one has the other's
 * address as its canonical one. Called by sqlite_accept.c and sqlite_gate.c inside the writer's transaction.
 *
 * Which one keeps: the one that is public or may be, since its posts are what is updated and retracted later;
 * else one that a person has dropped; else the one that was not only recorded; else the older. The other is marked, and its names are the keeper's
 * from now on, so whatever comes for it later is the keeper's.
 *
 * What an editor expects of it is one post per channel, and none missing. So what of the other waits and
 * cannot be public is cancelled, and where the keeper has nothing, as its rules were not met, a delivery of
 * the keeper takes its place: the agency's flash is the feed's story that nobody had marked as breaking, and
 * the alert must still go out. For the same reason the keeper is breaking from then on.
 *
 * A post of the other stays, for a machine cannot know which of the two readers should keep; the event lists
 * them, the keeper does not go to those channels, and when it is retracted they are as well. */

#include "queue/sqlite_internal.h"

#include "base/mem.h"

struct sides {
    struct known keeper, loser;
};

/* ---- which keeps ---- */

static bool is_public(struct sqlite *s, const struct known *k)
{
    return sqlite__int(&s->writer, SQL_MERGE_PUBLIC, ARGS(ARG_I(k->id.v)), 0) != 0;
}

static bool first_keeps(struct sqlite *s, const struct known *a, const struct known *b)
{
    bool a_public = is_public(s, a), b_public = is_public(s, b);

    if (a_public != b_public) {
        return a_public;
    }
    if ((a->held == 2) != (b->held == 2)) {
        return a->held == 2; /* a person has decided that the story is not sent */
    }
    if (!a->quiet != !b->quiet) {
        return !a->quiet;
    }
    return a->id.v < b->id.v;
}

/* Follows one that was merged away already. */
static void load(struct sqlite *s, struct article_id id, struct known *out)
{
    sqlite__known(s, id, out);
    if (out->merged_into.v != 0) {
        id = out->merged_into;
        sqlite__known_done(out);
        sqlite__known(s, id, out);
    }
}

/* Its withdrawal is over: the other came later, and was not only recorded. */
static bool is_back(const struct sides *of)
{
    const struct known *k = &of->keeper, *l = &of->loser;

    return k->retract_at_ms != 0 && l->retract_at_ms == 0 && !l->quiet && !l->retracted &&
           l->updated_at_ms > k->retract_since_ms;
}

/* May anything of it go out? */
static bool is_sent(const struct sides *of)
{
    return !of->keeper.retracted && !of->keeper.quiet &&
           (of->keeper.retract_at_ms == 0 || is_back(of));
}

/* ---- deliveries ---- */

/* What stands in for the delivery that was cancelled, if the keeper has nothing there. */
static void stand_in(struct sqlite *s,
                     struct merge *m,
                     const struct sides *of,
                     const struct accepted *at,
                     struct delivery_id cancelled)
{
    sqlite3_stmt *stmt =
        sqlite__query(&s->writer, SQL_MERGE_STAND_IN, ARGS(ARG_I(cancelled.v)));
    struct stand_in in = {.id = m->delivery_id,
                          .now_ms = m->now_ms,
                          .detail = "in place of that of an article merged into this one"};
    struct channel_row *ch;
    char adapter[64];

    if (!sqlite__row(&s->writer, stmt)) {
        return;
    }
    ch = sqlite__channel_by_id(s, sqlite3_column_int64(stmt, 0));
    sqlite__col_name(stmt, 1, adapter);
    in.not_after_ms = sqlite3_column_int64(stmt, 2);
    sqlite__end(stmt);
    in.adapter = adapter;
    if (!ch || m->delivery_ids == 0 || !is_sent(of)) {
        return;
    }
    if (sqlite__stand_in(s, at, ch, &in, &m->out)) {
        m->delivery_id++;
        m->delivery_ids--;
    }
}

static void move_deliveries(struct sqlite *s, struct merge *m, const struct sides *of)
{
    char id[ID_TEXT_BYTES];
    char *detail = mem_printf("merged into %s: %s",
                              of->keeper.public_id ? of->keeper.public_id
                                                   : id_article_text(of->keeper.id, id),
                              m->why);
    size_t before = *m->out.cancelled_count;
    struct accepted at = {
        .article = of->keeper.id,
        .public_id = of->keeper.public_id,
        .revision = of->keeper.revision,
        .revision_id = of->keeper.newest,
        .created_at_ms = of->keeper.created_at_ms,
        .gate_until_ms = of->keeper.gate_until_ms > m->now_ms ? of->keeper.gate_until_ms : 0,
        .breaking = of->keeper.breaking || of->loser.breaking,
    };

    sqlite__call_off(s, of->loser.id, detail, m->now_ms, &m->out);
    for (size_t i = before, end = *m->out.cancelled_count; i < end; i++) {
        stand_in(s, m, of, &at, (*m->out.cancelled)[i]);
    }
    mem_free(detail);
}

/* ---- names, and what else is said of both ---- */

static void move_names(struct sqlite *s, const struct merge *m, const struct sides *of)
{
    char *why = mem_printf("merged: %s", m->why);

    sqlite__do(
        &s->writer, SQL_MERGE_ALIASES, ARGS(ARG_I(of->loser.id.v), ARG_I(of->keeper.id.v)));
    sqlite__do(
        &s->writer,
        SQL_MERGE_NAMES,
        ARGS(ARG_I(of->keeper.id.v), ARG_I(of->loser.id.v), ARG_I(m->now_ms), ARG_S(why)));
    sqlite__do(&s->writer, SQL_MERGE_AWAY, ARGS(ARG_I(of->loser.id.v), ARG_I(of->keeper.id.v)));
    sqlite__do(
        &s->writer, SQL_MERGE_CHAIN, ARGS(ARG_I(of->loser.id.v), ARG_I(of->keeper.id.v)));
    if (of->loser.public_id) {
        sqlite__do(
            &s->writer,
            SQL_ALIAS_PUT,
            ARGS(
                ARG_S("merged"), ARG_S(of->loser.public_id), ARG_S(""), ARG_I(of->loser.id.v)));
    }
    mem_free(why);
}

static void move_breaking(struct sqlite *s, const struct sides *of)
{
    if (of->loser.breaking && !of->keeper.breaking && !of->loser.retracted) {
        sqlite__do(&s->writer,
                   SQL_ARTICLE_BREAKING,
                   ARGS(ARG_I(of->keeper.id.v), ARG_S(of->loser.reason)));
    }
}

/* The younger word counts: the article came back under another name, or it was withdrawn under one. */
static void move_withdrawal(struct sqlite *s, struct merge *m, const struct sides *of)
{
    const struct known *k = &of->keeper, *l = &of->loser;

    if (is_back(of)) {
        sqlite__withdrawal_drop(s, k->id);
        sqlite__bring_back(s, k->id, 0, m->now_ms, &m->out);
        m->look_at_withdrawn = true;
    } else if (l->retract_at_ms != 0 && k->retract_at_ms == 0 && !k->retracted &&
               l->retract_since_ms >= k->updated_at_ms) {
        sqlite__do(&s->writer,
                   SQL_WITHDRAW,
                   ARGS(ARG_I(k->id.v),
                        ARG_I(l->retract_at_ms),
                        ARG_I(l->retract_since_ms),
                        ARG_S(l->retract_by),
                        ARG_S(l->retract_why)));
        sqlite__call_off(s, k->id, "withdrawn under another name", m->now_ms, &m->out);
        m->look_at_withdrawn = true;
    }
}

/* ---- telling ---- */

static void put_posts(struct sqlite *s, struct buf *b, struct article_id loser)
{
    sqlite3_stmt *stmt = sqlite__query(&s->writer, SQL_MERGE_POSTS, ARGS(ARG_I(loser.v)));

    json_put_open(b, "posts", '[');
    while (sqlite__row(&s->writer, stmt)) {
        json_put_open(b, NULL, '{');
        json_put_text(b, "channel", sqlite__col_text(stmt, 0));
        json_put_text(b, "link", sqlite__col_text(stmt, 1));
        json_put_close(b, '}');
    }
    json_put_close(b, ']');
}

static void tell(struct sqlite *s, const struct merge *m, const struct sides *of)
{
    struct buf b;

    sqlite__event_start(&b);
    sqlite__event_article(&b, "article", of->keeper.id, of->keeper.public_id);
    sqlite__event_article(&b, "merged", of->loser.id, of->loser.public_id);
    json_put_text(&b, "why", m->why);
    json_put_bool(&b, "retracted", of->loser.retracted);
    put_posts(s, &b, of->loser.id);
    sqlite__event_write(s, "article.merged", &b, m->now_ms);
}

/* ---- */

static bool may_merge(struct sqlite *s, const struct merge *m, const struct sides *of)
{
    return of->keeper.found && of->loser.found && of->keeper.id.v != of->loser.id.v &&
           sqlite__int(&s->writer,
                       SQL_MERGE_TWO_IDS,
                       ARGS(ARG_I(of->keeper.id.v),
                            ARG_I(of->loser.id.v),
                            ARG_S(m->said_by ? m->said_by : "")),
                       0) == 0;
}

static void merge(struct sqlite *s, struct merge *m, const struct sides *of)
{
    move_deliveries(s, m, of);
    move_names(s, m, of);
    move_breaking(s, of);
    move_withdrawal(s, m, of);
    tell(s, m, of);
    m->count++;
}

struct article_id
sqlite__merge(struct sqlite *s, struct merge *m, struct article_id one, struct article_id other)
{
    struct sides of;

    load(s, one, &of.keeper);
    load(s, other, &of.loser);
    one = of.keeper.found ? of.keeper.id : one;
    if (!may_merge(s, m, &of)) {
        m->conflict = of.loser.found && of.loser.id.v != one.v ? of.loser.id : m->conflict;
    } else {
        if (!first_keeps(s, &of.keeper, &of.loser)) {
            struct known keeper = of.loser;

            of.loser = of.keeper;
            of.keeper = keeper;
        }
        merge(s, m, &of);
        one = of.keeper.id;
    }
    sqlite__known_done(&of.keeper);
    sqlite__known_done(&of.loser);
    return one;
}
