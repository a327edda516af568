/* One event of a source becomes one request of the ledger. Called by the hooks, by complete.c and by the
 * watchers; what kind of revision it is, is decided here, and nowhere else. Owns nothing. */

#include "service/intake_event.h"

#include "base/json.h"
#include "base/mem.h"

bool intake_event_is_content(const struct source_event *e)
{
    return e->kind == EVENT_PUBLISHED || e->kind == EVENT_UPDATED || e->kind == EVENT_CORRECTED;
}

/* The article with what the event tells beside it. New reference. */
static json_t *whole_article(const struct source_event *e)
{
    json_t *article = json_copy(e->article);

    if (e->id != NULL && json_object_get(article, "id") == NULL) {
        json_set_str(article, "id", e->id);
    }
    if (e->url != NULL && json_object_get(article, "url") == NULL) {
        json_set_str(article, "url", e->url);
    }
    if (e->kind == EVENT_CORRECTED && json_object_get(article, "correction") == NULL) {
        (void)json_object_set_new(article, "correction", json_true());
    }
    return article;
}

void intake_event_read(struct intake_content *out,
                       const struct source_event *e,
                       bool trusted_breaking,
                       int64_t now_ms)
{
    json_t *article;

    if (!intake_event_is_content(e)) {
        return;
    }
    /* What is no object (an article that is a list) is said to be so by who reads articles. */
    article = json_is_object(e->article) ? whole_article(e) : json_incref(e->article);
    intake_read(out, article, trusted_breaking, now_ms);
    json_decref(article);
}

static struct intake_options options_of(const struct source_settings *source,
                                        const struct source_event *e,
                                        const struct intake_event_options *more,
                                        const char *replay_key)
{
    struct intake_options options = {
        .source = source->name,
        .trusted_breaking = source->trusted_breaking,
        .replay_key = replay_key,
        .guid = e->guid,
        .ids = &e->ids,
        .urls = &e->urls,
        .at_ms = e->at_ms,
        .max_age_ms = config_max_age_ms(source),
        .retract_after_ms = e->kind == EVENT_KILLED ? 0 : source->retract_after_ms,
    };

    if (more != NULL) {
        options.quiet = more->quiet;
        options.held = more->held;
        options.inbox = more->inbox;
    }
    return options;
}

enum err_code intake_event(struct crier *c,
                           struct intake *in,
                           const struct source_settings *source,
                           const struct source_event *e,
                           struct intake_content *content,
                           const struct intake_event_options *options,
                           intake_done_fn *done,
                           void *context)
{
    char *key = e->key != NULL ? mem_printf("%s:%s", source->name, e->key) : NULL;
    struct intake_options all = options_of(source, e, options, key);
    enum err_code rc;

    must(e->kind != EVENT_NOTHING);
    if (intake_event_is_content(e)) {
        rc = intake_article(c, in, content, &all, done, context);
    } else {
        rc = intake_retract(c, in, e->id, e->url, &all, e->why, done, context);
    }
    mem_free(key);
    return rc;
}
