#ifndef CRIER_SOURCES_MAP_H
#define CRIER_SOURCES_MAP_H

/* Where in what a CMS sends the parts of an article are. A map is data: for each member a few places,
 * the first that holds something counts; the newsroom's own (settings `map:`) come before ours. A
 * place is a JSON Pointer (RFC 6901) into the item, with two additions: `*` as a step is every item of a
 * list (of an object: every value), and a `^` in front counts from the whole body, where the item is a
 * part of it. What a value must become is fixed by the member. */

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "base/err.h"
#include "base/field.h"

/* symbol, key in the settings and, for members of an article, in the article; help */
/* clang-format off */
#define MAP_MEMBERS(X) \
    X(EVENT,        "event",        "what happened; events says what its values mean") \
    X(ID,           "id",           "the article's lasting id") \
    X(GUID,         "guid",         "another lasting id") \
    X(REWRITES,     "rewrites",     "the id of an article that this one takes the place of") \
    X(URL,          "url",          "the article's address") \
    X(URLS,         "urls",         "other addresses of it") \
    X(TYPE,         "type",         "the kind of content") \
    X(TITLE,        "title",        "headline, text or HTML") \
    X(SUMMARY,      "summary",      "a sentence or two, text or HTML") \
    X(BODY,         "body",         "all of it, HTML") \
    X(IMAGE,        "image",        "the picture: its address, or an object with url, alt, width, height") \
    X(IMAGE_ALT,    "image_alt",    "what the picture shows") \
    X(IMAGE_CREDIT, "image_credit", "whose picture it is") \
    X(LANGUAGE,     "language",     "BCP 47") \
    X(AUTHORS,      "authors",      "names, or objects with a name") \
    X(CATEGORIES,   "categories",   "words, or objects with a name") \
    X(TAGS,         "tags",         "words, or objects with a name") \
    X(PUBLISHED_AT, "published_at", "when it was first published") \
    X(UPDATED_AT,   "updated_at",   "when this happened: an older call than the last is ignored") \
    X(VERSION,      "version",      "grows with each change") \
    X(URGENCY,      "urgency",      "1 (highest) to 9") \
    X(BREAKING,     "breaking",     "true: breaking news; anything else leaves it to the rules") \
    X(CORRECTION,   "correction",   "true, or what was corrected") \
    X(HIDDEN,       "hidden",       "true, or a text such as a password: not for everybody, so it is left alone") \
    X(REASON,       "reason",       "why it was taken back")
/* clang-format on */

enum map_member {
#define X(symbol, key, help) MAP_##symbol,
    MAP_MEMBERS(X)
#undef X
        MAP_COUNT
};

#define MAP_PLACES 8
struct map { /* ours, of one kind of CMS */
    const char *from[MAP_COUNT][MAP_PLACES];
};
struct map_settings { /* the newsroom's */
    struct strings from[MAP_COUNT];
};
extern const struct field map_fields[]; /* rows for struct map_settings */
bool map_is_empty(const struct map_settings *m);
/* ERR_INVALID: a place that is none; why begins with "map." and the member. */
MUST_USE enum err_code map_check(const struct map_settings *m, struct err *why);

struct map_view {
    const struct map *map;
    const struct map_settings *own;
    const json_t *item, *body;
    const char *base; /* what relative addresses are relative to; NULL: nothing */
    bool plain;       /* title and summary are text, not HTML */
    bool says_no;     /* breaking: false means that somebody said no */
};

/* Each: NULL, false or 0 when nothing of use is there. What is made is new, yours. */
char *map_text_dup(const struct map_view *v, enum map_member m);
json_t *map_words(const struct map_view *v, enum map_member m); /* a list of strings */
int64_t map_time_ms(const struct map_view *v, enum map_member m);
bool map_flag(const struct map_view *v,
              enum map_member m); /* true, 1, or a text that says no "no" */
char *map_url_dup(const struct map_view *v, enum map_member m);
/* All members of an article but id and url, as article_from_json() takes them; longer than it takes is cut,
 * what it would refuse is left out. Never NULL. */
json_t *map_article(const struct map_view *v);

#endif
