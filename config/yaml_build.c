/* From libyaml's events to nodes. yaml.c asks for the one value a document is; lists and
 * mappings ask for theirs. Bounded here: the depth, and the count and bytes of all values,
 * those that aliases repeat counted each time, since each repeat is a copy. */

#include "config/yaml_internal.h"

#include <string.h>

#include "base/map.h"
#include "base/mem.h"

bool yaml__next_event(struct builder *b, yaml_event_t *event)
{
    if (b->stopped) {
        return false;
    }
    if (yaml_parser_parse(&b->parser, event) == 0) {
        yaml__stop_on_syntax(b);
        return false;
    }
    return true;
}

static bool count_node(struct builder *b, const yaml_mark_t *mark, size_t bytes)
{
    b->nodes++;
    b->bytes += bytes;
    if (b->nodes > YAML_NODES || b->bytes > YAML_TEXT_BYTES) {
        yaml__stop_at_mark(b,
                           mark,
                           "at most 50000 values of 4 MiB, repeats by aliases counted",
                           "too many values");
        return false;
    }
    return true;
}

static struct node *node_new(enum node_kind kind, const yaml_mark_t *mark)
{
    struct node *n = mem_zalloc(sizeof(*n));

    n->kind = kind;
    n->line = (int)mark->line + 1;
    n->column = (int)mark->column + 1;
    return n;
}

/* A text with its braces back. */
static char *unhide(const char *text, size_t len)
{
    char *out = mem_strndup(text, len);
    char *to = out;

    for (const char *at = out; *at != '\0';) {
        if (strncmp(at, HIDDEN_OPEN, HIDDEN_BYTES) == 0) {
            *to++ = '{';
            at += HIDDEN_BYTES;
        } else if (strncmp(at, HIDDEN_CLOSE, HIDDEN_BYTES) == 0) {
            *to++ = '}';
            at += HIDDEN_BYTES;
        } else {
            *to++ = *at++;
        }
    }
    *to = '\0';
    return out;
}

static struct node *
copy_node(struct builder *b, const struct node *from, const yaml_mark_t *mark)
{
    struct node *n;

    if (!count_node(b, mark, from->text != NULL ? strlen(from->text) : 0)) {
        return NULL;
    }
    n = mem_zalloc(sizeof(*n));
    n->kind = from->kind;
    n->line = from->line;
    n->column = from->column;
    n->plain = from->plain;
    n->text = mem_strdup(from->text);
    for (size_t i = 0; i < from->count; i++) {
        struct node *item = copy_node(b, from->items[i], mark);
        struct node *key = NULL;

        if (item != NULL && n->kind == NODE_MAP) {
            key = copy_node(b, from->keys[i], mark);
        }
        if (item == NULL || (n->kind == NODE_MAP && key == NULL)) {
            node_free(item);
            node_free(n);
            return NULL;
        }
        node__append_take(n, key, item);
    }
    return n;
}

static struct node *build_alias(struct builder *b, const yaml_event_t *event)
{
    const char *name = (const char *)event->data.alias.anchor;

    for (size_t i = b->anchor_count; i > 0; i--) {
        if (strcmp(b->anchors[i - 1].name, name) == 0) {
            return copy_node(b, b->anchors[i - 1].node, &event->start_mark);
        }
    }
    yaml__stop_at_mark(b,
                       &event->start_mark,
                       "an anchor (&name) that stands complete before it",
                       "an alias to nothing");
    return NULL;
}

static struct node *build_text(struct builder *b, const yaml_event_t *event)
{
    const char *text = (const char *)event->data.scalar.value;
    size_t len = event->data.scalar.length;
    struct node *n;

    if (!count_node(b, &event->start_mark, len)) {
        return NULL;
    }
    if (memchr(text, '\0', len) != NULL) {
        yaml__stop_at_mark(b, &event->start_mark, "text without NUL", "a text with a NUL byte");
        return NULL;
    }
    n = node_new(NODE_TEXT, &event->start_mark);
    n->text = unhide(text, len);
    n->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    return n;
}

static struct node *build_from(struct builder *b, const yaml_event_t *event, int depth);

struct node *yaml__build(struct builder *b, int depth)
{
    yaml_event_t event;
    struct node *n;

    if (!yaml__next_event(b, &event)) {
        return NULL;
    }
    n = build_from(b, &event, depth);
    yaml_event_delete(&event);
    return n;
}

/* The next item of a list or key of a mapping. False at its end and on trouble (b->stopped). */
static bool build_item(struct builder *b, yaml_event_type_t end, int depth, struct node **out)
{
    yaml_event_t event;
    bool at_end;

    *out = NULL;
    if (!yaml__next_event(b, &event)) {
        return false;
    }
    at_end = event.type == end;
    if (!at_end) {
        *out = build_from(b, &event, depth);
    }
    yaml_event_delete(&event);
    return *out != NULL;
}

static struct node *build_list(struct builder *b, const yaml_event_t *event, int depth)
{
    struct node *n = node_new(NODE_LIST, &event->start_mark);
    struct node *item;

    while (build_item(b, YAML_SEQUENCE_END_EVENT, depth, &item)) {
        node__append_take(n, NULL, item);
    }
    return n;
}

/* Remembers a key; a second one of the same name is a problem, and not remembered. */
static void note_key(struct builder *b, struct map *seen, struct node *key)
{
    const struct node *first = map_get(seen, key->text, strlen(key->text));
    char shown[PROBLEM_SHOWN_BYTES];

    if (first == NULL) {
        (void)map_put(seen, key->text, strlen(key->text), key);
        return;
    }
    problems_add(b->problems,
                 b->name,
                 key->line,
                 key->column,
                 "each key once",
                 "`%s` stands here a second time, first in line %d",
                 problem_shown_key(key->text, shown),
                 first->line);
}

static bool key_usable(struct builder *b, const struct node *key)
{
    if (key->kind == NODE_TEXT) {
        return true;
    }
    problems_add(b->problems,
                 b->name,
                 key->line,
                 key->column,
                 "a text as key; a value with {{…}} must stand in quotes",
                 "%s where a key belongs",
                 node_kind_name(key));
    return false;
}

/* The keys of `from` that n does not have yet. */
static void merge(struct builder *b, struct node *n, struct map *seen, const struct node *from)
{
    yaml_mark_t mark = {0, (size_t)from->line - 1, (size_t)from->column - 1};

    for (size_t i = 0; i < from->count && !b->stopped; i++) {
        const char *name = from->keys[i]->text;
        struct node *key, *item;

        if (map_get(seen, name, strlen(name)) != NULL) {
            continue;
        }
        key = copy_node(b, from->keys[i], &mark);
        item = copy_node(b, from->items[i], &mark);
        if (key == NULL || item == NULL) {
            node_free(key);
            node_free(item);
            return;
        }
        (void)map_put(seen, name, strlen(name), key);
        node__append_take(n, key, item);
    }
}

static void
merge_value(struct builder *b, struct node *n, struct map *seen, const struct node *value)
{
    if (value->kind == NODE_MAP) {
        merge(b, n, seen, value);
        return;
    }
    for (size_t i = 0; value->kind == NODE_LIST && i < value->count; i++) {
        if (value->items[i]->kind == NODE_MAP) {
            merge(b, n, seen, value->items[i]);
        }
    }
    if (value->kind == NODE_TEXT) {
        problems_add(b->problems,
                     b->name,
                     value->line,
                     value->column,
                     "an alias to a mapping, or a list of such",
                     "<<: %s",
                     node_kind_name(value));
    }
}

static void drop(struct builder *b, struct node *n)
{
    if (b->dropped == NULL) {
        b->dropped = mem_zalloc(sizeof(*b->dropped));
        b->dropped->kind = NODE_LIST;
    }
    node__append_take(b->dropped, NULL, n);
}

static void add_pair(struct builder *b,
                     struct node *n,
                     struct map *seen,
                     struct node **merged,
                     struct node *key,
                     struct node *item)
{
    if (!key_usable(b, key)) {
        drop(b, key);
        drop(b, item);
    } else if (key->plain && strcmp(key->text, "<<") == 0 && *merged == NULL) {
        drop(b, key);
        *merged = item;
    } else {
        note_key(b, seen, key);
        node__append_take(n, key, item);
    }
}

/* Merging waits until all keys of the mapping itself are known: they win, wherever they
 * stand. */
static struct node *build_map(struct builder *b, const yaml_event_t *event, int depth)
{
    struct node *n = node_new(NODE_MAP, &event->start_mark);
    struct map *seen = map_new();
    struct node *merged = NULL;
    struct node *key;

    while (build_item(b, YAML_MAPPING_END_EVENT, depth, &key)) {
        struct node *item = yaml__build(b, depth);

        if (item == NULL) {
            node_free(key);
            break;
        }
        add_pair(b, n, seen, &merged, key, item);
    }
    if (merged != NULL) {
        merge_value(b, n, seen, merged);
        drop(b, merged);
    }
    map_free(seen);
    return n;
}

static struct node *build_nested(struct builder *b, const yaml_event_t *event, int depth)
{
    if (depth >= YAML_DEPTH) {
        yaml__stop_at_mark(b, &event->start_mark, "at most 32 levels", "nested too deep");
        return NULL;
    }
    if (!count_node(b, &event->start_mark, 0)) {
        return NULL;
    }
    return event->type == YAML_SEQUENCE_START_EVENT ? build_list(b, event, depth + 1)
                                                    : build_map(b, event, depth + 1);
}

static void keep_anchor(struct builder *b, const yaml_char_t *anchor, const struct node *n)
{
    if (anchor == NULL) {
        return;
    }
    b->anchors = mem_realloc(b->anchors, b->anchor_count + 1, sizeof(*b->anchors));
    b->anchors[b->anchor_count++] = (struct anchor){mem_strdup((const char *)anchor), n};
}

static bool tag_usable(struct builder *b, const yaml_event_t *event, const yaml_char_t *tag)
{
    static const char core[] = "tag:yaml.org,2002:";

    if (tag == NULL || strcmp((const char *)tag, "!") == 0 ||
        strncmp((const char *)tag, core, sizeof(core) - 1) == 0) {
        return true;
    }
    yaml__stop_at_mark(
        b, &event->start_mark, "values without tags", "a tag that is not known here");
    return false;
}

static struct node *build_from(struct builder *b, const yaml_event_t *event, int depth)
{
    const yaml_char_t *anchor = NULL;
    const yaml_char_t *tag = NULL;
    struct node *n;

    switch (event->type) {
    case YAML_ALIAS_EVENT:
        return build_alias(b, event);
    case YAML_SCALAR_EVENT:
        anchor = event->data.scalar.anchor;
        tag = event->data.scalar.tag;
        n = tag_usable(b, event, tag) ? build_text(b, event) : NULL;
        break;
    case YAML_SEQUENCE_START_EVENT:
        anchor = event->data.sequence_start.anchor;
        tag = event->data.sequence_start.tag;
        n = tag_usable(b, event, tag) ? build_nested(b, event, depth) : NULL;
        break;
    case YAML_MAPPING_START_EVENT:
        anchor = event->data.mapping_start.anchor;
        tag = event->data.mapping_start.tag;
        n = tag_usable(b, event, tag) ? build_nested(b, event, depth) : NULL;
        break;
    default: /* the grammar of events has nothing else where a value stands */
        yaml__stop_at_mark(b, &event->start_mark, "a value", "not YAML");
        return NULL;
    }
    if (n != NULL) {
        keep_anchor(b, anchor, n);
    }
    return n;
}
