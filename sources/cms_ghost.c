/* Ghost (https://ghost.org): one webhook per event, each posting the post as it is and what of it was
 * different before. Which event it is, Ghost 6 says in the body; older ones do not say it, so the path may
 * (/hooks/NAME/post.published), else it follows from the two states. */

#include <string.h>

#include "base/attr.h"
#include "base/json.h"
#include "base/text.h"
#include "sources/cms.h"
#include "sources/sources_list.h"

static const struct cms_word words[] = {
    {"*.published", EVENT_PUBLISHED, NULL},
    {"*.published.edited", EVENT_UPDATED, NULL},
    {"*.unpublished", EVENT_UNPUBLISHED, NULL},
    {"*.deleted", EVENT_DELETED, NULL},
    {NULL, EVENT_NOTHING, NULL},
};

/* Internal tags are the newsroom's own notes: they may make news breaking, but no post shows them. */
static void part_tags(json_t *item)
{
    json_t *tags = json_object_get(item, "tags"), *shown;

    if (!json_is_array(tags)) {
        return;
    }
    shown = json_array();
    for (size_t i = 0; i < json_array_size(tags); i++) {
        json_t *tag = json_array_get(tags, i);
        const char *visibility = json_path_str(tag, "visibility");

        if (visibility == NULL || strcmp(visibility, "internal") != 0) {
            (void)json_array_append(shown, tag);
        }
    }
    (void)json_object_set(item, "all_tags", tags);
    (void)json_object_set_new(item, "tags", shown);
}

/* The post or page, as it is; of one that was deleted, as it was. */
static json_t *unfold(const struct cms_reading *r)
{
    static const char *const kinds[] = {"post", "page"};
    json_t *list = json_array();

    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        const json_t *thing = json_object_get(r->body, kinds[i]);
        json_t *now = json_object_get(thing, "current");
        json_t *before = json_object_get(thing, "previous");
        json_t *item = json_copy(json_object_size(now) > 0 ? now : before);

        if (json_is_object(item)) {
            json_set_str(item, "type", kinds[i]);
            part_tags(item);
            (void)json_array_append(list, item);
        }
        json_decref(item);
    }
    return list;
}

static const char *state_before(const struct cms_reading *r)
{
    const char *status = cms_text(r, "^/post/previous/status");

    return status != NULL ? status : cms_text(r, "^/page/previous/status");
}

static bool is_gone(const struct cms_reading *r)
{
    return json_object_size(json_path(r->body, "post", "current", NULL)) == 0 &&
           json_object_size(json_path(r->body, "page", "current", NULL)) == 0;
}

static void judge_gone(struct cms_reading *r)
{
    const char *was = state_before(r);

    if (was != NULL && strcmp(was, "published") != 0) {
        cms_is(r, EVENT_NOTHING, "a draft was deleted");
    } else {
        cms_is(r, EVENT_DELETED, "deleted");
    }
}

static void judge_hidden(struct cms_reading *r, const char *status)
{
    const char *was = state_before(r);
    bool was_public =
        was != NULL ? strcmp(was, "published") == 0 : r->kind == EVENT_UNPUBLISHED;

    if (strcmp(status, "sent") == 0) {
        cms_is(r, EVENT_NOTHING, "it was sent by e-mail only and has no page");
    } else if (!was_public) {
        cms_is(r, EVENT_NOTHING, "it is not published");
    } else if (strcmp(status, "draft") == 0) {
        cms_is(r, EVENT_DRAFTED, "back to draft");
    } else {
        cms_is(r, EVENT_UNPUBLISHED, "scheduled for later");
    }
}

static bool has_breaking_tag(const struct cms_reading *r)
{
    const json_t *tags = json_object_get(r->item, "all_tags");

    for (size_t i = 0; i < json_array_size(tags); i++) {
        const char *name = json_path_str(json_array_get(tags, i), "name");

        if (name != NULL && text_same_fold(name, r->settings->breaking_tag)) {
            return true;
        }
    }
    return false;
}

static void judge(struct cms_reading *r)
{
    const char *status = cms_text(r, "/status"), *was = state_before(r);

    r->view.plain = true;
    if (is_gone(r)) {
        judge_gone(r);
    } else if (status == NULL) {
        cms_is(r, EVENT_NOTHING, "it does not say whether it is published");
    } else if (strcmp(status, "published") != 0) {
        judge_hidden(r, status);
    } else if (cms_text(r, "/visibility") != NULL && !cms_text_is(r, "/visibility", "public")) {
        cms_is(r, EVENT_NOTHING, "it is for members only");
    } else if (!cms_is_content(r)) { /* post.edited, a tag: what follows from the two states */
        r->kind =
            was != NULL && strcmp(was, "published") != 0 ? EVENT_PUBLISHED : EVENT_UPDATED;
    }
    r->breaking = cms_is_content(r) && has_breaking_tag(r);
}

/* clang-format off */
static const struct cms ghost = {
    .map.from = {
        [MAP_EVENT] = {"^/event"}, [MAP_ID] = {"/id"}, [MAP_GUID] = {"/uuid"}, [MAP_URL] = {"/url"}, [MAP_URLS] = {"/canonical_url"},
        [MAP_TYPE] = {"/type"}, [MAP_TITLE] = {"/title"}, [MAP_SUMMARY] = {"/custom_excerpt", "/excerpt"},
        [MAP_BODY] = {"/html"}, [MAP_IMAGE] = {"/feature_image", "/og_image"},
        [MAP_IMAGE_ALT] = {"/feature_image_alt"}, [MAP_LANGUAGE] = {"/locale"},
        [MAP_AUTHORS] = {"/authors/*/name", "/primary_author/name"}, [MAP_CATEGORIES] = {"/primary_tag/name"},
        [MAP_TAGS] = {"/tags/*/name"}, [MAP_PUBLISHED_AT] = {"/published_at"}, [MAP_UPDATED_AT] = {"/updated_at"},
    },
    .words = words, .word_in_path = true, .unfold = unfold, .types_key = "types", .url_of_public = true, .judge = judge,
};

static const char *const signatures[] = {"ghost", "ghost-old", "token", "none", NULL};
static const struct sign_scheme *const schemes[] = {&sign_ghost, &sign_ghost_old, &sign_token, &sign_none, NULL};
static const struct field settings[] = {
    HOOK_SIGNATURE(signatures, "ghost", "ghost: X-Ghost-Signature; ghost-old: the same as before July 2024, without a replay window; token: the secret as ?token=; none: only with a loopback listen"),
    HOOK_WINDOW("5m"),
    HOOK_TYPES("types", "post", "[post, page]", "what is news: post, page or both"),
    {.key = "breaking_tag", .kind = FIELD_STRING, HOOK_AT(breaking_tag), .def = "#breaking", .min = "1", .max = "100",
     .help = "a post with this tag is breaking news; one that begins with # is internal, readers do not see it"},
    HOOK_MAP,
    FIELD_END,
};
/* clang-format on */

const struct source source_ghost = {
    .name = "ghost",
    .title = "Ghost",
    .about = "the webhooks of a custom integration of Ghost",
    .setup =
        "In Ghost: Settings, Advanced, Integrations, Add custom integration; name it crier.\n"
        "Add one webhook for each of these events, all with the same secret:\n"
        "  Post published             https://YOUR-CRIER/hooks/NAME/post.published\n"
        "  Published post updated     https://YOUR-CRIER/hooks/NAME/post.published.edited\n"
        "  Post unpublished           https://YOUR-CRIER/hooks/NAME/post.unpublished\n"
        "  Post deleted               https://YOUR-CRIER/hooks/NAME/post.deleted\n"
        "Put the secret into the field Secret, and here under `secret`.\n"
        "Breaking news: give the post the internal tag #breaking. What is for members only is\n"
        "left alone. Ghost waits two seconds for an answer and does not try again, so keep a "
        "feed\n"
        "beside it as a net.\n",
    .settings = settings,
    .settings_size = sizeof(struct hook_settings),
    .called = true,
    .check = hook_check_settings,
    .schemes = schemes,
    .cms = &ghost,
};
