/* The table of routes, and what all handlers share: ledger requests run on behalf of HTTP
 * requests, bodies, pages. Called by the door. A call (struct api_call) belongs to the ledger
 * while it runs and to nobody afterwards; the request it answers lives until then, whether its
 * client is still there or not. */

#include "service/api.h"

#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/parse.h"
#include "base/text.h"
#include "service/api_internal.h"
#include "service/callbacks.h"
#include "service/channels.h"
#include "service/media.h"
#include "service/push_door.h"
#include "service/websub.h"

const struct door_route api_routes[] = {
    {HTTP_POST, AUTH_TOKEN, "/v1/articles", api_post_article},
    {HTTP_GET, AUTH_TOKEN, "/v1/articles", api_list_articles},
    {HTTP_GET, AUTH_TOKEN, "/v1/articles/{id}", api_get_article},
    {HTTP_DELETE, AUTH_TOKEN, "/v1/articles/{id}", api_delete_article},
    {HTTP_POST, AUTH_TOKEN, "/v1/articles/{id}/send", api_send_article},
    {HTTP_POST, AUTH_TOKEN, "/v1/articles/{id}/drop", api_drop_article},
    {HTTP_GET, AUTH_TOKEN, "/v1/deliveries", api_list_deliveries},
    {HTTP_POST, AUTH_TOKEN, "/v1/deliveries/{id}/replay", api_replay},
    {HTTP_POST, AUTH_TOKEN, "/v1/deliveries/{id}/cancel", api_cancel},
    {HTTP_POST, AUTH_TOKEN, "/v1/deliveries/{id}/resolve", api_resolve},
    {HTTP_GET, AUTH_TOKEN, "/v1/channels", api_list_channels},
    {HTTP_POST, AUTH_TOKEN, "/v1/channels/{name}/pause", api_pause},
    {HTTP_POST, AUTH_TOKEN, "/v1/channels/{name}/resume", api_resume},
    {HTTP_POST, AUTH_TOKEN, "/v1/channels/{name}/test", api_test},
    {HTTP_POST, AUTH_TOKEN, "/v1/channels/{name}/canary", api_run_canary},
    {HTTP_POST, AUTH_TOKEN, "/v1/channels/{name}/members", api_put_members},
    {HTTP_GET, AUTH_TOKEN, "/v1/channels/{name}/members", api_list_members},
    {HTTP_GET, AUTH_TOKEN, "/v1/channels/{name}/members/export", api_export_members},
    {HTTP_GET, AUTH_TOKEN, "/v1/channels/{name}/members/gone", api_gone_members},
    {HTTP_POST, AUTH_TOKEN, "/v1/channels/{name}/members/gone", api_gone_indeed},
    {HTTP_POST, AUTH_TOKEN, "/v1/channels/{name}/members/back", api_back_members},
    {HTTP_PATCH, AUTH_TOKEN, "/v1/channels/{name}/members/{address}", api_change_member},
    {HTTP_DELETE, AUTH_TOKEN, "/v1/channels/{name}/members/{address}", api_erase_member},
    {HTTP_GET, AUTH_TOKEN, "/v1/waves", api_list_waves},
    {HTTP_POST, AUTH_TOKEN, "/v1/waves/stop", api_halt_waves},
    {HTTP_GET, AUTH_TOKEN, "/v1/waves/{delivery}", api_get_wave},
    {HTTP_POST, AUTH_TOKEN, "/v1/waves/{delivery}/stop", api_stop_wave},
    {HTTP_POST, AUTH_TOKEN, "/v1/waves/{delivery}/confirm", api_confirm_wave},
    {HTTP_GET, AUTH_HOOK, "/callbacks/{channel}", callback_verify},
    {HTTP_POST, AUTH_HOOK, "/callbacks/{channel}", callback_deliver},
    {HTTP_PUT, AUTH_TOKEN, "/v1/channels/{name}/credentials", api_put_credentials},
    {HTTP_DELETE, AUTH_TOKEN, "/v1/channels/{name}/credentials", api_delete_credentials},
    {HTTP_GET, AUTH_TOKEN, "/v1/sources", api_list_sources},
    {HTTP_GET, AUTH_TOKEN, "/v1/sources/{name}", api_get_source},
    {HTTP_POST, AUTH_TOKEN, "/v1/sources/{name}/poll", api_poll_source},
    {HTTP_POST, AUTH_TOKEN, "/v1/sources/{name}/release", api_release_source},
    {HTTP_POST, AUTH_TOKEN, "/v1/sources/{name}/drop", api_drop_source},
    {HTTP_GET, AUTH_NONE, "/websub/{id}", websub_verify},
    {HTTP_POST, AUTH_NONE, "/websub/{id}", websub_deliver},
    {HTTP_POST, AUTH_HOOK, "/hooks/{source}", api_hook},
    {HTTP_GET, AUTH_TOKEN, "/v1/inbox", api_list_inbox},
    {HTTP_POST, AUTH_HOOK, "/hooks/{source}/{event}", api_hook},
    {HTTP_GET, AUTH_TOKEN, "/v1/share", api_share_links},
    {HTTP_GET, AUTH_NONE, "/share/{target}", api_share_redirect},
    {HTTP_GET, AUTH_NONE, "/news/sitemap.xml", api_news_sitemap},
    {HTTP_GET, AUTH_NONE, "/news/feed.xml", api_news_rss},
    {HTTP_GET, AUTH_NONE, "/news/feed.json", api_news_json},
    {HTTP_GET, AUTH_NONE, "/news/{file}", api_news_key},
    {HTTP_GET, AUTH_NONE, "/media/{name}", media_serve},
    {HTTP_GET, AUTH_READER, "/push/", push_serve_page},
    {HTTP_GET, AUTH_READER, "/push/page.js", push_serve_page_js},
    {HTTP_GET, AUTH_READER, "/push/client.js", push_serve_client},
    {HTTP_GET, AUTH_READER, "/push/sw.js", push_serve_worker},
    {HTTP_GET, AUTH_READER, "/push/key", push_key},
    {HTTP_OPTIONS, AUTH_READER, "/push/key", push_preflight},
    {HTTP_POST, AUTH_READER, "/push/subscribe", push_subscribe},
    {HTTP_OPTIONS, AUTH_READER, "/push/subscribe", push_preflight},
    {HTTP_POST, AUTH_READER, "/push/topics", push_topics},
    {HTTP_OPTIONS, AUTH_READER, "/push/topics", push_preflight},
    {HTTP_POST, AUTH_READER, "/push/unsubscribe", push_unsubscribe},
    {HTTP_OPTIONS, AUTH_READER, "/push/unsubscribe", push_preflight},
    {HTTP_GET, AUTH_TOKEN, "/v1/events", api_events},
    {HTTP_POST, AUTH_TOKEN, "/v1/reload", api_reload},
    {HTTP_GET, AUTH_NONE, "/v1/openapi.json", api_openapi},
    {HTTP_GET, AUTH_TOKEN, "/metrics", api_metrics},
    {HTTP_GET, AUTH_NONE, "/healthz", api_healthz},
    {HTTP_GET, AUTH_NONE, "/readyz", api_readyz},
#if WITH_FAULTS
    {HTTP_POST, AUTH_TOKEN, "/test/clock", api_test_clock},
#endif
    {.pattern = NULL},
};

static void on_done(struct ledger_request *req)
{
    struct api_call *call = container_of(req, struct api_call, u.req);

    if (req->rc == ERR_NONE) {
        call->answer(call);
    } else if (call->failed != NULL) {
        call->failed(call);
    } else {
        door_problem_err(call->request, req->rc, &req->why);
    }
    ledger_request_done(req);
    if (call->free_kept != NULL) {
        call->free_kept(call->kept);
    }
    mem_free(call);
}

struct api_call *api__call_new(struct crier *c,
                               struct door_request *r,
                               enum ledger_kind kind,
                               api_call_fn *answer)
{
    struct api_call *call = mem_zalloc(sizeof *call);

    call->u.req.kind = kind;
    call->u.req.done = on_done;
    call->crier = c;
    call->request = r;
    call->answer = answer;
    return call;
}

void api__call_submit(struct api_call *call)
{
    ledger_submit(call->crier->ledger, &call->u.req);
    /* Continues in on_done(). */
}

/* application/json and everything that ends in +json; parameters do not matter. A client that
 * says nothing about what it sends is taken by its word. */
static bool is_json_type(const char *type)
{
    size_t len;

    if (type == NULL) {
        return true;
    }
    len = strcspn(type, "; ");
    if (len >= 5 && strncasecmp(type + len - 5, "+json", 5) == 0) {
        return true;
    }
    return len == strlen("application/json") && strncasecmp(type, "application/json", len) == 0;
}

bool api__has_json(struct door_request *r)
{
    size_t len;

    (void)door_body(r, &len);
    if (!is_json_type(door_header(r, "Content-Type"))) {
        door_problem(r, 415, NULL, "the body must be JSON (Content-Type: application/json)");
        return false;
    }
    if (len == 0) {
        door_problem(r, 400, NULL, "the body is empty; JSON was expected");
        return false;
    }
    return true;
}

json_t *api__body(struct door_request *r)
{
    size_t len;
    const char *text = door_body(r, &len);
    json_t *json = NULL;
    struct err why;

    if (!api__has_json(r)) {
        return NULL;
    }
    if (json_read(&json, text, len, API_JSON_DEPTH, &why)) {
        door_problem(r, 400, NULL, "the body is no JSON: %s", why.text);
        return NULL;
    }
    return json;
}

json_t *api__body_or_empty(struct door_request *r)
{
    size_t len;
    json_t *json;

    (void)door_body(r, &len);
    json = len == 0 ? json_object() : api__body(r);
    if (json == NULL || json_is_object(json)) {
        return json;
    }
    json_decref(json);
    door_problem(r, 400, NULL, "the body must be a JSON object");
    return NULL;
}

bool api__takes_in(struct crier *c, struct door_request *r)
{
    if (c->phase == CRIER_READY) {
        return true;
    }
    door_reply_header(r, "Retry-After", "5");
    door_problem(r,
                 503,
                 NULL,
                 "%s",
                 c->phase == CRIER_DRAINING ? "the service is shutting down"
                                            : "the service is starting");
    return false;
}

bool api__page(struct door_request *r, struct ledger_list *list)
{
    const char *limit = door_query(r, "limit");
    int64_t n = API_LIMIT_DEFAULT;

    if (limit != NULL && (!parse_i64(limit, &n) || n < 1 || n > API_LIMIT_MAX)) {
        door_problem(r, 400, NULL, "limit is a number from 1 to %d", API_LIMIT_MAX);
        return false;
    }
    list->limit = (size_t)n;
    list->cursor = door_query(r, "cursor");
    list->state = -1;
    return true;
}

void api__unknown_word(struct door_request *r,
                       const char *what,
                       const char *word,
                       const char *key,
                       json_t *words_taken)
{
    door_problem(
        r, 400, json_pack("{s:o}", key, words_taken), "there is no %s \"%.64s\"", what, word);
}

struct channel *api__channel(struct crier *c, struct door_request *r)
{
    struct channel *ch = channels_find(c->channels, door_param(r, 0));

    if (ch == NULL) {
        door_problem(r,
                     404,
                     json_pack("{s:o}", "channels", api__channel_names(c)),
                     "there is no channel \"%.64s\"",
                     door_param(r, 0));
    }
    return ch;
}

json_t *api__channel_names(struct crier *c)
{
    json_t *names = json_array();
    const struct channel *ch;
    size_t cursor = 0;

    while ((ch = channels_each(c->channels, &cursor)) != NULL) {
        if (!ch->gone) {
            (void)json_array_append_new(names, json_string(ch->name));
        }
    }
    return names;
}
