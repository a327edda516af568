/* Superdesk's HTTP push, in ninjs 1.x as it sends it, ninjs 2.x and 3.x as other agencies do, and its own
 * form. Agencies speak of versions of an item: a correction is a higher version, a kill takes an item back for
 * good and at once, a rewrite is a new item that names the old one.
 * https://iptc.org/std/ninjs/ */

#include <string.h>

#include "base/attr.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/parse.h"
#include "base/text.h"
#include "sources/cms.h"
#include "sources/map_internal.h"
#include "sources/sources_list.h"

#define KILLED "taken back by the agency"

static const struct cms_word words[] = {
    {"usable", EVENT_PUBLISHED, NULL},
    {"canceled", EVENT_KILLED, KILLED},
    {"cancelled", EVENT_KILLED, KILLED},
    {"withheld", EVENT_NOTHING, "it is withheld"},
    {NULL, EVENT_NOTHING, NULL},
};

/* Superdesk's own states of an item. */
static const struct cms_word states[] = {
    {"killed", EVENT_KILLED, KILLED},
    {"recalled", EVENT_KILLED, KILLED},
    {"unpublished", EVENT_UNPUBLISHED, "unpublished"},
    {"corrected", EVENT_CORRECTED, NULL},
    {"being_corrected", EVENT_NOTHING, "it is being worked on"},
    {"scheduled", EVENT_NOTHING, "it is scheduled"},
    {"draft", EVENT_NOTHING, "it is being worked on"},
    {"in_progress", EVENT_NOTHING, "it is being worked on"},
    {"spiked", EVENT_NOTHING, "it is dropped"},
};

/* ---- urgency ---- */

/* 0: not told. */
static int64_t number(const json_t *item, const char *name)
{
    char *text = json_text_dup(json_object_get(item, name));
    int64_t n = 0;

    if (text == NULL || !parse_i64(text, &n) || n < 1 || n > 9) {
        n = 0;
    }
    mem_free(text);
    return n;
}

/* A flash is priority 1, an important story urgency 1: the smaller one counts. */
static void unite_urgency(json_t *item)
{
    int64_t urgency = number(item, "urgency"), priority = number(item, "priority");

    if (priority > 0 && (urgency == 0 || priority < urgency)) {
        (void)json_object_set_new(item, "urgency", json_integer(priority));
    }
}

/* One item, a list of them, or as Superdesk's own API gives several. */
static json_t *unfold(const struct cms_reading *r)
{
    json_t *items = json_object_get(r->body, "_items"), *list = json_array();

    items = json_is_array(items) ? items : json_pointer(r->body, "");
    for (size_t i = 0; i < json_array_size(items); i++) {
        (void)json_array_append_new(list, json_copy(json_array_get(items, i)));
    }
    if (json_is_object(items)) {
        (void)json_array_append_new(list, json_copy(items));
    }
    for (size_t i = 0; i < json_array_size(list); i++) {
        unite_urgency(json_array_get(list, i));
    }
    return list;
}

/* ---- corrections ---- */

static bool speaks_of_correction(const char *text)
{
    static const char *const words_of[] = {"correct", "corr:", "berichtig", "korrig", "rectif"};

    for (size_t i = 0; text != NULL && i < ARRAY_LEN(words_of); i++) {
        if (strcasestr(text, words_of[i]) != NULL) {
            return true;
        }
    }
    return false;
}

/* "signal": [{"qcode": "sig:correction"}], "signals": [{"name": "Correction"}] */
static bool signals_correction(const json_t *signals)
{
    static const char *const names[] = {"qcode", "code", "name", "uri"};

    for (size_t i = 0; i < json_array_size(signals); i++) {
        const json_t *one = json_array_get(signals, i);

        for (size_t k = 0; k < ARRAY_LEN(names); k++) {
            if (speaks_of_correction(json_path_str(one, names[k]))) {
                return true;
            }
        }
    }
    return speaks_of_correction(json_string_value(signals));
}

static const char *note_of(const struct cms_reading *r)
{
    const char *note = cms_text(r, "/ednote");

    return note != NULL ? note : cms_text(r, "/edNote");
}

static void judge_correction(struct cms_reading *r)
{
    bool says = signals_correction(json_object_get(r->item, "signal")) ||
                signals_correction(json_object_get(r->item, "signals")) ||
                speaks_of_correction(note_of(r)) ||
                json_integer_value(json_object_get(r->item, "correction_sequence")) > 0;

    if (says && cms_is_content(r)) {
        r->kind = EVENT_CORRECTED;
    }
}

/* ---- states ---- */

static void judge_state(struct cms_reading *r)
{
    for (size_t i = 0; i < ARRAY_LEN(states); i++) {
        if (cms_text_is(r, "/state", states[i].word)) {
            r->kind = states[i].kind;
            cms_why(r, "%s", states[i].why != NULL ? states[i].why : "");
            return;
        }
    }
}

static bool is_embargoed(const struct cms_reading *r)
{
    static const char *const names[] = {"embargoed", "embargo"};
    int64_t until = 0;

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (map__time(json_object_get(r->item, names[i]), &until) && until > r->call->now_ms) {
            return true;
        }
    }
    return false;
}

static bool is_first_version(const struct cms_reading *r)
{
    char *version = map_text_dup(&r->view, MAP_VERSION);
    bool first = version == NULL || strcmp(version, "1") == 0;

    mem_free(version);
    return first;
}

static void judge(struct cms_reading *r)
{
    const char *note = note_of(r);

    if (r->word == NULL) { /* ninjs: usable is what it is when it is not told */
        r->kind = EVENT_PUBLISHED;
    }
    judge_state(r);
    if (r->kind == EVENT_KILLED && note != NULL && note[0] != '\0') {
        cms_why(r, KILLED ": %.160s", note);
    }
    if (r->kind == EVENT_PUBLISHED && !is_first_version(r)) {
        r->kind = EVENT_UPDATED;
    }
    judge_correction(r);
    if (cms_is_content(r) && is_embargoed(r)) {
        cms_is(r, EVENT_NOTHING, "it is under an embargo");
    }
}

/* clang-format off */
static const struct cms superdesk = {
    .map.from = {
        [MAP_EVENT] = {"/pubstatus", "/pubStatus"}, [MAP_ID] = {"/guid", "/uri", "/_id"},
        [MAP_REWRITES] = {"/evolvedfrom", "/evolvedFrom", "/rewrite_of"},
        [MAP_URL] = {"/url", "/extra/url", "/canonical_url", "/extra/canonical_url"}, [MAP_TYPE] = {"/type"},
        [MAP_TITLE] = {"/headline", "/headlines/*/value"},
        [MAP_SUMMARY] = {"/description_text", "/abstract", "/description_html", "/descriptions/*/value"},
        [MAP_BODY] = {"/body_html", "/body_xhtml"},
        [MAP_IMAGE] = {"/associations/featuremedia/renditions/16-9", "/associations/featuremedia/renditions/baseImage",
                       "/associations/featuremedia/renditions/original", "/associations/featuremedia/renditions/*",
                       "/associations/*/renditions/*"},
        [MAP_IMAGE_ALT] = {"/associations/featuremedia/alt_text", "/associations/featuremedia/description_text",
                           "/associations/featuremedia/headline", "/associations/*/descriptions/*/value"},
        [MAP_IMAGE_CREDIT] = {"/associations/featuremedia/byline", "/associations/*/by"},
        [MAP_LANGUAGE] = {"/language"}, [MAP_AUTHORS] = {"/authors", "/byline", "/by"},
        [MAP_CATEGORIES] = {"/service", "/anpa_category", "/subject", "/subjects"},
        [MAP_TAGS] = {"/keywords", "/subject", "/subjects"},
        [MAP_PUBLISHED_AT] = {"/firstpublished", "/firstPublished", "/firstcreated", "/contentCreated"},
        [MAP_UPDATED_AT] = {"/versioncreated", "/versionCreated", "/_updated"},
        [MAP_VERSION] = {"/version", "/_current_version"}, [MAP_URGENCY] = {"/urgency"},
        [MAP_CORRECTION] = {"/extra/correction", "/correction"},
    },
    .words = words, .unfold = unfold, .types_key = "types", .judge = judge,
};

static const char *const signatures[] = {"superdesk", "token", "none", NULL};
static const struct sign_scheme *const schemes[] = {&sign_superdesk, &sign_token, &sign_none, NULL};
static const struct field settings[] = {
    HOOK_SIGNATURE(signatures, "superdesk", "superdesk: x-superdesk-signature; token: the secret as ?token=; none: only with a loopback listen"),
    HOOK_TOKEN_HEADER,
    HOOK_URL(false, "https://news.example/{{extra.slug}}"),
    HOOK_BASE,
    HOOK_TYPES("types", "text", "[text, composite]", "types of items that are news"),
    HOOK_MAP,
    FIELD_END,
};
/* clang-format on */

const struct source source_superdesk = {
    .name = "superdesk",
    .title = "Superdesk",
    .about = "the HTTP push of Superdesk, or any agency's ninjs 1.x, 2.x or 3.x",
    .setup = "In Superdesk: Settings, Subscribers, Add subscriber; a destination with the "
             "format NINJS and\n"
             "the delivery type HTTP Push: resource URL https://YOUR-CRIER/hooks/NAME, no "
             "assets URL, and a\n"
             "secret token that stands here under `secret`. Give the subscriber the products "
             "that are news.\n"
             "Urgency and priority become one number from 1 to 9, for rules such as {urgency: "
             "1..2}. A kill\n"
             "takes every post back at once; a rewrite (evolvedfrom) is the same article. Say "
             "in `url` where\n"
             "an item stands on your site, where no field url does.\n",
    .settings = settings,
    .settings_size = sizeof(struct hook_settings),
    .called = true,
    .check = hook_check_settings,
    .schemes = schemes,
    .cms = &superdesk,
};
