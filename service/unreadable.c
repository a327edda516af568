/* What could not be read is kept for a person. Called by the hooks, and by complete.c for the rows that a
 * start finds. Owns each of its requests until that is done; the oldest row goes when there are too many. */

#include "service/unreadable.h"

#include <string.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/json.h"
#include "base/json_put.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "service/crier.h"

struct keeping {
    struct ledger_inbox_put put;
    char *source, *why;
    struct buf body;
};
struct ending {
    struct ledger_inbox_end end;
};

static void on_put(struct ledger_request *r)
{
    struct keeping *k = container_of(r, struct keeping, put.req);

    if (r->rc != ERR_NONE) {
        log_error(EV_LEDGER_FAILED, LOG_STR("error", r->why.text));
    }
    ledger_request_done(r);
    buf_done(&k->body);
    mem_free(k->source);
    mem_free(k->why);
    mem_free(k);
}

static void on_end(struct ledger_request *r)
{
    struct ending *e = container_of(r, struct ending, end.req);

    ledger_request_done(r);
    mem_free(e);
}

static void end_oldest(struct crier *c)
{
    struct unreadables *u = &c->unreadables;
    struct ending *e = mem_zalloc(sizeof *e);

    e->end = (struct ledger_inbox_end){.req = {.kind = LEDGER_INBOX_END, .done = on_end},
                                       .id = u->ids[0],
                                       .now_ms = clock_wall_ms()};
    memmove(&u->ids[0], &u->ids[1], sizeof u->ids - sizeof u->ids[0]);
    u->count--;
    ledger_submit(c->ledger, &e->end.req);
}

static void count_in(struct crier *c, uint64_t id)
{
    if (c->unreadables.count == UNREADABLE_MAX) {
        end_oldest(c);
    }
    c->unreadables.ids[c->unreadables.count++] = id;
}

/* As text when it is one. */
static void write_body(struct buf *out, const char *body, size_t len)
{
    struct buf coded;
    size_t kept = len > UNREADABLE_BYTES ? UNREADABLE_BYTES : len;

    json_put_open(out, NULL, '{');
    json_put_text(out, "kind", UNREADABLE_KIND);
    json_put_int(out, "bytes", (int64_t)len);
    buf_init(&coded, (size_t)2 * UNREADABLE_BYTES);
    if (text_valid(body, len)) {
        buf_add(&coded, body, kept == len ? len : text_prefix(TEXT_BYTES, body, len, kept));
        json_put_text(out, "text", buf_str(&coded));
    } else {
        crypto_base64(&coded, body, kept);
        json_put_text(out, "base64", buf_str(&coded));
    }
    buf_done(&coded);
    json_put_close(out, '}');
}

void unreadable_keep(
    struct crier *c, const char *source, const char *body, size_t len, const char *why)
{
    struct keeping *k = mem_zalloc(sizeof *k);
    int64_t now_ms = clock_wall_ms();

    k->source = mem_strdup(source);
    k->why = mem_strdup(why);
    buf_init(&k->body, SIZE_MAX / 2);
    write_body(&k->body, body, len);
    k->put = (struct ledger_inbox_put){
        .req = {.kind = LEDGER_INBOX_PUT, .done = on_put},
        .id = id_next(&c->ids, now_ms),
        .source = k->source,
        .body = buf_str(&k->body),
        .due_at_ms = now_ms,
        .why = k->why,
        .now_ms = now_ms,
    };
    count_in(c, k->put.id);
    ledger_submit(c->ledger, &k->put.req);
}

bool unreadable_known(struct crier *c, uint64_t id, const char *row_body)
{
    json_t *v = json_loads(row_body != NULL ? row_body : "", 0, NULL);
    const char *kind = json_path_str(v, "kind");
    bool known = kind != NULL && strcmp(kind, UNREADABLE_KIND) == 0;

    if (known) {
        count_in(c, id);
    }
    json_decref(v);
    return known;
}
