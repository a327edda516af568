/* Dialogues: one delivery and one platform, played from a file without a socket, the way
 * service/courier.c plays it. Called by the contract tests. Owns everything it reads from the
 * file; the adapter sees only a context. */

#include "support/dialogue_internal.h"

#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/push.h"
#include "adapters/registry.h"
#include "adapters/trouble.h"
#include "base/crypto.h"
#include "base/json.h"
#include "base/mem.h"
#include "support/settings_fill.h"
#include "support/unseal.h"

void dialogue_fault(struct dialogue *d, const char *format, ...)
{
    va_list args;

    fprintf(stderr, "%s: exchange %zu", d->path, d->at);
    fprintf(stderr, d->step ? " (%s): " : "%s: ", d->step ? d->step->name : "");
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    d->faults++;
}

const char *dialogue_path(const struct dialogue *d)
{
    return d->path;
}

json_t *dialogue_load(const char *path)
{
    json_error_t error;
    json_t *v = json_load_file(path, JSON_REJECT_DUPLICATES, &error);

    if (!v) {
        fprintf(stderr, "%s:%d:%d: %s\n", path, error.line, error.column, error.text);
        abort();
    }
    return v;
}

/* ---- comparing ---- */

static bool subset(const json_t *want, const json_t *got)
{
    const char *key;
    json_t *v;
    size_t i;

    if (json_is_null(want)) {
        return !got || json_is_null(got);
    }
    if (json_is_object(want) && json_is_object(got)) {
        json_object_foreach((json_t *)(uintptr_t)want, key, v)
        {
            if (!subset(v, json_object_get(got, key))) {
                return false;
            }
        }
        return true;
    }
    if (json_is_array(want) && json_array_size(want) == json_array_size(got)) {
        json_array_foreach(want, i, v)
        {
            if (!subset(v, json_array_get(got, i))) {
                return false;
            }
        }
        return true;
    }
    return got && json_equal(want, got);
}

static void differ(struct dialogue *d, const char *what, const json_t *want, const json_t *got)
{
    char *w = json_dumps(want, JSON_ENCODE_ANY | JSON_INDENT(1));
    char *g = got ? json_dumps(got, JSON_ENCODE_ANY | JSON_INDENT(1)) : NULL;

    dialogue_fault(d, "%s: want\n%s\ngot\n%s", what, w, g ? g : "nothing");
    free(w); /* Jansson's */
    free(g); /* Jansson's */
}

void dialogue__expect_subset(struct dialogue *d,
                             const char *what,
                             const json_t *want,
                             const json_t *got)
{
    if (want && !subset(want, got)) {
        differ(d, what, want, got);
    }
}

void dialogue__expect_text(struct dialogue *d,
                           const char *what,
                           const json_t *want,
                           const char *got)
{
    if (!want) {
        return;
    }
    if (json_is_null(want) ? got != NULL : !got || strcmp(json_string_value(want), got) != 0) {
        dialogue_fault(d,
                       "%s: want %s, got %s",
                       what,
                       json_is_null(want) ? "none" : json_string_value(want),
                       got ? got : "none");
    }
}

/* ---- requests ---- */

static void check_json(struct dialogue *d, const struct http_request *req, const json_t *expect)
{
    const json_t *want = json_object_get(expect, "json");
    const json_t *exact = json_object_get(expect, "json_exact");
    json_t *got = NULL;
    struct err why = {.code = ERR_NONE};

    if (!want && !exact) {
        return;
    }
    if (json_read(&got, buf_str(&req->body), req->body.len, 64, &why)) {
        dialogue_fault(d, "body is no JSON: %s: %s", why.text, buf_str(&req->body));
        return;
    }
    dialogue__expect_subset(d, "body", want, got);
    if (exact && !json_equal(exact, got)) {
        differ(d, "body (exact)", exact, got);
    }
    json_decref(got);
}

static void check_contains(struct dialogue *d,
                           const struct http_request *req,
                           const json_t *want,
                           bool contains)
{
    json_t *v;
    size_t i;

    if (json_is_string(want) &&
        (strstr(buf_str(&req->body), json_string_value(want)) != NULL) != contains) {
        dialogue_fault(d,
                       "body: want it %s \"%s\", got %s",
                       contains ? "to hold" : "without",
                       json_string_value(want),
                       buf_str(&req->body));
    }
    json_array_foreach(want, i, v)
    {
        check_contains(d, req, v, contains);
    }
}

static void expect_bytes(
    struct dialogue *d, const char *what, const json_t *want, const void *bytes, size_t len)
{
    struct buf base64;

    buf_init(&base64, 2 * (size_t)HTTP_BODY_BYTES);
    crypto_base64(&base64, bytes, len);
    dialogue__expect_text(d, what, want, buf_str(&base64));
    buf_done(&base64);
}

static json_int_t number_of(const json_t *v, const char *object, const char *name)
{
    return json_integer_value(json_object_get(json_object_get(v, object), name));
}

static void check_part(struct dialogue *d, const struct http_part *part, const json_t *want)
{
    dialogue__expect_text(d, "part name", json_object_get(want, "name"), part->name);
    dialogue__expect_text(
        d, "part filename", json_object_get(want, "filename"), part->filename);
    dialogue__expect_text(d, "part type", json_object_get(want, "type"), part->type);
    dialogue__expect_text(d, "part text", json_object_get(want, "text"), part->text);
    if (json_object_get(want, "base64")) {
        expect_bytes(d, "part bytes", json_object_get(want, "base64"), part->bytes, part->len);
    }
    if (json_is_true(json_object_get(want, "media")) && part->media != d->ctx.media) {
        dialogue_fault(d, "part %s: want the file", part->name);
    }
    if (json_is_object(json_object_get(want, "media")) &&
        (part->media != d->ctx.media ||
         (json_int_t)part->media_from != number_of(want, "media", "from") ||
         (json_int_t)part->len != number_of(want, "media", "len"))) {
        dialogue_fault(d,
                       "part %s: want a part of the file, got %zu bytes from %zu on",
                       part->name,
                       part->len,
                       part->media_from);
    }
}

static void check_media(struct dialogue *d, const struct http_request *req, const json_t *want)
{
    if (want &&
        (req->media != d->ctx.media ||
         (json_int_t)req->media_from != json_integer_value(json_object_get(want, "from")) ||
         (json_int_t)req->media_len != json_integer_value(json_object_get(want, "len")))) {
        dialogue_fault(d,
                       "want a part of the file, got %zu bytes from %zu on%s",
                       req->media_len,
                       req->media_from,
                       req->media ? "" : ", of no file");
    }
}

static void check_parts(struct dialogue *d, const struct http_request *req, const json_t *want)
{
    json_t *v;
    size_t i;

    if (!want) {
        return;
    }
    if (json_array_size(want) != req->part_count) {
        dialogue_fault(d, "want %zu parts, got %zu", json_array_size(want), req->part_count);
        return;
    }
    json_array_foreach(want, i, v)
    {
        check_part(d, &req->parts[i], v);
    }
}

static void
check_envelope(struct dialogue *d, const struct mail_envelope *m, const json_t *want)
{
    static const char *const tls[] = {"required", "if_offered", "none"};

    if (want && !m) {
        dialogue_fault(d, "want mail, got HTTP");
    } else if (want) {
        dialogue__expect_text(d, "mail from", json_object_get(want, "from"), m->from);
        dialogue__expect_text(d, "mail to", json_object_get(want, "to"), m->to);
        dialogue__expect_text(d, "mail tls", json_object_get(want, "tls"), tls[m->tls]);
        dialogue__expect_text(d, "mail user", json_object_get(want, "user"), m->user);
    }
}

void dialogue__check_request(struct dialogue *d,
                             const struct http_request *req,
                             const json_t *expect)
{
    const char *name;
    json_t *v;

    dialogue__expect_text(
        d, "method", json_object_get(expect, "method"), http_method_name(req->method));
    check_envelope(d, req->mail, json_object_get(expect, "mail"));
    dialogue__expect_text(d, "url", json_object_get(expect, "url"), req->url);
    json_object_foreach(json_object_get(expect, "headers"), name, v)
    {
        dialogue__expect_text(d, name, v, http_header(&req->headers, name));
    }
    check_json(d, req, expect);
    dialogue__expect_text(d, "body", json_object_get(expect, "body"), buf_str(&req->body));
    check_contains(d, req, json_object_get(expect, "body_contains"), true);
    check_contains(d, req, json_object_get(expect, "body_lacks"), false);
    if (json_object_get(expect, "bytes_base64")) {
        expect_bytes(
            d, "bytes", json_object_get(expect, "bytes_base64"), req->bytes, req->bytes_len);
    }
    check_parts(d, req, json_object_get(expect, "parts"));
    check_media(d, req, json_object_get(expect, "media"));
}

static bool same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool same_envelope(const struct mail_envelope *a, const struct mail_envelope *b)
{
    if (!a || !b) {
        return a == b;
    }
    return same_text(a->from, b->from) && same_text(a->to, b->to) && a->tls == b->tls &&
           same_text(a->user, b->user) && same_text(a->password.text, b->password.text);
}

bool dialogue__same_request(const struct http_request *a, const struct http_request *b)
{
    bool same = a->method == b->method && a->skip == b->skip && same_text(a->url, b->url) &&
                same_envelope(a->mail, b->mail) && a->headers.count == b->headers.count &&
                a->part_count == b->part_count && a->bytes_len == b->bytes_len &&
                a->media == b->media && a->media_from == b->media_from &&
                a->media_len == b->media_len && a->body.len == b->body.len &&
                memcmp(buf_str(&a->body), buf_str(&b->body), a->body.len) == 0;

    for (size_t i = 0; same && i < a->headers.count; i++) {
        same = same_text(a->headers.v[i].name, b->headers.v[i].name) &&
               same_text(a->headers.v[i].value, b->headers.v[i].value);
    }
    for (size_t i = 0; same && i < a->part_count; i++) {
        same = same_text(a->parts[i].name, b->parts[i].name) &&
               same_text(a->parts[i].text, b->parts[i].text) &&
               a->parts[i].len == b->parts[i].len && a->parts[i].media == b->parts[i].media &&
               a->parts[i].media_from == b->parts[i].media_from;
    }
    return same;
}

/* ---- bodies that only the member can read ---- */

static bool is_sealed(const struct dialogue *d)
{
    const struct audience *a = d->adapter->audience;

    return d->step->each_member && a->push && a->push->clear;
}

/* As the sample's browser reads it. */
static bool open_sealed(struct dialogue *d, const struct http_request *req, struct buf *out)
{
    struct unseal_browser browser;

    unseal_example(&browser);
    if (!unseal(&browser, buf_str(&req->body), req->body.len, out)) {
        dialogue_fault(d, "the body cannot be opened with the sample's keys");
        return false;
    }
    return true;
}

static void check_sealed(struct dialogue *d, const struct http_request *req, const json_t *want)
{
    struct err why = {.code = ERR_NONE};
    json_t *got = NULL;
    struct buf text;

    buf_init(&text, HTTP_BODY_BYTES);
    if (want && open_sealed(d, req, &text)) {
        if (json_read(&got, buf_str(&text), text.len, 64, &why)) {
            dialogue_fault(d, "in the body is no JSON: %s", why.text);
        } else {
            dialogue__expect_subset(d, "in the body", want, got);
        }
    }
    json_decref(got);
    buf_done(&text);
}

/* The same message; and every sealing is another, with another pair of keys. */
static bool
same_sealed(struct dialogue *d, const struct http_request *a, const struct http_request *b)
{
    struct buf one, other;
    bool same;

    buf_init(&one, HTTP_BODY_BYTES);
    buf_init(&other, HTTP_BODY_BYTES);
    same = open_sealed(d, a, &one) && open_sealed(d, b, &other) && one.len == other.len &&
           memcmp(buf_str(&one), buf_str(&other), one.len) == 0 &&
           memcmp(buf_str(&a->body), buf_str(&b->body), 86) != 0 && same_text(a->url, b->url);
    buf_done(&one);
    buf_done(&other);
    return same;
}

/* A step that is sent again must say the same: platforms' duplicate filters rest on it. */
static void check_built_again(struct dialogue *d, const struct http_request *first)
{
    struct http_request again;

    http_request_init(&again);
    if (d->step->build(&d->ctx, &again, NULL) ||
        !(is_sealed(d) ? same_sealed(d, first, &again)
                       : dialogue__same_request(first, &again))) {
        dialogue_fault(d, "built again it is another request: %s", buf_str(&again.body));
    }
    http_request_done(&again);
}

enum built { BUILT_REQUEST, BUILT_SKIP, BUILT_NOTHING };

static enum built
build_request(struct dialogue *d, struct http_request *req, const json_t *expect)
{
    const char *want_error = json_path_str(expect, "error");
    bool want_skip = json_is_true(json_object_get(expect, "skip"));
    struct err why = {.code = ERR_NONE};
    enum err_code rc;

    d->ctx.fit_count = 0;
    rc = d->step->build(&d->ctx, req, &why);
    if (rc || want_error) {
        if (!rc || !want_error || strcmp(err_name(rc), want_error) != 0) {
            dialogue_fault(d,
                           "build: want %s, got %s %s",
                           want_error ? want_error : "no error",
                           err_name(rc),
                           why.text);
        }
        return BUILT_NOTHING;
    }
    if (req->skip != want_skip) {
        dialogue_fault(d, "build: %s", req->skip ? "skipped" : "did not skip");
        return BUILT_NOTHING;
    }
    check_built_again(d, req);
    return req->skip ? BUILT_SKIP : BUILT_REQUEST;
}

/* ---- answers ---- */

static void add_answer_headers(struct http_headers *out, const json_t *headers)
{
    const char *name;
    json_t *v, *item;
    size_t i;

    json_object_foreach((json_t *)(uintptr_t)headers, name, v)
    {
        const char *text = json_string_value(v);

        if (text) {
            http_headers_add(out, name, strlen(name), text, strlen(text));
        }
        json_array_foreach(v, i, item)
        {
            text = json_string_value(item);
            http_headers_add(out, name, strlen(name), text, strlen(text));
        }
    }
}

static void answer_body(struct buf *body, const json_t *answer)
{
    const json_t *json = json_object_get(answer, "json");
    const char *base64 = json_path_str(answer, "base64");

    if (json) {
        json_write(body, json);
    } else if (base64) {
        must(crypto_unbase64(body, base64, strlen(base64)));
    } else {
        buf_adds(body, dialogue__text_or(answer, "body", ""));
    }
}

static enum mail_stage stage_of(const json_t *answer)
{
    const char *name = json_path_str(answer, "stage");

    for (int stage = MAIL_GREETING; name && stage <= MAIL_NOOP; stage++) {
        if (strcmp(mail_stage_name((enum mail_stage)stage), name) == 0) {
            return (enum mail_stage)stage;
        }
    }
    must(!name); /* fixtures are ours */
    return MAIL_NO_STAGE;
}

static struct verdict
read_failure(struct dialogue *d, enum transport_outcome outcome, const char *error)
{
    return d->step->unanswered ? d->step->unanswered(&d->ctx, outcome, error ? error : "")
                               : trouble_from_transport(d->step, outcome, error);
}

void dialogue__answer(struct dialogue *d,
                      const json_t *answer,
                      struct http_response *res,
                      struct buf *body)
{
    const json_t *status = json_object_get(answer, "status");

    *res = (struct http_response){
        .status = status ? (int)json_integer_value(status) : 200,
        .stage = stage_of(answer),
        .now_ms = d->ctx.now_ms,
        .truncated = json_is_true(json_object_get(answer, "truncated")),
    };
    buf_init(body, HTTP_BODY_BYTES);
    answer_body(body, answer);
    add_answer_headers(&res->headers, json_object_get(answer, "headers"));
    res->body = buf_str(body);
    res->body_len = body->len;
}

static struct verdict read_answer(struct dialogue *d, const json_t *answer)
{
    const char *transport = json_path_str(answer, "transport");
    struct http_response res;
    struct buf body;
    struct verdict v;

    if (transport) {
        return read_failure(d,
                            strcmp(transport, "lost") == 0 ? TRANSPORT_LOST
                                                           : TRANSPORT_NOT_SENT,
                            json_path_str(answer, "error"));
    }
    dialogue__answer(d, answer, &res, &body);
    v = d->step->read(&d->ctx, &res);
    http_headers_done(&res.headers);
    buf_done(&body);
    return v;
}

struct leak {
    struct dialogue *d;
    const char *where, *text;
};

static void check_leak(void *context, const struct secret *secret)
{
    const struct leak *leak = context;

    if (secret->len >= 4 && strstr(leak->text, secret->text)) {
        dialogue_fault(leak->d, "a secret stands in the %s: %s", leak->where, leak->text);
    }
}

static void check_leak_of_grant(struct leak *leak, const json_t *grant)
{
    static const char *const names[] = {"access_token", "refresh_token", "user_token"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct secret secret = {.text = (char *)(uintptr_t)json_path_str(grant, names[i])};

        secret.len = secret.text ? strlen(secret.text) : 0;
        check_leak(leak, &secret);
    }
}

void dialogue__check_leaks(struct dialogue *d,
                           const char *where,
                           const char *text,
                           const json_t *grant)
{
    struct leak leak = {.d = d, .where = where, .text = text};
    struct secret token = {.text = (char *)(uintptr_t)d->ctx.token,
                           .len = d->ctx.token ? strlen(d->ctx.token) : 0};

    settings_secrets(d->adapter->settings, d->settings, check_leak, &leak);
    check_leak(&leak, &token);
    check_leak_of_grant(&leak, grant);
}

static void check_secrets(struct dialogue *d, const struct verdict *v)
{
    char *record = json_dumps(d->ctx.record, 0);

    must(record);
    dialogue__check_leaks(d, "detail", v->detail, d->ctx.grant);
    dialogue__check_leaks(d, "record", record, d->ctx.grant);
    free(record); /* Jansson's */
}

static void check_fits(struct dialogue *d, const json_t *want)
{
    const char *name;
    json_t *v;

    json_object_foreach((json_t *)(uintptr_t)want, name, v)
    {
        const struct fit_report *found = NULL;

        for (size_t i = 0; i < d->ctx.fit_count; i++) {
            found = strcmp(d->ctx.fits[i].rule.name, name) == 0 ? &d->ctx.fits[i] : found;
        }
        if (!found ||
            (!json_is_null(v) && (json_int_t)found->measured != json_integer_value(v))) {
            dialogue_fault(d,
                           "fit %s: want %lld, got %zu",
                           name,
                           (long long)json_integer_value(v),
                           found ? found->measured : 0);
        }
    }
}

static void check_verdict(struct dialogue *d, const struct verdict *v, const json_t *exchange)
{
    static const char *const scopes[] = {"post", "channel", "host"};
    const json_t *retry = json_object_get(exchange, "retry_after_ms");
    const json_t *counted = json_object_get(exchange, "not_counted");
    const json_t *stands = json_object_get(exchange, "stands");
    const json_t *refused = json_object_get(exchange, "refused");
    const json_t *token = json_object_get(exchange, "token_refused");
    const json_t *maybe = json_object_get(exchange, "maybe_public");
    const char *detail = json_path_str(exchange, "detail");
    const char *want = json_path_str(exchange, "verdict");

    if (!want || strcmp(want, verdict_name(v->kind)) != 0) {
        dialogue_fault(d,
                       "verdict: want %s, got %s (%s)",
                       want ? want : "(not told)",
                       verdict_name(v->kind),
                       v->detail);
    }
    dialogue__expect_text(d, "scope", json_object_get(exchange, "scope"), scopes[v->scope]);
    dialogue__expect_text(d, "jump", json_object_get(exchange, "jump"), v->jump);
    if (retry && json_integer_value(retry) != v->retry_after_ms) {
        dialogue_fault(d,
                       "retry_after_ms: want %lld, got %lld",
                       (long long)json_integer_value(retry),
                       (long long)v->retry_after_ms);
    }
    if (counted && json_is_true(counted) != v->not_counted) {
        dialogue_fault(d, "not_counted: got %d", v->not_counted);
    }
    if (stands && json_is_true(stands) != v->stands) {
        dialogue_fault(d, "stands: got %d", v->stands);
    }
    if (refused && json_is_true(refused) != v->refused) {
        dialogue_fault(d, "refused: got %d", v->refused);
    }
    if (maybe && json_is_true(maybe) != v->maybe_public) {
        dialogue_fault(d, "maybe_public: got %d", v->maybe_public);
    }
    if (token && json_is_true(token) != v->token_refused) {
        dialogue_fault(d, "token_refused: got %d", v->token_refused);
    }
    if (detail && !strstr(v->detail, detail)) {
        dialogue_fault(d, "detail: want \"%s\" in \"%s\"", detail, v->detail);
    }
    if (!text_valid(v->detail, strlen(v->detail))) {
        dialogue_fault(d, "detail is not UTF-8");
    }
}

/* ---- the course ---- */

/* The step behind this one; NULL at the end of the table. */
static const struct step *following(const struct step *step)
{
    return step[1].name ? step + 1 : NULL;
}

static void go_on(struct dialogue *d, const struct verdict *v, bool last)
{
    const struct step *to;

    if (v->kind == VERDICT_AGAIN) {
        d->step = v->jump ? step_find(d->steps, v->jump) : d->step;
        if (!d->step) {
            dialogue_fault(d, "again, but there is no step %s", v->jump);
        }
        return;
    }
    if (v->kind != VERDICT_NEXT) {
        if (!last) {
            dialogue_fault(d, "the course ended here, but the dialogue goes on");
        }
        d->step = NULL;
        return;
    }
    to = v->jump ? step_find(d->steps, v->jump) : following(d->step);
    if (!to && !v->jump) {
        /* The last step has passed: the course is done (adapters/adapter.h, VERDICT_NEXT). */
        if (!last) {
            dialogue_fault(d, "the course ended here, but the dialogue goes on");
        }
    } else if (!to) {
        dialogue_fault(d, "next, but there is no step %s", v->jump);
    } else if (last) {
        dialogue_fault(d, "the dialogue ends, but the course goes on with %s", to->name);
    }
    d->step = to;
}

/* Of a step for each member: what it says of this one. */
static void check_word(struct dialogue *d, const json_t *exchange)
{
    const struct member_word *w = &d->ctx.word;
    const json_t *retry = json_object_get(exchange, "member_retry_ms");
    const char *detail = json_path_str(exchange, "member_detail");

    dialogue__expect_text(
        d, "outcome", json_object_get(exchange, "outcome"), member_outcome_name(w->outcome));
    dialogue__expect_text(d,
                          "message id",
                          json_object_get(exchange, "message_id"),
                          w->id[0] != '\0' ? w->id : NULL);
    if (json_is_true(json_object_get(exchange, "second")) != w->second) {
        dialogue_fault(d, "second: got %d", w->second);
    }
    if (retry && json_integer_value(retry) != w->retry_after_ms) {
        dialogue_fault(d, "member_retry_ms: got %lld", (long long)w->retry_after_ms);
    }
    if (detail && !strstr(w->detail, detail)) {
        dialogue_fault(d, "member_detail: want \"%s\" in \"%s\"", detail, w->detail);
    }
    if (!text_valid(w->detail, strlen(w->detail))) {
        dialogue_fault(d, "the member's detail is not UTF-8");
    }
}

static void exchange_answer(struct dialogue *d, const json_t *exchange, bool last)
{
    struct verdict v;

    memset(&d->ctx.word, 0, sizeof d->ctx.word);
    v = read_answer(d, json_object_get(exchange, "answer"));
    if (d->step->each_member) {
        check_word(d, exchange);
    }
    check_verdict(d, &v, exchange);
    check_secrets(d, &v);
    dialogue__expect_subset(d, "record", json_object_get(exchange, "record"), d->ctx.record);
    dialogue__expect_subset(d, "account", json_object_get(exchange, "account"), d->ctx.account);
    go_on(d, &v, last);
}

static void exchange(struct dialogue *d, const json_t *exchange, bool last)
{
    const json_t *expect = json_object_get(exchange, "expect");
    struct verdict skipped = verdict_next();
    struct http_request req;
    enum built built;

    d->ctx.now_ms += json_integer_value(json_object_get(exchange, "advance_ms"));
    dialogue__expect_text(d, "step", json_object_get(exchange, "step"), d->step->name);
    dialogue__set_member(d, json_object_get(exchange, "member"));
    if (json_object_get(exchange, "media")) {
        dialogue__set_media(d, json_object_get(exchange, "media"));
    }
    http_request_init(&req);
    built = build_request(d, &req, expect);
    if (built == BUILT_REQUEST) {
        dialogue__check_request(d, &req, expect);
        check_sealed(d, &req, json_object_get(expect, "sealed"));
        check_fits(d, json_object_get(exchange, "fits"));
        if (d->on_request) {
            d->on_request(d, d->adapter, d->step, &req, d->context);
        }
        exchange_answer(d, exchange, last);
    } else if (built == BUILT_SKIP) {
        go_on(d, &skipped, last);
    } else {
        d->step = NULL;
    }
    http_request_done(&req);
}

static void run_exchanges(struct dialogue *d)
{
    const json_t *list = json_object_get(d->root, "exchanges");
    json_t *v;
    size_t i;

    if (json_array_size(list) == 0) {
        dialogue_fault(d, "no exchanges");
    }
    json_array_foreach(list, i, v)
    {
        d->at = i + 1;
        if (!d->step) {
            dialogue_fault(d, "the course had ended before");
            return;
        }
        exchange(d, v, i + 1 == json_array_size(list));
    }
}

int dialogue_run(const struct adapter *a,
                 const char *path,
                 dialogue_request_fn *on_request,
                 void *context)
{
    struct dialogue d = {
        .adapter = a, .path = path, .on_request = on_request, .context = context};

    d.root = dialogue_load(path);
    buf_init(&d.media_bytes, HTTP_BODY_BYTES);
    if (!json_path_str(d.root, "about")) {
        dialogue_fault(&d, "says nothing about what it shows");
    }
    if (json_path_str(d.root, "oauth")) {
        dialogue__run_oauth(&d);
    } else if (dialogue__set_up(&d) && dialogue__set_course(&d)) {
        run_exchanges(&d);
    }
    if (d.settings) {
        field_done(a->settings, d.settings);
    }
    mem_free(d.settings);
    article_unref(d.article);
    buf_done(&d.media_bytes);
    json_decref(d.ctx.record);
    json_decref(d.ctx.account);
    json_decref(d.root);
    return d.faults;
}

static int is_dialogue(const struct dirent *entry)
{
    size_t len = strlen(entry->d_name);

    return len > 5 && strcmp(entry->d_name + len - 5, ".json") == 0;
}

int dialogues_run(const struct adapter *a,
                  const char *only,
                  dialogue_request_fn *on_request,
                  void *context)
{
    char folder[512], path[1024];
    struct dirent **names = NULL;
    int faults = 0;
    int count;

    (void)snprintf(folder, sizeof folder, "%s/dialogues/%s", FIXTURES, a->name);
    count = scandir(folder, &names, is_dialogue, alphasort);
    if (count <= 0) {
        fprintf(stderr, "%s: no dialogues\n", folder);
        return 1;
    }
    for (int i = 0; i < count; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", folder, names[i]->d_name);
        if (!only || strstr(path, only)) {
            faults += dialogue_run(a, path, on_request, context);
        }
        free(names[i]); /* libc's */
    }
    free(names); /* libc's */
    return faults;
}
