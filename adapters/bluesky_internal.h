#ifndef CRIER_ADAPTERS_BLUESKY_INTERNAL_H
#define CRIER_ADAPTERS_BLUESKY_INTERNAL_H

/* Shared between the files of the Bluesky adapter:
 *   bluesky.c          settings, limits, courses, how to set it up
 *   bluesky_session.c  signing in, staying signed in
 *   bluesky_post.c     the requests about a post: picture, put, look
 *   bluesky_standing.c which posts stand; their removal
 *   bluesky_record.c   the post itself, as the lexicon app.bsky.feed.post has it
 *   bluesky_facets.c   what in a text is a link or a hashtag, by byte offsets
 *   bluesky_tid.c      record keys
 *   bluesky_trouble.c  from error answers to verdicts
 *
 * Members of ctx->record:
 *   remote_id remote_url cid text   of the post: at:// address, page, content hash, text as sent
 *   did rkey post                   whose repository, the record's key, the record itself: fixed before
 *                                   the first request that could make it public, the same bytes on every
 *                                   attempt
 *   standing                        keys of all our posts of this article that stand, oldest first; the
 *                                   last is this delivery's, from before its request leaves
 *   root                            {uri, cid}: where the thread begins that corrections reply to
 *   thumb thumb_url thumb_width thumb_height
 *                                   the uploaded picture (a blob, as the server gave it), and the picture
 *                                   it was made from
 *   thumb_off                       why the post goes without a picture, for people
 *   thumb_since_ms thumb_again      when its upload began; it was uploaded anew, there is no third time
 *   session_rounds                  how often the server refused our token, in a row
 *   left                            keys still to be deleted
 *   delete_tries delete_tried_ms    how often the first of them was tried, and when last
 * Members of ctx->account: identifier, host (which settings the session belongs to), did, handle, pds
 * (where the repository is kept), access, refresh (tokens), renewed_at_ms (when they came). */

#include "adapters/adapter.h"
#include "base/secret.h"

enum bluesky_card { BLUESKY_CARD_AUTO, BLUESKY_CARD_NEVER };
enum bluesky_on_update { BLUESKY_REPLACE, BLUESKY_REPLY, BLUESKY_IGNORE };

struct bluesky_settings {
    char *identifier;
    struct secret password;
    char *host;
    struct mustache *text;
    int card; /* enum bluesky_card */
    struct strings langs;
    bool tags;
    struct strings labels;
    int on_update; /* enum bluesky_on_update */
    char *post_url_base;
};

enum {
    BLUESKY_LIMIT_TEXT,
    BLUESKY_LIMIT_CARD_TITLE,
    BLUESKY_LIMIT_CARD_DESCRIPTION,
    BLUESKY_LIMIT_ALT,
    BLUESKY_LIMIT_TAG,
};
extern const struct text_rule bluesky__limits[];

#define BLUESKY_COLLECTION "app.bsky.feed.post"
#define BLUESKY_THUMB_BYTES 1000000 /* lexicon app.bsky.embed.external, thumb */
#define BLUESKY_IMAGE_BYTES 2000000 /* lexicon app.bsky.embed.images, image */
#define BLUESKY_LANGS_MAX 3
#define BLUESKY_TAGS_MAX 8
#define BLUESKY_LABELS_MAX 10

static inline const struct bluesky_settings *bluesky__settings(const struct step_ctx *ctx)
{
    return ctx->settings;
}
/* An update that this channel leaves alone. */
bool bluesky__nothing_to_do(const struct step_ctx *ctx);

/* Record keys: 13 characters of base32-sortable over 53 bits of microseconds and 10 bits of
 * clock id (https://atproto.com/specs/tid). */
#define BLUESKY_TID_BYTES 14
void bluesky__tid_encode(uint64_t micros, unsigned clock_id, char out[BLUESKY_TID_BYTES]);
/* The key of a delivery: its time of making, the rest from its key. The same every time. */
void bluesky__tid(int64_t created_at_ms, const char *key, char out[BLUESKY_TID_BYTES]);

/* The facets of a text: links and hashtags in order of their place, none overlapping. New
 * reference, an array, empty when there are none. */
json_t *bluesky__facets(const char *text);

/* Whether text is a language tag as the lexicons take it (BCP 47). */
bool bluesky__is_language(const char *text);
/* Make the record of the post of this delivery, and its text, in ctx->record, once. */
MUST_USE enum err_code bluesky__make_record(struct step_ctx *ctx, struct err *why);

/* Method, address, token and Accept of a request to the account's own server. */
void bluesky__request(const struct step_ctx *ctx,
                      struct http_request *req,
                      enum http_method method,
                      const char *nsid);
/* The same without a token, for what everybody may read. */
void bluesky__request_open(const struct step_ctx *ctx,
                           struct http_request *req,
                           enum http_method method,
                           const char *nsid);
const char *bluesky__did(const struct step_ctx *ctx); /* NULL before the first session */
/* How long a token lives, from its claims iat and exp; 0 when it does not say. */
int64_t bluesky__token_life_ms(const char *jwt);
/* True when the answer refuses our token; *out is then how to go on. */
bool bluesky__token_refused(struct step_ctx *ctx,
                            const struct http_response *res,
                            struct verdict *out);

/* The last part of an at:// address; NULL when it has none. */
const char *bluesky__key_of(const char *uri);
/* Note in the record which posts stand, or may, with that of this delivery. */
void bluesky__note_standing(struct step_ctx *ctx);
/* When a person has named the post that stands: it is this account's. Deleting a key in another
 * account's place would do nothing and look like success. */
MUST_USE enum err_code bluesky__names_are_ours(const struct step_ctx *ctx, struct err *why);

/* "Name: message" of an error answer, appended. */
void bluesky__error_text(struct buf *out, const struct http_response *res);
bool bluesky__error_is(const struct http_response *res, const char *name);
/* The verdict on any answer that is not the one hoped for. */
struct verdict bluesky__trouble(const struct http_response *res);

enum err_code
bluesky__build_refresh(struct step_ctx *ctx, struct http_request *req, struct err *why);
struct verdict bluesky__read_refresh(struct step_ctx *ctx, const struct http_response *res);
enum err_code
bluesky__build_create(struct step_ctx *ctx, struct http_request *req, struct err *why);
struct verdict bluesky__read_create(struct step_ctx *ctx, const struct http_response *res);
enum err_code
bluesky__build_session(struct step_ctx *ctx, struct http_request *req, struct err *why);
struct verdict bluesky__read_session(struct step_ctx *ctx, const struct http_response *res);
void bluesky__thumb_bounds(const struct step_ctx *ctx, struct media_bounds *bounds);
bool bluesky__thumb_wanted(const struct step_ctx *ctx);
enum err_code
bluesky__build_thumb(struct step_ctx *ctx, struct http_request *req, struct err *why);
struct verdict bluesky__read_thumb(struct step_ctx *ctx, const struct http_response *res);
enum err_code
bluesky__build_put(struct step_ctx *ctx, struct http_request *req, struct err *why);
struct verdict bluesky__read_put(struct step_ctx *ctx, const struct http_response *res);
enum err_code
bluesky__build_delete(struct step_ctx *ctx, struct http_request *req, struct err *why);
struct verdict bluesky__read_delete(struct step_ctx *ctx, const struct http_response *res);
enum err_code
bluesky__build_look(struct step_ctx *ctx, struct http_request *req, struct err *why);
struct verdict bluesky__read_look(struct step_ctx *ctx, const struct http_response *res);

#endif
