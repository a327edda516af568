#ifndef CRIER_ADAPTERS_WHATSAPP_INTERNAL_H
#define CRIER_ADAPTERS_WHATSAPP_INTERNAL_H

/* Shared by WhatsApp's files: whatsapp.c (settings, courses), whatsapp_message.c (the template's values and one
 * message), whatsapp_read.c (answers), whatsapp_hook.c (what Meta calls us with), whatsapp_address.c. */

#include "adapters/adapter.h"
#include "adapters/graph.h"
#include "base/field.h"

enum whatsapp_limit { WHATSAPP_LIMIT_BODY, WHATSAPP_LIMIT_HEADER, WHATSAPP_LIMIT_BUTTON };
extern const struct text_rule whatsapp__limits[];

enum whatsapp_header { WHATSAPP_HEADER_NONE, WHATSAPP_HEADER_PICTURE, WHATSAPP_HEADER_TEXT };
enum whatsapp_endpoint { WHATSAPP_MESSAGES, WHATSAPP_MARKETING };
enum whatsapp_update { WHATSAPP_UPDATE_IGNORE, WHATSAPP_UPDATE_SEND };

struct whatsapp_settings {
    char *api, *phone_number_id;
    struct secret token, app_secret, verify_token;
    char *template_name, *update_template;
    char *language;            /* the template's, for who has none of `languages` */
    struct pairs languages;    /* of a member, to that of the template */
    struct strings body;       /* Mustache, in the order of the template's variables */
    struct strings body_names; /* of named variables; none: they are numbered */
    int64_t template_length;   /* of the template's own words */
    int header;
    struct mustache *header_text, *button;
    char *picture_default;
    int endpoint, on_update;
    struct strings stop_words, start_words;
};

const struct whatsapp_settings *whatsapp__settings(const struct step_ctx *ctx);
extern const struct audience whatsapp__audience;

/* whatsapp_message.c */
/* Whether all templates of a list can be read; ERR_INVALID: why names the key first. */
enum err_code whatsapp__check_body(const struct whatsapp_settings *s, struct err *why);
bool whatsapp__wants_picture(const struct step_ctx *ctx);
void whatsapp__wish(const struct step_ctx *ctx, struct media_wish *wish);
/* What all messages share, into the record; sends nothing. */
enum err_code
whatsapp__prepare(struct step_ctx *ctx, struct http_request *req, struct err *why);
enum err_code whatsapp__build(struct step_ctx *ctx, struct http_request *req, struct err *why);
enum err_code
whatsapp__build_number(struct step_ctx *ctx, struct http_request *req, struct err *why);
struct verdict whatsapp__read_prepared(struct step_ctx *ctx, const struct http_response *res);

/* whatsapp_read.c */
struct verdict whatsapp__read(struct step_ctx *ctx, const struct http_response *res);
struct verdict
whatsapp__unanswered(struct step_ctx *ctx, enum transport_outcome outcome, const char *error);
struct verdict whatsapp__read_number(struct step_ctx *ctx, const struct http_response *res);
/* What a code means for one member, as told by an answer or a webhook; true: it is no word on the member but
 * on us, and stops the channel. */
enum member_outcome whatsapp__outcome(int64_t code, bool *out_stops_channel);

/* whatsapp_address.c */
bool whatsapp__address(const char *text, char *out);
/* The other form that WhatsApp may know the same number by; false: there is none. */
bool whatsapp__other_address(const char *address, char *out);

/* whatsapp_hook.c */
const char *whatsapp__challenge(const void *settings,
                                const char *mode,
                                const char *token,
                                const char *challenge);
enum audience_signed whatsapp__check(const void *settings, const struct audience_call *call);
bool whatsapp__read_hook(const void *settings,
                         const struct audience_call *call,
                         struct member_news_list *out);

#endif
