#ifndef CRIER_BASE_FIELD_H
#define CRIER_BASE_FIELD_H

/* The row that tells all about one setting: parser, checks, JSON Schema, `crier channels NAME`
 * and the reference page are made from it. Tables of rows stand beside the structs they fill;
 * the parser is in config/. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/parse.h"
#include "base/secret.h"

enum field_kind {
    FIELD_END_KIND = 0,
    FIELD_STRING,   /* char * */
    FIELD_URL,      /* char *, absolute http or https */
    FIELD_SECRET,   /* struct secret */
    FIELD_MS,       /* int64_t, a duration */
    FIELD_BYTES,    /* int64_t, a size */
    FIELD_INT,      /* int64_t */
    FIELD_BOOL,     /* bool */
    FIELD_ENUM,     /* int, the index in choices */
    FIELD_RATE,     /* struct rate */
    FIELD_STRINGS,  /* struct strings; one string alone is a list of one */
    FIELD_MAP,      /* struct pairs, keys as in the file, values strings */
    FIELD_TEMPLATE, /* struct mustache *, NULL when not set and no default */
    FIELD_OBJECT,   /* a struct inside, filled by the table `fields` */
    FIELD_CUSTOM,   /* parsed by config/ itself (rules, sources, channels) */
};

struct strings {
    char **v;
    size_t count;
};
struct pair {
    char *key, *value;
};
struct pairs {
    struct pair *v;
    size_t count;
};
struct mustache;

struct field {
    const char *key;
    enum field_kind kind;
    size_t offset;
    bool required;
    bool needs_restart;         /* a reload cannot change it */
    bool lines;                 /* may have more than one: the content of a key's file */
    const char *def;            /* as one would write it; NULL: zero */
    const char *min, *max;      /* bounds, as one would write them; for strings: length */
    const char *const *choices; /* FIELD_ENUM: NULL-terminated */
    const struct field *fields; /* FIELD_OBJECT */
    const char *const *names;   /* FIELD_TEMPLATE: variables of its own, besides those that all
                                 * templates have, NULL-terminated; NULL: none */
    const char *example;        /* for the reference page; a bare word, never a real secret */
    const char *help;           /* one sentence, lower case, no full stop at the end */
};
#define FIELD_END                                                                              \
    {                                                                                          \
        .kind = FIELD_END_KIND                                                                 \
    }

const char *field_kind_name(enum field_kind kind); /* "duration", "size", … as in messages */
/* Frees every value of a struct that such a table filled, and zeroes it. */
void field_done(const struct field *fields, void *object);

void strings_done(struct strings *s);
void pairs_done(struct pairs *p);
bool strings_has(const struct strings *s, const char *word); /* folded, as text_same_fold */

#endif
