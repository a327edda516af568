#ifndef CRIER_SOURCES_SOURCES_LIST_H
#define CRIER_SOURCES_SOURCES_LIST_H

/* The kinds of sources by symbol, for registry.c and for each one's own file. Everybody else finds
 * them through registry.h. */

struct source;

extern const struct source source_contentful, source_directus, source_drupal, source_feed,
    source_ghost, source_hygraph, source_json, source_sanity, source_sitemap, source_storyblok,
    source_strapi, source_superdesk, source_webflow, source_wordpress;

#endif
