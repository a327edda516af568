/* What comes of an acceptance: the rules of what is new, stale, recorded only, withdrawn or back, and which
 * request must be refused. Called by sqlite_accept.c; pure. ledger.h says the same for those who ask. */

#include "queue/sqlite_internal.h"

#include <string.h>

/* ---- what must be refused ---- */

static enum err_code check_content(const struct ledger_accept *a, struct err *why)
{
    if (!a->document || !a->hash || !a->face || !a->title || !a->url) {
        return err_set(why, ERR_INVALID, "an article without document, title or url");
    }
    return ERR_NONE;
}

/* Only for a withdrawal that is due: it came back meanwhile, or was retracted. */
static enum err_code
check_retract(const struct ledger_accept *a, const struct known *k, struct err *why)
{
    if (a->retract_at_ms != 0 &&
        (k->retract_at_ms == 0 || k->retract_at_ms > a->retract_at_ms)) {
        return err_set(why, ERR_CONFLICT, "no withdrawal of the article is due");
    }
    return ERR_NONE;
}

static enum err_code
check_send(const struct ledger_accept *a, const struct known *k, struct err *why)
{
    if (k->merged_into.v != 0) {
        return err_set(why, ERR_CONFLICT, "the article was merged into another");
    }
    if (k->retracted || k->retract_at_ms != 0) {
        return err_set(why, ERR_CONFLICT, "the article is retracted or withdrawn");
    }
    if (!k->quiet) {
        return err_set(why, ERR_CONFLICT, "the article was sent already");
    }
    if (a->only_revision != k->revision) {
        return err_set(why, ERR_CONFLICT, "the article has changed just now");
    }
    return ERR_NONE;
}

static enum err_code check_channels(const struct ledger_accept *a, struct err *why)
{
    for (size_t i = 0; i < a->channel_count; i++) {
        if (strlen(a->channels[i].name) >= sizeof a->deliveries->channel) {
            return err_set(why, ERR_INVALID, "channel name too long: %s", a->channels[i].name);
        }
    }
    return ERR_NONE;
}

enum err_code
sqlite__accept_check(const struct ledger_accept *a, const struct known *k, struct err *why)
{
    enum err_code rc = check_channels(a, why);

    if (rc) {
        return rc;
    }
    if (a->kind == ACCEPT_CONTENT) {
        return check_content(a, why);
    }
    if (!k->found) {
        return err_set(why, ERR_NOT_FOUND, "no article is known by that name");
    }
    return a->kind == ACCEPT_RETRACT ? check_retract(a, k, why)
           : a->kind == ACCEPT_SEND  ? check_send(a, k, why)
                                     : ERR_NONE;
}

/* ---- what comes of it ---- */

static bool same_content(const struct ledger_accept *a, const struct known *k)
{
    return a->hash && memcmp(a->hash, k->hash, sizeof k->hash) == 0;
}

static bool is_stale(const struct ledger_accept *a, const struct known *k)
{
    return a->updated_at_ms != 0 && a->updated_at_ms < k->source_updated_at_ms;
}

/* Of one that is withdrawn: does this say that it is back? The source that took it away knows, and a
 * person does; another may only have it from a cache, unless it says that it is newer. */
static bool is_back(const struct ledger_accept *a, const struct known *k)
{
    return a->by_hand || strcmp(a->source, k->retract_by ? k->retract_by : "") == 0 ||
           a->updated_at_ms > k->retract_since_ms;
}

/* Of one that was only recorded: is it to be sent now? */
static bool is_loud(const struct ledger_accept *a, const struct known *k)
{
    if (a->quiet) {
        return false;
    }
    if (a->by_hand) {
        return true;
    }
    return k->held != 2 && (strcmp(a->source, k->quiet) != 0 || (a->breaking && !k->breaking));
}

/* same: it has nothing that is not recorded. What is older than what is recorded still says that the
 * article is published, and then the newer content goes out. */
static struct decision
decide_quiet(const struct ledger_accept *a, const struct known *k, bool same)
{
    bool old = same || is_stale(a, k);

    if (is_loud(a, k)) {
        return (struct decision){
            .outcome = ACCEPT_NEW, .revises = !old, .fans_out = true, .opens = true};
    }
    if (old) {
        return (struct decision){.outcome = same ? ACCEPT_UNCHANGED : ACCEPT_STALE};
    }
    return (struct decision){.outcome = ACCEPT_RECORDED, .revises = true};
}

/* Another source tells the version that is here already, in its own words: the posts shall not go back and forth
 * between the two. But that it is breaking is news. */
static bool is_retold(const struct ledger_accept *a, const struct known *k)
{
    return !a->by_hand && a->updated_at_ms != 0 &&
           a->updated_at_ms == k->source_updated_at_ms && k->content_source &&
           strcmp(a->source, k->content_source) != 0 && !(a->breaking && !k->breaking);
}

static struct decision decide_known(const struct ledger_accept *a, const struct known *k)
{
    bool again = k->retracted && a->republish; /* then the same content says more, too */
    bool same = same_content(a, k) && !again;

    if (k->quiet) {
        return decide_quiet(a, k, same);
    }
    if (same || (is_retold(a, k) && !again)) {
        return (struct decision){.outcome = ACCEPT_UNCHANGED};
    }
    if (is_stale(a, k)) {
        return (struct decision){.outcome = ACCEPT_STALE};
    }
    return (struct decision){.outcome = ACCEPT_REVISED, .revises = true, .fans_out = true};
}

static struct decision decide_content(const struct ledger_accept *a, const struct known *k)
{
    struct decision d;

    if (!k->found) {
        return (struct decision){.outcome = a->quiet ? ACCEPT_RECORDED : ACCEPT_NEW,
                                 .revises = true,
                                 .fans_out = !a->quiet};
    }
    if (k->retracted && !a->republish) { /* recorded, and once only */
        return is_stale(a, k) ? (struct decision){.outcome = ACCEPT_STALE}
                              : (struct decision){.outcome = ACCEPT_RETRACTED,
                                                  .revises = !same_content(a, k)};
    }
    if (k->retract_at_ms != 0 && (is_stale(a, k) || !is_back(a, k))) {
        return (struct decision){.outcome = ACCEPT_STALE};
    }
    d = decide_known(a, k);
    d.returns = k->retract_at_ms != 0;
    return d;
}

struct decision sqlite__decide(const struct ledger_accept *a, const struct known *k)
{
    bool sooner = k->retract_at_ms == 0 || a->retract_at_ms < k->retract_at_ms;

    switch (a->kind) {
    case ACCEPT_CONTENT:
        return decide_content(a, k);
    case ACCEPT_SEND:
        return (struct decision){.outcome = ACCEPT_NEW, .fans_out = true, .opens = true};
    case ACCEPT_RETRACT:
    case ACCEPT_WITHDRAW:
        break;
    }
    if (k->retracted) {
        return (struct decision){.outcome = ACCEPT_UNCHANGED};
    }
    if (is_stale(a, k)) {
        return (struct decision){.outcome = ACCEPT_STALE};
    }
    if (a->kind == ACCEPT_WITHDRAW) {
        return (struct decision){.outcome = sooner ? ACCEPT_WITHDRAWN : ACCEPT_UNCHANGED};
    }
    return (struct decision){.outcome = ACCEPT_RETRACTED, .revises = true, .fans_out = true};
}

/* What is first sent waits for the gate: of a new article, of one that comes back, and, as long as the gate
 * is closed, of every revision. 0: it does not. */
int64_t
sqlite__gate_of(const struct ledger_accept *a, const struct known *k, const struct decision *d)
{
    bool first = !k->found || d->opens || d->returns;

    if (!d->fans_out && !d->returns) {
        return 0;
    }
    if (a->kind == ACCEPT_RETRACT) {
        return 0;
    }
    if (k->gate_until_ms > a->now_ms) {
        return k->gate_until_ms;
    }
    return first && a->gate_until_ms > a->now_ms ? a->gate_until_ms : 0;
}
