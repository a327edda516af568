#ifndef CRIER_BASE_MAP_H
#define CRIER_BASE_MAP_H

/* A hash table from byte strings to pointers. Keys are copied; values are borrowed. The hash is
 * seeded per process (SipHash), since outsiders choose keys. u64 keys go in as their bytes. */

#include <stddef.h>
#include <stdint.h>

struct map;

struct map *map_new(void);
void map_free(struct map *m);
void *map_get(const struct map *m, const void *key, size_t len);
/* Returns what was there before (NULL if nothing). */
void *map_put(struct map *m, const void *key, size_t len, void *value);
void *map_remove(struct map *m, const void *key, size_t len);
size_t map_count(const struct map *m);
void *map_get_u64(const struct map *m, uint64_t key);
void *map_put_u64(struct map *m, uint64_t key, void *value);
void *map_remove_u64(struct map *m, uint64_t key);
/* Every entry once, in no order; start with *cursor = 0. NULL at the end. No changes
 * meanwhile. */
void *map_each(const struct map *m, size_t *cursor);

#endif
