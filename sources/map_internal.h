#ifndef CRIER_SOURCES_MAP_INTERNAL_H
#define CRIER_SOURCES_MAP_INTERNAL_H

/* Shared by map.c (where things are), map_convert.c (what they become) and map_article.c. */

#include "sources/map.h"

/* Calls visit for what stands at each place of a member, in their order, until it returns true: it was of
 * use. Once something at a place was, the places behind it are not looked at. */
typedef bool map__visit_fn(void *context, const json_t *v);
bool map__each(const struct map_view *v,
               enum map_member m,
               map__visit_fn *visit,
               void *context);

/* One value; false and nothing: it is not of use. */
char *map__text(const json_t *v); /* a string with something in it, or a number */
bool map__time(const json_t *v,
               int64_t *out_ms);             /* RFC 3339 and what comes near it; seconds, ms */
bool map__truth(const json_t *v, bool *out); /* a boolean, 0 or 1, yes and no */
bool map__word(const json_t *v,
               json_t *list); /* … or a list, or an object with a name: appended */
char *map__url(const json_t *v, const char *base);     /* absolute, http or https */
json_t *map__image(const json_t *v, const char *base); /* as a member of article.images */

#endif
