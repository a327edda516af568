/* A served document and its validators (RFC 9110 sections 8.8 and 13). Called by outlet.c. Owns
 * nothing.
 *
 * Last-Modified counts in seconds, and news may change twice in one: it is only told, and only
 * believed, when that second is over and nothing more can happen in it. The ETag is of the bytes. */

#include "service/outlet_http.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/mem.h"
#include "service/door.h"

/* Crawlers may keep it so long; the facts say a minute at most. */
#define CACHE_CONTROL "public, max-age=30"
#define LINKS_BYTES ((size_t)16 * 1024)

void outlet_document_take(struct outlet_document *d, struct buf *body)
{
    char hex[SHA256_HEX_BYTES];
    uint8_t digest[SHA256_BYTES];

    must(buf_ok(body)); /* a thousand articles without their bodies fit many times */
    crypto_sha256(buf_str(body), body->len, digest);
    (void)crypto_hex(digest, sizeof digest, hex);
    (void)snprintf(d->etag, sizeof d->etag, "\"%.32s\"", hex);
    d->bytes = buf_detach(body, &d->len);
}

void outlet_links(const struct outlet_facts *f, struct outlet_document *d)
{
    struct buf text;

    buf_init(&text, LINKS_BYTES);
    buf_addf(&text, "<%s>; rel=\"self\"", f->self);
    for (size_t i = 0; i < f->hub_count; i++) {
        buf_addf(&text, ", <%s>; rel=\"hub\"", f->hubs[i]);
    }
    d->links = buf_detach(&text, NULL); /* NULL when it is longer than any header should be */
    buf_done(&text);
}

void outlet_document_done(struct outlet_document *d)
{
    mem_free(d->bytes);
    mem_free(d->links);
    *d = (struct outlet_document){.bytes = NULL};
}

void outlet_document_replace(struct outlet_document *d,
                             struct outlet_document *with,
                             int64_t now_ms)
{
    int64_t since_ms =
        d->bytes != NULL && strcmp(d->etag, with->etag) == 0 ? d->changed_at_ms : now_ms;

    outlet_document_done(d);
    *d = *with;
    d->changed_at_ms = since_ms;
    *with = (struct outlet_document){.bytes = NULL};
}

/* ---- conditions ---- */

/* The list of entity tags of If-None-Match; weak comparison. */
static bool names_etag(const char *list, const char *etag)
{
    size_t len = strlen(etag);

    for (const char *at = list; *at != '\0';) {
        at += strspn(at, " \t,");
        at += strncmp(at, "W/", 2) == 0 ? 2 : 0;
        if (*at == '*' || strncmp(at, etag, len) == 0) {
            return true;
        }
        at += strcspn(at, ",");
    }
    return false;
}

static bool second_is_over(const struct outlet_document *d, int64_t now_ms)
{
    return now_ms / MS_SECOND > d->changed_at_ms / MS_SECOND;
}

bool outlet_not_modified(const struct outlet_document *d,
                         const char *none_match,
                         const char *modified_since,
                         int64_t now_ms)
{
    int64_t since_ms;

    if (none_match != NULL) {
        return names_etag(none_match, d->etag);
    }
    return modified_since != NULL && second_is_over(d, now_ms) &&
           time_parse_http(modified_since, &since_ms) &&
           since_ms / MS_SECOND >= d->changed_at_ms / MS_SECOND;
}

/* ---- the answer ---- */

static void set_headers(struct door_request *r, const struct outlet_document *d, int64_t now_ms)
{
    char at[TIME_TEXT_BYTES];

    door_reply_header(r, "ETag", d->etag);
    door_reply_header(r, "Cache-Control", CACHE_CONTROL);
    if (second_is_over(d, now_ms)) {
        door_reply_header(r, "Last-Modified", time_http(d->changed_at_ms, at));
    }
    if (d->links != NULL) {
        door_reply_header(r, "Link", d->links);
    }
}

void outlet_answer(struct door_request *r,
                   const struct outlet_document *d,
                   enum outlet_kind kind)
{
    int64_t now_ms = clock_wall_ms();
    struct buf body;

    set_headers(r, d, now_ms);
    if (outlet_not_modified(
            d, door_header(r, "If-None-Match"), door_header(r, "If-Modified-Since"), now_ms)) {
        door_reply_empty(r, 304);
        return;
    }
    buf_init(&body, d->len);
    buf_add(&body, d->bytes, d->len);
    door_reply_text(r, 200, outlet_type(kind), &body);
    buf_done(&body);
}
