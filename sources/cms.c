/* A call of a CMS, read: body, word, article, event. Called with a good signature, through struct source,
 * on the reading thread; what differs from CMS to CMS stands in that CMS's file.
 *
 *   cms_read      the body, then each article in it
 *   read_item     what happened: the word, then what the CMS's own judge says, then the kind of content
 *   add_event     what is told of it: names, address, article, the key under which a repeat is known */

#include "sources/cms.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/article.h"
#include "base/attr.h"
#include "base/crypto.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"
#include "sources/form.h"
#include "sources/map_internal.h"

#define JSON_DEPTH 64  /* rich text as trees */
#define ITEMS_MAX 1000 /* of one call */
#define KEY_HASH_BYTES 8

/* ---- what judges use ---- */

void cms_why(struct cms_reading *r, const char *format, ...)
{
    char text[256];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    mem_free(r->why);
    (void)text_drop_halves(text); /* words of the CMS in it may have been cut */
    r->why = mem_strdup(text);
}

void cms_is(struct cms_reading *r, enum source_event_kind kind, const char *why)
{
    r->kind = kind;
    cms_why(r, "%s", why);
}

bool cms_is_content(const struct cms_reading *r)
{
    return r->kind == EVENT_PUBLISHED || r->kind == EVENT_UPDATED || r->kind == EVENT_CORRECTED;
}

const char *cms_text(const struct cms_reading *r, const char *place)
{
    const json_t *v =
        place[0] == '^' ? json_pointer(r->body, place + 1) : json_pointer(r->item, place);

    return json_string_value(v);
}

bool cms_text_is(const struct cms_reading *r, const char *place, const char *text)
{
    const char *found = cms_text(r, place);

    return found != NULL && strcmp(found, text) == 0;
}

/* ---- kinds by name ---- */

static const struct kind_name {
    const char *name;
    enum source_event_kind kind;
} kind_names[] = {
    {"published", EVENT_PUBLISHED},
    {"updated", EVENT_UPDATED},
    {"corrected", EVENT_CORRECTED},
    {"unpublished", EVENT_UNPUBLISHED},
    {"drafted", EVENT_DRAFTED},
    {"deleted", EVENT_DELETED},
    {"retracted", EVENT_KILLED}, /* at once */
    {"ignored", EVENT_NOTHING},
};

bool cms_kind(const char *name, enum source_event_kind *out)
{
    for (size_t i = 0; i < ARRAY_LEN(kind_names); i++) {
        if (strcmp(kind_names[i].name, name) == 0) {
            *out = kind_names[i].kind;
            return true;
        }
    }
    return false;
}

enum err_code cms_check_events(const struct pairs *events, struct err *why)
{
    enum source_event_kind kind;

    for (size_t i = 0; i < events->count; i++) {
        if (!cms_kind(events->v[i].value, &kind)) {
            return err_set(why,
                           ERR_INVALID,
                           "events.%.48s: means published, updated, corrected, unpublished, "
                           "drafted, deleted, retracted or ignored",
                           events->v[i].key);
        }
    }
    return ERR_NONE;
}

/* ---- the word ---- */

static char *word_dup(const struct cms_reading *r)
{
    const struct cms *cms = r->cms;
    const char *header =
        cms->word_header != NULL ? r->call->header(r->call->context, cms->word_header) : NULL;

    if (cms->word_in_path && r->call->rest != NULL) {
        return mem_strdup(r->call->rest);
    }
    return header != NULL ? mem_strdup(header) : map_text_dup(&r->view, MAP_EVENT);
}

static bool is_word(const char *pattern, const char *word)
{
    size_t len = strlen(pattern + 1), word_len = strlen(word);

    if (pattern[0] != '*') {
        return strcmp(pattern, word) == 0;
    }
    return word_len >= len && strcmp(word + word_len - len, pattern + 1) == 0;
}

static bool own_word(struct cms_reading *r)
{
    const struct pairs *events = &r->settings->events;

    for (size_t i = 0; i < events->count; i++) {
        if (strcmp(events->v[i].key, r->word) == 0) {
            must(cms_kind(events->v[i].value, &r->kind)); /* cms_check_events() */
            if (r->kind == EVENT_NOTHING) {
                cms_why(r, "the settings' events ignore \"%.64s\"", r->word);
            }
            return true;
        }
    }
    return false;
}

static void read_word(struct cms_reading *r)
{
    r->word = word_dup(r);
    r->kind = EVENT_NOTHING;
    if (r->word == NULL) {
        cms_why(r, "it does not say what happened");
        return;
    }
    if (own_word(r)) {
        return;
    }
    for (const struct cms_word *w = r->cms->words; w != NULL && w->word != NULL; w++) {
        if (is_word(w->word, r->word)) {
            r->kind = w->kind;
            r->why = mem_strdup(w->why);
            return;
        }
    }
    cms_why(r, "the event \"%.64s\" is not one that is acted on", r->word);
}

/* ---- kinds of content ---- */

static void check_type(struct cms_reading *r)
{
    const struct strings *types = &r->settings->types;
    char *type = map_text_dup(&r->view, MAP_TYPE);

    if (type != NULL && types->count > 0 && r->kind != EVENT_NOTHING &&
        !strings_has(types, type)) {
        r->kind = EVENT_NOTHING;
        cms_why(r, "\"%.64s\" is not among the settings' %s", type, r->cms->types_key);
    }
    mem_free(type);
}

static bool is_hidden(void *context, const json_t *v)
{
    bool *hidden = context, truth;

    *hidden = *hidden || (map__truth(v, &truth) && truth);
    return *hidden;
}

static void check_hidden(struct cms_reading *r)
{
    bool hidden = false;

    if (cms_is_content(r) && map__each(&r->view, MAP_HIDDEN, is_hidden, &hidden) && hidden) {
        cms_is(r, EVENT_NOTHING, "it is not for everybody");
    }
}

/* ---- the event ---- */

/* One that is too long for a name is none. */
static char *name_dup(const struct map_view *v, enum map_member m)
{
    char *name = map_text_dup(v, m);

    if (name != NULL && strlen(name) > ARTICLE_WORD_BYTES) {
        mem_free(name);
        name = NULL;
    }
    return name;
}

static char *id_dup(const struct cms_reading *r)
{
    char *id = name_dup(&r->view, MAP_ID);
    const char *header = r->cms->id_header;

    if (id == NULL && header != NULL) {
        id = mem_strdup(r->call->header(r->call->context, header));
    }
    return id;
}

/* What a template may use: the item, and its id under that name. */
static char *url_dup(const struct cms_reading *r, const char *id)
{
    json_t *view;
    char *url;

    if (r->cms->url_of_public && !cms_is_content(r) && id != NULL) {
        return NULL;
    }
    if (r->settings->url == NULL || !json_is_object(r->item)) {
        return map_url_dup(&r->view, MAP_URL);
    }
    view = json_copy(json_pointer(r->item, ""));
    if (json_object_get(view, "id") == NULL) {
        json_set_str(view, "id", id);
    }
    url = hook_url_dup(r->settings, view);
    json_decref(view);
    return url;
}

static void add_string(struct strings *to, char *text_taken)
{
    if (text_taken != NULL) {
        to->v = mem_realloc(to->v, to->count + 1, sizeof(char *));
        to->v[to->count++] = text_taken;
    }
}

static void add_names(const struct cms_reading *r, struct source_event *e)
{
    json_t *urls = map_words(&r->view, MAP_URLS);

    e->guid = name_dup(&r->view, MAP_GUID);
    add_string(&e->ids, name_dup(&r->view, MAP_REWRITES));
    for (size_t i = 0; i < json_array_size(urls); i++) {
        add_string(&e->urls, map__url(json_array_get(urls, i), r->view.base));
    }
    json_decref(urls);
}

/* The header that a sender repeats with a repeated call. Else only what tells its own moment can be known
 * again: a thin "story 7 was published" is the same text each time, and not the same call. */
static char *key_dup(const struct cms_reading *r, const struct source_event *e, size_t at)
{
    const char *names[] = {
        r->cms->key_headers[0], r->cms->key_headers[1], r->settings->hmac.id_header};
    uint8_t digest[SHA256_BYTES];
    char hex[2 * KEY_HASH_BYTES + 1];
    char *version, *key;

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const char *value =
            names[i] != NULL ? r->call->header(r->call->context, names[i]) : NULL;

        if (value != NULL && value[0] != '\0' && strlen(value) <= ARTICLE_WORD_BYTES) {
            return at == 0 ? mem_strdup(value) : mem_printf("%s:%zu", value, at);
        }
    }
    version = map_text_dup(&r->view, MAP_VERSION);
    if (e->id == NULL || (version == NULL && e->at_ms == 0)) {
        mem_free(version);
        return NULL;
    }
    crypto_sha256(r->call->body, r->call->body_len, digest);
    key = mem_printf("%s:%s:%s:%" PRId64 ":%s",
                     e->id,
                     source_event_name(e->kind),
                     version != NULL ? version : "",
                     e->at_ms,
                     crypto_hex(digest, KEY_HASH_BYTES, hex));
    mem_free(version);
    return key;
}

static void add_article(struct cms_reading *r, struct source_event *e)
{
    e->article = map_article(&r->view);
    if (e->id != NULL) {
        json_set_str(e->article, "id", e->id);
    }
    if (e->url != NULL) {
        json_set_str(e->article, "url", e->url);
    }
    if (r->breaking) {
        (void)json_object_set_new(e->article, "breaking", json_true());
    }
    if (r->kind == EVENT_UPDATED && json_object_get(e->article, "correction") != NULL) {
        e->kind = EVENT_CORRECTED;
    }
}

/* Everything but the article itself. */
static void tell(struct cms_reading *r, struct source_event *e)
{
    e->id = id_dup(r);
    e->url = url_dup(r, e->id);
    if (r->view.base == NULL) {
        r->view.base = e->url;
    }
    add_names(r, e);
    e->at_ms = map_time_ms(&r->view, MAP_UPDATED_AT);
}

static void add_event(struct cms_reading *r, struct source_events *out)
{
    struct source_event *e = source_events_add(out, r->kind);

    if (!cms_is_content(r)) {
        e->why = r->why;
        r->why = NULL;
    }
    if (r->kind == EVENT_NOTHING) {
        return;
    }
    tell(r, e);
    if (cms_is_content(r) && e->url == NULL && r->cms->without_url != NULL) {
        e->kind = EVENT_NOTHING;
        e->why = mem_strdup(r->cms->without_url);
        return;
    }
    if (cms_is_content(r)) {
        add_article(r, e);
    } else if (e->why == NULL) {
        e->why = map_text_dup(&r->view, MAP_REASON);
    }
    e->key = key_dup(r, e, out->count - 1);
}

static void read_item(struct cms_reading *r, const json_t *item, struct source_events *out)
{
    r->item = item;
    r->breaking = false;
    r->view = (struct map_view){.map = &r->cms->map,
                                .own = &r->settings->map,
                                .item = item,
                                .body = r->body,
                                .base = r->settings->base};
    read_word(r);
    if (r->cms->judge != NULL) {
        r->cms->judge(r);
    }
    check_type(r);
    check_hidden(r);
    add_event(r, out);
    mem_free(r->word);
    mem_free(r->why);
    r->word = r->why = NULL;
}

/* ---- the body ---- */

static bool is_form(const struct source_call *call)
{
    static const char form[] = "application/x-www-form-urlencoded";
    const char *type = call->header(call->context, "Content-Type");

    return type != NULL && strncasecmp(type, form, sizeof form - 1) == 0;
}

static enum err_code read_body(json_t **out, const struct source_call *call, struct err *why)
{
    enum err_code rc = is_form(call)
                           ? form_read(out, call->body, call->body_len, why)
                           : json_read(out, call->body, call->body_len, JSON_DEPTH, why);

    if (rc != ERR_NONE) {
        return err_wrap(why, is_form(call) ? "the body is no form" : "the body is no JSON");
    }
    if (json_is_object(*out) || json_is_array(*out)) {
        return ERR_NONE;
    }
    json_decref(*out);
    return err_set(why, ERR_INVALID, "the body is no JSON object");
}

/* New reference to a list. */
static json_t *items_of(const struct cms_reading *r)
{
    json_t *list = r->cms->unfold != NULL ? r->cms->unfold(r) : json_array();

    if (r->cms->unfold == NULL) {
        (void)json_array_append(
            list, json_pointer(r->body, r->cms->item != NULL ? r->cms->item : ""));
    }
    return list;
}

enum err_code cms_read(const struct cms *cms,
                       const void *settings,
                       const struct source_call *call,
                       struct source_events *out,
                       struct err *why)
{
    struct cms_reading r = {.cms = cms, .settings = settings, .call = call};
    json_t *body = NULL, *items;
    enum err_code rc = read_body(&body, call, why);

    if (rc != ERR_NONE) {
        return rc;
    }
    r.body = body;
    items = items_of(&r);
    if (json_array_size(items) > ITEMS_MAX) {
        rc = err_set(why, ERR_INVALID, "more than %d articles in one call", ITEMS_MAX);
    }
    for (size_t i = 0; rc == ERR_NONE && i < json_array_size(items); i++) {
        read_item(&r, json_array_get(items, i), out);
    }
    if (rc == ERR_NONE && out->count == 0) {
        source_events_add(out, EVENT_NOTHING)->why = mem_strdup("there is no article in it");
    }
    json_decref(items);
    json_decref(body);
    return rc;
}

enum err_code source_read(const struct source *s,
                          const void *settings,
                          const struct source_call *call,
                          struct source_events *out,
                          struct err *why)
{
    return s->cms != NULL ? cms_read(s->cms, settings, call, out, why)
                          : s->read(settings, call, out, why);
}
