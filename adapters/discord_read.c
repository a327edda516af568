/* Discord's answers: what each step's answer means, and what a message is known by afterwards.
 * Called by the courses in discord.c. Owns nothing. */

#include "adapters/discord_internal.h"

#include <string.h>

#include "adapters/record.h"
#include "base/json.h"
#include "base/mem.h"

#define CODE_UNKNOWN_MESSAGE 10008

/* Members of a post's record. */
static const char *const kept[] = {"remote_id", "remote_url", "channel", "thread", NULL};

/* Where readers see it; NULL while the server's number has not been learned. */
static char *message_link(const struct step_ctx *ctx, const char *channel, const char *id)
{
    const char *guild = record_str(discord__learned(ctx, "place"), "guild");

    return discord__is_id(guild)
               ? mem_printf("https://discord.com/channels/%s/%s/%s", guild, channel, id)
               : NULL;
}

bool discord__record_message(struct step_ctx *ctx, const json_t *message)
{
    const struct discord_settings *s = discord__settings(ctx);
    const char *id = record_str(message, "id");
    const char *channel = record_str(message, "channel_id");
    char *link;

    if (!discord__is_id(id) || !discord__is_id(channel)) {
        return false;
    }
    link = message_link(ctx, channel, id);
    post_set(ctx, id, link);
    json_set_str(ctx->record, "channel", channel);
    if (discord__is_hook(s) && (s->thread_id || s->thread_name)) {
        json_set_str(ctx->record, "thread", channel);
    }
    mem_free(link);
    return true;
}

static struct verdict
read_sent(struct step_ctx *ctx, const struct step *step, const struct http_response *res)
{
    json_t *body = res->status == 200 ? http_json(res) : NULL;
    bool known = discord__record_message(ctx, body);

    json_decref(body);
    return known ? verdict_done() : discord__trouble(step, res);
}

struct verdict discord__read_hook(struct step_ctx *ctx, const struct http_response *res)
{
    return read_sent(ctx, &discord__publish[1], res);
}

struct verdict discord__read_bot(struct step_ctx *ctx, const struct http_response *res)
{
    return read_sent(ctx, &discord__publish[2], res);
}

struct verdict discord__read_edit(struct step_ctx *ctx, const struct http_response *res)
{
    json_t *body = res->status == 200 ? http_json(res) : NULL;
    bool edited = discord__is_id(record_str(body, "id"));

    json_decref(body);
    if (!edited) {
        return discord__trouble(&discord__update[0], res);
    }
    record_keep(ctx, kept);
    return verdict_done();
}

/* Somebody was faster: gone is what we wanted. */
struct verdict discord__read_delete(struct step_ctx *ctx, const struct http_response *res)
{
    bool gone = res->status == 204 || res->status == 200 ||
                (res->status == 404 && discord__code(res) == CODE_UNKNOWN_MESSAGE);

    if (!gone) {
        return discord__trouble(&discord__retract[0], res);
    }
    record_keep(ctx, kept);
    return verdict_done();
}
