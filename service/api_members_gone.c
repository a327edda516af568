/* Whom an audience has lost, over the API: how many, why, at which push service, in which hour; and taking that back,
 * when what platforms answered was wrong. Called by the door.
 *
 *   api_gone_members   GET …/members/gone: all that are gone or put aside since, page after page, counted
 *   gone_2_on_page     one page; then the next, of the second state after the first
 *   api_back_members   POST …/members/back: they are active again, so many a call as the ledger likes
 *   api_gone_indeed    POST …/members/gone: those that were put aside are gone indeed
 *
 * What is counted is kept to a bound, whatever the audience's size: reasons and hours beyond it are counted as
 * others. */

#include <stdio.h>
#include <string.h>

#include "adapters/push.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "service/api_internal.h"
#include "service/channels.h"

#define PAGE 1000
#define REASONS_MAX 50
#define HOURS_MAX 400 /* more than two weeks */
#define REASON_BYTES 120
#define OTHER "other"

struct gone {
    struct crier *crier;
    struct door_request *request;
    const struct adapter *adapter;
    char channel[64];
    int64_t since_ms;
    struct ledger_members page;
    int64_t counts[MEMBER_STATES];
    json_t *reasons, *services, *hours;
};

/* ---- counting ---- */

static void count(json_t *in, const char *key, size_t max)
{
    const json_t *n = json_object_get(in, key);

    if (n == NULL && json_object_size(in) >= max) {
        key = OTHER;
        n = json_object_get(in, key);
    }
    if (json_object_set_new(in, key, json_integer(json_integer_value(n) + 1)) != 0) {
        (void)json_object_set_new(in, OTHER, json_integer(1)); /* no UTF-8 */
    }
}

/* Of an address that is a URL its host says it; others are all at one. */
static const char *service_of(const struct gone *g, const char *address)
{
    const struct push *push = g->adapter->audience->push;
    const char *host = strncmp(address, "https://", 8) == 0 ? address + 8 : NULL;
    char origin[300];

    if (push == NULL || push->service == NULL) {
        return g->adapter->name;
    }
    if (host == NULL || strcspn(host, "/") + 8 >= sizeof origin) {
        return push->service("");
    }
    (void)snprintf(origin, sizeof origin, "%.*s", (int)(8 + strcspn(host, "/")), address);
    return push->service(origin);
}

static void count_member(struct gone *g, const struct ledger_member *m)
{
    char at[TIME_TEXT_BYTES], hour[24], reason[REASON_BYTES];

    if (m->state_at_ms < g->since_ms) {
        return;
    }
    g->counts[m->state]++;
    (void)snprintf(reason, sizeof reason, "%s", m->state_why ? m->state_why : "not told");
    count(g->reasons, reason, REASONS_MAX);
    count(g->services, service_of(g, m->address), REASONS_MAX);
    (void)snprintf(hour, sizeof hour, "%.13s:00:00Z", time_rfc3339(m->state_at_ms, at));
    count(g->hours, hour, HOURS_MAX);
}

/* ---- pages ---- */

static ledger_done_fn gone_2_on_page;

static void gone_free(struct gone *g)
{
    json_decref(g->reasons);
    json_decref(g->services);
    json_decref(g->hours);
    mem_free(g);
}

static void ask_page(struct gone *g, enum member_state state, uint64_t after)
{
    g->page = (struct ledger_members){
        .req = {.kind = LEDGER_MEMBERS, .done = gone_2_on_page},
        .channel = g->channel,
        .after = after,
        .limit = PAGE,
        .state = (int)state,
        .since_ms = g->since_ms,
    };
    ledger_submit(g->crier->ledger, &g->page.req);
    /* Continues in gone_2_on_page(). */
}

static void answer(struct gone *g)
{
    json_t *v = json_object();

    json_set_time(v, "since", g->since_ms);
    (void)json_object_set_new(v, "gone", json_integer(g->counts[MEMBER_GONE]));
    (void)json_object_set_new(v, "quarantined", json_integer(g->counts[MEMBER_QUARANTINED]));
    (void)json_object_set(v, "by_reason", g->reasons);
    (void)json_object_set(v, "by_service", g->services);
    (void)json_object_set(v, "by_hour", g->hours);
    door_reply_json(g->request, 200, v);
    gone_free(g);
}

static void gone_2_on_page(struct ledger_request *r)
{
    struct gone *g = container_of(r, struct gone, page.req);
    bool more = r->rc == ERR_NONE && g->page.more && g->page.count > 0;
    enum member_state state = (enum member_state)g->page.state;
    uint64_t after = more ? g->page.v[g->page.count - 1].id : 0;

    for (size_t i = 0; r->rc == ERR_NONE && i < g->page.count; i++) {
        count_member(g, &g->page.v[i]);
    }
    if (r->rc) {
        door_problem_err(g->request, r->rc, &r->why);
        ledger_request_done(r);
        gone_free(g);
        return;
    }
    ledger_request_done(r);
    if (more) {
        ask_page(g, state, after);
    } else if (state == MEMBER_GONE) {
        ask_page(g, MEMBER_QUARANTINED, 0);
    } else {
        answer(g);
    }
}

static bool read_time(struct door_request *r, const char *text, int64_t *out_ms)
{
    if (text == NULL || time_parse_rfc3339(text, strlen(text), out_ms)) {
        return true;
    }
    door_problem(r, 400, NULL, "since is a time such as 2026-11-01T10:00:00Z");
    return false;
}

void api_gone_members(struct crier *c, struct door_request *r)
{
    struct channel *ch = api__audience(c, r);
    int64_t since_ms = 0;
    struct gone *g;

    if (ch == NULL || !read_time(r, door_query(r, "since"), &since_ms)) {
        return;
    }
    g = mem_zalloc(sizeof *g);
    g->crier = c;
    g->request = r;
    g->adapter = ch->adapter;
    g->since_ms = since_ms;
    (void)snprintf(g->channel, sizeof g->channel, "%s", ch->name);
    g->reasons = json_object();
    g->services = json_object();
    g->hours = json_object();
    ask_page(g, MEMBER_GONE, 0);
    /* Continues in gone_2_on_page(). */
}

/* ---- taking it back ---- */

struct back {
    struct crier *crier;
    struct door_request *request;
    char channel[64];
    struct ledger_members_back write;
    int64_t count;
};

static void back_2_on_written(struct ledger_request *r)
{
    struct back *b = container_of(r, struct back, write.req);

    if (r->rc == ERR_NONE) {
        b->count += b->write.count;
        if (b->write.more) {
            b->write.now_ms = clock_wall_ms();
            ledger_submit(b->crier->ledger, &b->write.req);
            return;
        }
    }
    if (r->rc) { /* what is written stays */
        door_problem_err(b->request, r->rc, &r->why);
    } else {
        log_info(EV_AUDIENCE_CHANGED,
                 LOG_STR("channel", b->channel),
                 LOG_STR("by", "api"),
                 LOG_STR("what", b->write.gone ? "gone indeed" : "back"),
                 LOG_I64("count", b->count));
        door_reply_json(b->request, 200, json_pack("{s:I}", "members", (json_int_t)b->count));
    }
    mem_free(b);
}

static bool read_state(struct door_request *r, const json_t *body, int *out)
{
    const char *text = json_path_str(body, "state");
    enum member_state state;

    *out = -1;
    if (json_object_get(body, "state") == NULL) {
        return true;
    }
    if (text && member_state_parse(text, &state) &&
        (state == MEMBER_GONE || state == MEMBER_QUARANTINED)) {
        *out = (int)state;
        return true;
    }
    door_problem(r,
                 422,
                 api__pointed("/state", "gone or quarantined"),
                 "state is gone or quarantined; without it both");
    return false;
}

static void set_back(struct crier *c, struct door_request *r, bool gone)
{
    struct channel *ch = api__audience(c, r);
    json_t *body = ch != NULL ? api__body_or_empty(r) : NULL;
    int64_t since_ms = 0;
    int state = MEMBER_QUARANTINED;
    struct back *b;

    if (body == NULL) {
        return;
    }
    if (!read_time(r, json_path_str(body, "since"), &since_ms) ||
        (!gone && !read_state(r, body, &state))) {
        json_decref(body);
        return;
    }
    json_decref(body);
    if (!gone && since_ms == 0) {
        door_problem(r,
                     422,
                     api__pointed("/since", "a time such as 2026-11-01T10:00:00Z"),
                     "since when? Whoever left long ago is not to be written to again");
        return;
    }
    b = mem_zalloc(sizeof *b);
    b->crier = c;
    b->request = r;
    (void)snprintf(b->channel, sizeof b->channel, "%s", ch->name);
    b->write = (struct ledger_members_back){
        .req = {.kind = LEDGER_MEMBERS_BACK, .done = back_2_on_written},
        .channel = b->channel,
        .since_ms = since_ms,
        .state = state,
        .gone = gone,
        .now_ms = clock_wall_ms(),
    };
    ledger_submit(c->ledger, &b->write.req);
    /* Continues in back_2_on_written(). */
}

void api_back_members(struct crier *c, struct door_request *r)
{
    set_back(c, r, false);
}

void api_gone_indeed(struct crier *c, struct door_request *r)
{
    set_back(c, r, true);
}
