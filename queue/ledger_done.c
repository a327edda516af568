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
    char **const texts[] = {
        &l->public_id, &l->reason, &l->channel, &l->course, &l->step, &l->record, &l->post};

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

void ledger_request_done(struct ledger_request *r)
{
    switch (r->kind) {
    case LEDGER_ACCEPT:
        accept_done(container_of(r, struct ledger_accept, req));
        break;
    case LEDGER_EXPIRE:
        expire_done(container_of(r, struct ledger_expire, req));
        break;
    case LEDGER_DUE:
        due_done(container_of(r, struct ledger_due, req));
        break;
    case LEDGER_LOAD:
        load_done(container_of(r, struct ledger_load, req));
        break;
    case LEDGER_ARTICLES:
    case LEDGER_DELIVERIES:
        json_done(&container_of(r, struct ledger_list, req)->out);
        break;
    case LEDGER_ARTICLE:
        json_done(&container_of(r, struct ledger_article, req)->out);
        break;
    case LEDGER_CHANNELS:
        channels_done(container_of(r, struct ledger_channels, req));
        break;
    case LEDGER_EVENTS:
        events_done(container_of(r, struct ledger_events, req));
        break;
    case LEDGER_BEGIN:
    case LEDGER_END:
    case LEDGER_MOVE:
    case LEDGER_CHANNEL_SAVE:
    case LEDGER_RELEASE_CHANNEL:
    case LEDGER_CLICK:
    case LEDGER_PRUNE:
    case LEDGER_CLOCK_BACK:
    case LEDGER_WRITES_PULSE:
    case LEDGER_READS_PULSE:
        break; /* they give numbers only */
    }
}
