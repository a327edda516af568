/* What a Mastodon server counts, what it said its limits are, and the text that fits them.
 * Called by the adapter's steps. Limits differ from server to server and are asked for once a
 * day (GET /api/v2/instance, public); what was learned is kept in the channel's account. A
 * server that does not tell them gets the settings' and the platform's usual numbers: that
 * never holds up news.
 *
 * Counted are grapheme clusters of content warning and text together, every http(s) link as so
 * many characters (23), and of "@user@domain" only "@user"
 * (app/validators/status_length_validator.rb). */

#include "adapters/mastodon_internal.h"

#include <string.h>

#include "adapters/fit.h"
#include "adapters/record.h"
#include "base/json.h"

#define TEXT_BYTES_MAX ((size_t)1024 * 1024)
#define LEARNED_FOR_MS MS_DAY
#define CHARACTERS_MAX 1000000 /* a limit beyond that is no limit but a mistake */

static bool same_instance(const struct step_ctx *ctx, const json_t *limits)
{
    const char *of = record_str(limits, "instance");

    return of && strcmp(of, mastodon__settings(ctx)->instance) == 0;
}

const json_t *mastodon__learned(const struct step_ctx *ctx)
{
    const json_t *limits = json_object_get(ctx->account, "limits");

    return limits && same_instance(ctx, limits) ? limits : NULL;
}

enum err_code
mastodon__build_learn(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    const json_t *limits = mastodon__learned(ctx);
    int64_t age_ms = ctx->now_ms - record_int(limits, "at_ms");

    (void)why;
    if (limits && age_ms >= 0 && age_ms < LEARNED_FOR_MS) {
        req->skip = true;
        return ERR_NONE;
    }
    mastodon__request(ctx, req, HTTP_GET, "/api/v2/instance");
    return ERR_NONE;
}

static void learn_int(json_t *limits, const char *as, const json_t *told)
{
    json_int_t v = json_integer_value(told);

    if (v > 0) {
        record_set_int(limits, as, v);
    }
}

struct verdict mastodon__read_learn(struct step_ctx *ctx, const struct http_response *res)
{
    json_t *body = res->status == 200 ? mastodon__json(res) : NULL;
    const json_t *configuration = json_path(body, "configuration", NULL);
    const json_t *statuses = json_path(configuration, "statuses", NULL);
    const json_t *media = json_path(configuration, "media_attachments", NULL);
    json_t *types = json_path(media, "supported_mime_types", NULL);
    json_t *limits;

    if (res->status == 429) {
        return mastodon__trouble(res);
    }
    limits = json_object();
    json_set_str(limits, "instance", mastodon__settings(ctx)->instance);
    /* A server without this call is not asked at every post either. */
    record_set_int(limits, "at_ms", ctx->now_ms);
    learn_int(limits, "max_characters", json_object_get(statuses, "max_characters"));
    learn_int(
        limits, "url_characters", json_object_get(statuses, "characters_reserved_per_url"));
    learn_int(limits, "alt_characters", json_object_get(media, "description_limit"));
    learn_int(limits, "image_bytes", json_object_get(media, "image_size_limit"));
    learn_int(limits, "image_pixels", json_object_get(media, "image_matrix_limit"));
    if (json_is_array(types) && json_array_size(types) <= 100) {
        (void)json_object_set(limits, "image_types", types);
    }
    (void)json_object_set_new(ctx->account, "limits", limits);
    json_decref(body);
    return verdict_next();
}

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           c == '_';
}

/* Length of a run of name characters that begins and ends with a letter, digit or '_' and holds
 * dots and hyphens only inside; 0 when there is none. */
static size_t name_length(const char *text, size_t len)
{
    size_t n = 0;

    if (len == 0 || !is_word(text[0])) {
        return 0;
    }
    while (n < len && (is_word(text[n]) || text[n] == '.' || text[n] == '-')) {
        n++;
    }
    while (!is_word(text[n - 1])) {
        n--;
    }
    return n;
}

/* Whether a mention can begin behind c: Account::MENTION_RE wants no word character, '=' or '/'
 * there. Bytes of other scripts count as word characters, which errs towards counting more. */
static bool may_precede(char c)
{
    return !is_word(c) && c != '=' && c != '/' && !(c & 0x80);
}

/* Append text without the domains of its mentions; text holds no links. */
static void strip_domains(struct buf *out, const char *text, size_t len, char before)
{
    size_t pos = 0;

    while (pos < len) {
        size_t name = text[pos] == '@' && may_precede(pos > 0 ? text[pos - 1] : before)
                          ? name_length(text + pos + 1, len - pos - 1)
                          : 0;
        size_t end = pos + 1 + name;
        size_t domain = name > 0 && end < len && text[end] == '@'
                            ? name_length(text + end + 1, len - end - 1)
                            : 0;

        buf_add(out, text + pos, 1 + name);
        pos = domain > 0 ? end + 1 + domain : end;
    }
}

void mastodon__strip(struct buf *out, const char *text, size_t len)
{
    size_t pos = 0, start, end;

    while (text_next_link(text, len, pos, &start, &end)) {
        strip_domains(out, text + pos, start - pos, pos > 0 ? text[pos - 1] : ' ');
        buf_add(out, text + start, end - start);
        pos = end;
    }
    strip_domains(out, text + pos, len - pos, pos > 0 ? text[pos - 1] : ' ');
}

static size_t learned_or(const struct step_ctx *ctx, const char *name, int64_t otherwise)
{
    int64_t v = record_int(mastodon__learned(ctx), name);

    if (v <= 0) {
        v = otherwise;
    }
    return (size_t)(v < CHARACTERS_MAX ? v : CHARACTERS_MAX);
}

static struct text_rule text_rule(const struct step_ctx *ctx)
{
    struct text_rule rule = mastodon__limits[MASTODON_LIMIT_TEXT];

    rule.max = learned_or(ctx, "max_characters", mastodon__settings(ctx)->max_characters);
    rule.link_length = learned_or(ctx, "url_characters", (int64_t)rule.link_length);
    return rule;
}

static size_t counted(const struct text_rule *rule, const char *text, size_t len)
{
    struct buf stripped;
    size_t n;

    buf_init(&stripped, TEXT_BYTES_MAX);
    mastodon__strip(&stripped, text, len);
    n = text_measure(rule, buf_str(&stripped), stripped.len);
    buf_done(&stripped);
    return n;
}

static enum err_code fit_one(struct step_ctx *ctx,
                             const struct mustache *tpl,
                             const struct text_rule *rule,
                             struct buf *out,
                             struct err *why)
{
    enum err_code rc;

    rc = fit_text(ctx, tpl, rule, mustache_escape_none, mastodon__strip, out, why);
    return rc ? rc : buf_check(out, rule->name, why);
}

enum err_code mastodon__fit(struct step_ctx *ctx, struct err *why)
{
    const struct mastodon_settings *s = mastodon__settings(ctx);
    struct text_rule rule = text_rule(ctx), spoiler_rule = rule;
    struct buf spoiler, text;
    enum err_code rc = ERR_NONE;

    if (record_str(ctx->record, "text")) {
        return ERR_NONE; /* the same bytes on every attempt */
    }
    buf_init(&spoiler, TEXT_BYTES_MAX);
    buf_init(&text, TEXT_BYTES_MAX);
    if (s->spoiler_text) {
        spoiler_rule.name = mastodon__limits[MASTODON_LIMIT_SPOILER].name;
        spoiler_rule.max = rule.max / 2;
        rc = fit_one(ctx, s->spoiler_text, &spoiler_rule, &spoiler, why);
        if (rc) {
            goto out;
        }
        rule.max -= counted(&spoiler_rule, buf_str(&spoiler), spoiler.len);
    }
    rc = fit_one(ctx, s->text, &rule, &text, why);
    if (rc) {
        goto out;
    }
    json_set_str(ctx->record, "text", buf_str(&text));
    json_set_str(ctx->record, "spoiler", buf_str(&spoiler));
out:
    buf_done(&text);
    buf_done(&spoiler);
    return rc;
}

void mastodon__alt(struct step_ctx *ctx, struct buf *out)
{
    const struct article *a = ctx->article;
    struct text_rule rule = mastodon__limits[MASTODON_LIMIT_ALT];

    rule.max = learned_or(ctx, "alt_characters", (int64_t)rule.max);
    if (a->image_count > 0 && a->images[0].alt) {
        fit_plain(ctx, &rule, a->images[0].alt, out);
    }
}
