#ifndef CRIER_BASE_QUOTA_H
#define CRIER_BASE_QUOTA_H

/* So many posts a platform takes from one account in a time, whatever their pace: what adapters say of it,
 * and the calendars that platforms count by. Pure. What of it is used is kept by queue/quota.h. */

#include <stdint.h>

enum quota_window {
    QUOTA_ROLLING,     /* per_ms from each post on */
    QUOTA_DAY_UTC,     /* from midnight to midnight */
    QUOTA_DAY_PACIFIC, /* the same in Los Angeles (Google) */
};

struct quota {
    int64_t count; /* 0: none is known */
    enum quota_window window;
    int64_t per_ms; /* QUOTA_ROLLING */
    const char *source;
};

/* Posts of this time and later count at now_ms. */
int64_t quota_window_start(const struct quota *q, int64_t now_ms);
/* When a post made at at_ms counts no more. */
int64_t quota_frees_at(const struct quota *q, int64_t at_ms);

#define QUOTA_TEXT_BYTES 64
/* "25 in 24h", "10000 a day (UTC)"; returns out. */
const char *quota_text(const struct quota *q, char out[QUOTA_TEXT_BYTES]);
/* The window alone, behind "3 left of 25": "today", "in 24h"; returns out. */
const char *quota_window_text(const struct quota *q, char out[QUOTA_TEXT_BYTES]);

#endif
