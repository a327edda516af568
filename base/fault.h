#ifndef CRIER_BASE_FAULT_H
#define CRIER_BASE_FAULT_H

/* Fault points, compiled in for tests only:  rc = FAULT("ledger.commit") ? ERR_IO : commit(…);
 * They stand where the real call can fail, and what they stand for is mapped to its real failure's code.
 * The n-th point passed fires as told by the environment: CRIER_FAULT="ledger.commit:3" fails the third
 * pass of that point, "*:17" the seventeenth of any, "out.*:2" the second
 * of those that begin so. "…:exit" ends the process there with _exit(99),
 * "…:hang" stops the thread there for ever, as a disk that does not answer does, "…:term" has SIGTERM
 * arrive there and goes on. Which point fired is said on standard error. fault_set() does the same from a
 * test program. A point that nothing can fail at is of use with these: (void)FAULT("ledger.committed"). */

#include <stdbool.h>

#if WITH_FAULTS
bool fault_hit(const char *point);
/* spec as in the environment; NULL disarms. Returns how many points fired since the last
 * call. */
int fault_set(const char *spec);
#define FAULT(point) fault_hit(point)
#else
#define FAULT(point) 0
#endif

#endif
