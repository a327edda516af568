#ifndef CRIER_SERVICE_WATCH_KNOWN_H
#define CRIER_SERVICE_WATCH_KNOWN_H

/* What a feed has said before, in a few bytes for each item: enough to tell a new item from an edited one
 * and from one that is as it was, without asking the ledger. Which article an item is, only the ledger
 * knows; this table says what is worth telling it, and how much of a fetch is new. Pure. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct watch_known;

/* So many names at most; those that the feed has not shown for longest go first. An item has up to two (its
 * key and its URL), a reader gives 1,000 items, and an index has ten sitemaps. */
#define WATCH_KNOWN_MAX ((size_t)24000)
/* Names of items that left a feed are kept until there are so many, or twice as many as in the feed. */
#define WATCH_KNOWN_MIN ((size_t)2000)

enum watch_sight { WATCH_NEW, WATCH_CHANGED, WATCH_UNCHANGED };

struct watch_known *watch_known_new(void);
void watch_known_free(struct watch_known *k);
size_t watch_known_count(const struct watch_known *k);

/* The number under which a text (a key, a URL, a title) is kept; never 0. */
uint64_t watch_known_hash(const char *text);
/* By its key, else by its URL (0: it has none). */
enum watch_sight
watch_known_look(const struct watch_known *k, uint64_t key, uint64_t url, uint64_t fingerprint);
/* It is known from now on, and was seen in this reading. */
void watch_known_put(struct watch_known *k, uint64_t key, uint64_t url, uint64_t fingerprint);
/* A reading begins: what is put from here on counts as seen later than all before. whole: the one before
 * showed all that the feed has, so that what it did not show may be forgotten in time. */
void watch_known_turn(struct watch_known *k, bool whole);

/* ---- titles of the last day: the same one under another name is perhaps the same story ---- */
void watch_known_title(struct watch_known *k, uint64_t title, int64_t at_ms);
bool watch_known_has_title(const struct watch_known *k, uint64_t title, int64_t now_ms);

/* As text for the ledger (base64url of packed numbers), appended; and back. False: it is none, and
 * nothing changed. */
void watch_known_write(const struct watch_known *k, int64_t now_ms, struct buf *out);
bool watch_known_read(struct watch_known *k, const char *text, size_t len);

#endif
