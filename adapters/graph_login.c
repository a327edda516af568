/* The ways to Meta's access tokens. See graph_login.h. Called by the oauth steps of facebook.c, instagram.c
 * and threads.c; pure.
 *
 * Sources: https://developers.facebook.com/docs/facebook-login/guides/access-tokens/get-long-lived,
 * …/docs/instagram-platform/instagram-api-with-instagram-login/business-login, …/docs/threads/get-started. */

#include "adapters/graph_login.h"

#include <string.h>

#include "adapters/record.h"
#include "base/attr.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/url.h"

#define PAGES_BYTES_MAX ((size_t)1024 * 1024)
#define SAID_BYTES_MAX 4096

struct oauth_verdict graph_login_trouble(const struct http_response *res)
{
    struct graph_error e;
    const struct graph_row *row;
    enum oauth_outcome outcome = OAUTH_REFUSED;

    graph_error_read(&e, res);
    row = graph_find(NULL, &e);
    if (row && row->means == GRAPH_TOKEN) {
        outcome = OAUTH_REVOKED;
    } else if (res->status == 429 || res->status >= 500 ||
               (row && (row->means == GRAPH_UNCLEAR || row->means == GRAPH_THROTTLED ||
                        row->means == GRAPH_PAUSED)) ||
               (res->status >= 200 && res->status < 300)) {
        outcome = OAUTH_LATER;
    }
    return oauth_verdict_make(outcome,
                              outcome == OAUTH_LATER ? graph_regain_ms(res) : 0,
                              "%d %lld: %.160s",
                              res->status,
                              (long long)e.code,
                              e.told ? e.text : "no token in the answer");
}

void graph_login_build_code(struct http_request *req,
                            const struct oauth *o,
                            const struct oauth_call *call,
                            const char *url)
{
    struct oauth_call clean = *call;
    char *code = mem_strdup(call->code ? call->code : "");
    size_t len = strlen(code);

    if (len >= 2 && strcmp(code + len - 2, "#_") == 0) {
        code[len - 2] = '\0';
    }
    clean.code = code;
    oauth_build_code(req, o, &clean, url, OAUTH_CLIENT_FORM);
    mem_free_secret_text(code);
}

/* Some answer {"data": [{…}]}. */
static const json_t *token_object(const json_t *body)
{
    const json_t *first = json_array_get(json_object_get(body, "data"), 0);

    return first ? first : body;
}

static struct oauth_verdict ok(void)
{
    return (struct oauth_verdict){.outcome = OAUTH_OK};
}

struct oauth_verdict graph_login_read_token(struct oauth_call *call,
                                            const struct http_response *res)
{
    json_t *body = res->status == 200 ? http_json(res) : NULL;
    const json_t *token = token_object(body);
    char *user_id = json_text_dup(json_object_get(token, "user_id"));
    bool taken = oauth_take_token(call, token);

    if (taken && graph_is_id(user_id)) {
        json_set_str(call->grant, "user_id", user_id);
    }
    mem_free(user_id);
    json_decref(body);
    return taken ? ok() : graph_login_trouble(res);
}

/* ---- by the app ---- */

/* Token endpoints stand beside the versions of the API, not below them. */
char *graph_login_host_dup(const char *api, const char *path)
{
    struct url_parts url;
    size_t len = strlen(api);

    if (url_parse(&url, api)) {
        len = (size_t)(url.host + url.host_len - api);
        len += strcspn(api + len, "/?#"); /* the port */
    }
    return mem_printf("%.*s%s", (int)len, api, path);
}

static void host_request(struct http_request *req, const char *api, const char *path)
{
    char *url = graph_login_host_dup(api, path);

    req->method = HTTP_GET;
    http_set_url(req, "%s", url);
    http_set_header(req, "Accept", "application/json");
    mem_free(url);
}

void graph_login_build_exchange(struct http_request *req,
                                const struct oauth *o,
                                const struct oauth_call *call,
                                const char *api,
                                const char *grant_type)
{
    host_request(req, api, "/access_token");
    graph_query(req, "grant_type", grant_type);
    graph_query(req, "client_secret", oauth_settings_of(o, call->settings)->client_secret.text);
    graph_query(req, "access_token", record_str(call->grant, "access_token"));
}

void graph_login_build_refresh(struct http_request *req,
                               const struct oauth_call *call,
                               const char *api,
                               const char *grant_type)
{
    host_request(req, api, "/refresh_access_token");
    graph_query(req, "grant_type", grant_type);
    graph_query(req, "access_token", record_str(call->grant, "access_token"));
}

bool graph_login_can_renew(const struct oauth_call *call)
{
    int64_t expires_at_ms = record_int(call->grant, "expires_at_ms");

    return record_str(call->grant, "access_token") &&
           (expires_at_ms == 0 || expires_at_ms > call->now_ms);
}

/* ---- by Facebook ---- */

void graph_login_build_long_lived(struct http_request *req,
                                  const struct oauth *o,
                                  const struct oauth_call *call,
                                  const char *api)
{
    const struct oauth_settings *s = oauth_settings_of(o, call->settings);

    graph_request(req, HTTP_GET, api, NULL, "/oauth/access_token");
    graph_query(req, "grant_type", "fb_exchange_token");
    graph_query(req, "client_id", s->client_id);
    graph_query(req, "client_secret", s->client_secret.text);
    graph_query(req, "fb_exchange_token", record_str(call->grant, "refresh_token"));
}

/* What holds for the person's token is kept under the names of a refresh token, which it serves as. */
struct oauth_verdict graph_login_read_person(struct oauth_call *call,
                                             const struct http_response *res)
{
    json_t *grant = json_object();
    struct oauth_call person = *call;
    struct oauth_verdict v;
    json_int_t ends_ms;

    person.grant = grant;
    v = graph_login_read_token(&person, res);
    if (v.outcome == OAUTH_OK) {
        json_set_str(call->grant, "refresh_token", record_str(grant, "access_token"));
        ends_ms = record_int(grant, "expires_at_ms");
        if (ends_ms > 0) {
            record_set_int(call->grant, "refresh_expires_at_ms", ends_ms);
        } else {
            record_drop(call->grant, "refresh_expires_at_ms");
        }
    }
    json_decref(grant);
    return v;
}

void graph_login_build_pages(struct http_request *req,
                             const struct oauth *o,
                             const struct oauth_call *call,
                             const char *api,
                             const char *more_fields)
{
    const char *token = record_str(call->grant, "refresh_token");

    graph_request(req,
                  HTTP_GET,
                  api,
                  token ? token : "",
                  "/me/accounts?fields=id,name,access_token,tasks%s&limit=200",
                  more_fields);
    graph_prove(req, &oauth_settings_of(o, call->settings)->client_secret, token);
}

static bool may_post(const json_t *page)
{
    const json_t *tasks = json_object_get(page, "tasks");
    json_t *task;
    size_t i;

    json_array_foreach(tasks, i, task)
    {
        const char *name = json_string_value(task);

        if (name && (strcmp(name, "CREATE_CONTENT") == 0 || strcmp(name, "MANAGE") == 0)) {
            return true;
        }
    }
    return !json_is_array(tasks); /* not told */
}

static bool is_page(const json_t *page, const char *page_id, const char *instagram_id)
{
    const char *id =
        instagram_id
            ? json_string_value(json_path(page, "instagram_business_account", "id", NULL))
            : record_str(page, "id");
    const char *wanted = instagram_id ? instagram_id : page_id;

    return id && wanted && strcmp(id, wanted) == 0;
}

static struct oauth_verdict
no_such_page(const json_t *list, const char *page_id, const char *instagram_id)
{
    struct oauth_verdict v;
    struct buf names;
    json_t *page;
    size_t i;

    buf_init(&names, SAID_BYTES_MAX);
    json_array_foreach(list, i, page)
    {
        const char *id = record_str(page, "id"), *name = record_str(page, "name");

        if (i < 5 && id && name) {
            buf_addf(&names, "%s%.60s (%.32s)", i > 0 ? ", " : "", name, id);
        }
    }
    v = oauth_verdict_make(OAUTH_REFUSED,
                           0,
                           "this person has no page %s%.40s; it has: %.150s",
                           instagram_id ? "with the Instagram account " : "",
                           instagram_id ? instagram_id : page_id,
                           names.len > 0 ? buf_str(&names) : "none");
    buf_done(&names);
    return v;
}

static struct oauth_verdict
take_page(struct oauth_call *call, const json_t *page, const char *instagram_id)
{
    const char *name =
        instagram_id
            ? json_string_value(json_path(page, "instagram_business_account", "username", NULL))
            : record_str(page, "name");

    if (!may_post(page)) {
        return oauth_verdict_make(OAUTH_REFUSED,
                                  0,
                                  "this person may not post on the page %.80s: its task "
                                  "\"Content\" is missing",
                                  name ? name : "");
    }
    if (!oauth_take_token(call, page)) {
        return oauth_verdict_make(OAUTH_REFUSED, 0, "the page's token was not given to us");
    }
    json_set_str(call->grant, "page_id", record_str(page, "id"));
    json_set_str(call->grant, "who", name);
    return ok();
}

struct oauth_verdict graph_login_read_pages(struct oauth_call *call,
                                            const struct http_response *res,
                                            const char *page_id,
                                            const char *instagram_id)
{
    json_t *body = res->status == 200 ? http_json(res) : NULL;
    const json_t *list = json_object_get(body, "data");
    struct oauth_verdict v;
    json_t *page;
    size_t i;

    if (!json_is_array(list)) {
        json_decref(body);
        return graph_login_trouble(res);
    }
    v = no_such_page(list, page_id, instagram_id);
    json_array_foreach(list, i, page)
    {
        if (is_page(page, page_id, instagram_id)) {
            v = take_page(call, page, instagram_id);
            break;
        }
    }
    json_decref(body);
    return v;
}
