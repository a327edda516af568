/* Text of a page made ours: its character set, its entities, its addresses, its lists of words. */

#include <iconv.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/text.h"
#include "base/url.h"
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

/* The last character may be cut by the bound on bytes. */
static bool is_utf8(const char *text, size_t len)
{
    for (size_t cut = 0; cut < 4 && cut <= len; cut++) {
        if (text_valid(text, len - cut)) {
            return cut == 0 || ((unsigned char)text[len - cut] & 0x80) != 0;
        }
    }
    return false;
}

static bool same_label(const char *label, const char *one)
{
    return strcasecmp(label, one) == 0;
}

/* What is called latin1 in the wild is windows-1252 (WHATWG Encoding). */
static const char *iconv_name(const char *label)
{
    if (same_label(label, "iso-8859-1") || same_label(label, "latin1") ||
        same_label(label, "us-ascii") || same_label(label, "ascii") || *label == '\0') {
        return "WINDOWS-1252";
    }
    return label;
}

static void convert(struct buf *out, const char *bytes, size_t len, const char *label)
{
    iconv_t cd = iconv_open("UTF-8", iconv_name(label));
    char *in = (char *)(uintptr_t)bytes; /* iconv takes it so and changes nothing */

    if (cd == (iconv_t)-1) {
        cd = iconv_open("UTF-8", "WINDOWS-1252");
    }
    while (len > 0) {
        char piece[4096], *to = piece;
        size_t room = sizeof piece;
        bool stuck = iconv(cd, &in, &len, &to, &room) == (size_t)-1 && room == sizeof piece;

        buf_add(out, piece, sizeof piece - room);
        if (stuck) {
            buf_adds(out, "\xEF\xBF\xBD");
            in++;
            len--;
        }
    }
    (void)iconv_close(cd);
}

static void decode(struct buf *out, const struct page_input *in, const char *bytes, size_t len)
{
    char label[LABEL_BYTES] = "";

    if (len >= 3 && memcmp(bytes, "\xEF\xBB\xBF", 3) == 0) {
        buf_add(out, bytes + 3, len - 3);
        return;
    }
    if (is_utf8(bytes, len)) {
        buf_add(out, bytes, len);
        return;
    }
    if (!in->content_type ||
        !charset_label(in->content_type, strlen(in->content_type), label)) {
        (void)charset_label(bytes, len < PRESCAN_BYTES ? len : PRESCAN_BYTES, label);
    }
    convert(out, bytes, len, label);
}

/* What is no UTF-8 by now becomes U+FFFD, control characters become blanks. */
static void scrub(struct buf *out, const char *text, size_t len)
{
    for (size_t i = 0; i < len;) {
        size_t n = text_character(text + i, len - i);
        unsigned char c = (unsigned char)text[i];

        if (n == 0) {
            buf_adds(out, "\xEF\xBF\xBD");
        } else if (c < ' ' && !strchr("\t\n\r", c)) {
            buf_addc(out, ' ');
        } else {
            buf_add(out, text + i, n);
        }
        i += n ? n : 1;
    }
}

void page__to_utf8(struct buf *out, const struct page_input *in)
{
    size_t len = in->len < PAGE_BYTES ? in->len : PAGE_BYTES;
    struct buf decoded;

    buf_init(&decoded, 4 * PAGE_BYTES);
    decode(&decoded, in, in->bytes, len);
    scrub(out, buf_str(&decoded), decoded.len);
    buf_done(&decoded);
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
