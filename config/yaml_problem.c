/* What is said of a file that cannot be read as YAML. libyaml tells where it stopped; the slips
 * behind nearly all of it are few, and are told here from the line. */

#include "config/yaml_internal.h"

#include <stdio.h>
#include <string.h>

void yaml__stop_at(
    struct builder *b, int line, int column, const char *accepted, const char *what)
{
    if (!b->stopped) {
        problems_add(b->problems, b->name, line, column, accepted, "%s", what);
    }
    b->stopped = true;
}

void yaml__stop_at_mark(struct builder *b,
                        const yaml_mark_t *mark,
                        const char *accepted,
                        const char *what)
{
    yaml__stop_at(b, (int)mark->line + 1, (int)mark->column + 1, accepted, what);
}

/* The line of the file, from 0, as a slice; empty when there is none. */
static const char *line_of(const struct builder *b, size_t line, size_t *out_len)
{
    const char *at = b->text;
    const char *end = b->text + b->len;
    const char *stop;

    while (line > 0 && at < end) {
        const char *next = memchr(at, '\n', (size_t)(end - at));
        at = next == NULL ? end : next + 1;
        line--;
    }
    stop = memchr(at, '\n', (size_t)(end - at));
    *out_len = (size_t)((stop == NULL ? end : stop) - at);
    return at;
}

bool yaml__has(const char *text, size_t len, const char *part)
{
    return memmem(text, len, part, strlen(part)) != NULL;
}

/* libyaml knows what it expected, not what people do: the three slips behind nearly all of
 * it. */
static const char *syntax_hint(const struct builder *b, size_t line_index)
{
    size_t len;
    const char *line = line_of(b, line_index, &len);
    size_t blanks = 0;

    if (b->parser.error == YAML_READER_ERROR) {
        return "printable text";
    }
    while (blanks < len && line[blanks] == ' ') {
        blanks++;
    }
    if (blanks < len && line[blanks] == '\t') {
        return "indent with blanks, not with tabs";
    }
    if (yaml__has(line, len, "{{")) {
        return "a text with {{…}} must stand in quotes";
    }
    if (yaml__has(line, len, ": @") || yaml__has(line, len, ": `") ||
        yaml__has(line, len, ": %")) {
        return "a text that begins with @, ` or % must stand in quotes";
    }
    return "look for a missing quote, bracket, blank behind a colon, or a wrong indent, here "
           "or in "
           "the line before";
}

/* Bytes that libyaml's reader refuses come with an offset instead of a mark. */
static yaml_mark_t mark_of_problem(const struct builder *b)
{
    yaml_mark_t mark = b->parser.problem_mark;

    if (b->parser.error != YAML_READER_ERROR) {
        return mark;
    }
    mark = (yaml_mark_t){0};
    for (size_t i = 0; i < b->parser.problem_offset && i < b->hidden.len; i++) {
        if (b->hidden.data[i] == '\n') {
            mark.line++;
            mark.column = 0;
        } else if (((unsigned char)b->hidden.data[i] & 0xC0) != 0x80) {
            mark.column++;
        }
    }
    return mark;
}

void yaml__stop_on_syntax(struct builder *b)
{
    yaml_mark_t mark = mark_of_problem(b);
    char what[512]; /* libyaml's texts are constants of under 100 bytes */
    int used;

    if (b->parser.error == YAML_MEMORY_ERROR) {
        yaml__stop_at(b, 0, 0, NULL, "too large to be read");
        return;
    }
    used = snprintf(what,
                    sizeof(what),
                    "not YAML: %s%s%s",
                    b->parser.problem != NULL ? b->parser.problem : "unreadable",
                    b->parser.context != NULL ? " " : "",
                    b->parser.context != NULL ? b->parser.context : "");
    if (b->parser.context != NULL && b->parser.context_mark.line != mark.line) {
        (void)snprintf(what + used,
                       sizeof(what) - (size_t)used,
                       " that begins in line %zu",
                       b->parser.context_mark.line + 1);
    }
    yaml__stop_at_mark(b, &mark, syntax_hint(b, mark.line), what);
}
