#ifndef CRIER_TESTS_WAYS_H
#define CRIER_TESTS_WAYS_H

/* Channels to try adapters with: each adapter once for every way into its platform (Discord and Slack
 * have two), with the settings that most dialogues have. Made once and kept for the process. */

#include "adapters/registry.h"

struct way {
    const char *name; /* "telegram", "slack webhook" */
    const struct adapter *adapter;
    const void *settings;
};
/* Every registered adapter is among them: else the program stops. */
const struct way *ways_all(size_t *out_count);

#endif
