/* Whether an endpoint that a browser names is at a push service, and not in our own network. Called when somebody
 * subscribes. It owns what was found out about hosts, for a while.
 *
 * What can be said of the text alone comes first: https, the usual port, a name and not an address, nobody's
 * password. A host that the adapter names as that of a big service needs nothing more: its own answers to our
 * messages will say which of its endpoints there are, and those that are made up go the way of all that are gone.
 *
 * Another host (a browser may bring any: there is no list of push services) is asked once, with a request of our
 * own that has nothing of the endpoint in it: it must be at a public address, with a certificate of its name, and
 * speak HTTP; out.c checks the address at the moment of connecting. What it answers does not matter: no answer to
 * that is specified. It is believed for an hour. So made-up hosts, each of which would cost every later wave a
 * connection that fails, come to nothing; and who has many that answer is held up by three bounds: hosts asked at
 * a time, hosts in an hour that are new or were none when last asked, and subscriptions of one such host in an hour.
 *
 * Some big services have a host for each part of the world, so that there is no list either, but nobody else can
 * have one in their domain. Those are asked too, or made-up names would be as many origins of every wave; only
 * those that are there count in an hour, and their subscriptions are not counted. Each sort has room of its own, so
 * that nobody keeps the readers of a big service out by hosts of their own.
 *
 * A channel that may reach private addresses has its push service in the own network, or is a test: nothing is
 * asked there. */

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/url.h"
#include "service/out.h"
#include "service/push_door_internal.h"

/* Of each sort of hosts: */
#define HOSTS_MAX 1000          /* remembered */
#define ASKED_MAX 8             /* at a time */
#define NEW_IN_AN_HOUR 120      /* hosts */
#define MEMBERS_IN_AN_HOUR 2000 /* of one stranger's host */
#define WAITING_MAX 200         /* for the answer of one host */
#define GOOD_MS MS_HOUR
#define BAD_MS (5 * MS_MINUTE)
#define ASK_MS (8 * MS_SECOND)

/* ---- the text ---- */

/* "127.0.0.1", "0x7f.1", "2130706433": whatever ends in a number is an address to some resolver. */
static bool is_number(const char *label, size_t len)
{
    return len > 0 && isdigit((unsigned char)label[0]);
}

static bool is_name(const char *host, size_t len)
{
    size_t last = len;

    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)host[i];

        if (!isalnum(c) && c != '-' && c != '.') {
            return false;
        }
        if (c == '.' && (i == 0 || host[i - 1] == '.')) {
            return false;
        }
    }
    while (last > 0 && host[last - 1] != '.') {
        last--;
    }
    /* A name without a dot, or with one at its end, is looked up in domains of our own. */
    return last > 0 && last < len && !is_number(host + last, len - last);
}

const char *
push__endpoint_wrong(const char *url, bool allow_private, char host[PUSH_HOST_BYTES])
{
    struct url_parts u;

    if (strlen(url) >= MEMBER_ADDRESS_BYTES || !url_parse(&u, url)) {
        return "an endpoint is a URL of less than 1024 bytes";
    }
    if (u.scheme_len != 5 || strncmp(u.scheme, "https", 5) != 0) {
        return "an endpoint begins with https://";
    }
    if (u.has_userinfo || u.fragment || u.host_len + 8 > PUSH_HOST_BYTES) {
        return "an endpoint has neither a password nor a fragment";
    }
    (void)snprintf(host, PUSH_HOST_BYTES, "%.*s", (int)u.host_len, u.host);
    for (char *c = host; *c; c++) {
        *c = (char)tolower((unsigned char)*c);
    }
    if (allow_private) {
        return NULL;
    }
    if (u.port != 0 && u.port != 443) {
        return "an endpoint is at port 443";
    }
    return is_name(host, u.host_len) ? NULL : "an endpoint is at a host with a public name";
}

/* ---- hosts ---- */

enum host_state { HOST_ASKING, HOST_GOOD, HOST_BAD };
struct host {
    struct list_node node; /* in sort.hosts, the newest last */
    struct sort *sort;
    char name[PUSH_HOST_BYTES];
    enum host_state state;
    int64_t until_ms;
    int64_t hour_ms, members; /* so many since then */
    struct list waiting;
    struct out_exchange exchange;
    struct http_request request;
    char why[200];
};

struct sort {
    struct push_proofs *proofs;
    bool big; /* in the domain of a big service */
    struct map *by_name;
    struct list hosts;
    size_t asked;
    int64_t hour_ms, fresh; /* new hosts since then */
};

struct push_proofs {
    struct crier *crier;
    push_ask_fn *ask;
    struct sort strangers, big;
    bool stopped;
};

static void sort_init(struct sort *s, struct push_proofs *p, bool big)
{
    *s = (struct sort){.proofs = p, .big = big, .by_name = map_new()};
    list_init(&s->hosts);
}

struct push_proofs *push__proofs_new(struct crier *c, push_ask_fn *ask)
{
    struct push_proofs *p = mem_zalloc(sizeof *p);

    p->crier = c;
    p->ask = ask;
    sort_init(&p->strangers, p, false);
    sort_init(&p->big, p, true);
    return p;
}

static void host_free(struct host *h)
{
    (void)map_remove(h->sort->by_name, h->name, strlen(h->name));
    list_remove(&h->sort->hosts, &h->node);
    mem_free(h);
}

static enum push_proof verdict_of(const struct host *h)
{
    return h->sort->proofs->stopped ? PUSH_STOPPED
           : h->state == HOST_GOOD  ? PUSH_PROVEN
                                    : PUSH_REFUSED;
}

static void tell_waiting(struct host *h)
{
    struct list_node *n;

    while ((n = list_pop(&h->waiting)) != NULL) {
        struct push_proving *w = container_of(n, struct push_proving, node);

        w->done(w, verdict_of(h), h->why);
    }
}

static void sort_stop(struct sort *s)
{
    LIST_EACH(&s->hosts, n)
    {
        struct host *h = container_of(n, struct host, node);

        if (h->state == HOST_ASKING) {
            out_cancel(&h->exchange);
        }
    }
}

void push__proofs_stop(struct push_proofs *p)
{
    p->stopped = true;
    sort_stop(&p->strangers);
    sort_stop(&p->big);
}

static void sort_done(struct sort *s)
{
    while (!list_empty(&s->hosts)) {
        host_free(container_of(list_first(&s->hosts), struct host, node));
    }
    map_free(s->by_name);
}

/* Behind out_free(), which ends what was on its way. */
void push__proofs_free(struct push_proofs *p)
{
    if (p) {
        sort_done(&p->strangers);
        sort_done(&p->big);
        mem_free(p);
    }
}

static void on_asked(struct out_exchange *x)
{
    struct host *h = container_of(x, struct host, exchange);
    bool answered = x->outcome == TRANSPORT_ANSWERED && x->response.status > 0;

    h->sort->asked--;
    h->state = answered ? HOST_GOOD : HOST_BAD;
    h->until_ms = clock_mono_ms() + (answered ? GOOD_MS : BAD_MS);
    if (!answered) {
        (void)snprintf(
            h->why, sizeof h->why, "%.100s is no push service that can be reached", h->name);
        h->sort->fresh -= h->sort->big && h->sort->fresh > 0;
    }
    out_exchange_done(x);
    http_request_done(&h->request);
    tell_waiting(h);
}

static void ask(struct host *h)
{
    h->state = HOST_ASKING;
    h->sort->asked++;
    http_request_init(&h->request);
    h->request.method = HTTP_HEAD;
    http_set_url(&h->request, "https://%s/", h->name);
    memset(&h->exchange, 0, sizeof h->exchange);
    h->exchange.request = &h->request;
    h->exchange.timeout_ms = ASK_MS;
    h->exchange.done = on_asked;
    h->sort->proofs->ask(h->sort->proofs->crier, &h->exchange);
    /* Continues in on_asked(). */
}

/* Makes room by one that nobody waits for; the oldest are the first. */
static bool make_room(struct sort *s)
{
    if (map_count(s->by_name) < HOSTS_MAX) {
        return true;
    }
    LIST_EACH(&s->hosts, n)
    {
        struct host *h = container_of(n, struct host, node);

        if (h->state != HOST_ASKING) {
            host_free(h);
            return true;
        }
    }
    return false;
}

/* So many in each hour. */
static bool count_within(int64_t *hour_ms, int64_t *count, int64_t most, int64_t now_ms)
{
    if (*hour_ms == 0 || now_ms - *hour_ms >= MS_HOUR) {
        *hour_ms = now_ms;
        *count = 0;
    }
    return ++*count <= most;
}

static bool may_ask(struct sort *s, int64_t now_ms)
{
    return s->asked < ASKED_MAX && count_within(&s->hour_ms, &s->fresh, NEW_IN_AN_HOUR, now_ms);
}

/* NULL: there is no room for another. */
static struct host *host_new(struct sort *s, const char *name, int64_t now_ms)
{
    struct host *h;

    if (!make_room(s) || !may_ask(s, now_ms)) {
        return NULL;
    }
    h = mem_zalloc(sizeof *h);
    h->sort = s;
    (void)snprintf(h->name, sizeof h->name, "%s", name);
    list_init(&h->waiting);
    list_push(&s->hosts, &h->node);
    (void)map_put(s->by_name, name, strlen(name), h);
    ask(h);
    return h;
}

/* One that was good is believed until there is room to ask it. */
static struct host *host_of(struct sort *s, const char *name, int64_t now_ms)
{
    struct host *h = map_get(s->by_name, name, strlen(name));

    if (!h) {
        return host_new(s, name, now_ms);
    }
    if (h->state == HOST_ASKING || now_ms < h->until_ms) {
        return h;
    }
    if (h->state == HOST_GOOD ? s->asked < ASKED_MAX : may_ask(s, now_ms)) {
        ask(h);
    } else if (h->state == HOST_BAD) {
        return NULL;
    }
    return h;
}

static bool is_host_of_a_big_service(const struct push *push, const char *host)
{
    for (const char *const *at = push->hosts; at && *at; at++) {
        if (strcmp(*at, host) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_in_a_big_domain(const struct push *push, const char *host)
{
    char origin[PUSH_HOST_BYTES + 8];

    (void)snprintf(origin, sizeof origin, "https://%s", host);
    return push->service && strcmp(push->service(origin), "other") != 0;
}

static bool has_room(struct host *h, int64_t now_ms)
{
    return h && h->waiting.count < WAITING_MAX &&
           (h->sort->big || count_within(&h->hour_ms, &h->members, MEMBERS_IN_AN_HOUR, now_ms));
}

void push__prove(struct push_proofs *p,
                 struct push_proving *w,
                 const struct push *push,
                 const char *endpoint,
                 bool allow_private,
                 int64_t now_ms)
{
    char name[PUSH_HOST_BYTES];
    const char *wrong = push__endpoint_wrong(endpoint, allow_private, name);
    struct host *h;

    if (wrong) {
        w->done(w, PUSH_REFUSED, wrong);
        return;
    }
    if (allow_private || is_host_of_a_big_service(push, name)) {
        w->done(w, PUSH_PROVEN, NULL);
        return;
    }
    if (p->stopped) {
        w->done(w, PUSH_STOPPED, NULL);
        return;
    }
    h = host_of(is_in_a_big_domain(push, name) ? &p->big : &p->strangers, name, now_ms);
    if (!has_room(h, now_ms)) {
        w->done(w, PUSH_TOO_MANY, "too many new push services at once");
    } else if (h->state == HOST_ASKING) {
        list_push(&h->waiting, &w->node);
        /* Continues in on_asked(). */
    } else {
        w->done(w, verdict_of(h), h->why);
    }
}
