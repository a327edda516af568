/* A picture from anywhere, made to fit. libvips itself is fuzzed by its makers; here it is whether what it
 * makes of anything is what crier promises: a JPEG within the bounds, or an error with words. Runs without
 * the limits and the filter of the child, so that a sanitizer can speak. */

#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "service/media.h"
#include "service/resize.h"
#include "tests/fuzz/input.h"

#define PIXELS_MAX 1000000 /* of the input: more only takes longer */

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    struct err why = {0};

    (void)argc;
    (void)argv;
    must(resize_load(&why) == ERR_NONE);
    return 0;
}

static void check_result(const struct buf *out, const struct media_bounds *bounds)
{
    struct media m = {.bytes = out->data, .len = out->len};

    m.type = media_sniff(m.bytes, m.len, &m.width, &m.height);
    must(m.type != NULL && strcmp(m.type, "image/jpeg") == 0);
    must(m.width > 0 && m.height > 0 && resize_fits(&m, bounds));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {.at = data, .left = size};
    struct media_bounds bounds = {.max_bytes = (size_t)input_byte(&in) * 64,
                                  .max_pixels = (int64_t)input_byte(&in) * 1024,
                                  .max_edge = (int64_t)input_byte(&in) * 4};
    int64_t width = 0, height = 0;
    struct err why = {0};
    struct buf out;

    bounds.types = bounds.max_edge % 8 == 0 ? MEDIA_JPEG : 0;
    bounds.max_ratio_milli = bounds.max_edge % 16 == 4 ? 1910 : 0;
    bounds.min_ratio_milli = bounds.max_edge % 32 == 4 ? 800 : 0;
    if (media_sniff(in.at, in.left, &width, &height) != NULL && height > 0 &&
        width > PIXELS_MAX / height) {
        return 0;
    }
    buf_init(&out, (size_t)4 * 1024 * 1024);
    if (resize_picture(in.at, in.left, &bounds, &out, &why) == ERR_NONE) {
        check_result(&out, &bounds);
    } else {
        must(why.text[0] != '\0');
    }
    buf_done(&out);
    must(mem_live_count() == 0);
    return 0;
}
