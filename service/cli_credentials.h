#ifndef CRIER_SERVICE_CLI_CREDENTIALS_H
#define CRIER_SERVICE_CLI_CREDENTIALS_H

/* What `crier keys login`, `show` and `forget` share: where the credentials are, with the service up or down. */

#include "adapters/adapter.h"
#include "service/cli.h"
#include "service/grant.h"

/* The channel of the settings whose tokens crier keeps. NULL, and said, when there is none or it has none. */
const struct channel_settings *cli_signed_channel(const struct cli_args *args,
                                                  const struct config *config,
                                                  const char *name,
                                                  struct grant_way *out_way);
/* Into the running service, or, when it cannot be reached, into the ledger. sealed NULL: what is kept goes.
 * Returns an exit code, and has said why when it is not CLI_OK. */
int cli_credential_put(const struct cli_args *args,
                       const struct config *config,
                       const struct channel_settings *ch,
                       const char *sealed);

cli_verb_fn cli_login, cli_credentials_show, cli_credentials_forget;

#endif
