#ifndef CRIER_CONFIG_PROBLEM_H
#define CRIER_CONFIG_PROBLEM_H

/* Mistakes in a settings file, collected so that one run names them all. */

#include <stddef.h>

#include "base/buf.h"

struct problem {
    char *file;
    int line, column; /* from 1; 0: the file as a whole */
    char *what;       /* "channels.telegram.not_after: \"2 hourz\" is no duration" */
    char *accepted;   /* "a duration such as 30s, 5m, 2h"; may suggest: "did you mean …?" */
};
struct problems {
    struct problem *v;
    size_t count;
};

void problems_init(struct problems *p);
void problems_done(struct problems *p);
void problems_add(struct problems *p,
                  const char *file,
                  int line,
                  int column,
                  const char *accepted,
                  const char *what_format,
                  ...) PRINTF_LIKE(6, 7);
void problems_sort(struct problems *p);
/* Text of the file for a message: cut at a character, without control characters; returns
 * out. */
#define PROBLEM_SHOWN_BYTES 96
const char *problem_shown(const char *text, char out[PROBLEM_SHOWN_BYTES]);
/* The same for a key, up to the first character that no key has: in `token:abc` without a
 * blank, a secret may stand behind it. */
const char *problem_shown_key(const char *key, char out[PROBLEM_SHOWN_BYTES]);
/* "file:line:col: what: accepted" and a line end. Never holds a secret's value. */
void problem_print(const struct problem *p, struct buf *out);
void problems_print(const struct problems *p, struct buf *out); /* all, in their order */

#endif
