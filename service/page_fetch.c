/* Pages of articles, fetched once for all who ask. Called by the link gate and by what completes
 * events; owns the exchanges and what was read.
 *
 * An entry is one address. It is fetching (an exchange for each redirect, then a turn on the reading
 * thread), then kept for a moment if it was good, since who completes an event asks just before the
 * gate does. Whoever waits for an entry that is there is told on the next turn of the loop. */

#include "service/page_fetch.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <uv.h>

#include "base/clock.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/url.h"
#include "service/crier.h"
#include "service/out.h"
#include "service/reader.h"

#define REDIRECTS_MAX 5
#define KEPT_MS (5 * MS_SECOND)
#define KEPT_MAX 100
#define FETCH_TIMEOUT_MS (8 * MS_SECOND) /* no crawler of previews waits longer */
#define CONNECT_TIMEOUT_MS (4 * MS_SECOND)
#define HEADER_VALUES_MAX 20
/* A thousand articles that come in at once must not bring the newsroom's own site down. */
#define AT_ONCE_MAX 16

struct page_entry {
    struct pages *pages; /* NULL: they are gone, only the end is awaited */
    char *key;           /* the address asked for */
    char *url;           /* where redirects have led so far */
    bool fetching;       /* until it has ended: queued, asking, or being read */
    bool sending;
    bool stale;   /* not found under its key any more */
    size_t users; /* fetches that hold it, told or not */
    struct list waiting;
    struct list_node node;       /* in all */
    struct list_node queue_node; /* in queued */
    int64_t read_mono_ms;
    struct http_request request;
    struct out_exchange exchange;
    struct reader_job job;
    struct strings link_headers, robots_headers;
    struct page_answer answer;
};

struct pages {
    struct crier *crier;
    struct map *entries;
    struct list all; /* oldest first */
    struct list queued;
    size_t running;
    struct list told; /* fetches whose entry has ended: their done is to be called */
    uv_timer_t tell_timer;
};

static out_done_fn fetch_2_on_answer;
static reader_fn fetch_3_read, fetch_4_on_read;

/* ---- entries ---- */

static void add_string(struct strings *s, const char *text)
{
    s->v = mem_realloc(s->v, s->count + 1, sizeof *s->v);
    s->v[s->count++] = mem_strdup(text);
}

static void entry_free(struct page_entry *e)
{
    must(e->users == 0 && !e->fetching);
    out_exchange_done(&e->exchange);
    http_request_done(&e->request);
    strings_done(&e->link_headers);
    strings_done(&e->robots_headers);
    strings_done(&e->answer.redirects);
    page_facts_done(&e->answer.facts);
    mem_free(e->key);
    mem_free(e->url);
    mem_free(e);
}

/* No longer found under its key; freed with its last user. */
static void entry_drop(struct page_entry *e)
{
    if (!e->stale) {
        e->stale = true;
        (void)map_remove(e->pages->entries, e->key, strlen(e->key));
    }
    if (e->users == 0 && !e->fetching) {
        list_remove(&e->pages->all, &e->node);
        entry_free(e);
    }
}

static void drop_old(struct pages *p)
{
    int64_t now_ms = clock_mono_ms();
    struct list_node *n = list_first(&p->all);

    while (n) {
        struct page_entry *e = container_of(n, struct page_entry, node);

        n = list_next(&p->all, n);
        if (!e->fetching && (now_ms - e->read_mono_ms > KEPT_MS || p->all.count > KEPT_MAX)) {
            entry_drop(e);
        }
    }
}

/* ---- telling ---- */

static void on_tell_timer(uv_timer_t *timer)
{
    struct pages *p = timer->data;
    struct list_node *n;

    /* One at a time: a done may take another fetch out of the list. */
    while ((n = list_pop(&p->told)) != NULL) {
        struct page_fetch *f = container_of(n, struct page_fetch, node);

        f->told = true;
        f->answer = &((struct page_entry *)f->entry)->answer;
        f->done(f);
    }
}

static void tell_later(struct pages *p)
{
    must(uv_timer_start(&p->tell_timer, on_tell_timer, 0, 0) == 0);
}

static void ask(struct page_entry *e);

static void start_next(struct pages *p)
{
    while (p->running < AT_ONCE_MAX && !list_empty(&p->queued)) {
        p->running++;
        ask(container_of(list_pop(&p->queued), struct page_entry, queue_node));
    }
}

static void end(struct page_entry *e)
{
    struct pages *p = e->pages;

    e->fetching = false;
    p->running--;
    e->read_mono_ms = clock_mono_ms();
    list_move_all(&p->told, &e->waiting);
    if (!e->answer.has_facts || e->users == 0) {
        entry_drop(e);
    }
    tell_later(p);
    start_next(p);
}

/* ---- fetching ---- */

/* Below the site's own address: only there may we say that we are somebody else. */
static bool is_own_site(const struct config *config, const char *url)
{
    struct url_parts site, page;

    return config->site.url && url_parse(&site, config->site.url) && url_parse(&page, url) &&
           site.host_len == page.host_len && site.port == page.port &&
           strncasecmp(site.host, page.host, site.host_len) == 0;
}

static void set_agent(struct http_request *r, const struct config *config, const char *url)
{
    const char *site = config->site.url ? config->site.url : "";

    if (config->site.link_gate_agent && is_own_site(config, url)) {
        http_set_header(r, "User-Agent", config->site.link_gate_agent);
    } else {
        http_set_headerf(r,
                         "User-Agent",
                         "Mozilla/5.0 (compatible; crier/%s; link preview%s%s)",
                         CRIER_VERSION,
                         *site ? "; +" : "",
                         site);
    }
}

static void ask(struct page_entry *e)
{
    struct crier *c = e->pages->crier;

    out_exchange_done(&e->exchange);
    http_request_done(&e->request);
    http_request_init(&e->request);
    e->request.method = HTTP_GET;
    e->request.max_answer_bytes = PAGE_BYTES;
    http_set_url(&e->request, "%s", e->url);
    http_set_header(&e->request, "Accept", "text/html, application/xhtml+xml;q=0.9");
    http_set_header(&e->request, "Cache-Control", "no-cache");
    set_agent(&e->request, c->config, e->url);
    memset(&e->exchange, 0, sizeof e->exchange);
    e->exchange.request = &e->request;
    e->exchange.allow_private = c->config->site.allow_private;
    e->exchange.timeout_ms = FETCH_TIMEOUT_MS;
    e->exchange.connect_timeout_ms = CONNECT_TIMEOUT_MS;
    e->exchange.done = fetch_2_on_answer;
    e->sending = true;
    out_send(c->out, &e->exchange);
    /* Continues in fetch_2_on_answer(). */
}

static bool is_redirect(int status)
{
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

PRINTF_LIKE(2, 3)
static void fail(struct page_entry *e, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vsnprintf(e->answer.error, sizeof e->answer.error, format, args);
    va_end(args);
    end(e);
}

static void follow(struct page_entry *e)
{
    const char *to = http_header(&e->exchange.response.headers, "Location");
    struct buf whole;

    buf_init(&whole, ARTICLE_URL_BYTES);
    if (!to || !url_resolve(&whole, e->url, to)) {
        fail(e, "status %d leads nowhere", e->answer.status);
    } else if (e->answer.redirects.count == REDIRECTS_MAX) {
        fail(e, "more than %d redirects", REDIRECTS_MAX);
    } else {
        mem_free(e->url);
        buf_truncate(&whole, strcspn(buf_str(&whole), "#"));
        e->url = buf_detach(&whole, NULL);
        add_string(&e->answer.redirects, e->url);
        ask(e);
    }
    buf_done(&whole);
}

static bool is_html(const char *type)
{
    static const char *const types[] = {"text/html", "application/xhtml+xml"};

    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        size_t len = strlen(types[i]);

        if (strncasecmp(type, types[i], len) == 0 && strchr("; \t", type[len])) {
            return true;
        }
    }
    return false;
}

static void keep_headers(struct page_entry *e)
{
    const struct http_headers *h = &e->exchange.response.headers;

    for (size_t i = 0; i < h->count; i++) {
        if (strcasecmp(h->v[i].name, "Link") == 0 &&
            e->link_headers.count < HEADER_VALUES_MAX) {
            add_string(&e->link_headers, h->v[i].value);
        } else if (strcasecmp(h->v[i].name, "X-Robots-Tag") == 0 &&
                   e->robots_headers.count < HEADER_VALUES_MAX) {
            add_string(&e->robots_headers, h->v[i].value);
        }
    }
}

static void fetch_2_on_answer(struct out_exchange *x)
{
    struct page_entry *e = container_of(x, struct page_entry, exchange);
    const char *type = http_header(&x->response.headers, "Content-Type");

    e->sending = false;
    if (!e->pages) {
        e->fetching = false;
        entry_free(e);
        return;
    }
    e->answer.status = x->outcome == TRANSPORT_ANSWERED ? x->response.status : 0;
    if (x->outcome != TRANSPORT_ANSWERED) {
        fail(e, "%.150s", x->error);
    } else if (is_redirect(x->response.status)) {
        follow(e);
    } else if (x->response.status != 200) {
        fail(e, "status %d", x->response.status);
    } else if (!type || !is_html(type)) {
        fail(e, "no HTML but %.100s", type ? type : "something without a type");
    } else {
        keep_headers(e);
        e->job.work = fetch_3_read;
        e->job.done = fetch_4_on_read;
        reader_submit(e->pages->crier->reader, &e->job);
        /* Continues in fetch_3_read(), on the reading thread. */
    }
}

static void fetch_3_read(struct reader_job *job)
{
    struct page_entry *e = container_of(job, struct page_entry, job);
    const struct http_response *res = &e->exchange.response;

    page_read(&e->answer.facts,
              &(struct page_input){
                  .bytes = res->body,
                  .len = res->body_len,
                  .url = e->url,
                  .content_type = http_header(&res->headers, "Content-Type"),
                  .link_headers = &e->link_headers,
                  .robots_headers = &e->robots_headers,
              });
}

static void fetch_4_on_read(struct reader_job *job)
{
    struct page_entry *e = container_of(job, struct page_entry, job);

    out_exchange_done(&e->exchange); /* a megabyte is not kept */
    e->answer.has_facts = true;
    end(e);
}

static struct page_entry *fetch(struct pages *p, const char *url, bool urgent)
{
    struct page_entry *e = mem_zalloc(sizeof *e);

    e->pages = p;
    e->key = mem_strdup(url);
    e->url = mem_strdup(url);
    e->fetching = true;
    list_init(&e->waiting);
    http_request_init(&e->request);
    (void)map_put(p->entries, e->key, strlen(e->key), e);
    list_push(&p->all, &e->node);
    if (urgent) {
        list_push_front(&p->queued, &e->queue_node);
    } else {
        list_push(&p->queued, &e->queue_node);
    }
    start_next(p);
    return e;
}

void page_fetch_start(
    struct pages *p, struct page_fetch *f, const char *url, int64_t max_age_ms, bool urgent)
{
    struct page_entry *e;

    drop_old(p);
    e = map_get(p->entries, url, strlen(url));
    if (e && !e->fetching && clock_mono_ms() - e->read_mono_ms >= max_age_ms) {
        entry_drop(e);
        e = NULL;
    }
    if (!e) {
        e = fetch(p, url, urgent);
    }
    e->users++;
    f->entry = e;
    f->answer = NULL;
    f->told = false;
    if (e->fetching) {
        list_push(&e->waiting, &f->node);
    } else {
        list_push(&p->told, &f->node);
        tell_later(p);
    }
}

/* Nobody waits for it any more. */
static void break_off(struct page_entry *e)
{
    if (list_linked(&e->queue_node)) {
        list_remove(&e->pages->queued, &e->queue_node);
        e->fetching = false;
        entry_drop(e);
    } else if (e->sending) {
        entry_drop(e); /* found no more, and freed at its end */
        out_cancel(&e->exchange);
    }
}

void page_fetch_done(struct page_fetch *f)
{
    struct page_entry *e = f->entry;

    if (!e) {
        return;
    }
    if (!f->told) {
        list_remove(e->fetching ? &e->waiting : &e->pages->told, &f->node);
    }
    f->entry = NULL;
    f->answer = NULL;
    must(e->users > 0);
    e->users--;
    if (e->users == 0 && e->fetching) {
        break_off(e);
    } else if (e->stale) {
        entry_drop(e);
    }
}

/* ---- life ---- */

struct pages *pages_new(struct crier *c)
{
    struct pages *p = mem_zalloc(sizeof *p);

    p->crier = c;
    p->entries = map_new();
    list_init(&p->all);
    list_init(&p->told);
    list_init(&p->queued);
    must(uv_timer_init(c->loop, &p->tell_timer) == 0);
    p->tell_timer.data = p;
    return p;
}

static void on_timer_closed(uv_handle_t *handle)
{
    mem_free(handle->data);
}

void pages_free(struct pages *p)
{
    struct list_node *n;

    if (!p) {
        return;
    }
    while ((n = list_pop(&p->all)) != NULL) {
        struct page_entry *e = container_of(n, struct page_entry, node);

        must(e->users == 0);
        e->pages = NULL;
        if (e->sending) {
            out_cancel(&e->exchange); /* fetch_2_on_answer frees it */
        } else {
            must(!e->fetching); /* who waits for one in the queue has let it go */
            entry_free(e);
        }
    }
    map_free(p->entries);
    uv_close((uv_handle_t *)&p->tell_timer, on_timer_closed);
}
