#ifndef CRIER_SERVICE_WATCH_H
#define CRIER_SERVICE_WATCH_H

/* The sources that crier goes and looks at: feeds and sitemaps. Each is polled at its own pace (see
 * watch_policy.h), one request per host at a time; what it has said is remembered in the ledger, so
 * that a restart neither floods nor forgets.
 *
 * Nothing is lost and nothing is doubled across a crash, because of the order of writes: each new item is
 * committed as an article first, and only when all of an answer are, the source's state is: its ETag,
 * and which items are known. A crash in between leaves items that look new and are none; the ledger
 * knows them by their names. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/buf.h"
#include "base/err.h"

struct crier;
struct watch;
struct watched;

struct watch *watch_new(struct crier *c);
/* What the ledger remembers of all sources. Blocks; once, before watch_apply(). */
MUST_USE enum err_code watch_load(struct watch *w, struct err *why);
/* The settings in force: new sources are looked at soon, those that left are forgotten. Call it before the
 * old settings are let go of. */
void watch_apply(struct watch *w);
/* What is due by now is begun; for when the clock was moved. */
void watch_poke(struct watch *w);
/* No more requests; those that run are broken off. */
void watch_stop(struct watch *w);
/* Nothing of it runs, and all that is to be remembered is on disk. */
bool watch_idle(const struct watch *w);
/* Reader, ledger and out are gone. */
void watch_free(struct watch *w);

struct watched *watch_find(struct watch *w, const char *name); /* NULL: none of that name */
/* The configured ones, in the order of the settings; start with *cursor = 0. NULL at the end. */
struct watched *watch_each(struct watch *w, size_t *cursor);
const char *watched_name(const struct watched *s);
/* Ask now, also one that had stopped; one that is being asked is asked once more right behind it. */
void watched_poll_now(struct watched *s);

/* As the API and the command line show it; whole: with its settings' and the subscription's details. */
json_t *watched_json(const struct watched *s, bool whole);
/* How it is, in one word: "ok" "new" "failing" "stopped". */
const char *watched_health(const struct watched *s);
/* Gauges of all sources, for metrics.c. */
void watch_print_gauges(struct watch *w, struct buf *out);

/* What was held is sent, oldest first, or dropped: by a person. done comes once, never before this has
 * returned; count: so many articles; rc not 0: it stopped there. */
enum watch_hand_kind { WATCH_RELEASE, WATCH_DROP };
typedef void
watch_hand_fn(void *context, size_t count, enum err_code rc, const struct err *why);
void watched_hand(struct watched *s,
                  enum watch_hand_kind kind,
                  const char *by,
                  watch_hand_fn *done,
                  void *context);

#endif
