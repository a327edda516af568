/* The ledger on a database file that somebody damaged: it may refuse, it never crashes. The input changes
 * bytes of a sample: rows of three bytes offset, one unused, one byte value. */

#include "tests/fuzz/ledger_sample.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void write_damaged(const uint8_t *data, size_t len)
{
    static uint8_t copy[SAMPLE_MAX];

    memcpy(copy, sample, sample_len);
    for (; len >= 5; data += 5, len -= 5) {
        uint32_t at = (uint32_t)data[0] | (uint32_t)data[1] << 8 | (uint32_t)data[2] << 16;

        copy[at % sample_len] = data[4];
    }
    write_file(copy, sample_len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    make_sample();
    write_damaged(data, len);
    try_file();
    must(mem_live_count() == 0);
    return 0;
}
