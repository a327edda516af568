#ifndef CRIER_SOURCES_FEED_NAME_H
#define CRIER_SOURCES_FEED_NAME_H

/* The elements that this room understands, under one name each, whatever namespace URI, prefix or case a
 * feed gives them. */

#include <stddef.h>

enum feed_module {
    MOD_NONE, /* nobody here knows it */
    MOD_RSS,  /* without a namespace, or RSS 1.0's */
    MOD_ATOM,
    MOD_SITEMAP,
    MOD_DC,
    MOD_DCTERMS,
    MOD_CONTENT,
    MOD_MEDIA,
    MOD_ITUNES,
    MOD_SY,
    MOD_SLASH,
    MOD_FEEDBURNER,
    MOD_RDF,
    MOD_NEWS,
    MOD_IMAGE,
    MOD_VIDEO,
    MOD_TOMBSTONE,
    MOD_XML,
};

/* What an element is for. ITEM: one item of the feed. BOX: holds others, its own text does not count.
 * TEXT: a text, with attributes; elements inside are markup of it. BOTH: others, or a text. */
#define FEED_NAMES(X)                                                                          \
    X(N_RSS, MOD_RSS, "rss", BOX)                                                              \
    X(N_RDF, MOD_RDF, "rdf", BOX)                                                              \
    X(N_CHANNEL, MOD_RSS, "channel", BOX)                                                      \
    X(N_ITEM, MOD_RSS, "item", ITEM)                                                           \
    X(N_TITLE, MOD_RSS, "title", TEXT)                                                         \
    X(N_LINK, MOD_RSS, "link", TEXT)                                                           \
    X(N_DESCRIPTION, MOD_RSS, "description", TEXT)                                             \
    X(N_GUID, MOD_RSS, "guid", TEXT)                                                           \
    X(N_PUB_DATE, MOD_RSS, "pubdate", TEXT)                                                    \
    X(N_CATEGORY, MOD_RSS, "category", TEXT)                                                   \
    X(N_AUTHOR, MOD_RSS, "author", TEXT)                                                       \
    X(N_LANGUAGE, MOD_RSS, "language", TEXT)                                                   \
    X(N_TTL, MOD_RSS, "ttl", TEXT)                                                             \
    X(N_LAST_BUILD, MOD_RSS, "lastbuilddate", TEXT)                                            \
    X(N_ENCLOSURE, MOD_RSS, "enclosure", TEXT)                                                 \
    X(N_IMAGE, MOD_RSS, "image", BOTH)                                                         \
    X(N_URL, MOD_RSS, "url", TEXT)                                                             \
    X(N_URGENCY, MOD_RSS, "urgency", TEXT)                                                     \
    X(N_ATOM_FEED, MOD_ATOM, "feed", BOX)                                                      \
    X(N_ATOM_ENTRY, MOD_ATOM, "entry", ITEM)                                                   \
    X(N_ATOM_ID, MOD_ATOM, "id", TEXT)                                                         \
    X(N_ATOM_TITLE, MOD_ATOM, "title", TEXT)                                                   \
    X(N_ATOM_LINK, MOD_ATOM, "link", TEXT)                                                     \
    X(N_ATOM_SUMMARY, MOD_ATOM, "summary", TEXT)                                               \
    X(N_ATOM_CONTENT, MOD_ATOM, "content", TEXT)                                               \
    X(N_ATOM_PUBLISHED, MOD_ATOM, "published", TEXT)                                           \
    X(N_ATOM_UPDATED, MOD_ATOM, "updated", TEXT)                                               \
    X(N_ATOM_ISSUED, MOD_ATOM, "issued", TEXT)                                                 \
    X(N_ATOM_CREATED, MOD_ATOM, "created", TEXT)                                               \
    X(N_ATOM_MODIFIED, MOD_ATOM, "modified", TEXT)                                             \
    X(N_ATOM_AUTHOR, MOD_ATOM, "author", BOX)                                                  \
    X(N_ATOM_NAME, MOD_ATOM, "name", TEXT)                                                     \
    X(N_ATOM_CATEGORY, MOD_ATOM, "category", TEXT)                                             \
    X(N_DELETED, MOD_TOMBSTONE, "deleted-entry", ITEM)                                         \
    X(N_DC_TITLE, MOD_DC, "title", TEXT)                                                       \
    X(N_DC_CREATOR, MOD_DC, "creator", TEXT)                                                   \
    X(N_DC_DATE, MOD_DC, "date", TEXT)                                                         \
    X(N_DC_SUBJECT, MOD_DC, "subject", TEXT)                                                   \
    X(N_DC_IDENTIFIER, MOD_DC, "identifier", TEXT)                                             \
    X(N_DC_LANGUAGE, MOD_DC, "language", TEXT)                                                 \
    X(N_DC_DESCRIPTION, MOD_DC, "description", TEXT)                                           \
    X(N_DCTERMS_ISSUED, MOD_DCTERMS, "issued", TEXT)                                           \
    X(N_DCTERMS_CREATED, MOD_DCTERMS, "created", TEXT)                                         \
    X(N_DCTERMS_MODIFIED, MOD_DCTERMS, "modified", TEXT)                                       \
    X(N_CONTENT_ENCODED, MOD_CONTENT, "encoded", TEXT)                                         \
    X(N_MEDIA_GROUP, MOD_MEDIA, "group", BOX)                                                  \
    X(N_MEDIA_CONTENT, MOD_MEDIA, "content", BOX)                                              \
    X(N_MEDIA_THUMBNAIL, MOD_MEDIA, "thumbnail", TEXT)                                         \
    X(N_MEDIA_TITLE, MOD_MEDIA, "title", TEXT)                                                 \
    X(N_MEDIA_DESCRIPTION, MOD_MEDIA, "description", TEXT)                                     \
    X(N_MEDIA_TEXT, MOD_MEDIA, "text", TEXT)                                                   \
    X(N_MEDIA_CREDIT, MOD_MEDIA, "credit", TEXT)                                               \
    X(N_MEDIA_CATEGORY, MOD_MEDIA, "category", TEXT)                                           \
    X(N_MEDIA_KEYWORDS, MOD_MEDIA, "keywords", TEXT)                                           \
    X(N_ITUNES_AUTHOR, MOD_ITUNES, "author", TEXT)                                             \
    X(N_ITUNES_IMAGE, MOD_ITUNES, "image", TEXT)                                               \
    X(N_ITUNES_KEYWORDS, MOD_ITUNES, "keywords", TEXT)                                         \
    X(N_ITUNES_SUMMARY, MOD_ITUNES, "summary", TEXT)                                           \
    X(N_SY_PERIOD, MOD_SY, "updateperiod", TEXT)                                               \
    X(N_SY_FREQUENCY, MOD_SY, "updatefrequency", TEXT)                                         \
    X(N_SLASH_SECTION, MOD_SLASH, "section", TEXT)                                             \
    X(N_ORIG_LINK, MOD_FEEDBURNER, "origlink", TEXT)                                           \
    X(N_URLSET, MOD_SITEMAP, "urlset", BOX)                                                    \
    X(N_SITEMAPINDEX, MOD_SITEMAP, "sitemapindex", BOX)                                        \
    X(N_PAGE, MOD_SITEMAP, "url", ITEM)                                                        \
    X(N_SITEMAP, MOD_SITEMAP, "sitemap", ITEM)                                                 \
    X(N_LOC, MOD_SITEMAP, "loc", TEXT)                                                         \
    X(N_LASTMOD, MOD_SITEMAP, "lastmod", TEXT)                                                 \
    X(N_NEWS, MOD_NEWS, "news", BOX)                                                           \
    X(N_NEWS_PUBLICATION, MOD_NEWS, "publication", BOX)                                        \
    X(N_NEWS_NAME, MOD_NEWS, "name", TEXT)                                                     \
    X(N_NEWS_LANGUAGE, MOD_NEWS, "language", TEXT)                                             \
    X(N_NEWS_DATE, MOD_NEWS, "publication_date", TEXT)                                         \
    X(N_NEWS_TITLE, MOD_NEWS, "title", TEXT)                                                   \
    X(N_NEWS_KEYWORDS, MOD_NEWS, "keywords", TEXT)                                             \
    X(N_NEWS_GENRES, MOD_NEWS, "genres", TEXT)                                                 \
    X(N_IMAGE_IMAGE, MOD_IMAGE, "image", BOX)                                                  \
    X(N_IMAGE_LOC, MOD_IMAGE, "loc", TEXT)                                                     \
    X(N_IMAGE_TITLE, MOD_IMAGE, "title", TEXT)                                                 \
    X(N_IMAGE_CAPTION, MOD_IMAGE, "caption", TEXT)                                             \
    X(N_VIDEO_VIDEO, MOD_VIDEO, "video", BOX)                                                  \
    X(N_VIDEO_THUMBNAIL, MOD_VIDEO, "thumbnail_loc", TEXT)                                     \
    X(N_VIDEO_TITLE, MOD_VIDEO, "title", TEXT)                                                 \
    X(N_VIDEO_CONTENT, MOD_VIDEO, "content_loc", TEXT)                                         \
    X(N_VIDEO_DURATION, MOD_VIDEO, "duration", TEXT)

enum feed_name {
    N_UNKNOWN,
#define X(name, module, local, use) name,
    FEED_NAMES(X)
#undef X
};
enum feed_use { USE_ITEM, USE_BOX, USE_TEXT, USE_BOTH };

/* uri and prefix may be NULL; in the table, URIs win, then prefixes people use; `root` is the module of
 * what has neither. */
enum feed_module feed_module(const char *uri, const char *prefix, enum feed_module root);
/* local: in any case. N_UNKNOWN when the module has none of that name. */
enum feed_name feed_name(enum feed_module module, const char *local);
enum feed_use feed_name_use(enum feed_name name);

#endif
