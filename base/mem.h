#ifndef CRIER_BASE_MEM_H
#define CRIER_BASE_MEM_H

/* Memory for small fixed things. These stop the program when there is none: the queue is on
 * disk, so a restart is safe. What an outsider can size goes through struct buf, with a
 * ceiling. */

#include <stddef.h>

#include "base/attr.h"

void *mem_alloc(size_t size);                /* not cleared; size 0 gives a unique pointer */
void *mem_zalloc(size_t size);               /* cleared */
void *mem_calloc(size_t count, size_t size); /* cleared; overflow stops the program */
void *mem_realloc(void *ptr, size_t count, size_t size);
char *mem_strdup(const char *text);              /* NULL gives NULL */
char *mem_strndup(const char *text, size_t len); /* copies exactly len bytes, adds NUL */
char *mem_printf(const char *format, ...) PRINTF_LIKE(1, 2);
void mem_free(void *ptr); /* NULL is fine */
/* Overwrite, then free: for keys and tokens. */
void mem_free_secret(void *ptr, size_t len);
void mem_free_secret_text(char *text);  /* NUL-terminated */
void mem_wipe(void *bytes, size_t len); /* overwrites, and no compiler leaves it out */

/* Live allocations made through mem_*; tests insist on 0 at the end. */
size_t mem_live_count(void);

#endif
