#ifndef CRIER_ADAPTERS_MIME_H
#define CRIER_ADAPTERS_MIME_H

/* The grammar of mail: header fields (RFC 5322, words of other scripts as in RFC 2047) and bodies
 * (RFC 2045). Everything comes out as 7-bit lines of at most 76 bytes where that is possible, never
 * more than 998, each ended by CRLF. No value can begin another field: line breaks and control
 * characters in it become blanks. All text is UTF-8. */

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define MIME_LINE_BYTES 76

/* "Name: text": text for people, encoded where it is not ASCII, folded. */
void mime_text(struct buf *out, const char *name, const char *text);
/* "Name: value": a value with a grammar of its own, ASCII, folded at its blanks. */
void mime_value(struct buf *out, const char *name, const char *value);
/* "Name: display <address>", or the address alone when display is NULL or "". */
void mime_mailbox(struct buf *out, const char *name, const char *display, const char *address);
/* "Date: Mon, 23 Nov 2026 15:04:05 +0000". */
void mime_date(struct buf *out, const char *name, int64_t at_ms);
/* One text with its Content-Type (type is "text/plain") and Content-Transfer-Encoding: quoted-printable
 * or base64, whichever is shorter. Line ends in it may be LF or CRLF. */
void mime_body(struct buf *out, const char *type, const char *text, size_t len);

#endif
