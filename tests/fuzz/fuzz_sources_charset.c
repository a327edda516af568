/* Bytes of any character set, or of none. They become valid UTF-8 of at most three times their number, the
 * same whether they come at once or in pieces. The first line is the content type, the first byte behind
 * it the size of the pieces. */

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/attr.h"
#include "base/mem.h"
#include "base/text.h"
#include "sources/charset.h"
#include "input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct charset *
read_all(const char *content_type, const struct input *in, size_t piece, struct buf *out)
{
    struct charset *c = charset_new(content_type);

    for (size_t at = 0; at < in->left; at += piece) {
        charset_read(c, in->at + at, in->left - at < piece ? in->left - at : piece, false, out);
    }
    charset_read(c, NULL, 0, true, out);
    return c;
}

/* But for NUL, which text_valid() refuses. */
static void check_valid(const struct buf *text)
{
    for (size_t at = 0; at < text->len;) {
        size_t bytes = text_character(text->data + at, text->len - at);

        must(bytes > 0);
        at += bytes;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {.at = data, .left = size};
    char *content_type = input_line_dup(&in);
    size_t piece = (size_t)input_byte(&in) + 1;
    struct buf once, pieces;

    buf_init(&once, SIZE_MAX / 2);
    buf_init(&pieces, SIZE_MAX / 2);
    struct charset *a = read_all(content_type, &in, SIZE_MAX / 2, &once);
    struct charset *b = read_all(content_type, &in, piece, &pieces);

    must(once.len <= 3 * in.left);
    check_valid(&once);
    must(once.len == pieces.len);
    must(once.len == 0 || memcmp(once.data, pieces.data, once.len) == 0);
    must(strcmp(charset_name(a), charset_name(b)) == 0);
    must(charset_replaced(a) == charset_replaced(b));
    charset_free(a);
    charset_free(b);
    buf_done(&once);
    buf_done(&pieces);
    mem_free(content_type);
    must(mem_live_count() == 0);
    return 0;
}
