/* An article comes in. Called by the API, the hooks and, for test messages, by a channel's
 * test; owns the strings of one acceptance until its `done`; leaves recognising (which article
 * is this, what is new, what is superseded) to the ledger and sending to the courier.
 *
 *   intake_read         reads and checks the JSON, on any thread; nothing has happened yet
 *   intake_article      refuses what could not be read
 *   judge               is it breaking, and why
 *   fan_out             which channels it is for, and until when it is worth sending
 *   intake_2_on_stored  it is on disk: log, count, hand the new jobs to the courier, tell the
 * caller */

#include "service/intake.h"

#include <string.h>

#include "adapters/registry.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/json_put.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/url.h"
#include "service/channels.h"
#include "service/courier.h"
#include "service/crier.h"
#include "service/gate.h"
#include "service/metrics.h"

#define URL_BYTES ((size_t)16 * 1024)
#define REASON_BYTES ((size_t)1024)
#define WANTED_ID_BYTES 128
/* A text that must go is worth removing long after its news is old. */
#define RETRACT_NOT_AFTER_MS (7 * MS_DAY)
/* Channels not configured any more that may have something of one article. */
#define ELSEWHERE_MAX 256

/* ---- what came ---- */

bool intake_may_be_public_id(const char *id)
{
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~";
    size_t len = strlen(id);

    return len > 0 && len <= WANTED_ID_BYTES && strspn(id, plain) == len &&
           strncmp(id, "art_", 4) != 0 && id[0] != '.';
}

static char *url_identity_dup(const char *url)
{
    struct buf identity;
    char *text = NULL;

    buf_init(&identity, URL_BYTES);
    if (url_identity(&identity, url)) {
        text = buf_detach(&identity, NULL);
    }
    buf_done(&identity);
    return text;
}

static void add_alias(struct intake *in, const char *kind, const char *value)
{
    size_t n = in->accept.alias_count++;

    in->aliases = mem_realloc(in->aliases, n + 1, sizeof *in->aliases);
    in->aliases[n] = (struct accept_alias){.kind = kind, .value = value};
    in->accept.aliases = in->aliases;
}

static void name_article(struct intake *in)
{
    if (in->article->id) {
        add_alias(in, "id", in->article->id);
        in->wanted_id =
            intake_may_be_public_id(in->article->id) ? mem_strdup(in->article->id) : NULL;
    }
    if (in->url) {
        add_alias(in, "url", in->url);
    }
    in->accept.wanted_id = in->wanted_id;
}

/* ---- reading ---- */

void intake_read(struct intake_content *out,
                 const json_t *json,
                 bool trusted_breaking,
                 int64_t now_ms)
{
    struct buf document;

    out->rc = article_from_json(&out->article, json, now_ms, &out->faults, &out->why);
    if (out->rc) {
        return;
    }
    if (!trusted_breaking) {
        out->article->breaking = -1; /* the rules decide, not the source */
    }
    buf_init(&document, SIZE_MAX / 2); /* the doors bounded what it was made from */
    article_write(&document, out->article);
    out->document = buf_detach(&document, NULL);
    out->url = url_identity_dup(out->article->url);
    article_hash(out->article, out->hash);
}

void intake_content_done(struct intake_content *c)
{
    article_unref(c->article);
    mem_free(c->document);
    mem_free(c->url);
    c->article = NULL;
    c->document = c->url = NULL;
}

static void take_content(struct intake *in, struct intake_content *content)
{
    in->article = content->article;
    in->document = content->document;
    in->url = content->url;
    memcpy(in->hash, content->hash, sizeof in->hash);
    content->article = NULL;
    content->document = content->url = NULL;
}

/* ---- judging ---- */

static struct rule_facts facts_of(const struct intake *in)
{
    struct rule_facts facts =
        config_rule_facts(in->config, in->article, in->source, in->accept.now_ms);

    facts.breaking = in->accept.breaking;
    return facts;
}

static void judge(struct intake *in)
{
    struct rule_facts facts = facts_of(in);
    struct buf reason;

    if (strcmp(in->source, "test") == 0) {
        in->reason = mem_strdup(CRIER_TEST_REASON); /* never breaking */
        in->accept.reason = in->reason;
        return;
    }
    buf_init(&reason, REASON_BYTES);
    in->accept.breaking = config_is_breaking(in->config, &facts, &reason);
    in->reason = buf_detach(&reason, NULL);
    in->accept.reason = in->reason;
    buf_done(&reason);
}

static void fill_content(struct intake *in)
{
    article_face_hash(in->article, in->accept.breaking, in->face);
    in->accept.document = in->document;
    in->accept.hash = in->hash;
    in->accept.face = in->face;
    in->accept.url = in->article->url;
    in->accept.title = in->article->title;
    in->accept.updated_at_ms = in->article->updated_at_ms;
    in->accept.republish = in->article->republish;
}

/* ---- fan-out ---- */

/* How long news are worth sending there; channel NULL: one that is not configured now. */
static int64_t own_ms_of(const struct intake *in, const struct channel_settings *channel)
{
    return channel && channel->not_after_ms ? channel->not_after_ms
                                            : in->config->queue.not_after_ms;
}

static int64_t not_after_of(const struct intake *in, int64_t own)
{
    int64_t until_ms = in->accept.now_ms + own;

    if (!in->article) {
        return in->accept.now_ms + (own > RETRACT_NOT_AFTER_MS ? own : RETRACT_NOT_AFTER_MS);
    }
    if (in->article->not_after_ms > 0 && in->article->not_after_ms < until_ms) {
        return in->article->not_after_ms;
    }
    return until_ms;
}

static bool is_for(const struct intake *in, const struct channel_settings *channel)
{
    struct rule_facts facts = facts_of(in);

    if (in->only_channel) {
        return true;
    }
    if (!channel->enabled) {
        return false; /* it gets only what concerns a post that stands or what waits there */
    }
    if (!in->article) {
        return true;
    }
    return !channel->when || rule_matches(channel->when, &facts);
}

static bool is_wanted(const struct intake *in, const struct channel_settings *channel)
{
    return !in->only_channel || strcmp(in->only_channel, channel->name) == 0;
}

/* A new article may leave with its accept where the channel has nothing else to do. Whether it is new
 * only the ledger knows: when it is not, the turn is given back. */
static void claim_turn(struct intake *in, size_t i)
{
    struct accept_channel *c = &in->channels[i];
    struct ledger_job job = {
        .id = {in->ids[i]},
        .article = {in->accept.new_article},
        .breaking = in->accept.breaking,
        .due_at_ms = in->accept.now_ms,
        .not_after_ms = c->not_after_ms,
        .created_at_ms = in->accept.now_ms,
    };

    if (in->article && c->matches) {
        memcpy(job.channel, c->name, strlen(c->name) + 1);
        in->claims[i] = courier_claim(in->crier->courier, &job, &c->start);
    }
}

static void fan_out(struct intake *in)
{
    const struct config *config = in->config;
    size_t n = 0;

    in->channels = mem_calloc(config->channel_count, sizeof *in->channels);
    in->ids = mem_calloc(config->channel_count, sizeof *in->ids);
    in->claims = mem_calloc(config->channel_count, sizeof(struct run *));
    for (size_t i = 0; i < config->channel_count; i++) {
        const struct channel_settings *channel = &config->channels[i];
        int64_t own = own_ms_of(in, channel);

        if (!is_wanted(in, channel)) {
            continue;
        }
        in->ids[n] = id_next(&in->crier->ids, in->accept.now_ms);
        in->channels[n] = (struct accept_channel){.name = channel->name,
                                                  .adapter = channel->type->name,
                                                  .not_after_ms = not_after_of(in, own),
                                                  .own_ms = own,
                                                  .matches = is_for(in, channel)};
        claim_turn(in, n);
        n++;
    }
    in->accept.elsewhere.own_ms = own_ms_of(in, NULL);
    in->accept.elsewhere.not_after_ms = not_after_of(in, own_ms_of(in, NULL));
    in->accept.elsewhere_id = id_next_block(&in->crier->ids, in->accept.now_ms, ELSEWHERE_MAX);
    in->accept.elsewhere_ids = in->only_channel ? 0 : ELSEWHERE_MAX;
    in->accept.channels = in->channels;
    in->accept.channel_count = n;
    in->accept.delivery_ids = in->ids;
}

/* ---- stored ---- */

static void log_accepted(const struct intake *in)
{
    const struct ledger_accept *a = &in->accept;

    log_info(EV_ARTICLE_ACCEPTED,
             LOG_STR("article", a->public_id),
             LOG_I64("revision", a->revision),
             LOG_STR("outcome", accept_outcome_name(a->outcome)),
             LOG_STR("source", in->source),
             LOG_BOOL("breaking", a->out_breaking),
             LOG_STR("reason", a->out_reason),
             LOG_U64("deliveries", a->delivery_count),
             LOG_MS("commit", (clock_mono_us() - in->started_us) / 1000));
}

/* Deliveries come out in the order of the channels that were given. */
static void use_claims(struct intake *in)
{
    const struct ledger_accept *a = &in->accept;
    size_t at = 0;

    for (size_t i = 0; i < a->channel_count; i++) {
        bool made = a->req.rc == ERR_NONE && at < a->delivery_count &&
                    a->deliveries[at].id.v == in->ids[i];
        bool starts = made && a->deliveries[at].state == DELIVERY_IN_FLIGHT;

        at += made ? 1 : 0;
        if (in->claims[i] && starts) {
            courier_go(in->claims[i], a, in->article);
        } else if (in->claims[i]) {
            courier_unclaim(in->claims[i]);
        }
        in->claims[i] = NULL;
    }
}

static void hand_over(struct intake *in)
{
    struct ledger_accept *a = &in->accept;

    for (size_t i = 0; i < a->superseded_count; i++) {
        courier_cancel(in->crier->courier, a->superseded[i]);
    }
    courier_add(in->crier->courier, a->jobs, a->job_count);
    gate_after_accept(in->crier->gate, a);
}

static void intake_2_on_stored(struct ledger_request *r)
{
    struct intake *in = container_of(r, struct intake, accept.req);
    struct metrics *m = in->crier->metrics;

    in->rc = r->rc;
    in->why = r->why;
    use_claims(in);
    if (r->rc == ERR_NONE) {
        log_accepted(in);
        metrics_add(m, METRIC_ARTICLES, accept_outcome_name(in->accept.outcome), NULL);
        metrics_observe_us(
            m, METRIC_ACCEPT_SECONDS, in->source, clock_mono_us() - in->started_us);
        hand_over(in);
    } else if (r->rc == ERR_IO) {
        log_error(EV_LEDGER_FAILED, LOG_STR("error", r->why.text));
    }
    in->done(in);
}

/* ---- ways in ---- */

static void start(struct crier *c,
                  struct intake *in,
                  const struct intake_options *options,
                  intake_done_fn *done,
                  void *context)
{
    memset(in, 0, sizeof *in);
    in->crier = c;
    in->config = config_ref(c->config); /* the ledger reads names of channels from it */
    in->done = done;
    in->context = context;
    in->started_us = clock_mono_us();
    in->source = mem_strdup(options->source);
    in->replay_key = mem_strdup(options->replay_key);
    in->only_channel = options->only_channel;
    in->accept.req.kind = LEDGER_ACCEPT;
    in->accept.req.done = intake_2_on_stored;
    in->accept.source = in->source;
    in->accept.replay_key = in->replay_key;
    in->accept.now_ms = clock_wall_ms();
    in->accept.new_article = id_next(&c->ids, in->accept.now_ms);
}

static enum err_code refuse(struct intake *in, enum err_code rc)
{
    log_warn(EV_ARTICLE_REFUSED, LOG_STR("source", in->source), LOG_STR("error", in->why.text));
    intake_free_parts(in);
    return rc;
}

static enum err_code check_only_channel(const struct intake *in, struct err *why)
{
    if (in->only_channel && !config_channel(in->config, in->only_channel)) {
        return err_set(why, ERR_NOT_FOUND, "no channel \"%s\"", in->only_channel);
    }
    return ERR_NONE;
}

enum err_code intake_article(struct crier *c,
                             struct intake *in,
                             struct intake_content *content,
                             const struct intake_options *options,
                             intake_done_fn *done,
                             void *context)
{
    enum err_code rc;

    start(c, in, options, done, context);
    rc = check_only_channel(in, &in->why);
    if (rc) {
        return refuse(in, rc);
    }
    if (content->rc) {
        in->faults = content->faults;
        in->why = content->why;
        return refuse(in, content->rc);
    }
    take_content(in, content);
    in->accept.kind = ACCEPT_CONTENT;
    judge(in);
    name_article(in);
    fill_content(in);
    fan_out(in);
    ledger_submit(c->ledger, &in->accept.req);
    return ERR_NONE; /* continues in intake_2_on_stored() */
}

/* The API speaks of an article by its public id, whatever source brought it. */
static void retract_2_on_found(struct ledger_request *r)
{
    struct intake *in = container_of(r, struct intake, find.req);

    if (r->rc && r->rc != ERR_NOT_FOUND) {
        in->rc = r->rc;
        in->why = r->why;
        in->done(in);
        return;
    }
    in->accept.known = in->find.article; /* none: by the aliases, as any source's */
    ledger_submit(in->crier->ledger, &in->accept.req);
}

static void find_by_public_id(struct intake *in)
{
    in->find.req.kind = LEDGER_ARTICLE;
    in->find.req.done = retract_2_on_found;
    in->find.id = in->wanted_id;
    in->find.brief = true;
    ledger_submit(in->crier->ledger, &in->find.req);
}

enum err_code intake_retract(struct crier *c,
                             struct intake *in,
                             const char *id,
                             const char *url,
                             const struct intake_options *options,
                             const char *reason,
                             intake_done_fn *done,
                             void *context)
{
    start(c, in, options, done, context);
    in->url = url ? url_identity_dup(url) : NULL;
    in->wanted_id = mem_strdup(id);
    in->reason = mem_strdup(reason);
    if (!in->wanted_id && !in->url) {
        (void)err_set(&in->why, ERR_INVALID, "neither an id nor a URL of an article");
        return refuse(in, ERR_INVALID);
    }
    if (in->wanted_id) {
        add_alias(in, "id", in->wanted_id);
    }
    if (in->url) {
        add_alias(in, "url", in->url);
    }
    in->accept.kind = ACCEPT_RETRACT;
    in->accept.reason = in->reason;
    fan_out(in);
    if (in->wanted_id && strcmp(in->source, "api") == 0) {
        find_by_public_id(in);
    } else {
        ledger_submit(c->ledger, &in->accept.req);
    }
    return ERR_NONE; /* continues in intake_2_on_stored() */
}

int64_t intake_gate_ms(const struct config *config)
{
    int64_t gate_ms = config->site.link_gate_ms;

    return gate_ms > 0 ? gate_ms + GATE_SLACK_MS : 0;
}

enum err_code intake_send(struct crier *c,
                          struct intake *in,
                          const char *id,
                          const struct intake_options *options,
                          intake_done_fn *done,
                          void *context)
{
    (void)id;
    start(c, in, options, done, context);
    (void)err_set(&in->why, ERR_UNSUPPORTED, "not yet");
    return refuse(in, ERR_UNSUPPORTED);
}

void intake_free_parts(struct intake *in)
{
    ledger_request_done(&in->accept.req);
    json_decref(in->find.out);
    in->find.out = NULL;
    article_unref(in->article);
    in->article = NULL;
    mem_free(in->document);
    mem_free(in->url);
    mem_free(in->replay_key);
    mem_free(in->source);
    mem_free(in->reason);
    mem_free(in->wanted_id);
    mem_free(in->quiet);
    mem_free(in->aliases);
    mem_free(in->channels);
    mem_free(in->claims);
    mem_free(in->ids);
    config_unref(in->config);
    in->config = NULL;
    in->document = in->url = in->replay_key = in->source = in->reason = in->wanted_id = NULL;
    in->quiet = NULL;
    in->aliases = NULL;
    in->channels = NULL;
    in->claims = NULL;
    in->ids = NULL;
}

/* ---- what is answered ---- */

/* Why a channel cannot take a post back, or not now; NULL when it can. */
static const char *cannot_retract(struct crier *c, const struct accept_delivery *d)
{
    const struct channel *ch = channels_find(c->channels, d->channel);

    if (!ch) {
        return delivery_state_ended(d->state)
                   ? NULL
                   : "the channel is not configured now; it is retracted when it is back";
    }
    if (!adapter_course_with(ch->adapter, ch->settings->own, COURSE_RETRACT)) {
        return ch->adapter->cannot_retract ? ch->adapter->cannot_retract
                                           : "this platform takes nothing back";
    }
    if (!ch->settings->retracts) {
        return "retractions are switched off for this channel";
    }
    return ch->settings->enabled || delivery_state_ended(d->state)
               ? NULL
               : "the channel is not enabled now; it is retracted when it is back";
}

static void put_deliveries(struct buf *b, const struct ledger_accept *a)
{
    char id[ID_TEXT_BYTES];

    json_put_open(b, "deliveries", '[');
    for (size_t i = 0; i < a->delivery_count; i++) {
        const struct accept_delivery *d = &a->deliveries[i];

        json_put_open(b, NULL, '{');
        json_put_text(b, "id", id_delivery_text(d->id, id));
        json_put_text(b, "channel", d->channel);
        json_put_text(b, "state", delivery_state_name(d->state));
        json_put_close(b, '}');
    }
    json_put_close(b, ']');
}

static void put_cannot(struct buf *b, const struct intake *in)
{
    json_put_open(b, "cannot", '[');
    for (size_t i = 0; i < in->accept.delivery_count; i++) {
        const struct accept_delivery *d = &in->accept.deliveries[i];
        const char *why = cannot_retract(in->crier, d);

        if (why) {
            json_put_open(b, NULL, '{');
            json_put_text(b, "channel", d->channel);
            json_put_text(b, "why", why);
            json_put_close(b, '}');
        }
    }
    json_put_close(b, ']');
}

void intake_write(struct buf *out, const struct intake *in)
{
    const struct ledger_accept *a = &in->accept;

    json_put_open(out, NULL, '{');
    json_put_text(out, "id", a->public_id);
    json_put_int(out, "revision", a->revision);
    json_put_text(out, "outcome", accept_outcome_name(a->outcome));
    json_put_bool(out, "breaking", a->out_breaking);
    json_put_text(out, "reason", a->out_reason ? a->out_reason : "");
    put_deliveries(out, a);
    if (a->kind == ACCEPT_RETRACT) {
        put_cannot(out, in);
    }
    json_put_close(out, '}');
}
