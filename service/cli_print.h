#ifndef CRIER_SERVICE_CLI_PRINT_H
#define CRIER_SERVICE_CLI_PRINT_H

/* Printing that several verbs share: JSON, ages, the tables of deliveries. */

#include <jansson.h>

#include "base/clock.h"
#include "queue/upkeep.h"
#include "service/table.h"

/* Pretty JSON and a line end on standard output. */
void cli_print_json(const json_t *v);
/* What a verb that went through a whole ledger says of it. */
void cli_add_ledger_size(json_t *object, const struct ledger_size *size, int64_t took_ms);
/* A table on standard output, tinted and cut as the terminal there allows. */
void cli_print_table(const struct table *t);
/* "now", "12s", "3m", "2h", "5d" between two RFC 3339 times; "" when text is none. Returns out.
 */
#define CLI_AGE_BYTES 16
const char *cli_age(const char *rfc3339, int64_t now_ms, char out[CLI_AGE_BYTES]);
/* A member of an object as text: strings as they are, numbers, true and false; "" otherwise.
 * Borrowed until the next call with the same slot (0 to 3). */
const char *cli_member(const json_t *object, const char *name, unsigned slot);
/* The deliveries of an article as GET /v1/articles/{id} has them, as a table. */
void cli_print_deliveries(const json_t *deliveries);
/* What is worth telling about a delivery: its link, else its last trouble; "" when nothing is.
 */
const char *cli_delivery_note(const json_t *delivery);
/* "18:05:12" of an RFC 3339 time, in local time; "" when it is none. Returns out. */
#define CLI_TIME_BYTES 16
const char *cli_time(const char *rfc3339, char out[CLI_TIME_BYTES]);
const char *cli_time_ms(int64_t at_ms, char out[CLI_TIME_BYTES]);
/* One line per event, as `send` and `status --watch` show them. */
void cli_add_event(struct buf *line, const char *kind, const json_t *data, bool colours);
void cli_print_event(const char *kind, const json_t *data);

#endif
