/* What is said of a video: title, description, tags, and the resource they stand in. Called by the steps
 * that upload and change. Title and description are rendered once per delivery and stand in the record, so
 * that every attempt says the same. Neither may hold "<" or ">", which YouTube refuses. */

#include "adapters/youtube_internal.h"

#include <string.h>

#include "adapters/fit.h"
#include "adapters/record.h"
#include "base/json.h"
#include "base/mustache.h"
#include "base/text.h"

#define TEXT_BYTES_MAX ((size_t)256 * 1024)

static void without_brackets(struct buf *b)
{
    size_t out = 0;

    for (size_t i = 0; i < b->len; i++) {
        if (b->data[i] != '<' && b->data[i] != '>') {
            b->data[out++] = b->data[i];
        }
    }
    if (out < b->len) {
        buf_truncate(b, out);
    }
}

/* mustache_escape_fn: left out before it is measured, so that nothing is cut for them. */
static void leave_brackets_out(struct buf *out, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (text[i] != '<' && text[i] != '>') {
            buf_addc(out, text[i]);
        }
    }
}

/* Also without those that the template itself holds. */
static MUST_USE enum err_code fit_one(struct step_ctx *ctx,
                                      const struct mustache *tpl,
                                      int limit,
                                      const char *member,
                                      struct err *why)
{
    enum err_code rc =
        fit_record(ctx, member, tpl, &youtube__limits[limit], leave_brackets_out, why);
    struct buf text;

    if (!rc) {
        buf_init(&text, TEXT_BYTES_MAX);
        buf_adds(&text, record_str(ctx->record, member));
        without_brackets(&text);
        json_set_str(ctx->record, member, buf_str(&text));
        buf_done(&text);
    }
    return rc;
}

static void one_line(json_t *record, const char *member)
{
    struct buf line;

    buf_init(&line, TEXT_BYTES_MAX);
    text_collapse(&line, record_str(record, member), strlen(record_str(record, member)));
    json_set_str(record, member, buf_str(&line));
    buf_done(&line);
}

enum err_code youtube__fit(struct step_ctx *ctx, struct err *why)
{
    const struct youtube_settings *s = youtube__settings(ctx);
    enum err_code rc;

    if (record_str(ctx->record, "title") && record_str(ctx->record, "text")) {
        return ERR_NONE;
    }
    rc = fit_one(ctx, s->title, YOUTUBE_LIMIT_TITLE, "title", why);
    if (!rc) {
        rc = fit_one(ctx, s->text, YOUTUBE_LIMIT_TEXT, "text", why);
    }
    if (rc) {
        record_drop(ctx->record, "title");
        return rc;
    }
    one_line(ctx->record, "title");
    if (*record_str(ctx->record, "title") == '\0') {
        record_drop(ctx->record, "title");
        return err_set(why, ERR_INVALID, "title: nothing is left of it, and a video needs one");
    }
    return ERR_NONE;
}

/* ---- tags ---- */

/* As YouTube counts: a comma between two, and quotation marks around one with a blank in it. */
static size_t cost_of(const char *tag, size_t count)
{
    struct text_rule plain = {.unit = youtube__limits[YOUTUBE_LIMIT_TAGS].unit};

    return text_measure(&plain, tag, strlen(tag)) + (strchr(tag, ' ') ? 2 : 0) +
           (count > 0 ? 1 : 0);
}

static bool has_tag(const json_t *tags, const char *word)
{
    json_t *tag;
    size_t i;

    json_array_foreach(tags, i, tag)
    {
        if (text_same_word(json_string_value(tag), word)) {
            return true;
        }
    }
    return false;
}

static void add_tags(json_t *tags, const struct strings *words, size_t *used)
{
    size_t max = youtube__limits[YOUTUBE_LIMIT_TAGS].max;
    struct buf tag;

    buf_init(&tag, TEXT_BYTES_MAX);
    for (size_t i = 0; i < words->count; i++) {
        size_t cost;

        buf_clear(&tag);
        text_collapse(&tag, words->v[i], strlen(words->v[i]));
        without_brackets(&tag);
        cost = cost_of(buf_str(&tag), json_array_size(tags));
        if (tag.len == 0 || strchr(buf_str(&tag), ',') || *used + cost > max ||
            has_tag(tags, buf_str(&tag))) {
            continue;
        }
        *used += cost;
        (void)json_array_append_new(tags, json_string(buf_str(&tag)));
    }
    buf_done(&tag);
}

static json_t *tags_of(struct step_ctx *ctx)
{
    json_t *tags = json_array();
    size_t used = 0;

    if (youtube__settings(ctx)->tags) {
        add_tags(tags, &ctx->article->categories, &used);
        add_tags(tags, &ctx->article->tags, &used);
    }
    return tags;
}

/* ---- the resource ---- */

static const char *language_of(const struct step_ctx *ctx)
{
    const char *given = youtube__settings(ctx)->language;

    return given                    ? given
           : ctx->article->language ? ctx->article->language
                                    : ctx->site->language;
}

json_t *youtube__snippet(struct step_ctx *ctx)
{
    json_t *snippet = json_object(), *tags = tags_of(ctx);
    const char *language = language_of(ctx);

    json_set_str(snippet, "title", record_str(ctx->record, "title"));
    json_set_str(snippet, "description", record_str(ctx->record, "text"));
    json_set_str(snippet, "categoryId", youtube__settings(ctx)->category);
    if (json_array_size(tags) > 0) {
        (void)json_object_set(snippet, "tags", tags);
    }
    json_decref(tags);
    if (language && *language) {
        json_set_str(snippet, "defaultLanguage", language);
        json_set_str(snippet, "defaultAudioLanguage", language);
    }
    return snippet;
}

json_t *youtube__status(const struct step_ctx *ctx, int privacy)
{
    const struct youtube_settings *s = youtube__settings(ctx);
    json_t *status = json_object();

    json_set_str(status, "privacyStatus", youtube__privacies[privacy]);
    json_set_str(status, "license", "youtube");
    (void)json_object_set_new(status, "embeddable", json_boolean(s->embeddable));
    (void)json_object_set_new(
        status, "selfDeclaredMadeForKids", json_boolean(s->made_for_kids));
    (void)json_object_set_new(status, "containsSyntheticMedia", json_boolean(s->synthetic));
    return status;
}
