#ifndef CRIER_SOURCES_FEED_DRAFT_H
#define CRIER_SOURCES_FEED_DRAFT_H

/* What a format found in one item, before it is made an event: texts as they stand there, borrowed from
 * the tree or the JSON. Each format fills one (feed_rss.c, feed_atom.c, feed_sitemap.c, feed_json.c);
 * feed_build.c makes the item. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/article.h"
#include "sources/feed.h"
#include "sources/feed_date.h"

#define DRAFT_LINKS_MAX 6

enum feed_markup { MARKUP_PLAIN, MARKUP_HTML };
struct feed_words {
    const char *text; /* NULL: none */
    enum feed_markup markup;
    bool cut; /* there was more */
};
/* What may have entities and tags in it, whatever the format says; whole. */
static inline struct feed_words feed_words_of(const char *text)
{
    return (struct feed_words){.text = text, .markup = MARKUP_HTML};
}
struct feed_reference {
    const char *base; /* NULL: the draft's */
    const char *ref;  /* NULL: none */
};
/* Where pictures stand, the better first. */
enum feed_place { PLACE_CONTENT, PLACE_THUMBNAIL, PLACE_ENCLOSURE, PLACE_ITEM, PLACE_NONE };
struct feed_picture {
    struct feed_reference at;
    struct feed_words alt;
    const char *credit;
    int64_t width, height; /* 0: not told */
    enum feed_place place;
};
struct feed_film {
    struct feed_reference at, thumbnail;
    struct feed_words title;
    int64_t width, height, duration_ms;
};
struct feed_list { /* more than that are not kept */
    const char *v[ARTICLE_LIST_MAX];
    size_t count;
};

struct feed_draft {
    const char *base; /* for references that bring none */
    const char *guid;
    bool removed;
    struct feed_reference links[DRAFT_LINKS_MAX]; /* the best first */
    size_t link_count;
    struct feed_words title, summary, body;
    const char *language;
    const char *published, *updated; /* dates as written */
    struct feed_picture picture;
    struct feed_film film;
    struct feed_list authors, categories, tags, keywords; /* keywords: words between commas */
    int urgency;                                          /* 0: not told */
    int breaking;                                         /* -1: not told */
};

void feed_draft_init(struct feed_draft *d, const char *base);
/* Each ignores NULL and "". */
void feed_draft_link(struct feed_draft *d, const char *base, const char *ref);
void feed_draft_word(struct feed_list *list, const char *word);
/* Takes the place of what was there when it is better: in a better place, or in the same and wider. */
void feed_draft_picture(struct feed_draft *d, const struct feed_picture *picture);
/* Text that says it is plain, and has markup all the same. */
enum feed_markup feed_guess_markup(const char *text);

/* What the items of one feed have in common. */
struct feed_maker {
    int64_t now_ms;
    struct feed_date_rules dates;
    const char *url; /* the feed's own */
};

/* The dates of an item, and their flags (feed_build.c). */
void feed_build_dates(const struct feed_maker *maker,
                      const struct feed_draft *d,
                      struct feed_item *out);
/* The rest of it, but for the key: base_key is what the key is without other items. language: the feed's;
 * NULL. False, and nothing to free: it has neither title nor link nor guid. */
bool feed_build_item(const struct feed_maker *maker,
                     const struct feed_draft *d,
                     const char *language,
                     struct feed_item *out);

/* Plain text, yours; NULL when nothing is left. max_bytes: cut at a word behind that. */
char *feed_plain_dup(const struct feed_words *words, size_t max_bytes);
/* The same of a title, where entities may have been escaped once too often. */
char *feed_title_dup(const struct feed_words *words, size_t max_bytes);
/* A language tag as BCP 47 has it ("en_US" too); NULL: it is none. */
char *feed_language_dup(const char *text);
/* Absolute; NULL: it is no URL of the web. */
char *feed_url_dup(const char *base, const char *ref);
/* Takes url; NULL, what is there already and what is too much goes. */
void feed_url_add(struct strings *list, char *url);
/* The first picture of a text that a reader would call one: no pixel that counts, no smiley. Its texts are
 * made in `memory`, which lives as long. False: there is none. */
bool feed_image_find(const char *html, struct feed_picture *out, struct buf memory[2]);

#endif
