#ifndef CRIER_SERVICE_MEMBER_FORMATS_INTERNAL_H
#define CRIER_SERVICE_MEMBER_FORMATS_INTERNAL_H

/* What the readers of the several formats share: member_formats.c (JSON and lines), member_formats_csv.c,
 * member_formats_tokens.c. */

#include "base/field.h"
#include "service/member_formats.h"

/* The longest thing that can be one: an endpoint, keys and what we know of a member are some 2 KiB. */
#define MEMBER_ITEM_BYTES ((size_t)32 * 1024)
#define MEMBER_COLUMNS_MAX 64

enum member_shape {
    SHAPE_UNKNOWN, /* nothing but blanks so far */
    SHAPE_LINES,   /* an object, or a token, a line */
    SHAPE_LIST,    /* [ objects ] */
    SHAPE_CSV,
    SHAPE_TOKENS, /* JSON of any shape with tokens in it */
};

struct member_reading {
    enum member_format format;
    member_item_fn *item;
    void *context;
    enum member_shape shape;
    size_t line, item_line; /* where we are; where the item began */
    struct buf text;        /* of the item, or the field */
    bool stopped;
    /* of JSON */
    size_t depth;
    bool in_string, escaped, skipping; /* skipping: to the end of the line */
    /* of CSV */
    char delimiter;
    struct strings names, row; /* of the columns, folded; the row so far */
    bool quoted, was_quote;
    /* of tokens */
    struct buf key, value; /* the last name; a string that may be one or a value */
    bool has_value, plain; /* plain: without escapes */
};

void member__emit(struct member_reading *m, const char *json, size_t len);
void member__fault(struct member_reading *m, const char *why);
void member__csv_push(struct member_reading *m, char c);
void member__csv_end(struct member_reading *m);
/* Whether a first line names columns; then they are taken. */
bool member__csv_header(struct member_reading *m, const char *line);
void member__tokens_push(struct member_reading *m, char c);
void member__tokens_end(struct member_reading *m);
void member__emit_token(struct member_reading *m, const char *token);

#endif
