/* The numbers of topics, kept beside the settings. Called at start and after a reload, by whoever opens a wave,
 * and by the door for readers. It owns a bit for each topic that was ever asked about; the ledger gives them. */

#include "service/topics.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/text.h"
#include "queue/ledger.h"
#include "service/crier.h"

#define BREAKING "breaking"
#define KEY_BYTES 512

struct topic {
    int64_t bit;
};
struct topics {
    struct crier *crier;
    struct map *by_key; /* channel, a zero byte, name -> struct topic */
};

/* A request that is on its way holds what it points into: a reload may take the settings from under it. */
struct asking {
    struct ledger_topics req;
    struct topics *topics;
    struct config *config;
    const char **names;
};

static size_t key_of(char key[KEY_BYTES], const char *channel, const char *name)
{
    int n = snprintf(key, KEY_BYTES, "%s%c%s", channel, '\0', name);

    return n < 0 ? 0 : (size_t)n < KEY_BYTES ? (size_t)n : KEY_BYTES - 1;
}

int64_t topics_bit(const struct topics *t, const char *channel, const char *name)
{
    char key[KEY_BYTES];
    const struct topic *one = map_get(t->by_key, key, key_of(key, channel, name));

    return one ? one->bit : 0;
}

void topics_set(struct topics *t, const char *channel, const char *name, int64_t bit)
{
    struct topic *one = mem_zalloc(sizeof *one);
    char key[KEY_BYTES];

    one->bit = bit;
    mem_free(map_put(t->by_key, key, key_of(key, channel, name), one));
}

struct topics *topics_new(struct crier *c)
{
    struct topics *t = mem_zalloc(sizeof *t);

    t->crier = c;
    t->by_key = map_new();
    return t;
}

void topics_free(struct topics *t)
{
    struct topic *one;
    size_t cursor = 0;

    if (!t) {
        return;
    }
    while ((one = map_each(t->by_key, &cursor)) != NULL) {
        mem_free(one);
    }
    map_free(t->by_key);
    mem_free(t);
}

/* ---- asking the ledger ---- */

static bool lacks_any(const struct topics *t, const struct channel_settings *ch)
{
    for (size_t i = 0; i < ch->audience.topics.count; i++) {
        if (topics_bit(t, ch->name, ch->audience.topics.v[i].key) == 0) {
            return true;
        }
    }
    return false;
}

static void asking_init(struct asking *a, struct topics *t, const struct channel_settings *ch)
{
    const struct pairs *topics = &ch->audience.topics;

    *a = (struct asking){
        .topics = t,
        .config = config_ref(t->crier->config),
        .names = mem_calloc(topics->count, sizeof *a->names),
    };
    for (size_t i = 0; i < topics->count; i++) {
        a->names[i] = topics->v[i].key;
    }
    a->req = (struct ledger_topics){
        .req = {.kind = LEDGER_TOPICS},
        .channel = ch->name,
        .names = a->names,
        .count = topics->count,
    };
}

/* What it said. Too many topics over time are a mistake of one channel, not a reason to stop: those that have
 * no number are nobody's choice. */
static void asking_end(struct asking *a)
{
    if (a->req.req.rc) {
        log_error(EV_TOPICS_REFUSED,
                  LOG_STR("channel", a->req.channel),
                  LOG_STR("error", a->req.req.why.text));
    }
    for (size_t i = 0; !a->req.req.rc && i < a->req.count; i++) {
        topics_set(a->topics, a->req.channel, a->names[i], a->req.bits[i]);
    }
    ledger_request_done(&a->req.req);
    config_unref(a->config);
    mem_free(a->names);
}

enum err_code topics_load(struct topics *t, struct err *why)
{
    const struct config *config = t->crier->config;

    for (size_t i = 0; i < config->channel_count; i++) {
        enum err_code rc;
        struct asking a;

        if (!lacks_any(t, &config->channels[i])) {
            continue;
        }
        asking_init(&a, t, &config->channels[i]);
        rc = ledger_run(t->crier->ledger, &a.req.req, why);
        asking_end(&a);
        if (rc && rc != ERR_INVALID) {
            return err_wrap(why, "topics of %s", config->channels[i].name);
        }
    }
    return ERR_NONE;
}

static void on_asked(struct ledger_request *r)
{
    struct asking *a = container_of(r, struct asking, req.req);

    asking_end(a);
    mem_free(a);
}

void topics_apply(struct topics *t)
{
    const struct config *config = t->crier->config;

    for (size_t i = 0; i < config->channel_count; i++) {
        struct asking *a;

        if (!lacks_any(t, &config->channels[i])) {
            continue;
        }
        a = mem_zalloc(sizeof *a);
        asking_init(a, t, &config->channels[i]);
        a->req.req.done = on_asked;
        ledger_submit(t->crier->ledger, &a->req.req);
        /* Continues in on_asked(). */
    }
}

/* ---- whom an article is for ---- */

static bool has_word(const struct strings *words, const char *word)
{
    for (size_t i = 0; i < words->count; i++) {
        if (text_same_word(words->v[i], word)) {
            return true;
        }
    }
    return false;
}

bool topic_fits(const struct article *a, const char *topic, bool breaking)
{
    if (strcmp(topic, BREAKING) == 0) {
        return breaking;
    }
    return has_word(&a->categories, topic) || has_word(&a->tags, topic);
}

int64_t topics_of_article(const struct topics *t,
                          const struct channel_settings *channel,
                          const struct article *a,
                          bool breaking)
{
    const struct pairs *topics = &channel->audience.topics;
    int64_t bits = 0;

    if (topics->count == 0) {
        return MEMBER_TOPICS_ALL;
    }
    for (size_t i = 0; i < topics->count; i++) {
        if (topic_fits(a, topics->v[i].key, breaking)) {
            bits |= topics_bit(t, channel->name, topics->v[i].key);
        }
    }
    return bits;
}
