#ifndef CRIER_QUEUE_SQLITE_INTERNAL_H
#define CRIER_QUEUE_SQLITE_INTERNAL_H

/* Shared by the files of the SQLite store: the connection with its prepared statements, what a
 * transaction gathers, and the one way a delivery is moved. */

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sqlite3.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json_put.h"
#include "base/list.h"
#include "base/map.h"
#include "queue/ledger_internal.h"
#include "queue/upkeep.h"

#define SQLITE_SCHEMA_VERSION 4
#define SQLITE_APPLICATION_ID 0x63726965 /* "crie": says what the file is */
#define SQLITE_BUSY_MS 5000              /* so long a connection waits for another's lock */

/* ---- statements (sqlite_stmt.c) ---- */

enum sqlite_sql {
#define SQL(id, text) id,
#include "queue/sqlite_sql.def"
#undef SQL
    SQL_COUNT
};
const char *sqlite__sql(enum sqlite_sql id);

/* A connection. Its error sticks: after one, statements do nothing until sqlite__error_take(),
 * so a chain of statements is written without a check behind each. */
struct sqlite_conn {
    sqlite3 *db;
    sqlite3_stmt *stmts[SQL_COUNT];
    struct err error;
    bool wrote; /* a statement that writes has run since this was cleared */
};

enum sql_kind {
    SQL_K_END,
    SQL_K_NULL,
    SQL_K_INT,
    SQL_K_REAL,
    SQL_K_TEXT,
    SQL_K_HASH,
    SQL_K_BLOB,
};
struct sql_arg {
    enum sql_kind kind;
    int64_t i;
    double d;
    const void *p; /* borrowed until the statement is done; NULL binds NULL */
    size_t len;    /* of a blob */
};
/* clang-format off */
#define ARG_I(v)    ((struct sql_arg){.kind = SQL_K_INT, .i = (int64_t)(v)})
#define ARG_D(v)    ((struct sql_arg){.kind = SQL_K_REAL, .d = (v)})
#define ARG_S(v)    ((struct sql_arg){.kind = SQL_K_TEXT, .p = (v)})
#define ARG_HASH(v) ((struct sql_arg){.kind = SQL_K_HASH, .p = (v)}) /* 32 bytes */
#define ARG_BLOB(v, n) ((struct sql_arg){.kind = SQL_K_BLOB, .p = (v), .len = (n)})
#define ARG_NULL    ((struct sql_arg){.kind = SQL_K_NULL})
#define ARGS(...)   ((const struct sql_arg[]){__VA_ARGS__, {.kind = SQL_K_END}})
#define NO_ARGS     ((const struct sql_arg[]){{.kind = SQL_K_END}})
/* clang-format on */

/* Runs a statement that gives no rows; returns how many rows it changed. */
int64_t sqlite__do(struct sqlite_conn *c, enum sqlite_sql id, const struct sql_arg *args);
/* Starts a query; then sqlite__row() until false. Leave early with sqlite__end(). A statement
 * must not be started again while it is being read. NULL after an error; both accept that. */
sqlite3_stmt *
sqlite__query(struct sqlite_conn *c, enum sqlite_sql id, const struct sql_arg *args);
bool sqlite__row(struct sqlite_conn *c, sqlite3_stmt *stmt);
void sqlite__end(sqlite3_stmt *stmt);
/* The first column of the first row, or `none`. */
int64_t sqlite__int(struct sqlite_conn *c,
                    enum sqlite_sql id,
                    const struct sql_arg *args,
                    int64_t none);
/* Plain text SQL, for pragmas and schemas. */
void sqlite__exec(struct sqlite_conn *c, const char *sql);
int64_t sqlite__pragma(struct sqlite_conn *c, const char *sql); /* its first number, else 0 */
void sqlite__fail(struct sqlite_conn *c, const char *doing);    /* from sqlite3_errmsg */
/* The sticky error and clear: 0 or ERR_IO. */
enum err_code sqlite__error_take(struct sqlite_conn *c, struct err *why);
void sqlite__conn_done(struct sqlite_conn *c);

/* Borrowed. NULL for NULL, and for what is no text: all we write is UTF-8, so it is damaged, and
 * whoever reads on relies on that. */
const char *sqlite__col_text(sqlite3_stmt *stmt, int column);
char *sqlite__col_dup(sqlite3_stmt *stmt, int column); /* the same, yours */
bool sqlite__col_hash(sqlite3_stmt *stmt,
                      int column,
                      uint8_t out[32]); /* zero and false: none */
void sqlite__col_name(sqlite3_stmt *stmt, int column, char out[64]);

/* ---- the store ---- */

/* A channel as the writer knows it: read once, its hot columns written once per transaction. */
struct channel_row {
    int64_t id;
    char name[64];
    struct ledger_bucket bucket;
    int64_t last_done_at_ms;
    int64_t moved[DELIVERY_STATE_COUNT]; /* to be added to tally */
    bool changed;                        /* any of these three, since the last commit */
    uint64_t fan_out; /* the last one that has seen to it (sqlite_fanout.c) */
};

struct sqlite {
    struct sqlite_conn writer, reader, tender;
    bool single;            /* in memory: only the writer is used */
    int wal_frames;         /* in the log after the last commit */
    int wal_refused;        /* … when it last could not begin anew; 0: it could */
    _Atomic bool tending;   /* a pass is under way */
    _Atomic int wal_tended; /* so many of them are in the file as well */
    char *path;             /* NULL: in memory */
    bool opened; /* whole and in order; before, a close leaves the files as they are */
    int lock_fd, mark_fd, index_fd;
    int64_t newest_event;       /* that is committed */
    struct map *channels;       /* by name: struct channel_row; dropped on rollback */
    struct map *channels_by_id; /* the same */
    uint64_t fan_outs;          /* how many there were */
    int64_t next_event;         /* 0: not known */
    int64_t marks_moved_to;     /* new marks of members up to here (sqlite_member.c) */
    int64_t pruned_to; /* the article that the pass of pruning has come to; 0: at its start */
    int64_t opened_ms; /* wall clock when it was opened */
    int64_t latest_ms; /* newest now_ms seen: the writer's notion of time for pruning */
    bool want_events;
    struct list events; /* of the transaction at hand */
};

/* ---- transactions (sqlite.c) ---- */
void sqlite__start(struct sqlite *s);
/* Commits, with what was gathered for the channels; events stay in s->events. Else rolled
 * back. */
enum err_code sqlite__commit(struct sqlite *s, struct err *why);
void sqlite__rollback(struct sqlite *s); /* also forgets channels and events */

/* ---- channels and counts (sqlite_channel.c) ---- */
/* NULL when there is none (and it shall not be made), or after an error. */
struct channel_row *sqlite__channel(struct sqlite *s, const char *name, bool create);
struct channel_row *sqlite__channel_by_id(struct sqlite *s, int64_t id);
void sqlite__count(struct channel_row *ch, enum delivery_state state, int64_t by);
void sqlite__channels_flush(struct sqlite *s);  /* before the commit */
void sqlite__channels_forget(struct sqlite *s); /* after a rollback */
enum err_code sqlite__channel_save(struct sqlite *s, struct ledger_channel_save *r);

/* ---- events (sqlite_event.c) ---- */
/* An event's data: json_put_…() its members between these two. */
void sqlite__event_start(struct buf *b);
void sqlite__event_article(struct buf *b,
                           const char *key,
                           struct article_id id,
                           const char *public_id);
void sqlite__event_write(struct sqlite *s, const char *kind, struct buf *b, int64_t now_ms);

/* ---- an article as it is stored (sqlite_known.c) ---- */

struct known {
    bool found;
    struct article_id id;
    char *public_id; /* NULL: made from its number */
    bool retracted, breaking;
    char *reason;
    int64_t revision, newest, content; /* newest, content: rows of revision */
    uint8_t hash[32];
    int64_t source_updated_at_ms, created_at_ms, updated_at_ms, seen_at_ms;
    char *names; /* JSON, as article.names; NULL: none yet */
    char *quiet; /* the source that had it only recorded; NULL: it is sent */
    int held;    /* as in schema.sql */
    int64_t retract_at_ms, retract_since_ms; /* 0: not withdrawn */
    char *retract_by, *retract_why;
    struct article_id merged_into; /* 0: it is itself */
    int64_t gate_until_ms;         /* 0: its gate is open */
    char *content_source;          /* which source brought its newest content */
};
/* The article with that number; not found, and with nothing in it, if there is none. */
void sqlite__known(struct sqlite *s, struct article_id id, struct known *out);
void sqlite__known_done(struct known *k);

struct naming { /* names that are brought */
    const struct accept_alias *v;
    size_t count;
    const char *source;
    int64_t now_ms;
};
/* Whose name it is; 0: nobody's. */
struct article_id
sqlite__name_owner(struct sqlite *s, const struct naming *in, const struct accept_alias *name);
/* Gives the article those that are nobody's yet. Returns its list of names with them, yours; NULL: there
 * are none. names: its list so far; NULL: it has none. */
char *sqlite__names_write(struct sqlite *s,
                          const struct naming *in,
                          const char *names,
                          struct article_id article);
/* The same for an article that is there. */
void sqlite__names_add(struct sqlite *s, const struct naming *in, const struct known *k);

/* ---- deliveries (sqlite_state.c) ---- */

/* What moving a delivery needs to know. The fields marked * are stored by sqlite__move(). */
struct delivery_row {
    struct delivery_id id;
    struct article_id article;
    int64_t revision, revision_id;
    bool retracts; /* its revision is a retraction */
    struct channel_row *channel;
    enum delivery_state state;
    bool breaking;
    bool has_due;         /* * */
    int64_t due_at_ms;    /* * */
    int64_t not_after_ms; /* * */
    int64_t created_at_ms;
    int64_t failures; /* * */
    int64_t tries;    /* * */
    bool exposed;     /* * */
    bool in_doubt;    /* * */
    bool by_hand;     /* * */
    bool repeatable, publishes;
    /* Its article was withdrawn, or merged into one that is on that channel: what of it is not public shall
     * not become so. */
    bool called_off;
    int64_t attempt, attempt_at_ms; /* of the step in flight; at 0: none is */
    char *public_id;                /* of the article; NULL: made from its number */
};
/* False: not there, or an error. */
bool sqlite__delivery(struct sqlite *s, struct delivery_id id, struct delivery_row *out);
void sqlite__delivery_done(struct delivery_row *d);

struct move_note { /* for the event and for people; all may be NULL */
    const char *detail, *link, *by;
};
/* The one place that changes a state: checks the move, keeps the counts and what standing says of the
 * article on that channel. The caller writes the row and tells. False: an error, which sticks. */
bool sqlite__enter(struct sqlite *s, struct delivery_row *d, enum delivery_state to);
void sqlite__tell(struct sqlite *s,
                  const struct delivery_row *d,
                  enum delivery_state from,
                  const struct move_note *note,
                  int64_t now_ms);
/* All three, for moves that change nothing else of the row. An illegal move is a bug of the caller. */
void sqlite__move(struct sqlite *s,
                  struct delivery_row *d,
                  enum delivery_state to,
                  const struct move_note *note,
                  int64_t now_ms);
/* Ready now. */
void sqlite__make_ready(struct sqlite *s,
                        struct delivery_row *d,
                        const char *by,
                        int64_t now_ms);
void sqlite__job(const struct delivery_row *d, int64_t now_ms, struct ledger_job *out);
/* The open deliveries of an article on a channel, and its newest there; 0: none. */
struct open_ones {
    struct delivery_id front, behind, last;
};
struct open_ones
sqlite__open_ones(struct sqlite *s, struct article_id article, const struct channel_row *ch);
/* When nothing is in front there any more, the one held behind becomes ready. True: out is its
 * job. */
bool sqlite__release(struct sqlite *s,
                     struct article_id article,
                     struct channel_row *ch,
                     int64_t now_ms,
                     struct ledger_job *out);
/* Nothing of it shall go out any more, if nothing of it did: a newer revision's delivery is held behind it, or
 * its article was called off. */
bool sqlite__is_overtaken(struct sqlite *s, const struct delivery_row *d);
const char *sqlite__why_overtaken(const struct delivery_row *d); /* for people */
/* The row of a step that has ended, or whose answer will never come (verdict NULL: ended_at too). Before
 * the delivery's own row changes: it says which step. */
void sqlite__attempt_write(struct sqlite *s,
                           const struct delivery_row *d,
                           const struct ledger_end *end);
/* What stands on the channel after it is done; record with its remote ids. */
void sqlite__post_set(struct sqlite *s,
                      const struct delivery_row *d,
                      const char *record,
                      int64_t now_ms);
void sqlite__post_remove(struct sqlite *s, const struct delivery_row *d);
void sqlite__post_keep(struct sqlite *s, const struct delivery_row *d); /* as it stood before */

/* A growing list of numbers. */
struct id_list {
    int64_t *v;
    size_t count, cap;
};
void sqlite__ids_add(struct id_list *ids, int64_t id);
void sqlite__ids_done(struct id_list *ids);
/* All deliveries of a channel in a state that is not done. */
void sqlite__of_state(struct sqlite_conn *c,
                      int64_t channel,
                      enum delivery_state state,
                      struct id_list *out);
/* All first columns of a query. */
void sqlite__ids_query(struct sqlite_conn *c,
                       enum sqlite_sql id,
                       const struct sql_arg *args,
                       struct id_list *out);

/* ---- the writes ---- */
enum err_code sqlite__accept(struct sqlite *s, struct ledger_accept *a); /* sqlite_accept.c */
enum err_code sqlite__begin(struct sqlite *s, struct ledger_begin *r);   /* sqlite_attempt.c */
enum err_code sqlite__end_step(struct sqlite *s, struct ledger_end *r);  /* sqlite_attempt.c */
enum err_code sqlite__move_asked(struct sqlite *s, struct ledger_move *r); /* sqlite_move.c */
enum err_code sqlite__release_channel(struct sqlite *s, struct ledger_release_channel *r);
enum err_code sqlite__expire(struct sqlite *s, struct ledger_expire *r); /* sqlite_tidy.c */
enum err_code sqlite__prune(struct sqlite *s, struct ledger_prune *r);   /* sqlite_tidy.c */
enum err_code sqlite__click(struct sqlite *s, struct ledger_click *r);   /* sqlite_tidy.c */

void sqlite__clock_back(struct sqlite *s,
                        const struct ledger_clock_back *r); /* sqlite_tidy.c */
/* args: channel, state, breaking, now: also those of waves. Before their deliveries. */
void sqlite__waves_clock_back(struct sqlite *s,
                              const struct sql_arg *args,
                              const struct ledger_clock_back *r); /* sqlite_wave.c */

/* What comes of an acceptance (sqlite_decide.c). */
struct decision {
    enum accept_outcome outcome;
    bool revises;  /* a revision is written */
    bool fans_out; /* and goes to the channels */
    bool opens;    /* what was only recorded is sent from now on */
    bool returns;  /* a withdrawal is dropped */
};
/* Before the first write. k: not found, or the article as it is stored. */
enum err_code
sqlite__accept_check(const struct ledger_accept *a, const struct known *k, struct err *why);
struct decision sqlite__decide(const struct ledger_accept *a, const struct known *k);
/* Until when what it sends waits for the link gate; 0: it does not. */
int64_t
sqlite__gate_of(const struct ledger_accept *a, const struct known *k, const struct decision *d);

/* What a write hands out beside its own results; grows as needed. */
struct handed {
    struct ledger_job **jobs;
    size_t *job_count;
    struct delivery_id **cancelled;
    size_t *cancelled_count;
};
void sqlite__hand_job(const struct handed *h, const struct ledger_job *job);
void sqlite__hand_cancelled(const struct handed *h, struct delivery_id id);
struct handed sqlite__handed_accept(struct ledger_accept *a);

/* How the deliveries of a new revision are made (sqlite_fanout.c). */
struct accepted {
    struct article_id article;
    char *public_id; /* NULL: made from its number */
    int64_t revision, revision_id;
    bool is_new;           /* the article: nothing can stand in the way */
    bool fresh;            /* news of its own: published again, or breaking only now */
    int64_t created_at_ms; /* of the article */
    int64_t gate_until_ms; /* what is first sent waits until then; 0: not */
    bool breaking;
    bool retracts;
};
struct naming sqlite__naming(const struct ledger_accept *a);
/* The rows of a revision (sqlite_revision.c); a new article gets its public id here. */
void sqlite__revision(struct sqlite *s,
                      const struct ledger_accept *a,
                      const struct known *k,
                      struct accepted *at);
void sqlite__fan_out(struct sqlite *s, struct ledger_accept *a, const struct accepted *at);
void sqlite__standing(struct sqlite *s, struct ledger_accept *a, struct article_id article);
/* A delivery in place of another: of one that went with the article merged into this one, or of one on a channel
 * that is blocked. False: something of either article is there already. */
struct stand_in {
    uint64_t id;
    const char *adapter;
    int64_t not_after_ms;
    int64_t now_ms;
    const char *detail; /* NULL: what its state says */
};
bool sqlite__stand_in(struct sqlite *s,
                      const struct accepted *at,
                      struct channel_row *ch,
                      const struct stand_in *in,
                      const struct handed *out);

/* Withdrawn, and back (sqlite_withdraw.c). */
void sqlite__withdraw(struct sqlite *s, struct ledger_accept *a, const struct known *k);
/* Cancels what waits and cannot be public. */
void sqlite__call_off(struct sqlite *s,
                      struct article_id article,
                      const char *detail,
                      int64_t now_ms,
                      const struct handed *out);
/* No withdrawal waits any more, of it or of what was merged into it. */
void sqlite__withdrawal_drop(struct sqlite *s, struct article_id article);
/* What was called off goes on; gate_until_ms as in struct accepted. */
void sqlite__bring_back(struct sqlite *s,
                        struct article_id article,
                        int64_t gate_until_ms,
                        int64_t now_ms,
                        const struct handed *out);
/* The article is retracted: so is what was merged into it and stands, soon. True: there is such. */
bool sqlite__retract_merged(struct sqlite *s,
                            struct article_id article,
                            const struct ledger_accept *a);
enum err_code sqlite__withdrawn(struct sqlite_conn *c, struct ledger_withdrawn *r);

/* Two articles are one (sqlite_merge.c). */
struct merge {
    const char *why;
    const char *said_by; /* a source that says so of two ids of its own; NULL: none does */
    int64_t now_ms;
    uint64_t delivery_id; /* of so many that may be used */
    size_t delivery_ids;
    struct handed out;
    size_t count;               /* of those that were merged away */
    bool look_at_withdrawn;     /* as in ledger_accept */
    struct article_id conflict; /* one that may not be merged; 0: none */
};
/* Returns the one that keeps: one of the two; `one` also when they may not be merged. */
struct article_id sqlite__merge(struct sqlite *s,
                                struct merge *m,
                                struct article_id one,
                                struct article_id other);

/* A channel is blocked, and its articles go elsewhere (sqlite_fallback.c). */
enum err_code sqlite__fallback(struct sqlite *s, struct ledger_fallback *r);
/* The article goes to `to` in place of `instead_of`, and this says so. */
void sqlite__fallback_note(struct sqlite *s,
                           const struct accepted *at,
                           struct delivery_id delivery,
                           const struct channel_row *to,
                           const char *instead_of,
                           const char *why,
                           int64_t now_ms);
/* Where the article stands in place of the channel that the delivery is for; false: nowhere, out is left. */
bool sqlite__fallback_stands(struct sqlite *s, const struct delivery_row *d, char out[64]);

/* What is used of quotas (sqlite_quota.c). */
void sqlite__quota_put(struct sqlite *s,
                       struct delivery_id delivery,
                       const struct channel_row *ch,
                       int64_t at_ms);
void sqlite__quota_drop(struct sqlite *s, struct delivery_id delivery);
void sqlite__quota_prune(struct sqlite *s, int64_t now_ms);
enum err_code sqlite__quota(struct sqlite_conn *c, struct ledger_quota *r);

enum err_code sqlite__gate(struct sqlite *s, struct ledger_gate *r);        /* sqlite_gate.c */
enum err_code sqlite__gated(struct sqlite_conn *c, struct ledger_gated *r); /* sqlite_gate.c */
enum err_code sqlite__drop(struct sqlite *s, struct ledger_drop *r);        /* sqlite_gate.c */

enum err_code sqlite__outlet(struct sqlite_conn *c,
                             struct ledger_outlet *r); /* sqlite_outlet.c */

/* What sources are doing (sqlite_source.c). */
enum err_code sqlite__source_save(struct sqlite *s, struct ledger_source_save *r);
enum err_code sqlite__sources(struct sqlite_conn *c, struct ledger_sources *r);
enum err_code sqlite__credential_put(struct sqlite *s, struct ledger_credential_put *r);
enum err_code sqlite__credentials(struct sqlite_conn *c, struct ledger_credentials *r);
enum err_code sqlite__inbox_put(struct sqlite *s, struct ledger_inbox_put *r);
enum err_code sqlite__inbox_end(struct sqlite *s, struct ledger_inbox_end *r);
enum err_code sqlite__inbox_list(struct sqlite_conn *c, struct ledger_inbox_list *r);
/* What its row was for is accepted. */
void sqlite__inbox_done(struct sqlite *s, uint64_t id);
bool sqlite__inbox_is_restored(struct sqlite *s, uint64_t id);

/* Audiences and waves (sqlite_audience.h says which file). */
enum err_code sqlite__members_put(struct sqlite *s, struct ledger_members_put *r);
enum err_code sqlite__member_set(struct sqlite *s, struct ledger_member_set *r);
enum err_code sqlite__members_back(struct sqlite *s, struct ledger_members_back *r);
enum err_code sqlite__members(struct sqlite_conn *c, struct ledger_members *r);
enum err_code sqlite__topics(struct sqlite *s, struct ledger_topics *r);
enum err_code sqlite__prepared_put(struct sqlite *s, struct ledger_prepared_put *r);
enum err_code sqlite__unprepared(struct sqlite_conn *c, struct ledger_unprepared *r);
enum err_code sqlite__wave_open(struct sqlite *s, struct ledger_wave_open *r);
enum err_code sqlite__wave_next(struct sqlite *s, struct ledger_wave_next *r);
enum err_code sqlite__wave_end(struct sqlite *s, struct ledger_wave_end *r);
enum err_code sqlite__wave_told(struct sqlite *s, struct ledger_wave_told *r);
enum err_code sqlite__wave_say(struct sqlite *s, struct ledger_wave_say *r);
enum err_code sqlite__waves(struct sqlite_conn *c, struct ledger_waves *r);
/* The wave of a delivery, as "wave", where it has one. */
void sqlite__wave_show(struct sqlite_conn *c, json_t *object, int64_t delivery);
/* A person settled what was unknown of it: arrived, or not. */
void sqlite__wave_resolve(struct sqlite *s,
                          struct delivery_id id,
                          bool arrived,
                          int64_t now_ms);
/* States of wave_exception; stored. */
enum wave_exception_state {
    WAVE_AGAIN,
    WAVE_ON_ITS_WAY,
    WAVE_UNKNOWN,
    WAVE_REFUSED,
    WAVE_HAD_LATE,
    WAVE_SPARED,
};

/* ---- the reads ---- */
enum err_code sqlite__due(struct sqlite_conn *c, struct ledger_due *r);   /* sqlite_read.c */
enum err_code sqlite__load(struct sqlite_conn *c, struct ledger_load *r); /* sqlite_read.c */
enum err_code sqlite__channels(struct sqlite_conn *c,
                               struct ledger_channels *r); /* sqlite_read.c */
enum err_code sqlite__events(struct sqlite_conn *c,
                             struct ledger_events *r); /* sqlite_read.c */
enum err_code sqlite__articles(struct sqlite_conn *c,
                               struct ledger_list *r); /* sqlite_list.c */
enum err_code sqlite__deliveries(struct sqlite_conn *c,
                                 struct ledger_list *r); /* sqlite_list.c */
enum err_code sqlite__article(struct sqlite_conn *c,
                              struct ledger_article *r); /* sqlite_article.c */
/* By its public id, or "art_…"; 0: there is none of that id. */
struct article_id sqlite__article_number(struct sqlite_conn *c, const char *id);
/* The delivery as the API shows it, from a row of SQL_SHOW_…; new reference
 * (sqlite_article.c). */
json_t *sqlite__delivery_json(sqlite3_stmt *stmt);
/* The members that come from the article's own row; NULL: not there. */
json_t *sqlite__article_head(struct sqlite_conn *c, int64_t id);

/* ---- the log into the file (sqlite_tend.c) ---- */
void sqlite__tend_watch(struct sqlite *s);
/* After a batch, on the writing thread: is it time? */
bool sqlite__tend_wanted(struct sqlite *s);
void sqlite__tend(struct sqlite *s); /* on a thread of its own */

/* Whether the schema is that of the newest version, word for word (sqlite_open.c). */
enum err_code sqlite__check_schema(struct sqlite_conn *c, struct err *why);

/* ---- how far the writing has come (sqlite_mark.c) ---- */
/* Before anything is written. Refuses a ledger that does not reach as far as its mark. */
enum err_code sqlite__mark_open(struct sqlite *s, struct err *why);
void sqlite__mark(struct sqlite *s);     /* after each commit */
void sqlite__mark_end(struct sqlite *s); /* before the last connection closes */

/* ---- open and recovery ---- */
enum err_code sqlite__open(struct sqlite **out,
                           const char *path,
                           int64_t now_ms,
                           struct ledger_opened *opened,
                           struct err *why); /* sqlite_open.c */
void sqlite__close(struct sqlite *s);
/* In a transaction of its own (sqlite_recover.c). */
enum err_code sqlite__recover(struct sqlite *s,
                              int64_t now_ms,
                              struct ledger_opened *opened,
                              struct err *why);

/* After a file came back from a backup, in the transaction of the recovery (sqlite_restored.c). */
void sqlite__restored(struct sqlite *s, struct ledger_opened *opened);
bool sqlite__is_copy(struct sqlite_conn *c);

/* ---- from outside ---- */
/* Opens the file beside whoever else has it open, if it is a ledger of a version known here
 * (sqlite_beside.c). sqlite__conn_done() either way. */
enum err_code
sqlite__beside(struct sqlite_conn *c, const char *path, int *out_version, struct err *why);
/* Refuses a log that is not of this file. */
enum err_code sqlite__check_log(const char *path, struct err *why);
int64_t sqlite__file_bytes(const char *path, const char *ending); /* 0: there is none */
void sqlite__count_rows(struct sqlite_conn *c, struct ledger_size *out);
/* A copy, in place of one that is there (sqlite_backup.c). */
enum err_code sqlite__copy(struct sqlite_conn *c, const char *to, struct err *why);
enum err_code sqlite__backup(const char *path,
                             const char *to,
                             ledger_stop_fn *stop,
                             struct ledger_size *out,
                             struct err *why);
enum err_code sqlite__check(const char *path,
                            ledger_finding_fn *found,
                            void *context,
                            ledger_stop_fn *stop,
                            struct ledger_size *out,
                            struct err *why); /* sqlite_check.c */
enum err_code sqlite__credentials_beside(const char *path,
                                         struct ledger_credentials *out,
                                         struct err *why); /* sqlite_credential.c */

/* One step of the schema, from version to - 1 (sqlite_migrate.c). */
struct sqlite_migration {
    int to;
    const char *sql;
    bool make_missing; /* sql is a whole schema: only what is not there yet is made of it */
};
/* Brings the file at path to version `newest`: makes it when it is empty, refuses a newer one,
 * copies an older one to PATH.v<n>.bak before it migrates. path NULL: in memory. */
enum err_code sqlite__migrate(struct sqlite_conn *c,
                              const char *path,
                              int newest,
                              const struct sqlite_migration *steps,
                              size_t count,
                              struct err *why);
enum err_code sqlite__refuse_newer(int64_t version, int newest, struct err *why);

#endif
