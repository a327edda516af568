/* Addresses: of an incoming webhook, and of a message by its names. Called by checks of settings, by
 * whatever changes a message, and by the API through the adapter's `post_named`. Pure. */

#include "adapters/slack_internal.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/url.h"

#define DIGITS "0123456789"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define LETTERS UPPER "abcdefghijklmnopqrstuvwxyz"

static bool skip_word(const char **p, const char *word)
{
    size_t len = strlen(word);

    if (strncmp(*p, word, len) != 0) {
        return false;
    }
    *p += len;
    return true;
}

bool slack__is_hook_url(const char *url)
{
    struct url_parts parts;
    const char *p;

    if (!url || !url_parse(&parts, url) || parts.has_userinfo || parts.query ||
        parts.fragment) {
        return false;
    }
    p = parts.path;
    if (!skip_word(&p, "/services")) {
        return false;
    }
    for (int i = 0; i < 3; i++) {
        size_t len = *p == '/' ? strspn(p + 1, LETTERS DIGITS) : 0;

        if (len == 0) {
            return false;
        }
        p += 1 + len;
    }
    return *p == '\0';
}

/* C: a channel; G: an older private one; D: a person. */
static bool is_channel(const char *text, size_t len)
{
    return len >= 3 && len < sizeof((struct slack_post *)NULL)->channel &&
           strchr("CGD", text[0]) && strspn(text, UPPER DIGITS) >= len;
}

bool slack__is_channel(const char *text)
{
    return text && *text && is_channel(text, strlen(text));
}

/* Seconds, a dot and six digits. */
static bool is_ts(const char *text, size_t len)
{
    size_t seconds = strspn(text, DIGITS);

    return seconds >= 10 && seconds <= 12 && len == seconds + 7 && text[seconds] == '.' &&
           strspn(text + seconds + 1, DIGITS) == 6;
}

static void set(struct slack_post *out, const char *channel, size_t channel_len, const char *ts)
{
    memcpy(out->channel, channel, channel_len);
    out->channel[channel_len] = '\0';
    (void)snprintf(out->ts, sizeof out->ts, "%s", ts);
}

static bool read_pair(struct slack_post *out, const char *text)
{
    const char *slash = text ? strchr(text, '/') : NULL;

    if (!slash || slash == text || !is_channel(text, (size_t)(slash - text)) ||
        !is_ts(slash + 1, strlen(slash + 1))) {
        return false;
    }
    set(out, text, (size_t)(slash - text), slash + 1);
    return true;
}

static bool is_slack(const struct url_parts *url)
{
    static const char domain[] = ".slack.com";
    size_t len = sizeof domain - 1;

    return url->host_len > len &&
           strncasecmp(url->host + url->host_len - len, domain, len) == 0;
}

/* /archives/C012/p1503435956000247: the time without its dot. */
static bool read_link(struct slack_post *out, const char *link)
{
    struct url_parts url;
    char ts[32];
    const char *p, *channel;
    size_t len, digits;

    if (!link || !url_parse(&url, link) || !is_slack(&url)) {
        return false;
    }
    p = url.path;
    if (!skip_word(&p, "/archives/")) {
        return false;
    }
    channel = p;
    len = strspn(p, UPPER DIGITS);
    p += len;
    if (len == 0 || !is_channel(channel, len) || !skip_word(&p, "/p")) {
        return false;
    }
    digits = strspn(p, DIGITS);
    if (digits < 16 || digits > 18 || (p[digits] != '\0' && !strchr("/?#", p[digits]))) {
        return false;
    }
    (void)snprintf(ts, sizeof ts, "%.*s.%.6s", (int)digits - 6, p, p + digits - 6);
    set(out, channel, len, ts);
    return true;
}

bool slack__post_read(struct slack_post *out, const char *remote_id, const char *link)
{
    /* People give the link for the id, too. */
    return read_pair(out, remote_id) || read_link(out, remote_id) || read_link(out, link);
}
