/* Storyblok tells which story, and what was done to it, and no more: its page tells the rest. */

#include <string.h>

#include "base/json.h"
#include "sources/cms.h"
#include "sources/sources_list.h"

static const struct cms_word words[] = {
    {"published", EVENT_PUBLISHED, NULL},
    {"moved",
     EVENT_UPDATED,
     NULL}, /* another address; of what is not public, the page is not there */
    {"unpublished", EVENT_UNPUBLISHED, "unpublished"},
    {"deleted", EVENT_DELETED, "deleted"},
    {NULL, EVENT_NOTHING, NULL},
};

static bool is_within(const char *slug, const char *folder)
{
    size_t len = strlen(folder);

    while (len > 0 && folder[len - 1] == '/') {
        len--;
    }
    return strncmp(slug, folder, len) == 0 && (slug[len] == '/' || len == 0);
}

static void judge(struct cms_reading *r)
{
    const struct strings *folders = &r->settings->types;
    const char *slug = cms_text(r, "/full_slug");
    bool within = folders->count == 0 || slug == NULL;

    for (size_t i = 0; !within && i < folders->count; i++) {
        within = is_within(slug, folders->v[i]);
    }
    if (!within && r->kind != EVENT_NOTHING) {
        cms_is(r, EVENT_NOTHING, "it is in none of the settings' folders");
    }
}

/* clang-format off */
static const struct cms storyblok = {
    .map.from = {[MAP_EVENT] = {"/action"}, [MAP_ID] = {"/story_id"}, [MAP_URL] = {"/url"}},
    .words = words, .types_key = "folders", .judge = judge,
};

static const char *const signatures[] = {"storyblok", "token", "none", NULL};
static const struct sign_scheme *const schemes[] = {&sign_storyblok, &sign_token, &sign_none, NULL};
static const struct field settings[] = {
    HOOK_SIGNATURE(signatures, "storyblok", "storyblok: webhook-signature; token: the secret as ?token=; none: only with a loopback listen"),
    HOOK_URL(true, "https://news.example/{{full_slug}}"),
    HOOK_TYPES("folders", NULL, "[news, live]", "only stories in these folders; not set: all"),
    HOOK_MAP,
    FIELD_END,
};
/* clang-format on */

const struct source source_storyblok = {
    .name = "storyblok",
    .title = "Storyblok",
    .about = "the story webhooks of Storyblok",
    .setup = "In Storyblok: your space, Settings, Webhooks, New webhook.\n"
             "Endpoint URL https://YOUR-CRIER/hooks/NAME; triggers Story: Published, "
             "Unpublished, Deleted,\n"
             "Moved; the webhook secret stands here under `secret`. A plan without secrets: "
             "`signature:\n"
             "token`, and ?token=SECRET behind the URL.\n"
             "The call tells only where the story is, so say in `url` where that is on your "
             "site, as in\n"
             "https://news.example/{{full_slug}}; title and picture are read from the page.\n",
    .settings = settings,
    .settings_size = sizeof(struct hook_settings),
    .called = true,
    .check = hook_check_settings,
    .schemes = schemes,
    .cms = &storyblok,
};
