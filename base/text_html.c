/* HTML to plain text, and escaping for HTML. Called for titles, summaries and bodies that come
 * from a CMS, so the input is hostile: one pass, every search ahead either succeeds or is never
 * made again, nothing is kept but a few flags. It does not aim to be a browser. */

#include "base/text.h"

#include <string.h>

#include "base/attr.h"
#include "base/text_internal.h"

struct plain {
    struct buf *out;
    const char *html;
    size_t len;
    bool any;          /* something is written */
    bool blank;        /* owed before the next character */
    int breaks;        /* the same, line breaks: at most two */
    bool quotes_lost;  /* a quote in a tag was never closed: they mean nothing any more */
    bool no_more_tags; /* no '>' behind here */
};

/* Elements that stand on lines of their own. */
static const char *const blocks[] = {
    "address", "article", "aside",  "blockquote", "body",    "caption",  "center",     "dd",
    "details", "dialog",  "div",    "dl",         "dt",      "fieldset", "figcaption", "figure",
    "footer",  "form",    "h1",     "h2",         "h3",      "h4",       "h5",         "h6",
    "header",  "hr",      "legend", "li",         "main",    "menu",     "nav",        "ol",
    "option",  "p",       "pre",    "section",    "summary", "table",    "tbody",      "td",
    "tfoot",   "th",      "thead",  "title",      "tr",      "ul",
};
/* Elements whose content is not for readers. */
static const char *const hidden[] = {"script", "style", "template", "noscript", "svg", "head"};

static void put(struct plain *p, int32_t c)
{
    if (text__is_blank(c) && c != 0xA0) {
        p->blank = true;
        return;
    }
    if (c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0xFEFF) {
        return;
    }
    if (p->any) {
        for (int i = 0; i < p->breaks; i++) {
            buf_addc(p->out, '\n');
        }
        if (p->breaks == 0 && p->blank) {
            buf_addc(p->out, ' ');
        }
    }
    text__append(p->out, c);
    p->any = true;
    p->blank = false;
    p->breaks = 0;
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Position of needle at or behind pos, ASCII letters in either case; len when there is none. */
static size_t find(const struct plain *p, size_t pos, const char *needle)
{
    size_t n = strlen(needle);

    while (pos + n <= p->len) {
        const char *at = memchr(p->html + pos, needle[0], p->len - n + 1 - pos);

        if (at == NULL) {
            break;
        }
        pos = (size_t)(at - p->html);
        if (strncasecmp(at, needle, n) == 0) {
            return pos;
        }
        pos++;
    }
    return p->len;
}

/* Behind the '>' of the tag at pos, quoted values skipped; 0 when a quote is never closed. */
static size_t quoted_tag_end(const struct plain *p, size_t pos)
{
    char quote = '\0';

    for (; pos < p->len; pos++) {
        char c = p->html[pos];

        if (quote != '\0') {
            quote = c == quote ? '\0' : quote;
        } else if (c == '"' || c == '\'') {
            quote = c;
        } else if (c == '>') {
            return pos + 1;
        }
    }
    return 0;
}

/* Behind the tag that begins at pos; 0 when it never ends, and the '<' is a character. */
static size_t tag_end(struct plain *p, size_t pos)
{
    if (!p->quotes_lost) {
        size_t end = quoted_tag_end(p, pos);

        if (end > 0) {
            return end;
        }
        p->quotes_lost = true;
    }
    size_t end = find(p, pos, ">");
    if (end == p->len) {
        p->no_more_tags = true;
        return 0;
    }
    return end + 1;
}

static bool name_in(const char *name, size_t len, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strlen(list[i]) == len && strncasecmp(name, list[i], len) == 0) {
            return true;
        }
    }
    return false;
}

static size_t skip_comment(const struct plain *p, size_t pos)
{
    size_t end = find(p, pos + 2, "-->"); /* from "--", so that "<!-->" is a whole one */

    return end == p->len ? p->len : end + 3;
}

/* Behind the end tag of an element that is not shown; all the rest when it is never closed. */
static size_t skip_hidden(const struct plain *p, size_t pos, const char *name, size_t len)
{
    for (;;) {
        pos = find(p, pos, "</");
        if (pos + 2 + len >= p->len) {
            return p->len;
        }
        char after = p->html[pos + 2 + len];
        if (strncasecmp(p->html + pos + 2, name, len) == 0 && !is_letter(after)) {
            size_t end = find(p, pos, ">");

            return end == p->len ? p->len : end + 1;
        }
        pos += 2;
    }
}

static size_t read_tag(struct plain *p, size_t pos)
{
    bool closing = p->html[pos + 1] == '/';
    const char *name = p->html + pos + (closing ? 2 : 1);
    size_t left = p->len - (size_t)(name - p->html), len = 0;
    size_t end = tag_end(p, pos);

    if (end == 0) {
        return 0;
    }
    while (len < left && (is_letter(name[len]) || (name[len] >= '0' && name[len] <= '9'))) {
        len++;
    }
    if (!closing && name_in(name, len, hidden, ARRAY_LEN(hidden)) && p->html[end - 2] != '/') {
        return skip_hidden(p, end, name, len);
    }
    if (name_in(name, len, blocks, ARRAY_LEN(blocks))) {
        p->breaks = p->breaks > 0 ? p->breaks : 1;
    } else if (len == 2 && strncasecmp(name, "br", 2) == 0) {
        p->breaks = p->breaks < 2 ? p->breaks + 1 : 2;
    }
    return end;
}

/* What begins with '<' at pos: returns behind it, or 0 when it is only a character. */
static size_t read_markup(struct plain *p, size_t pos)
{
    size_t left = p->len - pos;
    const char *at = p->html + pos;

    if (left >= 4 && memcmp(at, "<!--", 4) == 0) {
        return skip_comment(p, pos);
    }
    if (left < 3 || p->no_more_tags) {
        return 0;
    }
    if (is_letter(at[1]) || (at[1] == '/' && is_letter(at[2]))) {
        return read_tag(p, pos);
    }
    /* Doctype, CDATA, processing instruction. */
    return at[1] == '!' || at[1] == '?' ? tag_end(p, pos) : 0;
}

static size_t read_character(struct plain *p, size_t pos)
{
    int32_t c = 0;
    size_t next = 0;

    if (p->html[pos] == '&') {
        size_t bytes = text__entity(p->html + pos, p->len - pos, &c);

        if (bytes > 0) {
            if (c != 0) {
                put(p, c);
            }
            return pos + bytes;
        }
    }
    c = text__code_point(p->html, p->len, pos, &next);
    put(p, c);
    return next;
}

void text_from_html(struct buf *out, const char *html, size_t len)
{
    struct plain p = {.out = out, .html = html, .len = len};

    for (size_t pos = 0; pos < len && !out->failed;) {
        size_t next = html[pos] == '<' ? read_markup(&p, pos) : 0;

        pos = next > 0 ? next : read_character(&p, pos);
    }
}

static const char *entity_for(char c, bool quotes)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return quotes ? "&quot;" : NULL;
    case '\'':
        return quotes ? "&#39;" : NULL;
    default:
        return NULL;
    }
}

static void escape(struct buf *out, const char *text, size_t len, bool quotes)
{
    size_t from = 0;

    for (size_t i = 0; i < len; i++) {
        const char *entity = entity_for(text[i], quotes);

        if (entity != NULL) {
            buf_add(out, text + from, i - from);
            buf_adds(out, entity);
            from = i + 1;
        }
    }
    buf_add(out, text + from, len - from);
}

void text_escape_html(struct buf *out, const char *text, size_t len)
{
    escape(out, text, len, true);
}

void text_escape_brackets(struct buf *out, const char *text, size_t len)
{
    escape(out, text, len, false);
}
