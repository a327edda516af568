/* Making, awaiting and publishing containers. See container.h for the way and what is kept of it; looking
 * for what was published is container_look.c's. Called by the steps of instagram.c and threads.c. Pure. */

#include "adapters/container.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "adapters/container_internal.h"
#include "adapters/oauth.h"
#include "adapters/record.h"
#include "adapters/trouble.h"
#include "base/json.h"
#include "base/parse.h"
#include "base/url.h"

#define CONTAINERS_MAX 4 /* of one delivery; Meta takes 400 a day of an account */
#define FETCH_TRIES_MAX 3
#define FETCH_PAUSE_MS (30 * MS_SECOND)
#define NOT_SEEN_TRIES_MAX 3
#define NOT_SEEN_MS (15 * MS_SECOND)
#define NOT_READY_MS (5 * MS_SECOND)
/* A picture is processed at once, as a rule; Meta advises to look for five minutes at most. */
#define PATIENCE_MS (5 * MS_MINUTE)
#define PATIENCE_VIDEO_MS (30 * MS_MINUTE)
#define TEXT_BYTES_MAX ((size_t)64 * 1024)

const struct step container__invisible = {.name = "invisible", .repeatable = true};
static const struct step publishing = {.name = "publish", .publishes = true};

bool container__idle(const struct container_platform *p, const struct step_ctx *ctx)
{
    return p->nothing_to_do && p->nothing_to_do(ctx);
}

void container_request(CONTAINER_PARAMETERS,
                       struct http_request *req,
                       enum http_method method,
                       const char *path_format,
                       ...)
{
    struct container_account account = p->account(ctx);
    va_list args;

    va_start(args, path_format);
    graph_vrequest(req, method, account.api, ctx->token ? ctx->token : "", path_format, args);
    va_end(args);
    if (account.app_secret) {
        graph_prove(req, account.app_secret, ctx->token);
    }
}

struct verdict container_trouble(CONTAINER_PARAMETERS,
                                 const struct step *step,
                                 const struct http_response *res)
{
    (void)ctx;
    return graph_trouble(p->rows, step, res);
}

/* ---- what is posted ---- */

size_t container_item_index(const struct step_ctx *ctx)
{
    return json_array_size(json_object_get(ctx->record, "children"));
}

enum container_shape container_shape_of(CONTAINER_LOOKS)
{
    enum container_shape shape = CONTAINER_TEXT;
    struct err why;

    if (p->shape(ctx, &shape, &why)) {
        return CONTAINER_TEXT; /* build_create() says why not */
    }
    if (shape == CONTAINER_CAROUSEL && record_flag(ctx->record, "items_closed") &&
        container_item_index(ctx) < 2) {
        return CONTAINER_IMAGE;
    }
    return shape;
}

static bool has_container(const struct step_ctx *ctx)
{
    return record_str(ctx->record, "container") != NULL;
}

bool container_item_wanted(CONTAINER_LOOKS)
{
    size_t count = container_item_index(ctx);

    return !container__idle(p, ctx) && !has_container(ctx) &&
           container_shape_of(p, ctx) == CONTAINER_CAROUSEL &&
           !record_flag(ctx->record, "items_closed") && count < p->items_max &&
           count < ctx->article->image_count;
}

bool container_media_wanted(CONTAINER_LOOKS)
{
    enum container_shape shape = container_shape_of(p, ctx);

    return !container__idle(p, ctx) && !has_container(ctx) && shape != CONTAINER_TEXT &&
           shape != CONTAINER_CAROUSEL;
}

static bool looks_like_jpeg(const char *url)
{
    struct url_parts parts;
    size_t len;

    if (!url || strncasecmp(url, "https://", 8) != 0 || !url_parse(&parts, url)) {
        return false;
    }
    len = parts.path_len;
    return (len > 4 && strncasecmp(parts.path + len - 4, ".jpg", 4) == 0) ||
           (len > 5 && strncasecmp(parts.path + len - 5, ".jpeg", 5) == 0);
}

/* What we cannot fetch Meta perhaps can: a picture that calls itself a JPEG is worth a try. */
const char *
container_media_url(const struct step_ctx *ctx, size_t index, const char **out_reason)
{
    const struct article *a = ctx->article;

    if (ctx->media && ctx->media->url) {
        return ctx->media->url;
    }
    *out_reason = ctx->media_error ? ctx->media_error : "it has no address that Meta can fetch";
    return index < a->image_count && looks_like_jpeg(a->images[index].url)
               ? a->images[index].url
               : NULL;
}

enum err_code container_fix_text(CONTAINER_PARAMETERS, struct err *why)
{
    enum err_code rc;
    struct buf text;

    if (record_str(ctx->record, "text")) {
        return ERR_NONE;
    }
    buf_init(&text, TEXT_BYTES_MAX);
    rc = p->make_text(ctx, &text, why);
    if (!rc) {
        rc = buf_check(&text, p->text, why);
    }
    if (!rc) {
        json_set_str(ctx->record, "text", buf_str(&text));
    }
    buf_done(&text);
    return rc;
}

/* ---- ways on ---- */

static void forget_container(struct step_ctx *ctx)
{
    static const char *const members[] = {"container",
                                          "container_dead",
                                          "await_since_ms",
                                          "publish_tries",
                                          "sent_at_ms",
                                          "sent_again",
                                          "looking"};

    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        record_drop(ctx->record, members[i]);
    }
}

/* The old one is sure never to be published: it is gone, or was refused. */
struct verdict container__make_new(struct step_ctx *ctx, const char *said)
{
    struct verdict v = verdict_jump("create");

    if (record_int(ctx->record, "containers") >= CONTAINERS_MAX) {
        return verdict_make(VERDICT_REJECTED, SCOPE_POST, 0, "given up: %.200s", said);
    }
    forget_container(ctx);
    record_drop(ctx->record, "children"); /* items live as long as what holds them */
    record_drop(ctx->record, "items_closed");
    if (container_item_index(ctx) == 0) {
        v.jump = "create_item";
    }
    v.refused = true;
    return v;
}

/* Its picture or video will not do. */
struct verdict container__without_media(const struct container_platform *p,
                                        struct step_ctx *ctx,
                                        const char *reason)
{
    struct verdict v = verdict_jump("create");

    if (!p->can_do_without_media || record_str(ctx->record, "media_off")) {
        return verdict_make(VERDICT_REJECTED, SCOPE_POST, 0, "%.250s", reason);
    }
    forget_container(ctx);
    json_set_str(ctx->record, "media_off", reason);
    v.refused = true;
    return v;
}

static struct verdict
fetch_failed(const struct container_platform *p, struct step_ctx *ctx, const char *said)
{
    int64_t tries = record_int(ctx->record, "fetch_tries") + 1;
    struct verdict v;
    char reason[VERDICT_DETAIL_BYTES];

    record_set_int(ctx->record, "fetch_tries", tries);
    if (tries > FETCH_TRIES_MAX) {
        (void)snprintf(reason,
                       sizeof reason,
                       "Meta cannot fetch the picture or video from its address: %.150s",
                       said);
        return container__without_media(p, ctx, reason);
    }
    forget_container(ctx);
    v = verdict_make(VERDICT_AGAIN, SCOPE_POST, FETCH_PAUSE_MS << (tries - 1), "%.250s", said);
    v.jump = "create";
    return v;
}

static struct verdict not_seen(struct step_ctx *ctx, const struct verdict *as_is)
{
    int64_t tries = record_int(ctx->record, "publish_tries") + 1;

    if (tries > NOT_SEEN_TRIES_MAX) {
        return container__make_new(ctx, as_is->detail);
    }
    record_set_int(ctx->record, "publish_tries", tries);
    return verdict_make(VERDICT_AGAIN, SCOPE_POST, NOT_SEEN_MS, "%s", as_is->detail);
}

static struct verdict not_ready(const char *said)
{
    struct verdict v = verdict_make(VERDICT_AGAIN, SCOPE_POST, NOT_READY_MS, "%.250s", said);

    v.not_counted = true;
    v.jump = "await";
    return v;
}

/* ---- items and the container ---- */

enum err_code
container_build_item(CONTAINER_PARAMETERS, struct http_request *req, struct err *why)
{
    const char *reason;

    if (!container_item_wanted(p, ctx)) {
        req->skip = true;
        return ERR_NONE;
    }
    if (!container_media_url(ctx, container_item_index(ctx), &reason)) {
        record_set_flag(ctx->record, "items_closed", true);
        req->skip = true;
        return ERR_NONE;
    }
    container_request(p, ctx, req, HTTP_POST, "/%s/%s", p->account(ctx).user, p->edge);
    oauth_form_add(req, "is_carousel_item", "true");
    return p->fill(ctx, CONTAINER_IMAGE, true, req, why);
}

/* A picture that Meta cannot fetch is tried a few times, and then, as one that it refuses, holds nothing up: the
 * carousel goes with those there are. */
static struct verdict item_trouble(CONTAINER_PARAMETERS, const struct http_response *res)
{
    int64_t tries = record_int(ctx->record, "item_tries") + 1;
    const struct graph_row *row;
    struct graph_error e;
    struct verdict v;

    graph_error_read(&e, res);
    row = graph_find(p->rows, &e);
    v = graph_verdict(row, &e, &container__invisible, res);
    if (row && row->means == (enum graph_means)CONTAINER_FETCH && tries <= FETCH_TRIES_MAX) {
        record_set_int(ctx->record, "item_tries", tries);
        v.retry_after_ms = FETCH_PAUSE_MS << (tries - 1);
        return v;
    }
    if (v.kind == VERDICT_REJECTED ||
        (row && row->means == (enum graph_means)CONTAINER_FETCH)) {
        record_set_flag(ctx->record, "items_closed", true);
        return verdict_next();
    }
    return v;
}

struct verdict container_read_item(CONTAINER_PARAMETERS, const struct http_response *res)
{
    json_t *children = json_object_get(ctx->record, "children");
    char id[GRAPH_ID_BYTES];

    if (!graph_answer_id(res, "id", id)) {
        return item_trouble(p, ctx, res);
    }
    record_drop(ctx->record, "item_tries");
    if (!children) {
        children = json_array();
        must(json_object_set_new(ctx->record, "children", children) == 0);
    }
    must(json_array_append_new(children, json_string(id)) == 0);
    return container_item_wanted(p, ctx) ? verdict_jump("create_item") : verdict_next();
}

static void add_children(struct step_ctx *ctx, struct http_request *req)
{
    struct buf ids;
    json_t *one;
    size_t i;

    buf_init(&ids, TEXT_BYTES_MAX);
    json_array_foreach(json_object_get(ctx->record, "children"), i, one)
    {
        buf_addf(&ids, "%s%s", i > 0 ? "," : "", json_string_value(one));
    }
    oauth_form_add(req, "children", buf_str(&ids));
    buf_done(&ids);
}

/* A platform that can do without posts the text alone where the file cannot be had. */
static bool needs_media(enum container_shape shape)
{
    return shape != CONTAINER_TEXT && shape != CONTAINER_CAROUSEL;
}

static void note_media_off(const struct container_platform *p, struct step_ctx *ctx)
{
    const char *reason;

    if (p->can_do_without_media && needs_media(container_shape_of(p, ctx)) &&
        !container_media_url(ctx, 0, &reason)) {
        json_set_str(ctx->record, "media_off", reason);
    }
}

enum err_code
container_build_create(CONTAINER_PARAMETERS, struct http_request *req, struct err *why)
{
    enum container_shape shape;
    enum err_code rc;

    if (container__idle(p, ctx) || has_container(ctx)) {
        req->skip = true;
        return ERR_NONE;
    }
    rc = p->shape(ctx, &shape, why);
    if (rc) {
        return rc;
    }
    rc = container_fix_text(p, ctx, why);
    if (rc) {
        return rc;
    }
    note_media_off(p, ctx);
    shape = container_shape_of(p, ctx);
    container_request(p, ctx, req, HTTP_POST, "/%s/%s", p->account(ctx).user, p->edge);
    if (shape == CONTAINER_CAROUSEL) {
        oauth_form_add(req, "media_type", "CAROUSEL");
        add_children(ctx, req);
    }
    rc = p->fill(ctx, shape, false, req, why);
    if (!rc && shape != CONTAINER_STORY_IMAGE && shape != CONTAINER_STORY_VIDEO) {
        oauth_form_add(req, p->text, record_str(ctx->record, "text"));
    }
    return rc;
}

struct verdict container_read_create(CONTAINER_PARAMETERS, const struct http_response *res)
{
    const struct graph_row *row;
    struct graph_error e;
    struct verdict v;
    char id[GRAPH_ID_BYTES];

    if (graph_answer_id(res, "id", id)) {
        json_set_str(ctx->record, "container", id);
        record_set_int(ctx->record, "containers", record_int(ctx->record, "containers") + 1);
        return verdict_next();
    }
    graph_error_read(&e, res);
    row = graph_find(p->rows, &e);
    v = graph_verdict(row, &e, &container__invisible, res);
    return row && row->means == (enum graph_means)CONTAINER_FETCH
               ? fetch_failed(p, ctx, v.detail)
               : v;
}

/* ---- waiting ---- */

enum container_state container__state(const struct container_platform *p,
                                      const json_t *container)
{
    static const struct {
        const char *name;
        enum container_state state;
    } names[] = {{"IN_PROGRESS", CONTAINER_STATE_BUSY},
                 {"FINISHED", CONTAINER_STATE_READY},
                 {"PUBLISHED", CONTAINER_STATE_PUBLISHED},
                 {"ERROR", CONTAINER_STATE_FAILED},
                 {"EXPIRED", CONTAINER_STATE_EXPIRED}};
    const char *name = record_str(container, p->status);

    for (size_t i = 0; name && i < ARRAY_LEN(names); i++) {
        if (strcmp(names[i].name, name) == 0) {
            return names[i].state;
        }
    }
    return CONTAINER_STATE_UNTOLD;
}

void container__ask(CONTAINER_PARAMETERS, struct http_request *req)
{
    container_request(p,
                      ctx,
                      req,
                      HTTP_GET,
                      "/%s?fields=%s,%s",
                      record_str(ctx->record, "container"),
                      p->status,
                      p->explanation);
}

enum err_code
container_build_await(CONTAINER_PARAMETERS, struct http_request *req, struct err *why)
{
    if (container__idle(p, ctx)) {
        req->skip = true;
        return ERR_NONE;
    }
    if (!has_container(ctx)) {
        return err_set(why, ERR_NOT_FOUND, "there is no container to wait for");
    }
    container__ask(p, ctx, req);
    return ERR_NONE;
}

static struct verdict wait_more(CONTAINER_PARAMETERS)
{
    int64_t age_ms = record_age(ctx->record, "await_since_ms", ctx->now_ms);
    enum container_shape shape = container_shape_of(p, ctx);
    bool video = shape == CONTAINER_VIDEO || shape == CONTAINER_STORY_VIDEO;
    struct verdict v;

    if (age_ms > (video ? PATIENCE_VIDEO_MS : PATIENCE_MS)) {
        return container__without_media(
            p, ctx, "Meta did not finish processing the picture or video in time");
    }
    v = verdict_make(VERDICT_AGAIN,
                     SCOPE_POST,
                     age_ms < 5 * MS_SECOND ? MS_SECOND
                     : age_ms < MS_MINUTE   ? 5 * MS_SECOND
                                            : 30 * MS_SECOND,
                     "Meta is processing the picture or video");
    v.not_counted = true;
    return v;
}

/* "Error: Media upload has failed with error code 2207026": the same numbers as in refusals. */
static int64_t subcode_in(const char *text)
{
    const char *at = text ? strstr(text, "2207") : NULL;
    char digits[8];
    int64_t subcode;

    if (!at || strspn(at, "0123456789") < 7) {
        return 0;
    }
    (void)snprintf(digits, sizeof digits, "%.7s", at);
    return parse_i64(digits, &subcode) ? subcode : 0;
}

static struct verdict container_failed(const struct container_platform *p,
                                       struct step_ctx *ctx,
                                       const json_t *container)
{
    const char *said = record_str(container, p->explanation);
    struct graph_error e = {.status = 200, .told = true, .subcode = subcode_in(said)};
    const struct graph_row *row = NULL;
    char reason[VERDICT_DETAIL_BYTES];
    char clean[TROUBLE_EXCERPT_BYTES + 1];

    for (const struct graph_row *r = p->rows; e.subcode != 0 && !row && r->means; r++) {
        row = r->subcode == e.subcode ? r : NULL;
    }
    trouble_excerpt(clean, said, said ? strlen(said) : 0);
    (void)snprintf(reason,
                   sizeof reason,
                   "the picture or video was not taken: %s%s%s",
                   clean[0] ? clean : "no reason was told",
                   row && row->hint ? "; " : "",
                   row && row->hint ? row->hint : "");
    if (row && row->means == (enum graph_means)CONTAINER_FETCH) {
        return fetch_failed(p, ctx, reason);
    }
    if (row && (row->means == (enum graph_means)CONTAINER_NEW || row->means == GRAPH_UNCLEAR)) {
        return container__make_new(ctx, reason);
    }
    return container__without_media(p, ctx, reason);
}

struct verdict container_read_await(CONTAINER_PARAMETERS, const struct http_response *res)
{
    json_t *container = res->status == 200 ? http_json(res) : NULL;
    struct graph_error e;
    struct verdict v;

    switch (container__state(p, container)) {
    case CONTAINER_STATE_READY:
        v = verdict_next();
        break;
    case CONTAINER_STATE_BUSY:
        v = wait_more(p, ctx);
        break;
    case CONTAINER_STATE_PUBLISHED:
        record_set_flag(ctx->record, "was_published", true);
        v = verdict_jump("find_new");
        break;
    case CONTAINER_STATE_FAILED:
        v = container_failed(p, ctx, container);
        break;
    case CONTAINER_STATE_EXPIRED:
        v = container__make_new(ctx, "the container has expired");
        break;
    default:
        graph_error_read(&e, res);
        v = graph_is(&e, 100, 33) ? container__make_new(ctx, "the container is gone")
                                  : container_trouble(p, ctx, &container__invisible, res);
        break;
    }
    json_decref(container);
    return v;
}

/* ---- publishing ---- */

static void publish_request(CONTAINER_PARAMETERS, struct http_request *req)
{
    container_request(p, ctx, req, HTTP_POST, "/%s/%s", p->account(ctx).user, p->publish_edge);
    oauth_form_add(req, "creation_id", record_str(ctx->record, "container"));
}

/* Since when a request of an earlier build is out; a second build at the same time is the same one. */
static bool may_have_left(const struct step_ctx *ctx)
{
    int64_t sent_at_ms = record_int(ctx->record, "sent_at_ms");

    return sent_at_ms != 0 && sent_at_ms != ctx->now_ms;
}

static MUST_USE enum err_code
build_publish(CONTAINER_PARAMETERS, struct http_request *req, struct err *why)
{
    if (container__idle(p, ctx) || record_flag(ctx->record, "was_published")) {
        req->skip = true;
        return ERR_NONE;
    }
    if (!has_container(ctx)) {
        return err_set(why, ERR_NOT_FOUND, "there is no container to publish");
    }
    publish_request(p, ctx, req);
    return ERR_NONE;
}

enum err_code
container_build_publish(CONTAINER_PARAMETERS, struct http_request *req, struct err *why)
{
    enum err_code rc = build_publish(p, ctx, req, why);

    if (!rc && !req->skip) {
        if (may_have_left(ctx)) {
            record_set_flag(ctx->record, "sent_again", true);
        }
        record_set_int(ctx->record, "sent_at_ms", ctx->now_ms);
    }
    return rc;
}

static struct verdict
read_published(CONTAINER_PARAMETERS, const struct step *step, const struct http_response *res)
{
    const struct graph_row *row;
    struct graph_error e;
    struct verdict v;
    char id[GRAPH_ID_BYTES];

    if (graph_answer_id(res, "id", id)) {
        post_set(ctx, id, NULL);
        return verdict_jump("permalink");
    }
    graph_error_read(&e, res);
    row = graph_find(p->rows, &e);
    v = graph_verdict(row, &e, step, res);
    trouble_doubt_503(step, res, &v);
    switch (row ? (int)row->means : 0) {
    case CONTAINER_NEW:
        return container__make_new(ctx, v.detail);
    case CONTAINER_NOT_READY:
        return not_ready(v.detail);
    case CONTAINER_NOT_SEEN:
        return not_seen(ctx, &v);
    case CONTAINER_FETCH:
        return fetch_failed(p, ctx, v.detail);
    default:
        break;
    }
    return v.kind == VERDICT_REJECTED && record_flag(ctx->record, "container_dead")
               ? container__make_new(ctx, v.detail)
               : v;
}

/* A no to a container that is published already reads like any other: the container is asked once more. */
static struct verdict doubt_refusal(struct step_ctx *ctx, const struct verdict *as_is)
{
    struct verdict v = verdict_jump("await");

    if (record_int(ctx->record, "publish_tries") > 0) {
        return *as_is;
    }
    record_set_int(ctx->record, "publish_tries", 1);
    record_drop(ctx->record, "sent_at_ms");
    v.maybe_public = true;
    return v;
}

/* To this container, whatever the words. */
static bool
says_no(const struct container_platform *p, const struct http_response *res, struct verdict *v)
{
    const struct graph_row *row;
    struct graph_error e;

    graph_error_read(&e, res);
    row = graph_find(p->rows, &e);
    *v = graph_verdict(row, &e, &publishing, res);
    return v->kind == VERDICT_REJECTED ||
           (row && ((int)row->means == CONTAINER_NEW || (int)row->means == CONTAINER_NOT_SEEN));
}

/* A look may have come before the platform was through with an earlier request. */
struct verdict container_read_publish(CONTAINER_PARAMETERS, const struct http_response *res)
{
    struct verdict v;

    if (record_flag(ctx->record, "sent_again") &&
        record_int(ctx->record, "publish_tries") == 0 && res->status >= 400 &&
        res->status < 500 && says_no(p, res, &v)) {
        return doubt_refusal(ctx, &v);
    }
    return read_published(p, ctx, &publishing, res);
}

/* ---- publishing, where nobody verifies ---- */

enum err_code
container_build_republish(CONTAINER_PARAMETERS, struct http_request *req, struct err *why)
{
    enum err_code rc = build_publish(p, ctx, req, why);
    bool look = !rc && !req->skip && may_have_left(ctx);

    if (rc || req->skip) {
        return rc;
    }
    record_set_flag(ctx->record, "looking", look);
    if (look) {
        http_request_done(req);
        http_request_init(req);
        container__ask(p, ctx, req);
    } else {
        record_set_int(ctx->record, "sent_at_ms", ctx->now_ms);
    }
    return ERR_NONE;
}

static struct verdict looked_again(CONTAINER_PARAMETERS, const struct http_response *res)
{
    struct verdict v = container_read_await(p, ctx, res);

    if (v.kind == VERDICT_NEXT && !v.jump) { /* it waits to be published */
        record_drop(ctx->record, "sent_at_ms");
        record_drop(ctx->record, "looking");
        return verdict_jump("publish");
    }
    return v;
}

struct verdict container_read_republish(CONTAINER_PARAMETERS, const struct http_response *res)
{
    struct verdict v;

    if (record_flag(ctx->record, "looking")) {
        return looked_again(p, ctx, res);
    }
    v = read_published(p, ctx, &container__invisible, res);
    if (v.kind == VERDICT_REJECTED) {
        return doubt_refusal(ctx, &v);
    }
    if (v.kind != VERDICT_AGAIN) {
        return v;
    }
    v.maybe_public |= res->status < 400; /* taken, and the answer says nothing */
    if (res->status >= 400 && res->status < 500 && v.scope == SCOPE_CHANNEL) {
        record_drop(ctx->record, "sent_at_ms"); /* a throttle refuses before it does */
    }
    return v;
}

struct verdict container_unanswered_republish(struct step_ctx *ctx,
                                              enum transport_outcome outcome,
                                              const char *error)
{
    if (outcome == TRANSPORT_NOT_SENT && !record_flag(ctx->record, "looking")) {
        record_drop(ctx->record, "sent_at_ms");
    }
    return trouble_from_transport(&container__invisible, outcome, error);
}
