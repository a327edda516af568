/* Events: what others are told of a change, written in the transaction of that change and
 * handed to the owner after its commit. Written by hand rather than through Jansson: one is
 * made for every change, and this is a tenth of the time. */

#include "queue/sqlite_internal.h"

#include <inttypes.h>
#include <string.h>

#include "base/mem.h"

#define EVENT_BYTES                                                                            \
    ((size_t)1024 * 1024) /* titles are bounded by the doors; a bug must not fill the disk */

void sqlite__event_start(struct buf *b)
{
    buf_init(b, EVENT_BYTES);
    buf_addc(b, '{');
}

static void add_key(struct buf *b, const char *key)
{
    char last = b->data[b->len - 1];

    if (last != '{' && last != '[') {
        buf_addc(b, ',');
    }
    buf_addc(b, '"');
    buf_adds(b, key);
    buf_adds(b, "\":");
}

/* RFC 8259 section 7: quotation mark, reverse solidus and control characters are escaped. */
static void add_string(struct buf *b, const char *text)
{
    const char *from = text;

    buf_addc(b, '"');
    for (; *text; text++) {
        if ((unsigned char)*text >= 0x20 && *text != '"' && *text != '\\') {
            continue;
        }
        buf_add(b, from, (size_t)(text - from));
        buf_addf(b, "\\u%04x", (unsigned)(unsigned char)*text);
        from = text + 1;
    }
    buf_add(b, from, (size_t)(text - from));
    buf_addc(b, '"');
}

void sqlite__event_text(struct buf *b, const char *key, const char *value)
{
    if (value) {
        add_key(b, key);
        add_string(b, value);
    }
}

void sqlite__event_int(struct buf *b, const char *key, int64_t value)
{
    add_key(b, key);
    buf_addf(b, "%" PRId64, value);
}

void sqlite__event_bool(struct buf *b, const char *key, bool value)
{
    add_key(b, key);
    buf_adds(b, value ? "true" : "false");
}

void sqlite__event_article(struct buf *b,
                           const char *key,
                           struct article_id id,
                           const char *public_id)
{
    char text[ID_TEXT_BYTES];

    sqlite__event_text(b, key, public_id ? public_id : id_article_text(id, text));
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

void sqlite__event_write(struct sqlite *s, const char *kind, struct buf *b, int64_t now_ms)
{
    buf_addc(b, '}');
    if (!buf_ok(b)) {
        err_set(&s->writer.error, ERR_TOO_BIG, "event %s", kind);
    }
    if (s->next_event == 0) {
        s->next_event = sqlite__int(&s->writer, SQL_EVENT_NEXT, NO_ARGS, 1);
    }
    sqlite__do(&s->writer,
               SQL_EVENT_NEW,
               ARGS(ARG_I(s->next_event), ARG_I(now_ms), ARG_S(kind), ARG_S(buf_str(b))));
    if (s->want_events && !s->writer.error.code) {
        keep_for_owner(s, kind, b, now_ms);
    }
    s->next_event++;
    buf_done(b);
}
