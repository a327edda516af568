#ifndef CRIER_SERVICE_INTAKE_EVENT_H
#define CRIER_SERVICE_INTAKE_EVENT_H

/* What a source said becomes what the ledger keeps: one event, one revision, one withdrawal or one
 * retraction. One way for the hooks, for what waited for its page, and for the watchers. */

#include "service/intake.h"
#include "sources/event.h"

/* What is beside the event. */
struct intake_event_options {
    const char *quiet; /* as in intake_options; copied */
    bool held;
    uint64_t inbox; /* the row of the inbox that is done with it; 0: none */
};

/* Something was published: the event has an article to read. */
bool intake_event_is_content(const struct source_event *e);
/* Reads the event's article, with its id and URL; out zeroed. On any thread. Of an event that takes back
 * nothing is read, and all is well. */
void intake_event_read(struct intake_content *out,
                       const struct source_event *e,
                       bool trusted_breaking,
                       int64_t now_ms);
/* The event, its content read before (what it holds is taken), goes to the ledger under the settings
 * of its source: published, updated and corrected as an article; unpublished, back to draft and deleted as
 * a withdrawal of source->retract_after; killed at once. Everything is copied. Otherwise as
 * intake_article(); an event that is NOTHING is the caller's bug. */
MUST_USE enum err_code intake_event(struct crier *c,
                                    struct intake *in,
                                    const struct source_settings *source,
                                    const struct source_event *e,
                                    struct intake_content *content,
                                    const struct intake_event_options *options, /* NULL: none */
                                    intake_done_fn *done,
                                    void *context);

#endif
