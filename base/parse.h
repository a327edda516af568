#ifndef CRIER_BASE_PARSE_H
#define CRIER_BASE_PARSE_H

/* Numbers as people write them. The only place that calls strto*. Each takes the whole text or
 * fails; no overflow passes. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RATE_UNLIMITED (-1)
struct rate {
    int64_t count; /* 0: not told; RATE_UNLIMITED: told that there is no limit */
    int64_t per_ms;
};
struct range {
    int64_t low, high; /* both inside */
};

bool parse_i64(const char *text, int64_t *out);
bool parse_u64(const char *text, uint64_t *out);
bool parse_f64(const char *text, double *out);
bool parse_bool(const char *text, bool *out); /* true false yes no on off */
bool parse_duration_ms(const char *text,
                       int64_t *out_ms);               /* 500ms 30s 5m 2h 1d 1h30m; 0 alone */
bool parse_size(const char *text, int64_t *out_bytes); /* 100 64KiB 10MiB 1GiB 5KB 5MB 1GB */
bool parse_rate(const char *text, struct rate *out);   /* 20/min 1/s 300/3h 20/10m unlimited */
bool parse_range(const char *text, struct range *out); /* 3 1..3 */

/* The same forms back, for messages and tables; returns out. */
#define PARSE_TEXT_BYTES 48
const char *format_duration(int64_t ms, char out[PARSE_TEXT_BYTES]);
const char *format_size(int64_t bytes, char out[PARSE_TEXT_BYTES]);
const char *format_size_about(int64_t bytes, char out[PARSE_TEXT_BYTES]); /* 812KB 4.2MB */
const char *format_rate(struct rate rate, char out[PARSE_TEXT_BYTES]);

/* The candidate closest to word by edit distance, for "did you mean": NULL when none is
 * close. */
const char *parse_closest(const char *word, const char *const *candidates, size_t count);

#endif
