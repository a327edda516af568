/* Whose token this is, and whether our post stands after an outcome nobody knows. Courses
 * verify and test. The server forgets an Idempotency-Key after an hour, so then the account's
 * own list is read, newest first, back to the time the delivery was made: a status that links
 * the article, or says word for word what we sent, is ours. */

#include "adapters/mastodon_internal.h"

#include <stdio.h>
#include <string.h>

#include "adapters/record.h"
#include "base/json.h"
#include "base/text.h"

#define PAGE_SIZE 40 /* the most a server gives at once */
#define PAGES_MAX 5
#define PAGE_BYTES_MAX ((size_t)4 * 1024 * 1024)
#define CONTENT_BYTES_MAX ((size_t)256 * 1024)

enum err_code
mastodon__build_test(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    (void)why;
    mastodon__request(ctx, req, HTTP_GET, "/api/v1/accounts/verify_credentials");
    return ERR_NONE;
}

enum err_code
mastodon__build_whoami(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    const char *instance = record_str(ctx->account, "instance");

    if (mastodon__id(ctx->account) && instance &&
        strcmp(instance, mastodon__settings(ctx)->instance) == 0) {
        req->skip = true;
        return ERR_NONE;
    }
    return mastodon__build_test(ctx, req, why);
}

struct verdict mastodon__read_whoami(struct step_ctx *ctx, const struct http_response *res)
{
    json_t *body = res->status == 200 ? mastodon__json(res) : NULL;
    const char *id = mastodon__id(body);

    if (!id) {
        json_decref(body);
        return mastodon__trouble(res);
    }
    json_set_str(ctx->account, "id", id);
    json_set_str(ctx->account, "acct", record_str(body, "acct"));
    json_set_str(ctx->account, "instance", mastodon__settings(ctx)->instance);
    json_decref(body);
    return verdict_next();
}

struct verdict mastodon__read_test(struct step_ctx *ctx, const struct http_response *res)
{
    struct verdict v = mastodon__read_whoami(ctx, res);
    const char *acct = record_str(ctx->account, "acct");

    if (v.kind != VERDICT_NEXT) {
        return v;
    }
    return verdict_make(VERDICT_DONE, SCOPE_POST, 0, "signed in as @%s", acct ? acct : "?");
}

enum err_code
mastodon__build_find(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    const char *id = mastodon__id(ctx->account);
    const char *before = record_str(ctx->record, "max_id");

    if (!id) {
        return err_set(why, ERR_NOT_FOUND, "the id of the account is not known");
    }
    mastodon__request(ctx,
                      req,
                      HTTP_GET,
                      "/api/v1/accounts/%s/statuses?limit=%d&exclude_replies=true"
                      "&exclude_reblogs=true%s%s",
                      id,
                      PAGE_SIZE,
                      before ? "&max_id=" : "",
                      before ? before : "");
    req->max_answer_bytes = PAGE_BYTES_MAX;
    return ERR_NONE;
}

/* Whether the content, which is HTML, links exactly this address. */
static bool links_to(const char *content, const char *url)
{
    struct buf needle;
    bool found;

    if (!url || !*url) {
        return false;
    }
    buf_init(&needle, CONTENT_BYTES_MAX);
    buf_adds(&needle, "href=\"");
    text_escape_html(&needle, url, strlen(url));
    buf_addc(&needle, '"');
    found = buf_ok(&needle) && strstr(content, buf_str(&needle));
    buf_done(&needle);
    return found;
}

static bool says(const char *content, const char *text)
{
    struct buf plain, a, b;
    bool same;

    if (!text || !*text) {
        return false;
    }
    buf_init(&plain, CONTENT_BYTES_MAX);
    buf_init(&a, CONTENT_BYTES_MAX);
    buf_init(&b, CONTENT_BYTES_MAX);
    text_from_html(&plain, content, strlen(content));
    text_collapse(&a, buf_str(&plain), plain.len);
    text_collapse(&b, text, strlen(text));
    same = a.len > 0 && strcmp(buf_str(&a), buf_str(&b)) == 0;
    buf_done(&b);
    buf_done(&a);
    buf_done(&plain);
    return same;
}

static bool is_ours(const struct step_ctx *ctx, const json_t *status)
{
    const char *content = record_str(status, "content");
    const char *card = json_string_value(json_path(status, "card", "url", NULL));

    if (card && (strcmp(card, ctx->link) == 0 || strcmp(card, ctx->article->url) == 0)) {
        return true;
    }
    return content && (links_to(content, ctx->link) || links_to(content, ctx->article->url) ||
                       says(content, post_str(ctx, "text")));
}

/* Statuses from so long before the delivery are not of it. */
static bool is_older(const struct step_ctx *ctx, const json_t *status, int64_t by_ms)
{
    const char *created = record_str(status, "created_at");
    int64_t at_ms;

    return created && time_parse_rfc3339(created, strlen(created), &at_ms) &&
           at_ms < ctx->created_at_ms - by_ms;
}

static void found(struct step_ctx *ctx, const json_t *status)
{
    static const char *const kept[] = {
        "text", "spoiler", "media_id", "media_url", "media_ready", NULL};
    const char *url = record_str(status, "url");

    record_keep(ctx, kept);
    post_set(ctx, mastodon__id(status), url ? url : record_str(status, "uri"));
}

static struct verdict end_found(struct step_ctx *ctx, const json_t *status)
{
    if (is_older(ctx, status, ADAPTER_CLOCK_DIFFERENCE_MS)) {
        record_drop(ctx->record, "pages");
        record_drop(ctx->record, "max_id");
        return verdict_make(VERDICT_UNKNOWN, SCOPE_POST, 0, "%s", ADAPTER_SEEMS_OLDER);
    }
    found(ctx, status);
    return verdict_done();
}

/* Go on with the next page, unless this was far enough. */
static struct verdict look_further(struct step_ctx *ctx, const char *last_id, bool reached)
{
    int64_t pages = record_int(ctx->record, "pages") + 1;

    if (reached) {
        record_drop(ctx->record, "pages");
        record_drop(ctx->record, "max_id");
        return verdict_make(
            VERDICT_ABSENT, SCOPE_POST, 0, "the account's list holds no such status");
    }
    if (pages >= PAGES_MAX || !last_id) {
        record_drop(ctx->record, "pages");
        record_drop(ctx->record, "max_id");
        return verdict_make(VERDICT_UNKNOWN,
                            SCOPE_POST,
                            0,
                            "the account has posted too much since to look through");
    }
    record_set_int(ctx->record, "pages", pages);
    json_set_str(ctx->record, "max_id", last_id);
    return verdict_jump("find_post");
}

struct verdict mastodon__read_find(struct step_ctx *ctx, const struct http_response *res)
{
    json_t *list = res->status == 200 ? mastodon__json(res) : NULL;
    const char *last_id = NULL;
    bool older = false;
    struct verdict v;
    json_t *status;
    size_t i;

    if (!json_is_array(list)) {
        json_decref(list);
        return mastodon__trouble(res);
    }
    json_array_foreach(list, i, status)
    {
        last_id = mastodon__id(status);
        older = is_older(ctx, status, ADAPTER_CLOCK_WRONG_MS);
        if (last_id && !older && is_ours(ctx, status)) {
            v = end_found(ctx, status);
            json_decref(list);
            return v;
        }
    }
    /* An empty page is the end of the list; a short one may be a server that hides some. */
    v = look_further(ctx, last_id, older || json_array_size(list) == 0);
    json_decref(list);
    return v;
}
