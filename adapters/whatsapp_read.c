/* What an answer to a message means, for the member and for the wave. Called in the steps of whatsapp.c. Meta
 * answers 400 to nearly everything: the code decides.
 *
 * Source: https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes */

#include "adapters/whatsapp_internal.h"

#include <stdio.h>
#include <string.h>

#include "adapters/trouble.h"
#include "base/clock.h"
#include "base/json.h"

/* What a code says of the others. */
enum reach {
    REACH_MEMBER,  /* nothing */
    REACH_FAST,    /* too fast, or busy: a pause for all */
    REACH_BLOCKED, /* no to us: an operator must act */
    REACH_ALL,     /* no to this article, or to how we send it */
};
struct row {
    int64_t code;
    enum member_outcome outcome;
    enum reach reach;
    int64_t pause_ms; /* FAST: where no time was told */
    const char *hint; /* for people; NULL */
};

#define OPERATOR_TEMPLATE "look at the template in WhatsApp Manager"

// clang-format off
static const struct row rows[] = {
    {0,       MEMBER_AGAIN, REACH_BLOCKED, 0, "the token is not taken: make a new system-user token"},
    {190,     MEMBER_AGAIN, REACH_BLOCKED, 0, "the token is not taken: make a new system-user token"},
    {3,       MEMBER_AGAIN, REACH_BLOCKED, 0, "the app lacks a capability"},
    {10,      MEMBER_AGAIN, REACH_BLOCKED, 0, "the token lacks whatsapp_business_messaging"},
    {131005,  MEMBER_AGAIN, REACH_BLOCKED, 0, "the token lacks whatsapp_business_messaging"},
    {1,       MEMBER_AGAIN, REACH_MEMBER, 0, NULL},
    {2,       MEMBER_AGAIN, REACH_MEMBER, 0, NULL},
    {131000,  MEMBER_AGAIN, REACH_MEMBER, 0, NULL},
    {131016,  MEMBER_AGAIN, REACH_MEMBER, 0, NULL},
    {133004,  MEMBER_AGAIN, REACH_MEMBER, 0, NULL},
    {135000,  MEMBER_AGAIN, REACH_MEMBER, 0, NULL},
    {4,       MEMBER_AGAIN, REACH_FAST, 1 * MS_SECOND, NULL},
    {80007,   MEMBER_AGAIN, REACH_FAST, 60 * MS_SECOND, NULL},
    {130429,  MEMBER_AGAIN, REACH_FAST, 1 * MS_SECOND, NULL},
    {131056,  MEMBER_AGAIN, REACH_MEMBER, 0, NULL}, /* too many to this one recipient */
    {131048,  MEMBER_AGAIN, REACH_BLOCKED, 0, "Meta limits this number for now: look at its quality, go on tomorrow"},
    {131064,  MEMBER_AGAIN, REACH_BLOCKED, 0, "the day's limit is reached: go on tomorrow"},
    {368,     MEMBER_AGAIN, REACH_BLOCKED, 0, "Meta has blocked the account for a while"},
    {131031,  MEMBER_AGAIN, REACH_BLOCKED, 0, "the account is locked"},
    {130497,  MEMBER_AGAIN, REACH_BLOCKED, 0, "the account may not write to people of that country"},
    {131042,  MEMBER_AGAIN, REACH_BLOCKED, 0, "payment: look at the account's billing"},
    {131045,  MEMBER_AGAIN, REACH_BLOCKED, 0, "the number's certificate is wrong: register it again"},
    {131037,  MEMBER_AGAIN, REACH_BLOCKED, 0, "the number's display name is not approved"},
    {133010,  MEMBER_AGAIN, REACH_BLOCKED, 0, "the number is not registered"},
    {131057,  MEMBER_AGAIN, REACH_FAST, 5 * MS_MINUTE, NULL}, /* under maintenance */
    {2494100, MEMBER_AGAIN, REACH_FAST, 5 * MS_MINUTE, NULL}, /* being upgraded */
    {131026,  MEMBER_UNDELIVERABLE, REACH_MEMBER, 0, NULL},
    {131050,  MEMBER_UNSUBSCRIBED, REACH_MEMBER, 0, NULL},
    {131049,  MEMBER_REFUSED, REACH_MEMBER, 0, NULL},
    {130472,  MEMBER_REFUSED, REACH_MEMBER, 0, NULL},
    {131047,  MEMBER_REFUSED, REACH_MEMBER, 0, NULL},
    {131021,  MEMBER_REFUSED, REACH_MEMBER, 0, NULL}, /* it is our own number */
    {131062,  MEMBER_REFUSED, REACH_MEMBER, 0, NULL}, /* a user id where a number is needed */
    {131008,  MEMBER_REFUSED, REACH_ALL, 0, NULL},
    {131009,  MEMBER_REFUSED, REACH_ALL, 0, NULL},
    {131051,  MEMBER_REFUSED, REACH_ALL, 0, NULL},
    {131053,  MEMBER_REFUSED, REACH_ALL, 0, "Meta could not use the picture"},
    {100,     MEMBER_REFUSED, REACH_ALL, 0, NULL},
    {132000,  MEMBER_REFUSED, REACH_ALL, 0, "the template has another number of variables than body"},
    {132005,  MEMBER_REFUSED, REACH_ALL, 0, "the text is too long in one of the languages: template_length"},
    {132008,  MEMBER_REFUSED, REACH_ALL, 0, NULL},
    {132012,  MEMBER_REFUSED, REACH_ALL, 0, "a variable is of another form than the template wants"},
    {132001,  MEMBER_AGAIN, REACH_BLOCKED, 0, "no such template, or not approved in this language"},
    {132007,  MEMBER_AGAIN, REACH_BLOCKED, 0, OPERATOR_TEMPLATE},
    {132015,  MEMBER_AGAIN, REACH_BLOCKED, 0, "the template is paused for its quality: " OPERATOR_TEMPLATE},
    {132016,  MEMBER_AGAIN, REACH_BLOCKED, 0, "the template is disabled for its quality: make another"},
    {131063,  MEMBER_AGAIN, REACH_BLOCKED, 0, "this account must use endpoint: marketing_messages"},
    {131030,  MEMBER_AGAIN, REACH_BLOCKED, 0, "a test number writes only to numbers on its list"},
    {137000,  MEMBER_AGAIN, REACH_MEMBER, 0, NULL}, /* the identity changed; we send no key of it */
};
// clang-format on
static const struct row permission = {
    200, MEMBER_AGAIN, REACH_BLOCKED, 0, "the token lacks a permission on the account"};

static const struct row *find_row(int64_t code)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (rows[i].code == code) {
            return &rows[i];
        }
    }
    return code >= 200 && code <= 299 ? &permission : NULL;
}

enum member_outcome whatsapp__outcome(int64_t code, bool *out_stops_channel)
{
    const struct row *row = find_row(code);

    *out_stops_channel = row && row->reach == REACH_BLOCKED;
    if (row && (row->outcome == MEMBER_UNDELIVERABLE || row->outcome == MEMBER_UNSUBSCRIBED)) {
        return row->outcome;
    }
    return MEMBER_REFUSED;
}

/* ---- verdicts ---- */

static void say(char out[VERDICT_DETAIL_BYTES], const struct graph_error *e, const char *hint)
{
    (void)snprintf(out,
                   VERDICT_DETAIL_BYTES,
                   "%d %lld: %.120s%s%s",
                   e->status,
                   (long long)e->code,
                   e->text,
                   hint ? "; " : "",
                   hint ? hint : "");
}

static int64_t pause_of(const struct row *row, const struct http_response *res)
{
    int64_t told_ms = graph_regain_ms(res);

    return told_ms > row->pause_ms ? told_ms : row->pause_ms;
}

static struct verdict
verdict_of(const struct row *row, const struct http_response *res, const char *said)
{
    switch (row->reach) {
    case REACH_FAST:
        return verdict_make(VERDICT_AGAIN, SCOPE_CHANNEL, pause_of(row, res), "%s", said);
    case REACH_BLOCKED:
        return row->code == 0 || row->code == 190
                   ? verdict_token_refused("%s", said)
                   : verdict_make(VERDICT_BLOCKED, SCOPE_CHANNEL, 0, "%s", said);
    case REACH_ALL:
        return verdict_make(VERDICT_REJECTED, SCOPE_POST, 0, "%s", said);
    case REACH_MEMBER:
        break;
    }
    return verdict_next();
}

/* As one that must not be repeated: a second message to a person is one too many. */
static const struct step one_message = {.name = "message", .publishes = true};

/* A code or an answer without a row. */
static struct verdict
read_other(struct step_ctx *ctx, const struct graph_error *e, const struct http_response *res)
{
    struct verdict v = graph_verdict(graph_find(NULL, e), e, &one_message, res);

    switch (v.kind) {
    case VERDICT_UNKNOWN:
        member_say(ctx, MEMBER_UNKNOWN, 0, v.detail);
        return v;
    case VERDICT_REJECTED:
        member_say(ctx, MEMBER_REFUSED, 0, v.detail);
        return v;
    case VERDICT_BLOCKED:
        member_say(ctx, MEMBER_AGAIN, 0, v.detail);
        return v;
    default:
        member_say(ctx, MEMBER_AGAIN, v.retry_after_ms, v.detail);
        return v.scope == SCOPE_POST ? verdict_next() : v;
    }
}

static struct verdict read_error(struct step_ctx *ctx, const struct http_response *res)
{
    char said[VERDICT_DETAIL_BYTES];
    struct graph_error e;
    const struct row *row;

    graph_error_read(&e, res);
    /* Code 0 is "not signed in"; of a server's own trouble it only means that no code is told. */
    row = e.told && (e.code != 0 || e.status < 500) ? find_row(e.code) : NULL;
    if (!row) {
        return read_other(ctx, &e, res);
    }
    say(said, &e, row->hint);
    member_say(ctx, row->outcome, row->reach == REACH_MEMBER ? graph_regain_ms(res) : 0, said);
    return verdict_of(row, res, said);
}

/* ---- a good answer ---- */

static struct verdict unreadable(struct step_ctx *ctx, const struct http_response *res)
{
    struct verdict v = trouble_from_status(&one_message, res);

    member_say(ctx, MEMBER_UNKNOWN, 0, v.detail);
    return v;
}

/* "paused": it was dropped, and so will the next be. "held_for_quality_assessment" goes out, or not, by Meta's
 * own decision; its webhook tells. */
static struct verdict read_accepted(struct step_ctx *ctx, const json_t *message)
{
    const char *id = json_path_str(message, "id");
    const char *status = json_path_str(message, "message_status");

    if (status && strcmp(status, "paused") == 0) {
        member_say(ctx, MEMBER_AGAIN, 0, "the template is paused: the message was dropped");
        return verdict_make(VERDICT_BLOCKED,
                            SCOPE_CHANNEL,
                            0,
                            "the template is paused for its quality: " OPERATOR_TEMPLATE);
    }
    member_say(
        ctx, MEMBER_ACCEPTED, 0, status && strcmp(status, "accepted") != 0 ? status : NULL);
    (void)snprintf(ctx->word.id, sizeof ctx->word.id, "%s", id);
    return verdict_next();
}

struct verdict whatsapp__read(struct step_ctx *ctx, const struct http_response *res)
{
    json_t *body = http_json(res);
    const json_t *message = json_array_get(json_object_get(body, "messages"), 0);
    struct verdict v;

    if (json_object_get(body, "error") || res->status < 200 || res->status > 299) {
        v = read_error(ctx, res);
    } else if (!json_path_str(message, "id")) {
        v = unreadable(ctx, res);
    } else {
        v = read_accepted(ctx, message);
    }
    json_decref(body);
    return v;
}

struct verdict
whatsapp__unanswered(struct step_ctx *ctx, enum transport_outcome outcome, const char *error)
{
    struct verdict v = trouble_from_transport(&one_message, outcome, error);

    member_say(ctx, outcome == TRANSPORT_LOST ? MEMBER_UNKNOWN : MEMBER_AGAIN, 0, v.detail);
    return v;
}

/* ---- the test ---- */

static bool is_red(const json_t *body)
{
    const char *quality = json_path_str(body, "quality_rating");

    return quality && strcmp(quality, "RED") == 0;
}

struct verdict whatsapp__read_number(struct step_ctx *ctx, const struct http_response *res)
{
    json_t *body = res->status == 200 ? http_json(res) : NULL;
    const char *number = json_path_str(body, "display_phone_number");
    const char *name = json_path_str(body, "verified_name");
    struct verdict v;

    (void)ctx;
    if (!number) {
        v = graph_trouble(
            NULL, &(const struct step){.name = "look_number", .repeatable = true}, res);
    } else {
        v = verdict_make(VERDICT_DONE,
                         SCOPE_POST,
                         0,
                         "writes as %.60s (%.30s)%s",
                         name ? name : "?",
                         number,
                         is_red(body) ? "; its quality is rated RED: Meta may limit it" : "");
    }
    json_decref(body);
    return v;
}
