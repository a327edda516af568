/* The topics of a channel: names that members choose from, each a bit of theirs and of a wave's. A name keeps its
 * bit for ever, also when it is out of use: members still have it. Called by sqlite.c. */

#include "queue/sqlite_internal.h"

#include "base/mem.h"

static int64_t bit_of(struct sqlite *s, int64_t channel, const char *name)
{
    return sqlite__int(&s->writer, SQL_TOPIC_GET, ARGS(ARG_I(channel), ARG_S(name)), 0);
}

static enum err_code
make(struct sqlite *s, int64_t channel, const char *name, int64_t *last, struct err *why)
{
    int64_t bit = *last > 0 ? *last * 2 : 1;

    if (*last >= INT64_C(1) << (MEMBER_TOPICS_MAX - 1)) {
        return err_set(why,
                       ERR_INVALID,
                       "topic %s: the channel has had %d topics, and more cannot be kept",
                       name,
                       MEMBER_TOPICS_MAX);
    }
    sqlite__do(&s->writer, SQL_TOPIC_NEW, ARGS(ARG_I(channel), ARG_S(name), ARG_I(bit)));
    *last = bit;
    return ERR_NONE;
}

/* All are looked for first: one that is refused has written nothing. */
static size_t find_all(struct sqlite *s, struct ledger_topics *r, int64_t channel)
{
    size_t missing = 0;

    for (size_t i = 0; i < r->count; i++) {
        r->bits[i] = bit_of(s, channel, r->names[i]);
        missing += r->bits[i] == 0;
    }
    return missing;
}

enum err_code sqlite__topics(struct sqlite *s, struct ledger_topics *r)
{
    struct channel_row *ch = sqlite__channel(s, r->channel, true);
    enum err_code rc = ERR_NONE;
    int64_t last;

    r->bits = NULL;
    if (!ch) {
        return ERR_NONE; /* the error sticks */
    }
    r->bits = mem_calloc(r->count, sizeof *r->bits);
    if (find_all(s, r, ch->id) == 0) {
        return ERR_NONE;
    }
    last = sqlite__int(&s->writer, SQL_TOPIC_LAST, ARGS(ARG_I(ch->id)), 0);
    for (size_t i = 0; i < r->count && rc == ERR_NONE; i++) {
        r->bits[i] = bit_of(s, ch->id, r->names[i]); /* it may be named twice */
        if (r->bits[i] == 0) {
            rc = make(s, ch->id, r->names[i], &last, &r->req.why);
            r->bits[i] = last;
        }
    }
    return rc;
}
