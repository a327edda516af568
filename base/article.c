/* An article revision: its JSON form written back, its hashes, its end. Called by every room
 * that holds one. Reading it from JSON, with all the faults, is in article_read.c. */

#include "base/article.h"

#include <string.h>

#include "base/clock.h"
#include "base/json_put.h"
#include "base/mem.h"

/* Canonical text of an article: each member is bounded, so the sum is. */
#define CANONICAL_BYTES ((size_t)64 * 1024 * 1024)

static void image_done(struct article_image *image)
{
    mem_free(image->url);
    mem_free(image->alt);
    mem_free(image->credit);
}

struct article *article_ref(struct article *a)
{
    a->more_references++;
    return a;
}

void article_unref(struct article *a)
{
    if (a == NULL || a->more_references-- > 0) {
        return;
    }
    mem_free(a->id);
    mem_free(a->url);
    mem_free(a->title);
    mem_free(a->summary);
    mem_free(a->body);
    mem_free(a->language);
    mem_free(a->correction);
    for (size_t i = 0; i < a->image_count; i++) {
        image_done(&a->images[i]);
    }
    mem_free(a->images);
    mem_free(a->video.url);
    mem_free(a->video.title);
    mem_free(a->video.thumbnail_url);
    strings_done(&a->authors);
    strings_done(&a->categories);
    strings_done(&a->tags);
    mem_free(a);
}

bool article_is_correction(const struct article *a)
{
    return a->correction != NULL || strings_has(&a->categories, "Correction") ||
           strings_has(&a->tags, "Correction");
}

/* ---- as JSON ---- */

/* How much of an article. The hashes cover the first two, so neither their members nor the order
 * may change: every article brought again would be taken for a revision. (What few articles have may be
 * added, if it leaves nothing where it is absent.) */
enum extent {
    SHOWN,    /* what a post may show */
    REVISION, /* all that makes a revision: without updated_at, republish and not_after */
    WHOLE
};

/* What stands in place of the article's own. */
struct instead {
    const char *id, *body;
    int breaking; /* as in struct article */
};

static void put_number(struct buf *b, const char *key, int64_t value)
{
    if (value != 0) {
        json_put_int(b, key, value);
    }
}

static void put_time(struct buf *b, const char *key, int64_t at_ms)
{
    char text[TIME_TEXT_BYTES];

    if (at_ms != 0) {
        json_put_text(b, key, time_rfc3339(at_ms, text));
    }
}

static void put_strings(struct buf *b, const char *key, const struct strings *s)
{
    if (s->count == 0) {
        return;
    }
    json_put_open(b, key, '[');
    for (size_t i = 0; i < s->count; i++) {
        json_put_text(b, NULL, s->v[i]);
    }
    json_put_close(b, ']');
}

static void put_image(struct buf *b, const struct article_image *image)
{
    json_put_open(b, NULL, '{');
    json_put_text(b, "alt", image->alt);
    json_put_text(b, "credit", image->credit);
    put_number(b, "height", image->height);
    json_put_text(b, "url", image->url);
    put_number(b, "width", image->width);
    json_put_close(b, '}');
}

static void put_images(struct buf *b, const struct article *a)
{
    if (a->image_count == 0) {
        return;
    }
    json_put_open(b, "images", '[');
    for (size_t i = 0; i < a->image_count; i++) {
        put_image(b, &a->images[i]);
    }
    json_put_close(b, ']');
}

static void put_video(struct buf *b, const struct article_video *video)
{
    if (video->url == NULL) {
        return;
    }
    json_put_open(b, "video", '{');
    put_number(b, "duration_ms", video->duration_ms);
    put_number(b, "height", video->height);
    json_put_text(b, "thumbnail_url", video->thumbnail_url);
    json_put_text(b, "title", video->title);
    json_put_text(b, "url", video->url);
    put_number(b, "width", video->width);
    json_put_close(b, '}');
}

static void put_breaking(struct buf *b, int breaking)
{
    if (breaking >= 0) {
        json_put_bool(b, "breaking", breaking != 0);
    }
}

static void put_correction(struct buf *b, const char *correction)
{
    if (correction != NULL && *correction == '\0') {
        json_put_bool(b, "correction", true);
    } else {
        json_put_text(b, "correction", correction);
    }
}

/* By name, as the hashes want it. */
static void put_members(struct buf *b,
                        const struct article *a,
                        enum extent extent,
                        const struct instead *instead)
{
    bool revision = extent >= REVISION, whole = extent == WHOLE;

    if (revision) {
        put_strings(b, "authors", &a->authors);
        json_put_text(b, "body", instead->body);
    }
    put_breaking(b, instead->breaking);
    put_strings(b, "categories", &a->categories);
    put_correction(b, a->correction);
    json_put_text(b, "id", revision ? instead->id : NULL);
    put_images(b, a);
    json_put_text(b, "language", a->language);
    put_time(b, "not_after", whole ? a->not_after_ms : 0);
    put_time(b, "published_at", revision ? a->published_at_ms : 0);
    if (whole && a->republish) {
        json_put_bool(b, "republish", true);
    }
    json_put_text(b, "summary", a->summary);
    put_strings(b, "tags", &a->tags);
    json_put_text(b, "title", a->title);
    put_time(b, "updated_at", whole ? a->updated_at_ms : 0);
    put_number(b, "urgency", revision ? a->urgency : 0);
    json_put_text(b, "url", a->url);
    if (revision) {
        put_video(b, &a->video);
    }
}

void article_put_members(struct buf *out, const struct article *a, const char *id)
{
    const struct instead instead = {.id = id, .body = a->body, .breaking = a->breaking};

    put_members(out, a, WHOLE, &instead);
}

void article_write(struct buf *out, const struct article *a)
{
    json_put_open(out, NULL, '{');
    article_put_members(out, a, a->id);
    json_put_close(out, '}');
}

/* ---- hashes ---- */

static void hash_members(const struct article *a,
                         enum extent extent,
                         const struct instead *instead,
                         uint8_t out[SHA256_BYTES])
{
    struct buf text;

    buf_init(&text, CANONICAL_BYTES);
    json_put_open(&text, NULL, '{');
    put_members(&text, a, extent, instead);
    json_put_close(&text, '}');
    must(buf_ok(&text));
    crypto_sha256(text.data, text.len, out);
    buf_done(&text);
}

/* The body stands in the hash by a hash of its own: it is most of an article, and to write all of
 * it as JSON once more, only to hash that, would be a good part of the door's work. */
void article_hash(const struct article *a, uint8_t out[SHA256_BYTES])
{
    struct instead instead = {.id = a->id, .breaking = a->breaking};
    uint8_t digest[SHA256_BYTES];
    char hex[SHA256_HEX_BYTES];

    if (a->body != NULL) {
        crypto_sha256(a->body, strlen(a->body), digest);
        instead.body = crypto_hex(digest, sizeof digest, hex);
    }
    hash_members(a, REVISION, &instead, out);
}

void article_face_hash(const struct article *a, bool breaking, uint8_t out[SHA256_BYTES])
{
    const struct instead instead = {.breaking = breaking};

    hash_members(a, SHOWN, &instead, out);
}
