/* Slack's mrkdwn, escaped. Called while a message is made. Pure.
 *
 * Slack has a way to escape & < > and none for the rest: an asterisk at the beginning of a word makes
 * it bold. An invisible blank behind it (U+200B) keeps it from that, as Slack wants no blank there. */

#include "adapters/slack_internal.h"

#include <string.h>

#include "base/text.h"

#define INVISIBLE_BLANK "\xe2\x80\x8b"

/* Inside a word these mean nothing. Bytes of other scripts count as parts of words. */
static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c & 0x80);
}

static void escape_words(struct buf *out, const char *text, size_t len, char before)
{
    for (size_t i = 0; i < len; i++) {
        char c = text[i];

        text_escape_brackets(out, &c, 1);
        if (c != '\0' && strchr("*_~`", c) && !is_word(i > 0 ? text[i - 1] : before)) {
            buf_adds(out, INVISIBLE_BLANK);
        }
    }
}

static void escape_link(struct buf *out, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '|') {
            buf_adds(out, "%7C");
        } else {
            text_escape_brackets(out, &text[i], 1);
        }
    }
}

void slack__escape(struct buf *out, const char *text, size_t len)
{
    size_t pos = 0, start, end;

    while (text_next_link(text, len, pos, &start, &end)) {
        escape_words(out, text + pos, start - pos, pos > 0 ? text[pos - 1] : ' ');
        escape_link(out, text + start, end - start);
        pos = end;
    }
    escape_words(out, text + pos, len - pos, pos > 0 ? text[pos - 1] : ' ');
}
