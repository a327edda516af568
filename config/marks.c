/* Whether a category or tag is a mark of breaking news. Called by the rules. Owns nothing. */

#include "config/marks.h"

#include <string.h>

#include "base/attr.h"
#include "base/text.h"

#define PART_BYTES 64 /* longer than any mark: a longer part is none */

#define LISTED(word) word,
static const char *const marks[] = {BREAKING_MARKS(LISTED, LISTED)};

/* Signs that people put around a mark, and blanks. */
static bool is_sign(char c)
{
    return c == ' ' || strchr("#+*!:-_=[]()<>\"'.", c) != NULL;
}

/* A part without its signs, with blanks where hyphens and underscores join words. False when it is
 * too long for a mark, or nothing. */
static bool bare_part(const char *part, size_t len, char out[PART_BYTES])
{
    while (len > 0 && is_sign(part[0])) {
        part++;
        len--;
    }
    while (len > 0 && is_sign(part[len - 1])) {
        len--;
    }
    if (len == 0 || len >= PART_BYTES) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        out[i] = part[i] == '-' || part[i] == '_' ? ' ' : part[i];
    }
    out[len] = '\0';
    return true;
}

static bool is_mark(const char *part, size_t len)
{
    char bare[PART_BYTES];

    if (!bare_part(part, len, bare)) {
        return false;
    }
    for (size_t i = 0; i < ARRAY_LEN(marks); i++) {
        if (text_same_word(marks[i], bare)) {
            return true;
        }
    }
    return false;
}

static bool has_mark(const char *word)
{
    for (;;) {
        size_t len = strcspn(word, "/|");

        if (is_mark(word, len)) {
            return true;
        }
        if (word[len] == '\0') {
            return false;
        }
        word += len + 1;
    }
}

const char *marks_find(const struct strings *words)
{
    for (size_t i = 0; i < words->count; i++) {
        if (has_mark(words->v[i])) {
            return words->v[i];
        }
    }
    return NULL;
}
