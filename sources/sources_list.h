#ifndef CRIER_SOURCES_SOURCES_LIST_H
#define CRIER_SOURCES_SOURCES_LIST_H

/* The kinds of sources by symbol, for registry.c and for each one's own file. Everybody else finds
 * them through registry.h. */

struct source;

extern const struct source source_json;
extern const struct source source_feed;
extern const struct source source_sitemap;

#endif
