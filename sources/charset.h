#ifndef CRIER_SOURCES_CHARSET_H
#define CRIER_SOURCES_CHARSET_H

/* Which characters the bytes of a feed or a page are, in pieces as they come. The rules, first that
 * holds:
 *   1. a byte order mark (UTF-8, -16, -32), or the zero bytes of UTF-16 beside the first character;
 *   2. valid UTF-8 is UTF-8, whatever anybody says of it; so is what is UTF-8 but for a few bytes;
 *   3. the charset of the Content-Type header (but "iso-8859-1" and "us-ascii", which servers say
 *      by default, give way to what the text says of itself);
 *   4. encoding="…" of the XML declaration;
 *   5. windows-1252.
 * Labels are those of the WHATWG Encoding Standard (encoding.spec.whatwg.org, section 4.2), where
 * "iso-8859-1" means windows-1252. Nothing is decided before the first byte that is not ASCII, and
 * then after a look at what follows it, so memory is bounded. */

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

struct charset;

#define CHARSET_LOOK_BYTES ((size_t)64 * 1024) /* so much is looked at for rule 2 */

/* content_type: the header's value; NULL: there was none. */
struct charset *charset_new(const char *content_type);
void charset_free(struct charset *c);
/* Appends valid UTF-8 to out, at most three bytes for each that came (NUL bytes stay in); bytes that
 * are no character become U+FFFD each. last: nothing follows. The text does not depend on how it was
 * cut into pieces. */
void charset_read(struct charset *c, const void *bytes, size_t len, bool last, struct buf *out);
/* "utf-8" "windows-1252" …; "utf-8" as well when all of it was ASCII. */
const char *charset_name(const struct charset *c);
size_t charset_replaced(const struct charset *c); /* how many U+FFFD it had to write */

/* The standard's name for a label ("latin1" gives "windows-1252"); NULL: it knows none. */
const char *charset_by_label(const char *label, size_t len);

#endif
