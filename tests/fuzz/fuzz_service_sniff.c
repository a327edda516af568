/* Bytes that claim to be a picture. Where they are one its type is one of four and its size what its
 * format can say; more bytes behind them change neither. */

#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "service/media.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_size(const char *type, int64_t width, int64_t height)
{
    static const struct {
        const char *type;
        int64_t max;
    } rows[] = {{"image/jpeg", 0xffff},
                {"image/png", 0xffffffff},
                {"image/gif", 0xffff},
                {"image/webp", 0x1000000}};

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (strcmp(rows[i].type, type) == 0) {
            must(width >= 0 && width <= rows[i].max && height >= 0 && height <= rows[i].max);
            return;
        }
    }
    must(false);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int64_t width = -1, height = -1, more_width = -1, more_height = -1;
    const char *type = media_sniff(data, size, &width, &height);
    uint8_t *more;

    if (type == NULL) {
        must(width == -1 && height == -1);
        return 0;
    }
    check_size(type, width, height);
    more = mem_zalloc(size + 64);
    memcpy(more, data, size);
    must(strcmp(media_sniff(more, size + 64, &more_width, &more_height), type) == 0);
    must(width == 0 || (width == more_width && height == more_height));
    mem_free(more);
    must(mem_live_count() == 0);
    return 0;
}
