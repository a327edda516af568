/* Events: what others are told of a change, written in the transaction of that change and
 * handed to the owner after its commit. */

#include "queue/sqlite_internal.h"

#include "base/json_put.h"
#include "base/mem.h"

#define EVENT_BYTES                                                                            \
    ((size_t)1024 * 1024) /* titles are bounded by the doors; a bug must not fill the disk */

void sqlite__event_start(struct buf *b)
{
    buf_init(b, EVENT_BYTES);
    json_put_open(b, NULL, '{');
}

void sqlite__event_article(struct buf *b,
                           const char *key,
                           struct article_id id,
                           const char *public_id)
{
    char text[ID_TEXT_BYTES];

    json_put_text(b, key, public_id ? public_id : id_article_text(id, text));
}

static void keep_for_owner(struct sqlite *s, const char *kind, struct buf *b, int64_t now_ms)
{
    struct ledger_event_node *n = mem_zalloc(sizeof *n);

    n->event = (struct ledger_event){
        .id = s->next_event,
        .at_ms = now_ms,
        .kind = mem_strdup(kind),
        .data = buf_detach(b, NULL),
    };
    list_push(&s->events, &n->node);
}

/* A number that was not read is not counted on from: those who follow know the events by theirs. */
static bool number_is_known(struct sqlite *s)
{
    if (s->next_event == 0) {
        s->next_event = sqlite__int(&s->writer, SQL_EVENT_NEXT, NO_ARGS, 1);
    }
    if (s->writer.error.code) {
        s->next_event = 0;
    }
    return s->next_event > 0;
}

void sqlite__event_write(struct sqlite *s, const char *kind, struct buf *b, int64_t now_ms)
{
    json_put_close(b, '}');
    if (!buf_ok(b)) {
        err_set(&s->writer.error, ERR_TOO_BIG, "event %s", kind);
    }
    if (number_is_known(s)) {
        sqlite__do(&s->writer,
                   SQL_EVENT_NEW,
                   ARGS(ARG_I(s->next_event), ARG_I(now_ms), ARG_S(kind), ARG_S(buf_str(b))));
    }
    if (!s->writer.error.code) {
        if (s->want_events) {
            keep_for_owner(s, kind, b, now_ms);
        }
        s->next_event++;
    }
    buf_done(b);
}
