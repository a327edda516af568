/* A Bluesky post as the lexicon app.bsky.feed.post has it: text with its facets, languages,
 * hidden tags, labels, and one embed, which is a link card or a picture. Called before a post
 * is first sent; the record is kept in ctx->record and sent from there ever after, because only
 * a record that is the same byte for byte makes a repeat harmless. */

#include "adapters/bluesky_internal.h"

#include <string.h>

#include "adapters/fit.h"
#include "adapters/record.h"
#include "base/json.h"
#include "base/text.h"

#define TEXT_BYTES_MAX ((size_t)256 * 1024)

static bool is_alpha(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_alnum(char c)
{
    return is_alpha(c) || (c >= '0' && c <= '9');
}

bool bluesky__is_language(const char *text)
{
    size_t run = 0, subtags = 0;

    for (const char *p = text;; p++) {
        if (*p && *p != '-') {
            run++;
            if (!is_alnum(*p) || (subtags == 0 && !is_alpha(*p)) || run > 8) {
                return false;
            }
            continue;
        }
        if (run == 0 || (subtags == 0 && (run < 2 || run > 3))) {
            return false;
        }
        subtags++;
        run = 0;
        if (!*p) {
            return true;
        }
    }
}

static json_t *languages(const struct step_ctx *ctx)
{
    const struct bluesky_settings *s = bluesky__settings(ctx);
    const char *own = ctx->article->language ? ctx->article->language : ctx->site->language;
    json_t *langs = json_array();

    for (size_t i = 0; i < s->langs.count; i++) {
        (void)json_array_append_new(langs, json_string(s->langs.v[i]));
    }
    if (s->langs.count == 0 && own && bluesky__is_language(own)) {
        (void)json_array_append_new(langs, json_string(own));
    }
    return langs;
}

/* Whether a tag stands in the list, or in the text as a facet. */
static bool has_tag(const json_t *tags, const json_t *facets, const char *tag)
{
    json_t *one;
    size_t i;

    json_array_foreach(tags, i, one)
    {
        if (text_same_fold(json_string_value(one), tag)) {
            return true;
        }
    }
    json_array_foreach(facets, i, one)
    {
        const json_t *features = json_object_get(one, "features");
        const char *word = record_str(json_array_get(features, 0), "tag");

        if (word && text_same_fold(word, tag)) {
            return true;
        }
    }
    return false;
}

static void add_tags(json_t *tags, const json_t *facets, const struct strings *words)
{
    const struct text_rule *rule = &bluesky__limits[BLUESKY_LIMIT_TAG];

    for (size_t i = 0; i < words->count && json_array_size(tags) < BLUESKY_TAGS_MAX; i++) {
        struct buf tag;

        buf_init(&tag, TEXT_BYTES_MAX);
        if (text_hashtag(&tag, words->v[i]) && text_fits(rule, buf_str(&tag), tag.len) &&
            !has_tag(tags, facets, buf_str(&tag))) {
            (void)json_array_append_new(tags, json_string(buf_str(&tag)));
        }
        buf_done(&tag);
    }
}

/* Tags that are not shown but found by search: those the text does not show already. */
static json_t *hidden_tags(const struct step_ctx *ctx, const json_t *facets)
{
    json_t *tags = json_array();

    if (bluesky__settings(ctx)->tags) {
        add_tags(tags, facets, &ctx->article->tags);
        add_tags(tags, facets, &ctx->article->categories);
    }
    return tags;
}

static json_t *self_labels(const struct strings *labels)
{
    json_t *all = json_object(), *values = json_array();

    for (size_t i = 0; i < labels->count; i++) {
        json_t *one = json_object();

        json_set_str(one, "val", labels->v[i]);
        (void)json_array_append_new(values, one);
    }
    json_set_str(all, "$type", "com.atproto.label.defs#selfLabels");
    (void)json_object_set_new(all, "values", values);
    return all;
}

static void
set_fitted(struct step_ctx *ctx, json_t *object, const char *name, int limit, const char *text)
{
    struct buf fitted;

    buf_init(&fitted, TEXT_BYTES_MAX);
    fit_plain(ctx, &bluesky__limits[limit], text, &fitted);
    json_set_str(object, name, buf_str(&fitted));
    buf_done(&fitted);
}

static json_t *link_card(struct step_ctx *ctx)
{
    json_t *embed = json_object(), *card = json_object();
    json_t *thumb = json_object_get(ctx->record, "thumb");

    json_set_str(card, "uri", ctx->link);
    set_fitted(ctx, card, "title", BLUESKY_LIMIT_CARD_TITLE, ctx->article->title);
    set_fitted(ctx, card, "description", BLUESKY_LIMIT_CARD_DESCRIPTION, ctx->article->summary);
    if (thumb) {
        (void)json_object_set(card, "thumb", thumb);
    }
    json_set_str(embed, "$type", "app.bsky.embed.external");
    (void)json_object_set_new(embed, "external", card);
    return embed;
}

static void set_ratio(const struct step_ctx *ctx, json_t *image)
{
    int64_t width = record_int(ctx->record, "thumb_width");
    int64_t height = record_int(ctx->record, "thumb_height");
    json_t *ratio;

    if (width <= 0 || height <= 0) {
        return;
    }
    ratio = json_object();
    record_set_int(ratio, "width", width);
    record_set_int(ratio, "height", height);
    (void)json_object_set_new(image, "aspectRatio", ratio);
}

/* NULL when there is no picture. */
static json_t *picture(struct step_ctx *ctx)
{
    json_t *blob = json_object_get(ctx->record, "thumb");
    const struct article *a = ctx->article;
    json_t *embed, *images, *image;

    if (!blob) {
        return NULL;
    }
    image = json_object();
    (void)json_object_set(image, "image", blob);
    set_fitted(
        ctx, image, "alt", BLUESKY_LIMIT_ALT, a->image_count > 0 ? a->images[0].alt : NULL);
    set_ratio(ctx, image);
    images = json_array();
    (void)json_array_append_new(images, image);
    embed = json_object();
    json_set_str(embed, "$type", "app.bsky.embed.images");
    (void)json_object_set_new(embed, "images", images);
    return embed;
}

static json_t *strong_ref(const char *uri, const char *cid)
{
    json_t *ref = json_object();

    json_set_str(ref, "uri", uri);
    json_set_str(ref, "cid", cid);
    return ref;
}

/* A correction as a reply goes below the last post of the thread. NULL when it is none, or when
 * the content hashes a reply needs were never told. */
static json_t *reply_ref(struct step_ctx *ctx)
{
    json_t *root = ctx->post ? json_object_get(ctx->post, "root") : NULL;
    const char *uri = post_id(ctx), *cid = post_str(ctx, "cid");
    json_t *reply;

    if (ctx->course != COURSE_UPDATE || bluesky__settings(ctx)->on_update != BLUESKY_REPLY ||
        !uri || !cid || !root) {
        return NULL;
    }
    reply = json_object();
    (void)json_object_set_new(reply, "root", json_deep_copy(root));
    (void)json_object_set_new(reply, "parent", strong_ref(uri, cid));
    return reply;
}

/* Takes value; leaves out what is NULL or empty. */
static void set_unless_empty(json_t *record, const char *name, json_t *value)
{
    if (value && (json_object_size(value) > 0 || json_array_size(value) > 0)) {
        (void)json_object_set_new(record, name, value);
    } else {
        json_decref(value);
    }
}

static json_t *make_post(struct step_ctx *ctx, const char *text)
{
    const struct bluesky_settings *s = bluesky__settings(ctx);
    json_t *record = json_object(), *facets = bluesky__facets(text);
    char created_at[TIME_TEXT_BYTES];

    json_set_str(record, "$type", BLUESKY_COLLECTION);
    json_set_str(record, "text", text);
    json_set_str(record, "createdAt", time_rfc3339(ctx->created_at_ms, created_at));
    set_unless_empty(record, "langs", languages(ctx));
    set_unless_empty(record, "tags", hidden_tags(ctx, facets));
    set_unless_empty(record, "facets", facets);
    if (s->labels.count > 0) {
        set_unless_empty(record, "labels", self_labels(&s->labels));
    }
    set_unless_empty(
        record, "embed", s->card == BLUESKY_CARD_AUTO ? link_card(ctx) : picture(ctx));
    set_unless_empty(record, "reply", reply_ref(ctx));
    return record;
}

enum err_code bluesky__make_record(struct step_ctx *ctx, struct err *why)
{
    const struct text_rule *rule = &bluesky__limits[BLUESKY_LIMIT_TEXT];
    char rkey[BLUESKY_TID_BYTES];
    enum err_code rc;
    struct buf text;

    if (json_object_get(ctx->record, "post")) {
        return ERR_NONE;
    }
    buf_init(&text, TEXT_BYTES_MAX);
    rc = fit_text(
        ctx, bluesky__settings(ctx)->text, rule, mustache_escape_none, NULL, &text, why);
    if (rc) {
        goto out;
    }
    rc = buf_check(&text, rule->name, why);
    if (rc) {
        goto out;
    }
    bluesky__tid(ctx->created_at_ms, ctx->key, rkey);
    json_set_str(ctx->record, "rkey", rkey);
    json_set_str(ctx->record, "did", bluesky__did(ctx));
    json_set_str(ctx->record, "text", buf_str(&text));
    (void)json_object_set_new(ctx->record, "post", make_post(ctx, buf_str(&text)));
out:
    buf_done(&text);
    return rc;
}
