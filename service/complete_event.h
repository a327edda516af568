#ifndef CRIER_SERVICE_COMPLETE_EVENT_H
#define CRIER_SERVICE_COMPLETE_EVENT_H

/* An event as the inbox keeps it, and what its page adds. Pure. */

#include "base/buf.h"
#include "sources/event.h"
#include "sources/page.h"

/* Compact JSON, appended. */
void complete_event_write(struct buf *out, const struct source_event *e);
/* What that wrote; out zeroed. ERR_INVALID: it did not. */
MUST_USE enum err_code
complete_event_read(struct source_event *out, const char *text, struct err *why);
/* The event's article gets what it lacks: title, summary, pictures, language, authors, tags, section (as
 * its category), times and correction. */
void complete_event_fill(struct source_event *e, const struct page_facts *facts);
/* Whether they speak of the same article: by id, guid or address. */
bool complete_event_same(const struct source_event *a, const struct source_event *b);

#endif
