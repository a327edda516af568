/* Strapi 4 and 5. It knows no public addresses, so the settings say how they are made. In Strapi 5 the number
 * of an entry changes with every publication, its documentId and locale last. */

#include "base/json.h"
#include "base/mem.h"
#include "sources/cms.h"
#include "sources/sources_list.h"

static const struct cms_word words[] = {
    {"entry.publish", EVENT_PUBLISHED, NULL},
    {"entry.create", EVENT_PUBLISHED, NULL},
    {"entry.update", EVENT_UPDATED, NULL},
    {"entry.unpublish", EVENT_UNPUBLISHED, "unpublished"},
    {"entry.delete", EVENT_DELETED, "deleted"},
    {"trigger-test", EVENT_NOTHING, "a test"},
    {NULL, EVENT_NOTHING, NULL},
};

static json_t *unfold(const struct cms_reading *r)
{
    json_t *entry = json_copy(json_object_get(r->body, "entry"));
    const char *id = json_path_str(entry, "documentId");
    const char *locale = json_path_str(entry, "locale");
    json_t *list = json_array();

    if (id != NULL) {
        char *lasting = locale != NULL ? mem_printf("%s:%s", id, locale) : mem_strdup(id);

        json_set_str(entry, "x_id", lasting);
        mem_free(lasting);
    }
    if (json_is_object(entry)) {
        (void)json_array_append(list, entry);
    }
    json_decref(entry);
    return list;
}

/* Without "Draft & Publish" an entry has no publishedAt; with it, null is a draft. */
static void judge(struct cms_reading *r)
{
    if (cms_is_content(r) && json_is_null(json_object_get(r->item, "publishedAt"))) {
        cms_is(r, EVENT_NOTHING, "it is a draft");
    }
}

/* clang-format off */
static const struct cms strapi = {
    .map.from = {
        [MAP_EVENT] = {"^/event"}, [MAP_ID] = {"/x_id", "/id"}, [MAP_URL] = {"/url"}, [MAP_TYPE] = {"^/model"},
        [MAP_TITLE] = {CMS_TITLES}, [MAP_SUMMARY] = {CMS_SUMMARIES}, [MAP_BODY] = {"/body", "/content"},
        [MAP_IMAGE] = {CMS_IMAGES, "/cover/data/attributes", "/image/data/attributes"},
        [MAP_LANGUAGE] = {"/locale"}, [MAP_AUTHORS] = {"/authors", "/author", "/author/data/attributes/name"},
        [MAP_CATEGORIES] = {"/categories", "/category", "/category/data/attributes/name"}, [MAP_TAGS] = {"/tags"},
        [MAP_PUBLISHED_AT] = {"/publishedAt"}, [MAP_UPDATED_AT] = {"^/createdAt", "/updatedAt"},
        [MAP_BREAKING] = {"/breaking"}, [MAP_HIDDEN] = {"/noindex", "/seo/noindex"},
    },
    .words = words, .word_header = "X-Strapi-Event", .unfold = unfold, .types_key = "models", .judge = judge,
};

static const char *const signatures[] = {"token", "none", NULL};
static const struct sign_scheme *const schemes[] = {&sign_token, &sign_none, NULL};
static const struct field settings[] = {
    HOOK_SIGNATURE(signatures, "token", "token: the secret in a header, since Strapi does not sign; none: only with a loopback listen"),
    HOOK_TOKEN_HEADER,
    HOOK_URL(true, "https://news.example/{{slug}}"),
    HOOK_BASE,
    HOOK_TYPES("models", "article", "[article, liveblog]", "content types that are news, by their API ID (singular)"),
    HOOK_MAP,
    FIELD_END,
};
/* clang-format on */

const struct source source_strapi = {
    .name = "strapi",
    .title = "Strapi",
    .about = "the webhooks of Strapi 4 and 5",
    .setup = "In Strapi: Settings, Webhooks, Create new webhook.\n"
             "Url: https://YOUR-CRIER/hooks/NAME\n"
             "Headers: Authorization with the value Bearer SECRET, the same SECRET as here "
             "under `secret`.\n"
             "Events, row Entry: Update, Delete, Publish, Unpublish (and Create without Draft "
             "& Publish).\n"
             "Strapi does not know where an article stands on your site: say it in `url`, with "
             "names of\n"
             "fields, as in https://news.example/{{slug}}. A boolean field named breaking "
             "marks breaking\n"
             "news. Strapi does not try again, so keep a feed beside it as a net.\n",
    .settings = settings,
    .settings_size = sizeof(struct hook_settings),
    .called = true,
    .check = hook_check_settings,
    .schemes = schemes,
    .cms = &strapi,
};
