#ifndef CRIER_SERVICE_CLI_MEMBERS_H
#define CRIER_SERVICE_CLI_MEMBERS_H

/* What the files of `crier members` share. */

#include "service/cli.h"
#include "service/member_formats.h"

struct client;

/* /v1/channels/CHANNEL/members, what comes behind it, and a value, encoded (NULL: none). Yours. */
char *cli_members_path(const char *channel, const char *behind, const char *value);
/* --format. CLI_OK, or CLI_USAGE and said. */
MUST_USE int cli_members_format(const struct cli_args *args, enum member_format *out);
int cli_members_import(const struct cli_args *args, struct client *client);
/* `crier members CHANNEL gone` and `back` (cli_members_gone.c). */
int cli_members_gone(const struct cli_args *args, struct client *client);
int cli_members_back(const struct cli_args *args, struct client *client);

#endif
