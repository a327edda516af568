/* JSON as outsiders write it: json_read() takes what Jansson's own parser takes, gives the same values,
 * and refuses the rest with a place. */

#include <stdint.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"

#define DEPTH 16

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static size_t depth_of(const json_t *v)
{
    json_t *readable = json_pointer(v, ""), *item;
    size_t deepest = 0, i;

    if (!json_is_object(v) && !json_is_array(v)) {
        return 0;
    }
    json_array_foreach(v, i, item)
    {
        deepest = depth_of(item) > deepest ? depth_of(item) : deepest;
    }
    for (void *it = json_object_iter(readable); it; it = json_object_iter_next(readable, it)) {
        size_t depth = depth_of(json_object_iter_value(it));

        deepest = depth > deepest ? depth : deepest;
    }
    return deepest + 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct err why = {0};
    json_t *ours = NULL, *theirs;
    json_error_t error;
    enum err_code rc;

    if (len > 4096 || memchr(data, '\0', len)) { /* Jansson takes a NUL for the end */
        return 0;
    }
    rc = json_read(&ours, (const char *)data, len, DEPTH, &why);
    theirs =
        json_loadb((const char *)data, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (rc) {
        must(ours == NULL &&
             (strncmp(why.text, "line ", 5) == 0 || strncmp(why.text, "nested ", 7) == 0));
        /* What only we refuse is nested deeper, or has numbers longer than any honest one. */
        must(!theirs || depth_of(theirs) > DEPTH || strstr(why.text, "too many digits"));
    } else {
        must(theirs != NULL && json_equal(ours, theirs));
    }
    json_decref(ours);
    json_decref(theirs);
    must(mem_live_count() == 0);
    return 0;
}
