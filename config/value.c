/* One row of a field table and one node of the file make one C value. parse.c and rule_parse.c
 * call it for every setting. The values belong to the struct they are stored in (field_done).
 * Texts become values in value_store.c, mistakes become messages in value_message.c. */

#include "config/value_internal.h"

#include <stdio.h>
#include <string.h>

#include "base/crypto.h"
#include "base/mem.h"
#include "base/mustache.h"
#include "config/schema.h"
#include "config/secrets.h"

#define VALUE_TEXT_BYTES ((size_t)256 * 1024) /* one value, references replaced */
#define MESSAGE_BYTES 8192
#define NOT_ONE_LINE "the value has a line break or another control character in it"
#define KNOWN_MAX 128 /* keys of one mapping, all its tables together */

/* ---- texts ---- */

static const char *wrong_kind_hint(const struct node *node, const char *accepted)
{
    /* `text: {{title}}` is a mapping to YAML, one whose key is a mapping. yaml.c has said
     * so. */
    return node->kind == NODE_MAP && node->count == 0 ? "a text with {{…}} must stand in quotes"
                                                      : accepted;
}

/* Another text here, or the same one elsewhere, makes another fingerprint. What goes into it may
 * be secret, so nothing of it is kept. */
static void note_text(struct value_reader *r, const char *path, const char *text)
{
    if (r->fingerprint != NULL) {
        crypto_hmac_sha256(r->fingerprint, SHA256_BYTES, path, strlen(path), r->fingerprint);
        crypto_hmac_sha256(r->fingerprint, SHA256_BYTES, text, strlen(text), r->fingerprint);
    }
}

char *value_text_dup(struct value_reader *r,
                     const struct node *node,
                     const char *path,
                     const char *accepted,
                     bool *out_replaced)
{
    struct err why = {0};
    struct buf text;
    bool replaced = false;
    char *out;

    if (node->kind != NODE_TEXT || node_is_null(node)) {
        value_problem(r,
                      node,
                      wrong_kind_hint(node, accepted),
                      "%s: %s is given",
                      path,
                      node_kind_name(node));
        return NULL;
    }
    buf_init_secret(&text, VALUE_TEXT_BYTES);
    if (secrets_expand(node->text, &text, &replaced, &why)) {
        value_problem(r, node, accepted, "%s: %s", path, why.text);
        buf_done(&text);
        return NULL;
    }
    buf_adds(&text, "");
    out = text.len > 0 ? buf_detach(&text, NULL) : mem_strdup("");
    buf_done(&text);
    note_text(r, path, out);
    if (out_replaced != NULL) {
        *out_replaced = replaced;
    }
    return out;
}

static bool is_break(char c)
{
    return c == '\n' || c == '\r' || c == '\t';
}

static bool is_one_line(const char *text, bool may_break)
{
    for (; *text != '\0'; text++) {
        if (((unsigned char)*text < 0x20 && !(may_break && is_break(*text))) || *text == 0x7f) {
            return false;
        }
    }
    return true;
}

static char *field_text_dup(struct value_reader *r,
                            const struct field *f,
                            const struct node *node,
                            const char *path,
                            bool *out_replaced)
{
    struct buf accepted;
    char *out;

    buf_init(&accepted, MESSAGE_BYTES);
    value_accepted(f, &accepted);
    out = value_text_dup(r, node, path, buf_str(&accepted), out_replaced);
    buf_done(&accepted);
    return out;
}

/* Templates and keys' files may have more lines; all other texts are one, since they may come to stand in a
 * header or in an address. What has more is mostly a secret pasted or stored with a line break
 * too many, so none of it is shown. */
static char *line_dup(struct value_reader *r,
                      const struct field *f,
                      const struct node *node,
                      const char *path)
{
    char *text = field_text_dup(r, f, node, path, NULL);

    if (text != NULL && !is_one_line(text, f->lines)) {
        value__refuse(r, f, node, path, NOT_ONE_LINE);
        mem_free_secret_text(text);
        text = NULL;
    }
    return text;
}

/* ---- one text ---- */

static void refuse_choice(struct value_reader *r,
                          const struct field *f,
                          const struct node *node,
                          const char *path)
{
    char shown[PROBLEM_SHOWN_BYTES];
    struct buf accepted;
    size_t count = 0;

    while (f->choices[count] != NULL) {
        count++;
    }
    buf_init(&accepted, MESSAGE_BYTES);
    if (parse_closest(node->text, f->choices, count) != NULL) {
        value_suggest(node->text, f->choices, count, &accepted);
        buf_addc(&accepted, ' ');
    }
    value__add_choices(f, &accepted);
    value_problem(r,
                  node,
                  buf_str(&accepted),
                  "%s: \"%s\" is not known here",
                  path,
                  problem_shown(node->text, shown));
    buf_done(&accepted);
}

static void read_scalar(struct value_reader *r,
                        const struct field *f,
                        const struct node *node,
                        const char *path,
                        void *to)
{
    const char *fault = "";
    char *text = line_dup(r, f, node, path);

    if (text == NULL) {
        return;
    }
    if (!value__store(f, text, to, &fault)) {
        if (f->kind == FIELD_ENUM) {
            refuse_choice(r, f, node, path);
        } else {
            value__refuse_value(r, f, node, path, fault);
        }
    }
    mem_free_secret_text(text);
}
/* ---- templates ---- */

struct name_check {
    struct value_reader *r;
    const struct node *node;
    const char *path;
    const char *const *names, *const *own_names; /* that there are: in all templates, in this */
    bool replaced;
};

/* All names that are known there, for who mistyped one. */
static void suggest_name(const struct name_check *check, const char *name, struct buf *out)
{
    const char *const *const lists[] = {check->names, check->own_names};
    const char *known[KNOWN_MAX];
    size_t count = 0;

    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        for (const char *const *at = lists[i]; at != NULL && *at != NULL; at++) {
            must(count < KNOWN_MAX);
            known[count++] = *at;
        }
    }
    value_suggest(name, known, count, out);
}

static bool is_named(const char *const *names, const char *name, size_t len)
{
    for (; names != NULL && *names != NULL; names++) {
        if (strlen(*names) == len && strncmp(*names, name, len) == 0) {
            return true;
        }
    }
    return false;
}

/* Only the first part of a dotted name is ours to know; `.` is the item of a list. */
static void check_template_name(void *context, const char *name)
{
    const struct name_check *check = context;
    size_t first = strcspn(name, ".");
    char shown[PROBLEM_SHOWN_BYTES];
    struct buf accepted;

    if (strcmp(name, ".") == 0 || is_named(check->names, name, first) ||
        is_named(check->own_names, name, first)) {
        return;
    }
    buf_init(&accepted, MESSAGE_BYTES);
    if (!check->replaced) {
        suggest_name(check, name, &accepted);
    }
    value_problem(check->r,
                  check->node,
                  buf_str(&accepted),
                  "%s: templates have no variable `%s`",
                  check->path,
                  check->replaced ? "…" : problem_shown(name, shown));
    buf_done(&accepted);
}

static void read_template(struct value_reader *r,
                          const struct field *f,
                          const struct node *node,
                          const char *path,
                          struct mustache **to)
{
    struct err why = {0};
    struct name_check check = {.r = r,
                               .node = node,
                               .path = path,
                               .names = config_template_names(f),
                               .own_names = f->names};
    char *text = field_text_dup(r, f, node, path, &check.replaced);

    if (text == NULL) {
        return;
    }
    if (mustache_parse(to, text, &why)) {
        char what[ERR_TEXT_BYTES + 64];
        (void)snprintf(what,
                       sizeof(what),
                       "the template is broken%s%s",
                       check.replaced ? "" : ": ",
                       check.replaced ? "" : why.text);
        value__refuse(r, f, node, path, what);
    } else {
        mustache_names(*to, check_template_name, &check);
    }
    mem_free(text);
}

/* ---- lists and maps ---- */

static bool count_within(struct value_reader *r,
                         const struct field *f,
                         const struct node *node,
                         const char *path,
                         size_t count)
{
    const char *fault = "";

    if (value__count_within(f, count, &fault)) {
        return true;
    }
    value__refuse(r,
                  f,
                  node,
                  path,
                  count == 0 ? "is empty"
                             : (strcmp(fault, "is too small") == 0 ? "too few entries"
                                                                   : "too many entries"));
    return false;
}

static void add_string(struct value_reader *r,
                       const struct field *f,
                       const struct node *node,
                       const char *path,
                       struct strings *to)
{
    char *text = line_dup(r, f, node, path);

    if (text != NULL) {
        to->v = mem_realloc(to->v, to->count + 1, sizeof(*to->v));
        to->v[to->count++] = text;
    }
}

static void read_strings(struct value_reader *r,
                         const struct field *f,
                         const struct node *node,
                         const char *path,
                         struct strings *to)
{
    if (node->kind == NODE_MAP) {
        value__refuse(r, f, node, path, "a mapping is given");
        return;
    }
    if (node->kind == NODE_TEXT && !node_is_null(node)) {
        add_string(r, f, node, path, to);
        return;
    }
    if (!count_within(r, f, node, path, node->count)) {
        return;
    }
    for (size_t i = 0; i < node->count; i++) {
        add_string(r, f, node->items[i], path, to);
    }
}

static void read_map(struct value_reader *r,
                     const struct field *f,
                     const struct node *node,
                     const char *path,
                     struct pairs *to)
{
    if (node->kind != NODE_MAP && !node_is_null(node)) {
        char what[64];
        (void)snprintf(what, sizeof(what), "%s is given", node_kind_name(node));
        value__refuse(r, f, node, path, what);
        return;
    }
    if (!count_within(r, f, node, path, node->count)) {
        return;
    }
    for (size_t i = 0; i < node->count; i++) {
        char *inner = value_path(path, node->keys[i]->text);
        char *text = value_text_dup(r, node->items[i], inner, "a text", NULL);

        if (text != NULL && !is_one_line(text, false)) {
            value_problem(r, node->items[i], "a text", "%s: %s", inner, NOT_ONE_LINE);
            mem_free_secret_text(text);
        } else if (text != NULL) {
            to->v = mem_realloc(to->v, to->count + 1, sizeof(*to->v));
            to->v[to->count++] = (struct pair){mem_strdup(node->keys[i]->text), text};
        }
        mem_free(inner);
    }
}

/* ---- any value ---- */

static void read_object(struct value_reader *r,
                        const struct field *f,
                        const struct node *node,
                        const char *path,
                        void *to)
{
    const struct value_section section = {.fields = f->fields, .object = to};

    if (node->kind != NODE_MAP && !node_is_null(node)) {
        char what[64];
        (void)snprintf(what, sizeof(what), "%s is given", node_kind_name(node));
        value__refuse(r, f, node, path, what);
        return;
    }
    value_read_mapping(r, &section, 1, node, path);
}

void value_read(struct value_reader *r,
                const struct field *field,
                const struct node *node,
                const char *path,
                void *to)
{
    switch (field->kind) {
    case FIELD_STRINGS:
        read_strings(r, field, node, path, to);
        break;
    case FIELD_MAP:
        read_map(r, field, node, path, to);
        break;
    case FIELD_TEMPLATE:
        read_template(r, field, node, path, to);
        break;
    case FIELD_OBJECT:
        read_object(r, field, node, path, to);
        break;
    default:
        read_scalar(r, field, node, path, to);
        break;
    }
}

/* ---- defaults ---- */

/* Tables are ours: a default that does not parse is a bug, and stops the program in the first
 * test. */
static void set_default(const struct field *f, void *to)
{
    const char *fault = "";
    struct err why = {0};
    struct strings *list = to;

    switch (f->kind) {
    case FIELD_TEMPLATE:
        must(mustache_parse(to, f->def, &why) == ERR_NONE);
        break;
    case FIELD_STRINGS:
        list->v = mem_realloc(NULL, 1, sizeof(*list->v));
        list->v[0] = mem_strdup(f->def);
        list->count = 1;
        break;
    case FIELD_MAP: /* their default is empty; def is for the reference page only */
    case FIELD_OBJECT:
    case FIELD_CUSTOM:
        break;
    default:
        must(value__store(f, f->def, to, &fault));
        break;
    }
}

static void
read_absent(struct value_reader *r, const struct field *f, const char *path, void *to)
{
    if (f->kind == FIELD_OBJECT) {
        const struct value_section section = {.fields = f->fields, .object = to};
        value_read_mapping(r, &section, 1, NULL, path);
    } else if (f->def != NULL) {
        set_default(f, to);
    }
}

/* ---- mappings ---- */

static void refuse_missing(struct value_reader *r,
                           const struct field *f,
                           const struct node *map,
                           const char *path)
{
    char what[160];

    (void)snprintf(what, sizeof(what), "`%s` is missing", f->key);
    if (path[0] != '\0') {
        value__refuse(r, f, map, path, what);
        return;
    }
    value_problem(r, map, f->help, "%s", what);
}

static void read_field(struct value_reader *r,
                       const struct value_section *section,
                       const struct field *f,
                       const struct node *map,
                       const char *path)
{
    const struct node *node = node_get(map, f->key);
    void *to = (char *)section->object + f->offset;
    char *inner = value_path(path, f->key);

    if (node == NULL && map != NULL && f->required && !section->open) {
        refuse_missing(r, f, map, path);
    } else if (node == NULL) {
        read_absent(r, f, inner, to);
    } else if (f->kind == FIELD_CUSTOM) {
        must(section->custom != NULL);
        section->custom(r, section, f, node, inner);
    } else {
        value_read(r, f, node, inner, to);
    }
    mem_free(inner);
}

static size_t known_keys(const struct value_section *sections, size_t count, const char **out)
{
    size_t n = 0;

    for (size_t i = 0; i < count; i++) {
        for (const struct field *f = sections[i].fields; f->kind != FIELD_END_KIND; f++) {
            must(n < KNOWN_MAX);
            out[n++] = f->key;
        }
    }
    return n;
}

static bool is_known(const char *key, const char *const *known, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(known[i], key) == 0) {
            return true;
        }
    }
    return false;
}

static void refuse_key(struct value_reader *r,
                       const struct node *key,
                       const char *path,
                       const char *const *known,
                       size_t count)
{
    char shown[PROBLEM_SHOWN_BYTES];
    struct buf accepted;

    (void)problem_shown_key(key->text, shown);
    buf_init(&accepted, MESSAGE_BYTES);
    if (strchr(key->text, ':') != NULL) {
        buf_adds(&accepted, "a blank must stand behind the colon of a key");
    } else {
        value_suggest(key->text, known, count, &accepted);
    }
    value_problem(r,
                  key,
                  buf_str(&accepted),
                  "%s%sunknown key `%s`",
                  path,
                  path[0] == '\0' ? "" : ": ",
                  shown);
    buf_done(&accepted);
}

void value_read_mapping(struct value_reader *r,
                        const struct value_section *sections,
                        size_t section_count,
                        const struct node *map,
                        const char *path)
{
    const char *known[KNOWN_MAX];
    size_t count = known_keys(sections, section_count, known);
    bool open = map == NULL || map->kind != NODE_MAP;

    for (size_t i = 0; i < section_count; i++) {
        open = open || sections[i].open;
        for (const struct field *f = sections[i].fields; f->kind != FIELD_END_KIND; f++) {
            read_field(r, &sections[i], f, map, path);
        }
    }
    for (size_t i = 0; !open && i < map->count; i++) {
        const char *key = map->keys[i]->text;
        bool note =
            path[0] == '\0' && (strncmp(key, "x-", 2) == 0 || strncmp(key, "x_", 2) == 0);

        if (!note && !is_known(key, known, count)) {
            refuse_key(r, map->keys[i], path, known, count);
        }
    }
}
