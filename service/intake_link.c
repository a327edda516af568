/* The article's URL as one channel shows it: with the site's campaign parameters, so that the
 * newsroom sees in its own statistics what came from where. Called by the courier's context and
 * by preview; pure. */

#include "service/intake.h"

#include "base/json.h"
#include "base/mem.h"
#include "base/mustache.h"
#include "base/url.h"

#define VALUE_BYTES ((size_t)1024)

static json_t *utm_view(const struct config *config,
                        const struct channel_settings *channel,
                        const struct article *a)
{
    json_t *view = json_object();

    json_set_str(view, "channel", channel->name);
    json_set_str(view, "type", channel->type ? channel->type->name : NULL);
    json_set_str(view, "site", config->site.name);
    json_set_str(view, "language", a->language ? a->language : config->site.language);
    json_set_str(view, "id", a->id);
    return view;
}

static void
add_utm(struct buf *url, const char *name, const struct mustache *value, json_t *view)
{
    struct buf text;

    if (!value) {
        return;
    }
    buf_init(&text, VALUE_BYTES);
    if (mustache_render(value, view, mustache_escape_none, NULL, NULL, &text, NULL) == 0 &&
        text.len > 0) {
        url_add_param(url, name, buf_str(&text));
    }
    buf_done(&text);
}

void intake_url_for_channel(const struct config *config,
                            const struct channel_settings *channel,
                            const struct article *a,
                            struct buf *out)
{
    const struct utm_settings *utm = &config->site.utm;
    json_t *view;

    buf_adds(out, a->url);
    if (!channel->tag_links) {
        return;
    }
    view = utm_view(config, channel, a);
    add_utm(out, "utm_source", utm->source, view);
    add_utm(out, "utm_medium", utm->medium, view);
    add_utm(out, "utm_campaign", utm->campaign, view);
    add_utm(out, "utm_content", utm->content, view);
    add_utm(out, "utm_term", utm->term, view);
    json_decref(view);
}
