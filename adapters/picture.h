#ifndef CRIER_ADAPTERS_PICTURE_H
#define CRIER_ADAPTERS_PICTURE_H

/* The picture of a post on platforms where it is uploaded first and then named. A picture is never worth
 * the news: what cannot be had, is refused or takes too long is left out, and the record says why.
 *
 * Members of ctx->record:
 *   media_id media_url  what the platform calls it, and the picture's address it was made from
 *   media_off           why the post goes without it, for people
 *   media_since_ms      when the first request about it was built */

#include "adapters/adapter.h"

/* The article's first picture; NULL: it has none. */
const char *picture_url(const struct step_ctx *ctx);
/* Not here yet and not left out, and not the one that the standing post has. */
bool picture_is_wanted(const struct step_ctx *ctx);
/* The beginning of a step that uploads it. True: build the request. Else there is nothing to send and
 * req->skip is set; what the standing post has of the same picture is kept. `wanted` as the step's
 * media_wanted says. */
bool picture_begin(struct step_ctx *ctx,
                   struct http_request *req,
                   bool wanted,
                   size_t max_bytes);
/* It is there, under this name. */
void picture_taken(struct step_ctx *ctx, const char *id);
/* Go on without it, and remember why. */
void picture_off(struct step_ctx *ctx, const char *reason);
/* What a verdict on the upload means for the post: when only the picture is refused, or has to wait longer
 * than the news may, it goes on without. */
struct verdict picture_trouble(struct step_ctx *ctx, struct verdict v);
/* "image.jpg": servers tell the format by the name's end too. */
const char *picture_file_name(const char *type);
/* Its alternative text, cut to the rule; nothing when there is none. */
void picture_alt(struct step_ctx *ctx, const struct text_rule *rule, struct buf *out);

#endif
