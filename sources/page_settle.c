/* Which of all that a page says holds: Open Graph before Twitter's tags before JSON-LD before the
 * page's own elements, since the first two are what a card is made of. Addresses become absolute
 * here, texts plain and bounded. */

#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "sources/page_internal.h"

/* The first of the slots that gives a text. */
static char *text_from(const struct page_reader *r,
                       const enum page_slot *slots,
                       size_t count,
                       size_t max_bytes)
{
    char *text = NULL;

    for (size_t i = 0; i < count && !text; i++) {
        text = page__plain(r->slots[slots[i]], max_bytes, 2);
    }
    return text;
}
#define TEXT_FROM(r, max_bytes, ...)                                                           \
    text_from(r,                                                                               \
              (const enum page_slot[]){__VA_ARGS__},                                           \
              ARRAY_LEN(((const enum page_slot[]){__VA_ARGS__})),                              \
              max_bytes)

/* ---- addresses ---- */

static void settle_addresses(struct page_reader *r, const char *url)
{
    struct page_facts *f = r->facts;
    char *base = page__absolute(url, r->slots[SLOT_BASE]);
    size_t kept = 0;

    f->url = page__absolute("", url);
    if (!base) {
        base = mem_strdup(f->url);
    }
    f->canonical = page__absolute(base, r->slots[SLOT_CANONICAL]);
    f->og_url = page__absolute(base, r->slots[SLOT_OG_URL]);
    f->amp_url = page__absolute(base, r->slots[SLOT_AMP]);
    for (size_t i = 0; i < f->link_count; i++) {
        struct page_link *link = &f->links[i];
        char *href = page__absolute(base, link->href);

        mem_free(link->href);
        link->href = href;
        if (href) {
            f->links[kept++] = *link;
        } else {
            mem_free(link->rel);
            mem_free(link->type);
            mem_free(link->title);
        }
    }
    f->link_count = kept;
    mem_free(r->slots[SLOT_BASE]);
    r->slots[SLOT_BASE] = base; /* for the pictures */
}

const char *page_address(const struct page_facts *f)
{
    if (f->canonical) {
        return f->canonical;
    }
    return f->og_url ? f->og_url : f->url;
}

/* ---- pictures ---- */

/* Adds it, or what it tells of one that is there. */
static void add_image(struct page_reader *r, const struct article_image *raw)
{
    struct page_facts *f = r->facts;
    char *url = page__absolute(r->slots[SLOT_BASE], raw->url);
    char *alt = page__plain(raw->alt, ARTICLE_SUMMARY_BYTES, 1);

    for (size_t i = 0; url && i < f->image_count; i++) {
        struct article_image *image = &f->images[i];

        if (strcmp(image->url, url) == 0) {
            image->alt = image->alt ? image->alt : mem_strdup(alt);
            image->width = image->width ? image->width : raw->width;
            image->height = image->height ? image->height : raw->height;
            mem_free(url);
            url = NULL;
        }
    }
    if (!url || f->image_count == PAGE_IMAGES_MAX) {
        mem_free(url);
        mem_free(alt);
        return;
    }
    f->images = mem_realloc(f->images, f->image_count + 1, sizeof *f->images);
    f->images[f->image_count++] = (struct article_image){
        .url = url, .alt = alt, .width = raw->width, .height = raw->height};
}

static void settle_images(struct page_reader *r)
{
    const struct article_image twitter = {.url = r->slots[SLOT_TWITTER_IMAGE],
                                          .alt = r->slots[SLOT_TWITTER_ALT]};

    for (size_t i = 0; i < r->og_count; i++) {
        add_image(r, &r->og[i]);
    }
    r->facts->has_og_image = r->facts->image_count > 0;
    for (size_t i = 0; i < r->ld_count; i++) {
        add_image(r, &r->ld[i]);
    }
    if (twitter.url) {
        add_image(r, &twitter);
    }
}

/* ---- texts ---- */

static bool is_alnum(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* "en_GB" is "en-GB"; what is no such tag is not told. */
static char *language_of(const char *raw)
{
    char tag[36];
    size_t n = 0, part = 0;

    for (const char *c = raw + strspn(raw, " \t\r\n"); is_alnum(*c) || *c == '-' || *c == '_';
         c++) {
        bool joins = !is_alnum(*c);

        if (n + 1 == sizeof tag || (joins && part == 0) || (!joins && part == 8)) {
            return NULL;
        }
        part = joins ? 0 : part + 1;
        tag[n++] = joins ? '-' : *c;
    }
    tag[n] = '\0';
    if (n < 2 || part == 0 || strcspn(tag, "-") < 2 || strspn(tag, "0123456789") > 0) {
        return NULL;
    }
    return mem_strdup(tag);
}

static void settle_language(struct page_reader *r)
{
    static const enum page_slot slots[] = {
        SLOT_LANG, SLOT_LD_LANGUAGE, SLOT_OG_LOCALE, SLOT_CONTENT_LANGUAGE};

    for (size_t i = 0; i < ARRAY_LEN(slots) && !r->facts->language; i++) {
        if (r->slots[slots[i]]) {
            r->facts->language = language_of(r->slots[slots[i]]);
        }
    }
}

/* article:author is an address as often as a name. */
static void settle_authors(struct page_reader *r)
{
    static const enum page_slot slots[] = {SLOT_AUTHOR, SLOT_ARTICLE_AUTHOR};
    struct strings *authors = &r->facts->authors;

    *authors = r->ld_authors;
    r->ld_authors = (struct strings){0};
    for (size_t i = 0; i < ARRAY_LEN(slots) && authors->count == 0; i++) {
        const char *name = r->slots[slots[i]];

        if (name && !strstr(name, "://")) {
            page__add_word(authors, name);
        }
    }
}

static void settle_tags(struct page_reader *r)
{
    struct strings *from = r->og_tags.count > 0 ? &r->og_tags : &r->ld_tags;
    struct strings *tags = &r->facts->tags;

    *tags = *from;
    *from = (struct strings){0};
    if (tags->count == 0) {
        page__add_words(tags, r->slots[SLOT_NEWS_KEYWORDS]);
    }
    if (tags->count == 0) {
        page__add_words(tags, r->slots[SLOT_KEYWORDS]);
    }
}

static int64_t time_from(const struct page_reader *r, const enum page_slot *slots, size_t count)
{
    int64_t at_ms = 0;

    for (size_t i = 0; i < count; i++) {
        const char *text = r->slots[slots[i]];

        if (text && time_parse_rfc3339(text, strlen(text), &at_ms) && at_ms > 0) {
            return at_ms;
        }
    }
    return 0;
}

static void settle_times(struct page_reader *r)
{
    static const enum page_slot published[] = {SLOT_ARTICLE_PUBLISHED, SLOT_LD_PUBLISHED};
    static const enum page_slot updated[] = {
        SLOT_ARTICLE_MODIFIED, SLOT_OG_UPDATED, SLOT_LD_MODIFIED};

    r->facts->published_at_ms = time_from(r, published, ARRAY_LEN(published));
    r->facts->updated_at_ms = time_from(r, updated, ARRAY_LEN(updated));
}

static void settle_texts(struct page_reader *r)
{
    struct page_facts *f = r->facts;

    f->title = TEXT_FROM(
        r, ARTICLE_TITLE_BYTES, SLOT_OG_TITLE, SLOT_TWITTER_TITLE, SLOT_LD_TITLE, SLOT_TITLE);
    f->summary = TEXT_FROM(r,
                           ARTICLE_SUMMARY_BYTES,
                           SLOT_OG_DESCRIPTION,
                           SLOT_TWITTER_DESCRIPTION,
                           SLOT_LD_DESCRIPTION,
                           SLOT_DESCRIPTION);
    f->section = TEXT_FROM(r, ARTICLE_WORD_BYTES, SLOT_ARTICLE_SECTION, SLOT_LD_SECTION);
    f->site = TEXT_FROM(r, ARTICLE_WORD_BYTES, SLOT_OG_SITE);
    f->correction = TEXT_FROM(r, ARTICLE_SUMMARY_BYTES, SLOT_LD_CORRECTION);
    f->has_og_title = r->slots[SLOT_OG_TITLE] != NULL;
    f->password = f->password || (r->asks_password && !f->has_og_title && !f->type);
}

void page__settle(struct page_reader *r, const struct page_input *in)
{
    struct page_facts *f = r->facts;

    settle_addresses(r, in->url);
    page__settle_scripts(r);
    if (!f->canonical && !f->og_url && r->slots[SLOT_LD_URL]) {
        f->og_url = page__absolute(r->slots[SLOT_BASE], r->slots[SLOT_LD_URL]);
    }
    settle_texts(r);
    settle_images(r);
    settle_language(r);
    settle_authors(r);
    settle_tags(r);
    settle_times(r);
}
