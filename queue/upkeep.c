/* The ledger from outside: which store a location names, the rest is the store's. Called by the verbs
 * `backup`, `check` and `keys`. */

#include "queue/upkeep.h"

#include "queue/ledger_internal.h"

static enum err_code find_store(const char *location,
                                const struct ledger_store **out,
                                const char **out_rest,
                                struct err *why)
{
    *out = ledger__store_find(location, out_rest);
    return *out ? ERR_NONE : ledger__location_refused(location, why);
}

enum err_code ledger_backup(const char *location,
                            const char *to,
                            ledger_stop_fn *stop,
                            struct ledger_size *out,
                            struct err *why)
{
    const struct ledger_store *store = NULL;
    const char *rest = NULL;
    enum err_code rc = find_store(location, &store, &rest, why);

    return rc ? rc : store->backup(rest, to, stop, out, why);
}

enum err_code ledger_check(const char *location,
                           ledger_finding_fn *found,
                           void *context,
                           ledger_stop_fn *stop,
                           struct ledger_size *out,
                           struct err *why)
{
    const struct ledger_store *store = NULL;
    const char *rest = NULL;
    enum err_code rc = find_store(location, &store, &rest, why);

    return rc ? rc : store->check(rest, found, context, stop, out, why);
}

enum err_code
ledger_credentials(const char *location, struct ledger_credentials *out, struct err *why)
{
    const struct ledger_store *store = NULL;
    const char *rest = NULL;
    enum err_code rc = find_store(location, &store, &rest, why);

    return rc ? rc : store->credentials(rest, out, why);
}
