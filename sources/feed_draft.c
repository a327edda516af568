/* Filling a draft. Called by the formats. */

#include "sources/feed_draft.h"

#include <string.h>

void feed_draft_init(struct feed_draft *d, const char *base)
{
    memset(d, 0, sizeof *d);
    d->base = base;
    d->breaking = -1;
    d->picture.place = PLACE_NONE;
}

static bool is_empty(const char *text)
{
    return !text || text[strspn(text, " \t\r\n")] == '\0';
}

void feed_draft_link(struct feed_draft *d, const char *base, const char *ref)
{
    if (!is_empty(ref) && d->link_count < DRAFT_LINKS_MAX) {
        d->links[d->link_count++] = (struct feed_reference){base, ref};
    }
}

void feed_draft_word(struct feed_list *list, const char *word)
{
    if (!is_empty(word) && list->count < ARTICLE_LIST_MAX) {
        list->v[list->count++] = word;
    }
}

void feed_draft_picture(struct feed_draft *d, const struct feed_picture *picture)
{
    const struct feed_picture *had = &d->picture;

    if (!is_empty(picture->at.ref) &&
        (picture->place < had->place ||
         (picture->place == had->place && picture->width > had->width))) {
        d->picture = *picture;
    }
}

enum feed_markup feed_guess_markup(const char *text)
{
    static const char *const signs[] = {"</", "<p>", "<br", "<img ", "<p "};

    for (size_t i = 0; i < sizeof signs / sizeof signs[0]; i++) {
        if (strcasestr(text, signs[i])) {
            return MARKUP_HTML;
        }
    }
    return MARKUP_PLAIN;
}
