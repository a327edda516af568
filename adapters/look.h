#ifndef CRIER_ADAPTERS_LOOK_H
#define CRIER_ADAPTERS_LOOK_H

/* Looking for our post in a list the platform gives, newest first, after an outcome nobody knows: what the
 * verify steps of several adapters do alike.
 *
 * Members of ctx->record, on the way: look_pages, look_from. */

#include "adapters/adapter.h"

/* A post of the list. What the platform does not tell is NULL, or 0. */
struct look_post {
    const char *id, *url; /* what it is known by, and its page */
    const char *link;     /* the address it leads to */
    const char *text;
    int64_t at_ms;
};

/* Whether it leads to the article, mentions its address, or says word for word what we sent. */
bool look_is_ours(const struct step_ctx *ctx, const struct look_post *post);
/* So old that neither it nor anything behind it can be of this delivery. */
bool look_is_too_old(const struct step_ctx *ctx, const struct look_post *post);
/* The verdict on one of ours: DONE with its names, and what the doubtful delivery noted (kept ends with
 * NULL); UNKNOWN when it seems older than the delivery. */
struct verdict
look_found(struct step_ctx *ctx, const struct look_post *post, const char *const *kept);
/* What is not there may still be coming: true, and *out says when to look again, as long as somebody may work on the
 * request that left last (sent_at_ms of the record; not there: nobody noted it). */
bool look_is_too_soon(const struct step_ctx *ctx, struct verdict *out);
/* None of ours on this page. reached: the list ends here, or goes back far enough: ABSENT, or too soon to say. Else the step
 * goes again for the page behind `from` (look_from()), a few times, then UNKNOWN. */
struct verdict
look_further(struct step_ctx *ctx, const char *step, const char *from, bool reached);
const char *look_from(const struct step_ctx *ctx); /* NULL: the first page */
/* An RFC 3339 time; 0: it is none. One without a zone is taken for UTC. */
int64_t look_time(const char *text);

#endif
