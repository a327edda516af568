/* From Discord's error answers to verdicts. Called by every `read` of the adapter for answers that
 * are not the one hoped for. Pure.
 *
 * An address that collects refusals (10,000 answers of 401, 403 or 429 in ten minutes) is banned, so
 * the first no to us stops the channel. A page instead of JSON is not Discord's but Cloudflare's in
 * front of it, and means every channel. */

#include "adapters/discord_internal.h"

#include <stdio.h>
#include <string.h>

#include "adapters/record.h"
#include "adapters/trouble.h"
#include "base/attr.h"
#include "base/json.h"
#include "base/parse.h"

#define SAID_BYTES_MAX 4096
#define ERRORS_DEPTH_MAX 8
#define CODES_END 10000000
#define CLOUDFLARE_MS MS_HOUR /* when it does not say how long */

struct code_row {
    int code;
    enum verdict_kind kind;
    enum verdict_scope scope;
};

// clang-format off
/* https://discord.com/developers/docs/topics/opcodes-and-status-codes#json */
static const struct code_row rows[] = {
    {10003, VERDICT_BLOCKED,  SCOPE_CHANNEL}, /* unknown channel */
    {10004, VERDICT_BLOCKED,  SCOPE_CHANNEL}, /* unknown server */
    {10008, VERDICT_REJECTED, SCOPE_POST},    /* unknown message */
    {10015, VERDICT_BLOCKED,  SCOPE_CHANNEL}, /* unknown webhook: must not be called again */
    {20016, VERDICT_AGAIN,    SCOPE_CHANNEL}, /* slow mode */
    {20022, VERDICT_AGAIN,    SCOPE_CHANNEL}, /* too many edits of announcements */
    {20028, VERDICT_AGAIN,    SCOPE_CHANNEL}, /* the channel's write limit */
    {30046, VERDICT_AGAIN,    SCOPE_POST},    /* too many edits of an old message */
    {40001, VERDICT_BLOCKED,  SCOPE_CHANNEL}, /* unauthorized */
    {40002, VERDICT_BLOCKED,  SCOPE_CHANNEL}, /* the account must be verified */
    {40005, VERDICT_REJECTED, SCOPE_POST},    /* request too large */
    {40062, VERDICT_AGAIN,    SCOPE_CHANNEL}, /* resource is rate limited */
    {40067, VERDICT_BLOCKED,  SCOPE_CHANNEL}, /* this forum wants tags */
    {50001, VERDICT_BLOCKED,  SCOPE_CHANNEL}, /* missing access */
    {50005, VERDICT_REJECTED, SCOPE_POST},    /* somebody else's message */
    {50006, VERDICT_REJECTED, SCOPE_POST},    /* empty */
    {50008, VERDICT_BLOCKED,  SCOPE_CHANNEL}, /* no text channel */
    {50013, VERDICT_BLOCKED,  SCOPE_CHANNEL}, /* missing permissions */
    {50027, VERDICT_BLOCKED,  SCOPE_CHANNEL}, /* invalid webhook token */
    {50035, VERDICT_REJECTED, SCOPE_POST},    /* invalid form body: too long, no such … */
    {50083, VERDICT_BLOCKED,  SCOPE_CHANNEL}, /* the thread is archived */
    {50109, VERDICT_REJECTED, SCOPE_POST},    /* no JSON */
    {130000, VERDICT_AGAIN,   SCOPE_HOST},    /* overloaded: nothing was done */
    {200000, VERDICT_REJECTED, SCOPE_POST},   /* the server's filter for messages */
    {200001, VERDICT_REJECTED, SCOPE_POST},   /* the same for titles */
    {220001, VERDICT_BLOCKED, SCOPE_CHANNEL}, /* a forum wants thread_name or thread_id */
    {220002, VERDICT_BLOCKED, SCOPE_CHANNEL}, /* … not both */
    {220003, VERDICT_BLOCKED, SCOPE_CHANNEL}, /* thread_name outside a forum */
    {220004, VERDICT_BLOCKED, SCOPE_CHANNEL}, /* no webhooks in this forum */
    {240000, VERDICT_REJECTED, SCOPE_POST},   /* a link Discord holds for harmful */
};

/* Where no code says more. */
static const struct trouble_row statuses[] = {
    {.status = 401, .kind = VERDICT_BLOCKED,  .scope = SCOPE_CHANNEL},
    {.status = 403, .kind = VERDICT_BLOCKED,  .scope = SCOPE_CHANNEL},
    {.status = 404, .kind = VERDICT_BLOCKED,  .scope = SCOPE_CHANNEL},
    {.status = 405, .kind = VERDICT_BLOCKED,  .scope = SCOPE_CHANNEL},
    TROUBLE_END,
};
// clang-format on

/* ---- what it said ---- */

/* "embeds.0.title: Must be 256 or fewer in length." for every fault in the tree of `errors`. */
static void add_faults(struct buf *out, json_t *node, const char *path, int depth)
{
    const char *name, *said;
    json_t *member;
    size_t i;

    json_array_foreach(json_object_get(node, "_errors"), i, member)
    {
        said = record_str(member, "message");
        buf_addf(out, "; %s: %s", path[0] == '.' ? path + 1 : path, said ? said : "?");
    }
    json_object_foreach(node, name, member)
    {
        char below[128];

        if (json_is_object(member) && depth < ERRORS_DEPTH_MAX) {
            (void)snprintf(below, sizeof below, "%s.%s", path, name);
            add_faults(out, member, below, depth + 1);
        }
    }
}

static int code_of(const json_t *body)
{
    const json_int_t code = json_integer_value(json_object_get(body, "code"));

    return code > 0 && code < CODES_END ? (int)code : 0;
}

int discord__code(const struct http_response *res)
{
    json_t *body = http_json(res);
    int code = code_of(body);

    json_decref(body);
    return code;
}

/* "Invalid Form Body (50035); embeds.0.title: …" */
static void say(struct buf *out, const json_t *body)
{
    int code = code_of(body);

    trouble_say(out, body, "message", NULL);
    if (code > 0) {
        buf_addf(out, " (%d)", code);
    }
    add_faults(out, json_object_get(body, "errors"), "", 0);
    if (!buf_ok(out)) { /* more than anybody reads: the beginning will do */
        buf_clear(out);
        trouble_say(out, body, "message", NULL);
    }
}

/* ---- how long ---- */

static int64_t header_seconds_ms(const struct http_response *res, const char *name)
{
    const char *text = http_header(&res->headers, name);
    double seconds;

    return text && parse_f64(text, &seconds) ? http_seconds_ms(seconds) : 0;
}

/* The body counts more finely than the header. */
static int64_t retry_after_ms(const json_t *body, const struct http_response *res)
{
    const json_t *after = json_object_get(body, "retry_after");
    int64_t ms = json_is_number(after) ? http_seconds_ms(json_number_value(after)) : 0;

    if (ms == 0) {
        ms = http_retry_after_ms(res);
    }
    return ms > 0 ? ms : header_seconds_ms(res, "X-RateLimit-Reset-After");
}

static bool is_global(const json_t *body, const struct http_response *res)
{
    const char *scope = http_header(&res->headers, "X-RateLimit-Scope");

    return json_is_true(json_object_get(body, "global")) ||
           http_header(&res->headers, "X-RateLimit-Global") ||
           (scope && strcmp(scope, "global") == 0);
}

/* ---- verdicts ---- */

static struct verdict guarded(const struct http_response *res)
{
    int64_t told_ms = http_retry_after_ms(res);

    return verdict_make(VERDICT_AGAIN,
                        SCOPE_HOST,
                        told_ms > 0 ? told_ms : CLOUDFLARE_MS,
                        "%d: a web page instead of an answer: Cloudflare keeps us away from "
                        "Discord",
                        res->status);
}

static const struct code_row *row_of(int code)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (rows[i].code == code) {
            return &rows[i];
        }
    }
    return NULL;
}

static struct verdict
limited(const json_t *body, const struct http_response *res, const char *said)
{
    return verdict_make(VERDICT_AGAIN,
                        is_global(body, res) ? SCOPE_HOST : SCOPE_CHANNEL,
                        retry_after_ms(body, res),
                        "%d: %s",
                        res->status,
                        said);
}

/* body: of the answer, an object. */
static struct verdict
told(const struct step *step, const json_t *body, const struct http_response *res)
{
    const struct code_row *row = row_of(code_of(body));
    char excerpt[TROUBLE_EXCERPT_BYTES + 1];
    struct verdict v;
    struct buf said;

    buf_init(&said, SAID_BYTES_MAX);
    say(&said, body);
    trouble_excerpt(excerpt, buf_str(&said), said.len);
    if (res->status == 429) {
        v = limited(body, res, excerpt);
    } else if (row) {
        v = verdict_make(row->kind,
                         row->scope,
                         row->kind == VERDICT_AGAIN ? retry_after_ms(body, res) : 0,
                         "%d: %s",
                         res->status,
                         excerpt);
    } else if (!trouble_match(statuses, res->status, buf_str(&said), 0, &v)) {
        v = trouble_from_status(step, res);
    }
    buf_done(&said);
    return v;
}

struct verdict discord__trouble(const struct step *step, const struct http_response *res)
{
    json_t *body = res->status >= 400 ? http_json(res) : NULL;
    struct verdict v;

    if (json_is_object(body)) {
        v = told(step, body, res);
    } else if (res->status >= 300 && res->status < 400) {
        v = verdict_make(VERDICT_BLOCKED,
                         SCOPE_CHANNEL,
                         0,
                         "%d: the address leads elsewhere: copy it from Discord once more",
                         res->status);
    } else if (res->status == 429 || res->status == 403) {
        v = guarded(res);
    } else if (!trouble_match(statuses, res->status, NULL, 0, &v)) {
        v = trouble_from_status(step, res);
    }
    json_decref(body);
    return v;
}
