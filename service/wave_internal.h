#ifndef CRIER_SERVICE_WAVE_INTERNAL_H
#define CRIER_SERVICE_WAVE_INTERNAL_H

/* Shared by the files of the waves: wave.c (batches, from the ledger and back), wave_send.c (one message),
 * wave_pace.c (how fast), wave_end.c (what becomes of the delivery). */

#include "service/courier_internal.h"
#include "service/wave.h"

struct wave_batch;

/* A message on its way. */
struct wave_send {
    struct list_node node;
    struct wave *wave;
    struct wave_batch *batch;
    size_t at; /* which member of the batch */
    struct http_request request;
    struct out_exchange exchange;
};

struct wave_batch {
    struct list_node node;
    struct wave *wave;
    struct ledger_wave_next next; /* its members */
    struct ledger_wave_end end;
    struct ledger_wave_result *results;
    char (*details)[MEMBER_DETAIL_BYTES]; /* results point here */
    size_t handed;                        /* so many were sent, or ended without */
    size_t answered;
};

enum wave_stop {
    WAVE_GOES_ON,
    WAVE_STOPPED,  /* by us: it goes on later from where it is */
    WAVE_BLOCKED,  /* no to us */
    WAVE_REJECTED, /* no to the article */
    WAVE_LATE,     /* worthless by now */
    WAVE_OFF,      /* the article was taken back */
    WAVE_HELD,     /* the article is withdrawn for now */
    WAVE_PAUSED,   /* the platform wants to be left alone for longer than a run should last */
};

struct wave {
    struct run *run;
    const struct audience *audience;
    struct ledger_wave_open open;
    struct ledger_wave counts; /* as the ledger last told */
    struct list batches, sends;
    bool asking;    /* for the next batch */
    bool exhausted; /* there is none now */
    bool
        settled; /* a platform's word has settled the last unknown one since the counts were told */
    bool finished;
    size_t window;         /* messages at a time, as things stand */
    size_t refused_in_row; /* the article, by the first members: so many, and none has it */
    int64_t troubles;      /* in a row */
    enum wave_stop stop;
    struct verdict why; /* of BLOCKED, REJECTED, PAUSED, HELD */
    uv_timer_t timer;
};

/* wave.c */
void wave__pump(struct wave *w);
void wave__batch_answered(struct wave_batch *b, size_t at);
/* Begin nothing more. The first reason holds. */
void wave__stop(struct wave *w, enum wave_stop why, const struct verdict *v);

/* wave_send.c */
void wave__send(struct wave *w, struct wave_batch *b);

/* wave_pace.c */
/* How long until the next message may leave: 0: now, and its token is taken. */
int64_t wave__wait_ms(struct wave *w, int64_t mono_ms);
void wave__slow_down(struct wave *w, int64_t quiet_ms, bool too_fast);
void wave__went_well(struct wave *w);
size_t wave__window_max(const struct wave *w); /* messages at a time, when all goes well */

/* wave_end.c */
void wave__finish(struct wave *w);
/* So long after a message was lost it may be sent again, where the platform has told of others since; -1:
 * never. */
int64_t wave__resend_ms(const struct wave *w);

#endif
