/* Record keys of Bluesky posts. Called when a post's record is made. The key comes from the
 * delivery, not from a clock or from chance, so that every attempt of it writes the same place:
 * that is what makes a repeat harmless. */

#include "adapters/bluesky_internal.h"

#include <string.h>

#include "base/crypto.h"

#define TID_CHARS (BLUESKY_TID_BYTES - 1)
#define CLOCK_IDS 1024

void bluesky__tid_encode(uint64_t micros, unsigned clock_id, char out[BLUESKY_TID_BYTES])
{
    static const char digits[] = "234567abcdefghijklmnopqrstuvwxyz";
    uint64_t value;

    must(micros < UINT64_C(1) << 53 && clock_id < CLOCK_IDS);
    value = micros << 10 | clock_id;
    for (size_t i = TID_CHARS; i-- > 0; value >>= 5) {
        out[i] = digits[value & 31];
    }
    out[TID_CHARS] = '\0';
}

void bluesky__tid(int64_t created_at_ms, const char *key, char out[BLUESKY_TID_BYTES])
{
    uint8_t hash[SHA256_BYTES];
    uint32_t spread;

    must(created_at_ms >= 0);
    crypto_sha256(key, strlen(key), hash);
    spread =
        (uint32_t)hash[0] << 24 | (uint32_t)hash[1] << 16 | (uint32_t)hash[2] << 8 | hash[3];
    /* Two articles of one millisecond differ in the microseconds and the clock id. */
    bluesky__tid_encode(
        (uint64_t)created_at_ms * 1000 + spread % 1000, spread / 1000 % CLOCK_IDS, out);
}
