/* Addresses: the parts of a webhook's URL, and which message stands, from the record of the post or,
 * when a person settled an unknown outcome and only named the message, from that name. Called by
 * whatever sends a request, by checks of settings, and by the API through the adapter's
 * `post_named`. Owns nothing. */

#include "adapters/discord_internal.h"

#include <string.h>
#include <strings.h>

#include "adapters/record.h"
#include "base/attr.h"
#include "base/json.h"
#include "base/url.h"

#define DIGITS "0123456789"

/* ---- a webhook ---- */

/* Moves *p behind word; false when it does not stand there. */
static bool skip_word(const char **p, const char *word)
{
    size_t len = strlen(word);

    if (strncmp(*p, word, len) != 0) {
        return false;
    }
    *p += len;
    return true;
}

/* "v10/", which not every copied address has. */
static void skip_version(const char **p)
{
    size_t digits = **p == 'v' ? strspn(*p + 1, DIGITS) : 0;

    if (digits > 0 && (*p)[1 + digits] == '/') {
        *p += digits + 2;
    }
}

bool discord__hook_read(struct discord_hook *out, const char *url)
{
    static const char token[] = DIGITS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_-";
    struct discord_hook h = {.origin = url};
    struct url_parts parts;
    const char *p;

    if (!url || !url_parse(&parts, url) || parts.has_userinfo || parts.query ||
        parts.fragment) {
        return false;
    }
    p = parts.path;
    h.origin_len = (size_t)(p - url);
    if (!skip_word(&p, "/api/")) {
        return false;
    }
    skip_version(&p);
    if (!skip_word(&p, "webhooks/")) {
        return false;
    }
    h.id = p;
    h.id_len = strspn(p, DIGITS);
    p += h.id_len;
    h.token = p + (*p == '/');
    h.token_len = strspn(h.token, token);
    *out = h;
    return h.id_len > 0 && h.id_len < DISCORD_ID_BYTES && *p == '/' && h.token_len > 0 &&
           h.token[h.token_len] == '\0';
}

/* ---- a message ---- */

static bool is_id(const char *text, size_t len)
{
    return len > 0 && len < DISCORD_ID_BYTES && strspn(text, DIGITS) >= len && text[0] != '0';
}

bool discord__is_id(const char *text)
{
    return text && is_id(text, strlen(text));
}

static void copy_id(char to[DISCORD_ID_BYTES], const char *text, size_t len)
{
    memcpy(to, text, len);
    to[len] = '\0';
}

/* "ID" or "CHANNEL/ID", up to the end of the text or to what may follow in a link. */
static bool read_pair(struct discord_post *out, const char *text)
{
    size_t first = text ? strcspn(text, "/?#") : 0;
    size_t second = first > 0 && text[first] == '/' ? strcspn(text + first + 1, "/?#") : 0;

    if (!text || !is_id(text, first)) {
        return false;
    }
    if (second == 0) {
        copy_id(out->message, text, first);
        out->channel[0] = '\0';
        return text[first] == '\0';
    }
    if (!is_id(text + first + 1, second)) {
        return false;
    }
    copy_id(out->channel, text, first);
    copy_id(out->message, text + first + 1, second);
    return text[first + 1 + second] != '/' || text[first + 2 + second] == '\0';
}

static bool is_discord(const struct url_parts *url)
{
    static const char *const hosts[] = {
        "discord.com", "ptb.discord.com", "canary.discord.com", "discordapp.com"};

    for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
        if (strlen(hosts[i]) == url->host_len &&
            strncasecmp(hosts[i], url->host, url->host_len) == 0) {
            return true;
        }
    }
    return false;
}

/* /channels/SERVER/CHANNEL/ID; the server of a direct message is "@me". */
static bool read_link(struct discord_post *out, const char *link)
{
    struct url_parts url;
    const char *p;
    size_t server;

    if (!link || !url_parse(&url, link) || !is_discord(&url)) {
        return false;
    }
    p = url.path;
    if (!skip_word(&p, "/channels/")) {
        return false;
    }
    server = strcspn(p, "/");
    return is_id(p, server) && p[server] == '/' && strchr(p + server + 1, '/') &&
           read_pair(out, p + server + 1);
}

bool discord__post_read(struct discord_post *out, const char *remote_id, const char *link)
{
    struct discord_post post = {.channel = ""};

    /* People give the link for the id, too. */
    if (!read_pair(&post, remote_id) && !read_link(&post, remote_id) &&
        !read_link(&post, link)) {
        return false;
    }
    *out = post;
    return true;
}

/* Where a message that only has a name stands: what the name says, else what the settings say. */
static void note_place(struct step_ctx *ctx, const struct discord_post *post)
{
    const struct discord_settings *s = discord__settings(ctx);
    const char *own = discord__is_hook(s) ? s->thread_id : s->channel;
    const char *channel = post->channel[0] != '\0' ? post->channel : own;

    json_set_str(ctx->record, "channel", channel);
    if (discord__is_hook(s) && (s->thread_id || s->thread_name)) {
        json_set_str(ctx->record, "thread", channel);
    }
}

bool discord__know_post(struct step_ctx *ctx, struct discord_post *out)
{
    const char *channel = post_str(ctx, "channel");

    if (!discord__post_read(out, post_id(ctx), post_str(ctx, "remote_url"))) {
        return false;
    }
    if (!discord__is_id(channel)) {
        note_place(ctx, out);
        channel = record_str(ctx->record, "channel");
    }
    out->channel[0] = '\0';
    if (discord__is_id(channel)) {
        copy_id(out->channel, channel, strlen(channel));
    }
    return true;
}

const char *discord__thread(const struct step_ctx *ctx)
{
    const char *thread =
        post_str(ctx, "channel") ? post_str(ctx, "thread") : record_str(ctx->record, "thread");

    return discord__is_id(thread) ? thread : NULL;
}
