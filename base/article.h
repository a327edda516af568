#ifndef CRIER_BASE_ARTICLE_H
#define CRIER_BASE_ARTICLE_H

/* One revision of an article, as every room sees it: read from JSON at the doors, kept as JSON
 * in the ledger, given to rules, templates and adapters. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/buf.h"
#include "base/crypto.h"
#include "base/err.h"
#include "base/field.h"

#define ARTICLE_TITLE_BYTES 2048
#define ARTICLE_SUMMARY_BYTES 16384
#define ARTICLE_BODY_BYTES ((size_t)4 * 1024 * 1024)
#define ARTICLE_URL_BYTES 4096
#define ARTICLE_LIST_MAX 100   /* authors, categories, tags, images: so many of each */
#define ARTICLE_WORD_BYTES 512 /* one author, category, tag, id, credit */

struct article_image {
    char *url, *alt, *credit; /* url required; others NULL when absent */
    int64_t width, height;    /* 0: not told */
};
struct article_video {
    char *url, *title, *thumbnail_url; /* url NULL: no video */
    int64_t duration_ms, width, height;
};

struct article {
    char *id;       /* the source's own id; NULL: none given */
    char *url;      /* absolute http(s), required */
    char *title;    /* plain text, required */
    char *summary;  /* plain text; NULL: none */
    char *body;     /* HTML as given; NULL: none */
    char *language; /* BCP 47; NULL: none */
    struct article_image *images;
    size_t image_count;
    struct article_video video;
    struct strings authors, categories, tags;
    int64_t published_at_ms, updated_at_ms; /* 0: not told */
    int urgency;                            /* 1 (highest) to 9; 0: not told */
    int breaking;                           /* 1 yes, 0 no, -1 not told: the rules decide */
    int64_t not_after_ms;                   /* wall clock; 0: the channel's setting decides */
    bool republish;                         /* a retracted article may go out again */
    char *
        correction; /* what this revision corrects, plain text; "": that it does; NULL: nothing */
    int more_references; /* beside the first */
};

/* One thing wrong with an input: where (JSON Pointer, RFC 6901) and what was expected. */
struct article_fault {
    char where[64];
    char what[160];
};
#define ARTICLE_FAULTS_MAX 16
struct article_faults {
    struct article_fault v[ARTICLE_FAULTS_MAX];
    size_t count;
};

/* Reads the JSON form (field names as in the struct, times RFC 3339, not_after also a duration
 * from now_ms). All faults are collected, not only the first; unknown members are faults, with
 * a suggestion, except names that begin with "x_" or "x-". HTML entities and tags in title and
 * summary become plain text. Returns ERR_INVALID when there was any fault. */
MUST_USE enum err_code article_from_json(struct article **out,
                                         const json_t *json,
                                         int64_t now_ms,
                                         struct article_faults *faults,
                                         struct err *why);
/* Reads what article_write wrote, as the ledger keeps it: title and summary are plain text
 * already, so a "<" in them is a character and "&amp;" is five. */
MUST_USE enum err_code
article_restore(struct article **out, const char *text, size_t len, struct err *why);
/* The same form back, appended as compact JSON. Absent members are left out. */
void article_write(struct buf *out, const struct article *a);
/* Its members alone, for an object that json_put_open() has begun; `id` in place of its own (NULL:
 * none). */
void article_put_members(struct buf *out, const struct article *a, const char *id);
/* Does it say of itself that it corrects a mistake: by `correction`, or by a category or tag of that name? */
bool article_is_correction(const struct article *a);
/* It begins with one reference; whoever holds the last one frees it. Not from two threads at once. */
struct article *article_ref(struct article *a);
void article_unref(struct article *a);

/* Over everything but updated_at, republish and not_after: equal hashes mean "the same
 * again". */
void article_hash(const struct article *a, uint8_t out[SHA256_BYTES]);
/* Over what a post shows: title, summary, url, language, images, categories, tags, breaking as
 * decided. A changed body alone leaves it as it is. */
void article_face_hash(const struct article *a, bool breaking, uint8_t out[SHA256_BYTES]);

#endif
