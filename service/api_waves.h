#ifndef CRIER_SERVICE_API_WAVES_H
#define CRIER_SERVICE_API_WAVES_H

/* What stopping one wave (api_waves.c) and stopping all of them (api_waves_halt.c) have in common. */

#include <jansson.h>

#include "queue/ledger.h"

struct door_request;

#define API_BY_BYTES 32 /* of ledger_wave.by */

/* Who says so: {"by": "…"} of the body, else "api". False: refused. */
bool api__said_by(struct door_request *r, const json_t *body, char out[API_BY_BYTES]);
/* Members who have the message, or may have it; and those who get nothing of a wave that is stopped now. */
int64_t api__wave_had(const struct ledger_wave *w);
int64_t api__wave_spared(const struct ledger_wave *w);
/* What a stop is answered with; w NULL: it had not begun. New reference. */
json_t *api__wave_stopped_json(struct delivery_id id, const struct ledger_wave *w);
void api__log_word(struct delivery_id id,
                   const char *word,
                   const char *by,
                   const struct ledger_wave *w);

#endif
