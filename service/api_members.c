/* The audience of a channel over the API: who is in it, with the proof that they agreed; bringing in, erasing,
 * taking all of it out. Called by the door. What comes in is read on the reading thread and written in portions;
 * what goes out is streamed, so an audience of any size takes the same memory.
 *
 *   api_put_members     POST: one member as JSON, a list, or one a line (application/x-ndjson)
 *   put_2_read          on the reading thread: all of it is looked at before any of it counts
 *   put_3_on_read       refuse, or the first portion
 *   put_4_on_written    the next one; after the last the counts
 *
 * Logs tell how many, never who. */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/json_put.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/parse.h"
#include "service/api_internal.h"
#include "service/channels.h"
#include "service/reader.h"

#define PORTION 1000
#define FAULTS_MAX 20
#define MEMBER_DEPTH 4
#define SOURCE_BYTES 200
#define LANGUAGE_BYTES 35
/* Clocks differ; a consent from tomorrow is a mistake. */
#define CONSENT_AHEAD_MS (10 * MS_MINUTE)
#define EXPORT_PAGE 500
#define EXPORT_PENDING_BYTES ((size_t)1024 * 1024)

static struct channel *find_audience(struct crier *c, struct door_request *r)
{
    struct channel *ch = channels_find(c->channels, door_param(r, 0));

    if (ch == NULL) {
        door_problem(r,
                     404,
                     json_pack("{s:o}", "channels", api__channel_names(c)),
                     "there is no channel \"%.64s\"",
                     door_param(r, 0));
        return NULL;
    }
    if (ch->adapter->audience == NULL) {
        door_problem(r,
                     409,
                     NULL,
                     "%s has no audience: its posts go to a place, not to people one by one",
                     ch->adapter->title);
        return NULL;
    }
    return ch;
}

/* ---- bringing in ---- */

struct put {
    struct reader_job job;
    struct crier *crier;
    struct door_request *request;
    char channel[64];
    const struct audience *audience;
    const char *body;
    size_t body_len;
    bool lines; /* one member a line */
    int64_t now_ms;
    struct ledger_new_member *v;
    size_t count, room, done;
    json_t *faults;
    struct err why; /* the body as a whole cannot be read */
    struct ledger_members_put write;
    int64_t added, changed, back, unchanged, left_out;
};

/* They are ours; the ledger only reads them. */
static void free_text(const char *text)
{
    mem_free((void *)(uintptr_t)text);
}

static void put_free(struct put *p)
{
    for (size_t i = 0; i < p->count; i++) {
        free_text(p->v[i].address);
        free_text(p->v[i].language);
        free_text(p->v[i].opted_in_by);
    }
    mem_free(p->v);
    json_decref(p->faults);
    mem_free(p);
}

/* where: of the list or of the lines, from 0. */
static void fault(struct put *p, size_t where, const char *what)
{
    char pointer[24];

    if (json_array_size(p->faults) < FAULTS_MAX) {
        (void)snprintf(pointer, sizeof pointer, "/%zu", where);
        (void)json_array_append_new(
            p->faults, json_pack("{s:s, s:s}", "pointer", pointer, "detail", what));
    }
}

/* What is wrong with a member; NULL: nothing. */
static const char *read_member(const struct put *p,
                               const json_t *v,
                               char address[MEMBER_ADDRESS_BYTES],
                               int64_t *out_at_ms)
{
    const char *text = json_path_str(v, "address"), *at = json_path_str(v, "opted_in_at");
    const char *source = json_path_str(v, "source"), *language = json_path_str(v, "language");

    if (!json_is_object(v)) {
        return "a member is a JSON object";
    }
    if (!text || !p->audience->address(text, address)) {
        return p->audience->address_form;
    }
    if (!at || !time_parse_rfc3339(at, strlen(at), out_at_ms)) {
        return "opted_in_at: when they agreed, such as 2026-11-01T10:00:00Z; without proof of "
               "that nobody is taken in";
    }
    if (*out_at_ms > p->now_ms + CONSENT_AHEAD_MS) {
        return "opted_in_at: that is still to come";
    }
    if (!source || source[0] == '\0' || strlen(source) > SOURCE_BYTES) {
        return "source: where they agreed, such as \"form on /news\"";
    }
    if (language && strlen(language) > LANGUAGE_BYTES) {
        return "language: such as \"de\" or \"pt-BR\"";
    }
    return NULL;
}

static void take_member(struct put *p, size_t where, const json_t *v)
{
    char address[MEMBER_ADDRESS_BYTES];
    int64_t at_ms = 0;
    const char *wrong = read_member(p, v, address, &at_ms);

    if (wrong) {
        fault(p, where, wrong);
        return;
    }
    if (p->count == p->room) {
        p->room = p->room > 0 ? 2 * p->room : 16;
        p->v = mem_realloc(p->v, p->room, sizeof *p->v);
    }
    p->v[p->count++] =
        (struct ledger_new_member){.address = mem_strdup(address),
                                   .language = mem_strdup(json_path_str(v, "language")),
                                   .opted_in_by = mem_strdup(json_path_str(v, "source")),
                                   .opted_in_at_ms = at_ms};
}

static void read_lines(struct put *p)
{
    const char *at = p->body, *end = p->body + p->body_len;

    for (size_t line = 0; at < end; line++) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        size_t len = (size_t)((stop ? stop : end) - at);
        json_t *v = NULL;
        struct err why = {0};

        if (len > 0 && at[0] != '\r') {
            if (json_read(&v, at, len, MEMBER_DEPTH, &why)) {
                fault(p, line, why.text);
            } else {
                take_member(p, line, v);
            }
        }
        json_decref(v);
        at += len + 1;
    }
}

static void read_whole(struct put *p)
{
    json_t *v = NULL, *one;
    size_t i;

    if (json_read(&v, p->body, p->body_len, MEMBER_DEPTH, &p->why)) {
        return;
    }
    if (json_is_array(v)) {
        json_array_foreach(v, i, one)
        {
            take_member(p, i, one);
        }
    } else {
        take_member(p, 0, v);
    }
    json_decref(v);
}

static void put_2_read(struct reader_job *job)
{
    struct put *p = container_of(job, struct put, job);

    if (p->lines) {
        read_lines(p);
    } else {
        read_whole(p);
    }
}

static ledger_done_fn put_4_on_written;

static void write_portion(struct put *p)
{
    size_t left = p->count - p->done, n = left < PORTION ? left : PORTION;

    p->write = (struct ledger_members_put){
        .req = {.kind = LEDGER_MEMBERS_PUT, .done = put_4_on_written},
        .channel = p->channel,
        .v = p->v + p->done,
        .count = n,
        .first_id = id_next_block(&p->crier->ids, clock_wall_ms(), n > 0 ? n : 1),
        .now_ms = clock_wall_ms(),
    };
    p->done += n;
    ledger_submit(p->crier->ledger, &p->write.req);
}

static void answer_put(struct put *p)
{
    log_info(EV_AUDIENCE_CHANGED,
             LOG_STR("channel", p->channel),
             LOG_STR("by", "api"),
             LOG_STR("what", "came"),
             LOG_I64("count", p->added + p->back));
    door_reply_json(p->request,
                    200,
                    json_pack("{s:I, s:I, s:I, s:I, s:I}",
                              "added",
                              (json_int_t)p->added,
                              "changed",
                              (json_int_t)p->changed,
                              "back",
                              (json_int_t)p->back,
                              "unchanged",
                              (json_int_t)p->unchanged,
                              "left_out",
                              (json_int_t)p->left_out));
    put_free(p);
}

static void put_4_on_written(struct ledger_request *r)
{
    struct put *p = container_of(r, struct put, write.req);

    if (r->rc) { /* what is written stays, and is known when it comes again */
        door_problem_err(p->request, r->rc, &r->why);
        put_free(p);
        return;
    }
    p->added += p->write.added;
    p->changed += p->write.changed;
    p->back += p->write.back;
    p->unchanged += p->write.unchanged;
    p->left_out += p->write.left_out;
    if (p->done < p->count) {
        write_portion(p);
    } else {
        answer_put(p);
    }
}

static void put_3_on_read(struct reader_job *job)
{
    struct put *p = container_of(job, struct put, job);

    if (p->why.code) {
        door_problem(p->request, 400, NULL, "the body is no JSON: %s", p->why.text);
    } else if (json_array_size(p->faults) > 0) {
        door_problem(p->request,
                     422,
                     json_pack("{s:O}", "errors", p->faults),
                     "none was taken in: some cannot be");
    } else if (api__takes_in(p->crier, p->request)) {
        write_portion(p);
        return;
    }
    put_free(p);
}

void api_put_members(struct crier *c, struct door_request *r)
{
    struct channel *ch = find_audience(c, r);
    const char *type = door_header(r, "Content-Type");
    struct put *p;

    if (ch == NULL || !api__takes_in(c, r)) {
        return;
    }
    p = mem_zalloc(sizeof *p);
    p->body = door_body(r, &p->body_len);
    p->lines = type && strstr(type, "ndjson");
    if (!p->lines && !api__has_json(r)) {
        mem_free(p);
        return;
    }
    p->crier = c;
    p->request = r;
    p->audience = ch->adapter->audience;
    p->now_ms = clock_wall_ms();
    p->faults = json_array();
    (void)snprintf(p->channel, sizeof p->channel, "%s", ch->name);
    p->job.work = put_2_read;
    p->job.done = put_3_on_read;
    reader_submit(c->reader, &p->job);
    /* Continues in put_3_on_read(). */
}

/* ---- erasing ---- */

struct one_member {
    char channel[64], address[MEMBER_ADDRESS_BYTES];
};

static void answer_erased(struct api_call *call)
{
    const struct one_member *one = call->kept;

    log_info(EV_AUDIENCE_CHANGED,
             LOG_STR("channel", one->channel),
             LOG_STR("by", "api"),
             LOG_STR("what", "erased"),
             LOG_I64("count", 1));
    door_reply_empty(call->request, 204);
}

void api_erase_member(struct crier *c, struct door_request *r)
{
    struct channel *ch = find_audience(c, r);
    struct one_member *one;
    struct api_call *call;

    if (ch == NULL) {
        return;
    }
    one = mem_zalloc(sizeof *one);
    (void)snprintf(one->channel, sizeof one->channel, "%s", ch->name);
    if (!ch->adapter->audience->address(door_param(r, 1), one->address)) {
        door_problem(r, 400, NULL, "an address is %s", ch->adapter->audience->address_form);
        mem_free(one);
        return;
    }
    call = api__call_new(c, r, LEDGER_MEMBER_SET, answer_erased);
    call->kept = one;
    call->free_kept = mem_free;
    call->u.member_set.channel = one->channel;
    call->u.member_set.address = one->address;
    call->u.member_set.change = MEMBER_ERASE;
    call->u.member_set.now_ms = clock_wall_ms();
    api__call_submit(call);
    /* Continues in answer_erased(). */
}

/* ---- lists ---- */

static void put_member(struct buf *b, const struct ledger_member *m)
{
    char at[TIME_TEXT_BYTES];

    json_put_open(b, NULL, '{');
    json_put_text(b, "address", m->address);
    json_put_text(b, "language", m->language);
    json_put_text(b, "opted_in_at", time_rfc3339(m->opted_in_at_ms, at));
    json_put_text(b, "source", m->opted_in_by);
    json_put_text(b, "state", member_state_name(m->state));
    json_put_text(b, "state_at", m->state_at_ms > 0 ? time_rfc3339(m->state_at_ms, at) : NULL);
    json_put_text(b, "state_why", m->state_why);
    json_put_int(b, "failures", m->failures);
    json_put_close(b, '}');
}

static void put_counts(struct buf *b, const int64_t by_state[MEMBER_STATES])
{
    json_put_open(b, "counts", '{');
    for (int i = 0; i < MEMBER_STATES; i++) {
        json_put_int(b, member_state_name((enum member_state)i), by_state[i]);
    }
    json_put_close(b, '}');
}

static void answer_members(struct api_call *call)
{
    const struct ledger_members *m = &call->u.members;
    char next[24];
    struct buf text;

    buf_init(&text, (size_t)4 * 1024 * 1024);
    json_put_open(&text, NULL, '{');
    json_put_open(&text, "items", '[');
    for (size_t i = 0; i < m->count; i++) {
        put_member(&text, &m->v[i]);
    }
    json_put_close(&text, ']');
    if (m->more) {
        (void)snprintf(next, sizeof next, "%" PRIu64, m->v[m->count - 1].id);
        json_put_text(&text, "next", next);
    } else {
        json_put_raw(&text, "next", "null", 4);
    }
    put_counts(&text, m->by_state);
    json_put_close(&text, '}');
    buf_addc(&text, '\n');
    door_reply_text(call->request, 200, "application/json", &text);
}

/* ?limit= &cursor= &state= &address= */
static bool read_page(struct door_request *r,
                      const struct channel *ch,
                      struct ledger_members *m,
                      struct one_member *one)
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

void api_list_members(struct crier *c, struct door_request *r)
{
    struct channel *ch = find_audience(c, r);
    struct one_member *one;
    struct api_call *call;

    if (ch == NULL) {
        return;
    }
    one = mem_zalloc(sizeof *one);
    (void)snprintf(one->channel, sizeof one->channel, "%s", ch->name);
    call = api__call_new(c, r, LEDGER_MEMBERS, answer_members);
    call->kept = one;
    call->free_kept = mem_free;
    call->u.members.channel = one->channel;
    if (!read_page(r, ch, &call->u.members, one)) {
        mem_free(one);
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
    struct ledger_members page;
    bool asking;
};

static void export_drop(struct export *e)
{
    if (!e->stream && !e->asking) {
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
        put_member(&line, &e->page.v[i]);
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
    bool more = r->rc == ERR_NONE && e->page.more;

    e->asking = false;
    if (!e->stream) {
        ledger_request_done(r);
        export_drop(e);
        return;
    }
    if (e->page.count > 0) {
        e->page.after = e->page.v[e->page.count - 1].id;
        more = write_page(e) && more;
    }
    ledger_request_done(r);
    if (more && e->crier->phase == CRIER_READY) {
        door_stream_on_drained(e->stream, ask_page);
    } else {
        door_stream_end(e->stream);
    }
}

void api_export_members(struct crier *c, struct door_request *r)
{
    struct channel *ch = find_audience(c, r);
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
    (void)snprintf(e->channel, sizeof e->channel, "%s", ch->name);
    e->page = (struct ledger_members){
        .req = {.kind = LEDGER_MEMBERS, .done = export_2_on_page},
        .channel = e->channel,
        .limit = EXPORT_PAGE,
        .state = -1,
    };
    e->stream = door_stream_start(r, "application/x-ndjson", on_export_closed, e);
    if (e->stream == NULL) {
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
