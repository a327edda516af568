/* The Link header of HTTP (RFC 8288 section 3), value by value. Called by whatever looks for a
 * canonical address, a hub or a feed in an answer's head. Tolerant: what cannot be read is
 * skipped up to the next comma. */

#include <string.h>
#include <strings.h>

#include "sources/page.h"

static size_t blanks(const char *text)
{
    return strspn(text, " \t");
}

bool link_rel_has(const char *rel, size_t len, const char *word)
{
    size_t word_len = strlen(word);

    for (size_t i = 0; i < len;) {
        size_t end = i;

        while (end < len && !strchr(" \t\n\r\f", rel[end])) {
            end++;
        }
        if (end - i == word_len && strncasecmp(rel + i, word, word_len) == 0) {
            return true;
        }
        i = end + 1;
    }
    return false;
}

/* Behind name=: the value's bounds, without its quotes. Returns where it goes on. */
static const char *read_value(const char *at, const char **value, size_t *len)
{
    if (*at != '"') {
        *value = at;
        *len = strcspn(at, ",; \t");
        return at + *len;
    }
    *value = ++at;
    while (*at != '\0' && *at != '"') {
        at += at[0] == '\\' && at[1] != '\0' ? 2 : 1;
    }
    *len = (size_t)(at - *value);
    return *at == '"' ? at + 1 : at;
}

static void
keep_parameter(struct link_value *out, const char *name, size_t len, const char *v, size_t n)
{
    const struct {
        const char *name;
        const char **value;
        size_t *len;
    } rows[] = {
        {"rel", &out->rel, &out->rel_len},
        {"type", &out->type, &out->type_len},
        {"title", &out->title, &out->title_len},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (strlen(rows[i].name) == len && strncasecmp(rows[i].name, name, len) == 0 &&
            !*rows[i].value) {
            *rows[i].value = v;
            *rows[i].len = n;
        }
    }
}

/* From a ';' on, to the comma that ends this link or to the end. */
static const char *read_parameters(const char *at, struct link_value *out)
{
    while (*at == ';') {
        at += 1 + blanks(at + 1);
        const char *name = at, *value = "";
        size_t name_len = strcspn(at, "=;, \t"), value_len = 0;

        at += name_len;
        at += blanks(at);
        if (*at == '=') {
            at += 1 + blanks(at + 1);
            at = read_value(at, &value, &value_len);
        }
        keep_parameter(out, name, name_len, value, value_len);
        at += blanks(at);
    }
    return at + strcspn(at, ",");
}

bool link_header_next(const char *text, size_t *pos, struct link_value *out)
{
    const char *at = text + *pos;

    for (;;) {
        at += strspn(at, " \t,");
        if (*at == '\0') {
            *pos = (size_t)(at - text);
            return false;
        }
        const char *close = *at == '<' ? strchr(at, '>') : NULL;
        if (!close) {
            at += strcspn(at, ",");
            continue;
        }
        *out = (struct link_value){.href = at + 1, .href_len = (size_t)(close - at - 1)};
        at = close + 1 + blanks(close + 1);
        at = read_parameters(at, out);
        *pos = (size_t)(at - text);
        return true;
    }
}
