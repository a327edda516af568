/* What adapters with an audience share: names of messages, addresses as logs may show them, and the word about
 * one member. Called by their steps and by service/wave.c. Pure. */

#include "adapters/audience.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "adapters/adapter.h"
#include "base/parse.h"
#include "base/text.h"

void member_name(char out[64], const char *delivery_id, uint64_t member)
{
    (void)snprintf(out, 64, "%.31s:%" PRIu64, delivery_id, member);
}

bool member_name_read(const char *name, char out_delivery[32], uint64_t *out_member)
{
    const char *colon = strchr(name, ':');
    int64_t member;

    if (!colon || colon == name || colon - name > 31 || !parse_i64(colon + 1, &member) ||
        member <= 0) {
        return false;
    }
    memcpy(out_delivery, name, (size_t)(colon - name));
    out_delivery[colon - name] = '\0';
    *out_member = (uint64_t)member;
    return true;
}

/* So much of it that its owner's file can be found by somebody who has it, and nobody else's. */
#define SHOWN_FRONT 3
#define SHOWN_BACK 2

void member_mask(char out[MEMBER_ADDRESS_BYTES], const char *address)
{
    size_t len = strlen(address);

    if (len <= SHOWN_FRONT + SHOWN_BACK) {
        (void)snprintf(out, MEMBER_ADDRESS_BYTES, "…");
        return;
    }
    (void)snprintf(
        out, MEMBER_ADDRESS_BYTES, "%.*s…%s", SHOWN_FRONT, address, address + len - SHOWN_BACK);
}

const struct member *member_of(const struct step_ctx *ctx, const struct audience *a)
{
    return ctx->member ? ctx->member : a->sample;
}

void member_say(struct step_ctx *ctx,
                enum member_outcome outcome,
                int64_t retry_after_ms,
                const char *detail)
{
    struct member_word *w = &ctx->word;

    w->outcome = outcome;
    w->retry_after_ms = retry_after_ms;
    w->id[0] = '\0';
    (void)snprintf(w->detail, sizeof w->detail, "%s", detail ? detail : "");
    (void)text_drop_halves(w->detail);
}
