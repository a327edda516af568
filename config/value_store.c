/* From one text to one C value, within the bounds of its row; and whether two values are the
 * same. value.c calls it for texts of the file and for defaults. Faults are returned for
 * value.c to tell. */

#include "config/value_internal.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "base/url.h"

static bool parse_number(enum field_kind kind, const char *text, int64_t *out)
{
    switch (kind) {
    case FIELD_MS:
        return parse_duration_ms(text, out);
    case FIELD_BYTES:
        return parse_size(text, out);
    default:
        return parse_i64(text, out);
    }
}

static const char *number_name(enum field_kind kind)
{
    return kind == FIELD_MS ? "is no duration"
                            : (kind == FIELD_BYTES ? "is no size" : "is no whole number");
}

/* A bound of a row, which is ours: one that cannot be read is a bug. */
static bool
within(const struct field *f, enum field_kind kind, int64_t v, const char **out_fault)
{
    int64_t bound;

    if (f->min != NULL) {
        must(parse_number(kind, f->min, &bound));
        if (v < bound) {
            *out_fault = "is too small";
            return false;
        }
    }
    if (f->max != NULL) {
        must(parse_number(kind, f->max, &bound));
        if (v > bound) {
            *out_fault = "is too large";
            return false;
        }
    }
    return true;
}

static bool
store_number(const struct field *f, const char *text, void *to, const char **out_fault)
{
    int64_t v;

    *out_fault = number_name(f->kind);
    if (!parse_number(f->kind, text, &v) || !within(f, f->kind, v, out_fault)) {
        return false;
    }
    *(int64_t *)to = v;
    return true;
}

static bool
store_choice(const struct field *f, const char *text, void *to, const char **out_fault)
{
    for (int i = 0; f->choices[i] != NULL; i++) {
        if (strcmp(f->choices[i], text) == 0) {
            *(int *)to = i;
            return true;
        }
    }
    *out_fault = "is not known here";
    return false;
}

static bool
store_string(const struct field *f, const char *text, void *to, const char **out_fault)
{
    const struct text_rule rule = {.unit = TEXT_CODE_POINTS};
    size_t length = text_measure(&rule, text, strlen(text));
    struct url_parts parts;

    if (f->kind == FIELD_URL && !url_parse(&parts, text)) {
        *out_fault = "is no http or https URL";
        return false;
    }
    if (!within(f, FIELD_INT, (int64_t)length, out_fault)) {
        *out_fault = strcmp(*out_fault, "is too small") == 0 ? "is too short" : "is too long";
        return false;
    }
    *(char **)to = mem_strdup(text);
    return true;
}

static bool
store_secret(const struct field *f, const char *text, void *to, const char **out_fault)
{
    *out_fault = "is empty";
    if (text[0] == '\0') {
        return false;
    }
    if (!within(f, FIELD_INT, (int64_t)strlen(text), out_fault)) {
        *out_fault = strcmp(*out_fault, "is too small") == 0 ? "is too short" : "is too long";
        return false;
    }
    secret_take(to, mem_strdup(text));
    return true;
}

/* YAML also writes True and TRUE. */
static bool store_bool(const char *text, bool *to)
{
    static const char *const words[] = {"true", "false", "yes", "no", "on", "off"};

    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (text_same_fold(words[i], text)) {
            return parse_bool(words[i], to);
        }
    }
    return false;
}

/* The kinds that are one text in the file, but for templates. False with a fault for people. */
bool value__store(const struct field *f, const char *text, void *to, const char **out_fault)
{
    switch (f->kind) {
    case FIELD_STRING:
    case FIELD_URL:
        return store_string(f, text, to, out_fault);
    case FIELD_SECRET:
        return store_secret(f, text, to, out_fault);
    case FIELD_MS:
    case FIELD_BYTES:
    case FIELD_INT:
        return store_number(f, text, to, out_fault);
    case FIELD_BOOL:
        *out_fault = "is neither true nor false";
        return store_bool(text, to);
    case FIELD_RATE:
        *out_fault = "is no rate";
        return parse_rate(text, to);
    default:
        must(f->kind == FIELD_ENUM); /* no other kind is one text */
        return store_choice(f, text, to, out_fault);
    }
}

bool value__count_within(const struct field *f, size_t count, const char **out_fault)
{
    return within(f, FIELD_INT, (int64_t)count, out_fault);
}

/* ---- comparing ---- */

static bool same_text(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool same_rate(const struct rate *a, const struct rate *b)
{
    return a->count == b->count && a->per_ms == b->per_ms;
}

static bool same_pairs(const struct pairs *a, const struct pairs *b)
{
    if (a->count != b->count) {
        return false;
    }
    for (size_t i = 0; i < a->count; i++) {
        if (!same_text(a->v[i].key, b->v[i].key) || !same_text(a->v[i].value, b->v[i].value)) {
            return false;
        }
    }
    return true;
}

bool value_same(const struct field *f, const void *a, const void *b)
{
    switch (f->kind) {
    case FIELD_STRING:
    case FIELD_URL:
        return same_text(*(char *const *)a, *(char *const *)b);
    case FIELD_SECRET:
        return same_text(((const struct secret *)a)->text, ((const struct secret *)b)->text);
    case FIELD_MS:
    case FIELD_BYTES:
    case FIELD_INT:
        return *(const int64_t *)a == *(const int64_t *)b;
    case FIELD_BOOL:
        return *(const bool *)a == *(const bool *)b;
    case FIELD_ENUM:
        return *(const int *)a == *(const int *)b;
    case FIELD_RATE:
        return same_rate(a, b);
    case FIELD_MAP:
        return same_pairs(a, b);
    default: /* no row of these kinds asks for a restart; one that did would always get it */
        return false;
    }
}
