#ifndef CRIER_SERVICE_TOPICS_H
#define CRIER_SERVICE_TOPICS_H

/* The topics that members of an audience choose from (setting audience.topics): their numbers, which the ledger
 * gives and never changes, so that a member's choice is one number; kept here, since they are asked for with
 * every article and every reader. A topic that has left the settings keeps its number. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/article.h"
#include "base/err.h"
#include "base/member.h"
#include "config/config.h"

struct crier;
struct topics;

struct topics *topics_new(struct crier *c);
void topics_free(struct topics *t);
/* At start: those of all channels in force. Blocks (ledger_run). */
MUST_USE enum err_code topics_load(struct topics *t, struct err *why);
/* After a reload: new ones are numbered soon. Until then they are as if they were not there, which is right:
 * nobody can have chosen them. */
void topics_apply(struct topics *t);

/* What LEDGER_WAVE_OPEN wants in `topics`: MEMBER_TOPICS_ALL where the channel has none; else a bit for each
 * topic whose name is a category or tag of the article (folded, text_same_word), and that of `breaking` for a
 * breaking one. 0: only those who have chosen nothing get it. */
int64_t topics_of_article(const struct topics *t,
                          const struct channel_settings *channel,
                          const struct article *a,
                          bool breaking);

/* Whether an article is about a topic, by its name. */
bool topic_fits(const struct article *a, const char *topic, bool breaking);

/* The bit of a topic (a mask with one bit) by its name as the settings have it; 0: there is none. */
int64_t topics_bit(const struct topics *t, const char *channel, const char *name);
/* For tests, which have no ledger: as if it had said so. */
void topics_set(struct topics *t, const char *channel, const char *name, int64_t bit);

#endif
