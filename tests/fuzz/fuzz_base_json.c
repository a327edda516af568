/* JSON from anywhere: read and written here it is what it is to Jansson, which knows. */

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"

#define DEPTH 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_written(const json_t *v, bool sorted)
{
    char *expected =
        json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY | (sorted ? (size_t)JSON_SORT_KEYS : 0));
    struct buf text;

    buf_init(&text, SIZE_MAX / 2);
    (sorted ? json_canonical : json_write)(&text, v);
    must(expected != NULL && strcmp(buf_str(&text), expected) == 0);
    buf_done(&text);
    free(expected); /* Jansson's */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    json_t *ours = NULL;
    json_t *theirs = json_loadb(text, size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);
    struct err why;

    if (json_read(&ours, text, size, DEPTH, &why) == ERR_NONE) {
        must(theirs != NULL && json_equal(ours, theirs));
        check_written(ours, false);
        check_written(ours, true);
    } else {
        must(theirs == NULL || strncmp(why.text, "nested deeper", 13) == 0);
    }
    json_decref(ours);
    json_decref(theirs);
    return 0;
}
