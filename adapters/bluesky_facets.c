/* What in a text of Bluesky is a link or a hashtag. The server finds neither by itself; a post
 * says so by facets, whose places are offsets in the bytes of the UTF-8 text, begin inclusive,
 * end exclusive (lexicon app.bsky.richtext.facet). Called when a post's record is made.
 * Mentions are left out: an article's "@name" is no account. */

#include "adapters/bluesky_internal.h"

#include <string.h>

#include <utf8proc.h>

#include "base/json.h"
#include "base/mem.h"

#define HASH 0x23
#define WIDE_HASH 0xFF03 /* what East Asian keyboards write */

static utf8proc_int32_t decode(const char *text, size_t len, size_t *out_size)
{
    utf8proc_int32_t c;
    utf8proc_ssize_t n =
        utf8proc_iterate((const utf8proc_uint8_t *)text, (utf8proc_ssize_t)len, &c);

    *out_size = n > 0 ? (size_t)n : 1;
    return n > 0 ? c : -1;
}

static bool is_blank(utf8proc_int32_t c)
{
    switch (utf8proc_category(c)) {
    case UTF8PROC_CATEGORY_ZS:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
        return true;
    default:
        return c == '\n' || c == '\t' || c == '\r';
    }
}

static bool is_digit(utf8proc_int32_t c)
{
    return utf8proc_category(c) == UTF8PROC_CATEGORY_ND;
}

static bool is_tag_part(utf8proc_int32_t c)
{
    switch (utf8proc_category(c)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_PC: /* the underscore and its kin */
        return true;
    default:
        return false;
    }
}

/* Length of the word at text that can stand behind a '#': at least one character of it is no
 * digit, and it is within the limit of a tag. 0 when there is none. */
static size_t tag_length(const char *text, size_t len)
{
    size_t end = 0, size;
    bool digits_only = true;

    while (end < len) {
        utf8proc_int32_t c = decode(text + end, len - end, &size);

        if (c < 0 || !is_tag_part(c)) {
            break;
        }
        digits_only = digits_only && is_digit(c);
        end += size;
    }
    if (digits_only || !text_fits(&bluesky__limits[BLUESKY_LIMIT_TAG], text, end)) {
        return 0;
    }
    return end;
}

/* A facet over text[start..end) with one feature: its kind, and its member `name` with the
 * bytes of value. */
static void add(json_t *facets,
                size_t start,
                size_t end,
                const char *type,
                const char *name,
                const char *value,
                size_t value_len)
{
    json_t *index = json_object(), *feature = json_object(), *features = json_array();
    json_t *facet = json_object();
    char *copy = mem_strndup(value, value_len);

    (void)json_object_set_new(index, "byteStart", json_integer((json_int_t)start));
    (void)json_object_set_new(index, "byteEnd", json_integer((json_int_t)end));
    json_set_str(feature, "$type", type);
    json_set_str(feature, name, copy);
    (void)json_array_append_new(features, feature);
    (void)json_object_set_new(facet, "index", index);
    (void)json_object_set_new(facet, "features", features);
    (void)json_array_append_new(facets, facet);
    mem_free(copy);
}

/* Hashtags between two links. A tag begins the text or stands behind a blank. */
static void add_tags(json_t *facets, const char *text, size_t start, size_t end)
{
    bool behind_blank = start == 0;
    size_t size, pos, word;

    for (pos = start; pos < end; pos += size) {
        utf8proc_int32_t c = decode(text + pos, end - pos, &size);

        if (behind_blank && (c == HASH || c == WIDE_HASH)) {
            word = tag_length(text + pos + size, end - pos - size);
            if (word > 0) {
                add(facets,
                    pos,
                    pos + size + word,
                    "app.bsky.richtext.facet#tag",
                    "tag",
                    text + pos + size,
                    word);
                size += word;
                behind_blank = false;
                continue;
            }
        }
        behind_blank = is_blank(c);
    }
}

json_t *bluesky__facets(const char *text)
{
    json_t *facets = json_array();
    size_t len = strlen(text), pos = 0, start, end;

    while (text_next_link(text, len, pos, &start, &end)) {
        add_tags(facets, text, pos, start);
        add(facets,
            start,
            end,
            "app.bsky.richtext.facet#link",
            "uri",
            text + start,
            end - start);
        pos = end;
    }
    add_tags(facets, text, pos, len);
    return facets;
}
