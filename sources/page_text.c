/* Text of a page made ours: its character set, its entities, its addresses, its lists of words. */

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/text.h"
#include "base/url.h"
#include "sources/charset.h"
#include "sources/page_internal.h"

#define LABEL_BYTES 40
#define PRESCAN_BYTES 1024 /* where a page must name its character set, by the HTML standard */

/* ---- character set ---- */

/* The word behind "charset=" in the first len bytes; false when there is none. */
static bool charset_label(const char *text, size_t len, char out[LABEL_BYTES])
{
    static const char word[] = "charset=";
    size_t n = 0;

    for (size_t i = 0; i + sizeof word - 1 < len; i++) {
        if (strncasecmp(text + i, word, sizeof word - 1) != 0) {
            continue;
        }
        i += sizeof word - 1;
        i += i < len && (text[i] == '"' || text[i] == '\'') ? 1 : 0;
        while (i < len && n + 1 < LABEL_BYTES && !strchr("\"'; />", text[i]) && text[i]) {
            out[n++] = text[i++];
        }
        out[n] = '\0';
        return n > 0;
    }
    return false;
}

/* A page names its set in its header, or itself, in a way of its own that charset.h need not know: that
 * is told as if the header had said it. */
static struct charset *charset_of(const struct page_input *in)
{
    char label[LABEL_BYTES], type[LABEL_BYTES + 32];
    const char *given = in->content_type;

    if ((given && charset_label(given, strlen(given), label)) ||
        !charset_label(in->bytes, in->len < PRESCAN_BYTES ? in->len : PRESCAN_BYTES, label)) {
        return charset_new(given);
    }
    (void)snprintf(type, sizeof type, "text/html; charset=%s", label);
    return charset_new(type);
}

/* Control characters become blanks. */
static void scrub(struct buf *text)
{
    for (size_t i = 0; i < text->len; i++) {
        unsigned char c = (unsigned char)text->data[i];

        if (c < ' ' && c != '\t' && c != '\n' && c != '\r') {
            text->data[i] = ' ';
        }
    }
}

void page__to_utf8(struct buf *out, const struct page_input *in)
{
    size_t len = in->len < PAGE_BYTES ? in->len : PAGE_BYTES;
    struct charset *charset = charset_of(in);

    charset_read(charset, in->bytes, len, true, out);
    charset_free(charset);
    scrub(out);
}

/* ---- text ---- */

static char *one_line(const char *text, size_t len, size_t max_bytes)
{
    struct buf line;
    char *cut = NULL;

    buf_init(&line, 3 * len + 3);
    text_collapse(&line, text, len);
    if (line.len > 0) {
        cut = mem_strndup(line.data, text_prefix(TEXT_BYTES, line.data, line.len, max_bytes));
    }
    buf_done(&line);
    return cut;
}

char *page__plain(const char *html, size_t max_bytes, int times)
{
    struct buf plain;
    char *text;

    if (!html) {
        return NULL;
    }
    buf_init(&plain, 3 * strlen(html) + 3);
    text_from_html(&plain, html, strlen(html));
    text = one_line(buf_str(&plain), plain.len, max_bytes);
    buf_done(&plain);
    if (text && times > 1 && strchr(text, '&')) {
        char *again = page__plain(text, max_bytes, times - 1);

        mem_free(text);
        return again;
    }
    return text;
}

/* "&amp;" that was escaped twice: no address has one. */
static char *without_amp(const char *href)
{
    struct buf out;

    buf_init(&out, strlen(href) + 1);
    while (*href != '\0') {
        buf_addc(&out, *href);
        href += strncmp(href, "&amp;", 5) == 0 ? 5 : 1;
    }
    return buf_detach(&out, NULL);
}

char *page__absolute(const char *base, const char *href)
{
    struct url_parts parts;
    struct buf whole;
    char *clean, *url = NULL;

    if (!href || *href == '\0') {
        return NULL;
    }
    clean = without_amp(href);
    buf_init(&whole, ARTICLE_URL_BYTES);
    if (clean && url_resolve(&whole, base ? base : "", clean)) {
        buf_truncate(&whole, strcspn(buf_str(&whole), "#"));
        if (url_parse(&parts, buf_str(&whole)) && !parts.has_userinfo) {
            url = buf_detach(&whole, NULL);
        }
    }
    buf_done(&whole);
    mem_free(clean);
    return url;
}

/* ---- lists ---- */

void page__add_word(struct strings *list, const char *text)
{
    char *word = page__plain(text, ARTICLE_WORD_BYTES, 1);

    if (!word || list->count >= ARTICLE_LIST_MAX || strings_has(list, word)) {
        mem_free(word);
        return;
    }
    list->v = mem_realloc(list->v, list->count + 1, sizeof *list->v);
    list->v[list->count++] = word;
}

void page__add_words(struct strings *list, const char *text)
{
    while (text && *text != '\0' && list->count < ARTICLE_LIST_MAX) {
        size_t len = strcspn(text, ",;");
        char *word = mem_strndup(text, len);

        page__add_word(list, word);
        mem_free(word);
        text += len + (text[len] != '\0' ? 1 : 0);
    }
}
