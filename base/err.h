#ifndef CRIER_BASE_ERR_H
#define CRIER_BASE_ERR_H

/* Errors about us. What a platform says about a delivery is a verdict (adapters/adapter.h),
 * never an err. Text is built outward: the innermost level says what went wrong, each caller
 * that adds knowledge wraps it with what it was doing: "open ledger: migrate to version 2: disk
 * full". */

#include "base/attr.h"

#define ERR_CODES(X)                                                                           \
    X(ERR_INVALID, "input refused")                                                            \
    X(ERR_TOO_BIG, "larger than the limit")                                                    \
    X(ERR_NOT_FOUND, "not found")                                                              \
    X(ERR_CONFLICT, "not possible in this state")                                              \
    X(ERR_DENIED, "not allowed")                                                               \
    X(ERR_BUSY, "too much at once")                                                            \
    X(ERR_IO, "storage failed")                                                                \
    X(ERR_NETWORK, "network failed")                                                           \
    X(ERR_UNSUPPORTED, "cannot be done here")                                                  \
    X(ERR_STOPPED, "shutting down")

enum err_code {
    ERR_NONE = 0,
#define X(name, text) name,
    ERR_CODES(X)
#undef X
};

#define ERR_TEXT_BYTES 512

struct err {
    enum err_code code;
    char text[ERR_TEXT_BYTES]; /* never holds a secret; cut at the end when too long */
};

/* "ERR_INVALID" and "input refused"; ERR_NONE gives "ERR_NONE" and "no error". */
const char *err_name(enum err_code code);
const char *err_describe(enum err_code code);

/* Each returns the code, so that `return err_set(why, ERR_INVALID, "…");` reads well.
 * why may be NULL (the text is dropped). */
enum err_code err_set(struct err *why, enum err_code code, const char *format, ...)
    PRINTF_LIKE(3, 4);
/* ERR_IO (or ERR_NOT_FOUND for ENOENT, ERR_DENIED for EACCES/EPERM) with strerror(errno) behind
 * the text. */
enum err_code err_errno(struct err *why, const char *format, ...) PRINTF_LIKE(2, 3);
/* Put "text: " in front of what is there. Keeps the code, and returns it; with a NULL why the
 * code is not known, and ERR_INVALID is returned. */
enum err_code err_wrap(struct err *why, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
