/* See upload.h. Called by the adapters that upload videos in pieces. The article may name the same address
 * and the file behind it be another one, so its content is what counts. */

#include "adapters/upload.h"

#include <string.h>

#include "adapters/record.h"
#include "base/json.h"

void upload_note_file(struct step_ctx *ctx)
{
    record_set_int(ctx->record, "total", (int64_t)ctx->media->len);
    json_set_str(ctx->record, "file_type", ctx->media->type);
    record_drop(ctx->record, "file_hash");
    json_set_str(ctx->record, "file_hash", ctx->media->hash);
}

static bool differs(const char *a, const char *b)
{
    return a && b && strcmp(a, b) != 0;
}

bool upload_is_other_file(const struct step_ctx *ctx)
{
    const struct media *m = ctx->media;

    return m && (upload_total(ctx) != (int64_t)m->len ||
                 differs(record_str(ctx->record, "file_type"), m->type) ||
                 differs(record_str(ctx->record, "file_hash"), m->hash));
}

int64_t upload_total(const struct step_ctx *ctx)
{
    return record_int(ctx->record, "total");
}

int64_t upload_poll_ms(int64_t age_ms)
{
    if (age_ms < 5 * MS_SECOND) {
        return MS_SECOND;
    }
    return age_ms < 30 * MS_SECOND ? 3 * MS_SECOND : 15 * MS_SECOND;
}
