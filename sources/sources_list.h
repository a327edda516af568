#ifndef CRIER_SOURCES_SOURCES_LIST_H
#define CRIER_SOURCES_SOURCES_LIST_H

/* The kinds of sources by symbol, for registry.c and for each one's own file. Everybody else finds
 * them through registry.h. */

struct source;

extern const struct source source_contentful;
extern const struct source source_directus;
extern const struct source source_drupal;
extern const struct source source_feed;
extern const struct source source_ghost;
extern const struct source source_hygraph;
extern const struct source source_json;
extern const struct source source_sanity;
extern const struct source source_sitemap;
extern const struct source source_storyblok;
extern const struct source source_strapi;
extern const struct source source_superdesk;
extern const struct source source_webflow;
extern const struct source source_wordpress;

#endif
