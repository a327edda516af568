/* What others say of a wave: the platform, that a message it was in doubt of has arrived; a person, who confirms or
 * stops it; and a newer revision of its article, which does not wait for the last of the older one. Called by the
 * doors and the intake. A wave that runs is told; one that waits for a time of its own takes its turn now. */

#include "service/wave_internal.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"

/* ---- its turn is now ---- */

struct hasten {
    struct ledger_load load;
    struct crier *crier;
    struct article_id only; /* of this article; 0: of any */
    bool again;             /* that it waits was looked for twice */
};

static bool is_meant(const struct hasten *h)
{
    return h->load.req.rc == ERR_NONE && (h->only.v == 0 || h->load.article.v == h->only.v);
}

static void take_turn(const struct hasten *h)
{
    const struct ledger_load *l = &h->load;
    struct courier *k = h->crier->courier;
    struct ledger_job job = {
        .id = l->id,
        .article = l->article,
        .breaking = l->breaking,
        .due_at_ms = clock_wall_ms(),
        .not_after_ms = l->exposed ? 0 : l->not_after_ms,
        .created_at_ms = l->created_at_ms,
        .attempts = l->attempts,
    };

    (void)snprintf(job.channel, sizeof job.channel, "%s", l->channel);
    courier_cancel(k, l->id); /* the turn it had: the later one would win */
    courier_add(k, &job, 1);
}

/* A run may be about to end, and to wait: it takes the next turn at once instead. One that has just ended was in flight
 * when this was read, and is read again. */
static void hasten_2_on_loaded(struct ledger_request *r)
{
    struct hasten *h = container_of(r, struct hasten, load.req);
    struct courier *k = h->crier->courier;
    struct run *run = courier__find(k, h->load.id);

    if (is_meant(h) && run) {
        run->hastened = true;
    } else if (is_meant(h) && h->load.state == DELIVERY_IN_FLIGHT && !h->again) {
        struct delivery_id id = h->load.id;

        ledger_request_done(r);
        h->again = true;
        h->load = (struct ledger_load){.req = {.kind = LEDGER_LOAD, .done = hasten_2_on_loaded},
                                       .id = id};
        ledger_submit(h->crier->ledger, &h->load.req);
        return;
    } else if (is_meant(h) && h->load.state == DELIVERY_AGAIN) {
        take_turn(h);
    }
    ledger_request_done(r);
    courier__asked_end(k);
    mem_free(h);
}

/* Nothing is written: who goes on after a crash finds it due when it was. */
static void hasten(struct crier *c, struct delivery_id id, struct article_id only)
{
    struct hasten *h;

    if (c->phase == CRIER_DRAINING) {
        return; /* the next start finds it */
    }
    h = mem_zalloc(sizeof *h);
    h->crier = c;
    h->only = only;
    h->load.req.kind = LEDGER_LOAD;
    h->load.req.done = hasten_2_on_loaded;
    h->load.id = id;
    courier__asked_begin(c->courier);
    ledger_submit(c->ledger, &h->load.req);
    /* Continues in hasten_2_on_loaded(). */
}

/* ---- a person ---- */

void wave_said(struct crier *c, struct delivery_id id)
{
    struct run *run = courier__find(c->courier, id);

    if (!run) {
        hasten(c, id, (struct article_id){0});
        return;
    }
    run->hastened = true; /* it may have begun to end */
    if (run->wave) {
        wave__stop(run->wave, WAVE_STOPPED, NULL);
        wave_poke(run->wave);
    }
}

/* ---- a newer revision ---- */

/* Whether it goes to everybody in the place of what they have; what makes no difference to a reader, or is not told
 * on this channel, leaves the older one to be told to the end. */
static bool goes_instead(const struct wave *w, const struct ledger_load *newer)
{
    const struct run *run = w->run;
    const struct adapter *a = run->channel->adapter;

    return newer->req.rc == ERR_NONE && newer->state == DELIVERY_HELD && !newer->retract &&
           newer->article_content && run->settings->updates &&
           memcmp(newer->face, run->load.face, sizeof newer->face) != 0 &&
           courier__course(run, COURSE_UPDATE) &&
           (!a->update_wanted || a->update_wanted(run->settings->own, newer->article_content));
}

static void look_behind_2_on_loaded(struct ledger_request *r)
{
    struct wave *w = container_of(r, struct wave, behind.req);

    w->looks_behind = false;
    if (goes_instead(w, &w->behind)) {
        wave__stop(w, WAVE_OVERTAKEN, NULL);
    }
    ledger_request_done(r);
    wave__pump(w);
}

void wave__look_behind(struct wave *w, struct delivery_id id)
{
    if (w->looks_behind || id.v == 0) {
        return;
    }
    w->looks_behind = true;
    w->behind = (struct ledger_load){
        .req = {.kind = LEDGER_LOAD, .done = look_behind_2_on_loaded}, .id = id};
    ledger_submit(wave__ledger(w), &w->behind.req);
    /* Continues in look_behind_2_on_loaded(). */
}

#define OPEN_WAVES_MAX 50

struct overtake {
    struct ledger_waves waves;
    struct crier *crier;
    struct article_id article;
    char channel[64];
};

static void overtake_2_on_listed(struct ledger_request *r)
{
    struct overtake *o = container_of(r, struct overtake, waves.req);
    struct delivery_id id;

    for (size_t i = 0; r->rc == ERR_NONE && i < json_array_size(o->waves.out); i++) {
        const char *text = json_path_str(json_array_get(o->waves.out, i), "delivery");

        if (text && id_parse_delivery(text, &id)) {
            hasten(o->crier, id, o->article);
        }
    }
    ledger_request_done(r);
    courier__asked_end(o->crier->courier);
    mem_free(o);
}

static bool is_replaced(const struct channel *ch)
{
    return ch && ch->adapter->audience && ch->adapter->audience->replaces;
}

void wave_overtaken(struct crier *c, struct article_id article, const char *channel)
{
    struct overtake *o;

    if (!is_replaced(channels_find(c->channels, channel)) || c->phase == CRIER_DRAINING) {
        return;
    }
    o = mem_zalloc(sizeof *o);
    o->crier = c;
    o->article = article;
    (void)snprintf(o->channel, sizeof o->channel, "%s", channel);
    o->waves = (struct ledger_waves){
        .req = {.kind = LEDGER_WAVES, .done = overtake_2_on_listed},
        .channel = o->channel,
        .open = true,
        .limit = OPEN_WAVES_MAX,
    };
    courier__asked_begin(c->courier);
    ledger_submit(c->ledger, &o->waves.req);
    /* Continues in overtake_2_on_listed(), and for a wave that runs in wave__heed_article(). */
}

/* ---- the platform ---- */

struct wake {
    struct ledger_move move;
    struct crier *crier;
};

static void wake_2_on_moved(struct ledger_request *r)
{
    struct wake *k = container_of(r, struct wake, move.req);

    /* A newer revision waits behind it: then what it has reached is what it is. */
    if (r->rc == ERR_CONFLICT && k->move.move == MOVE_REPLAY) {
        k->move.move = MOVE_POSTED;
        r->rc = ERR_NONE;
        ledger_submit(k->crier->ledger, r);
        return;
    }
    if (r->rc == ERR_NONE) {
        courier_moved(k->crier->courier, &k->move);
    }
    courier__asked_end(k->crier->courier);
    mem_free(k);
}

void wave_settled(struct crier *c, struct delivery_id id)
{
    struct run *run = courier__find(c->courier, id);
    struct wake *k;

    if (run) { /* its counts may be those of before */
        run->told = true;
        return;
    }
    if (c->phase == CRIER_DRAINING) {
        return; /* the next start finds it */
    }
    k = mem_zalloc(sizeof *k);
    k->crier = c;
    k->move = (struct ledger_move){
        .req = {.kind = LEDGER_MOVE, .done = wake_2_on_moved},
        .move = MOVE_REPLAY,
        .id = id,
        .by = "webhook",
        .now_ms = clock_wall_ms(),
    };
    courier__asked_begin(c->courier);
    ledger_submit(c->ledger, &k->move.req);
    /* Continues in wake_2_on_moved(). */
}

/* ---- what there is to see ---- */

static const char *what_holds_up(const struct wave *w)
{
    const struct wave_pace *p = &w->run->channel->pace;

    return !w->is_held_up                        ? NULL
           : p->quiet_until_ms > clock_mono_ms() ? "the push service"
                                                 : "breaking news";
}

void wave_show(struct crier *c, struct delivery_id id, json_t *object)
{
    const struct run *run = courier__find(c->courier, id);
    const struct wave *w = run ? run->wave : NULL;
    const char *held_up;
    json_t *v;

    if (!w) {
        return;
    }
    held_up = what_holds_up(w);
    v = json_object();
    json_object_set_new(
        v, "on_their_way", json_integer((json_int_t)w->in_lanes + (json_int_t)w->sends.count));
    json_object_set_new(
        v, "per_second", json_integer((json_int_t)(w->flow.per_ms * (double)MS_SECOND)));
    json_object_set_new(
        v, "pace", json_integer(atomic_load(&run->channel->pace.lane.per_second)));
    json_object_set_new(v, "behind", held_up ? json_string(held_up) : json_null());
    wave__probe_show(run->channel->pace.probe, v);
    json_object_set_new(object, "running", v);
}
