/* What a server's answer to a poll means, and when it is asked again. Called by watch_poll.c, which keeps
 * what is decided here; owns nothing.
 *
 * The interval. A publisher's own feed is polled by agreement, and `every` is the agreement: the server
 * is asked so often while the site is active, that is for a quarter of an hour after each new item.
 * When it goes on being quiet the interval grows with the silence, up to every_max. A longer
 * max-age is obeyed up to every_max, since a cache would only answer the same. The feed's own ttl,
 * skipHours and sy:updatePeriod are not: they are defaults of programs, not wishes of people. */

#include "service/watch_policy.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/parse.h"

/* ---- freshness ---- */

/* The value of max-age in one Cache-Control header; false: it says nothing of that. */
static bool read_max_age(const char *text, int64_t *out_seconds)
{
    static const char name[] = "max-age=";
    char digits[16];
    size_t len;

    if (strncasecmp(text, name, sizeof name - 1) != 0) {
        return false;
    }
    text += sizeof name - 1;
    text += *text == '"';
    len = strspn(text, "0123456789");
    if (len == 0) {
        return false;
    }
    if (len > 10) { /* more than a century */
        *out_seconds = INT32_MAX;
        return true;
    }
    (void)snprintf(digits, sizeof digits, "%.*s", (int)len, text);
    return parse_i64(digits, out_seconds);
}

static bool is_directive(const char *text, const char *name)
{
    size_t len = strlen(name);

    return strncasecmp(text, name, len) == 0 && strchr(",; \t=", text[len]);
}

struct cache_control {
    bool has_max_age, never;
    int64_t max_age_s;
};

static void read_cache_control(struct cache_control *cc, const char *text)
{
    while (*text != '\0') {
        text += strspn(text, " \t,");
        if (is_directive(text, "no-cache") || is_directive(text, "no-store")) {
            cc->never = true;
        } else if (!cc->has_max_age) {
            cc->has_max_age = read_max_age(text, &cc->max_age_s);
        }
        text += strcspn(text, ",");
    }
}

static int64_t expires_in_ms(const struct http_response *res)
{
    const char *expires = http_header(&res->headers, "Expires");
    const char *date = http_header(&res->headers, "Date");
    int64_t until_ms, from_ms;

    if (!expires || !time_parse_http(expires, &until_ms)) {
        return 0; /* "0" and "-1" mean: at once */
    }
    if (!date || !time_parse_http(date, &from_ms)) {
        from_ms = res->now_ms;
    }
    return until_ms > from_ms ? until_ms - from_ms : 0;
}

static int64_t age_ms(const struct http_response *res)
{
    const char *text = http_header(&res->headers, "Age");
    int64_t seconds;

    return text && parse_i64(text, &seconds) && seconds > 0 && seconds < INT32_MAX
               ? seconds * MS_SECOND
               : 0;
}

int64_t watch_fresh_ms(const struct http_response *res)
{
    struct cache_control cc = {0};
    int64_t fresh_ms;

    for (size_t i = 0; i < res->headers.count; i++) {
        if (strcasecmp(res->headers.v[i].name, "Cache-Control") == 0) {
            read_cache_control(&cc, res->headers.v[i].value);
        }
    }
    if (cc.never) {
        return 0;
    }
    fresh_ms = (cc.has_max_age ? cc.max_age_s * MS_SECOND : expires_in_ms(res)) - age_ms(res);
    return fresh_ms > 0 ? fresh_ms : 0;
}

/* ---- answers ---- */

static int64_t retry_after_ms(const struct http_response *res)
{
    int64_t ms = http_retry_after_ms(res);

    return ms < WATCH_RETRY_AFTER_MAX_MS ? ms : WATCH_RETRY_AFTER_MAX_MS;
}

/* What a status means to whoever runs the feed. */
static const char *hint(int status)
{
    switch (status) {
    case 401:
        return "the feed asks for a password: set token or headers";
    case 403:
        return "the server refuses us: it may not know our User-Agent";
    case 404:
        return "there is no feed at this address";
    case 406:
        return "the server has no form of the feed that we asked for";
    case 429:
        return "the server says that we ask too often";
    default:
        return status >= 500 ? "the server has trouble" : "that is no answer to GET";
    }
}

static void say_trouble(struct watch_answer *out, const struct http_response *res)
{
    const char *mitigated = http_header(&res->headers, "cf-mitigated");

    out->kind = WATCH_TROUBLE;
    if (mitigated) {
        (void)snprintf(out->why,
                       sizeof out->why,
                       "status %d: the site's protection wants to see a browser (cf-mitigated: "
                       "%.40s); it must let crier's User-Agent or address through",
                       res->status,
                       mitigated);
    } else {
        (void)snprintf(
            out->why, sizeof out->why, "status %d: %s", res->status, hint(res->status));
    }
}

static void read_redirect(struct watch_answer *out, const struct http_response *res)
{
    out->location = http_header(&res->headers, "Location");
    out->permanent = res->status == 301 || res->status == 308;
    if (out->location && *out->location != '\0') {
        out->kind = WATCH_ELSEWHERE;
        return;
    }
    out->kind = WATCH_TROUBLE;
    (void)snprintf(
        out->why, sizeof out->why, "status %d: a redirect without Location", res->status);
}

void watch_answer_read(struct watch_answer *out, const struct http_response *res)
{
    memset(out, 0, sizeof *out);
    out->retry_after_ms = retry_after_ms(res);
    out->fresh_ms = watch_fresh_ms(res);
    switch (res->status) {
    case 200:
    case 226: /* IM used, RFC 3229: some feeds answer so with new entries only */
        out->kind = WATCH_BODY;
        break;
    case 304:
        out->kind = WATCH_SAME;
        break;
    case 301:
    case 302:
    case 303:
    case 307:
    case 308:
        read_redirect(out, res);
        break;
    case 410:
        out->kind = WATCH_GONE;
        (void)snprintf(out->why, sizeof out->why, "status 410: the feed is gone for good");
        break;
    default:
        say_trouble(out, res);
    }
}

/* ---- conditional requests ---- */

static void take_validator(char **kept, const struct http_response *res, const char *name)
{
    const char *value = http_header(&res->headers, name);

    if (!value && res->status == 304) {
        return;
    }
    mem_free(*kept);
    *kept = value && strlen(value) <= WATCH_VALIDATOR_BYTES ? mem_strdup(value) : NULL;
}

void watch_validators_take(struct watch_validators *v, const struct http_response *res)
{
    take_validator(&v->etag, res, "ETag");
    take_validator(&v->last_modified, res, "Last-Modified");
}

void watch_validators_ask(const struct watch_validators *v, struct http_request *request)
{
    if (v->etag) {
        http_set_header(request, "If-None-Match", v->etag);
    }
    if (v->last_modified) {
        http_set_header(request, "If-Modified-Since", v->last_modified);
    }
}

void watch_validators_done(struct watch_validators *v)
{
    mem_free(v->etag);
    mem_free(v->last_modified);
    v->etag = v->last_modified = NULL;
}

/* ---- when again ---- */

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t most(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t backoff_ms(const struct watch_pace *pace, int64_t failures)
{
    int64_t wait_ms = pace->every_ms;

    for (int64_t i = 0; i < failures && wait_ms < WATCH_BACKOFF_MAX_MS; i++) {
        wait_ms *= 2;
    }
    /* Who is polled less than once an hour is not polled more because of an error. */
    return most(least(wait_ms, WATCH_BACKOFF_MAX_MS), pace->every_ms);
}

static int64_t calm_ms(const struct watch_pace *pace, int64_t quiet_ms)
{
    if (pace->pushed) {
        return pace->every_max_ms;
    }
    if (quiet_ms <= WATCH_ACTIVE_MS) {
        return pace->every_ms;
    }
    return most(pace->every_ms, least(quiet_ms / WATCH_QUIET_PART, pace->every_max_ms));
}

int64_t watch_wait_ms(const struct watch_pace *pace, const struct watch_course *course)
{
    int64_t wait_ms;

    if (course->failures > 0) {
        wait_ms = backoff_ms(pace, course->failures);
    } else {
        wait_ms = calm_ms(pace, course->quiet_ms);
        if (pace->obey_cache) {
            wait_ms = most(wait_ms, least(course->fresh_ms, pace->every_max_ms));
        }
    }
    return most(wait_ms, course->retry_after_ms);
}

int64_t watch_jitter_ms(int64_t wait_ms, int64_t at_least_ms, uint64_t random)
{
    int64_t tenth = wait_ms / 10;
    int64_t moved_ms = wait_ms - tenth + (int64_t)(random % (uint64_t)(2 * tenth + 1));

    return most(moved_ms, at_least_ms);
}

/* ---- moved for good ---- */

bool watch_move_note(struct watch_move *m, const char *to)
{
    if (!to || !m->to || strcmp(m->to, to) != 0) {
        watch_move_done(m);
        m->to = mem_strdup(to);
    }
    m->times += to ? 1 : 0;
    return m->times >= WATCH_MOVED_TIMES;
}

void watch_move_done(struct watch_move *m)
{
    mem_free(m->to);
    m->to = NULL;
    m->times = 0;
}
