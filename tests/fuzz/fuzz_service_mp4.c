/* Bytes that claim to be a video. Whatever they are, nothing is read beyond their end, it comes to an end,
 * and what is read of a video is what its format can say. */

#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "service/media_mp4.h"

struct file {
    const uint8_t *data;
    size_t size, reads;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool read_at(void *context, uint64_t at, void *to, size_t len)
{
    struct file *f = context;

    must(at <= f->size && len <= f->size - at);
    must(++f->reads <= 400000);
    memcpy(to, f->data + at, len);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct file f = {.data = data, .size = size};
    struct media_mp4 m = {0};
    struct err why = {0};

    if (media_mp4_read(&m, read_at, &f, size, &why) != ERR_NONE) {
        must(why.text[0] != '\0' && m.type == NULL);
        return 0;
    }
    must(strcmp(m.type, "video/mp4") == 0 || strcmp(m.type, "video/quicktime") == 0);
    must(m.width > 0 && m.width <= 0xffff && m.height > 0 && m.height <= 0xffff);
    must(m.duration_ms >= 0);
    must(mem_live_count() == 0);
    return 0;
}
