#ifndef CRIER_BASE_LOG_H
#define CRIER_BASE_LOG_H

/* Log lines of typed fields. The events and their fields are explained in base/log_events.def,
 * one row each: EV(EV_DELIVERY_END, "delivery_end", "one closing line per delivery: …"). Two
 * forms: logfmt for people ("2026-…Z info delivery_end delivery=dlv_… adapter=telegram …") and
 * JSON, a line each. There is no macro for a struct secret, on purpose. Lines go out in one
 * write(2). */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };
enum log_form { LOG_TEXT, LOG_JSON };

enum log_event {
#define EV(id, name, help) id,
#include "base/log_events.def"
#undef EV
    EV_COUNT
};

enum log_kind {
    LOG_K_END,
    LOG_K_STR,
    LOG_K_U64,
    LOG_K_I64,
    LOG_K_MS,
    LOG_K_BOOL,
    LOG_K_DELIVERY,
    LOG_K_ARTICLE
};
struct log_field {
    enum log_kind kind;
    const char *key;
    const char *str; /* NULL prints as "" */
    uint64_t u64;
    int64_t i64;
};
/* clang-format off */
#define LOG_STR(k, v)      ((struct log_field){.kind = LOG_K_STR, .key = (k), .str = (v)})
#define LOG_U64(k, v)      ((struct log_field){.kind = LOG_K_U64, .key = (k), .u64 = (v)})
#define LOG_I64(k, v)      ((struct log_field){.kind = LOG_K_I64, .key = (k), .i64 = (v)})
#define LOG_MS(k, v)       ((struct log_field){.kind = LOG_K_MS, .key = (k), .i64 = (v)}) /* key_ms=… */
#define LOG_BOOL(k, v)     ((struct log_field){.kind = LOG_K_BOOL, .key = (k), .u64 = (v)})
#define LOG_DELIVERY(id)   ((struct log_field){.kind = LOG_K_DELIVERY, .key = "delivery", .u64 = (id).v})
#define LOG_ARTICLE(id)    ((struct log_field){.kind = LOG_K_ARTICLE, .key = "article", .u64 = (id).v})
#define LOG_FIELDS(...)    ((const struct log_field[]){__VA_ARGS__, {.kind = LOG_K_END}})
#define log_debug(ev, ...) log_write(LOG_DEBUG, ev, LOG_FIELDS(__VA_ARGS__))
#define log_info(ev, ...)  log_write(LOG_INFO, ev, LOG_FIELDS(__VA_ARGS__))
#define log_warn(ev, ...)  log_write(LOG_WARN, ev, LOG_FIELDS(__VA_ARGS__))
#define log_error(ev, ...) log_write(LOG_ERROR, ev, LOG_FIELDS(__VA_ARGS__))
/* clang-format on */

/* fd is borrowed; standard error, LOG_TEXT and LOG_INFO until called. */
void log_setup(int fd, enum log_form form, enum log_level least);
void log_write(enum log_level level, enum log_event event, const struct log_field *fields);
const char *log_event_name(enum log_event event);
const char *log_event_help(enum log_event event);
bool log_level_parse(const char *name, enum log_level *out_level);

#endif
