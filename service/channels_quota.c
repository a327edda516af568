/* What channels may use and have used of their platforms' allowances, and where their articles go when they are
 * blocked. Called by the courier, the intake and whoever shows channels; the counting itself is
 * queue/quota.c's, what is on disk the ledger's. */

#include "service/channels.h"

#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "service/crier.h"

/* ---- quotas ---- */

struct quota channel_quota(const struct channel *ch)
{
    const struct adapter *a = ch->adapter;
    int64_t told =
        a->quota_told && ch->settings->own ? a->quota_told(ch->settings->own, ch->account) : 0;

    return config_quota(ch->settings, told);
}

static struct quota_ask ask_of(const struct channel *ch,
                               const struct quota *q,
                               struct delivery_id delivery,
                               bool breaking)
{
    return (struct quota_ask){.quota = q,
                              .reserve = ch->settings->reserve,
                              .delivery = delivery,
                              .breaking = breaking};
}

struct quota_view
channel_quota_look(const struct channel *ch, struct delivery_id delivery, bool breaking)
{
    struct quota q = channel_quota(ch);
    struct quota_ask ask = ask_of(ch, &q, delivery, breaking);

    return quota_look(&ch->used, &ask, clock_wall_ms());
}

const char *channel_quota_why(const struct channel *ch,
                              const struct quota_view *v,
                              bool breaking,
                              char *out)
{
    struct quota q = channel_quota(ch);
    struct quota_ask ask = ask_of(ch, &q, (struct delivery_id){0}, breaking);

    return quota_why(v, &ask, clock_wall_ms(), out);
}

void channels_quota_drop(struct channels *s, struct delivery_id delivery)
{
    struct channel *ch;
    size_t cursor = 0;

    while ((ch = channels_each(s, &cursor))) {
        quota_book_drop(&ch->used, delivery);
    }
}

void channels_quota_clock_back(struct channels *s)
{
    struct channel *ch;
    size_t cursor = 0;

    while ((ch = channels_each(s, &cursor))) {
        quota_book_clock_back(&ch->used, clock_wall_ms());
    }
}

/* ---- fallback ---- */

static void add_name(struct strings *list, const char *name)
{
    list->v = mem_realloc(list->v, list->count + 1, sizeof *list->v);
    list->v[list->count++] = mem_strdup(name);
}

static bool has_name(const struct strings *list, const char *name)
{
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->v[i], name) == 0) {
            return true;
        }
    }
    return false;
}

/* seen: those that were asked already, so that channels which fall back to each other have an end. True: it
 * leads somewhere. */
static bool add_fallbacks(struct crier *c,
                          const struct channel *blocked,
                          struct strings *seen,
                          struct strings *out)
{
    const struct strings *to = &blocked->settings->fallback_to;
    bool found = false;

    add_name(seen, blocked->name);
    for (size_t i = 0; i < to->count; i++) {
        const struct channel *ch = channels_find(c->channels, to->v[i]);

        if (!ch || !ch->settings->enabled) {
            continue;
        }
        if (has_name(out, ch->name)) {
            found = true;
        } else if (!has_name(seen, ch->name)) {
            if (!ch->kept.blocked || !add_fallbacks(c, ch, seen, out)) {
                add_name(out, ch->name);
            }
            found = true;
        }
    }
    return found;
}

struct strings channel_fallbacks(struct crier *c, const struct channel *blocked)
{
    struct strings seen = {.v = NULL}, out = {.v = NULL};

    (void)add_fallbacks(c, blocked, &seen, &out);
    strings_done(&seen);
    return out;
}
