/* What would go out. Called by `crier preview` and by tests; sends nothing, keeps nothing. Runs
 * the adapters' publish courses as the courier would, but reads sample answers of the platforms
 * instead of real ones and hands out a stand-in for a picture or video. What is shown has every secret
 * of the channel's settings replaced, in whatever form it was written into the request. */

#include "service/preview.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "adapters/oauth.h"
#include "adapters/push.h"
#include "adapters/registry.h"
#include "base/id.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/parse.h"
#include "base/url.h"
#include "service/context.h"
#include "service/hide.h"
#include "service/intake.h"
#include "service/preview_media.h"
#include "service/topics.h"

#define STEPS_MAX 64 /* TikTok has one for each of 35 pictures */
#define SHOWN_BYTES ((size_t)80 * 1024 * 1024)
#define EXPLAIN_BYTES 4096
#define TOKEN_SHOWN "ACCESS-TOKEN" /* in place of one that the keeper holds */
#define NUMBER_LATER 1             /* the ledger gives the real one on arrival */

struct shown {
    const struct config *config;
    const struct channel_settings *settings;
    const struct adapter *adapter;
    struct step_context sc;
    struct preview_media media;
    json_t *steps, *texts;
};

static json_t *hidden(const struct shown *s, const char *bytes, size_t len)
{
    struct buf text;

    buf_init(&text, SHOWN_BYTES);
    buf_add(&text, bytes, len);
    hide_settings(&text, s->settings, 1);
    hide_tokens(&text, s->sc.ctx.account); /* made for this look, and good all the same */
    json_t *v = json_stringn(buf_str(&text), text.len);
    if (v == NULL) {
        v = json_sprintf("(%zu bytes that are no text)", len);
    }
    buf_done(&text);
    return v;
}

/* ---- requests ---- */

static bool is_media(const struct shown *s, const void *bytes, const struct media *media)
{
    return media == &s->media.media || (bytes && bytes == s->media.media.bytes);
}

static json_t *media_body(const struct shown *s)
{
    json_t *text = preview_media_text(&s->media), *v;

    v = json_sprintf("(%s)", json_string_value(text));
    json_decref(text);
    return v;
}

static json_t *parts_json(const struct shown *s, const struct http_request *r)
{
    json_t *list = json_array();

    for (size_t i = 0; i < r->part_count; i++) {
        const struct http_part *p = &r->parts[i];
        json_t *item = json_object();
        json_set_str(item, "name", p->name);
        json_set_str(item, "filename", p->filename);
        json_set_str(item, "type", p->type);
        (void)json_object_set_new(item,
                                  "body",
                                  p->text != NULL ? hidden(s, p->text, strlen(p->text))
                                  : is_media(s, p->bytes, p->media)
                                      ? media_body(s)
                                      : hidden(s, p->bytes, p->len));
        (void)json_array_append_new(list, item);
    }
    return list;
}

/* The lines of a mail as people read them. */
static json_t *mail_body(const struct shown *s, const struct http_request *r)
{
    struct buf text;
    json_t *v;

    buf_init(&text, SHOWN_BYTES);
    for (size_t i = 0; i < r->body.len; i++) {
        if (r->body.data[i] != '\r') {
            buf_addc(&text, r->body.data[i]);
        }
    }
    v = hidden(s, buf_str(&text), text.len);
    buf_done(&text);
    return v;
}

static json_t *mail_json(const struct shown *s, const struct http_request *r, json_t *v)
{
    json_t *envelope = json_object();

    json_set_str(v, "method", "MAIL");
    json_set_str(envelope, "MAIL FROM", r->mail->from);
    json_set_str(envelope, "RCPT TO", r->mail->to);
    (void)json_object_set_new(v, "headers", envelope);
    (void)json_object_set_new(v, "body", mail_body(s, r));
    return v;
}

/* What a member reads, where nobody can on its way; NULL: the body is as it is. */
static json_t *clear_body(struct shown *s, const struct step *step)
{
    const struct push *push =
        step->each_member && s->adapter->audience ? s->adapter->audience->push : NULL;
    struct push_plan *plan;
    struct buf text;
    json_t *v;

    if (!push || !push->clear || push->plan(&s->sc.ctx, &plan, NULL) != ERR_NONE) {
        return NULL;
    }
    buf_init(&text, SHOWN_BYTES);
    push->clear(plan, &text);
    push->done(plan);
    v = hidden(s, buf_str(&text), text.len);
    buf_done(&text);
    return v;
}

static json_t *
request_json(struct shown *s, const struct step *step, const struct http_request *r)
{
    json_t *v = json_object(), *headers, *clear;

    json_set_str(v, "step", step->name);
    if (s->media.of) {
        (void)json_object_set_new(v, "media", preview_media_text(&s->media));
    }
    (void)json_object_set_new(v, "url", hidden(s, r->url, strlen(r->url)));
    if (r->mail) {
        return mail_json(s, r, v);
    }
    headers = json_object();
    json_set_str(v, "method", http_method_name(r->method));
    for (size_t i = 0; i < r->headers.count; i++) {
        const struct http_header *h = &r->headers.v[i];
        (void)json_object_set_new(headers, h->name, hidden(s, h->value, strlen(h->value)));
    }
    (void)json_object_set_new(v, "headers", headers);
    clear = clear_body(s, step);
    if (clear) {
        (void)json_object_set_new(v, "body", clear);
    } else if (r->part_count > 0) {
        (void)json_object_set_new(v, "parts", parts_json(s, r));
    } else if (is_media(s, r->bytes, r->media)) {
        (void)json_object_set_new(v, "body", media_body(s));
    } else if (r->bytes != NULL) {
        (void)json_object_set_new(v, "body", hidden(s, r->bytes, r->bytes_len));
    } else if (r->body.len > 0) {
        (void)json_object_set_new(v, "body", hidden(s, buf_str(&r->body), r->body.len));
    }
    return v;
}

static bool same_text(const json_t *a, const json_t *b)
{
    return json_equal(a, b) == 1;
}

/* What the step measured; a text that a later step measures again is told once. */
static void note_fits(struct shown *s)
{
    for (size_t i = 0; i < s->sc.ctx.fit_count; i++) {
        const struct fit_report *f = &s->sc.ctx.fits[i];
        json_t *item = json_object(), *other;
        size_t at;
        bool seen = false;

        json_set_str(item, "name", f->rule.name);
        (void)json_object_set_new(item, "measured", json_integer((json_int_t)f->measured));
        (void)json_object_set_new(item, "max", json_integer((json_int_t)f->rule.max));
        json_set_str(item, "unit", text_unit_name(f->rule.unit));
        (void)json_object_set_new(item, "cut", json_boolean(f->cut));
        json_array_foreach(s->texts, at, other)
        {
            seen = seen || same_text(item, other);
        }
        if (!seen) {
            (void)json_array_append(s->texts, item);
        }
        json_decref(item);
    }
}

/* ---- answers ---- */

static void add_sample_headers(struct http_headers *headers, const char *lines)
{
    while (lines != NULL && *lines != '\0') {
        size_t len = strcspn(lines, "\n");
        const char *colon = memchr(lines, ':', len);
        if (colon != NULL) {
            const char *value = colon + 1;
            while (value < lines + len && *value == ' ') {
                value++;
            }
            http_headers_add(
                headers, lines, (size_t)(colon - lines), value, (size_t)(lines + len - value));
        }
        lines += len + (lines[len] == '\n' ? 1 : 0);
    }
}

static struct verdict read_sample(struct shown *s, const struct step *step, bool is_mail)
{
    const char *body = step->sample != NULL ? step->sample : "{}";
    struct http_response res = {
        .status = is_mail ? 250 : 200,
        .stage = is_mail ? MAIL_MESSAGE : MAIL_NO_STAGE,
        .body = body,
        .body_len = strlen(body),
        .now_ms = s->sc.ctx.now_ms,
    };

    add_sample_headers(&res.headers, step->sample_headers);
    struct verdict v = step->read(&s->sc.ctx, &res);
    http_headers_done(&res.headers);
    return v;
}

/* The step behind this one, or NULL when the course ends here. */
static const struct step *
follow(const struct step *steps, const struct step *step, const struct verdict *v)
{
    if (v->kind != VERDICT_NEXT) {
        return NULL;
    }
    const struct step *next = v->jump != NULL ? step_find(steps, v->jump) : step + 1;
    return next != NULL && next->name != NULL ? next : NULL;
}

static enum err_code walk_steps(struct shown *s, struct err *why)
{
    const struct step *steps = s->adapter->publish;
    const struct step *step = steps;
    enum err_code rc = ERR_NONE;

    for (size_t n = 0; step != NULL && step->name != NULL && n < STEPS_MAX; n++) {
        struct http_request request;
        struct verdict v = verdict_next();
        http_request_init(&request);
        preview_media_lend(&s->media, &s->sc.ctx, s->adapter, step, s->config);
        s->sc.ctx.fit_count = 0;
        rc = step->build(&s->sc.ctx, &request, why);
        if (rc) {
            http_request_done(&request);
            return err_wrap(why, "step %s", step->name);
        }
        note_fits(s);
        if (!request.skip) {
            (void)json_array_append_new(s->steps, request_json(s, step, &request));
            v = read_sample(s, step, request.mail != NULL);
        }
        http_request_done(&request);
        step = follow(steps, step, &v);
    }
    return rc;
}

/* ---- one channel ---- */

struct story {
    struct article *article;
    const char *source;
    struct rule_facts facts;
    struct buf reason;
    int64_t now_ms;
};

static enum err_code show_requests(json_t *out,
                                   const struct config *config,
                                   const struct channel_settings *ch,
                                   const struct story *story,
                                   struct err *why)
{
    struct shown s = {
        .config = config, .settings = ch, .adapter = adapter_find(ch->type->name)};
    char article_id[ID_TEXT_BYTES];
    const char *own_id = story->article->id;
    json_t *account = json_object();
    struct context_facts facts = {
        .config = config,
        .channel = ch,
        .article = story->article,
        .article_id = own_id != NULL && intake_may_be_public_id(own_id)
                          ? own_id
                          : id_article_text((struct article_id){.v = NUMBER_LATER}, article_id),
        .delivery = {.v = NUMBER_LATER},
        .revision = 1,
        .breaking = story->facts.breaking,
        .reason = buf_str(&story->reason),
        .created_at_ms = story->now_ms,
        .not_after_ms = intake_not_after_ms(config, ch, story->article, story->now_ms),
        .course = COURSE_PUBLISH,
        .account = account,
    };

    must(s.adapter != NULL);
    s.steps = json_array();
    s.texts = json_array();
    json_t *grant = json_pack("{s:s}", "access_token", TOKEN_SHOWN);
    enum err_code rc = context_init(&s.sc, &facts, why);
    if (rc == ERR_NONE) {
        s.sc.ctx.now_ms = story->now_ms;
        if (oauth_with(s.adapter, ch->own)) {
            s.sc.ctx.token = TOKEN_SHOWN;
            s.sc.ctx.grant = grant;
        }
        rc = walk_steps(&s, why);
    }
    json_decref(grant);
    (void)json_object_set_new(out, "steps", s.steps);
    (void)json_object_set_new(out, "texts", s.texts);
    context_done(&s.sc);
    preview_media_done(&s.media);
    json_decref(account);
    return rc;
}

/* What the channel may post, as far as settings say it; what is left of it only the service knows. */
static void add_quota(json_t *v, const struct channel_settings *ch)
{
    struct quota q = config_quota(ch, 0);
    char window[QUOTA_TEXT_BYTES];

    if (q.count > 0) {
        (void)json_object_set_new(v,
                                  "quota",
                                  json_pack("{s:I, s:I, s:s}",
                                            "limit",
                                            (json_int_t)q.count,
                                            "reserve",
                                            (json_int_t)ch->reserve,
                                            "window",
                                            quota_window_text(&q, window)));
    }
}

/* Whom of the members, as the settings say it; how many they are only the service knows. */
static json_t *audience_json(const struct audience_settings *a, const struct story *story)
{
    json_t *topics = a->topics.count > 0 ? json_array() : json_null();

    for (size_t i = 0; i < a->topics.count; i++) {
        if (topic_fits(story->article, a->topics.v[i].key, story->facts.breaking)) {
            (void)json_array_append_new(topics, json_string(a->topics.v[i].key));
        }
    }
    return json_pack("{s:s, s:o, s:I, s:I}",
                     "mode",
                     a->mode == AUDIENCE_TEST ? "test" : "live",
                     "topics",
                     topics,
                     "confirm_above",
                     (json_int_t)a->confirm_above,
                     "undo_ms",
                     (json_int_t)a->undo_ms);
}

static json_t *channel_preview(const struct config *config,
                               const struct channel_settings *ch,
                               const struct story *story,
                               bool asked_for)
{
    json_t *v = json_object();
    struct err why = {0};
    struct buf text;

    buf_init(&text, EXPLAIN_BYTES);
    bool goes = config_channel_wants(ch, &story->facts, &text);
    json_set_str(v, "channel", ch->name);
    json_set_str(v, "adapter", ch->type->name);
    (void)json_object_set_new(v, "goes", json_boolean(goes));
    json_set_str(v, "why", buf_str(&text));
    buf_done(&text);
    add_quota(v, ch);
    if (adapter_find(ch->type->name)->audience != NULL) {
        (void)json_object_set_new(v, "members", json_null()); /* the ledger knows */
        (void)json_object_set_new(v, "audience", audience_json(&ch->audience, story));
    }
    /* Who names a channel wants to see its requests even if the article would not go there. */
    if ((goes || asked_for) && show_requests(v, config, ch, story, &why)) {
        json_set_str(v, "error", why.text);
    }
    return v;
}

/* ---- the article ---- */

static enum err_code story_init(struct story *story,
                                const struct config *config,
                                const json_t *article,
                                struct article_faults *faults,
                                struct err *why)
{
    const struct source_settings *source = config_source(config, story->source);
    enum err_code rc = article_from_json(&story->article, article, story->now_ms, faults, why);

    if (rc) {
        return rc;
    }
    if (source != NULL && !source->trusted_breaking) {
        story->article->breaking = -1;
    }
    story->facts = config_rule_facts(config, story->article, story->source, story->now_ms);
    story->facts.breaking = config_is_breaking(config, &story->facts, &story->reason);
    return ERR_NONE;
}

static void story_done(struct story *story)
{
    article_unref(story->article);
    buf_done(&story->reason);
}

static bool is_of(const struct strings *names, const char *name)
{
    for (size_t i = 0; i < names->count; i++) {
        if (strcmp(names->v[i], name) == 0) {
            return true;
        }
    }
    return false;
}

enum err_code preview_article(json_t **out,
                              const struct config *config,
                              const json_t *article,
                              const char *source,
                              const char *channel,
                              int64_t now_ms,
                              struct article_faults *faults,
                              struct err *why)
{
    struct story story = {.source = source, .now_ms = now_ms};
    struct strings wanted = {.v = NULL};
    enum err_code rc;

    if (channel != NULL && !config_channels_of(config, channel, &wanted)) {
        return err_set(
            why, ERR_NOT_FOUND, "no channel or group \"%s\" in %s", channel, config->path);
    }
    buf_init(&story.reason, EXPLAIN_BYTES);
    rc = story_init(&story, config, article, faults, why);
    if (rc == ERR_NONE) {
        json_t *v = json_object(), *list = json_array();
        (void)json_object_set_new(v, "breaking", json_boolean(story.facts.breaking));
        json_set_str(v, "reason", buf_str(&story.reason));
        for (size_t i = 0; i < config->channel_count; i++) {
            const struct channel_settings *ch = &config->channels[i];
            if (channel == NULL || is_of(&wanted, ch->name)) {
                (void)json_array_append_new(
                    list, channel_preview(config, ch, &story, channel != NULL));
            }
        }
        (void)json_object_set_new(v, "channels", list);
        *out = v;
    }
    story_done(&story);
    strings_done(&wanted);
    return rc;
}
