/* Whose token this is, and whether our post stands after an outcome nobody knows. Courses verify and test, and the
 * first step of posts by "me". To read the author's own posts takes a scope of its own; a channel without it
 * goes by LinkedIn's filter of duplicates, while that is sure to remember (linkedin_post.c). */

#include "adapters/linkedin_internal.h"

#include <stdio.h>
#include <string.h>

#include "adapters/look.h"
#include "adapters/record.h"
#include "adapters/trouble.h"
#include "base/json.h"

#define PAGE_SIZE 20
#define FILTER_MS (12 * MS_HOUR) /* a day or two are reported */

static const struct step any_step = {.repeatable = true};

/* ---- whose it is ---- */

enum err_code
linkedin__build_whoami(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    char author[LINKEDIN_URN_BYTES];

    (void)why;
    if (linkedin__author(ctx, author)) {
        req->skip = true;
        return ERR_NONE;
    }
    linkedin__request(ctx, req, HTTP_GET, "/v2/userinfo");
    return ERR_NONE;
}

static bool is_person_id(const char *id)
{
    char urn[LINKEDIN_URN_BYTES];

    return id && (size_t)snprintf(urn, sizeof urn, "urn:li:person:%s", id) < sizeof urn &&
           linkedin__is_urn(urn, "person");
}

struct verdict linkedin__read_whoami(struct step_ctx *ctx, const struct http_response *res)
{
    json_t *body = res->status == 200 ? http_json(res) : NULL;
    const char *id = json_path_str(body, "sub");
    struct verdict v = verdict_next();

    if (is_person_id(id)) {
        json_set_str(ctx->account, "person", id);
    } else {
        v = linkedin__trouble(ctx, &any_step, res);
    }
    json_decref(body);
    return v;
}

/* ---- the author's list ---- */

static MUST_USE enum err_code
build_list(struct step_ctx *ctx, struct http_request *req, int count, struct err *why)
{
    char author[LINKEDIN_URN_BYTES], path[LINKEDIN_PATH_BYTES];
    const char *from = look_from(ctx);

    if (!linkedin__author(ctx, author)) {
        return err_set(why, ERR_NOT_FOUND, "whose token this is is not known");
    }
    linkedin__request(ctx,
                      req,
                      HTTP_GET,
                      "/rest/posts?q=author&author=%s&count=%d&sortBy=LAST_MODIFIED%s%s",
                      linkedin__path_of(author, path),
                      count,
                      from ? "&start=" : "",
                      from ? from : "");
    http_set_header(req, "X-RestLi-Method", "FINDER");
    return ERR_NONE;
}

enum err_code
linkedin__build_find(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    return build_list(ctx, req, PAGE_SIZE, why);
}

static bool is_ours(const struct step_ctx *ctx, const json_t *one, const struct look_post *post)
{
    const char *sent = post_str(ctx, "commentary"), *said = json_path_str(one, "commentary");

    return look_is_ours(ctx, post) || (sent && said && *sent && strcmp(sent, said) == 0);
}

static struct verdict found(struct step_ctx *ctx, const struct look_post *post)
{
    static const char *const kept[] = {
        "text", "commentary", "card_title", "images", "video", NULL};
    struct verdict v = look_found(ctx, post, kept);

    if (v.kind == VERDICT_DONE) {
        linkedin__set_post(ctx, post->id);
    }
    return v;
}

static struct verdict look_through(struct step_ctx *ctx, const json_t *list)
{
    int64_t pages = record_int(ctx->record, "look_pages") + 1;
    bool reached = json_array_size(list) < PAGE_SIZE;
    char urn[LINKEDIN_URN_BYTES], from[24];
    json_t *one;
    size_t i;

    json_array_foreach(list, i, one)
    {
        struct look_post post = {
            .id = linkedin__post_urn(json_path_str(one, "id"), NULL, urn),
            .link = json_string_value(json_path(one, "content", "article", "source", NULL)),
            .at_ms = record_int(one, "createdAt"),
        };
        /* What they are sorted by: what changed before our delivery was made is not it, nor is what is behind. */
        struct look_post changed = {.at_ms = record_int(one, "lastModifiedAt")};

        reached = reached || look_is_too_old(ctx, &changed);
        if (post.id && !look_is_too_old(ctx, &post) && is_ours(ctx, one, &post)) {
            return found(ctx, &post);
        }
    }
    (void)snprintf(from, sizeof from, "%lld", (long long)pages * PAGE_SIZE);
    return look_further(ctx, "find_post", from, reached);
}

static struct verdict may_not_read(struct step_ctx *ctx, const struct http_response *res)
{
    int64_t sent_ms = record_int(ctx->post, "sent_at_ms");

    if (sent_ms > 0 && ctx->now_ms - sent_ms < FILTER_MS) {
        return verdict_make(VERDICT_ABSENT,
                            SCOPE_POST,
                            0,
                            "%d: we may not read the list; the same text again: if it stands, "
                            "LinkedIn refuses it and says where",
                            res->status);
    }
    return verdict_make(VERDICT_UNKNOWN,
                        SCOPE_POST,
                        0,
                        "%d: we may not read the list (scope r_organization_social): see for "
                        "yourself, then resolve it",
                        res->status);
}

struct verdict linkedin__read_find(struct step_ctx *ctx, const struct http_response *res)
{
    json_t *body = res->status == 200 ? http_json(res) : NULL;
    const json_t *list = json_object_get(body, "elements");
    struct verdict v;

    if (json_is_array(list)) {
        v = look_through(ctx, list);
    } else if (res->status == 403 && !trouble_is_page(res)) {
        v = may_not_read(ctx, res);
    } else {
        v = linkedin__trouble(ctx, &any_step, res);
    }
    json_decref(body);
    return v;
}

/* ---- the course test ---- */

/* Of a member: who it is. Of a page: its last post, which an app that may post can mostly read. */
enum err_code
linkedin__build_test(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    if (!linkedin__is_person(linkedin__settings(ctx))) {
        return build_list(ctx, req, 1, why);
    }
    linkedin__request(ctx, req, HTTP_GET, "/v2/userinfo");
    return ERR_NONE;
}

static struct verdict test_person(struct step_ctx *ctx, const struct http_response *res)
{
    struct verdict v = linkedin__read_whoami(ctx, res);
    json_t *body = http_json(res);
    const char *name = json_path_str(body, "name");

    if (v.kind == VERDICT_NEXT) {
        v = verdict_make(VERDICT_DONE, SCOPE_POST, 0, "signed in as %.80s", name ? name : "?");
    }
    json_decref(body);
    return v;
}

struct verdict linkedin__read_test(struct step_ctx *ctx, const struct http_response *res)
{
    if (linkedin__is_person(linkedin__settings(ctx))) {
        return test_person(ctx, res);
    }
    if (res->status == 200) {
        return verdict_make(VERDICT_DONE,
                            SCOPE_POST,
                            0,
                            "the token is taken for %.80s",
                            linkedin__settings(ctx)->author);
    }
    if (res->status == 403 && !trouble_is_page(res)) {
        return verdict_make(VERDICT_DONE,
                            SCOPE_POST,
                            0,
                            "the token is taken, but may not read the page's posts (scope "
                            "r_organization_social): whether it may post shows the first post");
    }
    return linkedin__trouble(ctx, &any_step, res);
}
