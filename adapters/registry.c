/* Every adapter, one row each, and how to find an adapter, a course and a step by name. Called
 * by config checks, the courier, the pages and the command line. Owns nothing. */

#include "adapters/registry.h"

#include <string.h>

#include "adapters/adapters_list.h"
#include "base/attr.h"

// clang-format off
/* In the order that people see them in: tables, guides, the reference. */
static const struct adapter *const adapters[] = {
    /* networks and sites that readers are on */
    &adapter_facebook,
    &adapter_instagram,
    &adapter_youtube,
    &adapter_tiktok,
    &adapter_x,
    &adapter_threads,
    &adapter_bluesky,
    &adapter_mastodon,
    &adapter_linkedin,
    &adapter_reddit,
    &adapter_pinterest,
    &adapter_tumblr,
    &adapter_vk,
    &adapter_lemmy,
    &adapter_misskey,
    &adapter_wordpress,
    &adapter_devto,
    /* messages to people and rooms */
    &adapter_webpush,
    &adapter_fcm,
    &adapter_fcm_topic,
    &adapter_apns,
    &adapter_huawei,
    &adapter_whatsapp,
    &adapter_telegram,
    &adapter_discord,
    &adapter_slack,
    &adapter_email,
    /* announcements to machines */
    &adapter_google_news,
    &adapter_indexnow,
    &adapter_websub,
    &adapter_webhook,
};
// clang-format on

const struct adapter *const *adapters_all(size_t *out_count)
{
    *out_count = ARRAY_LEN(adapters);
    return adapters;
}

const struct adapter *adapter_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(adapters); i++) {
        if (strcmp(adapters[i]->name, name) == 0) {
            return adapters[i];
        }
    }
    return NULL;
}

const struct step *adapter_course(const struct adapter *a, enum course c)
{
    switch (c) {
    case COURSE_PUBLISH:
        return a->publish;
    case COURSE_UPDATE:
        return a->update;
    case COURSE_RETRACT:
        return a->retract;
    case COURSE_VERIFY:
        return a->verify;
    case COURSE_TEST:
        return a->test;
    }
    return NULL;
}

const struct step *
adapter_course_with(const struct adapter *a, const void *settings, enum course c)
{
    return a->rules_out && a->rules_out(settings, c) ? NULL : adapter_course(a, c);
}

const struct step *step_find(const struct step *steps, const char *name)
{
    for (const struct step *s = steps; s && s->name; s++) {
        if (strcmp(s->name, name) == 0) {
            return s;
        }
    }
    return NULL;
}
