/* Error codes, their names, and the text that is built outward. Called by everybody; owns
 * nothing: a struct err belongs to who declared it. Also the end of the program after a bug
 * (must). */

#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void must_failed(const char *cond, const char *file, int line, const char *func)
{
    (void)fprintf(stderr, "crier: bug at %s:%d in %s: must(%s)\n", file, line, func, cond);
    (void)fflush(stderr);
    abort();
}

const char *err_name(enum err_code code)
{
    switch (code) {
    case ERR_NONE:
        return "ERR_NONE";
#define X(name, text)                                                                          \
    case name:                                                                                 \
        return #name;
        ERR_CODES(X)
#undef X
    }
    return "ERR_?";
}

const char *err_describe(enum err_code code)
{
    switch (code) {
    case ERR_NONE:
        return "no error";
#define X(name, text)                                                                          \
    case name:                                                                                 \
        return text;
        ERR_CODES(X)
#undef X
    }
    return "unknown error";
}

/* A text cut by its buffer must not end inside a character. */
static void drop_half_character(char *text)
{
    size_t len = strlen(text);
    size_t back = 0;

    if (len + 1 < ERR_TEXT_BYTES) {
        return;
    }
    while (back < 3 && back < len && ((unsigned char)text[len - 1 - back] & 0xC0) == 0x80) {
        back++;
    }
    unsigned char lead = back < len ? (unsigned char)text[len - 1 - back] : 0;
    size_t want = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : lead >= 0xC0 ? 1 : 0;
    if (back < want) {
        text[len - 1 - back] = '\0';
    }
}

PRINTF_LIKE(2, 0) static void set_text(struct err *why, const char *format, va_list args)
{
    char text[ERR_TEXT_BYTES]; /* an argument may point into why->text */

    if (vsnprintf(text, sizeof text, format, args) < 0) {
        text[0] = '\0';
    }
    drop_half_character(text);
    memcpy(why->text, text, sizeof text);
}

enum err_code err_set(struct err *why, enum err_code code, const char *format, ...)
{
    va_list args;

    if (why == NULL) {
        return code;
    }
    va_start(args, format);
    set_text(why, format, args);
    va_end(args);
    why->code = code;
    return code;
}

static enum err_code code_of_errno(int number)
{
    if (number == ENOENT) {
        return ERR_NOT_FOUND;
    }
    return number == EACCES || number == EPERM ? ERR_DENIED : ERR_IO;
}

PRINTF_LIKE(2, 3) static void add_text(char text[ERR_TEXT_BYTES], const char *format, ...)
{
    size_t len = strlen(text);
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text + len, ERR_TEXT_BYTES - len, format, args);
    va_end(args);
    drop_half_character(text);
}

enum err_code err_errno(struct err *why, const char *format, ...)
{
    int number = errno;
    enum err_code code = code_of_errno(number);
    char reason[128];
    va_list args;

    if (why == NULL) {
        return code;
    }
    va_start(args, format);
    set_text(why, format, args);
    va_end(args);
    add_text(why->text, ": %s", strerror_r(number, reason, sizeof reason));
    why->code = code;
    return code;
}

enum err_code err_wrap(struct err *why, const char *format, ...)
{
    char inner[ERR_TEXT_BYTES];
    va_list args;

    if (why == NULL) {
        return ERR_INVALID;
    }
    memcpy(inner, why->text, sizeof inner);
    va_start(args, format);
    set_text(why, format, args);
    va_end(args);
    add_text(why->text, ": %s", inner);
    return why->code;
}
