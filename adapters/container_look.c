/* What became of a container: the look after an unknown outcome, the post among those of the account, its
 * address; and how many posts the account has left. See container.h. Pure. */

#include <string.h>

#include "adapters/container_internal.h"
#include "adapters/record.h"
#include "adapters/trouble.h"
#include "base/json.h"

#define LIST_LIMIT 25
#define LIST_BYTES_MAX ((size_t)4 * 1024 * 1024)
#define QUOTA_KEPT_MS MS_HOUR
/* How long a published post may be missing from the list before a try counts. */
#define LAG_MS MS_MINUTE

/* ---- the quota ---- */

int64_t container_quota_told(const json_t *account)
{
    return record_int(json_object_get(account, "quota"), "total");
}

static bool quota_is_fresh(CONTAINER_PARAMETERS)
{
    const json_t *quota = json_object_get(ctx->account, "quota");
    const char *user = record_str(quota, "user");
    int64_t age_ms = ctx->now_ms - record_int(quota, "at_ms");

    return user && strcmp(user, p->account(ctx).user) == 0 && age_ms >= 0 &&
           age_ms < QUOTA_KEPT_MS;
}

enum err_code
container_build_quota(CONTAINER_PARAMETERS, struct http_request *req, struct err *why)
{
    (void)why;
    if (container__idle(p, ctx) || quota_is_fresh(p, ctx)) {
        req->skip = true;
        return ERR_NONE;
    }
    container_request(p,
                      ctx,
                      req,
                      HTTP_GET,
                      "/%s/%s?fields=quota_usage,config",
                      p->account(ctx).user,
                      p->limit_edge);
    return ERR_NONE;
}

static void note_quota(CONTAINER_PARAMETERS, int64_t total)
{
    json_t *quota = json_object();

    json_set_str(quota, "user", p->account(ctx).user);
    record_set_int(quota, "at_ms", ctx->now_ms);
    record_set_int(quota, "total", total > 0 ? total : 0);
    must(json_object_set_new(ctx->account, "quota", quota) == 0);
}

/* It is good to know, and no more: only a token that is not taken stops us here. */
struct verdict container_read_quota(CONTAINER_PARAMETERS, const struct http_response *res)
{
    json_t *body = res->status == 200 ? http_json(res) : NULL;
    const json_t *first = json_array_get(json_object_get(body, "data"), 0);
    struct verdict v;

    note_quota(p, ctx, json_integer_value(json_path(first, "config", "quota_total", NULL)));
    json_decref(body);
    v = res->status == 200 ? verdict_next()
                           : container_trouble(p, ctx, &container__invisible, res);
    return v.token_refused ? v : verdict_next();
}

/* ---- the look ---- */

enum err_code
container_build_look(CONTAINER_PARAMETERS, struct http_request *req, struct err *why)
{
    (void)why;
    if (!record_str(ctx->record, "container")) {
        req->skip = true; /* a record that lost it: the list may know */
        return ERR_NONE;
    }
    container__ask(p, ctx, req);
    return ERR_NONE;
}

struct verdict container_read_look(CONTAINER_PARAMETERS, const struct http_response *res)
{
    json_t *container = res->status == 200 ? http_json(res) : NULL;
    enum container_state state = container__state(p, container);
    struct graph_error e;

    json_decref(container);
    graph_error_read(&e, res);
    record_set_flag(ctx->record, "was_published", state == CONTAINER_STATE_PUBLISHED);
    switch (state) {
    case CONTAINER_STATE_PUBLISHED:
        return verdict_next();
    case CONTAINER_STATE_READY:
        return verdict_make(
            VERDICT_ABSENT, SCOPE_POST, 0, "the container waits to be published");
    case CONTAINER_STATE_FAILED:
    case CONTAINER_STATE_EXPIRED:
        record_set_flag(ctx->record, "container_dead", true);
        return verdict_make(VERDICT_ABSENT, SCOPE_POST, 0, "the container was never published");
    case CONTAINER_STATE_BUSY:
        return verdict_make(VERDICT_UNKNOWN, SCOPE_POST, 0, "the container is being worked on");
    case CONTAINER_STATE_UNTOLD:
        break;
    }
    if (graph_is(&e, 100, 33)) {
        return verdict_next(); /* of a day ago: the list may know */
    }
    return container_trouble(p, ctx, &container__invisible, res);
}

/* ---- the list ---- */

static const char *list_edge(CONTAINER_PARAMETERS)
{
    return p->list_edge ? p->list_edge(ctx) : p->edge;
}

enum err_code
container_build_find(CONTAINER_PARAMETERS, struct http_request *req, struct err *why)
{
    (void)why;
    if (ctx->course != COURSE_VERIFY &&
        (!record_flag(ctx->record, "was_published") || record_str(ctx->record, "remote_id"))) {
        req->skip = true;
        return ERR_NONE;
    }
    container_request(p,
                      ctx,
                      req,
                      HTTP_GET,
                      "/%s/%s?fields=%s&limit=%d",
                      p->account(ctx).user,
                      list_edge(p, ctx),
                      p->list_fields,
                      LIST_LIMIT);
    req->max_answer_bytes = LIST_BYTES_MAX;
    return ERR_NONE;
}

static int64_t time_of(const json_t *post)
{
    int64_t at_ms;

    return graph_time(record_str(post, "timestamp"), &at_ms) ? at_ms : 0;
}

/* A story has no text: there its time must do. */
static bool is_ours(CONTAINER_PARAMETERS, const json_t *post)
{
    const char *link = record_str(post, "link_attachment_url");
    bool listed_apart = strcmp(list_edge(p, ctx), p->edge) != 0;

    if (listed_apart) {
        return record_flag(ctx->record, "was_published");
    }
    if (ctx->course == COURSE_UPDATE && post_id(ctx) &&
        strcmp(record_str(post, "id"), post_id(ctx)) == 0) {
        return false; /* what is replaced may say the same */
    }
    return graph_same_text(record_str(post, p->text), record_str(ctx->record, "text")) ||
           (ctx->course == COURSE_VERIFY && link && strcmp(link, ctx->link) == 0);
}

struct found {
    const json_t *post; /* the newest that is ours */
    size_t count;
    bool reached; /* the list goes back to before the delivery */
};

static struct found look_through(CONTAINER_PARAMETERS, const json_t *list)
{
    struct found f = {.reached = json_array_size(list) < LIST_LIMIT};
    json_t *post;
    size_t i;

    json_array_foreach(list, i, post)
    {
        int64_t at_ms = time_of(post);

        if (at_ms > 0 && at_ms < ctx->created_at_ms - ADAPTER_CLOCK_WRONG_MS) {
            f.reached = true;
        } else if (graph_is_id(record_str(post, "id")) && is_ours(p, ctx, post)) {
            f.post = f.post ? f.post : post;
            f.count++;
        }
    }
    return f;
}

static struct verdict not_found(struct step_ctx *ctx, const struct found *f)
{
    bool published = record_flag(ctx->record, "was_published");
    struct verdict v;

    if (ctx->course != COURSE_VERIFY) {
        v = verdict_make(VERDICT_AGAIN,
                         SCOPE_POST,
                         5 * MS_SECOND,
                         "it is published, and not yet in the list of posts");
        v.not_counted = record_age(ctx->record, "find_since_ms", ctx->now_ms) < LAG_MS;
        return v;
    }
    if (published || !f->reached || !record_str(ctx->record, "text")) {
        return verdict_make(VERDICT_UNKNOWN,
                            SCOPE_POST,
                            0,
                            published
                                ? "it was published, and is not to be found among the posts"
                                : "the list of posts does not tell");
    }
    return verdict_make(VERDICT_ABSENT, SCOPE_POST, 0, "the list holds no such post");
}

static struct verdict found_it(struct step_ctx *ctx, const json_t *post)
{
    bool published = record_flag(ctx->record, "was_published");

    if (!published && time_of(post) < ctx->created_at_ms - ADAPTER_CLOCK_DIFFERENCE_MS) {
        return verdict_make(VERDICT_UNKNOWN, SCOPE_POST, 0, "%s", ADAPTER_SEEMS_OLDER);
    }
    record_drop(ctx->record, "was_published");
    record_drop(ctx->record, "find_since_ms");
    post_set(ctx, record_str(post, "id"), record_str(post, "permalink"));
    return ctx->course == COURSE_VERIFY ? verdict_done() : verdict_next();
}

struct verdict container_read_find(CONTAINER_PARAMETERS, const struct http_response *res)
{
    json_t *body = res->status == 200 ? http_json(res) : NULL;
    const json_t *list = json_object_get(body, "data");
    struct found f;
    struct verdict v;

    if (!json_is_array(list)) {
        json_decref(body);
        return container_trouble(p, ctx, &container__invisible, res);
    }
    f = look_through(p, ctx, list);
    if (!f.post) {
        v = not_found(ctx, &f);
    } else if (f.count > 1 && strcmp(list_edge(p, ctx), p->edge) != 0) {
        v = verdict_make(VERDICT_UNKNOWN, SCOPE_POST, 0, "several may be the one");
    } else {
        v = found_it(ctx, f.post);
    }
    json_decref(body);
    return v;
}

/* ---- the address ---- */

enum err_code
container_build_permalink(CONTAINER_PARAMETERS, struct http_request *req, struct err *why)
{
    const char *id = record_str(ctx->record, "remote_id");

    (void)why;
    if (container__idle(p, ctx) || !id || record_str(ctx->record, "remote_url")) {
        req->skip = true;
        return ERR_NONE;
    }
    container_request(p, ctx, req, HTTP_GET, "/%s?fields=id,permalink,timestamp", id);
    return ERR_NONE;
}

/* The post is public, whatever is said here. */
struct verdict container_read_permalink(CONTAINER_PARAMETERS, const struct http_response *res)
{
    json_t *body = res->status == 200 ? http_json(res) : NULL;
    const char *url = record_str(body, "permalink");

    (void)p;
    if (url && strncmp(url, "https://", 8) == 0) {
        json_set_str(ctx->record, "remote_url", url);
    }
    json_decref(body);
    return verdict_next();
}

struct verdict container_unanswered_permalink(struct step_ctx *ctx,
                                              enum transport_outcome outcome,
                                              const char *error)
{
    (void)ctx;
    (void)outcome;
    (void)error;
    return verdict_next();
}
