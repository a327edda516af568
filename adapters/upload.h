#ifndef CRIER_ADAPTERS_UPLOAD_H
#define CRIER_ADAPTERS_UPLOAD_H

/* Which file an upload in pieces is for, so that after a break the same one goes on, and another one does not.
 *
 * Members of ctx->record: total file_type file_hash. */

#include "adapters/adapter.h"

/* The upload is for ctx->media. */
void upload_note_file(struct step_ctx *ctx);
/* ctx->media is another file than that; false too when there is none. */
bool upload_is_other_file(const struct step_ctx *ctx);
int64_t upload_total(const struct step_ctx *ctx);
/* Appended to the names of members that end with an upload. */
#define UPLOAD_MEMBERS "total", "file_type", "file_hash"

#endif
