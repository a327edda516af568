#ifndef CRIER_SERVICE_JUDGE_H
#define CRIER_SERVICE_JUDGE_H

/* Is an article breaking, where does it go, and why: each rule's answer, member by member. For
 * `crier check --article`; nothing is sent and no ledger is asked. */

#include <jansson.h>

#include "config/config.h"

/* article: its JSON form (as POST /v1/articles takes). The result, a new reference:
 *
 *   {"title", "source", "breaking", "reason",
 *    "says": {"breaking": bool, "counts": bool}?      what the article itself says
 *    "recorded_only"?                                 why it would be kept and not sent
 *    "rules": [rule_report() and "number"],
 *    "channels": [{"channel", "adapter", "goes": bool, "why", "when": rule_report()?}]} */
MUST_USE enum err_code judge_article(json_t **out,
                                     const struct config *config,
                                     const json_t *article,
                                     const char *source,
                                     int64_t now_ms,
                                     struct article_faults *faults,
                                     struct err *why);

#endif
