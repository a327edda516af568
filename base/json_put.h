#ifndef CRIER_BASE_JSON_PUT_H
#define CRIER_BASE_JSON_PUT_H

/* JSON written member by member, straight into a buffer: for what is written with every article
 * and every delivery (documents, hashes, events, answers), where a tree would be built only to be
 * written down. The bytes are those of Jansson's JSON_COMPACT, in the order of the calls; commas
 * come by themselves. Text must be valid UTF-8 (text_valid), keys must need no escape. The caller
 * opens and closes in pairs and asks buf_ok() at the end.
 *
 *     json_put_open(b, NULL, '{');
 *     json_put_text(b, "title", a->title);
 *     json_put_open(b, "tags", '[');
 *     json_put_text(b, NULL, "sea");
 *     json_put_close(b, ']');
 *     json_put_close(b, '}');            {"title":"…","tags":["sea"]} */

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

/* key NULL: an item of a list, or the value at the top. */
void json_put_open(struct buf *b, const char *key, char bracket);      /* '{' or '[' */
void json_put_close(struct buf *b, char bracket);                      /* '}' or ']' */
void json_put_text(struct buf *b, const char *key, const char *value); /* NULL: left out */
void json_put_int(struct buf *b, const char *key, int64_t value);
void json_put_bool(struct buf *b, const char *key, bool value);
/* JSON text as it is. */
void json_put_raw(struct buf *b, const char *key, const char *json, size_t len);

#endif
