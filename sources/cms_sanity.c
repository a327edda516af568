/* Sanity: a webhook whose body is what its projection says, so the newsroom makes it fit. Drafts and
 * versions have ids of their own; what is created without such a prefix was published. */

#include <string.h>

#include "base/json.h"
#include "sources/cms.h"
#include "sources/sources_list.h"

static const struct cms_word words[] = {
    {"create", EVENT_PUBLISHED, NULL},
    {"update", EVENT_UPDATED, NULL},
    {"delete", EVENT_UNPUBLISHED, "unpublished"},
    {NULL, EVENT_NOTHING, NULL},
};

static void judge(struct cms_reading *r)
{
    const char *id = cms_text(r, "/_id"), *wanted = r->settings->environment;
    const char *dataset = r->call->header(r->call->context, "sanity-dataset");

    if (id != NULL && (strncmp(id, "drafts.", 7) == 0 || strncmp(id, "versions.", 9) == 0)) {
        cms_is(r, EVENT_NOTHING, "it is a draft");
    } else if (dataset != NULL && wanted != NULL && strcmp(dataset, wanted) != 0) {
        r->kind = EVENT_NOTHING;
        cms_why(r, "the dataset is \"%.64s\"", dataset);
    }
}

/* clang-format off */
static const struct cms sanity = {
    .map.from = {
        [MAP_EVENT] = {"/operation"}, [MAP_ID] = {"/_id"}, [MAP_URL] = {"/url"}, [MAP_TYPE] = {"/_type"},
        [MAP_TITLE] = {CMS_TITLES}, [MAP_SUMMARY] = {CMS_SUMMARIES}, [MAP_BODY] = {"/body", "/content"},
        [MAP_IMAGE] = {CMS_IMAGES, "/image/asset", "/mainImage"}, [MAP_LANGUAGE] = {"/language", "/locale"},
        [MAP_AUTHORS] = {"/authors", "/author"}, [MAP_CATEGORIES] = {"/categories", "/category"}, [MAP_TAGS] = {"/tags"},
        [MAP_PUBLISHED_AT] = {"/publishedAt", "/_createdAt"}, [MAP_UPDATED_AT] = {"/_updatedAt"}, [MAP_VERSION] = {"/_rev"},
        [MAP_BREAKING] = {"/breaking"}, [MAP_HIDDEN] = {"/noindex"}, [MAP_CORRECTION] = {"/correction"},
    },
    .words = words, .word_header = "sanity-operation", .types_key = "types", .id_header = "sanity-document-id",
    .key_headers = {"idempotency-key"}, .judge = judge,
};

static const char *const signatures[] = {"sanity", "token", "none", NULL};
static const struct sign_scheme *const schemes[] = {&sign_sanity, &sign_token, &sign_none, NULL};
static const struct field settings[] = {
    HOOK_SIGNATURE(signatures, "sanity", "sanity: sanity-webhook-signature; token: the secret in a header; none: only with a loopback listen"),
    HOOK_WINDOW("1h"), /* a call that is tried again may carry its first time, and is known by its key */
    HOOK_TOKEN_HEADER,
    HOOK_URL(false, "https://news.example/{{slug}}"),
    HOOK_BASE,
    HOOK_TYPES("types", "article", "[article, liveblog]", "document types that are news, where the projection tells _type"),
    HOOK_ENVIRONMENT("dataset", "production", "the only dataset whose documents are news"),
    HOOK_MAP,
    FIELD_END,
};
/* clang-format on */

const struct source source_sanity = {
    .name = "sanity",
    .title = "Sanity",
    .about = "a GROQ-powered webhook of Sanity",
    .setup =
        "In Sanity: sanity.io/manage, your project, API, Webhooks, Create webhook.\n"
        "URL https://YOUR-CRIER/hooks/NAME, dataset production, trigger on Create, Update and "
        "Delete.\n"
        "Filter      _type == \"article\"\n"
        "Projection  { \"operation\": delta::operation(), _id, _rev, _type, _updatedAt, title, "
        "summary,\n"
        "              \"slug\": slug.current, publishedAt, breaking, \"image\": "
        "image.asset->url }\n"
        "HTTP method POST, no drafts, no versions; the secret stands here under `secret`.\n"
        "Say in `url` where an article stands on your site, as in "
        "https://news.example/{{slug}}, or\n"
        "let the projection make a field url.\n",
    .settings = settings,
    .settings_size = sizeof(struct hook_settings),
    .called = true,
    .check = hook_check_settings,
    .schemes = schemes,
    .cms = &sanity,
};
