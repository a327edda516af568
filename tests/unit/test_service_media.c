/* service/media*.c: fetched once for all, bounded, and only pictures; made smaller once for all. The
 * program is its own `crier resize`: it gives the same small picture whatever it is given. */

#include <dirent.h>
#include <ftw.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/fault.h"
#include "service/crier.h"
#include "service/media.h"
#include "service/out.h"
#include "tests/support/tiny_server.h"

static const char png[] = "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x06\x40\0\0\x03\x48\x08\x02\0\0\0";

static const char bomb[] =
    "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x75\x30\0\0\x75\x30\x08\x02\0\0\0";

struct fixture {
    uv_loop_t loop;
    struct crier crier;
    struct tiny_server server;
};
struct waiter {
    struct media_wait w;
    int dones;
    bool asked;
};

static bool pictures(struct tiny_request *r)
{
    char head[200];

    if (strncmp(r->head, "GET /moved", 10) == 0) {
        tiny_reply(r, 301, "Location: /a.png\r\n", "");
        return true;
    }
    if (strncmp(r->head, "GET /none", 9) == 0) {
        tiny_reply(r, 404, "", "no");
        return true;
    }
    if (strncmp(r->head, "GET /page", 9) == 0) {
        tiny_reply(r, 200, "Content-Type: image/png\r\n", "<html>");
        return true;
    }
    if (strncmp(r->head, "GET /slow", 9) == 0) {
        char c;

        (void)recv(r->fd, &c, 1, 0);
        return false;
    }
    if (strncmp(r->head, "GET /bomb", 9) == 0) {
        tiny_say(r->fd, "HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\n");
        tiny_write(r->fd, bomb, sizeof bomb);
        return true;
    }
    usleep(20000);
    (void)snprintf(
        head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", sizeof png);
    tiny_say(r->fd, head);
    tiny_write(r->fd, png, sizeof png);
    return true;
}

static void setup(struct fixture *f)
{
    struct err why = {0};

    memset(f, 0, sizeof *f);
    tiny_server_start(&f->server, pictures, NULL);
    assert_int_equal(uv_loop_init(&f->loop), 0);
    f->crier.loop = &f->loop;
    assert_int_equal(out_new(&f->crier.out, &f->crier, &why), 0);
    f->crier.media = media_store_new(&f->crier);
}

static void teardown(struct fixture *f)
{
    media_store_free(f->crier.media);
    out_free(f->crier.out);
    (void)uv_run(&f->loop, UV_RUN_DEFAULT);
    tiny_server_stop(&f->server);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    assert_int_equal(mem_live_count(), 0);
}

static void on_done(struct media_wait *w)
{
    struct waiter *waiter = container_of(w, struct waiter, w);

    assert_true(waiter->asked);
    waiter->dones++;
}

static void
ask(struct fixture *f, struct waiter *w, const char *path, size_t max, bool private_too)
{
    char url[100];

    memset(w, 0, sizeof *w);
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%d%s", f->server.port, path);
    w->w.done = on_done;
    media_get(f->crier.media, &w->w, url, max, private_too);
    w->asked = true;
}

static void wait_done(struct fixture *f, struct waiter *w)
{
    for (int i = 0; w->dones == 0 && i < 10000; i++) {
        (void)uv_run(&f->loop, UV_RUN_ONCE);
    }
    assert_int_equal(w->dones, 1);
}

static void a_picture_is_fetched_once_for_all(void **state)
{
    struct waiter w[20];
    struct fixture f;

    (void)state;
    setup(&f);
    for (size_t i = 0; i < ARRAY_LEN(w); i++) {
        ask(&f, &w[i], "/a.png", 1000, true);
    }
    for (size_t i = 0; i < ARRAY_LEN(w); i++) {
        wait_done(&f, &w[i]);
        assert_non_null(w[i].w.media);
        assert_string_equal(w[i].w.media->type, "image/png");
        assert_int_equal(w[i].w.media->width, 1600);
        assert_int_equal(w[i].w.media->height, 840);
        assert_int_equal(w[i].w.media->len, sizeof png);
        media_wait_done(&w[i].w);
    }
    ask(&f, &w[0], "/a.png", 1000, true);
    wait_done(&f, &w[0]);
    assert_non_null(w[0].w.media);
    media_wait_done(&w[0].w);
    assert_int_equal(f.server.requests, 1);
    teardown(&f);
}

static void what_is_no_picture_for_that_channel_says_why(void **state)
{
    static const struct {
        const char *path;
        size_t max;
        bool private_too;
        const char *error;
    } rows[] = {
        {"/none", 1000, true, "status 404"},
        {"/page", 1000, true, "no JPEG"},
        {"/a.png", 10, true, "takes 10"},
        {"/a.png", 1000, false, "private address"},
    };
    struct fixture f;

    (void)state;
    setup(&f);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct waiter w;

        ask(&f, &w, rows[i].path, rows[i].max, rows[i].private_too);
        wait_done(&f, &w);
        assert_null(w.w.media);
        if (!strstr(w.w.error, rows[i].error)) {
            fail_msg("%s: %s", rows[i].path, w.w.error);
        }
        media_wait_done(&w.w);
    }
    teardown(&f);
}

static void a_failure_is_tried_again_by_the_next(void **state)
{
    struct fixture f;
    struct waiter w;

    (void)state;
    setup(&f);
    for (int i = 0; i < 2; i++) {
        ask(&f, &w, "/none", 1000, true);
        wait_done(&f, &w);
        media_wait_done(&w.w);
    }
    assert_int_equal(f.server.requests, 2);
    teardown(&f);
}

static void redirects_are_followed(void **state)
{
    struct fixture f;
    struct waiter w;

    (void)state;
    setup(&f);
    ask(&f, &w, "/moved", 1000, true);
    wait_done(&f, &w);
    assert_non_null(w.w.media);
    media_wait_done(&w.w);
    teardown(&f);
}

static void who_goes_away_is_not_told(void **state)
{
    struct waiter gone, stays, late;
    struct fixture f;

    (void)state;
    setup(&f);
    ask(&f, &gone, "/a.png", 1000, true);
    ask(&f, &stays, "/a.png", 1000, true);
    media_wait_done(&gone.w);
    wait_done(&f, &stays);
    ask(&f, &late, "/a.png", 1000, true); /* there already: told on the next turn */
    assert_int_equal(late.dones, 0);
    media_wait_done(&late.w);
    media_wait_done(&stays.w);
    media_wait_done(&stays.w); /* twice does no harm */
    (void)uv_run(&f.loop, UV_RUN_NOWAIT);
    assert_int_equal(gone.dones, 0);
    assert_int_equal(late.dones, 0);
    teardown(&f);
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st;
    (void)kind;
    (void)at;
    return remove(path);
}

static bool has_a_shape(const char *dir)
{
    DIR *all = opendir(dir);
    struct dirent *entry;
    bool found = false;

    while (all && !found && (entry = readdir(all)) != NULL) {
        found = strncmp(entry->d_name, "s-", 2) == 0;
    }
    if (all) {
        (void)closedir(all);
    }
    return found;
}

/* What `crier resize` would give: 640 x 480. */
static const char small[] =
    "\xff\xd8\xff\xe0\0\x04\0\0\xff\xc0\0\x0b\x08\x01\xe0\x02\x80\x01\x01\x11\0";

static void
ask_fitting(struct fixture *f, struct waiter *w, const char *path, struct media_bounds bounds)
{
    char url[100];

    memset(w, 0, sizeof *w);
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%d%s", f->server.port, path);
    w->w.done = on_done;
    media_get_fitting(f->crier.media, &w->w, url, &bounds, true);
    w->asked = true;
}

static void what_fits_is_left_as_it_is(void **state)
{
    struct fixture f;
    struct waiter w;

    (void)state;
    setup(&f);
    ask_fitting(
        &f,
        &w,
        "/a.png",
        (struct media_bounds){.max_bytes = 1000, .max_pixels = 1600 * 840, .max_edge = 1600});
    wait_done(&f, &w);
    assert_string_equal(w.w.media->type, "image/png");
    assert_string_equal(w.w.note, "");
    media_wait_done(&w.w);
    teardown(&f);
}

static void what_does_not_is_made_smaller_once_for_each_bound(void **state)
{
    const struct media_bounds side = {.max_bytes = 1000, .max_edge = 1000},
                              pixels = {.max_bytes = 1000, .max_pixels = 1000000};
    struct waiter w[12], late, whole;
    struct fixture f;

    (void)state;
    setup(&f);
    for (size_t i = 0; i < ARRAY_LEN(w); i++) {
        ask_fitting(&f, &w[i], "/a.png", i % 2 == 0 ? side : pixels);
    }
    for (size_t i = 0; i < ARRAY_LEN(w); i++) {
        wait_done(&f, &w[i]);
        assert_string_equal(w[i].w.error, "");
        assert_string_equal(w[i].w.media->type, "image/jpeg");
        assert_int_equal(w[i].w.media->width, 640);
        assert_string_equal(w[i].w.note, "picture resized from 30 1600x840 to 21 640x480");
        assert_ptr_equal(w[i].w.media, w[i % 2].w.media);
    }
    assert_ptr_not_equal(w[0].w.media, w[1].w.media);
    ask_fitting(&f, &late, "/a.png", side);
    wait_done(&f, &late);
    assert_ptr_equal(late.w.media, w[0].w.media);
    ask(&f, &whole, "/a.png", 1000, true);
    wait_done(&f, &whole);
    assert_int_equal(whole.w.media->width, 1600);
    assert_int_equal(f.server.requests, 1);
    for (size_t i = 0; i < ARRAY_LEN(w); i++) {
        media_wait_done(&w[i].w);
    }
    media_wait_done(&late.w);
    media_wait_done(&whole.w);
    teardown(&f);
}

static void what_was_done_to_it_is_said(void **state)
{
    /* clang-format off */
    static const struct {
        struct media_bounds bounds;
        const char *note;
    } rows[] = {
        {{.types = MEDIA_JPEG}, "picture converted from PNG"},
        {{.types = MEDIA_JPEG | MEDIA_WEBP, .max_bytes = 29}, "picture converted from PNG, resized from 30 1600x840 to 21 640x480"},
        {{.max_ratio_milli = 1334}, "picture cut from 1.9:1 to 1.33:1"},
        {{.types = MEDIA_JPEG, .min_ratio_milli = 800, .max_ratio_milli = 1500, .max_edge = 1440},
         "picture converted from PNG, cut from 1.9:1 to 1.33:1, resized from 30 1600x840 to 21 640x480"},
    };
    /* clang-format on */
    struct fixture f;

    (void)state;
    setup(&f);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct waiter w;

        ask_fitting(&f, &w, "/a.png", rows[i].bounds);
        wait_done(&f, &w);
        assert_string_equal(w.w.error, "");
        assert_string_equal(w.w.note, rows[i].note);
        media_wait_done(&w.w);
    }
    assert_int_equal(f.server.requests, 1);
    teardown(&f);
}

/* Its second making would fail. */
static void what_was_made_is_found_after_a_restart(void **state)
{
    const struct media_bounds side = {.max_bytes = 1000, .max_edge = 1000},
                              other = {.max_edge = 900};
    char dir[] = "/tmp/crier-media-XXXXXX";
    struct config config = {
        .media = {.cache = dir, .max_bytes = 100000, .max_file_bytes = 100000}};
    struct fixture f;
    struct waiter w;

    (void)state;
    setup(&f);
    assert_non_null(mkdtemp(dir));
    f.crier.config = &config;
    for (int i = 0; i < 3; i++) {
        media_store_free(f.crier.media);
        (void)fault_set(i == 0 ? NULL : "resize.spawn:1");
        f.crier.media = media_store_new(&f.crier);
        ask_fitting(&f, &w, "/a.png", i == 2 ? other : side);
        wait_done(&f, &w);
        if (i < 2) {
            assert_string_equal(w.w.error, "");
            assert_string_equal(w.w.note, "picture resized from 30 1600x840 to 21 640x480");
        } else { /* other bounds, another picture */
            assert_null(w.w.media);
        }
        media_wait_done(&w.w);
        while (i == 0 && !has_a_shape(dir)) {
            (void)uv_run(&f.loop, UV_RUN_ONCE);
        }
    }
    (void)fault_set(NULL);
    assert_int_equal(media_store_disk_bytes(f.crier.media), 21);
    teardown(&f);
    assert_int_equal(nftw(dir, remove_one, 10, FTW_DEPTH | FTW_PHYS), 0);
}

static void what_cannot_be_made_to_fit_says_both_sizes_and_why(void **state)
{
    /* clang-format off */
    static const struct {
        const char *path;
        struct media_bounds bounds;
        const char *error;
    } rows[] = {
        {"/a.png", {.max_bytes = 20}, "the picture has 30, the channel takes 20; it was not resized: what came back is larger"},
        {"/a.png", {.max_edge = 600}, "the picture has 1600x840 pixels, the channel takes sides of at most 600; it was not"},
        {"/a.png", {.max_pixels = 100}, "the picture has 1600x840 pixels, the channel takes at most 100; it was not resized: what"},
        {"/bomb.png", {.max_edge = 100}, "it was not resized: it has more than 100 million pixels"},
        {"/none", {.max_edge = 100}, "status 404"},
        {"/a.png", {.types = MEDIA_GIF}, "the picture is a PNG, which the channel does not take; it was not resized: it would become a JPEG"},
        {"/a.png", {.min_ratio_milli = 2000}, "the picture is 1.9:1, the channel takes 2:1 or more; it was not resized: what"},
        {"/a.png", {.min_ratio_milli = 500, .max_ratio_milli = 800}, "the picture is 1.9:1, the channel takes 0.5:1 to 0.8:1; it"},
    };
    /* clang-format on */
    struct fixture f;

    (void)state;
    setup(&f);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct waiter w;

        ask_fitting(&f, &w, rows[i].path, rows[i].bounds);
        wait_done(&f, &w);
        assert_null(w.w.media);
        if (!strstr(w.w.error, rows[i].error)) {
            fail_msg("%s: %s", rows[i].path, w.w.error);
        }
        media_wait_done(&w.w);
    }
    teardown(&f);
}

static void who_goes_away_while_it_is_made_is_not_told(void **state)
{
    const struct media_bounds bounds = {.max_edge = 1000};
    struct waiter gone, stays, whole;
    struct fixture f;

    (void)state;
    setup(&f);
    ask(&f, &whole, "/a.png", 1000, true);
    wait_done(&f, &whole);
    ask_fitting(&f, &gone, "/a.png", bounds);
    ask_fitting(&f, &stays, "/a.png", bounds);
    (void)uv_run(&f.loop, UV_RUN_NOWAIT);
    (void)uv_run(&f.loop, UV_RUN_NOWAIT);
    media_wait_done(&gone.w);
    media_wait_done(&whole.w);
    wait_done(&f, &stays);
    assert_non_null(stays.w.media);
    assert_int_equal(gone.dones, 0);
    media_wait_done(&stays.w);
    teardown(&f);
}

static void the_store_can_go_while_a_picture_is_made_smaller(void **state)
{
    struct fixture f;
    struct waiter w[4];

    (void)state;
    setup(&f);
    for (size_t i = 0; i < ARRAY_LEN(w); i++) {
        ask(&f, &w[i], "/a.png", 1000, true);
        wait_done(&f, &w[i]);
        media_wait_done(&w[i].w);
        ask_fitting(&f, &w[i], "/a.png", (struct media_bounds){.max_edge = (int64_t)(900 + i)});
    }
    (void)uv_run(&f.loop, UV_RUN_NOWAIT);
    for (size_t i = 0; i < ARRAY_LEN(w); i++) {
        media_wait_done(&w[i].w);
    }
    teardown(&f);
}

static void the_store_can_go_while_a_fetch_runs(void **state)
{
    struct fixture f;
    struct waiter w;

    (void)state;
    setup(&f);
    ask(&f, &w, "/slow", 1000, true);
    while (f.server.requests == 0) {
        (void)uv_run(&f.loop, UV_RUN_NOWAIT);
    }
    media_wait_done(&w.w);
    teardown(&f);
    assert_int_equal(w.dones, 0);
}

static void pictures_are_known_by_their_bytes(void **state)
{
    static const struct {
        const char *name, *bytes;
        size_t len;
        const char *type;
        int64_t width, height;
    } rows[] = {
        {"png", png, sizeof png, "image/png", 1600, 840},
        {"gif", "GIF89a\x40\x01\xf0\0\0\0\0", 13, "image/gif", 320, 240},
        {"jpeg",
         "\xff\xd8\xff\xe0\0\x04\0\0\xff\xc0\0\x0b\x08\x01\xe0\x02\x80\x01\x01\x11\0",
         21,
         "image/jpeg",
         640,
         480},
        {"jpeg on its side",
         "\xff\xd8\xff\xe1\0\x22"
         "Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
         "\xff\xc0\0\x0b\x08\x01\xe0\x02\x80\x01\x01\x11\0",
         51,
         "image/jpeg",
         480,
         640},
        {"jpeg upright, told by an Intel",
         "\xff\xd8\xff\xe1\0\x22"
         "Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x03\0\0\0\0\0\0\0"
         "\xff\xc0\0\x0b\x08\x01\xe0\x02\x80\x01\x01\x11\0",
         51,
         "image/jpeg",
         640,
         480},
        {"jpeg whose directory lies outside",
         "\xff\xd8\xff\xe1\0\x22"
         "Exif\0\0MM\0*\xff\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
         "\xff\xc0\0\x0b\x08\x01\xe0\x02\x80\x01\x01\x11\0",
         51,
         "image/jpeg",
         640,
         480},
        {"jpeg cut short", "\xff\xd8\xff\xe0\0\x04", 6, "image/jpeg", 0, 0},
        {"jpeg that jumps out", "\xff\xd8\xff\xe0\xff\xff\0\0\0\0\0\0", 12, "image/jpeg", 0, 0},
        {"jpeg that stands still",
         "\xff\xd8\xff\xe0\0\0\xff\xe0\0\0\0\0\0",
         13,
         "image/jpeg",
         0,
         0},
        {"webp lossy",
         "RIFF\0\0\0\0WEBPVP8 \0\0\0\0\0\0\0\x9d\x01\x2a\x40\x06\x48\x03",
         30,
         "image/webp",
         1600,
         840},
        {"webp extended",
         "RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\x3f\x06\0\x47\x03\0",
         30,
         "image/webp",
         1600,
         840},
        {"html", "<html>", 6, NULL, 0, 0},
        {"nothing", "", 0, NULL, 0, 0},
        {"png cut short", "\x89PNG\r\n\x1a\n", 8, NULL, 0, 0},
        {"svg", "<svg xmlns=\"http://www.w3.org/2000/svg\">", 40, NULL, 0, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t width = 0, height = 0;
        const char *type = media_sniff(rows[i].bytes, rows[i].len, &width, &height);

        if (rows[i].type == NULL ? type != NULL : !type || strcmp(type, rows[i].type) != 0) {
            fail_msg("%s: %s", rows[i].name, type ? type : "none");
        }
        assert_int_equal(width, rows[i].width);
        assert_int_equal(height, rows[i].height);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_picture_is_fetched_once_for_all),
        cmocka_unit_test(what_is_no_picture_for_that_channel_says_why),
        cmocka_unit_test(a_failure_is_tried_again_by_the_next),
        cmocka_unit_test(redirects_are_followed),
        cmocka_unit_test(who_goes_away_is_not_told),
        cmocka_unit_test(what_fits_is_left_as_it_is),
        cmocka_unit_test(what_does_not_is_made_smaller_once_for_each_bound),
        cmocka_unit_test(what_was_done_to_it_is_said),
        cmocka_unit_test(what_was_made_is_found_after_a_restart),
        cmocka_unit_test(what_cannot_be_made_to_fit_says_both_sizes_and_why),
        cmocka_unit_test(who_goes_away_while_it_is_made_is_not_told),
        cmocka_unit_test(the_store_can_go_while_a_picture_is_made_smaller),
        cmocka_unit_test(the_store_can_go_while_a_fetch_runs),
        cmocka_unit_test(pictures_are_known_by_their_bytes),
    };

    if (argc > 1 && strcmp(argv[1], "resize") == 0) {
        _exit(write(STDOUT_FILENO, small, sizeof small - 1) > 0 ? 0 : 1);
    }
    (void)signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
