/* What a CMS posts, for every kind of source. The input: a byte that picks the kind and how it is set up, a
 * line each for the word in the path, the word in the header and the type of the content, and the body.
 * Whatever it is, it is understood in one way: either it cannot be read and why says so, or there are events,
 * each with its names, and what was mapped is an article that nobody refuses. */

#include <string.h>

#include "base/article.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/url.h"
#include "sources/hook.h"
#include "sources/registry.h"
#include "tests/fuzz/input.h"
#include "tests/support/settings_fill.h"

#define NOW_MS INT64_C(1795446245678)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct headers {
    const char *word, *type;
};

static const char *header(const void *context, const char *name)
{
    const struct headers *h = context;

    if (strcmp(name, "Content-Type") == 0) {
        return h->type[0] != '\0' ? h->type : NULL;
    }
    return h->word[0] != '\0' ? h->word : NULL;
}

static const char *query(const void *context, const char *name)
{
    (void)context;
    (void)name;
    return NULL;
}

/* Kinds that are called, with and without much in their settings. */
static const struct source *pick(uint8_t byte, bool *out_rich)
{
    const struct source *called[64];
    size_t count, n = 0;
    const struct source *const *all = sources_all(&count);

    for (size_t i = 0; i < count; i++) {
        if (all[i]->called) {
            called[n++] = all[i];
        }
    }
    must(n > 0);
    *out_rich = byte / n % 2 == 1;
    return called[byte % n];
}

static bool has_row(const struct source *s, const char *key)
{
    for (const struct field *f = s->settings; f->kind != FIELD_END_KIND; f++) {
        if (strcmp(f->key, key) == 0) {
            return true;
        }
    }
    return false;
}

static void settings_make(struct hook_settings *out, const struct source *s, bool rich)
{
    json_t *values = json_object(), *map = NULL;
    struct err why = {0};

    if (rich || strcmp(s->name, "json") != 0) {
        if (has_row(s, "url") && (rich || strcmp(s->name, "drupal") != 0)) {
            json_set_str(
                values, "url", "https://news.example/{{slug}}/{{{id}}}{{#a.0}}{{a.0}}{{/a.0}}");
        }
        if (has_row(s, "base")) {
            json_set_str(values, "base", "https://cms.example/x");
        }
    }
    if (rich && has_row(s, "map")) {
        map = json_pack("{s:[s,s], s:s, s:s, s:s, s:s, s:s}",
                        "title",
                        "/t",
                        "/*/t",
                        "id",
                        "/i",
                        "tags",
                        "/g/*",
                        "image",
                        "/p/*",
                        "updated_at",
                        "/u",
                        "correction",
                        "/c");
        (void)json_object_set_new(values, "map", map);
    }
    must(settings_fill(s->settings, out, sizeof *out, values, &why) == ERR_NONE);
    must(s->check(out, &why) == ERR_NONE);
    json_decref(values);
}

/* ---- what must hold ---- */

static void check_text(const char *text)
{
    must(text == NULL || text_valid(text, strlen(text)));
}

static void check_mapped(const struct source_event *e)
{
    struct article_faults faults = {0};
    struct article *a = NULL;
    struct err why = {0};
    json_t *whole = json_copy(e->article);

    if (json_object_get(whole, "title") == NULL) {
        json_set_str(whole, "title", "from the page");
    }
    if (json_object_get(whole, "url") == NULL) {
        json_set_str(whole, "url", "https://news.example/");
    }
    must(article_from_json(&a, whole, NOW_MS, &faults, &why) == ERR_NONE);
    article_unref(a);
    json_decref(whole);
}

static void check_event(const struct source *s,
                        const struct hook_settings *settings,
                        const struct source_event *e)
{
    bool own = strcmp(s->name, "json") == 0 && map_is_empty(&settings->map);
    bool content =
        e->kind == EVENT_PUBLISHED || e->kind == EVENT_UPDATED || e->kind == EVENT_CORRECTED;
    struct url_parts parts;

    check_text(e->id);
    check_text(e->guid);
    check_text(e->url);
    check_text(e->why);
    check_text(e->key);
    must(e->kind != EVENT_NOTHING || own || (e->why != NULL && e->why[0] != '\0'));
    must(own || content == (e->article != NULL));
    must(own || e->url == NULL || url_parse(&parts, e->url));
    if (content && !own) {
        check_mapped(e);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    bool rich;
    const struct source *s = pick(input_byte(&in), &rich);
    char *rest = input_line_dup(&in), *word = input_line_dup(&in), *type = input_line_dup(&in);
    const struct headers headers = {word, type};
    struct source_call call = {.method = "POST",
                               .target = "/hooks/x",
                               .rest = rest[0] != '\0' ? rest : NULL,
                               .body = in.left > 0 ? (const char *)in.at : "",
                               .body_len = in.left,
                               .header = header,
                               .query = query,
                               .context = &headers,
                               .now_ms = NOW_MS};
    struct source_events events = {0};
    struct hook_settings settings;
    struct err why = {0};

    settings_make(&settings, s, rich);
    /* The door lets no path or header in that is no text. */
    if (text_valid(rest, strlen(rest)) && text_valid(word, strlen(word))) {
        enum err_code rc = source_read(s, &settings, &call, &events, &why);

        must(rc == ERR_NONE || rc == ERR_INVALID || rc == ERR_UNSUPPORTED);
        must((rc == ERR_NONE) == (events.count > 0));
        must(rc == ERR_NONE || why.text[0] != '\0');
        for (size_t i = 0; i < events.count; i++) {
            check_event(s, &settings, &events.v[i]);
        }
    }
    source_events_done(&events);
    field_done(s->settings, &settings);
    mem_free(rest);
    mem_free(word);
    mem_free(type);
    must(mem_live_count() == 0);
    return 0;
}
