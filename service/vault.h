#ifndef CRIER_SERVICE_VAULT_H
#define CRIER_SERVICE_VAULT_H

/* What lies in the ledger of a channel's credential, sealed with the key of the settings (`vault`). Inside
 * is an object:
 *   grant   the grant (adapters/oauth.h)
 *   dead    why it is of no use any more, for people; absent: it is */

#include <jansson.h>

#include "base/err.h"
#include "config/config.h"

bool vault_has_key(const struct config *config);
/* As text for the ledger, yours. There must be a key. */
char *vault_seal(const struct config *config, const char *channel, const json_t *kept);
/* New reference. *out_old: it was sealed with the old key, so it should be written anew; may be NULL.
 * ERR_DENIED: there is no key; ERR_INVALID: it is not ours, of another channel, or sealed with another key. */
MUST_USE enum err_code vault_open(json_t **out,
                                  const struct config *config,
                                  const char *channel,
                                  const char *sealed,
                                  bool *out_old,
                                  struct err *why);

#endif
