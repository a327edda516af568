/* The loop's side of resizing: jobs wait for one of two places, a place is a child process. Called by
 * the store of pictures (media.c), on the loop; owns the children; a job lives in the object that waits
 * for it, and may be cancelled at any time.
 *
 *   resize_submit      into the line
 *   start_waiting      a place is free: a child, which gets the picture through a pipe
 *   on_read_*          the small picture, or what it has to say
 *   on_process_end     the place is free again
 *   end_job            both pipes have ended as well: done
 *
 * A child never outlives its time, and its memory ends with the last of its five handles. What it wrote
 * is believed only as far as its bytes are a JPEG within the bounds. */

#include "service/resize.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>

#include "base/fault.h"
#include "base/mem.h"
#include "service/media.h"

/* Each takes a core while it works, and up to a gigabyte: no more than a small machine has. */
#define PLACES 2
#define RESULT_BYTES ((size_t)20 * 1024 * 1024)
#define CHUNK_BYTES ((size_t)64 * 1024)
#define SAID_BYTES (2 * CHUNK_BYTES)
#define ARGUMENTS_MAX 12
#define ENVIRONMENT_MAX 9
#define THIS_PROGRAM                                                                           \
    "/proc/self/exe" /* also when another version has been installed meanwhile */

enum { IN, OUT, SAYS, PIPES };

struct resize_child {
    struct resizer *resizer;
    struct resize_job *job; /* NULL: nobody waits any more */
    uv_process_t process;
    uv_pipe_t pipes[PIPES];
    uv_timer_t timer;
    uv_write_t write;
    int open_handles;
    bool has_process, exited, out_ended, says_ended, closing;
    int64_t exit_code;
    int signal;
    const char *killed; /* why we ended it; NULL: we did not */
    struct buf said;
    char chunk[CHUNK_BYTES];
};

struct resizer {
    uv_loop_t *loop;
    uint64_t timeout_ms;
    struct list waiting;
    struct list failed; /* jobs that got no child: their done is to be called */
    size_t running;
    uv_timer_t tell_timer;
    size_t users; /* its timer, and each child: the last one that closes frees it */
    bool stopping;
};

static void start_waiting(struct resizer *r);

/* ---- handles ---- */

static void resizer_unref(struct resizer *r)
{
    if (--r->users == 0) {
        mem_free(r);
    }
}

static void on_closed(uv_handle_t *handle)
{
    struct resize_child *c = handle->data;

    if (--c->open_handles == 0) {
        resizer_unref(c->resizer);
        buf_done(&c->said);
        mem_free(c);
    }
}

static void close_one(uv_handle_t *handle)
{
    if (!uv_is_closing(handle)) {
        uv_close(handle, on_closed);
    }
}

static void close_all(struct resize_child *c)
{
    if (c->closing) {
        return;
    }
    c->closing = true;
    if (c->has_process) {
        close_one((uv_handle_t *)&c->process);
    }
    close_one((uv_handle_t *)&c->timer);
    for (int i = 0; i < PIPES; i++) {
        close_one((uv_handle_t *)&c->pipes[i]);
    }
}

static void kill_child(struct resize_child *c, const char *why)
{
    if (!c->killed && !c->exited) {
        c->killed = why;
        (void)uv_process_kill(&c->process, SIGKILL);
    }
}

/* ---- the end of a job ---- */

/* It goes into logs and answers, and a child that lost its way may say anything. */
static void keep_printable(char *text)
{
    for (; *text != '\0'; text++) {
        if (*text < ' ' || *text > '~') {
            *text = '?';
        }
    }
}

/* What the child ended with, among what its libraries had to say. NULL: nothing. */
static char *last_words(struct buf *said)
{
    static const char prefix[] = "crier resize: ";
    char *last = NULL, *at = said->len > 0 ? said->data : NULL;

    while (at && (at = strstr(at, prefix)) != NULL) {
        at += sizeof prefix - 1;
        last = at;
    }
    if (last) {
        last[strcspn(last, "\n")] = '\0';
    }
    return last;
}

static void judge_exit(struct resize_child *c)
{
    struct resize_job *job = c->job;
    const char *said = last_words(&c->said);

    if (c->killed) {
        (void)snprintf(job->error, sizeof job->error, "%s", c->killed);
    } else if (c->signal != 0) {
        (void)snprintf(
            job->error, sizeof job->error, "its process was ended by signal %d", c->signal);
    } else if (c->exit_code != 0 && said) {
        (void)snprintf(job->error, sizeof job->error, "%.150s", said);
        keep_printable(job->error);
    } else if (c->exit_code != 0) {
        (void)snprintf(job->error,
                       sizeof job->error,
                       "its process ended with %lld",
                       (long long)c->exit_code);
    }
}

/* Nothing a child says is taken on trust: it may be the picture that speaks. */
static void judge_picture(struct resize_job *job)
{
    struct media m = {.len = job->picture.len};

    m.type = media_sniff(job->picture.data, job->picture.len, &m.width, &m.height);
    if (!m.type || strcmp(m.type, "image/jpeg") != 0 || m.width <= 0 || m.height <= 0 ||
        !resize_fits(&m, &job->bounds)) {
        (void)snprintf(job->error, sizeof job->error, "what came back is no picture that fits");
    }
}

static void end_job(struct resize_child *c)
{
    struct resize_job *job = c->job;

    if (!c->exited || (job && (!c->out_ended || !c->says_ended))) {
        return;
    }
    close_all(c);
    if (!job) {
        return;
    }
    judge_exit(c);
    if (job->error[0] == '\0') {
        judge_picture(job);
    }
    c->job = NULL;
    job->child = NULL;
    job->done(job);
}

static void on_process_end(uv_process_t *process, int64_t code, int signal)
{
    struct resize_child *c = process->data;
    struct resizer *r = c->resizer;

    c->exited = true;
    c->exit_code = code;
    c->signal = signal;
    r->running--;
    end_job(c);
    start_waiting(r);
}

static void on_late(uv_timer_t *timer)
{
    kill_child(timer->data, "it took too long");
}

/* ---- pipes ---- */

static void on_chunk(uv_handle_t *handle, size_t wanted, uv_buf_t *out)
{
    struct resize_child *c = handle->data;

    (void)wanted;
    *out = uv_buf_init(c->chunk, sizeof c->chunk);
}

static void on_read_out(uv_stream_t *stream, ssize_t got, const uv_buf_t *chunk)
{
    struct resize_child *c = stream->data;

    if (got < 0) {
        (void)uv_read_stop(stream);
        c->out_ended = true;
        end_job(c);
        return;
    }
    if (c->job) {
        buf_add(&c->job->picture, chunk->base, (size_t)got);
        if (!buf_ok(&c->job->picture)) {
            kill_child(c, "what came back is larger than asked for");
        }
    }
}

/* Of a child that says more than fits the end is what counts. */
static void on_read_says(uv_stream_t *stream, ssize_t got, const uv_buf_t *chunk)
{
    struct resize_child *c = stream->data;

    if (got < 0) {
        (void)uv_read_stop(stream);
        c->says_ended = true;
        end_job(c);
        return;
    }
    if (c->said.len + (size_t)got > c->said.max) {
        buf_clear(&c->said);
    }
    buf_add(&c->said, chunk->base, (size_t)got);
}

/* Whole, or not wanted by the child, which then has said why. */
static void on_written(uv_write_t *write, int status)
{
    struct resize_child *c = write->data;

    (void)status;
    close_one((uv_handle_t *)&c->pipes[IN]);
}

/* ---- a child ---- */

static struct resize_child *child_new(struct resizer *r)
{
    struct resize_child *c = mem_zalloc(sizeof *c);

    c->resizer = r;
    r->users++;
    c->open_handles = 1 + PIPES;
    c->process.data = c;
    c->timer.data = c;
    c->write.data = c;
    buf_init(&c->said, SAID_BYTES);
    must(uv_timer_init(r->loop, &c->timer) == 0);
    for (int i = 0; i < PIPES; i++) {
        must(uv_pipe_init(r->loop, &c->pipes[i], 0) == 0);
        c->pipes[i].data = c;
    }
    return c;
}

/* Nothing of ours: the environment may hold tokens. What a loader or a sanitizer is told by it is not
 * secret, and the tests' fault points reach the child the same way. */
static void pass_environment(char **out)
{
    static const char *const names[] = {
        "LD_LIBRARY_PATH",
#if WITH_FAULTS
        "CRIER_FAULT",
        "ASAN_OPTIONS",
        "UBSAN_OPTIONS",
#endif
        NULL
    };
    size_t n = 0;

    for (size_t i = 0; names[i]; i++) {
        const char *value = getenv(names[i]);

        if (value) {
            out[n++] = mem_printf("%s=%s", names[i], value);
        }
    }
#ifdef __SANITIZE_THREAD__
    /* It does not see the locks of libvips, and of our threads the child has one. */
    out[n++] = mem_strdup("TSAN_OPTIONS=report_bugs=0");
#endif
    out[n] = NULL;
}

static void pass_arguments(char **out, const struct media_bounds *b)
{
    size_t n = 0;

    out[n++] = mem_strdup("crier");
    out[n++] = mem_strdup("resize");
    out[n++] = mem_printf("--max-bytes=%zu", b->max_bytes);
    out[n++] = mem_printf("--max-pixels=%lld", (long long)b->max_pixels);
    out[n++] = mem_printf("--max-edge=%lld", (long long)b->max_edge);
    out[n++] = mem_printf("--types=%u", b->types);
    out[n++] = mem_printf("--min-ratio=%lld", (long long)b->min_ratio_milli);
    out[n++] = mem_printf("--max-ratio=%lld", (long long)b->max_ratio_milli);
    out[n] = NULL;
}

static void free_texts(char **texts)
{
    for (size_t i = 0; texts[i]; i++) {
        mem_free(texts[i]);
    }
}

static int spawn(struct resize_child *c, const struct media_bounds *bounds)
{
    char *arguments[ARGUMENTS_MAX], *environment[ENVIRONMENT_MAX];
    char top[] = "/";
    uv_stdio_container_t stdio[PIPES];
    uv_process_options_t options = {.file = THIS_PROGRAM,
                                    .args = arguments,
                                    .env = environment,
                                    .cwd = top,
                                    .stdio_count = PIPES,
                                    .stdio = stdio,
                                    .exit_cb = on_process_end};
    int error;

    for (int i = 0; i < PIPES; i++) {
        stdio[i].flags =
            (uv_stdio_flags)(UV_CREATE_PIPE | (i == IN ? UV_READABLE_PIPE : UV_WRITABLE_PIPE));
        stdio[i].data.stream = (uv_stream_t *)&c->pipes[i];
    }
    pass_arguments(arguments, bounds);
    pass_environment(environment);
    /* A handle to be closed, also when it fails. */
    c->has_process = true;
    c->open_handles++;
    error = uv_spawn(c->resizer->loop, &c->process, &options);
    free_texts(arguments);
    free_texts(environment);
    return error;
}

static void feed(struct resize_child *c, struct resize_job *job, uint64_t now_ms)
{
    uv_buf_t all = {.len = job->len};

    /* libuv takes no const, and only reads. */
    memcpy(&all.base, &job->bytes, sizeof all.base);
    c->job = job;
    job->child = c;
    must(uv_timer_start(&c->timer, on_late, job->deadline_ms - now_ms, 0) == 0);
    must(uv_read_start((uv_stream_t *)&c->pipes[OUT], on_chunk, on_read_out) == 0);
    must(uv_read_start((uv_stream_t *)&c->pipes[SAYS], on_chunk, on_read_says) == 0);
    if (uv_write(&c->write, (uv_stream_t *)&c->pipes[IN], &all, 1, on_written) != 0) {
        kill_child(c, "its process does not read");
    }
}

/* ---- jobs ---- */

static void on_tell_timer(uv_timer_t *timer)
{
    struct resizer *r = timer->data;
    struct list_node *n;

    while ((n = list_pop(&r->failed)) != NULL) {
        struct resize_job *job = container_of(n, struct resize_job, node);

        job->done(job);
    }
}

static void fail_later(struct resizer *r, struct resize_job *job, const char *why)
{
    (void)snprintf(job->error, sizeof job->error, "%s", why);
    list_push(&r->failed, &job->node);
    must(uv_timer_start(&r->tell_timer, on_tell_timer, 0, 0) == 0);
}

static void start_job(struct resizer *r, struct resize_job *job)
{
    uint64_t now_ms = uv_now(r->loop);
    struct resize_child *c;
    int error;

    /* What is left of its time must be worth a process. */
    if (now_ms + r->timeout_ms / 10 >= job->deadline_ms) {
        fail_later(r, job, "too many others were being resized");
        return;
    }
    c = child_new(r);
    error = FAULT("resize.spawn") ? UV_EAGAIN : spawn(c, &job->bounds);
    if (error) {
        close_all(c);
        fail_later(r, job, uv_strerror(error));
        return;
    }
    r->running++;
    feed(c, job, now_ms);
}

static void start_waiting(struct resizer *r)
{
    struct list_node *n;

    while (!r->stopping && r->running < PLACES && (n = list_pop(&r->waiting)) != NULL) {
        start_job(r, container_of(n, struct resize_job, node));
    }
}

void resize_submit(struct resizer *r, struct resize_job *job)
{
    size_t most = job->bounds.max_bytes > 0 && job->bounds.max_bytes < RESULT_BYTES
                      ? job->bounds.max_bytes
                      : RESULT_BYTES;

    buf_init(&job->picture, most);
    job->error[0] = '\0';
    job->resizer = r;
    job->child = NULL;
    uv_update_time(r->loop);
    job->deadline_ms = uv_now(r->loop) + r->timeout_ms;
    list_push(&r->waiting, &job->node);
    start_waiting(r);
}

void resize_cancel(struct resize_job *job)
{
    struct resizer *r = job->resizer;

    if (job->child) {
        struct resize_child *c = job->child;

        /* The bytes that are still to be written are the job's. */
        close_one((uv_handle_t *)&c->pipes[IN]);
        kill_child(c, "cancelled");
        c->job = NULL;
        job->child = NULL;
        end_job(c);
    } else {
        list_remove(job->error[0] != '\0' ? &r->failed : &r->waiting, &job->node);
    }
}

struct resizer *resizer_new(struct uv_loop_s *loop, uint64_t timeout_ms)
{
    struct resizer *r = mem_zalloc(sizeof *r);

    r->loop = loop;
    r->timeout_ms = timeout_ms;
    list_init(&r->waiting);
    list_init(&r->failed);
    r->users = 1;
    must(uv_timer_init(loop, &r->tell_timer) == 0);
    r->tell_timer.data = r;
    return r;
}

static void on_timer_closed(uv_handle_t *handle)
{
    resizer_unref(handle->data);
}

void resizer_free(struct resizer *r)
{
    if (!r) {
        return;
    }
    must(list_empty(&r->waiting) && list_empty(&r->failed));
    r->stopping = true;
    uv_close((uv_handle_t *)&r->tell_timer, on_timer_closed);
}
