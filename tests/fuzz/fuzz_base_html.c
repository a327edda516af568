/* HTML as a CMS writes it, or an attacker. It becomes valid text of bounded size, folded as a reader
 * would see it; that text, escaped and read as HTML again, is itself. */

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_folded(const struct buf *plain)
{
    const char *text = buf_str(plain);

    must(text_valid(text, plain->len));
    must(strstr(text, "\n\n\n") == NULL && strstr(text, "  ") == NULL);
    must(strstr(text, " \n") == NULL && strstr(text, "\n ") == NULL);
    must(plain->len == 0 || (strchr(" \n", text[0]) == NULL && //
                             strchr(" \n", text[plain->len - 1]) == NULL));
    for (size_t i = 0; i < plain->len; i++) {
        must((unsigned char)text[i] >= ' ' || text[i] == '\n');
        must(text[i] != 0x7f);
    }
}

/* Line breaks are blanks in HTML. */
static void flatten(struct buf *b)
{
    char *text = b->data;
    size_t kept = 0;

    for (size_t i = 0; i < b->len; i++) {
        char c = text[i] == '\n' ? ' ' : text[i];

        if (c != ' ' || kept == 0 || text[kept - 1] != ' ') {
            text[kept++] = c;
        }
    }
    buf_truncate(b, kept);
}

static void check_again(struct buf *plain)
{
    struct buf escaped, again;

    buf_init(&escaped, SIZE_MAX / 2);
    buf_init(&again, SIZE_MAX / 2);
    text_escape_html(&escaped, plain->data, plain->len);
    must(strpbrk(buf_str(&escaped), "<>\"'") == NULL);
    text_from_html(&again, escaped.data, escaped.len);
    flatten(plain);
    must(again.len == plain->len && memcmp(again.data, plain->data, plain->len) == 0);
    buf_done(&escaped);
    buf_done(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf plain, small;

    if (size > 65536) {
        return 0;
    }
    buf_init(&plain, SIZE_MAX / 2);
    text_from_html(&plain, (const char *)data, size);
    must(plain.len <= 3 * size);
    check_folded(&plain);
    /* Under a ceiling it is the beginning of the same, or has failed. */
    buf_init(&small, size / 2);
    text_from_html(&small, (const char *)data, size);
    must(buf_ok(&small) == (plain.len <= size / 2));
    if (plain.len > 0) {
        check_again(&plain);
    }
    buf_done(&plain);
    buf_done(&small);
    must(mem_live_count() == 0);
    return 0;
}
