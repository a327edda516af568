/* What is prepared for members while there is nothing to do: a key pair and the secret it makes with the member's
 * key, each to be used for one message. Called by sqlite.c, and by the waves, which use it up.
 *
 * It stands in blocks of some hundred members, so that using it writes a few pages and not a row for each. A block
 * is changed by making another in its place; what the old one held is written over in the file.
 *
 * It is handed out in the transaction that writes down the batch it is for. A crash before the commit: the batch
 * has not left, and it is still there. After it: the batch may have left, and it is gone. So nothing is used
 * twice. With each stands a mark of the keys it was made for: a member who came with new keys meanwhile, also between
 * the asking (UNPREPARED) and the putting, gets nothing that was made for the old ones. */

#include "queue/sqlite_audience.h"

#include <string.h>

#include "base/mem.h"

#define BLOCK_ENTRIES ((size_t)512)
#define HEAD_BYTES ((size_t)16) /* of an entry: the member, and the mark of its keys */
/* Rows that one call of UNPREPARED looks at: other reads wait behind it. */
#define LOOKED_MAX 20000

/* ---- entries ---- */

static void put_u64(uint8_t *at, uint64_t v)
{
    for (int i = 0; i < 8; i++) {
        at[i] = (uint8_t)(v >> (8 * i));
    }
}

static uint64_t get_u64(const uint8_t *at)
{
    uint64_t v = 0;

    for (int i = 0; i < 8; i++) {
        v |= (uint64_t)at[i] << (8 * i);
    }
    return v;
}

/* Keys are random, so that any 64 bits made of all of them tell them apart. */
static uint64_t mark_of(const uint8_t *keys, size_t len)
{
    uint64_t mark = len;

    for (size_t at = 0; at < len; at += 8) {
        uint8_t word[8] = {0};

        memcpy(word, keys + at, len - at < 8 ? len - at : 8);
        mark = (mark ^ get_u64(word)) * UINT64_C(0x9E3779B97F4A7C15);
        mark ^= mark >> 29;
    }
    return mark;
}

/* ---- blocks, read ---- */

struct block {
    int64_t first, last;
    size_t count, each; /* each: without its head */
    int64_t holes, made_at_ms;
    uint8_t *bytes;
};
struct blocks {
    struct block *v;
    size_t count, cap;
};

static size_t size_of(const struct block *b)
{
    return b->count * (HEAD_BYTES + b->each);
}

static const uint8_t *entry(const struct block *b, size_t i)
{
    return b->bytes + i * (HEAD_BYTES + b->each);
}

static int64_t member_of_entry(const struct block *b, size_t i)
{
    return (int64_t)get_u64(entry(b, i));
}

/* Of a row: first, last, count, holes, each_bytes; bytes in the column of that number. One that is damaged holds
 * nothing. */
static struct block read_block(sqlite3_stmt *stmt, int bytes)
{
    int64_t count = sqlite3_column_int64(stmt, 2), each = sqlite3_column_int64(stmt, 4);
    const void *blob = sqlite3_column_blob(stmt, bytes);
    int64_t len = sqlite3_column_bytes(stmt, bytes);
    struct block b = {.first = sqlite3_column_int64(stmt, 0),
                      .last = sqlite3_column_int64(stmt, 1),
                      .holes = sqlite3_column_int64(stmt, 3)};

    if (blob && count > 0 && each >= 0 && count <= len && each <= len &&
        count * ((int64_t)HEAD_BYTES + each) == len) {
        b.count = (size_t)count;
        b.each = (size_t)each;
        b.bytes = mem_alloc((size_t)len);
        memcpy(b.bytes, blob, (size_t)len);
    }
    return b;
}

static void
find_blocks(struct sqlite *s, int64_t channel, int64_t after, int64_t upto, struct blocks *out)
{
    sqlite3_stmt *stmt = sqlite__query(
        &s->writer, SQL_PREPARED_GET, ARGS(ARG_I(channel), ARG_I(after), ARG_I(upto)));

    while (sqlite__row(&s->writer, stmt)) {
        if (out->count == out->cap) {
            out->cap = out->cap > 0 ? 2 * out->cap : 16;
            out->v = mem_realloc(out->v, out->cap, sizeof *out->v);
        }
        out->v[out->count] = read_block(stmt, 6);
        out->v[out->count++].made_at_ms = sqlite3_column_int64(stmt, 5);
    }
}

static void block_done(struct block *b)
{
    mem_free_secret(b->bytes, size_of(b));
}

static void blocks_done(struct blocks *b)
{
    for (size_t i = 0; i < b->count; i++) {
        block_done(&b->v[i]);
    }
    mem_free(b->v);
}

/* ---- blocks, written ---- */

static void drop_block(struct sqlite *s, int64_t channel, const struct block *b)
{
    sqlite__do(&s->writer, SQL_PREPARED_DROP, ARGS(ARG_I(channel), ARG_I(b->first)));
}

static void write_block(struct sqlite *s, int64_t channel, const struct block *b)
{
    if (b->count == 0) {
        return;
    }
    sqlite__do(&s->writer,
               SQL_PREPARED_NEW,
               ARGS(ARG_I(channel),
                    ARG_I(member_of_entry(b, 0)),
                    ARG_I(member_of_entry(b, b->count - 1)),
                    ARG_I(b->count),
                    ARG_I(b->holes),
                    ARG_I(b->each),
                    ARG_I(b->made_at_ms),
                    ARG_BLOB(b->bytes, size_of(b))));
}

static void count_prepared(struct sqlite *s, int64_t channel, int64_t by)
{
    if (by != 0) {
        sqlite__do(&s->writer, SQL_AUDIENCE_PREPARED, ARGS(ARG_I(channel), ARG_I(by)));
    }
}

/* ---- handed out ---- */

struct taking { /* two lists that are walked along with the blocks */
    struct ledger_wave_member *v;
    size_t count, at;
    const struct id_list *passed;
    size_t passed_at;
    int64_t after, upto; /* what was looked at */
    struct ledger_texts *texts;
};

/* The member of that number, if it is in the batch. */
static struct ledger_wave_member *in_batch(struct taking *t, int64_t id)
{
    while (t->at < t->count && (int64_t)t->v[t->at].id < id) {
        t->at++;
    }
    return t->at < t->count && (int64_t)t->v[t->at].id == id ? &t->v[t->at] : NULL;
}

/* Who was looked at and is neither in the batch nor passed over is not active: what they have is of no use. */
static bool keeps(struct taking *t, int64_t id)
{
    if (id <= t->after || id > t->upto) {
        return true;
    }
    while (t->passed_at < t->passed->count && t->passed->v[t->passed_at] < id) {
        t->passed_at++;
    }
    return t->passed_at < t->passed->count && t->passed->v[t->passed_at] == id;
}

static void hand(struct taking *t, struct ledger_wave_member *m, const uint8_t *at, size_t each)
{
    if (m->keys && get_u64(at + 8) == mark_of(m->keys, m->keys_len)) {
        m->prepared = ledger__texts_add(t->texts, at + HEAD_BYTES, each);
        m->prepared_len = each;
    }
}

/* What is left of it moves together. */
static void take_from(struct taking *t, struct block *b)
{
    size_t each = HEAD_BYTES + b->each, kept = 0;

    for (size_t i = 0; i < b->count; i++) {
        int64_t id = member_of_entry(b, i);
        struct ledger_wave_member *m = in_batch(t, id);

        if (m) {
            hand(t, m, entry(b, i), b->each);
            b->holes += kept > 0;
        } else if (keeps(t, id)) {
            memmove(b->bytes + kept++ * each, entry(b, i), each);
        }
    }
    mem_wipe(b->bytes + kept * each, (b->count - kept) * each);
    b->count = kept;
}

void sqlite__prepared_take(struct sqlite *s,
                           int64_t channel,
                           struct ledger_wave_member *v,
                           size_t count,
                           const struct id_list *passed,
                           int64_t after,
                           int64_t upto,
                           struct ledger_texts *texts)
{
    struct taking t = {
        .v = v, .count = count, .passed = passed, .after = after, .upto = upto, .texts = texts};
    struct blocks blocks = {.v = NULL};
    int64_t used = 0;
    bool was;

    find_blocks(s, channel, after, upto, &blocks);
    if (blocks.count == 0) {
        return;
    }
    was = sqlite__shred_begin(s);
    for (size_t i = 0; i < blocks.count; i++) {
        struct block *b = &blocks.v[i];
        size_t had = b->count;

        take_from(&t, b);
        used += (int64_t)(had - b->count);
        if (b->count < had || had == 0) {
            drop_block(s, channel, b);
            write_block(s, channel, b);
        }
    }
    sqlite__shred_end(s, was);
    count_prepared(s, channel, -used);
    blocks_done(&blocks);
}

void sqlite__prepared_erase(struct sqlite *s, int64_t channel, int64_t member)
{
    static const struct id_list nobody = {.v = NULL};
    struct ledger_wave_member m = {.id = (uint64_t)member};

    /* As if it were in a batch, of which nobody looks at what is handed out: it has no keys. */
    sqlite__prepared_take(s, channel, &m, 1, &nobody, member - 1, member, NULL);
}

/* ---- put ---- */

/* Entries of one size, in the order of members, becoming blocks as they come. */
struct writing {
    int64_t channel;
    struct block b; /* the one at hand */
    int64_t written;
};

static void finish_block(struct sqlite *s, struct writing *w)
{
    write_block(s, w->channel, &w->b);
    w->written += (int64_t)w->b.count;
    w->b.count = 0;
}

static void add_entry(
    struct sqlite *s, struct writing *w, uint64_t member, uint64_t mark, const uint8_t *bytes)
{
    uint8_t *at = w->b.bytes + size_of(&w->b);

    put_u64(at, member);
    put_u64(at + 8, mark);
    memcpy(at + HEAD_BYTES, bytes, w->b.each);
    if (++w->b.count == BLOCK_ENTRIES) {
        finish_block(s, w);
    }
}

static void
add_new(struct sqlite *s, struct writing *w, const struct ledger_prepared_put *r, size_t i)
{
    const struct ledger_unprepared_member *m = &r->members[i];

    add_entry(s, w, m->id, mark_of(m->keys, m->keys_len), r->bytes + i * r->each_bytes);
}

/* Both in order; of a member that has both the new one counts. */
static size_t merge(struct sqlite *s,
                    struct writing *w,
                    const struct ledger_prepared_put *r,
                    size_t at,
                    const struct block *b)
{
    for (size_t i = 0; i < b->count && b->each == r->each_bytes; i++) {
        uint64_t id = (uint64_t)member_of_entry(b, i);

        while (at < r->count && r->members[at].id < id) {
            add_new(s, w, r, at++);
        }
        if (at >= r->count || r->members[at].id > id) {
            add_entry(s, w, id, get_u64(entry(b, i) + 8), entry(b, i) + HEAD_BYTES);
        }
    }
    return at;
}

/* How many lacked something between the blocks' ends and do so still. */
static int64_t holes_left(const struct ledger_prepared_put *r, const struct blocks *blocks)
{
    int64_t holes = 0;
    size_t at = 0;

    for (size_t i = 0; i < blocks->count; i++) {
        const struct block *b = &blocks->v[i];

        holes += b->holes;
        while (at < r->count && (int64_t)r->members[at].id <= b->last) {
            holes -= (int64_t)r->members[at++].id >= b->first;
        }
    }
    return holes > 0 ? holes : 0;
}

static void put_among(struct sqlite *s,
                      const struct ledger_prepared_put *r,
                      int64_t channel,
                      const struct blocks *blocks)
{
    struct writing w = {.channel = channel,
                        .b = {.each = r->each_bytes, .made_at_ms = r->now_ms}};
    size_t room = BLOCK_ENTRIES * (HEAD_BYTES + r->each_bytes), at = 0;
    int64_t had = 0;

    for (size_t i = 0; i < blocks->count; i++) {
        drop_block(s, channel, &blocks->v[i]);
        had += (int64_t)blocks->v[i].count;
    }
    w.b.bytes = mem_alloc(room);
    w.b.holes = holes_left(r, blocks); /* wherever: each of them is looked through */
    for (size_t i = 0; i < blocks->count; i++) {
        at = merge(s, &w, r, at, &blocks->v[i]);
    }
    while (at < r->count) {
        add_new(s, &w, r, at++);
    }
    finish_block(s, &w);
    mem_free_secret(w.b.bytes, room);
    count_prepared(s, channel, w.written - had);
}

/* They come from the ledger itself, whose file may be damaged. */
static bool in_order(const struct ledger_prepared_put *r)
{
    for (size_t i = 1; i < r->count; i++) {
        if (r->members[i - 1].id >= r->members[i].id) {
            return false;
        }
    }
    return true;
}

enum err_code sqlite__prepared_put(struct sqlite *s, struct ledger_prepared_put *r)
{
    struct channel_row *ch = sqlite__channel(s, r->channel, true);
    struct blocks blocks = {.v = NULL};
    bool was;

    if (!ch || r->count == 0) {
        return ERR_NONE; /* an error sticks */
    }
    if (!in_order(r)) {
        return err_set(&r->req.why, ERR_INVALID, "prepared: members out of order");
    }
    sqlite__do(&s->writer, SQL_AUDIENCE_NEW, ARGS(ARG_I(ch->id)));
    find_blocks(s,
                ch->id,
                (int64_t)r->members[0].id - 1,
                (int64_t)r->members[r->count - 1].id,
                &blocks);
    was = sqlite__shred_begin(s);
    put_among(s, r, ch->id, &blocks);
    sqlite__shred_end(s, was);
    blocks_done(&blocks);
    return ERR_NONE;
}

/* ---- who has nothing ---- */

struct walk {
    struct sqlite_conn *c;
    struct ledger_unprepared *r;
    int64_t channel;
    int64_t pos; /* all up to here were looked at */
    int64_t looked;
};

static bool has_time(const struct walk *w)
{
    return w->r->count < w->r->limit && w->looked < LOOKED_MAX;
}

/* Whether the block, which may be NULL, has it; at: walks along. */
static bool has(const struct block *b, size_t *at, int64_t id, uint64_t mark)
{
    while (b && *at < b->count && member_of_entry(b, *at) < id) {
        (*at)++;
    }
    return b && *at < b->count && member_of_entry(b, *at) == id &&
           get_u64(entry(b, *at) + 8) == mark;
}

static void note_member(struct walk *w, sqlite3_stmt *stmt, const struct block *b, size_t *at)
{
    const void *keys = sqlite3_column_blob(stmt, 2);
    size_t len = (size_t)sqlite3_column_bytes(stmt, 2);
    struct ledger_unprepared_member *m = &w->r->v[w->r->count];

    if (sqlite3_column_int(stmt, 1) != MEMBER_ACTIVE || !keys || len == 0 ||
        len > MEMBER_KEYS_BYTES || has(b, at, w->pos, mark_of(keys, len))) {
        return;
    }
    m->id = (uint64_t)w->pos;
    m->keys_len = len;
    memcpy(m->keys, keys, len);
    w->r->count++;
}

/* Those behind pos and before `end`, as far as there is time for; b: as far as it does not have them. */
static void walk_members(struct walk *w, int64_t end, const struct block *b)
{
    int64_t room = LOOKED_MAX - w->looked;
    size_t at = 0;
    sqlite3_stmt *stmt;

    if (end <= w->pos + 1) {
        return;
    }
    stmt = sqlite__query(
        w->c, SQL_UNPREPARED, ARGS(ARG_I(w->channel), ARG_I(w->pos), ARG_I(end), ARG_I(room)));
    while (sqlite__row(w->c, stmt)) {
        w->pos = sqlite3_column_int64(stmt, 0);
        w->looked++;
        note_member(w, stmt, b, &at);
        if (!has_time(w)) {
            sqlite__end(stmt);
            return;
        }
    }
    w->pos = end - 1;
}

/* The gap before the next block and what that lacks. False: there is none behind pos. */
static bool walk_block(struct walk *w)
{
    sqlite3_stmt *stmt = sqlite__query(
        w->c, SQL_PREPARED_FIRST, ARGS(ARG_I(w->channel), ARG_I(w->pos), ARG_I(INT64_MAX)));
    struct block b;

    if (!sqlite__row(w->c, stmt)) {
        return false;
    }
    b = read_block(stmt, 5);
    sqlite__end(stmt);
    w->looked++;
    walk_members(w, b.first, NULL);
    if (has_time(w) && b.holes > 0) {
        walk_members(w, b.last + 1, &b);
    } else if (has_time(w)) {
        w->pos = b.last;
    }
    block_done(&b);
    return true;
}

enum err_code sqlite__unprepared(struct sqlite_conn *c, struct ledger_unprepared *r)
{
    struct walk w = {.c = c, .r = r, .pos = (int64_t)r->after};

    r->v = mem_calloc(r->limit, sizeof *r->v);
    r->count = 0;
    w.channel = sqlite__int(c, SQL_CHANNEL_ID, ARGS(ARG_S(r->channel)), 0);
    while (has_time(&w) && walk_block(&w)) {
    }
    if (has_time(&w)) {
        walk_members(&w, INT64_MAX, NULL);
    }
    r->more = !has_time(&w);
    r->upto = (uint64_t)w.pos;
    return ERR_NONE;
}
