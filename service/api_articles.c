/* Articles over the API: in, listed, shown, taken back; and what was only recorded sent after all, or dropped.
 * Called by the door. */

#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "service/api_internal.h"

/* ?held=true, ?own=true, ?test=true; false: refused. */
static bool read_flag(struct door_request *r, const char *name, bool *out)
{
    const char *value = door_query(r, name);

    if (value != NULL && strcmp(value, "true") != 0) {
        door_problem(r, 400, NULL, "%s: expected true, got \"%.64s\"", name, value);
        return false;
    }
    *out = value != NULL;
    return true;
}

/* ?test=true */
void api_post_article(struct crier *c, struct door_request *r)
{
    struct intake_options options = {.source = "api", .trusted_breaking = true};
    bool test;

    if (read_flag(r, "test", &test)) {
        options.source = test ? INTAKE_TEST_SOURCE : options.source;
        api__take_body(c, r, &options);
    }
}

static void answer_list(struct api_call *call)
{
    door_reply_json(call->request, 200, json_incref(call->u.list.out));
}

void api_list_articles(struct crier *c, struct door_request *r)
{
    struct api_call *call = api__call_new(c, r, LEDGER_ARTICLES, answer_list);

    if (!api__page(r, &call->u.list)) {
        mem_free(call);
        return;
    }
    call->u.list.source = door_query(r, "source");
    if (!read_flag(r, "held", &call->u.list.held)) {
        mem_free(call);
        return;
    }
    api__call_submit(call);
}

static void answer_article(struct api_call *call)
{
    api__tell_announced(json_object_get(call->u.article.out, "deliveries"));
    door_reply_json(call->request, 200, json_incref(call->u.article.out));
}

void api_get_article(struct crier *c, struct door_request *r)
{
    struct api_call *call = api__call_new(c, r, LEDGER_ARTICLE, answer_article);

    call->u.article.id = door_param(r, 0);
    api__call_submit(call);
}

void api_delete_article(struct crier *c, struct door_request *r)
{
    struct intake_options options = {.source = "api", .trusted_breaking = true};
    const char *reason = door_query(r, "reason");
    json_t *body;

    if (!api__takes_in(c, r) || !read_flag(r, "own", &options.own_posts)) {
        return;
    }
    body = api__body_or_empty(r);
    if (body == NULL) {
        return;
    }
    if (json_path_str(body, "reason") != NULL) {
        reason = json_path_str(body, "reason");
    }
    api__take_back(c, r, door_param(r, 0), &options, reason);
    json_decref(body);
}

void api_send_article(struct crier *c, struct door_request *r)
{
    if (api__takes_in(c, r)) {
        api__send_article(c, r, door_param(r, 0));
    }
}

static void answer_drop(struct api_call *call)
{
    door_reply_json(call->request,
                    200,
                    json_pack("{s:s, s:b}", "id", door_param(call->request, 0), "dropped", 1));
}

void api_drop_article(struct crier *c, struct door_request *r)
{
    struct api_call *call = api__call_new(c, r, LEDGER_DROP, answer_drop);

    call->u.drop.id = door_param(r, 0);
    call->u.drop.by = "api";
    call->u.drop.now_ms = clock_wall_ms();
    api__call_submit(call);
}
