/* Small readers and writers for the JSON objects that hold an adapter's memory. Called by
 * adapters in their steps; owns nothing, the objects belong to the step's context. */

#include "adapters/record.h"

#include <stdio.h>

#include "base/json.h"
#include "base/url.h"

int64_t record_int(const json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

void record_set_int(json_t *object, const char *name, int64_t value)
{
    must(json_object_set_new(object, name, json_integer(value)) == 0);
}

bool record_flag(const json_t *object, const char *name)
{
    return json_is_true(json_object_get(object, name));
}

void record_set_flag(json_t *object, const char *name, bool value)
{
    if (!value) {
        record_drop(object, name);
        return;
    }
    must(json_object_set_new(object, name, json_true()) == 0);
}

const char *record_str(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

const char *record_url(const json_t *object, const char *name)
{
    const char *text = record_str(object, name);
    struct url_parts url;

    return text && url_parse(&url, text) && !url.has_userinfo ? text : NULL;
}

void record_drop(json_t *object, const char *name)
{
    (void)json_object_del(object, name); /* not there: nothing to do */
}

json_t *record_object(json_t *object, const char *name)
{
    json_t *v = json_object_get(object, name);

    if (!json_is_object(v)) {
        v = json_object();
        must(json_object_set_new(object, name, v) == 0);
    }
    return v;
}

#define SLOT_BYTES 8

static const char *slot_name(size_t index, char out[SLOT_BYTES])
{
    (void)snprintf(out, SLOT_BYTES, "%zu", index % 100);
    return out;
}

json_t *record_slot(const json_t *object, const char *name, size_t index)
{
    char slot[SLOT_BYTES];

    return json_path(object, name, slot_name(index, slot), NULL);
}

json_t *record_slot_made(json_t *object, const char *name, size_t index)
{
    char slot[SLOT_BYTES];

    return record_object(record_object(object, name), slot_name(index, slot));
}

int64_t record_age(json_t *object, const char *name, int64_t now_ms)
{
    if (!json_is_integer(json_object_get(object, name))) {
        record_set_int(object, name, now_ms);
    }
    return now_ms - record_int(object, name);
}

void record_keep(struct step_ctx *ctx, const char *const *names)
{
    for (; ctx->post && *names; names++) {
        json_t *value = json_object_get(ctx->post, *names);

        if (value && !json_object_get(ctx->record, *names)) {
            must(json_object_set_new(ctx->record, *names, json_deep_copy(value)) == 0);
        }
    }
}
