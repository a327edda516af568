/* What the payload of a source lacked is taken from the article's page. Called by the courier, so that
 * adapters see a complete article; the stored revision stays as it came. */

#include "service/page_fill.h"

#include <string.h>

#include "base/json.h"
#include "base/mem.h"

#define PAGE_DEPTH 8

/* The page as an article of its own; NULL: it cannot be read. */
static struct article *article_of(const char *page)
{
    static const char *const members[] = {
        "url", "title", "summary", "language", "images", "authors"};
    struct article *a = NULL;
    json_t *all = NULL, *ours;
    struct buf text;

    if (json_read(&all, page, strlen(page), PAGE_DEPTH, NULL) != ERR_NONE) {
        return NULL;
    }
    ours = json_pack("{s:s}", "title", "-"); /* an article must have one */
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        json_t *v = json_object_get(all, members[i]);

        if (v) {
            (void)json_object_set(ours, members[i], v);
        }
    }
    buf_init(&text, SIZE_MAX / 2);
    json_write(&text, ours);
    if (article_restore(&a, buf_str(&text), text.len, NULL) != ERR_NONE) {
        a = NULL;
    }
    buf_done(&text);
    json_decref(ours);
    json_decref(all);
    return a;
}

static void fill_text(char **to, char **from)
{
    if (!*to) {
        *to = *from;
        *from = NULL;
    }
}

static void fill_image(struct article_image *to, struct article_image *from)
{
    fill_text(&to->alt, &from->alt);
    if (to->width == 0 && to->height == 0) {
        to->width = from->width;
        to->height = from->height;
    }
}

static void fill_images(struct article *a, struct article *page)
{
    if (a->image_count == 0) {
        a->images = page->images;
        a->image_count = page->image_count;
        page->images = NULL;
        page->image_count = 0;
    }
    for (size_t i = 0; i < a->image_count; i++) {
        for (size_t j = 0; j < page->image_count; j++) {
            if (strcmp(a->images[i].url, page->images[j].url) == 0) {
                fill_image(&a->images[i], &page->images[j]);
            }
        }
    }
}

void page_fill_article(struct article *a, const char *page)
{
    struct article *from = page && a->more_references == 0 ? article_of(page) : NULL;

    if (!from) {
        return;
    }
    fill_text(&a->summary, &from->summary);
    fill_text(&a->language, &from->language);
    if (a->authors.count == 0) {
        a->authors = from->authors;
        from->authors = (struct strings){0};
    }
    fill_images(a, from);
    article_unref(from);
}
