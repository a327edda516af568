/* WordPress, in the three ways in which it can say something: our own plugin (integrations/wordpress),
 * which is the best of them; the plugin "WP Webhooks" (and in passing "Post Upsert Webhooks"); and
 * WordPress.com's webhooks, which are forms, unsigned, and never tell of a removal. They are told apart by
 * what is in them. */

#include <string.h>

#include "base/attr.h"
#include "base/json.h"
#include "sources/cms.h"
#include "sources/sources_list.h"

static const struct cms_word words[] = {
    {"article.published", EVENT_PUBLISHED, NULL}, /* ours */
    {"article.updated", EVENT_UPDATED, NULL},
    {"article.corrected", EVENT_CORRECTED, NULL},
    {"article.unpublished", EVENT_UNPUBLISHED, "unpublished"},
    {"article.deleted", EVENT_DELETED, "deleted"},
    {"test", EVENT_NOTHING, "a test"},
    {"post_create", EVENT_PUBLISHED, NULL}, /* WP Webhooks */
    {"post_update", EVENT_UPDATED, NULL},
    {"post_trash", EVENT_UNPUBLISHED, "put into the bin"},
    {"post_delete", EVENT_DELETED, "deleted"},
    {"publish_post", EVENT_PUBLISHED, NULL}, /* WordPress.com */
    {NULL, EVENT_NOTHING, NULL},
};

static bool is_one_of(const char *word, const char *const *words_of)
{
    for (; *words_of != NULL; words_of++) {
        if (strcmp(word, *words_of) == 0) {
            return true;
        }
    }
    return false;
}

/* It is likely to come back. */
static bool is_draft(const char *status)
{
    static const char *const drafts[] = {"draft", "pending", "future", "auto-draft", NULL};

    return is_one_of(status, drafts);
}

static void judge_ours(struct cms_reading *r)
{
    const char *status = cms_text(r, "/data/status");

    r->view.plain = true;
    r->view.says_no = true;
    if (r->kind == EVENT_UNPUBLISHED && status != NULL && is_draft(status)) {
        cms_is(r, EVENT_DRAFTED, "back to draft");
    } else if (r->kind == EVENT_UNPUBLISHED && status != NULL) {
        cms_why(r, "unpublished: %.40s", strcmp(status, "publish") == 0 ? "password" : status);
    }
}

static const char *status_of(const struct cms_reading *r)
{
    static const char *const places[] = {"/post/post_status", "/post/status", "/post_status"};
    const char *status = NULL;

    for (size_t i = 0; status == NULL && i < ARRAY_LEN(places); i++) {
        status = cms_text(r, places[i]);
    }
    return status;
}

static bool has_text(const struct cms_reading *r, const char *place)
{
    const char *text = cms_text(r, place);

    return text != NULL && text[0] != '\0';
}

/* Theirs fire for drafts too: the state counts, and what it was before, where that is told. */
static void judge_status(struct cms_reading *r, const char *status)
{
    const char *was = cms_text(r, "/post_before/post_status");

    if (strcmp(status, "publish") == 0 && was != NULL && strcmp(was, "publish") == 0 &&
        has_text(r, "/post/post_password")) {
        cms_is(r, EVENT_UNPUBLISHED, "behind a password now");
    } else if (strcmp(status, "publish") == 0) {
        if (r->kind == EVENT_NOTHING && cms_text(r, "^/event_type") != NULL) {
            r->kind = EVENT_UPDATED; /* Post Upsert Webhooks: its words are free */
        }
    } else if (was != NULL && strcmp(was, "publish") != 0) {
        cms_is(r, EVENT_NOTHING, "it is not published");
    } else if (was == NULL && r->kind == EVENT_PUBLISHED) {
        cms_is(r, EVENT_NOTHING, "it is not published");
    } else if (is_draft(status)) {
        cms_is(r, EVENT_DRAFTED, "back to draft");
    } else if (r->kind != EVENT_DELETED) {
        cms_is(r, EVENT_UNPUBLISHED, "not public any more");
    }
}

static void judge(struct cms_reading *r)
{
    const char *status = status_of(r);

    if (json_is_object(json_object_get(r->item, "data"))) {
        judge_ours(r);
        return;
    }
    if (status != NULL) {
        judge_status(r, status);
    }
    if (cms_is_content(r) &&
        cms_text_is(r, "/post_meta/_yoast_wpseo_meta-robots-noindex/0", "1")) {
        cms_is(r, EVENT_NOTHING, "search engines are told to leave it alone");
    }
}

/* clang-format off */
static const struct cms wordpress = {
    .map.from = {
        [MAP_EVENT] = {"/type", "/event_type", "/hook"},
        [MAP_ID] = {"/data/id", "/post_id", "/post/ID", "/post/id", "/ID"},
        [MAP_URL] = {"/data/url", "/post_permalink", "/post/permalink", "/post_url"},
        [MAP_URLS] = {"/data/urls"},
        [MAP_TYPE] = {"/data/post_type", "/post/post_type", "/post/type", "/post_type"},
        [MAP_TITLE] = {"/data/title", "/post/post_title", "/post/title", "/post_title"},
        [MAP_SUMMARY] = {"/data/excerpt", "/post/post_excerpt", "/post/excerpt", "/post_excerpt"},
        [MAP_BODY] = {"/data/content", "/post/post_content", "/post/content", "/post_content"},
        [MAP_IMAGE] = {"/data/featured_image", "/post_thumbnail"},
        [MAP_LANGUAGE] = {"/data/language", "/data/lang"},
        [MAP_AUTHORS] = {"/data/authors", "/data/author", "/post/author/name"},
        [MAP_CATEGORIES] = {"/data/categories", "/taxonomies/category/*", "/post/categories"},
        [MAP_TAGS] = {"/data/tags", "/taxonomies/post_tag/*", "/post/tags"},
        [MAP_PUBLISHED_AT] = {"/data/date_gmt", "/post/post_date_gmt", "/post/date_created", "/post_date_gmt"},
        [MAP_UPDATED_AT] = {"/data/version", "/post/post_modified_gmt", "/post/date_modified", "/post_modified_gmt", "/timestamp"},
        [MAP_VERSION] = {"/data/version"},
        [MAP_BREAKING] = {"/data/breaking"}, [MAP_CORRECTION] = {"/data/correction"},
        [MAP_HIDDEN] = {"/post/post_password", "/post_password"},
    },
    .words = words, .word_header = "X-WP-Webhook-Name", .types_key = "post_types",
    .key_headers = {"webhook-id", "Idempotency-Key"}, .judge = judge,
};

static const char *const signatures[] = {"standard", "wp-webhooks", "token", "none", NULL};
static const struct sign_scheme *const schemes[] = {&sign_standard, &sign_wp_webhooks, &sign_token, &sign_none, NULL};
static const struct field settings[] = {
    HOOK_SIGNATURE(signatures, "standard", "standard: crier's plugin; wp-webhooks: the plugin WP Webhooks; token: the secret as ?token=, for WordPress.com; none: only with a loopback listen"),
    HOOK_WINDOW("5m"),
    HOOK_TOKEN_HEADER,
    HOOK_TYPES("post_types", "post", "[post, liveblog]", "types of posts that are news"),
    HOOK_MAP,
    FIELD_END,
};
/* clang-format on */

const struct source source_wordpress = {
    .name = "wordpress",
    .title = "WordPress",
    .about = "crier's plugin for WordPress, the plugin WP Webhooks, or the webhooks of "
             "WordPress.com",
    .setup =
        "With crier's plugin (best): Plugins, Add New, Upload: the folder "
        "integrations/wordpress/crier\n"
        "as a zip (./dev plugin makes it); activate it. Settings, crier: the address\n"
        "https://YOUR-CRIER/hooks/NAME and the secret that `crier keys webhook` made "
        "(whsec_…), which\n"
        "stands here under `secret`. The button there sends a test.\n"
        "With the plugin WP Webhooks: Send Data, the triggers Post created, Post updated, Post "
        "trashed\n"
        "and Post deleted, each with https://YOUR-CRIER/hooks/NAME; in the settings of each "
        "URL set\n"
        "the secret. Here `signature: wp-webhooks`.\n"
        "On WordPress.com without plugins: Settings, Webhooks, action publish_post, all "
        "fields,\n"
        "https://YOUR-CRIER/hooks/NAME?token=SECRET. Here `signature: token`. It never tells "
        "that a\n"
        "post was taken down.\n",
    .settings = settings,
    .settings_size = sizeof(struct hook_settings),
    .called = true,
    .check = hook_check_settings,
    .schemes = schemes,
    .cms = &wordpress,
};
