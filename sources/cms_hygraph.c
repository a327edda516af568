/* Hygraph: publish and unpublish of a model's entry, from one environment. */

#include <string.h>

#include "base/json.h"
#include "sources/cms.h"
#include "sources/sources_list.h"

static const struct cms_word words[] = {
    {"publish", EVENT_PUBLISHED, NULL},
    {"unpublish", EVENT_UNPUBLISHED, "unpublished"},
    {"delete", EVENT_DELETED, "deleted"},
    {"create", EVENT_NOTHING, "it is a draft"},
    {"update", EVENT_NOTHING, "it is a draft"},
    {NULL, EVENT_NOTHING, NULL},
};

/* The signature's header names it: "sign=…, env=master, t=…". True: another one. */
static bool is_elsewhere(const struct cms_reading *r)
{
    const char *header = r->call->header(r->call->context, "gcms-signature");
    const char *environment = header != NULL ? strstr(header, "env=") : NULL;
    const char *wanted = r->settings->environment;
    size_t len;

    if (environment == NULL || wanted == NULL) {
        return false;
    }
    environment += strlen("env=");
    len = strcspn(environment, ", ");
    return len != strlen(wanted) || strncmp(environment, wanted, len) != 0;
}

static void judge(struct cms_reading *r)
{
    if (r->kind != EVENT_NOTHING && is_elsewhere(r)) {
        cms_is(r, EVENT_NOTHING, "it is from another environment");
    } else if (cms_is_content(r) && cms_text(r, "/stage") != NULL &&
               !cms_text_is(r, "/stage", "PUBLISHED")) {
        cms_is(r, EVENT_NOTHING, "its stage is not PUBLISHED");
    }
}

/* clang-format off */
static const struct cms hygraph = {
    .map.from = {
        [MAP_EVENT] = {"^/operation"}, [MAP_ID] = {"/id"}, [MAP_URL] = {"/url"}, [MAP_TYPE] = {"/__typename"},
        [MAP_TITLE] = {CMS_TITLES, "/localizations/*/title"}, [MAP_SUMMARY] = {CMS_SUMMARIES},
        [MAP_BODY] = {"/body/html", "/content/html", "/body", "/content"}, [MAP_IMAGE] = {CMS_IMAGES, "/coverImage"},
        [MAP_LANGUAGE] = {"/locale", "/localizations/0/locale"}, [MAP_AUTHORS] = {"/authors", "/author"},
        [MAP_CATEGORIES] = {"/categories", "/category"}, [MAP_TAGS] = {"/tags"},
        [MAP_PUBLISHED_AT] = {"/date", "/createdAt"}, [MAP_UPDATED_AT] = {"/publishedAt", "/updatedAt"},
        [MAP_BREAKING] = {"/breaking"}, [MAP_HIDDEN] = {"/noindex"},
    },
    .words = words, .item = "/data", .types_key = "models", .judge = judge,
};

static const char *const signatures[] = {"hygraph", "token", "none", NULL};
static const struct sign_scheme *const schemes[] = {&sign_hygraph, &sign_token, &sign_none, NULL};
static const struct field settings[] = {
    HOOK_SIGNATURE(signatures, "hygraph", "hygraph: gcms-signature; token: the secret in a header; none: only with a loopback listen"),
    HOOK_WINDOW("5m"),
    HOOK_TOKEN_HEADER,
    HOOK_URL(true, "https://news.example/{{slug}}"),
    HOOK_BASE,
    HOOK_TYPES("models", "Article", "[Article, Liveblog]", "models that are news"),
    HOOK_ENVIRONMENT("environment", "master", "the only environment whose entries are news"),
    HOOK_MAP,
    FIELD_END,
};
/* clang-format on */

const struct source source_hygraph = {
    .name = "hygraph",
    .title = "Hygraph",
    .about = "the webhooks of Hygraph (GraphCMS)",
    .setup = "In Hygraph: Webhooks, Add webhook. URL https://YOUR-CRIER/hooks/NAME, method "
             "POST, include\n"
             "payload. Triggers: content model Article, stage Published, actions Publish, "
             "Unpublish and\n"
             "Delete. Switch the secret key on; it stands here under `secret`.\n"
             "Say in `url` where an article stands on your site, as in "
             "https://news.example/{{slug}}.\n",
    .settings = settings,
    .settings_size = sizeof(struct hook_settings),
    .called = true,
    .check = hook_check_settings,
    .schemes = schemes,
    .cms = &hygraph,
};
