/* Settings of sources that call: what they mean for a call, and whether they go together. Called by the
 * door (signatures), by config/ through the registry (checks) and by the readers of single CMSs. */

#include "sources/hook.h"

#include <string.h>

#include "base/attr.h"
#include "sources/cms.h"

static const struct sign_scheme *scheme_of(const struct source *source, const void *settings)
{
    const struct hook_settings *s = settings;

    return source->schemes[s->signature];
}

static struct sign_keys keys_of(const struct hook_settings *s,
                                const struct hook_secrets *secrets)
{
    return (struct sign_keys){.secret = secrets != NULL ? secrets->secret : NULL,
                              .old_secret = secrets != NULL ? secrets->old_secret : NULL,
                              .window_ms = s->window_ms,
                              .token_header = s->token_header,
                              .profile = &s->hmac};
}

enum sign_verdict hook_check_call(const struct source *source,
                                  const void *settings,
                                  const struct hook_secrets *secrets,
                                  const struct source_call *call)
{
    const struct sign_keys keys = keys_of(settings, secrets);

    return sign_check(scheme_of(source, settings), &keys, call);
}

const char *hook_explain(const struct source *source,
                         const void *settings,
                         enum sign_verdict v,
                         char out[SIGN_TEXT_BYTES])
{
    const struct sign_keys keys = keys_of(settings, NULL);

    return sign_explain(scheme_of(source, settings), &keys, v, out);
}

bool hook_is_open(const struct source *source, const void *settings)
{
    return scheme_of(source, settings)->way == SIGN_BY_NOTHING;
}

enum err_code hook_check_settings(const void *settings, struct err *why)
{
    const struct hook_settings *s = settings;
    enum err_code rc = ERR_NONE;

    if (s->url != NULL) {
        rc = hook_url_check(s->url, why);
    }
    if (rc == ERR_NONE) {
        rc = map_check(&s->map, why);
    }
    return rc == ERR_NONE ? cms_check_events(&s->events, why) : rc;
}

enum err_code
hook_check_with_hmac(const struct sign_scheme *chosen, const void *settings, struct err *why)
{
    const struct hook_settings *s = settings;
    enum err_code rc = ERR_NONE;

    if (chosen->way == SIGN_BY_SETTINGS) {
        rc = sign_profile_check(&s->hmac, why);
    }
    return rc == ERR_NONE ? hook_check_settings(settings, why) : rc;
}
