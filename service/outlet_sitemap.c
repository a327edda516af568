/* The news sitemap: what is younger than 48 hours, under the time of its first publication, which no
 * update moves. Called through outlet_write(). Google ignores keywords, genres and access today, so
 * they are not there. An empty one is allowed.
 * Source: developers.google.com/search/docs/crawling-indexing/sitemaps/news-sitemap (2026). */

#include "service/outlet_internal.h"

#include <string.h>

#include "base/clock.h"

#define LOC_BYTES 2047 /* sitemaps.org: less than 2,048 characters */

static void add_url(const struct outlet_facts *f,
                    const struct ledger_shown *s,
                    struct buf *url,
                    struct buf *out)
{
    const struct article *a = s->content;
    const char *language = a->language != NULL ? a->language : f->language;
    char at[TIME_TEXT_BYTES], code[OUTLET_LANGUAGE_BYTES];

    if (!outlet__url(a->url, url) || url->len > LOC_BYTES) {
        return;
    }
    buf_adds(out, "<url>\n");
    outlet__element(out, "loc", buf_str(url));
    outlet__element(out, "lastmod", time_rfc3339_seconds(outlet__updated_ms(s), at));
    buf_adds(out, "<news:news>\n<news:publication>\n");
    outlet__element(out, "news:name", f->name);
    outlet__element(out, "news:language", outlet_language(language, code));
    buf_adds(out, "</news:publication>\n");
    outlet__element(out, "news:publication_date", time_rfc3339_seconds(s->published_at_ms, at));
    outlet__element(out, "news:title", a->title);
    buf_adds(out, "</news:news>\n");
    if (a->image_count > 0 && outlet__url(a->images[0].url, url)) {
        buf_adds(out, "<image:image>\n");
        outlet__element(out, "image:loc", buf_str(url));
        buf_adds(out, "</image:image>\n");
    }
    buf_adds(out, "</url>\n");
}

void outlet__sitemap(const struct outlet_facts *f, struct buf *out)
{
    struct buf url;

    buf_init(&url, OUTLET_URL_BYTES);
    buf_adds(out,
             "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
             "<urlset xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\""
             " xmlns:news=\"http://www.google.com/schemas/sitemap-news/0.9\""
             " xmlns:image=\"http://www.google.com/schemas/sitemap-image/1.1\">\n");
    for (size_t i = 0; i < f->count; i++) {
        if (f->v[i].fresh) {
            add_url(f, &f->v[i], &url, out);
        }
    }
    buf_adds(out, "</urlset>\n");
    buf_done(&url);
}
