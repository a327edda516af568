/* Names of what members of an audience are and of what becomes of a message to one. Called by adapters,
 * the ledger and the service. */

#include "base/member.h"

#include <string.h>

#include "base/attr.h"

static const char *const state_names[MEMBER_STATES] = {
    [MEMBER_ACTIVE] = "active",
    [MEMBER_STOPPED] = "stopped",
    [MEMBER_GONE] = "gone",
    [MEMBER_QUARANTINED] = "quarantined",
};

static const char *const outcome_names[] = {
    [MEMBER_ACCEPTED] = "accepted",
    [MEMBER_AGAIN] = "again",
    [MEMBER_UNKNOWN] = "unknown",
    [MEMBER_REFUSED] = "refused",
    [MEMBER_UNDELIVERABLE] = "undeliverable",
    [MEMBER_LOST] = "lost",
    [MEMBER_UNSUBSCRIBED] = "unsubscribed",
};

const char *member_state_name(enum member_state s)
{
    return (size_t)s < ARRAY_LEN(state_names) ? state_names[s] : "?";
}

bool member_state_parse(const char *name, enum member_state *out)
{
    for (size_t i = 0; i < ARRAY_LEN(state_names); i++) {
        if (strcmp(name, state_names[i]) == 0) {
            *out = (enum member_state)i;
            return true;
        }
    }
    return false;
}

const char *member_outcome_name(enum member_outcome o)
{
    return (size_t)o < ARRAY_LEN(outcome_names) ? outcome_names[o] : "?";
}
