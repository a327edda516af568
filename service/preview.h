#ifndef CRIER_SERVICE_PREVIEW_H
#define CRIER_SERVICE_PREVIEW_H

/* What would go out: for each channel the exact requests, with measured lengths against limits,
 * and nothing sent. Later steps rest on sample answers of the platform. Secrets are shown as
 * "***". */

#include <jansson.h>

#include "config/config.h"

/* article: its JSON form (as POST /v1/articles takes). channel: only that one; NULL: all. The
 * result, a new reference:
 *
 *   {"breaking", "reason", "channels": [
 *     {"channel", "adapter", "goes": bool, "why", "error"?,
 *      "steps": [{"step", "method", "url", "headers": {}, "body"}],
 *      "texts": [{"name", "text", "measured", "max", "unit", "cut"}]}]} */
MUST_USE enum err_code preview_article(json_t **out,
                                       const struct config *config,
                                       const json_t *article,
                                       const char *source,
                                       const char *channel,
                                       int64_t now_ms,
                                       struct article_faults *faults,
                                       struct err *why);

#endif
