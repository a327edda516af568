#ifndef CRIER_BASE_ATTR_H
#define CRIER_BASE_ATTR_H

/* The few compiler attributes and macros used everywhere. Attributes are the only compiler
 * extension in our macros; all of them are known to gcc and clang. */

#include <stddef.h>

#define MUST_USE __attribute__((warn_unused_result))
#define PRINTF_LIKE(format_at, args_at) __attribute__((format(printf, format_at, args_at)))
#define NORETURN __attribute__((noreturn))

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* The object that holds `member` at address `ptr`. */
#define container_of(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))
#define container_of_const(ptr, type, member)                                                  \
    ((const type *)(const void *)((const char *)(ptr)-offsetof(type, member)))

/* A bug stops the program, also in release builds: what follows rests on cond. */
#define must(cond) ((cond) ? (void)0 : must_failed(#cond, __FILE__, __LINE__, __func__))
NORETURN void must_failed(const char *cond, const char *file, int line, const char *func);

#endif
