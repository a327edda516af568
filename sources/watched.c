/* The two kinds of sources that crier goes and looks at. Their reader is the same (feed.h), which tells
 * formats apart by itself; what differs is what people expect of them, so the settings and the words.
 * Polling them is the work of service/watch*.c. */

#include "sources/watched.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/parse.h"
#include "sources/source.h"
#include "sources/sources_list.h"

/* clang-format off */
#define AT(member) .offset = offsetof(struct watched_settings, member)

static const char *const websub_choices[] = {
    [WATCHED_WEBSUB_OFF] = "false", [WATCHED_WEBSUB_AUTO] = "auto", [WATCHED_WEBSUB_ON] = "true", NULL};
static const char *const first_choices[] = {
    [WATCHED_FIRST_RECORD] = "record", [WATCHED_FIRST_SEND] = "send", NULL};
static const char *const cache_choices[] = {
    [WATCHED_CACHE_OBEY] = "obey", [WATCHED_CACHE_IGNORE] = "ignore", NULL};
static const char *const order_choices[] = {
    [WATCHED_DAY_FIRST] = "day-first", [WATCHED_MONTH_FIRST] = "month-first", NULL};

/* The rows both kinds have. */
#define ROW_EVERY                                                                                   \
    {.key = "every", .kind = FIELD_MS, AT(every_ms), .def = "60s", .min = "5s", .max = "1d",        \
     .help = "it is asked so often while the site is active; agree on less than a minute with whoever runs it"}
#define ROW_EVERY_MAX                                                                               \
    {.key = "every_max", .kind = FIELD_MS, AT(every_max_ms), .def = "15m", .min = "5s", .max = "1d", \
     .help = "… and at least so often when it is quiet for long, or a hub tells us what is new"}
#define ROWS_TAKING                                                                                 \
    {.key = "first", .kind = FIELD_ENUM, AT(first), .choices = first_choices, .def = "record",      \
     .help = "what stands there at first sight is only recorded; send: what is younger than max_age goes out"}, \
    {.key = "hold_above", .kind = FIELD_INT, AT(hold_above), .def = "10", .min = "1", .max = "1000", \
     .help = "when more new items than that come at once, all of them wait for a person: `crier sources NAME --release`"}
#define ROWS_ASKING                                                                                 \
    {.key = "cache", .kind = FIELD_ENUM, AT(cache), .choices = cache_choices, .def = "obey",        \
     .help = "obey: do not ask while an answer says that it is fresh (max-age, Expires), up to every_max; ignore: by agreement with whoever runs it"}, \
    {.key = "token", .kind = FIELD_SECRET, AT(token), .example = "${FEED_TOKEN}",                   \
     .help = "for a protected one: sent as Authorization: Bearer, to the host of url only"},        \
    {.key = "headers", .kind = FIELD_MAP, AT(headers), .example = "{X-Api-Key: ${FEED_KEY}}",       \
     .help = "more request headers, sent to the host of url only"},                                 \
    {.key = "timeout", .kind = FIELD_MS, AT(timeout_ms), .def = "20s", .min = "1s", .max = "5m",    \
     .help = "an answer must have come whole in so long"},                                          \
    {.key = "max_bytes", .kind = FIELD_BYTES, AT(max_bytes), .def = "64MiB", .min = "64KiB", .max = "256MiB", \
     .help = "no more is read of an answer"},                                                       \
    {.key = "allow_private", .kind = FIELD_BOOL, AT(allow_private), .def = "false",                 \
     .help = "it may be at a private, loopback or link-local address"}
#define ROWS_DATES                                                                                  \
    {.key = "date_zone", .kind = FIELD_STRING, AT(date_zone), .max = "6", .example = "\"+01:00\"",  \
     .help = "of dates that name no zone; not set: UTC"},                                           \
    {.key = "date_order", .kind = FIELD_ENUM, AT(date_order), .choices = order_choices, .def = "day-first", \
     .help = "what 03/04/2026 means"}

static const struct field feed_settings[] = {
    {.key = "url", .kind = FIELD_URL, AT(url), .required = true,
     .example = "https://news.example/feed/", .help = "the feed"},
    ROW_EVERY,
    ROW_EVERY_MAX,
    {.key = "websub", .kind = FIELD_ENUM, AT(websub), .choices = websub_choices, .def = "auto",
     .help = "let the feed's hub tell us at once what is new; auto: where the feed names one and server.public_url is set"},
    ROWS_TAKING,
    ROWS_ASKING,
    ROWS_DATES,
    FIELD_END,
};
static const struct field sitemap_settings[] = {
    {.key = "url", .kind = FIELD_URL, AT(url), .required = true,
     .example = "https://news.example/news-sitemap.xml",
     .help = "the sitemap, or the index that names it"},
    ROW_EVERY,
    ROW_EVERY_MAX,
    ROWS_TAKING,
    ROWS_ASKING,
    ROWS_DATES,
    FIELD_END,
};
/* clang-format on */

bool source_is_watched(const char *type)
{
    return strcmp(type, source_feed.name) == 0 || strcmp(type, source_sitemap.name) == 0;
}

/* ---- checks ---- */

bool watched_zone(const char *text, int *out_minutes)
{
    int64_t hours, minutes = 0;
    char digits[5] = "";
    size_t len;

    if (strcasecmp(text, "z") == 0) {
        *out_minutes = 0;
        return true;
    }
    if (*text != '+' && *text != '-') {
        return false;
    }
    for (const char *c = text + 1; *c != '\0'; c++) {
        len = strlen(digits);
        if (*c == ':' && c == text + 3 && c[1] != '\0') {
            continue;
        }
        if (*c < '0' || *c > '9' || len >= 4) {
            return false;
        }
        digits[len] = *c;
    }
    len = strlen(digits);
    if (len == 4) {
        if (!parse_i64(digits + 2, &minutes)) {
            return false;
        }
        digits[2] = '\0';
    }
    if (len == 0 || len == 3 || !parse_i64(digits, &hours) || hours > 14 || minutes > 59) {
        return false;
    }
    *out_minutes = (int)(hours * 60 + minutes) * (*text == '-' ? -1 : 1);
    return true;
}

static bool is_token(const char *text)
{
    static const char token[] =
        "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

    return *text != '\0' && text[strspn(text, token)] == '\0';
}

static enum err_code check_headers(const struct watched_settings *s, struct err *why)
{
    static const char *const ours[] = {
        "accept", "accept-encoding", "host", "if-modified-since", "if-none-match", "range"};

    for (size_t i = 0; i < s->headers.count; i++) {
        const char *name = s->headers.v[i].key;

        if (!is_token(name)) {
            return err_set(why, ERR_INVALID, "headers: \"%s\" is no header name", name);
        }
        for (size_t k = 0; k < ARRAY_LEN(ours); k++) {
            if (strcasecmp(name, ours[k]) == 0) {
                return err_set(why, ERR_INVALID, "headers: %s is set by crier itself", name);
            }
        }
        if (s->token.text && strcasecmp(name, "authorization") == 0) {
            return err_set(why, ERR_INVALID, "token: headers has Authorization already");
        }
    }
    return ERR_NONE;
}

static enum err_code check(const void *object, struct err *why)
{
    const struct watched_settings *s = object;
    int minutes;

    if (s->every_max_ms < s->every_ms) {
        return err_set(why, ERR_INVALID, "every_max: is less than every");
    }
    if (s->date_zone && !watched_zone(s->date_zone, &minutes)) {
        return err_set(why, ERR_INVALID, "date_zone: an offset such as \"+01:00\" or Z");
    }
    return check_headers(s, why);
}

/* ---- the kinds ---- */

/* News of that age has been somewhere else by now. */
#define MAX_AGE_MS (6 * MS_HOUR)

static const char feed_setup[] = "Give the address of the feed, best one that has all articles "
                                 "and nothing else (comments and\n"
                                 "podcasts have feeds of their own):\n"
                                 "\n"
                                 "  sources:\n"
                                 "    site:\n"
                                 "      type: feed\n"
                                 "      url: https://news.example/feed/\n"
                                 "\n"
                                 "What stands in it when crier sees it for the first time is "
                                 "recorded and not sent; so is all\n"
                                 "that was published longer ago than max_age. An item that "
                                 "changes is a revision of its article;\n"
                                 "one that leaves the feed is not taken back. A feed that "
                                 "names a hub (rel=\"hub\") is subscribed\n"
                                 "to by WebSub when server.public_url is set, and new items "
                                 "arrive at once. `crier sources` shows\n"
                                 "how it goes.";

static const char sitemap_setup[] =
    "A Google News sitemap (or an index of sitemaps) is complete and machine-made, but has "
    "neither\n"
    "summaries nor pictures: those are read from the article's page.\n"
    "\n"
    "  sources:\n"
    "    sitemap:\n"
    "      type: sitemap\n"
    "      url: https://news.example/news-sitemap.xml\n"
    "\n"
    "Of an index, the sitemaps that changed last are read.";

const struct source source_feed = {
    .name = "feed",
    .title = "Feed",
    .about = "RSS, RDF, Atom or JSON Feed, looked at by crier or pushed by its WebSub hub",
    .doc_url = "https://www.rssboard.org/rss-specification",
    .setup = feed_setup,
    .settings = feed_settings,
    .settings_size = sizeof(struct watched_settings),
    .max_age_ms = MAX_AGE_MS,
    .check = check,
};

const struct source source_sitemap = {
    .name = "sitemap",
    .title = "Sitemap",
    .about = "a Google News sitemap or an index of them, looked at by crier",
    .doc_url = "https://developers.google.com/search/docs/crawling-indexing/sitemaps/"
               "news-sitemap",
    .setup = sitemap_setup,
    .settings = sitemap_settings,
    .settings_size = sizeof(struct watched_settings),
    .max_age_ms = MAX_AGE_MS,
    .check = check,
};
