/* What <meta> and <link> say, and the headers that say the same. One table has the names of <meta>;
 * `property` and `name` are taken for each other, as crawlers do. */

#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/parse.h"
#include "base/text.h"
#include "sources/page_internal.h"

#define RAW_BYTES ((size_t)64 * 1024) /* more of one value is not kept */

/* A link as it is said, in the page or in a header. */
struct page_said_link {
    const char *rel, *href, *type, *title;
};

/* clang-format off */
static const struct { const char *name; enum page_slot slot; } metas[] = {
    {"description", SLOT_DESCRIPTION},
    {"author", SLOT_AUTHOR},
    {"keywords", SLOT_KEYWORDS},
    {"news_keywords", SLOT_NEWS_KEYWORDS},
    {"content-language", SLOT_CONTENT_LANGUAGE},
    {"og:title", SLOT_OG_TITLE},
    {"og:description", SLOT_OG_DESCRIPTION},
    {"og:url", SLOT_OG_URL},
    {"og:locale", SLOT_OG_LOCALE},
    {"og:site_name", SLOT_OG_SITE},
    {"og:updated_time", SLOT_OG_UPDATED},
    {"article:section", SLOT_ARTICLE_SECTION},
    {"article:author", SLOT_ARTICLE_AUTHOR},
    {"article:published_time", SLOT_ARTICLE_PUBLISHED},
    {"article:modified_time", SLOT_ARTICLE_MODIFIED},
    {"twitter:title", SLOT_TWITTER_TITLE},
    {"twitter:description", SLOT_TWITTER_DESCRIPTION},
    {"twitter:image", SLOT_TWITTER_IMAGE},
    {"twitter:image:src", SLOT_TWITTER_IMAGE},
    {"twitter:image:alt", SLOT_TWITTER_ALT},
};
/* clang-format on */

const char *page__attribute(const char *const *attributes, const char *name)
{
    for (size_t i = 0; attributes && attributes[i]; i += 2) {
        if (strcasecmp(attributes[i], name) == 0) {
            return attributes[i + 1];
        }
    }
    return NULL;
}

void page__keep(struct page_reader *r, enum page_slot slot, const char *text)
{
    if (!text || r->slots[slot] || text[strspn(text, " \t\r\n")] == '\0') {
        return;
    }
    r->slots[slot] = mem_strndup(text, text_prefix(TEXT_BYTES, text, strlen(text), RAW_BYTES));
}

/* ---- pictures ---- */

static struct article_image *image_begin(struct page_reader *r)
{
    if (r->og_count == PAGE_IMAGES_MAX) {
        return NULL;
    }
    return &r->og[r->og_count++];
}

static void set_address(struct article_image *image, const char *url)
{
    mem_free(image->url);
    image->url = mem_strndup(url, text_prefix(TEXT_BYTES, url, strlen(url), RAW_BYTES));
}

/* "1200", and what some write: "1200px". */
static int64_t side(const char *text)
{
    char digits[16];
    size_t len = strspn(text, "0123456789");
    int64_t n;

    if (len == 0 || len >= sizeof digits) {
        return 0;
    }
    memcpy(digits, text, len);
    digits[len] = '\0';
    return parse_i64(digits, &n) && n <= 1000000 ? n : 0;
}

/* og:image begins one, and what follows belongs to it (ogp.me, "Structured Properties"). Its
 * secure address is the better one of the two. */
static void read_image(struct page_reader *r, const char *what, const char *content)
{
    struct article_image *last = r->og_count > 0 ? &r->og[r->og_count - 1] : NULL;

    if (strcmp(what, "") == 0 || (strcmp(what, ":url") == 0 && !last)) {
        last = image_begin(r);
        if (last) {
            set_address(last, content);
        }
    } else if (!last) {
        return;
    } else if (strcmp(what, ":secure_url") == 0 || strcmp(what, ":url") == 0) {
        set_address(last, content);
    } else if (strcmp(what, ":width") == 0) {
        last->width = side(content);
    } else if (strcmp(what, ":height") == 0) {
        last->height = side(content);
    } else if (strcmp(what, ":alt") == 0 && !last->alt) {
        last->alt =
            mem_strndup(content, text_prefix(TEXT_BYTES, content, strlen(content), RAW_BYTES));
    }
}

/* ---- robots ---- */

/* "noindex, nofollow"; "none" is both. */
static bool forbids(const char *text, size_t len)
{
    for (size_t i = 0; i < len;) {
        size_t word = i + strspn(text + i, " \t\r\n,"), end;

        if (word >= len) {
            return false;
        }
        end = word + strcspn(text + word, " \t\r\n,;");
        end = end > len ? len : end;
        if ((end - word == 7 && strncasecmp(text + word, "noindex", 7) == 0) ||
            (end - word == 4 && strncasecmp(text + word, "none", 4) == 0)) {
            return true;
        }
        i = end + 1;
    }
    return false;
}

/* "X-Robots-Tag: googlebot: noindex" is for that one only. A colon also stands in
 * "unavailable_after: DATE", which may be followed by nothing else. */
static bool is_for_all(const char *value)
{
    return value[strcspn(value, ":,")] != ':';
}

/* ---- elements ---- */

static void read_named(struct page_reader *r, const char *name, const char *content)
{
    if (strncasecmp(name, "og:image", 8) == 0 && (name[8] == '\0' || name[8] == ':')) {
        read_image(r, name + 8, content);
    } else if (strcasecmp(name, "article:tag") == 0) {
        page__add_word(&r->og_tags, content);
    } else if (strcasecmp(name, "robots") == 0) {
        r->facts->noindex = r->facts->noindex || forbids(content, strlen(content));
    }
    for (size_t i = 0; i < ARRAY_LEN(metas); i++) {
        if (strcasecmp(metas[i].name, name) == 0) {
            page__keep(r, metas[i].slot, content);
        }
    }
}

void page__read_meta(struct page_reader *r, const char *const *attributes)
{
    static const char *const keys[] = {"property", "name", "http-equiv"};
    const char *content = page__attribute(attributes, "content");

    if (!content || content[strspn(content, " \t\r\n")] == '\0') {
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        const char *name = page__attribute(attributes, keys[i]);

        if (name) {
            read_named(r, name + strspn(name, " "), content);
            return;
        }
    }
}

static char *copy(const char *text)
{
    return text ? mem_strndup(text, text_prefix(TEXT_BYTES, text, strlen(text), RAW_BYTES))
                : NULL;
}

static void add_link(struct page_reader *r, const char *rel, const struct page_said_link *link)
{
    struct page_facts *f = r->facts;

    if (f->link_count == PAGE_LINKS_MAX || !link->href) {
        return;
    }
    f->links = mem_realloc(f->links, f->link_count + 1, sizeof *f->links);
    f->links[f->link_count++] = (struct page_link){.rel = copy(rel),
                                                   .href = copy(link->href),
                                                   .type = copy(link->type),
                                                   .title = copy(link->title)};
}

static bool is_feed(const char *type)
{
    static const char *const types[] = {"application/rss+xml",
                                        "application/atom+xml",
                                        "application/feed+json",
                                        "application/json",
                                        "application/rdf+xml"};

    for (size_t i = 0; type && i < ARRAY_LEN(types); i++) {
        if (strncasecmp(type, types[i], strlen(types[i])) == 0 &&
            strchr("; ", type[strlen(types[i])])) {
            return true;
        }
    }
    return false;
}

/* One link, from the page or from a header; rel is a list of words. */
static void read_link(struct page_reader *r, const struct page_said_link *link)
{
    static const char *const kept[] = {"hub", "self"};
    size_t len = strlen(link->rel);

    if (link_rel_has(link->rel, len, "canonical")) {
        page__keep(r, SLOT_CANONICAL, link->href);
    }
    if (link_rel_has(link->rel, len, "amphtml")) {
        page__keep(r, SLOT_AMP, link->href);
    }
    for (size_t i = 0; i < ARRAY_LEN(kept); i++) {
        if (link_rel_has(link->rel, len, kept[i])) {
            add_link(r, kept[i], link);
        }
    }
    if (link_rel_has(link->rel, len, "alternate") && is_feed(link->type)) {
        add_link(r, "alternate", link);
    }
}

void page__read_link(struct page_reader *r, const char *const *attributes)
{
    const struct page_said_link link = {.rel = page__attribute(attributes, "rel"),
                                        .href = page__attribute(attributes, "href"),
                                        .type = page__attribute(attributes, "type"),
                                        .title = page__attribute(attributes, "title")};

    if (link.rel && link.href) {
        read_link(r, &link);
    }
}

/* ---- headers ---- */

static char *slice(const char *text, size_t len)
{
    return text && len <= RAW_BYTES && text_valid(text, len) ? mem_strndup(text, len) : NULL;
}

static void read_link_header(struct page_reader *r, const char *value)
{
    struct link_value v;
    size_t pos = 0;

    while (link_header_next(value, &pos, &v)) {
        char *rel = slice(v.rel, v.rel_len), *href = slice(v.href, v.href_len),
             *type = slice(v.type, v.type_len), *title = slice(v.title, v.title_len);

        if (rel && href) {
            const struct page_said_link link = {rel, href, type, title};

            read_link(r, &link);
        }
        mem_free(rel);
        mem_free(href);
        mem_free(type);
        mem_free(title);
    }
}

void page__read_headers(struct page_reader *r, const struct page_input *in)
{
    for (size_t i = 0; in->link_headers && i < in->link_headers->count; i++) {
        read_link_header(r, in->link_headers->v[i]);
    }
    for (size_t i = 0; in->robots_headers && i < in->robots_headers->count; i++) {
        const char *value = in->robots_headers->v[i];

        if (is_for_all(value) && forbids(value, strlen(value))) {
            r->facts->noindex = true;
        }
    }
}
