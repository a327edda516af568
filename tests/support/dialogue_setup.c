/* What a dialogue begins with: settings, article, context, memories, media. See dialogue_internal.h. */

#include "support/dialogue_internal.h"

#include <stdio.h>
#include <string.h>

#include "adapters/registry.h"
#include "base/crypto.h"
#include "base/json.h"
#include "base/mem.h"
#include "support/settings_fill.h"

const char *dialogue__text_or(const json_t *object, const char *name, const char *otherwise)
{
    const char *text = json_path_str(object, name);

    return text ? text : otherwise;
}

static int64_t time_or(const json_t *object, const char *name, const char *otherwise)
{
    const char *text = dialogue__text_or(object, name, otherwise);
    int64_t at_ms;

    must(time_parse_rfc3339(text, strlen(text), &at_ms));
    return at_ms;
}

/* NULL when there are none. */
static const char *const *feeds_of(struct dialogue *d, const json_t *list)
{
    must(json_array_size(list) <= FEEDS_MAX);
    for (size_t i = 0; i < json_array_size(list); i++) {
        d->feeds[i] = json_string_value(json_array_get(list, i));
    }
    return json_array_size(list) > 0 ? d->feeds : NULL;
}

static void set_context(struct dialogue *d)
{
    const json_t *c = json_object_get(d->root, "context");
    const json_t *site = json_object_get(c, "site");
    const json_t *revision = json_object_get(c, "revision");
    struct step_ctx *ctx = &d->ctx;

    d->site.name = dialogue__text_or(site, "name", "Example News");
    d->site.url = dialogue__text_or(site, "url", "https://news.example");
    d->site.language = dialogue__text_or(site, "language", "en");
    d->site.feeds = feeds_of(d, json_object_get(site, "feeds"));
    d->site.sitemap = json_path_str(site, "sitemap");
    ctx->site = &d->site;
    ctx->channel = dialogue__text_or(c, "channel", "main");
    ctx->article_id = dialogue__text_or(c, "article_id", "art_0000000000001");
    ctx->delivery_id = dialogue__text_or(c, "delivery_id", "dlv_0000000000001");
    ctx->key = dialogue__text_or(
        c, "key", "8f14e45fceea167a5a36dedd4bea25438f14e45fceea167a5a36dedd4bea2543");
    ctx->link = dialogue__text_or(c, "link", d->article->url);
    ctx->reason = dialogue__text_or(c, "reason", "");
    ctx->breaking = json_is_true(json_object_get(c, "breaking"));
    ctx->is_test = json_is_true(json_object_get(c, "is_test"));
    ctx->revision = revision ? json_integer_value(revision) : 1;
    ctx->created_at_ms = time_or(c, "created_at", "2026-11-23T15:00:00Z");
    ctx->not_after_ms = time_or(c, "not_after", "2026-11-23T17:00:01Z");
    ctx->now_ms = time_or(c, "now", "2026-11-23T15:00:01Z");
    ctx->audience = d->adapter->audience;
}

static json_t *object_or_new(const json_t *root, const char *name)
{
    const json_t *v = json_object_get(root, name);

    return v ? json_deep_copy(v) : json_object();
}

static void set_memory(struct dialogue *d)
{
    const json_t *post = json_object_get(d->root, "post");

    d->ctx.record = object_or_new(d->root, "record");
    d->ctx.account = object_or_new(d->root, "account");
    d->ctx.post = json_is_object(post) ? post : NULL;
    d->ctx.token = json_path_str(d->root, "token");
    d->ctx.grant = json_object_get(d->root, "grant");
}

/* Of a file on disk only its length is known here. */
static void set_media_bytes(struct dialogue *d, const json_t *m)
{
    const json_t *len = json_object_get(m, "len");
    const char *base64 = json_path_str(m, "base64");
    json_int_t repeat = json_integer_value(json_object_get(m, "repeat"));
    struct buf once;

    if (len) {
        d->media.len = (size_t)json_integer_value(len);
        d->media.file = d;
        return;
    }
    buf_init(&once, HTTP_BODY_BYTES);
    must(base64 && crypto_unbase64(&once, base64, strlen(base64)));
    for (json_int_t i = 0; i < (repeat > 0 ? repeat : 1); i++) {
        buf_add(&d->media_bytes, once.data, once.len);
    }
    buf_done(&once);
    d->media.bytes = d->media_bytes.data;
    d->media.len = d->media_bytes.len;
}

void dialogue__set_media(struct dialogue *d, const json_t *m)
{
    d->ctx.media = NULL;
    d->ctx.media_error = json_path_str(m, "error");
    if (!json_is_object(m) || d->ctx.media_error) {
        return;
    }
    d->media = (struct media){.bytes = NULL};
    buf_clear(&d->media_bytes);
    set_media_bytes(d, m);
    d->media.type = dialogue__text_or(m, "type", "image/jpeg");
    d->media.url = json_path_str(m, "url");
    d->media.hash = json_path_str(m, "hash");
    d->media.duration_ms = json_integer_value(json_object_get(m, "duration_ms"));
    d->media.width = json_integer_value(json_object_get(m, "width"));
    d->media.height = json_integer_value(json_object_get(m, "height"));
    d->ctx.media = &d->media;
}

void dialogue__set_member(struct dialogue *d, const json_t *object)
{
    const struct audience *a = d->adapter->audience;
    const struct member *sample = a ? a->sample : NULL;

    d->member = (struct member){
        .id = (uint64_t)json_integer_value(json_object_get(object, "id")),
        .address = dialogue__text_or(object, "address", sample ? sample->address : NULL),
        .language = json_path_str(object, "language"),
        .keys = sample ? sample->keys : NULL,
        .keys_len = sample ? sample->keys_len : 0,
        .key_id = json_integer_value(json_object_get(object, "key_id")),
        .second = json_is_true(json_object_get(object, "second"))};
    d->ctx.member = json_is_object(object) ? &d->member : NULL;
}

static bool set_article(struct dialogue *d)
{
    json_t *v = json_object_get(d->root, "article");
    struct article_faults faults = {.count = 0};
    struct err why = {.code = ERR_NONE};
    char path[1024];
    json_t *json;

    if (json_is_object(v)) {
        json = json_incref(v);
    } else {
        (void)snprintf(path,
                       sizeof path,
                       "%s/%s",
                       FIXTURES,
                       v ? json_string_value(v) : "articles/flood.json");
        json = dialogue_load(path);
    }
    if (article_from_json(&d->article, json, 0, &faults, &why)) {
        dialogue_fault(d,
                       "article: %s %s",
                       faults.count ? faults.v[0].where : why.text,
                       faults.count ? faults.v[0].what : "");
    }
    json_decref(json);
    return d->article != NULL;
}

/* False when the dialogue ends here: refused settings, as expected or not. */
bool dialogue__set_settings(struct dialogue *d)
{
    const char *want = json_path_str(d->root, "check_error");
    struct err why = {.code = ERR_NONE};
    enum err_code rc;

    d->settings = mem_zalloc(d->adapter->settings_size);
    rc = settings_fill(d->adapter->settings,
                       d->settings,
                       d->adapter->settings_size,
                       json_object_get(d->root, "settings"),
                       &why);
    if (!rc && d->adapter->check) {
        rc = d->adapter->check(d->settings, &why);
    }
    d->ctx.settings = d->settings;
    if (want && (rc != ERR_INVALID || !strstr(why.text, want))) {
        dialogue_fault(d, "check: want \"%s\", got \"%s\"", want, rc ? why.text : "no error");
    } else if (!want && rc) {
        dialogue_fault(d, "settings: %s", why.text);
    }
    return !want && !rc;
}

/* Why the adapter, or a channel with these settings, lacks a course. */
static const char *why_not(const struct adapter *a, enum course c)
{
    const char *why = c == COURSE_UPDATE    ? a->cannot_update
                      : c == COURSE_RETRACT ? a->cannot_retract
                      : c == COURSE_VERIFY  ? a->cannot_verify
                                            : "";

    return why ? why : "";
}

static bool set_course(struct dialogue *d)
{
    const char *start = json_path_str(d->root, "start");
    const char *cannot = json_path_str(d->root, "cannot");

    if (!course_parse(dialogue__text_or(d->root, "course", "publish"), &d->ctx.course)) {
        dialogue_fault(d, "no such course");
        return false;
    }
    d->steps = adapter_course_with(d->adapter, d->settings, d->ctx.course);
    if (cannot) {
        if (d->steps || !strstr(why_not(d->adapter, d->ctx.course), cannot)) {
            dialogue_fault(d, "want it not to be possible: %s", cannot);
        }
        return false;
    }
    if (!d->steps) {
        dialogue_fault(d, "the adapter has no course %s", course_name(d->ctx.course));
        return false;
    }
    d->step = start ? step_find(d->steps, start) : d->steps;
    if (!d->step) {
        dialogue_fault(d, "no step %s", start);
    }
    return d->step != NULL;
}

bool dialogue__set_up(struct dialogue *d)
{
    if (!set_article(d)) {
        return false;
    }
    set_context(d);
    d->ctx.article = d->article;
    set_memory(d);
    dialogue__set_media(d, json_object_get(d->root, "media"));
    return true;
}

bool dialogue__set_course(struct dialogue *d)
{
    return dialogue__set_settings(d) && set_course(d);
}
