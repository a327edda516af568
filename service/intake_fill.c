/* What the ledger is asked when an article comes in: who it is, whether it is breaking or too old to be sent,
 * and which channels it is for. Called by intake.c, and, for reading, by whoever has the time for it (on any
 * thread). Strings are the intake's, until intake_free_parts(). */

#include "service/intake_internal.h"

#include <string.h>

#include "adapters/registry.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/mem.h"
#include "base/parse.h"
#include "base/url.h"
#include "service/channels.h"
#include "service/courier.h"
#include "service/crier.h"
#include "service/gate.h"

#define URL_BYTES ((size_t)16 * 1024)
#define REASON_BYTES ((size_t)1024)
#define WANTED_ID_BYTES 128
/* Names beside the article's own: more than any source tells, and a bound on what one request costs. */
#define NAMES_MAX 100
/* A text that must go is worth removing long after its news is old. */
#define RETRACT_NOT_AFTER_MS (7 * MS_DAY)
/* Channels not configured any more that may have something of one article. */
#define ELSEWHERE_MAX 256

/* ---- names ---- */

bool intake_may_be_public_id(const char *id)
{
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~";
    size_t len = strlen(id);

    return len > 0 && len <= WANTED_ID_BYTES && strspn(id, plain) == len &&
           strncmp(id, "art_", 4) != 0 && id[0] != '.';
}

char *intake__identity_dup(const char *url)
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

void intake__add_name(struct intake *in, const char *kind, const char *value)
{
    size_t n = in->accept.alias_count++;

    in->aliases = mem_realloc(in->aliases, n + 1, sizeof *in->aliases);
    in->aliases[n] = (struct accept_alias){.kind = kind, .value = value};
    in->accept.aliases = in->aliases;
}

/* The same, of a text that becomes the intake's own. NULL is no name. */
static void keep_name(struct intake *in, const char *kind, char *value)
{
    struct strings *kept = &in->names;

    if (value == NULL || kept->count >= NAMES_MAX) {
        mem_free(value);
        return;
    }
    kept->v = mem_realloc(kept->v, kept->count + 1, sizeof *kept->v);
    kept->v[kept->count++] = value;
    intake__add_name(in, kind, value);
}

void intake__add_names(struct intake *in, const struct intake_options *options)
{
    keep_name(in, "guid", mem_strdup(options->guid));
    for (size_t i = 0; options->ids && i < options->ids->count; i++) {
        keep_name(in, "id", mem_strdup(options->ids->v[i]));
    }
    for (size_t i = 0; options->urls && i < options->urls->count; i++) {
        keep_name(in, "url", intake__identity_dup(options->urls->v[i]));
    }
}

static void name_article(struct intake *in)
{
    if (in->article->id) {
        intake__add_name(in, "id", in->article->id);
        in->wanted_id =
            intake_may_be_public_id(in->article->id) ? mem_strdup(in->article->id) : NULL;
    }
    if (in->url) {
        intake__add_name(in, "url", in->url);
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
    out->url = intake__identity_dup(out->article->url);
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
    struct rule_facts facts = config_rule_facts(in->config,
                                                in->article,
                                                in->rule_source ? in->rule_source : in->source,
                                                in->accept.now_ms);

    facts.breaking = in->accept.breaking;
    return facts;
}

static bool is_test(const struct intake *in)
{
    return strcmp(in->source, INTAKE_TEST_SOURCE) == 0;
}

static void judge(struct intake *in)
{
    struct rule_facts facts = facts_of(in);
    struct buf reason;

    if (is_test(in)) {
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

/* ---- only recorded? ---- */

char *intake_too_old_dup(const struct article *a, int64_t max_age_ms, int64_t now_ms)
{
    int64_t age_ms = now_ms - a->published_at_ms;
    int64_t unit_ms = age_ms >= MS_DAY ? MS_DAY : age_ms >= MS_HOUR ? MS_HOUR : MS_MINUTE;
    char text[PARSE_TEXT_BYTES];

    if (max_age_ms <= 0 || a->published_at_ms == 0 || age_ms <= max_age_ms) {
        return NULL;
    }
    return mem_printf("published %s ago", format_duration(age_ms - age_ms % unit_ms, text));
}

/* Why, for people; NULL: it is sent. What the source says of itself comes first. */
static char *quiet_dup(const struct intake *in, const struct intake_options *options)
{
    return options->quiet
               ? mem_strdup(options->quiet)
               : intake_too_old_dup(in->article, options->max_age_ms, in->accept.now_ms);
}

/* When it changed, by the source's clock. A clock that is fast must not make all that others say later
 * look old. */
static int64_t changed_at(const struct intake *in, const struct intake_options *options)
{
    int64_t article_ms = in->article ? in->article->updated_at_ms : 0;
    int64_t at_ms = options->at_ms > article_ms ? options->at_ms : article_ms;

    return at_ms < in->accept.now_ms ? at_ms : in->accept.now_ms;
}

static void fill_content(struct intake *in, const struct intake_options *options)
{
    /* What the page of a test says would be a name of the article that it is a test of. */
    int64_t gate_ms = in->only_channel || is_test(in) ? 0 : intake_gate_ms(in->config);

    article_face_hash(in->article, in->accept.breaking, in->face);
    in->accept.document = in->document;
    in->accept.hash = in->hash;
    in->accept.face = in->face;
    in->accept.url = in->article->url;
    in->accept.title = in->article->title;
    in->accept.updated_at_ms = changed_at(in, options);
    in->accept.republish = in->article->republish;
    in->accept.correction = article_is_correction(in->article);
    in->accept.quiet = in->quiet = quiet_dup(in, options);
    in->accept.held = options->held && in->quiet;
    in->accept.gate_until_ms = gate_ms > 0 ? in->accept.now_ms + gate_ms : 0;
}

void intake__fill_content(struct intake *in,
                          struct intake_content *content,
                          const struct intake_options *options)
{
    take_content(in, content);
    judge(in);
    name_article(in);
    intake__add_names(in, options);
    fill_content(in, options);
}

int64_t intake_gate_ms(const struct config *config)
{
    int64_t gate_ms = config->site.link_gate_ms;

    return gate_ms > 0 ? gate_ms + GATE_SLACK_MS : 0;
}

/* ---- fan-out ---- */

/* How long news are worth sending there; channel NULL: one that is not configured now. */
static int64_t own_ms_of(const struct config *config, const struct channel_settings *channel)
{
    return channel && channel->not_after_ms ? channel->not_after_ms
                                            : config->queue.not_after_ms;
}

int64_t intake_not_after_ms(const struct config *config,
                            const struct channel_settings *channel,
                            const struct article *article,
                            int64_t now_ms)
{
    int64_t own = own_ms_of(config, channel), until_ms = now_ms + own;

    if (!article) {
        return now_ms + (own > RETRACT_NOT_AFTER_MS ? own : RETRACT_NOT_AFTER_MS);
    }
    return article->not_after_ms > 0 && article->not_after_ms < until_ms ? article->not_after_ms
                                                                         : until_ms;
}

static int64_t not_after_of(const struct intake *in, const struct channel_settings *channel)
{
    return intake_not_after_ms(in->config, channel, in->article, in->accept.now_ms);
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
    if (is_test(in)) { /* whatever `when` says; elsewhere everybody would see it */
        return channel->type->audience;
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

    if (in->accept.kind == ACCEPT_CONTENT && c->matches && !in->accept.quiet &&
        in->accept.gate_until_ms == 0) {
        memcpy(job.channel, c->name, strlen(c->name) + 1);
        in->claims[i] = courier_claim(in->crier->courier, &job, &c->start);
    }
}

static char *keep_said(struct intake *in, const char *text)
{
    struct strings *kept = &in->said;

    kept->v = mem_realloc(kept->v, kept->count + 1, sizeof *kept->v);
    return kept->v[kept->count++] = mem_strdup(text);
}

static struct accept_channel *given(struct intake *in, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(in->channels[i].name, name) == 0) {
            return &in->channels[i];
        }
    }
    return NULL;
}

/* The room is made with the first, one row per channel. */
static void add_instead(struct intake *in,
                        size_t count,
                        struct accept_channel *other,
                        const struct accept_channel *blocked)
{
    struct accept_instead *row;

    if (!in->instead) {
        in->instead = mem_calloc(count * count, sizeof *in->instead);
    }
    row = in->instead + (size_t)(other - in->channels) * count;
    row[other->instead_count++] =
        (struct accept_instead){.channel = blocked->name, .why = blocked->blocked_why};
    other->instead_of = row;
    other->matches = true;
}

/* A channel that is blocked does not get it now: so others do that are not asked whether they want it. */
static void fall_back_from(struct intake *in, size_t count, struct accept_channel *c)
{
    struct channel *ch = channels_find(in->crier->channels, c->name);
    struct strings to;

    if (!ch || !ch->kept.blocked || !c->matches) {
        return;
    }
    to = channel_fallbacks(in->crier, ch);
    if (to.count > 0) {
        c->blocked_why = keep_said(
            in, ch->kept.blocked_why ? ch->kept.blocked_why : "the channel is blocked");
    }
    for (size_t i = 0; i < to.count; i++) {
        struct accept_channel *other = given(in, count, to.v[i]);

        if (other && (!other->matches || other->instead_count > 0)) {
            add_instead(in, count, other, c);
        }
    }
    strings_done(&to);
}

/* Only what was meant for a channel falls back from it, not what came there by falling back: that channel
 * is told by channel_fallbacks(). */
static void fall_back(struct intake *in, size_t count)
{
    bool sends =
        !is_test(in) && (in->accept.kind == ACCEPT_CONTENT || in->accept.kind == ACCEPT_SEND);

    for (size_t i = 0; sends && !in->only_channel && i < count; i++) {
        if (in->channels[i].instead_count == 0) {
            fall_back_from(in, count, &in->channels[i]);
        }
    }
}

void intake__fan_out(struct intake *in)
{
    const struct config *config = in->config;
    size_t n = 0;

    in->channels = mem_calloc(config->channel_count, sizeof *in->channels);
    in->ids = mem_calloc(config->channel_count, sizeof *in->ids);
    in->claims = mem_calloc(config->channel_count, sizeof(struct run *));
    for (size_t i = 0; i < config->channel_count; i++) {
        const struct channel_settings *channel = &config->channels[i];

        if (!is_wanted(in, channel)) {
            continue;
        }
        in->ids[n] = id_next(&in->crier->ids, in->accept.now_ms);
        in->channels[n] = (struct accept_channel){.name = channel->name,
                                                  .adapter = channel->type->name,
                                                  .not_after_ms = not_after_of(in, channel),
                                                  .own_ms = own_ms_of(config, channel),
                                                  .matches = is_for(in, channel)};
        n++;
    }
    fall_back(in, n);
    for (size_t i = 0; i < n; i++) {
        claim_turn(in, i);
    }
    in->accept.elsewhere.own_ms = own_ms_of(config, NULL);
    in->accept.elsewhere.not_after_ms = not_after_of(in, NULL);
    in->accept.elsewhere_id = id_next_block(&in->crier->ids, in->accept.now_ms, ELSEWHERE_MAX);
    in->accept.elsewhere_ids = in->only_channel ? 0 : ELSEWHERE_MAX;
    in->accept.channels = in->channels;
    in->accept.channel_count = n;
    in->accept.delivery_ids = in->ids;
}

/* Deliveries come out in the order of the channels that were given. */
void intake__use_claims(struct intake *in)
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
