#ifndef CRIER_SOURCES_FEED_ITEMS_H
#define CRIER_SOURCES_FEED_ITEMS_H

/* The items of one feed that are kept: the newest, within a number and a size; at the end in the order
 * of their publication, each with a key of its own. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/heap.h"
#include "sources/feed.h"

struct feed_items {
    struct heap heap; /* the oldest on top */
    size_t max_items, max_bytes, bytes;
    size_t seen, left_out;
    int64_t last_ms;     /* of the last one that told its time */
    size_t rises, falls; /* how often the next was newer, older */
};

void feed_items_init(struct feed_items *items, size_t max_items, size_t max_bytes);
void feed_items_done(struct feed_items *items);
/* When it counts as published: at_ms, or as its neighbour where that is 0; now_ms where none has told
 * yet. Once for each item, in the order of the feed. */
int64_t feed_items_place(struct feed_items *items, int64_t at_ms, int64_t now_ms);
/* Whether an item of that time would be kept; what is not wanted counts as left out. */
bool feed_items_wants(struct feed_items *items, int64_t place_ms);
/* Takes the item. */
void feed_items_add(struct feed_items *items, struct feed_item *item, int64_t place_ms);
/* Moves them into the feed. */
void feed_items_finish(struct feed_items *items, struct feed *feed);

void feed_item_done(struct feed_item *item);

#endif
