/* A video's way from its server to the disk. Called by media_video.c, on the loop.
 *
 *   media__video_fetch   a GET; behind a break one of the rest, where its server can do that
 *   on_piece             the head is judged first: a version that is in the cache already ends the fetch;
 *                        then bytes are gathered, and at MEDIA_CHUNK_BYTES the exchange is paused and
 *   write_chunk          the pool writes them; then on_written resumes it
 *   on_fetched           it has ended: the last bytes are written, and after_exchange() says what next
 *
 * So no more of a video than MEDIA_CHUNK_BYTES (and what libcurl holds) is ever in memory, the socket waits
 * for the disk, and the loop for neither. When its server does not answer, the last version we have serves
 * as well: better than a post without. */

#include "service/media_video_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/mem.h"
#include "base/parse.h"
#include "service/crier.h"

#define FETCH_TIMEOUT_MS (30 * MS_MINUTE)
#define BREAKS_MAX 5 /* with no more than MEDIA_CHUNK_BYTES between them */
#define BREAK_MS 200 /* doubled with each */

static void after_exchange(struct media_video *v);

/* ---- writing ---- */

/* On the pool. */
static void on_write(void *context)
{
    struct media_video *v = context;
    size_t at = 0;

    v->why = (struct err){0};
    while (at < v->chunk.len) {
        ssize_t n =
            FAULT("media.write")
                ? -1
                : pwrite(
                      v->fd, v->chunk.data + at, v->chunk.len - at, (off_t)(v->written + at));

        if (n <= 0) {
            (void)err_errno(&v->why, "write to the media cache");
            return;
        }
        at += (size_t)n;
    }
}

static void on_written(void *context)
{
    struct media_video *v = context;

    v->work = NULL;
    if (v->why.code) {
        (void)snprintf(v->error, sizeof v->error, "%.200s", v->why.text);
    } else {
        v->written += v->chunk.len;
        v->breaks = v->chunk.len >= MEDIA_CHUNK_BYTES ? 0 : v->breaks;
    }
    buf_clear(&v->chunk);
    if (!v->running) {
        after_exchange(v);
    } else if (v->error[0] != '\0') {
        out_cancel(&v->exchange);
    } else {
        out_resume(&v->exchange);
    }
}

/* Room for what was not told of beforehand. */
static bool has_room(struct media_video *v)
{
    uint64_t need = v->written + v->chunk.len;
    struct err why = {0};

    if (need <= v->reserved) {
        return true;
    }
    if (media_cache_reserve(v->store->cache, need - v->reserved, &why) != ERR_NONE) {
        (void)snprintf(v->error, sizeof v->error, "%.200s", why.text);
        return false;
    }
    v->reserved = need;
    return true;
}

static void write_chunk(struct media_video *v)
{
    v->work = media_work_start(v->store->crier->loop, on_write, on_written, v);
}

/* ---- the head of an answer ---- */

static const char *header(const struct media_video *v, const char *name)
{
    return http_header(&v->exchange.response.headers, name);
}

static uint64_t largest(const struct media_video *v)
{
    const struct media_settings *s = &v->store->crier->config->media;

    return (uint64_t)(s->max_file_bytes < s->max_bytes ? s->max_file_bytes : s->max_bytes);
}

static void say_too_large(struct media_video *v)
{
    char size[PARSE_TEXT_BYTES];

    (void)snprintf(v->error,
                   sizeof v->error,
                   "the video is larger than %s (media.max_file, media.max)",
                   format_size((int64_t)largest(v), size));
}

/* A strong tag, or a date: what RFC 9110 section 13.1.5 takes. */
static void read_versions(struct media_video *v)
{
    const char *tag = header(v, "ETag"), *date = header(v, "Last-Modified");
    const char *coding = header(v, "Content-Encoding");
    struct buf all;

    mem_free(v->validator);
    v->validator = NULL;
    v->version[0] = '\0';
    if ((coding && strcmp(coding, "identity") != 0) || (!tag && !date)) {
        return;
    }
    v->validator = mem_strdup(tag && *tag == '"' ? tag : date);
    buf_init(&all, (size_t)64 * 1024);
    buf_addf(&all, "%s\n%s\n%" PRId64, tag ? tag : "", date ? date : "", v->expected);
    media_cache_id(v->store->cache, 'e', buf_str(&all), all.len, v->version);
    buf_done(&all);
}

static void read_length(struct media_video *v)
{
    const char *length = header(v, "Content-Length");
    const char *coding = header(v, "Content-Encoding");

    if (!length || !parse_i64(length, &v->expected) || v->expected < 0 ||
        (coding && strcmp(coding, "identity") != 0)) {
        v->expected = -1;
    }
}

/* Those for whom it is too large anyway need not wait for it. */
static void send_away(struct media_video *v)
{
    struct list_node *n = list_first(&v->waiting);
    bool all = n != NULL;

    while (n) {
        struct media_video_wait *w = container_of(n, struct media_video_wait, node);

        n = list_next(&v->waiting, n);
        if (w->bounds.max_bytes > 0 && v->expected > (int64_t)w->bounds.max_bytes) {
            (void)media__video_too_large(&w->bounds, v->expected, w->error);
            list_remove(&v->waiting, &w->node);
            list_push(&v->store->told_videos, &w->node);
            w->list = &v->store->told_videos;
            media__tell_later(v->store);
        }
    }
    if (all && list_empty(&v->waiting)) {
        (void)snprintf(v->error, sizeof v->error, "nobody takes a video that large");
    }
}

static bool open_part(struct media_video *v)
{
    struct media_cache *k = v->store->cache;

    v->written = 0;
    if (v->fd >= 0) {
        return ftruncate(v->fd, 0) == 0;
    }
    media_cache_part(k, v->part);
    v->fd = openat(media_cache_directory(k),
                   v->part,
                   O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
                   0600);
    return v->fd >= 0;
}

static void begin_anew(struct media_video *v)
{
    char same[MEDIA_NAME_BYTES];
    struct media_file *f;
    struct err why = {0};

    read_length(v);
    read_versions(v);
    (void)snprintf(same, sizeof same, "%s%s-", v->beginning, v->version);
    f = v->version[0] != '\0' ? media_cache_newest(v->store->cache, same) : NULL;
    if (f && media_file_use(f, &why) == ERR_NONE) {
        v->found = f;
        return;
    }
    if (v->expected > (int64_t)largest(v)) {
        say_too_large(v);
        return;
    }
    send_away(v);
    if (v->error[0] == '\0' && v->expected > (int64_t)v->reserved &&
        media_cache_reserve(v->store->cache, (uint64_t)v->expected - v->reserved, &why) !=
            ERR_NONE) {
        (void)snprintf(v->error, sizeof v->error, "%.200s", why.text);
    } else if (v->error[0] == '\0') {
        v->reserved = v->expected > (int64_t)v->reserved ? (uint64_t)v->expected : v->reserved;
        if (!open_part(v)) {
            (void)snprintf(v->error,
                           sizeof v->error,
                           "the media cache cannot be written: %s",
                           strerror(errno));
        }
    }
}

/* The rest must begin where we are and be of the same file, whatever its server makes of If-Range:
 * "bytes 1000-1999/2000". */
static bool goes_on_here(const struct media_video *v)
{
    const char *range = header(v, "Content-Range"), *tag = header(v, "ETag");
    char here[64], all[32];
    const char *slash = range ? strchr(range, '/') : NULL;

    (void)snprintf(here, sizeof here, "bytes %" PRIu64 "-", v->written);
    (void)snprintf(all, sizeof all, "%" PRId64, v->expected);
    return slash && strncmp(range, here, strlen(here)) == 0 &&
           (v->expected < 0 || strcmp(slash + 1, all) == 0) &&
           (!tag || *v->validator != '"' || strcmp(tag, v->validator) == 0);
}

static void judge_head(struct media_video *v)
{
    int status = v->exchange.response.status;

    v->judged = true;
    if (status == 200) {
        v->restarted |= v->written > 0; /* a server that cannot go on: one more try is enough */
        begin_anew(v);
    } else if (status == 206 && v->written > 0) {
        v->anew = !goes_on_here(v);
    } else {
        (void)snprintf(v->error, sizeof v->error, "status %d", status);
    }
}

/* An exchange may not be cancelled inside of its own piece. */
static void on_break_off(uv_timer_t *timer)
{
    struct media_video *v = timer->data;

    if (v->running) {
        out_cancel(&v->exchange);
    }
}

static void on_piece(struct out_exchange *x, const char *bytes, size_t len)
{
    struct media_video *v = container_of(x, struct media_video, exchange);

    if (!v->store) {
        return;
    }
    if (!v->judged) {
        judge_head(v);
    }
    if (v->error[0] == '\0' && !v->found && !v->anew) {
        buf_add(&v->chunk, bytes, len);
        if (v->chunk.len < MEDIA_CHUNK_BYTES) {
            return;
        }
        out_pause(x);
        if (has_room(v)) {
            write_chunk(v);
            return;
        }
    }
    out_pause(x);
    must(uv_timer_start(&v->timer, on_break_off, 0, 0) == 0);
}

/* ---- the exchange ---- */

/* What is in the cache of an address whose server does not answer just now. */
static void make_do(struct media_video *v)
{
    struct media_file *f = media_cache_newest(v->store->cache, v->beginning);
    struct err why = {0};

    if (f && media_file_use(f, &why) == ERR_NONE) {
        v->found = f;
        if (f->looked) {
            media__video_end(v, f);
        } else {
            media__video_look(v);
        }
        return;
    }
    media__video_end(v, NULL);
}

static void on_retry(uv_timer_t *timer)
{
    media__video_fetch(timer->data);
}

static void broken(struct media_video *v)
{
    struct out_exchange *x = &v->exchange;

    (void)snprintf(v->error, sizeof v->error, "%.200s", x->error);
    if (v->validator && v->written > 0 && !v->restarted && v->breaks < BREAKS_MAX) {
        v->error[0] = '\0';
        must(uv_timer_start(&v->timer, on_retry, (uint64_t)BREAK_MS << v->breaks++, 0) == 0);
        return;
    }
    make_do(v);
}

static void found_again(struct media_video *v)
{
    media_file_checked(v->found);
    v->error[0] = '\0';
    if (v->found->looked) {
        media__video_end(v, v->found);
    } else {
        media__video_look(v);
    }
}

static bool is_whole(const struct media_video *v)
{
    return v->exchange.outcome == TRANSPORT_ANSWERED && !v->exchange.response.truncated &&
           (v->expected < 0 || (uint64_t)v->expected == v->written);
}

/* Its server cannot say just now whether there is another. */
static bool answers(const struct media_video *v)
{
    const struct out_exchange *x = &v->exchange;

    return (x->outcome == TRANSPORT_ANSWERED || v->judged) && x->response.status < 500;
}

/* What is wrong stands in v->error. */
static void failed(struct media_video *v)
{
    if (answers(v)) {
        media__video_end(v, NULL);
    } else {
        make_do(v);
    }
}

/* An answer of which no byte came. */
static void judge_empty(struct media_video *v)
{
    judge_head(v);
    if (v->found) {
        found_again(v);
        return;
    }
    if (v->error[0] == '\0') {
        (void)snprintf(v->error, sizeof v->error, "the video is empty");
    }
    failed(v);
}

/* The exchange has ended and nothing is being written. */
static void after_exchange(struct media_video *v)
{
    struct out_exchange *x = &v->exchange;

    (void)uv_timer_stop(&v->timer);
    if (v->found) {
        found_again(v);
    } else if (v->error[0] != '\0') {
        failed(v);
    } else if (v->anew) {
        v->anew = false;
        v->restarted = true;
        v->written = 0;
        media__video_fetch(v);
    } else if (v->chunk.len > 0) {
        if (has_room(v)) {
            write_chunk(v); /* and here again */
        } else {
            media__video_end(v, NULL);
        }
    } else if (x->response.truncated) {
        say_too_large(v);
        media__video_end(v, NULL);
    } else if (x->outcome == TRANSPORT_ANSWERED && !v->judged) {
        judge_empty(v);
    } else if (is_whole(v)) {
        media__video_look(v);
    } else {
        broken(v);
    }
}

static void on_fetched(struct out_exchange *x)
{
    struct media_video *v = container_of(x, struct media_video, exchange);

    v->running = false;
    if (!v->store) {
        media__video_free(v);
        return;
    }
    if (!v->work) {
        after_exchange(v);
    }
}

void media__video_fetch(struct media_video *v)
{
    out_exchange_done(&v->exchange);
    http_request_done(&v->request);
    http_request_init(&v->request);
    v->request.method = HTTP_GET;
    v->request.max_answer_bytes = (size_t)largest(v);
    http_set_url(&v->request, "%s", v->key + 1);
    http_set_header(&v->request, "Accept", "video/mp4, video/quicktime");
    http_set_header(
        &v->request, "Accept-Encoding", "identity"); /* lengths and ranges are of the file */
    if (v->written > 0) {
        http_set_headerf(&v->request, "Range", "bytes=%" PRIu64 "-", v->written);
        http_set_header(&v->request, "If-Range", v->validator);
    }
    v->judged = false;
    v->running = true;
    v->exchange = (struct out_exchange){.request = &v->request,
                                        .allow_private = *v->key == '+',
                                        .follow = true,
                                        .timeout_ms = FETCH_TIMEOUT_MS,
                                        .piece = on_piece,
                                        .done = on_fetched};
    out_send(v->store->crier->out, &v->exchange);
}
