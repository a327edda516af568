/* Pictures and films that a feed attaches to its items: Media RSS (www.rssboard.org/media-rss),
 * enclosures, iTunes, RSS images. Of pictures the widest of the best place is kept: feeds list one in
 * many sizes, so a list of several would show the same again and again. */

#include <string.h>
#include <strings.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/parse.h"
#include "sources/feed_formats.h"

static int64_t number(const struct feed_node *node, const char *name)
{
    const char *text = feed_attribute(node, name);
    int64_t value;

    return text && parse_i64(text, &value) && value > 0 ? value : 0;
}

static bool begins(const char *text, const char *with)
{
    return text && strncasecmp(text, with, strlen(with)) == 0;
}

static bool has_ending(const char *url, const char *const *endings, size_t count)
{
    size_t len = strcspn(url, "?#");

    for (size_t i = 0; i < count; i++) {
        size_t n = strlen(endings[i]);

        if (len > n && strncasecmp(url + len - n, endings[i], n) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_image(const struct feed_node *node, const char *url)
{
    static const char *const endings[] = {".jpg", ".jpeg", ".png", ".webp", ".gif", ".avif"};
    const char *medium = feed_attribute(node, "medium"), *type = feed_attribute(node, "type");

    if (medium) {
        return strcasecmp(medium, "image") == 0;
    }
    return type && strchr(type, '/') ? begins(type, "image/")
                                     : has_ending(url, endings, ARRAY_LEN(endings));
}

static bool is_film(const struct feed_node *node, const char *url)
{
    static const char *const endings[] = {".mp4", ".m4v", ".mov", ".webm"};
    const char *medium = feed_attribute(node, "medium"), *type = feed_attribute(node, "type");

    if (medium) {
        return strcasecmp(medium, "video") == 0;
    }
    return type && strchr(type, '/') ? begins(type, "video/")
                                     : has_ending(url, endings, ARRAY_LEN(endings));
}

/* What is said of it: by itself, or by the group it is in. */
static const char *said(const struct feed_node *node, enum feed_name name)
{
    const char *text = feed_text(node, name);
    const struct feed_node *group = node->parent;

    return text || !group || group->name != N_MEDIA_GROUP ? text : feed_text(group, name);
}

static void add_picture(struct feed_draft *d,
                        const struct feed_node *node,
                        const char *url,
                        enum feed_place place)
{
    const char *alt = said(node, N_MEDIA_TEXT);

    alt = alt ? alt : said(node, N_MEDIA_DESCRIPTION);
    alt = alt ? alt : said(node, N_MEDIA_TITLE);
    feed_draft_picture(d,
                       &(struct feed_picture){
                           .at = {node->base, url},
                           .alt = feed_words_of(alt),
                           .credit = said(node, N_MEDIA_CREDIT),
                           .width = number(node, "width"),
                           .height = number(node, "height"),
                           .place = place,
                       });
}

static void add_thumbnails(struct feed_draft *d, const struct feed_node *in)
{
    FEED_EACH(in, N_MEDIA_THUMBNAIL, it)
    {
        const char *url = feed_attribute(it, "url");

        add_picture(d, it, url ? url : it->text, PLACE_THUMBNAIL);
    }
}

static void add_film(struct feed_draft *d, const struct feed_node *node, const char *url)
{
    const struct feed_node *thumbnail = feed_child(node, N_MEDIA_THUMBNAIL);

    if (d->film.at.ref && d->film.width >= number(node, "width")) {
        return;
    }
    d->film = (struct feed_film){
        .at = {node->base, url},
        .title = feed_words_of(said(node, N_MEDIA_TITLE)),
        .width = number(node, "width"),
        .height = number(node, "height"),
        .duration_ms =
            number(node, "duration") < 1000000 ? number(node, "duration") * MS_SECOND : 0,
    };
    if (!thumbnail && node->parent) {
        thumbnail = feed_child(node->parent, N_MEDIA_THUMBNAIL);
    }
    if (thumbnail) {
        d->film.thumbnail =
            (struct feed_reference){thumbnail->base, feed_attribute(thumbnail, "url")};
    }
}

static void add_file(struct feed_draft *d,
                     const struct feed_node *node,
                     const char *url,
                     enum feed_place place)
{
    if (url && is_film(node, url)) {
        add_film(d, node, url);
    } else if (url && is_image(node, url)) {
        add_picture(d, node, url, place);
    }
}

static void add_contents(struct feed_draft *d, const struct feed_node *in)
{
    FEED_EACH(in, N_MEDIA_CONTENT, it)
    {
        add_file(d, it, feed_attribute(it, "url"), PLACE_CONTENT);
        add_thumbnails(d, it);
    }
    add_thumbnails(d, in);
}

/* <image><url>…</url></image>, <image>…</image>, <image url="…"/>. */
static void add_image(struct feed_draft *d, const struct feed_node *node)
{
    const char *url = feed_text(node, N_URL);

    url = url ? url : feed_attribute(node, "url");
    url = url ? url : feed_attribute(node, "href");
    add_picture(d, node, url ? url : node->text, PLACE_ITEM);
}

void feed_media(struct feed_draft *d, const struct feed_node *item)
{
    add_contents(d, item);
    FEED_EACH(item, N_MEDIA_GROUP, it)
    {
        add_contents(d, it);
    }
    FEED_EACH(item, N_ENCLOSURE, it)
    {
        add_file(d, it, feed_attribute(it, "url"), PLACE_ENCLOSURE);
    }
    FEED_EACH(item, N_ATOM_LINK, it)
    {
        const char *rel = feed_attribute(it, "rel");

        if (rel && strcasecmp(rel, "enclosure") == 0) {
            add_file(d, it, feed_attribute(it, "href"), PLACE_ENCLOSURE);
        }
    }
    FEED_EACH(item, N_IMAGE, it)
    {
        add_image(d, it);
    }
    FEED_EACH(item, N_ITUNES_IMAGE, it)
    {
        add_image(d, it);
    }
}
