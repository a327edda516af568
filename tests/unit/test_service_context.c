/* service/context.c: what a step sees, and the key that never changes. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/mustache.h"
#include "service/context.h"

static char id[] = "7", url[] = "https://news.example/a?x=1#top", title[] = "T";
static const struct article article = {.id = id, .url = url, .title = title, .breaking = -1};

struct fixture {
    struct config config;
    struct config_type type;
    struct channel_settings channel;
    json_t *account;
};

static void setup(struct fixture *f)
{
    struct utm_settings *utm = &f->config.site.utm;

    memset(f, 0, sizeof *f);
    f->config.site.name = mem_strdup("Example News");
    f->config.site.url = mem_strdup("https://news.example");
    f->config.site.language = mem_strdup("en");
    assert_int_equal(mustache_parse(&utm->source, "{{channel}}", NULL), 0);
    assert_int_equal(mustache_parse(&utm->medium, "so cial", NULL), 0);
    f->type = (struct config_type){.name = "telegram"};
    f->channel.name = mem_strdup("tg");
    f->channel.type = &f->type;
    f->channel.tag_links = true;
    f->account = json_object();
}

static void teardown(struct fixture *f)
{
    mustache_free(f->config.site.utm.source);
    mustache_free(f->config.site.utm.medium);
    mem_free(f->config.site.name);
    mem_free(f->config.site.url);
    mem_free(f->config.site.language);
    mem_free(f->channel.name);
    json_decref(f->account);
    assert_int_equal(mem_live_count(), 0);
}

static struct context_facts facts(struct fixture *f)
{
    return (struct context_facts){
        .config = &f->config,
        .channel = &f->channel,
        .article = &article,
        .article_id = "7",
        .delivery = {.v = 42},
        .revision = 1,
        .reason = NULL,
        .created_at_ms = 1000,
        .course = COURSE_PUBLISH,
        .account = f->account,
    };
}

static void key_of(const struct context_facts *x, char out[65])
{
    struct step_context sc;

    assert_int_equal(context_init(&sc, x, NULL), 0);
    assert_int_equal(strlen(sc.ctx.key), 64);
    memcpy(out, sc.ctx.key, 65);
    context_done(&sc);
}

static void the_key_is_that_of_the_delivery_and_nothing_else(void **state)
{
    char first[65], other[65];
    struct context_facts x;
    struct fixture f;

    (void)state;
    setup(&f);
    x = facts(&f);
    key_of(&x, first);
    /* sha256("7\n1\ntg\npublish"): in the ledgers and at the platforms of everybody who runs
     * this */
    assert_string_equal(first,
                        "602be2486921ad0cd70519b18fb6d205f8f3accf51534cfb7adf92d6399ac5d9");
    x.created_at_ms = 99999;
    x.record = "{\"a\": 1}";
    x.breaking = true;
    key_of(&x, other);
    assert_string_equal(first, other);

    x = facts(&f);
    x.revision = 2;
    key_of(&x, other);
    assert_string_not_equal(first, other);
    x = facts(&f);
    x.article_id = "8";
    key_of(&x, other);
    assert_string_not_equal(first, other);
    x = facts(&f);
    x.course = COURSE_UPDATE;
    key_of(&x, other);
    assert_string_not_equal(first, other);
    x = facts(&f);
    f.channel.name[0] = 'x';
    key_of(&x, other);
    assert_string_not_equal(first, other);
    teardown(&f);
}

static void a_look_has_the_key_of_what_it_looks_for(void **state)
{
    char publish[65], look[65];
    struct context_facts x;
    struct fixture f;

    (void)state;
    setup(&f);
    x = facts(&f);
    key_of(&x, publish);
    x.course = COURSE_VERIFY;
    x.in_doubt = COURSE_PUBLISH;
    key_of(&x, look);
    assert_string_equal(publish, look);
    teardown(&f);
}

static void links_carry_the_campaign_where_wanted(void **state)
{
    struct step_context sc;
    struct context_facts x;
    struct fixture f;

    (void)state;
    setup(&f);
    x = facts(&f);
    assert_int_equal(context_init(&sc, &x, NULL), 0);
    assert_string_equal(sc.ctx.link,
                        "https://news.example/a?x=1&utm_source=tg&utm_medium=so%20cial#top");
    assert_string_equal(sc.ctx.reason, "");
    assert_string_equal(sc.ctx.site->name, "Example News");
    assert_memory_equal(sc.ctx.delivery_id, "dlv_", 4);
    assert_true(json_is_object(sc.ctx.record));
    assert_null(sc.ctx.post);
    context_done(&sc);
    f.channel.tag_links = false;
    assert_int_equal(context_init(&sc, &x, NULL), 0);
    assert_string_equal(sc.ctx.link, "https://news.example/a?x=1#top");
    context_done(&sc);
    teardown(&f);
}

static void what_cannot_be_read_is_an_error_not_a_crash(void **state)
{
    static const struct {
        const char *record, *post, *says;
    } rows[] = {
        {"[1]", NULL, "stored record"},
        {"{", NULL, "stored record"},
        {"{}", "nonsense", "stored post"},
    };
    struct fixture f;

    (void)state;
    setup(&f);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct context_facts x = facts(&f);
        struct step_context sc;
        struct err why = {0};

        x.record = rows[i].record;
        x.post = rows[i].post;
        assert_int_equal(context_init(&sc, &x, &why), ERR_INVALID);
        assert_non_null(strstr(why.text, rows[i].says));
        context_done(&sc);
    }
    teardown(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_key_is_that_of_the_delivery_and_nothing_else),
        cmocka_unit_test(a_look_has_the_key_of_what_it_looks_for),
        cmocka_unit_test(links_carry_the_campaign_where_wanted),
        cmocka_unit_test(what_cannot_be_read_is_an_error_not_a_crash),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
