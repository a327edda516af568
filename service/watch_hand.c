/* Held articles of a source, sent or dropped because a person says so. Called by api_sources.c; frees itself
 * with the answer.
 *
 *   watched_hand     asks the ledger which articles are held
 *   hand_2_on_list   the oldest of them first
 *   hand_3_next      send or drop one, until there are no more; what was sent or dropped meanwhile by
 *                    somebody else counts as done
 *   hand_end         the only way out */

#include "service/watch_internal.h"

#include <string.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/json.h"
#include "base/mem.h"

#define LIST_MAX 200

struct hand {
    struct watched *source;
    enum watch_hand_kind kind;
    char *by;
    watch_hand_fn *done;
    void *context;
    struct ledger_list list;
    json_t *ids; /* those of the list, newest first */
    struct intake in;
    struct ledger_drop drop;
    size_t count, count_before; /* before the list at hand */
    bool looked;
};

static void hand_3_next(struct hand *h);
static void look(struct hand *h);

static void hand_end(struct hand *h, enum err_code rc, const struct err *why)
{
    struct watched *s = h->source;

    if (!rc) {
        s->kept.held = 0;
        if (s->source) {
            watch__save(s);
        }
    }
    h->done(h->context, h->count, rc, why);
    json_decref(h->ids);
    mem_free(h->by);
    mem_free(h);
    s->users--;
    watch__end_if_idle(s);
}

static void one_is_done(struct hand *h, enum err_code rc, const struct err *why)
{
    if (rc && rc != ERR_CONFLICT && rc != ERR_NOT_FOUND) {
        hand_end(h, rc, why);
        return;
    }
    h->count += rc ? 0 : 1;
    hand_3_next(h);
}

static void on_sent(struct intake *in)
{
    struct hand *h = in->context;
    enum err_code rc = in->rc;
    struct err why = in->why;

    intake_free_parts(in);
    one_is_done(h, rc, &why);
}

static void on_dropped(struct ledger_request *r)
{
    struct hand *h = container_of(r, struct hand, drop.req);
    enum err_code rc = r->rc;
    struct err why = r->why;

    ledger_request_done(r);
    one_is_done(h, rc, &why);
}

static void send_one(struct hand *h, const char *id)
{
    const struct intake_options options = {.source = h->source->name};
    enum err_code rc;

    memset(&h->in, 0, sizeof h->in);
    rc = intake_send(h->source->watch->crier, &h->in, id, &options, on_sent, h);
    if (rc) {
        hand_end(h, rc, &h->in.why);
    }
    /* Else continues in on_sent(). */
}

static void drop_one(struct hand *h, const char *id)
{
    memset(&h->drop, 0, sizeof h->drop);
    if (!id_parse_article(id, &h->drop.article)) {
        hand_3_next(h);
        return;
    }
    h->drop.req.kind = LEDGER_DROP;
    h->drop.req.done = on_dropped;
    h->drop.by = h->by;
    h->drop.now_ms = clock_wall_ms();
    ledger_submit(h->source->watch->crier->ledger, &h->drop.req);
    /* Continues in on_dropped(). */
}

static void hand_3_next(struct hand *h)
{
    size_t left = json_array_size(h->ids);
    char *id;

    if (h->source->watch->stopping) {
        struct err why;

        hand_end(h, err_set(&why, ERR_STOPPED, "shutting down"), &why);
        return;
    }
    if (left == 0) {
        look(h); /* there may be more than a list holds */
        return;
    }
    id = mem_strdup(json_string_value(json_array_get(h->ids, left - 1)));
    (void)json_array_remove(h->ids, left - 1);
    if (h->kind == WATCH_RELEASE) {
        send_one(h, id);
    } else {
        drop_one(h, id);
    }
    mem_free(id);
}

static void hand_2_on_list(struct ledger_request *r)
{
    struct hand *h = container_of(r, struct hand, list.req);
    enum err_code rc = r->rc;
    struct err why = r->why;
    json_t *item;
    size_t i;

    json_array_foreach(json_object_get(h->list.out, "items"), i, item)
    {
        const char *id = json_path_str(item, "id");

        if (!rc && id) {
            (void)json_array_append_new(h->ids, json_string(id));
        }
    }
    ledger_request_done(r);
    if (rc || json_array_size(h->ids) == 0 || (h->looked && h->count == h->count_before)) {
        hand_end(h, rc, &why); /* what is left cannot be sent or dropped */
        return;
    }
    h->looked = true;
    h->count_before = h->count;
    hand_3_next(h);
}

static void look(struct hand *h)
{
    memset(&h->list, 0, sizeof h->list);
    h->list.req.kind = LEDGER_ARTICLES;
    h->list.req.done = hand_2_on_list;
    h->list.limit = LIST_MAX;
    h->list.state = -1;
    h->list.source = h->source->name;
    h->list.held = true;
    ledger_submit(h->source->watch->crier->ledger, &h->list.req);
    /* Continues in hand_2_on_list(). */
}

void watched_hand(struct watched *s,
                  enum watch_hand_kind kind,
                  const char *by,
                  watch_hand_fn *done,
                  void *context)
{
    struct hand *h = mem_zalloc(sizeof *h);

    h->source = s;
    h->kind = kind;
    h->by = mem_strdup(by);
    h->done = done;
    h->context = context;
    h->ids = json_array();
    s->users++;
    look(h);
}
