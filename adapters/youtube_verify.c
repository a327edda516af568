/* Whose channel this is, and whether our video is there after an outcome nobody knows. Courses verify and
 * test. The upload session is asked first: it knows whether its file is complete, and which video it became.
 * Where it is gone, the channel's playlist of uploads is read, newest first: our video has the title we sent,
 * and our description or at least the article's address in it. */

#include "adapters/youtube_internal.h"

#include <stdio.h>
#include <string.h>

#include "adapters/record.h"
#include "base/json.h"

#define PAGE_SIZE 50 /* the most there is at once */
#define PLAYLIST_BYTES 128
#define LEARNED_FOR_MS MS_DAY

static const struct step harmless = {.repeatable = true};

/* Of the delivery in doubt; it may stand in either. */
static const char *noted(const struct step_ctx *ctx, const char *name)
{
    const char *text = record_str(ctx->record, name);

    return text ? text : post_str(ctx, name);
}

static int64_t noted_int(const struct step_ctx *ctx, const char *name)
{
    int64_t v = record_int(ctx->record, name);

    return v > 0 ? v : record_int(ctx->post, name);
}

/* ---- the session ---- */

enum err_code
youtube__build_probe(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    const char *session = record_url(ctx->record, "session");

    (void)why;
    session = session ? session : record_url(ctx->post, "session");
    if (!session) {
        req->skip = true;
        return ERR_NONE;
    }
    youtube__probe(ctx, req, session, noted_int(ctx, "total"));
    return ERR_NONE;
}

static void keep_texts(struct step_ctx *ctx)
{
    static const char *const kept[] = {"title", "text", NULL};

    record_keep(ctx, kept);
}

struct verdict youtube__read_probe(struct step_ctx *ctx, const struct http_response *res)
{
    json_t *video = res->status == 200 || res->status == 201 ? http_json(res) : NULL;
    bool found = youtube__found(ctx, video);

    json_decref(video);
    if (found) {
        keep_texts(ctx);
        return verdict_done();
    }
    if (res->status == 308) {
        return verdict_make(
            VERDICT_ABSENT, SCOPE_POST, 0, "the upload is not complete, so there is no video");
    }
    if (res->status == 404 || res->status == 410 || res->status == 200 || res->status == 201) {
        return verdict_next(); /* it knows nothing any more: the channel does */
    }
    return youtube__session_trouble(&harmless, res);
}

/* ---- the channel ---- */

enum err_code
youtube__build_test(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    (void)why;
    youtube__request(ctx,
                     req,
                     HTTP_GET,
                     youtube__settings(ctx)->api,
                     "/youtube/v3/channels?part=snippet,contentDetails&mine=true");
    return ERR_NONE;
}

static bool is_playlist(const char *text)
{
    size_t len = text ? strlen(text) : 0;

    return len > 0 && len < PLAYLIST_BYTES &&
           strspn(text, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_") ==
               len;
}

enum err_code
youtube__build_channel(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    int64_t age_ms = ctx->now_ms - record_int(ctx->account, "uploads_at_ms");

    /* Another account may have signed in since. */
    if (is_playlist(record_str(ctx->account, "uploads")) && age_ms >= 0 &&
        age_ms < LEARNED_FOR_MS) {
        req->skip = true;
        return ERR_NONE;
    }
    return youtube__build_test(ctx, req, why);
}

static struct verdict learn(struct step_ctx *ctx, const json_t *channel)
{
    const char *uploads = json_string_value(
        json_path(channel, "contentDetails", "relatedPlaylists", "uploads", NULL));

    if (!channel) {
        return verdict_make(
            VERDICT_BLOCKED, SCOPE_CHANNEL, 0, "this Google account has no YouTube channel");
    }
    if (!is_playlist(uploads)) {
        return verdict_make(
            VERDICT_AGAIN, SCOPE_POST, 0, "200: it does not tell the channel's uploads");
    }
    json_set_str(ctx->account, "uploads", uploads);
    record_set_int(ctx->account, "uploads_at_ms", ctx->now_ms);
    return verdict_next();
}

struct verdict youtube__read_channel(struct step_ctx *ctx, const struct http_response *res)
{
    json_t *body = res->status == 200 ? http_json(res) : NULL;
    struct verdict v;

    if (!json_is_object(body)) {
        json_decref(body);
        return youtube__trouble(&harmless, res);
    }
    v = learn(ctx, json_array_get(json_object_get(body, "items"), 0));
    json_decref(body);
    return v;
}

struct verdict youtube__read_test(struct step_ctx *ctx, const struct http_response *res)
{
    struct verdict v = youtube__read_channel(ctx, res);
    json_t *body;
    const char *title;

    if (v.kind != VERDICT_NEXT) {
        return v;
    }
    body = http_json(res);
    title = json_string_value(
        json_path(json_array_get(json_object_get(body, "items"), 0), "snippet", "title", NULL));
    v = verdict_make(VERDICT_DONE, SCOPE_POST, 0, "signed in as %.100s", title ? title : "?");
    json_decref(body);
    return v;
}

/* ---- its uploads ---- */

enum err_code
youtube__build_find(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    const char *uploads = record_str(ctx->account, "uploads");

    if (!is_playlist(uploads)) {
        return err_set(why, ERR_NOT_FOUND, "the channel's playlist of uploads is not known");
    }
    youtube__request(ctx,
                     req,
                     HTTP_GET,
                     youtube__settings(ctx)->api,
                     "/youtube/v3/playlistItems?part=snippet&maxResults=%d&playlistId=%s",
                     PAGE_SIZE,
                     uploads);
    return ERR_NONE;
}

static bool is_older(const struct step_ctx *ctx, const json_t *snippet, int64_t by_ms)
{
    const char *at = record_str(snippet, "publishedAt");
    int64_t at_ms;

    return at && time_parse_rfc3339(at, strlen(at), &at_ms) &&
           at_ms < ctx->created_at_ms - by_ms;
}

enum likeness { ANOTHER, ALIKE, OURS };

static enum likeness compare(const struct step_ctx *ctx, const json_t *snippet)
{
    const char *title = record_str(snippet, "title"), *sent = noted(ctx, "title");
    const char *said = record_str(snippet, "description"), *text = noted(ctx, "text");

    if (!title || !sent || strcmp(title, sent) != 0) {
        return ANOTHER;
    }
    return said && ((text && strcmp(said, text) == 0) || strstr(said, ctx->link) ||
                    strstr(said, ctx->article->url))
               ? OURS
               : ALIKE;
}

static struct verdict end_found(struct step_ctx *ctx, const json_t *snippet)
{
    json_t *video;
    bool found;

    if (is_older(ctx, snippet, ADAPTER_CLOCK_DIFFERENCE_MS)) {
        return verdict_make(VERDICT_UNKNOWN, SCOPE_POST, 0, "%s", ADAPTER_SEEMS_OLDER);
    }
    video = json_object();
    json_set_str(
        video, "id", json_string_value(json_path(snippet, "resourceId", "videoId", NULL)));
    found = youtube__found(ctx, video);
    json_decref(video);
    if (!found) {
        return verdict_make(VERDICT_UNKNOWN, SCOPE_POST, 0, "it is there, without an id");
    }
    keep_texts(ctx);
    return verdict_done();
}

static struct verdict look_through(struct step_ctx *ctx, const json_t *items)
{
    bool alike = false, reached = json_array_size(items) < PAGE_SIZE;
    json_t *item;
    size_t i;

    json_array_foreach(items, i, item)
    {
        const json_t *snippet = json_object_get(item, "snippet");
        enum likeness like = compare(ctx, snippet);

        if (is_older(ctx, snippet, ADAPTER_CLOCK_WRONG_MS)) {
            reached = true;
            continue;
        }
        if (like == OURS) {
            return end_found(ctx, snippet);
        }
        alike = alike || like == ALIKE;
    }
    if (alike || !reached) {
        return verdict_make(VERDICT_UNKNOWN,
                            SCOPE_POST,
                            0,
                            "%s",
                            alike ? "a video of that title is there, with another description"
                                  : "too much was uploaded since to look through");
    }
    return verdict_make(VERDICT_ABSENT, SCOPE_POST, 0, "the channel has no such video");
}

struct verdict youtube__read_find(struct step_ctx *ctx, const struct http_response *res)
{
    json_t *body = res->status == 200 ? http_json(res) : NULL;
    const json_t *items = json_object_get(body, "items");
    struct verdict v;

    if (json_is_array(items)) {
        v = look_through(ctx, items);
    } else if (res->status == 404) { /* a channel without any upload has no such list yet */
        v = verdict_make(VERDICT_ABSENT, SCOPE_POST, 0, "404: the channel has no uploads");
    } else {
        v = youtube__trouble(&harmless, res);
    }
    json_decref(body);
    return v;
}
