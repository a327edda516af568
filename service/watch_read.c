/* Bytes of an answer become what a feed says. Called by watch_poll.c piece by piece and by websub.c at once;
 * owns the two buffers and the feed reader; the reading itself is done on the reading thread, in
 * pieces short enough that a hook's body in between does not wait long.
 *
 * What comes whole within FIRST_BYTES is compared with the last body before anything is parsed: servers
 * that answer 200 with the same bytes cost a digest. Larger ones are read as they come, and never
 * more than PENDING_BYTES wait in memory: then the connection is held back. */

#include "service/watch_internal.h"

#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/url.h"

#define FIRST_BYTES ((size_t)1024 * 1024)
#define PIECE_BYTES ((size_t)128 * 1024)
#define PENDING_BYTES (FIRST_BYTES + PIECE_BYTES)
#define URL_BYTES ((size_t)16 * 1024)

void watch__feed_call(struct feed_call *out, const struct watched_settings *s)
{
    int minutes = 0;

    *out = (struct feed_call){.month_first = s->date_order == WATCHED_MONTH_FIRST};
    if (s->date_zone && watched_zone(s->date_zone, &minutes)) {
        out->zone_minutes = minutes;
    }
    out->limits.max_bytes = (size_t)s->max_bytes;
}

void watch__reading_start(struct watch_reading *r)
{
    buf_init(&r->pending, PENDING_BYTES + FIRST_BYTES);
    buf_init(&r->working, PENDING_BYTES + FIRST_BYTES);
}

/* ---- on the thread ---- */

static uint64_t name_of_url(const char *url)
{
    struct buf identity;
    uint64_t name = 0;

    buf_init(&identity, URL_BYTES);
    if (url && url_identity(&identity, url)) {
        name = watch_known_hash(buf_str(&identity));
    }
    buf_done(&identity);
    return name;
}

/* Titles that differ in case and blanks only are the same. */
static uint64_t name_of_title(const char *title)
{
    struct buf folded;
    uint64_t name = 0;

    if (!title) {
        return 0;
    }
    buf_init(&folded, strlen(title) * 3 + 1);
    text_collapse(&folded, title, strlen(title));
    for (size_t i = 0; i < folded.len; i++) {
        char c = folded.data[i];

        folded.data[i] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    }
    name = folded.len > 0 ? watch_known_hash(buf_str(&folded)) : 0;
    buf_done(&folded);
    return name;
}

static void name_items(struct watch_reading *r)
{
    r->names = mem_calloc(r->feed.count + 1, sizeof *r->names);
    for (size_t i = 0; i < r->feed.count; i++) {
        const struct feed_item *item = &r->feed.items[i];

        r->names[i] = (struct watch_names){
            .key = watch_known_hash(item->key),
            .url = name_of_url(item->event.url),
            .title = name_of_title(json_path_str(item->event.article, "title")),
        };
    }
}

static void push(struct watch_reading *r)
{
    if (!r->reader) {
        r->reader = feed_reader_new(&r->call);
    }
    if (!r->over) {
        r->rc = feed_reader_push(r->reader, buf_str(&r->working), r->working.len, &r->why);
        r->over = r->rc != ERR_NONE;
    }
}

static void finish(struct watch_reading *r)
{
    r->rc = feed_reader_finish(r->reader, &r->feed, &r->why);
    if (!r->rc) {
        name_items(r);
    }
}

static bool is_same(struct watch_reading *r)
{
    r->has_hash = true;
    crypto_sha256(buf_str(&r->working), r->working.len, r->hash);
    return r->old_hash && memcmp(r->old_hash, r->hash, sizeof r->hash) == 0;
}

static void read_piece(struct reader_job *job)
{
    struct watch_reading *r = container_of(job, struct watch_reading, job);

    if (r->last && !r->streaming && is_same(r)) {
        r->same = true;
        return;
    }
    push(r);
    if (r->last) {
        finish(r);
    }
}

/* ---- on the loop ---- */

static void submit(struct watch_reading *r);

static void on_piece_read(struct reader_job *job)
{
    struct watch_reading *r = container_of(job, struct watch_reading, job);

    r->running = false;
    buf_clear(&r->working);
    if (r->last) {
        r->done(r);
    } else if (r->ended || r->pending.len >= PIECE_BYTES) {
        submit(r);
        if (r->more && !r->ended) {
            r->more(r);
        }
    } else if (r->more) {
        r->more(r);
    }
}

static void submit(struct watch_reading *r)
{
    struct buf swap = r->working;

    r->working = r->pending;
    r->pending = swap;
    r->running = true;
    r->last = r->ended;
    r->streaming = r->streaming || !r->ended;
    r->job.work = read_piece;
    r->job.done = on_piece_read;
    reader_submit(r->crier->reader, &r->job);
    /* Continues in on_piece_read(). */
}

bool watch__reading_push(struct watch_reading *r, const char *bytes, size_t len)
{
    size_t enough = r->streaming ? PIECE_BYTES : FIRST_BYTES;

    buf_add(&r->pending, bytes, len);
    if (r->pending.len >= enough && !r->running) {
        submit(r);
    }
    return r->pending.len < PENDING_BYTES;
}

void watch__reading_end(struct watch_reading *r)
{
    r->ended = true;
    if (!r->running) {
        submit(r);
    }
}

bool watch__reading_running(const struct watch_reading *r)
{
    return r->running;
}

bool watch__reading_over(const struct watch_reading *r)
{
    return !r->running && r->over; /* while a job runs, `over` is the thread's */
}

void watch__reading_done(struct watch_reading *r)
{
    must(!r->running);
    buf_done(&r->pending);
    buf_done(&r->working);
    feed_reader_free(r->reader);
    r->reader = NULL;
    feed_done(&r->feed);
    mem_free(r->names);
    r->names = NULL;
}
