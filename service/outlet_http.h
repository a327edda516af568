#ifndef CRIER_SERVICE_OUTLET_HTTP_H
#define CRIER_SERVICE_OUTLET_HTTP_H

/* A document that is served to whoever asks, with its validators: ETag and Last-Modified, so that a
 * crawler that comes every minute is told "not modified" in a few bytes. */

#include "base/buf.h"
#include "service/outlet_write.h"

struct door_request;

#define OUTLET_ETAG_BYTES 36 /* two quotes, 32 hex digits */

struct outlet_document { /* zeroed: there is none */
    char *bytes;
    size_t len;
    char etag[OUTLET_ETAG_BYTES];
    char *links;           /* value of a Link header; NULL: none */
    int64_t changed_at_ms; /* wall clock: since when its bytes are these */
};
/* Takes what body holds, and names it. */
void outlet_document_take(struct outlet_document *d, struct buf *body);
/* The header that names the feed and its hubs (W3C WebSub section 4). */
void outlet_links(const struct outlet_facts *f, struct outlet_document *d);
/* What `with` holds is taken; the same bytes as before stay as old as they were. */
void outlet_document_replace(struct outlet_document *d,
                             struct outlet_document *with,
                             int64_t now_ms);
void outlet_document_done(struct outlet_document *d);
void outlet_answer(struct door_request *r,
                   const struct outlet_document *d,
                   enum outlet_kind kind);

/* Whether a client that has this has the document: values of If-None-Match and If-Modified-Since,
 * NULL: not sent. Pure. */
bool outlet_not_modified(const struct outlet_document *d,
                         const char *none_match,
                         const char *modified_since,
                         int64_t now_ms);

#endif
