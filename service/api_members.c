/* The audience of a channel over the API: bringing people in, with the proof that they agreed, and erasing them.
 * Called by the door. What comes in is read on the reading thread and written in portions. Lists are
 * api_members_list.c's.
 *
 *   api_put_members     POST: one member as JSON, a list, or one a line (application/x-ndjson)
 *   put_2_read          on the reading thread: all of it is looked at before any of it counts
 *   put_3_on_read       refuse, or the first portion
 *   put_4_on_written    the next one; after the last the counts
 *
 * Logs tell how many, never who. */

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "service/api_internal.h"
#include "service/channels.h"
#include "service/member_json.h"
#include "service/reader.h"

#define PORTION 1000
#define FAULTS_MAX 20
#define SKIPPED_MAX 20000 /* as many as lines of a body by far */
#define MEMBER_DEPTH 8

struct channel *api__audience(struct crier *c, struct door_request *r)
{
    struct channel *ch = api__channel(c, r);

    if (ch != NULL && ch->adapter->audience == NULL) {
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
    struct config *config; /* holds the settings */
    struct member_ask ask;
    const char *body;
    size_t body_len;
    bool lines;           /* one member a line */
    bool skips;           /* those with a fault are left out; else none is taken in */
    json_t *list;         /* all of them, kept */
    struct member_in *in; /* those that are good so far … */
    size_t *where;        /* … and which of the list or of the lines each is, from 0 */
    struct ledger_new_member *v;
    size_t count, room, done;
    json_t *faults;
    int64_t fault_count;
    struct err why; /* the body as a whole cannot be read */
    struct ledger_members_put write;
    int64_t added, changed, back, unchanged, left_out;
};

static void put_free(struct put *p)
{
    for (size_t i = 0; i < p->count; i++) {
        member_in_done(&p->in[i]);
    }
    mem_free(p->in);
    mem_free(p->where);
    mem_free(p->v);
    mem_free(p->ask.source);
    mem_free(p->ask.key);
    json_decref(p->list);
    json_decref(p->faults);
    config_unref(p->config);
    mem_free(p);
}

/* where: of the list or of the lines, from 0. Who skips them wants to see all. */
static void fault(struct put *p, size_t where, const char *what)
{
    char pointer[24];

    p->fault_count++;
    if (json_array_size(p->faults) < (p->skips ? SKIPPED_MAX : FAULTS_MAX)) {
        (void)snprintf(pointer, sizeof pointer, "/%zu", where);
        (void)json_array_append_new(
            p->faults, json_pack("{s:s, s:s}", "pointer", pointer, "detail", what));
    }
}

static void take_member(struct put *p, size_t where, json_t *v)
{
    char why[MEMBER_WHY_BYTES];

    if (p->count == p->room) {
        p->room = p->room > 0 ? 2 * p->room : 16;
        p->in = mem_realloc(p->in, p->room, sizeof *p->in);
        p->where = mem_realloc(p->where, p->room, sizeof *p->where);
    }
    if (!member_json_read(&p->in[p->count], &p->ask, v, why)) {
        fault(p, where, why);
        member_in_done(&p->in[p->count]);
    } else if (p->in[p->count].inactive) {
        p->left_out++;
        member_in_done(&p->in[p->count]);
    } else {
        p->where[p->count++] = where;
    }
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
                (void)json_array_append_new(p->list, v); /* its members are looked at again */
            }
        }
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
    json_decref(p->list);
    p->list = v;
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

static json_t *counts_of(const struct put *p)
{
    json_t *counts = json_pack("{s:I, s:I, s:I, s:I, s:I}",
                               "added",
                               (json_int_t)p->added,
                               "changed",
                               (json_int_t)p->changed,
                               "back",
                               (json_int_t)p->back,
                               "unchanged",
                               (json_int_t)p->unchanged,
                               "left_out",
                               (json_int_t)p->left_out);

    if (p->skips) {
        (void)json_object_set_new(counts, "faulty", json_integer(p->fault_count));
        (void)json_object_set(counts, "errors", p->faults);
    }
    return counts;
}

static void answer_put(struct put *p)
{
    log_info(EV_AUDIENCE_CHANGED,
             LOG_STR("channel", p->channel),
             LOG_STR("by", "api"),
             LOG_STR("what", "came"),
             LOG_I64("count", p->added + p->back));
    door_reply_json(p->request, 200, counts_of(p));
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

/* What only the loop knows of them. */
static void settle(struct put *p)
{
    char why[MEMBER_WHY_BYTES];
    size_t good = 0;

    for (size_t i = 0; i < p->count; i++) {
        if (member_json_settle(&p->in[i], &p->ask, p->crier->topics, why)) {
            p->where[good] = p->where[i];
            p->in[good++] = p->in[i];
        } else {
            fault(p, p->where[i], why);
            member_in_done(&p->in[i]);
        }
    }
    p->count = good;
    p->v = mem_calloc(good + 1, sizeof *p->v);
    for (size_t i = 0; i < good; i++) {
        p->v[i] = p->in[i].m;
    }
}

static void put_3_on_read(struct reader_job *job)
{
    struct put *p = container_of(job, struct put, job);

    if (p->why.code) {
        door_problem(p->request, 400, NULL, "the body is no JSON: %s", p->why.text);
        put_free(p);
        return;
    }
    settle(p);
    if (p->fault_count > 0 && !p->skips) {
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

/* ?source= &opted_in_at= &key= &skip=true */
static bool read_query(struct put *p, struct door_request *r)
{
    const char *at = door_query(r, "opted_in_at"), *skip = door_query(r, "skip");

    if (at && !time_parse_rfc3339(at, strlen(at), &p->ask.opted_in_at_ms)) {
        door_problem(r, 400, NULL, "opted_in_at is a time such as 2026-11-01T10:00:00Z");
        return false;
    }
    if (skip && strcmp(skip, "true") != 0 && strcmp(skip, "false") != 0) {
        door_problem(r, 400, NULL, "skip is true or false");
        return false;
    }
    p->skips = skip && strcmp(skip, "true") == 0;
    p->ask.source = mem_strdup(door_query(r, "source"));
    p->ask.key = mem_strdup(door_query(r, "key"));
    return true;
}

void api_put_members(struct crier *c, struct door_request *r)
{
    struct channel *ch = api__audience(c, r);
    const char *type = door_header(r, "Content-Type");
    bool lines = type && strstr(type, "ndjson");
    struct put *p;

    if (ch == NULL || !api__takes_in(c, r) || (!lines && !api__has_json(r))) {
        return;
    }
    p = mem_zalloc(sizeof *p);
    p->body = door_body(r, &p->body_len);
    p->lines = lines;
    p->crier = c;
    p->request = r;
    p->config = config_ref(ch->config);
    p->ask.audience = ch->adapter->audience;
    p->ask.settings = ch->settings;
    p->ask.now_ms = clock_wall_ms();
    p->list = json_array();
    p->faults = json_array();
    (void)snprintf(p->channel, sizeof p->channel, "%s", ch->name);
    if (!read_query(p, r)) {
        put_free(p);
        return;
    }
    p->job.work = put_2_read;
    p->job.done = put_3_on_read;
    reader_submit(c->reader, &p->job);
    /* Continues in put_3_on_read(). */
}

/* ---- erasing ---- */

static void answer_erased(struct api_call *call)
{
    const struct api_member *one = call->kept;

    log_info(EV_AUDIENCE_CHANGED,
             LOG_STR("channel", one->channel),
             LOG_STR("by", "api"),
             LOG_STR("what", "erased"),
             LOG_I64("count", 1));
    door_reply_empty(call->request, 204);
}

struct api_member *api__member(struct door_request *r, const struct channel *ch)
{
    struct api_member *one = mem_zalloc(sizeof *one);

    (void)snprintf(one->channel, sizeof one->channel, "%s", ch->name);
    if (!ch->adapter->audience->address(door_param(r, 1), one->address)) {
        door_problem(r, 400, NULL, "an address is %s", ch->adapter->audience->address_form);
        mem_free(one);
        return NULL;
    }
    return one;
}

void api_erase_member(struct crier *c, struct door_request *r)
{
    struct channel *ch = api__audience(c, r);
    struct api_member *one;
    struct api_call *call;

    if (ch == NULL) {
        return;
    }
    one = api__member(r, ch);
    if (one == NULL) {
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
