/* From status to verdict, where platforms agree, and the walk through an adapter's own error
 * table. Adapters call it for every answer they have no better word for; service/courier.c for
 * exchanges that brought no answer. Pure. */

#include "adapters/trouble.h"

#include <string.h>
#include <strings.h>

#include "adapters/record.h"
#include "base/attr.h"
#include "base/text.h"

void trouble_excerpt(char out[TROUBLE_EXCERPT_BYTES + 1], const char *text, size_t len)
{
    struct buf clean;
    size_t n = len < TROUBLE_EXCERPT_BYTES ? len : TROUBLE_EXCERPT_BYTES;
    char raw[TROUBLE_EXCERPT_BYTES] = {0};

    if (n > 0) {
        memcpy(raw, text, n);
    }
    for (size_t back = 0; back < 4 && back < n; back++) {
        if (text_valid(raw, n - back)) { /* the cut fell inside a character */
            n -= back;
            break;
        }
    }
    if (!text_valid(raw, n)) {
        for (size_t i = 0; i < n; i++) {
            if ((raw[i] & 0x80) || raw[i] == '\0') {
                raw[i] = '?';
            }
        }
    }
    buf_init(&clean, TROUBLE_EXCERPT_BYTES);
    text_collapse(&clean, raw, n);
    n = buf_ok(&clean) ? clean.len : 0;
    memcpy(out, buf_str(&clean), n);
    out[n] = '\0';
    buf_done(&clean);
}

struct status_row {
    int from, to;
    enum verdict_kind kind;
    enum verdict_scope scope;
    bool may_be_public; /* UNKNOWN instead, when the step publishes and must not be repeated */
};

// clang-format off
static const struct status_row status_rows[] = {
    /* A POST is never redirected: the address in the settings is not the right one. */
    {300, 399, VERDICT_REJECTED, SCOPE_POST,    false},
    {401, 401, VERDICT_BLOCKED,  SCOPE_CHANNEL, false},
    {403, 403, VERDICT_BLOCKED,  SCOPE_CHANNEL, false},
    {408, 408, VERDICT_AGAIN,    SCOPE_POST,    false},
    {425, 425, VERDICT_AGAIN,    SCOPE_POST,    false},
    {429, 429, VERDICT_AGAIN,    SCOPE_CHANNEL, false},
    {400, 499, VERDICT_REJECTED, SCOPE_POST,    false},
    /* 503 is said by the front door, before anything was done. */
    {503, 503, VERDICT_AGAIN,    SCOPE_HOST,    false},
    {500, 599, VERDICT_AGAIN,    SCOPE_POST,    true},
};
// clang-format on

static bool must_not_repeat(const struct step *step)
{
    return step->publishes && !step->repeatable;
}

/* A success nobody can read, or no HTTP status at all: something may have become public. */
static enum verdict_kind kind_unreadable(const struct step *step)
{
    return step->publishes ? VERDICT_UNKNOWN : VERDICT_AGAIN;
}

struct verdict trouble_from_status(const struct step *step, const struct http_response *res)
{
    enum verdict_kind kind = kind_unreadable(step);
    enum verdict_scope scope = SCOPE_POST;
    int64_t retry_after_ms = 0;
    char said[TROUBLE_EXCERPT_BYTES + 1];

    for (size_t i = 0; i < ARRAY_LEN(status_rows); i++) {
        const struct status_row *row = &status_rows[i];

        if (res->status < row->from || res->status > row->to) {
            continue;
        }
        kind = row->may_be_public && must_not_repeat(step) ? VERDICT_UNKNOWN : row->kind;
        scope = row->scope;
        break;
    }
    if (kind == VERDICT_AGAIN) {
        retry_after_ms = http_retry_after_ms(res);
    }
    trouble_excerpt(said, res->body, res->body ? res->body_len : 0);
    return verdict_make(
        kind, scope, retry_after_ms, "%d%s%s", res->status, said[0] ? ": " : "", said);
}

void trouble_doubt_503(const struct step *step,
                       const struct http_response *res,
                       struct verdict *v)
{
    if (res->status == 503 && must_not_repeat(step) && v->kind == VERDICT_AGAIN &&
        v->scope == SCOPE_HOST) {
        v->kind = VERDICT_UNKNOWN;
        v->scope = SCOPE_POST;
        v->retry_after_ms = 0;
    }
}

struct verdict trouble_from_transport(const struct step *step,
                                      enum transport_outcome outcome,
                                      const char *error)
{
    char said[TROUBLE_EXCERPT_BYTES + 1];
    bool left = outcome != TRANSPORT_NOT_SENT;
    bool maybe = left && must_not_repeat(step);
    bool may_overlap = left && step->publishes && step->repeatable;

    if (!error || !*error) {
        error = left ? "no complete answer" : "nothing was sent";
    }
    trouble_excerpt(said, error, strlen(error));
    /* No connection is the whole host's trouble; a lost answer may be this request's alone. */
    return verdict_make(maybe ? VERDICT_UNKNOWN : VERDICT_AGAIN,
                        left ? SCOPE_POST : SCOPE_HOST,
                        may_overlap ? TROUBLE_AFTER_LOSS_MS : 0,
                        "%s",
                        said);
}

bool trouble_is_page(const struct http_response *res)
{
    const char *type = http_header(&res->headers, "Content-Type");
    size_t blank = res->body_len > 0 ? strspn(res->body, " \t\r\n") : 0;

    return (type && strncasecmp(type, "text/html", 9) == 0) ||
           (blank < res->body_len && res->body[blank] == '<');
}

struct verdict trouble_from_page(const struct step *step, const struct http_response *res)
{
    bool refused = (res->status >= 400 && res->status < 500) || res->status == 503;
    bool maybe = !refused && must_not_repeat(step);

    return verdict_make(maybe ? VERDICT_UNKNOWN : VERDICT_AGAIN,
                        maybe ? SCOPE_POST : SCOPE_HOST,
                        maybe ? 0 : http_retry_after_ms(res),
                        "%d: a web page instead of an answer: maintenance, or a guard in front "
                        "of the server",
                        res->status);
}

static struct verdict verdict_of_row(const struct trouble_code *row,
                                     const struct step *step,
                                     const struct trouble_said *said)
{
    enum verdict_kind kind =
        row->kind == VERDICT_UNKNOWN && !must_not_repeat(step) ? VERDICT_AGAIN : row->kind;
    int64_t wait_ms = said->told_ms > 0 ? said->told_ms : row->wait_ms;
    char text[TROUBLE_EXCERPT_BYTES + 1];
    struct verdict v;

    trouble_excerpt(text, said->message, said->message ? strlen(said->message) : 0);
    v = verdict_make(kind,
                     row->scope,
                     kind == VERDICT_AGAIN ? wait_ms : 0,
                     "%d: %.48s%s%s%s%s",
                     said->status,
                     said->code,
                     text[0] ? ": " : "",
                     text,
                     row->hint ? "; " : "",
                     row->hint ? row->hint : "");
    v.token_refused = row->token_refused && kind == VERDICT_BLOCKED;
    return v;
}

bool trouble_by_code(const struct trouble_code *rows,
                     const struct step *step,
                     const struct trouble_said *said,
                     struct verdict *out)
{
    for (; said->code && rows->code; rows++) {
        if (strcmp(rows->code, said->code) == 0) {
            *out = verdict_of_row(rows, step, said);
            return true;
        }
    }
    return false;
}

void trouble_say_body(struct buf *out, const struct http_response *res)
{
    char said[TROUBLE_EXCERPT_BYTES + 1];

    if (out->len == 0) {
        trouble_excerpt(said, res->body, res->body ? res->body_len : 0);
        buf_adds(out, said);
    }
}

void trouble_say(struct buf *out, const json_t *body, const char *first, const char *second)
{
    const char *head = record_str(body, first);
    const char *rest = record_str(body, second);

    if (head) {
        buf_adds(out, head);
    }
    if (rest) {
        buf_addf(out, "%s%s", head ? ": " : "", rest);
    }
}

bool trouble_match(const struct trouble_row *rows,
                   int status,
                   const char *text,
                   int64_t retry_after_ms,
                   struct verdict *out)
{
    char said[TROUBLE_EXCERPT_BYTES + 1];

    for (const struct trouble_row *row = rows; row->status != 0 || row->needle; row++) {
        if (row->status != 0 && row->status != status) {
            continue;
        }
        if (row->needle && !(text && strcasestr(text, row->needle))) {
            continue;
        }
        trouble_excerpt(said, text, text ? strlen(text) : 0);
        *out = verdict_make(row->kind,
                            row->scope,
                            row->kind == VERDICT_AGAIN ? retry_after_ms : 0,
                            "%d%s%s",
                            status,
                            said[0] ? ": " : "",
                            said);
        out->jump = row->jump;
        return true;
    }
    return false;
}
