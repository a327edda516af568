/* The table of what a feed has said. Called by watch_take.c, and by watch_state.c to keep it; on one thread
 * at a time. An open hash table: keys are parts of SHA-256, so a feed could choose them only at great
 * cost, and it would slow nothing but itself. */

#include "service/watch_known.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/mem.h"

#define TITLES_MAX 500
#define TITLE_MS MS_DAY
#define VERSION 1
#define ROW_BYTES 20
#define TITLE_BYTES 16
#define HEAD_BYTES 13 /* version, turn, rows, titles */

struct row {
    uint64_t name, fingerprint; /* name 0: empty */
    uint32_t turn;              /* when it was last seen */
};
struct title {
    uint64_t title;
    int64_t at_ms;
};
struct watch_known {
    struct row *rows;
    size_t size, count; /* size: a power of two */
    uint32_t turn;
    struct title *titles; /* a ring, once it is full */
    size_t title_count, title_next;
};

struct watch_known *watch_known_new(void)
{
    struct watch_known *k = mem_zalloc(sizeof *k);

    k->size = 64;
    k->rows = mem_calloc(k->size, sizeof *k->rows);
    return k;
}

void watch_known_free(struct watch_known *k)
{
    if (k) {
        mem_free(k->rows);
        mem_free(k->titles);
        mem_free(k);
    }
}

size_t watch_known_count(const struct watch_known *k)
{
    return k->count;
}

uint64_t watch_known_hash(const char *text)
{
    uint8_t digest[SHA256_BYTES];
    uint64_t name;

    crypto_sha256(text, strlen(text), digest);
    name = crypto_first64(digest);
    return name ? name : 1;
}

/* ---- the table ---- */

/* Where it is, or where it would stand: there is always an empty row. */
static struct row *find(const struct watch_known *k, uint64_t name)
{
    size_t at = (size_t)(name * UINT64_C(0x9E3779B97F4A7C15) >> 20) & (k->size - 1);

    while (k->rows[at].name && k->rows[at].name != name) {
        at = (at + 1) & (k->size - 1);
    }
    return &k->rows[at];
}

static void rebuild(struct watch_known *k, size_t size, const struct row *rows, size_t count)
{
    struct row *fresh = mem_calloc(size, sizeof *fresh);

    mem_free(k->rows);
    k->rows = fresh;
    k->size = size;
    k->count = 0;
    for (size_t i = 0; i < count; i++) {
        if (rows[i].name) {
            *find(k, rows[i].name) = rows[i];
            k->count++;
        }
    }
}

static void grow(struct watch_known *k)
{
    size_t size = k->size;
    struct row *old = mem_calloc(size, sizeof *old);

    memcpy(old, k->rows, size * sizeof *old);
    rebuild(k, size * 2, old, size);
    mem_free(old);
}

enum watch_sight
watch_known_look(const struct watch_known *k, uint64_t key, uint64_t url, uint64_t fingerprint)
{
    const struct row *r = find(k, key);

    if (!r->name && url) {
        r = find(k, url);
    }
    if (!r->name) {
        return WATCH_NEW;
    }
    return r->fingerprint == fingerprint ? WATCH_UNCHANGED : WATCH_CHANGED;
}

static void put_one(struct watch_known *k, uint64_t name, uint64_t fingerprint)
{
    struct row *r;

    if (k->count * 4 >= k->size * 3) {
        grow(k);
    }
    r = find(k, name);
    k->count += r->name ? 0 : 1;
    *r = (struct row){.name = name, .fingerprint = fingerprint, .turn = k->turn};
}

void watch_known_put(struct watch_known *k, uint64_t key, uint64_t url, uint64_t fingerprint)
{
    put_one(k, key, fingerprint);
    if (url && url != key) {
        put_one(k, url, fingerprint);
    }
}

static int later_first(const void *a, const void *b)
{
    const struct row *x = a, *y = b;

    return x->turn < y->turn ? 1 : x->turn > y->turn ? -1 : 0;
}

/* All of them, those last seen first. Yours. */
static struct row *sorted(const struct watch_known *k, size_t *out_count)
{
    struct row *rows = mem_calloc(k->count + 1, sizeof *rows);
    size_t n = 0;

    for (size_t i = 0; i < k->size; i++) {
        if (k->rows[i].name) {
            rows[n++] = k->rows[i];
        }
    }
    qsort(rows, n, sizeof *rows, later_first);
    *out_count = n;
    return rows;
}

/* What the last reading showed stays, and as much again of what came before. */
static size_t wanted(const struct row *rows, size_t count, uint32_t turn)
{
    size_t seen = 0, keep;

    while (seen < count && rows[seen].turn == turn) {
        seen++;
    }
    keep = seen * 2 > WATCH_KNOWN_MIN ? seen * 2 : WATCH_KNOWN_MIN;
    return keep < WATCH_KNOWN_MAX ? keep : WATCH_KNOWN_MAX;
}

static void forget(struct watch_known *k, bool whole)
{
    size_t count, keep;
    struct row *rows = sorted(k, &count);

    keep = whole ? wanted(rows, count, k->turn) : WATCH_KNOWN_MAX;
    if (count > keep) {
        rebuild(k, k->size, rows, keep);
    }
    mem_free(rows);
}

void watch_known_turn(struct watch_known *k, bool whole)
{
    if (k->count > (whole ? WATCH_KNOWN_MIN : WATCH_KNOWN_MAX)) {
        forget(k, whole);
    }
    k->turn++;
}

/* ---- titles ---- */

void watch_known_title(struct watch_known *k, uint64_t title, int64_t at_ms)
{
    if (k->title_count < TITLES_MAX) {
        k->titles = mem_realloc(k->titles, ++k->title_count, sizeof *k->titles);
    }
    k->titles[k->title_next] = (struct title){.title = title, .at_ms = at_ms};
    k->title_next = (k->title_next + 1) % TITLES_MAX;
}

bool watch_known_has_title(const struct watch_known *k, uint64_t title, int64_t now_ms)
{
    for (size_t i = 0; i < k->title_count; i++) {
        if (k->titles[i].title == title && k->titles[i].at_ms > now_ms - TITLE_MS) {
            return true;
        }
    }
    return false;
}

/* ---- kept ---- */

static void put_number(struct buf *b, uint64_t v, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        buf_addc(b, (char)(uint8_t)(v >> (8 * i)));
    }
}

static uint64_t take_number(const char **at, size_t bytes)
{
    uint64_t v = 0;

    for (size_t i = 0; i < bytes; i++) {
        v |= (uint64_t)(uint8_t)(*at)[i] << (8 * i);
    }
    *at += bytes;
    return v;
}

static size_t fresh_titles(const struct watch_known *k, int64_t now_ms)
{
    size_t n = 0;

    for (size_t i = 0; i < k->title_count; i++) {
        n += k->titles[i].at_ms > now_ms - TITLE_MS ? 1 : 0;
    }
    return n;
}

void watch_known_write(const struct watch_known *k, int64_t now_ms, struct buf *out)
{
    size_t count, titles = fresh_titles(k, now_ms);
    struct row *rows = sorted(k, &count);
    struct buf packed;

    buf_init(&packed, HEAD_BYTES + count * ROW_BYTES + titles * TITLE_BYTES);
    put_number(&packed, VERSION, 1);
    put_number(&packed, k->turn, 4);
    put_number(&packed, count, 4);
    put_number(&packed, titles, 4);
    for (size_t i = 0; i < count; i++) {
        put_number(&packed, rows[i].name, 8);
        put_number(&packed, rows[i].fingerprint, 8);
        put_number(&packed, rows[i].turn, 4);
    }
    for (size_t i = 0; i < k->title_count; i++) {
        if (k->titles[i].at_ms > now_ms - TITLE_MS) {
            put_number(&packed, k->titles[i].title, 8);
            put_number(&packed, (uint64_t)k->titles[i].at_ms, 8);
        }
    }
    crypto_base64url(out, packed.data, packed.len);
    buf_done(&packed);
    mem_free(rows);
}

static bool read_packed(struct watch_known *k, const char *at, size_t len)
{
    uint64_t version, turn, rows, titles;

    if (len < HEAD_BYTES) {
        return false;
    }
    version = take_number(&at, 1);
    turn = take_number(&at, 4);
    rows = take_number(&at, 4);
    titles = take_number(&at, 4);
    if (version != VERSION || rows > 2 * WATCH_KNOWN_MAX || titles > TITLES_MAX ||
        len != HEAD_BYTES + rows * ROW_BYTES + titles * TITLE_BYTES) {
        return false;
    }
    for (uint64_t i = 0; i < rows; i++) {
        uint64_t name = take_number(&at, 8), fingerprint = take_number(&at, 8);

        k->turn = (uint32_t)take_number(&at, 4);
        put_one(k, name ? name : 1, fingerprint);
    }
    k->turn = (uint32_t)turn;
    for (uint64_t i = 0; i < titles; i++) {
        uint64_t title = take_number(&at, 8);

        watch_known_title(k, title, (int64_t)take_number(&at, 8));
    }
    return true;
}

bool watch_known_read(struct watch_known *k, const char *text, size_t len)
{
    struct buf packed;
    bool good;

    buf_init(&packed, len + 1);
    good = crypto_unbase64(&packed, text, len) && read_packed(k, buf_str(&packed), packed.len);
    buf_done(&packed);
    return good;
}
