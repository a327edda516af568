#ifndef CRIER_SERVICE_HIDE_H
#define CRIER_SERVICE_HIDE_H

/* Takes a channel's secrets out of text that comes from outside or goes to people. A platform
 * that answers "you sent Bearer …" must not bring a token into the log, the ledger or an answer
 * of the API. */

#include <jansson.h>

#include "adapters/adapter.h"
#include "base/buf.h"
#include "config/config.h"
#include "service/out.h"

/* Replaces every secret of the channel's settings in text by "***", in whatever form it may
 * stand there: plain, percent-encoded, inside a JSON string; of one that is an address also the long
 * parts of its path and query alone. Settings that are maps (headers of an operator's own) count
 * where their name says so, and so do the query parameters of addresses; of those also user and
 * password. A secret shorter than min_bytes stays. */
void hide_settings(struct buf *text, const struct channel_settings *channel, size_t min_bytes);
/* What an answer holds, before anybody reads it. account: of the channel; its tokens are taken
 * out of refusals, never out of the answer that brings new ones. */
void hide_in_answer(struct out_exchange *x,
                    const struct channel_settings *channel,
                    json_t *account);
/* What an adapter says of it. */
void hide_in_verdict(struct verdict *v,
                     const struct channel_settings *channel,
                     json_t *account);

#endif
