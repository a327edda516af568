#ifndef CRIER_ADAPTERS_MISSKEY_INTERNAL_H
#define CRIER_ADAPTERS_MISSKEY_INTERNAL_H

/* Shared between the files of the Misskey adapter:
 *   misskey.c          settings, limits, courses, how to set it up
 *   misskey_note.c     the server's limits, the picture, the note
 *   misskey_renew.c    another note in place of one that stands
 *   misskey_gone.c     which notes of an article stand; their removal
 *   misskey_verify.c   whose token this is; finding our note after an unknown outcome
 *   misskey_trouble.c  requests to the server, and from its error answers to verdicts
 *
 * Members of ctx->record:
 *   remote_id remote_url     the note, and its page
 *   text cw                  as sent, fixed by the first request of the delivery
 *   media_id media_url media_off media_since_ms   the picture (picture.h)
 *   media_again              the server lost it and it was uploaded anew; there is no third time
 *   standing                 all our notes of this article that stand, oldest first
 *   sent_at_ms               update: when a note left whose answer is not known
 *   left                     ids still to be deleted, in this order
 * Members of ctx->account: limits {instance, at_ms, text_characters}; id, username, instance. */

#include "adapters/adapter.h"
#include "base/secret.h"

enum misskey_media { MISSKEY_MEDIA_AUTO, MISSKEY_MEDIA_NEVER };
enum misskey_on_update { MISSKEY_REPLACE, MISSKEY_REPLY, MISSKEY_IGNORE };

struct misskey_settings {
    char *instance;
    struct secret token;
    int visibility; /* index in misskey__visibilities */
    struct mustache *cw;
    bool local_only;
    bool sensitive;
    struct mustache *text;
    int media; /* enum misskey_media */
    int64_t max_characters;
    int on_update; /* enum misskey_on_update */
};
extern const char *const misskey__visibilities[];

enum { MISSKEY_LIMIT_TEXT, MISSKEY_LIMIT_CW, MISSKEY_LIMIT_ALT };
extern const struct text_rule misskey__limits[];

#define MISSKEY_IMAGE_BYTES ((size_t)10 * 1024 * 1024)

static inline const struct misskey_settings *misskey__settings(const struct step_ctx *ctx)
{
    return ctx->settings;
}
/* An update that this channel leaves alone. */
bool misskey__nothing_to_do(const struct step_ctx *ctx);

/* POST to an endpoint; body, taken, gets the token. */
void misskey__request(const struct step_ctx *ctx,
                      struct http_request *req,
                      const char *endpoint,
                      json_t *body_taken);
/* The verdict on any answer that is not the one hoped for. `publishes`: of the step that makes the note. */
struct verdict misskey__trouble(const struct http_response *res, bool publishes);
bool misskey__error_is(const struct http_response *res, const char *code);
/* An id as the server makes them (several ways); NULL when it is none. */
const char *misskey__id(const json_t *entity);
/* The page of a note. */
void misskey__page(const struct step_ctx *ctx, const char *id, struct buf *out);
/* The id of a note by it or by its page on this instance; NULL when neither names one. Copied to out. */
#define MISSKEY_ID_BYTES 65
const char *misskey__note_id(const struct misskey_settings *s,
                             const char *remote_id,
                             const char *link,
                             char out[MISSKEY_ID_BYTES]);
/* Note that the note of this delivery stands, beside those before it. */
void misskey__note_standing(struct step_ctx *ctx, const char *id);

/* What stands now is this note. */
void misskey__take_note(struct step_ctx *ctx, const char *id);

bool misskey__media_wanted(const struct step_ctx *ctx);
enum err_code
misskey__build_limits(struct step_ctx *ctx, struct http_request *req, struct err *why);
struct verdict misskey__read_limits(struct step_ctx *ctx, const struct http_response *res);
enum err_code
misskey__build_upload(struct step_ctx *ctx, struct http_request *req, struct err *why);
struct verdict misskey__read_upload(struct step_ctx *ctx, const struct http_response *res);
enum err_code
misskey__build_note(struct step_ctx *ctx, struct http_request *req, struct err *why);
struct verdict misskey__read_note(struct step_ctx *ctx, const struct http_response *res);
enum err_code
misskey__build_renew(struct step_ctx *ctx, struct http_request *req, struct err *why);
struct verdict misskey__read_renew(struct step_ctx *ctx, const struct http_response *res);
struct verdict misskey__unanswered_renew(struct step_ctx *ctx,
                                         enum transport_outcome outcome,
                                         const char *error);
enum err_code
misskey__build_find_new(struct step_ctx *ctx, struct http_request *req, struct err *why);
struct verdict misskey__read_find_new(struct step_ctx *ctx, const struct http_response *res);
enum err_code
misskey__build_delete(struct step_ctx *ctx, struct http_request *req, struct err *why);
struct verdict misskey__read_delete(struct step_ctx *ctx, const struct http_response *res);
enum err_code
misskey__build_whoami(struct step_ctx *ctx, struct http_request *req, struct err *why);
struct verdict misskey__read_whoami(struct step_ctx *ctx, const struct http_response *res);
struct verdict misskey__read_test(struct step_ctx *ctx, const struct http_response *res);
enum err_code
misskey__build_find(struct step_ctx *ctx, struct http_request *req, struct err *why);
struct verdict misskey__read_find(struct step_ctx *ctx, const struct http_response *res);

#endif
