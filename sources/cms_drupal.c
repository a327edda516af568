/* Drupal 10 and 11 with the module "Webhooks", which posts an entity as the Serialization module writes
 * it: every field is a list of objects. Which words it has for what happened differs between its versions,
 * so only their ends count, and without one the entity's own state does. */

#include "base/json.h"
#include "sources/cms.h"
#include "sources/sources_list.h"

static const struct cms_word words[] = {
    {"*update", EVENT_UPDATED, NULL},
    {"*insert", EVENT_PUBLISHED, NULL},
    {"*create", EVENT_PUBLISHED, NULL},
    {"*delete", EVENT_DELETED, "deleted"},
    {NULL, EVENT_NOTHING, NULL},
};

static json_t *unfold(const struct cms_reading *r)
{
    json_t *entity = json_object_get(r->body, "entity");

    return json_pack("[O]", json_is_object(entity) ? entity : json_pointer(r->body, ""));
}

/* True where it is told, and published. */
static bool is_live(const struct cms_reading *r, bool *out_told)
{
    const json_t *status = json_pointer(r->item, "/status/0/value");

    status = status != NULL ? status : json_pointer(r->item, "/status");
    *out_told = json_is_boolean(status) || json_is_integer(status) || json_is_string(status);
    return json_is_true(status) || json_integer_value(status) == 1 ||
           (json_string_length(status) == 1 && json_string_value(status)[0] == '1');
}

static void judge(struct cms_reading *r)
{
    bool told, live = is_live(r, &told);

    if (r->word == NULL && told) {
        r->kind = EVENT_UPDATED;
    }
    if (!cms_is_content(r) || !told || live) {
        return;
    }
    if (r->kind == EVENT_PUBLISHED) {
        cms_is(r, EVENT_NOTHING, "it is not published");
    } else {
        cms_is(r, EVENT_DRAFTED, "back to draft");
    }
}

/* clang-format off */
static const struct cms drupal = {
    .map.from = {
        [MAP_EVENT] = {"^/event", "^/event_type"}, [MAP_ID] = {"/uuid/0/value", "/nid/0/value", "/uuid", "/id"},
        [MAP_URL] = {"/url/0/value", "/url", "/path/0/alias"}, [MAP_TYPE] = {"/type/0/target_id", "/type", "/bundle"},
        [MAP_TITLE] = {"/title/0/value", "/title", "/label"},
        [MAP_SUMMARY] = {"/field_summary/0/value", "/field_teaser/0/value", "/field_lead/0/value", "/body/0/summary"},
        [MAP_BODY] = {"/body/0/processed", "/body/0/value"}, [MAP_IMAGE] = {"/field_image/0", "/field_media_image/0"},
        [MAP_LANGUAGE] = {"/langcode/0/value", "/langcode"}, [MAP_TAGS] = {"/field_tags"},
        [MAP_CATEGORIES] = {"/field_category", "/field_section"},
        [MAP_PUBLISHED_AT] = {"/published_at/0/value", "/created/0/value"},
        [MAP_UPDATED_AT] = {"/changed/0/value", "/changed"}, [MAP_VERSION] = {"/vid/0/value"},
        [MAP_BREAKING] = {"/field_breaking/0/value", "/field_breaking"},
    },
    .words = words, .unfold = unfold, .types_key = "types", .judge = judge,
};

static const char *const signatures[] = {"hub", "hmac", "token", "none", NULL};
static const struct sign_scheme *const schemes[] = {&sign_hub, &sign_hmac, &sign_token, &sign_none, NULL};
static const struct field settings[] = {
    HOOK_SIGNATURE(signatures, "hub", "hub: X-Hub-Signature-256 over the body, as the module Webhooks signs; hmac: as `hmac` says; token: the secret in a header; none: only with a loopback listen"),
    HOOK_WINDOW("5m"),
    HOOK_TOKEN_HEADER,
    HOOK_URL(false, "https://news.example/node/{{nid.0.value}}"),
    HOOK_BASE,
    HOOK_TYPES("types", "article", "[article, liveblog]", "content types that are news, by their machine name"),
    HOOK_MAP,
    HOOK_HMAC,
    FIELD_END,
};
/* clang-format on */

static enum err_code check(const void *own, struct err *why)
{
    const struct hook_settings *s = own;

    if (s->base == NULL && s->url == NULL) {
        return err_set(
            why,
            ERR_INVALID,
            "base: is needed, the address of your site such as https://news.example, "
            "since Drupal tells only paths; or url");
    }
    return hook_check_with_hmac(schemes[s->signature], own, why);
}

const struct source source_drupal = {
    .name = "drupal",
    .title = "Drupal",
    .about = "the module Webhooks of Drupal 10 and 11",
    .setup =
        "In Drupal: install the module Webhooks (drupal.org/project/webhooks) and "
        "Serialization.\n"
        "Configuration, Web services, Webhooks, Add webhook: type Outgoing, payload URL\n"
        "https://YOUR-CRIER/hooks/NAME, content type application/json, a secret that stands "
        "here\n"
        "under `secret` as well, events: content entity create, update and delete.\n"
        "Choose blocking mode, or let cron run every minute: else the call waits for cron.\n"
        "Set `base` to the address of your site. A boolean field field_breaking marks breaking "
        "news.\n",
    .settings = settings,
    .settings_size = sizeof(struct hook_settings),
    .called = true,
    .check = check,
    .schemes = schemes,
    .cms = &drupal,
};
