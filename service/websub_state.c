/* A subscription as it is remembered in the ledger, and as it is shown. Called by watch_state.c and
 * watch_view.c; owns nothing. */

#include "service/websub_internal.h"

#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"

json_t *websub_state_json(const struct websub *h)
{
    json_t *o;

    if (h->state == WEBSUB_LEAVING) {
        return json_null();
    }
    o = json_pack("{s:s, s:s, s:s, s:s, s:s, s:b, s:I, s:I, s:I, s:I, s:I}",
                  "state",
                  websub__state_name(h->state),
                  "hub",
                  h->hub,
                  "topic",
                  h->topic,
                  "id",
                  h->id,
                  "secret",
                  h->secret.text,
                  "allow_private",
                  h->allow_private,
                  "lease_until",
                  (json_int_t)h->lease_until_ms,
                  "lease_s",
                  (json_int_t)h->lease_s,
                  "failures",
                  (json_int_t)h->failures,
                  "turn",
                  (json_int_t)h->turn,
                  "pushed_at",
                  (json_int_t)h->pushed_at_ms);
    must(o != NULL);
    json_set_str(o, "detail", h->detail);
    return o;
}

static enum websub_state state_of(const char *name)
{
    for (int i = 0; name && i < WEBSUB_STATE_COUNT; i++) {
        if (strcmp(name, websub__state_name((enum websub_state)i)) == 0) {
            return (enum websub_state)i;
        }
    }
    return WEBSUB_NONE;
}

static int64_t number(const json_t *o, const char *key)
{
    int64_t v = json_integer_value(json_object_get(o, key));

    return v > 0 ? v : 0;
}

/* When it has something to do next: a renewal after four fifths of the lease, else soon. */
static int64_t wait_ms(const struct websub *h)
{
    int64_t left_ms = h->lease_until_ms - clock_wall_ms();

    if (h->state != WEBSUB_ACTIVE) {
        return MS_MINUTE;
    }
    left_ms -= h->lease_s * MS_SECOND / 5;
    if (left_ms > h->lease_s * MS_SECOND) { /* the clock was set */
        return 0;
    }
    return left_ms > 0 ? left_ms : 0;
}

struct websub *websub_restore(struct watched *s, const json_t *state)
{
    const char *hub = json_path_str(state, "hub"), *topic = json_path_str(state, "topic");
    const char *id = json_path_str(state, "id"), *secret = json_path_str(state, "secret");
    struct websub *h;

    if (!hub || !topic || !id || !secret) {
        return NULL;
    }
    h = mem_zalloc(sizeof *h);
    h->source = s;
    s->watch->hubs++;
    h->state = state_of(json_path_str(state, "state"));
    h->hub = mem_strdup(hub);
    h->topic = mem_strdup(topic);
    h->id = mem_strdup(id);
    secret_take(&h->secret, mem_strdup(secret));
    h->allow_private = json_is_true(json_object_get(state, "allow_private"));
    h->lease_until_ms = number(state, "lease_until");
    h->lease_s = number(state, "lease_s");
    h->failures = number(state, "failures");
    h->turn = (size_t)number(state, "turn");
    h->pushed_at_ms = number(state, "pushed_at");
    h->detail = mem_strdup(json_path_str(state, "detail"));
    h->next_mono_ms = clock_mono_ms() + wait_ms(h);
    return h;
}

json_t *websub_json(const struct websub *h)
{
    json_t *o;

    if (!h) {
        return json_null();
    }
    o = json_pack("{s:s, s:s, s:s}",
                  "state",
                  websub__state_name(h->state),
                  "hub",
                  h->hub,
                  "topic",
                  h->topic);
    must(o != NULL);
    json_set_time(o, "lease_until", h->state == WEBSUB_ACTIVE ? h->lease_until_ms : 0);
    json_set_time(o, "last_push_at", h->pushed_at_ms);
    (void)json_object_set_new(o, "detail", h->detail ? json_string(h->detail) : json_null());
    return o;
}
