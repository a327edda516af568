#ifndef CRIER_SERVICE_CLI_WAVE_VIEW_H
#define CRIER_SERVICE_CLI_WAVE_VIEW_H

/* A wave, as the API gives it, in words and numbers for people: what `crier wave` and `crier status` show. */

#include <jansson.h>

#include "base/buf.h"
#include "service/table.h"

/* "1,204,300": digits in threes. Returns out. */
#define CLI_COUNT_BYTES 32
const char *cli_count(int64_t n, char out[CLI_COUNT_BYTES]);
/* "850 ms", "2.1 s", "41 s", "3 min 20 s", "2 h 5 min". Returns out. */
#define CLI_SPAN_BYTES 32
const char *cli_span(int64_t ms, char out[CLI_SPAN_BYTES]);

enum wave_phase {
    WAVE_PHASE_WORD,    /* waits for a person */
    WAVE_PHASE_UNDO,    /* waits until it is too late to take it back */
    WAVE_PHASE_RUNNING, /* on its way */
    WAVE_PHASE_LATER, /* some are to be tried again, or unknown; or the channel is paused or in trouble */
    WAVE_PHASE_STOPPED, /* by a person */
    WAVE_PHASE_ENDED,
};
enum wave_phase wave_phase(const json_t *wave, int64_t now_ms);
/* "waits for a word", "leaves in 12 s", "running", "stopped by anna" … appended. */
void wave_words(struct buf *out, const json_t *wave, int64_t now_ms);
enum tint wave_tint(enum wave_phase phase);
/* Members whose turn is over, for better or worse; of `members`. */
int64_t wave_settled_count(const json_t *wave);
/* Hundredths, never 100 before all of it is. */
int wave_percent(const json_t *wave);
int64_t wave_number(const json_t *wave, const char *name); /* 0: not there */
/* "Harbour fire", or its id where it has no title. Borrowed. */
const char *wave_title(const json_t *wave);
/* By service: accepted, retried, gone, refused, unknown, and the time to 50, 90, 99 and 100 %. NULL: nothing has
 * been answered. */
struct table *wave_services_table(const json_t *wave);

#endif
