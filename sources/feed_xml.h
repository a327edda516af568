#ifndef CRIER_SOURCES_FEED_XML_H
#define CRIER_SOURCES_FEED_XML_H

/* UTF-8 text of an XML feed -> trees: one for each item, as it ends, and one for what stands around
 * them, at the end. Mends (feed_mend.h), then lets libxml2 read. */

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "sources/feed_mend.h"
#include "sources/feed_tree.h"

struct feed_xml;
/* The item holds until the call returns. head: what came before it. */
typedef void
feed_xml_item_fn(void *context, const struct feed_node *head, const struct feed_node *item);

/* url: the base of relative xml:base, borrowed as long as the object lives. */
struct feed_xml *
feed_xml_new(const char *url, size_t max_item_bytes, feed_xml_item_fn *on_item, void *context);
void feed_xml_free(struct feed_xml *x);
void feed_xml_push(struct feed_xml *x, const char *text, size_t len, bool last);
enum feed_mend_verdict feed_xml_verdict(const struct feed_xml *x);
/* The root: its children are what is around the items. Never NULL. */
const struct feed_node *feed_xml_head(const struct feed_xml *x);
/* The root's attributes and namespace, for the version: "" when it has none. */
const char *feed_xml_namespace(const struct feed_xml *x);
bool feed_xml_complete(const struct feed_xml *x);
/* What was mended, as a list; nothing when nothing was. */
void feed_xml_damage(const struct feed_xml *x, struct buf *out);

#endif
