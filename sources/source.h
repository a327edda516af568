#ifndef CRIER_SOURCES_SOURCE_H
#define CRIER_SOURCES_SOURCE_H

/* The contract between crier and one kind of source: its settings, and how what it says becomes
 * events. All of it is pure: no socket, no disk, no clock. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/field.h"

struct source {
    const char *name; /* `type:` in the settings */
    const char *title;
    const char *about; /* what it sends, one sentence, lower case */
    const struct field *settings;
    size_t settings_size;
    bool called;        /* it calls /hooks/NAME, signed; false: crier goes and looks */
    int64_t max_age_ms; /* default of the source's max_age; 0: any age */
    /* Checks of the settings that no single row can say. ERR_INVALID: why names the key first. */
    enum err_code (*check)(const void *settings, struct err *why);
};

#endif
