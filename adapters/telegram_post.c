/* Which message stands: from the record of the post or, when a person settled an unknown outcome and
 * only named the message, from that name. Called by telegram_build.c for what changes a message, and
 * by the API through the adapter's `post_named`. Owns nothing. */

#include "adapters/telegram_internal.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "adapters/record.h"
#include "base/attr.h"
#include "base/json.h"
#include "base/parse.h"
#include "base/url.h"

/* NAME, topic, ID, with "c" or "s" before them. */
#define PARTS_MAX 4

struct part {
    char text[72]; /* longer than any name or number of theirs */
};

/* The parts of a path between its slashes; more than PARTS_MAX of them, or one too long: 0. */
static size_t split(const char *path, size_t len, struct part parts[PARTS_MAX])
{
    size_t count = 0;

    for (size_t i = 0, n; i < len; i += n + 1) {
        const char *slash = memchr(path + i, '/', len - i);

        n = slash ? (size_t)(slash - path) - i : len - i;
        if (n == 0) {
            continue;
        }
        if (count == PARTS_MAX || n >= sizeof parts[0].text) {
            return 0;
        }
        memcpy(parts[count].text, path + i, n);
        parts[count].text[n] = '\0';
        count++;
    }
    return count;
}

static bool read_number(const char *text, int64_t *out)
{
    return text[strspn(text, "0123456789")] == '\0' && parse_i64(text, out) && *out > 0;
}

/* In links of chats without a public name, the number stands without its "-100". */
static bool read_chat(struct telegram_post *out, const char *text, bool by_number)
{
    int64_t number;
    int len;

    if (by_number ? !read_number(text, &number) : !telegram__is_name(text)) {
        return false;
    }
    len = snprintf(out->chat, sizeof out->chat, "%s%s", by_number ? "-100" : "@", text);
    return len > 0 && (size_t)len < sizeof out->chat;
}

static bool read_link(struct telegram_post *out, const char *link)
{
    static const char *const hosts[] = {"t.me", "telegram.me", "telegram.dog"};
    struct part parts[PARTS_MAX];
    struct url_parts url;
    bool known = false, by_number;
    size_t count, first;

    if (!link || !url_parse(&url, link)) {
        return false;
    }
    for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
        known = known || (url.host_len == strlen(hosts[i]) &&
                          strncasecmp(url.host, hosts[i], url.host_len) == 0);
    }
    count = split(url.path, url.path_len, parts);
    if (!known || count < 2) {
        return false;
    }
    by_number = strcmp(parts[0].text, "c") == 0;
    first = by_number || strcmp(parts[0].text, "s") == 0 ? 1 : 0;
    count -= first;
    return (count == 2 || count == 3) && read_chat(out, parts[first].text, by_number) &&
           read_number(parts[first + count - 1].text, &out->message_id);
}

/* "CHAT/ID", as the record of a post has it. */
static bool read_remote_id(struct telegram_post *out, const char *remote_id)
{
    const char *slash = remote_id ? strrchr(remote_id, '/') : NULL;
    size_t len = slash ? (size_t)(slash - remote_id) : 0;
    int64_t number;

    if (len == 0 || len >= sizeof out->chat || !read_number(slash + 1, &out->message_id)) {
        return false;
    }
    memcpy(out->chat, remote_id, len);
    out->chat[len] = '\0';
    return out->chat[0] == '@' ? telegram__is_name(out->chat + 1)
                               : parse_i64(out->chat, &number) && number != 0;
}

bool telegram__post_read(struct telegram_post *out, const char *remote_id, const char *link)
{
    struct telegram_post post;

    /* People give the link for the id, too. */
    if (!read_remote_id(&post, remote_id) && !read_link(&post, remote_id) &&
        !read_link(&post, link)) {
        return false;
    }
    *out = post;
    return true;
}

bool telegram__know_post(struct step_ctx *ctx)
{
    struct telegram_post post;

    if (record_int(ctx->post, "message_id") > 0) {
        return true;
    }
    if (!telegram__post_read(&post, post_id(ctx), post_str(ctx, "remote_url"))) {
        return false;
    }
    json_set_str(ctx->record, "chat", post.chat);
    record_set_int(ctx->record, "message_id", post.message_id);
    return true;
}

int64_t telegram__message_id(const struct step_ctx *ctx)
{
    int64_t kept = record_int(ctx->post, "message_id");

    return kept > 0 ? kept : record_int(ctx->record, "message_id");
}
