/* Words compared as people compare them: in any script, without regard to case, and however their
 * accents are written down. Called by rules over categories, tags and names. Owns nothing. */

#include "base/text.h"

#include <string.h>

#include <utf8proc.h>

#include "base/mem.h"

/* U+0390, two bytes, folds and decomposes to three code points; nothing gives more for its bytes. */
#define POINTS_PER_BYTE 2

static bool is_ascii(const char *text)
{
    while (*text != '\0' && (unsigned char)*text < 0x80) {
        text++;
    }
    return *text == '\0';
}

/* Case folding and canonical decomposition (Unicode 3.13, D145: canonical caseless matching). */
static int32_t *folded_dup(const char *text, size_t *out_count)
{
    size_t len = strlen(text), max = len * POINTS_PER_BYTE;
    int32_t *points = mem_calloc(max + 1, sizeof(*points));
    utf8proc_ssize_t count = utf8proc_decompose((const utf8proc_uint8_t *)text,
                                                (utf8proc_ssize_t)len,
                                                points,
                                                (utf8proc_ssize_t)max,
                                                UTF8PROC_DECOMPOSE | UTF8PROC_CASEFOLD);

    must(count <= (utf8proc_ssize_t)max);
    *out_count = count > 0 ? (size_t)count : 0; /* below 0: no UTF-8, which equals nothing */
    return points;
}

bool text_same_word(const char *a, const char *b)
{
    size_t a_count, b_count;
    int32_t *a_points, *b_points;
    bool same;

    if (text_same_fold(a, b)) {
        return true;
    }
    if (is_ascii(a) && is_ascii(b)) {
        return false;
    }
    a_points = folded_dup(a, &a_count);
    b_points = folded_dup(b, &b_count);
    same = a_count > 0 && a_count == b_count &&
           memcmp(a_points, b_points, a_count * sizeof(*a_points)) == 0;
    mem_free(a_points);
    mem_free(b_points);
    return same;
}
