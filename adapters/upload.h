#ifndef CRIER_ADAPTERS_UPLOAD_H
#define CRIER_ADAPTERS_UPLOAD_H

/* Which file an upload in pieces is for, so that after a break the same one goes on, and another one does not; and
 * how often to ask what became of it.
 *
 * Members of ctx->record: total file_type file_hash. */

#include "adapters/adapter.h"

/* The upload is for ctx->media. */
void upload_note_file(struct step_ctx *ctx);
/* ctx->media is another file than that; false too when there is none. */
bool upload_is_other_file(const struct step_ctx *ctx);
int64_t upload_total(const struct step_ctx *ctx);
/* Until the next look at something that is processed and was first asked for so long ago: platforms let us ask 30
 * times a minute, small files take a second or two, and large ones minutes. */
int64_t upload_poll_ms(int64_t age_ms);
/* Appended to the names of members that end with an upload. */
#define UPLOAD_MEMBERS "total", "file_type", "file_hash"

#endif
