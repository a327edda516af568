#ifndef CRIER_BASE_MUSTACHE_H
#define CRIER_BASE_MUSTACHE_H

/* Mustache templates by the public specification (mustache/spec: interpolation, sections,
 * inverted sections, comments, partials, delimiters; no lambdas, no inheritance). A template is
 * parsed once and rendered over Jansson values. {{x}} escapes with the function given, {{{x}}}
 * and {{&x}} do not. Numbers print without a trailing ".0"; objects and lists print nothing.
 * Null, false, 0, "" and an empty list are false to a section. In a dotted name a number picks
 * from a list: images.0.url. */

#include <jansson.h>

#include "base/buf.h"
#include "base/err.h"

struct mustache;

/* Appends text escaped for where it goes; NULL means text_escape_html. */
typedef void mustache_escape_fn(struct buf *out, const char *text, size_t len);
/* The source of a partial, or NULL (renders as nothing). */
typedef const char *mustache_partial_fn(void *context, const char *name);

/* ERR_INVALID names line and column of the fault: "2:14: section \"tags\" is never closed". */
MUST_USE enum err_code mustache_parse(struct mustache **out, const char *text, struct err *why);
void mustache_free(struct mustache *m);
const char *mustache_source(const struct mustache *m);
/* Depth of partials and sections is bounded; the output by the buffer's ceiling. */
MUST_USE enum err_code mustache_render(const struct mustache *m,
                                       const json_t *data,
                                       mustache_escape_fn *escape,
                                       mustache_partial_fn *partial,
                                       void *partial_context,
                                       struct buf *out,
                                       struct err *why);
/* Calls visit for every variable and section name used, for checks of settings. */
void mustache_names(const struct mustache *m,
                    void (*visit)(void *context, const char *name),
                    void *context);
void mustache_escape_none(struct buf *out, const char *text, size_t len);

#endif
