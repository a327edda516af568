/* Lanes, the loop's side: batches are handed to threads and come back from them. Called by the waves; owns the
 * threads and the TLS settings; leaves what a thread does to lane_thread.c and its neighbours.
 *
 * The course of a batch:
 *   lanes_submit              chooses the thread with the least in it, puts the batch into its inbox
 *   lane__work_begin          (thread) every member to the queue of its origin
 *   lane__pump                (thread) members leave, as their origin lets them
 *   lane__answered, …         (thread) a result for each
 *   lane__look_done           (thread) the last result is there: into lanes->done
 *   on_wake                   the batch's done, on the loop */

#include "service/lane_internal.h"

#include <openssl/err.h>

/* ---- coming back ---- */

static struct lane_work *next_done(struct lanes *l)
{
    struct list_node *n;

    uv_mutex_lock(&l->lock);
    n = list_pop(&l->done);
    uv_mutex_unlock(&l->lock);
    return n ? container_of(n, struct lane_work, node) : NULL;
}

static void deliver(struct lanes *l)
{
    struct lane_work *w;

    while ((w = next_done(l)) != NULL) {
        struct lane_batch *b = w->batch;

        list_remove(&l->busy, &b->node);
        b->own = NULL;
        mem_free(w->tries);
        mem_free(w->second);
        mem_free(w);
        if (list_empty(&l->busy) && !l->closing) {
            uv_unref((uv_handle_t *)&l->wake);
        }
        b->done(b);
    }
}

static void on_wake(uv_async_t *wake)
{
    deliver(container_of(wake, struct lanes, wake));
}

/* ---- going in ---- */

static struct lane *least_loaded(struct lanes *l)
{
    struct lane *best = &l->threads[0];

    for (size_t i = 1; i < l->thread_count; i++) {
        if (atomic_load(&l->threads[i].load) < atomic_load(&best->load)) {
            best = &l->threads[i];
        }
    }
    return best;
}

void lanes_submit(struct lanes *l, struct lane_batch *b)
{
    struct lane_work *w = lane__work_new(b);
    struct lane *t = least_loaded(l);

    b->own = w;
    if (list_empty(&l->busy) && !l->closing) {
        uv_ref((uv_handle_t *)&l->wake);
    }
    list_push(&l->busy, &b->node);
    w->lane = t;
    if (l->closing) {
        atomic_store(&w->cancel, 2);
    }
    (void)atomic_fetch_add(&t->load, b->count);
    uv_mutex_lock(&t->lock);
    list_push(&t->inbox, &w->node);
    uv_mutex_unlock(&t->lock);
    must(uv_async_send(&t->wake) == 0);
}

void lanes_cancel(struct lanes *l, struct lane_batch *b, bool hurried)
{
    struct lane_work *w = b->own;

    (void)l;
    if (!w) {
        return;
    }
    if (atomic_load(&w->cancel) < (hurried ? 2 : 1)) {
        atomic_store(&w->cancel, hurried ? 2 : 1);
    }
    must(uv_async_send(&w->lane->wake) == 0);
}

void lane_batch_done(struct lane_batch *b)
{
    for (size_t i = 0; b->results && i < b->count; i++) {
        mem_free(b->results[i].detail);
    }
    mem_free(b->results);
    b->results = NULL;
}

void lanes_stats(const struct lanes *l, struct lanes_stats *out)
{
    *out = (struct lanes_stats){0};
    if (l) {
        out->messages = atomic_load(&l->messages);
        out->bytes = atomic_load(&l->bytes);
        out->connections_opened = atomic_load(&l->opened);
        out->goaways = atomic_load(&l->goaways);
        out->streams_refused = atomic_load(&l->refused);
        out->connections = atomic_load(&l->connections);
        out->streams = atomic_load(&l->streams);
        out->waiting = atomic_load(&l->waiting);
    }
}

/* ---- life ---- */

static int default_threads(void)
{
    unsigned cores = uv_available_parallelism();

    return cores <= 2 ? 1 : cores - 1 > LANE_THREADS_MAX ? LANE_THREADS_MAX : (int)cores - 1;
}

/* The authorities of the system, or those of $SSL_CERT_FILE and $SSL_CERT_DIR. */
static SSL_CTX *tls_new(struct err *why)
{
    SSL_CTX *tls = SSL_CTX_new(TLS_client_method());
    static const unsigned char h2[] = "\x02h2";

    if (!tls || SSL_CTX_set_default_verify_paths(tls) != 1 ||
        SSL_CTX_set_min_proto_version(tls, TLS1_2_VERSION) != 1 ||
        SSL_CTX_set_alpn_protos(tls, h2, sizeof h2 - 1) != 0) {
        (void)err_set(why,
                      ERR_NETWORK,
                      "TLS cannot be set up: %s",
                      ERR_reason_error_string(ERR_get_error()));
        SSL_CTX_free(tls);
        return NULL;
    }
    SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, NULL);
    (void)SSL_CTX_set_mode(tls,
                           SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                               SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_read_ahead(tls, 1);
    SSL_CTX_set_default_read_buffer_len(tls, LANE_RECORD * 2);
    return tls;
}

enum err_code lanes_new(struct lanes **out, struct crier *c, int threads, struct err *why)
{
    SSL_CTX *tls = tls_new(why);
    struct lanes *l;

    if (!tls) {
        return ERR_NETWORK;
    }
    l = mem_zalloc(sizeof *l);
    l->crier = c;
    l->tls = tls;
    l->callbacks = lane__callbacks();
    must(nghttp2_option_new(&l->option) == 0);
    list_init(&l->done);
    list_init(&l->busy);
    l->shared = map_new();
    must(uv_mutex_init(&l->lock) == 0 && uv_cond_init(&l->some_done) == 0);
    must(uv_async_init(c->loop, &l->wake, on_wake) == 0);
    uv_unref(
        (uv_handle_t *)&l->wake); /* keeps the loop going only while a batch is under way */
    threads = threads > 0 ? threads : default_threads();
    l->thread_count = (size_t)(threads > LANE_THREADS_MAX ? LANE_THREADS_MAX : threads);
    l->threads = mem_calloc(l->thread_count, sizeof *l->threads);
    for (size_t i = 0; i < l->thread_count; i++) {
        lane__thread_begin(&l->threads[i], l);
    }
    *out = l;
    return ERR_NONE;
}

static void on_closed(uv_handle_t *handle)
{
    mem_free(container_of((uv_async_t *)(void *)handle, struct lanes, wake));
}

static void end_busy(struct lanes *l)
{
    l->closing = true;
    uv_ref((uv_handle_t *)&l->wake);
    LIST_EACH(&l->busy, n)
    {
        lanes_cancel(l, container_of(n, struct lane_batch, node), true);
    }
    while (!list_empty(&l->busy)) { /* a done may submit, which then ends at once */
        uv_mutex_lock(&l->lock);
        while (list_empty(&l->done)) {
            uv_cond_wait(&l->some_done, &l->lock);
        }
        uv_mutex_unlock(&l->lock);
        deliver(l);
    }
}

void lanes_free(struct lanes *l)
{
    if (!l) {
        return;
    }
    end_busy(l);
    for (size_t i = 0; i < l->thread_count; i++) {
        lane__thread_end(&l->threads[i]);
    }
    must(map_count(l->shared) == 0);
    map_free(l->shared);
    mem_free(l->threads);
    nghttp2_session_callbacks_del(l->callbacks);
    nghttp2_option_del(l->option);
    SSL_CTX_free(l->tls);
    uv_cond_destroy(&l->some_done);
    uv_mutex_destroy(&l->lock);
    uv_close((uv_handle_t *)&l->wake, on_closed);
}
