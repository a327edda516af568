/* An article revision: its JSON form written back, its hashes, its end. Called by every room
 * that holds one. Reading it from JSON, with all the faults, is in article_read.c. */

#include "base/article.h"

#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"

/* Canonical text of an article: each member is bounded, so the sum is. */
#define CANONICAL_BYTES ((size_t)64 * 1024 * 1024)

static void image_done(struct article_image *image)
{
    mem_free(image->url);
    mem_free(image->alt);
    mem_free(image->credit);
}

void article_free(struct article *a)
{
    if (a == NULL) {
        return;
    }
    mem_free(a->id);
    mem_free(a->url);
    mem_free(a->title);
    mem_free(a->summary);
    mem_free(a->body);
    mem_free(a->language);
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

static void set(json_t *object, const char *key, json_t *value)
{
    must(json_object_set_new(object, key, value) == 0);
}

static void set_number(json_t *object, const char *key, int64_t value)
{
    if (value != 0) {
        set(object, key, json_integer(value));
    }
}

static void set_time(json_t *object, const char *key, int64_t at_ms)
{
    char text[TIME_TEXT_BYTES];

    if (at_ms != 0) {
        json_set_str(object, key, time_rfc3339(at_ms, text));
    }
}

static void set_strings(json_t *object, const char *key, const struct strings *s)
{
    if (s->count == 0) {
        return;
    }
    json_t *list = json_array();
    for (size_t i = 0; i < s->count; i++) {
        must(json_array_append_new(list, json_string(s->v[i])) == 0);
    }
    set(object, key, list);
}

static json_t *image_to_json(const struct article_image *image)
{
    json_t *v = json_object();

    json_set_str(v, "url", image->url);
    json_set_str(v, "alt", image->alt);
    json_set_str(v, "credit", image->credit);
    set_number(v, "width", image->width);
    set_number(v, "height", image->height);
    return v;
}

static void set_images(json_t *object, const struct article *a)
{
    if (a->image_count == 0) {
        return;
    }
    json_t *list = json_array();
    for (size_t i = 0; i < a->image_count; i++) {
        must(json_array_append_new(list, image_to_json(&a->images[i])) == 0);
    }
    set(object, "images", list);
}

static void set_video(json_t *object, const struct article_video *video)
{
    if (video->url == NULL) {
        return;
    }
    json_t *v = json_object();
    json_set_str(v, "url", video->url);
    json_set_str(v, "title", video->title);
    json_set_str(v, "thumbnail_url", video->thumbnail_url);
    set_number(v, "duration_ms", video->duration_ms);
    set_number(v, "width", video->width);
    set_number(v, "height", video->height);
    set(object, "video", v);
}

/* What both hashes cover and what a post may show. */
static json_t *shown_to_json(const struct article *a)
{
    json_t *v = json_object();

    json_set_str(v, "url", a->url);
    json_set_str(v, "title", a->title);
    json_set_str(v, "summary", a->summary);
    json_set_str(v, "language", a->language);
    set_images(v, a);
    set_strings(v, "categories", &a->categories);
    set_strings(v, "tags", &a->tags);
    return v;
}

/* All that makes a revision: without updated_at, republish and not_after. */
static json_t *revision_to_json(const struct article *a)
{
    json_t *v = shown_to_json(a);

    json_set_str(v, "id", a->id);
    json_set_str(v, "body", a->body);
    set_video(v, &a->video);
    set_strings(v, "authors", &a->authors);
    set_time(v, "published_at", a->published_at_ms);
    set_number(v, "urgency", a->urgency);
    if (a->breaking >= 0) {
        set(v, "breaking", json_boolean(a->breaking));
    }
    return v;
}

json_t *article_to_json(const struct article *a)
{
    json_t *v = revision_to_json(a);

    set_time(v, "updated_at", a->updated_at_ms);
    set_time(v, "not_after", a->not_after_ms);
    if (a->republish) {
        set(v, "republish", json_true());
    }
    return v;
}

static void hash_take(json_t *v, uint8_t out[SHA256_BYTES])
{
    struct buf text;

    buf_init(&text, CANONICAL_BYTES);
    json_canonical(&text, v);
    must(buf_ok(&text));
    crypto_sha256(text.data, text.len, out);
    buf_done(&text);
    json_decref(v);
}

/* The body stands in the hash by a hash of its own: it is most of an article, and to write all of
 * it as JSON once more, only to hash that, would be a sixth of the door's work. */
static void shorten_body(json_t *revision, const char *body)
{
    uint8_t digest[SHA256_BYTES];
    char hex[2 * SHA256_BYTES + 1];

    if (body != NULL) {
        crypto_sha256(body, strlen(body), digest);
        json_set_str(revision, "body", crypto_hex(digest, sizeof digest, hex));
    }
}

void article_hash(const struct article *a, uint8_t out[SHA256_BYTES])
{
    json_t *v = revision_to_json(a);

    shorten_body(v, a->body);
    hash_take(v, out);
}

void article_face_hash(const struct article *a, bool breaking, uint8_t out[SHA256_BYTES])
{
    json_t *v = shown_to_json(a);

    set(v, "breaking", json_boolean(breaking));
    hash_take(v, out);
}
