/* A URL as it goes into sitemaps, feeds and lists for search engines: ASCII only. Called by whoever
 * writes those. */

#include "base/url.h"

#include <string.h>

static bool stands_as_it_is(char c)
{
    return c > ' ' && c < 0x7F && strchr("\"<>\\^`{|}", c) == NULL;
}

bool url_ascii(struct buf *out, const char *url)
{
    struct url_parts parts;

    if (!url_parse(&parts, url)) {
        return false;
    }
    /* The scheme and the host up to the path; a host beyond ASCII would need more than escapes. */
    for (const char *c = url; c < parts.path; c++) {
        if (!stands_as_it_is(*c)) {
            return false;
        }
    }
    for (const char *c = url; *c != '\0'; c++) {
        if (stands_as_it_is(*c)) {
            buf_addc(out,
                     c < parts.path && *c >= 'A' && *c <= 'Z' ? (char)(*c - 'A' + 'a') : *c);
        } else {
            url_encode_n(out, c, 1);
        }
    }
    return true;
}
