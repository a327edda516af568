/* What the newsroom's own feeds and news sitemap show: the articles that are public, newest first.
 * Called on the reading thread. Bounded: it looks at so many articles at most, and leaves their
 * bodies in the file.
 *
 * An article that was breaking once stays in a list of breaking ones, as its posts stay: a rule over
 * age would otherwise drop it at its first correction. */

#include "queue/sqlite_internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

#define SCAN_MAX 5000

/* A row of SQL_OUTLET. */
struct candidate {
    int64_t id, created_at_ms, updated_at_ms, revision, gate_until_ms, retract_since_ms;
    bool retracted, breaking, hidden, withdrawn;
};

struct walk {
    struct sqlite_conn *c;
    struct ledger_outlet *r;
    size_t fresh, recent, cap;
};

static void read_candidate(sqlite3_stmt *stmt, struct candidate *out)
{
    const char *source = sqlite__col_text(stmt, 2);

    *out = (struct candidate){
        .id = sqlite3_column_int64(stmt, 0),
        .retracted = sqlite3_column_int(stmt, 1) != 0,
        .breaking = sqlite3_column_int(stmt, 3) != 0,
        .created_at_ms = sqlite3_column_int64(stmt, 4),
        .updated_at_ms = sqlite3_column_int64(stmt, 5),
        .revision = sqlite3_column_int64(stmt, 6),
        .hidden =
            sqlite3_column_int(stmt, 7) != 0 || source == NULL || strcmp(source, "test") == 0,
        .withdrawn = sqlite3_column_int(stmt, 8) != 0,
        .retract_since_ms = sqlite3_column_int64(stmt, 9),
        .gate_until_ms = sqlite3_column_int64(stmt, 10),
    };
}

static void changes_at(struct walk *w, int64_t at_ms)
{
    if (at_ms < w->r->changes_at_ms) {
        w->r->changes_at_ms = at_ms;
    }
}

static bool was_breaking(struct walk *w, const struct candidate *a)
{
    return a->breaking ||
           (a->revision > 1 &&
            sqlite__int(w->c, SQL_OUTLET_WAS_BREAKING, ARGS(ARG_I(a->id)), 0) != 0);
}

/* What the first revision said; 0: nothing. */
static int64_t first_published_ms(struct walk *w, const struct candidate *a)
{
    sqlite3_stmt *stmt = sqlite__query(w->c, SQL_OUTLET_FIRST, ARGS(ARG_I(a->id)));
    int64_t at_ms = 0;

    if (sqlite__row(w->c, stmt)) {
        const char *text = sqlite__col_text(stmt, 0);

        if (text == NULL || !time_parse_rfc3339(text, strlen(text), &at_ms)) {
            at_ms = 0;
        }
        sqlite__end(stmt);
    }
    return at_ms;
}

/* Never moved by an update, and never in the future: it was here by then. */
static int64_t published_ms(struct walk *w, const struct candidate *a)
{
    int64_t at_ms = first_published_ms(w, a);

    return at_ms > 0 && at_ms < a->created_at_ms ? at_ms : a->created_at_ms;
}

/* False: what is stored cannot be read, and is not shown. */
static bool read_content(struct walk *w, const struct candidate *a, struct ledger_shown *out)
{
    sqlite3_stmt *stmt = sqlite__query(w->c, SQL_OUTLET_CONTENT, ARGS(ARG_I(a->id)));
    bool ok = false;

    if (sqlite__row(w->c, stmt)) {
        const char *text = sqlite__col_text(stmt, 0);

        ok = text != NULL &&
             article_restore(&out->content, text, strlen(text), NULL) == ERR_NONE;
        out->page = sqlite__col_dup(stmt, 1);
        sqlite__end(stmt);
    }
    if (ok) {
        mem_free(out->content->body);
        out->content->body = NULL;
    } else {
        mem_free(out->page);
    }
    return ok;
}

static void add(struct walk *w, const struct ledger_shown *shown)
{
    struct ledger_outlet *r = w->r;

    if (r->count == w->cap) {
        w->cap = w->cap > 0 ? w->cap * 2 : 64;
        r->v = mem_realloc(r->v, w->cap, sizeof *r->v);
    }
    r->v[r->count++] = *shown;
    w->fresh += shown->fresh ? 1 : 0;
    w->recent += shown->recent ? 1 : 0;
}

static void look_at(struct walk *w, const struct candidate *a)
{
    struct ledger_outlet *r = w->r;
    bool gone = a->retracted || a->withdrawn;
    struct ledger_shown s = {.article = {(uint64_t)a->id},
                             .created_at_ms = a->created_at_ms,
                             .updated_at_ms = a->updated_at_ms,
                             .revision = a->revision};

    if (a->hidden) {
        return;
    }
    if (!gone && a->gate_until_ms > r->now_ms) {
        changes_at(w, a->gate_until_ms);
        return;
    }
    s.breaking = (r->fresh_breaking || r->recent_breaking) ? was_breaking(w, a) : a->breaking;
    s.recent = w->recent < r->recent_limit && (s.breaking || !r->recent_breaking);
    if (gone) {
        s.gone = s.recent;
        s.recent = false;
        s.updated_at_ms = a->withdrawn ? a->retract_since_ms : a->updated_at_ms;
    } else {
        s.published_at_ms = published_ms(w, a);
        s.fresh = w->fresh < r->fresh_limit && s.published_at_ms >= r->fresh_since_ms &&
                  (s.breaking || !r->fresh_breaking);
    }
    if (s.gone || ((s.fresh || s.recent) && read_content(w, a, &s))) {
        add(w, &s);
    }
    if (s.fresh) {
        changes_at(w, s.published_at_ms + (r->now_ms - r->fresh_since_ms) + 1);
    }
}

/* Both lists are full, or what comes now is too old. Published is before accepted, and the clock may have
 * been set. */
static bool is_enough(const struct walk *w, const struct candidate *a)
{
    return w->recent >= w->r->recent_limit &&
           (w->fresh >= w->r->fresh_limit || a->created_at_ms < w->r->fresh_since_ms - MS_DAY);
}

static int newest_first(const void *a, const void *b)
{
    const struct ledger_shown *x = a, *y = b;

    if (x->published_at_ms != y->published_at_ms) {
        return x->published_at_ms > y->published_at_ms ? -1 : 1;
    }
    return x->article.v > y->article.v ? -1 : x->article.v < y->article.v;
}

enum err_code sqlite__outlet(struct sqlite_conn *c, struct ledger_outlet *r)
{
    struct walk w = {.c = c, .r = r};
    sqlite3_stmt *stmt = sqlite__query(c, SQL_OUTLET, ARGS(ARG_I(INT64_MAX), ARG_I(SCAN_MAX)));

    r->changes_at_ms = INT64_MAX;
    while (sqlite__row(c, stmt)) {
        struct candidate a;

        read_candidate(stmt, &a);
        look_at(&w, &a);
        if (is_enough(&w, &a)) {
            sqlite__end(stmt);
            break;
        }
    }
    if (r->count > 1) {
        qsort(r->v, r->count, sizeof *r->v, newest_first);
    }
    return ERR_NONE;
}
