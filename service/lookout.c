/* Looks at the audiences and their waves. Called by the housekeeping, every few seconds, and when something has
 * happened to them; owns what was seen last, for the API and the metrics, which so need not wait for the ledger.
 *
 *   lookout_look        the open waves, and the counts of each audience: reads, all at once
 *   look_2_on_waves     who waits for a word is told of, and again after a while
 *   look_2_on_members   how many are in which state; those put aside are told of
 *
 * Nothing here decides anything. */

#include "service/lookout.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "service/canary.h"
#include "service/channels.h"
#include "service/crier.h"

#define WAVES_MAX 200
/* Events come in crowds. */
#define SOON_MS 200
/* A reminder so long after the first word, the second, and then always. */
static const int64_t reminders_ms[] = {5 * MS_MINUTE, 15 * MS_MINUTE, MS_HOUR};

/* An audience. */
struct seen {
    struct list_node node;
    char channel[64];
    bool known; /* its members were counted */
    int64_t by_state[MEMBER_STATES], prepared;
    int64_t running, undo, waiting; /* open waves: otherwise, before their time, for a word */
    int64_t now_running, now_undo, now_waiting; /* of the look that is on its way */
    int64_t told_quarantined;
};

/* A wave that waits for a word. */
struct waiter {
    struct list_node node;
    struct delivery_id id;
    int64_t since_mono_ms, told_mono_ms;
    size_t told;
    bool still; /* in the look that is on its way */
};

struct look_members {
    struct ledger_members members;
    struct lookout *lookout;
    char channel[64];
};

struct lookout {
    struct crier *crier;
    struct list audiences, waiters;
    struct ledger_waves waves;
    uv_timer_t timer;
    size_t open; /* reads on their way */
};

/* ---- what was seen ---- */

static struct seen *find(const struct lookout *l, const char *channel)
{
    LIST_EACH(&l->audiences, n)
    {
        struct seen *s = container_of(n, struct seen, node);

        if (strcmp(s->channel, channel) == 0) {
            return s;
        }
    }
    return NULL;
}

static struct seen *find_or_new(struct lookout *l, const char *channel)
{
    struct seen *s = find(l, channel);

    if (s == NULL) {
        s = mem_zalloc(sizeof *s);
        (void)snprintf(s->channel, sizeof s->channel, "%s", channel);
        list_push(&l->audiences, &s->node);
    }
    return s;
}

/* ---- waves ---- */

static struct waiter *waiter_of(struct lookout *l, struct delivery_id id)
{
    struct waiter *w;

    LIST_EACH(&l->waiters, n)
    {
        w = container_of(n, struct waiter, node);
        if (w->id.v == id.v) {
            return w;
        }
    }
    w = mem_zalloc(sizeof *w);
    w->id = id;
    w->since_mono_ms = clock_mono_ms();
    list_push(&l->waiters, &w->node);
    return w;
}

static bool is_time_to_tell(const struct waiter *w, int64_t mono_ms)
{
    size_t last = ARRAY_LEN(reminders_ms) - 1;

    return w->told == 0 ||
           mono_ms - w->told_mono_ms >= reminders_ms[w->told - 1 < last ? w->told - 1 : last];
}

static void remind(struct lookout *l, struct delivery_id id, const json_t *wave)
{
    struct waiter *w = waiter_of(l, id);
    int64_t mono_ms = clock_mono_ms();

    w->still = true;
    if (!is_time_to_tell(w, mono_ms)) {
        return;
    }
    w->told++;
    w->told_mono_ms = mono_ms;
    log_warn(EV_WAVE_WAITS,
             LOG_DELIVERY(id),
             LOG_STR("channel", json_path_str(wave, "channel")),
             LOG_I64("members", json_integer_value(json_object_get(wave, "members"))),
             LOG_MS("waited", mono_ms - w->since_mono_ms));
}

static bool is_before_its_time(const json_t *wave)
{
    const char *text = json_path_str(wave, "go_at");
    int64_t at_ms;

    return text != NULL && time_parse_rfc3339(text, strlen(text), &at_ms) &&
           at_ms > clock_wall_ms();
}

static void see_wave(struct lookout *l, const json_t *wave)
{
    const char *channel = json_path_str(wave, "channel");
    const char *text = json_path_str(wave, "delivery");
    struct delivery_id id;
    struct seen *s;

    if (channel == NULL || text == NULL || !id_parse_delivery(text, &id) ||
        json_is_true(json_object_get(wave, "halted"))) {
        return;
    }
    s = find_or_new(l, channel);
    if (json_is_true(json_object_get(wave, "waits_for_word"))) {
        s->now_waiting++;
        remind(l, id, wave);
    } else if (is_before_its_time(wave)) {
        s->now_undo++;
    } else {
        s->now_running++;
    }
}

static void end_waiters(struct lookout *l)
{
    struct list_node *n = list_first(&l->waiters);

    while (n) {
        struct waiter *w = container_of(n, struct waiter, node);

        n = list_next(&l->waiters, n);
        if (!w->still) {
            list_remove(&l->waiters, &w->node);
            mem_free(w);
            continue;
        }
        w->still = false;
    }
}

static void look_2_on_waves(struct ledger_request *r)
{
    struct lookout *l = container_of(r, struct lookout, waves.req);
    const json_t *wave;
    size_t i;

    if (r->rc == ERR_NONE) {
        json_array_foreach(l->waves.out, i, wave)
        {
            see_wave(l, wave);
        }
        LIST_EACH(&l->audiences, n)
        {
            struct seen *s = container_of(n, struct seen, node);

            s->running = s->now_running;
            s->undo = s->now_undo;
            s->waiting = s->now_waiting;
        }
        end_waiters(l);
    }
    ledger_request_done(r);
    l->open--;
}

/* ---- members ---- */

/* Once for each time that more are put aside. */
static void tell_braked(struct seen *s)
{
    int64_t now = s->by_state[MEMBER_QUARANTINED];

    if (now > s->told_quarantined) {
        log_warn(
            EV_AUDIENCE_BRAKED, LOG_STR("channel", s->channel), LOG_I64("quarantined", now));
    }
    s->told_quarantined = now;
}

static void look_2_on_members(struct ledger_request *r)
{
    struct look_members *m = container_of(r, struct look_members, members.req);
    struct lookout *l = m->lookout;

    if (r->rc == ERR_NONE) {
        struct seen *s = find_or_new(l, m->channel);

        memcpy(s->by_state, m->members.by_state, sizeof s->by_state);
        s->prepared = m->members.prepared;
        s->known = true;
        tell_braked(s);
    }
    ledger_request_done(r);
    mem_free(m);
    l->open--;
}

static void count_members(struct lookout *l, const char *channel)
{
    struct look_members *m = mem_zalloc(sizeof *m);

    m->lookout = l;
    (void)snprintf(m->channel, sizeof m->channel, "%s", channel);
    m->members = (struct ledger_members){
        .req = {.kind = LEDGER_MEMBERS, .done = look_2_on_members},
        .channel = m->channel,
        .state = -1,
    };
    l->open++;
    ledger_submit(l->crier->ledger, &m->members.req);
}

/* ---- looking ---- */

void lookout_look(struct lookout *l)
{
    const struct channel *ch;
    size_t cursor = 0, audiences = 0;

    if (l == NULL || l->open > 0) {
        return;
    }
    while ((ch = channels_each(l->crier->channels, &cursor)) != NULL) {
        if (ch->adapter->audience != NULL && !ch->gone) {
            count_members(l, ch->name);
            audiences++;
        }
    }
    if (audiences == 0) {
        return;
    }
    LIST_EACH(&l->audiences, n)
    {
        struct seen *s = container_of(n, struct seen, node);

        s->now_running = s->now_undo = s->now_waiting = 0;
    }
    l->waves = (struct ledger_waves){
        .req = {.kind = LEDGER_WAVES, .done = look_2_on_waves},
        .open = true,
        .limit = WAVES_MAX,
    };
    l->open++;
    ledger_submit(l->crier->ledger, &l->waves.req);
    /* Continues in look_2_on_waves() and look_2_on_members(). */
}

static void on_timer(uv_timer_t *timer)
{
    lookout_look(container_of(timer, struct lookout, timer));
}

void lookout_heard(struct lookout *l, const char *kind)
{
    if (l != NULL && l->crier->phase == CRIER_READY &&
        !uv_is_active((uv_handle_t *)&l->timer) &&
        (strncmp(kind, "wave.", 5) == 0 || strncmp(kind, "audience.", 9) == 0 ||
         strcmp(kind, "delivery.state") == 0)) {
        must(uv_timer_start(&l->timer, on_timer, SOON_MS, 0) == 0);
    }
}

struct lookout *lookout_new(struct crier *c)
{
    struct lookout *l = mem_zalloc(sizeof *l);

    l->crier = c;
    list_init(&l->audiences);
    list_init(&l->waiters);
    must(uv_timer_init(c->loop, &l->timer) == 0);
    return l;
}

static void on_closed(uv_handle_t *handle)
{
    mem_free(container_of((uv_timer_t *)handle, struct lookout, timer));
}

void lookout_free(struct lookout *l)
{
    struct list_node *n;

    if (l == NULL) {
        return;
    }
    must(l->open == 0);
    while ((n = list_pop(&l->audiences)) != NULL) {
        mem_free(container_of(n, struct seen, node));
    }
    while ((n = list_pop(&l->waiters)) != NULL) {
        mem_free(container_of(n, struct waiter, node));
    }
    uv_close((uv_handle_t *)&l->timer, on_closed);
}

/* ---- showing ---- */

json_t *lookout_json(const struct lookout *l, const struct channel *ch)
{
    const struct seen *s = l != NULL ? find(l, ch->name) : NULL;
    static const struct seen nothing;
    json_t *out, *canary;

    if (ch->adapter->audience == NULL) {
        return NULL;
    }
    s = s != NULL ? s : &nothing;
    out = json_object();
    for (int i = 0; i < MEMBER_STATES; i++) {
        (void)json_object_set_new(out,
                                  member_state_name((enum member_state)i),
                                  s->known ? json_integer(s->by_state[i]) : json_null());
    }
    (void)json_object_set_new(
        out, "prepared", s->known ? json_integer(s->prepared) : json_null());
    (void)json_object_set_new(
        out,
        "mode",
        json_string(ch->settings->audience.mode == AUDIENCE_TEST ? "test" : "live"));
    (void)json_object_set_new(out,
                              "waves",
                              json_pack("{s:I, s:I, s:I}",
                                        "running",
                                        (json_int_t)s->running,
                                        "in_undo_time",
                                        (json_int_t)s->undo,
                                        "waiting_for_word",
                                        (json_int_t)s->waiting));
    canary = canary_json(l != NULL ? l->crier->canaries : NULL, ch);
    (void)json_object_set_new(out, "canary", canary != NULL ? canary : json_null());
    return out;
}

static void print_head(struct buf *out, const char *name, const char *help)
{
    buf_addf(out, "# HELP %s %s\n# TYPE %s gauge\n", name, help, name);
}

static bool is_shown(const struct lookout *l, const struct seen *s)
{
    return channels_find(l->crier->channels, s->channel) != NULL;
}

static void print_members(const struct lookout *l, struct buf *out)
{
    print_head(out, "crier_members", "Members of audiences by state");
    LIST_EACH(&l->audiences, n)
    {
        const struct seen *s = container_of(n, struct seen, node);

        for (int i = 0; s->known && is_shown(l, s) && i < MEMBER_STATES; i++) {
            buf_addf(out,
                     "crier_members{channel=\"%s\",state=\"%s\"} %" PRId64 "\n",
                     s->channel,
                     member_state_name((enum member_state)i),
                     s->by_state[i]);
        }
    }
}

static int64_t prepared(const struct seen *s)
{
    return s->prepared;
}

static int64_t running(const struct seen *s)
{
    return s->running;
}

static int64_t in_undo_time(const struct seen *s)
{
    return s->undo;
}

static int64_t waiting(const struct seen *s)
{
    return s->waiting;
}

/* Names of channels are a-z, 0-9, _ and -: nothing to escape. */
void lookout_print_gauges(const struct lookout *l, struct buf *out)
{
    static const struct {
        const char *name, *help;
        int64_t (*value)(const struct seen *s);
    } rows[] = {
        {"crier_members_prepared", "Members for whom a message is prepared", prepared},
        {"crier_waves_running", "Waves under way, or to go on by themselves", running},
        {"crier_waves_in_undo_time", "Waves that can still be taken back whole", in_undo_time},
        {"crier_waves_waiting_for_word",
         "Waves that a person must confirm or stop, as confirm_above says",
         waiting},
    };

    print_members(l, out);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        print_head(out, rows[i].name, rows[i].help);
        LIST_EACH(&l->audiences, n)
        {
            const struct seen *s = container_of(n, struct seen, node);

            if (is_shown(l, s)) {
                buf_addf(out,
                         "%s{channel=\"%s\"} %" PRId64 "\n",
                         rows[i].name,
                         s->channel,
                         rows[i].value(s));
            }
        }
    }
}
