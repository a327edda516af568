/* A message: the text above, the card with the article, and who is notified. Called by the steps
 * that publish and edit; texts are fitted by fit.c.
 *
 * Nobody is notified by accident: allowed_mentions goes with every message, so that an "@everyone"
 * in a headline stays a word unless the settings say who may be called.
 *
 * Lengths are counted in UTF-16 units, backslashes too: what the server counts for characters
 * beyond the first plane is not told, and this is the larger of the two. */

#include "adapters/discord_internal.h"

#include <string.h>

#include "adapters/fit.h"
#include "base/json.h"
#include "base/text.h"

#define TEXT_BYTES_MAX ((size_t)256 * 1024)

/* ---- who is notified ---- */

static bool is_everybody(const char *word)
{
    return text_same_fold(word, "everyone") || text_same_fold(word, "here");
}

static bool mentions(const struct step_ctx *ctx)
{
    const struct discord_settings *s = discord__settings(ctx);

    return s->mention.count > 0 && (s->mention_when == DISCORD_MENTION_ALWAYS || ctx->breaking);
}

/* "@everyone <@&123> ", in front of the text. */
static void add_mentions(const struct step_ctx *ctx, struct buf *out)
{
    const struct strings *list = &discord__settings(ctx)->mention;

    for (size_t i = 0; mentions(ctx) && i < list->count; i++) {
        if (is_everybody(list->v[i])) {
            buf_addf(out, "@%s ", text_same_fold(list->v[i], "here") ? "here" : "everyone");
        } else {
            buf_addf(out, "<@&%s> ", list->v[i]);
        }
    }
}

static json_t *allowed_mentions(const struct step_ctx *ctx)
{
    const struct strings *list = &discord__settings(ctx)->mention;
    json_t *allowed = json_object(), *parse = json_array(), *roles = json_array();

    for (size_t i = 0; mentions(ctx) && i < list->count; i++) {
        if (!is_everybody(list->v[i])) {
            (void)json_array_append_new(roles, json_string(list->v[i]));
        } else if (json_array_size(parse) == 0) {
            (void)json_array_append_new(parse, json_string("everyone"));
        }
    }
    (void)json_object_set_new(allowed, "parse", parse);
    if (json_array_size(roles) > 0) {
        (void)json_object_set(allowed, "roles", roles);
    }
    json_decref(roles);
    return allowed;
}

/* ---- texts ---- */

/* A message in the making. */
struct draft {
    struct step_ctx *ctx;
    struct buf shown; /* what a reader sees, one text under the other, for the ledger */
    struct err *why;
};

/* A template fitted to a rule, under a name of the object; an empty one is left out. */
static MUST_USE enum err_code set_text(struct draft *d,
                                       json_t *object,
                                       const char *name,
                                       const struct mustache *tpl,
                                       const struct text_rule *rule,
                                       mustache_escape_fn *escape)
{
    struct buf text;
    enum err_code rc;

    buf_init(&text, TEXT_BYTES_MAX);
    rc = fit_text(d->ctx, tpl, rule, escape, NULL, &text, d->why);
    if (!rc && text.len > 0) {
        json_set_str(object, name, buf_str(&text));
        buf_addf(&d->shown, "%s%s", d->shown.len ? "\n" : "", buf_str(&text));
    }
    buf_done(&text);
    return rc;
}

static size_t units_of(const json_t *object, const char *name)
{
    const char *text = json_path_str(object, name);
    struct text_rule rule = {.unit = TEXT_UTF16};

    return text ? text_measure(&rule, text, strlen(text)) : 0;
}

/* Above the card: mentions first, they are not cut. */
static MUST_USE enum err_code set_content(struct draft *d, json_t *body)
{
    const struct discord_settings *s = discord__settings(d->ctx);
    struct text_rule rule = discord__limits[DISCORD_LIMIT_TEXT];
    json_t *fitted = json_object();
    const char *text;
    struct buf content;
    enum err_code rc = ERR_NONE;

    buf_init(&content, TEXT_BYTES_MAX);
    add_mentions(d->ctx, &content);
    rule.max -= content.len; /* ASCII, and few: their number is bounded in the settings */
    if (s->text) {
        rc = set_text(d, fitted, "text", s->text, &rule, discord__escape);
    }
    text = json_path_str(fitted, "text");
    if (text) {
        buf_adds(&content, text);
    } else if (content.len > 0) {
        buf_truncate(&content, content.len - 1); /* the blank behind the last mention */
    }
    if (!rc && (content.len > 0 || d->ctx->course == COURSE_UPDATE)) {
        json_set_str(body, "content", buf_str(&content));
    }
    json_decref(fitted);
    buf_done(&content);
    return rc;
}

/* ---- the card ---- */

static void set_color(const struct step_ctx *ctx, json_t *card)
{
    const struct discord_settings *s = discord__settings(ctx);
    const char *text = ctx->breaking && s->breaking_color ? s->breaking_color : s->color;
    int64_t color;

    if (text && discord__read_color(text, &color)) {
        (void)json_object_set_new(card, "color", json_integer(color));
    }
}

static void set_image(struct step_ctx *ctx, json_t *card)
{
    const struct discord_settings *s = discord__settings(ctx);
    const struct article *a = ctx->article;
    json_t *image;
    struct buf alt;

    if (s->image == DISCORD_IMAGE_NEVER || a->image_count == 0 ||
        strlen(a->images[0].url) > DISCORD_URL_BYTES) {
        return;
    }
    image = json_object();
    json_set_str(image, "url", a->images[0].url);
    if (a->images[0].alt) {
        buf_init(&alt, TEXT_BYTES_MAX);
        fit_plain(ctx, &discord__limits[DISCORD_LIMIT_ALT], a->images[0].alt, &alt);
        json_set_str(image, "description", buf_str(&alt));
        buf_done(&alt);
    }
    (void)json_object_set_new(
        card, s->image == DISCORD_IMAGE_LARGE ? "image" : "thumbnail", image);
}

static void set_time(const struct step_ctx *ctx, json_t *card)
{
    char time[TIME_TEXT_BYTES];

    if (ctx->article->published_at_ms) {
        json_set_str(
            card, "timestamp", time_rfc3339_seconds(ctx->article->published_at_ms, time));
    }
}

/* The description gets what title and footer leave of the card's own limit. */
static MUST_USE enum err_code set_card_texts(struct draft *d, json_t *card, json_t *footer)
{
    const struct discord_settings *s = discord__settings(d->ctx);
    const struct text_rule *title = &discord__limits[DISCORD_LIMIT_TITLE];
    const struct text_rule *small = &discord__limits[DISCORD_LIMIT_FOOTER];
    struct text_rule rest = discord__limits[DISCORD_LIMIT_DESCRIPTION];
    size_t left, shown;
    enum err_code rc;

    rc = set_text(d, card, "title", s->title, title, discord__escape);
    shown = d->shown.len;
    if (!rc) {
        rc = set_text(d, footer, "text", s->footer, small, mustache_escape_none);
        buf_truncate(&d->shown, shown); /* it says nothing about the article */
    }
    if (!rc) {
        left = DISCORD_CARD_UNITS - units_of(card, "title") - units_of(footer, "text");
        rest.max = rest.max < left ? rest.max : left;
        rc = set_text(d, card, "description", s->description, &rest, discord__escape);
    }
    return rc;
}

static MUST_USE enum err_code set_card(struct draft *d, json_t *body)
{
    struct step_ctx *ctx = d->ctx;
    json_t *card, *footer;
    enum err_code rc;

    if (discord__settings(ctx)->card == DISCORD_CARD_NEVER) {
        if (ctx->course == COURSE_UPDATE) {
            (void)json_object_set_new(body, "embeds", json_array());
        }
        return ERR_NONE;
    }
    if (strlen(ctx->link) > DISCORD_URL_BYTES) {
        return err_set(
            d->why, ERR_TOO_BIG, "the URL is longer than %d bytes", DISCORD_URL_BYTES);
    }
    card = json_object();
    footer = json_object();
    rc = set_card_texts(d, card, footer);
    if (json_object_size(footer) > 0) {
        (void)json_object_set(card, "footer", footer);
    }
    json_decref(footer);
    json_set_str(card, "url", ctx->link);
    set_color(ctx, card);
    set_image(ctx, card);
    set_time(ctx, card);
    (void)json_object_set_new(body, "embeds", json_pack("[o]", card));
    return rc;
}

enum err_code discord__message(struct step_ctx *ctx, json_t *body, struct err *why)
{
    struct draft d = {.ctx = ctx, .why = why};
    enum err_code rc;

    buf_init(&d.shown, TEXT_BYTES_MAX);
    rc = set_content(&d, body);
    if (!rc) {
        rc = set_card(&d, body);
    }
    (void)json_object_set_new(body, "allowed_mentions", allowed_mentions(ctx));
    if (!rc) {
        json_set_str(ctx->record, "text", buf_str(&d.shown));
    }
    buf_done(&d.shown);
    return rc;
}
