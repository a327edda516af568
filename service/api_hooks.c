/* What a CMS calls: POST /hooks/{source}. The raw body is checked against the source's
 * signature before anything reads it. Then it is an article as in POST /v1/articles, or an
 * envelope that says what happened: {"event": "published" | "updated" | "retracted" | …,
 * "article": {…}}. Called by the door; the rest is the API's own way of taking articles in and
 * back.
 *
 * The same call, repeated: with Standard Webhooks the message id is the key under which the
 * ledger answers as it did the first time. GitHub's scheme has no id; there the same body is
 * simply the same article, unchanged. */

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "service/api_internal.h"
#include "service/signature.h"

static const char *
header_of(const struct door_request *r, const char *name, const char *old_name)
{
    const char *value = door_header(r, name);

    return value != NULL ? value : door_header(r, old_name);
}

/* False: refused. The svix-* names carry the same scheme, from before it had a common name. */
static bool check_signature(struct door_request *r, const struct source_settings *source)
{
    struct signature_call call = {
        .hub = door_header(r, "X-Hub-Signature-256"),
        .id = header_of(r, "webhook-id", "svix-id"),
        .timestamp = header_of(r, "webhook-timestamp", "svix-timestamp"),
        .signature = header_of(r, "webhook-signature", "svix-signature"),
        .now_ms = clock_wall_ms(),
    };
    enum signature_verdict v;
    char why[160];

    if (source->signature == SIGN_NONE) {
        return door_from_here(r, "this source's signature is none");
    }
    call.body = door_body(r, &call.body_len);
    v = signature_check(source, &call);
    if (v == SIGNATURE_GOOD) {
        return true;
    }
    (void)snprintf(why, sizeof why, "source %.64s: %s", source->name, signature_explain(v));
    door_refuse_login(r, v == SIGNATURE_WRONG, why);
    return false;
}

static enum hook_event event_of(const char *name)
{
    static const struct {
        const char *name;
        enum hook_event event;
    } rows[] = {
        {"published", HOOK_CONTENT},
        {"updated", HOOK_CONTENT},
        {"retracted", HOOK_GONE},
        {"unpublished", HOOK_GONE},
        {"deleted", HOOK_GONE},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (strcmp(rows[i].name, name) == 0) {
            return rows[i].event;
        }
    }
    return HOOK_UNKNOWN;
}

/* An article has no member "event", so one that has is an envelope. */
void hook_read(struct hook_said *out, const json_t *body)
{
    const json_t *event = json_object_get(body, "event");
    const char *name = json_string_value(event);

    out->article = event == NULL ? body : json_object_get(body, "article");
    out->name = name == NULL ? "" : name;
    out->event = event == NULL ? HOOK_CONTENT : event_of(out->name);
}

static char *replay_key(const struct door_request *r, const struct source_settings *source)
{
    const char *id = header_of(r, "webhook-id", "svix-id");

    if (source->signature != SIGN_STANDARD || id == NULL) {
        return NULL;
    }
    return mem_printf("%s:%s", source->name, id);
}

void api_hook(struct crier *c, struct door_request *r)
{
    const struct source_settings *source = config_source(c->config, door_param(r, 0));
    struct intake_options options;
    char *key;

    if (source == NULL) {
        door_problem(r, 404, NULL, "there is no source \"%.64s\"", door_param(r, 0));
        return;
    }
    if (!check_signature(r, source)) {
        return;
    }
    key = replay_key(r, source);
    options = (struct intake_options){.source = source->name,
                                      .trusted_breaking = source->trusted_breaking,
                                      .replay_key = key};
    api__take_body(c, r, true, &options);
    mem_free(key);
}
