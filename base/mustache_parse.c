/* Parsing of Mustache templates: from text to the flat tree of mustache_internal.h. Called when
 * settings are read and for each partial rendered. Everything a template can get wrong is found
 * here, with its line and column. */

#include "base/mustache.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/mustache_internal.h"

#define OPEN_SECTIONS_MAX 64
#define DELIMITER_BYTES 16

struct parser {
    struct mustache *m;
    struct err *why;
    size_t pos;
    char open[DELIMITER_BYTES], close[DELIMITER_BYTES];
    size_t sections[OPEN_SECTIONS_MAX];   /* node indexes */
    size_t section_at[OPEN_SECTIONS_MAX]; /* where their tags stand, for messages */
    size_t section_count;
};

/* One tag as it stands in the source: [start, end), with what is inside. */
struct tag {
    size_t start, end;
    char sigil;       /* '\0' for a plain variable */
    const char *body; /* without sigil and blanks around */
    size_t body_len;
};

/* A struct for "2:14", returned by value. */
struct place {
    char text[32];
};

static struct place place_of(const struct parser *p, size_t pos)
{
    struct place place;
    unsigned line = 1, column = 1;

    for (size_t i = 0; i < pos; i++) {
        unsigned char c = (unsigned char)p->m->source[i];

        if (c == '\n') {
            line++;
            column = 1;
        } else if ((c & 0xC0) != 0x80) {
            column++;
        }
    }
    (void)snprintf(place.text, sizeof place.text, "%u:%u", line, column);
    return place;
}

static enum err_code refuse(const struct parser *p, size_t pos, const char *what)
{
    return err_set(p->why, ERR_INVALID, "%s: %s", place_of(p, pos).text, what);
}

static struct mustache_node *add_node(struct parser *p, enum mustache_node_kind kind)
{
    struct mustache *m = p->m;

    if (m->node_count == m->node_cap) {
        m->node_cap = m->node_cap ? m->node_cap * 2 : 8;
        m->nodes = mem_realloc(m->nodes, m->node_cap, sizeof m->nodes[0]);
    }
    struct mustache_node *n = &m->nodes[m->node_count++];
    *n = (struct mustache_node){.kind = kind, .end = m->node_count};
    return n;
}

static void add_text(struct parser *p, size_t from, size_t to)
{
    if (to > from) {
        struct mustache_node *n = add_node(p, NODE_TEXT);

        n->text = p->m->source + from;
        n->text_len = to - from;
    }
}

static void add_named(struct parser *p, enum mustache_node_kind kind, const struct tag *t)
{
    char *name = mem_strndup(t->body, t->body_len);

    add_node(p, kind)->name = name;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void trim(struct tag *t)
{
    while (t->body_len > 0 && is_blank(t->body[0])) {
        t->body++;
        t->body_len--;
    }
    while (t->body_len > 0 && is_blank(t->body[t->body_len - 1])) {
        t->body_len--;
    }
}

/* Reads the tag whose opening delimiter is at pos. */
static enum err_code read_tag(const struct parser *p, size_t pos, struct tag *out)
{
    const char *at = p->m->source + pos + strlen(p->open);
    struct tag t = {.start = pos};
    char end_mark[DELIMITER_BYTES + 2] = "";

    while (*at != '{' && is_blank(*at)) {
        at++;
    }
    if (*at != '\0' && strchr("#^/!>&={$<", *at) != NULL &&
        strncmp(at, p->close, strlen(p->close)) != 0) {
        t.sigil = *at++;
    }
    if (t.sigil == '=' || t.sigil == '{') {
        end_mark[0] = t.sigil == '{' ? '}' : '=';
    }
    memcpy(end_mark + strlen(end_mark), p->close, strlen(p->close) + 1);
    const char *end = strstr(at, end_mark);
    if (end == NULL) {
        return refuse(p, pos, "this tag is never closed");
    }
    t.body = at;
    t.body_len = (size_t)(end - at);
    t.end = (size_t)(end - p->m->source) + strlen(end_mark);
    trim(&t);
    *out = t;
    return ERR_NONE;
}

/* A tag that prints nothing of its own and is alone on its line takes the line with it: *from
 * is then the line's begin and *to the next line's. */
static bool stands_alone(const struct parser *p, const struct tag *t, size_t *from, size_t *to)
{
    const char *source = p->m->source;
    size_t begin = t->start, end = t->end;

    while (begin > 0 && (source[begin - 1] == ' ' || source[begin - 1] == '\t')) {
        begin--;
    }
    while (source[end] == ' ' || source[end] == '\t') {
        end++;
    }
    if (begin > 0 && source[begin - 1] != '\n') {
        return false;
    }
    if (source[end] == '\r' && source[end + 1] == '\n') {
        end++;
    }
    if (source[end] != '\n' && source[end] != '\0') {
        return false;
    }
    *from = begin;
    *to = source[end] == '\n' ? end + 1 : end;
    return true;
}

static bool name_ok(const struct tag *t)
{
    if (t->body_len == 1 && t->body[0] == '.') {
        return true;
    }
    bool part = false; /* the part since the last dot has something in it */
    for (size_t i = 0; i < t->body_len; i++) {
        if (is_blank(t->body[i]) || (t->body[i] == '.' && !part)) {
            return false;
        }
        part = t->body[i] != '.';
    }
    return part;
}

static enum err_code set_delimiters(struct parser *p, const struct tag *t)
{
    size_t open = 0, gap, close;

    while (open < t->body_len && !is_blank(t->body[open])) {
        open++;
    }
    gap = open;
    while (gap < t->body_len && is_blank(t->body[gap])) {
        gap++;
    }
    close = t->body_len - gap;
    bool good = open > 0 && close > 0 && open < DELIMITER_BYTES && close < DELIMITER_BYTES &&
                memchr(t->body, '=', t->body_len) == NULL;
    for (size_t i = gap; i < t->body_len; i++) {
        good = good && !is_blank(t->body[i]);
    }
    if (!good) {
        return refuse(p, t->start, "expected two delimiters, as in {{=<% %>=}}");
    }
    memcpy(p->open, t->body, open);
    p->open[open] = '\0';
    memcpy(p->close, t->body + gap, close);
    p->close[close] = '\0';
    return ERR_NONE;
}

static enum err_code open_section(struct parser *p, const struct tag *t)
{
    if (p->section_count == OPEN_SECTIONS_MAX) {
        return refuse(p, t->start, "sections nested too deep");
    }
    p->sections[p->section_count] = p->m->node_count;
    p->section_at[p->section_count++] = t->start;
    add_named(p, t->sigil == '#' ? NODE_SECTION : NODE_INVERTED, t);
    return ERR_NONE;
}

static enum err_code close_section(struct parser *p, const struct tag *t)
{
    if (p->section_count == 0) {
        return err_set(p->why,
                       ERR_INVALID,
                       "%s: section \"%.*s\" was never opened",
                       place_of(p, t->start).text,
                       (int)t->body_len,
                       t->body);
    }
    struct mustache_node *n = &p->m->nodes[p->sections[--p->section_count]];
    if (strlen(n->name) != t->body_len || memcmp(n->name, t->body, t->body_len) != 0) {
        return err_set(p->why,
                       ERR_INVALID,
                       "%s: section \"%.*s\" closed where \"%s\" is open",
                       place_of(p, t->start).text,
                       (int)t->body_len,
                       t->body,
                       n->name);
    }
    n->end = p->m->node_count;
    return ERR_NONE;
}

static void add_partial(struct parser *p, const struct tag *t, size_t indent_from)
{
    char *indent = indent_from < t->start
                       ? mem_strndup(p->m->source + indent_from, t->start - indent_from)
                       : NULL;

    add_named(p, NODE_PARTIAL, t);
    p->m->nodes[p->m->node_count - 1].indent = indent;
}

static enum err_code check_name(const struct parser *p, const struct tag *t)
{
    if (t->sigil == '!' || t->sigil == '=') {
        return ERR_NONE;
    }
    if (t->sigil == '$' || t->sigil == '<') {
        return refuse(p, t->start, "template inheritance is not supported");
    }
    if (t->sigil == '>' ? t->body_len == 0 : !name_ok(t)) {
        return refuse(p, t->start, "expected a name without blanks");
    }
    return ERR_NONE;
}

/* indent_from: where the tag's line begins when it stands alone, else the tag itself. */
static enum err_code add_tag(struct parser *p, const struct tag *t, size_t indent_from)
{
    switch (t->sigil) {
    case '#':
    case '^':
        return open_section(p, t);
    case '/':
        return close_section(p, t);
    case '=':
        return set_delimiters(p, t);
    case '>':
        add_partial(p, t, indent_from);
        return ERR_NONE;
    case '!':
        return ERR_NONE;
    case '&':
    case '{':
        add_named(p, NODE_RAW, t);
        return ERR_NONE;
    default:
        add_named(p, NODE_VARIABLE, t);
        return ERR_NONE;
    }
}

static enum err_code parse_tag(struct parser *p, size_t at)
{
    struct tag t = {0};
    enum err_code rc = read_tag(p, at, &t);

    if (!rc) {
        rc = check_name(p, &t);
    }
    if (rc) {
        return rc;
    }
    bool silent = t.sigil != '\0' && t.sigil != '{' && t.sigil != '&';
    size_t from = t.start, to = t.end;
    if (silent) {
        (void)stands_alone(p, &t, &from, &to);
    }
    add_text(p, p->pos, from);
    p->pos = to;
    return add_tag(p, &t, from);
}

static enum err_code parse_all(struct parser *p)
{
    const char *found;

    while ((found = strstr(p->m->source + p->pos, p->open)) != NULL) {
        enum err_code rc = parse_tag(p, (size_t)(found - p->m->source));

        if (rc) {
            return rc;
        }
    }
    add_text(p, p->pos, strlen(p->m->source));
    if (p->section_count > 0) {
        size_t last = p->section_count - 1;

        return err_set(p->why,
                       ERR_INVALID,
                       "%s: section \"%s\" is never closed",
                       place_of(p, p->section_at[last]).text,
                       p->m->nodes[p->sections[last]].name);
    }
    return ERR_NONE;
}

enum err_code mustache_parse(struct mustache **out, const char *text, struct err *why)
{
    struct parser p = {.why = why, .open = "{{", .close = "}}"};

    p.m = mem_zalloc(sizeof *p.m);
    p.m->source = mem_strdup(text);
    enum err_code rc = parse_all(&p);
    if (rc) {
        mustache_free(p.m);
        return rc;
    }
    *out = p.m;
    return ERR_NONE;
}
