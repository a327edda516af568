/* The hash table: open addressing, linear probing, deletion by shifting back, so there are no
 * graves to clean. Hashes are SipHash-2-4 with a key drawn once per process, because outsiders
 * choose the keys. Owns its copies of the keys; values are borrowed. */

#include "base/map.h"

#include <pthread.h>
#include <string.h>
#include <sys/random.h>

#include "base/attr.h"
#include "base/mem.h"

#define INLINE_BYTES 16 /* most keys are ids: no allocation for those */
#define FIRST_SLOTS 16  /* a power of two, as every later size */

struct entry {
    void *value; /* NULL: free slot */
    uint64_t hash;
    size_t len;
    union {
        char in[INLINE_BYTES];
        char *out;
    } key;
};
struct map {
    struct entry *slots;
    size_t slot_count, count;
};

static uint64_t seed[2];
static pthread_once_t seed_once = PTHREAD_ONCE_INIT;

static void draw_seed(void)
{
    must(getrandom(seed, sizeof seed, 0) == (ssize_t)sizeof seed);
}

static uint64_t rotl(uint64_t x, int by)
{
    return (x << by) | (x >> (64 - by));
}

static void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[1] = rotl(v[1], 13) ^ v[0];
    v[0] = rotl(v[0], 32);
    v[2] += v[3];
    v[3] = rotl(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = rotl(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = rotl(v[1], 17) ^ v[2];
    v[2] = rotl(v[2], 32);
}

static void sip_word(uint64_t v[4], uint64_t word)
{
    v[3] ^= word;
    sip_round(v);
    sip_round(v);
    v[0] ^= word;
}

static uint64_t little_endian(const unsigned char *bytes, size_t len)
{
    uint64_t word = 0;

    for (size_t i = 0; i < len; i++) {
        word |= (uint64_t)bytes[i] << (8 * i);
    }
    return word;
}

static uint64_t hash_of(const void *key, size_t len)
{
    const unsigned char *bytes = key;
    size_t whole = len & ~(size_t)7;
    uint64_t v[4] = {seed[0] ^ UINT64_C(0x736f6d6570736575),
                     seed[1] ^ UINT64_C(0x646f72616e646f6d),
                     seed[0] ^ UINT64_C(0x6c7967656e657261),
                     seed[1] ^ UINT64_C(0x7465646279746573)};

    for (size_t i = 0; i < whole; i += 8) {
        sip_word(v, little_endian(bytes + i, 8));
    }
    sip_word(v, little_endian(bytes + whole, len - whole) | (uint64_t)len << 56);
    v[2] ^= 0xff;
    for (int i = 0; i < 4; i++) {
        sip_round(v);
    }
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

struct map *map_new(void)
{
    struct map *m = mem_zalloc(sizeof *m);

    pthread_once(&seed_once, draw_seed);
    m->slot_count = FIRST_SLOTS;
    m->slots = mem_calloc(FIRST_SLOTS, sizeof m->slots[0]);
    return m;
}

static void free_key(struct entry *e)
{
    if (e->len > INLINE_BYTES) {
        mem_free(e->key.out);
    }
}

void map_free(struct map *m)
{
    if (m == NULL) {
        return;
    }
    for (size_t i = 0; i < m->slot_count; i++) {
        if (m->slots[i].value != NULL) {
            free_key(&m->slots[i]);
        }
    }
    mem_free(m->slots);
    mem_free(m);
}

static const char *key_of(const struct entry *e)
{
    return e->len > INLINE_BYTES ? e->key.out : e->key.in;
}

/* The slot that holds the key, or the free one where it would go. */
static struct entry *find(const struct map *m, uint64_t hash, const void *key, size_t len)
{
    size_t mask = m->slot_count - 1;

    for (size_t i = (size_t)hash & mask;; i = (i + 1) & mask) {
        struct entry *e = &m->slots[i];

        if (e->value == NULL) {
            return e;
        }
        if (e->hash == hash && e->len == len &&
            (len == 0 || memcmp(key_of(e), key, len) == 0)) {
            return e;
        }
    }
}

void *map_get(const struct map *m, const void *key, size_t len)
{
    return find(m, hash_of(key, len), key, len)->value;
}

static void grow(struct map *m)
{
    struct entry *old = m->slots;
    size_t old_count = m->slot_count;

    m->slot_count *= 2;
    m->slots = mem_calloc(m->slot_count, sizeof m->slots[0]);
    for (size_t i = 0; i < old_count; i++) {
        if (old[i].value != NULL) {
            *find(m, old[i].hash, key_of(&old[i]), old[i].len) = old[i];
        }
    }
    mem_free(old);
}

static void set_key(struct entry *e, const void *key, size_t len)
{
    e->len = len;
    if (len > INLINE_BYTES) {
        e->key.out = mem_strndup(key, len);
    } else if (len > 0) {
        memcpy(e->key.in, key, len);
    }
}

void *map_put(struct map *m, const void *key, size_t len, void *value)
{
    must(value != NULL); /* NULL means "none" in every answer */
    uint64_t hash = hash_of(key, len);
    struct entry *e = find(m, hash, key, len);
    void *before = e->value;

    if (before == NULL) {
        if ((m->count + 1) * 4 > m->slot_count * 3) {
            grow(m);
            e = find(m, hash, key, len);
        }
        e->hash = hash;
        set_key(e, key, len);
        m->count++;
    }
    e->value = value;
    return before;
}

/* Moves later entries of the run into the gap, so that each is still found from its home
 * slot. */
static void close_gap(struct map *m, size_t gap)
{
    size_t mask = m->slot_count - 1;

    for (size_t i = (gap + 1) & mask; m->slots[i].value != NULL; i = (i + 1) & mask) {
        size_t home = (size_t)m->slots[i].hash & mask;

        if (((i - home) & mask) >= ((i - gap) & mask)) {
            m->slots[gap] = m->slots[i];
            m->slots[i].value = NULL;
            gap = i;
        }
    }
}

void *map_remove(struct map *m, const void *key, size_t len)
{
    struct entry *e = find(m, hash_of(key, len), key, len);
    void *before = e->value;

    if (before != NULL) {
        free_key(e);
        e->value = NULL;
        m->count--;
        close_gap(m, (size_t)(e - m->slots));
    }
    return before;
}

size_t map_count(const struct map *m)
{
    return m->count;
}

void *map_get_u64(const struct map *m, uint64_t key)
{
    return map_get(m, &key, sizeof key);
}

void *map_put_u64(struct map *m, uint64_t key, void *value)
{
    return map_put(m, &key, sizeof key, value);
}

void *map_remove_u64(struct map *m, uint64_t key)
{
    return map_remove(m, &key, sizeof key);
}

void *map_each(const struct map *m, size_t *cursor)
{
    while (*cursor < m->slot_count) {
        void *value = m->slots[(*cursor)++].value;

        if (value != NULL) {
            return value;
        }
    }
    return NULL;
}
