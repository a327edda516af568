#ifndef CRIER_SOURCES_FEED_JSON_H
#define CRIER_SOURCES_FEED_JSON_H

/* UTF-8 text of a JSON Feed (www.jsonfeed.org/version/1.1) -> drafts, item by item as they end, so that
 * no more than one of them is in memory. */

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "base/err.h"
#include "sources/feed.h"
#include "sources/feed_draft.h"

struct feed_json;
/* The draft holds until the call returns. language: of the feed, as far as it was told; NULL. */
typedef void
feed_json_item_fn(void *context, const struct feed_draft *draft, const char *language);

struct feed_json *
feed_json_new(size_t max_item_bytes, feed_json_item_fn *on_item, void *context);
void feed_json_free(struct feed_json *j);
/* ERR_INVALID: it is no JSON, or no JSON Feed. */
MUST_USE enum err_code
feed_json_push(struct feed_json *j, const char *text, size_t len, bool last, struct err *why);
void feed_json_head(const struct feed_json *j,
                    struct feed *feed,
                    const struct feed_maker *maker);
size_t feed_json_dropped(const struct feed_json *j); /* items that could not be used */
/* What was wrong with them, as a list. */
void feed_json_damage(const struct feed_json *j, struct buf *out);

#endif
