/* A feed of any format, broken in any way. It never crashes and leaves nothing behind; in one push and in
 * pieces it gives the same; its items are within the limits, in order, each with a key of its own, and
 * with an article that the doors accept. The first byte chooses limits, the second the size of the
 * pieces. */

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/article.h"
#include "base/json.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/text.h"
#include "sources/feed.h"
#include "input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW_MS INT64_C(1790056800000)

static enum err_code read_feed(const struct feed_call *call,
                               const struct input *in,
                               size_t piece,
                               struct feed *out,
                               struct err *why)
{
    struct feed_reader *r = feed_reader_new(call);
    enum err_code pushed = ERR_NONE;

    for (size_t at = 0; at < in->left && !pushed; at += piece) {
        size_t left = in->left - at;

        pushed = feed_reader_push(r, in->at + at, left < piece ? left : piece, why);
        must(pushed == ERR_NONE || pushed == ERR_INVALID || pushed == ERR_TOO_BIG);
    }
    enum err_code rc = feed_reader_finish(r, out, why);
    must(pushed != ERR_INVALID || rc == ERR_INVALID);
    must(pushed != ERR_TOO_BIG || rc != ERR_NONE || !out->complete);
    feed_reader_free(r);
    return rc;
}

static void check_text(const char *text)
{
    must(!text || text_valid(text, strlen(text)));
}

/* Read as the doors do; what it lacks is lent. */
static void check_article(const json_t *given)
{
    json_t *whole = json_copy(json_pointer(given, ""));
    struct article *article = NULL;
    struct article_faults faults;

    if (!json_object_get(whole, "title")) {
        json_set_str(whole, "title", "Lent");
    }
    if (!json_object_get(whole, "url")) {
        json_set_str(whole, "url", "https://lent.example/");
    }
    must(article_from_json(&article, whole, NOW_MS, &faults, NULL) == ERR_NONE);
    article_unref(article);
    json_decref(whole);
}

static void check_item(const struct feed_item *item)
{
    must(item->key[0] != '\0' && strlen(item->key) <= FEED_KEY_BYTES);
    check_text(item->key);
    check_text(item->event.guid);
    check_text(item->event.url);
    must(item->removed == (item->event.kind == EVENT_DELETED));
    must(item->removed == (item->event.article == NULL));
    if (item->event.article) {
        check_article(item->event.article);
    }
}

static void check_feed(const struct feed *feed, const struct feed_limits *limits)
{
    struct map *keys = map_new();

    must(feed->format != FEED_UNKNOWN);
    must(feed->count <= limits->max_items && feed->more_count <= FEED_MORE_MAX);
    check_text(feed->title);
    check_text(feed->damage);
    for (size_t i = 0; i < feed->count; i++) {
        const char *key = feed->items[i].key;

        check_item(&feed->items[i]);
        must(map_put(keys, key, strlen(key), feed->items + i) == NULL);
    }
    map_free(keys);
}

static void check_same(const struct feed *a, const struct feed *b)
{
    must(a->format == b->format && a->count == b->count && a->left_out == b->left_out);
    must(a->more_count == b->more_count && a->complete == b->complete);
    must(strcmp(a->damage ? a->damage : "", b->damage ? b->damage : "") == 0);
    must(strcmp(a->charset, b->charset) == 0);
    for (size_t i = 0; i < a->count; i++) {
        const struct feed_item *x = &a->items[i], *y = &b->items[i];

        must(strcmp(x->key, y->key) == 0 && x->fingerprint == y->fingerprint);
        must(x->published_at_ms == y->published_at_ms && x->removed == y->removed);
        must(x->removed || json_equal(x->event.article, y->event.article));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {.at = data, .left = size};
    uint8_t choice = input_byte(&in);
    size_t piece = (size_t)input_byte(&in) + 1;
    struct feed_call call = {
        .content_type = choice & 1 ? "text/xml; charset=windows-1251" : NULL,
        .url = "https://news.example/feeds/all.xml",
        .now_ms = NOW_MS,
        .limits = {.max_bytes = choice & 2 ? 1000 : (size_t)1024 * 1024,
                   .max_items = choice & 4 ? 2 : 1000,
                   .max_item_bytes = choice & 8 ? 1024 : (size_t)64 * 1024,
                   .max_kept_bytes = choice & 16 ? 4096 : (size_t)1024 * 1024},
    };
    struct feed once, pieces;
    struct err why, again;

    if (size > 262144) {
        return 0;
    }
    enum err_code rc = read_feed(&call, &in, SIZE_MAX / 2, &once, &why);
    must(read_feed(&call, &in, choice & 32 ? piece : piece * 100, &pieces, &again) == rc);
    if (rc) {
        must(rc == ERR_INVALID && strcmp(why.text, again.text) == 0);
        check_text(why.text);
    } else {
        check_feed(&once, &call.limits);
        check_same(&once, &pieces);
        feed_done(&once);
        feed_done(&pieces);
    }
    must(mem_live_count() == 0);
    return 0;
}
