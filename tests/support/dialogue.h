#ifndef CRIER_TESTS_DIALOGUE_H
#define CRIER_TESTS_DIALOGUE_H

/* Runs a dialogue file (tests/fixtures/dialogues/README.md tells the form) through an adapter.
 */

#include "adapters/adapter.h"

/* Called for every request built, before it is compared; reports faults through
 * dialogue_fault(). */
struct dialogue;
typedef void dialogue_request_fn(struct dialogue *d,
                                 const struct adapter *a,
                                 const struct step *step,
                                 const struct http_request *req,
                                 void *context);

/* Returns the number of faults, each told on standard error as "file: exchange 2: …". */
int dialogue_run(const struct adapter *a,
                 const char *path,
                 dialogue_request_fn *on_request,
                 void *context);
/* All dialogues of an adapter, or those whose path holds `only`. No dialogue at all is a fault.
 */
int dialogues_run(const struct adapter *a,
                  const char *only,
                  dialogue_request_fn *on_request,
                  void *context);
const char *dialogue_path(const struct dialogue *d);
void dialogue_fault(struct dialogue *d, const char *format, ...) PRINTF_LIKE(2, 3);
/* A whole file as JSON (new reference); stops the program when it is none: fixtures are ours.
 */
json_t *dialogue_load(const char *path);

#endif
