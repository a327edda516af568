/* service/media_video.c, media_cache.c, media_wish.c: videos go to disk once, whole or not at all, within a
 * bound; what was there before a restart serves after it; and a platform that fetches gets an address. */

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/fault.h"
#include "service/crier.h"
#include "service/media.h"
#include "service/media_internal.h"
#include "service/out.h"
#include "tests/support/tiny_mp4.h"
#include "tests/support/tiny_server.h"

#define MDAT_BYTES 700000 /* more than two chunks */
#define HUGE_BYTES (200U * 1024 * 1024)
/* A sanitizer keeps what was freed for a while. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define GROWTH_BYTES ((size_t)64 * 1024 * 1024)
#else
#define GROWTH_BYTES ((size_t)8 * 1024 * 1024)
#endif

struct fixture {
    uv_loop_t loop;
    struct crier crier;
    struct config config;
    struct tiny_server server;
    char dir[64];
    struct buf film;
    /* how it is served */
    atomic_int breaks;  /* so many answers are cut in the middle */
    atomic_bool ranges; /* the rest can be asked for */
    atomic_bool no_validator;
    atomic_bool gone;    /* 503 */
    atomic_bool chunked; /* length not told */
    atomic_bool
        mixes; /* a rest is given of whatever version there is, whatever If-Range says */
    atomic_int changes; /* of the ETag, in the middle of all */
    atomic_bool other;  /* another film of the same length */
    atomic_long sent;   /* bytes of content */
};
static struct fixture fixture;

struct waiter {
    struct media_wait w;
    int dones;
    bool asked;
};

/* ---- a server of one video ---- */

static long asked_from(const struct tiny_request *r)
{
    const char *at = strcasestr(r->head, "\r\nRange: bytes=");
    char digits[20] = "";
    int64_t from = 0;

    if (at) {
        at += strlen("\r\nRange: bytes=");
        memcpy(digits, at, strspn(at, "0123456789"));
        (void)parse_i64(digits, &from);
    }
    return (long)from;
}

/* The film as it is now. */
static char *film_dup(const struct fixture *f)
{
    char *bytes = mem_strndup(f->film.data, f->film.len);

    if (f->other) {
        bytes[100000] ^= 1;
        bytes[f->film.len - 1] ^= 1;
    }
    return bytes;
}

/* Of which nobody has ever had all in memory. */
static void huge(struct tiny_request *r)
{
    static const char zeros[65536];
    struct buf start;

    buf_init(&start, 4096);
    tiny_mp4_write(&start, &(struct tiny_mp4){.width = 640, .height = 360});
    buf_truncate(&start, start.len - 8);
    tiny_mp4_u32(&start, HUGE_BYTES + 8);
    buf_adds(&start, "mdat");
    tiny_say(r->fd, "HTTP/1.1 200 OK\r\n\r\n");
    tiny_write(r->fd, start.data, start.len);
    for (size_t sent = 0; sent < HUGE_BYTES; sent += sizeof zeros) {
        tiny_write(r->fd, zeros, sizeof zeros);
    }
    buf_done(&start);
}

static bool film(struct tiny_request *r)
{
    struct fixture *f = r->server->context;
    long from = f->ranges ? asked_from(r) : 0, len = (long)f->film.len, count;
    char *head, *bytes, etag[64];
    bool cut;

    if (f->gone) {
        tiny_reply(r, 503, "", "later");
        return true;
    }
    if (strncmp(r->head, "GET /page", 9) == 0) {
        tiny_reply(r, 200, "", "<html>");
        return true;
    }
    if (strncmp(r->head, "GET /none", 9) == 0) {
        tiny_reply(r, 404, "", "");
        return true;
    }
    if (strncmp(r->head, "GET /huge", 9) == 0) {
        huge(r);
        return false;
    }
    (void)snprintf(etag, sizeof etag, "\"v%d\"", (int)f->changes);
    if (from > 0 && !f->mixes && !strstr(r->head, etag)) { /* If-Range: another version */
        from = 0;
    }
    count = len - from;
    bytes = film_dup(f);
    cut = f->breaks > 0;
    if (cut) {
        f->breaks--; /* from here on the test may go on */
    }
    head = mem_printf("HTTP/1.1 %d X\r\n%s%s%s%s%ld-%ld/%ld\r\nContent-Length: %ld\r\n%s\r\n",
                      from > 0 ? 206 : 200,
                      f->no_validator ? "" : "ETag: ",
                      f->no_validator ? "" : etag,
                      f->no_validator ? "" : "\r\n",
                      from > 0 ? "Content-Range: bytes " : "X-Range: ",
                      from,
                      len - 1,
                      len,
                      count,
                      f->chunked ? "X: " : "");
    if (f->chunked) { /* until the connection ends */
        char *length = strstr(head, "Content-Length");

        memcpy(length, "X-Not-Told-Len", strlen("Content-Length"));
        (void)snprintf(strstr(head, "\r\nX: ") + 2, 4, "\r\n");
    }
    tiny_say(r->fd, head);
    mem_free(head);
    if (cut) {
        count = count * 2 / 3;
    }
    tiny_write(r->fd, bytes + from, (size_t)count);
    mem_free(bytes);
    f->sent += count;
    return !cut && !f->chunked;
}

/* ---- the fixture ---- */

static void start(struct fixture *f)
{
    struct err why = {0};

    assert_int_equal(uv_loop_init(&f->loop), 0);
    f->crier.loop = &f->loop;
    f->crier.config = &f->config;
    assert_int_equal(out_new(&f->crier.out, &f->crier, &why), 0);
    f->crier.media = media_store_new(&f->crier);
}

static void stop(struct fixture *f)
{
    media_store_free(f->crier.media);
    out_free(f->crier.out);
    (void)uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&f->loop), 0);
}

static int setup(void **state)
{
    struct fixture *f = &fixture;

    memset(f, 0, sizeof *f);
    *state = f;
    (void)snprintf(f->dir, sizeof f->dir, "/tmp/crier-media-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    f->config.media.cache = mem_printf("%s/cache", f->dir);
    f->config.media.max_bytes = 8 * 1024 * 1024;
    f->config.media.max_file_bytes = 4 * 1024 * 1024;
    f->ranges = true;
    buf_init(&f->film, 4 * MDAT_BYTES);
    tiny_mp4_write(&f->film,
                   &(struct tiny_mp4){.width = 640,
                                      .height = 360,
                                      .timescale = 1,
                                      .duration = 90,
                                      .mdat_bytes = MDAT_BYTES});
    tiny_server_start(&f->server, film, f);
    start(f);
    return 0;
}

static int remove_one(const char *path, const struct stat *s, int kind, struct FTW *at)
{
    (void)s;
    (void)kind;
    (void)at;
    return remove(path);
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    stop(f);
    tiny_server_stop(&f->server);
    buf_done(&f->film);
    mem_free(f->config.media.cache);
    mem_free(f->config.server.public_url);
    assert_int_equal(nftw(f->dir, remove_one, 10, FTW_DEPTH | FTW_PHYS), 0);
    assert_int_equal(mem_live_count(), 0);
    return 0;
}

static void restart(struct fixture *f)
{
    stop(f);
    start(f);
}

static void on_done(struct media_wait *w)
{
    struct waiter *waiter = container_of(w, struct waiter, w);

    assert_true(waiter->asked);
    waiter->dones++;
}

static void ask(struct fixture *f, struct waiter *w, const char *path, struct media_wish wish)
{
    char *url = mem_printf("http://127.0.0.1:%d%s", f->server.port, path);
    struct article_image image = {.url = url};
    struct article a = {.video.url = url, .images = &image, .image_count = 1};

    memset(w, 0, sizeof *w);
    w->w.done = on_done;
    media_get_wished(f->crier.media, &w->w, &a, &wish, true);
    w->asked = true;
    mem_free(url);
}

static void wait_done(struct fixture *f, struct waiter *w)
{
    for (int i = 0; w->dones == 0 && i < 100000; i++) {
        (void)uv_run(&f->loop, UV_RUN_ONCE);
    }
    assert_int_equal(w->dones, 1);
}

static const struct media_wish video = {.kind = MEDIA_VIDEO};

static bool same_bytes(const struct fixture *f, const struct media *m)
{
    const struct out_file *file = m->file;
    char *bytes = mem_alloc(f->film.len), *wanted = film_dup(f);
    bool same = file && file->len == f->film.len && m->len == f->film.len &&
                pread(file->fd, bytes, f->film.len, 0) == (ssize_t)f->film.len &&
                memcmp(bytes, wanted, f->film.len) == 0;

    mem_free(wanted);
    mem_free(bytes);
    return same;
}

/* Asked for, and it is the film. */
static void check_film(struct fixture *f)
{
    struct waiter w;

    ask(f, &w, "/a.mp4", video);
    wait_done(f, &w);
    assert_string_equal(w.w.error, "");
    assert_true(same_bytes(f, w.w.media));
    media_wait_done(&w.w);
}

static void
check_error(struct fixture *f, const char *path, struct media_wish wish, const char *error)
{
    struct waiter w;

    ask(f, &w, path, wish);
    wait_done(f, &w);
    assert_null(w.w.media);
    if (!strstr(w.w.error, error)) {
        fail_msg("%s: %s", path, w.w.error);
    }
    media_wait_done(&w.w);
}

/* Names of a kind in the cache's directory. */
static int count_files(const struct fixture *f, const char *beginning)
{
    DIR *all = opendir(f->config.media.cache);
    struct dirent *entry;
    int n = 0;

    while (all && (entry = readdir(all)) != NULL) {
        n += strncmp(entry->d_name, beginning, strlen(beginning)) == 0;
    }
    if (all) {
        (void)closedir(all);
    }
    return n;
}

/* What goes is taken away on the pool, a little later. */
static void check_no_parts(struct fixture *f)
{
    for (int i = 0; i < 2000 && count_files(f, "part-") > 0; i++) {
        (void)uv_run(&f->loop, UV_RUN_NOWAIT);
        usleep(1000);
    }
    assert_int_equal(count_files(f, "part-"), 0);
}

/* ---- fetching ---- */

static void a_video_is_fetched_once_for_all(void **state)
{
    struct fixture *f = *state;
    struct waiter w[10];

    for (size_t i = 0; i < ARRAY_LEN(w); i++) {
        ask(f, &w[i], "/a.mp4", video);
    }
    for (size_t i = 0; i < ARRAY_LEN(w); i++) {
        wait_done(f, &w[i]);
        assert_string_equal(w[i].w.error, "");
        assert_string_equal(w[i].w.media->type, "video/mp4");
        assert_null(w[i].w.media->bytes);
        assert_null(w[i].w.media->url);
        assert_int_equal(w[i].w.media->width, 640);
        assert_int_equal(w[i].w.media->height, 360);
        assert_int_equal(w[i].w.media->duration_ms, 90000);
        assert_int_equal(strlen(w[i].w.media->hash), 32);
        assert_true(same_bytes(f, w[i].w.media));
        media_wait_done(&w[i].w);
    }
    check_film(f);
    assert_int_equal(f->server.requests, 1);
    assert_int_equal(media_store_disk_bytes(f->crier.media), f->film.len);
    check_no_parts(f);
}

static void what_is_no_video_for_that_channel_says_why(void **state)
{
    /* clang-format off */
    static const struct {
        const char *path;
        struct media_bounds bounds;
        const char *error;
    } rows[] = {
        {"/none", {0}, "status 404"},
        {"/page", {0}, "no MP4 or MOV"},
        {"/a.mp4", {.max_bytes = 1000}, "the video has 700KB, the channel takes 1.0KB"},
        {"/a.mp4", {.max_duration_ms = 60000}, "the video lasts 1m30s, the channel takes 1m"},
        {"/a.mp4", {.types = MEDIA_MOV}, "the video is a MP4, which the channel does not take"},
        {"/a.mp4", {.max_edge = 600}, "the video has 640x360 pixels, a size or shape"},
        {"/a.mp4", {.max_ratio_milli = 1000}, "the video has 640x360 pixels, a size or shape"},
    };
    /* clang-format on */
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        check_error(f,
                    rows[i].path,
                    (struct media_wish){.kind = MEDIA_VIDEO, .bounds = rows[i].bounds},
                    rows[i].error);
    }
    check_film(f);
    f->config.media.max_file_bytes = 100000;
    restart(f);
    f->changes++;
    check_error(f, "/b.mp4", video, "larger than 100KB (media.max_file");
    f->chunked = true;
    check_error(f, "/c.mp4", video, "larger than 100KB (media.max_file");
    check_no_parts(f);
}

/* The one who takes it waits for all of it, the other is told when its length is known. */
static void who_cannot_take_it_does_not_wait_for_it(void **state)
{
    struct fixture *f = *state;
    struct waiter small, large;

    ask(f,
        &small,
        "/a.mp4",
        (struct media_wish){.kind = MEDIA_VIDEO, .bounds.max_bytes = 1000});
    ask(f, &large, "/a.mp4", video);
    wait_done(f, &small);
    assert_null(small.w.media);
    assert_int_equal(large.dones, 0);
    wait_done(f, &large);
    assert_non_null(large.w.media);
    media_wait_done(&small.w);
    media_wait_done(&large.w);
    assert_int_equal(f->server.requests, 1);
}

static void one_whose_length_is_not_told_is_fetched_as_well(void **state)
{
    struct fixture *f = *state;

    f->chunked = true;
    f->no_validator = true;
    check_film(f);
}

static void a_break_goes_on_where_it_was(void **state)
{
    struct fixture *f = *state;

    f->breaks = 2;
    check_film(f);
    assert_int_equal(f->server.requests, 3);
    assert_int_equal(f->sent, (long)f->film.len);
}

static void where_that_cannot_be_it_begins_again_once(void **state)
{
    struct fixture *f = *state;

    f->breaks = 1;
    f->ranges = false;
    check_film(f);
    assert_int_equal(f->server.requests, 2);
    f->breaks = 2;
    f->changes++;
    check_error(f, "/b.mp4", video, "");
    assert_int_equal(f->server.requests, 4);
    f->no_validator = true;
    f->breaks = 1;
    check_error(f, "/c.mp4", video, "");
    assert_int_equal(f->server.requests, 5);
    check_no_parts(f);
}

static void a_version_that_changed_in_between_is_never_mixed(void **state)
{
    struct fixture *f = *state;
    struct waiter w;

    f->breaks = 1;
    ask(f, &w, "/a.mp4", video);
    while (f->breaks > 0) {
        (void)uv_run(&f->loop, UV_RUN_ONCE);
    }
    f->changes++; /* If-Range does not hold any more: 200 and all of it */
    wait_done(f, &w);
    assert_string_equal(w.w.error, "");
    assert_true(same_bytes(f, w.w.media));
    media_wait_done(&w.w);
    assert_true(f->sent > (long)f->film.len);
}

static void a_server_that_mixes_versions_is_seen_through(void **state)
{
    struct fixture *f = *state;
    struct waiter w;

    f->breaks = 1;
    f->mixes = true;
    ask(f, &w, "/a.mp4", video);
    while (f->breaks > 0) {
        (void)uv_run(&f->loop, UV_RUN_ONCE);
    }
    f->other = true;
    f->changes++;
    wait_done(f, &w);
    assert_string_equal(w.w.error, "");
    assert_true(same_bytes(f, w.w.media));
    media_wait_done(&w.w);
    assert_int_equal(f->server.requests, 3);
}

static void a_disk_that_fails_is_an_error_and_leaves_nothing(void **state)
{
    struct fixture *f = *state;

    (void)fault_set("media.write:2");
    check_error(f, "/a.mp4", video, "write to the media cache");
    (void)fault_set("media.rename:1");
    check_error(f, "/a.mp4", video, "rename in");
    (void)fault_set(NULL);
    check_film(f);
    assert_int_equal(count_files(f, "v-"), 1);
    assert_int_equal(media_store_disk_bytes(f->crier.media), f->film.len);
}

static void who_goes_away_is_not_told_and_the_store_can_go_at_any_time(void **state)
{
    struct fixture *f = *state;
    struct waiter w;

    for (int turns = 0; turns < 60; turns++) {
        f->changes++;
        ask(f, &w, "/a.mp4", video);
        for (int i = 0; i < turns && w.dones == 0; i++) {
            (void)uv_run(&f->loop, UV_RUN_ONCE);
        }
        media_wait_done(&w.w);
        restart(f);
    }
}

/* ---- the cache ---- */

static void a_restart_finds_what_was_there(void **state)
{
    struct fixture *f = *state;
    char hash[MEDIA_ID_BYTES], *half;
    struct waiter w;
    FILE *part;

    ask(f, &w, "/a.mp4", video);
    wait_done(f, &w);
    (void)snprintf(hash, sizeof hash, "%s", w.w.media->hash);
    media_wait_done(&w.w);
    half = mem_printf("%s/part-17", f->config.media.cache);
    part = fopen(half, "w");
    assert_non_null(part);
    (void)fclose(part);
    mem_free(half);
    restart(f);
    assert_int_equal(count_files(f, "part-"), 0);
    ask(f, &w, "/a.mp4", video);
    wait_done(f, &w);
    assert_string_equal(w.w.media->hash, hash);
    assert_int_equal(w.w.media->duration_ms, 90000);
    assert_true(same_bytes(f, w.w.media));
    media_wait_done(&w.w);
    assert_int_equal(f->server.requests, 1);
}

static void what_the_disk_has_spoilt_is_fetched_anew(void **state)
{
    struct fixture *f = *state;
    struct waiter w;
    char name[MEDIA_NAME_BYTES];
    int fd;

    ask(f, &w, "/a.mp4", video);
    wait_done(f, &w);
    (void)snprintf(
        name, sizeof name, "/proc/self/fd/%d", ((const struct out_file *)w.w.media->file)->fd);
    fd = open(name, O_WRONLY);
    assert_int_equal(pwrite(fd, "\0\0\0\0\0\0\0\0", 8, 0), 8);
    (void)close(fd);
    media_wait_done(&w.w);
    restart(f);
    check_film(f);
    assert_int_equal(f->server.requests, 2);
    assert_int_equal(count_files(f, "v-"), 1);
}

static void a_large_one_takes_no_memory(void **state)
{
    struct fixture *f = *state;
    size_t before = 0, now = 0, most = 0;
    struct waiter w;

    f->config.media.max_bytes = f->config.media.max_file_bytes = 2 * (int64_t)HUGE_BYTES;
    check_film(f); /* what a first one needs is there now */
    assert_int_equal(uv_resident_set_memory(&before), 0);
    ask(f, &w, "/huge.mp4", video);
    while (w.dones == 0) {
        (void)uv_run(&f->loop, UV_RUN_ONCE);
        (void)uv_resident_set_memory(&now);
        most = now > most ? now : most;
    }
    assert_string_equal(w.w.error, "");
    assert_true(w.w.media->len > HUGE_BYTES);
    media_wait_done(&w.w);
    if (most > before + GROWTH_BYTES) {
        fail_msg("%zu KiB more", (most - before) / 1024);
    }
}

/* Later it is asked for again: the same version is not fetched, another one is, and without an answer the
 * old one serves. */
static void what_is_old_is_asked_for_again(void **state)
{
    struct fixture *f = *state;

    check_film(f);
    clock_advance(11 * MS_MINUTE);
    check_film(f);
    assert_int_equal(f->server.requests, 2);
    assert_int_equal(count_files(f, "v-"), 1);
    check_film(f); /* looked after just now */
    assert_int_equal(f->server.requests, 2);
    clock_advance(11 * MS_MINUTE);
    f->gone = true;
    check_film(f);
    assert_int_equal(f->server.requests, 3);
    f->gone = false;
    f->changes++;
    f->other = true;
    check_film(f);
    assert_int_equal(f->server.requests, 4);
    assert_int_equal(count_files(f, "v-"), 2);
}

static void what_was_used_longest_ago_goes_when_room_is_needed(void **state)
{
    struct fixture *f = *state;
    struct waiter held;

    f->config.media.max_bytes = (int64_t)f->film.len * 5 / 2;
    ask(f, &held, "/held.mp4", video);
    wait_done(f, &held);
    for (int i = 0; i < 4; i++) {
        char path[20];
        struct waiter w;

        clock_advance(MS_SECOND);
        (void)snprintf(path, sizeof path, "/%d.mp4", i);
        ask(f, &w, path, video);
        wait_done(f, &w);
        assert_string_equal(w.w.error, "");
        media_wait_done(&w.w);
    }
    assert_int_equal(count_files(f, "v-"), 2);
    assert_true(media_store_disk_bytes(f->crier.media) <= (uint64_t)f->config.media.max_bytes);
    assert_true(same_bytes(f, held.w.media)); /* in use: it stays */
    media_wait_done(&held.w);
    f->config.media.max_bytes = (int64_t)f->film.len - 1;
    check_error(f, "/large.mp4", video, "larger than");
}

static void a_directory_that_cannot_be_is_said(void **state)
{
    struct fixture *f = *state;

    mem_free(f->config.media.cache);
    f->config.media.cache = mem_printf("%s/no/such/place", f->dir);
    restart(f);
    check_error(f, "/a.mp4", video, "make the media cache");
}

static void two_criers_never_share_a_directory(void **state)
{
    struct fixture *f = *state;
    struct media_store *other;

    check_film(f);
    other = f->crier.media;
    f->crier.media = media_store_new(&f->crier);
    check_error(f, "/a.mp4", video, "in use by another crier");
    media_store_free(f->crier.media);
    f->crier.media = other;
    check_film(f);
}

/* Whatever else is in the directory is not ours. */
static void foreign_files_are_let_alone(void **state)
{
    struct fixture *f = *state;
    static const char *const names[] = {
        "holiday.mp4", "part-", "part-1a", "v-00.mp4", "p-zz.jpg", ".x"};

    check_film(f);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        char *path = mem_printf("%s/%s", f->config.media.cache, names[i]);
        FILE *file = fopen(path, "w");

        assert_non_null(file);
        (void)fputs("mine", file);
        (void)fclose(file);
        mem_free(path);
    }
    f->config.media.max_bytes = 1;
    restart(f);
    check_error(f, "/b.mp4", video, "larger");
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        char *path = mem_printf("%s/%s", f->config.media.cache, names[i]);

        assert_int_equal(access(path, F_OK), 0);
        mem_free(path);
    }
}

/* ---- by address ---- */

static void without_a_public_url_it_says_what_to_set(void **state)
{
    struct fixture *f = *state;

    check_error(f,
                "/a.mp4",
                (struct media_wish){.kind = MEDIA_VIDEO, .by_address = true},
                "set server.public_url");
    assert_int_equal(f->server.requests, 0);
}

static void what_we_serve_is_promised_for_a_day(void **state)
{
    const struct media_wish wish = {.kind = MEDIA_VIDEO, .by_address = true};
    struct fixture *f = *state;
    struct media_file *file;
    const char *name;
    char *kept;
    struct waiter w;

    f->config.server.public_url = mem_strdup("https://push.news.example/");
    ask(f, &w, "/a.mp4", wish);
    wait_done(f, &w);
    assert_string_equal(w.w.error, "");
    assert_null(w.w.media->file);
    assert_int_equal(w.w.media->duration_ms, 90000);
    assert_int_equal(strncmp(w.w.media->url, "https://push.news.example/media/", 32), 0);
    name = w.w.media->url + 32;
    assert_int_equal(strlen(name), 36);
    assert_string_equal(name + 32, ".mp4");
    kept = mem_strdup(name);
    media_wait_done(&w.w);
    assert_null(
        media_cache_served(f->crier.media->cache, "00000000000000000000000000000000.mp4"));
    restart(f);
    clock_advance(23 * MS_HOUR);
    file = media_cache_served(f->crier.media->cache, kept);
    assert_non_null(file);
    /* No room is made at its cost. */
    f->config.media.max_bytes = (int64_t)f->film.len * 3 / 2;
    check_error(f, "/b.mp4", video, "no room");
    clock_advance(2 * MS_HOUR);
    assert_null(media_cache_served(f->crier.media->cache, kept));
    mem_free(kept);
}

static void an_article_without_it_is_no_error(void **state)
{
    const struct media_wish wish = {.kind = MEDIA_PICTURE, .index = 3};
    struct article a = {0};
    struct fixture *f = *state;
    struct waiter w = {.w.done = on_done};

    assert_false(media_wish_has(&a, &wish));
    media_get_wished(f->crier.media, &w.w, &a, &video, true);
    w.asked = true;
    assert_int_equal(w.dones, 0);
    wait_done(f, &w);
    assert_null(w.w.media);
    assert_string_equal(w.w.error, "");
    media_wait_done(&w.w);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(a_video_is_fetched_once_for_all),
        CASE(what_is_no_video_for_that_channel_says_why),
        CASE(who_cannot_take_it_does_not_wait_for_it),
        CASE(one_whose_length_is_not_told_is_fetched_as_well),
        CASE(a_break_goes_on_where_it_was),
        CASE(where_that_cannot_be_it_begins_again_once),
        CASE(a_version_that_changed_in_between_is_never_mixed),
        CASE(a_server_that_mixes_versions_is_seen_through),
        CASE(a_disk_that_fails_is_an_error_and_leaves_nothing),
        CASE(who_goes_away_is_not_told_and_the_store_can_go_at_any_time),
        CASE(what_the_disk_has_spoilt_is_fetched_anew),
        CASE(a_large_one_takes_no_memory),
        CASE(a_restart_finds_what_was_there),
        CASE(what_is_old_is_asked_for_again),
        CASE(what_was_used_longest_ago_goes_when_room_is_needed),
        CASE(a_directory_that_cannot_be_is_said),
        CASE(two_criers_never_share_a_directory),
        CASE(foreign_files_are_let_alone),
        CASE(without_a_public_url_it_says_what_to_set),
        CASE(what_we_serve_is_promised_for_a_day),
        CASE(an_article_without_it_is_no_error),
    };

    (void)signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
