/* The rows of a revision: the article, made or brought up to date, and the revision itself. Called by
 * sqlite_accept.c, which has decided that there is one. */

#include "queue/sqlite_internal.h"

#include <string.h>

#include "base/mem.h"

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

static void write_article(struct sqlite *s, const struct ledger_accept *a, struct accepted *at)
{
    const char *granted = grant_id(s, a);
    struct naming in = sqlite__naming(a);
    char *names = sqlite__names_write(s, &in, NULL, at->article);
    bool quiet = a->outcome == ACCEPT_RECORDED;

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
                    ARG_S(names ? names : "[]"),
                    ARG_S(quiet ? a->source : NULL),
                    ARG_S(quiet ? a->quiet : NULL),
                    ARG_I(quiet && a->held),
                    at->gate_until_ms ? ARG_I(at->gate_until_ms) : ARG_NULL));
    mem_free(names);
}

/* state: 0 published, 1 retracted. */
static void update_article(struct sqlite *s,
                           const struct ledger_accept *a,
                           const struct known *k,
                           const struct accepted *at,
                           int state)
{
    struct naming in = sqlite__naming(a);

    sqlite__names_add(s, &in, k);
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

/* As schema.sql numbers them. */
static int kind_of(const struct ledger_accept *a, const struct accepted *at)
{
    return a->kind == ACCEPT_RETRACT ? 2 : at->is_new ? 0 : a->correction ? 3 : 1;
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
                    ARG_I(kind_of(a, at)),
                    ARG_I(a->now_ms),
                    ARG_S(a->source),
                    ARG_I(at->breaking),
                    ARG_S(a->reason),
                    ARG_S(retract ? NULL : a->title),
                    ARG_HASH(retract ? NULL : a->face),
                    ARG_S(retract ? NULL : a->document)));
}

void sqlite__revision(struct sqlite *s,
                      const struct ledger_accept *a,
                      const struct known *k,
                      struct accepted *at)
{
    if (at->is_new) {
        write_article(s, a, at);
    } else {
        update_article(s, a, k, at, a->outcome == ACCEPT_RETRACTED ? 1 : 0);
    }
    write_revision(s, a, k, at);
}
