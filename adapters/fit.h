#ifndef CRIER_ADAPTERS_FIT_H
#define CRIER_ADAPTERS_FIT_H

/* Text for a platform: a template over the article, fitted to a limit. It stands here and not
 * in service/, because which text a step needs (a caption, a text) is the adapter's to say, and
 * because it is pure.
 *
 * Variables of templates: title, summary, url (as this channel links it), canonical_url,
 * body_text, language, author, authors[], categories[], tags[], hashtags ("#Breaking #World"),
 * image, image_alt, site, site_url, channel, breaking, reason, revision, update (true in an
 * update), correction (what was corrected, if that is told; else true, when the article says of itself
 * that it corrects something or a category or tag of it is "Correction"), published_at, id. What the article does not have is not there, so that
 * {{#summary}}…{{/summary}} does what one expects; author is all authors joined by ", ";
 * hashtags are the categories and then the tags, each word once. */

#include "adapters/adapter.h"

json_t *fit_view(const struct step_ctx *ctx); /* new reference */

/* Render tpl and make it fit rule, appending to out: values are shortened until it does,
 * body_text first, then summary, then hashtags from the end, then title; url is never touched.
 * When even that is too long the rendered text is cut at a word (its markup dropped, the url
 * kept at the end). Empty lines that missing values leave behind are closed up: never two in a
 * row, none at the ends. escape as in mustache_render; for text that is measured after markup
 * is removed (Telegram's HTML) give `measured` a function that strips it. Notes the measure in
 * ctx->fits. ERR_TOO_BIG when the url alone does not fit. */
typedef void fit_strip_fn(struct buf *out, const char *text, size_t len);
MUST_USE enum err_code fit_text(struct step_ctx *ctx,
                                const struct mustache *tpl,
                                const struct text_rule *rule,
                                mustache_escape_fn *escape,
                                fit_strip_fn *measured,
                                struct buf *out,
                                struct err *why);
/* The same into a member of the record, once: a text goes out with the same bytes on every attempt. */
MUST_USE enum err_code fit_record(struct step_ctx *ctx,
                                  const char *member,
                                  const struct mustache *tpl,
                                  const struct text_rule *rule,
                                  mustache_escape_fn *escape,
                                  struct err *why);
/* Plain text (an alt text, a card title) cut to a rule; notes the measure too. NULL text gives
 * "". */
void fit_plain(struct step_ctx *ctx,
               const struct text_rule *rule,
               const char *text,
               struct buf *out);

#endif
