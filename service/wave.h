#ifndef CRIER_SERVICE_WAVE_H
#define CRIER_SERVICE_WAVE_H

/* A delivery on its way to an audience: what a run of the courier does at a step for `each_member`. */

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "base/id.h"
#include "service/lane.h"

struct channel;
struct crier;
struct run;
struct wave;
struct wave_probe;

/* A push service, as it answers a channel's messages. */
#define WAVE_SERVICES 8
struct wave_service {
    char name[32];
    int64_t troubles;    /* in a row */
    int64_t again_at_ms; /* wall clock: not to be tried before; 0 */
};

/* How fast a channel's messages go, shared by its waves. Times are of the clock that never jumps. */
struct wave_pace {
    double tokens;
    int64_t filled_at_ms; /* 0: never yet */
    double slow; /* a part of the rate, after a platform said "too fast"; 0: all of it */
    int64_t quiet_until_ms; /* the platform wants to be left alone; 0 */
    size_t breaking;        /* waves of breaking news under way: others wait */
    /* Of an audience with `push`: */
    struct lane_pace lane; /* what comes of all this; its lanes read it */
    size_t urgent;         /* waves of breaking news with more to hand out: others wait */
    struct wave_service services[WAVE_SERVICES];
    size_t service_count;
    struct wave_probe
        *probe; /* while a wave is under way, and a page of the site is asked for; NULL */
};

/* At the start and after a reload: lanes, once there is a channel whose messages go by them. */
MUST_USE enum err_code waves_prepare(struct crier *c, struct err *why);

/* That the step is about to go is on disk: send. Ends in courier__finish() or courier__give_back(). */
void wave_start(struct run *run);
/* Something has changed that may stop it. */
void wave_poke(struct wave *w);
/* Break off what is on its way: those members are unknown. */
void wave_hurry(struct wave *w);

/* Nothing of it is unknown any more: a run that waits for that goes on. */
void wave_settled(struct crier *c, struct delivery_id id);

/* A person's word about it is on disk (LEDGER_WAVE_SAY): a wave that runs begins nothing more, and takes back what
 * has not left; one that waits takes its turn now. Of a delivery that has no wave: nothing. */
void wave_said(struct crier *c, struct delivery_id id);

/* A newer revision of an article waits behind an earlier one on this channel: a wave of that is not waited for,
 * where the newer message takes the place of the older. */
void wave_overtaken(struct crier *c, struct article_id article, const char *channel);

/* What there is to tell of a wave only while it runs: members `running` of its object in the API (how many are on
 * their way, how many a second, and what holds it back). Nothing of one that does not. */
void wave_show(struct crier *c, struct delivery_id id, json_t *object);
struct buf;
void waves_print_gauges(struct crier *c, struct buf *out);

#endif
