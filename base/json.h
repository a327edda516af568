#ifndef CRIER_BASE_JSON_H
#define CRIER_BASE_JSON_H

/* Small helpers on Jansson for input that others wrote. */

#include <stdint.h>

#include <jansson.h>

#include "base/buf.h"
#include "base/err.h"

/* Parse with bounds (json_read.c): UTF-8 only, no NUL, no duplicate keys, integers of 64 bits, at most
 * max_depth levels. ERR_INVALID says line and column (in bytes, from 0). The result is a new
 * reference. */
MUST_USE enum err_code
json_read(json_t **out, const char *text, size_t len, size_t max_depth, struct err *why);
/* Walks names of objects: json_path(v, "result", "chat", "id", NULL). Borrowed; NULL when a
 * name is missing or its parent is no object. */
json_t *json_path(const json_t *v, ...) __attribute__((sentinel));
/* The same value: Jansson's iterators and references take no const, though they change nothing that is read. */
json_t *json_unconst(const json_t *v);
/* The string there, or NULL when it is something else. Borrowed. */
const char *json_path_str(const json_t *v, const char *name);
/* Strings and integers alike as text (ids come as both): yours, mem_free; NULL when neither. */
char *json_text_dup(const json_t *v);
/* RFC 6901; NULL when there is nothing. Borrowed. */
json_t *json_pointer(const json_t *v, const char *pointer);
void json_write(struct buf *out, const json_t *v); /* compact, keys in their order */
void json_write_pretty(struct buf *out, const json_t *v);
/* json_object_set_new with a fresh string; NULL text sets nothing. */
void json_set_str(json_t *object, const char *key, const char *text);
/* A wall clock in milliseconds as RFC 3339; null when it is 0 or less: there is none. */
void json_set_time(json_t *object, const char *key, int64_t at_ms);

#endif
