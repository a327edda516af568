#ifndef CRIER_SERVICE_OUTLET_WRITE_H
#define CRIER_SERVICE_OUTLET_WRITE_H

/* The newsroom's own feeds and news sitemap as bytes. Pure: what the ledger shows goes in, documents
 * come out; on any thread. Rules: the news sitemap of developers.google.com (48 hours, 1,000 addresses,
 * the first time of publication), RSS 2.0 with Atom's self, hub and updated, tombstones of RFC 6721,
 * JSON Feed 1.1. */

#include "base/buf.h"
#include "config/config.h"
#include "queue/ledger.h"

#define OUTLET_SITEMAP_MAX 1000
#define OUTLET_SITEMAP_AGE_MS (48 * MS_HOUR)
#define OUTLET_HUBS_MAX 8

enum outlet_kind { OUTLET_SITEMAP, OUTLET_RSS, OUTLET_JSON, OUTLET_KINDS };
const char *outlet_path(enum outlet_kind kind); /* "/news/feed.xml" */
const char *outlet_type(enum outlet_kind kind); /* media type */

struct outlet_facts {
    const char *name, *language, *site_url; /* never NULL */
    const char *self;                       /* where this document is found */
    const char *hubs[OUTLET_HUBS_MAX];      /* that are told of the feeds */
    size_t hub_count;
    const struct ledger_shown *v; /* newest first */
    size_t count;
};

void outlet_write(enum outlet_kind kind, const struct outlet_facts *f, struct buf *out);

/* What an article is known by in feeds, the same over all its revisions: a tag URI (RFC 4151) from the
 * host of the site, the year in which the article came, and its number. */
void outlet_guid(const struct outlet_facts *f, const struct ledger_shown *s, struct buf *out);
/* A language as news sitemaps want it: "de" for "de-AT"; zh-cn or zh-tw for Chinese. Returns out. */
#define OUTLET_LANGUAGE_BYTES 8
const char *outlet_language(const char *bcp47, char out[OUTLET_LANGUAGE_BYTES]);
/* Text as it stands in XML 1.0: & < > " ' escaped, what XML cannot hold left out. */
void outlet_escape_xml(const char *text, struct buf *out);

#endif
