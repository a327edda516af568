#ifndef CRIER_ADAPTERS_TELEGRAM_INTERNAL_H
#define CRIER_ADAPTERS_TELEGRAM_INTERNAL_H

/* Shared by telegram*.c and their tests only. */

#include "base/buf.h"

/* Text for Telegram's HTML: & < > " as the only named entities it knows. */
void telegram__escape(struct buf *out, const char *text, size_t len);
/* What Telegram counts: tags dropped, entities decoded. A '<' that begins no tag and a '&' that
 * begins no entity stand for themselves. */
void telegram__strip(struct buf *out, const char *html, size_t len);

#endif
