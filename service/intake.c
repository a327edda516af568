/* An article comes in, is taken back, or is sent after all. Called by the API, the hooks, the watchers and, for
 * test messages, by a channel's test; owns the strings of one acceptance until its `done`; leaves recognising
 * (which article is this, what is new, what is superseded) to the ledger and sending to the courier.
 *
 *   intake_read         reads and checks the JSON, on any thread; nothing has happened yet
 *   intake_article      refuses what could not be read
 *   intake_fill.c       is it breaking, too old, and which channels is it for
 *   intake_2_on_stored  it is on disk: log, count, hand the new jobs to the courier, tell the caller */

#include "service/intake_internal.h"

#include <string.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "service/courier.h"
#include "service/crier.h"
#include "service/gate.h"
#include "service/metrics.h"
#include "service/wave.h"
#include "service/withdrawals.h"

#define DOCUMENT_BYTES (SIZE_MAX / 2) /* the doors bounded what it was made from */

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
             LOG_STR("quiet", a->outcome == ACCEPT_RECORDED ? a->quiet : NULL),
             LOG_U64("deliveries", a->delivery_count),
             LOG_MS("commit", (clock_mono_us() - in->started_us) / 1000));
}

static void hand_over(struct intake *in)
{
    struct ledger_accept *a = &in->accept;

    for (size_t i = 0; i < a->superseded_count; i++) {
        courier_cancel(in->crier->courier, a->superseded[i]);
    }
    courier_add(in->crier->courier, a->jobs, a->job_count);
    for (size_t i = 0; i < a->delivery_count; i++) {
        if (a->deliveries[i].state == DELIVERY_HELD) { /* behind an earlier one */
            wave_overtaken(in->crier, a->article, a->deliveries[i].channel);
        }
    }
    gate_after_accept(in->crier->gate, a);
    if (a->look_at_withdrawn) {
        withdrawals_look(in->crier->withdrawals);
    }
}

static void intake_2_on_stored(struct ledger_request *r)
{
    struct intake *in = container_of(r, struct intake, accept.req);
    struct metrics *m = in->crier->metrics;

    in->rc = r->rc;
    in->why = r->why;
    intake__use_claims(in);
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
    in->accept.by_hand = strcmp(in->source, "api") == 0;
    in->accept.inbox = options->inbox;
    in->own_posts = options->own_posts;
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
    in->accept.kind = ACCEPT_CONTENT;
    intake__fill_content(in, content, options);
    intake__fan_out(in);
    ledger_submit(c->ledger, &in->accept.req);
    return ERR_NONE; /* continues in intake_2_on_stored() */
}

/* ---- taken back ---- */

static void fail(struct intake *in, enum err_code rc)
{
    in->rc = rc;
    in->done(in);
}

/* The API speaks of an article by its public id, whatever source brought it. */
static void find(struct intake *in, ledger_done_fn *done)
{
    in->find.req.kind = LEDGER_ARTICLE;
    in->find.req.done = done;
    in->find.id = in->wanted_id;
    in->find.brief = true;
    ledger_submit(in->crier->ledger, &in->find.req);
}

static void retract_2_on_found(struct ledger_request *r)
{
    struct intake *in = container_of(r, struct intake, find.req);

    if (r->rc && r->rc != ERR_NOT_FOUND) {
        in->why = r->why;
        fail(in, r->rc);
        return;
    }
    /* None: by the aliases, as any source's. */
    in->accept.known =
        in->find.merged_into.v != 0 && !in->own_posts ? in->find.merged_into : in->find.article;
    ledger_submit(in->crier->ledger, &in->accept.req);
}

static void name_retraction(struct intake *in,
                            const char *id,
                            const char *url,
                            const struct intake_options *options)
{
    in->url = url ? intake__identity_dup(url) : NULL;
    in->wanted_id = mem_strdup(id);
    if (in->wanted_id) {
        intake__add_name(in, "id", in->wanted_id);
    }
    if (in->url) {
        intake__add_name(in, "url", in->url);
    }
    intake__add_names(in, options);
}

/* A withdrawal makes no deliveries: the channels matter when it is due. */
static void fill_retraction(struct intake *in, const struct intake_options *options)
{
    bool later = options->retract_after_ms > 0;

    in->accept.kind = later ? ACCEPT_WITHDRAW : ACCEPT_RETRACT;
    in->accept.retract_at_ms = later ? in->accept.now_ms + options->retract_after_ms : 0;
    in->accept.updated_at_ms =
        options->at_ms < in->accept.now_ms ? options->at_ms : in->accept.now_ms;
    if (!later) {
        intake__fan_out(in);
    }
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
    name_retraction(in, id, url, options);
    if (in->accept.alias_count == 0) {
        (void)err_set(&in->why, ERR_INVALID, "neither an id nor a URL of an article");
        return refuse(in, ERR_INVALID);
    }
    in->accept.reason = in->reason = mem_strdup(reason);
    fill_retraction(in, options);
    if (in->wanted_id && strcmp(in->source, "api") == 0) {
        find(in, retract_2_on_found);
    } else {
        ledger_submit(c->ledger, &in->accept.req);
    }
    return ERR_NONE; /* continues in intake_2_on_stored() */
}

void intake_retract_due(struct crier *c,
                        struct intake *in,
                        const struct ledger_withdrawal *w,
                        intake_done_fn *done,
                        void *context)
{
    const struct intake_options options = {.source = w->source};

    start(c, in, &options, done, context);
    in->accept.kind = ACCEPT_RETRACT;
    in->accept.known = w->article;
    in->accept.retract_at_ms = w->retract_at_ms;
    in->accept.reason = in->reason = mem_strdup(w->why);
    intake__fan_out(in);
    ledger_submit(c->ledger, &in->accept.req);
    /* Continues in intake_2_on_stored(). */
}

/* ---- sent after all ---- */

/* The article as it is stored, whoever sends it: it is breaking if it was so for its own source. */
static enum err_code fill_sending(struct intake *in)
{
    const json_t *out = in->find.out;
    const char *source = json_path_str(out, "source");
    int64_t gate_ms = intake_gate_ms(in->config);
    struct buf text;
    enum err_code rc;

    buf_init(&text, DOCUMENT_BYTES);
    json_write(&text, json_object_get(out, "article"));
    rc = article_restore(&in->article, buf_str(&text), text.len, &in->why);
    buf_done(&text);
    if (rc) {
        return rc;
    }
    mem_free(in->rule_source);
    in->rule_source = mem_strdup(source);
    in->accept.kind = ACCEPT_SEND;
    in->accept.known = in->find.article;
    in->accept.only_revision = json_integer_value(json_object_get(out, "revision"));
    in->accept.breaking = json_is_true(json_object_get(out, "breaking"));
    in->accept.url = in->article->url;
    in->accept.title = in->article->title;
    in->accept.gate_until_ms = gate_ms > 0 ? in->accept.now_ms + gate_ms : 0;
    return ERR_NONE;
}

static void send_2_on_found(struct ledger_request *r)
{
    struct intake *in = container_of(r, struct intake, find.req);
    enum err_code rc = r->rc;

    in->why = r->why;
    if (!rc) {
        rc = fill_sending(in);
    }
    if (rc) {
        fail(in, rc);
        return;
    }
    intake__fan_out(in);
    ledger_submit(in->crier->ledger, &in->accept.req);
    /* Continues in intake_2_on_stored(). */
}

enum err_code intake_send(struct crier *c,
                          struct intake *in,
                          const char *id,
                          const struct intake_options *options,
                          intake_done_fn *done,
                          void *context)
{
    start(c, in, options, done, context);
    in->wanted_id = mem_strdup(id);
    find(in, send_2_on_found);
    return ERR_NONE;
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
    mem_free(in->rule_source);
    strings_done(&in->names);
    strings_done(&in->said);
    mem_free(in->aliases);
    mem_free(in->channels);
    mem_free(in->claims);
    mem_free(in->ids);
    mem_free(in->instead);
    config_unref(in->config);
    in->config = NULL;
    in->document = in->url = in->replay_key = in->source = in->reason = in->wanted_id = NULL;
    in->quiet = in->rule_source = NULL;
    in->aliases = NULL;
    in->channels = NULL;
    in->claims = NULL;
    in->ids = NULL;
    in->instead = NULL;
}
