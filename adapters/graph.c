/* Requests to Meta's Graph API and the meaning of its error answers. Called by the adapters of Facebook,
 * Instagram, Threads and WhatsApp in their steps. Pure; keeps nothing.
 *
 * Sources: https://developers.facebook.com/docs/graph-api/guides/error-handling and
 * …/docs/graph-api/overview/rate-limiting. */

#include "adapters/graph.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "adapters/record.h"
#include "adapters/trouble.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/url.h"

#define SAID_BYTES_MAX 4096
#define ADDRESS_BYTES_MAX ((size_t)64 * 1024)
#define COMPARED_BYTES_MAX ((size_t)512 * 1024)
/* Who is throttled and is not told for how long. */
#define THROTTLED_MS (15 * MS_MINUTE)
/* With a hint behind it, so much of the platform's own words. */
#define WORDS_WITH_HINT 110

/* ---- what an error says ---- */

/* The message alone is often "Invalid parameter"; what is meant stands in the other members. */
static void say_error(struct buf *out, const json_t *error)
{
    const char *user = record_str(error, "error_user_msg");
    const char *more = json_string_value(json_path(error, "error_data", "details", NULL));

    trouble_say(out, error, "message", "error_user_title");
    if (user) {
        buf_addf(out, "%s%s", out->len > 0 ? ": " : "", user);
    }
    if (more) {
        buf_addf(out, "%s%s", out->len > 0 ? ": " : "", more);
    }
}

static void read_members(struct graph_error *out, const json_t *error)
{
    const char *trace = record_str(error, "fbtrace_id");
    struct buf said;

    out->told = true;
    out->code = record_int(error, "code");
    out->subcode = record_int(error, "error_subcode");
    out->transient = record_flag(error, "is_transient");
    buf_init(&said, SAID_BYTES_MAX);
    say_error(&said, error);
    trouble_excerpt(out->text, buf_str(&said), said.len);
    buf_done(&said);
    trouble_excerpt(out->trace, trace, trace ? strnlen(trace, 40) : 0);
}

void graph_error_read(struct graph_error *out, const struct http_response *res)
{
    json_t *body = http_json(res);
    const json_t *error = json_object_get(body, "error");

    *out = (struct graph_error){.status = res->status};
    if (json_is_object(error)) {
        read_members(out, error);
    }
    json_decref(body);
}

/* ---- what it means ---- */

#define SIGN_IN_AGAIN "sign in again with `crier keys login`"

// clang-format off
/* What holds on all of Meta's platforms. */
static const struct graph_row common_rows[] = {
    {190, 458, NULL, GRAPH_TOKEN, 0, "the app was removed from the account; " SIGN_IN_AGAIN},
    {190, 459, NULL, GRAPH_TOKEN, 0, "Meta wants the person to sign in at its site first"},
    {190, 460, NULL, GRAPH_TOKEN, 0, "the password was changed; " SIGN_IN_AGAIN},
    {190, 463, NULL, GRAPH_TOKEN, 0, "the token has expired"},
    {190, 464, NULL, GRAPH_TOKEN, 0, "the account is not confirmed"},
    {190, 467, NULL, GRAPH_TOKEN, 0, "the token is no longer valid; " SIGN_IN_AGAIN},
    {190, 492, NULL, GRAPH_TOKEN, 0, "the person has no role on the page any more"},
    {190, 0,   NULL, GRAPH_TOKEN, 0, NULL},
    {102, 0,   NULL, GRAPH_TOKEN, 0, NULL},
    {0,   0,   "session has been invalidated", GRAPH_TOKEN, 0, SIGN_IN_AGAIN},
    {4,     0, NULL, GRAPH_THROTTLED, 0, NULL}, /* the app */
    {17,    0, NULL, GRAPH_THROTTLED, 0, NULL}, /* the person */
    {32,    0, NULL, GRAPH_THROTTLED, 0, NULL}, /* the page */
    {341,   0, NULL, GRAPH_THROTTLED, 0, NULL},
    {613,   0, NULL, GRAPH_THROTTLED, 0, NULL},
    {80001, 0, NULL, GRAPH_THROTTLED, 0, NULL}, /* the page's business use case */
    {80002, 0, NULL, GRAPH_THROTTLED, 0, NULL}, /* Instagram's */
    {368,   0, NULL, GRAPH_PAUSED, 6 * MS_HOUR, "Meta blocks this account for a while: look into its account quality page"},
    {3,     0, NULL, GRAPH_BROKEN, 0, "the app lacks a capability"},
    {10,    0, NULL, GRAPH_BROKEN, 0, "a permission is missing; " SIGN_IN_AGAIN " and allow all"},
    {1,     0, NULL, GRAPH_UNCLEAR, 0, NULL},
    {2,     0, NULL, GRAPH_UNCLEAR, 0, NULL},
    {100,  33, NULL, GRAPH_GONE, 0, NULL},
    {100,   0, NULL, GRAPH_REFUSED, 0, NULL},
    GRAPH_END,
};
/* 200 to 299 are missing permissions, all of them. */
static const struct graph_row permission_row =
    {200, 0, NULL, GRAPH_BROKEN, 0, "a permission is missing; " SIGN_IN_AGAIN " and allow all"};
static const struct graph_row transient_row = {0, 0, NULL, GRAPH_UNCLEAR, 0, NULL};
// clang-format on

bool graph_is(const struct graph_error *e, int64_t code, int64_t subcode)
{
    return e->told && e->code == code && (subcode == 0 || e->subcode == subcode);
}

static const struct graph_row *match(const struct graph_row *rows, const struct graph_error *e)
{
    for (const struct graph_row *row = rows; row && row->means; row++) {
        if ((row->code == 0 || row->code == e->code) &&
            (row->subcode == 0 || row->subcode == e->subcode) &&
            (!row->needle || strcasestr(e->text, row->needle))) {
            return row;
        }
    }
    return NULL;
}

const struct graph_row *graph_find(const struct graph_row *rows, const struct graph_error *e)
{
    const struct graph_row *row = e->told ? match(rows, e) : NULL;

    if (!row && e->told) {
        row = match(common_rows, e);
        /* "Try again" goes before a no in general; a throttle or a token says what to wait for. */
        if (e->transient && (!row || row->means == GRAPH_REFUSED)) {
            row = &transient_row;
        }
    }
    if (!row && e->told && e->code >= 200 && e->code <= 299) {
        row = &permission_row;
    }
    return row;
}

/* ---- how long ---- */

static int64_t longest_regain_min(const json_t *usage)
{
    json_int_t longest = 0;
    const char *id;
    json_t *list;

    json_object_foreach(json_unconst(usage), id, list)
    {
        for (size_t i = 0; i < json_array_size(list); i++) {
            json_int_t minutes = json_integer_value(
                json_path(json_array_get(list, i), "estimated_time_to_regain_access", NULL));

            longest = minutes > longest ? minutes : longest;
        }
    }
    return longest;
}

static json_t *usage_header(const struct http_response *res, const char *name)
{
    const char *text = http_header(&res->headers, name);
    json_t *v = NULL;

    if (!text || json_read(&v, text, strlen(text), 8, NULL)) {
        return NULL;
    }
    return v;
}

int64_t graph_regain_ms(const struct http_response *res)
{
    json_t *usage = usage_header(res, "X-Business-Use-Case-Usage");
    int64_t told_ms = http_seconds_ms((double)longest_regain_min(usage) * 60);
    int64_t header_ms = http_retry_after_ms(res);

    json_decref(usage);
    return told_ms > header_ms ? told_ms : header_ms;
}

static int64_t fullest(const json_t *usage)
{
    static const char *const names[] = {"call_count", "total_cputime", "total_time"};
    int64_t most = 0;

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const json_t *v = json_object_get(usage, names[i]);
        double percent = json_is_number(v) ? json_number_value(v) : 0;

        percent = percent > 0 && percent < 1000 ? percent : 0;
        most = (int64_t)percent > most ? (int64_t)percent : most;
    }
    return most;
}

int64_t graph_usage_percent(const struct http_response *res)
{
    static const char *const names[] = {"X-App-Usage", "X-Page-Usage"};
    json_t *usage = usage_header(res, "X-Business-Use-Case-Usage");
    int64_t most = 0;
    const char *id;
    json_t *list;

    json_object_foreach(usage, id, list)
    {
        for (size_t i = 0; i < json_array_size(list); i++) {
            int64_t one = fullest(json_array_get(list, i));

            most = one > most ? one : most;
        }
    }
    json_decref(usage);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        int64_t one;

        usage = usage_header(res, names[i]);
        one = fullest(usage);
        most = one > most ? one : most;
        json_decref(usage);
    }
    return most;
}

/* ---- verdicts ---- */

static void say_detail(struct buf *out,
                       const struct graph_row *row,
                       const struct graph_error *e,
                       const struct http_response *res)
{
    const char *hint = row ? row->hint : NULL;
    int64_t percent = row && row->means == GRAPH_THROTTLED ? graph_usage_percent(res) : 0;
    size_t len = strlen(e->text);

    buf_addf(out, "%d %lld", e->status, (long long)e->code);
    if (e->subcode != 0) {
        buf_addf(out, "/%lld", (long long)e->subcode);
    }
    if (len > 0) {
        buf_adds(out, ": ");
        buf_add(
            out, e->text, hint ? text_prefix(TEXT_BYTES, e->text, len, WORDS_WITH_HINT) : len);
    }
    if (e->trace[0] != '\0') {
        buf_addf(out, " (trace %s)", e->trace);
    }
    if (percent > 0) {
        buf_addf(out, "; %lld%% of the calls are used up", (long long)percent);
    }
    if (hint) {
        buf_addf(out, "; %s", hint);
    }
}

static int64_t at_least(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static struct verdict verdict_of(const struct graph_row *row,
                                 const struct step *step,
                                 const struct http_response *res,
                                 const char *said)
{
    bool in_doubt = step->publishes && !step->repeatable;
    int64_t told_ms = graph_regain_ms(res);

    switch (row->means) {
    case GRAPH_UNCLEAR:
        return verdict_make(in_doubt ? VERDICT_UNKNOWN : VERDICT_AGAIN,
                            SCOPE_POST,
                            in_doubt ? 0 : told_ms,
                            "%s",
                            said);
    case GRAPH_THROTTLED:
        told_ms = told_ms > 0 ? told_ms : THROTTLED_MS;
        return verdict_make(
            VERDICT_AGAIN, SCOPE_CHANNEL, at_least(told_ms, row->pause_ms), "%s", said);
    case GRAPH_PAUSED:
        return verdict_make(
            VERDICT_AGAIN, SCOPE_CHANNEL, at_least(told_ms, row->pause_ms), "%s", said);
    case GRAPH_TOKEN:
        return verdict_token_refused("%s", said);
    case GRAPH_BROKEN:
        return verdict_make(VERDICT_BLOCKED, SCOPE_CHANNEL, 0, "%s", said);
    case GRAPH_REFUSED:
    case GRAPH_GONE:
        return verdict_make(VERDICT_REJECTED, SCOPE_POST, 0, "%s", said);
    case GRAPH_LATER:
    case GRAPH_OWN:
        break;
    }
    return verdict_make(
        VERDICT_AGAIN, SCOPE_POST, at_least(told_ms, row->pause_ms), "%s", said);
}

struct verdict graph_verdict(const struct graph_row *row,
                             const struct graph_error *e,
                             const struct step *step,
                             const struct http_response *res)
{
    struct verdict v;
    struct buf said;

    if (!e->told || (!row && res->status >= 500)) {
        return trouble_from_status(step, res);
    }
    buf_init(&said, SAID_BYTES_MAX);
    say_detail(&said, row, e, res);
    if (row) {
        v = verdict_of(row, step, res, buf_str(&said));
    } else {
        v = trouble_from_status(step, res); /* a code nobody described: as its status says */
        (void)snprintf(v.detail, sizeof v.detail, "%s", buf_str(&said));
    }
    buf_done(&said);
    return v;
}

struct verdict graph_trouble(const struct graph_row *rows,
                             const struct step *step,
                             const struct http_response *res)
{
    struct graph_error e;

    graph_error_read(&e, res);
    return graph_verdict(graph_find(rows, &e), &e, step, res);
}

/* ---- requests ---- */

void graph_vrequest(struct http_request *req,
                    enum http_method method,
                    const char *api,
                    const char *token,
                    const char *path_format,
                    va_list args)
{
    req->method = method;
    http_vset_url_below(req, api, path_format, args);
    if (token) {
        http_set_headerf(req, "Authorization", "Bearer %s", token);
    }
    http_set_header(req, "Accept", "application/json");
}

void graph_request(struct http_request *req,
                   enum http_method method,
                   const char *api,
                   const char *token,
                   const char *path_format,
                   ...)
{
    va_list args;

    va_start(args, path_format);
    graph_vrequest(req, method, api, token, path_format, args);
    va_end(args);
}

void graph_query(struct http_request *req, const char *name, const char *value)
{
    struct buf encoded;

    if (!value) {
        return;
    }
    buf_init_secret(&encoded, ADDRESS_BYTES_MAX);
    url_encode(&encoded, value);
    http_set_url(
        req, "%s%c%s=%s", req->url, strchr(req->url, '?') ? '&' : '?', name, buf_str(&encoded));
    buf_done(&encoded);
}

void graph_prove(struct http_request *req, const struct secret *app_secret, const char *token)
{
    uint8_t mac[SHA256_BYTES];
    char hex[SHA256_HEX_BYTES];

    if (!app_secret->text || !token) {
        return;
    }
    crypto_hmac_sha256(app_secret->text, app_secret->len, token, strlen(token), mac);
    graph_query(req, "appsecret_proof", crypto_hex(mac, sizeof mac, hex));
}

bool graph_is_id(const char *text)
{
    size_t len = text ? strlen(text) : 0;
    size_t digits = len > 0 ? strspn(text, "0123456789") : 0;

    if (digits == 0 || len >= GRAPH_ID_BYTES) {
        return false;
    }
    if (text[digits] == '_' && text[digits + 1] != '\0') {
        digits += 1 + strspn(text + digits + 1, "0123456789");
    }
    return text[digits] == '\0';
}

const char *
graph_answer_id(const struct http_response *res, const char *name, char out[GRAPH_ID_BYTES])
{
    json_t *body = res->status >= 200 && res->status < 300 ? http_json(res) : NULL;
    char *id = json_text_dup(json_object_get(body, name));
    bool good = graph_is_id(id);

    if (good) {
        (void)snprintf(out, GRAPH_ID_BYTES, "%s", id);
    }
    mem_free(id);
    json_decref(body);
    return good ? out : NULL;
}

/* ---- what it tells of posts ---- */

bool graph_time(const char *text, int64_t *out_ms)
{
    size_t len = text ? strlen(text) : 0;
    char form[TIME_TEXT_BYTES + 2];

    if (len < 6 || len > TIME_TEXT_BYTES) {
        return false;
    }
    if (text[len - 5] == '+' || text[len - 5] == '-') {
        (void)snprintf(form, sizeof form, "%.*s:%s", (int)len - 2, text, text + len - 2);
    } else {
        (void)snprintf(form, sizeof form, "%s", text);
    }
    return time_parse_rfc3339(form, strlen(form), out_ms);
}

bool graph_same_text(const char *a, const char *b)
{
    struct buf x, y;
    bool same;

    if (!a || !b) {
        return false;
    }
    buf_init(&x, COMPARED_BYTES_MAX);
    buf_init(&y, COMPARED_BYTES_MAX);
    text_collapse(&x, a, strlen(a));
    text_collapse(&y, b, strlen(b));
    same = x.len > 0 && strcmp(buf_str(&x), buf_str(&y)) == 0;
    buf_done(&y);
    buf_done(&x);
    return same;
}
