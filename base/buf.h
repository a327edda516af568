#ifndef CRIER_BASE_BUF_H
#define CRIER_BASE_BUF_H

/* A growable byte buffer with a ceiling, for everything an outsider can size. It fails once and
 * stays failed: append freely, ask buf_ok() at the end. Always NUL-terminated behind len. */

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct buf {
    char *data; /* never NULL after the first append; read only as data[0..len) */
    size_t len;
    size_t cap;
    size_t max; /* ceiling for len */
    bool failed;
    bool secret; /* what it held is overwritten wherever it lets go of memory */
};

void buf_init(struct buf *b, size_t max_bytes);
void buf_init_secret(struct buf *b, size_t max_bytes);
void buf_done(struct buf *b);  /* also of a zeroed struct */
void buf_clear(struct buf *b); /* empty again, keeps memory, forgets failure */
void buf_add(struct buf *b, const void *bytes, size_t len);
void buf_adds(struct buf *b, const char *text);
void buf_addc(struct buf *b, char c);
void buf_addf(struct buf *b, const char *format, ...) PRINTF_LIKE(2, 3);
void buf_truncate(struct buf *b, size_t len);
bool buf_ok(const struct buf *b);
const char *buf_str(const struct buf *b); /* "" when empty */
/* The text, yours (mem_free); the buffer is empty afterwards. Failed: NULL. */
char *buf_detach(struct buf *b, size_t *out_len);
/* ERR_TOO_BIG when failed, else 0. what names the thing: "answer". */
MUST_USE enum err_code buf_check(const struct buf *b, const char *what, struct err *why);

#endif
