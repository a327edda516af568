#ifndef CRIER_SERVICE_WATCH_POLICY_H
#define CRIER_SERVICE_WATCH_POLICY_H

/* How a feed is polled, decided from what its server answered. Pure: time and chance are arguments.
 * Sources: RFC 9110 (conditional requests, Retry-After), RFC 9111 (freshness), RFC 8288 (Link). */

#include <stdbool.h>
#include <stdint.h>

#include "adapters/http.h"
#include "base/clock.h"

#define WATCH_RETRY_AFTER_MAX_MS MS_DAY /* a longer one is a mistake of whoever wrote it */
#define WATCH_BACKOFF_MAX_MS MS_HOUR
#define WATCH_ACTIVE_MS (15 * MS_MINUTE) /* so long after a new item nothing slows down */
#define WATCH_QUIET_PART 15 /* then the interval is this part of how long it has been quiet */
#define WATCH_MOVED_TIMES 3 /* identical answers, before a permanent redirect is believed */
#define WATCH_REDIRECTS_MAX 5
#define WATCH_VALIDATOR_BYTES                                                                  \
    1024 /* a longer ETag is not kept: it would go out with each request */

/* ---- what an answer says ---- */
enum watch_answer_kind {
    WATCH_BODY,      /* 200: read it */
    WATCH_SAME,      /* 304: as it was */
    WATCH_ELSEWHERE, /* go on at `location` */
    WATCH_GONE,      /* 410: for good, do not ask again */
    WATCH_TROUBLE,   /* anything else; why says what, for people */
};
struct watch_answer {
    enum watch_answer_kind kind;
    bool permanent;         /* ELSEWHERE: 301 or 308 */
    const char *location;   /* ELSEWHERE, as written: borrowed from the answer */
    int64_t retry_after_ms; /* 0: it did not say */
    int64_t fresh_ms;       /* before that it would answer the same; 0: it did not say */
    char why[200];
};
void watch_answer_read(struct watch_answer *out, const struct http_response *res);
/* So long an answer is fresh from its arrival on, RFC 9111 section 4.2: max-age, else Expires minus Date,
 * less its Age; 0 for no-cache, no-store or when it does not say. */
int64_t watch_fresh_ms(const struct http_response *res);

/* ---- conditional requests ---- */
struct watch_validators { /* both as the server wrote them; NULL: none */
    char *etag, *last_modified;
};
/* Of a 200 whose body was read: what it has not is forgotten. Of a 304: what it has not stays. */
void watch_validators_take(struct watch_validators *v, const struct http_response *res);
void watch_validators_ask(const struct watch_validators *v, struct http_request *request);
void watch_validators_done(struct watch_validators *v);

/* ---- when again ---- */
struct watch_pace { /* the source's settings */
    int64_t every_ms, every_max_ms;
    bool obey_cache; /* wait as long as an answer is fresh, up to every_max_ms */
    bool pushed;     /* a hub tells us: asking is only the net */
};
struct watch_course {
    int64_t quiet_ms;       /* since its newest item was found */
    int64_t failures;       /* in a row, this answer counted */
    int64_t retry_after_ms; /* of this answer */
    int64_t fresh_ms;
};
/* From now to the next request, jitter not counted. */
int64_t watch_wait_ms(const struct watch_pace *pace, const struct watch_course *course);
/* Ten percent more or less, never less than what a server asked for (0: it did not). */
int64_t watch_jitter_ms(int64_t wait_ms, int64_t at_least_ms, uint64_t random);

/* ---- moved for good ---- */
struct watch_move {
    char *to;      /* where permanent redirects led; NULL: nowhere */
    int64_t times; /* in a row */
};
/* After a request that ended well: where it was sent by permanent redirects alone, NULL when it was not.
 * True: it has been told often enough, ask there from now on. */
bool watch_move_note(struct watch_move *m, const char *to);
void watch_move_done(struct watch_move *m);

#endif
