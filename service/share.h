#ifndef CRIER_SERVICE_SHARE_H
#define CRIER_SERVICE_SHARE_H

/* Share links: "send this article to …" on 77 platforms, from the data file
 * service/share-targets.json (embedded). Pure but for loading. */

#include <jansson.h>

#include "base/buf.h"
#include "config/config.h"

struct share_targets;

struct share_facts {
    const char *url;          /* absolute, untagged */
    const char *title, *text; /* NULL: left out */
    const char *image;
    const char *const *hashtags; /* without '#' */
    size_t hashtag_count;
    const char *via; /* account handle without '@'; NULL: none */
    const struct site_settings *site;
};

MUST_USE enum err_code share_targets_load(struct share_targets **out, struct err *why);
void share_targets_free(struct share_targets *t);
/* Every target with status "working" (and no missing need):
 * [{"id","name","category","url","render"?}], those of the data file's default order first; new
 * reference. Where there is no link to follow
 * ("render": native, copy, qr, print) url is the article's own, tagged for that target. */
json_t *share_links(const struct share_targets *t, const struct share_facts *facts);
/* How many targets share_links() would name. */
size_t share_target_count(const struct share_targets *t);
/* One target's link; ERR_NOT_FOUND for an unknown or switched-off target. */
MUST_USE enum err_code share_link(const struct share_targets *t,
                                  const char *id,
                                  const struct share_facts *facts,
                                  struct buf *out,
                                  struct err *why);

#endif
