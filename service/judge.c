/* What the settings make of an article. Called by `crier check --article`; judges by the same
 * functions as the intake does, so that what it says is what would happen. Owns nothing. */

#include "service/judge.h"

#include "base/json.h"
#include "base/mem.h"
#include "service/intake.h"

#define TEXT_BYTES_MAX ((size_t)64 * 1024)

/* An article whose source is not trusted with that says it in vain. */
static json_t *what_it_says(const struct config *config, const struct rule_facts *facts)
{
    const struct source_settings *source = config_source(config, facts->source);
    json_t *v = json_object();

    (void)json_object_set_new(v, "breaking", json_boolean(facts->article->breaking == 1));
    (void)json_object_set_new(
        v, "counts", json_boolean(source == NULL || source->trusted_breaking));
    return v;
}

static json_t *rules_json(const struct config *config, const struct rule_facts *facts)
{
    json_t *list = json_array();

    for (size_t i = 0; i < config->breaking_count; i++) {
        json_t *v = rule_report(config->breaking[i], facts);

        (void)json_object_set_new(v, "number", json_integer((json_int_t)i + 1));
        (void)json_array_append_new(list, v);
    }
    return list;
}

/* quiet: why it is sent to nobody; NULL: it is sent. */
static json_t *channel_json(const struct channel_settings *ch,
                            const struct rule_facts *facts,
                            const char *quiet)
{
    json_t *v = json_object();
    struct buf why;
    bool wants;

    buf_init(&why, TEXT_BYTES_MAX);
    json_set_str(v, "channel", ch->name);
    json_set_str(v, "adapter", ch->type->name);
    wants = config_channel_wants(ch, facts, &why);
    (void)json_object_set_new(v, "goes", json_boolean(wants && quiet == NULL));
    json_set_str(v, "why", wants && quiet != NULL ? quiet : buf_str(&why));
    if (ch->when != NULL) {
        (void)json_object_set_new(v, "when", rule_report(ch->when, facts));
    }
    buf_done(&why);
    return v;
}

/* By the age that its source allows; yours. */
static char *quiet_dup(const struct config *config, const struct rule_facts *facts)
{
    const struct source_settings *source = config_source(config, facts->source);

    return source != NULL
               ? intake_too_old_dup(facts->article, config_max_age_ms(source), facts->now_ms)
               : NULL;
}

static json_t *judged(const struct config *config, struct rule_facts *facts)
{
    json_t *v = json_object(), *channels = json_array();
    char *quiet = quiet_dup(config, facts);
    struct buf reason;

    buf_init(&reason, TEXT_BYTES_MAX);
    json_set_str(v, "title", facts->article->title);
    json_set_str(v, "source", facts->source);
    /* Before it is decided: the rules cannot ask for it. */
    (void)json_object_set_new(v, "rules", rules_json(config, facts));
    facts->breaking = config_is_breaking(config, facts, &reason);
    (void)json_object_set_new(v, "breaking", json_boolean(facts->breaking));
    json_set_str(v, "reason", buf_str(&reason));
    buf_done(&reason);
    if (facts->article->breaking >= 0) {
        (void)json_object_set_new(v, "says", what_it_says(config, facts));
    }
    for (size_t i = 0; i < config->channel_count; i++) {
        (void)json_array_append_new(channels, channel_json(&config->channels[i], facts, quiet));
    }
    (void)json_object_set_new(v, "channels", channels);
    json_set_str(v, "recorded_only", quiet);
    mem_free(quiet);
    return v;
}

enum err_code judge_article(json_t **out,
                            const struct config *config,
                            const json_t *article,
                            const char *source,
                            int64_t now_ms,
                            struct article_faults *faults,
                            struct err *why)
{
    struct article *a = NULL;
    enum err_code rc = article_from_json(&a, article, now_ms, faults, why);
    struct rule_facts facts;

    if (rc) {
        return rc;
    }
    facts = config_rule_facts(config, a, source, now_ms);
    *out = judged(config, &facts);
    article_unref(a);
    return ERR_NONE;
}
