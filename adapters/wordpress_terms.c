/* The numbers a WordPress site has for categories and tags: posts name terms by number only. Two steps of
 * the courses that make and change a post, gone through again for each term that is not known yet:
 * find_term looks for it by its name, make_term makes it. What is known is kept in the channel's account.
 *
 * A term is never worth the news: one that cannot be had is left out, and noted in the record. */

#include "adapters/wordpress_internal.h"

#include <string.h>

#include "adapters/record.h"
#include "base/attr.h"
#include "base/json.h"
#include "base/text.h"
#include "base/url.h"

#define TERMS_MAX 12  /* of a post, of each kind: each may cost two requests */
#define KNOWN_MAX 500 /* of the account: then it begins anew */
#define NAME_BYTES_MAX ((size_t)4 * ARTICLE_WORD_BYTES)

static const char *const taxonomies[] = {"categories", "tags"};

static const struct strings *names_of(const struct step_ctx *ctx, const char *taxonomy)
{
    const struct wordpress_settings *s = wordpress__settings(ctx);
    const struct article *a = ctx->article;

    if (strcmp(taxonomy, "tags") == 0) {
        return s->tags.count > 0 ? &s->tags : &a->tags;
    }
    return s->categories.count > 0 ? &s->categories : &a->categories;
}

static size_t count_of(const struct strings *names)
{
    return names->count < TERMS_MAX ? names->count : TERMS_MAX;
}

/* ---- what is known ---- */

static bool is_of_site(const struct step_ctx *ctx, const json_t *terms)
{
    const char *of = record_str(terms, "api");
    struct buf api;
    bool same;

    buf_init(&api, ARTICLE_URL_BYTES);
    wordpress__api(wordpress__settings(ctx), &api);
    same = of && strcmp(of, buf_str(&api)) == 0;
    buf_done(&api);
    return same;
}

static json_int_t known(const struct step_ctx *ctx, const char *taxonomy, const char *name)
{
    const json_t *terms = json_object_get(ctx->account, "terms");

    return is_of_site(ctx, terms) ? record_int(json_object_get(terms, taxonomy), name) : 0;
}

static void learn(struct step_ctx *ctx, const char *taxonomy, const char *name, json_int_t id)
{
    json_t *terms = json_object_get(ctx->account, "terms");
    struct buf api;

    if (!is_of_site(ctx, terms) ||
        json_object_size(json_object_get(terms, taxonomy)) >= KNOWN_MAX) {
        terms = json_object();
        buf_init(&api, ARTICLE_URL_BYTES);
        wordpress__api(wordpress__settings(ctx), &api);
        json_set_str(terms, "api", buf_str(&api));
        buf_done(&api);
        (void)json_object_set_new(ctx->account, "terms", terms);
    }
    if (!json_object_get(terms, taxonomy)) {
        (void)json_object_set_new(terms, taxonomy, json_object());
    }
    record_set_int(json_object_get(terms, taxonomy), name, id);
}

static void add_key(struct buf *out, const char *taxonomy, const char *name)
{
    buf_addf(out, "%s/%s", taxonomy, name);
}

static bool is_off(const struct step_ctx *ctx, const char *taxonomy, const char *name)
{
    bool off = false;
    struct buf key;
    json_t *one;
    size_t i;

    buf_init(&key, NAME_BYTES_MAX);
    add_key(&key, taxonomy, name);
    json_array_foreach(json_object_get(ctx->record, "terms_off"), i, one)
    {
        off = off || strcmp(json_string_value(one), buf_str(&key)) == 0;
    }
    buf_done(&key);
    return off;
}

static void leave_out(struct step_ctx *ctx, const char *taxonomy, const char *name)
{
    json_t *off = json_object_get(ctx->record, "terms_off");
    struct buf key;

    if (!off) {
        off = json_array();
        (void)json_object_set_new(ctx->record, "terms_off", off);
    }
    buf_init(&key, NAME_BYTES_MAX);
    add_key(&key, taxonomy, name);
    (void)json_array_append_new(off, json_string(buf_str(&key)));
    buf_done(&key);
}

json_t *wordpress__terms(const struct step_ctx *ctx, const char *taxonomy)
{
    const struct strings *names = names_of(ctx, taxonomy);
    json_t *ids = json_array();

    for (size_t i = 0; i < count_of(names); i++) {
        json_int_t id = known(ctx, taxonomy, names->v[i]);
        bool there = id <= 0;

        for (size_t k = 0; !there && k < json_array_size(ids); k++) {
            there = json_integer_value(json_array_get(ids, k)) == id;
        }
        if (!there) {
            (void)json_array_append_new(ids, json_integer(id));
        }
    }
    return ids;
}

/* One that is asked about: noted in the record with the request, since what the account knows may change
 * before the answer comes (another delivery of the channel learns, too). */
struct term {
    const char *taxonomy, *name;
};

static bool asked_term(const struct step_ctx *ctx, struct term *out)
{
    out->taxonomy = record_str(ctx->record, "term_kind");
    out->name = record_str(ctx->record, "term_name");
    return out->taxonomy && out->name;
}

static void forget_asked(struct step_ctx *ctx)
{
    record_drop(ctx->record, "term_kind");
    record_drop(ctx->record, "term_name");
    record_drop(ctx->record, "term_missing");
}

/* The first one that is neither known nor left out; false: there is none. */
static bool next_term(const struct step_ctx *ctx, struct term *out)
{
    for (size_t t = 0; t < ARRAY_LEN(taxonomies); t++) {
        const struct strings *names = names_of(ctx, taxonomies[t]);

        for (size_t i = 0; i < count_of(names); i++) {
            *out = (struct term){taxonomies[t], names->v[i]};
            if (*out->name && known(ctx, out->taxonomy, out->name) <= 0 &&
                !is_off(ctx, out->taxonomy, out->name)) {
                return true;
            }
        }
    }
    return false;
}

/* ---- to find one ---- */

enum err_code
wordpress__build_find_term(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    struct term term;
    struct buf word;

    (void)why;
    req->skip = true;
    if (record_flag(ctx->record, "term_missing")) {
        return ERR_NONE;
    }
    forget_asked(ctx);
    if (!next_term(ctx, &term)) {
        return ERR_NONE;
    }
    req->skip = false;
    json_set_str(ctx->record, "term_kind", term.taxonomy);
    json_set_str(ctx->record, "term_name", term.name);
    buf_init(&word, NAME_BYTES_MAX);
    url_encode(&word, term.name);
    wordpress__request(ctx,
                       req,
                       HTTP_GET,
                       "/%s?search=%s&per_page=100&_fields=id,name",
                       term.taxonomy,
                       buf_str(&word));
    buf_done(&word);
    return ERR_NONE;
}

/* The site's names hold entities: "Arts &amp; Culture". */
static bool is_named(const json_t *term, const char *name)
{
    const char *text = record_str(term, "name");
    struct buf plain;
    bool same;

    if (!text) {
        return false;
    }
    buf_init(&plain, NAME_BYTES_MAX);
    text_from_html(&plain, text, strlen(text));
    same = buf_ok(&plain) && text_same_word(buf_str(&plain), name);
    buf_done(&plain);
    return same;
}

static json_int_t find_named(const json_t *list, const char *name)
{
    json_t *term;
    size_t i;

    json_array_foreach(list, i, term)
    {
        if (record_int(term, "id") > 0 && is_named(term, name)) {
            return record_int(term, "id");
        }
    }
    return 0;
}

static struct verdict to_next_term(struct step_ctx *ctx)
{
    forget_asked(ctx);
    return verdict_jump("find_term");
}

/* Only what is refused for good is left out; a site in trouble is waited for. */
static struct verdict
term_trouble(struct step_ctx *ctx, const struct http_response *res, const struct term *term)
{
    struct verdict v = wordpress__trouble(res, false);
    bool may_not = wordpress__error_is(res, "rest_cannot_create") ||
                   wordpress__error_is(res, "rest_forbidden_context");

    if (v.kind != VERDICT_REJECTED && !may_not) {
        return v;
    }
    leave_out(ctx, term->taxonomy, term->name);
    return to_next_term(ctx);
}

struct verdict wordpress__read_find_term(struct step_ctx *ctx, const struct http_response *res)
{
    json_t *list = res->status == 200 ? http_json(res) : NULL;
    struct verdict v = verdict_next();
    struct term term;
    json_int_t id;

    if (!asked_term(ctx, &term)) {
        json_decref(list);
        return to_next_term(ctx);
    }
    id = find_named(list, term.name);
    if (!json_is_array(list)) {
        v = term_trouble(ctx, res, &term);
    } else if (id > 0) {
        learn(ctx, term.taxonomy, term.name, id);
        v = to_next_term(ctx);
    } else if (wordpress__settings(ctx)->create_terms) {
        record_set_flag(ctx->record, "term_missing", true);
    } else {
        leave_out(ctx, term.taxonomy, term.name);
        v = to_next_term(ctx);
    }
    json_decref(list);
    return v;
}

/* ---- to make one ---- */

enum err_code
wordpress__build_make_term(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    struct term term;
    json_t *body;

    (void)why;
    if (!record_flag(ctx->record, "term_missing") || !asked_term(ctx, &term)) {
        req->skip = true;
        return ERR_NONE;
    }
    wordpress__request(ctx, req, HTTP_POST, "/%s", term.taxonomy);
    body = json_object();
    json_set_str(body, "name", term.name);
    http_set_json(req, body);
    json_decref(body);
    return ERR_NONE;
}

/* Made by somebody else meanwhile, or by us when the answer was lost: the refusal tells its number. */
static json_int_t made_id(const struct http_response *res, const json_t *body)
{
    return res->status == 201 ? record_int(body, "id")
           : wordpress__error_is(res, "term_exists")
               ? record_int(json_object_get(body, "data"), "term_id")
               : 0;
}

struct verdict wordpress__read_make_term(struct step_ctx *ctx, const struct http_response *res)
{
    json_t *body = http_json(res);
    json_int_t id = made_id(res, body);
    struct verdict v;
    struct term term;

    if (!asked_term(ctx, &term)) {
        v = to_next_term(ctx);
    } else if (id > 0) {
        learn(ctx, term.taxonomy, term.name, id);
        v = to_next_term(ctx);
    } else {
        v = term_trouble(ctx, res, &term);
    }
    json_decref(body);
    return v;
}
