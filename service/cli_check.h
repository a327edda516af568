#ifndef CRIER_SERVICE_CLI_CHECK_H
#define CRIER_SERVICE_CLI_CHECK_H

/* The three parts of `crier check`: the settings (cli_check.c), the ledger (cli_check_ledger.c), what the
 * settings make of an article (cli_check_article.c). */

#include "service/cli.h"

int cli_check_ledger(const struct cli_args *args);
int cli_check_article(const struct cli_args *args);

#endif
