/* Who may come to the readers' door, and for which channel; and what a page must know before (GET /push/key).
 * Called by the door. What is then done is in push_door_take.c.
 *
 * A page's browser says where it is from (Origin), and shows the page our answer only when we name that origin
 * (CORS). So each answer to an origin that some channel knows names it, refusals included, or the page could not
 * tell what is wrong; and a subscription is taken in only from an origin of its own channel. A browser leaves
 * Origin out when a page asks its own server by GET, so the key, which is no secret, is told to anybody. An app has
 * no origin: it has a key. What we serve ourselves (a page to try it on) has our own origin. */

#include "service/push_door_internal.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/url.h"
#include "base/zone.h"
#include "service/topics.h"

#define BODY_DEPTH 8
#define KEY_BYTES 512

/* One that takes subscriptions. */
static const struct push *push_of(const struct channel *ch)
{
    const struct audience *a = ch->adapter->audience;

    return !ch->gone && ch->settings->enabled && a ? a->push : NULL;
}

/* Once, at the start: quiet hours would be those of another place. */
static void tell_zones(struct crier *c)
{
    const struct channel *ch;
    size_t cursor = 0;

    while ((ch = channels_each(c->channels, &cursor)) != NULL) {
        if (push_of(ch) && ch->settings->audience.quiet_hours && zone_missing()) {
            log_warn(EV_ZONES_MISSING, LOG_STR("expected", "/usr/share/zoneinfo"));
            return;
        }
    }
}

static void ask_host(struct crier *c, struct out_exchange *x)
{
    out_send(c->out, x);
}

struct push_door *push_door_new(struct crier *c)
{
    struct push_door *p = mem_zalloc(sizeof *p);

    p->crier = c;
    push__limit_init(&p->limit);
    p->proofs = push__proofs_new(c, ask_host);
    tell_zones(c);
    return p;
}

void push_door_stop(struct push_door *p)
{
    push__proofs_stop(p->proofs);
}

void push_door_free(struct push_door *p)
{
    if (p) {
        push__proofs_free(p->proofs);
        mem_free(p);
    }
}

/* ---- origins ---- */

static bool same_part(const char *a, size_t a_len, const char *b, size_t b_len)
{
    return a_len == b_len && strncasecmp(a, b, a_len) == 0;
}

/* What is more than an origin was made up, and would be kept as where they agreed. */
bool push__same_origin(const char *url, const char *origin)
{
    struct url_parts a, b;

    return url_parse(&a, url) && url_parse(&b, origin) && url_is_origin(&b) &&
           same_part(a.scheme, a.scheme_len, b.scheme, b.scheme_len) &&
           same_part(a.host, a.host_len, b.host, b.host_len) && url_port(&a) == url_port(&b);
}

static bool is_ours(const struct crier *c, const char *origin)
{
    const char *url = c->config->server.public_url;

    return (url && push__same_origin(url, origin)) ||
           push__same_origin(door_url(c->door), origin);
}

static bool knows_origin(const struct crier *c, const struct channel *ch, const char *origin)
{
    const struct strings *listed = &ch->settings->audience.origins;
    const char *site = c->config->site.url;

    for (size_t i = 0; i < listed->count; i++) {
        if (push__same_origin(listed->v[i], origin)) {
            return true;
        }
    }
    return (listed->count == 0 && site && push__same_origin(site, origin)) ||
           is_ours(c, origin);
}

static bool any_knows_origin(struct crier *c, const char *origin)
{
    const struct channel *ch;
    size_t cursor = 0;

    while ((ch = channels_each(c->channels, &cursor)) != NULL) {
        if (push_of(ch) && knows_origin(c, ch, origin)) {
            return true;
        }
    }
    return false;
}

static void name_origin(struct crier *c, struct door_request *r)
{
    const char *origin = door_header(r, "Origin");

    door_reply_header(r, "Vary", "Origin");
    if (origin && any_knows_origin(c, origin)) {
        door_reply_header(r, "Access-Control-Allow-Origin", origin);
        door_reply_header(r, "Access-Control-Expose-Headers", "Retry-After");
    }
}

void push_preflight(struct crier *c, struct door_request *r)
{
    name_origin(c, r);
    door_reply_header(r, "Access-Control-Allow-Methods", "GET, POST");
    door_reply_header(r, "Access-Control-Allow-Headers", "Content-Type");
    door_reply_header(r, "Access-Control-Max-Age", "86400");
    door_reply_empty(r, 204);
}

/* ---- channels ---- */

/* Browsers need a key of the channel's, apps do not: by that a channel that is not named is found. */
static struct channel *only_channel(struct crier *c, bool for_browsers)
{
    struct channel *ch, *found = NULL;
    size_t cursor = 0;

    while ((ch = channels_each(c->channels, &cursor)) != NULL) {
        if (!push_of(ch) || (push_of(ch)->public_key != NULL) != for_browsers) {
            continue;
        }
        if (found) {
            return NULL;
        }
        found = ch;
    }
    return found;
}

/* Names of channels are nobody's business here. */
static struct channel *
channel_of(struct crier *c, struct door_request *r, const char *name, bool for_browsers)
{
    struct channel *ch =
        name ? channels_find(c->channels, name) : only_channel(c, for_browsers);

    if (ch && push_of(ch)) {
        return ch;
    }
    if (name) {
        door_problem(r, 404, NULL, "no channel of that name takes subscriptions");
    } else {
        door_problem(r, 400, NULL, "channel: say which, since no single one is meant");
    }
    return NULL;
}

/* ---- who ---- */

void push__come_again(struct door_request *r, int status, int64_t wait_ms, const char *why)
{
    char seconds[32];
    struct buf body;

    (void)snprintf(
        seconds, sizeof seconds, "%lld", (long long)((wait_ms + MS_SECOND - 1) / MS_SECOND));
    door_reply_header(r, "Retry-After", seconds);
    buf_init(&body, 512);
    buf_addf(&body,
             "{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%d,\"detail\":\"%s\"}\n",
             status == 429 ? "Too Many Requests" : "Service Unavailable",
             status,
             why);
    door_reply_text(r, status, "application/problem+json", &body);
}

static bool is_within_limits(struct crier *c, struct door_request *r, const struct channel *ch)
{
    char peer[DOOR_PEER_BYTES];
    int64_t wait_ms = push__limit_take(&c->push_door->limit,
                                       door_peer_key(r, peer) ? peer : NULL,
                                       ch->settings->audience.per_address,
                                       clock_mono_ms());

    if (wait_ms > 0) {
        push__come_again(r, 429, wait_ms, "too many requests from here");
    }
    return wait_ms == 0;
}

/* Digests are compared, so that not even the length of the key shows in the time taken. */
static bool has_app_key(const struct door_request *r, const struct secret *key)
{
    const char *given = door_header(r, "X-Crier-Key");
    uint8_t a[SHA256_BYTES], b[SHA256_BYTES];

    if (!given || !key->text || key->len == 0) {
        return false;
    }
    crypto_sha256(given, strlen(given), a);
    crypto_sha256(key->text, key->len, b);
    return crypto_equal(a, b, sizeof a);
}

/* Refusals of strangers are counted, and fill no log; but one that a setting may be wrong for is worth a line. */
static void tell_refused(struct crier *c, const struct channel *ch, const char *origin)
{
    struct push_door *p = c->push_door;
    int64_t now_ms = clock_mono_ms();

    if (origin && (p->told_ms == 0 || now_ms - p->told_ms >= MS_MINUTE)) {
        p->told_ms = now_ms;
        log_warn(EV_PAGE_REFUSED, LOG_STR("channel", ch->name), LOG_STR("origin", origin));
    }
}

static bool
may_come(struct crier *c, struct door_request *r, const struct channel *ch, char *by)
{
    const char *origin = door_header(r, "Origin");

    if (origin && knows_origin(c, ch, origin)) {
        if (by) {
            (void)snprintf(by, PUSH_BY_BYTES, "page %.*s", PUSH_BY_BYTES - 6, origin);
        }
        return true;
    }
    if (!origin && has_app_key(r, &ch->settings->audience.app_key)) {
        if (by) {
            (void)snprintf(by, PUSH_BY_BYTES, "app");
        }
        return true;
    }
    tell_refused(c, ch, origin);
    door_problem(r,
                 403,
                 NULL,
                 "%s",
                 origin ? "pages of this origin may not subscribe (audience.origins)"
                        : "this needs the header Origin of a page, or X-Crier-Key of an app");
    return false;
}

static json_t *read_body(struct door_request *r)
{
    json_t *body = NULL;
    struct err why = {0};
    size_t len;
    const char *text = door_body(r, &len);

    if (json_read(&body, text, len, BODY_DEPTH, &why)) {
        door_problem(r, 400, NULL, "the body is no JSON: %s", why.text);
    } else if (!json_is_object(body)) {
        door_problem(r, 400, NULL, "the body must be a JSON object");
        json_decref(body);
        body = NULL;
    }
    return body;
}

static bool is_of_a_browser(const json_t *body)
{
    const json_t *given = json_object_get(body, "subscription");

    return json_object_get(body, "endpoint") || json_object_get(given, "endpoint");
}

json_t *push__body(struct crier *c, struct door_request *r, struct channel **out, char *by)
{
    struct channel *ch;
    json_t *body;

    name_origin(c, r);
    if (c->phase != CRIER_READY) {
        push__come_again(r, 503, 5 * MS_SECOND, "not now");
        return NULL;
    }
    body = read_body(r);
    if (!body) {
        return NULL;
    }
    ch = channel_of(c, r, json_path_str(body, "channel"), is_of_a_browser(body));
    if (ch && is_within_limits(c, r, ch) && may_come(c, r, ch, by)) {
        *out = ch;
        return body;
    }
    json_decref(body);
    return NULL;
}

bool push__address(struct door_request *r,
                   const struct channel *ch,
                   const json_t *body,
                   char out[MEMBER_ADDRESS_BYTES])
{
    static const char *const names[] = {"endpoint", "token"};
    const json_t *given = json_object_get(body, "subscription");

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const char *text = json_path_str(body, names[i]);

        text = text ? text : json_path_str(given, names[i]);
        if (text && ch->adapter->audience->address(text, out)) {
            return true;
        }
    }
    door_problem(r, 400, NULL, "endpoint or token: that of the subscription");
    return false;
}

/* ---- what a page must know ---- */

static json_t *topics_of(const struct channel_settings *settings)
{
    const struct pairs *topics = &settings->audience.topics;
    json_t *all = json_object();

    for (size_t i = 0; i < topics->count; i++) {
        json_set_str(all, topics->v[i].key, topics->v[i].value);
    }
    return all;
}

void push_key(struct crier *c, struct door_request *r)
{
    const char *name = door_query(r, "channel");
    const struct push *push;
    struct channel *ch;
    struct buf key;

    name_origin(c, r);
    ch = channel_of(c, r, name, true);
    if (!ch) {
        return;
    }
    buf_init(&key, KEY_BYTES);
    push = ch->adapter->audience->push;
    if (push->public_key) {
        push->public_key(ch->settings->own, &key);
    }
    door_reply_header(r, "Cache-Control", "public, max-age=60");
    door_reply_json(r,
                    200,
                    json_pack("{s:s, s:s?, s:o, s:b, s:s}",
                              "channel",
                              ch->name,
                              "key",
                              key.len > 0 ? buf_str(&key) : NULL,
                              "topics",
                              topics_of(ch->settings),
                              "quiet_hours",
                              ch->settings->audience.quiet_hours,
                              "mode",
                              ch->settings->audience.mode == AUDIENCE_TEST ? "test" : "live"));
    buf_done(&key);
}
