#ifndef CRIER_ADAPTERS_TELEGRAM_INTERNAL_H
#define CRIER_ADAPTERS_TELEGRAM_INTERNAL_H

/* Shared by telegram*.c and their tests only. */

#include "adapters/adapter.h"
#include "base/buf.h"

enum telegram_parse_mode { PARSE_HTML, PARSE_NONE };
enum telegram_photo { PHOTO_AUTO, PHOTO_NEVER };
enum telegram_preview { PREVIEW_LARGE, PREVIEW_SMALL, PREVIEW_NONE };

struct telegram_settings {
    struct secret token;
    char *chat;
    char *api_base;
    int64_t thread;
    struct mustache *text, *retraction;
    int parse_mode; /* enum telegram_parse_mode */
    int photo;      /* enum telegram_photo */
    int preview;    /* enum telegram_preview */
    bool preview_above, silent, silent_unless_breaking, protect;
    char *button;
};

enum { LIMIT_TEXT, LIMIT_CAPTION };
extern const struct text_rule telegram__limits[];

/* The courses, for what a refusal means to the step it came to. */
extern const struct step telegram__publish[], telegram__update[], telegram__retract[],
    telegram__test[];

/* What may stand behind the @ of a public chat. */
bool telegram__is_name(const char *text);

/* Which message a person means by "CHAT/ID" or by its link (https://t.me/NAME/ID,
 * https://t.me/c/NUMBER/ID, with a topic before the ID too). Either may be NULL; false when neither
 * says it. */
struct telegram_post {
    char chat[72]; /* as the API takes it: "@name", or a number */
    int64_t message_id;
};
bool telegram__post_read(struct telegram_post *out, const char *remote_id, const char *link);
/* The message that stands, from the post's record or else from its names, which then are noted in
 * the delivery's own record. False: it is not known. */
bool telegram__know_post(struct step_ctx *ctx);
int64_t telegram__message_id(const struct step_ctx *ctx); /* 0: telegram__know_post() first */

/* The chat a delivery is about, before it became another one: the post's, or the settings'. */
const char *telegram__named_chat(const struct step_ctx *ctx);

MUST_USE enum err_code
telegram__photo_build(struct step_ctx *ctx, struct http_request *req, struct err *why);
MUST_USE enum err_code
telegram__text_build(struct step_ctx *ctx, struct http_request *req, struct err *why);
MUST_USE enum err_code
telegram__edit_build(struct step_ctx *ctx, struct http_request *req, struct err *why);
MUST_USE enum err_code
telegram__delete_build(struct step_ctx *ctx, struct http_request *req, struct err *why);
MUST_USE enum err_code
telegram__retracted_build(struct step_ctx *ctx, struct http_request *req, struct err *why);
MUST_USE enum err_code
telegram__me_build(struct step_ctx *ctx, struct http_request *req, struct err *why);
MUST_USE enum err_code
telegram__chat_build(struct step_ctx *ctx, struct http_request *req, struct err *why);
struct verdict telegram__photo_read(struct step_ctx *ctx, const struct http_response *res);
struct verdict telegram__text_read(struct step_ctx *ctx, const struct http_response *res);
struct verdict telegram__edit_read(struct step_ctx *ctx, const struct http_response *res);
struct verdict telegram__delete_read(struct step_ctx *ctx, const struct http_response *res);
struct verdict telegram__retracted_read(struct step_ctx *ctx, const struct http_response *res);
struct verdict telegram__me_read(struct step_ctx *ctx, const struct http_response *res);
struct verdict telegram__chat_read(struct step_ctx *ctx, const struct http_response *res);

/* Text for Telegram's HTML: & < > " as the only named entities it knows. */
void telegram__escape(struct buf *out, const char *text, size_t len);
/* What Telegram counts: tags dropped, entities decoded. A '<' that begins no tag and a '&' that
 * begins no entity stand for themselves. */
void telegram__strip(struct buf *out, const char *html, size_t len);

#endif
