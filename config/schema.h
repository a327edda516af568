#ifndef CRIER_CONFIG_SCHEMA_H
#define CRIER_CONFIG_SCHEMA_H

/* The tables of all settings that are not an adapter's own. Read by parse.c (to fill the
 * structs of config.h), manual.c (to tell people) and config.c (to free and compare). */

#include "base/field.h"

extern const struct field config_fields[];         /* struct config */
extern const struct field config_ledger_fields[];  /* struct ledger_settings */
extern const struct field config_source_common[];  /* struct source_settings */
extern const struct field config_source_called[];  /* … of those that call /hooks/NAME */
extern const struct field config_channel_common[]; /* struct channel_settings */

/* What the template of that row may say, NULL-terminated: for campaign parameters the view of
 * service/intake_link.c, for all else that of adapters/fit.c. */
const char *const *config_template_names(const struct field *f);

/* Names of sources and channels. */
#define CONFIG_NAME_MAX 48
#define CONFIG_NAME_ACCEPTED "a name of 1 to 48 characters a-z, 0-9, _ and -"

#endif
