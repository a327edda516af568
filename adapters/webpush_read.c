/* What push services answer. Called on the threads of lanes.
 *
 * Only 404 and 410 say that a subscription is no more. Everything else may be our fault, or a bad hour of theirs, and
 * costs nobody their place: it is tried again, or this message is not for them.
 *
 * And no single answer says anything of us: a subscription is what a stranger handed in, and may lead where any answer
 * can be made up. So what would stop a wave (our key, our token) is counted, and believed when the services that are
 * known by name say it to everybody.
 *
 * Sources: RFC 8030 sections 5 and 7, RFC 8292 section 4.2; autopush's errors
 * (https://mozilla-services.github.io/autopush-rs/errors.html); what FCM, Apple and WNS were seen to say. */

#include "adapters/webpush_internal.h"

#include <stdio.h>
#include <string.h>

#include "adapters/trouble.h"
#include "base/json.h"
#include "base/text.h"

/* So often nobody took a message before we believe that it is us … */
#define TROUBLES_FIRST 3
/* … and once some did: so often, and so many times as often as they did. */
#define TROUBLES_LATER 20
#define TROUBLES_RATIO 9
/* "Too fast", or "not now", of so many in a row is said to all of us, not to one subscription. */
#define LATER_ALL 3
#define THROTTLED_MS (60 * MS_SECOND)
#define WNS_THROTTLED_MS (15 * MS_MINUTE)
/* errno of autopush, of a 503 */
#define AUTOPUSH_BACK_OFF 201
#define AUTOPUSH_AT_ONCE 202
#define WNS_STATUS "x-wns-notificationstatus"
#define MISMATCH_HINT "made for another key than `key` and `old_keys` hold"
#define TOKEN_HINT "the service takes no token of ours: look at `subject`, `key` and the clock"

const char *const webpush__answer_headers[] = {WNS_STATUS, NULL};

/* One answer being read. */
struct answer {
    const struct push_plan *plan;
    const struct member *member;
    const struct http_response *res;
    enum webpush_service service;
    json_t *body; /* NULL: no JSON */
    const char *reason;
    int64_t number; /* autopush's errno; 0 */
    struct member_word *word;
    char said[TROUBLE_EXCERPT_BYTES + 1]; /* of it, without the address */
};

/* ---- what it says ---- */

static bool ends_word(char c)
{
    return strchr(" \t\r\n\"'<>(),;=", c) != NULL;
}

/* Services repeat the address, or its last part: whoever has that can send to the reader. */
static void hide_address(char *text, const char *address)
{
    char word[TROUBLE_EXCERPT_BYTES + 1];

    for (char *at = text; *at;) {
        size_t len = 0;

        while (at[len] && !ends_word(at[len])) {
            len++;
        }
        memcpy(word, at, len);
        word[len] = '\0';
        if (len >= 12 && (strstr(address, word) || strstr(word, address))) {
            memset(at, '*', len);
        }
        at += len > 0 ? len : 1;
    }
}

static void read_said(struct answer *a)
{
    const char *text = a->res->body ? a->res->body : "";
    const char *wns = http_header(&a->res->headers, "x-wns-error-description");
    const char *message = json_path_str(a->body, "message");

    a->reason = json_path_str(a->body, "reason");
    a->number = json_integer_value(json_object_get(a->body, "errno"));
    if (wns) {
        text = wns;
    } else if (a->reason || message) {
        text = a->reason ? a->reason : message;
    }
    trouble_excerpt(a->said, text, text == a->res->body ? a->res->body_len : strlen(text));
    hide_address(a->said, a->member->address);
}

static bool says(const struct answer *a, const char *words)
{
    return (a->reason && strcasestr(a->reason, words)) ||
           (a->res->body && strcasestr(a->res->body, words));
}

static void
word(struct answer *a, enum member_outcome outcome, int64_t retry_after_ms, const char *hint)
{
    struct member_word *w = a->word;

    w->outcome = outcome;
    w->retry_after_ms = retry_after_ms;
    (void)snprintf(w->detail,
                   sizeof w->detail,
                   "%d%s%.90s%s%s",
                   a->res->status,
                   a->said[0] ? ": " : "",
                   a->said,
                   hint ? "; " : "",
                   hint ? hint : "");
    (void)text_drop_halves(w->detail);
}

static struct verdict
go_on(struct answer *a, enum member_outcome outcome, int64_t retry_after_ms, const char *hint)
{
    word(a, outcome, retry_after_ms, hint);
    return verdict_next();
}

/* ---- whose fault it is ---- */

static size_t key_index(const struct answer *a)
{
    const struct webpush_key *key = webpush__key_find(&a->plan->keys, a->member->key_id);

    return key ? (size_t)(key - a->plan->keys.v) : 0;
}

/* Another no to us; true: it is one to everybody. */
static bool blames_us(struct answer *a)
{
    struct webpush_counts *c = a->plan->counts;
    size_t key = key_index(a);
    long troubles, accepted;

    if (a->service == WEBPUSH_OTHER) {
        return false;
    }
    troubles = atomic_fetch_add(&c->troubles[key], 1) + 1;
    accepted = atomic_load(&c->accepted[key]);
    return accepted == 0 ? troubles >= TROUBLES_FIRST
                         : troubles >= TROUBLES_LATER && troubles / TROUBLES_RATIO >= accepted;
}

/* A no to us: this member later, and nobody now if they all get it. */
static struct verdict
refused_us(struct answer *a, enum member_outcome otherwise, const char *hint)
{
    if (!blames_us(a)) {
        return go_on(a, otherwise, 0, hint);
    }
    word(a, MEMBER_AGAIN, 0, hint);
    return verdict_make(VERDICT_BLOCKED, SCOPE_CHANNEL, 0, "%s", a->word->detail);
}

static struct verdict signed_wrong(struct answer *a)
{
    if (!a->member->second) {
        a->word->second = true;
        return go_on(a, MEMBER_AGAIN, 0, "signed anew");
    }
    return refused_us(a, MEMBER_AGAIN, TOKEN_HINT);
}

/* ---- by status ---- */

/* One subscription may get too much, or one machine of many be away; or all of the service is. */
static struct verdict later(struct answer *a, int64_t wait_ms, bool surely_all)
{
    long in_row = atomic_fetch_add(&a->plan->counts->later[a->service], 1) + 1;

    word(a, MEMBER_AGAIN, wait_ms, NULL);
    if (in_row < LATER_ALL && !surely_all) {
        return verdict_next();
    }
    return verdict_make(VERDICT_AGAIN, SCOPE_HOST, wait_ms, "%s", a->word->detail);
}

/* 406 is WNS' word for it, about all that come from us. */
static struct verdict throttled(struct answer *a)
{
    int64_t told_ms = http_retry_after_ms(a->res);

    return later(a, told_ms > 0 ? told_ms : THROTTLED_MS, a->res->status == 406);
}

static struct verdict too_large(struct answer *a)
{
    if (!a->member->second && a->plan->brief) {
        a->word->second = true;
        return go_on(a, MEMBER_AGAIN, 0, "made shorter");
    }
    return go_on(a, MEMBER_REFUSED, 0, NULL);
}

static struct verdict unavailable(struct answer *a)
{
    int64_t told_ms = http_retry_after_ms(a->res);

    if (a->number == AUTOPUSH_AT_ONCE) {
        return go_on(a, MEMBER_AGAIN, told_ms, NULL);
    }
    return later(a, told_ms, a->number == AUTOPUSH_BACK_OFF);
}

/* FCM in words, Apple by its reason; Apple's was seen with 400 as well. */
static bool is_mismatch(const struct answer *a)
{
    return says(a, "VapidPkHashMismatch") ||
           says(a, "do not correspond to the credentials used to create the subscription");
}

static struct verdict forbidden(struct answer *a)
{
    if (is_mismatch(a)) {
        return refused_us(a, MEMBER_UNDELIVERABLE, MISMATCH_HINT);
    }
    return refused_us(a, MEMBER_AGAIN, TOKEN_HINT);
}

/* FCM's old word for no token, or a wrong one. */
static struct verdict bad_request(struct answer *a)
{
    if (is_mismatch(a) || says(a, "UnauthorizedRegistration") || says(a, "BadJwtToken")) {
        return forbidden(a);
    }
    return go_on(a, MEMBER_REFUSED, 0, NULL);
}

static struct verdict read_other(struct answer *a)
{
    int status = a->res->status;

    if (status >= 500 && status <= 599) {
        return go_on(a, MEMBER_AGAIN, http_retry_after_ms(a->res), NULL);
    }
    if (status >= 300 && status <= 399) {
        return go_on(a, MEMBER_REFUSED, 0, "it has moved; the browser has to subscribe again");
    }
    if (status >= 400 && status <= 499) {
        return go_on(a, MEMBER_REFUSED, 0, NULL);
    }
    return go_on(a, MEMBER_UNKNOWN, 0, "no answer that means anything");
}

static struct verdict read_no(struct answer *a)
{
    switch (a->res->status) {
    case 400:
        return bad_request(a);
    case 401:
        return signed_wrong(a);
    case 403:
        return forbidden(a);
    case 404:
    case 410:
        return go_on(a, MEMBER_LOST, 0, NULL);
    case 406: /* of WNS */
    case 429:
        return throttled(a);
    case 408:
    case 425:
        return go_on(a, MEMBER_AGAIN, 0, NULL);
    case 413:
        return too_large(a);
    case 503:
        return unavailable(a);
    default:
        return read_other(a);
    }
}

/* WNS takes a message, and tells in a header that it has thrown it away. */
static struct verdict read_yes(struct answer *a)
{
    const char *wns = http_header(&a->res->headers, WNS_STATUS);
    struct webpush_counts *c = a->plan->counts;

    if (wns && strcasecmp(wns, "dropped") == 0) {
        return go_on(a, MEMBER_REFUSED, 0, "dropped by the service");
    }
    if (wns && strcasecmp(wns, "channelthrottled") == 0) {
        return go_on(a, MEMBER_AGAIN, WNS_THROTTLED_MS, "too many to this reader");
    }
    (void)atomic_fetch_add(&c->accepted[key_index(a)], 1);
    if (atomic_load(&c->later[a->service]) > 0) {
        atomic_store(&c->later[a->service], 0);
    }
    return verdict_next(); /* the word is ACCEPTED as it came */
}

static bool is_yes(int status)
{
    return (status >= 200 && status <= 202) || status == 204;
}

struct verdict webpush__read(const struct push_plan *plan,
                             const struct member *const *m,
                             size_t count,
                             const struct http_response *res,
                             struct member_word *words)
{
    struct answer a = {.plan = plan, .member = m[0], .res = res, .word = &words[0]};
    struct buf origin;
    struct verdict v;

    must(count == 1);
    buf_init(&origin, MEMBER_ADDRESS_BYTES);
    a.service = webpush__origin(m[0]->address, &origin) ? webpush__service(buf_str(&origin))
                                                        : WEBPUSH_OTHER;
    buf_done(&origin);
    if (is_yes(res->status)) {
        return read_yes(&a);
    }
    a.body = http_json(res);
    read_said(&a);
    v = read_no(&a);
    json_decref(a.body);
    return v;
}
