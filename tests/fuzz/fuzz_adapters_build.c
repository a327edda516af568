/* Posts out of any article that the doors would take: the input is the article, as JSON. Each way into
 * each platform publishes, changes and retracts it, its requests answered by the samples the steps have.
 * Every request says one thing on the wire and every text in it is as short as the platform wants; it
 * is the same when it is built again; and none of the channel's secrets stands in what is kept, unless the
 * article brought it. */

#include <stdlib.h>

#include "adapters/push.h"
#include "base/text.h"
#include "support/settings_fill.h"
#include "support/ways.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW_MS INT64_C(1795446001000)
#define STEPS_MAX 24
#define SHARE 3 /* of the ways, every third is taken, by the size of the input: all are slow */

/* ---- what platforms take, by their own words ---- */

/* Texts of requests, beside the rows of the adapters: where they stand and what the platform counts. */
static const struct {
    const char *way, *pointer;
    struct text_rule rule;
} places[] = {
    {"bluesky", "/record/text", {.unit = TEXT_GRAPHEMES, .max = 300}},
    {"bluesky", "/record/text", {.unit = TEXT_BYTES, .max = 3000}},
    {"bluesky", "/record/embed/external/title", {.unit = TEXT_GRAPHEMES, .max = 300}},
    {"bluesky", "/record/embed/external/description", {.unit = TEXT_GRAPHEMES, .max = 1000}},
    {"mastodon", "/status", {.unit = TEXT_GRAPHEMES, .max = 500, .link_length = 23}},
    {"facebook", "/message", {.unit = TEXT_CODE_POINTS, .max = 63206}},
    {"discord", "/content", {.unit = TEXT_UTF16, .max = 2000}},
    {"discord", "/embeds/0/title", {.unit = TEXT_UTF16, .max = 256}},
    {"discord", "/embeds/0/description", {.unit = TEXT_UTF16, .max = 4096}},
    {"discord", "/embeds/0/footer/text", {.unit = TEXT_UTF16, .max = 2048}},
    {"slack", "/text", {.unit = TEXT_UTF16, .max = 40000}},
    {"slack", "/blocks/0/text/text", {.unit = TEXT_UTF16, .max = 3000}},
    {"slack", "/blocks/1/text/text", {.unit = TEXT_UTF16, .max = 3000}},
    {"slack", "/blocks/2/text/text", {.unit = TEXT_UTF16, .max = 3000}},
};

static void check_places(const struct way *way, const json_t *body)
{
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        const char *text = json_string_value(json_pointer(body, places[i].pointer));

        if (text != NULL && strcmp(places[i].way, way->adapter->name) == 0) {
            must(text_fits(&places[i].rule, text, strlen(text)));
        }
    }
}

/* Bluesky: what a facet is of, in bytes of the text, whole characters, in order. */
static void check_facets(const json_t *body)
{
    const char *text = json_string_value(json_pointer(body, "/record/text"));
    const json_t *facets = json_pointer(body, "/record/facets"), *facet;
    json_int_t behind = 0;
    size_t i;

    json_array_foreach(facets, i, facet)
    {
        json_int_t start = json_integer_value(json_path(facet, "index", "byteStart", NULL));
        json_int_t end = json_integer_value(json_path(facet, "index", "byteEnd", NULL));

        must(text != NULL && start >= behind && end > start && end <= (json_int_t)strlen(text));
        must(text_valid(text, (size_t)start) && text_valid(text, (size_t)end));
        behind = end;
    }
}

static void check_request(const struct way *way, const struct http_request *req)
{
    json_t *body = NULL;

    wire_check(req);
    wire_check_url(req);
    if (req->mail == NULL &&
        json_read(&body, buf_str(&req->body), req->body.len, 64, NULL) == ERR_NONE) {
        check_places(way, body);
        check_facets(body);
    }
    json_decref(body);
}

struct kept {
    const char *record, *article;
};

static void check_secret(void *context, const struct secret *secret)
{
    const struct kept *kept = context;

    must(secret->len < 4 || strstr(kept->record, secret->text) == NULL ||
         strstr(kept->article, secret->text) != NULL);
}

static void check_kept(const struct way *way, const struct step_ctx *ctx)
{
    char *record = json_dumps(ctx->record, 0);
    struct kept kept = {.record = record};
    struct buf article;

    must(record != NULL);
    buf_init(&article, SIZE_MAX / 2);
    article_write(&article, ctx->article);
    kept.article = buf_str(&article);
    settings_secrets(way->adapter->settings, way->settings, check_secret, &kept);
    buf_done(&article);
    free(record); /* Jansson's */
}

/* ---- the course ---- */

/* "Name: value" lines. */
static void add_headers(struct http_headers *out, const char *lines)
{
    while (lines != NULL && *lines != '\0') {
        size_t len = strcspn(lines, "\n");
        const char *colon = memchr(lines, ':', len);

        must(colon != NULL);
        http_headers_add(out,
                         lines,
                         (size_t)(colon - lines),
                         colon + 1 + strspn(colon + 1, " "),
                         (size_t)(lines + len - colon) - 1 - strspn(colon + 1, " "));
        lines += len + (lines[len] != '\0');
    }
}

static struct verdict read_sample(struct step_ctx *ctx, const struct step *step, bool is_mail)
{
    const char *body = step->sample != NULL ? step->sample : "{}";
    struct http_response res = {.status = is_mail ? 250 : 200,
                                .stage = is_mail ? MAIL_MESSAGE : MAIL_NO_STAGE,
                                .body = body,
                                .body_len = strlen(body),
                                .now_ms = ctx->now_ms};
    struct verdict v;

    add_headers(&res.headers, step->sample_headers);
    v = step->read(ctx, &res);
    http_headers_done(&res.headers);
    return v;
}

static void lend_picture(struct step_ctx *ctx, const struct step *step)
{
    static const struct media picture = {
        .type = "image/jpeg", .bytes = "picture", .len = 7, .width = 1200, .height = 630};
    bool has = step->wants_media && ctx->article->image_count > 0;

    ctx->media = has ? &picture : NULL;
    ctx->media_error = has ? NULL : "the article has no picture";
}

/* A message that is sealed is another one each time. */
static bool is_sealed(const struct step_ctx *ctx)
{
    return ctx->audience && ctx->audience->push && ctx->audience->push->clear;
}

/* Asked again, it says the same. */
static void
check_same(struct step_ctx *ctx, const struct step *step, const struct http_request *req)
{
    struct http_request again;

    http_request_init(&again);
    ctx->fit_count = 0;
    must(step->build(ctx, &again, NULL) == ERR_NONE && again.skip == req->skip);
    if (!req->skip) {
        must(strcmp(again.url, req->url) == 0 && again.body.len == req->body.len);
        must(is_sealed(ctx) ||
             memcmp(buf_str(&again.body), buf_str(&req->body), req->body.len) == 0);
    }
    http_request_done(&again);
}

/* The next step; NULL: that was the last. */
static const struct step *take_step(const struct way *way,
                                    struct step_ctx *ctx,
                                    const struct step *steps,
                                    const struct step *s)
{
    struct http_request req;
    struct verdict v = verdict_next();

    http_request_init(&req);
    lend_picture(ctx, s);
    ctx->fit_count = 0;
    if (s->build(ctx, &req, NULL) != ERR_NONE) {
        http_request_done(&req);
        return NULL;
    }
    wire_check_fits(ctx);
    check_same(ctx, s, &req);
    if (!req.skip) {
        check_request(way, &req);
        v = read_sample(ctx, s, req.mail != NULL);
    }
    http_request_done(&req);
    if (v.kind != VERDICT_NEXT) {
        return NULL;
    }
    s = v.jump ? step_find(steps, v.jump) : s + 1;
    return s->name ? s : NULL;
}

static void run_course(const struct way *way, struct step_ctx *ctx, enum course course)
{
    const struct step *steps = adapter_course_with(way->adapter, way->settings, course);
    const struct step *step = steps;

    ctx->course = course;
    for (int n = 0; step != NULL && n < STEPS_MAX; n++) {
        step = take_step(way, ctx, steps, step);
    }
    check_kept(way, ctx);
}

static void run_way(const struct way *way, const struct article *article, uint8_t variant)
{
    static const struct site_facts site = {
        .name = "Example News", .url = "https://news.example", .language = "en"};
    struct step_ctx ctx = {
        .settings = way->settings,
        .audience = way->adapter->audience,
        .site = &site,
        .channel = "main",
        .article = article,
        .article_id = "art_0000000000001",
        .delivery_id = "dlv_0000000000001",
        .key = "8f14e45fceea167a5a36dedd4bea25438f14e45fceea167a5a36dedd4bea2543",
        .link = article->url,
        .reason = variant & 1 ? "category Breaking" : "",
        .breaking = variant & 1,
        .is_test = variant & 2,
        .revision = 1,
        .created_at_ms = NOW_MS,
        .now_ms = NOW_MS + 1000,
        .record = json_object(),
        .account = json_object(),
    };
    json_t *post;

    run_course(way, &ctx, COURSE_PUBLISH);
    post = ctx.record;
    ctx.post = post;
    ctx.revision = 2;
    for (enum course c = COURSE_UPDATE; c <= COURSE_TEST; c++) {
        ctx.record = json_object();
        run_course(way, &ctx, c);
        json_decref(ctx.record);
    }
    json_decref(post);
    json_decref(ctx.account);
}

static void run_article(const json_t *v, size_t size)
{
    struct article_faults faults;
    struct article *article = NULL;
    const struct way *ways;
    size_t count;

    if (article_from_json(&article, v, NOW_MS, &faults, NULL) != ERR_NONE) {
        return;
    }
    ways = ways_all(&count);
    for (size_t i = size % SHARE; i < count; i += SHARE) {
        run_way(&ways[i], article, (uint8_t)size);
    }
    article_unref(article);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static size_t kept_count;
    json_t *v = NULL;

    if (kept_count == 0) {
        size_t count;

        (void)ways_all(&count);
        kept_count = mem_live_count();
    }
    if (size <= 32768 && json_read(&v, (const char *)data, size, 32, NULL) == ERR_NONE) {
        run_article(v, size);
    }
    json_decref(v);
    must(mem_live_count() == kept_count);
    return 0;
}
