/* Webflow: one call may tell of several items; their fields stand in a box of their own. */

#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "sources/cms.h"
#include "sources/map_internal.h"
#include "sources/sources_list.h"

static const struct cms_word words[] = {
    {"collection_item_published", EVENT_PUBLISHED, NULL},
    {"collection_item_changed", EVENT_UPDATED, NULL},
    {"collection_item_created", EVENT_PUBLISHED, NULL},
    {"collection_item_unpublished", EVENT_UNPUBLISHED, "unpublished"},
    {"collection_item_deleted", EVENT_DELETED, "deleted"},
    {"site_publish",
     EVENT_NOTHING,
     "the whole site was published: of which items, it does not tell"},
    {NULL, EVENT_NOTHING, NULL},
};

/* The fields, with what stands beside them. */
static void add_item(json_t *list, const json_t *from)
{
    json_t *item = json_copy(json_pointer(from, "")),
           *fields = json_object_get(item, "fieldData");

    if (json_is_object(fields)) {
        (void)json_object_update_missing(item, fields);
    }
    if (json_is_object(item)) {
        (void)json_array_append(list, item);
    }
    json_decref(item);
}

/* A list of items, or one item: it differs from event to event. */
static json_t *unfold(const struct cms_reading *r)
{
    const json_t *payload = json_object_get(r->body, "payload");
    const json_t *items = json_object_get(payload, "items");
    json_t *list = json_array();

    items = json_is_array(items) ? items : payload;
    for (size_t i = 0; i < json_array_size(items); i++) {
        add_item(list, json_array_get(items, i));
    }
    if (json_is_object(items)) {
        add_item(list, items);
    }
    return list;
}

/* What was changed after it was last published is not public yet. */
static bool is_public(const struct cms_reading *r)
{
    int64_t published = 0, updated = 0;
    bool was = map__time(json_object_get(r->item, "lastPublished"), &published);

    (void)map__time(json_object_get(r->item, "lastUpdated"), &updated);
    return was && published >= updated;
}

static void judge(struct cms_reading *r)
{
    bool staged = r->kind == EVENT_UPDATED ||
                  (r->word != NULL && strcmp(r->word, "collection_item_created") == 0);

    if (!cms_is_content(r)) {
        return;
    }
    if (json_is_true(json_object_get(r->item, "isDraft")) ||
        json_is_true(json_object_get(r->item, "isArchived"))) {
        cms_is(r, EVENT_NOTHING, "it is a draft, or archived");
    } else if (staged && !is_public(r)) {
        cms_is(r, EVENT_NOTHING, "it is not published yet");
    }
}

/* clang-format off */
static const struct cms webflow = {
    .map.from = {
        [MAP_EVENT] = {"^/triggerType"}, [MAP_ID] = {"/id"}, [MAP_URL] = {"/url"}, [MAP_TYPE] = {"/collectionId"},
        [MAP_TITLE] = {CMS_TITLES}, [MAP_SUMMARY] = {CMS_SUMMARIES}, [MAP_BODY] = {"/body", "/content", "/post-body"},
        [MAP_IMAGE] = {CMS_IMAGES, "/main-image", "/thumbnail-image"}, [MAP_AUTHORS] = {"/authors", "/author"},
        [MAP_CATEGORIES] = {"/categories", "/category"}, [MAP_TAGS] = {"/tags"},
        [MAP_PUBLISHED_AT] = {"/date", "/published-at", "/createdOn"}, [MAP_UPDATED_AT] = {"/lastPublished", "/lastUpdated"},
        [MAP_BREAKING] = {"/breaking"},
    },
    .words = words, .unfold = unfold, .types_key = "collections", .judge = judge,
};

static const char *const signatures[] = {"webflow", "token", "none", NULL};
static const struct sign_scheme *const schemes[] = {&sign_webflow, &sign_token, &sign_none, NULL};
static const struct field settings[] = {
    HOOK_SIGNATURE(signatures, "webflow", "webflow: x-webflow-signature, of webhooks made by API or app; token: the secret as ?token=, of those made in the dashboard; none: only with a loopback listen"),
    HOOK_WINDOW("5m"),
    HOOK_URL(true, "https://news.example/news/{{slug}}"),
    HOOK_BASE,
    HOOK_TYPES("collections", NULL, "6578a1b2c3d4e5f601234567", "only items of these collections, by their ID; not set: all"),
    HOOK_MAP,
    FIELD_END,
};
/* clang-format on */

const struct source source_webflow = {
    .name = "webflow",
    .title = "Webflow",
    .about = "the collection webhooks of Webflow",
    .setup = "In Webflow: Site settings, Apps & Integrations, Webhooks, Add webhook, API "
             "version 2.\n"
             "One for each of Collection item published, changed, unpublished and deleted.\n"
             "Made there they may come unsigned: `signature: token`, and the URL\n"
             "https://YOUR-CRIER/hooks/NAME?token=SECRET. Made by API they are signed with the "
             "secret that\n"
             "the API answered with, which stands here under `secret`.\n"
             "Say in `url` where an item stands on your site, as in "
             "https://news.example/news/{{slug}}, and\n"
             "in `collections` which collections are news. When the whole site is published "
             "Webflow does\n"
             "not tell of which items, so keep a feed beside it as a net.\n",
    .settings = settings,
    .settings_size = sizeof(struct hook_settings),
    .called = true,
    .check = hook_check_settings,
    .schemes = schemes,
    .cms = &webflow,
};
