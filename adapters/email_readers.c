/* Who of a channel's readers has a mail and who has not: a delivery's record. Called by email_send.c
 * before each request and after each answer. Owns nothing; readers are known by their address in lower
 * case, so a change of the list in the settings moves nobody.
 *
 * A reader is in one place only: not yet written to, at hand (a request to him is about to leave),
 * sent, refused, later, or in doubt. The one at hand is written down before the request leaves. If he
 * is still there when the work is taken up again, the program has stopped in between:
 *
 *   while others were waiting    nobody knows whether he has it. He is put in doubt and the others go
 *                                on, since the ledger took the step for one that may be repeated
 *   when he was the last         the ledger has made the delivery unknown, and somebody (a person,
 *                                on_unknown) has since said that he is to get it
 *
 * So no reader gets a mail twice unless somebody who knows of the doubt says so. */

#include "adapters/email_internal.h"

#include <string.h>

#include "adapters/record.h"
#include "base/crypto.h"
#include "base/json.h"

#define AT_HAND "at_hand" /* {to, at, last} */
#define TOLD "told"
#define THREAD_KEY_DIGITS 32

static json_t *object_of(json_t *record, const char *name)
{
    json_t *v = json_object_get(record, name);

    if (!json_is_object(v)) {
        v = json_object();
        must(json_object_set_new(record, name, v) == 0);
    }
    return v;
}

static bool is_in(const json_t *record, const char *name, const char *key)
{
    return json_object_get(json_object_get(record, name), key) != NULL;
}

size_t email__readers_count(const struct step_ctx *ctx, const char *name)
{
    return json_object_size(json_object_get(ctx->record, name));
}

/* ---- what stands ---- */

static void add_keys(json_t *list, const json_t *post, const char *name)
{
    const char *key;
    json_t *v;

    json_object_foreach(json_object_get(post, name), key, v)
    {
        (void)json_array_append_new(list, json_string(key));
    }
}

/* Those who have the first mail, or may have it: a correction is for them. */
static void note_readers(struct step_ctx *ctx)
{
    const json_t *known = json_object_get(ctx->post, EMAIL_HAD_FIRST);
    const char *at_hand = json_path_str(json_object_get(ctx->post, AT_HAND), "to");
    json_t *list;

    if (known) {
        (void)json_object_set_new(ctx->record, EMAIL_HAD_FIRST, json_deep_copy(known));
        return;
    }
    list = json_array();
    add_keys(list, ctx->post, EMAIL_SENT);
    add_keys(list, ctx->post, EMAIL_IN_DOUBT);
    if (at_hand) {
        (void)json_array_append_new(list, json_string(at_hand));
    }
    if (json_array_size(list) > 0) {
        (void)json_object_set(ctx->record, EMAIL_HAD_FIRST, list);
    }
    json_decref(list);
}

static void open_thread(struct step_ctx *ctx)
{
    static const char *const kept[] = {EMAIL_THREAD, NULL};
    const struct email_settings *s = email__settings(ctx);
    struct email_mailbox from;
    json_t *thread;

    if (json_object_get(ctx->record, EMAIL_THREAD)) {
        return;
    }
    if (ctx->post && ctx->course != COURSE_PUBLISH) {
        note_readers(ctx);
        record_keep(ctx, kept);
    }
    if (json_object_get(ctx->record, EMAIL_THREAD) ||
        email__mailbox_read(&from, "from", s->from, NULL)) {
        return;
    }
    thread = json_object();
    (void)json_object_set_new(
        thread, "key", json_stringn(ctx->key, strnlen(ctx->key, THREAD_KEY_DIGITS)));
    json_set_str(thread, "domain", email__domain(&from));
    (void)json_object_set_new(ctx->record, EMAIL_THREAD, thread);
    email__mailbox_done(&from);
}

bool email__had_first(const struct step_ctx *ctx, const char *key)
{
    const json_t *list = json_object_get(ctx->record, EMAIL_HAD_FIRST);
    json_t *v;
    size_t i;

    json_array_foreach(list, i, v)
    {
        if (json_is_string(v) && strcmp(json_string_value(v), key) == 0) {
            return true;
        }
    }
    return false;
}

/* ---- the one at hand ---- */

const char *email__readers_at_hand(const struct step_ctx *ctx)
{
    return json_path_str(json_object_get(ctx->record, AT_HAND), "to");
}

void email__readers_drop_at_hand(struct step_ctx *ctx)
{
    record_drop(ctx->record, AT_HAND);
}

void email__readers_begin(struct step_ctx *ctx, const char *address, bool last)
{
    json_t *v = json_object();

    json_set_str(v, "to", address);
    record_set_int(v, "at", ctx->now_ms);
    record_set_flag(v, "last", last);
    must(json_object_set_new(ctx->record, AT_HAND, v) == 0);
}

void email__readers_file(struct step_ctx *ctx, const char *name, json_t *value_taken)
{
    const char *to = email__readers_at_hand(ctx);

    if (to) {
        must(json_object_set(object_of(ctx->record, name), to, value_taken) == 0);
    }
    json_decref(value_taken);
    email__readers_drop_at_hand(ctx);
}

/* Building a request twice at one time is one request. */
static void settle_at_hand(struct step_ctx *ctx)
{
    const json_t *v = json_object_get(ctx->record, AT_HAND);

    if (!v || record_int(v, "at") == ctx->now_ms) {
        return;
    }
    if (record_flag(v, "last")) {
        email__readers_drop_at_hand(ctx);
    } else {
        email__readers_file(ctx, EMAIL_IN_DOUBT, json_true());
    }
}

/* ---- rounds ---- */

void email__readers_told(struct step_ctx *ctx)
{
    record_set_flag(ctx->record, TOLD, true);
}

void email__readers_forgive(struct step_ctx *ctx)
{
    json_t *refused = json_object_get(ctx->record, EMAIL_REFUSED);
    const char *key;
    json_t *v;
    void *next;

    json_object_foreach_safe(refused, next, key, v)
    {
        if (record_flag(v, "policy")) {
            (void)json_object_del(refused, key);
        }
    }
}

void email__readers_open(struct step_ctx *ctx)
{
    open_thread(ctx);
    settle_at_hand(ctx);
    if (record_flag(ctx->record, TOLD)) {
        record_drop(ctx->record, EMAIL_IN_DOUBT);
        record_drop(ctx->record, TOLD);
    }
    if (email__readers_left(ctx) == 0) {
        record_drop(ctx->record, EMAIL_LATER); /* the next round */
    }
}

/* ---- the list ---- */

/* The settings were checked, so each entry is a mailbox. */
static bool entry(const struct step_ctx *ctx, size_t i, struct email_mailbox *out)
{
    return email__mailbox_read(out, "to", email__settings(ctx)->to.v[i], NULL) == ERR_NONE;
}

static bool is_ours(const struct step_ctx *ctx, const char *key)
{
    return !json_object_get(ctx->record, EMAIL_HAD_FIRST) || email__had_first(ctx, key);
}

static bool is_left(const struct step_ctx *ctx, const char *key)
{
    return is_ours(ctx, key) && !is_in(ctx->record, EMAIL_SENT, key) &&
           !is_in(ctx->record, EMAIL_REFUSED, key) && !is_in(ctx->record, EMAIL_LATER, key) &&
           !is_in(ctx->record, EMAIL_IN_DOUBT, key);
}

bool email__readers_next(struct step_ctx *ctx, struct email_mailbox *out, size_t *count)
{
    struct email_mailbox m;

    *count = 0;
    for (size_t i = 0; i < email__settings(ctx)->to.count; i++) {
        if (!entry(ctx, i, &m)) {
            continue;
        }
        if (is_left(ctx, m.key) && (*count)++ == 0) {
            *out = m;
        } else {
            email__mailbox_done(&m);
        }
    }
    return *count > 0;
}

size_t email__readers_left(struct step_ctx *ctx)
{
    struct email_mailbox first;
    size_t count;

    if (email__readers_next(ctx, &first, &count)) {
        email__mailbox_done(&first);
    }
    return count;
}

size_t email__readers_total(struct step_ctx *ctx)
{
    struct email_mailbox m;
    size_t count = 0;

    for (size_t i = 0; i < email__settings(ctx)->to.count; i++) {
        if (entry(ctx, i, &m)) {
            count += is_ours(ctx, m.key);
            email__mailbox_done(&m);
        }
    }
    return count;
}
