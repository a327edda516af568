#ifndef CRIER_SERVICE_SERVE_INTERNAL_H
#define CRIER_SERVICE_SERVE_INTERNAL_H

/* Shared by serve.c and housekeeping.c. */

#include "config/problem.h"

struct crier;

/* Each mistake on standard error, as `crier check` prints it. */
void serve__print_problems(const struct problems *problems);
/* Every five seconds from here on: channel states saved, what is worthless expired; every hour
 * the ledger pruned. */
void housekeeping_start(struct crier *c);

#endif
