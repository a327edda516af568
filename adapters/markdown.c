/* Text into Markdown. Called by templates of adapters whose platform reads Markdown: what a headline
 * holds of its signs must neither format anything nor run anything. */

#include "adapters/markdown.h"

#include <string.h>

#include "base/buf.h"
#include "base/text.h"

static void add_escaped(struct buf *out, char c)
{
    switch (c) {
    case '{':
        buf_adds(out, "&#123;"); /* Liquid runs before Markdown, and knows no backslash */
        break;
    case '&':
        buf_adds(out, "&amp;");
        break;
    case '<':
        buf_adds(out, "&lt;");
        break;
    default:
        if (strchr("\\`*_[]>|~", c)) {
            buf_addc(out, '\\');
        }
        buf_addc(out, c);
    }
}

/* What means something at the beginning of a line only: a heading, a rule, an item of a list. */
static void add_line_start(struct buf *out, const char *text, size_t len)
{
    size_t digits = 0;

    while (digits < len && text[digits] >= '0' && text[digits] <= '9') {
        digits++;
    }
    if (digits > 0 && digits < len && (text[digits] == '.' || text[digits] == ')')) {
        buf_add(out, text, digits);
        buf_addc(out, '\\');
    } else if (len > 0 && strchr("#-+=", text[0])) {
        buf_addc(out, '\\');
    }
}

static void add_plain(struct buf *out, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (i == 0 || text[i - 1] == '\n') {
            size_t before = out->len;

            add_line_start(out, text + i, len - i);
            if (out->len > before + 1) {
                i += out->len - before - 1; /* the digits are there already */
            }
        }
        add_escaped(out, text[i]);
    }
}

static void add_link(struct buf *out, const char *link, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (link[i] == '{') {
            buf_adds(out, "%7B");
        } else {
            buf_addc(out, link[i]);
        }
    }
}

void markdown_escape(struct buf *out, const char *text, size_t len)
{
    size_t pos = 0, start, end;

    while (text_next_link(text, len, pos, &start, &end)) {
        add_plain(out, text + pos, start - pos);
        add_link(out, text + start, end - start);
        pos = end;
    }
    add_plain(out, text + pos, len - pos);
}
