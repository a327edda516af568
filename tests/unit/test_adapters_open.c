/* What several adapters share: addresses below a base, Markdown, the picture of a post, the look for a post in
 * a list, errors by the platform's own word. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "adapters/look.h"
#include "adapters/markdown.h"
#include "adapters/picture.h"
#include "adapters/trouble.h"
#include "base/attr.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"

#define NOW_MS ((int64_t)1795446000000)

static void an_address_is_put_below_a_base(void **state)
{
    static const struct {
        const char *base, *want;
    } rows[] = {
        {"https://a.example", "https://a.example/posts?slug=x&n=1"},
        {"https://a.example/", "https://a.example/posts?slug=x&n=1"},
        {"https://a.example/blog//", "https://a.example/blog/posts?slug=x&n=1"},
        {"https://a.example/?rest_route=", "https://a.example/?rest_route=/posts&slug=x&n=1"},
        {"https://a.example/?rest_route=/", "https://a.example/?rest_route=/posts&slug=x&n=1"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct http_request req;

        http_request_init(&req);
        http_set_url_below(&req, rows[i].base, "/posts?slug=%s&n=%d", "x", 1);
        assert_string_equal(req.url, rows[i].want);
        http_request_done(&req);
    }
}

static void signs_of_markdown_are_signs(void **state)
{
    static const struct {
        const char *text, *want;
    } rows[] = {
        {"", ""},
        {"plain words, 5 of them.", "plain words, 5 of them."},
        {"*a* _b_ `c` [d](e) ~f~ g|h", "\\*a\\* \\_b\\_ \\`c\\` \\[d\\](e) \\~f\\~ g\\|h"},
        {"back\\slash", "back\\\\slash"},
        {"<b> & </b>", "&lt;b\\> &amp; &lt;/b\\>"},
        {"{% raw %}{{ x }}", "&#123;% raw %}&#123;&#123; x }}"},
        {"# heading", "\\# heading"},
        {"no # heading", "no # heading"},
        {"a\n- item\n+ item\n--- \n=== ", "a\n\\- item\n\\+ item\n\\--- \n\\=== "},
        {"1. first\n23) second\n4 of 5.", "1\\. first\n23\\) second\n4 of 5."},
        {"see https://a.example/x_y*z?q=[1]&r={2} _now_",
         "see https://a.example/x_y*z?q=[1]&r=%7B2} \\_now\\_"},
        {"Ünïcode – “quoted”", "Ünïcode – “quoted”"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf out;

        buf_init(&out, 4096);
        markdown_escape(&out, rows[i].text, strlen(rows[i].text));
        assert_string_equal(buf_str(&out), rows[i].want);
        buf_done(&out);
    }
}

/* ---- a step's context ---- */

struct scene {
    struct article_image image;
    struct article article;
    struct media media;
    struct step_ctx ctx;
};

static void scene_init(struct scene *s, json_t *post)
{
    static char url[] = "https://news.example/flood", image[] = "https://news.example/a.jpg";

    *s = (struct scene){.image = {.url = image},
                        .article = {.url = url, .image_count = 1},
                        .media = {.type = "image/png", .bytes = "x", .len = 100}};
    s->article.images = &s->image;
    s->ctx = (struct step_ctx){.article = &s->article,
                               .link = "https://news.example/flood?utm_source=x&b=1",
                               .record = json_object(),
                               .post = post,
                               .media = &s->media,
                               .created_at_ms = NOW_MS,
                               .now_ms = NOW_MS};
}

static void scene_done(struct scene *s)
{
    json_decref(s->ctx.record);
}

static void a_post_is_told_by_its_link_or_its_words(void **state)
{
    static const struct {
        struct look_post post;
        bool ours;
    } rows[] = {
        {{.id = "1", .link = "https://news.example/flood?utm_source=x&b=1"}, true},
        {{.id = "1", .link = "http://NEWS.example/flood/"}, true}, /* as a site cleans it */
        {{.id = "1", .link = "https://news.example/flood?b=1"}, true},
        {{.id = "1", .link = "https://news.example/flood?b=2"}, false},
        {{.id = "1", .link = "https://news.example/flooding"}, false},
        {{.id = "1", .link = "news.example/flood"}, false},
        {{.id = NULL, .link = "https://news.example/flood"}, false},
        {{.id = "1", .text = "Flood!\nhttps://news.example/flood."}, true},
        {{.id = "1", .text = "https://a.example https://news.example/flood"}, true},
        {{.id = "1", .text = "https://news.example/flood-2"}, false},
        {{.id = "1", .text = " Word for  word\n"}, true},
        {{.id = "1", .text = "Word for word, and more"}, false},
        {{.id = "1"}, false},
    };
    json_t *post = json_pack("{s:s}", "text", "Word for word");
    struct scene s;

    (void)state;
    scene_init(&s, post);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (look_is_ours(&s.ctx, &rows[i].post) != rows[i].ours) {
            fail_msg("row %zu should be %s", i, rows[i].ours ? "ours" : "another's");
        }
    }
    scene_done(&s);
    json_decref(post);
}

static void the_age_of_a_post_says_whose_delivery_it_is(void **state)
{
    struct look_post post = {.id = "1", .url = "https://p.example/1", .at_ms = NOW_MS};
    json_t *doubtful = json_pack("{s:s, s:s}", "text", "x", "slug", "s-1");
    const char *const kept[] = {"slug", NULL};
    struct scene s;

    (void)state;
    scene_init(&s, doubtful);
    assert_int_equal(look_found(&s.ctx, &post, kept).kind, VERDICT_DONE);
    assert_string_equal(json_string_value(json_object_get(s.ctx.record, "slug")), "s-1");
    assert_string_equal(json_string_value(json_object_get(s.ctx.record, "remote_id")), "1");
    post.at_ms = NOW_MS - 6 * MS_MINUTE;
    assert_int_equal(look_found(&s.ctx, &post, kept).kind, VERDICT_UNKNOWN);
    assert_false(look_is_too_old(&s.ctx, &post));
    post.at_ms = NOW_MS - 121 * MS_MINUTE;
    assert_true(look_is_too_old(&s.ctx, &post));
    post.at_ms = 0; /* not told */
    assert_false(look_is_too_old(&s.ctx, &post));
    scene_done(&s);
    json_decref(doubtful);
}

static void a_list_is_read_so_far_and_no_further(void **state)
{
    struct scene s;

    (void)state;
    scene_init(&s, NULL);
    for (int page = 1; page < 5; page++) {
        struct verdict v = look_further(&s.ctx, "find", "p", false);

        assert_int_equal(v.kind, VERDICT_NEXT);
        assert_string_equal(v.jump, "find");
        assert_string_equal(look_from(&s.ctx), "p");
    }
    assert_int_equal(look_further(&s.ctx, "find", "p", false).kind, VERDICT_UNKNOWN);
    assert_null(look_from(&s.ctx)); /* the next look begins anew */
    assert_int_equal(look_further(&s.ctx, "find", "p", true).kind, VERDICT_ABSENT);
    assert_int_equal(look_further(&s.ctx, "find", NULL, false).kind, VERDICT_UNKNOWN);
    assert_int_equal(json_object_size(s.ctx.record), 0);
    scene_done(&s);
}

static void times_are_read_with_and_without_a_zone(void **state)
{
    (void)state;
    assert_int_equal(look_time("2026-11-23T15:00:00Z"), NOW_MS);
    assert_int_equal(look_time("2026-11-23T16:00:00+01:00"), NOW_MS);
    assert_int_equal(look_time("2026-11-23T15:00:00.000000"), NOW_MS);
    assert_int_equal(look_time("yesterday"), 0);
    assert_int_equal(look_time(""), 0);
    assert_int_equal(look_time(NULL), 0);
}

/* ---- pictures ---- */

static void a_picture_that_cannot_go_is_left_out(void **state)
{
    static const struct {
        const char *about, *type, *error;
        size_t len;
        int64_t later_ms;
        bool goes;
    } rows[] = {
        {"it goes", "image/png", NULL, 100, 0, true},
        {"it could not be had", "image/png", "404", 100, 0, false},
        {"it is none", "video/mp4", NULL, 100, 0, false},
        {"it is too large", "image/png", NULL, 1001, 0, false},
        {"it took five minutes", "image/png", NULL, 100, 5 * MS_MINUTE + 1, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct http_request req;
        struct scene s;

        scene_init(&s, NULL);
        http_request_init(&req);
        assert_true(picture_begin(&s.ctx, &req, true, 1000)); /* the first request */
        s.media.type = rows[i].type;
        s.media.len = rows[i].len;
        s.ctx.media = rows[i].error ? NULL : &s.media;
        s.ctx.media_error = rows[i].error;
        s.ctx.now_ms += rows[i].later_ms;
        if (picture_begin(&s.ctx, &req, true, 1000) != rows[i].goes ||
            req.skip == rows[i].goes || picture_is_wanted(&s.ctx) != rows[i].goes) {
            fail_msg("%s: not so", rows[i].about);
        }
        http_request_done(&req);
        scene_done(&s);
    }
}

static void the_picture_that_stands_is_not_sent_again(void **state)
{
    json_t *post =
        json_pack("{s:s, s:s}", "media_id", "7", "media_url", "https://news.example/a.jpg");
    struct http_request req;
    struct scene s;

    (void)state;
    scene_init(&s, post);
    http_request_init(&req);
    assert_false(picture_is_wanted(&s.ctx));
    assert_false(picture_begin(&s.ctx, &req, false, 0));
    assert_true(req.skip);
    assert_string_equal(json_string_value(json_object_get(s.ctx.record, "media_id")), "7");
    http_request_done(&req);
    scene_done(&s);
    json_object_set_new(post, "media_url", json_string("https://news.example/b.jpg"));
    scene_init(&s, post);
    assert_true(picture_is_wanted(&s.ctx));
    scene_done(&s);
    json_decref(post);
}

static void trouble_with_a_picture_is_not_the_posts(void **state)
{
    struct verdict no = verdict_make(VERDICT_REJECTED, SCOPE_POST, 0, "no");
    struct verdict wait = verdict_make(VERDICT_AGAIN, SCOPE_CHANNEL, MS_MINUTE, "wait");
    struct verdict host = verdict_make(VERDICT_AGAIN, SCOPE_HOST, MS_HOUR, "down");
    struct scene s;

    (void)state;
    scene_init(&s, NULL);
    assert_int_equal(picture_trouble(&s.ctx, wait).kind, VERDICT_AGAIN);
    assert_int_equal(picture_trouble(&s.ctx, host).kind,
                     VERDICT_AGAIN); /* the post must wait, too */
    s.ctx.breaking = true;
    assert_int_equal(picture_trouble(&s.ctx, wait).kind, VERDICT_NEXT);
    assert_string_equal(json_string_value(json_object_get(s.ctx.record, "media_off")), "wait");
    assert_int_equal(picture_trouble(&s.ctx, no).kind, VERDICT_NEXT);
    assert_string_equal(picture_file_name("image/webp"), "image.webp");
    assert_string_equal(picture_file_name("image/unheard-of"), "image");
    scene_done(&s);
}

/* ---- errors ---- */

static void an_error_is_told_by_its_word(void **state)
{
    static const struct trouble_code rows[] = {
        {"gone", VERDICT_REJECTED, SCOPE_POST, 0, NULL, false},
        {"go", VERDICT_AGAIN, SCOPE_CHANNEL, 5000, NULL, false},
        {"perhaps", VERDICT_UNKNOWN, SCOPE_POST, 0, NULL, false},
        {"key", VERDICT_BLOCKED, SCOPE_CHANNEL, 0, "turn it", true},
        TROUBLE_CODE_END,
    };
    static const struct step once = {.name = "post", .publishes = true};
    static const struct step keyed = {.name = "put", .publishes = true, .repeatable = true};
    struct trouble_said said = {.status = 400, .code = "go", .message = "wait a bit"};
    struct verdict v;

    (void)state;
    assert_true(trouble_by_code(rows, &once, &said, &v));
    assert_int_equal(v.kind, VERDICT_AGAIN);
    assert_int_equal(v.retry_after_ms, 5000);
    assert_string_equal(v.detail, "400: go: wait a bit");
    said.told_ms = 9000; /* what the platform says goes before */
    assert_true(trouble_by_code(rows, &once, &said, &v));
    assert_int_equal(v.retry_after_ms, 9000);
    said.code = "perhaps";
    assert_true(trouble_by_code(rows, &once, &said, &v));
    assert_int_equal(v.kind, VERDICT_UNKNOWN);
    assert_true(trouble_by_code(rows, &keyed, &said, &v));
    assert_int_equal(v.kind, VERDICT_AGAIN); /* it may be repeated, so it is */
    said.code = "key";
    assert_true(trouble_by_code(rows, &once, &said, &v));
    assert_true(v.token_refused);
    assert_string_equal(v.detail, "400: key: wait a bit; turn it");
    said.code = "gon";
    assert_false(trouble_by_code(rows, &once, &said, &v));
    said.code = NULL;
    assert_false(trouble_by_code(rows, &once, &said, &v));
}

static void a_page_is_no_answer(void **state)
{
    static const struct step once = {.name = "post", .publishes = true};
    static const struct {
        int status;
        enum verdict_kind kind;
    } rows[] = {{200, VERDICT_UNKNOWN},
                {403, VERDICT_AGAIN},
                {500, VERDICT_UNKNOWN},
                {502, VERDICT_UNKNOWN},
                {503, VERDICT_AGAIN}};
    struct http_response res = {.body = " \n<!DOCTYPE html>", .body_len = 17};

    (void)state;
    assert_true(trouble_is_page(&res));
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        res.status = rows[i].status;
        assert_int_equal(trouble_from_page(&once, &res).kind, rows[i].kind);
    }
    res.body = "{}";
    res.body_len = 2;
    assert_false(trouble_is_page(&res));
    res.body = NULL;
    res.body_len = 0;
    assert_false(trouble_is_page(&res));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_is_put_below_a_base),
        cmocka_unit_test(signs_of_markdown_are_signs),
        cmocka_unit_test(a_post_is_told_by_its_link_or_its_words),
        cmocka_unit_test(the_age_of_a_post_says_whose_delivery_it_is),
        cmocka_unit_test(a_list_is_read_so_far_and_no_further),
        cmocka_unit_test(times_are_read_with_and_without_a_zone),
        cmocka_unit_test(a_picture_that_cannot_go_is_left_out),
        cmocka_unit_test(the_picture_that_stands_is_not_sent_again),
        cmocka_unit_test(trouble_with_a_picture_is_not_the_posts),
        cmocka_unit_test(an_error_is_told_by_its_word),
        cmocka_unit_test(a_page_is_no_answer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
