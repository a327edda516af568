#ifndef CRIER_SOURCES_PAGE_INTERNAL_H
#define CRIER_SOURCES_PAGE_INTERNAL_H

/* Shared by page.c (the parser and its elements), page_tags.c (what <meta> and <link> say),
 * page_jsonld.c (what the scripts of JSON-LD say) and page_settle.c (which of all that holds).
 * Everything is collected first, as it was written; what it means is decided at the end, when the
 * base of relative addresses is known. */

#include <jansson.h>

#include "base/buf.h"
#include "sources/page.h"

/* One place for each thing that may be said once; the first one said stays. */
enum page_slot {
    SLOT_BASE,
    SLOT_CANONICAL,
    SLOT_AMP,
    SLOT_TITLE, /* the element */
    SLOT_LANG,  /* of <html> */
    SLOT_CONTENT_LANGUAGE,
    SLOT_DESCRIPTION,
    SLOT_AUTHOR,
    SLOT_KEYWORDS,
    SLOT_NEWS_KEYWORDS,
    SLOT_OG_TITLE,
    SLOT_OG_DESCRIPTION,
    SLOT_OG_URL,
    SLOT_OG_LOCALE,
    SLOT_OG_SITE,
    SLOT_OG_UPDATED,
    SLOT_ARTICLE_SECTION,
    SLOT_ARTICLE_AUTHOR,
    SLOT_ARTICLE_PUBLISHED,
    SLOT_ARTICLE_MODIFIED,
    SLOT_TWITTER_TITLE,
    SLOT_TWITTER_DESCRIPTION,
    SLOT_TWITTER_IMAGE,
    SLOT_TWITTER_ALT,
    SLOT_LD_TITLE,
    SLOT_LD_DESCRIPTION,
    SLOT_LD_URL,
    SLOT_LD_LANGUAGE,
    SLOT_LD_SECTION,
    SLOT_LD_PUBLISHED,
    SLOT_LD_MODIFIED,
    SLOT_LD_CORRECTION,
    SLOT_COUNT
};

#define PAGE__SCRIPTS_MAX 20

enum page_reading { READING_NOTHING, READING_TITLE, READING_SCRIPT };

struct page_reader {
    struct page_facts *facts;
    char *slots[SLOT_COUNT];
    struct article_image og[PAGE_IMAGES_MAX], ld[PAGE_IMAGES_MAX]; /* addresses as written */
    size_t og_count, ld_count;
    struct strings og_tags, ld_tags, ld_authors;
    json_t *scripts[PAGE__SCRIPTS_MAX];
    size_t script_count;
    bool asks_password;
    /* the parser's */
    struct buf text; /* of the element being read, when it is one of those we read */
    enum page_reading reading;
    size_t depth, elements;
    bool enough;
};

/* page_text.c */
/* The page in UTF-8, without control characters; appended. */
void page__to_utf8(struct buf *out, const struct page_input *in);
/* Plain text in one line, of at most so many bytes: tags and entities read once, or twice where it was
 * written by who escapes twice. NULL when nothing is left. */
char *page__plain(const char *html, size_t max_bytes, int times);
/* Absolute, without its fragment, within the bounds of an article's addresses; NULL when it is none. */
char *page__absolute(const char *base, const char *href);
/* Appends, unless it is there, is empty or there are enough. */
void page__add_word(struct strings *list, const char *text);
/* "a, b; c" */
void page__add_words(struct strings *list, const char *text);

/* page_tags.c */
void page__keep(struct page_reader *r, enum page_slot slot, const char *text);
void page__read_meta(struct page_reader *r, const char *const *attributes);
void page__read_link(struct page_reader *r, const char *const *attributes);
void page__read_headers(struct page_reader *r, const struct page_input *in);
/* The value of one; NULL: not there. */
const char *page__attribute(const char *const *attributes, const char *name);

/* page_jsonld.c */
void page__read_script(struct page_reader *r, const char *text, size_t len);
/* Into the slots and lists of JSON-LD; the page's own address must be known. */
void page__settle_scripts(struct page_reader *r);

/* page_settle.c */
void page__settle(struct page_reader *r, const struct page_input *in);

#endif
