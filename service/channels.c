/* The configured channels and their live state. Called by the courier, the API and the fan-out;
 * owns one struct channel per name that the settings or the ledger know, for as long as the
 * program runs; leaves turns and waiting to the scheduler and what is on disk to the ledger.
 *
 * Who knows what. The settings say what a channel should be, the ledger what became of it
 * (paused, blocked, tokens of its rate, session of its account), the scheduler what it may do
 * now. A change goes here first, then to the scheduler at once, then to the ledger; a crash in
 * between forgets a pause of that very moment, never a delivery. A name that is no longer
 * configured stays here as `gone`, so that a delivery in flight finds its adapter, and a name
 * that comes back its history. */

#include "service/channels.h"

#include <string.h>

#include "adapters/registry.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/url.h"
#include "service/courier.h"
#include "service/crier.h"

#define ACCOUNT_DEPTH 64
#define HOST_BYTES ((size_t)300)

struct channels {
    struct crier *crier;
    struct channel **v;
    size_t count;
    struct map *by_name;
    adapter_finder_fn *find_adapter;
    bool applied; /* the settings of the start are in force */
};

struct channels *channels_new(struct crier *c)
{
    struct channels *s = mem_zalloc(sizeof *s);

    s->crier = c;
    s->by_name = map_new();
    s->find_adapter = adapter_find;
    return s;
}

void channels_use_adapters(struct channels *s, adapter_finder_fn *find)
{
    s->find_adapter = find;
}

static void channel_free(struct channel *ch)
{
    config_unref(ch->config);
    ledger_channel_done(&ch->kept);
    json_decref(ch->account);
    mem_free(ch->account_saved);
    quota_book_done(&ch->used);
    mem_free(ch);
}

void channels_free(struct channels *s)
{
    if (!s) {
        return;
    }
    for (size_t i = 0; i < s->count; i++) {
        channel_free(s->v[i]);
    }
    mem_free(s->v);
    map_free(s->by_name);
    mem_free(s);
}

/* ---- the set ---- */

static struct channel *channel_add(struct channels *s, const char *name)
{
    struct channel *ch = mem_zalloc(sizeof *ch);
    size_t len = strlen(name);

    must(len < sizeof ch->name);
    memcpy(ch->name, name, len + 1);
    memcpy(ch->kept.name, name, len + 1);
    ch->account = json_object();
    ch->gone = true;
    s->v = mem_realloc(s->v, s->count + 1, sizeof(struct channel *));
    s->v[s->count++] = ch;
    (void)map_put(s->by_name, name, len, ch);
    return ch;
}

struct channel *channels_find_any(struct channels *s, const char *name)
{
    return map_get(s->by_name, name, strlen(name));
}

struct channel *channels_find(struct channels *s, const char *name)
{
    struct channel *ch = channels_find_any(s, name);

    return ch && !ch->gone ? ch : NULL;
}

struct channel *channels_each(struct channels *s, size_t *cursor)
{
    while (*cursor < s->count) {
        struct channel *ch = s->v[(*cursor)++];

        if (!ch->gone) {
            return ch;
        }
    }
    return NULL;
}

/* An account that cannot be read is forgotten: adapters sign in again. */
static json_t *read_account(const char *text)
{
    json_t *account = NULL;

    if (!text || json_read(&account, text, strlen(text), ACCOUNT_DEPTH, NULL) != ERR_NONE) {
        return json_object();
    }
    if (!json_is_object(account)) {
        json_decref(account);
        return json_object();
    }
    return account;
}

static void keep_row(struct channels *s, const struct ledger_channel *row)
{
    struct channel *ch = channel_add(s, row->name);

    json_decref(ch->account);
    ch->account = read_account(row->account);
    ch->kept.paused = row->paused;
    ch->kept.blocked = row->blocked;
    ch->kept.blocked_why = mem_strdup(row->blocked_why);
    ch->kept.blocked_at_ms = row->blocked_at_ms;
    ch->kept.last_error = mem_strdup(row->last_error);
    ch->kept.last_error_at_ms = row->last_error_at_ms;
    ch->kept.last_done_at_ms = row->last_done_at_ms;
    ch->kept.bucket = row->bucket;
}

/* What quotas of whatever time may ask for; the ledger forgets what is older. */
static enum err_code load_quotas(struct channels *s, struct err *why)
{
    struct ledger_quota read = {.req.kind = LEDGER_QUOTA};
    enum err_code rc = ledger_run(s->crier->ledger, &read.req, why);

    for (size_t i = 0; rc == ERR_NONE && i < read.count; i++) {
        struct channel *ch = channels_find_any(s, read.v[i].channel);

        if (ch) {
            quota_book_put(&ch->used, read.v[i].delivery, read.v[i].at_ms);
        }
    }
    ledger_request_done(&read.req);
    return rc;
}

enum err_code channels_load(struct channels *s, struct err *why)
{
    struct ledger_channels read = {.req.kind = LEDGER_CHANNELS};
    enum err_code rc = ledger_run(s->crier->ledger, &read.req, why);

    for (size_t i = 0; rc == ERR_NONE && i < read.count; i++) {
        keep_row(s, &read.v[i]);
    }
    ledger_request_done(&read.req);
    return rc ? rc : load_quotas(s, why);
}

/* ---- settings into force ---- */

/* Channels on one host share its trouble. The host is the one the adapter names, or that of the type's
 * first URL setting; a type that has none (its address is fixed) has its name for a host. */
static void fill_host(const struct channel *ch, struct buf *out)
{
    const struct field *f = ch->settings->type->settings;

    if (ch->adapter->host && ch->settings->own) {
        ch->adapter->host(ch->settings->own, out);
        return;
    }
    for (; f && f->kind != FIELD_END_KIND; f++) {
        char *const *text;

        if (f->kind != FIELD_URL || !ch->settings->own) {
            continue;
        }
        text = (char *const *)(const void *)((const char *)ch->settings->own + f->offset);
        if (*text && url_put_host(out, *text)) {
            return;
        }
    }
    buf_adds(out, ch->settings->type->name);
}

/* Of a channel with an audience the setting is about its messages (service/wave.c); one of its deliveries can
 * always start while another is under way, since breaking news goes before it. */
static int64_t concurrency_of(const struct channel *ch)
{
    int64_t own = ch->settings->concurrency, usual = ch->config->queue.concurrency;

    if (ch->adapter->audience) {
        return usual > 2 ? usual : 2;
    }
    return own ? own : usual;
}

static struct sched_limits limits_of(const struct channel *ch)
{
    const struct channel_settings *set = ch->settings;
    const struct queue_settings *queue = &ch->config->queue;

    return (struct sched_limits){
        .concurrency = concurrency_of(ch),
        .rate = set->rate.count ? set->rate : ch->adapter->rate,
        .backoff_min_ms = queue->backoff_min_ms,
        .backoff_max_ms = queue->backoff_max_ms,
    };
}

static void keep_bucket(struct crier *c, struct channel *ch)
{
    struct sched_view view;

    sched_view(c->sched, ch->name, clock_wall_ms(), &view);
    if (view.known) {
        ch->kept.bucket = view.bucket;
    }
}

static void stop_or_go(struct crier *c, const struct channel *ch)
{
    bool stopped = ch->kept.paused || ch->kept.blocked || !ch->settings->enabled;

    sched_stop(c->sched, ch->name, stopped);
}

static void tell_scheduler(struct crier *c, struct channel *ch)
{
    struct sched_limits limits = limits_of(ch);
    struct buf host;

    buf_init(&host, HOST_BYTES);
    fill_host(ch, &host);
    sched_destination_set(c->sched,
                          ch->name,
                          buf_ok(&host) ? buf_str(&host) : NULL,
                          &limits,
                          ch->kept.bucket.at_ms ? &ch->kept.bucket : NULL,
                          clock_wall_ms());
    buf_done(&host);
    stop_or_go(c, ch);
}

static void configure(struct channels *s, const struct channel_settings *set)
{
    struct channel *ch = channels_find_any(s, set->name);
    struct config *old;
    bool changed;

    ch = ch ? ch : channel_add(s, set->name);
    old = ch->config;
    changed = !old || memcmp(ch->settings->fingerprint, set->fingerprint, SHA256_BYTES) != 0;
    ch->config = config_ref(s->crier->config);
    ch->settings = set;
    ch->adapter = s->find_adapter(set->type->name);
    must(ch->adapter != NULL); /* the types came from the same registry */
    ch->gone = false;
    config_unref(old);
    ch->generation += changed ? 1 : 0;
    tell_scheduler(s->crier, ch);
    if (changed && ch->kept.blocked) {
        channel_unblock(s->crier, ch, s->applied ? "reload" : "restart");
    }
}

/* Its jobs leave the scheduler; what is left of its rate stays for when the name comes back. */
static void let_go(struct channels *s, struct channel *ch)
{
    keep_bucket(s->crier, ch);
    ch->gone = true;
    sched_destination_remove(s->crier->sched, ch->name);
}

void channels_apply(struct channels *s)
{
    const struct config *config = s->crier->config;

    for (size_t i = 0; i < s->count; i++) {
        struct channel *ch = s->v[i];

        if (!ch->gone && !config_channel(config, ch->name)) {
            let_go(s, ch);
        }
    }
    for (size_t i = 0; i < config->channel_count; i++) {
        configure(s, &config->channels[i]);
    }
    s->applied = true;
}

/* ---- what becomes of a channel ---- */

/* A save of its own copy: the live one goes on changing. */
struct saving {
    struct ledger_channel_save save;
    struct ledger_channel copy;
};

static void saving_2_on_done(struct ledger_request *r)
{
    struct saving *saving = container_of(r, struct saving, save.req);

    if (r->rc) {
        log_error(EV_LEDGER_FAILED, LOG_STR("error", r->why.text));
    }
    ledger_request_done(r);
    ledger_channel_done(&saving->copy);
    mem_free(saving);
}

void channel_copy(struct crier *c, struct channel *ch, struct ledger_channel *out)
{
    keep_bucket(c, ch);
    *out = ch->kept;
    out->blocked_why = mem_strdup(ch->kept.blocked_why);
    out->last_error = mem_strdup(ch->kept.last_error);
    out->account = NULL; /* goes with the attempts only */
}

static void save(struct crier *c, struct channel *ch, const char *event)
{
    struct saving *saving = mem_zalloc(sizeof *saving);

    channel_copy(c, ch, &saving->copy);
    ch->changed = false;
    saving->save.req.kind = LEDGER_CHANNEL_SAVE;
    saving->save.req.done = saving_2_on_done;
    saving->save.channel = &saving->copy;
    saving->save.event = event;
    saving->save.now_ms = clock_wall_ms();
    ledger_submit(c->ledger, &saving->save.req);
}

void channels_save_changed(struct channels *s)
{
    for (size_t i = 0; i < s->count; i++) {
        if (s->v[i]->changed) {
            save(s->crier, s->v[i], NULL);
        }
    }
}

static void set_text(char **member, const char *text)
{
    char *copy = mem_strdup(text);

    mem_free(*member);
    *member = copy;
}

void channel_block(struct crier *c, struct channel *ch, const char *why)
{
    channel_note_error(c, ch, why);
    if (ch->kept.blocked) {
        return;
    }
    ch->kept.blocked = true;
    ch->kept.blocked_at_ms = clock_wall_ms();
    set_text(&ch->kept.blocked_why, why);
    sched_stop(c->sched, ch->name, true);
    log_error(EV_CHANNEL_BLOCKED, LOG_STR("channel", ch->name), LOG_STR("detail", why));
    save(c, ch, "channel_blocked");
    if (c->courier &&
        !ch->gone) { /* whoever blocked it: a verdict, or a grant that was revoked */
        courier_fall_back(c->courier, ch);
    }
}

void channel_note_error(struct crier *c, struct channel *ch, const char *detail)
{
    (void)c;
    set_text(&ch->kept.last_error, detail);
    ch->kept.last_error_at_ms = clock_wall_ms();
    ch->changed = true;
}

void channel_note_done(struct crier *c, struct channel *ch)
{
    (void)c;
    ch->kept.last_done_at_ms = clock_wall_ms(); /* on disk with the delivery itself */
}

void channel_pause(struct crier *c, struct channel *ch)
{
    if (ch->kept.paused) {
        return;
    }
    ch->kept.paused = true;
    sched_stop(c->sched, ch->name, true);
    log_info(EV_CHANNEL_PAUSED, LOG_STR("channel", ch->name));
    save(c, ch, "channel_paused");
}

void channel_account_unsaved(struct channel *ch)
{
    mem_free(ch->account_saved);
    ch->account_saved = NULL;
}

struct releasing {
    struct ledger_release_channel release;
    struct crier *crier;
    char channel[64];
};

/* At the start of the program the courier comes after the channels, and looks by itself. */
static void poke(struct crier *c)
{
    if (c->courier) {
        courier_poke(c->courier);
    }
}

/* The released deliveries are in the ledger: the scheduler is told to look there. */
static void releasing_2_on_done(struct ledger_request *r)
{
    struct releasing *rel = container_of(r, struct releasing, release.req);

    if (r->rc) {
        log_error(EV_LEDGER_FAILED, LOG_STR("error", r->why.text));
    }
    sched_more(rel->crier->sched, rel->channel, clock_wall_ms());
    poke(rel->crier);
    ledger_request_done(r);
    mem_free(rel);
}

void channel_release(struct crier *c, const struct channel *ch)
{
    struct releasing *rel = mem_zalloc(sizeof *rel);

    rel->crier = c;
    memcpy(rel->channel, ch->name, sizeof rel->channel);
    rel->release.req.kind = LEDGER_RELEASE_CHANNEL;
    rel->release.req.done = releasing_2_on_done;
    rel->release.channel = rel->channel;
    rel->release.both = ch->settings && ch->settings->fallback_then == FALLBACK_THEN_BOTH;
    rel->release.now_ms = clock_wall_ms();
    ledger_submit(c->ledger, &rel->release.req);
}

void channel_unblock(struct crier *c, struct channel *ch, const char *by)
{
    ch->generation++;
    ch->kept.blocked = false;
    ch->kept.blocked_at_ms = 0;
    set_text(&ch->kept.blocked_why, NULL);
    stop_or_go(c, ch);
    log_info(EV_CHANNEL_RESUMED, LOG_STR("channel", ch->name), LOG_STR("by", by));
    save(c, ch, "channel_resumed");
    channel_release(c, ch);
    poke(c);
}

void channel_resume(struct crier *c, struct channel *ch, const char *by)
{
    ch->kept.paused = false;
    channel_unblock(c, ch, by);
}
