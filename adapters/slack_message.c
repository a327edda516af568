/* A message: headline, text with the link, picture, last line and button as blocks, and beside them
 * the text that notifications and screen readers get. Called by the steps that publish and change;
 * texts are fitted by fit.c.
 *
 * Lengths are counted in UTF-16 units, entities as they are written: how Slack counts is not told,
 * and this is the larger. All texts together stay below the 13,200 characters at which a message is
 * found too long. */

#include "adapters/slack_internal.h"

#include <string.h>

#include "adapters/fit.h"
#include "adapters/record.h"
#include "base/json.h"
#include "base/text.h"

#define TEXT_BYTES_MAX ((size_t)256 * 1024)

/* A message in the making. */
struct draft {
    struct step_ctx *ctx;
    json_t *blocks;
    struct buf shown; /* what a reader sees, one text under the other, for the ledger */
    struct err *why;
};

/* {"type": "mrkdwn", "text": …} of a template, fitted; NULL with code 0 when nothing is left of it. */
static MUST_USE enum err_code make_text(struct draft *d,
                                        json_t **out,
                                        const char *type,
                                        const struct mustache *tpl,
                                        const struct text_rule *rule)
{
    bool plain = strcmp(type, "plain_text") == 0;
    struct buf text;
    enum err_code rc;

    *out = NULL;
    buf_init(&text, TEXT_BYTES_MAX);
    rc = fit_text(
        d->ctx, tpl, rule, plain ? text_escape_brackets : slack__escape, NULL, &text, d->why);
    if (!rc && text.len > 0) {
        *out = json_pack("{s:s, s:s}", "type", type, "text", buf_str(&text));
        if (plain) {
            (void)json_object_set_new(*out, "emoji", json_true());
        }
    }
    buf_done(&text);
    return rc;
}

static void note_shown(struct draft *d, const json_t *text)
{
    const char *said = json_path_str(text, "text");

    if (said) {
        buf_addf(&d->shown, "%s%s", d->shown.len ? "\n" : "", said);
    }
}

/* Takes member, under a name that is no name of a block's type. */
static json_t *add_block(struct draft *d, const char *type, const char *name, json_t *member)
{
    json_t *block = json_object();

    json_set_str(block, "type", type);
    (void)json_object_set_new(block, name, member);
    (void)json_array_append_new(d->blocks, block);
    return block;
}

/* ---- the picture ---- */

bool slack__has_picture(const struct step_ctx *ctx)
{
    const struct article *a = ctx->article;

    return slack__settings(ctx)->image != SLACK_IMAGE_NEVER && a->image_count > 0 &&
           strlen(a->images[0].url) <= SLACK_URL_BYTES &&
           !record_flag(ctx->record, "picture_off");
}

/* Every picture needs a text in its place: without one of its own, the title. */
static json_t *make_picture(struct step_ctx *ctx)
{
    const struct article *a = ctx->article;
    const char *alt = a->images[0].alt;
    json_t *picture = json_object();
    struct buf text;

    buf_init(&text, TEXT_BYTES_MAX);
    fit_plain(ctx, &slack__limits[SLACK_LIMIT_ALT], alt && *alt ? alt : a->title, &text);
    json_set_str(picture, "type", "image");
    json_set_str(picture, "image_url", a->images[0].url);
    json_set_str(picture, "alt_text", buf_str(&text));
    buf_done(&text);
    return picture;
}

/* ---- blocks ---- */

static MUST_USE enum err_code add_header(struct draft *d)
{
    const struct slack_settings *s = slack__settings(d->ctx);
    enum err_code rc;
    json_t *text;

    rc = make_text(d, &text, "plain_text", s->header, &slack__limits[SLACK_LIMIT_HEADER]);
    if (text) {
        note_shown(d, text);
        (void)add_block(d, "header", "text", text);
    }
    return rc;
}

/* The text, with a small picture beside it. */
static MUST_USE enum err_code add_section(struct draft *d)
{
    const struct slack_settings *s = slack__settings(d->ctx);
    bool beside = s->image == SLACK_IMAGE_SMALL && slack__has_picture(d->ctx);
    enum err_code rc;
    json_t *text, *block;

    rc = make_text(d, &text, "mrkdwn", s->text, &slack__limits[SLACK_LIMIT_TEXT]);
    if (text) {
        note_shown(d, text);
        block = add_block(d, "section", "text", text);
        if (beside) {
            (void)json_object_set_new(block, "accessory", make_picture(d->ctx));
        }
    }
    return rc;
}

static MUST_USE enum err_code add_footer(struct draft *d)
{
    const struct slack_settings *s = slack__settings(d->ctx);
    enum err_code rc;
    json_t *text;

    rc = make_text(d, &text, "mrkdwn", s->footer, &slack__limits[SLACK_LIMIT_FOOTER]);
    if (text) {
        (void)add_block(d, "context", "elements", json_pack("[o]", text));
    }
    return rc;
}

static void add_button(struct draft *d)
{
    const struct slack_settings *s = slack__settings(d->ctx);
    json_t *button;

    if (!s->button || !*s->button || strlen(d->ctx->link) > SLACK_URL_BYTES) {
        return;
    }
    button = json_pack("{s:s, s:s, s:s, s:{s:s, s:s, s:b}}",
                       "type",
                       "button",
                       "action_id",
                       "open",
                       "url",
                       d->ctx->link,
                       "text",
                       "type",
                       "plain_text",
                       "text",
                       s->button,
                       "emoji",
                       1);
    (void)add_block(d, "actions", "elements", json_pack("[o]", button));
}

static MUST_USE enum err_code add_blocks(struct draft *d)
{
    bool below = slack__settings(d->ctx)->image == SLACK_IMAGE_LARGE;
    enum err_code rc = add_header(d);

    if (!rc) {
        rc = add_section(d);
    }
    if (!rc && below && slack__has_picture(d->ctx)) {
        (void)json_array_append_new(d->blocks, make_picture(d->ctx));
    }
    if (!rc) {
        rc = add_footer(d);
    }
    add_button(d);
    return rc;
}

/* ---- the message ---- */

static MUST_USE enum err_code
set_notification(struct draft *d, json_t *body, const struct mustache *tpl)
{
    enum err_code rc;
    json_t *text;

    rc = make_text(d, &text, "mrkdwn", tpl, &slack__limits[SLACK_LIMIT_NOTIFICATION]);
    if (text) {
        json_set_str(body, "text", json_path_str(text, "text"));
        if (d->shown.len == 0) {
            note_shown(d, text);
        }
    }
    json_decref(text);
    return rc;
}

static enum err_code finish(struct draft *d, json_t *body, enum err_code rc)
{
    if (!rc) {
        json_set_str(d->ctx->record, "text", buf_str(&d->shown));
    }
    /* None at all is no mistake; what stands loses its blocks only when told so. */
    if (json_array_size(d->blocks) > 0 || d->ctx->course != COURSE_PUBLISH) {
        (void)json_object_set(body, "blocks", d->blocks);
    }
    json_decref(d->blocks);
    buf_done(&d->shown);
    return rc;
}

enum err_code slack__message(struct step_ctx *ctx, json_t *body, struct err *why)
{
    struct draft d = {.ctx = ctx, .blocks = json_array(), .why = why};
    enum err_code rc;

    buf_init(&d.shown, TEXT_BYTES_MAX);
    rc = add_blocks(&d);
    if (!rc) {
        rc = set_notification(&d, body, slack__settings(ctx)->notification);
    }
    return finish(&d, body, rc);
}

enum err_code slack__retracted_message(struct step_ctx *ctx, json_t *body, struct err *why)
{
    const struct mustache *tpl = slack__settings(ctx)->retraction;
    struct draft d = {.ctx = ctx, .blocks = json_array(), .why = why};
    enum err_code rc;
    json_t *text;

    buf_init(&d.shown, TEXT_BYTES_MAX);
    rc = make_text(&d, &text, "mrkdwn", tpl, &slack__limits[SLACK_LIMIT_TEXT]);
    if (text) {
        note_shown(&d, text);
        (void)add_block(&d, "section", "text", text);
    }
    if (!rc) {
        rc = set_notification(&d, body, tpl);
    }
    return finish(&d, body, rc);
}
