#ifndef CRIER_TESTS_FUZZ_INPUT_H
#define CRIER_TESTS_FUZZ_INPUT_H

/* Takes a fuzzer's input apart, for targets that need more than one thing of it: bytes from its
 * front, lines, and the rest. What is not there any more is 0 and "". */

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"

struct input {
    const uint8_t *at;
    size_t left;
};

static inline uint8_t input_byte(struct input *in)
{
    if (in->left == 0) {
        return 0;
    }
    in->left--;
    return *in->at++;
}

/* Up to the byte `end`, or all that is left; without it, ended by a NUL, yours. */
static inline char *input_until_dup(struct input *in, char end, size_t *out_len)
{
    const uint8_t *found = in->left == 0 ? NULL : memchr(in->at, end, in->left);
    size_t len = found == NULL ? in->left : (size_t)(found - in->at);
    char *text = mem_zalloc(len + 1);

    if (len > 0) {
        memcpy(text, in->at, len);
    }
    in->at += len + (found == NULL ? 0 : 1);
    in->left -= len + (found == NULL ? 0 : 1);
    *out_len = len;
    return text;
}

/* The next line, up to its first NUL. */
static inline char *input_line_dup(struct input *in)
{
    size_t len;

    return input_until_dup(in, '\n', &len);
}

#endif
