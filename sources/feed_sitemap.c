/* What the elements of a sitemap mean (www.sitemaps.org), with those of Google for news, images and
 * videos. They tell the canonical URL and no summary: the page tells the rest. */

#include "base/clock.h"
#include "base/parse.h"
#include "sources/feed_formats.h"

static void take_news(struct feed_draft *d, const struct feed_node *news)
{
    d->title = feed_words_of(feed_text(news, N_NEWS_TITLE));
    d->published = feed_text(news, N_NEWS_DATE);
    d->language = feed_text(feed_child(news, N_NEWS_PUBLICATION), N_NEWS_LANGUAGE);
    feed_draft_word(&d->keywords, feed_text(news, N_NEWS_KEYWORDS));
    feed_draft_word(&d->keywords, feed_text(news, N_NEWS_GENRES));
}

static void take_image(struct feed_draft *d, const struct feed_node *image)
{
    const char *caption = feed_text(image, N_IMAGE_CAPTION);

    feed_draft_picture(
        d,
        &(struct feed_picture){
            .at = {image->base, feed_text(image, N_IMAGE_LOC)},
            .alt = feed_words_of(caption ? caption : feed_text(image, N_IMAGE_TITLE)),
            .place = PLACE_CONTENT,
        });
}

static void take_video(struct feed_draft *d, const struct feed_node *video)
{
    const char *seconds = feed_text(video, N_VIDEO_DURATION);
    int64_t duration;

    d->film = (struct feed_film){
        .at = {video->base, feed_text(video, N_VIDEO_CONTENT)},
        .thumbnail = {video->base, feed_text(video, N_VIDEO_THUMBNAIL)},
        .title = feed_words_of(feed_text(video, N_VIDEO_TITLE)),
    };
    if (seconds && parse_i64(seconds, &duration) && duration > 0 && duration < 1000000) {
        d->film.duration_ms = duration * MS_SECOND;
    }
}

bool feed_sitemap_item(struct feed_draft *d, const struct feed_node *page)
{
    const struct feed_node *news = feed_child(page, N_NEWS),
                           *image = feed_child(page, N_IMAGE_IMAGE),
                           *video = feed_child(page, N_VIDEO_VIDEO);

    feed_draft_link(d, page->base, feed_text(page, N_LOC));
    d->updated = feed_text(page, N_LASTMOD);
    if (news) {
        take_news(d, news);
    }
    if (image) {
        take_image(d, image);
    }
    if (video) {
        take_video(d, video);
    }
    return news != NULL;
}
