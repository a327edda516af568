/* Mustache: rendering a parsed template over Jansson values. Called by service/ for posts and
 * by config/ for checks. A template owns its source and its nodes; data, partials and output
 * belong to the caller. Parsing is in mustache_parse.c. */

#include "base/mustache.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/mustache_internal.h"
#include "base/parse.h"
#include "base/text.h"

#define CONTEXTS_MAX 256    /* values a name is looked for in, innermost first */
#define PARTIALS_MAX 32     /* partials inside partials */
#define STEPS_MAX 1000000   /* nodes in one rendering: partials can double and double */
#define PARTIAL_BYTES 65536 /* of one partial with its indentation */

struct rendering {
    mustache_escape_fn *escape;
    mustache_partial_fn *partial;
    void *partial_context;
    struct buf *out;
    struct err *why;
    const json_t *contexts[CONTEXTS_MAX];
    size_t context_count;
    size_t partial_depth;
    size_t steps;
};

static enum err_code
render_nodes(struct rendering *r, const struct mustache *m, size_t from, size_t to);

/* One step into a value: a member, or an element by its number. */
static const json_t *member(const json_t *v, const char *name, size_t len)
{
    size_t index = 0;

    if (json_is_object(v)) {
        return json_object_getn(v, name, len);
    }
    if (!json_is_array(v) || len > 6 || strspn(name, "0123456789") < len) {
        return NULL;
    }
    for (size_t i = 0; i < len; i++) {
        index = index * 10 + (size_t)(name[i] - '0');
    }
    return json_array_get(v, index);
}

/* The first part of a dotted name is looked for in every context, the rest only inside of what
 * was found: a parent never fills in for what its child has not. */
static const json_t *lookup(const struct rendering *r, const char *name)
{
    size_t len = strcspn(name, ".");
    const json_t *v = NULL;

    if (strcmp(name, ".") == 0) {
        return r->contexts[r->context_count - 1];
    }
    for (size_t i = r->context_count; v == NULL && i-- > 0;) {
        if (json_is_object(r->contexts[i])) {
            v = json_object_getn(r->contexts[i], name, len);
        }
    }
    while (v != NULL && name[len] == '.') {
        name += len + 1;
        len = strcspn(name, ".");
        v = member(v, name, len);
    }
    return v;
}

static bool is_true(const json_t *v)
{
    switch (json_typeof(v)) {
    case JSON_FALSE:
    case JSON_NULL:
        return false;
    case JSON_STRING:
        return json_string_length(v) > 0;
    case JSON_ARRAY:
        return json_array_size(v) > 0;
    case JSON_INTEGER:
        return json_integer_value(v) != 0;
    case JSON_REAL:
        return json_real_value(v) < 0 || json_real_value(v) > 0;
    case JSON_OBJECT:
    case JSON_TRUE:
        break;
    }
    return true;
}

/* The shortest digits that read back as the same number. */
static void real_text(double value, char *out, size_t size)
{
    for (int digits = 15; digits <= 17; digits++) {
        double back;

        (void)snprintf(out, size, "%.*g", digits, value);
        if (parse_f64(out, &back) && !(back < value) && !(back > value)) {
            return;
        }
    }
}

static void render_value(struct rendering *r, const json_t *v, bool raw)
{
    char number[40];
    const char *text = number;

    switch (v == NULL ? JSON_NULL : json_typeof(v)) {
    case JSON_STRING:
        text = json_string_value(v);
        break;
    case JSON_INTEGER:
        (void)snprintf(number, sizeof number, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
        break;
    case JSON_REAL:
        real_text(json_real_value(v), number, sizeof number);
        break;
    case JSON_TRUE:
        text = "true";
        break;
    case JSON_FALSE:
        text = "false";
        break;
    case JSON_OBJECT:
    case JSON_ARRAY:
    case JSON_NULL:
        return;
    }
    if (raw) {
        buf_adds(r->out, text);
    } else {
        r->escape(r->out, text, strlen(text));
    }
}

static enum err_code render_inside(
    struct rendering *r, const struct mustache *m, const json_t *v, size_t from, size_t to)
{
    if (r->context_count == CONTEXTS_MAX) {
        return err_set(r->why, ERR_TOO_BIG, "sections nested deeper than %d", CONTEXTS_MAX);
    }
    r->contexts[r->context_count++] = v;
    enum err_code rc = render_nodes(r, m, from, to);
    r->context_count--;
    return rc;
}

static enum err_code render_section(struct rendering *r, const struct mustache *m, size_t at)
{
    const struct mustache_node *n = &m->nodes[at];
    const json_t *v = lookup(r, n->name);
    enum err_code rc = ERR_NONE;

    if (v == NULL || !is_true(v)) {
        return ERR_NONE;
    }
    if (!json_is_array(v)) {
        return render_inside(r, m, v, at + 1, n->end);
    }
    for (size_t i = 0; i < json_array_size(v) && !rc; i++) {
        rc = render_inside(r, m, json_array_get(v, i), at + 1, n->end);
    }
    return rc;
}

static enum err_code render_inverted(struct rendering *r, const struct mustache *m, size_t at)
{
    const struct mustache_node *n = &m->nodes[at];
    const json_t *v = lookup(r, n->name);

    return v == NULL || !is_true(v) ? render_nodes(r, m, at + 1, n->end) : ERR_NONE;
}

/* A partial alone on its line has every line of its own text moved in as far as its tag is. */
static void indent_lines(struct buf *out, const char *text, const char *indent)
{
    while (*text != '\0') {
        size_t len = strcspn(text, "\n");

        len += text[len] == '\n' ? 1 : 0;
        buf_adds(out, indent);
        buf_add(out, text, len);
        text += len;
    }
}

static enum err_code render_partial_text(struct rendering *r, const char *text)
{
    struct mustache *inner = NULL;
    enum err_code rc = mustache_parse(&inner, text, r->why);

    if (!rc) {
        rc = render_nodes(r, inner, 0, inner->node_count);
    }
    mustache_free(inner);
    return rc;
}

static enum err_code render_partial(struct rendering *r, const struct mustache_node *n)
{
    const char *text = r->partial == NULL ? NULL : r->partial(r->partial_context, n->name);
    enum err_code rc;
    struct buf indented;

    if (text == NULL) {
        return ERR_NONE;
    }
    if (r->partial_depth == PARTIALS_MAX) {
        return err_set(r->why, ERR_TOO_BIG, "partials nested deeper than %d", PARTIALS_MAX);
    }
    buf_init(&indented, PARTIAL_BYTES);
    indent_lines(&indented, text, n->indent == NULL ? "" : n->indent);
    rc = buf_check(&indented, "the text", r->why);
    r->partial_depth++;
    if (!rc) {
        rc = render_partial_text(r, buf_str(&indented));
    }
    r->partial_depth--;
    buf_done(&indented);
    if (rc) {
        err_wrap(r->why, "partial \"%s\"", n->name);
    }
    return rc;
}

static enum err_code render_node(struct rendering *r, const struct mustache *m, size_t at)
{
    const struct mustache_node *n = &m->nodes[at];

    switch (n->kind) {
    case NODE_TEXT:
        buf_add(r->out, n->text, n->text_len);
        return ERR_NONE;
    case NODE_VARIABLE:
        render_value(r, lookup(r, n->name), false);
        return ERR_NONE;
    case NODE_RAW:
        render_value(r, lookup(r, n->name), true);
        return ERR_NONE;
    case NODE_SECTION:
        return render_section(r, m, at);
    case NODE_INVERTED:
        return render_inverted(r, m, at);
    case NODE_PARTIAL:
        return render_partial(r, n);
    }
    return ERR_NONE;
}

static enum err_code
render_nodes(struct rendering *r, const struct mustache *m, size_t from, size_t to)
{
    enum err_code rc = ERR_NONE;

    for (size_t i = from; i < to && !rc; i = m->nodes[i].end) {
        if (++r->steps > STEPS_MAX) {
            return err_set(r->why, ERR_TOO_BIG, "more than %d steps", STEPS_MAX);
        }
        rc = render_node(r, m, i);
        if (!rc) {
            rc = buf_check(r->out, "the text", r->why);
        }
    }
    return rc;
}

enum err_code mustache_render(const struct mustache *m,
                              const json_t *data,
                              mustache_escape_fn *escape,
                              mustache_partial_fn *partial,
                              void *partial_context,
                              struct buf *out,
                              struct err *why)
{
    struct rendering r = {
        .escape = escape == NULL ? text_escape_html : escape,
        .partial = partial,
        .partial_context = partial_context,
        .out = out,
        .why = why,
        .contexts = {data},
        .context_count = 1,
    };

    return render_nodes(&r, m, 0, m->node_count);
}

void mustache_free(struct mustache *m)
{
    if (m == NULL) {
        return;
    }
    for (size_t i = 0; i < m->node_count; i++) {
        mem_free(m->nodes[i].name);
        mem_free(m->nodes[i].indent);
    }
    mem_free(m->nodes);
    mem_free(m->source);
    mem_free(m);
}

const char *mustache_source(const struct mustache *m)
{
    return m->source;
}

void mustache_names(const struct mustache *m,
                    void (*visit)(void *context, const char *name),
                    void *context)
{
    for (size_t i = 0; i < m->node_count; i++) {
        if (m->nodes[i].kind != NODE_TEXT && m->nodes[i].kind != NODE_PARTIAL) {
            visit(context, m->nodes[i].name);
        }
    }
}

void mustache_escape_none(struct buf *out, const char *text, size_t len)
{
    buf_add(out, text, len);
}
