/* Directus 10 and 11: a flow posts what its trigger tells, which of an update is only what changed. So the
 * flow should read the item and send it along as `item`; without it, the page has to tell the rest. */

#include <string.h>

#include "base/attr.h"
#include "base/json.h"
#include "base/mem.h"
#include "sources/cms.h"
#include "sources/sources_list.h"

static const struct cms_word words[] = {
    {"*items.create", EVENT_PUBLISHED, NULL},
    {"*items.update", EVENT_UPDATED, NULL},
    {"*items.delete", EVENT_DELETED, "deleted"},
    {NULL, EVENT_NOTHING, NULL},
};

/* The item whole, else what the trigger told of it. Borrowed. */
static json_t *told(const json_t *body)
{
    static const char *const names[] = {"item", "data", "payload"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        json_t *v = json_object_get(body, names[i]);

        if (json_object_size(v) > 0 || json_is_object(json_array_get(v, 0))) {
            return v;
        }
    }
    return NULL;
}

static void add_key(json_t *list, const json_t *data, const json_t *key)
{
    json_t *item = json_is_object(data) ? json_copy(json_pointer(data, "")) : json_object();
    char *id = json_text_dup(key);

    json_set_str(item, "id", id);
    (void)json_array_append_new(list, item);
    mem_free(id);
}

/* One update may be of many items. */
static json_t *unfold(const struct cms_reading *r)
{
    json_t *data = told(r->body), *key = json_object_get(r->body, "key");
    const json_t *keys = json_object_get(r->body, "keys");
    const json_t *deleted = json_object_get(r->body, "payload");
    json_t *list = json_array();

    if (json_is_array(data)) { /* read whole */
        (void)json_array_extend(list, data);
        return list;
    }
    keys = json_is_array(keys) ? keys : deleted;
    for (size_t i = 0; i < json_array_size(keys); i++) {
        add_key(list, data, json_array_get(keys, i));
    }
    if (json_array_size(list) == 0 && key != NULL) {
        add_key(list, data, key);
    } else if (json_array_size(list) == 0 && data != NULL) {
        (void)json_array_append(list, data);
    }
    return list;
}

/* There is no event "publish": the state is a field. */
static void judge(struct cms_reading *r)
{
    const char *status = cms_text(r, "/status");

    if (!cms_is_content(r) || status == NULL || strcmp(status, "published") == 0) {
        return;
    }
    if (r->kind == EVENT_PUBLISHED) {
        cms_is(r, EVENT_NOTHING, "it is not published");
    } else if (strcmp(status, "draft") == 0) {
        cms_is(r, EVENT_DRAFTED, "back to draft");
    } else {
        cms_is(r, EVENT_UNPUBLISHED, "not public any more");
    }
}

/* clang-format off */
static const struct cms directus = {
    .map.from = {
        [MAP_EVENT] = {"^/event"}, [MAP_ID] = {"/id"}, [MAP_URL] = {"/url"}, [MAP_TYPE] = {"^/collection"},
        [MAP_TITLE] = {CMS_TITLES}, [MAP_SUMMARY] = {CMS_SUMMARIES}, [MAP_BODY] = {"/body", "/content"},
        [MAP_IMAGE] = {CMS_IMAGES}, [MAP_LANGUAGE] = {"/language", "/locale"}, [MAP_AUTHORS] = {"/authors", "/author"},
        [MAP_CATEGORIES] = {"/categories", "/category"}, [MAP_TAGS] = {"/tags"},
        [MAP_PUBLISHED_AT] = {"/date_published", "/published_at", "/date_created"},
        [MAP_UPDATED_AT] = {"^/timestamp", "/date_updated", "/updated_at"},
        [MAP_BREAKING] = {"/breaking"},
    },
    .words = words, .unfold = unfold, .types_key = "collections", .judge = judge,
    .without_url = "it does not tell enough to know where the article stands: let the flow send the whole item",
};

static const char *const signatures[] = {"token", "none", NULL};
static const struct sign_scheme *const schemes[] = {&sign_token, &sign_none, NULL};
static const struct field settings[] = {
    HOOK_SIGNATURE(signatures, "token", "token: the secret in a header, since Directus does not sign; none: only with a loopback listen"),
    HOOK_TOKEN_HEADER,
    HOOK_URL(true, "https://news.example/{{slug}}"),
    HOOK_BASE,
    HOOK_TYPES("collections", "articles", "[articles, tickers]", "collections that are news"),
    HOOK_MAP,
    FIELD_END,
};
/* clang-format on */

const struct source source_directus = {
    .name = "directus",
    .title = "Directus",
    .about = "a flow of Directus 10 or 11 that posts what changed",
    .setup =
        "In Directus: Settings, Flows, Create Flow.\n"
        "Trigger: Event Hook, type Action (Non-Blocking), scopes items.create, items.update "
        "and\n"
        "items.delete, your collection of articles.\n"
        "First operation: Read Data, key read, the same collection, IDs {{$trigger.keys}} "
        "(for\n"
        "items.create {{$trigger.key}}), so that crier gets the whole article.\n"
        "Second operation: Webhook / Request URL, POST https://YOUR-CRIER/hooks/NAME, header\n"
        "Authorization with the value Bearer SECRET, the same SECRET as here under `secret`, "
        "body\n"
        "  {\"event\": \"{{$trigger.event}}\", \"collection\": \"{{$trigger.collection}}\",\n"
        "   \"key\": \"{{$trigger.key}}\", \"keys\": {{$trigger.keys}}, \"item\": {{read}}}\n"
        "An article is public when its field status is published. Say in `url` where it stands "
        "on\n"
        "your site, as in https://news.example/{{slug}}.\n",
    .settings = settings,
    .settings_size = sizeof(struct hook_settings),
    .called = true,
    .check = hook_check_settings,
    .schemes = schemes,
    .cms = &directus,
};
