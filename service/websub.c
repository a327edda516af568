/* The life of a subscription: asked for, confirmed, renewed, given up. Called by watch_poll.c with what a feed
 * names, by watch.c when it is time, and by websub_door.c when the hub speaks; owns the requests to hubs.
 *
 *   websub_offer        the feed names a hub: a new subscription, or the one there is
 *   ask                 POST to the hub
 *   ask_2_on_answered   it will ask back: ASKED; or it would not: FAILED, later again
 *   (websub_door.c)     it asks back: ACTIVE, with a lease
 *   websub_tick         after four fifths of the lease: ask again
 *
 * The id and the secret are made once for a hub and a topic, and remembered before the hub can use them
 * for long: a crash right after asking leaves a hub whose question we answer with 404, and nothing
 * else. A renewal uses the same ones, so that the hub replaces what it has. */

#include "service/websub_internal.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/url.h"

#define FORM_BYTES ((size_t)32 * 1024)
#define URL_BYTES ((size_t)4096)
#define ASK_TIMEOUT_MS (20 * MS_SECOND)
#define CONFIRM_MS (5 * MS_MINUTE) /* a hub that has not asked back by then will not */
#define LEAVE_MS MS_MINUTE
#define DENIED_MS MS_DAY
#define AGAIN_MIN_MS MS_MINUTE
#define AGAIN_MAX_MS (6 * MS_HOUR)
#define REDIRECTS_MAX 2
#define DETAIL_BYTES 300

static void ask(struct websub *h);
static bool is_wanted(const struct watched *s);

const char *websub__state_name(enum websub_state state)
{
    static const char *const names[WEBSUB_STATE_COUNT] = {
        [WEBSUB_NONE] = "none",
        [WEBSUB_ASKED] = "asked",
        [WEBSUB_ACTIVE] = "active",
        [WEBSUB_DENIED_STATE] = "denied",
        [WEBSUB_FAILED] = "failed",
        [WEBSUB_LEAVING] = "leaving",
    };

    return names[state];
}

bool websub_is_active(const struct watched *s)
{
    return s->websub && s->websub->state == WEBSUB_ACTIVE &&
           s->websub->lease_until_ms > clock_wall_ms();
}

bool websub_is_busy(const struct websub *h)
{
    return h && (h->running || h->state == WEBSUB_LEAVING);
}

/* ---- states ---- */

static int64_t again_ms(const struct websub *h)
{
    int64_t wait_ms = AGAIN_MIN_MS;

    for (int64_t i = 1; i < h->failures && wait_ms < AGAIN_MAX_MS; i++) {
        wait_ms *= 2;
    }
    return wait_ms < AGAIN_MAX_MS ? wait_ms : AGAIN_MAX_MS;
}

/* From now on, in the state it is in. */
static int64_t wait_ms(const struct websub *h)
{
    switch (h->state) {
    case WEBSUB_NONE:
        return 0;
    case WEBSUB_ASKED:
        return CONFIRM_MS;
    case WEBSUB_ACTIVE:
        return h->lease_s * MS_SECOND / 5 * 4;
    case WEBSUB_DENIED_STATE:
        return DENIED_MS;
    case WEBSUB_LEAVING:
        return LEAVE_MS;
    default:
        return again_ms(h);
    }
}

void websub__set_state(struct websub *h, enum websub_state to, const char *detail)
{
    bool was_active = websub_is_active(h->source);

    h->state = to;
    h->failures = to == WEBSUB_ACTIVE ? 0 : h->failures;
    h->next_mono_ms = clock_mono_ms() + wait_ms(h);
    mem_free(h->detail);
    h->detail = mem_strdup(detail);
    log_info(EV_WEBSUB,
             LOG_STR("source", h->source->name),
             LOG_STR("hub", h->hub),
             LOG_STR("state", websub__state_name(to)),
             LOG_STR("detail", detail));
    if (!h->source->source) {
        watch__end_if_idle(h->source); /* may be the end of h */
        return;
    }
    watch__save(h->source);
    if (was_active && to != WEBSUB_ACTIVE) {
        watch__turn_soon(h->source, 0); /* nobody tells us any more */
    }
}

static void fail(struct websub *h, const char *detail)
{
    h->failures++;
    h->turn++;
    if (websub_is_active(h->source)) { /* the lease still runs: try again before it is over */
        int64_t left_ms = h->lease_until_ms - clock_wall_ms(), wait = again_ms(h);

        h->next_mono_ms = clock_mono_ms() + (wait < left_ms ? wait : left_ms);
        mem_free(h->detail);
        h->detail = mem_strdup(detail);
        log_warn(EV_WEBSUB,
                 LOG_STR("source", h->source->name),
                 LOG_STR("hub", h->hub),
                 LOG_STR("state", "active"),
                 LOG_STR("detail", detail));
        return;
    }
    websub__set_state(h, WEBSUB_FAILED, detail);
}

/* ---- asking ---- */

static void end_request(struct websub *h)
{
    h->running = false;
    out_exchange_done(&h->exchange);
    http_request_done(&h->request);
}

/* 307 and 308: ask that hub instead; true when it is being asked. */
static bool ask_elsewhere(struct websub *h)
{
    const struct http_response *res = &h->exchange.response;
    const char *location = http_header(&res->headers, "Location");
    struct buf url;
    bool good;

    if ((res->status != 307 && res->status != 308) || !location ||
        h->redirects >= REDIRECTS_MAX) {
        return false;
    }
    buf_init(&url, URL_BYTES);
    good = url_resolve(&url, h->hub, location) && buf_ok(&url) &&
           (h->allow_private || strncmp(buf_str(&url), "https:", 6) == 0);
    if (good) {
        mem_free(h->hub);
        h->hub = buf_detach(&url, NULL);
        h->redirects++;
        end_request(h);
        ask(h);
    }
    buf_done(&url);
    return good;
}

static void say_refused(const struct websub *h, char out[DETAIL_BYTES])
{
    const struct out_exchange *x = &h->exchange;
    const char *body = x->response.body ? x->response.body : "";
    size_t len = strcspn(body, "\r\n");

    if (x->outcome != TRANSPORT_ANSWERED) {
        (void)snprintf(out, DETAIL_BYTES, "%.250s", x->error);
    } else if (len > 0 && len < 160 && text_valid(body, len) && *body != '<') {
        (void)snprintf(
            out, DETAIL_BYTES, "status %d: %.*s", x->response.status, (int)len, body);
    } else {
        (void)snprintf(out, DETAIL_BYTES, "status %d", x->response.status);
    }
}

static void ask_2_on_answered(struct out_exchange *x)
{
    struct websub *h = container_of(x, struct websub, exchange);
    bool good = x->outcome == TRANSPORT_ANSWERED && x->response.status / 100 == 2;
    char detail[DETAIL_BYTES];

    if (!h->source->watch->stopping && h->state != WEBSUB_LEAVING && ask_elsewhere(h)) {
        return;
    }
    say_refused(h, detail);
    end_request(h);
    if (h->source->watch->stopping) {
        return;
    }
    if (h->state == WEBSUB_LEAVING || (h->state == WEBSUB_NONE && h->heard)) {
        /* The hub asks back, or the time for it runs out; or it has asked already and let us go. */
        watch__end_if_idle(h->source);
        return;
    }
    if (!is_wanted(h->source)) { /* it was, when we asked */
        h->state = good ? WEBSUB_ASKED : WEBSUB_NONE;
        websub_leave(h->source);
        watch__end_if_idle(h->source);
    } else if (!good) {
        fail(h, detail);
    } else if (!h->heard && h->state != WEBSUB_ACTIVE) { /* some ask back before they answer */
        websub__set_state(h, WEBSUB_ASKED, NULL);
    } else if (h->next_mono_ms == INT64_MAX) {
        h->next_mono_ms =
            clock_mono_ms() + CONFIRM_MS; /* a renewal: try again if nothing comes */
    }
}

static char *callback_of(const struct websub *h)
{
    const char *base = h->source->watch->crier->config->server.public_url;
    size_t len = base ? strlen(base) : 0;

    return mem_printf("%.*s/websub/%s",
                      (int)(len > 0 && base[len - 1] == '/' ? len - 1 : len),
                      base ? base : "",
                      h->id);
}

static void ask(struct websub *h)
{
    struct out_exchange *x = &h->exchange;
    char *callback = callback_of(h);
    const struct websub_ask form = {.unsubscribe = h->state == WEBSUB_LEAVING,
                                    .topic = h->topic,
                                    .callback = callback,
                                    .secret = &h->secret};

    http_request_init(&h->request);
    h->request.method = HTTP_POST;
    http_set_url(&h->request, "%s", h->hub);
    buf_init_secret(&h->request.body, FORM_BYTES);
    websub_write_form(&h->request.body, &form);
    http_set_header(&h->request, "Content-Type", "application/x-www-form-urlencoded");
    memset(x, 0, sizeof *x);
    x->request = &h->request;
    x->allow_private = h->allow_private;
    x->timeout_ms = ASK_TIMEOUT_MS;
    x->done = ask_2_on_answered;
    h->running = true;
    h->heard = false;
    h->next_mono_ms = h->state == WEBSUB_LEAVING ? h->next_mono_ms : INT64_MAX;
    mem_free(callback);
    out_send(h->source->watch->crier->out, x);
    /* Continues in ask_2_on_answered(). */
}

/* ---- when ---- */

static void its_time(struct websub *h)
{
    if (h->running) {
        h->next_mono_ms = clock_mono_ms() + ASK_TIMEOUT_MS;
        return;
    }
    if (h->state == WEBSUB_LEAVING) {
        h->state = WEBSUB_NONE;
        h->next_mono_ms = INT64_MAX;
        watch__end_if_idle(h->source);
    } else if (h->state == WEBSUB_ASKED) {
        fail(h, "the hub has not asked back within 5 minutes");
    } else {
        if (h->state == WEBSUB_ACTIVE && !websub_is_active(h->source)) {
            h->state = WEBSUB_NONE; /* the lease is over */
            watch__turn_soon(h->source, 0);
        }
        h->redirects = 0;
        ask(h);
    }
}

/* A thousand subscriptions at most, and a look at each costs nothing. */
int64_t websub_next_mono_ms(const struct watch *w)
{
    int64_t at_ms = INT64_MAX;

    if (w->hubs == 0) {
        return at_ms;
    }
    for (size_t i = 0; i < w->count; i++) {
        const struct websub *h = w->in_order[i]->websub;

        at_ms = h && h->next_mono_ms < at_ms ? h->next_mono_ms : at_ms;
    }
    LIST_EACH(&w->left, n)
    {
        const struct websub *h = container_of(n, struct watched, left_node)->websub;

        at_ms = h && h->next_mono_ms < at_ms ? h->next_mono_ms : at_ms;
    }
    return at_ms;
}

void websub_tick(struct watch *w)
{
    int64_t now_ms = clock_mono_ms();
    struct list_node *n = list_first(&w->left);

    if (w->hubs == 0) {
        return;
    }
    for (size_t i = 0; i < w->count; i++) {
        struct websub *h = w->in_order[i]->websub;

        if (h && h->next_mono_ms <= now_ms) {
            its_time(h);
        }
    }
    while (n) {
        struct websub *h = container_of(n, struct watched, left_node)->websub;

        n = list_next(&w->left, n); /* before it ends */
        if (h && h->next_mono_ms <= now_ms) {
            its_time(h);
        }
    }
}

/* ---- beginning and end ---- */

static void make_names(struct websub *h)
{
    uint8_t id[WEBSUB_ID_BYTES], secret[WEBSUB_SECRET_BYTES];
    char hex[2 * WEBSUB_SECRET_BYTES + 1];
    struct buf text;

    crypto_random(id, sizeof id);
    crypto_random(secret, sizeof secret);
    buf_init(&text, 100);
    crypto_base64url(&text, id, sizeof id);
    h->id = buf_detach(&text, NULL);
    secret_take(&h->secret, mem_strdup(crypto_hex(secret, sizeof secret, hex)));
    mem_wipe(secret, sizeof secret);
    mem_wipe(hex, sizeof hex);
    buf_done(&text);
}

static bool is_wanted(const struct watched *s)
{
    return s->source && s->settings->websub != WATCHED_WEBSUB_OFF &&
           s->watch->crier->config->server.public_url && !s->kept.stopped;
}

static void collect_links(struct strings *out, const struct http_headers *headers)
{
    for (size_t i = 0; i < headers->count; i++) {
        if (strcasecmp(headers->v[i].name, "Link") == 0) {
            out->v = mem_realloc(out->v, out->count + 1, sizeof *out->v);
            out->v[out->count++] = headers->v[i].value; /* borrowed */
        }
    }
}

/* The hub it has serves until it fails; the topic must be the one the feed names now. */
static bool fits(const struct websub *h, const struct watch_kept *k)
{
    return h->state != WEBSUB_NONE && strcmp(h->topic, k->topic) == 0 &&
           (h->state != WEBSUB_FAILED || strcmp(h->hub, k->hub) == 0);
}

static void begin(struct watched *s)
{
    struct websub *h = mem_zalloc(sizeof *h);

    h->source = s;
    s->watch->hubs++;
    h->turn = s->websub ? s->websub->turn : 0;
    h->failures = s->websub ? s->websub->failures : 0;
    websub_free(s->websub);
    s->websub = h;
    h->hub = mem_strdup(s->kept.hub);
    h->topic = mem_strdup(s->kept.topic);
    h->allow_private = s->settings->allow_private;
    make_names(h);
    h->next_mono_ms = INT64_MAX;
    watch__save(s);
    ask(h);
}

void websub_consider(struct watched *s)
{
    const struct websub *h = s->websub;

    if (is_wanted(s) && s->kept.hub && !(h && h->running) && !(h && fits(h, &s->kept))) {
        begin(s);
    }
}

void websub_offer(struct watched *s,
                  const struct http_headers *headers,
                  const char *url,
                  const struct feed *feed)
{
    struct strings links = {.count = 0};
    struct websub_offer offer;

    collect_links(&links, headers);
    websub_discover(&offer,
                    &links,
                    url,
                    &feed->hubs,
                    feed->self,
                    !s->settings->allow_private,
                    s->websub ? s->websub->turn : 0);
    mem_free(links.v);
    mem_free(s->kept.hub);
    mem_free(s->kept.topic);
    s->kept.hub = offer.hub;
    s->kept.topic = offer.topic;
    websub_consider(s);
}

void websub_settings_changed(struct watched *s)
{
    if (is_wanted(s)) {
        websub_consider(s);
    } else if (s->websub && s->websub->state != WEBSUB_LEAVING) {
        websub_leave(s);
        watch__turn_soon(s, 0);
    }
}

void websub_leave(struct watched *s)
{
    struct websub *h = s->websub;

    if (!h || h->state == WEBSUB_LEAVING || s->watch->stopping) {
        return;
    }
    if (h->state != WEBSUB_ASKED && h->state != WEBSUB_ACTIVE) {
        h->state = WEBSUB_NONE;
        h->next_mono_ms = INT64_MAX;
        return;
    }
    h->state = WEBSUB_LEAVING;
    h->next_mono_ms = clock_mono_ms() + LEAVE_MS;
    if (!h->running) {
        ask(h);
    }
}

void websub_stop(struct websub *h)
{
    if (h && h->running) {
        out_cancel(&h->exchange);
    }
}

void websub_free(struct websub *h)
{
    if (!h) {
        return;
    }
    must(!h->running);
    h->source->watch->hubs--;
    mem_free(h->hub);
    mem_free(h->topic);
    mem_free(h->id);
    mem_free(h->detail);
    secret_done(&h->secret);
    mem_free(h);
}
