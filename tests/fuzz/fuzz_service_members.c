/* Files of subscriptions from anywhere, in every format: what is handed on is one line of JSON, or of a line of its
 * own, and comes out the same however the file is cut into pieces. */

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "service/member_formats.h"

#define FOUND_BYTES ((size_t)16 * 1024 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool on_item(void *context, size_t line, const char *json, size_t len, const char *why)
{
    must(line >= 1);
    must((json != NULL) != (why != NULL));
    must(json == NULL || memchr(json, '\n', len) == NULL);
    buf_addf(context, "%zu ", line);
    buf_add(context, json ? json : why, json ? len : strlen(why));
    return true;
}

static void read_all(
    enum member_format format, const char *bytes, size_t len, size_t piece, struct buf *found)
{
    struct member_reading *m = member_reading_new(format, on_item, found);

    for (size_t at = 0; at < len; at += piece) {
        if (!member_reading_push(m, bytes + at, len - at < piece ? len - at : piece)) {
            break;
        }
    }
    (void)member_reading_end(m);
    member_reading_free(m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (int format = MEMBERS_NDJSON; format <= MEMBERS_FIREBASE; format++) {
        struct buf whole, pieces;

        buf_init(&whole, FOUND_BYTES);
        buf_init(&pieces, FOUND_BYTES);
        read_all((enum member_format)format, (const char *)data, size, size + 1, &whole);
        read_all((enum member_format)format, (const char *)data, size, 3, &pieces);
        must(whole.len == pieces.len &&
             memcmp(buf_str(&whole), buf_str(&pieces), whole.len) == 0);
        buf_done(&whole);
        buf_done(&pieces);
    }
    must(mem_live_count() == 0);
    return 0;
}
