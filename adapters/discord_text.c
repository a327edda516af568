/* Discord's Markdown, escaped, and colours as people write them. Called while a message is made,
 * and by checks of settings. Pure. */

#include "adapters/discord_internal.h"

#include <string.h>

#include "base/text.h"

/* What means something anywhere in a line, and what only where it begins (headings, lists, small
 * text). '<' begins mentions, times and emoji, '[' links with a text of their own. */
static const char anywhere[] = "\\*_~`|>[]<";
static const char at_start[] = "#-+";

static void escape_plain(struct buf *out, const char *text, size_t len, bool line_begins)
{
    for (size_t i = 0; i < len; i++) {
        char c = text[i];

        if (c != '\0' && (strchr(anywhere, c) || (line_begins && strchr(at_start, c)))) {
            buf_addc(out, '\\');
        }
        buf_addc(out, c);
        line_begins = c == '\n' || (line_begins && c == ' ');
    }
}

void discord__escape(struct buf *out, const char *text, size_t len)
{
    size_t pos = 0, start, end;

    while (text_next_link(text, len, pos, &start, &end)) {
        escape_plain(out, text + pos, start - pos, pos == 0);
        buf_add(out, text + start, end - start);
        pos = end;
    }
    escape_plain(out, text + pos, len - pos, pos == 0);
}

bool discord__read_color(const char *text, int64_t *out)
{
    uint8_t rgb[3];

    if (text[0] != '#' || !crypto_unhex(text + 1, strlen(text + 1), rgb, sizeof rgb)) {
        return false;
    }
    *out = ((int64_t)rgb[0] << 16) | ((int64_t)rgb[1] << 8) | rgb[2];
    return true;
}
