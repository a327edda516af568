/* How the site bears the readers that messages bring: a page of it is asked for each second while messages go out, and
 * they go as fast as it answers well (setting audience.pace). Called by wave.c at the beginning and the end of a wave;
 * one probe for a channel, however many waves it has.
 *
 * Readers come seconds after their message, so a wave begins slowly and gathers speed with each good answer: what is
 * too much for the site shows before all are told. A bad one halves what was really sent, at once. */

#include "service/wave_internal.h"

#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "service/out.h"

#define PROBE_MS (1 * MS_SECOND)
#define PACE_START 2000 /* messages a second */
#define PACE_MIN 20
#define PACE_MAX 1000000
/* A good answer makes it half as much again: from the start to 100,000 a second in ten. */
#define FASTER(pace) ((pace) + (pace) / 2)
/* An answer that does not come is no better than one that comes so much later than it should. */
#define TIMEOUT_TIMES 4
#define PAGE_BYTES ((size_t)16 * 1024 * 1024)

struct wave_probe {
    struct channel *channel;
    struct crier *crier;
    size_t users; /* waves */
    char *url;
    int64_t slow_above_ms;
    bool allow_private;
    int64_t pace;
    int64_t answer_ms; /* of the last answer; -1: there was none */
    bool asked, is_slow, asking, closing;
    char name[64]; /* of the channel, for the log */
    struct http_request request;
    struct out_exchange exchange;
    uv_timer_t timer;
};

static out_done_fn probe_2_on_answer;

int64_t wave__probe_pace(const struct wave_probe *p)
{
    return p ? p->pace : 0;
}

void wave__probe_show(const struct wave_probe *p, json_t *object)
{
    if (p && p->asked) {
        json_object_set_new(object, "site_slow", json_boolean(p->is_slow));
        json_object_set_new(
            object, "site_ms", p->answer_ms >= 0 ? json_integer(p->answer_ms) : json_null());
    }
}

/* ---- an answer ---- */

static void note(const struct wave_probe *p, const char *state, const char *detail)
{
    log_write(p->is_slow ? LOG_WARN : LOG_INFO,
              EV_WAVE_PACE,
              LOG_FIELDS(LOG_STR("channel", p->name),
                         LOG_STR("state", state),
                         LOG_I64("per_second", p->pace),
                         LOG_I64("answer_ms", p->answer_ms),
                         LOG_STR("detail", detail)));
}

/* The waves of the channel, and those alone, know what they send. */
static double sent_per_second(const struct wave_probe *p)
{
    double sum = 0;

    LIST_EACH(&p->crier->courier->runs, n)
    {
        const struct run *run = container_of(n, struct run, node);

        sum += run->wave && run->channel == p->channel ? run->wave->flow.per_ms : 0;
    }
    return sum * (double)MS_SECOND;
}

static void slower(struct wave_probe *p, const char *detail)
{
    double sent = sent_per_second(p);

    if (sent > 0 && sent < (double)p->pace) {
        p->pace = (int64_t)sent;
    }
    p->pace = p->pace / 2 > PACE_MIN ? p->pace / 2 : PACE_MIN;
    if (!p->is_slow) {
        p->is_slow = true;
        note(p, "slower", detail);
    }
}

static void faster(struct wave_probe *p)
{
    p->pace = FASTER(p->pace) < PACE_MAX ? FASTER(p->pace) : PACE_MAX;
    if (p->is_slow) {
        p->is_slow = false;
        note(p, "as_before", NULL);
    }
}

/* What is not there, or not for us, was answered all the same. */
static const char *what_is_wrong(const struct wave_probe *p)
{
    const struct out_exchange *x = &p->exchange;

    if (x->outcome != TRANSPORT_ANSWERED) {
        return x->error;
    }
    if (x->response.status >= 500 || x->response.status == 429) {
        return "the site answers with an error";
    }
    return p->answer_ms > p->slow_above_ms ? "the site answers slowly" : NULL;
}

static void tell_waves(const struct wave_probe *p)
{
    LIST_EACH(&p->crier->courier->runs, n)
    {
        const struct run *run = container_of(n, struct run, node);

        if (run->wave && run->channel == p->channel) {
            wave__lane_pace(run->wave);
        }
    }
}

static void ask_in(struct wave_probe *p, int64_t wait_ms);

static void close_when_idle(struct wave_probe *p);

static void probe_2_on_answer(struct out_exchange *x)
{
    struct wave_probe *p = container_of(x, struct wave_probe, exchange);
    int64_t took_ms = x->timing.total_us / 1000;
    const char *wrong;

    p->asking = false;
    if (!p->closing) {
        p->asked = true;
        p->answer_ms = x->outcome == TRANSPORT_ANSWERED ? took_ms : -1;
        wrong = what_is_wrong(p);
        if (wrong) {
            slower(p, wrong);
        } else {
            faster(p);
        }
        tell_waves(p);
        ask_in(p, took_ms < PROBE_MS ? PROBE_MS - took_ms : 0);
    }
    out_exchange_done(x);
    http_request_done(&p->request);
    close_when_idle(p);
}

/* ---- asking ---- */

static void drop_piece(struct out_exchange *x, const char *bytes, size_t len)
{
    (void)x;
    (void)bytes;
    (void)len;
}

static void on_timer(uv_timer_t *timer)
{
    struct wave_probe *p = timer->data;

    http_request_init(&p->request);
    p->request.method = HTTP_GET;
    p->request.max_answer_bytes = PAGE_BYTES;
    http_set_url(&p->request, "%s", p->url);
    http_set_header(&p->request, "Accept", "text/html,*/*;q=0.5");
    http_set_header(&p->request, "User-Agent", "crier/" CRIER_VERSION " (pace of messages)");
    p->exchange = (struct out_exchange){
        .request = &p->request,
        .allow_private = p->allow_private,
        .follow = true,
        .timeout_ms = p->slow_above_ms * TIMEOUT_TIMES,
        .piece = drop_piece,
        .done = probe_2_on_answer,
    };
    p->asking = true;
    out_send(p->crier->out, &p->exchange);
    /* Continues in probe_2_on_answer(). */
}

static void ask_in(struct wave_probe *p, int64_t wait_ms)
{
    must(uv_timer_start(&p->timer, on_timer, (uint64_t)wait_ms, 0) == 0);
}

/* ---- life ---- */

static void on_closed(uv_handle_t *handle)
{
    struct wave_probe *p = handle->data;

    mem_free(p->url);
    mem_free(p);
}

static void close_when_idle(struct wave_probe *p)
{
    if (p->closing && !p->asking) {
        uv_close((uv_handle_t *)&p->timer, on_closed);
    }
}

static struct wave_probe *probe_new(const struct wave *w)
{
    struct wave_probe *p = mem_zalloc(sizeof *p);
    const struct run *run = w->run;

    p->channel = run->channel;
    p->crier = run->courier->crier;
    p->url = mem_strdup(run->settings->audience.pace.probe);
    p->slow_above_ms = run->settings->audience.pace.slow_above_ms;
    p->allow_private = run->settings->allow_private || run->config->site.allow_private;
    p->pace = PACE_START;
    memcpy(p->name, run->channel->name, sizeof p->name);
    must(uv_timer_init(p->crier->loop, &p->timer) == 0);
    p->timer.data = p;
    ask_in(p, 0);
    return p;
}

void wave__probe_begin(struct wave *w)
{
    struct wave_pace *pace = &w->run->channel->pace;

    if (!pace->probe && w->run->settings->audience.pace.probe) {
        pace->probe = probe_new(w);
    }
    if (pace->probe) {
        pace->probe->users++;
        w->probes = true;
    }
}

void wave__probe_end(struct wave *w)
{
    struct wave_pace *pace = &w->run->channel->pace;
    struct wave_probe *p = pace->probe;

    if (!w->probes) {
        return;
    }
    w->probes = false;
    if (--p->users == 0) {
        pace->probe = NULL;
        p->closing = true;
        if (p->asking) {
            out_cancel(&p->exchange);
        }
        close_when_idle(p);
    }
}
