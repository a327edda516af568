/* Freeing what the field tables filled, and the two small containers they fill. Called by
 * config/ (settings) and by who keeps settings; the parsing itself is config's. */

#include "base/field.h"

#include "base/attr.h"
#include "base/mem.h"
#include "base/mustache.h"
#include "base/text.h"

const char *field_kind_name(enum field_kind kind)
{
    switch (kind) {
    case FIELD_STRING:
        return "string";
    case FIELD_URL:
        return "URL";
    case FIELD_SECRET:
        return "secret";
    case FIELD_MS:
        return "duration";
    case FIELD_BYTES:
        return "size";
    case FIELD_INT:
        return "integer";
    case FIELD_BOOL:
        return "boolean";
    case FIELD_ENUM:
        return "choice";
    case FIELD_RATE:
        return "rate";
    case FIELD_STRINGS:
        return "list of strings";
    case FIELD_MAP:
        return "map of strings";
    case FIELD_TEMPLATE:
        return "template";
    case FIELD_OBJECT:
        return "object";
    case FIELD_CUSTOM:
        return "structure";
    case FIELD_END_KIND:
        break;
    }
    return "?";
}

static void free_text(char **text)
{
    mem_free(*text);
    *text = NULL;
}

static void free_template(struct mustache **m)
{
    mustache_free(*m);
    *m = NULL;
}

static void field_done_one(const struct field *f, void *at)
{
    switch (f->kind) {
    case FIELD_STRING:
    case FIELD_URL:
        free_text(at);
        break;
    case FIELD_SECRET:
        secret_done(at);
        break;
    case FIELD_MS:
    case FIELD_BYTES:
    case FIELD_INT:
        *(int64_t *)at = 0;
        break;
    case FIELD_BOOL:
        *(bool *)at = false;
        break;
    case FIELD_ENUM:
        *(int *)at = 0;
        break;
    case FIELD_RATE:
        *(struct rate *)at = (struct rate){0};
        break;
    case FIELD_STRINGS:
        strings_done(at);
        break;
    case FIELD_MAP:
        pairs_done(at);
        break;
    case FIELD_TEMPLATE:
        free_template(at);
        break;
    case FIELD_OBJECT:
        field_done(f->fields, at);
        break;
    case FIELD_CUSTOM: /* belongs to who parsed it */
    case FIELD_END_KIND:
        break;
    }
}

void field_done(const struct field *fields, void *object)
{
    for (const struct field *f = fields; f->kind != FIELD_END_KIND; f++) {
        field_done_one(f, (char *)object + f->offset);
    }
}

void strings_done(struct strings *s)
{
    for (size_t i = 0; i < s->count; i++) {
        mem_free(s->v[i]);
    }
    mem_free(s->v);
    *s = (struct strings){0};
}

void pairs_done(struct pairs *p)
{
    for (size_t i = 0; i < p->count; i++) {
        mem_free(p->v[i].key);
        mem_free_secret_text(p->v[i].value); /* headers of an operator's own hold keys */
    }
    mem_free(p->v);
    *p = (struct pairs){0};
}

bool strings_has(const struct strings *s, const char *word)
{
    for (size_t i = 0; i < s->count; i++) {
        if (text_same_fold(s->v[i], word)) {
            return true;
        }
    }
    return false;
}
