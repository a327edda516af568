#ifndef CRIER_CONFIG_MANUAL_H
#define CRIER_CONFIG_MANUAL_H

/* What can be said about settings from their tables alone: a JSON Schema for editors, the
 * reference page, the list of one channel type's settings. */

#include <jansson.h>

#include "base/buf.h"
#include "config/config.h"

/* JSON Schema (draft 2020-12) of the whole file; new reference. */
json_t *config_schema(const struct config_types *types);
/* Markdown: a table per section, as in the README (kept true by a test). */
void config_reference(const struct config_types *types, struct buf *out);
/* One table of rows for a terminal (plain) or as Markdown. */
void config_fields_text(const struct field *fields, struct buf *out);
void config_fields_markdown(const struct field *fields, const char *prefix, struct buf *out);
json_t *config_fields_json(const struct field *fields);
/* The settings every channel has, besides its type's own. */
const struct field *config_channel_fields(void);
/* The same of sources, and those of a source that calls us. */
const struct field *config_source_fields(void);
const struct field *config_called_fields(void);

#endif
