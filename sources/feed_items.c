/* Keeping the newest items of a feed, their order, and keys that tell them apart. Called by feed.c.
 *
 * Guids are not always what they say: some feeds give all items one, some list an item twice. Where
 * items with one guid lead to different pages, all of them have "GUID LINK" as key, not only the later
 * ones: else a new item on top would take over the key of the one that had it, and be taken for its next
 * revision. The same with links (without guid) and titles. */

#include "sources/feed_items.h"

#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/crypto.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/url.h"

#define LINK_BYTES 400           /* of a link in a key; a longer one is digested */
#define VALUE_BYTES ((size_t)64) /* what a JSON value costs beside its text */

struct kept {
    struct heap_node node;
    struct feed_item item;
    int64_t place_ms;
    size_t position; /* in the feed */
    size_t bytes;
    int64_t rank;       /* among those of the same time */
    char *told_by;      /* what tells it from others with its key: its link, or its title */
    struct kept *first; /* of its key */
    bool split;         /* of the first: they differ */
    bool gone;
};

void feed_item_done(struct feed_item *item)
{
    struct source_events one = {.v = mem_alloc(sizeof *one.v), .count = 1};

    one.v[0] = item->event;
    source_events_done(&one);
    mem_free(item->key);
    *item = (struct feed_item){.key = NULL};
}

static void kept_free(struct kept *k)
{
    feed_item_done(&k->item);
    mem_free(k->told_by);
    mem_free(k);
}

/* The oldest first; of one time the last in the feed, as most begin with the newest. */
static bool is_before(const struct heap_node *a, const struct heap_node *b)
{
    const struct kept *x = container_of_const(a, struct kept, node);
    const struct kept *y = container_of_const(b, struct kept, node);

    return x->place_ms != y->place_ms ? x->place_ms < y->place_ms : x->position > y->position;
}

void feed_items_init(struct feed_items *items, size_t max_items, size_t max_bytes)
{
    *items = (struct feed_items){.max_items = max_items, .max_bytes = max_bytes};
    heap_init(&items->heap, is_before);
}

static struct kept *oldest(const struct feed_items *items)
{
    struct heap_node *n = heap_min(&items->heap);

    return n ? container_of(n, struct kept, node) : NULL;
}

static struct kept *take_oldest(struct feed_items *items)
{
    struct kept *k = oldest(items);

    heap_remove(&items->heap, &k->node);
    items->bytes -= k->bytes;
    return k;
}

void feed_items_done(struct feed_items *items)
{
    while (oldest(items)) {
        kept_free(take_oldest(items));
    }
    heap_done(&items->heap);
}

int64_t feed_items_place(struct feed_items *items, int64_t at_ms, int64_t now_ms)
{
    items->seen++;
    if (at_ms == 0) {
        return items->last_ms > 0 ? items->last_ms : now_ms;
    }
    if (items->last_ms > 0) {
        items->rises += at_ms > items->last_ms;
        items->falls += at_ms < items->last_ms;
    }
    items->last_ms = at_ms;
    return at_ms;
}

bool feed_items_wants(struct feed_items *items, int64_t place_ms)
{
    const struct kept *k = oldest(items);

    if (items->heap.count < items->max_items || !k || place_ms > k->place_ms) {
        return true;
    }
    items->left_out++;
    return false;
}

static size_t json_bytes(json_t *v)
{
    size_t bytes = VALUE_BYTES, i;
    json_t *inner;

    if (json_is_string(v)) {
        return bytes + json_string_length(v);
    }
    json_array_foreach(v, i, inner)
    {
        bytes += json_bytes(inner);
    }
    for (void *it = json_object_iter(v); it; it = json_object_iter_next(v, it)) {
        bytes += json_bytes(json_object_iter_value(it));
    }
    return bytes;
}

static size_t item_bytes(const struct feed_item *item)
{
    const struct source_event *e = &item->event;
    size_t bytes = sizeof(struct kept) + strlen(item->key);

    bytes += e->article ? json_bytes(e->article) : 0;
    bytes += e->url ? strlen(e->url) : 0;
    for (size_t i = 0; i < e->urls.count; i++) {
        bytes += strlen(e->urls.v[i]);
    }
    return bytes;
}

void feed_items_add(struct feed_items *items, struct feed_item *item, int64_t place_ms)
{
    struct kept *k = mem_zalloc(sizeof *k);

    k->item = *item;
    *item = (struct feed_item){.key = NULL};
    k->place_ms = place_ms;
    k->position = items->seen;
    k->bytes = item_bytes(&k->item);
    items->bytes += k->bytes;
    heap_push(&items->heap, &k->node);
    while (items->heap.count > items->max_items ||
           (items->bytes > items->max_bytes && items->heap.count > 0)) {
        kept_free(take_oldest(items));
        items->left_out++;
    }
}

/* ---- keys ---- */

static char *told_by(const struct feed_item *item)
{
    const char *title = json_string_value(json_object_get(item->event.article, "title"));
    struct buf link;

    if (!item->event.guid) {
        return mem_strdup(title ? title : "");
    }
    buf_init(&link, SIZE_MAX / 2);
    if (item->event.url) {
        (void)url_identity(&link, item->event.url);
    }
    return buf_detach(&link, NULL);
}

/* Finds for each the first with its key, and whether they differ. A tombstone has no say. */
static void group(struct kept **v, size_t count)
{
    struct map *first = map_new();

    for (size_t i = 0; i < count; i++) {
        const char *key = v[i]->item.key;

        v[i]->told_by = told_by(&v[i]->item);
        v[i]->first = v[i];
        if (v[i]->item.removed) {
            continue;
        }
        struct kept *other = map_get(first, key, strlen(key));
        if (other) {
            v[i]->first = other;
            other->split = other->split || strcmp(other->told_by, v[i]->told_by) != 0;
        } else {
            (void)map_put(first, key, strlen(key), v[i]);
        }
    }
    map_free(first);
}

static void extend_key(struct kept *k)
{
    const char *more = k->told_by;
    char hex[SHA256_HEX_BYTES], *key = k->item.key;
    uint8_t digest[SHA256_BYTES];

    if (strlen(more) > LINK_BYTES || !k->item.event.guid) {
        crypto_sha256(more, strlen(more), digest);
        more = crypto_hex(digest, sizeof digest, hex);
    }
    k->item.key = mem_printf("%s %s", key, more);
    mem_free(key);
}

/* Of two with one key the one that changed last stays; v is in order. */
static void drop_doubles(struct kept **v, size_t count)
{
    struct map *seen = map_new();

    for (size_t i = 0; i < count; i++) {
        const char *key = v[i]->item.key;
        struct kept *other = map_put(seen, key, strlen(key), v[i]);

        if (other && other->item.event.at_ms > v[i]->item.event.at_ms) {
            (void)map_put(seen, key, strlen(key), other);
            v[i]->gone = true;
        } else if (other) {
            other->gone = true;
        }
    }
    map_free(seen);
}

static void make_keys(struct kept **v, size_t count)
{
    group(v, count);
    for (size_t i = 0; i < count; i++) {
        if (v[i]->first->split) {
            extend_key(v[i]);
        }
    }
    drop_doubles(v, count);
}

/* ---- the end ---- */

static int compare(const void *a, const void *b)
{
    const struct kept *x = *(struct kept *const *)a, *y = *(struct kept *const *)b;

    if (x->place_ms != y->place_ms) {
        return x->place_ms < y->place_ms ? -1 : 1;
    }
    return x->rank < y->rank ? -1 : 1;
}

void feed_items_finish(struct feed_items *items, struct feed *feed)
{
    size_t count = items->heap.count;
    struct kept **v = mem_calloc(count > 0 ? count : 1, sizeof(struct kept *));
    bool newest_first = items->falls >= items->rises;

    for (size_t i = 0; i < count; i++) {
        v[i] = take_oldest(items);
        v[i]->rank = newest_first ? -(int64_t)v[i]->position : (int64_t)v[i]->position;
    }
    qsort(v, count, sizeof(struct kept *), compare);
    make_keys(v, count);
    feed->items = mem_calloc(count > 0 ? count : 1, sizeof *feed->items);
    for (size_t i = 0; i < count; i++) {
        if (!v[i]->gone) {
            feed->items[feed->count++] = v[i]->item;
            v[i]->item = (struct feed_item){.key = NULL};
        }
        kept_free(v[i]);
    }
    feed->left_out += items->left_out;
    mem_free(v);
}
