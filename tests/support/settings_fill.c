/* Settings from JSON by field tables, for tests that stand below config/. Called by the
 * dialogue runner and the fuzz target of the adapters. Owns nothing: what it fills is
 * field_done()'s. */

#include "support/settings_fill.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/mustache.h"
#include "base/parse.h"

static void *at(void *object, const struct field *f)
{
    return (char *)object + f->offset;
}

#define FILE_BYTES 16384

static char *file_text(const char *name)
{
    char path[1024], text[FILE_BYTES];
    FILE *f;
    size_t len;

    (void)snprintf(path, sizeof path, "%s/%s", FIXTURES, name);
    f = fopen(path, "rb");
    must(f != NULL);
    len = fread(text, 1, sizeof text, f);
    (void)fclose(f);
    must(len < sizeof text);
    return mem_strndup(text, len);
}

/* As one would write it in the file: yours; NULL for lists and objects. {"file": "keys/apns.p8"}: what stands in
 * that one, below tests/fixtures. */
static char *value_text(const json_t *v)
{
    if (json_path_str(v, "file")) {
        return file_text(json_path_str(v, "file"));
    }
    if (json_is_boolean(v)) {
        return mem_strdup(json_is_true(v) ? "true" : "false");
    }
    if (json_is_real(v)) {
        return mem_printf("%g", json_real_value(v));
    }
    return json_text_dup(v);
}

static enum err_code refuse(const struct field *f, const char *text, struct err *why)
{
    return err_set(
        why, ERR_INVALID, "%s: \"%s\" is no %s", f->key, text, field_kind_name(f->kind));
}

static enum err_code
fill_enum(const struct field *f, int *out, const char *text, struct err *why)
{
    for (int i = 0; f->choices[i]; i++) {
        if (strcmp(f->choices[i], text) == 0) {
            *out = i;
            return ERR_NONE;
        }
    }
    return refuse(f, text, why);
}

static enum err_code
fill_text(const struct field *f, void *object, const char *text, struct err *why)
{
    void *to = at(object, f);

    switch (f->kind) {
    case FIELD_STRING:
    case FIELD_URL:
        *(char **)to = mem_strdup(text);
        return ERR_NONE;
    case FIELD_SECRET:
        secret_take(to, mem_strdup(text));
        return ERR_NONE;
    case FIELD_MS:
        return parse_duration_ms(text, to) ? ERR_NONE : refuse(f, text, why);
    case FIELD_BYTES:
        return parse_size(text, to) ? ERR_NONE : refuse(f, text, why);
    case FIELD_INT:
        return parse_i64(text, to) ? ERR_NONE : refuse(f, text, why);
    case FIELD_BOOL:
        return parse_bool(text, to) ? ERR_NONE : refuse(f, text, why);
    case FIELD_RATE:
        return parse_rate(text, to) ? ERR_NONE : refuse(f, text, why);
    case FIELD_ENUM:
        return fill_enum(f, to, text, why);
    case FIELD_TEMPLATE:
        return mustache_parse(to, text, why);
    case FIELD_STRINGS: {
        struct strings *list = to;

        list->v = mem_realloc(list->v, list->count + 1, sizeof *list->v);
        list->v[list->count++] = mem_strdup(text);
        return ERR_NONE;
    }
    default:
        return refuse(f, text, why);
    }
}

static void fill_pair(struct pairs *pairs, const char *key, const char *value)
{
    pairs->v = mem_realloc(pairs->v, pairs->count + 1, sizeof *pairs->v);
    pairs->v[pairs->count].key = mem_strdup(key);
    pairs->v[pairs->count].value = mem_strdup(value);
    pairs->count++;
}

static enum err_code
fill_table(const struct field *fields, void *object, const json_t *values, struct err *why);

static enum err_code fill_value(const struct field *f, void *object, json_t *v, struct err *why)
{
    enum err_code rc = ERR_NONE;
    const char *key;
    json_t *item;
    size_t i;
    char *text;

    if (f->kind == FIELD_OBJECT) {
        return fill_table(f->fields, at(object, f), v, why);
    }
    if (f->kind == FIELD_MAP) {
        json_object_foreach(v, key, item)
        {
            fill_pair(at(object, f), key, json_string_value(item));
        }
        return ERR_NONE;
    }
    if (json_is_array(v)) {
        json_array_foreach(v, i, item)
        {
            rc = rc ? rc : fill_value(f, object, item, why);
        }
        return rc;
    }
    text = value_text(v);
    rc = text ? fill_text(f, object, text, why) : refuse(f, "?", why);
    mem_free(text);
    return rc;
}

static const struct field *find(const struct field *fields, const char *key)
{
    for (const struct field *f = fields; f->kind; f++) {
        if (strcmp(f->key, key) == 0) {
            return f;
        }
    }
    return NULL;
}

static enum err_code
fill_table(const struct field *fields, void *object, const json_t *values, struct err *why)
{
    enum err_code rc = ERR_NONE;
    const char *key;
    json_t *v;

    json_object_foreach((json_t *)(uintptr_t)values, key, v)
    {
        if (!find(fields, key)) {
            return err_set(why, ERR_INVALID, "%s: no such setting", key);
        }
    }
    for (const struct field *f = fields; f->kind && !rc; f++) {
        v = values ? json_object_get(values, f->key) : NULL;
        if (v) {
            rc = fill_value(f, object, v, why);
        } else if (f->kind == FIELD_OBJECT) {
            rc = fill_table(f->fields, at(object, f), NULL, why);
        } else if (f->def) {
            rc = fill_text(f, object, f->def, why);
        } else if (f->required) {
            rc = err_set(why, ERR_INVALID, "%s: required", f->key);
        }
    }
    return rc;
}

enum err_code settings_fill(const struct field *fields,
                            void *object,
                            size_t object_size,
                            const json_t *values,
                            struct err *why)
{
    memset(object, 0, object_size);
    return fill_table(fields, object, values, why);
}

void settings_secrets(const struct field *fields,
                      const void *object,
                      void (*visit)(void *context, const struct secret *secret),
                      void *context)
{
    for (const struct field *f = fields; f->kind; f++) {
        const void *from = (const char *)object + f->offset;

        if (f->kind == FIELD_OBJECT) {
            settings_secrets(f->fields, from, visit, context);
        } else if (f->kind == FIELD_SECRET && ((const struct secret *)from)->text) {
            visit(context, from);
        }
    }
}
