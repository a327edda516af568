/* What browsers show of an article: JSON in the shape of Declarative Web Push (W3C Push API, pull request 402; WebKit
 * 18.4), which is also what our worker reads. tests/fixtures/push shows it. Called in the step of webpush.c that
 * comes before the wave.
 *
 * It is made once and kept in the record, so that whoever gets it later, after a crash or when they are tried again,
 * gets the same. Services bound what they carry: the body is cut first, then the picture goes, then what else is
 * there for the looks; title and link stay. */

#include "adapters/webpush_internal.h"

#include <string.h>

#include "adapters/fit.h"
#include "adapters/record.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/mustache.h"

#define TEXT_BYTES ((size_t)64 * 1024)
/* For who finds a message too large that all others take. */
#define SHORT_BYTES 1024
/* A body cut to less says less than a picture does. */
#define BODY_LEAST_BYTES 160

/* How much of it there is. */
enum trim { TRIM_NOTHING, TRIM_PICTURE, TRIM_LOOKS, TRIMS };

/* ---- texts ---- */

static const struct mustache *title_of(const struct step_ctx *ctx)
{
    const struct webpush_settings *s = webpush__settings(ctx);

    return ctx->course == COURSE_RETRACT ? s->retraction_title : s->title;
}

static const struct mustache *body_of(const struct step_ctx *ctx)
{
    const struct webpush_settings *s = webpush__settings(ctx);

    return ctx->course == COURSE_RETRACT ? s->retraction_body : s->body;
}

static enum err_code put_text(struct step_ctx *ctx,
                              const struct mustache *tpl,
                              const struct text_rule *rule,
                              json_t *notification,
                              struct err *why)
{
    struct buf text;
    enum err_code rc;

    buf_init(&text, TEXT_BYTES);
    rc = fit_text(ctx, tpl, rule, mustache_escape_none, NULL, &text, why);
    if (!rc && text.len > 0) {
        json_set_str(notification, rule->name, buf_str(&text));
    }
    buf_done(&text);
    return rc;
}

/* A notification without a title is none: when the template finds nothing to say, the article's own. */
static enum err_code put_title(struct step_ctx *ctx, json_t *notification, struct err *why)
{
    const struct text_rule *rule = &webpush__limits[WEBPUSH_LIMIT_TITLE];
    enum err_code rc = put_text(ctx, title_of(ctx), rule, notification, why);
    struct buf text;

    if (rc || json_object_get(notification, rule->name)) {
        return rc;
    }
    buf_init(&text, TEXT_BYTES);
    fit_plain(ctx, rule, ctx->article->title, &text);
    json_set_str(notification, rule->name, text.len > 0 ? buf_str(&text) : ctx->site->name);
    buf_done(&text);
    return json_object_get(notification, rule->name)
               ? ERR_NONE
               : err_set(why, ERR_INVALID, "title: the article has none, and the site no name");
}

/* ---- what stands around them ---- */

static bool applies(int when, bool breaking)
{
    return when == WEBPUSH_ALWAYS || (when == WEBPUSH_BREAKING && breaking);
}

static void put_flag(json_t *o, const char *name, bool value)
{
    if (value) {
        (void)json_object_set_new(o, name, json_true());
    }
}

static void put_looks(const struct step_ctx *ctx, enum trim trim, json_t *notification)
{
    const struct webpush_settings *s = webpush__settings(ctx);
    const struct article *a = ctx->article;

    if (trim < TRIM_LOOKS) {
        json_set_str(notification, "icon", s->icon);
        json_set_str(notification, "badge", s->badge);
    }
    if (trim < TRIM_PICTURE && s->image && ctx->course != COURSE_RETRACT &&
        a->image_count > 0 && strncmp(a->images[0].url, "https://", 8) == 0) {
        json_set_str(notification, "image", a->images[0].url);
    }
}

/* What is taken back, or corrected without a word, comes silently. */
static void put_manners(const struct step_ctx *ctx, json_t *notification)
{
    const struct webpush_settings *s = webpush__settings(ctx);
    bool first = ctx->course != COURSE_UPDATE && ctx->course != COURSE_RETRACT;
    bool again = !first && applies(s->renotify, ctx->breaking);

    (void)json_object_set_new(
        notification, "timestamp", json_integer((json_int_t)ctx->created_at_ms));
    put_flag(notification, "silent", !(first || again) || !applies(s->sound, ctx->breaking));
    put_flag(notification, "renotify", again);
    put_flag(notification,
             "requireInteraction",
             ctx->course != COURSE_RETRACT && applies(s->require_interaction, ctx->breaking));
}

static enum err_code
put_action(const struct step_ctx *ctx, const struct pair *action, json_t *list, struct err *why)
{
    struct mustache *tpl = NULL;
    json_t *view = fit_view(ctx);
    struct buf url;
    enum err_code rc = mustache_parse(&tpl, action->value, why);

    buf_init(&url, TEXT_BYTES);
    if (!rc) {
        rc = mustache_render(tpl, view, mustache_escape_none, NULL, NULL, &url, why);
    }
    if (!rc && url.len > 0) { /* an action that leads nowhere is left out */
        (void)json_array_append_new(list,
                                    json_pack("{s:o, s:s, s:s}",
                                              "action",
                                              json_sprintf("%zu", json_array_size(list) + 1),
                                              "title",
                                              action->key,
                                              "navigate",
                                              buf_str(&url)));
    }
    buf_done(&url);
    json_decref(view);
    mustache_free(tpl);
    return rc;
}

static enum err_code
put_actions(const struct step_ctx *ctx, enum trim trim, json_t *notification, struct err *why)
{
    const struct pairs *actions = &webpush__settings(ctx)->actions;
    json_t *list = json_array();
    enum err_code rc = ERR_NONE;

    for (size_t i = 0; i < actions->count && !rc; i++) {
        rc = put_action(ctx, &actions->v[i], list, why);
    }
    if (json_array_size(list) > 0 && trim < TRIM_LOOKS && ctx->course != COURSE_RETRACT) {
        (void)json_object_set(notification, "actions", list);
    }
    json_decref(list);
    return rc;
}

enum err_code webpush__check_actions(const struct webpush_settings *s, struct err *why)
{
    for (size_t i = 0; i < s->actions.count; i++) {
        struct mustache *tpl = NULL;
        struct err own = {0};

        if (mustache_parse(&tpl, s->actions.v[i].value, &own)) {
            return err_set(why, ERR_INVALID, "actions: %s: %s", s->actions.v[i].key, own.text);
        }
        mustache_free(tpl);
    }
    return ERR_NONE;
}

/* ---- one message ---- */

static bool closes(const struct step_ctx *ctx)
{
    return ctx->course == COURSE_RETRACT &&
           webpush__settings(ctx)->on_retract == WEBPUSH_RETRACTION_CLOSE;
}

static json_t *data_of(const struct step_ctx *ctx)
{
    json_t *data = json_object();

    json_set_str(data, "kind", course_name(ctx->course));
    put_flag(data, "close", closes(ctx));
    put_flag(data, "test", ctx->is_test);
    json_set_str(data, "article", ctx->article_id);
    (void)json_object_set_new(data, "revision", json_integer((json_int_t)ctx->revision));
    return data;
}

static const char *language_of(const struct step_ctx *ctx)
{
    return ctx->article->language ? ctx->article->language : ctx->site->language;
}

static size_t length_of(const json_t *message)
{
    return json_dumpb(message, NULL, 0, JSON_COMPACT);
}

/* The body in what room is left, escapes counted. */
static enum err_code
put_body(struct step_ctx *ctx, json_t *message, size_t limit, struct err *why)
{
    json_t *notification = json_object_get(message, "notification");
    struct text_rule rule = webpush__limits[WEBPUSH_LIMIT_BODY];
    size_t len = length_of(message), around = strlen("\"body\":\"\",");
    enum err_code rc = ERR_NONE;

    rule.max = limit > len + around && limit - len - around < rule.max ? limit - len - around
                                                                       : rule.max;
    while (!rc && len + around < limit) {
        size_t got, over;

        rc = put_text(ctx, body_of(ctx), &rule, notification, why);
        got = length_of(message);
        if (rc || got <= limit) {
            break;
        }
        (void)json_object_del(notification, rule.name);
        over = got - limit;
        if (rule.max <= over) {
            break; /* without one */
        }
        rule.max -= over;
    }
    return rc;
}

static json_t *frame_of(struct step_ctx *ctx, enum trim trim, struct err *why)
{
    char topic[PUSH_TOPIC_BYTES];
    json_t *notification = json_object(), *message;
    enum err_code rc = put_title(ctx, notification, why);

    push_topic(topic, ctx->article_id);
    json_set_str(notification, "navigate", ctx->link);
    json_set_str(notification, "lang", language_of(ctx));
    json_set_str(notification, "dir", webpush__dirs[webpush__settings(ctx)->dir]);
    json_set_str(notification, "tag", topic);
    put_looks(ctx, trim, notification);
    put_manners(ctx, notification);
    if (!rc) {
        rc = put_actions(ctx, trim, notification, why);
    }
    (void)json_object_set_new(notification, "data", data_of(ctx));
    message = json_pack("{s:i, s:o}", "web_push", 8030, "notification", notification);
    put_flag(message, "mutable", closes(ctx));
    if (rc) {
        json_decref(message);
        return NULL;
    }
    return message;
}

/* With as much as fits. What is left out for the looks gives room to a body that would be none. */
static enum err_code
make_message(struct step_ctx *ctx, enum trim from, size_t limit, json_t **out, struct err *why)
{
    for (enum trim trim = from; trim < TRIMS; trim++) {
        json_t *message = frame_of(ctx, trim, why);
        size_t bare;
        enum err_code rc;

        if (!message) {
            return ERR_INVALID;
        }
        bare = length_of(message);
        rc = put_body(ctx, message, limit, why);
        if (rc) {
            json_decref(message);
            return rc;
        }
        if (bare <= limit && (trim == TRIM_LOOKS || bare + BODY_LEAST_BYTES < limit)) {
            *out = message;
            return ERR_NONE;
        }
        json_decref(message);
    }
    return err_set(why, ERR_TOO_BIG, "title and link alone are longer than %zu bytes", limit);
}

/* ---- what all share ---- */

static void keep_text(struct step_ctx *ctx, const json_t *message)
{
    const json_t *notification = json_object_get(message, "notification");
    const char *body = json_path_str(notification, "body");
    struct buf text;

    buf_init(&text, TEXT_BYTES);
    buf_adds(&text, json_path_str(notification, "title"));
    if (body) {
        buf_addf(&text, "\n%s", body);
    }
    json_set_str(ctx->record, "text", buf_str(&text));
    buf_done(&text);
}

static void keep_json(struct step_ctx *ctx, const char *name, const json_t *message)
{
    struct buf text;

    buf_init(&text, TEXT_BYTES);
    json_write(&text, message);
    json_set_str(ctx->record, name, buf_str(&text));
    buf_done(&text);
}

enum err_code
webpush__prepare_message(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    json_t *message = NULL, *brief = NULL;
    enum err_code rc;

    req->skip = true;
    if (record_str(ctx->record, "payload")) {
        return ERR_NONE;
    }
    if (make_message(ctx, TRIM_LOOKS, SHORT_BYTES, &brief, NULL) == ERR_NONE) {
        keep_json(ctx, "short", brief); /* a long link leaves none */
    }
    json_decref(brief);
    rc = make_message(
        ctx, TRIM_NOTHING, webpush__limits[WEBPUSH_LIMIT_MESSAGE].max, &message, why);
    if (!rc) {
        keep_text(ctx, message);
        keep_json(ctx, "payload", message);
    }
    json_decref(message);
    return rc;
}

struct verdict webpush__read_nothing(struct step_ctx *ctx, const struct http_response *res)
{
    (void)ctx; /* nothing is sent, so nothing is answered */
    (void)res;
    return verdict_next();
}
