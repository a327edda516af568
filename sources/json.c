/* JSON by whoever can make it. Without a map it is crier's own, as in POST /v1/articles: an article, or
 * an envelope that says what happened to it. With a map it is anybody's, and the map says where in it
 * things are. */

#include <string.h>

#include "base/attr.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/url.h"
#include "sources/cms.h"
#include "sources/map_internal.h"
#include "sources/sources_list.h"

#define OWN_DEPTH 32

/* ---- mapped ---- */

static const struct cms_word words[] = {
    {"published", EVENT_PUBLISHED, NULL},
    {"updated", EVENT_UPDATED, NULL},
    {"corrected", EVENT_CORRECTED, NULL},
    {"unpublished", EVENT_UNPUBLISHED, NULL},
    {"drafted", EVENT_DRAFTED, NULL},
    {"deleted", EVENT_DELETED, NULL},
    {"retracted", EVENT_KILLED, NULL},
    {NULL, EVENT_NOTHING, NULL},
};

static json_t *unfold(const struct cms_reading *r)
{
    json_t *body = json_pointer(r->body, "");

    return json_is_array(body) ? json_copy(body) : json_pack("[O]", body);
}

/* Without a place for it, all that comes is content. */
static void judge(struct cms_reading *r)
{
    if (r->settings->map.from[MAP_EVENT].count == 0) {
        r->kind = EVENT_PUBLISHED;
    }
}

static const struct cms mapped = {
    .words = words,
    .unfold = unfold,
    .types_key = "types",
    .key_headers = {"webhook-id", "svix-id"},
    .judge = judge,
};

/* ---- crier's own ---- */

/* clang-format off */
static const char *const signatures[] = {"hub", "standard", "hmac", "token", "none", NULL};
static const struct sign_scheme *const schemes[] = {&sign_hub, &sign_standard, &sign_hmac, &sign_token, &sign_none, NULL};
/* clang-format on */

/* Only an id that is signed can be trusted to be another one each time. */
static char *key_dup(const struct sign_scheme *scheme,
                     const struct hook_settings *s,
                     const struct source_call *call)
{
    const char *name = scheme->way == SIGN_BY_SETTINGS ? s->hmac.id_header : scheme->id_header;
    const char *value = name != NULL ? call->header(call->context, name) : NULL;

    if (value == NULL && scheme->old_id_header != NULL) {
        value = call->header(call->context, scheme->old_id_header);
    }
    return mem_strdup(value);
}

static void add_own(struct source_events *out,
                    enum source_event_kind kind,
                    json_t *article,
                    const json_t *body)
{
    struct source_event *e = source_events_add(out, kind);
    const json_t *at = json_object_get(article, "updated_at");

    e->article = json_incref(article);
    e->id = json_text_dup(json_object_get(article, "id"));
    e->url = mem_strdup(json_path_str(article, "url"));
    e->why = mem_strdup(json_path_str(body, "reason"));
    (void)map__time(at, &e->at_ms);
}

/* An article has no member "event", so one that has is an envelope. */
static enum err_code read_own(const struct hook_settings *s,
                              const struct source_call *call,
                              struct source_events *out,
                              struct err *why)
{
    json_t *body = NULL;
    enum source_event_kind kind = EVENT_PUBLISHED;
    enum err_code rc = json_read(&body, call->body, call->body_len, OWN_DEPTH, why);
    const json_t *event;
    const char *name;

    if (rc != ERR_NONE) {
        return err_wrap(why, "the body is no JSON");
    }
    event = json_object_get(body, "event");
    name = json_string_value(event);
    if (event != NULL && (name == NULL || !cms_kind(name, &kind))) {
        rc = err_set(
            why, ERR_UNSUPPORTED, "\"%.64s\" is no event known here", name != NULL ? name : "");
    } else {
        add_own(out, kind, event != NULL ? json_object_get(body, "article") : body, body);
        out->v[0].key = key_dup(schemes[s->signature], s, call);
    }
    json_decref(body);
    return rc;
}

static enum err_code read_call(const void *own,
                               const struct source_call *call,
                               struct source_events *out,
                               struct err *why)
{
    const struct hook_settings *s = own;

    return map_is_empty(&s->map) ? read_own(s, call, out, why)
                                 : cms_read(&mapped, own, call, out, why);
}

/* ---- settings ---- */

/* clang-format off */
static const struct field settings[] = {
    HOOK_SIGNATURE(signatures, "hub", "hub: X-Hub-Signature-256 over the body; standard: Standard Webhooks headers; hmac: as `hmac` says; token: the secret in a header or as ?token=; none: only with a loopback listen"),
    HOOK_WINDOW("5m"),
    HOOK_TOKEN_HEADER,
    HOOK_URL(false, "https://news.example/{{slug}}"),
    HOOK_BASE,
    HOOK_TYPES("types", NULL, "[article, liveblog]", "with map.type: kinds of content that are news; not set: all"),
    HOOK_MAP,
    {.key = "events", .kind = FIELD_MAP, HOOK_AT(events), .max = "50", .example = "{story.live: published, story.gone: unpublished}",
     .help = "what the values of map.event mean: published, updated, corrected, unpublished, drafted, deleted, retracted or ignored"},
    HOOK_HMAC,
    FIELD_END,
};
/* clang-format on */

/* `url`, `events` and the like speak of places, so without a map they would do nothing. */
static enum err_code check(const void *own, struct err *why)
{
    const struct hook_settings *s = own;

    if (map_is_empty(&s->map) &&
        (s->url != NULL || s->types.count > 0 || s->events.count > 0)) {
        return err_set(why,
                       ERR_INVALID,
                       "%s: does nothing without `map`",
                       s->url != NULL       ? "url"
                       : s->types.count > 0 ? "types"
                                            : "events");
    }
    return hook_check_with_hmac(schemes[s->signature], own, why);
}

const struct source source_json = {
    .name = "json",
    .title = "JSON",
    .about = "the article as crier's own JSON, or any JSON with `map`, posted to /hooks/NAME",
    .setup =
        "Whatever can post JSON may call https://YOUR-CRIER/hooks/NAME.\n"
        "Crier's own form: an article, {\"url\": …, \"title\": …}, or what happened to one,\n"
        "{\"event\": \"published\", \"article\": {…}}, with published, updated, corrected, "
        "unpublished,\n"
        "drafted, deleted (these three wait retract_after) or retracted (at once).\n"
        "Any other form: say under `map` where things are, as JSON Pointers:\n"
        "  map: {event: /type, id: /data/id, url: [/data/link, /data/url], title: "
        "/data/headline}\n"
        "  events: {story.live: published, story.gone: unpublished}\n"
        "Sign the body with HMAC-SHA256 and send X-Hub-Signature-256: sha256=HEX, or Standard\n"
        "Webhooks headers (`signature: standard`), or say under `hmac` how you sign.\n",
    .settings = settings,
    .settings_size = sizeof(struct hook_settings),
    .called = true,
    .check = check,
    .schemes = schemes,
    .read = read_call,
};
