/* What a finished request gave its owner, freed. Called by owners through
 * ledger_request_done(), once they have taken what they want; the ledger itself keeps nothing
 * of it. */

#include "queue/ledger.h"

#include "base/mem.h"
#include "queue/ledger_internal.h"

static const char *const outcome_names[] = {
    [ACCEPT_NEW] = "new",
    [ACCEPT_UNCHANGED] = "unchanged",
    [ACCEPT_REVISED] = "revised",
    [ACCEPT_STALE] = "stale",
    [ACCEPT_RETRACTED] = "retracted",
    [ACCEPT_REPLAYED] = "replayed",
    [ACCEPT_RECORDED] = "recorded",
    [ACCEPT_WITHDRAWN] = "withdrawn",
};

const char *accept_outcome_name(enum accept_outcome o)
{
    must((size_t)o < ARRAY_LEN(outcome_names));
    return outcome_names[o];
}

static void accept_done(struct ledger_accept *a)
{
    mem_free(a->public_id);
    mem_free(a->out_reason);
    mem_free(a->deliveries);
    mem_free(a->jobs);
    mem_free(a->superseded);
    a->public_id = a->out_reason = NULL;
    a->deliveries = NULL;
    a->jobs = NULL;
    a->superseded = NULL;
    a->delivery_count = a->job_count = a->superseded_count = 0;
}

static void gate_done(struct ledger_gate *g)
{
    mem_free(g->jobs);
    mem_free(g->superseded);
    g->jobs = NULL;
    g->superseded = NULL;
    g->job_count = g->superseded_count = 0;
}

static void gated_done(struct ledger_gated *g)
{
    for (size_t i = 0; i < g->count; i++) {
        mem_free(g->v[i].url);
    }
    mem_free(g->v);
    g->v = NULL;
    g->count = 0;
}

static void withdrawn_done(struct ledger_withdrawn *w)
{
    for (size_t i = 0; i < w->count; i++) {
        mem_free(w->v[i].source);
        mem_free(w->v[i].why);
    }
    mem_free(w->v);
    w->v = NULL;
    w->count = 0;
}

static void outlet_done(struct ledger_outlet *o)
{
    for (size_t i = 0; i < o->count; i++) {
        article_unref(o->v[i].content);
        mem_free(o->v[i].page);
    }
    mem_free(o->v);
    o->v = NULL;
    o->count = 0;
}

static void sources_done(struct ledger_sources *s)
{
    for (size_t i = 0; i < s->count; i++) {
        mem_free(s->v[i].name);
        mem_free(s->v[i].state);
    }
    mem_free(s->v);
    s->v = NULL;
    s->count = 0;
}

static void credentials_done(struct ledger_credentials *c)
{
    for (size_t i = 0; i < c->count; i++) {
        mem_free(c->v[i].channel);
        mem_free(c->v[i].origin);
        mem_free(c->v[i].sealed);
    }
    mem_free(c->v);
    c->v = NULL;
    c->count = 0;
}

static void members_done(struct ledger_members *m)
{
    for (size_t i = 0; i < m->count; i++) {
        mem_free(m->v[i].address);
        mem_free(m->v[i].language);
        mem_free(m->v[i].state_why);
        mem_free(m->v[i].opted_in_by);
        mem_free(m->v[i].keys);
        mem_free(m->v[i].zone);
    }
    mem_free(m->v);
    m->v = NULL;
    m->count = 0;
}

static void topics_done(struct ledger_topics *t)
{
    mem_free(t->bits);
    t->bits = NULL;
}

static void unprepared_done(struct ledger_unprepared *u)
{
    mem_free(u->v);
    u->v = NULL;
    u->count = 0;
}

static void wave_next_done(struct ledger_wave_next *n)
{
    ledger__texts_free(n->texts);
    mem_free(n->v);
    n->texts = NULL;
    n->v = NULL;
    n->count = 0;
}

static void wave_told_done(struct ledger_wave_told *t)
{
    mem_free(t->settled);
    t->settled = NULL;
    t->settled_count = 0;
}

static void inbox_done(struct ledger_inbox_list *l)
{
    for (size_t i = 0; i < l->count; i++) {
        mem_free(l->v[i].source);
        mem_free(l->v[i].body);
        mem_free(l->v[i].replay_key);
        mem_free(l->v[i].why);
    }
    mem_free(l->v);
    l->v = NULL;
    l->count = 0;
}

static void fallback_done(struct ledger_fallback *f)
{
    mem_free(f->jobs);
    mem_free(f->stopped);
    f->jobs = NULL;
    f->stopped = NULL;
    f->job_count = f->stopped_count = 0;
}

static void quota_done(struct ledger_quota *q)
{
    mem_free(q->v);
    q->v = NULL;
    q->count = 0;
}

static void expire_done(struct ledger_expire *e)
{
    mem_free(e->ids);
    mem_free(e->channels);
    mem_free(e->released);
    e->ids = NULL;
    e->channels = NULL;
    e->released = NULL;
    e->count = e->released_count = 0;
}

static void due_done(struct ledger_due *d)
{
    mem_free(d->jobs);
    d->jobs = NULL;
    d->count = 0;
}

static void load_done(struct ledger_load *l)
{
    char **const texts[] = {&l->public_id,
                            &l->reason,
                            &l->channel,
                            &l->course,
                            &l->step,
                            &l->record,
                            &l->post,
                            &l->page,
                            &l->gate_note};

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        mem_free(*texts[i]);
        *texts[i] = NULL;
    }
    article_unref(l->article_content);
    l->article_content = NULL;
}

void ledger_channel_done(struct ledger_channel *c)
{
    mem_free(c->blocked_why);
    mem_free(c->last_error);
    mem_free(c->account);
    c->blocked_why = c->last_error = c->account = NULL;
}

static void channels_done(struct ledger_channels *c)
{
    for (size_t i = 0; i < c->count; i++) {
        ledger_channel_done(&c->v[i]);
    }
    mem_free(c->v);
    c->v = NULL;
    c->count = 0;
}

static void events_done(struct ledger_events *e)
{
    for (size_t i = 0; i < e->count; i++) {
        mem_free(e->v[i].kind);
        mem_free(e->v[i].data);
    }
    mem_free(e->v);
    e->v = NULL;
    e->count = 0;
}

static void json_done(json_t **out)
{
    json_decref(*out);
    *out = NULL;
}

void ledger__event_free(struct ledger_event_node *n)
{
    mem_free(n->event.kind);
    mem_free(n->event.data);
    mem_free(n);
}

/* clang-format off */
#define GIVES(number, done, type) case number: done(container_of(r, struct type, req)); break
/* clang-format on */

void ledger_request_done(struct ledger_request *r)
{
    switch (r->kind) {
        /* clang-format off */
    GIVES(LEDGER_ACCEPT, accept_done, ledger_accept);
    GIVES(LEDGER_GATE, gate_done, ledger_gate);
    GIVES(LEDGER_GATED, gated_done, ledger_gated);
    GIVES(LEDGER_OUTLET, outlet_done, ledger_outlet);
    GIVES(LEDGER_WITHDRAWN, withdrawn_done, ledger_withdrawn);
    GIVES(LEDGER_SOURCES, sources_done, ledger_sources);
    GIVES(LEDGER_CREDENTIALS, credentials_done, ledger_credentials);
    GIVES(LEDGER_MEMBERS, members_done, ledger_members);
    GIVES(LEDGER_TOPICS, topics_done, ledger_topics);
    GIVES(LEDGER_UNPREPARED, unprepared_done, ledger_unprepared);
    GIVES(LEDGER_WAVE_NEXT, wave_next_done, ledger_wave_next);
    GIVES(LEDGER_WAVE_TOLD, wave_told_done, ledger_wave_told);
    GIVES(LEDGER_INBOX_LIST, inbox_done, ledger_inbox_list);
    GIVES(LEDGER_FALLBACK, fallback_done, ledger_fallback);
    GIVES(LEDGER_QUOTA, quota_done, ledger_quota);
    GIVES(LEDGER_EXPIRE, expire_done, ledger_expire);
    GIVES(LEDGER_DUE, due_done, ledger_due);
    GIVES(LEDGER_LOAD, load_done, ledger_load);
    GIVES(LEDGER_CHANNELS, channels_done, ledger_channels);
    GIVES(LEDGER_EVENTS, events_done, ledger_events);
        /* clang-format on */
    case LEDGER_ARTICLES:
    case LEDGER_DELIVERIES:
        json_done(&container_of(r, struct ledger_list, req)->out);
        break;
    case LEDGER_ARTICLE:
        json_done(&container_of(r, struct ledger_article, req)->out);
        break;
    case LEDGER_WAVES:
        json_done(&container_of(r, struct ledger_waves, req)->out);
        break;
    case LEDGER_NONE:
    case LEDGER_BEGIN:
    case LEDGER_END:
    case LEDGER_MOVE:
    case LEDGER_CHANNEL_SAVE:
    case LEDGER_RELEASE_CHANNEL:
    case LEDGER_CLICK:
    case LEDGER_PRUNE:
    case LEDGER_CLOCK_BACK:
    case LEDGER_DROP:
    case LEDGER_SOURCE_SAVE:
    case LEDGER_CREDENTIAL_PUT:
    case LEDGER_MEMBERS_PUT:
    case LEDGER_MEMBER_SET:
    case LEDGER_WAVE_OPEN:
    case LEDGER_WAVE_END:
    case LEDGER_WAVE_SAY:
    case LEDGER_MEMBERS_BACK:
    case LEDGER_PREPARED_PUT:
    case LEDGER_INBOX_PUT:
    case LEDGER_INBOX_END:
    case LEDGER_WRITES_PULSE:
    case LEDGER_READS_PULSE:
        break; /* they give numbers only */
    }
}
