/* JSON as outsiders write it: json_read() takes what Jansson's own parser takes, gives the same values,
 * and refuses the rest with a place. What was read is written member by member (json_put.h) as Jansson
 * writes it, byte for byte. */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/json_put.h"
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

/* The keys that json_put takes: those that need no escape. */
static bool is_plain_key(const char *key)
{
    for (; *key != '\0'; key++) {
        if ((unsigned char)*key < ' ' || *key == '"' || *key == '\\') {
            return false;
        }
    }
    return true;
}

static bool put(struct buf *out, const char *key, const json_t *v);

static bool put_members(struct buf *out, const char *key, const json_t *v)
{
    json_t *readable = json_pointer(v, ""), *item;
    const char *name;
    bool ok = true;
    size_t i;

    json_put_open(out, key, json_is_object(v) ? '{' : '[');
    json_object_foreach(readable, name, item)
    {
        ok = put(out, name, item) && ok;
    }
    json_array_foreach(v, i, item)
    {
        ok = put(out, NULL, item) && ok;
    }
    json_put_close(out, json_is_object(v) ? '}' : ']');
    return ok;
}

/* False: it holds what json_put does not write (reals, keys to be escaped). */
static bool put(struct buf *out, const char *key, const json_t *v)
{
    if (json_is_real(v) || (key != NULL && !is_plain_key(key))) {
        return false;
    }
    if (json_is_object(v) || json_is_array(v)) {
        return put_members(out, key, v);
    }
    if (json_is_string(v)) {
        json_put_text(out, key, json_string_value(v));
    } else if (json_is_integer(v)) {
        json_put_int(out, key, json_integer_value(v));
    } else if (json_is_null(v)) {
        json_put_raw(out, key, "null", 4);
    } else {
        json_put_bool(out, key, json_is_true(v));
    }
    return true;
}

static void check_put(const json_t *v)
{
    char *want = json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY);
    struct buf got;

    buf_init(&got, SIZE_MAX / 2);
    if (put(&got, NULL, v)) {
        must(want != NULL && strcmp(buf_str(&got), want) == 0);
    }
    buf_done(&got);
    free(want); /* Jansson's */
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
        check_put(ours);
    }
    json_decref(ours);
    json_decref(theirs);
    must(mem_live_count() == 0);
    return 0;
}
