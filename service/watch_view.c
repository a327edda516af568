/* A source as the API, the command line and Prometheus see it. Called by api_sources.c and metrics.c; reads
 * only. */

#include "service/watch_internal.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "service/websub.h"

const char *watched_health(const struct watched *s)
{
    const struct watch_kept *k = &s->kept;

    if (k->stopped) {
        return "stopped";
    }
    if (k->error) {
        return "failing";
    }
    return k->first_seen_at_ms > 0 ? "ok" : "new";
}

static void set_text(json_t *o, const char *key, const char *text)
{
    (void)json_object_set_new(o, key, text ? json_string(text) : json_null());
}

/* Wall clock; 0: it has none, being asked now or stopped. */
static int64_t next_at_ms(const struct watched *s)
{
    return s->due_node.place ? clock_wall_ms() + s->due_mono_ms - clock_mono_ms() : 0;
}

static void set_course(json_t *o, const struct watched *s)
{
    const struct watch_kept *k = &s->kept;

    json_set_time(o, "last_poll_at", k->asked_at_ms);
    json_set_time(o, "last_good_at", k->good_at_ms);
    json_set_time(o, "last_new_at", k->new_at_ms);
    json_set_time(o, "first_seen_at", k->first_seen_at_ms);
    json_set_time(o, "next_poll_at", next_at_ms(s));
    (void)json_object_set_new(o, "polling", json_boolean(s->poll != NULL));
    (void)json_object_set_new(o, "interval_ms", json_integer(s->interval_ms));
    (void)json_object_set_new(o, "failures", json_integer(k->failures));
    (void)json_object_set_new(o, "status", k->status ? json_integer(k->status) : json_null());
    (void)json_object_set_new(o, "held", json_integer(k->held));
    set_text(o, "error", k->error);
    json_set_time(o, "error_at", k->error ? k->error_at_ms : 0);
    set_text(o, "stopped_why", k->stopped);
}

static void set_details(json_t *o, const struct watched *s)
{
    const struct watch_kept *k = &s->kept;

    set_text(o, "title", k->title);
    set_text(o, "etag", k->pages[0].validators.etag);
    set_text(o, "last_modified", k->pages[0].validators.last_modified);
    set_text(o, "moved_to", k->moved_to);
    (void)json_object_set_new(
        o, "sitemaps", json_integer(k->is_index ? (json_int_t)k->page_count - 1 : 0));
    (void)json_object_set_new(
        o, "known", json_integer((json_int_t)watch_known_count(k->known)));
}

json_t *watched_json(const struct watched *s, bool whole)
{
    json_t *o = json_object();

    set_text(o, "name", s->name);
    set_text(o, "type", s->source->type->name);
    set_text(o, "url", s->kept.url);
    set_text(o, "health", watched_health(s));
    set_text(o, "format", s->kept.format);
    set_text(o, "damage", s->kept.damage);
    set_course(o, s);
    (void)json_object_set_new(o, "websub", websub_json(s->websub));
    if (whole) {
        set_details(o, s);
    }
    return o;
}

/* ---- gauges ---- */

static int64_t is_up(const struct watched *s)
{
    return !s->kept.stopped && !s->kept.error;
}

static int64_t age_s(const struct watched *s)
{
    int64_t ms = clock_wall_ms() - s->kept.good_at_ms;

    return s->kept.good_at_ms > 0 && ms > 0 ? ms / MS_SECOND : 0;
}

static int64_t interval_s(const struct watched *s)
{
    return s->interval_ms / MS_SECOND;
}

static int64_t held(const struct watched *s)
{
    return s->kept.held;
}

static int64_t is_pushed(const struct watched *s)
{
    return websub_is_active(s);
}

void watch_print_gauges(struct watch *w, struct buf *out)
{
    static const struct {
        const char *name, *help;
        int64_t (*value)(const struct watched *s);
    } rows[] = {
        {"crier_source_up", "1 when the newest request to the source ended well", is_up},
        {"crier_source_good_age_seconds", "Since the newest request that ended well", age_s},
        {"crier_source_interval_seconds", "Between two requests, as things stand", interval_s},
        {"crier_source_held", "New items that were held since a person looked", held},
        {"crier_source_websub_active", "1 when a hub tells us what is new", is_pushed},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        buf_addf(
            out, "# HELP %s %s\n# TYPE %s gauge\n", rows[i].name, rows[i].help, rows[i].name);
        for (size_t k = 0; k < w->count; k++) {
            /* Names of sources are a-z, 0-9, _ and -: nothing to escape. */
            buf_addf(out,
                     "%s{source=\"%s\"} %" PRId64 "\n",
                     rows[i].name,
                     w->in_order[k]->name,
                     rows[i].value(w->in_order[k]));
        }
    }
}
