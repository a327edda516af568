#ifndef CRIER_SOURCES_FEED_MEND_H
#define CRIER_SOURCES_FEED_MEND_H

/* Makes well-formed XML of what feeds hold, piece by piece, before libxml2 sees it. A first strict
 * reading and a second tolerant one would need the whole feed in memory; so what is right passes as
 * it is, and what is not is mended where it stands:
 *   - junk before the root and behind its end is dropped, comments, processing instructions and a
 *     DOCTYPE as well: no entity is ever declared, so none can grow;
 *   - control characters and byte order marks are dropped;
 *   - an & that begins no reference of XML becomes the HTML entity's character, or &amp;;
 *   - a < that begins no tag becomes &lt;; attributes get quotes, the second of a name goes;
 *   - end tags without a start go, start tags without an end get one where their parent ends, where the
 *     next item begins, or where a neighbour begins that cannot stand inside them;
 *   - at the end of a feed that was cut, <?cut?> and the end tags that are missing;
 *   - CDATA is cut into sections of some kilobytes, since libxml2 keeps a whole one.
 * Text is UTF-8. Memory is bounded by the depth and by the longest tag that is taken, libxml2's by how many
 * different names it gets to see, and the time by how many things are mended before it is given up. */

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

enum feed_mend_verdict {
    MEND_SEEKING, /* no root came yet */
    MEND_FEED,
    MEND_HTML,   /* a page: nothing more is read */
    MEND_NOTHING /* so much, and no root: nothing more is read */
};
/* Kinds of damage, with what to call several of them. */
#define FEED_MENDS(X)                                                                          \
    X(MEND_JUNK, "something before the feed")                                                  \
    X(MEND_BEHIND, "something behind the feed")                                                \
    X(MEND_DOCTYPE, "entity declarations ignored")                                             \
    X(MEND_CONTROLS, "control characters")                                                     \
    X(MEND_AMPERSANDS, "bare & characters")                                                    \
    X(MEND_ENTITIES, "HTML entities")                                                          \
    X(MEND_BRACKETS, "bare < or ]]> characters")                                               \
    X(MEND_ATTRIBUTES, "wrong attributes")                                                     \
    X(MEND_UNCLOSED, "unclosed tags")                                                          \
    X(MEND_UNOPENED, "end tags without a start")                                               \
    X(MEND_LONG, "tags longer than 64 KiB")                                                    \
    X(MEND_DEEP, "tags too deeply nested")                                                     \
    X(MEND_CUT, "cut short")                                                                   \
    X(MEND_HOPELESS, "too damaged to be read to the end")

enum feed_mend_kind {
#define X(name, text) name,
    FEED_MENDS(X)
#undef X
        MEND_KINDS
};

struct feed_mend;

struct feed_mend *feed_mend_new(void);
void feed_mend_free(struct feed_mend *m);
/* Appends XML to out, at most six bytes for each that came and what is open when the feed is cut. last:
 * nothing follows. What is written does not depend on how the text was cut into pieces. */
void feed_mend_push(
    struct feed_mend *m, const char *text, size_t len, bool last, struct buf *out);
enum feed_mend_verdict feed_mend_verdict(const struct feed_mend *m);
bool feed_mend_ended(const struct feed_mend *m); /* the root's end tag came */
size_t feed_mend_count(const struct feed_mend *m, enum feed_mend_kind kind);

#endif
