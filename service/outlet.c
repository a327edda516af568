/* Serving the newsroom's own feeds and news sitemap. Called by the door, and by serve.c for each
 * committed event. Owns what was made last, and those who wait for what is being made.
 *
 *   outlet_serve     what is kept is right: answered at once. Else the request waits, and
 *   make             asks the ledger's reading thread for what is public,
 *   on_read          gives that to the reader's thread, which writes all three documents,
 *   on_made          keeps them and answers who waited
 *
 * Each change of an article makes a new generation. Who asked in one is never answered with what was
 * read in an earlier one: then it is made once more. Only one is made at a time. An event is heard in
 * the same turn of the loop in which the deliveries of its commit are handed over, before anything of
 * them can leave; so a ping never comes before its news. */

#include "service/outlet.h"

#include <string.h>

#include "adapters/adapter.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/mem.h"
#include "service/crier.h"
#include "service/door.h"
#include "service/outlet_http.h"
#include "service/page_fill.h"
#include "service/reader.h"

#define DOCUMENT_BYTES ((size_t)32 * 1024 * 1024)

struct outlet {
    struct crier *crier;
    struct config *config; /* the settings last seen; a reference */
    uint64_t wanted;       /* the generation now */
    uint64_t made;         /* that of what is kept; 0: nothing is */
    int64_t until_ms;      /* wall clock: then time alone has changed it */
    struct outlet_document kept[OUTLET_KINDS];
    struct list waiting;
    bool working;
};

struct waiter {
    struct list_node node;
    struct door_request *request;
    enum outlet_kind kind;
    uint64_t generation;
};

struct making {
    struct ledger_outlet read;
    struct reader_job job;
    struct outlet *outlet;
    struct config *config;
    uint64_t generation;
    struct outlet_document documents[OUTLET_KINDS];
};

/* ---- making ---- */

char *outlet_url_dup(const struct config *config, enum outlet_kind kind)
{
    const char *base = config->server.public_url;
    size_t len = strlen(base);

    while (len > 0 && base[len - 1] == '/') {
        len--;
    }
    return mem_printf("%.*s%s", (int)len, base, outlet_path(kind));
}

static void add_hub(struct outlet_facts *f, const char *hub)
{
    for (size_t i = 0; i < f->hub_count; i++) {
        if (strcmp(f->hubs[i], hub) == 0) {
            return;
        }
    }
    if (f->hub_count < OUTLET_HUBS_MAX) {
        f->hubs[f->hub_count++] = hub;
    }
}

/* The hubs that channels tell of these feeds. */
static void find_hubs(struct outlet_facts *f, const struct config *config)
{
    for (size_t i = 0; i < config->channel_count; i++) {
        const struct channel_settings *ch = &config->channels[i];
        const struct adapter *adapter = ch->type->of;
        const char *hub;

        for (size_t n = 0; ch->enabled && adapter->own_feeds_hub != NULL &&
                           (hub = adapter->own_feeds_hub(ch->own, n)) != NULL;
             n++) {
            add_hub(f, hub);
        }
    }
}

static struct outlet_facts facts_of(const struct making *m)
{
    const struct config *config = m->config;
    struct outlet_facts f = {
        .name = config->outlets.name != NULL ? config->outlets.name : config->site.name,
        .language =
            config->outlets.language != NULL ? config->outlets.language : config->site.language,
        .site_url = config->site.url,
        .v = m->read.v,
        .count = m->read.count,
    };

    find_hubs(&f, config);
    return f;
}

static void write_document(struct making *m, struct outlet_facts *f, enum outlet_kind kind)
{
    char *self = outlet_url_dup(m->config, kind);
    struct buf bytes;

    buf_init(&bytes, DOCUMENT_BYTES);
    f->self = self;
    outlet_write(kind, f, &bytes);
    if (kind != OUTLET_SITEMAP) {
        outlet_links(f, &m->documents[kind]);
    }
    outlet_document_take(&m->documents[kind], &bytes);
    buf_done(&bytes);
    mem_free(self);
}

/* On the reader's thread. */
static void work(struct reader_job *job)
{
    struct making *m = container_of(job, struct making, job);
    struct outlet_facts f = facts_of(m);

    for (size_t i = 0; i < m->read.count; i++) {
        if (m->read.v[i].content != NULL) {
            page_fill_article(m->read.v[i].content, m->read.v[i].page);
        }
    }
    for (int kind = 0; kind < OUTLET_KINDS; kind++) {
        write_document(m, &f, (enum outlet_kind)kind);
    }
}

static void make(struct outlet *o);

static void making_free(struct making *m)
{
    for (int kind = 0; kind < OUTLET_KINDS; kind++) {
        outlet_document_done(&m->documents[kind]);
    }
    ledger_request_done(&m->read.req);
    config_unref(m->config);
    mem_free(m);
}

/* Those who asked no later than that; who asks while they are answered waits for the next. */
static void answer_waiting(struct outlet *o, uint64_t generation, const struct err *failed)
{
    struct list_node *n;
    struct list all;

    list_init(&all);
    list_move_all(&all, &o->waiting);
    while ((n = list_pop(&all)) != NULL) {
        struct waiter *w = container_of(n, struct waiter, node);

        if (failed == NULL && w->generation > generation) {
            list_push(&o->waiting, n);
            continue;
        }
        if (failed != NULL) {
            door_problem_err(w->request, failed->code, failed);
        } else {
            outlet_answer(w->request, &o->kept[w->kind], w->kind);
        }
        mem_free(w);
    }
}

static void on_made(struct reader_job *job)
{
    struct making *m = container_of(job, struct making, job);
    struct outlet *o = m->outlet;

    for (int kind = 0; kind < OUTLET_KINDS; kind++) {
        outlet_document_replace(&o->kept[kind], &m->documents[kind], clock_wall_ms());
    }
    o->made = m->generation;
    o->until_ms = m->read.changes_at_ms;
    o->working = false;
    answer_waiting(o, m->generation, NULL);
    making_free(m);
    if (!list_empty(&o->waiting)) {
        make(o);
    }
}

static void on_read(struct ledger_request *req)
{
    struct making *m = container_of(req, struct making, read.req);
    struct outlet *o = m->outlet;

    if (req->rc) {
        o->working = false;
        answer_waiting(o, m->generation, &req->why);
        making_free(m);
    } else if (o->crier->reader != NULL) {
        m->job = (struct reader_job){.work = work, .done = on_made};
        reader_submit(o->crier->reader, &m->job);
    } else { /* going down: the thread has ended */
        work(&m->job);
        on_made(&m->job);
    }
}

static void make(struct outlet *o)
{
    const struct outlets_settings *s = &o->config->outlets;
    struct making *m;

    if (o->working) {
        return;
    }
    o->working = true;
    m = mem_zalloc(sizeof *m);
    m->outlet = o;
    m->config = config_ref(o->config);
    m->generation = o->wanted;
    m->read.req.kind = LEDGER_OUTLET;
    m->read.req.done = on_read;
    m->read.now_ms = clock_wall_ms();
    m->read.fresh_since_ms = m->read.now_ms - OUTLET_SITEMAP_AGE_MS;
    m->read.fresh_limit = OUTLET_SITEMAP_MAX;
    m->read.fresh_breaking = s->sitemap == OUTLETS_BREAKING;
    m->read.recent_limit = (size_t)s->count;
    m->read.recent_breaking = s->feeds == OUTLETS_BREAKING;
    ledger_submit(o->crier->ledger, &m->read.req);
}

/* ---- serving ---- */

void outlet_heard(struct outlet *o, const char *kind)
{
    if (o != NULL && strncmp(kind, "article.", strlen("article.")) == 0) {
        o->wanted++;
    }
}

/* Settings and time change what is right as well. */
static void look_around(struct outlet *o)
{
    if (o->config != o->crier->config) {
        config_unref(o->config);
        o->config = config_ref(o->crier->config);
        o->wanted++;
    }
    if (o->made == o->wanted && clock_wall_ms() >= o->until_ms) {
        o->wanted++;
    }
}

static void wait_for(struct outlet *o, struct door_request *r, enum outlet_kind kind)
{
    struct waiter *w = mem_zalloc(sizeof *w);

    w->request = r;
    w->kind = kind;
    w->generation = o->wanted;
    list_push(&o->waiting, &w->node);
}

void outlet_serve(struct crier *c, struct door_request *r, enum outlet_kind kind)
{
    struct outlet *o = c->outlet;

    if (!c->config->outlets.enabled) {
        door_problem(r, 404, NULL, "there is nothing at %s", door_path(r));
        return;
    }
    look_around(o);
    if (o->made == o->wanted) {
        outlet_answer(r, &o->kept[kind], kind);
        return;
    }
    wait_for(o, r, kind);
    make(o);
}

void outlet_serve_key(struct crier *c, struct door_request *r, const char *file)
{
    size_t len = strlen(file);

    for (size_t i = 0; i < c->config->channel_count; i++) {
        const struct channel_settings *ch = &c->config->channels[i];
        const struct adapter *adapter = ch->type->of;
        const char *key = adapter->site_key != NULL ? adapter->site_key(ch->own) : NULL;

        if (key != NULL && len == strlen(key) + 4 && strncmp(file, key, len - 4) == 0 &&
            strcmp(file + len - 4, ".txt") == 0) {
            struct buf text;

            buf_init(&text, len);
            buf_adds(&text, key);
            door_reply_text(r, 200, "text/plain; charset=utf-8", &text);
            buf_done(&text);
            return;
        }
    }
    door_problem(r, 404, NULL, "there is nothing at %s", door_path(r));
}

/* ---- life ---- */

struct outlet *outlet_new(struct crier *c)
{
    struct outlet *o = mem_zalloc(sizeof *o);

    o->crier = c;
    o->config = config_ref(c->config);
    o->wanted = 1;
    list_init(&o->waiting);
    return o;
}

void outlet_free(struct outlet *o)
{
    if (o == NULL) {
        return;
    }
    must(list_empty(&o->waiting) && !o->working);
    for (int kind = 0; kind < OUTLET_KINDS; kind++) {
        outlet_document_done(&o->kept[kind]);
    }
    config_unref(o->config);
    mem_free(o);
}
