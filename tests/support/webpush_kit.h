#ifndef CRIER_TESTS_WEBPUSH_KIT_H
#define CRIER_TESTS_WEBPUSH_KIT_H

/* A channel of browsers with an article, as far as its adapter sees them: for tests of the adapter beyond
 * dialogues. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "adapters/push.h"
#include "adapters/registry.h"
#include "adapters/webpush_internal.h"
#include "base/json.h"
#include "base/mem.h"
#include "support/settings_fill.h"

#define NOW_MS INT64_C(1795446000000)
#define KEY "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"
#define PUBLIC                                                                                 \
    "BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8"
#define OLD_KEY "q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94"
#define OLD_PUBLIC                                                                             \
    "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
#define STRANGE_PUBLIC                                                                         \
    "BA1Hxzyi1RUM1b5wjxsn7nGxAszw2u61m164i3MrAIxHF6YK5h4SDYic-dRuU_RCPCfA5aq9ojSwk5Y2EmClBPs"
#define AUTH "BTBZMqHH6r4Tts7J_aSIgg"
#define FCM "https://fcm.googleapis.com/fcm/send/abcdefghijkl:APA91b"

/* ---- a scene ---- */

struct scene {
    struct webpush_settings settings;
    struct article *article;
    struct site_facts site;
    struct step_ctx ctx;
    struct push_plan *plan;
};

static inline json_t *loads(const char *text)
{
    json_t *v = json_loads(text, 0, NULL);

    assert_non_null(v);
    return v;
}

static inline void fill(struct scene *s, const char *more)
{
    const struct adapter *a = adapter_find("webpush");
    json_t *values = loads("{\"key\": \"" KEY "\", \"old_keys\": \" " OLD_KEY "\\n\","
                           " \"subject\": \"mailto:push@news.example\"}");
    json_t *others = loads(more ? more : "{}");
    struct err why = {0};

    (void)json_object_update(values, others);
    assert_int_equal(settings_fill(a->settings, &s->settings, sizeof s->settings, values, &why),
                     0);
    assert_int_equal(a->check(&s->settings, &why), 0);
    json_decref(values);
    json_decref(others);
}

static inline void begin(struct scene *s, const char *more, const char *article)
{
    struct article_faults faults = {.count = 0};
    json_t *v = loads(article ? article
                              : "{\"title\": \"Dam gives way\", \"summary\": \"Go uphill.\","
                                " \"url\": \"https://news.example/flood\"}");
    struct err why = {0};

    memset(s, 0, sizeof *s);
    fill(s, more);
    if (article_from_json(&s->article, v, 0, &faults, &why)) {
        fail_msg("%s", why.text);
    }
    json_decref(v);
    s->site = (struct site_facts){
        .name = "Example News", .url = "https://news.example", .language = "en"};
    s->ctx = (struct step_ctx){.settings = &s->settings,
                               .site = &s->site,
                               .channel = "browsers",
                               .article = s->article,
                               .article_id = "art_0000000000001",
                               .link = s->article->url,
                               .reason = "",
                               .revision = 1,
                               .created_at_ms = NOW_MS,
                               .now_ms = NOW_MS,
                               .record = json_object(),
                               .audience = adapter_find("webpush")->audience};
}

static inline void prepare_message(struct scene *s)
{
    struct http_request req;
    struct err why = {0};

    http_request_init(&req);
    assert_int_equal(webpush__prepare_message(&s->ctx, &req, &why), 0);
    assert_true(req.skip);
    http_request_done(&req);
}

static inline void plan(struct scene *s)
{
    struct err why = {0};

    prepare_message(s);
    assert_int_equal(webpush__push.plan(&s->ctx, &s->plan, &why), 0);
}

static inline void end(struct scene *s)
{
    webpush__push.done(s->plan);
    json_decref(s->ctx.record);
    article_unref(s->article);
    field_done(adapter_find("webpush")->settings, &s->settings);
    assert_int_equal(mem_live_count(), 0);
}

static inline struct member reader(const char *address)
{
    struct member m = *webpush__audience.sample;

    m.address = address ? address : m.address;
    return m;
}

#endif
