/* Sources over the API: how those that crier watches are, ask one now, release or drop what was held. And
 * where hubs call. Called by the door. */

#include "base/json.h"
#include "base/mem.h"
#include "service/api_internal.h"
#include "service/watch.h"
#include "service/websub.h"

void api_list_sources(struct crier *c, struct door_request *r)
{
    json_t *items = json_array();
    const struct watched *s;
    size_t cursor = 0;

    while ((s = watch_each(c->watch, &cursor)) != NULL) {
        (void)json_array_append_new(items, watched_json(s, false));
    }
    door_reply_json(r, 200, json_pack("{s:o}", "items", items));
}

static json_t *source_names(struct crier *c)
{
    json_t *names = json_array();
    const struct watched *s;
    size_t cursor = 0;

    while ((s = watch_each(c->watch, &cursor)) != NULL) {
        (void)json_array_append_new(names, json_string(watched_name(s)));
    }
    return json_pack("{s:o}", "sources", names);
}

static struct watched *find(struct crier *c, struct door_request *r)
{
    const char *name = door_param(r, 0);
    struct watched *s = watch_find(c->watch, name);

    if (s == NULL && config_source(c->config, name) != NULL) {
        door_problem(r, 404, source_names(c), "source \"%.64s\" is called, not watched", name);
    } else if (s == NULL) {
        door_problem(r, 404, source_names(c), "there is no watched source \"%.64s\"", name);
    }
    return s;
}

void api_get_source(struct crier *c, struct door_request *r)
{
    const struct watched *s = find(c, r);

    if (s != NULL) {
        door_reply_json(r, 200, watched_json(s, true));
    }
}

/* It is being asked from now on; what comes of it shows a moment later. */
void api_poll_source(struct crier *c, struct door_request *r)
{
    struct watched *s = find(c, r);

    if (s == NULL || !api__takes_in(c, r)) {
        return;
    }
    watched_poll_now(s);
    door_reply_json(r, 202, watched_json(s, true));
}

/* ---- held ---- */

struct handing {
    struct door_request *request;
    const char *word;
};

static void on_handed(void *context, size_t count, enum err_code rc, const struct err *why)
{
    struct handing *h = context;

    if (rc) {
        door_problem_err(h->request, rc, why);
    } else {
        door_reply_json(h->request, 200, json_pack("{s:I}", h->word, (json_int_t)count));
    }
    mem_free(h);
}

static void
hand(struct crier *c, struct door_request *r, enum watch_hand_kind kind, const char *word)
{
    struct watched *s = find(c, r);
    struct handing *h;

    if (s == NULL || !api__takes_in(c, r)) {
        return;
    }
    h = mem_zalloc(sizeof *h);
    h->request = r;
    h->word = word;
    watched_hand(s, kind, "api", on_handed, h);
    /* Continues in on_handed(). */
}

void api_release_source(struct crier *c, struct door_request *r)
{
    hand(c, r, WATCH_RELEASE, "released");
}

void api_drop_source(struct crier *c, struct door_request *r)
{
    hand(c, r, WATCH_DROP, "dropped");
}
