/* The growable buffer with a ceiling. Called wherever somebody outside decides how much there
 * is; owns its bytes until buf_detach or buf_done. Leaves to the caller to look at buf_ok once,
 * at the end. */

#include "base/buf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

#define FIRST_BYTES 64

void buf_init(struct buf *b, size_t max_bytes)
{
    *b = (struct buf){.max = max_bytes};
}

void buf_init_secret(struct buf *b, size_t max_bytes)
{
    *b = (struct buf){.max = max_bytes, .secret = true};
}

void buf_done(struct buf *b)
{
    mem_free_secret(b->data, b->secret ? b->cap : 0);
    *b = (struct buf){.max = b->max, .secret = b->secret};
}

void buf_clear(struct buf *b)
{
    buf_truncate(b, 0);
    b->failed = false;
}

static void grow(struct buf *b, size_t cap)
{
    char *larger;

    if (!b->secret || b->data == NULL) {
        b->data = mem_realloc(b->data, cap, 1);
    } else {
        larger = mem_alloc(cap);
        memcpy(larger, b->data, b->len + 1);
        mem_free_secret(b->data, b->cap);
        b->data = larger;
    }
    b->cap = cap;
}

/* Room for `more` bytes and the NUL; false (and failed) when that passes the ceiling. */
static bool reserve(struct buf *b, size_t more)
{
    if (b->failed || more > b->max - b->len || b->len + more == SIZE_MAX) {
        b->failed = true;
        return false;
    }
    size_t need = b->len + more + 1;
    if (need <= b->cap) {
        return true;
    }
    size_t cap = b->cap ? b->cap : FIRST_BYTES;
    while (cap < need) {
        cap = cap > SIZE_MAX / 2 ? need : cap * 2;
    }
    if (cap > b->max && b->max < SIZE_MAX) {
        cap = b->max + 1; /* need is at most that */
    }
    grow(b, cap);
    return true;
}

void buf_add(struct buf *b, const void *bytes, size_t len)
{
    if (!reserve(b, len)) {
        return;
    }
    if (len > 0) {
        memcpy(b->data + b->len, bytes, len);
    }
    b->len += len;
    b->data[b->len] = '\0';
}

void buf_adds(struct buf *b, const char *text)
{
    if (text != NULL) {
        buf_add(b, text, strlen(text));
    }
}

void buf_addc(struct buf *b, char c)
{
    buf_add(b, &c, 1);
}

void buf_addf(struct buf *b, const char *format, ...)
{
    va_list args, again;

    va_start(args, format);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    must(len >= 0);
    if (reserve(b, (size_t)len)) {
        (void)vsnprintf(b->data + b->len, (size_t)len + 1, format, again);
        b->len += (size_t)len;
    }
    va_end(again);
}

void buf_truncate(struct buf *b, size_t len)
{
    must(len <= b->len);
    b->len = len;
    if (b->data != NULL) {
        b->data[len] = '\0';
    }
}

bool buf_ok(const struct buf *b)
{
    return !b->failed;
}

const char *buf_str(const struct buf *b)
{
    return b->data == NULL ? "" : b->data;
}

char *buf_detach(struct buf *b, size_t *out_len)
{
    char *text = NULL;

    if (!b->failed) {
        text = b->data == NULL ? mem_strndup("", 0) : b->data;
        if (out_len != NULL) {
            *out_len = b->len;
        }
        b->data = NULL;
    }
    buf_done(b);
    return text;
}

enum err_code buf_check(const struct buf *b, const char *what, struct err *why)
{
    if (!b->failed) {
        return ERR_NONE;
    }
    return err_set(why, ERR_TOO_BIG, "%s is larger than %zu bytes", what, b->max);
}
