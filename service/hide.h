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
/* The tokens of a channel's account or grant, by the names of their members; NULL: there are none. */
void hide_tokens(struct buf *text, const json_t *object);
/* What an answer holds, before anybody reads it. account and grant: of the channel; their tokens are taken
 * out of refusals, never out of the answer that brings new ones. */
void hide_in_answer(struct out_exchange *x,
                    const struct channel_settings *channel,
                    const json_t *account,
                    const json_t *grant);
/* What an adapter says of it, in an array of that size. */
void hide_in_detail(char *detail,
                    size_t size,
                    const struct channel_settings *channel,
                    const json_t *account,
                    const json_t *grant);

#endif
