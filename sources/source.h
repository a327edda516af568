#ifndef CRIER_SOURCES_SOURCE_H
#define CRIER_SOURCES_SOURCE_H

/* The contract between crier and one kind of source: its settings, how its calls are signed, and how
 * what it says becomes events. All of it is pure: no socket, no disk, no clock. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/field.h"
#include "sources/event.h"

struct sign_scheme;

/* One call of /hooks/NAME as it came; all borrowed. */
struct source_call {
    const char *method; /* "POST" */
    const char *target; /* path and query, as they came */
    const char
        *rest; /* what stands behind the source's name in the path, decoded; NULL: nothing */
    const char *body; /* the bytes that were signed */
    size_t body_len;
    /* The value of a header, of a parameter of the query (decoded); NULL: it is not there. */
    const char *(*header)(const void *context, const char *name);
    const char *(*query)(const void *context, const char *name);
    const void *context;
    int64_t now_ms; /* wall clock */
};

struct cms;

struct source {
    const char *name; /* `type:` in the settings */
    const char *title;
    const char *about;   /* what it sends, one sentence, lower case */
    const char *doc_url; /* of the format or the vendor; NULL: none */
    /* How it is set up on the other side: where to click, which events, which header. Plain text of
     * several lines, for people who do not program; NULL: there is nothing to it. */
    const char *setup;
    const struct field *settings; /* of one that is called: they fill a struct hook_settings */
    size_t settings_size;
    bool called;        /* it calls /hooks/NAME, signed; false: crier goes and looks */
    int64_t max_age_ms; /* default of the source's max_age; 0: any age */
    /* Checks of the settings that no single row can say. ERR_INVALID: why names the key first. */
    enum err_code (*check)(const void *settings, struct err *why);
    /* Of one that is called: what its `signature` chooses from, in the order of that row's choices. */
    const struct sign_scheme *const *schemes;
    /* How what a called one says is read: by this table, as most are (cms.h), or, NULL, by `read`. Ask
     * source_read(). */
    const struct cms *cms;
    enum err_code (*read)(const void *settings,
                          const struct source_call *call,
                          struct source_events *out,
                          struct err *why);
};

/* What a call said, appended to out, which is empty; at least one event, be it NOTHING. The signature
 * was good. On any thread. ERR_INVALID: it cannot be read; why tells, and out stays empty. */
MUST_USE enum err_code source_read(const struct source *s,
                                   const void *settings,
                                   const struct source_call *call,
                                   struct source_events *out,
                                   struct err *why);

#endif
