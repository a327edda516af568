/* The sections of a settings file, and what no single row can say: which sections are mappings
 * of names, what a channel's type brings along, what must not go together (an open door without
 * a token). config.c calls it with the tree that yaml.c made; single values are value.c's,
 * rules rule_parse.c's. It owns nothing; all goes into the config.
 *
 * First everything is read by the tables, then what hangs together is checked, so that the
 * order of sections in the file does not matter. */

#include "config/parse_internal.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "config/rule_internal.h"
#include "config/schema.h"

#define MESSAGE_BYTES 4096

/* ---- names ---- */

static bool name_usable(const char *name)
{
    size_t len = strlen(name);

    return len > 0 && len <= CONFIG_NAME_MAX &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-") == len;
}

static void check_name(struct parser *p, const struct node *key, const char *section)
{
    char shown[PROBLEM_SHOWN_BYTES];

    if (!name_usable(key->text)) {
        value_problem(&p->reader,
                      key,
                      CONFIG_NAME_ACCEPTED,
                      "%s: `%s` cannot be a name",
                      section,
                      problem_shown_key(key->text, shown));
    }
}

/* A section that is a mapping of names. Nothing behind the key means none of them. */
static bool is_named_section(struct parser *p,
                             const struct field *f,
                             const struct node *node,
                             const char *path)
{
    if (node->kind != NODE_MAP && !node_is_null(node)) {
        value_problem(&p->reader, node, f->help, "%s: %s is given", path, node_kind_name(node));
    }
    return node->kind == NODE_MAP;
}

static bool
is_entry(struct parser *p, const struct node *node, const char *path, const char *accepted)
{
    if (node->kind != NODE_MAP) {
        value_problem(
            &p->reader, node, accepted, "%s: %s is given", path, node_kind_name(node));
    }
    return node->kind == NODE_MAP;
}

/* ---- ledger ---- */

static void check_location(struct parser *p, const struct node *node)
{
    const char *location = p->config->ledger.location;

    if (location != NULL && (strncmp(location, "sqlite:", 7) != 0 || location[7] == '\0')) {
        value_problem(&p->reader,
                      node,
                      "sqlite: and the path of a file, such as sqlite:/var/lib/crier/crier.db",
                      "ledger: not a location");
    }
}

static void read_ledger(struct parser *p, const struct node *node, const char *path)
{
    const struct value_section section = {.fields = config_ledger_fields,
                                          .object = &p->config->ledger};
    const struct field *location = &config_ledger_fields[0];
    const struct node *inner = node_get(node, location->key);

    if (node->kind == NODE_MAP || node_is_null(node)) {
        value_read_mapping(&p->reader, &section, 1, node, path);
        check_location(p, inner != NULL ? inner : node);
        return;
    }
    value_read_mapping(&p->reader, &section, 1, NULL, path);
    mem_free(p->config->ledger.location); /* the default */
    p->config->ledger.location = NULL;
    value_read(&p->reader, location, node, path, &p->config->ledger.location);
    check_location(p, node);
}

/* ---- what the type of a channel or source brings along ---- */

static const struct config_type *find_type(const struct config_type_list *types,
                                           const char *name)
{
    for (size_t i = 0; i < types->count; i++) {
        if (strcmp(types->v[i].name, name) == 0) {
            return &types->v[i];
        }
    }
    return NULL;
}

static void
suggest_type(const struct config_type_list *types, const char *word, struct buf *out)
{
    size_t count = types->count;
    const char **names = mem_calloc(count + 1, sizeof(*names));
    const char *closest;

    for (size_t i = 0; i < count; i++) {
        names[i] = types->v[i].name;
    }
    closest = word != NULL ? parse_closest(word, names, count) : NULL;
    if (closest != NULL) {
        buf_addf(out, "did you mean `%s`? ", closest);
    }
    for (size_t i = 0; i < count; i++) {
        buf_addf(out, "%s%s", i == 0 ? "one of " : ", ", names[i]);
    }
    mem_free(names);
}

static const struct config_type *read_type(struct parser *p,
                                           const struct config_type_list *types,
                                           const char *of, /* "channel" */
                                           const struct node *map,
                                           const char *path)
{
    const struct node *node = node_get(map, "type");
    const struct config_type *type = NULL;
    char shown[PROBLEM_SHOWN_BYTES];
    struct buf accepted;
    char *inner = value_path(path, "type");
    char *text = NULL;

    buf_init(&accepted, MESSAGE_BYTES);
    suggest_type(types, node != NULL && node->kind == NODE_TEXT ? node->text : NULL, &accepted);
    if (node == NULL) {
        value_problem(&p->reader, map, buf_str(&accepted), "%s: `type` is missing", path);
    } else {
        text = value_text_dup(&p->reader, node, inner, buf_str(&accepted), NULL);
        type = text != NULL ? find_type(types, text) : NULL;
        if (text != NULL && type == NULL) {
            value_problem(&p->reader,
                          node,
                          buf_str(&accepted),
                          "%s: \"%s\" is no type of %s",
                          inner,
                          problem_shown(node->text, shown),
                          of);
        }
    }
    mem_free(text);
    mem_free(inner);
    buf_done(&accepted);
    return type;
}

/* A type's message begins with the key it is about: that key's value when the file gives it, else the
 * entry. */
static const struct node *
place_of(const char *message, const struct node *map, const struct node *entry)
{
    char *key = mem_strndup(message, strcspn(message, ":"));
    const struct node *found = node_get(map, key);

    mem_free(key);
    return found != NULL ? found : entry;
}

/* What the type says of settings that are each fine by themselves. */
static void check_own(struct parser *p,
                      const struct config_type *type,
                      const void *own,
                      const struct node *key,
                      const struct node *map,
                      const char *path)
{
    struct err why = {0};

    if (type->check != NULL && type->check(own, &why)) {
        value_problem(&p->reader, place_of(why.text, map, key), NULL, "%s.%s", path, why.text);
    }
}

/* ---- sources ---- */

/* Names under which articles come in that no source sent (service/intake.h). */
static const char *const reserved_sources[] = {"api", "cli", "test"};

static void check_source_name(struct parser *p, const struct node *key)
{
    check_name(p, key, "sources");
    for (size_t i = 0; i < ARRAY_LEN(reserved_sources); i++) {
        if (strcmp(reserved_sources[i], key->text) == 0) {
            value_problem(&p->reader,
                          key,
                          "any other name, such as cms",
                          "sources: the name `%s` means crier's own %s",
                          key->text,
                          key->text);
        }
    }
}

static void read_source_custom(struct value_reader *r,
                               const struct value_section *section,
                               const struct field *f,
                               const struct node *node,
                               const char *path)
{
    (void)r;
    (void)section;
    (void)node;
    (void)path;
    must(strcmp(f->key, "type") == 0); /* read before the rest, for its table */
}

static void fill_source(struct parser *p,
                        struct source_settings *source,
                        const struct node *key,
                        const struct node *node,
                        const char *path)
{
    struct value_section sections[3] = {
        {.fields = config_source_common, .object = source, .custom = read_source_custom}};
    size_t problems = p->reader.problems->count, count = 1;

    source->type = read_type(p, &p->types->sources, "source", node, path);
    if (source->type == NULL) {
        sections[0].open = true;
        value_read_mapping(&p->reader, sections, 1, node, path);
        return;
    }
    if (source->type->called) {
        sections[count++] =
            (struct value_section){.fields = config_source_called, .object = source};
    }
    source->own = mem_zalloc(source->type->settings_size);
    sections[count++] =
        (struct value_section){.fields = source->type->settings, .object = source->own};
    value_read_mapping(&p->reader, sections, count, node, path);
    if (p->reader.problems->count == problems) {
        check_own(p, source->type, source->own, key, node, path);
    }
}

static void read_source(struct parser *p,
                        const struct node *key,
                        const struct node *node,
                        const char *section)
{
    char *path = value_path(section, key->text);
    struct config *c = p->config;

    check_source_name(p, key);
    if (is_entry(p, node, path, "a source such as {type: json, secret: ${CMS_SECRET}}")) {
        c->sources = mem_realloc(c->sources, c->source_count + 1, sizeof(*c->sources));
        c->sources[c->source_count++] =
            (struct source_settings){.name = mem_strdup(key->text), .line = key->line};
        p->reader.fingerprint = c->sources[c->source_count - 1].fingerprint;
        fill_source(p, &c->sources[c->source_count - 1], key, node, path);
        p->reader.fingerprint = NULL;
    }
    mem_free(path);
}

static void
read_sources(struct parser *p, const struct field *f, const struct node *node, const char *path)
{
    if (!is_named_section(p, f, node, path)) {
        return;
    }
    for (size_t i = 0; i < node->count; i++) {
        read_source(p, node->keys[i], node->items[i], path);
    }
}

/* ---- breaking ---- */

static void read_breaking(struct parser *p,
                          const struct field *f,
                          const struct node *node,
                          const char *path)
{
    struct config *c = p->config;

    if (node_is_null(node)) {
        return;
    }
    if (node->kind != NODE_LIST) {
        value_problem(&p->reader, node, f->help, "%s: %s is given", path, node_kind_name(node));
        return;
    }
    for (size_t i = 0; i < node->count; i++) {
        char *inner = mem_printf("%s[%zu]", path, i + 1);
        struct rule *rule = rule__read(&p->reader, node->items[i], inner, true);

        if (rule != NULL) {
            c->breaking =
                mem_realloc(c->breaking, c->breaking_count + 1, sizeof(struct rule *));
            c->breaking[c->breaking_count++] = rule;
        }
        mem_free(inner);
    }
}

/* ---- channels ---- */

static void read_channel_custom(struct value_reader *r,
                                const struct value_section *section,
                                const struct field *f,
                                const struct node *node,
                                const char *path)
{
    struct channel_settings *channel = section->object;

    if (strcmp(f->key, "when") == 0) {
        channel->when = rule__read(r, node, path, false);
    } else {
        must(strcmp(f->key, "type") == 0); /* read before the rest, for its table */
    }
}

static void fill_channel(struct parser *p,
                         struct channel_settings *channel,
                         const struct node *key,
                         const struct node *node,
                         const char *path)
{
    struct value_section sections[2] = {
        {.fields = config_channel_common, .object = channel, .custom = read_channel_custom}};
    size_t count = p->reader.problems->count;

    channel->type = read_type(p, &p->types->channels, "channel", node, path);
    if (channel->type == NULL) {
        sections[0].open = true;
        value_read_mapping(&p->reader, sections, 1, node, path);
        return;
    }
    channel->own = mem_zalloc(channel->type->settings_size);
    sections[1] =
        (struct value_section){.fields = channel->type->settings, .object = channel->own};
    value_read_mapping(&p->reader, sections, 2, node, path);
    if (p->reader.problems->count == count) {
        check_own(p, channel->type, channel->own, key, node, path);
    }
}

static void read_channel(struct parser *p,
                         const struct node *key,
                         const struct node *node,
                         const char *section)
{
    char *path = value_path(section, key->text);
    struct config *c = p->config;

    check_name(p, key, section);
    if (is_entry(p, node, path, "a channel such as {type: telegram, …}")) {
        c->channels = mem_realloc(c->channels, c->channel_count + 1, sizeof(*c->channels));
        c->channels[c->channel_count++] =
            (struct channel_settings){.name = mem_strdup(key->text), .line = key->line};
        p->reader.fingerprint = c->channels[c->channel_count - 1].fingerprint;
        fill_channel(p, &c->channels[c->channel_count - 1], key, node, path);
        p->reader.fingerprint = NULL;
    }
    mem_free(path);
}

static void read_channels(struct parser *p,
                          const struct field *f,
                          const struct node *node,
                          const char *path)
{
    if (!is_named_section(p, f, node, path)) {
        return;
    }
    for (size_t i = 0; i < node->count; i++) {
        read_channel(p, node->keys[i], node->items[i], path);
    }
}

/* ---- groups ---- */

#define GROUPS_MAX 200 /* they are walked one inside the other */

static void read_group(struct parser *p,
                       const struct node *key,
                       const struct node *node,
                       const char *section)
{
    static const struct field members = {.key = "members",
                                         .kind = FIELD_STRINGS,
                                         .help = "names of channels and of other groups"};
    char *path = value_path(section, key->text);
    struct config *c = p->config;
    struct group_settings *group;

    check_name(p, key, section);
    c->groups = mem_realloc(c->groups, c->group_count + 1, sizeof(*c->groups));
    group = &c->groups[c->group_count++];
    *group = (struct group_settings){.name = mem_strdup(key->text), .line = key->line};
    value_read(&p->reader, &members, node, path, &group->members);
    mem_free(path);
}

static void
read_groups(struct parser *p, const struct field *f, const struct node *node, const char *path)
{
    if (!is_named_section(p, f, node, path)) {
        return;
    }
    if (node->count > GROUPS_MAX) {
        value_problem(&p->reader, node, f->help, "%s: more than %d groups", path, GROUPS_MAX);
        return;
    }
    for (size_t i = 0; i < node->count; i++) {
        read_group(p, node->keys[i], node->items[i], path);
    }
}

static void read_section(struct value_reader *r,
                         const struct value_section *section,
                         const struct field *f,
                         const struct node *node,
                         const char *path)
{
    struct parser *p = section->context;

    must(r == &p->reader);
    if (strcmp(f->key, "ledger") == 0) {
        read_ledger(p, node, path);
    } else if (strcmp(f->key, "sources") == 0) {
        read_sources(p, f, node, path);
    } else if (strcmp(f->key, "breaking") == 0) {
        read_breaking(p, f, node, path);
    } else if (strcmp(f->key, "groups") == 0) {
        read_groups(p, f, node, path);
    } else {
        must(strcmp(f->key, "channels") == 0);
        read_channels(p, f, node, path);
    }
}

void parse_config(struct config *c,
                  const struct node *root,
                  const char *name,
                  const struct config_types *types,
                  struct problems *problems)
{
    struct parser p = {
        .reader = {.file = name, .problems = problems},
        .config = c,
        .types = types,
        .root = root,
    };
    const struct value_section section = {
        .fields = config_fields, .object = c, .custom = read_section, .context = &p};

    if (root->kind != NODE_MAP) {
        value_problem(&p.reader,
                      root,
                      "keys such as `server:`, `sources:`, `channels:`",
                      "the file is %s",
                      node_kind_name(root));
        return;
    }
    value_read_mapping(&p.reader, &section, 1, root, "");
    if (node_get(root, "ledger") == NULL) {
        const struct value_section ledger = {.fields = config_ledger_fields,
                                             .object = &c->ledger};
        value_read_mapping(&p.reader, &ledger, 1, NULL, "ledger");
    }
    parse__groups(&p);
    parse__check(&p);
}
