/* From Pinterest's error answers to verdicts, and the ids of Pins. Called by every `read` of the adapter for
 * answers that are not the one hoped for. Error codes are hardly documented, so the words count. */

#include "adapters/pinterest_internal.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "adapters/record.h"
#include "adapters/trouble.h"
#include "base/parse.h"
#include "base/url.h"

#define SAID_BYTES_MAX 4096

// clang-format off
static const struct trouble_row rows[] = {
    {403, "spam",                     VERDICT_REJECTED, SCOPE_POST,    NULL},
    {403, "content",                  VERDICT_REJECTED, SCOPE_POST,    NULL},
    {403, "blocked link",             VERDICT_REJECTED, SCOPE_POST,    NULL},
    {403, NULL,                       VERDICT_BLOCKED,  SCOPE_CHANNEL, NULL}, /* scope, tier, suspension */
    {404, "board",                    VERDICT_BLOCKED,  SCOPE_CHANNEL, NULL},
    {400, NULL,                       VERDICT_REJECTED, SCOPE_POST,    NULL},
    {404, NULL,                       VERDICT_REJECTED, SCOPE_POST,    NULL},
    {409, NULL,                       VERDICT_UNKNOWN,  SCOPE_POST,    NULL},
    {429, NULL,                       VERDICT_AGAIN,    SCOPE_CHANNEL, NULL},
    TROUBLE_END,
};
// clang-format on

/* Seconds until it is over, or (nobody says) the moment as a Unix time. */
static int64_t wait_ms(const struct http_response *res)
{
    const char *reset = http_header(&res->headers, "X-RateLimit-Reset");
    int64_t told_ms = http_retry_after_ms(res), seconds;

    if (told_ms > 0 || !reset || !parse_i64(reset, &seconds) || seconds <= 0) {
        return told_ms;
    }
    if (seconds > 1000000000) {
        seconds -= res->now_ms / MS_SECOND;
    }
    return http_seconds_ms(seconds > 0 ? (double)seconds : 1);
}

static void error_text(struct buf *out, const struct http_response *res)
{
    json_t *body = http_json(res);

    trouble_say(out, body, "message", "details");
    if (json_is_integer(json_object_get(body, "code"))) {
        buf_addf(out,
                 "%s(code %" JSON_INTEGER_FORMAT ")",
                 out->len > 0 ? " " : "",
                 json_integer_value(json_object_get(body, "code")));
    }
    json_decref(body);
}

static bool needs_standard_access(const struct http_response *res, const char *said)
{
    return res->status == 403 && strcasestr(said, "trial");
}

struct verdict pinterest__trouble(const struct step *step, const struct http_response *res)
{
    struct verdict v;
    struct buf said;

    if (trouble_is_page(res)) {
        return trouble_from_page(step, res);
    }
    buf_init(&said, SAID_BYTES_MAX);
    error_text(&said, res);
    if (res->status == 401) {
        v = verdict_token_refused("401: %.160s", buf_str(&said));
    } else if (needs_standard_access(res, buf_str(&said))) {
        v = verdict_make(
            VERDICT_BLOCKED,
            SCOPE_CHANNEL,
            0,
            "403: the app has Trial access; ask Pinterest for Standard access: %.120s",
            buf_str(&said));
    } else if (!trouble_match(rows, res->status, buf_str(&said), wait_ms(res), &v)) {
        v = trouble_from_status(step, res);
        trouble_doubt_503(step, res, &v);
    }
    if (v.kind == VERDICT_UNKNOWN && step->repeatable) {
        v.kind = VERDICT_AGAIN; /* a conflict, of what does no harm twice */
    }
    buf_done(&said);
    return v;
}

/* ---- ids ---- */

bool pinterest__is_id(const char *text)
{
    size_t len = text ? strlen(text) : 0;

    return len > 0 && len < PINTEREST_ID_BYTES && strspn(text, "0123456789") == len;
}

/* https://www.pinterest.com/pin/ID/, and the same in other countries: pinterest.de, pinterest.co.uk. */
static bool id_in_link(const char *link, char out[PINTEREST_ID_BYTES])
{
    struct url_parts url;
    const char *id;
    size_t len;

    if (!link || !url_parse(&url, link) ||
        !memmem(url.host, url.host_len, "pinterest.", strlen("pinterest.")) ||
        strncmp(url.path, "/pin/", 5) != 0) {
        return false;
    }
    id = url.path + 5;
    len = strspn(id, "0123456789");
    if (len == 0 || len >= PINTEREST_ID_BYTES || (id[len] && !strchr("/?#", id[len]))) {
        return false;
    }
    (void)snprintf(out, PINTEREST_ID_BYTES, "%.*s", (int)len, id);
    return true;
}

const char *
pinterest__pin_id(const char *remote_id, const char *link, char out[PINTEREST_ID_BYTES])
{
    if (pinterest__is_id(remote_id)) {
        (void)snprintf(out, PINTEREST_ID_BYTES, "%s", remote_id);
        return out;
    }
    return id_in_link(remote_id, out) || id_in_link(link, out) ? out : NULL;
}
