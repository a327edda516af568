/* Who is in an audience, over the API: in pages with the counts, and all of them, streamed: an audience of any
 * size takes the same memory. Called by the door. */

#include <inttypes.h>
#include <stdio.h>

#include "adapters/push.h"
#include "base/clock.h"
#include "base/json_put.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/parse.h"
#include "service/api_internal.h"
#include "service/channels.h"
#include "service/member_json.h"

#define EXPORT_PAGE 500
#define EXPORT_PENDING_BYTES ((size_t)1024 * 1024)

/* ---- lists ---- */

static void put_counts(struct buf *b, const struct ledger_members *m, bool prepares)
{
    json_put_open(b, "counts", '{');
    for (int i = 0; i < MEMBER_STATES; i++) {
        json_put_int(b, member_state_name((enum member_state)i), m->by_state[i]);
    }
    if (prepares) {
        json_put_int(b, "prepared", m->prepared);
    }
    json_put_close(b, '}');
}

static void answer_members(struct api_call *call)
{
    const struct ledger_members *m = &call->u.members;
    const struct api_member *one = call->kept;
    char next[24];
    struct buf text;

    buf_init(&text, (size_t)4 * 1024 * 1024);
    json_put_open(&text, NULL, '{');
    json_put_open(&text, "items", '[');
    for (size_t i = 0; i < m->count; i++) {
        member_json_put(&text, &m->v[i], one->settings, call->crier->topics, one->masked);
    }
    json_put_close(&text, ']');
    if (m->more) {
        (void)snprintf(next, sizeof next, "%" PRIu64, m->v[m->count - 1].id);
        json_put_text(&text, "next", next);
    } else {
        json_put_raw(&text, "next", "null", 4);
    }
    put_counts(&text, m, one->prepares);
    json_put_close(&text, '}');
    buf_addc(&text, '\n');
    door_reply_text(call->request, 200, "application/json", &text);
}

/* ?limit= &cursor= &state= &address= */
static bool read_page(struct door_request *r,
                      const struct channel *ch,
                      struct ledger_members *m,
                      struct api_member *one)
{
    const char *state = door_query(r, "state"), *address = door_query(r, "address");
    struct ledger_list page = {.limit = 0};
    enum member_state wanted;
    int64_t after = 0;

    if (!api__page(r, &page)) {
        return false;
    }
    m->limit = page.limit;
    m->state = -1;
    if (page.cursor && (!parse_i64(page.cursor, &after) || after < 0)) {
        door_problem(r, 400, NULL, "cursor is what `next` of the page before said");
        return false;
    }
    m->after = (uint64_t)after;
    if (state && !member_state_parse(state, &wanted)) {
        door_problem(r, 400, NULL, "state is active, stopped, gone or quarantined");
        return false;
    }
    if (state) {
        m->state = (int)wanted;
    }
    if (address && !ch->adapter->audience->address(address, one->address)) {
        door_problem(r, 400, NULL, "an address is %s", ch->adapter->audience->address_form);
        return false;
    }
    m->address = address ? one->address : NULL;
    return true;
}

static void free_one(void *kept)
{
    struct api_member *one = kept;

    config_unref(one->config);
    mem_free(one);
}

/* Where an address alone is enough to write to somebody, a list shows no whole one. */
void api_list_members(struct crier *c, struct door_request *r)
{
    struct channel *ch = api__audience(c, r);
    struct api_member *one;
    struct api_call *call;

    if (ch == NULL) {
        return;
    }
    one = mem_zalloc(sizeof *one);
    (void)snprintf(one->channel, sizeof one->channel, "%s", ch->name);
    one->config = config_ref(ch->config);
    one->settings = ch->settings;
    one->masked = ch->adapter->audience->push != NULL;
    one->prepares = one->masked && ch->adapter->audience->push->prepared_bytes > 0;
    call = api__call_new(c, r, LEDGER_MEMBERS, answer_members);
    call->kept = one;
    call->free_kept = free_one;
    call->u.members.channel = one->channel;
    if (!read_page(r, ch, &call->u.members, one)) {
        free_one(one);
        mem_free(call);
        return;
    }
    api__call_submit(call);
    /* Continues in answer_members(). */
}

/* ---- taking all of it out ---- */

/* Page after page, each asked for when the one before has left.
 *   api_export_members    the head of the answer, the first page
 *   export_2_on_page      its lines; the next, or the end
 *   on_export_closed      the client has gone, or all is said: freed when no page is on its way */
struct export
{
    struct crier *crier;
    struct door_stream *stream; /* NULL: closed */
    char channel[64];
    struct config *config; /* holds the settings */
    const struct channel_settings *settings;
    struct ledger_members page;
    bool asking;
};

static void export_drop(struct export *e)
{
    if (!e->stream && !e->asking) {
        config_unref(e->config);
        mem_free(e);
    }
}

static void on_export_closed(void *context)
{
    struct export *e = context;

    e->stream = NULL;
    export_drop(e);
}

static ledger_done_fn export_2_on_page;

static void ask_page(void *context)
{
    struct export *e = context;

    e->asking = true;
    ledger_submit(e->crier->ledger, &e->page.req);
}

static bool write_page(struct export *e)
{
    struct buf lines, line;
    bool good;

    buf_init(&lines, EXPORT_PENDING_BYTES);
    buf_init(&line, EXPORT_PENDING_BYTES);
    for (size_t i = 0; i < e->page.count; i++) {
        buf_clear(&line);
        member_json_put(&line, &e->page.v[i], e->settings, e->crier->topics, false);
        buf_add(&lines, buf_str(&line), line.len);
        buf_addc(&lines, '\n');
    }
    buf_done(&line);
    good = buf_ok(&lines) &&
           door_stream_write(e->stream, buf_str(&lines), lines.len, 2 * EXPORT_PENDING_BYTES);
    buf_done(&lines);
    return good;
}

static void export_2_on_page(struct ledger_request *r)
{
    struct export *e = container_of(r, struct export, page.req);
    bool good = r->rc == ERR_NONE, more = good && e->page.more;

    e->asking = false;
    if (!e->stream) {
        ledger_request_done(r);
        export_drop(e);
        return;
    }
    if (e->page.count > 0) {
        e->page.after = e->page.v[e->page.count - 1].id;
        good = write_page(e) && good;
    }
    ledger_request_done(r);
    if (!good || (more && e->crier->phase != CRIER_READY)) {
        door_stream_break(e->stream); /* a part of an audience must not pass for all of it */
    } else if (more) {
        door_stream_on_drained(e->stream, ask_page);
    } else {
        door_stream_end(e->stream);
    }
}

void api_export_members(struct crier *c, struct door_request *r)
{
    struct channel *ch = api__audience(c, r);
    struct export *e;

    if (ch == NULL) {
        return;
    }
    if (door_method(r) == HTTP_HEAD) {
        door_reply_header(r, "Content-Type", "application/x-ndjson");
        door_reply_empty(r, 200);
        return;
    }
    e = mem_zalloc(sizeof *e);
    e->crier = c;
    e->config = config_ref(ch->config);
    e->settings = ch->settings;
    (void)snprintf(e->channel, sizeof e->channel, "%s", ch->name);
    e->page = (struct ledger_members){
        .req = {.kind = LEDGER_MEMBERS, .done = export_2_on_page},
        .channel = e->channel,
        .limit = EXPORT_PAGE,
        .state = -1,
    };
    e->stream = door_stream_start(r, "application/x-ndjson", on_export_closed, e);
    if (e->stream == NULL) {
        config_unref(e->config);
        mem_free(e);
        return;
    }
    log_info(EV_AUDIENCE_CHANGED,
             LOG_STR("channel", e->channel),
             LOG_STR("by", "api"),
             LOG_STR("what", "exported"),
             LOG_I64("count", 0));
    ask_page(e);
}
