/* A channel as the API and the command line show it. Called by api_channels.c; reads only. */

#include "service/channels.h"

#include "base/clock.h"
#include "base/json.h"
#include "service/crier.h"
#include "service/keeper.h"
#include "service/lookout.h"

static const char *
health(const struct channel *ch, const struct sched_view *view, int64_t now_ms)
{
    if (ch->kept.blocked) {
        return "blocked";
    }
    if (ch->kept.paused || !ch->settings->enabled) {
        return "paused";
    }
    return view->quiet_until_ms > now_ms ? "backing_off" : "ok";
}

static json_t *backlog_json(const struct ledger_channel *row)
{
    json_t *out = json_object();

    for (int i = 0; i < DELIVERY_STATE_COUNT; i++) {
        (void)json_object_set_new(out,
                                  delivery_state_name((enum delivery_state)i),
                                  json_integer(row ? (json_int_t)row->by_state[i] : 0));
    }
    return out;
}

/* What it may post at once. */
static json_t *pace_json(const struct sched_view *view)
{
    char rate[PARSE_TEXT_BYTES];

    if (view->rate.count <= 0) {
        return json_null();
    }
    return json_pack("{s:s, s:I}",
                     "rate",
                     format_rate(view->rate, rate),
                     "left", /* posts that may go at once */
                     (json_int_t)(view->bucket.tokens > 0 ? view->bucket.tokens : 0.0));
}

/* What it may post in all, for normal articles: a breaking one may use the reserve. */
static json_t *quota_json(const struct channel *ch)
{
    struct quota_view v = channel_quota_look(ch, (struct delivery_id){0}, false);
    struct quota q = channel_quota(ch);
    char window[QUOTA_TEXT_BYTES];
    json_t *out;

    if (v.limit <= 0) {
        return json_null();
    }
    out = json_pack("{s:I, s:I, s:I, s:I, s:s}",
                    "limit",
                    (json_int_t)v.limit,
                    "used",
                    (json_int_t)v.used,
                    "reserve",
                    (json_int_t)v.reserve,
                    "left",
                    (json_int_t)v.left,
                    "window",
                    quota_window_text(&q, window));
    json_set_time(out, "next_at", v.next_at_ms);
    return out;
}

static void add_trouble(json_t *out, const struct channel *ch)
{
    json_set_str(out, "blocked_why", ch->kept.blocked_why);
    json_set_time(out, "blocked_at", ch->kept.blocked_at_ms);
    (void)json_object_set_new(out,
                              "last_error",
                              ch->kept.last_error ? json_string(ch->kept.last_error)
                                                  : json_null());
    json_set_time(out, "last_error_at", ch->kept.last_error_at_ms);
    json_set_time(out, "last_done_at", ch->kept.last_done_at_ms);
}

json_t *
channel_json(struct crier *c, const struct channel *ch, const struct ledger_channel *row)
{
    struct sched_view view;
    int64_t now_ms = clock_wall_ms();
    json_t *out, *credentials, *audience;

    sched_view(c->sched, ch->name, now_ms, &view);
    out = json_pack("{s:s, s:s, s:s, s:b, s:b, s:b, s:I, s:I, s:f}",
                    "name",
                    ch->name,
                    "adapter",
                    ch->adapter->name,
                    "health",
                    health(ch, &view, now_ms),
                    "enabled",
                    ch->settings->enabled,
                    "paused",
                    ch->kept.paused,
                    "blocked",
                    ch->kept.blocked,
                    "running",
                    (json_int_t)view.running,
                    "due",
                    (json_int_t)view.waiting,
                    "concurrency",
                    view.window);
    add_trouble(out, ch);
    json_set_time(out, "quiet_until", view.quiet_until_ms > now_ms ? view.quiet_until_ms : 0);
    (void)json_object_set_new(out, "pace", pace_json(&view));
    (void)json_object_set_new(out, "quota", quota_json(ch));
    (void)json_object_set_new(out, "backlog", backlog_json(row));
    credentials = keeper_json(c->keeper, ch);
    if (credentials) {
        (void)json_object_set_new(out, "credentials", credentials);
    }
    audience = lookout_json(c->lookout, ch);
    if (audience) {
        (void)json_object_set_new(out, "audience", audience);
    }
    json_set_time(out, "oldest_waiting_at", row ? row->oldest_waiting_at_ms : 0);
    return out;
}
