#ifndef CRIER_SERVICE_INTAKE_INTERNAL_H
#define CRIER_SERVICE_INTAKE_INTERNAL_H

/* Between the files of intake: what comes in (intake.c), what the ledger is asked (intake_fill.c). */

#include "service/intake.h"

/* A URL as an article is known by it, yours; NULL: it is none. */
char *intake__identity_dup(const char *url);
/* A name that the request brings: value is borrowed until it is done. */
void intake__add_name(struct intake *in, const char *kind, const char *value);
/* Those that the options tell beside the article's own; kept by in. */
void intake__add_names(struct intake *in, const struct intake_options *options);
/* What holds for the content: its names, whether it is breaking, whether it is only recorded. */
void intake__fill_content(struct intake *in,
                          struct intake_content *content,
                          const struct intake_options *options);
/* Which channels it is for, until when it is worth sending there, and which may have it at once. */
void intake__fan_out(struct intake *in);
void intake__use_claims(struct intake *in);

#endif
