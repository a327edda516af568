/* The service about itself: alive, ready, metrics, events, its description, reload. Called by
 * the door. */

#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/parse.h"
#include "config/problem.h"
#include "service/api_internal.h"
#include "service/canary.h"
#include "service/courier.h"
#include "service/events.h"
#include "service/keeper.h"
#include "service/metrics.h"
#include "service/watch.h"
#include "service/withdrawals.h"

#define METRICS_BYTES ((size_t)16 * 1024 * 1024)

extern const unsigned char openapi_json[];
extern const size_t openapi_json_len;

void api_healthz(struct crier *c, struct door_request *r)
{
    (void)c;
    door_reply_json(r, 200, json_pack("{s:s}", "status", "ok"));
}

static void add_reason(json_t *reasons, bool holds, const char *text)
{
    if (holds) {
        (void)json_array_append_new(reasons, json_string(text));
    }
}

void api_readyz(struct crier *c, struct door_request *r)
{
    json_t *reasons = json_array();
    struct ledger_stats stats = {0};

    if (c->ledger != NULL) {
        ledger_stats(c->ledger, &stats);
    }
    add_reason(reasons, c->phase == CRIER_STARTING, "starting");
    add_reason(reasons, c->phase == CRIER_DRAINING, "shutting down");
    add_reason(reasons, stats.last_failed, "the last write to the ledger failed");
    if (json_array_size(reasons) == 0) {
        json_decref(reasons);
        door_reply_json(r, 200, json_pack("{s:b}", "ready", true));
        return;
    }
    door_reply_header(r, "Retry-After", "5");
    door_problem(
        r, 503, json_pack("{s:b, s:o}", "ready", false, "reasons", reasons), "not ready");
}

void api_openapi(struct crier *c, struct door_request *r)
{
    struct buf body;

    (void)c;
    buf_init(&body, openapi_json_len);
    buf_add(&body, openapi_json, openapi_json_len);
    door_reply_text(r, 200, "application/json", &body);
    buf_done(&body);
}

static void answer_metrics(struct api_call *call)
{
    struct crier *c = call->crier;
    struct buf page;

    buf_init(&page, METRICS_BYTES);
    metrics_print(c->metrics, c, call->u.channels.v, call->u.channels.count, &page);
    door_reply_text(call->request, 200, "text/plain; version=0.0.4; charset=utf-8", &page);
    buf_done(&page);
}

/* What the ledger cannot tell just now must not hide all the rest. */
static void answer_metrics_without_rows(struct api_call *call)
{
    call->u.channels.v = NULL;
    call->u.channels.count = 0;
    answer_metrics(call);
}

void api_metrics(struct crier *c, struct door_request *r)
{
    struct api_call *call = api__call_new(c, r, LEDGER_CHANNELS, answer_metrics);

    call->failed = answer_metrics_without_rows;
    api__call_submit(call);
}

void api_events(struct crier *c, struct door_request *r)
{
    events_serve(c, r);
}

/* ---- reload ---- */

static json_t *problems_json(const struct problems *problems)
{
    json_t *list = json_array();

    for (size_t i = 0; i < problems->count; i++) {
        const struct problem *p = &problems->v[i];

        (void)json_array_append_new(list,
                                    json_pack("{s:s?, s:i, s:i, s:s?, s:s?}",
                                              "file",
                                              p->file,
                                              "line",
                                              p->line,
                                              "column",
                                              p->column,
                                              "what",
                                              p->what,
                                              "accepted",
                                              p->accepted));
    }
    return list;
}

/* "server.listen, ledger" as a list. */
static json_t *names_json(const struct buf *text)
{
    json_t *list = json_array();
    char *copy = mem_strdup(buf_str(text)), *rest = copy, *name;

    while ((name = strsep(&rest, ",")) != NULL) {
        name += strspn(name, " ");
        if (*name != '\0') {
            (void)json_array_append_new(list, json_string(name));
        }
    }
    mem_free(copy);
    return list;
}

static void refuse_reload(struct door_request *r,
                          enum err_code rc,
                          const struct problems *problems,
                          const struct err *why)
{
    if (problems->count > 0) {
        door_problem(r,
                     422,
                     json_pack("{s:o}", "mistakes", problems_json(problems)),
                     "the settings have mistakes; the old ones stay in force");
    } else {
        door_problem_err(r, rc, why);
    }
}

void api_reload(struct crier *c, struct door_request *r)
{
    struct problems problems;
    struct buf restart;
    struct err why;
    enum err_code rc;

    problems_init(&problems);
    buf_init(&restart, 4096);
    rc = crier_reload(c, &problems, &restart, &why);
    if (rc) {
        refuse_reload(r, rc, &problems, &why);
    } else {
        door_reply_json(r,
                        200,
                        json_pack("{s:I, s:o}",
                                  "channels",
                                  (json_int_t)c->config->channel_count,
                                  "needs_restart",
                                  names_json(&restart)));
    }
    problems_done(&problems);
    buf_done(&restart);
}

#if WITH_FAULTS
/* What the body says of the clocks is done; false: it says something else. */
static bool move_clocks(const json_t *body)
{
    const char *advance = json_path_str(body, "advance");
    const char *forward = json_path_str(body, "step_forward");
    const char *back = json_path_str(body, "step_back");
    const char *text = advance ? advance : forward ? forward : back;
    int64_t by_ms;

    if (text == NULL || !parse_duration_ms(text, &by_ms)) {
        return false;
    }
    if (advance != NULL) {
        clock_advance(by_ms);
    } else {
        clock_set_by(forward != NULL ? by_ms : -by_ms);
    }
    return true;
}

void api_test_clock(struct crier *c, struct door_request *r)
{
    json_t *body = api__body_or_empty(r);
    char now[TIME_TEXT_BYTES];

    if (body == NULL) {
        return;
    }
    if (!move_clocks(body)) {
        door_problem(
            r, 422, NULL, "advance, step_forward or step_back is a duration such as \"1h\"");
    } else {
        courier_poke(c->courier);
        keeper_poke(c->keeper);
        watch_poke(c->watch);
        withdrawals_look(c->withdrawals);
        canaries_look(c->canaries);
        door_reply_json(r, 200, json_pack("{s:s}", "now", time_rfc3339(clock_wall_ms(), now)));
    }
    json_decref(body);
}
#endif
