#ifndef CRIER_SOURCES_FEED_FORMATS_H
#define CRIER_SOURCES_FEED_FORMATS_H

/* What each format of XML means: an item's tree -> a draft, and what stands around the items -> a feed.
 * Drafts borrow from the trees. For feed.c. */

#include "sources/feed.h"
#include "sources/feed_draft.h"
#include "sources/feed_tree.h"

/* RSS of all versions (feed_rss.c). root: rss, rdf:RDF or channel. */
void feed_rss_item(struct feed_draft *d,
                   const struct feed_node *root,
                   const struct feed_node *item);
const char *feed_rss_language(const struct feed_node *root); /* NULL: not told */
const char *feed_rss_link(const struct feed_node *root); /* the site's page, as written; NULL */
void feed_rss_head(struct feed *feed,
                   const struct feed_node *root,
                   const char *root_namespace,
                   const struct feed_maker *maker);

/* Atom (feed_atom.c). */
void feed_atom_item(struct feed_draft *d,
                    const struct feed_node *root,
                    const struct feed_node *entry);
void feed_atom_deleted(struct feed_draft *d, const struct feed_node *deleted);
const char *feed_atom_link(const struct feed_node *root);
void feed_atom_head(struct feed *feed,
                    const struct feed_node *root,
                    const struct feed_maker *maker);
/* What Atom's elements mean wherever they stand, RSS included. */
struct feed_words feed_atom_words(const struct feed_node *text); /* NULL: none */
/* The first link with that rel and an href; "alternate" is what has none. NULL: there is none. */
const struct feed_node *feed_atom_find_link(const struct feed_node *in, const char *rel);
/* self, next, hubs. */
void feed_atom_links(struct feed *feed,
                     const struct feed_node *in,
                     const struct feed_maker *maker);
void feed_atom_authors(struct feed_draft *d, const struct feed_node *in);

/* Sitemaps (feed_sitemap.c). True: it has something of Google News. */
bool feed_sitemap_item(struct feed_draft *d, const struct feed_node *page);

/* Pictures and films of Media RSS, of enclosures and of iTunes, for all of them (feed_media.c). */
void feed_media(struct feed_draft *d, const struct feed_node *item);

#endif
