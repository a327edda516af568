/* The values of a template, the same for everybody, and one message. Called in the steps of whatsapp.c.
 *
 * The values are made once and kept in the record: whoever gets the message later, after a crash or when they
 * are tried again, gets the same words. Meta refuses line breaks, tabs and runs of blanks in them, and empty
 * ones. What an editor did not mean as markup must not become it, so a mark that could begin bold or italic
 * text gets an invisible space behind it; WhatsApp knows no escape. */

#include "adapters/whatsapp_internal.h"

#include <string.h>

#include "adapters/fit.h"
#include "adapters/record.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/mustache.h"
#include "base/text.h"
#include "base/url.h"

#define VALUE_BYTES ((size_t)16 * 1024)
/* Stands for what an article does not have: an empty value is refused. */
#define NOTHING "–"
#define ZERO_WIDTH_SPACE "\xE2\x80\x8B"

/* ---- words ---- */

static bool is_mark(char c)
{
    return c == '*' || c == '_' || c == '~' || c == '`';
}

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c & 0x80) != 0;
}

/* Only a mark at the edge of a word can be markup. */
static void break_marks(struct buf *out, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        bool inside = i > 0 && is_word(text[i - 1]) && i + 1 < len && is_word(text[i + 1]);

        buf_addc(out, text[i]);
        if (is_mark(text[i]) && !inside) {
            buf_adds(out, ZERO_WIDTH_SPACE);
        }
    }
}

static void escape(struct buf *out, const char *text, size_t len)
{
    size_t pos = 0, start, end;

    while (text_next_link(text, len, pos, &start, &end)) {
        break_marks(out, text + pos, start - pos);
        buf_add(out, text + start, end - start);
        pos = end;
    }
    break_marks(out, text + pos, len - pos);
}

/* One line, and something. */
static json_t *value_of(const struct buf *text)
{
    struct buf line;
    json_t *v;

    buf_init(&line, VALUE_BYTES);
    text_collapse(&line, buf_str(text), text->len);
    v = line.len > 0 ? json_stringn(buf_str(&line), line.len) : json_string(NOTHING);
    buf_done(&line);
    return v;
}

static json_t *text_parameter(json_t *value_taken)
{
    return json_pack("{s:s, s:o}", "type", "text", "text", value_taken);
}

static enum err_code fit_value(struct step_ctx *ctx,
                               const struct mustache *tpl,
                               const struct text_rule *rule,
                               json_t **out,
                               struct err *why)
{
    struct buf text;
    enum err_code rc;

    buf_init(&text, VALUE_BYTES);
    rc = fit_text(ctx, tpl, rule, escape, NULL, &text, why);
    if (!rc) {
        *out = value_of(&text);
    }
    buf_done(&text);
    return rc;
}

/* ---- the body ---- */

enum err_code whatsapp__check_body(const struct whatsapp_settings *s, struct err *why)
{
    for (size_t i = 0; i < s->body.count; i++) {
        struct mustache *tpl = NULL;
        struct err own = {0};

        if (mustache_parse(&tpl, s->body.v[i], &own)) {
            return err_set(why, ERR_INVALID, "body: value %zu: %s", i + 1, own.text);
        }
        mustache_free(tpl);
    }
    if (s->body_names.count > 0 && s->body_names.count != s->body.count) {
        return err_set(why, ERR_INVALID, "body_names: as many as there are values in body");
    }
    return ERR_NONE;
}

/* What is left of the whole for value i: those behind it keep a character each at least. */
static size_t room_for(const struct whatsapp_settings *s, size_t used, size_t i)
{
    size_t max = whatsapp__limits[WHATSAPP_LIMIT_BODY].max;
    size_t taken = (size_t)s->template_length + used + (s->body.count - i - 1);

    return taken < max ? max - taken : 1;
}

static enum err_code
add_value(struct step_ctx *ctx, json_t *list, size_t i, size_t *used, struct err *why)
{
    const struct whatsapp_settings *s = whatsapp__settings(ctx);
    struct text_rule rule = whatsapp__limits[WHATSAPP_LIMIT_BODY];
    struct mustache *tpl = NULL;
    json_t *value = NULL, *parameter;
    enum err_code rc = mustache_parse(&tpl, s->body.v[i], why);

    rule.max = room_for(s, *used, i);
    if (!rc) {
        rc = fit_value(ctx, tpl, &rule, &value, why);
    }
    mustache_free(tpl);
    if (rc) {
        return rc;
    }
    *used += text_measure(&rule, json_string_value(value), json_string_length(value));
    parameter = text_parameter(value);
    if (s->body_names.count > 0) {
        json_set_str(parameter, "parameter_name", s->body_names.v[i]);
    }
    return json_array_append_new(list, parameter) == 0 ? ERR_NONE : ERR_INVALID;
}

static enum err_code add_body(struct step_ctx *ctx, json_t *components, struct err *why)
{
    const struct whatsapp_settings *s = whatsapp__settings(ctx);
    json_t *list = json_array();
    enum err_code rc = ERR_NONE;
    size_t used = 0;

    for (size_t i = 0; i < s->body.count && !rc; i++) {
        rc = add_value(ctx, list, i, &used, why);
    }
    if (!rc && json_array_size(list) > 0) {
        (void)json_array_append_new(
            components, json_pack("{s:s, s:O}", "type", "body", "parameters", list));
    }
    json_decref(list);
    return rc;
}

/* ---- the header ---- */

bool whatsapp__wants_picture(const struct step_ctx *ctx)
{
    return whatsapp__settings(ctx)->header == WHATSAPP_HEADER_PICTURE &&
           !json_object_get(ctx->record, "components");
}

void whatsapp__wish(const struct step_ctx *ctx, struct media_wish *wish)
{
    (void)ctx;
    wish->by_address = true;
}

/* Meta fetches it: only what is open to everybody, over https. */
static const char *picture_of(const struct step_ctx *ctx)
{
    const struct article *a = ctx->article;

    if (ctx->media && ctx->media->url) {
        return ctx->media->url;
    }
    if (!ctx->media_error && a->image_count > 0 &&
        strncmp(a->images[0].url, "https://", 8) == 0) {
        return a->images[0].url;
    }
    return whatsapp__settings(ctx)->picture_default;
}

static enum err_code add_picture(struct step_ctx *ctx, json_t *components, struct err *why)
{
    const char *url = picture_of(ctx);

    if (!url) {
        return err_set(why,
                       ERR_INVALID,
                       "this article has no picture%s%s, and the template's header needs one: "
                       "picture_default would stand in",
                       ctx->media_error ? ": " : "",
                       ctx->media_error ? ctx->media_error : "");
    }
    (void)json_array_append_new(components,
                                json_pack("{s:s, s:[{s:s, s:{s:s}}]}",
                                          "type",
                                          "header",
                                          "parameters",
                                          "type",
                                          "image",
                                          "image",
                                          "link",
                                          url));
    return ERR_NONE;
}

static enum err_code add_header(struct step_ctx *ctx, json_t *components, struct err *why)
{
    const struct whatsapp_settings *s = whatsapp__settings(ctx);
    json_t *value = NULL;
    enum err_code rc;

    if (s->header == WHATSAPP_HEADER_PICTURE) {
        return add_picture(ctx, components, why);
    }
    if (s->header != WHATSAPP_HEADER_TEXT) {
        return ERR_NONE;
    }
    rc = fit_value(ctx, s->header_text, &whatsapp__limits[WHATSAPP_LIMIT_HEADER], &value, why);
    if (!rc) {
        (void)json_array_append_new(
            components,
            json_pack("{s:s, s:[o]}", "type", "header", "parameters", text_parameter(value)));
    }
    return rc;
}

/* ---- the button ---- */

/* {{path}}: the link behind its host, which the template has already. */
static json_t *button_view(const struct step_ctx *ctx)
{
    json_t *view = fit_view(ctx);
    const char *host = strstr(ctx->link, "://");
    const char *path = host ? strchr(host + 3, '/') : NULL;

    json_set_str(view, "path", path ? path + 1 : "");
    return view;
}

static enum err_code add_button(struct step_ctx *ctx, json_t *components, struct err *why)
{
    const struct whatsapp_settings *s = whatsapp__settings(ctx);
    const struct text_rule *rule = &whatsapp__limits[WHATSAPP_LIMIT_BUTTON];
    struct buf text;
    json_t *view;
    enum err_code rc;

    if (!s->button) {
        return ERR_NONE;
    }
    view = button_view(ctx);
    buf_init(&text, VALUE_BYTES);
    rc = mustache_render(s->button, view, mustache_escape_none, NULL, NULL, &text, why);
    json_decref(view);
    if (!rc && !text_fits(rule, buf_str(&text), text.len)) {
        rc = err_set(why, ERR_TOO_BIG, "the button's link is longer than %zu", rule->max);
    }
    if (!rc) {
        (void)json_array_append_new(components,
                                    json_pack("{s:s, s:s, s:s, s:[o]}",
                                              "type",
                                              "button",
                                              "sub_type",
                                              "url",
                                              "index",
                                              "0",
                                              "parameters",
                                              text_parameter(value_of(&text))));
    }
    buf_done(&text);
    return rc;
}

/* ---- what all share ---- */

static void add_texts(struct buf *out, const json_t *components)
{
    const json_t *component, *parameter;
    size_t i, n;

    json_array_foreach(components, i, component)
    {
        json_array_foreach(json_object_get(component, "parameters"), n, parameter)
        {
            const char *text = json_path_str(parameter, "text");

            if (text) {
                buf_addf(out, "%s%s", out->len > 0 ? "\n" : "", text);
            }
        }
    }
}

static void keep(struct step_ctx *ctx, json_t *components)
{
    const struct whatsapp_settings *s = whatsapp__settings(ctx);
    bool other = ctx->course == COURSE_UPDATE && s->update_template;
    struct buf text;

    buf_init(&text, 2 * VALUE_BYTES);
    add_texts(&text, components);
    json_set_str(ctx->record, "text", buf_str(&text));
    buf_done(&text);
    json_set_str(ctx->record, "template", other ? s->update_template : s->template_name);
    (void)json_object_set(ctx->record, "components", components);
}

enum err_code whatsapp__prepare(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    json_t *components;
    enum err_code rc;

    req->skip = true;
    if (json_object_get(ctx->record, "components")) {
        return ERR_NONE;
    }
    components = json_array();
    rc = add_header(ctx, components, why);
    if (!rc) {
        rc = add_body(ctx, components, why);
    }
    if (!rc) {
        rc = add_button(ctx, components, why);
    }
    if (!rc) {
        keep(ctx, components);
    }
    json_decref(components);
    return rc;
}

struct verdict whatsapp__read_prepared(struct step_ctx *ctx, const struct http_response *res)
{
    (void)ctx; /* nothing is sent, so nothing is answered */
    (void)res;
    return verdict_next();
}

/* ---- one message ---- */

static const char *find_language(const struct pairs *languages, const char *tag, size_t len)
{
    for (size_t i = 0; i < languages->count; i++) {
        const char *key = languages->v[i].key;

        if (strlen(key) == len && strncasecmp(key, tag, len) == 0) {
            return languages->v[i].value;
        }
    }
    return NULL;
}

/* The member's own, as it is or without its region. */
static const char *language_for(const struct whatsapp_settings *s, const struct member *m)
{
    const char *found = NULL;

    if (m->language) {
        found = find_language(&s->languages, m->language, strlen(m->language));
        if (!found) {
            found = find_language(&s->languages, m->language, strcspn(m->language, "-_"));
        }
    }
    return found ? found : s->language;
}

static json_t *template_of(struct step_ctx *ctx, const struct member *m)
{
    json_t *components = json_object_get(ctx->record, "components");
    const char *name = record_str(ctx->record, "template");
    const struct whatsapp_settings *s = whatsapp__settings(ctx);
    json_t *v = json_pack("{s:s, s:{s:s, s:s}}",
                          "name",
                          name ? name : s->template_name,
                          "language",
                          "policy", /* in no other language than asked for */
                          "deterministic",
                          "code",
                          language_for(s, m));

    if (json_array_size(components) > 0) {
        (void)json_object_set(v, "components", components);
    }
    return v;
}

static const char *path_of(const struct whatsapp_settings *s)
{
    return s->endpoint == WHATSAPP_MARKETING ? "marketing_messages" : "messages";
}

enum err_code whatsapp__build(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    const struct whatsapp_settings *s = whatsapp__settings(ctx);
    const struct member *m = member_of(ctx, &whatsapp__audience);
    char name[64];
    json_t *body;

    (void)why;
    graph_request(
        req, HTTP_POST, s->api, s->token.text, "/%s/%s", s->phone_number_id, path_of(s));
    graph_prove(req, &s->app_secret, s->token.text);
    member_name(name, ctx->delivery_id, m->id);
    body = json_pack("{s:s, s:s, s:s, s:s, s:o, s:s}",
                     "messaging_product",
                     "whatsapp",
                     "recipient_type",
                     "individual",
                     "to",
                     m->address + strspn(m->address, "+"),
                     "type",
                     "template",
                     "template",
                     template_of(ctx, m),
                     "biz_opaque_callback_data",
                     name);
    http_set_json(req, body);
    json_decref(body);
    return ERR_NONE;
}

enum err_code
whatsapp__build_number(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    const struct whatsapp_settings *s = whatsapp__settings(ctx);

    (void)why;
    graph_request(req, HTTP_GET, s->api, s->token.text, "/%s", s->phone_number_id);
    graph_query(req, "fields", "display_phone_number,verified_name,quality_rating");
    graph_prove(req, &s->app_secret, s->token.text);
    return ERR_NONE;
}
