/* Settings told to people: tables for a terminal, for the README and as JSON, all from the rows
 * the parser works by. `crier channels` and `crier schema` call it. The JSON Schema stands in
 * manual_schema.c. */

#include "config/manual.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "config/rule_internal.h"
#include "config/schema.h"

#define CELL_BYTES 4096
#define DEFAULT_COLUMNS 28 /* a longer default stands behind the meaning, not between */

const struct field *config_channel_fields(void)
{
    return config_channel_common;
}

const struct field *config_source_fields(void)
{
    return config_source_common;
}

const struct field *config_called_fields(void)
{
    return config_source_called;
}

/* ---- cells ---- */

static void add_kind(const struct field *f, struct buf *out)
{
    if (f->kind == FIELD_ENUM) {
        for (size_t i = 0; f->choices[i] != NULL; i++) {
            buf_addf(out, "%s%s", i > 0 ? " or " : "", f->choices[i]);
        }
        return;
    }
    buf_adds(out, f->kind == FIELD_CUSTOM ? "see below" : field_kind_name(f->kind));
    if (f->min != NULL && f->max != NULL) {
        buf_addf(out, ", %s to %s", f->min, f->max);
    } else if (f->min != NULL && strcmp(f->min, "1") != 0) {
        buf_addf(out, ", at least %s", f->min);
    } else if (f->max != NULL) {
        buf_addf(out, ", at most %s", f->max);
    }
}

/* Templates have line ends; a cell has none. */
static void add_default(const struct field *f, struct buf *out)
{
    for (const char *c = f->def != NULL ? f->def : ""; *c != '\0'; c++) {
        if (*c == '\n') {
            buf_adds(out, "\\n");
        } else {
            buf_addc(out, *c);
        }
    }
}

struct cells {
    struct buf kind, def;
};

static void cells_init(struct cells *c, const struct field *f)
{
    buf_init(&c->kind, CELL_BYTES);
    buf_init(&c->def, CELL_BYTES);
    add_kind(f, &c->kind);
    add_default(f, &c->def);
}

static void cells_done(struct cells *c)
{
    buf_done(&c->kind);
    buf_done(&c->def);
}

/* Calls row for every setting, those of inner structs as "utm.source". */
typedef void row_fn(void *context, const char *key, const struct field *f);

static void each_row(const struct field *fields, const char *prefix, row_fn *row, void *context)
{
    for (const struct field *f = fields; f->kind != FIELD_END_KIND; f++) {
        char *key = mem_printf("%s%s", prefix, f->key);

        if (f->kind == FIELD_OBJECT) {
            char *inner = mem_printf("%s.", key);
            each_row(f->fields, inner, row, context);
            mem_free(inner);
        } else {
            row(context, key, f);
        }
        mem_free(key);
    }
}

/* ---- terminal ---- */

struct columns {
    struct buf *out;
    size_t key, kind, def; /* widths */
};

static size_t wider(size_t width, const char *text)
{
    size_t columns = text_columns(text, strlen(text));

    return columns > width ? columns : width;
}

static bool is_long(const struct cells *cells)
{
    return text_columns(buf_str(&cells->def), cells->def.len) > DEFAULT_COLUMNS;
}

static const char *short_default(const struct field *f, const struct cells *cells)
{
    if (f->required) {
        return "required";
    }
    return is_long(cells) ? "…" : buf_str(&cells->def);
}

static void measure_row(void *context, const char *key, const struct field *f)
{
    struct columns *c = context;
    struct cells cells;

    cells_init(&cells, f);
    c->key = wider(c->key, key);
    c->kind = wider(c->kind, buf_str(&cells.kind));
    c->def = wider(c->def, short_default(f, &cells));
    cells_done(&cells);
}

static void add_padded(struct buf *out, const char *text, size_t width)
{
    buf_adds(out, text);
    for (size_t i = text_columns(text, strlen(text)); i < width + 2; i++) {
        buf_addc(out, ' ');
    }
}

static void print_row(void *context, const char *key, const struct field *f)
{
    const struct columns *c = context;
    struct cells cells;

    cells_init(&cells, f);
    add_padded(c->out, key, c->key);
    add_padded(c->out, buf_str(&cells.kind), c->kind);
    add_padded(c->out, short_default(f, &cells), c->def);
    buf_adds(c->out, f->help);
    if (is_long(&cells)) {
        buf_addf(c->out, "; default: %s", buf_str(&cells.def));
    }
    buf_addc(c->out, '\n');
    cells_done(&cells);
}

void config_fields_text(const struct field *fields, struct buf *out)
{
    struct columns c = {.out = out};

    c.key = strlen("setting");
    c.kind = strlen("kind");
    c.def = strlen("default");
    each_row(fields, "", measure_row, &c);
    add_padded(out, "setting", c.key);
    add_padded(out, "kind", c.kind);
    add_padded(out, "default", c.def);
    buf_adds(out, "meaning\n");
    each_row(fields, "", print_row, &c);
}

/* ---- Markdown ---- */

/* A `|` would end the cell, also inside code. */
static void add_cell(struct buf *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '|') {
            buf_addc(out, '\\');
        }
        buf_addc(out, *text);
    }
}

static void add_code(struct buf *out, const char *text)
{
    if (text[0] != '\0') {
        buf_addc(out, '`');
        add_cell(out, text);
        buf_addc(out, '`');
    }
}

static void markdown_row(void *context, const char *key, const struct field *f)
{
    struct buf *out = context;
    struct cells cells;

    cells_init(&cells, f);
    buf_adds(out, "| ");
    add_code(out, key);
    buf_adds(out, " | ");
    add_cell(out, buf_str(&cells.kind));
    buf_adds(out, " | ");
    if (f->required) {
        buf_adds(out, "required");
    } else {
        add_code(out, buf_str(&cells.def));
    }
    buf_adds(out, " | ");
    add_cell(out, f->help);
    if (f->example != NULL) {
        buf_adds(out, "; e.g. ");
        add_code(out, f->example);
    }
    buf_adds(out, f->needs_restart ? " (restart) |\n" : " |\n");
    cells_done(&cells);
}

#define MARKDOWN_HEAD "| setting | kind | default | meaning |\n|---|---|---|---|\n"

void config_fields_markdown(const struct field *fields, const char *prefix, struct buf *out)
{
    buf_adds(out, MARKDOWN_HEAD);
    each_row(fields, prefix, markdown_row, out);
}

static void add_section(struct buf *out, const char *title, const char *about)
{
    buf_addf(out, "### %s\n\n%s.\n\n", title, about);
}

/* "server" becomes "`server`: the HTTP door and the log". */
static void section_reference(const struct field *f, struct buf *out)
{
    char *title = mem_printf("`%s`", f->key);
    char *prefix;

    if (strcmp(f->key, "breaking") == 0) {
        add_section(out, title, f->help);
        buf_adds(out,
                 "A rule, here and in a channel's `when`, is a mapping; all its members must "
                 "hold, and a list holds when one of its words does.\n\n");
        config_fields_markdown(rule__fields, "", out);
    } else {
        prefix = f->kind == FIELD_OBJECT || strcmp(f->key, "ledger") == 0
                     ? mem_printf("%s.", f->key)
                     : mem_strdup("");
        add_section(out, title, f->help);
        if (f->fields != NULL) {
            config_fields_markdown(f->fields, prefix, out);
        } else {
            buf_addf(out, "Such as `%s: %s`.\n", f->key, f->example);
        }
        mem_free(prefix);
    }
    if (strcmp(f->key, "sources") == 0) {
        buf_adds(out, "\nSources that call `/hooks/NAME` have these as well:\n\n");
        config_fields_markdown(config_source_called, "", out);
    }
    buf_addc(out, '\n');
    mem_free(title);
}

static void type_reference(const char *kinds,
                           const char *kind,
                           const struct config_type *type,
                           struct buf *out)
{
    char *title = mem_printf("%s of type `%s`", kinds, type->name);
    char *about = mem_printf("%s, besides what every %s has", type->title, kind);

    add_section(out, title, about);
    config_fields_markdown(type->settings, "", out);
    buf_addc(out, '\n');
    mem_free(title);
    mem_free(about);
}

/* A table of rows that an earlier type has too: its name. NULL: this one tells of it first. */
static const char *told_before(const struct config_type_list *types,
                               const struct config_type *type,
                               const struct field *object)
{
    for (const struct config_type *t = types->v; t != type; t++) {
        for (const struct field *f = t->settings; f->kind != FIELD_END_KIND; f++) {
            if (f->kind == FIELD_OBJECT && f->fields == object->fields) {
                return t->name;
            }
        }
    }
    return NULL;
}

static void source_rows(const struct config_type_list *types,
                        const struct config_type *type,
                        struct buf *out)
{
    buf_adds(out, MARKDOWN_HEAD);
    for (const struct field *f = type->settings; f->kind != FIELD_END_KIND; f++) {
        const struct field one[] = {*f, FIELD_END};
        const char *before = f->kind == FIELD_OBJECT ? told_before(types, type, f) : NULL;

        if (before != NULL) {
            buf_addf(
                out, "| `%s` | object |  | %s; as of type `%s` |\n", f->key, f->help, before);
        } else {
            each_row(one, "", markdown_row, out);
        }
    }
}

static void source_reference(const struct config_type_list *types,
                             const struct config_type *type,
                             struct buf *out)
{
    char *title = mem_printf("Sources of type `%s`", type->name);
    char *about = mem_printf("%s: %s", type->title, type->help);

    add_section(out, title, about);
    if (type->settings[0].kind != FIELD_END_KIND) {
        source_rows(types, type, out);
        buf_addc(out, '\n');
    }
    mem_free(title);
    mem_free(about);
}

void config_reference(const struct config_types *types, struct buf *out)
{
    buf_adds(
        out,
        "Durations are written `30s`, `5m`, `2h`, `1d`, sizes `64KiB`, `10MiB`, rates `1/s`, "
        "`20/min`, `300/3h`. `${NAME}` takes a value from the environment, `${file:PATH}` from "
        "a file, `${credential:NAME}` from a credential of systemd (a file in "
        "`$CREDENTIALS_DIRECTORY`), both without the line ends at their end; `$${` is a plain "
        "`${`. Settings marked (restart) are not changed by a reload.\n\n");
    for (const struct field *f = config_fields; f->kind != FIELD_END_KIND; f++) {
        section_reference(f, out);
    }
    for (size_t i = 0; i < types->sources.count; i++) {
        source_reference(&types->sources, &types->sources.v[i], out);
    }
    for (size_t i = 0; i < types->channels.count; i++) {
        type_reference("Channels", "channel", &types->channels.v[i], out);
    }
}

/* ---- JSON ---- */

static void set_str(json_t *object, const char *key, const char *text)
{
    if (text != NULL) {
        json_object_set_new(object, key, json_string(text));
    }
}

static json_t *field_json(const struct field *f)
{
    json_t *row = json_object();

    set_str(row, "key", f->key);
    set_str(row, "kind", field_kind_name(f->kind));
    set_str(row, "help", f->help);
    json_object_set_new(row, "required", json_boolean(f->required));
    json_object_set_new(row, "needs_restart", json_boolean(f->needs_restart));
    set_str(row, "default", f->def);
    set_str(row, "min", f->min);
    set_str(row, "max", f->max);
    set_str(row, "example", f->example);
    if (f->choices != NULL) {
        json_t *choices = json_array();
        for (size_t i = 0; f->choices[i] != NULL; i++) {
            json_array_append_new(choices, json_string(f->choices[i]));
        }
        json_object_set_new(row, "choices", choices);
    }
    if (f->kind == FIELD_OBJECT) {
        json_object_set_new(row, "settings", config_fields_json(f->fields));
    }
    return row;
}

json_t *config_fields_json(const struct field *fields)
{
    json_t *rows = json_array();

    for (const struct field *f = fields; f->kind != FIELD_END_KIND; f++) {
        json_array_append_new(rows, field_json(f));
    }
    return rows;
}
