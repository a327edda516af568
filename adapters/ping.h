#ifndef CRIER_ADAPTERS_PING_H
#define CRIER_ADAPTERS_PING_H

/* Telling others where to look: hubs of feeds (WebSub) and search engines (IndexNow). Nothing is published
 * by it, and telling twice does no harm. Used by the adapters of that name and by google_news. */

#include "adapters/adapter.h"

/* A hub is told that feeds have changed: topics, or (none) those that crier serves. */
MUST_USE enum err_code ping_websub_build(const struct step_ctx *ctx,
                                         struct http_request *req,
                                         const char *hub,
                                         const struct strings *topics,
                                         struct err *why);
/* DONE, or what the hub's refusal means. */
struct verdict ping_websub_read(const struct http_response *res);
/* Whether they are addresses; why begins with "topics". */
MUST_USE enum err_code ping_websub_check(const struct strings *topics, struct err *why);

struct ping_indexnow {
    const char *key, *key_location, *endpoint; /* key_location NULL: at the top of the site */
};
/* The article's page, and where it was before that; in a test the front page. */
MUST_USE enum err_code ping_indexnow_build(const struct step_ctx *ctx,
                                           struct http_request *req,
                                           const struct ping_indexnow *to,
                                           struct err *why);
/* DONE, with the address noted in the record, or what the engine's refusal means. */
struct verdict ping_indexnow_read(struct step_ctx *ctx, const struct http_response *res);
/* Whether a key is one; why begins with `name`. */
MUST_USE enum err_code ping_indexnow_check(const char *name, const char *key, struct err *why);

#endif
