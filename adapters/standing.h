#ifndef CRIER_ADAPTERS_STANDING_H
#define CRIER_ADAPTERS_STANDING_H

/* Which posts of an article stand on a platform that cannot edit, and their removal: what adapters do alike whose
 * update is another post, in place of the first or in reply to it. The new one is made first and the old ones
 * are deleted behind it, which leaves both for a moment rather than neither.
 *
 * Members of ctx->record:
 *   standing                      ids of our posts that are there, the newest last; goes on with the post
 *   left                          those still to be deleted, the newest first: replies before what they reply to
 *   delete_tries delete_tried_ms  how often an update has tried to delete the old one */

#include "adapters/adapter.h"

/* Into a list of ids, once each and not without end; NULL, and `own` (NULL: none), are left out. */
void standing_add(json_t *list, const char *id, const char *own);
/* A new list of what stood before this delivery, without `own`: what the post's record lists and is_id (NULL: all)
 * lets pass, and `named`, which the post is known by or a person has named (NULL: nothing). */
json_t *standing_before(const struct step_ctx *ctx,
                        bool (*is_id)(const char *id),
                        const char *named,
                        const char *own);
/* `left`, made at the first call of what `before` gives; borrowed. */
json_t *standing_left(struct step_ctx *ctx, json_t *(*before)(const struct step_ctx *ctx));
/* The first of `left` is gone. True: there are more. */
bool standing_is_more_left(struct step_ctx *ctx);

/* ---- an update that deletes the old post ---- */

/* Another try; building a request twice at one time is one. False: it was often enough, over ten minutes. */
bool standing_try(struct step_ctx *ctx);
void standing_forget_tries(struct step_ctx *ctx);
/* v on an answer that did not delete it. The new post is out, so an old one that stays is no reason to fail: it is
 * tried again for a while, at a pace of its own that uses up none of the delivery's attempts. Then both stand, and
 * both are listed, for the next update or a retraction. */
struct verdict standing_not_deleted(struct step_ctx *ctx, struct verdict v);

#endif
