#ifndef CRIER_SERVICE_WAVE_INTERNAL_H
#define CRIER_SERVICE_WAVE_INTERNAL_H

/* Shared by the files of the waves: wave.c (the start, and what stops one), and then, by the audience,
 *   wave_each.c    batches from the ledger and back, each message an exchange of its own (wave_send.c), or
 *   wave_lane.c    batches from the ledger to the lanes and back (service/lane.h); wave_flow.c: how many at a
 *                  time; wave_hold.c: who has to wait; wave_singly.c: whom the lanes cannot serve; wave_result.c:
 *                  what the answers mean
 * and wave_pace.c (how fast), wave_probe.c (how the site bears it), wave_end.c (what becomes of the delivery),
 * wave_word.c (what others say meanwhile). */

#include "service/courier_internal.h"
#include "service/wave.h"
#include "service/wave_flow.h"

struct wave_batch;

/* A message on its way. */
struct wave_send {
    struct list_node node;
    struct wave *wave;
    struct wave_batch *batch;
    size_t at;   /* which member of the batch */
    bool second; /* of lanes: made otherwise, as the first answer asked for it */
    struct http_request request;
    struct out_exchange exchange;
};

enum wave_batch_state {
    BATCH_WAITS,   /* written down; nothing of it has left */
    BATCH_LEFT,    /* in the lanes */
    BATCH_SINGLY,  /* back from there; some go by exchanges of their own */
    BATCH_ANSWERED /* its end is being written down */
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
    /* Of lanes: */
    enum wave_batch_state state;
    struct lane_batch lane;
    struct member *members; /* those that leave, … */
    uint32_t *places;       /* … as they stand in next.v */
    size_t leaving;
    bool called_back;
    struct ledger_wave_service *services;
    size_t result_count; /* all but who has the message */
    int64_t left_ms;     /* mono */
    /* Of BATCH_SINGLY: so many of those that leave; the next to look at; begun and not answered. */
    size_t singly, singly_at, singly_open;
    int64_t singly_until_ms; /* mono: none is begun after it */
};

enum wave_stop {
    WAVE_GOES_ON,
    WAVE_STOPPED,   /* by us: it goes on later from where it is */
    WAVE_BLOCKED,   /* no to us */
    WAVE_REJECTED,  /* no to the article */
    WAVE_LATE,      /* worthless by now */
    WAVE_OFF,       /* the article was taken back */
    WAVE_HELD,      /* the article is withdrawn for now */
    WAVE_PAUSED,    /* the platform wants to be left alone for longer than a run should last */
    WAVE_WAITS,     /* for a person's word, or until it cannot be taken back any more */
    WAVE_HALTED,    /* by a person */
    WAVE_OVERTAKEN, /* a newer revision waits, which all of them get */
};

/* What one run of a wave has done, for the log. */
struct wave_tally {
    int64_t began_mono_ms;
    int64_t accepted, gone, retried, refused, unknown;
    int64_t waiting; /* quiet hours, the cap */
};

struct wave {
    struct run *run;
    const struct audience *audience;
    struct ledger_wave_open open;
    struct ledger_wave counts; /* as the ledger last told */
    struct list batches, sends;
    bool opened;
    size_t asks;    /* for next batches, on their way */
    bool exhausted; /* there is none now */
    bool finished;
    size_t window;         /* messages at a time, as things stand */
    size_t refused_in_row; /* the article, by the first members: so many, and none has it */
    int64_t troubles;      /* in a row */
    enum wave_stop stop;
    struct verdict why; /* of BLOCKED, REJECTED, PAUSED, HELD */
    uv_timer_t timer;
    struct wave_tally tally;
    struct ledger_load behind; /* a newer revision's delivery that was looked at; id 0: none */
    bool looks_behind;
    /* Of lanes: */
    struct push_plan *plan;
    uint64_t plan_number;
    bool test;   /* for test members only */
    bool urgent; /* breaking, and with more to hand out: others wait */
    bool urgent_for_all;
    bool probes;
    bool is_held_up; /* not one may leave now */
    bool hurried;
    size_t in_lanes; /* members */
    struct wave_flow flow;
    size_t singly_batches;                /* BATCH_SINGLY */
    int64_t singly_since_ms, singly_done; /* for how many of them a service takes */
};

/* wave.c */
void wave__pump(struct wave *w);
/* Begin nothing more. The first reason holds. */
void wave__stop(struct wave *w, enum wave_stop why, const struct verdict *v);
void wave__look_whether_to_stop(struct wave *w);
/* What a request for the next batch told of the article. */
void wave__heed_article(struct wave *w, const struct ledger_wave_next *next);
void wave__look_again_in(struct wave *w, int64_t wait_ms);
struct ledger *wave__ledger(const struct wave *w);
/* A batch of so many, for its request. */
struct ledger_wave_next wave__next(const struct wave *w, size_t limit, ledger_done_fn *done);
/* That has come. False: it has no members, or cannot be had. */
bool wave__took_batch(struct wave_batch *b);
/* The end of a batch is written down, or never will be; it is to be freed. False: it is written once more. */
bool wave__took_end(struct wave_batch *b);
#define WAVE_LOOK_MS 250 /* what might stop a wave that waits is looked at so often */

/* wave_each.c */
void wave__each_pump(struct wave *w);
void wave__batch_answered(struct wave_batch *b, size_t at);

/* wave_lane.c */
/* The plan is made, or cannot be, which stops the wave. */
void wave__lane_start(struct wave *w);
void wave__lane_pump(struct wave *w);
void wave__lane_hurry(struct wave *w);
void wave__lane_done(struct wave *w); /* nothing is in the lanes */
/* All of the batch have an answer, or none: that is written down. */
void wave__lane_answered(struct wave_batch *b);

/* wave_singly.c */
/* Of a batch that is back from the lanes: whether some of it go singly now; then wave__singly_pump() ends it. */
bool wave__singly_begin(struct wave_batch *b);
int64_t wave__singly_pump(struct wave *w); /* returns when to look again */

/* wave_hold.c */
enum wave_hold {
    HOLD_NOT,
    HOLD_LATER,  /* out says when */
    HOLD_SPARED, /* that would be too late, or it is not for them */
};
enum wave_hold wave__holds(const struct wave *w,
                           const struct ledger_wave_member *m,
                           int64_t now_ms,
                           struct ledger_wave_result *out);
/* Since when it counts what other waves have sent to a member; 0: it does not. */
int64_t wave__recent_since_ms(const struct wave *w, int64_t now_ms);

/* wave_result.c */
/* Of a batch that has come back: results and services, ready for its end. */
void wave__read_results(struct wave_batch *b);
/* Of one whose members have not left. */
void wave__spare_results(struct wave_batch *b);

/* wave_send.c */
/* The article, by one of the first members. */
void wave__heed_refusal(struct wave *w, const struct verdict *v);
void wave__send(struct wave *w, struct wave_batch *b);
struct wave_send *wave__send_new(struct wave_batch *b, size_t at);
/* Its request is built: it leaves. once: a repeat does harm. */
void wave__send_begin(struct wave_send *s, bool once, out_done_fn *done);
void wave__send_free(struct wave_send *s);
void wave__cancel_sends(struct wave *w);
/* When a member comes again: what the platform asked for, or longer with every try. 0: they have had their tries. */
int64_t wave__again_in_ms(const struct wave *w, int64_t tries, int64_t asked_ms);
/* As platforms write it: with or without what stands in front of the digits. */
void wave__mask_address(char *detail, const char *address);
int64_t wave__answer_timeout(const struct wave *w);

/* wave_pace.c */
/* How long until the next message may leave: 0: now, and its token is taken. */
int64_t wave__wait_ms(struct wave *w, int64_t mono_ms);
void wave__slow_down(struct wave *w, int64_t quiet_ms, bool too_fast);
void wave__went_well(struct wave *w);
size_t wave__window_max(const struct wave *w); /* messages at a time, when all goes well */
/* Of lanes: until a batch may leave; 0: now. A wave of breaking news is urgent as long as it has more to hand out and
 * may; others wait then: on its channel, and on all where it takes what the lanes can do. */
void wave__set_urgent(struct wave *w, bool urgent);
int64_t wave__lane_wait_ms(const struct wave *w, int64_t mono_ms);
void wave__lane_pace(const struct wave *w); /* tells the lanes how fast */
/* One service is in trouble, or has answered well. Returns when its members should come again, at the soonest. */
int64_t
wave__service_trouble(struct wave *w, const char *service, const char *detail, int64_t now_ms);
void wave__service_well(struct wave *w, const char *service);

/* wave_probe.c */
void wave__probe_begin(struct wave *w);
void wave__probe_end(struct wave *w);
/* Messages a second that the site bears, as it seems; 0: any number. */
int64_t wave__probe_pace(const struct wave_probe *p);
void wave__probe_show(const struct wave_probe *p, json_t *object);

/* wave_word.c */
/* A newer revision waits: is it one that all of them get? Then it stops the wave. */
void wave__look_behind(struct wave *w, struct delivery_id id);

/* wave_end.c */
void wave__finish(struct wave *w);
/* So long after a message was lost it may be sent again, where the platform has told of others since; -1:
 * never. */
int64_t wave__resend_ms(const struct wave *w);

#endif
