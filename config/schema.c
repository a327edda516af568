/* Every setting, one row each: name, type, bounds, default, whether a reload can change it,
 * help. parse.c, the checks, the JSON Schema, the reference page and `crier channels NAME` all
 * come from these rows. What only one kind of channel has stands in that adapter's file. */

#include "config/schema.h"

#include <stddef.h>

#include "base/attr.h"
#include "base/log.h"
#include "config/config.h"
#include "config/urgency.h"

/* clang-format off */

/* A row's type must be the member's: the parser writes through the offset. */
#define AT(type, member) .offset = offsetof(struct type, member)

static const char *const log_forms[] = {[LOG_TEXT] = "text", [LOG_JSON] = "json", NULL};
static const char *const log_levels[] = {
    [LOG_DEBUG] = "debug", [LOG_INFO] = "info", [LOG_WARN] = "warn", [LOG_ERROR] = "error", NULL};
static const char *const unknown_choices[] = {
    [ON_UNKNOWN_HOLD] = "hold", [ON_UNKNOWN_RETRY] = "retry", NULL};

static const char *const fallback_choices[] = {
    [FALLBACK_THEN_SKIP] = "skip", [FALLBACK_THEN_BOTH] = "both", NULL};

static const char *const template_names[] = {
    "title", "summary", "url", "canonical_url", "body_text", "language", "author", "authors",
    "categories", "tags", "hashtags", "image", "image_alt", "site", "site_url", "channel",
    "breaking", "reason", "revision", "update", "correction", "published_at", "id",
    "type", /* of the event: webhook bodies only */
    NULL,
};
static const char *const utm_names[] = {"channel", "type", "site", "language", "id", NULL};

static const struct field utm_fields[] = {
    {.key = "source", .kind = FIELD_TEMPLATE, AT(utm_settings, source), .example = "\"{{channel}}\"",
     .help = "utm_source of links"},
    {.key = "medium", .kind = FIELD_TEMPLATE, AT(utm_settings, medium), .example = "social",
     .help = "utm_medium of links"},
    {.key = "campaign", .kind = FIELD_TEMPLATE, AT(utm_settings, campaign), .example = "breaking",
     .help = "utm_campaign of links"},
    {.key = "content", .kind = FIELD_TEMPLATE, AT(utm_settings, content), .example = "\"{{id}}\"",
     .help = "utm_content of links"},
    {.key = "term", .kind = FIELD_TEMPLATE, AT(utm_settings, term), .example = "\"{{language}}\"",
     .help = "utm_term of links"},
    FIELD_END,
};

static const struct field site_fields[] = {
    {.key = "name", .kind = FIELD_STRING, AT(site_settings, name), .min = "1", .max = "200",
     .example = "Example News", .help = "name of the newsroom, {{site}} in templates"},
    {.key = "url", .kind = FIELD_URL, AT(site_settings, url), .example = "https://news.example",
     .help = "its front page, {{site_url}} in templates"},
    {.key = "language", .kind = FIELD_STRING, AT(site_settings, language), .min = "2", .max = "35",
     .example = "en", .help = "language of articles that name none (BCP 47)"},
    {.key = "utm", .kind = FIELD_OBJECT, AT(site_settings, utm), .fields = utm_fields,
     .help = "campaign parameters added to the links of posts; what is not set is not added"},
    {.key = "link_gate", .kind = FIELD_MS, AT(site_settings, link_gate_ms), .def = "45s", .min = "0",
     .max = "10m",
     .help = "before the first post an article's page is looked at as a preview crawler would, and waited for at most so long; 0: not looked at"},
    {.key = "link_gate_card", .kind = FIELD_MS, AT(site_settings, link_gate_card_ms), .def = "10s",
     .min = "0", .max = "10m",
     .help = "of that, at most so long for what only makes a better card (og:title, og:image, the picture) once the page is public"},
    {.key = "link_gate_agent", .kind = FIELD_STRING, AT(site_settings, link_gate_agent), .min = "1",
     .max = "300", .example = "Twitterbot/1.0",
     .help = "the name of a crawler, under which pages below site.url are looked at; not set: crier's own"},
    {.key = "allow_private", .kind = FIELD_BOOL, AT(site_settings, allow_private), .def = "false",
     .help = "articles' pages, and what their cards show, may be at private, loopback and link-local addresses"},
    {.key = "facebook_token", .kind = FIELD_SECRET, AT(site_settings, facebook_token), .min = "8",
     .example = "${FACEBOOK_TOKEN}",
     .help = "of an app or a page: Facebook is told to read an article's page before the first post and after a change, so that no old card is shown"},
    {.key = "facebook_api", .kind = FIELD_URL, AT(site_settings, facebook_api),
     .def = "https://graph.facebook.com/v26.0", .help = "where Facebook is told so"},
    FIELD_END,
};

static const char *const outlets_articles[] = {
    [OUTLETS_BREAKING] = "breaking", [OUTLETS_ALL] = "all", NULL};

static const struct field outlets_fields[] = {
    {.key = "enabled", .kind = FIELD_BOOL, AT(outlets_settings, enabled), .def = "false",
     .help = "serve /news/sitemap.xml, /news/feed.xml (RSS 2.0) and /news/feed.json (JSON Feed 1.1) below server.public_url"},
    {.key = "name", .kind = FIELD_STRING, AT(outlets_settings, name), .min = "1", .max = "200",
     .example = "Example News",
     .help = "name of the publication, exactly as Google News shows it; not set: site.name"},
    {.key = "language", .kind = FIELD_STRING, AT(outlets_settings, language), .min = "2", .max = "35",
     .example = "en", .help = "language of the feeds, and in the sitemap of articles that name none (BCP 47); not set: site.language"},
    {.key = "feeds", .kind = FIELD_ENUM, AT(outlets_settings, feeds), .choices = outlets_articles,
     .def = "breaking", .help = "which articles the feeds have; one that was breaking once stays"},
    {.key = "sitemap", .kind = FIELD_ENUM, AT(outlets_settings, sitemap), .choices = outlets_articles,
     .def = "all", .help = "which articles of the last 48 hours the news sitemap has"},
    {.key = "count", .kind = FIELD_INT, AT(outlets_settings, count), .def = "30", .min = "1", .max = "100",
     .help = "articles in a feed, the newest; the sitemap has as many as 1000"},
    FIELD_END,
};

static const struct field server_fields[] = {
    {.key = "listen", .kind = FIELD_STRING, AT(server_settings, listen), .needs_restart = true,
     .def = "127.0.0.1:8480", .min = "1", .max = "200", .example = "127.0.0.1:8480",
     .help = "where requests are taken: an IP address and a port, or unix:PATH"},
    {.key = "public_url", .kind = FIELD_URL, AT(server_settings, public_url),
     .example = "https://push.news.example",
     .help = "where readers and platforms reach the server, through the reverse proxy"},
    {.key = "token", .kind = FIELD_SECRET, AT(server_settings, token), .min = "16",
     .example = "${CRIER_TOKEN}",
     .help = "bearer token of the API, as from `crier keys token`; needed unless listen is a loopback address or unix:PATH"},
    {.key = "max_body", .kind = FIELD_BYTES, AT(server_settings, max_body_bytes), .def = "5MiB",
     .min = "1KiB", .max = "64MiB", .help = "largest request body taken"},
    {.key = "max_connections", .kind = FIELD_INT, AT(server_settings, max_connections),
     .needs_restart = true, .def = "1000", .min = "1", .max = "100000",
     .help = "connections open at the same time; beyond it those that have kept us waiting for longest are closed"},
    {.key = "idle_timeout", .kind = FIELD_MS, AT(server_settings, idle_timeout_ms),
     .needs_restart = true, .def = "30s", .min = "1s", .max = "1h",
     .help = "a connection that begins no request is closed after so long"},
    {.key = "request_timeout", .kind = FIELD_MS, AT(server_settings, request_timeout_ms), .def = "30s",
     .min = "1s", .max = "1h",
     .help = "a request must have come whole in so long, and its answer be taken in as long again"},
    {.key = "drain", .kind = FIELD_MS, AT(server_settings, drain_ms), .def = "20s", .min = "0",
     .max = "10m", .help = "at the end (SIGTERM), deliveries in flight may take so long"},
    {.key = "log_format", .kind = FIELD_ENUM, AT(server_settings, log_form), .choices = log_forms,
     .def = "text", .help = "log lines for people, or as JSON"},
    {.key = "log_level", .kind = FIELD_ENUM, AT(server_settings, log_level), .choices = log_levels,
     .def = "info", .help = "the least important lines to log"},
    FIELD_END,
};

const struct field config_ledger_fields[] = {
    {.key = "location", .kind = FIELD_STRING, AT(ledger_settings, location), .needs_restart = true,
     .def = "sqlite:/var/lib/crier/crier.db", .min = "1", .max = "1000",
     .example = "sqlite:/var/lib/crier/crier.db", .help = "sqlite: and the path of the file"},
    {.key = "keep", .kind = FIELD_MS, AT(ledger_settings, keep_ms), .def = "90d", .min = "0",
     .max = "3650d", .help = "ended articles and their deliveries are kept so long; 0: for ever"},
    FIELD_END,
};

static const struct field media_fields[] = {
    {.key = "cache", .kind = FIELD_STRING, AT(media_settings, cache), .needs_restart = true,
     .min = "1", .max = "1000", .example = "/var/cache/crier",
     .help = "a directory of crier's own for videos and for pictures made to fit; not set: media, beside the ledger's file"},
    {.key = "max", .kind = FIELD_BYTES, AT(media_settings, max_bytes), .def = "4GiB", .min = "1MiB",
     .max = "1024GiB", .help = "all files in it, at most; those used longest ago go first"},
    {.key = "max_file", .kind = FIELD_BYTES, AT(media_settings, max_file_bytes), .def = "2GiB",
     .min = "1MiB", .max = "1024GiB",
     .help = "a larger video is not fetched, and posts go out as if the article had none"},
    FIELD_END,
};

static const struct field queue_fields[] = {
    {.key = "backoff_min", .kind = FIELD_MS, AT(queue_settings, backoff_min_ms), .def = "2s",
     .min = "10ms", .max = "1h", .help = "first wait after a failure; doubled with each further one"},
    {.key = "backoff_max", .kind = FIELD_MS, AT(queue_settings, backoff_max_ms), .def = "15m",
     .min = "10ms", .max = "1d", .help = "the longest wait of our own; what a platform asks for is obeyed in full"},
    {.key = "max_attempts", .kind = FIELD_INT, AT(queue_settings, max_attempts), .def = "20",
     .min = "1", .max = "1000", .help = "a delivery that the platform refused so often for now is rejected; outages of a channel or its host do not count"},
    {.key = "concurrency", .kind = FIELD_INT, AT(queue_settings, concurrency), .def = "5",
     .min = "1", .max = "1000", .help = "deliveries at once to one channel, at most"},
    {.key = "total_concurrency", .kind = FIELD_INT, AT(queue_settings, total_concurrency),
     .def = "200", .min = "1", .max = "10000", .help = "deliveries at once to all channels together"},
    {.key = "not_after", .kind = FIELD_MS, AT(queue_settings, not_after_ms), .def = "6h",
     .min = "1s", .max = "30d", .help = "a delivery is worthless after so long, where the channel says nothing else"},
    {.key = "verify_after", .kind = FIELD_MS, AT(queue_settings, verify_after_ms), .def = "5s",
     .min = "0", .max = "1h", .help = "after an unknown outcome, look for our post after so long"},
    FIELD_END,
};

const struct field config_source_common[] = {
    {.key = "type", .kind = FIELD_CUSTOM, .required = true, .example = "json",
     .help = "the kind of source"},
    {.key = "trusted_breaking", .kind = FIELD_BOOL, AT(source_settings, trusted_breaking),
     .def = "true", .help = "an article's own `breaking` counts; false: only the rules decide"},
    {.key = "urgency_scale", .kind = FIELD_ENUM, AT(source_settings, urgency_scale),
     .choices = urgency_scale_names, .def = "iptc",
     .help = "whose numbers its urgencies are; rules see what they are on the IPTC's scale, the article keeps the number"},
    {.key = "max_age", .kind = FIELD_MS, AT(source_settings, max_age_ms), .min = "1m",
     .max = "3650d", .example = "6h",
     .help = "an article not known yet that was published longer ago is recorded and not sent; not set: what the type says"},
    {.key = "retract_after", .kind = FIELD_MS, AT(source_settings, retract_after_ms), .def = "2m",
     .min = "0", .max = "1d",
     .help = "what is unpublished stands so long, so that a quick fix destroys no posts; what waits is stopped at once"},
    FIELD_END,
};

const struct field config_source_called[] = {
    {.key = "secret", .kind = FIELD_SECRET, AT(source_settings, secret), .min = "8",
     .example = "${CMS_SECRET}",
     .help = "shared with the source, which signs what it sends; needed unless signature is none"},
    {.key = "old_secret", .kind = FIELD_SECRET, AT(source_settings, old_secret), .min = "8",
     .example = "${CMS_SECRET_OLD}", .help = "also accepted, while the secret is being changed"},
    FIELD_END,
};

static const char *const audience_modes[] = {"live", "test", NULL};

static const struct field pace_fields[] = {
    {.key = "probe", .kind = FIELD_URL, AT(pace_settings, probe), .example = "https://news.example/",
     .help = "asked for every second while messages go out: a page that readers come to, as they get it"},
    {.key = "slow_above", .kind = FIELD_MS, AT(pace_settings, slow_above_ms), .def = "800ms", .min = "10ms", .max = "60s",
     .help = "when its answer takes longer than this, or fails, messages go slower until it does not"},
    FIELD_END,
};

static const struct field audience_fields[] = {
    {.key = "topics", .kind = FIELD_MAP, AT(audience_settings, topics), .example = "{breaking: Breaking news, sport: Sports}",
     .help = "what members can choose from: a category or tag of articles, and what readers see; `breaking` is every breaking article. Who has chosen nothing gets everything"},
    {.key = "cap", .kind = FIELD_RATE, AT(audience_settings, cap), .example = "4/hour",
     .help = "messages to one member in that time, at most; what is over waits, as long as it is worth anything"},
    {.key = "quiet_hours", .kind = FIELD_BOOL, AT(audience_settings, quiet_hours), .def = "true",
     .help = "in the quiet hours that a member has set only breaking news reach them; the rest waits for their end"},
    {.key = "mode", .kind = FIELD_ENUM, AT(audience_settings, mode), .choices = audience_modes, .def = "live",
     .help = "test: articles go to members marked as test members, and to nobody else"},
    {.key = "confirm_above", .kind = FIELD_INT, AT(audience_settings, confirm_above), .def = "0", .min = "0", .max = "1000000000", .example = "100000",
     .help = "a message to more members than this waits until a person confirms it (crier wave confirm); 0: never"},
    {.key = "undo", .kind = FIELD_MS, AT(audience_settings, undo_ms), .def = "0s", .min = "0", .max = "10m", .example = "15s",
     .help = "nothing leaves for so long, so that it can be stopped (crier wave stop)"},
    {.key = "gone_max", .kind = FIELD_INT, AT(audience_settings, gone_max), .def = "0", .min = "0", .max = "1000000000", .example = "1000",
     .help = "members that are given up in one hour, at most; further ones are put aside until a person has looked; 0: 100, or a twentieth of all where that is more"},
    {.key = "origins", .kind = FIELD_STRINGS, AT(audience_settings, origins), .example = "[\"https://news.example\"]",
     .help = "sites whose pages may subscribe their readers; not set: site.url alone"},
    {.key = "app_key", .kind = FIELD_SECRET, AT(audience_settings, app_key), .min = "16", .example = "${CRIER_APP_KEY}",
     .help = "apps subscribe with it, in the header X-Crier-Key, where there is no page with an origin; not set: they cannot"},
    {.key = "per_address", .kind = FIELD_RATE, AT(audience_settings, per_address), .def = "300/min", .example = "60/min",
     .help = "requests of one address to /push/ in that time, at most; a mobile network, or a proxy that does not say for whom it asks, is one address; unlimited: no bound"},
    {.key = "pace", .kind = FIELD_OBJECT, AT(audience_settings, pace), .fields = pace_fields,
     .help = "how fast messages go, by how the site bears the readers they bring"},
    {.key = "canary", .kind = FIELD_MS, AT(audience_settings, canary_ms), .def = "0s", .min = "0", .max = "7d", .example = "1h",
     .help = "so often a message that is for nobody goes through every stage; an alarm is raised when it does not come through; 0: never"},
    {.key = "connections", .kind = FIELD_INT, AT(audience_settings, connections), .def = "0", .min = "0", .max = "256",
     .help = "connections to one push service, at most; 0: as many as are needed, up to 32"},
    FIELD_END,
};

const struct field config_channel_common[] = {
    {.key = "type", .kind = FIELD_CUSTOM, .required = true, .example = "telegram",
     .help = "the kind of channel, one of `crier channels`"},
    {.key = "enabled", .kind = FIELD_BOOL, AT(channel_settings, enabled), .def = "true",
     .help = "false: nothing goes to this channel"},
    {.key = "when", .kind = FIELD_CUSTOM, AT(channel_settings, when), .example = "{breaking: true}",
     .help = "a rule: only articles that it matches; not set: every article"},
    {.key = "not_after", .kind = FIELD_MS, AT(channel_settings, not_after_ms), .min = "1s",
     .max = "30d", .example = "2h",
     .help = "a delivery is worthless so long after the revision came in; not set: queue.not_after"},
    {.key = "on_unknown", .kind = FIELD_ENUM, AT(channel_settings, on_unknown),
     .choices = unknown_choices, .def = "hold",
     .help = "when a post may be public and nobody can look: hold it for a person, or retry"},
    {.key = "rate", .kind = FIELD_RATE, AT(channel_settings, rate), .example = "20/min",
     .help = "posts per time, at most; not set: what the platform publishes"},
    {.key = "quota", .kind = FIELD_RATE, AT(channel_settings, quota), .example = "25/day",
     .help = "posts in a time, at most, counted by the ledger; what is over waits; per day: by the platform's own day where it has one; not set: what the platform allows"},
    {.key = "reserve", .kind = FIELD_INT, AT(channel_settings, reserve), .min = "0", .max = "1000000",
     .example = "3", .help = "so many posts of the quota are kept for breaking articles"},
    {.key = "fallback", .kind = FIELD_STRINGS, AT(channel_settings, fallback), .example = "[mastodon]",
     .help = "when this channel is blocked its articles go out to these channels or groups, whatever their `when` says, once, if they have not been there"},
    {.key = "fallback_then", .kind = FIELD_ENUM, AT(channel_settings, fallback_then),
     .choices = fallback_choices, .def = "skip",
     .help = "what went out by fallback, once this channel is mended: skip it here, or post it on both while it is worth it"},
    {.key = "concurrency", .kind = FIELD_INT, AT(channel_settings, concurrency), .min = "1",
     .max = "1000", .example = "2", .help = "deliveries at once, at most; not set: queue.concurrency"},
    {.key = "timeout", .kind = FIELD_MS, AT(channel_settings, timeout_ms), .min = "100ms",
     .max = "10m", .example = "20s", .help = "wait so long for one answer; not set: the adapter's own"},
    {.key = "allow_private", .kind = FIELD_BOOL, AT(channel_settings, allow_private), .def = "false",
     .help = "may connect to private, loopback and link-local addresses"},
    {.key = "updates", .kind = FIELD_BOOL, AT(channel_settings, updates), .def = "true",
     .help = "pass corrections on, where the platform can change a post"},
    {.key = "retracts", .kind = FIELD_BOOL, AT(channel_settings, retracts), .def = "true",
     .help = "pass retractions on, where the platform can delete a post"},
    {.key = "tag_links", .kind = FIELD_BOOL, AT(channel_settings, tag_links), .def = "true",
     .help = "add the campaign parameters of site.utm to links"},
    {.key = "audience", .kind = FIELD_OBJECT, AT(channel_settings, audience), .fields = audience_fields,
     .help = "of a channel that addresses people one by one: whom, when and how fast"},
    FIELD_END,
};

static const struct field vault_fields[] = {
    {.key = "key", .kind = FIELD_SECRET, AT(vault_settings, key), .example = "${file:/etc/crier/vault.key}",
     .help = "32 bytes as hex or base64, as from `crier keys vault`: tokens that crier gets and renews are kept encrypted with it"},
    {.key = "old_key", .kind = FIELD_SECRET, AT(vault_settings, old_key), .example = "${file:/etc/crier/vault.old}",
     .help = "the key before: what is still encrypted with it is read, and written anew with `key`"},
    FIELD_END,
};

const struct field config_fields[] = {
    {.key = "site", .kind = FIELD_OBJECT, AT(config, site), .fields = site_fields,
     .help = "the newsroom"},
    {.key = "outlets", .kind = FIELD_OBJECT, AT(config, outlets), .fields = outlets_fields,
     .help = "feeds and a news sitemap of the newsroom, served by crier itself"},
    {.key = "server", .kind = FIELD_OBJECT, AT(config, server), .fields = server_fields,
     .help = "the HTTP door and the log"},
    {.key = "ledger", .kind = FIELD_CUSTOM, AT(config, ledger), .needs_restart = true,
     .fields = config_ledger_fields, .example = "sqlite:/var/lib/crier/crier.db",
     .help = "what is kept, and where: a location alone, or a mapping"},
    {.key = "media", .kind = FIELD_OBJECT, AT(config, media), .fields = media_fields,
     .help = "where videos and pictures made to fit are kept for a while, and how much of them"},
    {.key = "vault", .kind = FIELD_OBJECT, AT(config, vault), .fields = vault_fields,
     .help = "what keeps the tokens of channels that are signed in (`crier keys login CHANNEL`)"},
    {.key = "queue", .kind = FIELD_OBJECT, AT(config, queue), .fields = queue_fields,
     .help = "how often and how long deliveries are tried"},
    {.key = "sources", .kind = FIELD_CUSTOM, AT(config, sources), .fields = config_source_common,
     .example = "{cms: {type: json, secret: ${CMS_SECRET}}}",
     .help = "where articles come from, besides the API: a mapping of names to sources"},
    {.key = "breaking", .kind = FIELD_CUSTOM, AT(config, breaking),
     .example = "[{category: Breaking}, {urgency: 1..3}]",
     .help = "a list of rules: any that matches makes an article breaking"},
    {.key = "channels", .kind = FIELD_CUSTOM, AT(config, channels), .required = true,
     .fields = config_channel_common, .help = "where articles go: a mapping of names to channels"},
    {.key = "groups", .kind = FIELD_CUSTOM, AT(config, groups), .example = "{social: [mastodon, bluesky]}",
     .help = "names for several channels: a mapping of names to lists of channels and other groups; usable in `fallback` and wherever a channel is named"},
    FIELD_END,
};
/* clang-format on */

const char *const *config_template_names(const struct field *f)
{
    for (size_t i = 0; i < ARRAY_LEN(utm_fields); i++) {
        if (f == &utm_fields[i]) {
            return utm_names;
        }
    }
    return template_names;
}
