/* Contentful: what happened stands in a header, an entry has every field once per locale, and what is taken
 * back is told by its id alone. Pictures are links to other things; the page tells them. */

#include <string.h>

#include "base/json.h"
#include "sources/cms.h"
#include "sources/sources_list.h"

static const struct cms_word words[] = {
    {"*Entry.publish", EVENT_PUBLISHED, NULL},
    {"*Entry.unpublish", EVENT_UNPUBLISHED, "unpublished"},
    {"*Entry.archive", EVENT_UNPUBLISHED, "archived"},
    {"*Entry.delete", EVENT_DELETED, "deleted"},
    {NULL, EVENT_NOTHING, NULL},
};

/* The locale that the settings name, else the first there is. */
static json_t *pick(json_t *field, const char *locale, const char **out_locale)
{
    json_t *wanted = locale != NULL ? json_object_get(field, locale) : NULL;
    void *first = json_object_iter(field);

    if (*out_locale == NULL && (wanted != NULL || first != NULL)) {
        *out_locale = wanted != NULL ? locale : json_object_iter_key(first);
    }
    if (wanted != NULL) {
        return wanted;
    }
    return first != NULL ? json_object_iter_value(first) : field;
}

/* {"title": {"en-GB": "…"}} becomes {"title": "…"}; sys and metadata stand beside it. */
static json_t *unfold(const struct cms_reading *r)
{
    json_t *item = json_object(), *fields = json_object_get(r->body, "fields");
    const char *locale = NULL;

    for (void *at = json_object_iter(fields); at != NULL;
         at = json_object_iter_next(fields, at)) {
        (void)json_object_set(item,
                              json_object_iter_key(at),
                              pick(json_object_iter_value(at), r->settings->locale, &locale));
    }
    (void)json_object_set(item, "sys", json_object_get(r->body, "sys"));
    (void)json_object_set(item, "metadata", json_object_get(r->body, "metadata"));
    if (json_object_get(item, "locale") == NULL) {
        json_set_str(item, "locale", locale);
    }
    return json_pack("[o]", item);
}

static void judge(struct cms_reading *r)
{
    const char *environment = cms_text(r, "/sys/environment/sys/id");
    const char *wanted = r->settings->environment;

    if (r->kind != EVENT_NOTHING && environment != NULL && wanted != NULL &&
        strcmp(environment, wanted) != 0) {
        r->kind = EVENT_NOTHING;
        cms_why(r, "the environment is \"%.64s\"", environment);
    }
}

/* clang-format off */
static const struct cms contentful = {
    .map.from = {
        [MAP_ID] = {"/sys/id"}, [MAP_URL] = {"/url"}, [MAP_TYPE] = {"/sys/contentType/sys/id"},
        [MAP_TITLE] = {CMS_TITLES}, [MAP_SUMMARY] = {CMS_SUMMARIES}, [MAP_BODY] = {"/body", "/content"},
        [MAP_IMAGE] = {CMS_IMAGES}, [MAP_LANGUAGE] = {"/locale"}, [MAP_AUTHORS] = {"/authors", "/author"},
        [MAP_CATEGORIES] = {"/categories", "/category"}, [MAP_TAGS] = {"/metadata/tags/*/sys/id", "/tags"},
        [MAP_PUBLISHED_AT] = {"/publishedAt", "/publishDate", "/date", "/sys/firstPublishedAt"},
        [MAP_UPDATED_AT] = {"/sys/updatedAt", "/sys/deletedAt", "/sys/publishedAt"}, [MAP_VERSION] = {"/sys/revision"},
        [MAP_BREAKING] = {"/breaking"}, [MAP_HIDDEN] = {"/noindex"},
    },
    .words = words, .word_header = "X-Contentful-Topic", .unfold = unfold, .types_key = "content_types",
    .key_headers = {"X-Contentful-Idempotency-Key"}, .judge = judge,
};

static const char *const signatures[] = {"contentful", "token", "none", NULL};
static const struct sign_scheme *const schemes[] = {&sign_contentful, &sign_token, &sign_none, NULL};
static const struct field settings[] = {
    HOOK_SIGNATURE(signatures, "contentful", "contentful: its request verification; token: the secret in a header; none: only with a loopback listen"),
    HOOK_WINDOW("5m"),
    HOOK_TOKEN_HEADER,
    HOOK_URL(true, "https://news.example/{{slug}}"),
    HOOK_BASE,
    HOOK_TYPES("content_types", "article", "[article, liveblog]", "content types that are news, by their ID"),
    HOOK_ENVIRONMENT("environment", "master", "the only environment whose entries are news"),
    {.key = "locale", .kind = FIELD_STRING, HOOK_AT(locale), .max = "35", .example = "en-GB",
     .help = "which of a field's locales; not set: the first"},
    HOOK_MAP,
    FIELD_END,
};
/* clang-format on */

const struct source source_contentful = {
    .name = "contentful",
    .title = "Contentful",
    .about = "the webhooks of Contentful, with request verification",
    .setup = "In Contentful: Settings, Webhooks, Settings, Enable request verification: it "
             "shows a secret\n"
             "of 64 characters, which stands here under `secret`.\n"
             "Then Add webhook: POST https://YOUR-CRIER/hooks/NAME (no query behind it). "
             "Select specific\n"
             "triggering events: Entry, the columns Publish, Unpublish, Archive and Delete. "
             "Filters:\n"
             "Content Type ID equals article, Environment ID equals master.\n"
             "A reverse proxy before crier must pass the path on as it is, it is part of what "
             "is signed.\n"
             "Say in `url` where an article stands on your site, as in "
             "https://news.example/{{slug}}.\n",
    .settings = settings,
    .settings_size = sizeof(struct hook_settings),
    .called = true,
    .check = hook_check_settings,
    .schemes = schemes,
    .cms = &contentful,
};
