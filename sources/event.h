#ifndef CRIER_SOURCES_EVENT_H
#define CRIER_SOURCES_EVENT_H

/* What a source said: things that happened to articles, in the order in which it said them. Made by
 * whatever reads webhook bodies and feeds; service/ makes revisions of them. */

#include <stdint.h>

#include <jansson.h>

#include "base/field.h"

enum source_event_kind {
    EVENT_PUBLISHED,   /* public now: for the first time, or again */
    EVENT_UPDATED,     /* a change of what is public */
    EVENT_CORRECTED,   /* … that says of itself that it corrects a mistake */
    EVENT_UNPUBLISHED, /* not public any more */
    EVENT_DRAFTED,     /* … and being worked on: it is likely to come back */
    EVENT_DELETED,
    EVENT_KILLED,  /* withdrawn by an agency: nothing of it may stand a minute longer */
    EVENT_NOTHING, /* none of our business: a test, a draft saved, another kind of thing */
};
const char *source_event_name(enum source_event_kind kind); /* "published" "updated" … */

struct source_event {
    enum source_event_kind kind;
    /* As article_from_json() takes it; members that the source did not tell are left out, the title and
     * the URL as well: then they are fetched. NULL when nothing is published. */
    json_t *article;
    char *id;            /* the source's own, lasting; NULL */
    struct strings ids;  /* others of its own: of what it was rewritten from */
    char *guid;          /* a feed's; NULL */
    char *url;           /* NULL: not told */
    struct strings urls; /* others under which it is known */
    int64_t at_ms;       /* when it changed, by the source's clock; 0: not told */
    char *key;           /* the same call again has the same; NULL: it has none */
    char *why;           /* of NOTHING and of what takes back, for people; NULL */
};
struct source_events {
    struct source_event *v;
    size_t count;
};

/* Appends an event with nothing in it yet; the pointer holds until the next call. */
struct source_event *source_events_add(struct source_events *events,
                                       enum source_event_kind kind);
void source_events_done(struct source_events *events);

#endif
