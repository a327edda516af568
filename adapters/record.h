#ifndef CRIER_ADAPTERS_RECORD_H
#define CRIER_ADAPTERS_RECORD_H

/* What adapters note in the JSON objects the ledger keeps for them: a delivery's record, a
 * channel's account. Absent members read as 0, false or NULL. */

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "adapters/adapter.h"

int64_t record_int(const json_t *object, const char *name);
void record_set_int(json_t *object, const char *name, int64_t value);
bool record_flag(const json_t *object, const char *name);
void record_set_flag(json_t *object, const char *name, bool value); /* false removes it */
const char *record_str(const json_t *object, const char *name);     /* borrowed */
/* The same, where it is an http(s) URL a request can go to; else NULL. */
const char *record_url(const json_t *object, const char *name);
void record_drop(json_t *object, const char *name);
/* The object at name, made if there is none; borrowed. */
json_t *record_object(json_t *object, const char *name);
/* The object for number index of what `name` lists, an object by number; NULL: there is none. The second makes it. */
json_t *record_slot(const json_t *object, const char *name, size_t index);
json_t *record_slot_made(json_t *object, const char *name, size_t index);
/* The milliseconds since the first call with this name for this object; 0 at the first.
 * Building a request twice at one time changes nothing, so this bounds a wait where a counter
 * would not. */
int64_t record_age(json_t *object, const char *name, int64_t now_ms);
/* Copy members of ctx->post that ctx->record does not have: names ends with NULL. */
void record_keep(struct step_ctx *ctx, const char *const *names);

#endif
