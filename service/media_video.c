/* A video of an article on its way to the disk. Called by media_wish.c; owns the fetch, which is one per
 * address however many wait, and goes on when nobody waits any more, since the next channel will ask.
 *
 *   media__video_get     there and asked for lately: told on the next turn. Else
 *   fetch                a GET; behind a break one of the rest, where its server can do that
 *   on_piece             the head is judged first: a version that is in the cache already ends the fetch;
 *                        then bytes are gathered, and at CHUNK_BYTES the exchange is paused and
 *   write_chunk          the pool writes them; then on_written resumes it
 *   on_fetched           it has ended: the last bytes are written, and after_exchange() says what next:
 *   look                 the pool reads what the file says of itself, and its hash
 *   end                  into the cache; everybody is told
 *
 * So no more of a video than CHUNK_BYTES (and what libcurl holds) is ever in memory, the socket waits for
 * the disk, and the loop for neither. A file that is found again after a restart is only looked into. When
 * its server does not answer, the last version we have serves as well: better than a post without. */

#include "service/media_video.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/fault.h"
#include "base/mem.h"
#include "base/parse.h"
#include "service/crier.h"
#include "service/media_mp4.h"
#include "service/media_work.h"

#define CHUNK_BYTES ((size_t)256 * 1024)
#define CHUNK_ROOM                                                                             \
    (CHUNK_BYTES + (size_t)1024 * 1024) /* a piece may be larger than libcurl says */
#define FRESH_MS (10 * MS_MINUTE)
#define FETCH_TIMEOUT_MS (30 * MS_MINUTE)
#define BREAKS_MAX 5 /* with no more than CHUNK_BYTES between them */
#define BREAK_MS 200 /* doubled with each */

struct video {
    struct media_store *store; /* NULL: the store is gone, only the exchange's end is awaited */
    struct list_node node;
    char *key; /* "+url" or "-url": may be at a private address or not */
    char beginning[MEDIA_ID_BYTES + 3]; /* of its names in the cache: "v-URL-" */
    struct list waiting;
    uv_timer_t timer;
    /* the exchange */
    struct http_request request;
    struct out_exchange exchange;
    bool running, judged, restarted;
    bool anew;       /* what was got does not go with what comes: all of it once more */
    char *validator; /* for If-Range; NULL: it cannot be resumed */
    char version[MEDIA_ID_BYTES]; /* of all that its server tells versions by; "": nothing */
    int64_t expected;             /* bytes in all; -1: not told */
    int breaks;
    /* the file */
    int fd;
    char part[MEDIA_NAME_BYTES];
    uint64_t written, reserved;
    struct buf chunk;
    struct media_work *work;
    atomic_bool stop;
    struct media_file *found; /* in the cache already, in use */
    /* what the pool found */
    struct media_mp4 is;
    char hash[MEDIA_ID_BYTES];
    struct err why;
    char error[MEDIA_TEXT_BYTES];
};

static void fetch(struct video *v);
static void after_exchange(struct video *v);

/* ---- the end ---- */

static void on_timer_closed(uv_handle_t *handle)
{
    struct video *v = handle->data;

    http_request_done(&v->request);
    out_exchange_done(&v->exchange);
    buf_done(&v->chunk);
    mem_free(v->validator);
    mem_free(v->key);
    mem_free(v);
}

static void close_part(struct video *v)
{
    struct media_cache *k = v->store->cache;

    if (v->fd >= 0) {
        (void)close(v->fd);
        v->fd = -1;
        media_cache_drop_part(k, v->part);
    }
    media_cache_release(k, v->reserved);
    v->reserved = 0;
}

static const char *
too_large(const struct media_bounds *b, int64_t len, char out[MEDIA_TEXT_BYTES])
{
    char is[PARSE_TEXT_BYTES], may[PARSE_TEXT_BYTES];

    (void)snprintf(out,
                   MEDIA_TEXT_BYTES,
                   "the video has %s, the channel takes %s",
                   format_size_about(len, is),
                   format_size_about((int64_t)b->max_bytes, may));
    return out;
}

/* Whether a video is what a channel takes; what is not known is let go. A video is never changed. */
static bool fits(const struct media_file *f, const struct media_bounds *b, char *why)
{
    char is[PARSE_TEXT_BYTES], may[PARSE_TEXT_BYTES];

    if (b->max_bytes > 0 && f->out.len > b->max_bytes) {
        (void)too_large(b, (int64_t)f->out.len, why);
    } else if (b->types != 0 && (b->types & media_type_bit(f->type)) == 0) {
        (void)snprintf(why,
                       MEDIA_TEXT_BYTES,
                       "the video is a %s, which the channel does not take",
                       media_type_title(f->type));
    } else if (b->max_duration_ms > 0 && f->duration_ms > b->max_duration_ms) {
        (void)snprintf(why,
                       MEDIA_TEXT_BYTES,
                       "the video lasts %s, the channel takes %s",
                       format_duration(f->duration_ms / 1000 * 1000, is),
                       format_duration(b->max_duration_ms, may));
    } else if (!resize_ratio_fits(f->width, f->height, b) ||
               !resize_fits(&(struct media){.width = f->width, .height = f->height},
                            &(struct media_bounds){.max_pixels = b->max_pixels,
                                                   .max_edge = b->max_edge})) {
        (void)snprintf(
            why,
            MEDIA_TEXT_BYTES,
            "the video has %lldx%lld pixels, a size or shape the channel does not take",
            (long long)f->width,
            (long long)f->height);
    } else {
        return true;
    }
    return false;
}

static void tell(struct media_video_wait *w, struct media_file *f, const char *error)
{
    struct err why = {0};

    w->list = NULL;
    w->file = NULL;
    w->error[0] = '\0';
    if (!f) {
        (void)snprintf(w->error, sizeof w->error, "%s", error);
    } else if (fits(f, &w->bounds, w->error)) {
        if (media_file_use(f, &why) == ERR_NONE) {
            w->file = f;
        } else {
            (void)snprintf(w->error, sizeof w->error, "%.200s", why.text);
        }
    }
    w->done(w);
}

/* Nothing runs any more. f NULL: v->error. Whoever is told may ask again, for a new one. */
static void end(struct video *v, struct media_file *f)
{
    struct media_store *s = v->store;
    struct list_node *n;
    struct err why = {0};
    bool held = f != NULL && media_file_use(f, &why) == ERR_NONE;

    list_remove(&s->videos, &v->node);
    close_part(v);
    if (f && !held) {
        (void)snprintf(v->error, sizeof v->error, "%.200s", why.text);
    }
    while ((n = list_pop(&v->waiting)) != NULL) {
        tell(container_of(n, struct media_video_wait, node), held ? f : NULL, v->error);
    }
    media_file_unuse(held ? f : NULL);
    media_file_unuse(v->found);
    uv_close((uv_handle_t *)&v->timer, on_timer_closed);
}

/* ---- what a file says of itself ---- */

struct source {
    int fd;
};

static bool read_at(void *context, uint64_t at, void *to, size_t len)
{
    const struct source *s = context;

    return pread(s->fd, to, len, (off_t)at) == (ssize_t)len;
}

static void hash_file(struct video *v, int fd, uint64_t len)
{
    struct crypto_sum *sum = crypto_sha256_begin();
    char *bytes = mem_alloc(CHUNK_BYTES);
    uint8_t digest[SHA256_BYTES];
    uint64_t at = 0;
    ssize_t n = 1;

    while (at < len && n > 0 && !atomic_load(&v->stop)) {
        n = pread(fd, bytes, CHUNK_BYTES, (off_t)at);
        if (n > 0) {
            crypto_sha256_add(sum, bytes, (size_t)n);
            at += (uint64_t)n;
        }
    }
    crypto_sha256_end(sum, digest);
    (void)crypto_hex(digest, (MEDIA_ID_BYTES - 1) / 2, v->hash);
    mem_free(bytes);
    if (at != len && !atomic_load(&v->stop)) {
        (void)err_set(&v->why, ERR_IO, "the media cache cannot be read");
    }
}

/* On the pool. */
static void on_look(void *context)
{
    struct video *v = context;
    struct source s = {v->found ? v->found->out.fd : v->fd};
    uint64_t len = v->found ? v->found->out.len : v->written;

    v->why = (struct err){0};
    if (media_mp4_read(&v->is, read_at, &s, len, &v->why) == ERR_NONE && !v->found) {
        hash_file(v, s.fd, len);
    }
}

static void keep_facts(struct video *v, struct media_file *f)
{
    f->looked = true;
    f->width = v->is.width;
    f->height = v->is.height;
    f->duration_ms = v->is.duration_ms;
}

static void name_file(const struct video *v, char out[MEDIA_NAME_BYTES])
{
    (void)snprintf(out,
                   MEDIA_NAME_BYTES,
                   "%s%s-%s.%s",
                   v->beginning,
                   v->version[0] != '\0' ? v->version : v->hash,
                   v->hash,
                   media_cache_ending(v->is.type));
}

static void on_looked(void *context)
{
    struct video *v = context;
    struct media_file *f = v->found;
    enum err_code rc = v->why.code;
    char name[MEDIA_NAME_BYTES];

    v->work = NULL;
    if (!f && !rc) {
        /* What was reserved is what was expected; what is there counts. */
        media_cache_release(v->store->cache, v->reserved - v->written);
        v->reserved = 0;
        name_file(v, name);
        (void)close(v->fd);
        v->fd = -1;
        rc = media_cache_add(v->store->cache, &f, v->part, name, v->written, &v->why);
    }
    if (rc) {
        (void)snprintf(v->error, sizeof v->error, "%.200s", v->why.text);
        f = NULL;
    } else {
        keep_facts(v, f);
    }
    end(v, f);
}

static void look(struct video *v)
{
    v->work = media_work_start(v->store->crier->loop, on_look, on_looked, v);
}

/* ---- writing ---- */

/* On the pool. */
static void on_write(void *context)
{
    struct video *v = context;
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
    struct video *v = context;

    v->work = NULL;
    if (v->why.code) {
        (void)snprintf(v->error, sizeof v->error, "%.200s", v->why.text);
    } else {
        v->written += v->chunk.len;
        v->breaks = v->chunk.len >= CHUNK_BYTES ? 0 : v->breaks;
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
static bool has_room(struct video *v)
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

static void write_chunk(struct video *v)
{
    v->work = media_work_start(v->store->crier->loop, on_write, on_written, v);
}

/* ---- the head of an answer ---- */

static const char *header(const struct video *v, const char *name)
{
    return http_header(&v->exchange.response.headers, name);
}

static uint64_t largest(const struct video *v)
{
    const struct media_settings *s = &v->store->crier->config->media;

    return (uint64_t)(s->max_file_bytes < s->max_bytes ? s->max_file_bytes : s->max_bytes);
}

static void say_too_large(struct video *v)
{
    char size[PARSE_TEXT_BYTES];

    (void)snprintf(v->error,
                   sizeof v->error,
                   "the video is larger than %s (media.max_file, media.max)",
                   format_size((int64_t)largest(v), size));
}

/* A strong tag, or a date: what RFC 9110 section 13.1.5 takes. */
static void read_versions(struct video *v)
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

static void read_length(struct video *v)
{
    const char *length = header(v, "Content-Length");
    const char *coding = header(v, "Content-Encoding");

    if (!length || !parse_i64(length, &v->expected) || v->expected < 0 ||
        (coding && strcmp(coding, "identity") != 0)) {
        v->expected = -1;
    }
}

/* Those for whom it is too large anyway need not wait for it. */
static void send_away(struct video *v)
{
    struct list_node *n = list_first(&v->waiting);
    bool all = n != NULL;

    while (n) {
        struct media_video_wait *w = container_of(n, struct media_video_wait, node);

        n = list_next(&v->waiting, n);
        if (w->bounds.max_bytes > 0 && v->expected > (int64_t)w->bounds.max_bytes) {
            (void)too_large(&w->bounds, v->expected, w->error);
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

static bool open_part(struct video *v)
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

static void begin_anew(struct video *v)
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
static bool goes_on_here(const struct video *v)
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

static void judge_head(struct video *v)
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
    struct video *v = timer->data;

    if (v->running) {
        out_cancel(&v->exchange);
    }
}

static void on_piece(struct out_exchange *x, const char *bytes, size_t len)
{
    struct video *v = container_of(x, struct video, exchange);

    if (!v->store) {
        return;
    }
    if (!v->judged) {
        judge_head(v);
    }
    if (v->error[0] == '\0' && !v->found && !v->anew) {
        buf_add(&v->chunk, bytes, len);
        if (v->chunk.len < CHUNK_BYTES) {
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
static void make_do(struct video *v)
{
    struct media_file *f = media_cache_newest(v->store->cache, v->beginning);
    struct err why = {0};

    if (f && media_file_use(f, &why) == ERR_NONE) {
        v->found = f;
        if (f->looked) {
            end(v, f);
        } else {
            look(v);
        }
        return;
    }
    end(v, NULL);
}

static void on_retry(uv_timer_t *timer)
{
    fetch(timer->data);
}

static void broken(struct video *v)
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

static void found_again(struct video *v)
{
    media_file_checked(v->found);
    v->error[0] = '\0';
    if (v->found->looked) {
        end(v, v->found);
    } else {
        look(v);
    }
}

static bool is_whole(const struct video *v)
{
    return v->exchange.outcome == TRANSPORT_ANSWERED && !v->exchange.response.truncated &&
           (v->expected < 0 || (uint64_t)v->expected == v->written);
}

/* Its server cannot say just now whether there is another. */
static bool answers(const struct video *v)
{
    const struct out_exchange *x = &v->exchange;

    return (x->outcome == TRANSPORT_ANSWERED || v->judged) && x->response.status < 500;
}

/* What is wrong stands in v->error. */
static void failed(struct video *v)
{
    if (answers(v)) {
        end(v, NULL);
    } else {
        make_do(v);
    }
}

/* An answer of which no byte came. */
static void judge_empty(struct video *v)
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
static void after_exchange(struct video *v)
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
        fetch(v);
    } else if (v->chunk.len > 0) {
        if (has_room(v)) {
            write_chunk(v); /* and here again */
        } else {
            end(v, NULL);
        }
    } else if (x->response.truncated) {
        say_too_large(v);
        end(v, NULL);
    } else if (x->outcome == TRANSPORT_ANSWERED && !v->judged) {
        judge_empty(v);
    } else if (is_whole(v)) {
        look(v);
    } else {
        broken(v);
    }
}

static void on_fetched(struct out_exchange *x)
{
    struct video *v = container_of(x, struct video, exchange);

    v->running = false;
    if (!v->store) {
        uv_close((uv_handle_t *)&v->timer, on_timer_closed);
        return;
    }
    if (!v->work) {
        after_exchange(v);
    }
}

static void fetch(struct video *v)
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

/* ---- asking ---- */

static struct video *find(struct media_store *s, const char *key)
{
    LIST_EACH(&s->videos, it)
    {
        struct video *v = container_of(it, struct video, node);

        if (strcmp(v->key, key) == 0) {
            return v;
        }
    }
    return NULL;
}

static struct video *video_new(struct media_store *s, const char *key, const char *beginning)
{
    struct video *v = mem_zalloc(sizeof *v);

    v->store = s;
    v->key = mem_strdup(key);
    v->fd = -1;
    v->expected = -1;
    (void)snprintf(v->beginning, sizeof v->beginning, "%s", beginning);
    list_init(&v->waiting);
    http_request_init(&v->request);
    buf_init(&v->chunk, CHUNK_ROOM);
    must(uv_timer_init(s->crier->loop, &v->timer) == 0);
    v->timer.data = v;
    list_push(&s->videos, &v->node);
    return v;
}

static void wait_in(struct media_video_wait *w, struct list *list)
{
    w->list = list;
    list_push(list, &w->node);
}

/* Later, with what w->error or w->file says. */
static void tell_at_once(struct media_store *s, struct media_video_wait *w)
{
    wait_in(w, &s->told_videos);
    media__tell_later(s);
}

static void ask(struct media_store *s, struct media_video_wait *w, const char *key)
{
    char id[MEDIA_ID_BYTES], beginning[MEDIA_ID_BYTES + 3];
    struct video *v = find(s, key);
    struct media_file *f;
    struct err why = {0};

    if (v) {
        wait_in(w, &v->waiting);
        return;
    }
    media_cache_id(s->cache, 'u', key, strlen(key), id);
    (void)snprintf(beginning, sizeof beginning, "v-%s-", id);
    f = media_cache_newest(s->cache, beginning);
    if (f && clock_wall_ms() - f->checked_at_ms > FRESH_MS) {
        f = NULL;
    }
    if (f && media_file_use(f, &why) != ERR_NONE) {
        f = NULL;
    }
    if (f && f->looked) {
        if (fits(f, &w->bounds, w->error)) {
            w->file = f;
        } else {
            media_file_unuse(f);
        }
        tell_at_once(s, w);
        return;
    }
    v = video_new(s, key, beginning);
    wait_in(w, &v->waiting);
    v->found = f;
    if (f) {
        look(v);
    } else {
        fetch(v);
    }
}

void media__video_get(struct media_store *s,
                      struct media_video_wait *w,
                      const char *url,
                      bool allow_private)
{
    struct err why = {0};
    char *key;

    w->file = NULL;
    w->error[0] = '\0';
    if (media_cache_open(s->cache, &why) != ERR_NONE) {
        (void)snprintf(w->error, sizeof w->error, "%.200s", why.text);
        tell_at_once(s, w);
        return;
    }
    key = mem_printf("%c%s", allow_private ? '+' : '-', url);
    ask(s, w, key);
    mem_free(key);
}

void media__videos_tell(struct media_store *s)
{
    struct list_node *n;

    while ((n = list_pop(&s->told_videos)) != NULL) {
        struct media_video_wait *w = container_of(n, struct media_video_wait, node);

        w->list = NULL;
        w->done(w);
    }
}

void media__video_wait_done(struct media_video_wait *w)
{
    if (w->list) {
        list_remove(w->list, &w->node);
        w->list = NULL;
    }
    media_file_unuse(w->file);
    w->file = NULL;
}

/* ---- going down ---- */

static void abandon(struct video *v)
{
    must(list_empty(&v->waiting));
    atomic_store(&v->stop, true);
    media_work_abandon(v->work);
    v->work = NULL;
    close_part(v);
    media_file_unuse(v->found);
    v->found = NULL;
    v->store = NULL;
    if (v->running) {
        out_cancel(&v->exchange); /* on_fetched frees it */
    } else {
        uv_close((uv_handle_t *)&v->timer, on_timer_closed);
    }
}

void media__videos_free(struct media_store *s)
{
    struct list_node *n;

    must(list_empty(&s->told_videos));
    while ((n = list_pop(&s->videos)) != NULL) {
        abandon(container_of(n, struct video, node));
    }
}
