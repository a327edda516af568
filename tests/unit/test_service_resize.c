/* service/resize*.c: what is tried next, and the line of those who wait for a child. This program is its
 * own child, and does what the picture it is given says: libvips has no part in it. */

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <uv.h>

#include "base/fault.h"
#include "base/mem.h"
#include "service/resize.h"

/* ---- pure ---- */

static void what_exceeds_no_bound_fits(void **state)
{
    static const struct {
        struct media m;
        struct media_bounds b;
        bool fits;
    } rows[] = {
        {{.len = 100, .width = 10, .height = 20}, {.max_bytes = 0}, true},
        {{.len = 100, .width = 10, .height = 20},
         {.max_bytes = 100, .max_pixels = 200, .max_edge = 20},
         true},
        {{.len = 101, .width = 10, .height = 20},
         {.max_bytes = 100, .max_pixels = 200, .max_edge = 20},
         false},
        {{.len = 100, .width = 10, .height = 21}, {.max_bytes = 100, .max_pixels = 200}, false},
        {{.len = 100, .width = 21, .height = 1},
         {.max_bytes = 100, .max_pixels = 200, .max_edge = 20},
         false},
        {{.len = 100, .width = 0, .height = 0},
         {.max_bytes = 100, .max_pixels = 200, .max_edge = 20},
         true}, /* not known: let it go */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (resize_fits(&rows[i].m, &rows[i].b) != rows[i].fits) {
            fail_msg("row %zu", i);
        }
    }
}

static void kinds_and_ratios_are_bounds_too(void **state)
{
    /* clang-format off */
    static const struct {
        struct media m;
        struct media_bounds b;
        bool fits;
    } rows[] = {
        {{.type = "image/png"}, {.types = MEDIA_PNG | MEDIA_JPEG}, true},
        {{.type = "image/webp"}, {.types = MEDIA_PNG | MEDIA_JPEG}, false},
        {{.width = 800, .height = 1000}, {.min_ratio_milli = 800, .max_ratio_milli = 1910}, true},
        {{.width = 799, .height = 1000}, {.min_ratio_milli = 800, .max_ratio_milli = 1910}, false},
        {{.width = 1910, .height = 1000}, {.min_ratio_milli = 800, .max_ratio_milli = 1910}, true},
        {{.width = 1911, .height = 1000}, {.min_ratio_milli = 800, .max_ratio_milli = 1910}, false},
        {{.width = 5, .height = 1000}, {.max_ratio_milli = 1910}, true},
        {{.width = 0, .height = 0}, {.max_ratio_milli = 1910}, false}, /* nobody would know */
        {{.width = INT64_MAX, .height = INT64_MAX}, {.max_ratio_milli = 1910}, false},
    };
    /* clang-format on */

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (resize_fits(&rows[i].m, &rows[i].b) != rows[i].fits) {
            fail_msg("row %zu", i);
        }
    }
}

/* Whatever its size, a part fits, and is no smaller than it has to be. */
static void what_is_cut_fits_the_ratio(void **state)
{
    const struct media_bounds bounds[] = {
        {.min_ratio_milli = 800, .max_ratio_milli = 1910},
        {.min_ratio_milli = 1000, .max_ratio_milli = 1000},
        {.max_ratio_milli = 562},
        {.min_ratio_milli = 1778},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bounds); i++) {
        for (int64_t width = 1; width < 5000; width += width / 7 + 1) {
            for (int64_t height = 1; height < 5000; height += height / 5 + 1) {
                struct resize_size part = resize_cut(width, height, &bounds[i]);

                assert_true(part.width == width || part.height == height);
                assert_true(part.width >= 1 && part.width <= width);
                assert_true(part.height >= 1 && part.height <= height);
                if (resize_ratio_fits(width, height, &bounds[i])) {
                    assert_true(part.width == width && part.height == height);
                } else if (width > 2 && height > 2) {
                    assert_true(resize_ratio_fits(part.width, part.height, &bounds[i]));
                }
            }
        }
    }
}

static void what_cannot_be_decoded_within_reason_is_refused(void **state)
{
    (void)state;
    assert_null(resize_refusal(6000, 4000));
    assert_null(resize_refusal(10000, 10000));
    assert_null(resize_refusal(1, 100000000));
    assert_non_null(resize_refusal(10000, 10001));
    assert_non_null(resize_refusal(30000, 30000));
    assert_non_null(resize_refusal(INT64_MAX, INT64_MAX));
    assert_non_null(resize_refusal(0, 100));
    assert_non_null(resize_refusal(100, -1));
}

static void the_first_try_is_the_largest_that_should_fit(void **state)
{
    static const struct {
        const char *name;
        int64_t width, height;
        struct media_bounds b;
        int64_t edge;
    } rows[] = {
        {"a photograph for Bluesky's card", 6000, 4000, {.max_bytes = 1000000}, 2048},
        {"upright", 4000, 6000, {.max_bytes = 1000000}, 2048},
        {"for Bluesky's picture", 6000, 4000, {.max_bytes = 2000000}, 2560},
        {"for Mastodon: pixels",
         10000,
         5000,
         {.max_bytes = 16777216, .max_pixels = 33177600},
         4096},
        {"pixels alone", 3000, 3000, {.max_pixels = 1000000}, 1000},
        {"pixels of a long one", 4000, 40, {.max_pixels = 40000}, 2000},
        {"a side", 3000, 2000, {.max_edge = 1280}, 1280},
        {"small, of many bytes: as large as it is", 1200, 900, {.max_bytes = 1000000}, 1200},
        {"no bound", 1200, 900, {.max_bytes = 0}, 1200},
        {"no bound, and large", 12000, 900, {.max_bytes = 0}, 4096},
        {"next to nothing", 6000, 4000, {.max_bytes = 10}, 320},
        {"a side of one", 6000, 4000, {.max_edge = 1}, 1},
        {"a line", 100000000, 1, {.max_bytes = 0}, 4096},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct resize_try t = resize_first(rows[i].width, rows[i].height, &rows[i].b);

        if (t.edge != rows[i].edge || t.quality != 85) {
            fail_msg("%s: %lld, %d", rows[i].name, (long long)t.edge, t.quality);
        }
    }
}

static void each_try_is_smaller_and_there_is_a_last_one(void **state)
{
    struct resize_try t = {.edge = 4096, .quality = 85}, before;
    int tries = 1;

    (void)state;
    for (before = t; resize_next(&t); before = t, tries++) {
        assert_true(t.edge < before.edge || t.quality < before.quality);
        assert_true(t.edge >= 320 && t.quality >= 75);
    }
    assert_int_equal(tries, 22);
    assert_int_equal(t.edge, 320);
}

/* ---- children ---- */

/* 640 x 480, as far as its head says. */
static const char jpeg[] =
    "\xff\xd8\xff\xe0\0\x04\0\0\xff\xc0\0\x0b\x08\x01\xe0\x02\x80\x01\x01\x11\0";

/* What the picture says is what this child does. */
static int be_child(void)
{
    static char in[4096], flood[1 << 16];
    ssize_t len = 0, n;

    while ((n = read(0, in + len, sizeof in - 1 - (size_t)len)) > 0) {
        len += n;
    }
    if (strcmp(in, "good") == 0) {
        return write(1, jpeg, sizeof jpeg) == sizeof jpeg ? 0 : 1;
    }
    if (strcmp(in, "hang") == 0) {
        (void)pause();
    }
    if (strcmp(in, "crash") == 0) {
        (void)kill(getpid(), SIGKILL);
    }
    if (strcmp(in, "say") == 0) {
        (void)!write(2,
                     "WARNING: noise\ncrier resize: no \xff"
                     "good\nmore noise\n",
                     48);
        return 1;
    }
    if (strcmp(in, "flood") == 0) {
        while (write(1, flood, sizeof flood) > 0 && write(2, flood, sizeof flood) > 0) {
        }
    }
    if (strcmp(in, "text") == 0) {
        (void)!write(1, "<html>", 6);
    }
    return 0;
}

struct waiter {
    struct resize_job job;
    int dones;
    bool asked;
};
struct fixture {
    uv_loop_t loop;
    struct resizer *r;
};

static void setup(struct fixture *f, uint64_t timeout_ms)
{
    assert_int_equal(uv_loop_init(&f->loop), 0);
    f->r = resizer_new(&f->loop, timeout_ms);
}

/* No child is left: the loop would not end, or wait() would find one. */
static void teardown(struct fixture *f)
{
    resizer_free(f->r);
    (void)uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    assert_int_equal(mem_live_count(), 0);
}

static void on_done(struct resize_job *job)
{
    struct waiter *w = container_of(job, struct waiter, job);

    assert_true(w->asked);
    w->dones++;
}

static void ask(struct fixture *f, struct waiter *w, const char *picture)
{
    *w = (struct waiter){.job = {.bytes = picture,
                                 .len = strlen(picture),
                                 .bounds = {.max_bytes = 1000},
                                 .done = on_done}};
    resize_submit(f->r, &w->job);
    w->asked = true;
}

static void wait_done(struct fixture *f, struct waiter *w)
{
    while (w->dones == 0) {
        (void)uv_run(&f->loop, UV_RUN_ONCE);
    }
    assert_int_equal(w->dones, 1);
}

static void expect(struct fixture *f, const char *picture, const char *error)
{
    struct waiter w;

    ask(f, &w, picture);
    wait_done(f, &w);
    if (strcmp(w.job.error, error) != 0) {
        fail_msg("%s: \"%s\", not \"%s\"", picture, w.job.error, error);
    }
    buf_done(&w.job.picture);
}

static void a_child_gives_a_picture_or_says_why_not(void **state)
{
    struct fixture f;

    (void)state;
    setup(&f, 60000);
    expect(&f, "good", "");
    expect(&f, "crash", "its process was ended by signal 9");
    expect(&f, "say", "no ?good");
    expect(&f, "flood", "what came back is larger than asked for");
    expect(&f, "text", "what came back is no picture that fits");
    expect(&f, "nothing", "what came back is no picture that fits");
    teardown(&f);
}

static void what_came_back_must_be_within_the_bounds(void **state)
{
    struct fixture f;
    struct waiter w = {
        .job = {.bytes = "good", .len = 4, .bounds = {.max_edge = 639}, .done = on_done}};

    (void)state;
    setup(&f, 60000);
    resize_submit(f.r, &w.job);
    w.asked = true;
    wait_done(&f, &w);
    assert_string_equal(w.job.error, "what came back is no picture that fits");
    buf_done(&w.job.picture);
    teardown(&f);
}

static void a_child_that_hangs_is_ended_and_so_is_the_wait_behind_it(void **state)
{
    struct waiter w[5];
    struct fixture f;

    (void)state;
    setup(&f, 300);
    for (size_t i = 0; i < ARRAY_LEN(w); i++) {
        ask(&f, &w[i], "hang");
    }
    for (size_t i = 0; i < ARRAY_LEN(w); i++) {
        wait_done(&f, &w[i]);
        /* Of those behind the first two, one may get its turn shortly before its time is over. */
        assert_true(
            strcmp(w[i].job.error, "it took too long") == 0 ||
            (i >= 2 && strcmp(w[i].job.error, "too many others were being resized") == 0));
        buf_done(&w[i].job.picture);
    }
    teardown(&f);
}

static void many_get_their_turn(void **state)
{
    struct waiter w[8];
    struct fixture f;

    (void)state;
    setup(&f, 60000);
    for (size_t i = 0; i < ARRAY_LEN(w); i++) {
        ask(&f, &w[i], "good");
    }
    for (size_t i = 0; i < ARRAY_LEN(w); i++) {
        wait_done(&f, &w[i]);
        assert_string_equal(w[i].job.error, "");
        assert_int_equal(w[i].job.picture.len, sizeof jpeg);
        buf_done(&w[i].job.picture);
    }
    teardown(&f);
}

static void who_cancels_is_not_told(void **state)
{
    struct waiter w[4];
    struct fixture f;

    (void)state;
    setup(&f, 60000);
    for (size_t i = 0; i < ARRAY_LEN(w); i++) {
        ask(&f, &w[i], "hang");
    }
    resize_cancel(&w[3].job); /* still in the line */
    (void)uv_run(&f.loop, UV_RUN_NOWAIT);
    for (size_t i = 0; i < 3; i++) {
        resize_cancel(&w[i].job);
    }
    for (size_t i = 0; i < ARRAY_LEN(w); i++) {
        buf_done(&w[i].job.picture);
    }
    expect(&f, "good", "");
    for (size_t i = 0; i < ARRAY_LEN(w); i++) {
        assert_int_equal(w[i].dones, 0);
    }
    teardown(&f);
}

static void the_resizer_can_go_while_children_run(void **state)
{
    struct fixture f;
    struct waiter w;

    (void)state;
    setup(&f, 60000);
    ask(&f, &w, "hang");
    resize_cancel(&w.job);
    buf_done(&w.job.picture);
    teardown(&f);
    assert_int_equal(w.dones, 0);
}

#if WITH_FAULTS
static void without_a_process_it_says_so(void **state)
{
    struct waiter w, gone;
    struct fixture f;

    (void)state;
    setup(&f, 60000);
    (void)fault_set("resize.spawn:1");
    ask(&f, &w, "good");
    assert_int_equal(w.dones, 0);
    wait_done(&f, &w);
    assert_string_equal(w.job.error, "resource temporarily unavailable");
    (void)fault_set("resize.spawn:1");
    ask(&f, &gone, "good");
    resize_cancel(&gone.job);
    (void)fault_set(NULL);
    expect(&f, "good", "");
    assert_int_equal(gone.dones, 0);
    buf_done(&w.job.picture);
    buf_done(&gone.job.picture);
    teardown(&f);
}
#endif

/* ---- what the child gives up ---- */

static void *thread(void *context)
{
    return context;
}

/* 0: all is as it should be; else the number of what is not. */
static int try_everything(void)
{
    char program[] = "/bin/true", *words[] = {program, NULL}, c = 'x';
    int pipes[2], context;
    pthread_t one;
    void *back;

    if (pipe(pipes) != 0 || resize_limit_process(NULL) || resize_lock_process(NULL)) {
        return 1;
    }
    if (open("/etc/passwd", O_RDONLY) >= 0 || errno != EPERM ||
        open("/tmp", O_TMPFILE | O_RDWR, 0600) >= 0) {
        return 2;
    }
    if (socket(AF_INET, SOCK_STREAM, 0) >= 0 || socket(AF_UNIX, SOCK_STREAM, 0) >= 0) {
        return 3;
    }
    if (execve(program, words, words) != -1 || fork() != -1 || kill(getppid(), 0) != -1) {
        return 4;
    }
    /* What it needs: threads, memory and the pipes that are open. */
    if (pthread_create(&one, NULL, thread, &context) != 0 || pthread_join(one, &back) != 0 ||
        back != &context) {
        return 5;
    }
    return write(pipes[1], &c, 1) == 1 && read(pipes[0], &c, 1) == 1 ? 0 : 6;
}

static void the_child_can_compute_and_nothing_else(void **state)
{
    int status;
    pid_t child;

    (void)state;
    child = fork();
    if (child == 0) {
        _exit(try_everything());
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_exceeds_no_bound_fits),
        cmocka_unit_test(kinds_and_ratios_are_bounds_too),
        cmocka_unit_test(what_is_cut_fits_the_ratio),
        cmocka_unit_test(what_cannot_be_decoded_within_reason_is_refused),
        cmocka_unit_test(the_first_try_is_the_largest_that_should_fit),
        cmocka_unit_test(each_try_is_smaller_and_there_is_a_last_one),
        cmocka_unit_test(a_child_gives_a_picture_or_says_why_not),
        cmocka_unit_test(what_came_back_must_be_within_the_bounds),
        cmocka_unit_test(a_child_that_hangs_is_ended_and_so_is_the_wait_behind_it),
        cmocka_unit_test(many_get_their_turn),
        cmocka_unit_test(who_cancels_is_not_told),
        cmocka_unit_test(the_resizer_can_go_while_children_run),
        cmocka_unit_test(the_child_can_compute_and_nothing_else),
#if WITH_FAULTS
        cmocka_unit_test(without_a_process_it_says_so),
#endif
    };

    if (argc > 1 && strcmp(argv[1], "resize") == 0) {
        _exit(be_child());
    }
    (void)signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
