/* The feed in RSS 2.0. Called through outlet_write().
 *
 * An item's guid is the same over all its revisions, or readers would see an update as a second
 * story; what changes is atom:updated. What was taken back is dropped, and named in a tombstone
 * (RFC 6721), for those who look at them. A description is HTML by the specification, and ours is
 * plain text: it is escaped for both. */

#include "service/outlet_internal.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"

static void add_attribute(struct buf *out, const char *name, const char *value)
{
    buf_addf(out, " %s=\"", name);
    outlet_escape_xml(value, out);
    buf_addc(out, '"');
}

static void add_html(struct buf *out, const char *name, const char *text)
{
    struct buf html;

    if (text == NULL) {
        return;
    }
    buf_init(&html, out->max);
    text_escape_html(&html, text, strlen(text));
    outlet__element(out, name, buf_str(&html));
    buf_done(&html);
}

static void add_image(const struct article *a, struct buf *url, struct buf *out)
{
    const struct article_image *image = a->images;

    if (a->image_count == 0 || !outlet__url(image->url, url)) {
        return;
    }
    buf_adds(out, "<media:content");
    add_attribute(out, "url", buf_str(url));
    add_attribute(out, "medium", "image");
    if (image->width > 0 && image->height > 0) {
        buf_addf(
            out, " width=\"%" PRId64 "\" height=\"%" PRId64 "\"", image->width, image->height);
    }
    buf_adds(out, ">\n");
    outlet__element(out, "media:description", image->alt);
    outlet__element(out, "media:credit", image->credit);
    buf_adds(out, "</media:content>\n");
}

static void add_words(const char *name, const struct strings *words, struct buf *out)
{
    for (size_t i = 0; i < words->count; i++) {
        outlet__element(out, name, words->v[i]);
    }
}

static void add_item(const struct outlet_facts *f,
                     const struct ledger_shown *s,
                     struct buf *url,
                     struct buf *out)
{
    const struct article *a = s->content;
    char at[TIME_TEXT_BYTES];
    struct buf guid;

    if (!outlet__url(a->url, url)) {
        return;
    }
    buf_init(&guid, OUTLET_URL_BYTES);
    outlet_guid(f, s, &guid);
    buf_adds(out, "<item>\n");
    outlet__element(out, "title", a->title);
    outlet__element(out, "link", buf_str(url));
    buf_addf(out, "<guid isPermaLink=\"false\">%s</guid>\n", buf_str(&guid));
    outlet__element(out, "pubDate", time_http(s->published_at_ms, at));
    outlet__element(out, "atom:updated", time_rfc3339_seconds(outlet__updated_ms(s), at));
    add_html(out, "description", a->summary);
    add_words("dc:creator", &a->authors, out);
    outlet__element(out, "dc:language", a->language);
    add_words("category", &a->categories, out);
    add_words("category", &a->tags, out);
    add_image(a, url, out);
    buf_adds(out, "</item>\n");
    buf_done(&guid);
}

static void
add_tombstone(const struct outlet_facts *f, const struct ledger_shown *s, struct buf *out)
{
    char at[TIME_TEXT_BYTES];
    struct buf guid;

    buf_init(&guid, OUTLET_URL_BYTES);
    outlet_guid(f, s, &guid);
    buf_adds(out, "<at:deleted-entry");
    add_attribute(out, "ref", buf_str(&guid));
    add_attribute(out, "when", time_rfc3339_seconds(s->updated_at_ms, at));
    buf_adds(out, "/>\n");
    buf_done(&guid);
}

static void add_link(struct buf *out, const char *rel, const char *type, const char *href)
{
    buf_adds(out, "<atom:link");
    add_attribute(out, "rel", rel);
    if (type != NULL) {
        add_attribute(out, "type", type);
    }
    add_attribute(out, "href", href);
    buf_adds(out, "/>\n");
}

static void add_head(const struct outlet_facts *f, struct buf *out)
{
    char at[TIME_TEXT_BYTES];
    int64_t newest_ms = outlet__newest_ms(f);

    outlet__element(out, "title", f->name);
    outlet__element(out, "link", f->site_url);
    outlet__element(out, "description", f->name);
    outlet__element(out, "language", f->language);
    outlet__element(out, "docs", "https://www.rssboard.org/rss-specification");
    outlet__element(out, "generator", "crier");
    if (newest_ms > 0) {
        outlet__element(out, "lastBuildDate", time_http(newest_ms, at));
    }
    add_link(out, "self", "application/rss+xml", f->self);
    for (size_t i = 0; i < f->hub_count; i++) {
        add_link(out, "hub", NULL, f->hubs[i]);
    }
}

void outlet__rss(const struct outlet_facts *f, struct buf *out)
{
    struct buf url;

    buf_init(&url, OUTLET_URL_BYTES);
    buf_adds(out,
             "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
             "<rss version=\"2.0\" xmlns:atom=\"http://www.w3.org/2005/Atom\""
             " xmlns:dc=\"http://purl.org/dc/elements/1.1/\""
             " xmlns:media=\"http://search.yahoo.com/mrss/\""
             " xmlns:at=\"http://purl.org/atompub/tombstones/1.0\">\n<channel>\n");
    add_head(f, out);
    for (size_t i = 0; i < f->count; i++) {
        if (f->v[i].gone) {
            add_tombstone(f, &f->v[i], out);
        }
    }
    for (size_t i = 0; i < f->count; i++) {
        if (f->v[i].recent) {
            add_item(f, &f->v[i], &url, out);
        }
    }
    buf_adds(out, "</channel>\n</rss>\n");
    buf_done(&url);
}
