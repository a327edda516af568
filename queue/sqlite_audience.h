#ifndef CRIER_QUEUE_SQLITE_AUDIENCE_H
#define CRIER_QUEUE_SQLITE_AUDIENCE_H

/* Shared by the files of the SQLite store that keep members and waves: sqlite_member.c (who they are),
 * sqlite_lost.c (who is not reached any more), sqlite_topic.c, sqlite_prepared.c (what is prepared for them),
 * sqlite_wave.c (open, a person's word), sqlite_wave_next.c, sqlite_wave_end.c, sqlite_wave_told.c,
 * sqlite_wave_show.c. */

#include "queue/sqlite_internal.h"

/* ---- members ---- */

/* By which an address is found: the first 8 bytes of its SHA-256. */
int64_t sqlite__member_mark(const char *address);

/* How many more, or fewer, are in each state. */
struct audience_counts {
    int64_t by[MEMBER_STATES];
};
void sqlite__audience_add(struct sqlite *s, int64_t channel, const struct audience_counts *n);
enum member_state sqlite__member_state(sqlite3_stmt *stmt, int column);
/* Of one that is in `from`. The caller adds it up, and writes that at its end. */
void sqlite__member_enter(struct sqlite *s,
                          int64_t channel,
                          int64_t id,
                          enum member_state from,
                          enum member_state to,
                          const char *why,
                          int64_t now_ms,
                          struct audience_counts *counts);

/* What a message to one, or what the platform tells of it, says of the member: whether and since when it
 * reaches them. Nothing happens to who is not active. */
struct member_lesson {
    int64_t channel;
    const char *name; /* of the channel */
    int64_t gone_max; /* as in ledger_wave_end */
    int64_t now_ms;
    struct audience_counts counts; /* what comes of it; the caller writes it */
};
void sqlite__member_learn(struct sqlite *s,
                          struct member_lesson *l,
                          uint64_t member,
                          enum member_outcome outcome,
                          const char *detail);

/* What is erased from here on is written over, in the file as well: SQLite would only forget where it stood. */
bool sqlite__shred_begin(struct sqlite *s); /* for the other */
void sqlite__shred_end(struct sqlite *s, bool was);

/* ---- what is prepared ---- */

/* What is prepared for members of a batch, handed out and erased. v: ascending, up to `upto`, as is `passed`:
 * members it was not for, who keep theirs. */
void sqlite__prepared_take(struct sqlite *s,
                           int64_t channel,
                           struct ledger_wave_member *v,
                           size_t count,
                           const struct id_list *passed,
                           int64_t after,
                           int64_t upto,
                           struct ledger_texts *texts);
/* Nothing is prepared for the member any more. */
void sqlite__prepared_erase(struct sqlite *s, int64_t channel, int64_t member);

/* ---- waves ---- */

struct wave_row {
    int64_t channel, last, cursor, batches;
    int64_t topics;
    bool test, has_ended;
    struct ledger_wave w;
};
bool sqlite__wave_get(struct sqlite_conn *c, int64_t delivery, struct wave_row *out);
/* How it stands, for whoever asked; zero when there is none. */
struct ledger_wave sqlite__wave_look(struct sqlite_conn *c, int64_t delivery);
/* What is to be added to the counts. */
struct wave_deltas {
    int64_t accepted, refused, undeliverable, stopped, again, unknown, skipped;
};
void sqlite__wave_add(struct sqlite *s, int64_t delivery, const struct wave_deltas *d);
/* Of a member without an answer: it arrived, as far as the platform has told, or nobody knows since then. */
void sqlite__wave_doubt(struct sqlite *s,
                        int64_t channel,
                        int64_t delivery,
                        int64_t member,
                        const char *detail,
                        int64_t since_ms,
                        struct wave_deltas *d);
void sqlite__exception_put(struct sqlite *s,
                           int64_t delivery,
                           const struct ledger_wave_result *v,
                           enum wave_exception_state state);
/* Whether a wave for these topics, or a test, is for a member. */
bool sqlite__wave_is_for(int64_t topics, bool test, const struct member_traits *member);

/* The services of a wave: their column order is that of SQL_WAVE_SERVICES. */
void sqlite__wave_service_read(sqlite3_stmt *stmt, struct ledger_wave_service *out);

#endif
