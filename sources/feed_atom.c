/* What the elements of Atom mean: 1.0 (RFC 4287), its tombstones (RFC 6721), and 0.3, which was
 * never a standard and is still served. Some of it is called for RSS as well, where Atom's links and
 * dates are at home. */

#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "sources/feed_formats.h"

static bool is_html(const char *type)
{
    return type && (strcasecmp(type, "html") == 0 || strcasecmp(type, "xhtml") == 0 ||
                    strcasecmp(type, "text/html") == 0 ||
                    strcasecmp(type, "application/xhtml+xml") == 0);
}

struct feed_words feed_atom_words(const struct feed_node *text)
{
    const char *mode = text ? feed_attribute(text, "mode") : NULL;

    /* Of Atom 0.3; nobody was seen to send texts in base64. */
    if (!text || text->text[0] == '\0' || (mode && strcasecmp(mode, "base64") == 0)) {
        return (struct feed_words){0};
    }
    return (struct feed_words){
        .text = text->text,
        .markup = text->has_markup || is_html(feed_attribute(text, "type"))
                      ? MARKUP_HTML
                      : feed_guess_markup(text->text),
        .cut = text->cut,
    };
}

static const struct feed_node *
find_link(const struct feed_node *in, enum feed_name name, const char *rel, bool any_type)
{
    FEED_EACH(in, name, it)
    {
        const char *its = feed_attribute(it, "rel"), *type = feed_attribute(it, "type");

        /* RSS's own links have their URL as text; without rel they are not looked at here. */
        if (feed_attribute(it, "href") && (its || name == N_ATOM_LINK) &&
            strcasecmp(its ? its : "alternate", rel) == 0 &&
            (any_type || !type || is_html(type))) {
            return it;
        }
    }
    return NULL;
}

const struct feed_node *feed_atom_find_link(const struct feed_node *in, const char *rel)
{
    const struct feed_node *found = find_link(in, N_ATOM_LINK, rel, false);

    found = found ? found : find_link(in, N_ATOM_LINK, rel, true);
    return found ? found : find_link(in, N_LINK, rel, true);
}

void feed_atom_authors(struct feed_draft *d, const struct feed_node *in)
{
    FEED_EACH(in, N_ATOM_AUTHOR, it)
    {
        feed_draft_word(&d->authors, feed_text(it, N_ATOM_NAME));
    }
}

/* ---- entries ---- */

static const char *either(const char *a, const char *b)
{
    return a ? a : b;
}

static void take_links(struct feed_draft *d, const struct feed_node *entry)
{
    const struct feed_node *alternate = feed_atom_find_link(entry, "alternate");
    const struct feed_node *content = feed_child(entry, N_ATOM_CONTENT);
    const char *type = content ? feed_attribute(content, "type") : NULL;

    feed_draft_link(d, entry->base, feed_text(entry, N_ORIG_LINK));
    if (alternate) {
        feed_draft_link(d, alternate->base, feed_attribute(alternate, "href"));
    }
    if (content && is_html(type)) { /* kept elsewhere */
        feed_draft_link(d, content->base, feed_attribute(content, "src"));
    }
    if (d->guid && d->link_count == 0 && strncasecmp(d->guid, "http", 4) == 0) {
        feed_draft_link(d, entry->base, d->guid);
    }
}

static void take_topics(struct feed_draft *d, const struct feed_node *entry)
{
    FEED_EACH(entry, N_ATOM_CATEGORY, it)
    {
        feed_draft_word(&d->categories,
                        either(feed_attribute(it, "label"), feed_attribute(it, "term")));
    }
    FEED_EACH(entry, N_DC_SUBJECT, it)
    {
        feed_draft_word(&d->categories, it->text);
    }
    FEED_EACH(entry, N_MEDIA_KEYWORDS, it)
    {
        feed_draft_word(&d->keywords, it->text);
    }
}

void feed_atom_item(struct feed_draft *d,
                    const struct feed_node *root,
                    const struct feed_node *entry)
{
    d->guid = feed_text(entry, N_ATOM_ID);
    take_links(d, entry);
    d->title = feed_atom_words(feed_child(entry, N_ATOM_TITLE));
    d->summary = feed_atom_words(feed_child(entry, N_ATOM_SUMMARY));
    d->body = feed_atom_words(feed_child(entry, N_ATOM_CONTENT));
    d->published = either(feed_text(entry, N_ATOM_PUBLISHED), feed_text(entry, N_ATOM_ISSUED));
    d->published = either(d->published, feed_text(entry, N_ATOM_CREATED));
    d->published = either(d->published, feed_text(entry, N_DC_DATE));
    d->updated = either(feed_text(entry, N_ATOM_UPDATED), feed_text(entry, N_ATOM_MODIFIED));
    d->updated = either(d->updated, feed_text(entry, N_DCTERMS_MODIFIED));
    d->language = entry->lang;
    feed_atom_authors(d, entry);
    if (d->authors.count == 0) { /* RFC 4287 section 4.2.1 */
        feed_atom_authors(d, root);
    }
    take_topics(d, entry);
    feed_media(d, entry);
}

void feed_atom_deleted(struct feed_draft *d, const struct feed_node *deleted)
{
    d->removed = true;
    d->guid = feed_attribute(deleted, "ref");
    d->updated = feed_attribute(deleted, "when");
}

/* ---- the feed ---- */

static char *link_url(const struct feed_node *link, const struct feed_maker *maker)
{
    const char *base = link && link->base ? link->base : maker->url;

    return link ? feed_url_dup(base, feed_attribute(link, "href")) : NULL;
}

static void take_hubs(struct feed *feed,
                      const struct feed_node *in,
                      enum feed_name name,
                      const struct feed_maker *maker)
{
    FEED_EACH(in, name, it)
    {
        const char *rel = feed_attribute(it, "rel");

        if (rel && strcasecmp(rel, "hub") == 0) {
            feed_url_add(&feed->hubs, link_url(it, maker));
        }
    }
}

void feed_atom_links(struct feed *feed,
                     const struct feed_node *in,
                     const struct feed_maker *maker)
{
    feed->self = link_url(feed_atom_find_link(in, "self"), maker);
    feed->next = link_url(feed_atom_find_link(in, "next"), maker);
    take_hubs(feed, in, N_ATOM_LINK, maker);
    take_hubs(feed, in, N_LINK, maker);
}

const char *feed_atom_link(const struct feed_node *root)
{
    const struct feed_node *alternate = feed_atom_find_link(root, "alternate");

    return alternate ? feed_attribute(alternate, "href") : NULL;
}

void feed_atom_head(struct feed *feed,
                    const struct feed_node *root,
                    const struct feed_maker *maker)
{
    const char *version = feed_attribute(root, "version");
    const char *updated =
        either(feed_text(root, N_ATOM_UPDATED), feed_text(root, N_ATOM_MODIFIED));
    struct feed_words title = feed_atom_words(feed_child(root, N_ATOM_TITLE));

    feed->format = version && strcmp(version, "0.3") == 0 ? FEED_ATOM_03 : FEED_ATOM_10;
    feed->title = feed_title_dup(&title, ARTICLE_TITLE_BYTES);
    feed->language = feed_language_dup(root->lang);
    feed->link = link_url(feed_atom_find_link(root, "alternate"), maker);
    feed_atom_links(feed, root, maker);
    if (updated &&
        !feed_date_parse(updated, strlen(updated), &maker->dates, &feed->updated_at_ms)) {
        feed->updated_at_ms = 0;
    }
}
