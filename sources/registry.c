/* The table of all kinds of sources. A new one is a file and a row in sources_list.h. */

#include "sources/registry.h"

#include <string.h>

#include "base/attr.h"
#include "sources/sources_list.h"

static const struct source *const all[] = {
    &source_json, /* the one for everything that no other is for */
    &source_contentful,
    &source_directus,
    &source_drupal,
    &source_feed,
    &source_ghost,
    &source_hygraph,
    &source_sanity,
    &source_sitemap,
    &source_storyblok,
    &source_strapi,
    &source_superdesk,
    &source_webflow,
    &source_wordpress,
};

const struct source *const *sources_all(size_t *out_count)
{
    *out_count = ARRAY_LEN(all);
    return all;
}

const struct source *source_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        if (strcmp(all[i]->name, name) == 0) {
            return all[i];
        }
    }
    return NULL;
}
