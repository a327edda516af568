/* The parts of a payload that platforms share, and where requests go. Called by the adapters that notice.h names,
 * partly on lanes' threads. Pure. */

#include "adapters/notice.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/json_put.h"
#include "base/mem.h"
#include "base/text.h"

#define BLANKS " \t\r\n"

/* ---- payloads ---- */

void notice_put_data(struct buf *out, const struct step_ctx *ctx, const struct notice *n)
{
    const char *key;
    json_t *v;

    json_put_text(out, "url", n->link);
    json_put_text(out, "story_id", ctx->article_id);
    json_put_text(out, "lang", ctx->article->language);
    if (n->retracted) {
        json_put_text(out, "retracted", "true");
    }
    json_object_foreach(json_unconst(n->data), key, v)
    {
        json_put_text(out, key, json_string_value(v));
    }
}

static const char *level_of(const struct notice_apple *apple, const struct notice *n)
{
    return notice_levels[n->quiet      ? NOTICE_LEVEL_PASSIVE
                         : n->breaking ? apple->breaking_level
                                       : apple->level];
}

void notice_put_aps(struct buf *out,
                    const struct notice_apple *apple,
                    const struct notice *n,
                    bool with_alert)
{
    json_put_open(out, "aps", '{');
    if (with_alert) {
        json_put_open(out, "alert", '{');
        json_put_text(out, "title", n->title);
        json_put_text(out, "body", *n->body != '\0' ? n->body : NULL);
        json_put_close(out, '}');
    }
    if (n->sound) {
        json_put_text(out, "sound", "default");
    }
    if (n->picture) {
        json_put_int(out, "mutable-content", 1); /* the app's extension fetches it */
    }
    json_put_text(out, "thread-id", apple->thread);
    json_put_text(out, "category", apple->category);
    json_put_text(out, "interruption-level", level_of(apple, n));
    json_put_close(out, '}');
}

const char *notice_apple_priority(const struct notice *n)
{
    return n->urgent ? "10" : "5";
}

/* ---- where to ---- */

static size_t origin_len(const char *api)
{
    const char *host = strstr(api, "://");

    host = host ? host + 3 : api;
    return (size_t)(host - api) + strcspn(host, "/?#");
}

void notice_origin(struct buf *out, const char *api)
{
    buf_add(out, api, origin_len(api));
}

const char *notice_base_path(const char *api, size_t *out_len)
{
    const char *path = api + origin_len(api);

    *out_len = strcspn(path, "?#");
    while (*out_len > 0 && path[*out_len - 1] == '/') {
        --*out_len;
    }
    return path;
}

/* ---- members ---- */

bool notice_token(const char *text, char *out, bool (*may_be)(char c), size_t least)
{
    size_t n = 0;

    text += strspn(text, BLANKS);
    for (; *text && !strchr(BLANKS, *text); text++) {
        if (!may_be(*text) || n + 1 >= MEMBER_ADDRESS_BYTES) {
            return false;
        }
        out[n++] = *text;
    }
    out[n] = '\0';
    return n >= least && text[strspn(text, BLANKS)] == '\0';
}

void notice_say(struct member_word *words,
                size_t count,
                enum member_outcome outcome,
                int64_t retry_after_ms,
                const char *detail)
{
    for (size_t i = 0; i < count; i++) {
        words[i].outcome = outcome;
        words[i].retry_after_ms = retry_after_ms;
        (void)snprintf(words[i].detail, sizeof words[i].detail, "%s", detail);
        (void)text_drop_halves(words[i].detail);
    }
}

/* Whether it is all of them, as far as anybody knows. */
static bool is_general(struct notice_tally *tally, size_t count)
{
    return atomic_fetch_add(&tally->doubted, count) + count >= NOTICE_DOUBTS;
}

struct verdict notice_doubted(struct notice_tally *tally,
                              struct member_word *words,
                              size_t count,
                              const char *detail,
                              const char *hint)
{
    notice_say(words, count, MEMBER_AGAIN, 0, detail);
    return atomic_load(&tally->accepted) == 0 && is_general(tally, count)
               ? verdict_make(VERDICT_BLOCKED, SCOPE_CHANNEL, 0, "%s; %s", detail, hint)
               : verdict_next();
}

struct verdict notice_not_ours(struct notice_tally *tally,
                               struct member_word *words,
                               size_t count,
                               const char *detail,
                               const char *hint)
{
    if (atomic_load(&tally->accepted) == 0) {
        return notice_doubted(tally, words, count, detail, hint);
    }
    notice_say(words, count, MEMBER_LOST, 0, detail);
    return verdict_next();
}

struct verdict notice_refused(struct notice_tally *tally,
                              struct member_word *words,
                              size_t count,
                              const char *detail)
{
    notice_say(words, count, MEMBER_REFUSED, 0, detail);
    return atomic_load(&tally->accepted) == 0 && is_general(tally, count)
               ? verdict_make(VERDICT_REJECTED, SCOPE_POST, 0, "%s", detail)
               : verdict_next();
}

struct verdict notice_accepted(struct notice_tally *tally, size_t count)
{
    atomic_fetch_add(&tally->accepted, count);
    return verdict_next();
}
