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
#include "service/reader.h"

#define PORTION 1000
#define FAULTS_MAX 20
#define MEMBER_DEPTH 4
#define SOURCE_BYTES 200
#define LANGUAGE_BYTES 35
/* Clocks differ; a consent from tomorrow is a mistake. */
#define CONSENT_AHEAD_MS (10 * MS_MINUTE)

struct channel *api__audience(struct crier *c, struct door_request *r)
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
    char *own;

    memcpy(&own, &text, sizeof own);
    mem_free(own);
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
    struct channel *ch = api__audience(c, r);
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

void api_erase_member(struct crier *c, struct door_request *r)
{
    struct channel *ch = api__audience(c, r);
    struct api_member *one;
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
