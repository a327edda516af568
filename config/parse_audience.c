/* What hangs together in a channel's `audience`. Called by parse_check.c when all is read; looks at the config
 * and, for positions and for what was left out, at the tree. */

#include "config/parse_internal.h"

#include <string.h>

#include "base/member.h"
#include "base/url.h"

/* A channel, and what the file says of its audience. */
struct place {
    struct parser *p;
    const struct channel_settings *ch;
    const struct node *audience;
};

/* The setting, or what is around it. */
static const struct node *at(const struct place *w, const char *key)
{
    const struct node *node = node_get(w->audience, key);

    return node != NULL ? node : w->audience;
}

static void check_has_one(const struct place *w)
{
    value_problem(&w->p->reader,
                  w->audience,
                  "no `audience`: who sees its posts is the platform's business",
                  "channels.%s: %s does not address people one by one",
                  w->ch->name,
                  w->ch->type->title);
}

static void check_topics(const struct place *w)
{
    size_t count = w->ch->audience.topics.count;

    if (count > MEMBER_TOPICS_MAX) {
        value_problem(&w->p->reader,
                      at(w, "topics"),
                      "at most 62 topics, those that were ever there included",
                      "channels.%s.audience.topics: %zu of them",
                      w->ch->name,
                      count);
    }
}

/* As browsers send it: https://news.example, with a port where it is not the usual one. */
static bool is_origin(const char *text)
{
    struct url_parts u;

    return url_parse(&u, text) && url_is_origin(&u);
}

static void check_origins(const struct place *w)
{
    const struct strings *origins = &w->ch->audience.origins;
    char shown[PROBLEM_SHOWN_BYTES];

    for (size_t i = 0; i < origins->count; i++) {
        if (!is_origin(origins->v[i])) {
            value_problem(&w->p->reader,
                          at(w, "origins"),
                          "where the site's pages are, without a path: https://news.example, "
                          "or with a port, https://news.example:8443",
                          "channels.%s.audience.origins: \"%s\" is no origin",
                          w->ch->name,
                          problem_shown(origins->v[i], shown));
        }
    }
}

static void check_pace(const struct place *w)
{
    const struct node *pace = node_get(w->audience, "pace");

    if (w->ch->audience.pace.probe == NULL && node_get(pace, "slow_above") != NULL) {
        value_problem(&w->p->reader,
                      node_get(pace, "slow_above"),
                      "a `probe` beside it, such as https://news.example/",
                      "channels.%s.audience.pace: nothing is asked whether it is slow",
                      w->ch->name);
    }
}

/* What concerns only those who subscribe by themselves. */
static void check_subscribed(const struct place *w)
{
    static const char *const keys[] = {"origins", "app_key"};

    for (size_t i = 0; !w->ch->type->subscribed && i < ARRAY_LEN(keys); i++) {
        const struct node *node = node_get(w->audience, keys[i]);

        if (node != NULL) {
            value_problem(&w->p->reader,
                          node,
                          "members that are brought in (crier members, or the API)",
                          "channels.%s.audience.%s: nobody subscribes to %s by themselves",
                          w->ch->name,
                          keys[i],
                          w->ch->type->title);
        }
    }
}

static void check_canary(const struct place *w)
{
    int64_t every_ms = w->ch->audience.canary_ms;

    if (every_ms > 0 && every_ms < CONFIG_CANARY_MIN_MS) {
        value_problem(&w->p->reader,
                      at(w, "canary"),
                      "at least 1m, or 0 for none",
                      "channels.%s.audience.canary: too often",
                      w->ch->name);
    }
}

static void check_audience(const struct place *w)
{
    check_topics(w);
    check_origins(w);
    check_pace(w);
    check_subscribed(w);
    check_canary(w);
}

void parse__check_audiences(struct parser *p)
{
    const struct node *section = node_get(p->root, "channels");

    for (size_t i = 0; i < p->config->channel_count; i++) {
        const struct channel_settings *ch = &p->config->channels[i];
        struct place w = {.p = p, .ch = ch};

        w.audience = node_get(node_get(section, ch->name), "audience");
        if (ch->type == NULL || w.audience == NULL) {
            continue;
        }
        if (ch->type->audience) {
            check_audience(&w);
        } else {
            check_has_one(&w);
        }
    }
}
