#ifndef CRIER_SERVICE_CLI_CHECK_H
#define CRIER_SERVICE_CLI_CHECK_H

/* The two halves of `crier check`: the settings (cli_check.c), the ledger (cli_check_ledger.c). */

#include "service/cli.h"

int cli_check_ledger(const struct cli_args *args);

#endif
