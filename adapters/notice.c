/* See notice.h. Called in the steps of fcm*.c, apns*.c and huawei*.c. Pure.
 *
 * What is too large is made smaller in this order: the body is cut at a word, down to a sentence's beginning; the
 * picture goes; the body goes. Title, link and data stay. */

#include "adapters/notice.h"

#include <stdio.h>
#include <string.h>

#include "adapters/fit.h"
#include "adapters/record.h"
#include "base/json.h"
#include "base/json_put.h"
#include "base/mem.h"
#include "base/mustache.h"
#include "base/text.h"
#include "base/url.h"

const char *const notice_pictures[] = {"fit", "as_is", "none", NULL};
const char *const notice_updates[] = {"quietly", "aloud", "ignore", NULL};
const char *const notice_whens[] = {"breaking", "always", "never", NULL};
const char *const notice_levels[] = {"passive", "active", "time-sensitive", "critical", NULL};

#define TEXT_BYTES_MAX ((size_t)64 * 1024)
#define PAYLOAD_BYTES_MAX ((size_t)256 * 1024)
#define BODY_BYTES_MIN ((size_t)80) /* a shorter one says less than a picture */

#define OWN "crier's own: no screen shows more"
static const struct text_rule title_rule = {
    .name = "title", .unit = TEXT_BYTES, .max = 512, .source = OWN};
static const struct text_rule body_rule = {
    .name = "body", .unit = TEXT_BYTES, .max = 4000, .source = OWN};

static const struct notice_settings *settings_of(const struct step_ctx *ctx)
{
    return ctx->settings;
}

/* ---- the words ---- */

static enum err_code render(struct step_ctx *ctx,
                            json_t *notice,
                            const char *name,
                            const struct mustache *tpl,
                            const struct text_rule *rule,
                            struct err *why)
{
    struct buf text, line;
    enum err_code rc;

    buf_init(&text, TEXT_BYTES_MAX);
    buf_init(&line, TEXT_BYTES_MAX);
    rc = fit_text(ctx, tpl, rule, mustache_escape_none, NULL, &text, why);
    if (!rc) {
        text_collapse(&line, buf_str(&text), text.len);
        json_set_str(notice, name, buf_str(&line));
    }
    buf_done(&line);
    buf_done(&text);
    return rc;
}

/* An article that is taken back may have been wrong in its title too. */
static enum err_code add_words(struct step_ctx *ctx, json_t *notice, struct err *why)
{
    const struct notice_settings *s = settings_of(ctx);
    bool retracted = ctx->course == COURSE_RETRACT;
    const char *title;
    enum err_code rc = ERR_NONE;

    if (retracted) {
        json_set_str(notice, "title", ctx->site->name);
    } else {
        rc = render(ctx, notice, "title", s->title, &title_rule, why);
    }
    title = record_str(notice, "title");
    if (!rc && (!title || *title == '\0')) {
        json_set_str(notice, "title", ctx->article->title);
    }
    if (!rc) {
        rc = render(ctx, notice, "body", retracted ? s->taken_back : s->body, &body_rule, why);
    }
    return rc;
}

static enum err_code
add_pair(json_t *out, const struct pair *pair, const json_t *view, struct err *why)
{
    struct mustache *tpl = NULL;
    struct buf text;
    enum err_code rc = mustache_parse(&tpl, pair->value, why);

    buf_init(&text, TEXT_BYTES_MAX);
    if (!rc) {
        rc = mustache_render(tpl, view, mustache_escape_none, NULL, NULL, &text, why);
    }
    if (!rc) {
        json_set_str(out, pair->key, buf_str(&text));
    }
    buf_done(&text);
    mustache_free(tpl);
    return rc;
}

static enum err_code add_data(struct step_ctx *ctx, json_t *notice, struct err *why)
{
    const struct pairs *data = &settings_of(ctx)->data;
    json_t *view, *out;
    enum err_code rc = ERR_NONE;

    if (data->count == 0 || ctx->course == COURSE_RETRACT) {
        return ERR_NONE;
    }
    view = fit_view(ctx);
    out = json_object();
    for (size_t i = 0; i < data->count && !rc; i++) {
        rc = add_pair(out, &data->v[i], view, why);
    }
    (void)json_object_set_new(notice, "data", out);
    json_decref(view);
    return rc;
}

/* ---- the picture ---- */

bool notice_wants_picture(const struct step_ctx *ctx)
{
    return settings_of(ctx)->picture == NOTICE_PICTURE_FIT && ctx->course != COURSE_RETRACT &&
           !json_object_get(ctx->record, "notice");
}

void notice_wish(const struct step_ctx *ctx, struct media_wish *wish)
{
    (void)ctx;
    wish->by_address = true;
}

void notice_media_bounds(const struct step_ctx *ctx, struct media_bounds *bounds)
{
    (void)ctx;
    bounds->types = MEDIA_JPEG | MEDIA_PNG; /* what every telephone shows */
}

/* Telephones fetch it: only what is open to everybody, over https. */
static const char *picture_of(const struct step_ctx *ctx)
{
    const struct article *a = ctx->article;
    int how = settings_of(ctx)->picture;

    if (how == NOTICE_PICTURE_NONE || ctx->course == COURSE_RETRACT) {
        return NULL;
    }
    if (how == NOTICE_PICTURE_FIT && ctx->media && ctx->media->url) {
        return ctx->media->url;
    }
    return (how == NOTICE_PICTURE_AS_IS || !ctx->media_error) && a->image_count > 0 &&
                   strncmp(a->images[0].url, "https://", 8) == 0
               ? a->images[0].url
               : NULL;
}

/* ---- how loud ---- */

static bool holds(int when, const struct step_ctx *ctx)
{
    return when == NOTICE_ALWAYS || (when == NOTICE_BREAKING && ctx->breaking);
}

/* Who was woken by a mistake need not be woken by its correction. */
static bool is_quiet(const struct step_ctx *ctx)
{
    return ctx->course == COURSE_RETRACT ||
           (ctx->course == COURSE_UPDATE &&
            settings_of(ctx)->on_update == NOTICE_UPDATE_QUIETLY);
}

static void add_loudness(const struct step_ctx *ctx, json_t *notice)
{
    const struct notice_settings *s = settings_of(ctx);
    bool quiet = is_quiet(ctx);

    record_set_flag(notice, "urgent", holds(s->urgent, ctx) && !quiet);
    record_set_flag(notice, "sound", holds(s->sound, ctx) && !quiet);
    record_set_flag(notice, "breaking", ctx->breaking);
    record_set_flag(notice, "retracted", ctx->course == COURSE_RETRACT);
    record_set_flag(notice, "quiet", quiet);
}

/* ---- made to fit ---- */

static void read_notice(struct notice *out, const json_t *v)
{
    const char *body = record_str(v, "body");

    *out = (struct notice){.title = record_str(v, "title"),
                           .body = body ? body : "",
                           .picture = record_str(v, "picture"),
                           .link = record_str(v, "link"),
                           .data = json_object_get(v, "data"),
                           .urgent = record_flag(v, "urgent"),
                           .sound = record_flag(v, "sound"),
                           .retracted = record_flag(v, "retracted"),
                           .breaking = record_flag(v, "breaking"),
                           .quiet = record_flag(v, "quiet")};
}

bool notice_read(struct notice *out, const struct step_ctx *ctx)
{
    const json_t *v = json_object_get(ctx->record, "notice");

    if (!v) {
        return false;
    }
    read_notice(out, v);
    return true;
}

static size_t
measure(const struct step_ctx *ctx, const json_t *notice, const struct notice_way *way)
{
    struct notice n;
    struct buf payload;
    size_t len;

    read_notice(&n, notice);
    buf_init(&payload, PAYLOAD_BYTES_MAX);
    way->payload(ctx, &n, &payload);
    len = buf_ok(&payload) ? payload.len : PAYLOAD_BYTES_MAX;
    buf_done(&payload);
    return len;
}

/* Down to `least` bytes of body, or fewer where it has no more. What is over is counted as it is written, where a
 * character may be more than in the text, so too much goes rather than too little. */
static bool fit_body(const struct step_ctx *ctx,
                     json_t *notice,
                     const struct notice_way *way,
                     const char *full,
                     size_t least)
{
    size_t len = strlen(full), keep = len;

    json_set_str(notice, "body", full);
    for (;;) {
        size_t size = measure(ctx, notice, way), over = size - way->rule->max;
        struct buf cut;

        if (size <= way->rule->max) {
            return true;
        }
        if (keep < over + (least < len ? least : len) || keep == 0) {
            return false;
        }
        keep -= over;
        buf_init(&cut, TEXT_BYTES_MAX);
        (void)text_cut(&cut, TEXT_BYTES, full, len, keep);
        json_set_str(notice, "body", buf_str(&cut));
        buf_done(&cut);
    }
}

static bool fit(const struct step_ctx *ctx, json_t *notice, const struct notice_way *way)
{
    char *full = mem_strdup(record_str(notice, "body"));
    bool fits = fit_body(ctx, notice, way, full, BODY_BYTES_MIN);

    if (!fits) {
        record_drop(notice, "picture");
        fits = fit_body(ctx, notice, way, full, 1) || fit_body(ctx, notice, way, "", 0);
    }
    mem_free(full);
    return fits;
}

static void note(struct step_ctx *ctx, const struct text_rule *rule, size_t measured, bool cut)
{
    if (ctx->fit_count < FIT_REPORTS_MAX) {
        ctx->fits[ctx->fit_count++] =
            (struct fit_report){.rule = *rule, .measured = measured, .cut = cut};
    }
}

static enum err_code
make_fit(struct step_ctx *ctx, json_t *notice, const struct notice_way *way, struct err *why)
{
    size_t size = measure(ctx, notice, way);
    bool cut = size > way->rule->max;

    if (cut && !fit(ctx, notice, way)) {
        return err_set(why,
                       ERR_TOO_BIG,
                       "title, link and data are larger than the %zu bytes of a message",
                       way->rule->max);
    }
    note(ctx, way->rule, measure(ctx, notice, way), cut);
    return ERR_NONE;
}

/* ---- the step ---- */

static void keep(struct step_ctx *ctx, json_t *notice)
{
    const char *body = record_str(notice, "body");
    json_t *text =
        json_sprintf("%s%s%s", record_str(notice, "title"), *body != '\0' ? "\n" : "", body);

    (void)json_object_set_new(ctx->record, "text", text);
    (void)json_object_set(ctx->record, "notice", notice);
}

enum err_code notice_prepare(struct step_ctx *ctx,
                             struct http_request *req,
                             const struct notice_way *way,
                             struct err *why)
{
    json_t *notice;
    enum err_code rc;

    req->skip = true;
    if (json_object_get(ctx->record, "notice")) {
        return ERR_NONE;
    }
    notice = json_object();
    add_loudness(ctx, notice);
    json_set_str(notice, "picture", picture_of(ctx));
    json_set_str(notice, "link", ctx->course == COURSE_RETRACT ? ctx->site->url : ctx->link);
    rc = add_words(ctx, notice, why);
    if (!rc) {
        rc = add_data(ctx, notice, why);
    }
    if (!rc) {
        rc = make_fit(ctx, notice, way, why);
    }
    if (!rc) {
        keep(ctx, notice);
    }
    json_decref(notice);
    return rc;
}

struct verdict notice_read_prepared(struct step_ctx *ctx, const struct http_response *res)
{
    (void)ctx; /* nothing is sent, so nothing is answered */
    (void)res;
    return verdict_next();
}

bool notice_rules_out(const void *settings, enum course c)
{
    const struct notice_settings *s = settings;

    return (c == COURSE_UPDATE && s->on_update == NOTICE_UPDATE_IGNORE) ||
           (c == COURSE_RETRACT && !s->taken_back);
}

/* ---- settings ---- */

#define KEY_LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-."

static bool is_taken(const char *key, const char *const *taken)
{
    static const char *const ours[] = {"url", "story_id", "lang", "retracted", "image"};

    for (size_t i = 0; i < ARRAY_LEN(ours); i++) {
        if (strcmp(key, ours[i]) == 0) {
            return true;
        }
    }
    for (; *taken; taken++) {
        if (strncmp(key, *taken, strlen(*taken)) == 0) {
            return true;
        }
    }
    return false;
}

enum err_code
notice_check(const struct notice_settings *s, const char *const *taken, struct err *why)
{
    for (size_t i = 0; i < s->data.count; i++) {
        const struct pair *pair = &s->data.v[i];
        struct mustache *tpl = NULL;
        struct err own = {0};

        if (pair->key[0] == '\0' || pair->key[strspn(pair->key, KEY_LETTERS)] != '\0') {
            return err_set(why,
                           ERR_INVALID,
                           "data: %.60s: letters, digits, _, - and . are a name",
                           pair->key);
        }
        if (is_taken(pair->key, taken)) {
            return err_set(
                why, ERR_INVALID, "data: %.60s is set already, or kept for others", pair->key);
        }
        if (mustache_parse(&tpl, pair->value, &own)) {
            return err_set(why, ERR_INVALID, "data: %.60s: %s", pair->key, own.text);
        }
        mustache_free(tpl);
    }
    return ERR_NONE;
}
