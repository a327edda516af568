/* One poll of a source: ask, follow redirects, read, take in, remember; for an index the sitemaps that changed
 * last, one after the other. Called by watch.c when it is the source's turn; owns the exchange and the
 * reading, and frees itself when it is over.
 *
 *   watch__poll_start      the feed's own address first
 *   poll_2_ask             a conditional request
 *   poll_3_on_piece        its body goes to the reading thread as it comes
 *   poll_4_on_answered     redirect: to 2; unchanged: to 6; trouble: to 7
 *   poll_5_on_read         what the feed says goes into the ledger
 *   poll_6_on_taken        all of it is on disk: its validators are worth remembering; next page: to 2
 *   poll_7_end             the only way out
 *
 * A redirect is followed here and not by libcurl, so that what opens a protected feed (token, headers) is
 * shown to nobody but the host in the settings, and to see whether it is meant for good. */

#include "service/watch_internal.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/url.h"
#include "service/metrics.h"
#include "service/out.h"
#include "service/websub.h"

#define URL_BYTES ((size_t)4096)
/* With more sources than that a pooled connection is closed to make room before its source is due again, so
 * that keeping it costs more than a new one. */
#define POOLED_SOURCES 256
/* So often in a row the place a feed has moved to may fail before the old one is asked again. */
#define MOVED_FAILURES 3

struct poll_page {
    char *url;
    int64_t updated_at_ms;
};
struct watch_poll {
    struct watched *source;
    char *page_url; /* as it is remembered: the settings' or the index's */
    int64_t page_updated_at_ms;
    char *url; /* where it is asked now */
    int hops;
    bool permanent; /* all redirects so far were for good */
    bool has_exchange;
    bool is_reading, enough; /* enough: the reader wants no more of it, and broke it off */
    struct http_request request;
    struct out_exchange exchange;
    struct watch_answer answer;
    struct watch_reading reading;
    struct watch_take take;
    struct poll_page more[WATCH_PAGES_MAX]; /* sitemaps to come */
    size_t more_count, more_next;
    bool partial;       /* some of it could not be had */
    const char *result; /* for the metrics */
};

static void poll_2_ask(struct watch_poll *p);
static void poll_7_end(struct watch_poll *p, const char *trouble);

static bool is_first_page(const struct watch_poll *p)
{
    return strcmp(p->page_url, p->source->kept.url) == 0;
}

/* Until first sight is over a body is wanted, and read, in any case. */
static bool is_seen(const struct watch_poll *p)
{
    return p->source->kept.first_seen_at_ms > 0;
}

/* ---- trouble, told once ---- */

static void tell_trouble(const struct watch_poll *p, const char *trouble, int64_t wait_ms)
{
    const struct watch_kept *k = &p->source->kept;

    log_warn(EV_SOURCE_TROUBLE,
             LOG_STR("source", p->source->name),
             LOG_STR("url", p->url),
             LOG_I64("status", k->status),
             LOG_STR("error", trouble),
             LOG_I64("failures", k->failures),
             LOG_MS("next", wait_ms));
}

/* True: it is news, to us as well. */
static bool keep_trouble(struct watch_kept *k, const char *trouble)
{
    bool news = !k->error || strcmp(k->error, trouble) != 0;

    if (news) {
        mem_free(k->error);
        k->error = mem_strdup(trouble);
    }
    k->error_at_ms = clock_wall_ms();
    k->failures++;
    if (k->moved_to && k->failures >= MOVED_FAILURES) {
        mem_free(k->moved_to);
        k->moved_to = NULL;
        news = true;
    }
    return news;
}

static bool keep_success(struct watched *s)
{
    struct watch_kept *k = &s->kept;
    bool news = k->error != NULL;

    websub_consider(s);
    if (news) {
        log_info(
            EV_SOURCE_MENDED, LOG_STR("source", s->name), LOG_I64("failures", k->failures));
    }
    mem_free(k->error);
    k->error = NULL;
    k->failures = 0;
    k->wait_until_ms = 0;
    k->good_at_ms = clock_wall_ms();
    return news;
}

/* ---- the end ---- */

static int64_t next_wait_ms(const struct watch_poll *p)
{
    const struct watched *s = p->source;
    const struct watch_kept *k = &s->kept;
    int64_t since_ms = k->new_at_ms > k->first_seen_at_ms ? k->new_at_ms : k->first_seen_at_ms;
    const struct watch_pace pace = {.every_ms = s->settings->every_ms,
                                    .every_max_ms = s->settings->every_max_ms,
                                    .obey_cache = s->settings->cache == WATCHED_CACHE_OBEY,
                                    .pushed = websub_is_active(s)};
    const struct watch_course course = {.quiet_ms =
                                            since_ms > 0 ? clock_wall_ms() - since_ms : 0,
                                        .failures = k->failures,
                                        .retry_after_ms = p->answer.retry_after_ms,
                                        .fresh_ms = p->answer.fresh_ms};

    return watch_wait_ms(&pace, &course);
}

static int64_t jitter(struct watch_poll *p, int64_t wait_ms)
{
    struct watched *s = p->source;
    int64_t asked_ms = p->answer.retry_after_ms;

    s->kept.wait_until_ms =
        asked_ms > 0 && s->kept.failures > 0 ? clock_wall_ms() + wait_ms : 0;
    return watch_jitter_ms(wait_ms, asked_ms, rng_u64(&s->watch->crier->rng));
}

static void stop_asking(struct watched *s, const char *why)
{
    mem_free(s->kept.stopped);
    s->kept.stopped = mem_strdup(why);
    log_warn(EV_SOURCE_STOPPED, LOG_STR("source", s->name), LOG_STR("why", why));
}

static void poll_free(struct watch_poll *p)
{
    for (size_t i = 0; i < p->more_count; i++) {
        mem_free(p->more[i].url);
    }
    mem_free(p->page_url);
    mem_free(p->url);
    mem_free(p);
}

static void end_exchange(struct watch_poll *p)
{
    if (p->is_reading) {
        watch__reading_done(&p->reading);
        p->is_reading = false;
    }
    if (p->has_exchange) {
        out_exchange_done(&p->exchange);
        http_request_done(&p->request);
        p->has_exchange = false;
    }
}

static int64_t settle(struct watch_poll *p, const char *trouble)
{
    struct watched *s = p->source;
    struct watch_kept *k = &s->kept;
    bool news = trouble ? keep_trouble(k, trouble) : keep_success(s);
    int64_t wait_ms = next_wait_ms(p);

    s->interval_ms = wait_ms;
    k->asked_at_ms = clock_wall_ms();
    if (trouble && news) {
        tell_trouble(p, trouble, wait_ms);
    }
    wait_ms = jitter(p, wait_ms);
    if (news || k->wait_until_ms > 0 || k->stopped) {
        watch__save(s);
    }
    return k->stopped ? -1 : wait_ms;
}

/* A sitemap could not be read: its index has to be read again to come back to it. */
static void doubt_index(struct watch_poll *p)
{
    struct watch_page *index = &p->source->kept.pages[0];

    if (!is_first_page(p)) {
        watch_validators_done(&index->validators);
        index->has_hash = false;
    }
}

static void poll_7_end(struct watch_poll *p, const char *trouble)
{
    struct watched *s = p->source;
    int64_t wait_ms = -1;

    if (trouble) {
        doubt_index(p);
    }
    if (s->source && !s->watch->stopping) {
        metrics_add(s->watch->crier->metrics,
                    METRIC_SOURCE_POLLS,
                    s->name,
                    trouble ? "failed" : p->result);
        wait_ms = settle(p, trouble);
    }
    end_exchange(p);
    poll_free(p);
    s->poll = NULL;
    watch__poll_over(s, wait_ms);
}

/* ---- the next page ---- */

static void next_page(struct watch_poll *p)
{
    struct watched *s = p->source;

    end_exchange(p);
    if (!s->source || s->watch->stopping) {
        poll_7_end(p, NULL);
        return;
    }
    if (p->more_next == p->more_count) {
        if (s->kept.first_seen_at_ms == 0 && !p->partial) {
            s->kept.first_seen_at_ms = clock_wall_ms();
            s->kept.restored = false;
            watch__save(s);
        }
        poll_7_end(p, NULL);
        return;
    }
    mem_free(p->page_url);
    mem_free(p->url);
    p->page_url = mem_strdup(p->more[p->more_next].url);
    p->url = mem_strdup(p->page_url);
    p->page_updated_at_ms = p->more[p->more_next++].updated_at_ms;
    p->hops = 0;
    p->permanent = false;
    poll_2_ask(p);
}

static void add_page(struct watch_poll *p, const char *url, int64_t updated_at_ms)
{
    if (p->more_count < ARRAY_LEN(p->more)) {
        p->more[p->more_count++] =
            (struct poll_page){.url = mem_strdup(url), .updated_at_ms = updated_at_ms};
    }
}

/* An index that is as it was says nothing of sitemaps whose time it does not tell. */
static void look_at_timeless_pages(struct watch_poll *p)
{
    const struct watch_kept *k = &p->source->kept;

    for (size_t i = 1; i < k->page_count && k->is_index && is_first_page(p); i++) {
        if (k->pages[i].updated_at_ms == 0) {
            add_page(p, k->pages[i].url, 0);
        }
    }
}

/* The one that changed last of those not taken yet; where it is not told, the last of the file. */
static const struct feed_more *newest(const struct feed *feed, const bool *taken)
{
    const struct feed_more *best = NULL;

    for (size_t i = 0; i < feed->more_count; i++) {
        const struct feed_more *m = &feed->more[i];

        if (!taken[i] && (!best || m->updated_at_ms >= best->updated_at_ms)) {
            best = m;
        }
    }
    return best;
}

static void list_page(struct watch_poll *p, const struct feed_more *m)
{
    struct watch_kept *k = &p->source->kept;
    struct watch_page *page = watch__page(k, m->url);

    if (page && page != &k->pages[0]) {
        page->listed = true;
        if (page->has_hash && page->updated_at_ms == m->updated_at_ms && m->updated_at_ms > 0) {
            return; /* read since it changed */
        }
    }
    add_page(p, m->url, m->updated_at_ms);
}

static void forget_unlisted(struct watch_kept *k)
{
    size_t n = 1;

    for (size_t i = 1; i < k->page_count; i++) {
        if (k->pages[i].listed) {
            k->pages[i].listed = false;
            k->pages[n++] = k->pages[i];
        } else {
            mem_free(k->pages[i].url);
            watch_validators_done(&k->pages[i].validators);
        }
    }
    k->page_count = n;
}

static void read_index(struct watch_poll *p, const struct feed *feed)
{
    bool taken[FEED_MORE_MAX] = {false};
    const struct feed_more *m;

    for (size_t i = 0; i + 1 < WATCH_PAGES_MAX && (m = newest(feed, taken)) != NULL; i++) {
        taken[m - feed->more] = true;
        list_page(p, m);
    }
    forget_unlisted(&p->source->kept);
}

/* ---- taken ---- */

static void keep_text(char **kept, const char *text)
{
    if (!*kept || !text || strcmp(*kept, text) != 0) {
        mem_free(*kept);
        *kept = mem_strdup(text);
    }
}

static struct watch_page *page_of(struct watch_poll *p)
{
    struct watch_kept *k = &p->source->kept;
    struct watch_page *page = watch__page(k, p->page_url);

    if (!page && k->page_count < WATCH_PAGES_MAX) {
        page = &k->pages[k->page_count++];
        *page = (struct watch_page){.url = mem_strdup(p->page_url)};
    }
    return page;
}

/* The body was read and what it said is on disk: from now on it is enough to hear that it is the same. */
static void keep_validators(struct watch_poll *p)
{
    struct watch_page *page = page_of(p);

    if (!page) {
        return;
    }
    watch_validators_take(&page->validators, &p->exchange.response);
    page->has_hash = p->reading.has_hash;
    memcpy(page->hash, p->reading.hash, sizeof page->hash);
    page->updated_at_ms = p->page_updated_at_ms;
}

static void note_move(struct watch_poll *p)
{
    struct watch_kept *k = &p->source->kept;
    const char *asked = k->moved_to ? k->moved_to : k->url;
    bool moved = p->hops > 0 && p->permanent && strcmp(p->url, asked) != 0;

    if (!is_first_page(p) || !watch_move_note(&k->move, moved ? p->url : NULL)) {
        return;
    }
    log_warn(EV_SOURCE_MOVED,
             LOG_STR("source", p->source->name),
             LOG_STR("from", asked),
             LOG_STR("to", p->url));
    mem_free(k->moved_to);
    k->moved_to = mem_strdup(p->url);
    watch_move_done(&k->move);
    watch__save(p->source);
}

static void poll_6_on_taken(struct watch_take *t)
{
    struct watch_poll *p = t->context;
    struct err why = t->why;
    enum err_code rc = t->rc;
    bool partial = t->partial;

    watch__take_done(t);
    if (rc) {
        poll_7_end(p, rc == ERR_STOPPED ? NULL : why.text);
        return;
    }
    if (partial) {
        p->partial = true;
        watch__save(p->source);
        poll_7_end(p, p->exchange.error);
        return;
    }
    keep_validators(p);
    note_move(p);
    if (is_seen(p)) {
        watch__save(p->source); /* else when first sight is over */
    }
    next_page(p);
}

/* ---- read ---- */

static void keep_description(struct watch_poll *p, const struct feed *feed)
{
    struct watch_kept *k = &p->source->kept;

    if (is_first_page(p)) {
        k->is_index = feed->format == FEED_SITEMAP_INDEX;
        keep_text(&k->format, feed_format_name(feed->format));
        keep_text(&k->title, feed->title);
        keep_text(&k->damage, feed->damage);
    }
}

static void take_feed(struct watch_poll *p)
{
    struct watched *s = p->source;
    const struct feed *feed = &p->reading.feed;

    keep_description(p, feed);
    if (!p->partial && is_first_page(p)) {
        websub_offer(s, &p->exchange.response.headers, p->url, feed);
    }
    if (feed->expired) {
        stop_asking(s, "the feed says that it has ended (expired)");
    }
    if (feed->format == FEED_SITEMAP_INDEX && is_first_page(p)) {
        read_index(p, feed);
    }
    p->result = "read";
    memset(&p->take, 0, sizeof p->take);
    p->take.partial = p->partial;
    p->take.begins = is_first_page(p) && !p->partial;
    p->take.origin = "poll";
    p->take.done = poll_6_on_taken;
    p->take.context = p;
    watch__take(s, &p->take, &p->reading);
    /* Continues in poll_6_on_taken(). */
}

static void poll_5_on_read(struct watch_reading *r)
{
    struct watch_poll *p = container_of(r, struct watch_poll, reading);
    char trouble[ERR_TEXT_BYTES];

    if (!p->source->source || p->source->watch->stopping) {
        poll_7_end(p, NULL);
    } else if (r->same) {
        struct watch_page *page = page_of(p);

        if (page) { /* a server may change its ETag and not its bytes */
            watch_validators_take(&page->validators, &p->exchange.response);
        }
        p->result = "same";
        note_move(p);
        look_at_timeless_pages(p);
        next_page(p);
    } else if (r->rc) {
        (void)snprintf(trouble, sizeof trouble, "%s", r->why.text);
        poll_7_end(p, trouble);
    } else {
        p->partial = p->partial || (p->exchange.outcome != TRANSPORT_ANSWERED && !p->enough);
        take_feed(p);
    }
}

/* ---- answered ---- */

static void follow(struct watch_poll *p)
{
    struct buf url;
    char *next = NULL;

    buf_init(&url, URL_BYTES);
    if (p->hops < WATCH_REDIRECTS_MAX && url_resolve(&url, p->url, p->answer.location) &&
        buf_ok(&url)) {
        next = buf_detach(&url, NULL);
    }
    buf_done(&url);
    if (!next) {
        poll_7_end(p,
                   p->hops < WATCH_REDIRECTS_MAX ? "a redirect to what is no URL"
                                                 : "more than 5 redirects in a row");
        return;
    }
    p->permanent = p->answer.permanent && (p->hops == 0 || p->permanent);
    p->hops++;
    end_exchange(p);
    mem_free(p->url);
    p->url = next;
    poll_2_ask(p);
}

static void be_content(struct watch_poll *p)
{
    struct watch_page *page = watch__page(&p->source->kept, p->page_url);

    if (page) {
        watch_validators_take(&page->validators, &p->exchange.response);
    }
    p->result = p->result ? p->result : "unchanged";
    note_move(p);
    look_at_timeless_pages(p);
    next_page(p);
}

static void judge_answer(struct watch_poll *p)
{
    char why[sizeof p->answer.why];

    (void)snprintf(why, sizeof why, "%s", p->answer.why);
    switch (p->answer.kind) {
    case WATCH_BODY:
        watch__reading_end(&p->reading);
        break; /* continues in poll_5_on_read() */
    case WATCH_SAME:
        if (is_seen(p)) {
            be_content(p);
        } else {
            poll_7_end(p, "status 304, though nothing was asked that it could answer");
        }
        break;
    case WATCH_ELSEWHERE:
        follow(p);
        break;
    case WATCH_GONE:
        if (is_first_page(p)) {
            stop_asking(p->source, why);
        }
        poll_7_end(p, why);
        break;
    case WATCH_TROUBLE:
        poll_7_end(p, why);
        break;
    }
}

/* What ended without an answer may have brought the beginning of one: whole items of it count. */
static void poll_4_on_answered(struct out_exchange *x)
{
    struct watch_poll *p = container_of(x, struct watch_poll, exchange);
    char trouble[sizeof x->error];

    (void)snprintf(trouble, sizeof trouble, "%s", x->error);
    if (p->source->watch->stopping || !p->source->source) {
        if (p->is_reading && watch__reading_running(&p->reading)) {
            watch__reading_end(&p->reading); /* continues in poll_5_on_read(), which ends it */
        } else {
            poll_7_end(p, NULL);
        }
        return;
    }
    p->source->kept.status = p->is_reading ? 200 : x->response.status;
    if (p->enough || (x->outcome != TRANSPORT_ANSWERED && p->is_reading)) {
        watch__reading_end(&p->reading);
    } else if (x->outcome != TRANSPORT_ANSWERED) {
        poll_7_end(p, trouble);
    } else {
        watch_answer_read(&p->answer, &x->response);
        if (p->answer.kind == WATCH_BODY && !p->is_reading) {
            poll_7_end(p, "an answer without a body");
            return;
        }
        judge_answer(p);
    }
}

/* ---- the body ---- */

static void on_more_wanted(struct watch_reading *r)
{
    struct watch_poll *p = container_of(r, struct watch_poll, reading);

    if (watch__reading_over(r) && !r->ended) {
        p->enough = true;
        out_cancel(&p->exchange);
    } else {
        out_resume(&p->exchange);
    }
}

static void start_reading(struct watch_poll *p)
{
    struct watch_reading *r = &p->reading;
    const struct watch_page *page = watch__page(&p->source->kept, p->page_url);

    memset(r, 0, sizeof *r);
    r->crier = p->source->watch->crier;
    r->old_hash = page && page->has_hash && is_seen(p) ? page->hash : NULL;
    watch__feed_call(&r->call, p->source->settings);
    r->call.url = p->url;
    r->call.content_type = http_header(&p->exchange.response.headers, "Content-Type");
    r->call.now_ms = clock_wall_ms();
    r->more = on_more_wanted;
    r->done = poll_5_on_read;
    watch__reading_start(r);
    p->is_reading = true;
}

static void poll_3_on_piece(struct out_exchange *x, const char *bytes, size_t len)
{
    struct watch_poll *p = container_of(x, struct watch_poll, exchange);

    if ((x->response.status != 200 && x->response.status != 226) || !p->source->source) {
        return; /* the body of an error page is nothing to us */
    }
    if (!p->is_reading) {
        start_reading(p);
    }
    if (!watch__reading_push(&p->reading, bytes, len)) {
        out_pause(x);
    }
}

/* ---- asking ---- */

static bool same_origin(const char *a, const char *b)
{
    struct url_parts x, y;

    return url_parse(&x, a) && url_parse(&y, b) && x.scheme_len == y.scheme_len &&
           x.host_len == y.host_len && x.port == y.port &&
           strncasecmp(x.scheme, y.scheme, x.scheme_len) == 0 &&
           strncasecmp(x.host, y.host, x.host_len) == 0;
}

static void set_login(struct watch_poll *p)
{
    const struct watched_settings *s = p->source->settings;

    if (!same_origin(p->url, s->url)) {
        return;
    }
    if (s->token.text) {
        http_set_headerf(&p->request, "Authorization", "Bearer %s", s->token.text);
    }
    for (size_t i = 0; i < s->headers.count; i++) {
        http_set_header(&p->request, s->headers.v[i].key, s->headers.v[i].value);
    }
}

static void build_request(struct watch_poll *p)
{
    const struct watched_settings *s = p->source->settings;
    const struct watch_page *page = watch__page(&p->source->kept, p->page_url);

    http_request_init(&p->request);
    p->request.method = HTTP_GET;
    p->request.max_answer_bytes = (size_t)s->max_bytes;
    http_set_url(&p->request, "%s", p->url);
    http_set_header(&p->request,
                    "Accept",
                    "application/rss+xml, application/atom+xml, application/feed+json, "
                    "application/json;q=0.9, application/xml;q=0.8, text/xml;q=0.8, */*;q=0.1");
    set_login(p);
    if (page && is_seen(p)) {
        watch_validators_ask(&page->validators, &p->request);
    }
}

static void poll_2_ask(struct watch_poll *p)
{
    struct out_exchange *x = &p->exchange;

    build_request(p);
    memset(x, 0, sizeof *x);
    memset(&p->answer, 0, sizeof p->answer);
    x->request = &p->request;
    x->allow_private = p->source->settings->allow_private;
    x->timeout_ms = p->source->settings->timeout_ms;
    x->once = p->source->watch->count > POOLED_SOURCES;
    x->piece = poll_3_on_piece;
    x->done = poll_4_on_answered;
    p->has_exchange = true;
    p->enough = false;
    out_send(p->source->watch->crier->out, x);
    /* Continues in poll_3_on_piece() and poll_4_on_answered(). */
}

void watch__poll_start(struct watched *s)
{
    struct watch_poll *p = mem_zalloc(sizeof *p);

    p->source = s;
    p->page_url = mem_strdup(s->kept.url);
    p->url = mem_strdup(s->kept.moved_to ? s->kept.moved_to : s->kept.url);
    s->poll = p;
    poll_2_ask(p);
}

void watch__poll_cancel(struct watch_poll *p)
{
    if (p->has_exchange) {
        out_cancel(&p->exchange);
    }
}
