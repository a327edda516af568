/* Texts of a feed as plain text, languages and links. Called by feed_build.c and the formats. */

#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "base/url.h"
#include "sources/feed_draft.h"

#define URLS_MAX 8

static void decode_plain(struct buf *out, const char *text)
{
    size_t len = strlen(text);

    for (size_t i = 0; i < len;) {
        const char *amp = memchr(text + i, '&', len - i);
        size_t run = amp ? (size_t)(amp - text) - i : len - i;

        buf_add(out, text + i, run);
        i += run;
        if (amp) {
            size_t n = text_entity(out, amp, len - i);

            if (n == 0) {
                buf_addc(out, '&');
            }
            i += n > 0 ? n : 1;
        }
    }
}

/* With its semicolon: "AT&T" is none. */
static bool has_entity(const char *text)
{
    struct buf made;
    bool found = false;

    buf_init(&made, 16);
    for (const char *at = text; !found && (at = strchr(at, '&')) != NULL; at++) {
        size_t n = text_entity(&made, at, strnlen(at, 32));

        found = n > 0 && at[n - 1] == ';';
        buf_clear(&made);
    }
    buf_done(&made);
    return found;
}

static void add_plain(struct buf *out, const char *text, enum feed_markup markup)
{
    if (markup == MARKUP_HTML) {
        text_from_html(out, text, strlen(text));
    } else {
        text_collapse(out, text, strlen(text));
    }
}

/* Cut, and out of the buffer. */
static char *cut_dup(struct buf *plain, size_t max_bytes, bool cut)
{
    struct buf out;

    buf_init(&out, max_bytes);
    if (cut && plain->len > 0) { /* so that the cut shows */
        buf_adds(plain, " …");
    }
    (void)text_cut(&out, TEXT_BYTES, buf_str(plain), plain->len, max_bytes);
    buf_done(plain);
    if (out.len == 0) {
        buf_done(&out);
        return NULL;
    }
    return buf_detach(&out, NULL);
}

char *feed_plain_dup(const struct feed_words *words, size_t max_bytes)
{
    struct buf plain;

    if (!words->text) {
        return NULL;
    }
    buf_init(&plain, SIZE_MAX / 2); /* at most three times the text */
    add_plain(&plain, words->text, words->markup);
    return cut_dup(&plain, max_bytes, words->cut);
}

char *feed_title_dup(const struct feed_words *words, size_t max_bytes)
{
    struct buf plain, again;

    if (!words->text) {
        return NULL;
    }
    buf_init(&plain, SIZE_MAX / 2);
    add_plain(&plain, words->text, words->markup);
    if (has_entity(buf_str(&plain))) {
        buf_init(&again, SIZE_MAX / 2);
        if (words->markup == MARKUP_HTML) {
            text_from_html(&again, buf_str(&plain), plain.len);
        } else {
            decode_plain(&again, buf_str(&plain));
        }
        buf_done(&plain);
        plain = again;
    }
    buf_init(&again, SIZE_MAX / 2);
    text_collapse(&again, buf_str(&plain), plain.len);
    buf_done(&plain);
    return cut_dup(&again, max_bytes, words->cut);
}

char *feed_language_dup(const char *text)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    char *tag = mem_strdup(text ? text : ""), *at = tag;
    size_t part = strspn(tag, letters);
    bool good = part >= 2 && part <= 3 && strlen(tag) < 36;

    for (at += part; good && *at != '\0'; at += part) {
        good = *at == '-' || *at == '_';
        *at++ = '-';
        part = strcspn(at, "-_");
        good = good && part >= 1 && part <= 8 &&
               strspn(at, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") >=
                   part;
    }
    if (!good) {
        mem_free(tag);
        return NULL;
    }
    return tag;
}

char *feed_url_dup(const char *base, const char *ref)
{
    struct buf url;
    struct url_parts parts;
    bool good;

    buf_init(&url, ARTICLE_URL_BYTES);
    good = ref && strlen(ref) < ARTICLE_URL_BYTES && url_resolve(&url, base ? base : "", ref) &&
           buf_ok(&url) && url_parse(&parts, buf_str(&url)) && !parts.has_userinfo;
    if (!good) {
        buf_done(&url);
        return NULL;
    }
    return buf_detach(&url, NULL);
}

void feed_url_add(struct strings *list, char *url)
{
    if (!url || list->count == URLS_MAX || strings_has(list, url)) {
        mem_free(url);
        return;
    }
    list->v = mem_realloc(list->v, list->count + 1, sizeof *list->v);
    list->v[list->count++] = url;
}
