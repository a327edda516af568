#ifndef CRIER_SERVICE_CLI_MEMBERS_H
#define CRIER_SERVICE_CLI_MEMBERS_H

/* `crier members CHANNEL gone` and `back` (cli_members_gone.c). */

struct cli_args;
struct client;

int cli_members_gone(const struct cli_args *args, struct client *client);
int cli_members_back(const struct cli_args *args, struct client *client);

#endif
