#ifndef CRIER_SOURCES_FEED_H
#define CRIER_SOURCES_FEED_H

/* Bytes of a feed -> what it says of itself, and its items as events. RSS 0.90 to 2.0, Atom 0.3 and
 * 1.0, JSON Feed 1.0 and 1.1, sitemaps, Google News sitemaps and sitemap indexes, told apart by what
 * they hold, never by their content type. Broken ones are read as far as they make sense.
 *
 *     struct feed_reader *r = feed_reader_new(&call);
 *     while (bytes come) { rc = feed_reader_push(r, bytes, len, why); }     stop at the first rc
 *     rc = feed_reader_finish(r, &feed, why);
 *     feed_reader_free(r);
 *     … feed.items, oldest first; take what is wanted, feed_done(&feed).
 *
 * Memory is bounded by the limits, whatever the feed's size is; the same bytes give the same result
 * however they are cut into pieces. No network, no disk but the C library's tables of character sets,
 * no clock. One reader belongs to one thread at a time. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/field.h"
#include "sources/event.h"

enum feed_format {
    FEED_UNKNOWN,
    FEED_RSS_090,
    FEED_RSS_09X, /* 0.91 to 0.94, and those that do not tell their version */
    FEED_RSS_10,
    FEED_RSS_20,
    FEED_ATOM_03,
    FEED_ATOM_10,
    FEED_JSON_10,
    FEED_JSON_11,
    FEED_SITEMAP,
    FEED_NEWS_SITEMAP,
    FEED_SITEMAP_INDEX,
};
const char *feed_format_name(enum feed_format format); /* "RSS 2.0" "JSON Feed 1.1" … */

struct feed_limits {
    size_t max_bytes;      /* of the feed; what comes behind them is not read */
    size_t max_items;      /* the newest are kept, the others counted */
    size_t max_item_bytes; /* of what one item tells; a body that does not fit in is left out */
    size_t max_kept_bytes; /* of all items together: past it the oldest go */
};
/* 64 MiB, 1000 items, 1 MiB, 16 MiB. */
extern const struct feed_limits feed_limits_default;

struct feed_call {
    const char *content_type; /* the header's value; NULL: there was none */
    const char *url;          /* the one that answered, after redirects */
    int64_t now_ms;           /* wall clock; tells which dates lie in the future */
    int zone_minutes;         /* east of UTC: of dates that name no zone */
    bool month_first;         /* "03/04/2026" is 4 March */
    struct feed_limits limits;
};

/* Further ahead than that a date is not believed: an embargo or a wrong zone. */
#define FEED_FUTURE_MS INT64_C(300000)

struct feed_item {
    /* Who it is in this feed, at most FEED_KEY_BYTES: its guid (id, atom:id), else its normalised link,
     * else a digest of title, summary and date. Items with one guid and different links have
     * "GUID LINK" each, those with one link, different titles and no guid "LINK DIGEST"; of two with the
     * same key the one that changed last stays. */
    char *key;
    bool removed; /* at:deleted-entry (RFC 6721): EVENT_DELETED, without an article */
    /* As told, wall clock; 0: not told or unreadable. An item that tells one of them only has it as
     * published_at_ms. The article has them unless they lie in the future. */
    int64_t published_at_ms, updated_at_ms;
    bool future;          /* one of them is more than FEED_FUTURE_MS ahead */
    bool unreadable_date; /* there was a date, and nobody could tell which */
    /* Of what a reader sees (title, summary, URL, picture, categories, tags, urgency), not of the dates: an
     * item edited in place has another one. The same in every process. */
    uint64_t fingerprint;
    /* EVENT_PUBLISHED or EVENT_DELETED. article: without title, summary or url when the item has none;
     * guid as the feed has it; url absolute; urls: other links of the item; at_ms: the later date. */
    struct source_event event;
};
#define FEED_KEY_BYTES 1024

/* A sitemap of an index. */
struct feed_more {
    char *url;             /* absolute */
    int64_t updated_at_ms; /* 0: not told */
};
#define FEED_MORE_MAX 1000 /* the newest are kept */

struct feed {
    enum feed_format format;
    char *title;         /* plain text; NULL: none */
    char *language;      /* BCP 47; NULL: not told */
    char *link;          /* the site's page, absolute; NULL */
    char *self;          /* rel=self or feed_url, absolute: the topic for WebSub; NULL */
    char *next;          /* the next page (older items), absolute; NULL */
    struct strings hubs; /* WebSub, absolute */
    int64_t ttl_ms;      /* RSS ttl; 0: not told */
    int64_t
        update_ms; /* one update comes in this time (sy:updatePeriod / Frequency); 0: not told */
    int64_t updated_at_ms; /* lastBuildDate, updated; 0: not told */
    bool expired;          /* JSON Feed: it will never have news again */
    bool
        complete; /* false: cut short or past max_bytes; the whole items before that are here */
    char *damage; /* what was mended, for people; NULL: nothing was */
    char *charset;           /* what it was read as: "utf-8" … */
    struct feed_item *items; /* in the order of publication, oldest first */
    size_t count;
    size_t left_out;        /* items beyond the limits, and those that could not be used */
    struct feed_more *more; /* a sitemap index's, in the order of the file */
    size_t more_count;
};
void feed_done(struct feed *feed); /* frees all, zeroes */

struct feed_reader;
/* call and its texts are copied. Limits of 0 are the default's. */
struct feed_reader *feed_reader_new(const struct feed_call *call);
/* ERR_INVALID: this is no feed (an HTML page, nothing, …), finish would say the same. ERR_TOO_BIG: that
 * was max_bytes, or 250,000 items; nothing more is wanted, and finish gives what came before. Either way
 * stop reading. */
MUST_USE enum err_code
feed_reader_push(struct feed_reader *r, const void *bytes, size_t len, struct err *why);
/* Once, at the end of the feed. ERR_INVALID: no feed, or JSON that is none; *out is not touched. */
MUST_USE enum err_code
feed_reader_finish(struct feed_reader *r, struct feed *out, struct err *why);
void feed_reader_free(struct feed_reader *r);

#endif
