#ifndef CRIER_ADAPTERS_EMAIL_INTERNAL_H
#define CRIER_ADAPTERS_EMAIL_INTERNAL_H

/* Shared by the e-mail adapter's files: email.c (settings and courses), email_address.c (addresses,
 * the server's too), email_message.c (one reader's mail), email_readers.c (who has it, who does not,
 * in the record), email_send.c (the steps), email_reply.c (what a reply means). */

#include "adapters/adapter.h"
#include "base/field.h"

enum email_tls { EMAIL_STARTTLS, EMAIL_IMPLICIT, EMAIL_OPPORTUNISTIC, EMAIL_NO_TLS };

struct email_settings {
    char *server;
    int tls; /* enum email_tls */
    char *user;
    struct secret password;
    char *hello;
    char *from, *bounces, *reply_to; /* mailboxes; bounces: an address */
    struct strings to;
    struct mustache *subject, *text, *html; /* NULL: the built-in ones */
    bool picture, retraction_notice;
    struct mustache *unsubscribe_url;
    struct secret unsubscribe_secret;
    char *unsubscribe_mail;
    char *list_id;
};

static inline const struct email_settings *email__settings(const struct step_ctx *ctx)
{
    return ctx->settings;
}

enum { EMAIL_LIMIT_SUBJECT, EMAIL_LIMIT_TEXT, EMAIL_LIMIT_HTML };
extern const struct text_rule email__limits[];
extern const char
    *const email__body_names[]; /* variables of templates, besides the common ones */
extern const char *const email__unsubscribe_names[];

/* ---- email_address.c ---- */

/* "Example News <news@example.org>", or the address alone. */
struct email_mailbox {
    char *display; /* "": none */
    char *address; /* as written; readers are told apart by its lower-case form */
    char *key;     /* that form */
};
/* ERR_INVALID: why says what is wrong, and begins with the key of the setting. */
MUST_USE enum err_code email__mailbox_read(struct email_mailbox *out,
                                           const char *setting,
                                           const char *text,
                                           struct err *why);
void email__mailbox_done(struct email_mailbox *m);
bool email__is_domain(const char *text, size_t len);
/* Behind the @. */
const char *email__domain(const struct email_mailbox *m);

/* "mail.example:587", "[2001:db8::1]:25", "127.0.0.1": slices of the text. */
struct email_server {
    const char *host;
    size_t host_len;
    int port; /* 0: none given */
};
bool email__server_read(struct email_server *out, const char *text);
bool email__server_is_loopback(const struct email_server *server);
/* The one given, or the usual one of this kind of connection. */
int email__port(const struct email_settings *s, const struct email_server *server);

/* ---- email_message.c ---- */

/* The whole message of one reader into out; the same bytes at every attempt. thread: the record's
 * member of that name; answers: the reader has the first mail of it. */
MUST_USE enum err_code email__message(struct step_ctx *ctx,
                                      const struct email_mailbox *reader,
                                      const json_t *thread,
                                      bool answers,
                                      struct buf *out,
                                      struct err *why);
/* "<…@domain>": the id of a reader's mail, of a key of 64 hex digits (or its first 32). */
void email__message_id(struct buf *out,
                       const char *key,
                       const struct email_mailbox *reader,
                       const char *domain);
/* What stands in the mail, without what is one reader's own, for the record. */
MUST_USE enum err_code email__plain(struct step_ctx *ctx, struct buf *out, struct err *why);

/* ---- email_readers.c ---- */

/* Everything below is in ctx->record, under these names. */
#define EMAIL_SENT "sent"       /* {address: what the server said} */
#define EMAIL_REFUSED "refused" /* {address: {said, policy}} */
#define EMAIL_LATER "later"     /* {address: {said, wait_ms}}: again when nobody else is left */
#define EMAIL_IN_DOUBT "in_doubt" /* {address: true}: may have it, nobody knows */
#define EMAIL_THREAD "thread"     /* {key, domain}: of the first mail */
#define EMAIL_HAD_FIRST "readers" /* [address]: who has the first mail; absent: not known */

/* Brings the record up to date before a request is made: a thread, the readers of what stands, and
 * what was left in the middle. */
void email__readers_open(struct step_ctx *ctx);
/* The next one to write to; count gets how many are left with it. False: nobody is. */
bool email__readers_next(struct step_ctx *ctx, struct email_mailbox *out, size_t *count);
size_t email__readers_left(struct step_ctx *ctx);
size_t email__readers_total(struct step_ctx *ctx);
/* Writes down who is written to now. last: nobody else is left. */
void email__readers_begin(struct step_ctx *ctx, const char *address, bool last);
const char *email__readers_at_hand(const struct step_ctx *ctx); /* NULL: nobody */
void email__readers_drop_at_hand(struct step_ctx *ctx);
/* Files the one at hand under a name above. */
void email__readers_file(struct step_ctx *ctx, const char *name, json_t *value_taken);
/* Those who may have it were told of: whoever makes it go on wants them to get it (again). */
void email__readers_told(struct step_ctx *ctx);
/* Those refused for a reason that is ours get their turn when it goes on. */
void email__readers_forgive(struct step_ctx *ctx);
size_t email__readers_count(const struct step_ctx *ctx, const char *name);
bool email__had_first(const struct step_ctx *ctx, const char *key);

/* ---- email_send.c ---- */

enum err_code
email__build_more(struct step_ctx *ctx, struct http_request *req, struct err *why);
enum err_code
email__build_last(struct step_ctx *ctx, struct http_request *req, struct err *why);
struct verdict email__read(struct step_ctx *ctx, const struct http_response *res);
struct verdict
email__unanswered(struct step_ctx *ctx, enum transport_outcome outcome, const char *error);
enum err_code
email__build_noop(struct step_ctx *ctx, struct http_request *req, struct err *why);
struct verdict email__read_noop(struct step_ctx *ctx, const struct http_response *res);

/* ---- email_reply.c ---- */

enum email_meaning {
    EMAIL_TAKEN,     /* the server has the message */
    EMAIL_READER_NO, /* not to this reader */
    EMAIL_POLICY_NO, /* refused by policy: this reader's, or about us; if all say so, us */
    EMAIL_READER_LATER,
    EMAIL_MESSAGE_NO, /* not this message, to nobody */
    EMAIL_SERVER_LATER,
    EMAIL_US_NO, /* not from us: settings, credentials, reputation */
    EMAIL_UNCLEAR,
};
struct email_reply {
    enum email_meaning meaning;
    enum verdict_scope scope;        /* of SERVER_LATER */
    int64_t wait_ms;                 /* of what is to come later; 0: not told */
    char said[VERDICT_DETAIL_BYTES]; /* "550 5.1.1 No such user (RCPT TO)" */
};
void email__reply_read(struct email_reply *out, const struct http_response *res);

#endif
