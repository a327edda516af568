/* From YouTube's error answers to verdicts, and the ids of videos. Called by every `read` of the adapter
 * for answers that are not the one hoped for. Source:
 * https://developers.google.com/youtube/v3/docs/errors (2026). */

#include "adapters/youtube_internal.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "adapters/record.h"
#include "adapters/upload.h"
#include "base/url.h"

// clang-format off
static const struct google_row rows[] = {
    /* of the channel, whatever the project's quota says */
    {"uploadLimitExceeded",      VERDICT_AGAIN,    SCOPE_CHANNEL, GOOGLE_DAY,     "the channel's uploads of the day are used up"},
    {"youtubeSignupRequired",    VERDICT_BLOCKED,  SCOPE_CHANNEL, GOOGLE_BACKOFF, "this Google account has no YouTube channel"},
    {"authorizationRequired",    VERDICT_BLOCKED,  SCOPE_CHANNEL, GOOGLE_BACKOFF, NULL},
    {"channelSuspended",         VERDICT_BLOCKED,  SCOPE_CHANNEL, GOOGLE_BACKOFF, NULL},
    {"channelClosed",            VERDICT_BLOCKED,  SCOPE_CHANNEL, GOOGLE_BACKOFF, NULL},
    {"invalidTitle",             VERDICT_REJECTED, SCOPE_POST,    GOOGLE_BACKOFF, NULL},
    {"invalidDescription",       VERDICT_REJECTED, SCOPE_POST,    GOOGLE_BACKOFF, NULL},
    {"invalidTags",              VERDICT_REJECTED, SCOPE_POST,    GOOGLE_BACKOFF, NULL},
    {"invalidCategoryId",        VERDICT_REJECTED, SCOPE_POST,    GOOGLE_BACKOFF, "see the setting `category`"},
    {"invalidPublishAt",         VERDICT_REJECTED, SCOPE_POST,    GOOGLE_BACKOFF, NULL},
    {"invalidVideoMetadata",     VERDICT_REJECTED, SCOPE_POST,    GOOGLE_BACKOFF, NULL},
    {"invalidVideoGameRating",   VERDICT_REJECTED, SCOPE_POST,    GOOGLE_BACKOFF, NULL},
    {"invalidRecordingDetails",  VERDICT_REJECTED, SCOPE_POST,    GOOGLE_BACKOFF, NULL},
    {"invalidFilename",          VERDICT_REJECTED, SCOPE_POST,    GOOGLE_BACKOFF, NULL},
    {"defaultLanguageNotSet",    VERDICT_REJECTED, SCOPE_POST,    GOOGLE_BACKOFF, "see the setting `language`"},
    {"mediaBodyRequired",        VERDICT_REJECTED, SCOPE_POST,    GOOGLE_BACKOFF, NULL},
    /* of one video: everything else that is forbidden is so to the whole channel */
    {"forbiddenPrivacySetting",  VERDICT_REJECTED, SCOPE_POST,    GOOGLE_BACKOFF, "see the setting `privacy`"},
    {"forbiddenLicenseSetting",  VERDICT_REJECTED, SCOPE_POST,    GOOGLE_BACKOFF, NULL},
    {"videoNotFound",            VERDICT_REJECTED, SCOPE_POST,    GOOGLE_BACKOFF, "the video is not there any more"},
    GOOGLE_ROW_END,
};
// clang-format on

struct verdict youtube__trouble(const struct step *step, const struct http_response *res)
{
    return google_trouble(rows, step, res, true);
}

struct verdict youtube__session_trouble(const struct step *step,
                                        const struct http_response *res)
{
    return google_trouble(rows, step, res, false);
}

/* ---- ids ---- */

static bool is_id(const char *text, size_t len)
{
    return len == YOUTUBE_ID_BYTES - 1 &&
           strspn(text, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_") >=
               len;
}

static bool ends_in(const struct url_parts *url, const char *host)
{
    size_t len = strlen(host);

    return url->host_len >= len &&
           strncasecmp(url->host + url->host_len - len, host, len) == 0 &&
           (url->host_len == len || url->host[url->host_len - len - 1] == '.');
}

/* https://www.youtube.com/watch?v=ID, /shorts/ID, /live/ID, /embed/ID, https://youtu.be/ID */
static bool id_in_link(const char *link, char out[YOUTUBE_ID_BYTES])
{
    static const char *const folders[] = {"/shorts/", "/live/", "/embed/", "/v/"};
    struct url_parts url;
    struct buf id;
    const char *at = NULL;
    bool found = false;

    if (!link || !url_parse(&url, link)) {
        return false;
    }
    buf_init(&id, 256);
    if (ends_in(&url, "youtu.be") && url.path_len > 1) {
        at = url.path + 1;
    } else if (ends_in(&url, "youtube.com")) {
        for (size_t i = 0; i < ARRAY_LEN(folders) && !at; i++) {
            size_t len = strlen(folders[i]);

            at = strncmp(url.path, folders[i], len) == 0 ? url.path + len : NULL;
        }
        found = !at && url.query && url_query_get(&id, url.query, url.query_len, "v");
    }
    if (at) {
        buf_add(&id, at, strcspn(at, "/?#"));
        found = true;
    }
    found = found && buf_ok(&id) && is_id(buf_str(&id), id.len);
    if (found) {
        (void)snprintf(out, YOUTUBE_ID_BYTES, "%s", buf_str(&id));
    }
    buf_done(&id);
    return found;
}

const char *
youtube__video_id(const char *remote_id, const char *link, char out[YOUTUBE_ID_BYTES])
{
    if (remote_id && is_id(remote_id, strlen(remote_id))) {
        (void)snprintf(out, YOUTUBE_ID_BYTES, "%s", remote_id);
        return out;
    }
    return id_in_link(remote_id, out) || id_in_link(link, out) ? out : NULL;
}

bool youtube__found(struct step_ctx *ctx, const json_t *video)
{
    static const char *const done[] = {"session",
                                       "session_at_ms",
                                       "offset",
                                       UPLOAD_MEMBERS,
                                       "sent_at_ms",
                                       "asked",
                                       "sessions",
                                       "stalls",
                                       "pieces",
                                       NULL};
    const char *id = record_str(video, "id");
    char link[64];

    if (!id || !is_id(id, strlen(id))) {
        return false;
    }
    (void)snprintf(link, sizeof link, "https://www.youtube.com/watch?v=%s", id);
    post_set(ctx, id, link);
    for (size_t i = 0; done[i]; i++) {
        record_drop(ctx->record, done[i]);
    }
    return true;
}
