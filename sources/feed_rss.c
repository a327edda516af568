/* What the elements of RSS mean, 0.90 to 2.0, with the modules that are used beside it
 * (www.rssboard.org/rss-specification, purl.org/rss/1.0). Each thing has several places, tried in the
 * order in which they can be trusted. */

#include <string.h>
#include <strings.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/parse.h"
#include "base/text.h"
#include "sources/feed_formats.h"

static const char *
first_text(const struct feed_node *in, const enum feed_name *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *text = feed_text(in, names[i]);

        if (text) {
            return text;
        }
    }
    return NULL;
}

#define FIRST(in, ...)                                                                         \
    first_text((in),                                                                           \
               (const enum feed_name[]){__VA_ARGS__},                                          \
               sizeof((const enum feed_name[]){__VA_ARGS__}) / sizeof(enum feed_name))

static const struct feed_node *channel_of(const struct feed_node *root)
{
    const struct feed_node *channel = feed_child(root, N_CHANNEL);

    return channel ? channel : root;
}

/* ---- items ---- */

static struct feed_words html(const struct feed_node *in, enum feed_name name)
{
    FEED_EACH(in, name, it)
    {
        if (it->text[0] != '\0') {
            return (struct feed_words){it->text, MARKUP_HTML, it->cut};
        }
    }
    return (struct feed_words){0};
}

static void first_html(struct feed_words *out,
                       const struct feed_node *in,
                       const enum feed_name *names,
                       size_t count)
{
    for (size_t i = 0; i < count && !out->text; i++) {
        *out = html(in, names[i]);
    }
}

/* The URL of a link is its text; those of Atom that lost their prefix have it in href. */
static const char *link_text(const struct feed_node *in)
{
    FEED_EACH(in, N_LINK, it)
    {
        const char *rel = feed_attribute(it, "rel");

        if (it->text[0] != '\0') {
            return it->text;
        }
        if (feed_attribute(it, "href") && (!rel || strcasecmp(rel, "alternate") == 0)) {
            return feed_attribute(it, "href");
        }
    }
    return NULL;
}

/* isPermaLink is true unless said otherwise, and many say nothing of a number: only whole URLs count. */
static const char *permalink(const struct feed_node *item)
{
    const struct feed_node *guid = feed_child(item, N_GUID);
    const char *is_one = guid ? feed_attribute(guid, "isPermaLink") : NULL;

    if (!guid || (is_one && strcasecmp(is_one, "false") == 0) ||
        (strncasecmp(guid->text, "http://", 7) != 0 &&
         strncasecmp(guid->text, "https://", 8) != 0)) {
        return NULL;
    }
    return guid->text;
}

static void take_links(struct feed_draft *d, const struct feed_node *item)
{
    const struct feed_node *alternate = feed_atom_find_link(item, "alternate");

    feed_draft_link(d, item->base, feed_text(item, N_ORIG_LINK));
    feed_draft_link(d, item->base, link_text(item));
    if (alternate) {
        feed_draft_link(d, alternate->base, feed_attribute(alternate, "href"));
    }
    feed_draft_link(d, item->base, permalink(item));
}

static void take_all(struct feed_list *list, const struct feed_node *in, enum feed_name name)
{
    FEED_EACH(in, name, it)
    {
        feed_draft_word(list, it->text);
    }
}

static void take_authors(struct feed_draft *d, const struct feed_node *item)
{
    static const enum feed_name names[] = {N_DC_CREATOR, N_AUTHOR, N_ITUNES_AUTHOR};

    for (size_t i = 0; i < ARRAY_LEN(names) && d->authors.count == 0; i++) {
        take_all(&d->authors, item, names[i]);
    }
    if (d->authors.count == 0) {
        feed_atom_authors(d, item);
    }
}

static void take_topics(struct feed_draft *d, const struct feed_node *item)
{
    take_all(&d->categories, item, N_CATEGORY);
    take_all(&d->categories, item, N_DC_SUBJECT);
    take_all(&d->categories, item, N_SLASH_SECTION);
    take_all(&d->categories, item, N_MEDIA_CATEGORY);
    FEED_EACH(item, N_ATOM_CATEGORY, it)
    {
        feed_draft_word(&d->categories, feed_attribute(it, "term"));
    }
    take_all(&d->keywords, item, N_MEDIA_KEYWORDS);
    take_all(&d->keywords, item, N_ITUNES_KEYWORDS);
}

static int urgency(const struct feed_node *item)
{
    const char *text = feed_text(item, N_URGENCY);
    int64_t value;

    return text && parse_i64(text, &value) && value >= 1 && value <= 9 ? (int)value : 0;
}

static void take_texts(struct feed_draft *d, const struct feed_node *item)
{
    static const enum feed_name titles[] = {N_TITLE, N_MEDIA_TITLE, N_DC_TITLE};
    static const enum feed_name summaries[] = {
        N_DESCRIPTION, N_ITUNES_SUMMARY, N_DC_DESCRIPTION, N_MEDIA_DESCRIPTION};

    first_html(&d->title, item, titles, ARRAY_LEN(titles));
    first_html(&d->summary, item, summaries, ARRAY_LEN(summaries));
    d->body = html(item, N_CONTENT_ENCODED);
    if (!d->summary.text) {
        d->summary = feed_atom_words(feed_child(item, N_ATOM_SUMMARY));
    }
    if (!d->body.text) {
        d->body = feed_atom_words(feed_child(item, N_ATOM_CONTENT));
    }
}

void feed_rss_item(struct feed_draft *d,
                   const struct feed_node *root,
                   const struct feed_node *item)
{
    (void)root;
    d->guid = FIRST(item, N_GUID, N_ATOM_ID, N_DC_IDENTIFIER);
    if (!d->guid) {
        d->guid = feed_attribute(item, "about"); /* rdf:about */
    }
    take_links(d, item);
    take_texts(d, item);
    d->published = FIRST(
        item, N_PUB_DATE, N_DC_DATE, N_ATOM_PUBLISHED, N_DCTERMS_ISSUED, N_DCTERMS_CREATED);
    d->updated = FIRST(item, N_ATOM_UPDATED, N_DCTERMS_MODIFIED);
    d->language = feed_text(item, N_DC_LANGUAGE);
    d->language = d->language ? d->language : item->lang;
    take_authors(d, item);
    take_topics(d, item);
    feed_media(d, item);
    d->urgency = urgency(item);
}

/* ---- what is around them ---- */

const char *feed_rss_language(const struct feed_node *root)
{
    const char *language = FIRST(channel_of(root), N_LANGUAGE, N_DC_LANGUAGE);

    return language ? language : root->lang;
}

const char *feed_rss_link(const struct feed_node *root)
{
    const struct feed_node *channel = channel_of(root),
                           *alternate = feed_atom_find_link(channel, "alternate");
    const char *link = link_text(channel);

    return link || !alternate ? link : feed_attribute(alternate, "href");
}

static enum feed_format format_of(const struct feed_node *root, const char *root_namespace)
{
    const char *version = feed_attribute(root, "version");

    if (root->name == N_RDF) {
        return strstr(root_namespace, "/0.9") ? FEED_RSS_090 : FEED_RSS_10;
    }
    return version && version[0] == '2' ? FEED_RSS_20 : FEED_RSS_09X;
}

/* How long until the next change, by sy:updatePeriod and how often in it. */
static int64_t update_ms(const struct feed_node *channel)
{
    static const struct {
        const char *name;
        int64_t ms;
    } periods[] = {
        {"hourly", MS_HOUR},
        {"daily", MS_DAY},
        {"weekly", 7 * MS_DAY},
        {"monthly", 30 * MS_DAY},
        {"yearly", 365 * MS_DAY},
    };
    const char *period = feed_text(channel, N_SY_PERIOD),
               *often = feed_text(channel, N_SY_FREQUENCY);
    int64_t times;

    if (!often || !parse_i64(often, &times) || times < 1 || times > 10000) {
        times = 1;
    }
    for (size_t i = 0; period && i < ARRAY_LEN(periods); i++) {
        if (strcasecmp(period, periods[i].name) == 0) {
            return periods[i].ms / times;
        }
    }
    return 0;
}

static int64_t ttl_ms(const struct feed_node *channel)
{
    const char *text = feed_text(channel, N_TTL);
    int64_t minutes;

    return text && parse_i64(text, &minutes) && minutes > 0 && minutes < 1000000
               ? minutes * MS_MINUTE
               : 0;
}

void feed_rss_head(struct feed *feed,
                   const struct feed_node *root,
                   const char *root_namespace,
                   const struct feed_maker *maker)
{
    const struct feed_node *channel = channel_of(root);
    const char *built = FIRST(channel, N_LAST_BUILD, N_PUB_DATE, N_DC_DATE, N_ATOM_UPDATED);
    struct feed_words title = html(channel, N_TITLE);

    feed->format = format_of(root, root_namespace);
    feed->title = feed_title_dup(&title, ARTICLE_TITLE_BYTES);
    feed->language = feed_language_dup(feed_rss_language(root));
    feed->link = feed_url_dup(root->base ? root->base : maker->url, feed_rss_link(root));
    feed_atom_links(feed, channel, maker);
    feed->ttl_ms = ttl_ms(channel);
    feed->update_ms = update_ms(channel);
    if (built && !feed_date_parse(built, strlen(built), &maker->dates, &feed->updated_at_ms)) {
        feed->updated_at_ms = 0;
    }
}
