/* What readers want beside being a member: topics, quiet hours, the zone they live in, their language. Called when
 * they subscribe and when they change their mind; and by imports, which say it in the same words. Owns nothing. */

#include "service/push_wish.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/zone.h"
#include "config/problem.h"
#include "service/topics.h"

#define LANGUAGE_BYTES 35
#define NAMES_BYTES 120 /* of topics, in an error message */

/* Which there are, for whoever named another. */
static enum err_code
no_such_topic(const struct channel_settings *channel, const json_t *given, struct err *why)
{
    const struct pairs *all = &channel->audience.topics;
    const char *name = json_string_value(given);
    char shown[PROBLEM_SHOWN_BYTES];
    struct buf names;

    if (all->count == 0) {
        return err_set(why, ERR_INVALID, "topics: the channel has none (audience.topics)");
    }
    buf_init(&names, NAMES_BYTES);
    for (size_t i = 0; i < all->count; i++) {
        buf_addf(&names, "%s%s", i > 0 ? ", " : "", all->v[i].key);
    }
    (void)err_set(why,
                  ERR_INVALID,
                  "topics: \"%s\" is none of the channel's: %s",
                  problem_shown(name ? name : "", shown),
                  buf_ok(&names) ? buf_str(&names) : "see GET /push/key");
    buf_done(&names);
    return ERR_INVALID;
}

static enum err_code read_topics(struct push_wish *w,
                                 const struct topics *topics,
                                 const struct channel_settings *channel,
                                 const json_t *given,
                                 struct err *why)
{
    const json_t *one;
    size_t i;

    w->has_topics = true;
    w->topics = MEMBER_TOPICS_ALL;
    if (json_is_null(given)) {
        return ERR_NONE;
    }
    if (!json_is_array(given) || json_array_size(given) == 0) {
        return err_set(why,
                       ERR_INVALID,
                       "topics: a list with at least one of the channel's, or null for all");
    }
    w->topics = 0;
    json_array_foreach(given, i, one)
    {
        int64_t bit =
            json_is_string(one) ? topics_bit(topics, channel->name, json_string_value(one)) : 0;

        if (bit == 0) {
            return no_such_topic(channel, one, why);
        }
        w->topics |= bit;
    }
    return ERR_NONE;
}

static bool digits(const char *text, int max, int *out)
{
    if (text[0] < '0' || text[0] > '9' || text[1] < '0' || text[1] > '9') {
        return false;
    }
    *out = 10 * (text[0] - '0') + (text[1] - '0');
    return *out <= max;
}

/* "22:30" */
static bool read_clock(const json_t *given, int *out)
{
    const char *text = json_string_value(given);
    int hour, minute;

    if (!text || strlen(text) != 5 || text[2] != ':' || !digits(text, 23, &hour) ||
        !digits(text + 3, 59, &minute)) {
        return false;
    }
    *out = 60 * hour + minute;
    return true;
}

static enum err_code read_quiet(struct push_wish *w, const json_t *given, struct err *why)
{
    w->has_quiet = true;
    if (json_is_null(given)) {
        return ERR_NONE;
    }
    if (!read_clock(json_object_get(given, "from"), &w->quiet_from) ||
        !read_clock(json_object_get(given, "to"), &w->quiet_to)) {
        return err_set(why,
                       ERR_INVALID,
                       "quiet: {\"from\": \"22:00\", \"to\": \"07:00\"}, or null for none");
    }
    return ERR_NONE;
}

static bool is_language(const char *text)
{
    size_t len = strlen(text);

    return len >= 2 && len <= LANGUAGE_BYTES &&
           strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") ==
               len;
}

enum err_code push_wish_read(struct push_wish *w,
                             const struct topics *topics,
                             const struct channel_settings *channel,
                             const json_t *given,
                             struct err *why)
{
    const json_t *chosen = json_object_get(given, "topics");
    const json_t *quiet = json_object_get(given, "quiet");
    const char *zone = json_path_str(given, "zone"),
               *language = json_path_str(given, "language");
    enum err_code rc = ERR_NONE;

    *w = (struct push_wish){.topics = MEMBER_TOPICS_ALL};
    zone = zone ? zone : json_path_str(given, "time_zone");
    if (chosen) {
        rc = read_topics(w, topics, channel, chosen, why);
    }
    if (quiet && !rc) {
        rc = read_quiet(w, quiet, why);
    }
    w->zone = zone && zone_known(zone) ? mem_strdup(zone) : NULL;
    w->language = language && is_language(language) ? mem_strdup(language) : NULL;
    return rc;
}

void push_wish_done(struct push_wish *w)
{
    mem_free(w->zone);
    mem_free(w->language);
    w->zone = w->language = NULL;
}

bool push_wish_apply(const struct push_wish *w, struct member_traits *traits)
{
    struct member_traits was = *traits;

    if (w->has_topics) {
        traits->topics = w->topics;
    }
    if (w->has_quiet) {
        traits->quiet_from = w->quiet_from;
        traits->quiet_to = w->quiet_to;
    }
    return was.topics != traits->topics || was.quiet_from != traits->quiet_from ||
           was.quiet_to != traits->quiet_to;
}

/* ---- the same told ---- */

static json_t *
topics_json(const struct topics *topics, const struct channel_settings *channel, int64_t chosen)
{
    const struct pairs *all = &channel->audience.topics;
    json_t *names;

    if (chosen == MEMBER_TOPICS_ALL) {
        return json_null();
    }
    names = json_array();
    for (size_t i = 0; i < all->count; i++) {
        if (chosen & topics_bit(topics, channel->name, all->v[i].key)) {
            (void)json_array_append_new(names, json_string(all->v[i].key));
        }
    }
    return names;
}

static json_t *quiet_json(const struct member_traits *t)
{
    char from[16], to[16];

    if (t->quiet_from == t->quiet_to) {
        return json_null();
    }
    (void)snprintf(from, sizeof from, "%02d:%02d", t->quiet_from / 60, t->quiet_from % 60);
    (void)snprintf(to, sizeof to, "%02d:%02d", t->quiet_to / 60, t->quiet_to % 60);
    return json_pack("{s:s, s:s}", "from", from, "to", to);
}

void push_wish_tell(json_t *out,
                    const struct topics *topics,
                    const struct channel_settings *channel,
                    const struct member_traits *traits,
                    const char *zone,
                    const char *language)
{
    (void)json_object_set_new(out, "topics", topics_json(topics, channel, traits->topics));
    (void)json_object_set_new(out, "quiet", quiet_json(traits));
    (void)json_object_set_new(out, "zone", zone ? json_string(zone) : json_null());
    (void)json_object_set_new(out, "language", language ? json_string(language) : json_null());
}
