/* What is said about a setting that is wrong: where, what, and what would be accepted, told
 * from its row. Called by all who read values. The one place that decides what of a value may
 * be shown: the text as it stands in the file, never what a reference brought in, and of a
 * secret nothing. */

#include "config/value_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

#define MESSAGE_BYTES 8192

void value_problem(struct value_reader *r,
                   const struct node *node,
                   const char *accepted,
                   const char *what_format,
                   ...)
{
    char what[2048];
    va_list args;

    va_start(args, what_format);
    (void)vsnprintf(what, sizeof(what), what_format, args);
    va_end(args);
    problems_add(r->problems, r->file, node->line, node->column, accepted, "%s", what);
}

char *value_path(const char *parent, const char *key)
{
    char shown[PROBLEM_SHOWN_BYTES];

    (void)problem_shown_key(key, shown);
    return parent[0] == '\0' ? mem_strdup(shown) : mem_printf("%s.%s", parent, shown);
}

void value_suggest(const char *word, const char *const *known, size_t count, struct buf *out)
{
    const char *closest = parse_closest(word, known, count);

    if (closest != NULL) {
        buf_addf(out, "did you mean `%s`?", closest);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        buf_addf(out, "%s%s", i == 0 ? "one of " : ", ", known[i]);
    }
}

/* With a unit things are counted, and "at least 1" of them goes without saying. */
static void add_bounds(const struct field *f, const char *unit, struct buf *out)
{
    if (unit[0] != '\0' && f->min != NULL && strcmp(f->min, "1") == 0) {
        if (f->max != NULL) {
            buf_addf(out, ", at most %s%s", f->max, unit);
        }
    } else if (f->min != NULL && f->max != NULL) {
        buf_addf(out, ", from %s to %s%s", f->min, f->max, unit);
    } else if (f->min != NULL) {
        buf_addf(out, ", at least %s%s", f->min, unit);
    } else if (f->max != NULL) {
        buf_addf(out, ", at most %s%s", f->max, unit);
    }
}

void value__add_choices(const struct field *f, struct buf *out)
{
    for (size_t i = 0; f->choices[i] != NULL; i++) {
        buf_addf(out, "%s%s", i == 0 ? "one of " : ", ", f->choices[i]);
    }
}

static void add_kind(const struct field *f, const char *kind, struct buf *out)
{
    buf_adds(out, kind);
    if (f->example != NULL) {
        buf_addf(out, " such as %s", f->example);
    }
}

void value_accepted(const struct field *field, struct buf *out)
{
    switch (field->kind) {
    case FIELD_STRING:
        add_kind(field, "a text", out);
        add_bounds(field, " characters", out);
        break;
    case FIELD_URL:
        buf_addf(out,
                 "an http or https URL such as %s",
                 field->example != NULL ? field->example : "https://news.example");
        break;
    case FIELD_SECRET:
        buf_adds(out, "a secret, best as ${NAME} or ${file:/run/secrets/name}");
        add_bounds(field, " bytes", out);
        break;
    case FIELD_MS:
        buf_adds(out, "a duration such as 30s, 5m, 2h, 1d");
        add_bounds(field, "", out);
        break;
    case FIELD_BYTES:
        buf_adds(out, "a size such as 64KiB, 10MiB");
        add_bounds(field, "", out);
        break;
    case FIELD_INT:
        buf_adds(out, "a whole number");
        add_bounds(field, "", out);
        break;
    case FIELD_BOOL:
        buf_adds(out, "true or false (yes, no, on, off)");
        break;
    case FIELD_ENUM:
        value__add_choices(field, out);
        break;
    case FIELD_RATE:
        buf_adds(out, "a rate such as 1/s, 20/min, 300/3h, 5000/day");
        break;
    case FIELD_STRINGS:
        add_kind(field, "a text or a list of texts", out);
        add_bounds(field, " of them", out);
        break;
    case FIELD_MAP:
        add_kind(field, "a mapping of names to texts", out);
        add_bounds(field, " of them", out);
        break;
    case FIELD_TEMPLATE:
        buf_addf(out,
                 "a template such as %s",
                 field->example != NULL ? field->example : "\"{{title}} {{url}}\"");
        break;
    case FIELD_OBJECT:
        buf_adds(out, "a mapping");
        break;
    case FIELD_CUSTOM:
        add_kind(field, field->help, out);
        break;
    case FIELD_END_KIND:
        break;
    }
}

/* "path: rest" at the node, with what the row accepts behind it. */
void value__refuse(struct value_reader *r,
                   const struct field *f,
                   const struct node *node,
                   const char *path,
                   const char *rest)
{
    struct buf accepted;

    buf_init(&accepted, MESSAGE_BYTES);
    value_accepted(f, &accepted);
    value_problem(r, node, buf_str(&accepted), "%s: %s", path, rest);
    buf_done(&accepted);
}

/* The same with the value in front, unless it is a secret. */
void value__refuse_value(struct value_reader *r,
                         const struct field *f,
                         const struct node *node,
                         const char *path,
                         const char *rest)
{
    char shown[PROBLEM_SHOWN_BYTES];
    char what[PROBLEM_SHOWN_BYTES + 160];

    (void)snprintf(what,
                   sizeof(what),
                   f->kind == FIELD_SECRET ? "%sthe value %s" : "\"%s\" %s",
                   f->kind == FIELD_SECRET ? "" : problem_shown(node->text, shown),
                   rest);
    value__refuse(r, f, node, path, what);
}
