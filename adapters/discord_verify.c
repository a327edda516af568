/* As whom we post and where, and whether our message stands after an outcome nobody knows. Courses
 * verify and test, and the first step of publish.
 *
 * Where a webhook posts is asked once and kept, since links of messages have the server's number in
 * them and no answer to a message tells it. That never holds up news: only a no to us, or a limit,
 * stops here.
 *
 * A bot reads its channel, newest first, back to the time the delivery was made: a message of its
 * own with our nonce, or with the article's link on its card or in its text, is ours. A channel that
 * shows nothing at all may be one whose history the bot must not read (Discord does not say so),
 * and is no proof of absence. */

#include "adapters/discord_internal.h"

#include <string.h>

#include "adapters/look.h"
#include "adapters/record.h"
#include "base/json.h"
#include "base/mem.h"

#define PAGE_SIZE 100 /* the most the API gives at once */
#define PAGES_MAX 5
#define PAGE_BYTES_MAX ((size_t)8 * 1024 * 1024)

/* ---- what is learned once ---- */

void discord__learned_for(const struct discord_settings *s, char out[SHA256_HEX_BYTES])
{
    uint8_t digest[SHA256_BYTES];
    char *text = mem_printf("%s\n%s",
                            discord__is_hook(s) ? s->webhook_url.text
                            : s->token.text     ? s->token.text
                                                : "",
                            !discord__is_hook(s) && s->channel ? s->channel : "");

    crypto_sha256(text, strlen(text), digest);
    explicit_bzero(text, strlen(text));
    mem_free(text);
    (void)crypto_hex(digest, sizeof digest, out);
}

const json_t *discord__learned(const struct step_ctx *ctx, const char *name)
{
    const json_t *known = json_object_get(ctx->account, name);
    const char *of = record_str(known, "of");
    char now[SHA256_HEX_BYTES];

    discord__learned_for(discord__settings(ctx), now);
    return of && strcmp(of, now) == 0 ? known : NULL;
}

static json_t *learn(struct step_ctx *ctx, const char *name)
{
    json_t *known = json_object();
    char of[SHA256_HEX_BYTES];

    discord__learned_for(discord__settings(ctx), of);
    json_set_str(known, "of", of);
    (void)json_object_set_new(ctx->account, name, known);
    return known;
}

/* ---- the place ---- */

enum err_code
discord__build_test(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    const struct discord_settings *s = discord__settings(ctx);

    (void)why;
    if (discord__is_hook(s)) {
        discord__request(ctx, req, HTTP_GET, "%s", "");
    } else {
        discord__request(ctx, req, HTTP_GET, "/channels/%s", s->channel);
    }
    return ERR_NONE;
}

enum err_code
discord__build_place(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    if (discord__learned(ctx, "place")) {
        req->skip = true;
        return ERR_NONE;
    }
    return discord__build_test(ctx, req, why);
}

/* The name of the webhook, or of the bot's channel; yours. NULL: the answer is no such thing. */
static char *read_place(struct step_ctx *ctx, const struct http_response *res)
{
    json_t *body = res->status == 200 ? http_json(res) : NULL;
    const char *id = record_str(body, "id");
    const char *name = record_str(body, "name");
    char *out = NULL;
    json_t *place;

    if (discord__is_id(id)) {
        place = learn(ctx, "place");
        json_set_str(place, "guild", record_str(body, "guild_id"));
        json_set_str(place, "channel", record_str(body, "channel_id"));
        out = mem_strdup(name ? name : id);
    }
    json_decref(body);
    return out;
}

struct verdict discord__read_place(struct step_ctx *ctx, const struct http_response *res)
{
    char *name = read_place(ctx, res);
    struct verdict v;

    if (name) {
        mem_free(name);
        return verdict_next();
    }
    v = discord__trouble(&discord__publish[0], res);
    return v.kind == VERDICT_BLOCKED || v.scope != SCOPE_POST ? v : verdict_next();
}

struct verdict discord__read_test(struct step_ctx *ctx, const struct http_response *res)
{
    char *name = read_place(ctx, res);
    struct verdict v;

    if (!name) {
        return discord__trouble(&discord__test[0], res);
    }
    v = verdict_make(VERDICT_DONE,
                     SCOPE_POST,
                     0,
                     discord__is_hook(discord__settings(ctx)) ? "the webhook \"%s\" is there"
                                                              : "the bot sees #%s",
                     name);
    mem_free(name);
    return v;
}

/* ---- our message ---- */

enum err_code discord__build_me(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    (void)why;
    if (discord__is_hook(discord__settings(ctx)) || discord__learned(ctx, "me")) {
        req->skip = true;
        return ERR_NONE;
    }
    discord__request(ctx, req, HTTP_GET, "/users/@me");
    return ERR_NONE;
}

struct verdict discord__read_me(struct step_ctx *ctx, const struct http_response *res)
{
    json_t *body = res->status == 200 ? http_json(res) : NULL;
    const char *id = record_str(body, "id");
    bool known = discord__is_id(id);

    if (known) {
        json_set_str(learn(ctx, "me"), "id", id);
    }
    json_decref(body);
    return known ? verdict_next() : discord__trouble(&discord__verify[0], res);
}

enum err_code
discord__build_find(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    const struct discord_settings *s = discord__settings(ctx);
    const char *before = record_str(ctx->record, "before");

    (void)why;
    if (discord__is_hook(s)) {
        req->skip = true;
        return ERR_NONE;
    }
    discord__request(ctx,
                     req,
                     HTTP_GET,
                     "/channels/%s/messages?limit=%d%s%s",
                     s->channel,
                     PAGE_SIZE,
                     before ? "&before=" : "",
                     before ? before : "");
    req->max_answer_bytes = PAGE_BYTES_MAX;
    return ERR_NONE;
}

static bool says(const char *text, const char *link)
{
    return text && *link && strstr(text, link);
}

static bool shows_article(const struct step_ctx *ctx, const json_t *message)
{
    const char *content = record_str(message, "content");
    json_t *card;
    size_t i;

    json_array_foreach(json_object_get(message, "embeds"), i, card)
    {
        const char *url = record_str(card, "url");

        if (url && (strcmp(url, ctx->link) == 0 || strcmp(url, ctx->article->url) == 0)) {
            return true;
        }
    }
    return says(content, ctx->link) || says(content, ctx->article->url);
}

static bool has_our_nonce(const struct step_ctx *ctx, const json_t *message)
{
    const char *nonce = record_str(message, "nonce");

    return nonce && *nonce && strncmp(ctx->key, nonce, strlen(nonce)) == 0;
}

static bool is_ours(const struct step_ctx *ctx, const json_t *message)
{
    const char *me = record_str(discord__learned(ctx, "me"), "id");
    const char *author = json_string_value(json_path(message, "author", "id", NULL));

    if (!me || !author || strcmp(me, author) != 0) {
        return false;
    }
    return has_our_nonce(ctx, message) || shows_article(ctx, message);
}

/* Messages from so long before the delivery are not of it. */
static bool is_older(const struct step_ctx *ctx, const json_t *message, int64_t by_ms)
{
    const char *stamp = record_str(message, "timestamp");
    int64_t at_ms;

    return stamp && time_parse_rfc3339(stamp, strlen(stamp), &at_ms) &&
           at_ms < ctx->created_at_ms - by_ms;
}

static struct verdict end_look(struct step_ctx *ctx, enum verdict_kind kind, const char *what)
{
    record_drop(ctx->record, "pages");
    record_drop(ctx->record, "before");
    return verdict_make(kind, SCOPE_POST, 0, "%s", what);
}

/* last_id: of the oldest message of this page, NULL: there was none. */
static struct verdict go_further(struct step_ctx *ctx, const char *last_id, bool reached)
{
    int64_t pages = record_int(ctx->record, "pages") + 1;
    struct verdict v;

    if (pages == 1 && !last_id) {
        return end_look(ctx,
                        VERDICT_UNKNOWN,
                        "the channel shows no message at all: does the bot have the right Read "
                        "Message History?");
    }
    if (reached && look_is_too_soon(ctx, &v)) {
        (void)end_look(ctx, VERDICT_AGAIN, "");
        return v;
    }
    if (reached) {
        return end_look(ctx, VERDICT_ABSENT, "the channel holds no such message");
    }
    if (pages >= PAGES_MAX) {
        return end_look(
            ctx, VERDICT_UNKNOWN, "the channel has seen too much since to look through");
    }
    record_set_int(ctx->record, "pages", pages);
    json_set_str(ctx->record, "before", last_id);
    return verdict_jump("find_message");
}

/* NEXT: it is of no use after all. A nonce is ours whatever a clock says. */
static struct verdict end_found(struct step_ctx *ctx, const json_t *message)
{
    if (!has_our_nonce(ctx, message) && is_older(ctx, message, ADAPTER_CLOCK_DIFFERENCE_MS)) {
        return end_look(ctx, VERDICT_UNKNOWN, ADAPTER_SEEMS_OLDER);
    }
    return discord__record_message(ctx, message) ? end_look(ctx, VERDICT_DONE, "")
                                                 : verdict_next();
}

struct verdict discord__read_find(struct step_ctx *ctx, const struct http_response *res)
{
    json_t *list = res->status == 200 ? http_json(res) : NULL;
    const char *last_id = NULL;
    bool older = false;
    struct verdict v;
    json_t *message;
    size_t i;

    if (!json_is_array(list)) {
        json_decref(list);
        return discord__trouble(&discord__verify[1], res);
    }
    json_array_foreach(list, i, message)
    {
        last_id = record_str(message, "id");
        older = older || is_older(ctx, message, ADAPTER_CLOCK_WRONG_MS);
        if (!older && is_ours(ctx, message)) {
            v = end_found(ctx, message);
            if (v.kind != VERDICT_NEXT) {
                json_decref(list);
                return v;
            }
        }
    }
    v = go_further(ctx,
                   discord__is_id(last_id) ? last_id : NULL,
                   older || json_array_size(list) < PAGE_SIZE);
    json_decref(list);
    return v;
}
