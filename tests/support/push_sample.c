/* Messages for others to open: each line of standard input is a subscription as a browser hands it in, with `article`,
 * `breaking` and `prepared` beside it; each line of standard output the request that a lane would send. Used by
 * tests/contract/test_push_sample.py. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "adapters/adapter.h"
#include "adapters/push.h"
#include "adapters/registry.h"
#include "base/crypto.h"
#include "base/json.h"
#include "base/mem.h"
#include "support/settings_fill.h"

#define KEY "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"

static const struct adapter *webpush;
static void *settings;

static void fill(void)
{
    json_t *values = json_pack("{s:s, s:s}", "key", KEY, "subject", "mailto:push@news.example");
    struct err why = {0};

    webpush = adapter_find("webpush");
    settings = mem_zalloc(webpush->settings_size);
    must(settings_fill(webpush->settings, settings, webpush->settings_size, values, &why) == 0);
    json_decref(values);
}

static void
print_message(const struct push *push, struct push_plan *plan, const struct member *m)
{
    struct buf origin, path, body, encoded, clear;
    struct http_headers headers = {0};
    struct err why = {0};
    int64_t until_ms;
    json_t *out = json_object(), *list = json_object();

    buf_init(&origin, 8192);
    buf_init(&path, 8192);
    buf_init(&body, 8192);
    buf_init(&encoded, 16384);
    buf_init(&clear, 8192);
    must(push->origin(plan, m, &origin));
    must(push->compose(plan, &m, 1, &path, &body, &why) == 0);
    push->headers(plan, m, buf_str(&origin), clock_wall_ms(), &headers, &until_ms);
    push->clear(plan, &clear);
    crypto_base64(&encoded, buf_str(&body), body.len);
    for (size_t i = 0; i < headers.count; i++) {
        json_set_str(list, headers.v[i].name, headers.v[i].value);
    }
    json_set_str(out, "origin", buf_str(&origin));
    json_set_str(out, "path", buf_str(&path));
    json_set_str(out, "body", buf_str(&encoded));
    json_set_str(out, "clear", buf_str(&clear));
    (void)json_object_set_new(out, "headers", list);
    (void)json_dumpf(out, stdout, JSON_COMPACT);
    (void)putchar('\n');
    json_decref(out);
    http_headers_done(&headers);
    buf_done(&origin);
    buf_done(&path);
    buf_done(&body);
    buf_done(&encoded);
    buf_done(&clear);
}

static void play(const json_t *given)
{
    const struct push *push = webpush->audience->push;
    const struct site_facts site = {.name = "Example News", .language = "en"};
    struct article_faults faults = {.count = 0};
    struct http_request req;
    struct push_subscription who;
    struct member m = {.id = 1};
    uint8_t prepared[256];
    struct article *article;
    struct push_plan *plan;
    struct err why = {0};
    struct step_ctx ctx;

    must(article_from_json(&article, json_object_get(given, "article"), 0, &faults, &why) == 0);
    ctx = (struct step_ctx){.settings = settings,
                            .site = &site,
                            .channel = "browsers",
                            .article = article,
                            .article_id = "art_0000000000001",
                            .link = article->url,
                            .reason = "",
                            .breaking = json_is_true(json_object_get(given, "breaking")),
                            .revision = 1,
                            .created_at_ms = clock_wall_ms(),
                            .now_ms = clock_wall_ms(),
                            .record = json_object(),
                            .audience = webpush->audience};
    http_request_init(&req);
    must(webpush->publish[0].build(&ctx, &req, &why) == 0);
    must(push->plan(&ctx, &plan, &why) == 0);
    must(push_subscription_read(webpush->audience, settings, given, &who, &why) == 0);
    m.address = who.address;
    m.keys = who.keys;
    m.keys_len = who.keys_len;
    m.key_id = who.key_id;
    if (json_is_true(json_object_get(given, "prepared"))) {
        must(push->prepared_bytes <= sizeof prepared && push->prepare(&m, prepared));
        m.prepared = prepared;
    }
    print_message(push, plan, &m);
    push->done(plan);
    http_request_done(&req);
    json_decref(ctx.record);
    article_unref(article);
    mem_free(who.address);
}

int main(void)
{
    char *line = NULL;
    size_t room = 0;

    fill();
    while (getline(&line, &room, stdin) > 0) {
        json_t *given = json_loads(line, 0, NULL);

        must(given != NULL);
        play(given);
        json_decref(given);
    }
    free(line); /* libc's */
    field_done(webpush->settings, settings);
    mem_free(settings);
    return 0;
}
