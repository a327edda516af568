#ifndef CRIER_BASE_JSON_INTERNAL_H
#define CRIER_BASE_JSON_INTERNAL_H

/* Shared by json.c (what others call), json_plain.c (reading what is plain) and json_write.c
 * (writing). */

#include "base/json.h"

/* The value, a new reference, when the text is plain JSON of at most max_depth levels; NULL
 * when it is not JSON or has anything unusual in it: then Jansson is asked. */
json_t *json__read_plain(const char *text, size_t len, size_t max_depth);

/* How many bytes at the start of text can stand in a string as they are: no quotation mark, no
 * backslash, no control character (RFC 8259 section 7). */
size_t json__plain_bytes(const char *text, size_t len);
/* Jansson hands out values, and asks for them where it changes nothing, without const. */
json_t *json__unconst(const json_t *v);

#endif
