/* One reader's mail: its header, a plain text and a page. Called by email_send.c, and for the text that
 * the ledger keeps. Pure: the same bytes at every attempt, since its times and ids are the delivery's,
 * so that a mail that came twice after all is recognised by its Message-ID.
 *
 * The page is simple on purpose. It sets no colours, so that dark and light readers both can read it,
 * one column, sizes in the reader's own font, the picture by its address with its alternative text,
 * headings and language marked for who listens to it.
 *
 * Unsubscribing by one click (RFC 8058): the token is an HMAC of channel and address, so the program
 * behind unsubscribe_url can check it without a table. Both fields must be signed by DKIM, which is the
 * mail server's part. */

#include "adapters/email_internal.h"

#include <string.h>

#include "adapters/fit.h"
#include "adapters/mime.h"
#include "adapters/record.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/mustache.h"
#include "base/url.h"

#define BODY_BYTES ((size_t)16 * 1024 * 1024)
#define URL_BYTES 900 /* it stands in a header line, which has 998 */
#define ID_DIGITS 32
#define READER_DIGITS 16

#define DEFAULT_SUBJECT                                                                        \
    "{{#retracted}}Withdrawn: {{/retracted}}{{#update}}Correction: {{/update}}{{title}}"

static const char default_text[] =
    "{{#retracted}}\n"
    "We have withdrawn this story. Please disregard our earlier message.\n"
    "\n"
    "{{/retracted}}\n"
    "{{#update}}\n"
    "This corrects our earlier message.\n"
    "\n"
    "{{/update}}\n"
    "{{title}}\n"
    "\n"
    "{{^retracted}}\n"
    "{{#summary}}\n"
    "{{summary}}\n"
    "\n"
    "{{/summary}}\n"
    "{{url}}\n"
    "\n"
    "{{/retracted}}\n"
    "-- \n"
    "{{site}}\n"
    "{{#unsubscribe_url}}\n"
    "Unsubscribe: {{unsubscribe_url}}\n"
    "{{/unsubscribe_url}}\n";

static const char default_html[] =
    "<!doctype html>\n"
    "<html lang=\"{{language}}\" dir=\"{{dir}}\">\n"
    "<head>\n"
    "<meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
    "<meta name=\"color-scheme\" content=\"light dark\">\n"
    "<meta name=\"supported-color-schemes\" content=\"light dark\">\n"
    "<title>{{subject}}</title>\n"
    "</head>\n"
    "<body style=\"margin:0;padding:16px\">\n"
    "<div role=\"article\" aria-label=\"{{subject}}\" lang=\"{{language}}\" dir=\"{{dir}}\" "
    "style=\"max-width:600px;margin:0 auto;font-family:Georgia,serif;line-height:1.5\">\n"
    "{{#retracted}}\n"
    "<p><strong>We have withdrawn this story.</strong> Please disregard our earlier "
    "message.</p>\n"
    "{{/retracted}}\n"
    "{{#update}}\n"
    "<p><strong>This corrects our earlier message.</strong></p>\n"
    "{{/update}}\n"
    "{{#retracted}}\n"
    "<h1 style=\"line-height:1.2\">{{title}}</h1>\n"
    "{{/retracted}}\n"
    "{{^retracted}}\n"
    "<h1 style=\"line-height:1.2\"><a href=\"{{url}}\" "
    "style=\"color:inherit\">{{title}}</a></h1>\n"
    "{{#image}}\n"
    "<p><img src=\"{{image}}\" alt=\"{{image_alt}}\" width=\"600\" "
    "style=\"display:block;width:100%;max-width:600px;height:auto;border:0\">\n"
    "{{#image_credit}}\n"
    "<small>{{image_credit}}</small>\n"
    "{{/image_credit}}\n"
    "</p>\n"
    "{{/image}}\n"
    "{{#summary}}\n"
    "<p>{{summary}}</p>\n"
    "{{/summary}}\n"
    "<p><a href=\"{{url}}\">{{url}}</a></p>\n"
    "{{/retracted}}\n"
    "<hr>\n"
    "<p><small>{{site}}{{#unsubscribe_url}} · "
    "<a href=\"{{unsubscribe_url}}\">Unsubscribe</a>{{/unsubscribe_url}}</small></p>\n"
    "</div>\n"
    "</body>\n"
    "</html>\n";

const char *const email__body_names[] = {
    "dir", "image_credit", "recipient", "retracted", "subject", "unsubscribe_url", NULL};
const char *const email__unsubscribe_names[] = {"recipient", "token", NULL};

/* ---- ids ---- */

void email__message_id(struct buf *out,
                       const char *key,
                       const struct email_mailbox *reader,
                       const char *domain)
{
    uint8_t digest[SHA256_BYTES];
    char hex[SHA256_HEX_BYTES];

    crypto_sha256(reader->key, strlen(reader->key), digest);
    (void)crypto_hex(digest, sizeof digest, hex);
    buf_addf(out, "<%.*s.%.*s@%s>", ID_DIGITS, key, READER_DIGITS, hex, domain);
}

/* ---- unsubscribing ---- */

static void
add_token(const struct step_ctx *ctx, const struct email_mailbox *reader, struct buf *out)
{
    const struct secret *secret = &email__settings(ctx)->unsubscribe_secret;
    char *text = mem_printf("%s\n%s", ctx->channel, reader->key);
    uint8_t mac[SHA256_BYTES];

    crypto_hmac_sha256(secret->text, secret->len, text, strlen(text), mac);
    crypto_base64url(out, mac, sizeof mac);
    mem_free(text);
}

static MUST_USE enum err_code unsubscribe_url(const struct step_ctx *ctx,
                                              const struct email_mailbox *reader,
                                              struct buf *out,
                                              struct err *why)
{
    const struct email_settings *s = email__settings(ctx);
    json_t *view = fit_view(ctx);
    struct url_parts url;
    enum err_code rc;
    struct buf token;

    buf_init(&token, 2 * (size_t)SHA256_BYTES);
    add_token(ctx, reader, &token);
    json_set_str(view, "token", buf_str(&token));
    json_set_str(view, "recipient", reader->key);
    buf_done(&token);
    rc = mustache_render(s->unsubscribe_url, view, url_encode_n, NULL, NULL, out, why);
    json_decref(view);
    if (!rc && (!buf_ok(out) || out->len > URL_BYTES || !url_parse(&url, buf_str(out)))) {
        rc = err_set(
            why, ERR_INVALID, "what it renders to is no URL of at most %d bytes", URL_BYTES);
    }
    if (rc) {
        err_wrap(why, "unsubscribe_url");
    }
    return rc;
}

static void add_list_unsubscribe(const struct step_ctx *ctx,
                                 const struct email_mailbox *reader,
                                 const char *url,
                                 struct buf *out)
{
    const struct email_settings *s = email__settings(ctx);
    struct buf value;

    buf_init(&value, (size_t)4 * URL_BYTES);
    if (url) {
        buf_addf(&value, "<%s>", url);
    }
    if (s->unsubscribe_mail) {
        buf_addf(
            &value, "%s<mailto:%s?subject=unsubscribe", url ? ", " : "", s->unsubscribe_mail);
        if (s->unsubscribe_secret.text) {
            buf_adds(&value, "%20");
            add_token(ctx, reader, &value);
        }
        buf_addc(&value, '>');
    }
    if (value.len > 0) {
        mime_value(out, "List-Unsubscribe", buf_str(&value));
    }
    if (url) {
        mime_value(out, "List-Unsubscribe-Post", "List-Unsubscribe=One-Click");
    }
    buf_done(&value);
}

/* ---- what templates see ---- */

static const char *language(const struct step_ctx *ctx)
{
    if (ctx->article->language) {
        return ctx->article->language;
    }
    return ctx->site && ctx->site->language ? ctx->site->language : NULL;
}

static bool is_right_to_left(const char *lang)
{
    static const char *const scripts[] = {
        "ar", "arc", "ckb", "dv", "fa", "he", "ps", "sd", "ug", "ur", "yi"};
    size_t len;

    if (!lang) {
        return false;
    }
    len = strcspn(lang, "-_");
    for (size_t i = 0; i < ARRAY_LEN(scripts); i++) {
        if (strlen(scripts[i]) == len && strncasecmp(scripts[i], lang, len) == 0) {
            return true;
        }
    }
    return false;
}

static json_t *view_of(const struct step_ctx *ctx)
{
    const struct article *a = ctx->article;
    json_t *view = fit_view(ctx);

    json_set_str(view, "language", language(ctx) ? language(ctx) : "en");
    json_set_str(view, "dir", is_right_to_left(language(ctx)) ? "rtl" : "ltr");
    if (ctx->course == COURSE_RETRACT) {
        (void)json_object_set_new(view, "retracted", json_true());
    }
    if (!email__settings(ctx)->picture) {
        record_drop(view, "image");
        record_drop(view, "image_alt");
    } else if (a->image_count > 0 && a->images[0].credit) {
        json_set_str(view, "image_credit", a->images[0].credit);
    }
    return view;
}

static MUST_USE enum err_code render(const struct mustache *own,
                                     const char *builtin,
                                     const json_t *view,
                                     mustache_escape_fn *escape,
                                     struct buf *out,
                                     struct err *why)
{
    struct mustache *parsed = NULL;
    enum err_code rc = own ? ERR_NONE : mustache_parse(&parsed, builtin, why);

    rc = rc ? rc : mustache_render(own ? own : parsed, view, escape, NULL, NULL, out, why);
    rc = rc ? rc : buf_check(out, "mail", why);
    mustache_free(parsed);
    return rc;
}

/* The parts of a mail as text. */
struct parts {
    json_t *view;
    struct buf subject, text, html, url;
};

static void parts_init(struct parts *p, const struct step_ctx *ctx)
{
    p->view = view_of(ctx);
    buf_init(&p->subject, BODY_BYTES);
    buf_init(&p->text, BODY_BYTES);
    buf_init(&p->html, BODY_BYTES);
    buf_init(&p->url, (size_t)4 * URL_BYTES);
}

static void parts_done(struct parts *p)
{
    json_decref(p->view);
    buf_done(&p->subject);
    buf_done(&p->text);
    buf_done(&p->html);
    buf_done(&p->url);
}

static MUST_USE enum err_code
render_subject(struct step_ctx *ctx, struct parts *p, struct err *why)
{
    const struct email_settings *s = email__settings(ctx);
    enum err_code rc;
    struct buf whole, line;

    buf_init(&whole, BODY_BYTES);
    buf_init(&line, BODY_BYTES);
    rc = render(s->subject, DEFAULT_SUBJECT, p->view, mustache_escape_none, &whole, why);
    if (!rc) {
        text_collapse(&line, buf_str(&whole), whole.len);
        fit_plain(ctx, &email__limits[EMAIL_LIMIT_SUBJECT], buf_str(&line), &p->subject);
        json_set_str(p->view, "subject", buf_str(&p->subject));
    }
    buf_done(&whole);
    buf_done(&line);
    return rc ? err_wrap(why, "subject") : ERR_NONE;
}

static MUST_USE enum err_code
render_text(struct step_ctx *ctx, struct parts *p, struct err *why)
{
    const struct email_settings *s = email__settings(ctx);
    enum err_code rc;
    struct buf whole;

    buf_init(&whole, BODY_BYTES);
    rc = render(s->text, default_text, p->view, mustache_escape_none, &whole, why);
    if (!rc) {
        fit_plain(ctx, &email__limits[EMAIL_LIMIT_TEXT], buf_str(&whole), &p->text);
    }
    buf_done(&whole);
    return rc ? err_wrap(why, "text") : ERR_NONE;
}

static MUST_USE enum err_code
render_html(struct step_ctx *ctx, struct parts *p, struct err *why)
{
    const struct email_settings *s = email__settings(ctx);
    enum err_code rc;
    struct buf whole;

    buf_init(&whole, BODY_BYTES);
    rc = render(s->html, default_html, p->view, text_escape_html, &whole, why);
    if (!rc) {
        fit_plain(ctx, &email__limits[EMAIL_LIMIT_HTML], buf_str(&whole), &p->html);
    }
    buf_done(&whole);
    return rc ? err_wrap(why, "html") : ERR_NONE;
}

/* reader NULL: for nobody in particular. */
static MUST_USE enum err_code render_parts(struct step_ctx *ctx,
                                           const struct email_mailbox *reader,
                                           struct parts *p,
                                           struct err *why)
{
    enum err_code rc = ERR_NONE;

    if (reader) {
        json_set_str(p->view, "recipient", reader->address);
        if (email__settings(ctx)->unsubscribe_url) {
            rc = unsubscribe_url(ctx, reader, &p->url, why);
            json_set_str(p->view, "unsubscribe_url", buf_str(&p->url));
        }
    }
    rc = rc ? rc : render_subject(ctx, p, why);
    rc = rc ? rc : render_text(ctx, p, why);
    return rc ? rc : render_html(ctx, p, why);
}

/* ---- the message ---- */

static MUST_USE enum err_code add_mailbox(
    struct buf *out, const char *name, const char *setting, const char *text, struct err *why)
{
    struct email_mailbox m;
    enum err_code rc = email__mailbox_read(&m, setting, text, why);

    if (!rc) {
        mime_mailbox(out, name, m.display, m.address);
        email__mailbox_done(&m);
    }
    return rc;
}

/* "Breaking news <breaking.news.example>" (RFC 2919). */
static void add_list_id(struct buf *out, const char *list_id)
{
    const char *open = strrchr(list_id, '<');
    char *display = mem_strndup(list_id, open ? (size_t)(open - list_id) : 0);
    const char *id = open ? open + 1 : list_id;
    char *bare = mem_strndup(id, strcspn(id, ">"));

    if (*display) {
        mime_mailbox(out, "List-Id", display, bare);
    } else {
        buf_addf(out, "List-Id: <%s>\r\n", bare);
    }
    mem_free(display);
    mem_free(bare);
}

static void add_ids(const struct step_ctx *ctx,
                    const struct email_mailbox *reader,
                    const json_t *thread,
                    bool answers,
                    struct buf *out)
{
    const char *key = record_str(thread, "key");
    const char *domain = record_str(thread, "domain");
    struct buf id;

    if (!key || strlen(key) < ID_DIGITS || !domain) {
        key = ctx->key;
        domain = "localhost"; /* a record that lost it; ids must be there all the same */
        answers = false;
    }
    buf_init(&id, ERR_TEXT_BYTES);
    email__message_id(&id, ctx->key, reader, domain);
    mime_value(out, "Message-ID", buf_str(&id));
    if (answers && strncmp(key, ctx->key, ID_DIGITS) != 0) {
        buf_clear(&id);
        email__message_id(&id, key, reader, domain);
        mime_value(out, "In-Reply-To", buf_str(&id));
        mime_value(out, "References", buf_str(&id));
    }
    buf_done(&id);
}

static MUST_USE enum err_code add_people(const struct step_ctx *ctx,
                                         const struct email_mailbox *reader,
                                         struct buf *out,
                                         struct err *why)
{
    const struct email_settings *s = email__settings(ctx);
    enum err_code rc = add_mailbox(out, "From", "from", s->from, why);

    if (!rc && s->reply_to) {
        rc = add_mailbox(out, "Reply-To", "reply_to", s->reply_to, why);
    }
    mime_mailbox(out, "To", reader->display, reader->address);
    return rc;
}

/* It comes from a program, to many: nobody's holiday note is to answer it (RFC 3834). */
static void add_list(const struct step_ctx *ctx,
                     const struct email_mailbox *reader,
                     const char *url,
                     struct buf *out)
{
    if (language(ctx)) {
        mime_value(out, "Content-Language", language(ctx));
    }
    if (email__settings(ctx)->list_id) {
        add_list_id(out, email__settings(ctx)->list_id);
    }
    add_list_unsubscribe(ctx, reader, url, out);
    mime_value(out, "Auto-Submitted", "auto-generated");
    mime_value(out, "Precedence", "bulk");
}

static void add_bodies(const struct step_ctx *ctx, const struct parts *p, struct buf *out)
{
    /* "=_" stands in no quoted-printable text and in no base64. */
    char *boundary = mem_printf("=_%.*s", ID_DIGITS, ctx->key);

    mime_value(out, "MIME-Version", "1.0");
    buf_addf(out, "Content-Type: multipart/alternative;\r\n boundary=\"%s\"\r\n\r\n", boundary);
    buf_addf(out, "--%s\r\n", boundary);
    mime_body(out, "text/plain; charset=utf-8", buf_str(&p->text), p->text.len);
    buf_addf(out, "\r\n--%s\r\n", boundary);
    mime_body(out, "text/html; charset=utf-8", buf_str(&p->html), p->html.len);
    buf_addf(out, "\r\n--%s--\r\n", boundary);
    mem_free(boundary);
}

enum err_code email__message(struct step_ctx *ctx,
                             const struct email_mailbox *reader,
                             const json_t *thread,
                             bool answers,
                             struct buf *out,
                             struct err *why)
{
    struct parts p;
    enum err_code rc;

    parts_init(&p, ctx);
    rc = render_parts(ctx, reader, &p, why);
    if (!rc) {
        mime_date(out, "Date", ctx->created_at_ms);
        rc = add_people(ctx, reader, out, why);
    }
    if (!rc) {
        mime_text(out, "Subject", buf_str(&p.subject));
        add_ids(ctx, reader, thread, answers, out);
        add_list(ctx, reader, p.url.len ? buf_str(&p.url) : NULL, out);
        add_bodies(ctx, &p, out);
        rc = buf_check(out, "mail", why);
    }
    parts_done(&p);
    return rc;
}

enum err_code email__plain(struct step_ctx *ctx, struct buf *out, struct err *why)
{
    struct parts p;
    enum err_code rc;

    parts_init(&p, ctx);
    rc = render_parts(ctx, NULL, &p, why);
    if (!rc) {
        buf_addf(out, "%s\n\n", buf_str(&p.subject));
        buf_add(out, buf_str(&p.text), p.text.len);
        rc = buf_check(out, "text", why);
    }
    parts_done(&p);
    return rc;
}
