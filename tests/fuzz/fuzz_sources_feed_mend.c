/* Whatever claims to be a feed of XML. What comes out of mending it is well-formed to libxml2 at its
 * strictest, at most so much larger, the same however the text was cut, and mending it once more finds
 * nothing to mend. The first byte is the size of the pieces. */

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <libxml/parser.h>

#include "base/mem.h"
#include "base/text.h"
#include "sources/feed_mend.h"
#include "sources/xml.h"
#include "input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct feed_mend *mend(const char *text, size_t len, size_t piece, struct buf *out)
{
    struct feed_mend *m = feed_mend_new();

    for (size_t at = 0; at < len; at += piece) {
        feed_mend_push(m, text + at, len - at < piece ? len - at : piece, false, out);
    }
    feed_mend_push(m, "", 0, true, out);
    must(feed_mend_verdict(m) != MEND_SEEKING);
    return m;
}

static void check_well_formed(const struct buf *xml)
{
    xmlDocPtr doc = xmlReadMemory(xml->data, (int)xml->len, NULL, NULL, xml_parse_options());

    must(doc != NULL);
    xmlFreeDoc(doc);
}

/* But for what it put there itself: <?cut?> is dropped, as every instruction is. */
static void check_again(const struct buf *xml)
{
    struct buf again;

    buf_init(&again, SIZE_MAX / 2);
    struct feed_mend *m = mend(xml->data, xml->len, SIZE_MAX / 2, &again);
    for (size_t kind = 0; kind < MEND_KINDS; kind++) {
        must(feed_mend_count(m, (enum feed_mend_kind)kind) == 0);
    }
    must(feed_mend_ended(m));
    feed_mend_free(m);
    buf_done(&again);
}

static void check(const char *text, size_t len, size_t piece)
{
    struct buf once, pieces;

    buf_init(&once, SIZE_MAX / 2);
    buf_init(&pieces, SIZE_MAX / 2);
    struct feed_mend *a = mend(text, len, SIZE_MAX / 2, &once);
    struct feed_mend *b = mend(text, len, piece, &pieces);
    must(feed_mend_verdict(a) == feed_mend_verdict(b));
    must(once.len == pieces.len);
    must(once.len == 0 || memcmp(once.data, pieces.data, once.len) == 0);
    for (size_t kind = 0; kind < MEND_KINDS; kind++) {
        must(feed_mend_count(a, (enum feed_mend_kind)kind) ==
             feed_mend_count(b, (enum feed_mend_kind)kind));
    }
    must(once.len <= 6 * len + (size_t)128 * 70);
    if (feed_mend_verdict(a) == MEND_FEED) {
        check_well_formed(&once);
        check_again(&once);
    }
    feed_mend_free(a);
    feed_mend_free(b);
    buf_done(&once);
    buf_done(&pieces);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {.at = data, .left = size};
    size_t piece = (size_t)input_byte(&in) + 1;

    if (in.left > 0 && text_valid((const char *)in.at, in.left)) {
        check((const char *)in.at, in.left, piece);
    }
    must(mem_live_count() == 0);
    return 0;
}
