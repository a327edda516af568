#ifndef CRIER_SOURCES_SIGN_INTERNAL_H
#define CRIER_SOURCES_SIGN_INTERNAL_H

/* Shared by sign.c (what a call carries, and whether it is right), sign_content.c (the bytes that were
 * signed) and sign_token.c (those who cannot sign). */

#include "sources/sign.h"

/* What of a call the scheme looks at. */
struct sign_parts {
    const char *signature; /* its header's value; NULL: absent */
    const char *timestamp, *id;
    char *env;
    char *member, *time; /* of the header, owned; what the above point to */
};

/* Appends the bytes that the sender signed. False: the call lacks something that must be among them. */
bool sign__content(struct buf *out,
                   const struct sign_scheme *scheme,
                   const struct sign_parts *parts,
                   const struct source_call *call);
enum sign_verdict sign__token(const struct sign_keys *keys, const struct source_call *call);

#endif
