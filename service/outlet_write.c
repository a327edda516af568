/* What the feeds and the sitemap have in common: names, languages, XML. Called by outlet.c, on the
 * reader's thread; the documents are outlet_sitemap.c's, outlet_rss.c's and outlet_json.c's. */

#include "service/outlet_internal.h"

#include <string.h>
#include <strings.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/text.h"
#include "base/url.h"

static const struct {
    const char *path, *type;
    void (*write)(const struct outlet_facts *f, struct buf *out);
} kinds[] = {
    [OUTLET_SITEMAP] = {"/news/sitemap.xml", "application/xml; charset=utf-8", outlet__sitemap},
    [OUTLET_RSS] = {"/news/feed.xml", "application/rss+xml; charset=utf-8", outlet__rss},
    [OUTLET_JSON] = {"/news/feed.json", "application/feed+json; charset=utf-8", outlet__json},
};

const char *outlet_path(enum outlet_kind kind)
{
    return kinds[kind].path;
}

const char *outlet_type(enum outlet_kind kind)
{
    return kinds[kind].type;
}

void outlet_write(enum outlet_kind kind, const struct outlet_facts *f, struct buf *out)
{
    kinds[kind].write(f, out);
}

static void add_lower(struct buf *out, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        buf_addc(out, text[i] >= 'A' && text[i] <= 'Z' ? (char)(text[i] - 'A' + 'a') : text[i]);
    }
}

void outlet_guid(const struct outlet_facts *f, const struct ledger_shown *s, struct buf *out)
{
    char at[TIME_TEXT_BYTES], id[ID_TEXT_BYTES];
    struct url_parts site;

    buf_adds(out, "tag:");
    if (url_parse(&site, f->site_url)) {
        add_lower(out, site.host, site.host_len);
    }
    buf_addf(
        out, ",%.4s:%s", time_rfc3339(s->created_at_ms, at), id_article_text(s->article, id));
}

const char *outlet_language(const char *bcp47, char out[OUTLET_LANGUAGE_BYTES])
{
    size_t len = strcspn(bcp47, "-_");

    if (len == 2 && strncasecmp(bcp47, "zh", 2) == 0) {
        bool traditional = strcasestr(bcp47, "hant") != NULL ||
                           strcasestr(bcp47, "tw") != NULL || strcasestr(bcp47, "hk") != NULL;

        memcpy(out, traditional ? "zh-tw" : "zh-cn", sizeof "zh-cn");
        return out;
    }
    len = len == 2 || len == 3 ? len : 0;
    for (size_t i = 0; i < len; i++) {
        out[i] = bcp47[i] >= 'A' && bcp47[i] <= 'Z' ? (char)(bcp47[i] - 'A' + 'a') : bcp47[i];
    }
    out[len] = '\0';
    if (len == 0) { /* no language of ISO 639: the code for "not determined" */
        memcpy(out, "und", sizeof "und");
    }
    return out;
}

/* XML 1.0 section 2.2: no control characters but tab and line ends, no U+FFFE and U+FFFF. */
static bool is_xml(const char *at, size_t bytes)
{
    if (bytes == 1) {
        return (unsigned char)*at >= ' ' || *at == '\t' || *at == '\n' || *at == '\r';
    }
    return !(bytes == 3 && memcmp(at, "\xEF\xBF", 2) == 0 && (unsigned char)at[2] >= 0xBE);
}

static const char *entity_of(char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&apos;";
    default:
        return NULL;
    }
}

void outlet_escape_xml(const char *text, struct buf *out)
{
    size_t left = strlen(text), bytes;

    for (; left > 0; text += bytes, left -= bytes) {
        const char *entity = entity_of(*text);

        bytes = text_character(text, left);
        if (entity != NULL) {
            buf_adds(out, entity);
        } else if (bytes > 0 && is_xml(text, bytes)) {
            buf_add(out, text, bytes);
        }
        bytes = bytes > 0 ? bytes : 1;
    }
}

void outlet__element(struct buf *out, const char *name, const char *text)
{
    if (text == NULL || *text == '\0') {
        return;
    }
    buf_addf(out, "<%s>", name);
    outlet_escape_xml(text, out);
    buf_addf(out, "</%s>\n", name);
}

bool outlet__url(const char *url, struct buf *ascii)
{
    buf_clear(ascii);
    return url_ascii(ascii, url) && buf_ok(ascii);
}

int64_t outlet__updated_ms(const struct ledger_shown *s)
{
    return s->revision > 1 && s->updated_at_ms > s->published_at_ms ? s->updated_at_ms
                                                                    : s->published_at_ms;
}

int64_t outlet__newest_ms(const struct outlet_facts *f)
{
    int64_t newest = 0;

    for (size_t i = 0; i < f->count; i++) {
        int64_t at_ms = f->v[i].gone ? f->v[i].updated_at_ms : outlet__updated_ms(&f->v[i]);

        if ((f->v[i].recent || f->v[i].gone) && at_ms > newest) {
            newest = at_ms;
        }
    }
    return newest;
}
