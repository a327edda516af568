#ifndef CRIER_SOURCES_PAGE_H
#define CRIER_SOURCES_PAGE_H

/* What a page says about itself, as the crawlers of link previews read it: Open Graph (ogp.me),
 * twitter:*, JSON-LD of schema.org, <title>, <link>, and the headers Link and X-Robots-Tag. Where
 * two say the same thing the first one wins, as with those crawlers; where they differ in kind
 * the order is the one above. Nothing is fetched, no script is run. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/article.h"
#include "base/field.h"

#define PAGE_BYTES ((size_t)1024 * 1024) /* no preview reads more of a page */
#define PAGE_IMAGES_MAX 10
#define PAGE_LINKS_MAX 32

/* A link to something that is not the page: rel is "hub", "self" or "alternate". */
struct page_link {
    char *rel, *href, *type, *title; /* type and title NULL when not told */
};

struct page_facts {
    char *url;                    /* where it stands, after redirects */
    char *canonical;              /* rel=canonical of page or header; NULL: not told */
    char *og_url;                 /* NULL */
    char *amp_url;                /* of its AMP form; NULL */
    char *title, *summary;        /* plain text; NULL */
    char *language;               /* BCP 47; NULL */
    char *section, *site;         /* NULL */
    char *type;                   /* of schema.org: "NewsArticle"; NULL */
    char *correction;             /* what was corrected; "true": something; NULL */
    struct article_image *images; /* the first is the main one */
    size_t image_count;
    struct strings authors, tags;
    int64_t published_at_ms, updated_at_ms; /* 0: not told */
    int for_free;                           /* isAccessibleForFree: 1, 0; -1: not told */
    bool has_og_title, has_og_image;
    bool noindex;       /* robots, or the header */
    bool is_amp;        /* the page is an AMP form itself: canonical names the real one */
    bool advertisement; /* AdvertiserContentArticle: never to be posted as news */
    bool live;          /* LiveBlogPosting */
    bool password;      /* it asks for one and shows no article */
    struct page_link *links;
    size_t link_count;
};

struct page_input {
    const char *bytes; /* its beginning is enough; more than PAGE_BYTES is not looked at */
    size_t len;
    const char *url;                                     /* after redirects; absolute */
    const char *content_type;                            /* NULL: not told */
    const struct strings *link_headers, *robots_headers; /* values; NULL: none */
};

/* Whatever the bytes are: hostile input takes bounded time and gives bounded facts, each text
 * valid UTF-8 and within the bounds of base/article.h. On any thread. */
void page_read(struct page_facts *out, const struct page_input *in);
void page_facts_done(struct page_facts *f); /* also of a zeroed one */

/* The page's own address: canonical, else og:url, else where it was found. */
const char *page_address(const struct page_facts *f);

/* As one JSON object, for the ledger: those members that an article has are named and written as in
 * article_from_json(), so that they can stand in for what an article lacks. Appended. */
void page_write(struct buf *out, const struct page_facts *f);

/* The next link of a Link header (RFC 8288) from *pos on: slices of the text, of each parameter the
 * first. False: none is left. */
struct link_value {
    const char *href, *rel, *type, *title; /* NULL: not told */
    size_t href_len, rel_len, type_len, title_len;
};
bool link_header_next(const char *text, size_t *pos, struct link_value *out);
/* Whether a list of words, such as a rel, has that one; ASCII case does not count. */
bool link_rel_has(const char *rel, size_t len, const char *word);

#endif
