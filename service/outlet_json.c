/* The feed as JSON Feed 1.1 (https://www.jsonfeed.org/version/1.1/). Called through outlet_write(). An
 * item must have text: its summary, else its title. What is our own stands in "_news", as the
 * specification has extensions. */

#include "service/outlet_internal.h"

#include "base/clock.h"
#include "base/json_put.h"

static void put_words(struct buf *out, const struct strings *words)
{
    for (size_t i = 0; i < words->count; i++) {
        json_put_text(out, NULL, words->v[i]);
    }
}

static void put_tags(struct buf *out, const struct article *a)
{
    if (a->categories.count + a->tags.count > 0) {
        json_put_open(out, "tags", '[');
        put_words(out, &a->categories);
        put_words(out, &a->tags);
        json_put_close(out, ']');
    }
}

static void put_authors(struct buf *out, const struct strings *authors)
{
    if (authors->count == 0) {
        return;
    }
    json_put_open(out, "authors", '[');
    for (size_t i = 0; i < authors->count; i++) {
        json_put_open(out, NULL, '{');
        json_put_text(out, "name", authors->v[i]);
        json_put_close(out, '}');
    }
    json_put_close(out, ']');
}

static void put_dates(struct buf *out, const struct ledger_shown *s)
{
    char at[TIME_TEXT_BYTES];
    int64_t updated_ms = outlet__updated_ms(s);

    json_put_text(out, "date_published", time_rfc3339_seconds(s->published_at_ms, at));
    if (updated_ms > s->published_at_ms) {
        json_put_text(out, "date_modified", time_rfc3339_seconds(updated_ms, at));
    }
}

static void put_item(const struct outlet_facts *f,
                     const struct ledger_shown *s,
                     struct buf *url,
                     struct buf *out)
{
    const struct article *a = s->content;
    struct buf guid;

    if (!outlet__url(a->url, url)) {
        return;
    }
    buf_init(&guid, OUTLET_URL_BYTES);
    outlet_guid(f, s, &guid);
    json_put_open(out, NULL, '{');
    json_put_text(out, "id", buf_str(&guid));
    json_put_text(out, "url", buf_str(url));
    json_put_text(out, "title", a->title);
    json_put_text(out, "content_text", a->summary != NULL ? a->summary : a->title);
    json_put_text(out, "summary", a->summary);
    if (a->image_count > 0 && outlet__url(a->images[0].url, url)) {
        json_put_text(out, "image", buf_str(url));
    }
    put_dates(out, s);
    put_authors(out, &a->authors);
    put_tags(out, a);
    json_put_text(out, "language", a->language);
    json_put_open(out, "_news", '{');
    json_put_bool(out, "breaking", s->breaking);
    json_put_close(out, '}');
    json_put_close(out, '}');
    buf_done(&guid);
}

static void put_hubs(const struct outlet_facts *f, struct buf *out)
{
    if (f->hub_count == 0) {
        return;
    }
    json_put_open(out, "hubs", '[');
    for (size_t i = 0; i < f->hub_count; i++) {
        json_put_open(out, NULL, '{');
        json_put_text(out, "type", "WebSub");
        json_put_text(out, "url", f->hubs[i]);
        json_put_close(out, '}');
    }
    json_put_close(out, ']');
}

void outlet__json(const struct outlet_facts *f, struct buf *out)
{
    struct buf url;

    buf_init(&url, OUTLET_URL_BYTES);
    json_put_open(out, NULL, '{');
    json_put_text(out, "version", "https://jsonfeed.org/version/1.1");
    json_put_text(out, "title", f->name);
    json_put_text(out, "home_page_url", f->site_url);
    json_put_text(out, "feed_url", f->self);
    json_put_text(out, "language", f->language);
    put_hubs(f, out);
    json_put_open(out, "items", '[');
    for (size_t i = 0; i < f->count; i++) {
        if (f->v[i].recent) {
            put_item(f, &f->v[i], &url, out);
        }
    }
    json_put_close(out, ']');
    json_put_close(out, '}');
    buf_addc(out, '\n');
    buf_done(&url);
}
