/* Text for a platform: the view of an article that templates see, and the fitting of what they
 * render to a platform's limit. Adapters call it while they build a request; config checks
 * template names against the same list of variables. Pure: nothing is kept but the measure
 * noted in the context. */

#include "adapters/fit.h"

#include <string.h>
#include <strings.h>

#include "base/attr.h"
#include "base/json.h"
#include "base/mem.h"

#define RENDER_BYTES ((size_t)16 * 1024 * 1024)

/* A summary shorter than this says less than none. */
#define SHORTEST_UNITS 16

/* The value of a member is left out when there is none, so that sections over it are false. */
static void view_str(json_t *view, const char *name, const char *text)
{
    if (text && *text) {
        json_set_str(view, name, text);
    }
}

static void view_buf(json_t *view, const char *name, struct buf *text)
{
    if (buf_ok(text)) {
        view_str(view, name, buf_str(text));
    }
    buf_done(text);
}

static void view_list(json_t *view, const char *name, const struct strings *list)
{
    json_t *array;

    if (list->count == 0) {
        return;
    }
    array = json_array();
    for (size_t i = 0; i < list->count; i++) {
        json_array_append_new(array, json_string(list->v[i]));
    }
    json_object_set_new(view, name, array);
}

static void view_author(json_t *view, const struct strings *authors)
{
    struct buf joined;

    buf_init(&joined, RENDER_BYTES);
    for (size_t i = 0; i < authors->count; i++) {
        buf_adds(&joined, i ? ", " : "");
        buf_adds(&joined, authors->v[i]);
    }
    view_buf(view, "author", &joined);
}

/* Whether word stands in text between blanks, folded. */
static bool has_word(const char *text, const char *word)
{
    size_t len = strlen(word);

    for (const char *at = text; *at; at += strcspn(at, " "), at += strspn(at, " ")) {
        if (strcspn(at, " ") == len && strncasecmp(at, word, len) == 0) {
            return true;
        }
    }
    return false;
}

static void add_hashtags(struct buf *out, const struct strings *words)
{
    struct buf tag;

    buf_init(&tag, 2 * (size_t)ARTICLE_WORD_BYTES);
    for (size_t i = 0; i < words->count; i++) {
        buf_clear(&tag);
        buf_addc(&tag, '#');
        if (!text_hashtag(&tag, words->v[i]) || !buf_ok(&tag) ||
            has_word(buf_str(out), buf_str(&tag))) {
            continue;
        }
        buf_adds(out, out->len ? " " : "");
        buf_adds(out, buf_str(&tag));
    }
    buf_done(&tag);
}

static void view_words(json_t *view, const struct article *a)
{
    struct buf hashtags;

    view_list(view, "authors", &a->authors);
    view_list(view, "categories", &a->categories);
    view_list(view, "tags", &a->tags);
    view_author(view, &a->authors);
    buf_init(&hashtags, RENDER_BYTES);
    add_hashtags(&hashtags, &a->categories);
    add_hashtags(&hashtags, &a->tags);
    view_buf(view, "hashtags", &hashtags);
}

static void view_article(json_t *view, const struct article *a)
{
    char time[TIME_TEXT_BYTES];
    struct buf body;

    view_str(view, "title", a->title);
    view_str(view, "summary", a->summary);
    view_str(view, "canonical_url", a->url);
    view_str(view, "language", a->language);
    if (a->body) {
        buf_init(&body, RENDER_BYTES);
        text_from_html(&body, a->body, strlen(a->body));
        view_buf(view, "body_text", &body);
    }
    view_words(view, a);
    if (a->image_count > 0) {
        view_str(view, "image", a->images[0].url);
        view_str(view, "image_alt", a->images[0].alt);
    }
    if (a->published_at_ms) {
        view_str(view, "published_at", time_rfc3339_seconds(a->published_at_ms, time));
    }
    if (a->correction && *a->correction) {
        view_str(view, "correction", a->correction);
    } else if (article_is_correction(a)) {
        json_object_set_new(view, "correction", json_true());
    }
}

json_t *fit_view(const struct step_ctx *ctx)
{
    json_t *view = json_object();

    view_article(view, ctx->article);
    view_str(view, "url", ctx->link);
    view_str(view, "id", ctx->article_id);
    view_str(view, "channel", ctx->channel);
    view_str(view, "reason", ctx->reason);
    if (ctx->site) {
        view_str(view, "site", ctx->site->name);
        view_str(view, "site_url", ctx->site->url);
    }
    json_object_set_new(view, "breaking", json_boolean(ctx->breaking));
    json_object_set_new(view, "update", json_boolean(ctx->course == COURSE_UPDATE));
    json_object_set_new(view, "revision", json_integer(ctx->revision));
    return view;
}

/* One fitting under way. */
struct fit {
    const struct mustache *tpl;
    const struct text_rule *rule;
    mustache_escape_fn *escape;
    fit_strip_fn *measured;
    json_t *view;
    struct buf text;  /* as rendered and tidied */
    struct buf plain; /* the same as it is measured */
};

static const char *fit_plain_text(const struct fit *f, size_t *out_len)
{
    const struct buf *b = f->measured ? &f->plain : &f->text;

    *out_len = b->len;
    return buf_str(b);
}

static size_t measure(const struct fit *f)
{
    size_t len;
    const char *plain = fit_plain_text(f, &len);

    return text_measure(f->rule, plain, len);
}

/* Empty lines closed up, ends trimmed: what a missing value leaves behind. */
static void tidy(struct buf *b)
{
    size_t out = 0;
    size_t breaks = 0;

    for (size_t i = 0; i < b->len; i++) {
        char c = b->data[i];

        if (c == '\r') {
            continue;
        }
        if (c == '\n') {
            while (out > 0 && (b->data[out - 1] == ' ' || b->data[out - 1] == '\t')) {
                out--;
            }
            breaks++;
            if (out == 0 || breaks > 2) {
                continue;
            }
        } else if (c != ' ' && c != '\t') {
            breaks = 0;
        } else if (out == 0) {
            continue;
        }
        b->data[out++] = c;
    }
    while (out > 0 && strchr(" \t\n", b->data[out - 1])) {
        out--;
    }
    buf_truncate(b, out);
}

static void strip(struct fit *f)
{
    if (f->measured) {
        buf_clear(&f->plain);
        f->measured(&f->plain, buf_str(&f->text), f->text.len);
    }
}

/* Renders the view as it is now. */
static MUST_USE enum err_code render(struct fit *f, struct err *why)
{
    enum err_code rc;

    buf_clear(&f->text);
    rc = mustache_render(f->tpl, f->view, f->escape, NULL, NULL, &f->text, why);
    if (!rc) {
        rc = buf_check(&f->text, "text", why);
    }
    if (rc) {
        return rc;
    }
    tidy(&f->text);
    strip(f);
    return buf_check(&f->plain, "text", why);
}

static bool fits(const struct fit *f)
{
    size_t len;
    const char *plain = fit_plain_text(f, &len);

    return text_fits(f->rule, plain, len);
}

static size_t units_of(const struct fit *f, const char *text)
{
    struct text_rule plain = {.unit = f->rule->unit}; /* without the platform's link lengths */

    return text_measure(&plain, text, strlen(text));
}

/* Puts value, cut to so many units, into the view; 0 takes it out. */
static void put_cut(struct fit *f, const char *name, const char *value, size_t units)
{
    struct buf cut;

    json_object_del(f->view, name);
    if (units == 0) {
        return;
    }
    buf_init(&cut, RENDER_BYTES);
    (void)text_cut(&cut, f->rule->unit, value, strlen(value), units);
    view_buf(f->view, name, &cut);
}

/* Shortens one value as little as makes the text fit; takes it out when that is not enough. The
 * title always keeps a unit: a text about nothing is no text. */
static MUST_USE enum err_code
shorten(struct fit *f, const char *name, size_t shortest, struct err *why)
{
    enum err_code rc = ERR_NONE;
    char *value = mem_strdup(json_path_str(f->view, name));
    size_t low = 0; /* known to fit, or the least there is */
    size_t high;    /* known not to fit */

    if (!value) {
        return ERR_NONE;
    }
    high = units_of(f, value);
    if (f->rule->max && high > f->rule->max + 1 && !f->rule->link_length) {
        high =
            f->rule->max + 1; /* more than the limit cannot fit: saves rendering long bodies */
    }
    while (!rc && low + 1 < high) {
        size_t middle = low + (high - low) / 2;

        put_cut(f, name, value, middle);
        rc = render(f, why);
        if (!rc && fits(f)) {
            low = middle;
        } else {
            high = middle;
        }
    }
    if (low < shortest) {
        low = strcmp(name, "title") == 0 ? 1 : 0;
    }
    put_cut(f, name, value, low);
    rc = rc ? rc : render(f, why);
    mem_free(value);
    return rc;
}

static MUST_USE enum err_code drop_hashtags(struct fit *f, struct err *why)
{
    char *tags = mem_strdup(json_path_str(f->view, "hashtags"));
    enum err_code rc = ERR_NONE;

    while (!rc && tags && *tags && !fits(f)) {
        char *last = strrchr(tags, ' ');

        *(last ? last : tags) = '\0';
        json_object_del(f->view, "hashtags");
        view_str(f->view, "hashtags", tags);
        rc = render(f, why);
    }
    mem_free(tags);
    return rc;
}

/* Cuts the plain text at a word, the link behind it when the cut lost it. Links may count for
 * less than they are and bytes may bound it too, so go down until it fits; the link alone
 * always does. */
static void cut_plain(const struct fit *f, const char *url, struct buf *cut)
{
    size_t len;
    const char *plain = fit_plain_text(f, &len);
    size_t units = f->rule->max ? f->rule->max : f->rule->max_bytes;

    for (; units > 0; units -= units / 32 + 1) {
        buf_clear(cut);
        (void)text_cut(cut, f->rule->unit, plain, len, units);
        tidy(cut);
        if (url && !strstr(buf_str(cut), url)) {
            buf_addf(cut, "\n%s", url);
        }
        if (text_fits(f->rule, buf_str(cut), cut->len)) {
            return;
        }
    }
    buf_clear(cut);
    buf_adds(cut, url ? url : "");
}

/* The last resort, when the template's own words are too many: its plain text, cut. */
static MUST_USE enum err_code cut_rendered(struct fit *f, struct err *why)
{
    const char *url = json_path_str(f->view, "url");
    size_t len;
    struct buf cut;

    if (url && !strstr(fit_plain_text(f, &len), url)) {
        url = NULL; /* this text never had it */
    }
    if (url && !text_fits(f->rule, url, strlen(url))) {
        return err_set(why,
                       ERR_TOO_BIG,
                       "%s: the URL alone is longer than %zu %s",
                       f->rule->name,
                       f->rule->max,
                       text_unit_name(f->rule->unit));
    }
    buf_init(&cut, RENDER_BYTES);
    cut_plain(f, url, &cut);
    buf_clear(&f->text);
    if (f->measured && f->escape) {
        f->escape(&f->text, buf_str(&cut), cut.len);
    } else {
        buf_add(&f->text, buf_str(&cut), cut.len);
    }
    buf_done(&cut);
    strip(f);
    return buf_check(&f->text, "text", why);
}

static MUST_USE enum err_code fit_down(struct fit *f, struct err *why)
{
    enum err_code rc = shorten(f, "body_text", SHORTEST_UNITS, why);

    if (!rc && !fits(f)) {
        rc = shorten(f, "summary", SHORTEST_UNITS, why);
    }
    if (!rc && !fits(f)) {
        rc = drop_hashtags(f, why);
    }
    if (!rc && !fits(f)) {
        rc = shorten(f, "title", 1, why);
    }
    if (!rc && !fits(f)) {
        rc = cut_rendered(f, why);
    }
    return rc;
}

/* The last measure under a rule is the one that counts: a step may be built again. */
static void note(struct step_ctx *ctx, const struct text_rule *rule, size_t measured, bool cut)
{
    struct fit_report report = {.rule = *rule, .measured = measured, .cut = cut};

    for (size_t i = 0; i < ctx->fit_count; i++) {
        if (strcmp(ctx->fits[i].rule.name, rule->name) == 0) {
            ctx->fits[i] = report;
            return;
        }
    }
    if (ctx->fit_count < FIT_REPORTS_MAX) {
        ctx->fits[ctx->fit_count++] = report;
    }
}

enum err_code fit_text(struct step_ctx *ctx,
                       const struct mustache *tpl,
                       const struct text_rule *rule,
                       mustache_escape_fn *escape,
                       fit_strip_fn *measured,
                       struct buf *out,
                       struct err *why)
{
    struct fit f = {.tpl = tpl, .rule = rule, .escape = escape, .measured = measured};
    enum err_code rc;
    bool cut;

    buf_init(&f.text, RENDER_BYTES);
    buf_init(&f.plain, RENDER_BYTES);
    f.view = fit_view(ctx);
    rc = render(&f, why);
    cut = !rc && !fits(&f);
    if (cut) {
        rc = fit_down(&f, why);
    }
    if (!rc) {
        note(ctx, rule, measure(&f), cut);
        buf_add(out, buf_str(&f.text), f.text.len);
        rc = buf_check(out, rule->name, why);
    }
    json_decref(f.view);
    buf_done(&f.text);
    buf_done(&f.plain);
    return rc;
}

enum err_code fit_record(struct step_ctx *ctx,
                         const char *member,
                         const struct mustache *tpl,
                         const struct text_rule *rule,
                         mustache_escape_fn *escape,
                         struct err *why)
{
    enum err_code rc = ERR_NONE;
    struct buf text;

    if (json_path_str(ctx->record, member)) {
        return ERR_NONE;
    }
    buf_init(&text, RENDER_BYTES);
    if (tpl) {
        rc = fit_text(ctx, tpl, rule, escape, NULL, &text, why);
    }
    if (!rc) {
        json_set_str(ctx->record, member, buf_str(&text));
    }
    buf_done(&text);
    return rc;
}

void fit_plain(struct step_ctx *ctx,
               const struct text_rule *rule,
               const char *text,
               struct buf *out)
{
    size_t from = out->len;
    size_t len = text ? strlen(text) : 0;
    bool cut = len > 0 && !text_fits(rule, text, len);

    if (!cut) {
        buf_add(out, text ? text : "", len);
    } else {
        if (rule->max) {
            (void)text_cut(out, rule->unit, text, len, rule->max);
        } else {
            buf_add(out, text, len);
        }
        if (buf_ok(out) && rule->max_bytes && out->len - from > rule->max_bytes) {
            buf_truncate(out, from);
            (void)text_cut(out, TEXT_BYTES, text, len, rule->max_bytes);
        }
    }
    if (buf_ok(out)) {
        note(ctx, rule, text_measure(rule, buf_str(out) + from, out->len - from), cut);
    }
}
