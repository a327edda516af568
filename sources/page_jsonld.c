/* What the scripts of JSON-LD say (schema.org, in the forms that publishers and their plugins
 * write): one object, a list of them, or an @graph whose objects name each other by @id. The
 * article that says it is this page is taken, else the first one. Nothing of a context is fetched
 * or expanded: the names of schema.org are taken as they are. */

#include <string.h>
#include <strings.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/url.h"
#include "sources/page_internal.h"

#define SCRIPT_DEPTH 32
#define NESTED_MAX 8     /* so deep articles are looked for */
#define OBJECTS_MAX 2000 /* … and in so many objects of a page */
#define LOOKUPS_MAX 200  /* names (@id) followed for one page */

struct search {
    struct page_reader *reader;
    size_t objects, lookups;
    const json_t *found; /* the article; NULL: none yet */
    bool is_page;        /* it says that it is this page */
};

/* ---- scripts ---- */

/* Line breaks inside of strings are a common mistake, a comment or CDATA around the whole too. */
static void add_script_text(struct buf *out, const char *text, size_t len)
{
    const char *start = memchr(text, '{', len), *list = memchr(text, '[', len);
    const char *from = !start || (list && list < start) ? list : start;
    size_t end = len;

    while (end > 0 && text[end - 1] != '}' && text[end - 1] != ']') {
        end--;
    }
    /* "<![CDATA[" has brackets of its own. */
    if (from == list && list && start && list + 5 < start && memmem(text, len, "CDATA[", 6)) {
        from = start;
        while (end > 3 && memcmp(text + end - 2, "]]", 2) == 0) {
            end -= 2;
            while (end > 0 && text[end - 1] != '}' && text[end - 1] != ']') {
                end--;
            }
        }
    }
    for (const char *c = from; from && c < text + end; c++) {
        buf_addc(out, (unsigned char)*c < ' ' ? ' ' : *c);
    }
}

void page__read_script(struct page_reader *r, const char *text, size_t len)
{
    struct buf clean;
    json_t *v = NULL;

    if (r->script_count == PAGE__SCRIPTS_MAX) {
        return;
    }
    buf_init(&clean, len);
    add_script_text(&clean, text, len);
    if (json_read(&v, buf_str(&clean), clean.len, SCRIPT_DEPTH, NULL) == ERR_NONE) {
        r->scripts[r->script_count++] = v;
    }
    buf_done(&clean);
}

/* ---- types ---- */

/* clang-format off */
static const char *const article_types[] = {
    "NewsArticle", "ReportageNewsArticle", "AnalysisNewsArticle", "OpinionNewsArticle",
    "BackgroundNewsArticle", "ReviewNewsArticle", "AskPublicNewsArticle",
    "AdvertiserContentArticle", "LiveBlogPosting", "BlogPosting", "Article", "Report",
    "SatiricalArticle", "SocialMediaPosting", "TechArticle", "ScholarlyArticle",
};
/* clang-format on */

static const char *bare_type(const char *type)
{
    const char *slash = strrchr(type, '/');

    if (slash) {
        return slash + 1;
    }
    return strncmp(type, "schema:", 7) == 0 ? type + 7 : type;
}

static const char *article_type(const char *type)
{
    for (size_t i = 0; type && i < ARRAY_LEN(article_types); i++) {
        if (strcmp(bare_type(type), article_types[i]) == 0) {
            return article_types[i];
        }
    }
    return NULL;
}

/* Of an object's @type, a text or a list, the one that is an article's; NULL: it is none. An
 * advertisement is one whatever else it is called. */
static const char *article_type_of(const json_t *object)
{
    const json_t *type = json_object_get(object, "@type");
    const char *found = NULL;

    if (json_is_string(type)) {
        return article_type(json_string_value(type));
    }
    for (size_t i = 0; i < json_array_size(type); i++) {
        const char *one = article_type(json_string_value(json_array_get(type, i)));

        if (one && (!found || strcmp(one, "AdvertiserContentArticle") == 0)) {
            found = one;
        }
    }
    return found;
}

/* ---- names ---- */

static const json_t *
object_named(struct search *s, const json_t *v, const char *id, size_t depth)
{
    const json_t *found = NULL;

    if (depth > 2 || s->objects++ > OBJECTS_MAX) {
        return NULL;
    }
    for (size_t i = 0; i < json_array_size(v) && !found; i++) {
        found = object_named(s, json_array_get(v, i), id, depth + 1);
    }
    if (json_is_object(v)) {
        const char *own = json_path_str(v, "@id");

        if (own && json_object_size(v) > 1 && strcmp(own, id) == 0) {
            return v;
        }
        found = object_named(s, json_object_get(v, "@graph"), id, depth + 1);
    }
    return found;
}

/* {"@id": "…"} is the object of that name, when the page has one. */
static const json_t *resolve(struct search *s, const json_t *v)
{
    const char *id = json_is_object(v) ? json_path_str(v, "@id") : NULL;
    const json_t *found = NULL;

    if (!id || json_object_size(v) != 1 || s->lookups++ > LOOKUPS_MAX) {
        return v;
    }
    s->objects = 0;
    for (size_t i = 0; i < s->reader->script_count && !found; i++) {
        found = object_named(s, s->reader->scripts[i], id, 0);
    }
    return found ? found : v;
}

static const json_t *first_of(struct search *s, const json_t *v)
{
    return resolve(s, json_is_array(v) ? json_array_get(v, 0) : v);
}

/* The text of a value, or that of its first member that has one. Borrowed. */
static const char *text_of(struct search *s, const json_t *v, const char *const *members)
{
    v = first_of(s, v);
    if (json_is_string(v)) {
        return json_string_value(v);
    }
    for (size_t i = 0; json_is_object(v) && members[i]; i++) {
        const json_t *member = json_object_get(v, members[i]);

        member = json_is_array(member) ? json_array_get(member, 0) : member;
        if (json_is_string(member)) {
            return json_string_value(member);
        }
    }
    return NULL;
}

static const char *const text_members[] = {"@value", "name", "text", NULL};
static const char *const address_members[] = {"url", "contentUrl", "@id", NULL};

/* ---- the article ---- */

static bool same_address(const char *a, const char *b)
{
    struct buf x, y;
    bool same;

    if (!a || !b) {
        return false;
    }
    buf_init(&x, ARTICLE_URL_BYTES);
    buf_init(&y, ARTICLE_URL_BYTES);
    same = url_identity(&x, a) && url_identity(&y, b) && buf_ok(&x) && buf_ok(&y) &&
           strcmp(buf_str(&x), buf_str(&y)) == 0;
    buf_done(&x);
    buf_done(&y);
    return same;
}

static bool is_this_page(struct search *s, const json_t *object)
{
    static const char *const members[] = {"mainEntityOfPage", "url", "@id"};

    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        const json_t *v = json_object_get(object, members[i]);
        const char *given = json_is_object(v) ? json_path_str(v, "@id") : json_string_value(v);
        char *url = page__absolute(s->reader->facts->url, given);
        bool same = same_address(url, page_address(s->reader->facts)) ||
                    same_address(url, s->reader->facts->url);

        mem_free(url);
        if (same) {
            return true;
        }
    }
    return false;
}

static void look_for_article(struct search *s, const json_t *v, size_t depth)
{
    static const char *const inside[] = {"@graph", "mainEntity", "mainEntityOfPage"};

    if (depth > NESTED_MAX || s->is_page || s->objects++ > OBJECTS_MAX) {
        return;
    }
    for (size_t i = 0; i < json_array_size(v); i++) {
        look_for_article(s, json_array_get(v, i), depth + 1);
    }
    if (!json_is_object(v)) {
        return;
    }
    if (article_type_of(v)) {
        s->is_page = is_this_page(s, v);
        s->found = s->is_page || !s->found ? v : s->found;
    }
    for (size_t i = 0; i < ARRAY_LEN(inside); i++) {
        look_for_article(s, json_object_get(v, inside[i]), depth + 1);
    }
}

/* ---- what it says ---- */

static void read_authors(struct search *s, const json_t *v)
{
    struct strings *authors = &s->reader->ld_authors;

    if (!json_is_array(v)) {
        page__add_word(authors, text_of(s, v, text_members));
        return;
    }
    for (size_t i = 0; i < json_array_size(v) && authors->count < ARTICLE_LIST_MAX; i++) {
        page__add_word(authors, text_of(s, json_array_get(v, i), text_members));
    }
}

static void read_keywords(struct search *s, const json_t *v)
{
    struct strings *tags = &s->reader->ld_tags;

    if (json_is_string(v)) {
        page__add_words(tags, json_string_value(v));
    }
    for (size_t i = 0; i < json_array_size(v) && tags->count < ARTICLE_LIST_MAX; i++) {
        page__add_word(tags, text_of(s, json_array_get(v, i), text_members));
    }
}

/* 1200, "1200", "1200px", {"@type": "QuantitativeValue", "value": 1200} */
static int64_t side_of(const json_t *v)
{
    int64_t n = 0;

    if (json_is_object(v)) {
        v = json_object_get(v, "value");
    }
    if (json_is_integer(v)) {
        n = json_integer_value(v);
    } else if (json_is_string(v)) {
        for (const char *c = json_string_value(v); *c >= '0' && *c <= '9' && n <= 1000000;
             c++) {
            n = 10 * n + (*c - '0');
        }
    }
    return n > 0 && n <= 1000000 ? n : 0;
}

static void read_image(struct search *s, const json_t *v)
{
    struct page_reader *r = s->reader;
    const char *url;

    v = resolve(s, v);
    url = text_of(s, v, address_members);
    if (!url || r->ld_count == PAGE_IMAGES_MAX) {
        return;
    }
    r->ld[r->ld_count++] = (struct article_image){
        .url = mem_strdup(url),
        .alt = mem_strdup(json_is_object(v) ? json_path_str(v, "caption") : NULL),
        .width = side_of(json_object_get(v, "width")),
        .height = side_of(json_object_get(v, "height")),
    };
}

static void read_images(struct search *s, const json_t *v)
{
    if (!json_is_array(v)) {
        read_image(s, v);
    }
    for (size_t i = 0; i < json_array_size(v) && i < PAGE_IMAGES_MAX; i++) {
        read_image(s, json_array_get(v, i));
    }
}

/* false, and the texts "False" and "false", which are more common. */
static int truth_of(const json_t *v)
{
    if (json_is_boolean(v)) {
        return json_is_true(v);
    }
    if (!json_is_string(v)) {
        return -1;
    }
    const char *word = bare_type(json_string_value(v));
    if (strcasecmp(word, "false") == 0) {
        return 0;
    }
    return strcasecmp(word, "true") == 0 ? 1 : -1;
}

/* A text, an address, or a CorrectionComment (schema.org/correction). */
static void read_correction(struct search *s, const json_t *v)
{
    const char *text = text_of(s, v, text_members);

    if (text || json_is_true(v) || json_object_size(v) > 0 || json_array_size(v) > 0) {
        page__keep(s->reader, SLOT_LD_CORRECTION, text ? text : "true");
    }
}

static void read_article(struct search *s, const json_t *a)
{
    static const struct {
        const char *member;
        enum page_slot slot;
    } rows[] = {
        {"headline", SLOT_LD_TITLE},
        {"name", SLOT_LD_TITLE},
        {"description", SLOT_LD_DESCRIPTION},
        {"inLanguage", SLOT_LD_LANGUAGE},
        {"articleSection", SLOT_LD_SECTION},
        {"datePublished", SLOT_LD_PUBLISHED},
        {"dateModified", SLOT_LD_MODIFIED},
    };
    struct page_facts *f = s->reader->facts;
    const char *type = article_type_of(a);

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        page__keep(s->reader,
                   rows[i].slot,
                   text_of(s, json_object_get(a, rows[i].member), text_members));
    }
    page__keep(s->reader, SLOT_LD_URL, text_of(s, json_object_get(a, "url"), address_members));
    read_authors(s, json_object_get(a, "author"));
    read_keywords(s, json_object_get(a, "keywords"));
    read_images(s, json_object_get(a, "image"));
    read_correction(s, json_object_get(a, "correction"));
    f->for_free = truth_of(json_object_get(a, "isAccessibleForFree"));
    f->type = mem_strdup(type);
    f->advertisement = strcmp(type, "AdvertiserContentArticle") == 0;
    f->live = strcmp(type, "LiveBlogPosting") == 0;
}

void page__settle_scripts(struct page_reader *r)
{
    struct search s = {.reader = r};

    for (size_t i = 0; i < r->script_count; i++) {
        look_for_article(&s, r->scripts[i], 0);
    }
    if (s.found) {
        read_article(&s, s.found);
    }
}
