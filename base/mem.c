/* Memory for small fixed things, and the count of what is alive. The only file that calls
 * malloc. Called by everybody; owns nothing but the counter. Ceilings are struct buf's
 * matter. */

#include "base/mem.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

static atomic_size_t live;

NORETURN static void out_of_memory(size_t size)
{
    (void)fprintf(stderr, "crier: out of memory asking for %zu bytes\n", size);
    (void)fflush(stderr);
    abort();
}

static size_t product(size_t count, size_t size)
{
    if (size != 0 && count > SIZE_MAX / size) {
        out_of_memory(SIZE_MAX);
    }
    return count * size;
}

static void *counted(void *ptr, size_t size)
{
    if (ptr == NULL) {
        out_of_memory(size);
    }
    atomic_fetch_add_explicit(&live, 1, memory_order_relaxed);
    return ptr;
}

void *mem_alloc(size_t size)
{
    return counted(malloc(size ? size : 1), size);
}

void *mem_zalloc(size_t size)
{
    return counted(calloc(1, size ? size : 1), size);
}

void *mem_calloc(size_t count, size_t size)
{
    return mem_zalloc(product(count, size));
}

void *mem_realloc(void *ptr, size_t count, size_t size)
{
    size_t bytes = product(count, size);

    if (ptr == NULL) {
        return mem_alloc(bytes);
    }
    void *grown = realloc(ptr, bytes ? bytes : 1);
    if (grown == NULL) {
        out_of_memory(bytes);
    }
    return grown;
}

char *mem_strdup(const char *text)
{
    return text == NULL ? NULL : mem_strndup(text, strlen(text));
}

char *mem_strndup(const char *text, size_t len)
{
    must(len < SIZE_MAX);
    char *copy = mem_alloc(len + 1);

    if (len > 0) {
        memcpy(copy, text, len);
    }
    copy[len] = '\0';
    return copy;
}

char *mem_printf(const char *format, ...)
{
    va_list args, again;

    va_start(args, format);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    must(len >= 0);
    char *text = mem_alloc((size_t)len + 1);
    (void)vsnprintf(text, (size_t)len + 1, format, again);
    va_end(again);
    return text;
}

void mem_free(void *ptr)
{
    if (ptr == NULL) {
        return;
    }
    atomic_fetch_sub_explicit(&live, 1, memory_order_relaxed);
    free(ptr);
}

void mem_free_secret(void *ptr, size_t len)
{
    if (ptr != NULL) {
        OPENSSL_cleanse(ptr, len);
    }
    mem_free(ptr);
}

void mem_free_secret_text(char *text)
{
    mem_free_secret(text, text == NULL ? 0 : strlen(text));
}

void mem_wipe(void *bytes, size_t len)
{
    OPENSSL_cleanse(bytes, len);
}

size_t mem_live_count(void)
{
    return atomic_load_explicit(&live, memory_order_relaxed);
}
