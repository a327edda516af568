/* Every step's read() against whatever a platform may answer. The input: one byte that picks a
 * step of any course of any adapter, then lines as HTTP has them: a status (none: there is no answer),
 * headers, an empty line, the body. Seeds: tests/fuzz/seeds/adapters. */

#include <stdlib.h>
#include <string.h>

#include "adapters/registry.h"
#include "base/mem.h"
#include "support/settings_fill.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define STEPS_MAX 256
#define NOW_MS INT64_C(1795446001000)

struct target {
    const struct adapter *adapter;
    const void *settings;
    const struct step *step;
    enum course course;
};

static struct target targets[STEPS_MAX];
static size_t target_count;
static struct article *article;

static const char article_json[] =
    "{\"id\":\"1\",\"url\":\"https://news.example/"
    "a\",\"title\":\"Flood\",\"summary\":\"Water\","
    "\"images\":[{\"url\":\"https://news.example/i.jpg\",\"alt\":\"A boat\"}],"
    "\"tags\":[\"a\"],\"language\":\"en\"}";

/* Required settings of all adapters; each takes those it has. */
static const char *const values[][2] = {
    {"channel", "C12"},
    {"url", "https://a.example/hook"},
    {"secret", "whsec_AAAA"},
    {"token", "1:A"},
    {"chat", "@example"},
    {"instance", "https://a.example"},
    {"handle", "a.example"},
    {"service", "https://a.example"},
    {"password", "app-pass-word"},
    {"identifier", "a.example"},
    {"server", "mail.example:25"},
    {"from", "News <news@a.example>"},
    {"to", "reader@b.example"},
};

/* Adapters with a second way in, by the address of a webhook alone. */
static const char *const webhooks[][2] = {
    {"discord", "https://a.example/api/webhooks/1/t"},
    {"slack", "https://a.example/services/T1/B1/x"},
};

static const char *value_of(const char *key)
{
    for (size_t i = 0; i < ARRAY_LEN(values); i++) {
        if (strcmp(key, values[i][0]) == 0) {
            return values[i][1];
        }
    }
    return NULL;
}

/* Stays for the process. */
static void *fill(const struct adapter *a, const char *webhook_url)
{
    void *object = mem_zalloc(a->settings_size);
    json_t *given = json_object();
    struct err why = {.code = ERR_NONE};

    for (const struct field *f = a->settings; f->kind; f++) {
        bool other_way = webhook_url && !f->required; /* its address is all that is needed */
        const char *value = other_way ? NULL : value_of(f->key);

        if (value) {
            json_object_set_new(given, f->key, json_string(value));
        }
    }
    if (webhook_url) {
        json_object_set_new(given, "webhook_url", json_string(webhook_url));
    }
    must(settings_fill(a->settings, object, a->settings_size, given, &why) == 0);
    json_decref(given);
    return object;
}

static void collect(const struct adapter *a, const char *webhook_url)
{
    const void *settings = fill(a, webhook_url);

    for (int c = COURSE_PUBLISH; c <= COURSE_TEST; c++) {
        const struct step *steps = adapter_course_with(a, settings, (enum course)c);

        for (const struct step *s = steps; s && s->name; s++) {
            must(target_count < STEPS_MAX);
            targets[target_count++] = (struct target){
                .adapter = a, .settings = settings, .step = s, .course = (enum course)c};
        }
    }
}

static void prepare(void)
{
    const struct adapter *const *all;
    struct article_faults faults = {.count = 0};
    struct err why = {.code = ERR_NONE};
    json_t *v = json_loads(article_json, 0, NULL);
    size_t count;

    must(article_from_json(&article, v, 0, &faults, &why) == 0);
    json_decref(v);
    all = adapters_all(&count);
    for (size_t i = 0; i < count; i++) {
        collect(all[i], NULL);
        for (size_t j = 0; j < ARRAY_LEN(webhooks); j++) {
            if (strcmp(webhooks[j][0], all[i]->name) == 0) {
                collect(all[i], webhooks[j][1]);
            }
        }
    }
}

/* The next line, without its end; moves *at behind it. */
static size_t line(const char *text, size_t len, size_t *at, const char **out)
{
    const char *end = memchr(text + *at, '\n', len - *at);
    size_t n = end ? (size_t)(end - text) - *at : len - *at;

    *out = text + *at;
    *at += n + (end ? 1 : 0);
    return n;
}

/* Of a mail server's reply: a digit. */
static enum mail_stage stage_of(const char *digit)
{
    return digit && *digit >= '0' && *digit <= '9' ? (enum mail_stage)(*digit - '0')
                                                   : MAIL_NO_STAGE;
}

static void answer_read(struct http_response *res, const char *text, size_t len)
{
    size_t at = 0;
    const char *p;
    size_t n = line(text, len, &at, &p);

    for (size_t i = 0; i < n && i < 3; i++) {
        res->status = res->status * 10 + (p[i] >= '0' && p[i] <= '9' ? p[i] - '0' : 0);
    }
    while (at < len && (n = line(text, len, &at, &p)) > 0) {
        const char *colon = memchr(p, ':', n);

        if (colon) {
            http_headers_add(
                &res->headers, p, (size_t)(colon - p), colon + 1, n - (size_t)(colon - p) - 1);
        }
    }
    res->stage = stage_of(http_header(&res->headers, "Stage"));
    res->body = text + at;
    res->body_len = len - at;
}

static json_t *object(const char *text)
{
    json_t *v = json_loads(text, 0, NULL);

    must(v);
    return v;
}

/* What must hold whatever was answered. */
static void check(const struct target *t, const struct verdict *v, const struct step_ctx *ctx)
{
    size_t len = strnlen(v->detail, sizeof v->detail);

    must(len < sizeof v->detail && (len == 0 || text_valid(v->detail, len)));
    must(v->retry_after_ms >= 0);
    must(v->kind != VERDICT_ABSENT || t->course == COURSE_VERIFY);
    must(!v->jump || step_find(adapter_course(t->adapter, t->course), v->jump));
    must(json_is_object(ctx->record) && json_is_object(ctx->account));
}

/* What an answer left behind must break no build that follows. */
static void build_all(const struct target *t, struct step_ctx *ctx)
{
    const struct step *steps = adapter_course_with(t->adapter, t->settings, t->course);

    for (const struct step *s = steps; s->name; s++) {
        struct http_request req;

        http_request_init(&req);
        (void)!s->build(ctx, &req, NULL);
        http_request_done(&req);
    }
}

/* A post that stands, named as its adapter names posts. */
static json_t *post_of(const struct adapter *a)
{
    json_t *post = object("{\"remote_id\":\"1/2\",\"remote_url\":\"https://a.example/2\","
                          "\"chat\":\"1\",\"message_id\":2,\"kind\":\"photo\",\"text\":\"x\"}");

    if (strcmp(a->name, "slack") == 0) {
        json_object_set_new(post, "remote_id", json_string("C12/1503435956.000247"));
    }
    return post;
}

static void play(const struct target *t, const struct http_response *res)
{
    json_t *post = post_of(t->adapter);
    static const struct site_facts site = {"N", "https://news.example", "en"};
    struct step_ctx ctx = {
        .settings = t->settings,
        .site = &site,
        .channel = "main",
        .article = article,
        .article_id = "art_0000000000001",
        .delivery_id = "dlv_0000000000001",
        .key = "8f14e45fceea167a5a36dedd4bea25438f14e45fceea167a5a36dedd4bea2543",
        .link = "https://news.example/a",
        .reason = "",
        .revision = 1,
        .created_at_ms = NOW_MS,
        .now_ms = NOW_MS + 1000,
        .course = t->course,
        .record = json_object(),
        .account = json_object(),
        .post = t->course == COURSE_PUBLISH ? NULL : post,
    };
    struct http_request req;
    struct verdict v;

    http_request_init(&req);
    if (!t->step->build(&ctx, &req, NULL) && !req.skip) {
        v = res->status == 0 && t->step->unanswered
                ? t->step->unanswered(&ctx, TRANSPORT_LOST, res->body)
                : t->step->read(&ctx, res);
        check(t, &v, &ctx);
    }
    http_request_done(&req);
    build_all(t, &ctx);
    json_decref(ctx.record);
    json_decref(ctx.account);
    json_decref(post);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct http_response res = {.now_ms = NOW_MS + 2000};
    char *text;

    if (target_count == 0) {
        prepare();
    }
    if (size < 1) {
        return 0;
    }
    text = mem_strndup((const char *)data + 1, size - 1);
    answer_read(&res, text, size - 1);
    play(&targets[data[0] % target_count], &res);
    http_headers_done(&res.headers);
    mem_free(text);
    return 0;
}
