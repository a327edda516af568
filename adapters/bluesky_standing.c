/* Which of our posts of an article stand, and their removal. The last steps of the courses update and
 * retract; bluesky_post.c notes here what it is about to put.
 *
 * The app does not show edits, so a changed article is a new post: it is put first and the old one
 * deleted behind it, which leaves both for a moment rather than neither. What stands, or may, is in
 * the record ("standing") from before the request that makes it public, so a retraction finds all
 * of it. */

#include "adapters/bluesky_internal.h"

#include <string.h>

#include "adapters/record.h"
#include "adapters/standing.h"
#include "base/attr.h"
#include "base/json.h"
#include "base/url.h"

#define KEY_BYTES_MAX 512

const char *bluesky__key_of(const char *uri)
{
    const char *slash = uri ? strrchr(uri, '/') : NULL;

    return slash && slash[1] ? slash + 1 : NULL;
}

/* Whose post a name is about, and its key: at://WHO/app.bsky.feed.post/KEY, or a page of the app,
 * …/profile/WHO/post/KEY. Slices of the name. */
struct name_parts {
    const char *who, *key;
    size_t who_len, key_len;
};

static bool take_word(const char **at, const char *word)
{
    size_t len = strlen(word);

    if (strncmp(*at, word, len) != 0) {
        return false;
    }
    *at += len;
    return true;
}

static bool read_name(struct name_parts *out, const char *name)
{
    struct url_parts url;
    const char *at = name;
    bool is_uri = name && take_word(&at, "at://");

    if (!name || (!is_uri && !url_parse(&url, name))) {
        return false;
    }
    if (!is_uri) {
        at = url.path;
        if (!take_word(&at, "/profile/")) {
            return false;
        }
    }
    out->who = at;
    out->who_len = strcspn(at, "/?#");
    at += out->who_len;
    if (out->who_len == 0 || !take_word(&at, is_uri ? "/" BLUESKY_COLLECTION "/" : "/post/")) {
        return false;
    }
    out->key = at;
    out->key_len = strspn(at,
                          "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                          "._~:-");
    at += out->key_len;
    return out->key_len > 0 && out->key_len <= KEY_BYTES_MAX &&
           (*at == '\0' || *at == '?' || *at == '#' || strcmp(at, "/") == 0);
}

enum err_code bluesky__names_are_ours(const struct step_ctx *ctx, struct err *why)
{
    const char *const names[] = {post_id(ctx), post_str(ctx, "remote_url")};
    const char *own = post_str(ctx, "did");

    own = own ? own : bluesky__did(ctx);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct name_parts n;

        if (own && read_name(&n, names[i]) && n.who_len > 4 && memcmp(n.who, "did:", 4) == 0 &&
            (n.who_len != strlen(own) || memcmp(n.who, own, n.who_len) != 0)) {
            return err_set(
                why, ERR_INVALID, "the post known as %s is another account's", names[i]);
        }
    }
    return ERR_NONE;
}

static void add_named(json_t *list, const char *own, const char *name)
{
    struct name_parts n;

    if (read_name(&n, name)) {
        json_t *key = json_stringn(n.key, n.key_len);

        standing_add(list, json_string_value(key), own);
        json_decref(key);
    }
}

/* Where a person settled an unknown outcome, also the one that was chosen then and the one that was
 * named. */
static json_t *before(const struct step_ctx *ctx)
{
    const char *own = record_str(ctx->record, "rkey");
    json_t *list = standing_before(ctx, NULL, post_str(ctx, "rkey"), own);

    if (ctx->post) {
        add_named(list, own, post_id(ctx));
        add_named(list, own, post_str(ctx, "remote_url"));
    }
    return list;
}

void bluesky__note_standing(struct step_ctx *ctx)
{
    json_t *standing = before(ctx);

    (void)json_array_append(standing, json_object_get(ctx->record, "rkey"));
    (void)json_object_set_new(ctx->record, "standing", standing);
}

static json_t *left(struct step_ctx *ctx)
{
    return standing_left(ctx, before);
}

/* Of an update: nothing to delete, or often enough in vain. What could not be deleted stays listed
 * as standing. */
static bool leaves_it(struct step_ctx *ctx)
{
    return json_array_size(left(ctx)) == 0 || !standing_try(ctx);
}

static MUST_USE enum err_code may_retract(struct step_ctx *ctx, struct err *why)
{
    if (json_array_size(left(ctx)) == 0) {
        return err_set(why, ERR_NOT_FOUND, "the key of the post to delete is not known");
    }
    return bluesky__names_are_ours(ctx, why);
}

enum err_code
bluesky__build_delete(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    const char *did = bluesky__did(ctx);
    bool update = ctx->course == COURSE_UPDATE;
    enum err_code rc;
    json_t *body;

    if (update && (bluesky__nothing_to_do(ctx) || leaves_it(ctx))) {
        req->skip = true;
        return ERR_NONE;
    }
    rc = update ? ERR_NONE : may_retract(ctx, why);
    if (rc) {
        return rc;
    }
    bluesky__request(ctx, req, HTTP_POST, "com.atproto.repo.deleteRecord");
    body = json_object();
    json_set_str(body, "repo", post_str(ctx, "did") ? post_str(ctx, "did") : did);
    json_set_str(body, "collection", BLUESKY_COLLECTION);
    json_set_str(body, "rkey", json_string_value(json_array_get(left(ctx), 0)));
    http_set_json(req, body);
    json_decref(body);
    return ERR_NONE;
}

static void now_stands_alone(struct step_ctx *ctx)
{
    json_t *standing = json_array();

    (void)json_array_append(standing, json_object_get(ctx->record, "rkey"));
    (void)json_object_set_new(ctx->record, "standing", standing);
}

struct verdict bluesky__read_delete(struct step_ctx *ctx, const struct http_response *res)
{
    bool update = ctx->course == COURSE_UPDATE;
    struct verdict v;

    if (res->status != 200) {
        if (bluesky__token_refused(ctx, res, &v)) {
            return v;
        }
        v = bluesky__trouble(res);
        return update ? standing_not_deleted(ctx, v) : v;
    }
    standing_forget_tries(ctx);
    if (standing_is_more_left(ctx)) {
        return verdict_jump(update ? "delete_old" : "delete_post");
    }
    if (update) {
        now_stands_alone(ctx);
    }
    return verdict_done();
}
